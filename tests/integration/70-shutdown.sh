#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SIGTERM: everything is stopped in parallel within its budget, nothing is left, and the exit status is 0.
. "$(dirname "$0")/lib.sh"
need_image fake everything filesystem memory

config 'shutdown_timeout = 8s' <<END
[defaults]
network_mode = none
[server:everything]
image = mcpinit-test/everything:local
[server:memory]
image = mcpinit-test/memory:local
[server:fake]
image = $FAKE_IMAGE
END
start_mcpinit
await ctl wait
start=$(now_ms)
stop_mcpinit
is "well-behaved servers: exit status 0" "$STATUS" 0
at_most "and it takes about as long as the engine (ms)" $(($(now_ms) - start)) 3000
nothing_left

config 'shutdown_timeout = 8s' <<END
[defaults]
network_mode      = none
stop_grace_period = 1s
image             = $FAKE_IMAGE
command           = --ignore-term --ignore-eof
[server:stubborn-1]
[server:stubborn-2]
[server:stubborn-3]
END
start_mcpinit
await ctl wait
exec {in}>"$RUN/default/stubborn-1/in" {out}<"$RUN/default/stubborn-1/out"
printf '%s\n' "$(tool_call 1 sleep '{"ms":60000}')" >&"$in"
start=$(now_ms)
stop_mcpinit
took=$(($(now_ms) - start))
is "three servers that ignore everything: exit status 0" "$STATUS" 0
at_most "one grace before and one after the signal for all, not for each (ms)" "$took" 4500
read -r -t 1 answer <&"$out"
is "the call in flight is told" "$(jq -c '[.id, .error.code]' <<<"$answer")" "[1,-32603]"
read -r -t 1 answer <&"$out"
is "then the agent reads the end" "$?" 1
exec {in}>&- {out}<&-
nothing_left

# SIGKILL cannot be survived: the next life sweeps.
start_mcpinit
await ctl wait
kill -KILL "$MCPINIT_PID"
wait_mcpinit
is "after SIGKILL the containers are still there" "$(containers_left | wc -l)" 3
old=$(containers_left | sort | tr '\n' ' ')
start_mcpinit
await ctl wait
no_old() {
	[ -z "$(containers_left | sort | comm -12 - <(tr ' ' '\n' <<<"$old"))" ]
}
await no_old
succeeds "and the next boot has removed them" no_old
is "without touching its own" "$(containers_left | wc -l)" 3

"$BIN/mcpinit" -c "$CONF" >"$WORK/second" 2>&1 </dev/null
is "a second mcpinit on the same runtime_dir exits with 73" $? 73
kill -TERM "$MCPINIT_PID"
start=$(now_ms)
kill -TERM "$MCPINIT_PID"
wait_mcpinit
is "a second SIGTERM: at once, exit status 0" "$STATUS" 0
at_most "without graces (ms)" $(($(now_ms) - start)) 1500
