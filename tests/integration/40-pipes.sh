#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The pipes: a request by printf, the answer by read, again and again, whoever opens and closes what and when.
. "$(dirname "$0")/lib.sh"
need_fake

config 'launch = process' <<END
[server:fake]
command = $FAKE

[server:down]
command   = $FAKE
autostart = false

[agent:planner]
servers = fake
END
start_mcpinit
dir=$RUN/default/fake
await test -p "$dir/out"
is "the pipes of a stopped server are there too" "$(find "$RUN/default/down" -type p | wc -l)" 2
is "an agent has the pipes of its servers only" "$(ls "$RUN/planner")" $'agent.sock\nfake'
is "directories cannot be changed by others" "$(stat -c %a "$RUN/planner")" 750
is "an agent's pipes are its own" "$(stat -c %a "$RUN/planner/fake/in" "$RUN/planner/fake/out" | sort -u)" 600

for i in 1 2 3 4 5; do
	is "printf > in; read < out, time $i" "$(rpc fake "$(tool_call "$i" echo '{"text":"hello"}')" | jq -c '[.id, .result.content[0].text]')" \
		"[$i,\"hello\"]"
done

printf '%s\n' "$(tool_call '"a b"' echo '{"text":"1"}')" >"$dir/in"
printf '%s\n' "$(tool_call 12345678901234567890 echo '{"text":"2"}')" >"$dir/in"
sleep 0.3 # nobody reads: the answers wait
exec {out}<"$dir/out"
read -r -t "$TIMEOUT" one <&"$out"
read -r -t "$TIMEOUT" two <&"$out"
exec {out}<&-
like "answers wait for a reader, with the id as it was sent" "$one$two" '"id":"a b".*"id":12345678901234567890'

exec {in}>"$dir/in" {out}<"$dir/out"
printf '%s\n' "$(initialize_line)" >&"$in"
read -r -t "$TIMEOUT" answer <&"$out"
is "initialize is answered with the version that was asked for" "$(jq -r .result.protocolVersion <<<"$answer")" 2025-06-18
printf '%s\n' "$(tool_call 1 count)" >&"$in"
read -r -t "$TIMEOUT" answer <&"$out"
is "and the server has seen one initialize, ours" "$(text_of <<<"$answer")" 1
printf 'not json\n' >&"$in"
read -r -t "$TIMEOUT" answer <&"$out"
is "what is not JSON is answered at once" "$(jq -c '[.error.code, .id]' <<<"$answer")" "[-32700,null]"
printf '[%s]\n' "$(request 5 ping)" >&"$in"
read -r -t "$TIMEOUT" answer <&"$out"
is "so is a batch" "$(jq -c .error.code <<<"$answer")" -32600
printf '{"jsonrpc":"2.0","id":null,"method":"ping"}\n' >&"$in"
read -r -t "$TIMEOUT" answer <&"$out"
is "so is a null id" "$(jq -c .error.code <<<"$answer")" -32600
exec {in}>&-
exec {in}>"$dir/in"
printf '%s\n' "$(tool_call 2 echo '{"text":"again"}')" >&"$in"
read -r -t "$TIMEOUT" answer <&"$out"
is "in may be closed and opened again while out stays open" "$(text_of <<<"$answer")" again

printf '{"jsonrpc":"2.0","id":7,"meth' >&"$in"
exec {in}>&-
read -r -t "$TIMEOUT" answer <&"$out"
is "half a line whose writer is gone is answered -32700" "$(jq -c .error.code <<<"$answer")" -32700
exec {out}<&-

text=$(head -c 3000000 /dev/zero | tr '\0' x)
exec {out}<"$dir/out"
printf '%s\n' "$(tool_call 9 echo "{\"text\":\"$text\"}")" >"$dir/in" &
answer=$(timeout "$TIMEOUT" head -n 1 <&"$out")
is "a line of 3 MB comes back whole" "$(text_of <<<"$answer" | wc -c)" 3000001
exec {out}<&-

is "a stopped server answers at once, with the reason" "$(rpc down "$(tool_call 3 pid)" | jq -c '[.id, .error.code]')" "[3,-32603]"

# Garbage and a reader that never reads, from one agent: the other feels nothing.
exec {in}>"$RUN/planner/fake/in" {out}<"$RUN/planner/fake/out"
for i in {1..40}; do
	printf '%s\n' "$(tool_call "$i" big '{"bytes":100000}')"
done >&"$in"
start=$(now_ms)
is "another agent's unread answers" "$(rpc fake "$(tool_call 1 echo '{"text":"x"}')" | text_of)" x
at_most "do not delay ours" $(($(now_ms) - start)) 1000
n=$(timeout "$TIMEOUT" head -n 40 <&"$out" | jq -c .id | sort -un | wc -l)
is "and all of them are there when it reads" "$n" 40
exec {in}>&- {out}<&-

before=$(awk '{print $14 + $15}' "/proc/$MCPINIT_PID/stat")
sleep 1 # time is what is tested: nothing may spin
at_most "with all ends closed it does not spin (ticks of 10 ms)" $(($(awk '{print $14 + $15}' "/proc/$MCPINIT_PID/stat") - before)) 2
