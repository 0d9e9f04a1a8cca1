#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 300
# One configuration, started over the API and by `docker run`: the containers are equal in `docker inspect`, field by
# field, over every key that describes a container. The way to the engine is a docker context, whose config.json has
# proxies, too.
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
export DOCKER_HOST
((EUID == 0)) || skip_all "only root may look like one of the engine's containers"

# --- what there is to be mounted, joined and run -----------------------------------------------------
named_image=mcpinit-test/named:$INSTANCE # one whose user is not a number, and has a name
volume=$INSTANCE-volume network=$INSTANCE-net other=$INSTANCE-other self=$INSTANCE-self
stand_ins=()
at_end() {
	docker rm -f "$other" "$self" >/dev/null 2>&1
	docker network rm "$network" >/dev/null 2>&1
	docker volume ls -q --filter "name=$INSTANCE" | xargs -r docker volume rm >/dev/null
	docker rmi "$named_image" "${stand_ins[@]}" >/dev/null
}
make_named_image() {
	local id
	id=$(docker create "$FAKE_IMAGE") || return
	printf 'root:x:0:0::/:\nserver:x:1234:2345::/tmp:\n' >"$WORK/passwd"
	docker cp -q "$WORK/passwd" "$id:/etc/passwd" && docker commit "$id" "$named_image" && docker rm "$id"
}
# stand_in IMAGE: ours under a name that npx or uvx is translated to
stand_in() {
	if has_image "$1"; then
		skip "$1" "this engine has it: no stand-in may take its name"
		return 1
	fi
	docker tag "$FAKE_IMAGE" "$1" && stand_ins+=("$1")
}

mkdir -p "$WORK/workspace/data" "$WORK/volume" "$WORK/docker" "$WORK/bin"
chown -R 1234:2345 "$WORK/workspace"
succeeds "an image with names of users" make_named_image
docker volume create "$volume" >/dev/null
mkdir "$(docker volume inspect -f '{{.Mountpoint}}' "$volume")/sub" "$WORK/volume/sub"
docker run -d -i --name "$other" --ipc shareable "$FAKE_IMAGE" >/dev/null
# Our own container, as mcpinit sees it: by our host name.
docker run -d -i --name "$self" -v "$WORK/workspace:$WORK/workspace" -v "$volume:$WORK/volume" "$FAKE_IMAGE" >/dev/null
self_id=$(docker inspect -f '{{.Id}}' "$self")
printf '#!/bin/sh\nexec unshare --uts sh -c '\''hostname %.12s; exec %s "$@"'\'' mcpinit "$@"\n' \
	"$self_id" "$BIN/mcpinit" >"$WORK/bin/mcpinit"
ln -s "$BIN/mcpctl" "$WORK/bin/mcpctl"
chmod +x "$WORK/bin/mcpinit"
has_network=no
docker network create "$network" >/dev/null 2>&1 && has_network=yes
printf '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": [ "reboot" ],\n\t"action": "SCMP_ACT_ERRNO" } ] }\n' \
	>"$WORK/seccomp.json"
echo 'FROM_FILE=of env_file' >"$WORK/env"
echo 'of secret_environment' >"$WORK/secret"

# A context as `docker context` makes it, and what docker run adds to every container.
export DOCKER_CONFIG=$WORK/docker
docker context create it --docker "host=$DOCKER_HOST" >/dev/null 2>&1
DOCKER_HOST='' docker context use it >/dev/null 2>&1
proxies=$(jq -n --arg host "$DOCKER_HOST" '{
	default: { httpProxy: "http://for.others:3128" },
	($host): { httpProxy: "http://proxy:3128", httpsProxy: "http://proxy:3129", noProxy: "localhost,.local",
	           ftpProxy: "http://proxy:3130", allProxy: "socks5://proxy:1080" } }')
jq --argjson p "$proxies" '.proxies = $p' "$DOCKER_CONFIG/config.json" >"$WORK/config.json" &&
	mv "$WORK/config.json" "$DOCKER_CONFIG/config.json"
unset DOCKER_CONFIG

# --- the configuration -------------------------------------------------------------------------------
servers() {
	cat <<-END
		[server:every]
		image              = $named_image
		entrypoint         = /fake_mcp --two-pages
		command            = one "and two"
		environment        = PLAIN=a value, with a comma
		env_file           = $WORK/env
		secret_environment = HIDDEN=$WORK/secret
		volumes            = workspace:/workspace
		                     $volume:/named
		dns                = 8.8.8.8, 1.1.1.1
		dns_search         = example.com, example.org
		dns_opt            = ndots:2, timeout:3
		extra_hosts        = one:10.0.0.1, six=[fd00::1], gateway:host-gateway
		network_mode       = bridge
		hostname           = every
		user               = server
		working_dir        = /tmp
		read_only          = yes
		tmpfs              = /scratch:size=8m,mode=1777
		                     /run
		shm_size           = 16m
		ipc                = private
		ulimits            = nofile=1024:2048, core=0
		devices            = /dev/null:/dev/nothing:rw, /dev/zero, /dev/full:r
		cap_add            = net_bind_service, CAP_CHOWN
		cap_drop           = all
		security_opt       = seccomp=$WORK/seccomp.json
		init               = yes
		mem_limit          = 96m
		mem_reservation    = 48m
		cpus               = 0.25
		pids_limit         = 77
		labels             = org.example.note=a note; with = and more, org.example.empty=
		platform           = linux/$(docker version -f '{{.Server.Arch}}')
		pull_policy        = never
		stop_signal        = SIGINT
		logging            = local

		[server:plain]
		image = $FAKE_IMAGE

		[server:isolated]
		image        = $FAKE_IMAGE
		network_mode = none
		hostname     = isolated
		init         = no
		mem_limit    = 0
		pids_limit   = -1
		cap_drop     = none
		security_opt = no-new-privileges:false, systempaths=unconfined
		logging      = json-file
		user         = 4321

		[server:host]
		image        = $FAKE_IMAGE
		network_mode = host
		ipc          = host
		pids_limit   = 0
		security_opt = seccomp=unconfined
		user         = 1234:2345

		[server:joined]
		image        = $FAKE_IMAGE
		network_mode = container:$other
		ipc          = container:$other

		[server:bare]
		image      = $named_image
		entrypoint = none
		command    = /fake_mcp
		user       = server:2345

		[server:volumes]
		image   = $FAKE_IMAGE
		user    = auto
		volumes = workspace:/workspace:ro
		          $WORK/workspace/data:/data
		          $WORK/volume:/whole
		          $WORK/volume/sub:/sub:ro
		          $INSTANCE-new:/new

		[server:variables]
		image       = $FAKE_IMAGE
		environment = HTTP_PROXY=http://own:1, no_proxy=, HOME=/tmp, PATH=/bin, DOCKER_HOST=tcp://x:1,
		              DOCKER_API_VERSION=1.12, EMPTY=
	END
	[ $has_network = no ] || printf '%s\n' '[server:networked]' "image = $FAKE_IMAGE" "network_mode = $network" 'hostname = here'
	if [[ " ${stand_ins[*]} " == *" node:lts-alpine "* ]]; then
		printf '%s\n' '[server:npx]' 'command = npx -y @modelcontextprotocol/server-memory --two-pages'
	fi
	if [[ " ${stand_ins[*]} " == *bookworm-slim* ]]; then
		printf '%s\n' '[server:uvx]' 'command = uvx mcp-server-time' 'volumes = workspace:/workspace'
	fi
}
[ $has_network = yes ] || skip "network_mode of a user's network" "this engine cannot make one"
stand_in node:lts-alpine
stand_in ghcr.io/astral-sh/uv:python3.12-bookworm-slim
servers >"$WORK/servers.ini"

# Every key that says what a container is: those of containers only, by the table, and those shared with processes.
make -s --no-print-directory tables BUILD="${BUILD:-build}" MODE="${MODE:-}" >/dev/null 2>&1
keys=$("$BIN/tables" | awk '$1 == "container" {print $2}')
shared='command environment env_file secret_environment working_dir user stop_signal'
at_most "the table of keys is there" 20 "$(wc -w <<<"$keys")"
for key in $keys $shared; do
	used=$(sed -n '/^\[server:every\]/,/^\[server:plain\]/p' "$WORK/servers.ini" | grep -cE "^$key +=")
	is "the key $key is compared" "$used" 1
done

# --- twice the same ----------------------------------------------------------------------------------
real_bin=$BIN
launch_all() { # launch_all api|cli: what docker inspect says is in $WORK/$1.json
	local host=$DOCKER_HOST
	config "launch = $1" "workspace = $WORK/workspace" <"$WORK/servers.ini"
	BIN=$WORK/bin
	unset DOCKER_HOST
	DOCKER_CONFIG=$WORK/docker start_mcpinit
	export DOCKER_HOST=$host
	BIN=$real_bin
	succeeds "all run, by $1" ctl wait --timeout 120
	like "the engine is found by the context" "$(grep -m 1 'engine .* at ' "$LOG")" "at $DOCKER_HOST .*instance $INSTANCE"
	is "each by $1" "$(grep -c " ready in .* via $1, " "$LOG")" "$(grep -c '^\[server:' "$WORK/servers.ini")"
	# shellcheck disable=SC2046 # one ID a word
	docker inspect $(docker ps -q --filter "label=io.mcpinit.instance=$INSTANCE") >"$WORK/$1.json"
	stop_mcpinit
}
launch_all api
launch_all cli

# What differs between two runs of one container, or says the same in two ways: null, "", [] and {} are one.
same='
	def id: .Id as $id | walk(if type == "string" then gsub($id; "ID") | gsub($id[:12]; "ID") else . end);
	map(id
	| del(.Id, .Created, .State, .ResolvConfPath, .HostnamePath, .HostsPath, .LogPath, .GraphDriver)
	| del(.HostConfig.ConsoleSize, .Config.Labels["io.mcpinit.boot"])
	| .NetworkSettings |= (del(.SandboxID, .SandboxKey, .EndpointID, .IPAddress, .MacAddress, .Gateway)
		| .Networks[]? |= del(.EndpointID, .NetworkID, .IPAddress, .MacAddress, .Gateway))
	| .Mounts |= sort_by(.Destination)
	| .HostConfig.OomKillDisable //= false
	| .Config.Env |= sort # the CLI adds proxies in any order
	| .HostConfig.Ulimits |= (. // [] | sort_by(.Name))
	| walk(if type == "object" then with_entries(select(.value | . != null and . != "" and . != [] and . != {})) else . end)
	| { key: .Config.Labels["io.mcpinit.server"], value: . }) | from_entries'
for by in api cli; do
	jq -S "$same" "$WORK/$by.json" >"$WORK/$by.same" || not_ok "docker inspect can be read"
done
for server in $(sed -n 's/^\[server:\(.*\)\]/\1/p' "$WORK/servers.ini"); do
	is "docker inspect of $server is the same by api and by cli" \
		"$(diff <(jq -S ".\"$server\"" "$WORK/api.same") <(jq -S ".\"$server\"" "$WORK/cli.same"))" ""
done
