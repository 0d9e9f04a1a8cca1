#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Hard limits: 500 lines a file, 80 lines and 5 parameters a function (the closing struct err * apart); each file says
# its licence.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
. tests/common.sh

mapfile -t sources < <(our_files "${C_SOURCES[@]}")
mapfile -t scripts < <(our_files "${SHELL_SCRIPTS[@]}")
rc=0
verdict() { # verdict NAME FINDINGS
	if [ -z "$2" ]; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		printf '%s\n' "$2" | sed 's/^/#   /'
		rc=1
	fi
}

verdict "files have at most 500 lines" "$(wc -l "${sources[@]}" "${scripts[@]}" |
	awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }')"

# A function's body begins with { and ends with } in the first column; its head is what stands before, without a gap.
heads_and_bodies='
	FNR == 1 { head = "" ; start = 0 }
	/^{/ { start = FNR; params = head; next }
	/^}/ {
		if (start && FNR - start + 1 > 80)
			print "lines " FILENAME ":" start ": " FNR - start + 1 " lines"
		if (start && params !~ /=/) {
			sub(/^[^(]*\(/, "", params)
			gsub(/\([^()]*\)/, "", params)
			sub(/,[ \t]*struct err \*e\)$/, ")", params)
			if (gsub(/,/, ",", params) > 4)
				print "params " FILENAME ":" start ": more than 5 parameters"
		}
		head = ""; start = 0; next
	}
	!start && (/^[#\/ ]/ || /^$/ || /;$/) { head = ""; next }
	!start { head = head $0 }
'
found=$(awk "$heads_and_bodies" "${sources[@]}")
verdict "functions have at most 80 lines" "$(sed -n 's/^lines //p' <<<"$found")"
verdict "functions have at most 5 parameters" "$(sed -n 's/^params //p' <<<"$found")"
verdict "files say their licence" "$(grep -L 'SPDX-License-Identifier: MIT' "${sources[@]}" "${scripts[@]}")"
exit $rc
