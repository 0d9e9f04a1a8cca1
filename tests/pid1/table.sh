#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# table.sh MCPINIT: mcpinit and three other init processes through the same tests; a Markdown table. See docs/pid1.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/common.sh

others=(tini dumb-init catatonit)
missing=()
for name in "${others[@]}"; do
	command -v "$name" >/dev/null || missing+=("$name")
done
if ((${#missing[@]})); then
	say "installing: ${missing[*]}"
	apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
		{ apt-get update -q >&2 && apt-get install -y -q --no-install-recommends "${missing[@]}" >&2; }
fi

version() { # some print it to stderr, one calls itself by the name of another
	"$@" 2>&1 | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1
}
exec python3 tests/pid1/suite.py --table "mcpinit $(version "$1" -V)=$1 --" "tini $(version tini --version)=tini --" \
	"dumb-init $(version dumb-init --version)=dumb-init" "catatonit $(version catatonit --version)=catatonit --"
