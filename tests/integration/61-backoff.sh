#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A server that cannot stay up: the delay grows, autorestart and startretries are kept, agents are answered meanwhile.
. "$(dirname "$0")/lib.sh"
need_fake

config 'launch = process' <<END
[defaults]
backoff     = 100ms
backoff_max = 400ms

[server:loop]
command      = $FAKE --exit-at-start 3 --stderr "cannot find my key"
park_timeout = 1s

[server:gives-up]
command      = $FAKE --exit-at-start 3
startretries = 2

[server:expected]
command     = $FAKE --exit-after 1 --exit-code 0
autorestart = unexpected
startsecs   = 0s

[server:healthy]
command                 = $FAKE --mute
healthcheck_interval    = 300ms
healthcheck_timeout     = 300ms
healthcheck_retries     = 2
startsecs               = 100ms

[server:good]
command = $FAKE
END
start_mcpinit
await is_state good RUNNING
is "a bad neighbour does not hold up a good server" "$(state good)" RUNNING
await_log 'loop .*exit(ed)?.* 3' 3
like "the log says what, why and when next" "$(grep ' loop ' "$LOG" | grep -E 'status 3|code 3' | head -n 1)" 'restart|again|attempt'
is "a parked call fails after park_timeout, and may be tried again" \
	"$(rpc loop "$(tool_call 1 pid)" | jq -c '[.error.code, .error.data.server, .error.data.retryable]')" '[-32603,"loop",true]'
await is_state gives-up FATAL
like "the reason is to be read in its log" "$(ctl logs loop)" 'cannot find my key'
is "after startretries it is FATAL" "$(state gives-up)" FATAL
await is_state expected RUNNING
rpc expected "$(tool_call 1 pid)" >"$WORK/answer"
await is_state expected EXITED
is "an expected exit is not restarted" "$(state expected)" EXITED
is "the call in flight is told" "$(jq -c '[.error.code, .error.data.exitCode]' "$WORK/answer")" "[-32603,0]"
await_log 'healthy .*(unhealthy|ping|probe|hung)'
await_log 'healthy +ready in' 2
ok "a server that answers no probe is restarted"
