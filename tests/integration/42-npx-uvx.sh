#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# npx and uvx: a real npx installs a real server from npm in a stand-in for node:lts-alpine, made of this machine's node.
# The stand-in for uv's image has a script as its uvx, which says what uvx would say and then is the server of the fake
# image: what is looked at there is ours, not uv's.
# timeout: 400
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image fake
need_fake
command -v npm >/dev/null || skip_all "there is no npm to make a stand-in of"
git=$(command -v git) || skip_all "there is no git"

node_image=node:lts-alpine uv_image=ghcr.io/astral-sh/uv:python3.12-bookworm-slim
mine=mcpinit-test/mine:$INSTANCE
stand_ins=()
at_end() {
	docker volume ls -q --filter "label=io.mcpinit.instance=$INSTANCE" | xargs -r docker volume rm >/dev/null
	((!${#stand_ins[@]})) || docker rmi "${stand_ins[@]}" >/dev/null
}
# stand_in NAME DIR: the content of DIR becomes the image
stand_in() {
	if has_image "$1"; then
		skip_all "this engine has $1: no stand-in may take its name"
	fi
	install -d -m 1777 "$2/tmp"
	tar -C "$2" --owner=0 --group=0 -c . | docker import -c 'ENV PATH=/usr/bin:/bin' - "$1" >/dev/null
	stand_ins+=("$1")
}
copy_programs() { # copy_programs DIR FILE...
	local to=$1
	shift
	mkdir -p "$to"
	{
		printf '%s\n' "$@"
		ldd "$@" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*'
	} | sort -u | xargs cp -L --parents -t "$to"
}

npm=$(readlink -f "$(command -v npm)")
npm=${npm%/bin/*}
authorities=/etc/ssl/certs/ca-certificates.crt
root=$WORK/node
copy_programs "$root" "$(readlink -f "$(command -v node)")" "$git" /bin/sh /usr/bin/env "$authorities"
mkdir -p "$root$npm" "$root/usr/bin" "$root/bin" "$root/etc"
cp -rL "$npm/." "$root$npm"
for module in cjs-module-lexer undici acorn acorn-walk; do
	[ ! -d "/usr/share/nodejs/$module" ] || cp -rL --parents -t "$root" "/usr/share/nodejs/$module"
done
for program in npx npm; do
	ln -s "$npm/bin/$program-cli.js" "$root/usr/bin/$program"
done
stand_in "$node_image" "$root"
rm -rf "$root"

# An installer at work for 3 s, with a word each 250 ms, or none with --silent.
mkdir -p "$WORK/uv/bin"
copy_programs "$WORK/uv" /bin/sh /bin/sleep /bin/mkdir
gcc -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$WORK/uv/fake_mcp" tests/fixtures/fake_mcp.c
cat >"$WORK/uv/bin/uvx" <<-'END'
	#!/bin/sh
	if [ -e "$UV_CACHE_DIR/installed" ]; then
		echo "from the cache" >&2
	else
		i=0
		while [ $((i += 1)) -le 12 ]; do
			[ "$1" = --silent ] || echo "Downloading part $i" >&2
			sleep 0.25
		done
	fi
	mkdir -p "$UV_CACHE_DIR"
	: >"$UV_CACHE_DIR/installed"
	exec /fake_mcp
END
chmod +x "$WORK/uv/bin/uvx"
stand_in "$uv_image" "$WORK/uv"
docker tag "$uv_image" "$mine" && stand_ins+=("$mine")
rm -rf "$WORK/uv"

# --- what is decided, without an engine ---------------------------------------------------------------------

config <<-'END'
	[server:filesystem]
	command = npx -y @modelcontextprotocol/server-filesystem /workspace
	volumes = workspace:/workspace, cargo:/c:ro
	[server:memory]
	command = npx -y @modelcontextprotocol/server-memory
	[server:github]
	command = npx -y @modelcontextprotocol/server-github
	environment = GITHUB_PERSONAL_ACCESS_TOKEN=very-secret-value
	[server:playwright]
	command = npx @playwright/mcp@latest --isolated
	[server:git]
	command = uvx mcp-server-git --repository /workspace
	[server:fetch]
	command = uvx mcp-server-fetch
	[server:mine]
	command = uvx mcp-server-fetch
	image   = my-uv
END
decided() { # decided SERVER: what -t -v says of it
	awk -v s="$1:" '$1 == s { on = 1; print; next } /^[^ ]/ { on = 0 } on' "$WORK/decided"
}
"$BIN/mcpinit" -t -v -c "$CONF" >"$WORK/decided" 2>/dev/null
like "filesystem" "$(decided filesystem)" "image node:lts-alpine \(for npx\).*command +npx -y @modelcontextprotocol/server-filesystem /workspace"
like "its mounts" "$(decided filesystem)" "mount +/workspace on /workspace.*mount +volume cargo on /c, read-only"
like "its cache" "$(decided filesystem)" "mount +volume mcpinit-$INSTANCE-filesystem-cache on /tmp"
like "its user" "$(decided filesystem)" "user +the owner of /workspace, if the image's is root"
like "its time to start" "$(decided filesystem)" "start +within 5m00s of the last word of the installer"
like "memory" "$(decided memory)" "image node:lts-alpine \(for npx\).*user +the image's"
like "github is the image of its own" "$(decided github)" "image ghcr.io/github/github-mcp-server \(for npx\).*command +stdio"
unlike "which needs no cache" "$(decided github)" "cache"
like "playwright brings its browser" "$(decided playwright)" "image mcr.microsoft.com/playwright/mcp \(for npx\).*command +--isolated"
like "git has git" "$(decided git)" "image ghcr.io/astral-sh/uv:python3.12-bookworm \(for uvx\)"
like "fetch" "$(decided fetch)" "image $uv_image \(for uvx\)"
like "image overrides" "$(decided mine)" "image my-uv,.*command +uvx mcp-server-fetch.*mcpinit-$INSTANCE-mine-cache on /tmp"
unlike "no secret is shown" "$(<"$WORK/decided")" very-secret-value
is "-t alone is short" "$("$BIN/mcpinit" -t -c "$CONF" 2>/dev/null | wc -l)" 8

# --- uvx: the time to start, and the cache -------------------------------------------------------------------

config <<-END
	[defaults]
	network_mode  = none
	start_timeout = 1500ms
	[server:talks]
	command = uvx mcp-server-fetch
	[server:silent]
	command = uvx --silent mcp-server-fetch
	autorestart = false
	[server:mine]
	command = uvx mcp-server-fetch
	image = $mine
	user  = 1234:1234
END
start_mcpinit
await is_state talks RUNNING
like "an installer that talks is waited for" "$(grep ' talks .*ready in' "$LOG")" 'ready in [3-9][0-9]{3} ms|ready in [0-9]{5} ms'
await_log ' silent .*not ready within start_timeout'
ok "one that does not is not"
await is_state mine RUNNING
is "image overrides what runs" "$(docker inspect -f '{{.Config.Image}}' "$(container mine)")" "$mine"
like "status shows what was decided" "$(ctl status talks)" "image $uv_image"
is "so does its JSON" "$(ctl --json status talks | jq -r '.servers[0].image')" "$uv_image"
cache=mcpinit-$INSTANCE-talks-cache
is "the cache has our labels" "$(docker volume inspect -f '{{index .Labels "io.mcpinit.instance"}} {{index .Labels "io.mcpinit.server"}}' "$cache")" \
	"$INSTANCE talks"
is "any user may write to it" "$(docker volume inspect -f '{{.Mountpoint}}' "mcpinit-$INSTANCE-mine-cache" |
	xargs -I{} stat -c '%a %u' {} {}/.cache/uv/installed | paste -sd ' ')" "1777 0 644 1234"
ctl restart talks >/dev/null
await is_state talks RUNNING
like "the next start finds it" "$(ctl logs talks -n 20)" "from the cache"
stop_mcpinit
succeeds "the cache outlives us" docker volume inspect "$cache"

# --- npx: a real install, and a checkout of another user ------------------------------------------------------

mkdir "$WORK/workspace"
git init -q "$WORK/workspace/repo"
echo "of the checkout" >"$WORK/workspace/repo/file"
git -C "$WORK/workspace/repo" -c user.name=a -c user.email=a@b add file
git -C "$WORK/workspace/repo" -c user.name=a -c user.email=a@b commit -qm first
chown -R 1000:1000 "$WORK/workspace"
version=$(sed -n 's/^SERVERS_VERSION=//p' tests/images.sh)
network=bridge
docker network inspect -f '{{.Driver}}' bridge >/dev/null 2>&1 || network=host
docker run --rm --network "$network" --env "NODE_EXTRA_CA_CERTS=$authorities" "$node_image" node -e \
	'fetch("https://registry.npmjs.org/left-pad").then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))' ||
	{ skip "npx" "containers cannot reach registry.npmjs.org"; exit 0; }

config "workspace = $WORK/workspace" <<-END
	[defaults]
	network_mode = $network
	environment  = NODE_EXTRA_CA_CERTS=$authorities, npm_config_fetch_timeout=10000, npm_config_fetch_retry_mintimeout=500
	volumes      = workspace:/workspace
	[server:fs]
	command = npx -y @modelcontextprotocol/server-filesystem@$version /workspace
END
# shellcheck disable=SC2034 # of lib.sh: an install takes its time
TIMEOUT=120
start_mcpinit
await is_state fs RUNNING
like "it is installed by npx, visibly" "$(ctl logs fs -n 200)" "npm http fetch GET 200 https://registry.npmjs.org/"
is "it has no capability at all" "$(docker exec "$(container fs)" sh -c 'while read -r k v; do [ "$k" != CapEff: ] || echo "$v"; done </proc/1/status')" 0000000000000000
is "it runs as the owner of the workspace" "$(docker inspect -f '{{.Config.User}}' "$(container fs)")" 1000:1000
is "it reads" "$(ctl call fs read_text_file '{"path":"/workspace/repo/file"}')" "of the checkout"
succeeds "it writes" ctl call fs write_file '{"path":"/workspace/repo/new","content":"by the server\n"}'
is "what it wrote" "$(<"$WORK/workspace/repo/new")" "by the server"
is "is the owner's" "$(stat -c %u:%g "$WORK/workspace/repo/new")" 1000:1000
in_fs() {
	docker exec "$(container fs)" "$@"
}
is "git sees the checkout" "$(in_fs git -C /workspace/repo status --porcelain 2>&1)" "?? new"
succeeds "git writes to it" in_fs git -C /workspace/repo -c user.name=a -c user.email=a@b commit -q --allow-empty -m second
is "what git wrote is the owner's" "$(find "$WORK/workspace" ! -uid 1000)" ""
chown -R 1001:1001 "$WORK/workspace/repo"
is "git sees a checkout of a third user, too" "$(in_fs git -C /workspace/repo log --format=%s 2>&1 | paste -sd ' ')" "second first"
ctl restart fs >/dev/null
await is_state fs RUNNING
chown -R 1000:1000 "$WORK/workspace/repo"
is "the next start has it in its cache" "$(sed '1,/stopped: mcpctl restart/d' "$LOG" | grep -c '\.tgz')" 0
stop_mcpinit
