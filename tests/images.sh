#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the images that the demo and the tests run, without any registry: a directory becomes one by `docker import`.
#   images.sh [--pull] NAME...   servers: everything filesystem memory · fake: tests/fixtures/fake_mcp.c
#                                modern: tests/fixtures/modern_server.mjs, of MCP 2026-07-28
#                                debian: a base like debian:bookworm-slim · docker-cli: the docker program alone
#   images.sh servers-dir        no image: the directory with the servers' node packages, printed
# Each is tagged mcpinit-test/NAME:local; one that is there is not made again. With --pull a server's published image
# is taken where a registry can be reached.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

# The real servers, from npm: the one place for their version.
SERVERS_VERSION=2026.8.31
SERVERS=(everything filesystem memory)
SERVERS_SCOPE=@modelcontextprotocol/server-
MODERN_VERSION=2.4.0 # of @modelcontextprotocol/server, the SDK

FAKE=tests/fixtures/fake_mcp.c
MODERN=tests/fixtures/modern_server.mjs

# import_dir NAME DIR CHANGE...: the content of DIR becomes the image.
import_dir() {
	local name=$1 dir=$2 change changes=()
	shift 2
	for change; do
		changes+=(-c "$change")
	done
	say "making image mcpinit-test/$name:local"
	tar -C "$dir" --numeric-owner --owner=0 --group=0 -c . |
		docker import "${changes[@]}" - "mcpinit-test/$name:local" >/dev/null
}

# Where a directory is made; it gets its real name when it is whole, so that a cut run leaves nothing half done.
mkdir -p "$STATE"
work=$(mktemp -d "$STATE/new.XXXXXX")
trap 'rm -rf "$work"' EXIT

# copy_program DIR FILE: a program and the shared libraries that it needs, with their paths.
copy_program() {
	{
		printf '%s\n' "$2"
		ldd "$2" 2>/dev/null | grep -o '/[^ ]*' || true
	} | xargs -r cp -L --parents -t "$1"
}

# node_dir DIR PACKAGE...: node, its libraries and the packages, in a directory that images are made of.
node_dir() {
	local dir=$1 new=$work/node module
	shift
	[ -d "$dir" ] && return
	bash tests/deps.sh node
	say "fetching $* from npm"
	mkdir -p "$new/app"
	install -d -m 1777 "$new/tmp"
	npm_install "$new/app" "$@"
	copy_program "$new" "$(readlink -f "$(command -v node)")"
	# Debian's node keeps a few of its own modules outside of the program.
	for module in cjs-module-lexer undici acorn acorn-walk; do
		[ ! -d "/usr/share/nodejs/$module" ] || cp -rL --parents -t "$new" "/usr/share/nodejs/$module"
	done
	mv -T "$new" "$dir"
}

# The servers share one.
servers_dir() {
	local packages=("${SERVERS[@]/#/$SERVERS_SCOPE}")
	node_dir "$STATE/servers-$SERVERS_VERSION" "${packages[@]/%/@$SERVERS_VERSION}"
}

make_server() {
	servers_dir
	import_dir "$1" "$STATE/servers-$SERVERS_VERSION" 'ENV PATH=/usr/bin:/bin' 'WORKDIR /app' \
		"ENTRYPOINT [\"node\",\"/app/node_modules/$SERVERS_SCOPE$1/dist/index.js\"]"
}

# The SDK of MCP 2026-07-28, which wants node 20, and a server on it.
make_modern() {
	local dir=$STATE/modern-$MODERN_VERSION
	bash tests/deps.sh node
	node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || die "the SDK of MCP 2026-07-28 needs node 20"
	node_dir "$dir" "@modelcontextprotocol/server@$MODERN_VERSION"
	cp "$MODERN" "$dir/app/"
	import_dir modern "$dir" 'ENV PATH=/usr/bin:/bin' 'WORKDIR /app' "LABEL source=$(source_of "$MODERN")" \
		"ENTRYPOINT [\"node\",\"/app/${MODERN##*/}\"]"
}

# Made anew when the source changed.
make_fake() {
	local dir=$work/fake
	install -d -m 1777 "$dir/tmp"
	gcc -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$dir/fake_mcp" "$FAKE"
	import_dir fake "$dir" 'ENTRYPOINT ["/fake_mcp"]' "LABEL source=$(source_of $FAKE)"
}
source_of() {
	cksum <"$1" | tr ' ' -
}
is_current() { # is_current IMAGE SOURCE
	[ "$(docker image inspect -f '{{.Config.Labels.source}}' "mcpinit-test/$1:local" 2>/dev/null)" = "$(source_of "$2")" ]
}

# A small Debian 12 with this machine's package sources and proxies, so that `docker build` can install from them.
make_debian() {
	local dir=$STATE/debian-bookworm new=$work/debian
	if [ ! -d "$dir" ]; then
		say "making a Debian 12 base with debootstrap"
		debootstrap --variant=minbase bookworm "$new" "$(debian_mirror)" >"$STATE/debootstrap.log" 2>&1 ||
			die "debootstrap failed; see $STATE/debootstrap.log"
		rm -rf "$new/var/cache/apt/archives" "${new:?}/dev"
		mkdir -p "$new/var/cache/apt/archives/partial" "${new:?}/dev"
		cp /etc/apt/apt.conf.d/*proxy* "$new/etc/apt/apt.conf.d/" 2>/dev/null || true
		mv -T "$new" "$dir"
	fi
	import_dir debian "$dir" 'CMD ["bash"]'
}
debian_mirror() {
	local mirrors
	mapfile -t mirrors < <(grep -rhoE 'https?://[^ ]*/debian/?( |$)' /etc/apt/sources.list{,.d} 2>/dev/null)
	printf '%s\n' "${mirrors[0]% }" | grep . || echo http://deb.debian.org/debian
}

make_docker_cli() {
	local dir=$work/docker-cli
	install -D "$(readlink -f "$(command -v docker)")" "$dir/usr/local/bin/docker"
	import_dir docker-cli "$dir"
}

# The published image, under our tag. One refusal is enough: the registry is not asked for the others.
can_pull=no
pull_server() {
	[ $can_pull = yes ] || return 1
	say "pulling mcp/$1"
	if timeout 120 docker pull -q "mcp/$1" >/dev/null 2>&1 && docker tag "mcp/$1" "mcpinit-test/$1:local"; then
		return 0
	fi
	say "  it cannot be pulled here; the images are made from npm packages"
	can_pull=no
	return 1
}

for name; do
	case $name in
	--pull) can_pull=yes ;;
	servers-dir) servers_dir && printf '%s\n' "$STATE/servers-$SERVERS_VERSION/app" ;;
	fake) is_current fake $FAKE || make_fake ;;
	modern) is_current modern $MODERN || make_modern ;;
	debian) has_image mcpinit-test/debian:local || make_debian ;;
	docker-cli) has_image mcpinit-test/docker-cli:local || make_docker_cli ;;
	everything | filesystem | memory) has_image "mcpinit-test/$name:local" || pull_server "$name" || make_server "$name" ;;
	*) die "no image '$name' is known" ;;
	esac
done
