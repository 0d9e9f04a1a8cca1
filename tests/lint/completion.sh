#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What bash and zsh offer behind mcpctl and mcpinit is what there is: verbs, each verb's options, the programs' options.
# The completions are asked, not read; what there is comes from `mcpctl -h` and from what main.c gives to getopt.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build} MODE=${MODE:-}
BIN=$BUILD${MODE:+/$MODE}
rc=0

# same NAME HAS SAYS: two lists are one
same() {
	local found
	found=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3") | sed -n 's/^< /not offered: /p; s/^> /not there: /p')
	if [ -n "$2" ] && [ -z "$found" ]; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n%s\n' "$1" "${found:-nothing is there to compare with}" | sed '2,$s/^/#   /'
		rc=1
	fi
}
options_of() { # SOURCE: long and short, as getopt has them
	grep -oE '"[a-z-]+", (no|required)_argument' "$1" | sed -E 's/"([^"]*)".*/--\1/'
	grep -oE 'getopt_long\([^"]*"[^"]*"' "$1" | sed 's/.*"\(.*\)"/\1/' | grep -o '[A-Za-z]' | sed 's/^/-/'
}

if ! out=$(make -s --no-print-directory "$BIN/mcpctl" BUILD="$BUILD" MODE="$MODE" 2>&1); then
	same "mcpctl can be built" "" "$out"
	exit 1
fi
PATH=$(realpath "$BIN"):$PATH
export MCPCTL_SOCKET=/nonexistent/control.sock
help=$(mcpctl -h | grep '^  [a-z]')
verbs=$(awk '{ print $1 }' <<<"$help")
general=' (-s|--socket|--json|-h|--help|-V|--version)$'
# "VERB OPTION"; the long forms of -f and -n stand in the page, not in the list of verbs
has=$(awk '{ for (i = 2; i <= NF; i++) if (sub(/^\[-/, "-", $i)) { sub(/].*/, "", $i); print $1 " " $i }
	} END { print "logs --follow\nlogs --lines\ndoctor --config" }' <<<"$help")

# check SHELL: with a function offers LINE… that prints one word a line and a dot behind each answer
check() {
	local verb lines=('mcpctl ' 'mcpinit -') said says
	for verb in $verbs; do
		lines+=("mcpctl $verb -")
	done
	# "N WORD": of the N-th line; a lone - is a command of zsh's
	said=$(offers "${lines[@]}" | awk '$0 == "." { n++; next } $0 != "-" { print n + 0, $0 }')
	same "$1 offers every verb of mcpctl, and no other" "$verbs" "$(sed -n 's/^0 //p' <<<"$said")"
	same "$1 offers every option of mcpinit" "$(options_of supervisor/main.c)" "$(sed -n 's/^1 //p' <<<"$said")"
	# shellcheck disable=SC2086 # a verb a word
	says=$(awk -v verbs="$(echo $verbs)" 'BEGIN { split(verbs, verb, " ") } $1 > 1 { print verb[$1 - 1], $2 }' <<<"$said")
	same "$1 offers every option of mcpctl" "$(options_of mcpctl/main.c)" "$(cut -d ' ' -f 2 <<<"$says")"
	same "$1 offers each verb's options, and no other" "$has" "$(grep -vE -e "$general" <<<"$says")"
}

offers() { # as readline calls it
	bash --norc -c '. docs/completion/mcpctl.bash
		for line; do
			read -ra COMP_WORDS <<<"$line"
			[[ $line != *" " ]] || COMP_WORDS+=("")
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
			"_${COMP_WORDS[0]}"
			printf "%s\n" "${COMPREPLY[@]}" .
		done' bash "$@"
}
check bash

if command -v zsh >/dev/null; then
	offers() {
		timeout 60 zsh -f tests/completion.zsh "$@"
	}
	check zsh
else
	echo "skip - what zsh offers: zsh is not installed"
fi

# "name:what it does" of the zsh file: the second half ends the verb's line in `mcpctl -h`.
says=$(sed -nE "s/^\t\t['\"]([a-z]+:.*)['\"]\$/\1/p" docs/completion/_mcpctl | sed -E 's/\\+:/:/g')
same "zsh says of each verb what mcpctl -h says" "$help" "$(while IFS=: read -r verb about; do
	line=$(grep "^  $verb " <<<"$help")
	[ "${line%" $about"}" = "$line" ] && echo "$verb: $about" || echo "$line"
done <<<"$says")"
exit $rc
