#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# logs -f: every line of a flood in order, or a mark that says exactly how many were lost; slow readers cost nobody anything.
. "$(dirname "$0")/lib.sh"
need_fake
lines=100000

config 'launch = process' 'log_level = warn' <<END
[server:fake]
command = $FAKE --stderr-flood $lines
healthcheck = none
END
start_mcpinit
await ctl wait fake

declare -A followers
# follow NAME [OPTION...]: into $WORK/NAME; one line of what was before, and so it is there when this returns.
follow() {
	local name=$1
	shift
	"$BIN/mcpctl" logs fake -f -n 1 "$@" >"$WORK/$name" 2>"$WORK/$name.err" &
	followers[$name]=$!
	await test -s "$WORK/$name"
}
flood() {
	ctl call fake echo '{"text":"x"}' >/dev/null
}
# tally FILE: lines, lost, marks, and how often a line did not stand where it should
tally() {
	tail -n +2 "$1" | awk '
		/^\[[0-9,]+ lines? lost: / { n = $1; gsub(/[^0-9]/, "", n); lost += n; last += n; marks++ }
		/^stderr line/ { wrong += $3 != last + 1; last = $3; lines++ }
		END { print lines + 0, lost + 0, marks + 0, wrong + 0 }'
}
has_all() {
	tail -n +2 "$WORK/$1" | grep -q "stderr line $lines of"
}
check() { # check NAME WHO
	local got lost marks wrong
	await has_all "$1"
	read -r got lost marks wrong < <(tally "$WORK/$1")
	is "$2: lines and lost ones are all there are" "$((got + lost))" "$lines"
	is "$2: in order, no gap without its mark" "$wrong" 0
	echo "# $2: $got lines, $lost lost at $marks places"
}

follow prompt
flood
check prompt "a prompt reader"

follow stopped
kill -STOP "${followers[stopped]}"
rss() {
	awk '/^VmRSS/ {print $2}' "/proc/$MCPINIT_PID/status"
}
before=$(rss)
flood
begin=$(now_ms)
ctl status >/dev/null
at_most "status beside a stopped reader: ms" $(($(now_ms) - begin)) 1000
at_most "memory that a stopped reader costs: KiB" $(($(rss) - before)) 1024
kill -CONT "${followers[stopped]}"
check stopped "a reader that was stopped"
read -r _ _ marks _ < <(tally "$WORK/stopped")
is "a reader that was stopped: one mark" "$marks" 1
kill "${followers[@]}"

for i in {1..20}; do
	follow "many$i"
done
flood
n_whole=0
for i in {1..20}; do
	await has_all "many$i"
	read -r got lost _ wrong < <(tally "$WORK/many$i")
	[ "$((got + lost)) $wrong" != "$lines 0" ] || n_whole=$((n_whole + 1))
done
is "20 readers at once: each with all lines, or marks for what it lost" "$n_whole" 20

follow json --json
kill -STOP "${followers[json]}"
flood
kill -CONT "${followers[json]}"
await has_all json
is "--json: an object a line, and one for what was lost" \
	"$(jq -s --argjson lines "$lines" '.[1:] as $all | ([$all[] | select(.text // "" | startswith("stderr line"))] | length) + ([$all[].lost // 0] | add) == $lines' "$WORK/json")" true

begin=$(now_ms)
kill -INT "${followers[json]}"
wait "${followers[json]}"
is "SIGINT ends it: 130" $? 130
at_most "at once: ms" $(($(now_ms) - begin)) 500
stop_mcpinit
wait "${followers[many1]}"
is "the end of mcpinit: 69" $? 69
is "and a word about it" "$(<"$WORK/many1.err")" "mcpctl: mcpinit has ended"
