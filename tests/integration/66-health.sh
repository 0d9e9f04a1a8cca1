#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Health: what is hung is found in time and restarted (stopped, only shown), what is busy, deaf for ping or slow to start is
# not; a command and a URL as checks; and what `mcpctl healthy` makes of it.
. "$(dirname "$0")/lib.sh"
need_fake
mkdir "$WORK/www"
has_http=
if command -v python3 >/dev/null; then
	port=$((20000 + RANDOM % 20000))
	python3 -m http.server "$port" --bind 127.0.0.1 --directory "$WORK/www" >/dev/null 2>&1 &
	http_pid=$!
	has_http=1
fi
at_end() {
	pkill -CONT -f "^$FAKE"
	if [ -n "$has_http" ]; then
		kill "$http_pid"
		wait "$http_pid"
	fi 2>/dev/null
}

config 'launch = process' < <(
	cat <<-END
		[defaults]
		backoff              = 100ms
		startsecs            = 100ms
		stop_grace_period    = 100ms
		healthcheck_interval = 500ms
		healthcheck_timeout  = 300ms
		healthcheck_retries  = 2
		busy_timeout         = 3s
		[server:idle]
		command = $FAKE
		[server:busy]
		command = $FAKE
		[server:blocks]
		command             = $FAKE
		healthcheck_retries = 1
		[server:deaf]
		command             = $FAKE --no-ping
		healthcheck_retries = 1
		[server:no-calls]
		command         = $FAKE --no-calls
		request_timeout = 1s
		[server:slow]
		command = $FAKE --slow 2000
		[server:ends]
		command     = $FAKE --exit-at-start 0
		backoff_max = 1s
		[server:stop]
		command      = $FAKE
		on_unhealthy = stop
		busy_timeout = 1s
		[server:ignore]
		command      = $FAKE
		on_unhealthy = ignore
		required     = yes
		[server:exec]
		command      = $FAKE
		healthcheck  = exec $FAKE --needs $WORK/well
		on_unhealthy = ignore
	END
	[ -z "$has_http" ] || cat <<-END
		[server:http]
		command      = $FAKE
		healthcheck  = http http://127.0.0.1:$port/well
		on_unhealthy = ignore
	END
)
touch "$WORK/well" "$WORK/www/well"
[ -z "$has_http" ] || await bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" || has_http=
start_mcpinit
await ctl wait idle busy blocks deaf no-calls stop ignore exec

field() { # field SERVER KEY
	ctl --json status "$1" | jq -r ".servers[0].$2"
}
is_health() { # is_health SERVER WORD
	[ "$(field "$1" health)" = "$2" ]
}
is_generation() {
	[ "$(field "$1" generation)" = "$2" ]
}
halt() { # halt SERVER SIGNAL: to its process, by its number in the namespace
	local pid own
	own=$(field "$1" id)
	for pid in $(pgrep -f "^$FAKE"); do
		[ "$(awk '/^NSpid/ {print $NF}' "/proc/$pid/status")" != "$own" ] || kill -s "$2" "$pid"
	done
}

# --- hung ----------------------------------------------------------------------------------------

start=$(now_ms)
halt idle STOP
await_log 'idle +unhealthy: no answer to 2 .*restarting it'
took=$(($(now_ms) - start))
at_most "an idle server that stands still is found within retries x interval + timeout, 1.3 s (ms)" "$took" 5000
await is_generation idle 2
await is_state idle RUNNING
is "and is restarted" "$(rpc idle "$(tool_call 1 echo '{"text":"again"}')" | text_of)" again

exec {in}>"$RUN/default/busy/in" {out}<"$RUN/default/busy/out"
printf '%s\n' "$(tool_call 1 sleep '{"ms":60000}')" >&"$in"
sleep 0.2 # it is on its way
start=$(now_ms)
halt busy STOP
while sleep 0.2; do # an agent that goes on talking does not keep it alive
	printf '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}\n' >&"$in" || break
done &
talker=$!
IFS= read -r -t "$TIMEOUT" line <&"$out"
took=$(($(now_ms) - start))
kill "$talker"
like "with a call in flight the agent is told what became of it" "$(jq -c '[.id, .error.code, .error.data.reason]' <<<"$line")" \
	'^\[1,-32603,"unhealthy: not a byte in [0-9.]+ s with a call in flight"\]$'
is "after busy_timeout, 3 s, and not earlier" "$((took >= 2500))" 1
at_most "nor much later (ms)" "$took" 8000
exec {in}>&- {out}<&-
await is_generation busy 2

# --- not hung ------------------------------------------------------------------------------------

is "a call of 2.5 s in which nothing else is answered" "$(rpc blocks "$(tool_call 1 block '{"ms":2500}')" | text_of)" blocked
is "is no reason to restart it" "$(field blocks generation)" 1
is "nor is an idle server that never answers ping" "$(field deaf generation) $(field deaf health)" "1 healthy"
await is_state slow RUNNING
is "nor one that takes its time to start" "$(field slow generation) $(grep -c ' slow .*unhealthy' "$LOG")" "1 0"

# --- it answers pings and no calls -----------------------------------------------------------------

for i in 1 2; do
	is "a call that is not answered in request_timeout ($i)" "$(rpc no-calls "$(tool_call "$i" pid)" | jq -r .error.data.reason)" request_timeout
done
await_log 'no-calls +unhealthy: no answer to 2 calls in a row in request_timeout; restarting it'
await is_generation no-calls 2
ok "two in a row: it is restarted, though it answers pings"

# --- on_unhealthy --------------------------------------------------------------------------------

exec {in}>"$RUN/default/stop/in" {out}<"$RUN/default/stop/out"
halt stop STOP
printf '%s\n' "$(tool_call 7 pid)" >&"$in"
IFS= read -r -t "$TIMEOUT" line <&"$out"
like "stop: its agents are answered" "$(jq -c '[.id, .error.code, .error.data.reason]' <<<"$line")" '^\[7,-32603,"unhealthy: '
exec {in}>&- {out}<&-
await is_state stop STOPPED
like "it is stopped, with the reason" "$(ctl status stop)" 'STOPPED +unhealthy: '
like "which calls get at once" "$(rpc stop "$(tool_call 8 pid)" | jq -r .error.data.reason)" 'STOPPED: unhealthy: '

succeeds "mcpctl healthy while the required server is well" ctl healthy
halt ignore STOP
await is_health ignore unhealthy
like "ignore: it runs on, and status says what is wrong" "$(ctl status ignore)" 'RUNNING +unhealthy, .*; unhealthy: no answer to 2 '
ctl healthy >"$WORK/healthy"
is "mcpctl healthy fails: the server is required" "$?" 1
like "and says why" "$(<"$WORK/healthy")" 'ignore: RUNNING, unhealthy: no answer'
sleep 1 # some more probes
is "it is logged once" "$(grep -c ' ignore .*unhealthy' "$LOG")" 1
halt ignore CONT
await is_health ignore healthy
is "it answers again: well, and not restarted" "$(field ignore generation)" 1
succeeds "mcpctl healthy is content again" ctl healthy

# --- one that ends with 0, again and again -----------------------------------------------------------

await_log 'ends +exited with status 0 .*restart in' 3
like "a server that ends with 0 over and over is shown" "$(ctl healthy)" 'ends: (BACKOFF|STARTING)'
ctl healthy --strict >/dev/null
is "mcpctl healthy --strict fails for it" "$?" 3

# --- degraded ------------------------------------------------------------------------------------

for i in 1 2 3; do
	rpc blocks "$(tool_call "$i" exit '{"code":1}')" >/dev/null
	await is_generation blocks $((i + 1))
done
await is_health blocks degraded
like "a server that was restarted three times is shown as degraded" "$(ctl status blocks)" 'RUNNING +degraded, .*; degraded: restarted 3 times'
out=$(ctl healthy)
is "mcpctl healthy: 0 all the same" "$?" 0
like "with the reason" "$out" 'blocks: RUNNING, degraded: restarted 3 times'

# --- checks --------------------------------------------------------------------------------------

await is_health exec healthy
rm "$WORK/well"
await is_health exec unhealthy
like "exec: the command's code and last words" "$(ctl status exec)" \
	"unhealthy: 2 health commands failed in .*, the last: exited with status 1: $WORK/well is missing"
touch "$WORK/well"
await is_health exec healthy
ok "and its recovery"
if [ -n "$has_http" ]; then
	await is_health http healthy
	rm "$WORK/www/well"
	await is_health http unhealthy
	like "http: the status" "$(ctl status http)" 'unhealthy: 2 health requests failed in .*, the last: HTTP status 404'
	touch "$WORK/www/well"
	await is_health http healthy
	ok "and its recovery"
	kill "$http_pid"
	await is_health http unhealthy
	ok "nobody listens: unhealthy"
else
	skip "http" "python3 serves nothing here"
fi
is "all this time an idle server that never answers ping was left alone" "$(field deaf generation)" 1
