#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 240
# launch = auto: a proxy in front of the engine breaks the API in many ways and lets the docker command through. Only
# what the two can differ in makes a fallback; no server ever has two containers; what the API had said is shown.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
command -v python3 >/dev/null || skip_all "python3 is not installed"
export DOCKER_HOST

proxy='' events=''
proxy_up() {
	rm -f "$WORK/engine.sock"
	python3 tests/fixtures/engine_proxy.py "$WORK/engine.sock" "${DOCKER_HOST#unix://}" "$WORK/requests" "$WORK/rules" &
	proxy=$!
	await test -S "$WORK/engine.sock"
}
at_end() {
	kill "$proxy" "$events" 2>/dev/null
}
creates() { # creates WHO SERVER: how many creates of this server's containers by mcpinit or the docker command
	grep -cE "^POST .*/containers/create\?.*mcpinit-$INSTANCE-$2-[0-9]+ $1/" "$WORK/requests"
}
was_asked() {
	[ "$(creates mcpinit "$1")" -ge 1 ]
}
said() { # said SERVER: what the API said first, as status has it
	ctl --json status "$1" | jq -r '.servers[0].first_error'
}

broken=(denied old forbidden absent taken garbage half lost cut slow)
rule() { # rule SERVER ACTION...: what mcpinit's create for that server meets
	echo "mcpinit/ create\\?name=mcpinit-[^&]*-$1-[0-9] ${*:2}" >>"$WORK/rules"
}
rule denied answer 500 error from registry: denied
rule old plain 400 client version 1.41 is too old. Minimum supported API version is 1.99, please upgrade
rule forbidden answer 403 not by this door
rule absent answer 404 No such image: absent:1
rule taken answer 409 Conflict. The container name /x is already in use by container y
rule garbage garbage
rule half half
rule lost lost
rule cut cut
rule slow slow 700
config "docker_host = unix://$WORK/engine.sock" < <(
	printf '[defaults]\nbackoff = 300ms\nbackoff_max = 300ms\nstartretries = 2\n'
	for server in "${broken[@]}"; do
		printf '[server:%s]\nimage = %s\n' "$server" "$FAKE_IMAGE"
	done
)
docker events --filter "label=io.mcpinit.instance=$INSTANCE" --filter event=create --filter event=destroy \
	--format '{{.Action}} {{.Actor.Attributes.name}}' >"$WORK/events" &
events=$!
proxy_up
start_mcpinit

# --- what falls back, and what must not ------------------------------------------------------------------
for server in denied old forbidden; do
	await is_state "$server" RUNNING
	like "$server: the docker command started it" "$(ctl status "$server")" "RUNNING +[a-z]+, cli "
	is "$server: the api was asked once" "$(creates mcpinit "$server")" 1
	is "$server: and the command once" "$(creates Docker-Client "$server")" 1
done
like "denied: what the api said is in status" "$(ctl status denied)" 'the api failed: .*error from registry: denied'
like "old: what the api said" "$(said old)" 'client version .* is too old'
like "forbidden: what the api said" "$(said forbidden)" 'not by this door'
await is_state slow RUNNING
like "slow: patience, not another container" "$(ctl status slow)" 'RUNNING +[a-z]+, api '
is "slow: nothing is said of a fallback" "$(said slow)" ""
await is_state absent FATAL
like "absent: a person must act, and the command is not tried" "$(ctl status absent)" 'FATAL .*No such image'
await is_state taken FATAL
like "taken: said" "$(ctl status taken)" 'already in use'
for server in garbage half cut lost; do
	await was_asked "$server"
done
for server in absent taken garbage half cut lost slow; do
	is "$server: no fallback" "$(creates Docker-Client "$server")" 0
done
is "fallbacks are counted" "$(ctl --json status | jq .fallbacks)" 3
is "that they have become the rule is said" "$(grep -c 'the last 3 starts were by the docker command' "$LOG")" 1

# --- remembered until the engine is connected anew ---------------------------------------------------------
ctl restart denied old forbidden >/dev/null
for server in denied old forbidden; do
	await is_state "$server" RUNNING
	is "$server: that the api cannot is remembered" "$(creates mcpinit "$server") $(creates Docker-Client "$server")" "1 2"
done
is "once more it is not said" "$(grep -c 'the last 3 starts were by the docker command' "$LOG")" 1
kill "$proxy"
await_log 'engine.sock'
sed -i '/-denied-/d' "$WORK/rules"
proxy_up
asked_again() {
	ctl restart denied >/dev/null
	ctl status denied | grep -q ', api '
}
await asked_again
is "denied: with the engine connected anew the api is asked again, and does it" "$(said denied)" ""
stop_mcpinit

# --- never two ---------------------------------------------------------------------------------------------
# From create to destroy a container is there; the next generation may begin while the last one is being removed.
await no_containers
is "no attempt ever made two containers" "$(awk '$1 == "create" && seen[$2]++ {print $2}' "$WORK/events")" ""
is "every container that was made is gone" "$(awk '{n[$2] += $1 == "create" ? 1 : -1} END {for (c in n) if (n[c]) print c}' "$WORK/events")" ""

# --- refused after the container was made: the same name twice, one after the other ---------------------------
: >"$WORK/rules" && : >"$WORK/requests" && : >"$WORK/events"
echo "mcpinit/ POST.*/start answer 403 not by this door" >"$WORK/rules"
config "docker_host = unix://$WORK/engine.sock" <<<$'[server:fake]\n'"image = $FAKE_IMAGE"
start_mcpinit
await is_state fake RUNNING
like "a start that is refused falls back, too" "$(ctl status fake)" ', cli .*the api failed: .*not by this door'
is "in the same attempt" "$(creates mcpinit fake) $(creates Docker-Client fake)" "1 1"
is "the first container was gone before the second came" \
	"$(awk '{print $1}' "$WORK/events" | head -n 3 | tr '\n' ' ')" "create destroy create "
