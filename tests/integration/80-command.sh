#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mcpinit -- COMMAND: waits for the required servers, forwards signals, reaps, and exits with COMMAND's status.
. "$(dirname "$0")/lib.sh"
need_fake

config 'launch = process' 'command_grace = 1s' <<END
[server:needed]
command  = $FAKE --slow 700
required = yes

[server:other]
command = $FAKE
END

start_mcpinit -- "$BIN/mcpctl" -s "$CTL/control.sock" status needed
wait_mcpinit
like "COMMAND runs when the required server is up, with our stdout" "$(<"$WORK/stdout")" '^needed +RUNNING'
is "and its status is ours" "$STATUS" 0
nothing_left

start_mcpinit -- sh -c 'exit 7'
wait_mcpinit
is "exit 7" "$STATUS" 7
start_mcpinit -- sh -c 'kill -KILL $$'
wait_mcpinit
is "killed: 128 + signal" "$STATUS" 137
start_mcpinit -- "$WORK/not-there"
wait_mcpinit
is "not found: 127" "$STATUS" 127
start_mcpinit -- "$CONF"
wait_mcpinit
is "not executable: 126" "$STATUS" 126

start_mcpinit -- bash -c 'trap "echo usr1" USR1; trap "echo term; exit 5" TERM; echo up; while :; do sleep 0.1; done'
await grep -q up "$WORK/stdout"
kill -USR1 "$MCPINIT_PID"
await grep -q usr1 "$WORK/stdout"
succeeds "USR1 is forwarded" grep -q usr1 "$WORK/stdout"
stop_mcpinit
is "TERM is forwarded" "$(tail -n 1 "$WORK/stdout")" term
is "and COMMAND's status is ours" "$STATUS" 5

start_mcpinit -- bash -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
await grep -q up "$WORK/stdout"
start=$(now_ms)
stop_mcpinit
at_most "a COMMAND that ignores TERM gets command_grace (ms)" $(($(now_ms) - start)) 4000

start_mcpinit -- bash -c 'for i in {1..200}; do (sleep 0.3 &) ; done; sleep 1; echo all; exec sleep 60'
await grep -q all "$WORK/stdout"
zombies() {
	pgrep -P "$MCPINIT_PID" -r Z | wc -l
}
is "200 orphans are reaped" "$(zombies)" 0
stop_mcpinit

config 'launch = process' <<END
[server:needed]
command      = $FAKE --exit-at-start 1
required     = yes
startretries = 1
backoff      = 50ms
END
start_mcpinit -- sh -c 'echo ran'
wait_mcpinit
is "a required server that fails: exit status 10" "$STATUS" 10
is "and COMMAND is never run" "$(<"$WORK/stdout")" ""

if [ -e /etc/mcpinit/mcpinit.ini ]; then
	skip "without a configuration it is a plain init" "this machine has one"
else
	env -u MCPINIT_CONFIG "$BIN/mcpinit" -- sh -c 'exit 3' 2>"$LOG"
	is "without a configuration it is a plain init" $? 3
fi
