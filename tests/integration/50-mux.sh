#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Eight agents share one real server, with the same ids at the same time: every answer reaches who asked.
. "$(dirname "$0")/lib.sh"
need_image everything
n_agents=8
n_calls=60

{
	printf '[defaults]\nnetwork_mode = none\n[server:everything]\nimage = mcpinit-test/everything:local\n'
	for ((a = 1; a <= n_agents; a++)); do
		printf '[agent:a%d]\n' "$a"
	done
} | config
start_mcpinit
await is_state everything RUNNING
is "one container for all of them" "$(container everything | wc -l)" 1

# agent N: an initialize with id 0, then its calls, ten in flight; the answers go to a file.
agent() {
	local dir=$RUN/a$1/everything in out i line
	exec {in}>"$dir/in" {out}<"$dir/out"
	printf '%s\n' "$(initialize_line)" '{"jsonrpc":"2.0","method":"notifications/initialized"}' >&"$in"
	for ((i = 1; i <= n_calls + 10; i++)); do
		((i > n_calls)) || printf '%s\n' "$(tool_call "$i" echo "{\"message\":\"agent $1 call $i\"}")" >&"$in"
		((i <= 10)) || { read -r -t "$TIMEOUT" line <&"$out" && printf '%s\n' "$line"; }
	done
	while read -r -t 1 line <&"$out"; do
		printf '%s\n' "$line"
	done
}
agents=()
for ((a = 1; a <= n_agents; a++)); do
	agent "$a" >"$WORK/answers.$a" &
	agents+=($!)
done
wait "${agents[@]}"
for ((a = 1; a <= n_agents; a++)); do
	is "agent $a has its $n_calls answers, each once, none of another's" "$(
		jq -rs --arg a "$a" '[.[] | select(.id != null and .id != 0)
			| select(.result.content[0].text == "Echo: agent \($a) call \(.id)") | .id] | unique | length' "$WORK/answers.$a"
	) of $(jq -c 'select(.id != null and .id != 0)' "$WORK/answers.$a" | wc -l)" "$n_calls of $n_calls"
	is "agent $a has one answer to its initialize" \
		"$(jq -r 'select(.id == 0) | .result.serverInfo.name' "$WORK/answers.$a")" mcp-servers/everything
done

exec {in}>"$RUN/a1/everything/in" {out}<"$RUN/a1/everything/out"
printf '%s\n' "$(initialize_line)" >&"$in"
read -r -t "$TIMEOUT" _ <&"$out"
printf '%s\n' '{"jsonrpc":"2.0","id":"p","method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":1,"steps":2},"_meta":{"progressToken":"mine"}}}' >&"$in"
progress=0
while read -r -t "$TIMEOUT" line <&"$out"; do
	[[ $line != *'"progressToken":"mine"'* ]] || progress=$((progress + 1))
	[[ $line != *'"id":"p"'* ]] || break
done
is "progress comes with the token that was sent" "$progress" 2
