#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The image, run as a real container with the engine's socket: siblings see the workspace, another container talks over
# the shared volume, the health check is healthy, and `docker stop` leaves nothing.
# timeout: 600
# shellcheck disable=SC2016 # awk's
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image.sh"
need_image fake filesystem
build_image

name=mcpinit-it-$INSTANCE
volume=$name
at_end() {
	docker rm -f "$name" >/dev/null 2>&1
	docker volume rm "$volume" >/dev/null 2>&1
	release_image
}
mkdir "$WORK/workspace" "$WORK/etc"
echo "seen by a sibling" >"$WORK/workspace/file"
chown -R 4321:4321 "$WORK/workspace" # whose owner is neither root nor mcpinit's user
chmod 700 "$WORK/workspace"
socket_is=$(stat -c '%a %u %g' "$SOCKET")
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
	docker run -d --name "$cname" --network none -v "$SOCKET:/var/run/docker.sock" \
		-v "$WORK/workspace:/workspace" -v "$WORK/etc:/etc/mcpinit:ro" -v "$volume:/run/mcp" \
		"${options[@]}" "$IMAGE" "${@:2}" >/dev/null
}
run "$name" --health-interval 1s
inside() {
	docker exec "$name" "$@"
}
await inside mcpctl wait --timeout 20s
docker logs "$name" >"$LOG" 2>&1
like "both servers are ready" "$(inside mcpctl status)" 'by-cli +RUNNING .*filesystem +RUNNING|filesystem +RUNNING .*by-cli +RUNNING'
like "they are the workspace's owner, whoever mcpinit is" "$(docker inspect -f '{{.Config.User}}' "$(container filesystem)")" '^4321:4321$'
is "mcpinit is PID 1" "$(inside cat /proc/1/comm)" mcpinit
like "it has found its own container" "$(grep -o 'instance .*' "$LOG")" "$(docker inspect -f '{{slice .Id 0 12}}' "$name")"
call=$(tool_call 1 read_text_file '{"path":"/workspace/file"}')
is "the workspace of the sibling is ours" "$(inside sh -c "cd /run/mcp/default/filesystem && printf '%s\n' '$call' > in && read -r line < out && printf '%s\n' \"\$line\"" | text_of)" \
	"seen by a sibling"
is "another container talks over the shared volume, mounted read-only" "$(
	docker run --rm --network none -v "$volume:/run/mcp:ro" mcpinit-test/debian:local \
		sh -c "cd /run/mcp/default/filesystem && printf '%s\n' '$call' > in && read -r line < out && printf '%s\n' \"\$line\"" | text_of
)" "seen by a sibling"
is "it runs as mcp, 1001" "$(inside awk '/^[UG]id/ {print $2, $3, $4, $5}' /proc/1/status | sort -u)" "1001 1001 1001 1001"
like "in the group of the engine's socket" "$(inside awk '/^Groups/' /proc/1/status)" "[[:blank:]]${socket_is##* }( |$)"
unlike "and not in root's" "$(inside awk '/^Groups/' /proc/1/status)" "[[:blank:]]0( |$)"
is "the socket is as it was" "$(stat -c '%a %u %g' "$SOCKET")" "$socket_is"
is "the health check's command is mcpctl healthy" "$(docker image inspect -f '{{.Config.Healthcheck.Test}}' "$IMAGE")" "[CMD mcpctl healthy]"
await sh -c "docker inspect -f '{{.State.Health.Status}}' $name | grep -qx healthy"
is "the engine finds it healthy" "$(docker inspect -f '{{.State.Health.Status}}' "$name")" healthy
succeeds "it is healthy for root" docker exec "$name" mcpctl healthy
succeeds "and for mcp" docker exec -u mcp "$name" mcpctl healthy
doctor=$(inside mcpctl doctor)
like "the doctor, called by root, looks as mcpinit does" "$doctor" 'findings of uid 1001, gid 1001, groups'
is "and finds socket, workspace and pipes well" \
	"$(grep -E '^(warn|fail) +(socket|engine|workspace|runtime_dir|pipes|config)' <<<"$doctor")" ""
start=$(now_ms)
docker stop "$name" >/dev/null
at_most "docker stop is heeded (ms)" $(($(now_ms) - start)) 8000
is "its exit status is 0" "$(docker inspect -f '{{.State.ExitCode}}' "$name")" 0
is "no sibling is left" "$(docker ps -aq --filter "label=io.mcpinit.instance=$INSTANCE")" ""
is "no pipe is left in the volume" "$(docker run --rm --network none -v "$volume:/run/mcp" mcpinit-test/debian:local find /run/mcp -type p)" ""
docker rm "$name" >/dev/null

