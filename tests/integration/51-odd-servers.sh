#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Servers that misbehave: an agent gets an answer to each request, JSON-RPC and nothing else, whatever they write.
. "$(dirname "$0")/lib.sh"
need_fake

config 'launch = process' <<END
[defaults]
backoff              = 50ms
healthcheck_interval = 300ms
healthcheck_timeout  = 300ms
healthcheck_retries  = 2

[server:garbage]
command = $FAKE --garbage

[server:half]
command = $FAKE --half-line

[server:flood]
command = $FAKE --flood 20000

[server:no-ping]
command = $FAKE --no-ping

[server:crash]
command = $FAKE --crash-after 3
END
start_mcpinit
await ctl wait

is "lines that are not JSON are not passed on" "$(rpc garbage "$(tool_call 1 echo '{"text":"clean"}')" | text_of)" clean
await_log 'garbage .*not (valid )?JSON'
unlike "but logged, without their text" "$(<"$LOG")" 'this is not JSON'

is "half an answer and then its end: an error with the id" "$(rpc half "$(tool_call 2 pid)" | jq -c '[.id, .error.code]')" "[2,-32603]"
await is_state half RUNNING
is "and the next server begins clean" "$(rpc half "$(request 3 tools/list)" | jq '.result.tools | length')" 9

is "a flood of notifications does not reach who did not initialize" "$(rpc flood "$(tool_call 4 echo '{"text":"dry"}')" | text_of)" dry
exec {in}>"$RUN/default/flood/in" {out}<"$RUN/default/flood/out"
printf '%s\n' "$(initialize_line)" >&"$in"
read -r -t "$TIMEOUT" _ <&"$out"
for i in {1..10}; do
	printf '%s\n' "$(tool_call "$i" echo '{"text":"wet"}')" >&"$in"
done
is "another server is as quick as ever meanwhile" "$(rpc garbage "$(tool_call 5 echo '{"text":"quick"}')" | text_of)" quick
n=0
while ((n < 10)) && read -r -t "$TIMEOUT" line <&"$out"; do
	[[ $line != *'"text":"wet"'* ]] || n=$((n + 1))
done
is "who did initialize gets every answer in a flood" "$n" 10
exec {in}>&- {out}<&-

pids=$(for i in {1..30}; do # for as long as many probes take
	rpc no-ping "$(tool_call "$i" pid)" | text_of
	sleep 0.1
done | sort -u | wc -l)
is "a server that answers all but ping is not restarted" "$pids" 1

answers=$(for i in 1 2 3 4; do rpc crash "$(tool_call "$i" echo '{"text":"x"}')"; done)
is "a crash in a call: that call fails, those before and after are answered" \
	"$(jq -c '[.id, .error.code, .error.data.signal]' <<<"$answers" | tr '\n' ' ')" \
	'[1,null,null] [2,null,null] [3,-32603,9] [4,null,null] '
