#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Both programs build with gcc and with clang without a warning, and tell their version and usage.
# timeout: 400
. "$(dirname "$0")/lib.sh"
[ -z "${MODE:-}" ] || skip_all "built with MODE=$MODE already"
unset MAKEFLAGS BUILD

for cc in gcc clang; do
	if make -j"$(nproc)" --no-print-directory programs CI=true CC=$cc BUILD="$WORK/$cc" >"$WORK/$cc.log" 2>&1; then
		is "$cc builds without a warning" "$(grep -c 'warning:' "$WORK/$cc.log")" 0
	else
		not_ok "$cc builds without a warning" "$(grep -E 'error|warning' "$WORK/$cc.log" | head -n 20)"
	fi
done

like "mcpinit -V tells the version" "$("$BIN/mcpinit" -V)" '^mcpinit [0-9]+\.[0-9]+\.[0-9]+'
like "mcpctl -V tells the version" "$("$BIN/mcpctl" -V)" '^mcpctl [0-9]+\.[0-9]+\.[0-9]+'
like "mcpinit -h shows the usage" "$("$BIN/mcpinit" -h)" 'mcpinit .*-c FILE'
"$BIN/mcpinit" --nonsense >/dev/null 2>&1
is "an unknown option is a usage error" $? 64
"$BIN/mcpctl" nonsense >/dev/null 2>&1
is "an unknown verb is a usage error" $? 64
