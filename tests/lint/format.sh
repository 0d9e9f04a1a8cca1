#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The C sources are as clang-format leaves them (`make format`).
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/common.sh
mapfile -t sources < <(our_files "${C_SOURCES[@]}")
if out=$(clang-format --dry-run -Werror "${sources[@]}" 2>&1); then
	echo "ok - ${#sources[@]} C files are formatted"
else
	echo "not ok - C files are formatted: run make format"
	grep 'error:' <<<"$out" | cut -d : -f 1 | sort | uniq -c | sed 's/^/#   /'
	grep -q 'error:' <<<"$out" || printf '%s\n' "$out" | sed 's/^/#   /'
	exit 1
fi
