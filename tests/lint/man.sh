#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The man pages say what the programs have, no more and no less: keys with their defaults and choices, verbs, options,
# exit codes. What there is comes from the tables (tables.c), from `mcpctl -h` and from what main.c gives to getopt.
set -u -o pipefail
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build} MODE=${MODE:-}
BIN=$BUILD${MODE:+/$MODE}
ini=docs/man/mcpinit.ini.5
rc=0

# verdict NAME FINDINGS
verdict() {
	if [ -z "$2" ]; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		printf '%s\n' "$2" | sed 's/^/#   /'
		rc=1
	fi
}
# same NAME HAS SAYS: two lists are one; an empty one means that it was not found where it should be
same() {
	local found
	found=$(diff <(sort -u <<<"$2") <(sort -u <<<"$3") | sed -n 's/^< /only there: /p; s/^> /only in the page: /p')
	[ -n "$2" ] || found="nothing is there to compare with"
	verdict "$1" "$found"
}

if ! out=$(make -s --no-print-directory "$BIN/mcpctl" tables BUILD="$BUILD" MODE="$MODE" 2>&1); then
	verdict "what the man pages are held against can be built" "$(tail -n 20 <<<"$out")"
	exit 1
fi
tables=$("$BIN/tables")

# --- keys ------------------------------------------------------------------------------------------
# `.It Ic KEY No = DEFAULT` below a heading with [SECTION]; its text may name choices as Cm.
read_keys='
	/^\.Sh / { section = key = "" }
	/^\.S[hs] .*\[(mcpinit|server:NAME|agent:NAME)\]/ { section = $0; sub(/.*\[/, "", section); sub(/[:\]].*/, "", section) }
	/^\.It Ic [a-z_]+ No =/ {
		key = $3; value = $0; sub(/^\.It Ic [a-z_]+ No =/, "", value)
		print "key " section " " key value
		next
	}
	/^\.(It|El)/ { key = "" }
	key { for (i = 1; i < NF; i++) if ($i ~ /^\.?Cm$/) for (i++; i <= NF; i++) print "choice " section " " key " " $i }
'
says=$(awk "$read_keys" $ini)
same "every key of the configuration is in $ini with its default, and no other" \
	"$(grep '^key ' <<<"$tables")" "$(grep '^key ' <<<"$says")"
verdict "every choice of a key is in $ini" \
	"$(comm -23 <(grep '^choice ' <<<"$tables" | sort -u) <(grep '^choice ' <<<"$says" | sort -u))"

# --- verbs, options, exit codes --------------------------------------------------------------------
has=$("$BIN/mcpctl" -h | awk '/^  [a-z]/ {
	print $1
	for (i = 2; i <= NF; i++) if (sub(/^\[-/, "-", $i)) { sub(/].*/, "", $i); print $1 " " $i }
}')
says=$(awk '/^\.Sh / { is_verbs = /^\.Sh VERBS/ } is_verbs && /^\.It Cm / {
	print $3
	for (i = 4; i < NF; i++) if ($i == "Fl") print $3 " -" $(i + 1)
}' docs/man/mcpctl.1)
same "every verb of mcpctl is in its page with its options, and no other" "$has" "$says"

# page PROGRAM SOURCE PAGE
page() {
	local long short
	long=$(grep -oE '"[a-z-]+", (no|required)_argument' "$2" | sed -E 's/"([^"]*)".*/--\1/')
	short=$(grep -oE 'getopt_long\([^"]*"[^"]*"' "$2" | sed 's/.*"\(.*\)"/\1/' | grep -o '[A-Za-z]' | sed 's/^/-/')
	same "every option of $1 is in its page, and no other" "$long"$'\n'"$short" \
		"$(grep -oE '\bFl -?[A-Za-z][a-z-]*' "$3" | sed 's/Fl /-/')"
	same "every exit code of $1 is in its page, and no other" "$(sed -n "s/^exit $1 //p" <<<"$tables")" \
		"$(awk '/^\.Sh / { is_exit = /EXIT STATUS/ } is_exit && /^\.It [0-9]/ { print $2 }' "$3")"
}
page mcpinit supervisor/main.c docs/man/mcpinit.8
page mcpctl mcpctl/main.c docs/man/mcpctl.1

# --- signals and states ----------------------------------------------------------------------------
# listed SECTION MACRO PAGE: the words of its items
listed() {
	awk -v section="$1" -v macro="$2" '/^\.Sh / { on = $2 == section }
		on && $1 == ".It" && $2 == macro { for (i = 3; i <= NF; i++) if ($i != ",") print $i }' "$3"
}
same "every signal that means something is in docs/man/mcpinit.8, and no other" \
	"$(sed -n 's/^\t{ \(SIG[A-Z]*\), SIGNAL_.*/\1/p' supervisor/signals.c)" "$(listed SIGNALS Dv docs/man/mcpinit.8)"
same "every state is in docs/man/mcpinit.8, and no other" \
	"$(sed -n '/^static const char \*const state_names/,/^};/p' supervisor/fsm.c | grep -oE '"[A-Z]+"' | tr -d '"' | grep -vx NONE)" \
	"$(listed STATES Sy docs/man/mcpinit.8)"

# --- form ------------------------------------------------------------------------------------------
if command -v mandoc >/dev/null; then
	verdict "mandoc has nothing to say about the man pages" "$(mandoc -T lint -W warning docs/man/*.[158])"
else
	echo "skip - mandoc looks at the man pages: it is not installed"
fi
if command -v groff >/dev/null; then
	verdict "groff has nothing to say about the man pages" "$(groff -mdoc -Tutf8 -ww -z docs/man/*.[158] 2>&1)"
else
	echo "skip - groff looks at the man pages: it is not installed"
fi
exit $rc
