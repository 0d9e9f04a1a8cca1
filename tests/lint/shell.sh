#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shell scripts: shellcheck has nothing to say about the shell scripts.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/common.sh
mapfile -t scripts < <(our_files "${SHELL_SCRIPTS[@]}")
if out=$(shellcheck -x -S warning "${scripts[@]}" 2>&1); then
	echo "ok - ${#scripts[@]} shell scripts pass shellcheck"
else
	echo "not ok - shell scripts pass shellcheck"
	printf '%s\n' "$out" | sed 's/^/#   /'
	exit 1
fi
