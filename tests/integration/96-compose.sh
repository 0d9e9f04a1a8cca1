#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docker-compose.yml as it stands: an orchestrator that becomes healthy, and a second service that then talks to a server
# through the shared volume.
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image.sh"
need_image filesystem
if docker compose version >/dev/null 2>&1; then
	compose=(docker compose)
elif command -v docker-compose >/dev/null; then
	compose=(docker-compose)
else
	skip_all "neither docker compose nor docker-compose is installed"
fi

project=it$$
dc() {
	"${compose[@]}" --env-file "$WORK/env" -p "$project" -f docker-compose.yml -f "$WORK/quick.yml" "$@"
}
at_end() {
	dc down -v >/dev/null 2>&1
	release_image
}
mkdir "$WORK/workspace"
cat >"$WORK/env" <<END
MCPINIT_IMAGE=$IMAGE
AGENT_IMAGE=mcpinit-test/debian:local
DOCKER_SOCKET=$SOCKET
WORKSPACE=$WORK/workspace
MCPINIT_CONFIG=$CONF
END
# Compose waits for the health check, whose first run comes after an interval.
printf 'version: "3.9"\nservices:\n  orchestrator:\n    healthcheck: { interval: 1s }\n' >"$WORK/quick.yml"
cat >"$CONF" <<END
[mcpinit]
workspace = /workspace
[server:filesystem]
image   = mcpinit-test/filesystem:local
command = /workspace
volumes = workspace:/workspace
END
dc config -q || skip_all "this compose does not read the file"
docker network create "$project-probe" >/dev/null 2>&1 || skip_all "this engine cannot make networks, which compose needs"
docker network rm "$project-probe" >/dev/null
build_image

timeout 120 "${compose[@]}" --env-file "$WORK/env" -p "$project" -f docker-compose.yml -f "$WORK/quick.yml" \
	up --no-build --exit-code-from agent >"$WORK/out" 2>&1
is "the agent's own status" "$?" 0
like "the agent got the tools through the shared volume" "$(cat "$WORK/out")" 'agent.*"name":"read_text_file"'
like "the instance is named after project, service and number" "$(cat "$WORK/out")" "instance $project-orchestrator-1"
is "no server is left" "$(docker ps -aq --filter "label=io.mcpinit.instance=$project-orchestrator-1")" ""
