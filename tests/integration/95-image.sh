#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The image, run as a real container with the engine's socket: siblings see the workspace, another container talks over
# the shared volume, the health check is healthy, and `docker stop` leaves nothing.
# timeout: 600
. "$(dirname "$0")/lib.sh"
need_image fake filesystem
[ -z "${MODE:-}" ] || skip_all "the image is built without sanitizers"
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
((EUID == 0)) || skip_all "making a base image needs root"

bash tests/images.sh debian docker-cli 2>&1 | sed 's/^/# /'
has_image mcpinit-test/debian:local || skip_all "no Debian base image could be made"
image=mcpinit-test/mcpinit:local
if DOCKER_BUILDKIT=0 docker build -q --network host -t "$image" --build-arg BASE=mcpinit-test/debian:local \
	--build-arg DOCKER_CLI=mcpinit-test/docker-cli:local . >"$WORK/build.log" 2>&1; then
	ok "the image builds"
else
	not_ok "the image builds" "$(tail -n 5 "$WORK/build.log" | tail -c 1500)"
	exit
fi

name=mcpinit-it-$INSTANCE
volume=$name
at_end() {
	docker rm -f "$name" "$name-user" >/dev/null 2>&1
	docker volume rm "$volume" >/dev/null 2>&1
}
mkdir "$WORK/workspace" "$WORK/etc"
echo "seen by a sibling" >"$WORK/workspace/file"
cat >"$WORK/etc/mcpinit.ini" <<END
[mcpinit]
instance = $INSTANCE
[defaults]
network_mode = none
[server:filesystem]
image   = mcpinit-test/filesystem:local
command = /workspace
volumes = workspace:/workspace
[server:by-cli]
image  = $FAKE_IMAGE
launch = cli
END

run() { # run NAME OPTION... -- COMMAND...: mcpinit's container
	local cname=$1 options=()
	shift
	while [ "${1:---}" != -- ]; do
		options+=("$1")
		shift
	done
	docker run -d --name "$cname" --network none -v "${DOCKER_HOST#unix://}:/var/run/docker.sock" \
		-v "$WORK/workspace:/workspace" -v "$WORK/etc:/etc/mcpinit:ro" -v "$volume:/run/mcp" \
		"${options[@]}" "$image" "${@:2}" >/dev/null
}
run "$name"
inside() {
	docker exec "$name" "$@"
}
await inside mcpctl wait --timeout 20s
docker logs "$name" >"$LOG" 2>&1
like "both servers are ready" "$(inside mcpctl status)" 'by-cli +RUNNING .*filesystem +RUNNING|filesystem +RUNNING .*by-cli +RUNNING'
is "mcpinit is PID 1" "$(inside cat /proc/1/comm)" mcpinit
like "it has found its own container" "$(grep -o 'instance .*' "$LOG")" "$(docker inspect -f '{{slice .Id 0 12}}' "$name")"
call=$(tool_call 1 read_text_file '{"path":"/workspace/file"}')
is "the workspace of the sibling is ours" "$(inside sh -c "cd /run/mcp/default/filesystem && printf '%s\n' '$call' > in && read -r line < out && printf '%s\n' \"\$line\"" | text_of)" \
	"seen by a sibling"
is "another container talks over the shared volume, mounted read-only" "$(
	docker run --rm --network none -v "$volume:/run/mcp:ro" mcpinit-test/debian:local \
		sh -c "cd /run/mcp/default/filesystem && printf '%s\n' '$call' > in && read -r line < out && printf '%s\n' \"\$line\"" | text_of
)" "seen by a sibling"
is "the health check's command is mcpctl healthy" "$(docker image inspect -f '{{.Config.Healthcheck.Test}}' "$image")" "[CMD mcpctl healthy]"
succeeds "and it is healthy" docker exec "$name" mcpctl healthy
start=$(now_ms)
docker stop "$name" >/dev/null
at_most "docker stop is heeded (ms)" $(($(now_ms) - start)) 8000
is "its exit status is 0" "$(docker inspect -f '{{.State.ExitCode}}' "$name")" 0
is "no sibling is left" "$(docker ps -aq --filter "label=io.mcpinit.instance=$INSTANCE")" ""
is "no pipe is left in the volume" "$(docker run --rm --network none -v "$volume:/run/mcp" mcpinit-test/debian:local find /run/mcp -type p)" ""
docker rm "$name" >/dev/null

# As a user of its own, with a COMMAND: the entrypoint maps the socket's group.
chmod 777 "$WORK/workspace"
run "$name-user" -e MCPINIT_USER=1000:1000 -- -- sh -c 'id -u; id -G; mcpctl wait --timeout 20s && mcpctl status filesystem'
timeout 40 docker wait "$name-user" >"$WORK/code"
docker logs "$name-user" >"$WORK/out" 2>"$LOG"
is "as another user: COMMAND's status" "$(<"$WORK/code")" 0
like "as another user: the servers run" "$(<"$WORK/out")" '^1000.*filesystem +RUNNING'
like "in the group of the engine's socket" "$(sed -n 2p "$WORK/out")" "(^| )$(stat -c %g "${DOCKER_HOST#unix://}")( |$)"
