#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Health of containers: one that stands still is found and replaced, a lack of memory is told as such, and the checks that
# need an engine: a command inside, by the api and by the docker command, and the image's own HEALTHCHECK.
. "$(dirname "$0")/lib.sh"
need_image fake
checked=mcpinit-test/checked:$INSTANCE
at_end() { # an image in use stays
	is_running && stop_mcpinit
	docker rmi "$checked" >/dev/null 2>&1
}
id=$(docker create "$FAKE_IMAGE")
docker commit -c 'HEALTHCHECK --interval=500ms --timeout=5s --retries=2 CMD ["/fake_mcp","--needs","/tmp/well"]' \
	"$id" "$checked" >/dev/null
docker rm "$id" >/dev/null

config <<END
[defaults]
network_mode         = none
backoff              = 100ms
startsecs            = 100ms
stop_grace_period    = 300ms
healthcheck_interval = 1s
healthcheck_timeout  = 500ms
healthcheck_retries  = 2

[server:paused]
image = $FAKE_IMAGE

[server:memory]
image     = $FAKE_IMAGE
mem_limit = 24m

[server:exec]
image               = $FAKE_IMAGE
healthcheck         = exec /fake_mcp --needs /tmp/well
healthcheck_timeout = 10s
on_unhealthy        = ignore

[server:exec-cli]
image               = $FAKE_IMAGE
launch              = cli
healthcheck         = exec /fake_mcp --needs /tmp/well
healthcheck_timeout = 10s
on_unhealthy        = ignore

[server:lags]
image               = $FAKE_IMAGE
healthcheck         = exec /fake_mcp --needs /fake_mcp --lag /tmp/lag
healthcheck_timeout = 20s
healthcheck_retries = 1

[server:hangs]
image        = $FAKE_IMAGE
healthcheck  = exec /fake_mcp --ignore-eof
on_unhealthy = ignore

[server:docker]
image        = $checked
healthcheck  = docker
on_unhealthy = ignore

[server:none]
image       = $FAKE_IMAGE
healthcheck = docker
END
start_mcpinit
await ctl wait

field() { # field SERVER KEY
	ctl --json status "$1" | jq -r ".servers[0].$2"
}
is_health() { # is_health SERVER WORD
	[ "$(field "$1" health)" = "$2" ]
}
well() { # well SERVER yes|no: for the checks inside
	local pid
	pid=$(docker inspect -f '{{.State.Pid}}' "$(container "$1")")
	if [ "$2" = yes ]; then touch "/proc/$pid/root/tmp/well"; else rm "/proc/$pid/root/tmp/well"; fi
}

# --- hung ----------------------------------------------------------------------------------------

old=$(container paused)
start=$(now_ms)
docker pause "$old" >/dev/null
await_log 'paused +unhealthy: no answer to 2 .*restarting it'
took=$(($(now_ms) - start))
at_most "a container that stands still is found within retries x interval + timeout, 2.5 s (ms)" "$took" 6500
is "and another takes its place" "$(rpc paused "$(tool_call 1 echo '{"text":"again"}')" | text_of)" again
gone() {
	! docker inspect "$1"
}
await gone "$old"
ok "the old one is removed"

# --- out of memory -------------------------------------------------------------------------------

answer=$(rpc memory "$(tool_call 2 big '{"bytes":200000000}')")
is "out of memory: the agent is told so" "$(jq -c '[.id, .error.code, .error.data.oom, .error.data.reason]' <<<"$answer")" \
	'[2,-32603,true,"out of memory"]'
await_log 'memory +killed for lack of memory after .*; raise mem_limit'
ok "and so is the operator"

# --- a command inside ------------------------------------------------------------------------------

for server in exec exec-cli; do
	await is_health "$server" unhealthy
	like "$server: without its file it is not well" "$(ctl status "$server")" \
		'unhealthy: 2 health commands failed in .*, the last: exited with status 1: /tmp/well is missing'
	well "$server" yes
	await is_health "$server" healthy
	ok "$server: with it, it is"
done
is "each by its launcher, and none was restarted" \
	"$(field exec via) $(field exec generation) $(field exec-cli via) $(field exec-cli generation)" "api 1 cli 1"
await is_health lags healthy
touch "/proc/$(docker inspect -f '{{.State.Pid}}' "$(container lags)")/root/tmp/lag"
await is_health hangs unhealthy
like "a command that does not end is no answer" "$(field hangs why)" 'no answer to 2 health commands in'
sleep 2 # more probes
at_most "what no engine can end does not pile up" \
	"$(docker top "$(container hangs)" -eo pid,args | grep -c -- '--ignore-eof')" 2

# --- the image's own check ---------------------------------------------------------------------------

await is_health docker unhealthy
like "docker: the image's check says no, and why" "$(ctl status docker)" \
	"unhealthy: the image's HEALTHCHECK failed: /tmp/well is missing"
well docker yes
await is_health docker healthy
well docker no
await is_health docker unhealthy
ok "its changes are followed"
await_log 'none +its image has no HEALTHCHECK, so nothing is probed; write healthcheck = mcp'
is "an image without one: said once, and no health is claimed" "$(field none health) $(grep -c ' none .*HEALTHCHECK' "$LOG")" "none 1"
is "one that others overtake, and that ends in time, is no failure" "$(field lags health) $(field lags generation)" "healthy 1"
is "nobody else was restarted" "$(field docker generation) $(field none generation) $(field hangs generation)" "1 1 1"
