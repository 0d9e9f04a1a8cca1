#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# depends_on orders start and stop; a loop is shown; one bad server holds nobody else up; a required one that fails ends all.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake

# --- a loop is a config error ----------------------------------------------------------------------
config <<END
[server:a]
image      = $FAKE_IMAGE
depends_on = b

[server:b]
image      = $FAKE_IMAGE
depends_on = a
END
out=$("$BIN/mcpinit" -t -c "$CONF" 2>&1)
is "a loop is a config error" "$?" 78
like "that shows the loop" "$out" 'a -> b -> a'

# --- bad neighbours, with a single start slot --------------------------------------------------------
port=$((20000 + RANDOM % 10000))
python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(64); time.sleep(600)' "$port" &
blackhole=$!
at_end() {
	kill "$blackhole" 2>/dev/null
}
before() { # before WHAT EARLIER LATER: two expressions, in the order of their first lines in the log
	local one two
	one=$(grep -nEm 1 -- "$2" "$LOG" | cut -d: -f1)
	two=$(grep -nEm 1 -- "$3" "$LOG" | cut -d: -f1)
	if [ -n "$one" ] && [ -n "$two" ] && ((one < two)); then ok "$1"; else not_ok "$1" "lines ${one:-none}, ${two:-none}"; fi
}

config 'start_concurrency = 1' <<END
[server:pulling]
image = 127.0.0.1:$port/never:1

[server:missing]
image       = mcpinit-test/never-made:1
pull_policy = never

[server:noexec-api]
image      = $FAKE_IMAGE
entrypoint = /nope
launch     = api

[server:noexec-cli]
image      = $FAKE_IMAGE
entrypoint = /nope
launch     = cli

[server:noexec-process]
command = /nope
launch  = process

[server:hung]
launch  = process
command = sleep 1000

[server:first]
image = $FAKE_IMAGE

[server:second]
image      = $FAKE_IMAGE
depends_on = first

[server:third]
image      = $FAKE_IMAGE
depends_on = second
END
start_mcpinit
export TIMEOUT=90 # three containers one after the other, behind the 10 s of the hung one
await is_state third RUNNING
is "the third wave runs beside a hung, a pulling and four failed servers" "$(state third)" RUNNING
like "one still pulls" "$(ctl status pulling)" 'pulling +STARTING'
before "the second starts when the first is ready" 'first +ready' 'second +ready'
before "and the third after it" 'second +ready' 'third +ready'
for name in missing noexec-api noexec-cli noexec-process; do
	await is_state "$name" FATAL
	is "$name: FATAL at the first attempt" "$(ctl --json status "$name" | jq -c '.. | .generation? // empty' | head -n 1)" 1
done
like "missing: named" "$(ctl status missing)" 'mcpinit-test/never-made:1'
for name in noexec-api noexec-cli noexec-process; do
	like "$name: says what cannot be executed" "$(ctl status "$name")" '/nope'
done
stop_mcpinit
before "the third goes first" 'third +stopped' 'second +stopped'
before "then the second, then the first" 'second +stopped' 'first +stopped'

# --- required -----------------------------------------------------------------------------------------
config 'launch = process' <<END
[server:needed]
command  = /nope
required = yes
END
start_mcpinit
wait_mcpinit
is "a required server that is FATAL at boot ends all with 10" "$STATUS" 10

need_fake
config 'launch = process' <<END
[server:needed]
command      = $FAKE --exit-after 1
required     = yes
startretries = 1
startsecs    = 1h
backoff      = 50ms
END
start_mcpinit -- sleep 1000
await is_state needed RUNNING
rpc needed "$(tool_call 1 pid)" >/dev/null
await is_state needed RUNNING
printf '%s\n' "$(tool_call 2 pid)" >"$RUN/default/needed/in"
wait_mcpinit
is "one that is FATAL later does, too, whatever COMMAND's status" "$STATUS" 10
