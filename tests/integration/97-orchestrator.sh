#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# examples/orchestrator as it stands, by Compose, as mcp and as root: a call to each server, a kill, nothing left. Where the
# engine lacks a server's image, a stand-in has its name for this run: node:lts-alpine is the real filesystem server from
# npm behind an npx that only finds it; those of git and GitHub are fake_mcp.
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/image.sh"
if docker compose version >/dev/null 2>&1; then
	compose=(docker compose)
elif command -v docker-compose >/dev/null; then
	compose=(docker-compose)
else
	skip_all "neither docker compose nor docker-compose is installed"
fi
need_image fake filesystem

project=it$$
dir=$WORK/orchestrator
stand_ins=()
dc() {
	timeout 120 "${compose[@]}" -p "$project" --project-directory "$dir" -f "$dir/compose.yaml" "$@"
}
at_end() {
	dc down -v >/dev/null 2>&1
	docker volume ls -q --filter "label=io.mcpinit.instance=$project-orchestrator-1" | xargs -r docker volume rm >/dev/null
	((!${#stand_ins[@]})) || docker rmi "${stand_ins[@]}" >/dev/null 2>&1
	release_image
}
docker network create "$project-probe" >/dev/null 2>&1 || skip_all "this engine cannot make networks, which compose needs"
docker network rm "$project-probe" >/dev/null
build_image

# stand_in IMAGE: made of a Dockerfile on stdin and what is in $WORK/context
stand_in() {
	if has_image "$1"; then
		echo "# $1: the engine's own"
	elif DOCKER_BUILDKIT=0 docker build -q -t "$1" -f - "$WORK/context" >"$WORK/stand-in.log" 2>&1; then
		stand_ins+=("$1")
		echo "# $1: a stand-in"
	else
		skip_all "no stand-in for $1: $(tail -n 1 "$WORK/stand-in.log")"
	fi
}
mkdir "$WORK/context"
gcc -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$WORK/context/fake_mcp" tests/fixtures/fake_mcp.c
install -m 755 /dev/stdin "$WORK/context/npx" <<-'END'
	#!/usr/bin/node
	const args = process.argv.slice(2).filter((a) => a !== '-y');
	const main = `/app/node_modules/${args[0]}/dist/index.js`;
	process.argv = [process.argv[0], main, ...args.slice(1)];
	import(main);
END
stand_in node:lts-alpine <<-'END'
	FROM mcpinit-test/filesystem:local
	COPY npx /usr/bin/npx
	ENTRYPOINT []
END
stand_in ghcr.io/astral-sh/uv:python3.12-bookworm <<-'END'
	FROM scratch
	COPY fake_mcp /usr/bin/uvx
	ENV PATH=/usr/bin
END
stand_in ghcr.io/github/github-mcp-server <<-'END'
	FROM scratch
	COPY fake_mcp /fake_mcp
	ENTRYPOINT ["/fake_mcp"]
END

# The steps of docs/deployment.md.
cp -r examples/orchestrator "$dir"
mkdir "$dir/secrets" "$dir/workspace"
echo "a file of the repository" >"$dir/workspace/README"
chown -R 4321:4321 "$dir/workspace"
cp "$dir/.env.example" "$dir/.env"
cat >>"$dir/.env" <<-END
	MCPINIT_IMAGE=$IMAGE
	AGENT_IMAGE=mcpinit-test/debian:local
	DOCKER_SOCKET=$SOCKET
	HEALTH_INTERVAL=1s
END
token=ghp_$RANDOM$RANDOM$RANDOM
inside() {
	docker exec "$(dc ps -q orchestrator)" "$@"
}
call() { # call SERVER TOOL ARGUMENTS: by mcpctl in mcpinit's container
	inside mcpctl call "$@"
}

deployed() { # deployed WHO UID: the whole way
	printf '%s\n' "$token" | install -m 400 -o "$2" /dev/stdin "$dir/secrets/github_token"
	dc up --exit-code-from agent >"$WORK/out" 2>&1
	is "$1: the agent ends well" "$?" 0
	for server in filesystem git github; do
		like "$1: the agent sees the tools of $server" "$(<"$WORK/out")" "$server: .*\"tools\":\[\{"
	done
	dc up -d orchestrator >>"$WORK/out" 2>&1
	await inside mcpctl wait --timeout 20s
	is "$1: mcpinit is $2" "$(inside awk '/^Uid/ {print $2}' /proc/1/status)" "$2"
	like "$1: filesystem" "$(call filesystem read_text_file '{"path":"/workspace/README"}')" "a file of the repository"
	like "$1: git, on the workspace as its owner" "$(call git read '{"path":"/proc/self/status"}')" 'Uid:[^0-9]*4321'
	like "$1: git gets its arguments" "$(call git args)" 'mcp-server-git\] \[--repository\] \[/workspace'
	is "$1: github has the secret" "$(call github env '{"name":"GITHUB_PERSONAL_ACCESS_TOKEN"}')" "$token"
	is "$1: git does not" "$(call git env '{"name":"GITHUB_PERSONAL_ACCESS_TOKEN"}' | grep -c "$token")" 0
	unlike "$1: nor does mcpinit's environment" "$(inside env)" "$token"
	unlike "$1: nor the log" "$(dc logs orchestrator 2>&1)" "$token"
	is "$1: limits: the orchestrator" \
		"$(docker inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}' "$(dc ps -q orchestrator)")" "2000000000 4294967296"
	is "$1: limits: a server" "$(docker inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}' \
		"$(server_of git)")" "1000000000 536870912"
	docker kill "$(server_of git)" >/dev/null
	like "$1: after a kill it is answered again" "$(call git args)" 'mcp-server-git'
	inside mcpctl doctor >"$WORK/doctor"
	is "$1: the doctor has nothing to say of socket, workspace and pipes" \
		"$(grep -E '^(warn|fail) +(user|socket|engine|workspace|runtime_dir|pipes|variables|config)' "$WORK/doctor")" ""
	dc down -v >/dev/null 2>&1
	is "$1: no container is left" "$(docker ps -aq --filter "name=$project")" ""
	is "$1: no server is left" "$(docker ps -aq --filter "label=io.mcpinit.instance=$project-orchestrator-1")" ""
}
server_of() {
	docker ps -q --filter "label=io.mcpinit.instance=$project-orchestrator-1" --filter "label=io.mcpinit.server=$1"
}
deployed mcp 1001
sed -i 's/^MCPINIT_USER=.*/MCPINIT_USER=root/' "$dir/.env"
deployed root 0
