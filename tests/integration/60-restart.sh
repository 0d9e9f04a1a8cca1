#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A server is killed in the middle of a call, again and again: every call is answered once, on the same open files.
# timeout: 1200
. "$(dirname "$0")/lib.sh"
need_image fake everything

config <<END
[defaults]
network_mode = none
startsecs    = 100ms
backoff      = 50ms
backoff_max  = 200ms

[server:fake]
image = $FAKE_IMAGE

[server:everything]
image = mcpinit-test/everything:local
END
start_mcpinit
await ctl wait

n_changed=0
# next_answer: the next line that is an answer; the notifications in between are counted
next_answer() {
	while read -r -t "$TIMEOUT" answer <&"$out"; do
		[[ $answer == *'"id":'* ]] && return 0
		[[ $answer != *list_changed* ]] || n_changed=$((n_changed + 1))
	done
	answer=
	return 1
}

# kill_it SERVER TIMES LONG-CALL ECHO-ARGUMENTS: the calls without their ids
kill_it() {
	local server=$1 times=$2 i id start took died=0 again=0 fresh=0 slowest=0 n_changed=0 last
	exec {in}>"$RUN/default/$server/in" {out}<"$RUN/default/$server/out"
	printf '%s\n' "$(initialize_line)" >&"$in"
	next_answer
	printf '{"jsonrpc":"2.0","method":"notifications/initialized"}\n' >&"$in"
	for ((i = 1; i <= times; i++)); do
		id=$(container "$server")
		printf '%s\n' "$(request "$i" tools/call "$3")" >&"$in"
		docker kill -s KILL "$id" >/dev/null
		start=$(now_ms)
		next_answer
		took=$(($(now_ms) - start))
		((took <= slowest)) || slowest=$took
		[[ $(jq -c '[.id, .error.code, .error.data.server]' <<<"$answer") != "[$i,-32603,\"$server\"]" ]] || died=$((died + 1))
		last=$answer
		# Asked while it is down: parked, and answered by the next one.
		printf '%s\n' "$(tool_call "$((1000 + i))" echo "$4")" >&"$in"
		next_answer
		[[ $(jq -c '[.id, (.result.content[0].text | test("again"))]' <<<"$answer") != "[$((1000 + i)),true]" ]] || again=$((again + 1))
		[[ $(container "$server") == "$id" ]] || fresh=$((fresh + 1))
	done
	is "$server: each call in flight at $times kills is answered with -32603" "$died" "$times"
	is "$server: each call made while it was down is answered" "$again" "$times"
	is "$server: by a new container each time" "$fresh" "$times"
	is "$server: the error says what happened" \
		"$(jq -c '.error.data | [.reason != null, .exitCode, .retryable != null, .generation != null]' <<<"$last")" '[true,137,true,true]'
	at_most "$server: from death to error, the slowest, after docker kill returned (ms)" "$slowest" 500
	read -r -t 0.5 answer <&"$out"
	is "$server: nothing is answered twice" "$(grep -v list_changed <<<"$answer")" ""
	is "$server: the agent was told that its lists may have changed" "$((n_changed > 0))" 1
	like "$server: status counts the restarts" "$(ctl status "$server")" "restarts $times"
}

kill_it fake "${KILLS:-20}" '{"name":"sleep","arguments":{"ms":60000}}' '{"text":"again"}'
printf '%s\n' "$(tool_call 1 count)" >&"$in"
next_answer
is "fake: a new process has seen one initialize" "$(text_of <<<"$answer")" 1
exec {in}>&- {out}<&-

kill_it everything 3 '{"name":"trigger-long-running-operation","arguments":{"duration":60,"steps":2}}' '{"message":"again"}'
exec {in}>&- {out}<&-
