#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 240
# docs/socket-proxy.md lists exactly the requests that mcpinit makes, each with a version but the ping. They are written
# down by a proxy while servers start, crash, are pulled, stopped, cut off and left behind.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
command -v python3 >/dev/null || skip_all "python3 is not installed"
export DOCKER_HOST
at_end() {
	kill "$proxy" 2>/dev/null
	docker rmi "$self_image" >/dev/null 2>&1
	docker volume rm "$INSTANCE-cache" >/dev/null 2>&1
}
self_image=mcpinit-test/self:$INSTANCE
docker tag "$FAKE_IMAGE" "$self_image"
python3 tests/fixtures/engine_proxy.py "$WORK/engine.sock" "${DOCKER_HOST#unix://}" "$WORK/requests" "$WORK/rules" &
proxy=$!
await test -S "$WORK/engine.sock"

write_config() { # write_config LAUNCH
	config "docker_host = unix://$WORK/engine.sock" "launch = $1" <<-END
		[defaults]
		backoff = 200ms
		stop_grace_period = 300ms

		[server:fake]
		image                = $FAKE_IMAGE
		healthcheck          = exec /fake_mcp --exit-at-start 0
		healthcheck_interval = 300ms
		platform = linux/$(docker version -f '{{.Server.Arch}}')

		[server:stubborn]
		image   = $self_image
		command = --ignore-eof --ignore-term

		[server:pulled]
		image = 127.0.0.1:1/not-there:1

		[server:pulled-for-platform]
		image    = 127.0.0.1:1/not-there:1
		platform = linux/$(docker version -f '{{.Server.Arch}}')
	END
}

# --- a life with everything in it: the first one is killed and leaves its containers to the second ---------------
write_config api
echo 'mcpinit/ /wait\?condition=next-exit half' >"$WORK/rules"
start_mcpinit
await is_state fake RUNNING
await is_state stubborn RUNNING
await grep -q 'condition=not-running' "$WORK/requests"
await grep -q 'GET .*/exec/.*/json' "$WORK/requests"
: >"$WORK/rules"
kill -KILL "$MCPINIT_PID"
wait "$unshare_pid" 2>/dev/null
unshare_pid=
await test -n "$(containers_left)"
rm -rf "$RUN" "$CTL"
start_mcpinit
await is_state fake RUNNING
await is_state stubborn RUNNING
ctl stop stubborn >/dev/null
docker volume create --label "io.mcpinit.instance=$INSTANCE" "$INSTANCE-cache" >/dev/null
ctl sweep --volumes >/dev/null
stop_mcpinit

# --- what was asked, in the words of the page ----------------------------------------------------------------------
# request lines of $1, without versions, names and values
asked() {
	grep -E " $1/" "$WORK/requests" | cut -d ' ' -f 1,2 | sed -E '
		s, /v1\.[0-9]+/, /,
		s,/exec/[^/?]+/,/exec/{id}/,
		s,/containers/[^/?]+(/(attach|wait|start|kill|json|exec)|\?force),/containers/{id}\1,
		s,attach\?stderr=1&stdin=1&stdout=1&stream=1,attach?stream=1\&stdin=1\&stdout=1\&stderr=1,
		s,/images/[^?]+/json,/images/{name}/json,
		s,/volumes/[^?]+,/volumes/{name},
		s,(name|filters|fromImage|tag|signal|platform)=[^&]*,\1=,g' | sort -u
}
# the rows of the page; `&platform=` and `condition=…` behind a request are more of it
page() {
	awk -F '`' '/^\| `/ {
		print $2
		for (i = 4; i <= NF; i += 2) {
			if ($i == "&platform=") print $2 $i
			if ($i ~ /^[A-Z]+ \//) print $i
			if ($i ~ /^condition=/) { other = $2; sub(/condition=.*/, $i, other); print other }
		}
	}' docs/socket-proxy.md | sort -u
}
is "every request of mcpinit has a version, but the ping" \
	"$(grep ' mcpinit/' "$WORK/requests" | grep -vE '^[A-Z]+ /v1\.[0-9]+/|^GET /_ping ' | sort -u)" ""
is "mcpinit asks nothing that docs/socket-proxy.md does not list" "$(comm -23 <(asked mcpinit) <(page))" ""
is "and the page lists nothing that it does not ask" "$(comm -13 <(asked mcpinit) <(page))" ""
like "the User-Agent is one, with our version" "$(awk '$3 ~ /^mcpinit/ {print $3}' "$WORK/requests" | sort -u)" '^mcpinit/[0-9.]+$'

# --- the docker command --------------------------------------------------------------------------------------------
: >"$WORK/requests"
write_config cli
start_mcpinit
await is_state fake RUNNING
await grep -q 'GET .*/exec/.*/json' "$WORK/requests"
ctl restart fake >/dev/null
ctl stop stubborn >/dev/null
stop_mcpinit
is "the docker command asks the same, and HEAD /_ping" \
	"$(comm -23 <(asked Docker-Client | grep -v '^HEAD /_ping$') <(page))" ""
