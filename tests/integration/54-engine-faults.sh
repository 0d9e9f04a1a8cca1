#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 240
# An engine that answers some calls with 500, garbage, half a chunk, nothing, late or never, while containers of ours run
# on it: the others go on as if nothing were, nothing blocks, every call comes to an end, and the server concerned runs
# once the engine is well again.
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
command -v python3 >/dev/null || skip_all "python3 is not installed"
export DOCKER_HOST
at_end() {
	kill "$proxy" 2>/dev/null
}
python3 tests/fixtures/engine_proxy.py "$WORK/engine.sock" "${DOCKER_HOST#unix://}" "$WORK/requests" "$WORK/rules" &
proxy=$!
await test -S "$WORK/engine.sock"

config "docker_host = unix://$WORK/engine.sock" "launch = api" <<END
[defaults]
image       = $FAKE_IMAGE
backoff     = 300ms
backoff_max = 300ms

[server:one]
[server:two]
command = --ignore-eof --ignore-term
stop_grace_period = 300ms
[server:ill]
autostart = no
END
start_mcpinit
await is_state one RUNNING
await is_state two RUNNING
two=$(container two)

rule_all=/v1 # every call with a version
is_ill() { # is_ill WORDS: its last start failed, and says so
	grep -q "BACKOFF .*$1" <<<"$(ctl status ill)" # its exit status is another matter
}
others_go_on() { # others_go_on FAULT
	local begin
	begin=$(now_ms)
	is "$1: a call is answered" "$(rpc one "$(tool_call 7 echo '{"text":"here"}')" | text_of)" here
	ctl status >/dev/null
	at_most "$1: and the status, neither waits for the engine" $(($(now_ms) - begin)) 3000
}

while IFS='|' read -r fault words; do
	echo "mcpinit/ $rule_all $fault" >"$WORK/rules"
	ctl start ill --no-wait >/dev/null
	others_go_on "$fault"
	[ -z "$words" ] || await is_ill "$words"
	: >"$WORK/rules"
	await is_state ill RUNNING
	is "$fault: well again, it runs" "$(state ill)" RUNNING
	ctl stop ill >/dev/null
done <<END
answer 500 boom|boom
answer 409 strange|strange
garbage|HTTP
half|was cut
cut|without an answer
slow 1500|
END

# --- never an answer: each kind of call has an end of its own --------------------------------------------------
echo 'mcpinit/ create\?name=[^&]*-ill- hang' >"$WORK/rules"
ctl start ill --no-wait >/dev/null
await grep -q 'create?name=.*-ill-' "$WORK/requests"
begin=$(now_ms)
docker kill "$(container one)" >/dev/null
others_go_on "hang"
await is_state one RUNNING
at_most "hang: another server is restarted meanwhile" $(($(now_ms) - begin)) 15000
export TIMEOUT=60 # of await
await_log ' ill .*cannot create container'
at_most "hang: a call that is never answered ends" $(($(now_ms) - begin)) 45000
: >"$WORK/rules"
await is_state ill RUNNING
echo 'mcpinit/ /kill hang' >"$WORK/rules"
begin=$(now_ms)
ctl stop two >/dev/null
at_most "hang: a stop whose signal is never answered still ends, by removal" $(($(now_ms) - begin)) 15000
await_gone() {
	! docker inspect "$two" >/dev/null 2>&1
}
await await_gone
: >"$WORK/rules"
stop_mcpinit
is "it ends as ever" "$STATUS" 0
