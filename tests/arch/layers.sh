#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The layers, executable: arrows point down only. Every #include of the sources is held against the two tables below,
# and neither folders nor files may include each other in a circle.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1

declare -A may_include=(
	[base]="base"
	[conf]="base conf"
	[docker]="base docker"
	[stdio]="base stdio"
	[health]="base health"
	[supervisor]="base conf docker stdio health supervisor"
	[mcpctl]="base mcpctl"
	[mcpctl/doctor]="base conf docker mcpctl/doctor"
)
# Which libraries, besides libc, a folder or a file may use.
declare -A may_use=(
	[base/http.c]="curl"
	[base/http_multi.c]="curl"
	[base/http_multi.h]="curl"
	[base/http_raw.c]="curl"
	[base/wire.c]="cjson"
	[base/wire.h]="cjson"
	[conf]="ini.h"
	[docker]="curl cjson"
	[stdio]="cjson"
	[stdio/pin_print.c]="cjson openssl"
	[health]="curl cjson"
	[supervisor]="curl cjson"
	[mcpctl]="cjson"
	[mcpctl/doctor]="cjson"
)
libraries="curl cjson ini.h openssl"

mapfile -t files < <(find base conf docker stdio health supervisor mcpctl -name '*.[ch]' | sort)
bad=()
has_word() {
	[[ " $1 " == *" $2 "* ]]
}

while IFS=: read -r file line include; do
	folder=${file%/*}
	[[ $include =~ [\<\"]([^\>\"]*)[\>\"] ]] || continue
	name=${BASH_REMATCH[1]}
	if [[ $include == *\"* ]]; then
		if [[ $name != */* || ! -e $name ]]; then
			bad+=("$file:$line: \"$name\": includes are relative to the root, and must exist")
		elif ! has_word "${may_include[$file]:-${may_include[$folder]}}" "${name%/*}"; then
			bad+=("$file:$line: $folder/ may not include \"$name\"")
		fi
	elif has_word "$libraries" "${name%%/*}" && ! has_word "${may_use[$file]:-${may_use[$folder]:-}}" "${name%%/*}"; then
		bad+=("$file:$line: $folder/ may not use <$name>")
	fi
done < <(grep -nE '^[[:space:]]*#[[:space:]]*include' "${files[@]}")

if ((${#bad[@]})); then
	printf 'not ok - includes point down only\n'
	printf '#   %s\n' "${bad[@]}"
else
	echo "ok - includes point down only (${#files[@]} files)"
fi

# Circles, by tsort: headers with headers, folders with folders.
circles() {
	grep -HoE '^[[:space:]]*#[[:space:]]*include "[^"]*"' "$@" | sed -E 's/:[^"]*"([^"]*)"/ \1/'
}
n_bad=${#bad[@]}
for level in headers folders; do
	if [ $level = headers ]; then
		mapfile -t headers < <(printf '%s\n' "${files[@]}" | grep '\.h$')
		pairs=$(circles "${headers[@]}")
	else
		pairs=$(circles "${files[@]}" | sed -E 's#/[^/ ]*( |$)#\1#g' | awk '$1 != $2' | sort -u)
	fi
	if out=$(tsort <<<"$pairs" 2>&1 >/dev/null); then
		echo "ok - no circle of $level"
	else
		echo "not ok - no circle of $level"
		printf '%s\n' "$out" | sed 's/^/#   /'
		n_bad=$((n_bad + 1))
	fi
done
exit $((n_bad > 0))
