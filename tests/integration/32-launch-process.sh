#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Launched as a plain child: its own session, a small environment, no container and no engine needed.
. "$(dirname "$0")/lib.sh"
need_fake
export NOT_FOR_SERVERS=x PASSED=through
export DOCKER_HOST=unix://$WORK/no-engine.sock

config 'launch = process' <<END
[server:fake]
command     = $FAKE "--two words" plain
environment = OWN=1, PASSED
working_dir = $WORK

[server:inheriting]
command             = $FAKE
inherit_environment = yes

[server:gone]
command = $WORK/not-there
END
start_mcpinit
await is_state fake RUNNING
like "it is ready" "$(grep ' ready in ' "$LOG" | grep ' fake ')" 'ready in [0-9]+ ms via process, 9 tools'

inside() {
	rpc "${3:-fake}" "$(tool_call 1 "$1" "$2")" | text_of
}
is "words are split as a shell splits them" "$(inside args '{}')" "[--two words] [plain]"
is "environment: its own" "$(inside env '{"name":"OWN"}')" 1
is "environment: passed through" "$(inside env '{"name":"PASSED"}')" through
is "environment: PATH is there" "$(inside env '{"name":"PATH"}')" "$PATH"
is "environment: ours is not" "$(inside env '{"name":"NOT_FOR_SERVERS"}')" "not set"
await is_state inheriting RUNNING
is "inherit_environment: all of ours" "$(inside env '{"name":"NOT_FOR_SERVERS"}' inheriting)" x

pid=$(pgrep -P "$MCPINIT_PID" -f -- '--two words')
is "it is the leader of a session of its own" "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid"
is "it has no descriptor but 0, 1 and 2" "$(ls "/proc/$pid/fd" | tr '\n' ' ')" "0 1 2 "
is "no signal is blocked in it" "$(awk '/^SigBlk/ {print $2}' "/proc/$pid/status")" 0000000000000000

await is_state gone FATAL
like "what cannot be executed is FATAL and says so" "$(ctl status gone)" "FATAL .*$WORK/not-there.*[Nn]o such file"
