# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2119,SC2120
# What every NN-topic.sh sources first. It gives a script a directory of its own, the real mcpinit as PID 1 in a PID
# namespace, named pipes as an agent has them, and assertions that print `ok`, `not ok` and `skip` lines for tests/run.
# When a script ends, however it ends, mcpinit is stopped, and it is an assertion that nothing is left.
set -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/common.sh

BIN=$(realpath "${BIN:-build}")           # mcpinit and mcpctl
WORK=$(mktemp -d /tmp/mcpinit-it.XXXXXX) # everything of this script, configuration, log and pipes
CONF=$WORK/mcpinit.ini
LOG=$WORK/log
RUN=$WORK/mcp
CTL=$WORK/control
INSTANCE=it-$$-$RANDOM
FAKE_IMAGE=mcpinit-test/fake:local
FAKE=$WORK/fake_mcp # the same program for the process launcher
TIMEOUT=${TEST_WAIT:-30}
export MCPCTL_SOCKET=$CTL/control.sock

unshare_pid= # of the unshare that holds mcpinit
MCPINIT_PID= # of mcpinit, seen from here
STATUS=      # how the last mcpinit ended
n_failed=0

# --- assertions ----------------------------------------------------------------------------------

ok() {
	printf 'ok - %s\n' "$1"
}
not_ok() { # not_ok NAME [DETAIL]
	printf 'not ok - %s\n' "$1"
	[ $# -lt 2 ] || printf '%s\n' "$2" | head -c 2000 | sed 's/^/#   /'
	n_failed=$((n_failed + 1))
}
is() { # is NAME GOT EXPECTED
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:      $2"$'\n'"expected: $3"; fi
}
like() { # like NAME GOT EXTENDED-REGEX
	if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got:      $2"$'\n'"to match: $3"; fi
}
unlike() {
	if [[ $2 =~ $3 ]]; then not_ok "$1" "got:      $2"$'\n'"not to match: $3"; else ok "$1"; fi
}
succeeds() { # succeeds NAME COMMAND...
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$* → exit $?"$'\n'"$out"; fi
}
at_most() { # at_most NAME NUMBER LIMIT
	if (($2 <= $3)); then ok "$1"; else not_ok "$1" "$2 > $3"; fi
}
skip() { # skip NAME WHY
	printf 'skip - %s: %s\n' "$1" "$2"
}
skip_all() {
	skip "$(basename "$0" .sh)" "$1"
	exit 0
}
need_engine() {
	engine_answers || skip_all "no Docker engine (${ENGINE:-none answers})"
}
need_image() {
	local name
	need_engine
	for name; do
		has_image "mcpinit-test/$name:local" || skip_all "image mcpinit-test/$name:local could not be made"
	done
}
need_fake() { # fake_mcp as a child process
	gcc -std=gnu17 -D_GNU_SOURCE -O1 -o "$FAKE" tests/fixtures/fake_mcp.c
}

# --- waiting for what happens: polled, because it happens in another program -----------------------

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}
await() { # await COMMAND...: until it succeeds; that it does not within $TIMEOUT seconds is a failure
	local end=$((SECONDS + TIMEOUT))
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS >= end)) || { [ -n "$unshare_pid" ] && ! is_running; }; then
			not_ok "within $TIMEOUT s: $*" "$(ctl status 2>&1)"
			return 1
		fi
		sleep 0.02
	done
}
await_log() { # await_log REGEX [COUNT]
	await log_has "$@"
}
log_has() {
	[ "$(grep -cE -- "$1" "$LOG")" -ge "${2:-1}" ]
}

# --- mcpinit ---------------------------------------------------------------------------------------

# config [KEY=VALUE line...]: writes the configuration; [mcpinit] is ours plus the lines given, the rest is stdin.
config() {
	{
		printf '[mcpinit]\nruntime_dir = %s\ncontrol_dir = %s\ninstance = %s\n' "$RUN" "$CTL" "$INSTANCE"
		printf '%s\n' "$@" ''
		cat
	} >"$CONF"
}

# start_mcpinit [ARG...]: as PID 1; returns at once. Its log is $LOG, its stdout $WORK/stdout.
start_mcpinit() {
	: >"$LOG"
	launch_mcpinit "$@" 2>"$LOG"
}
launch_mcpinit() { # the same with the stderr of the caller
	local ns=(unshare -pf --mount-proc --kill-child=KILL)
	((EUID == 0)) || ns+=(-r)
	"${ns[@]}" "$BIN/mcpinit" -c "$CONF" "$@" </dev/null >"$WORK/stdout" &
	unshare_pid=$!
	until MCPINIT_PID=$(pgrep -P "$unshare_pid" -x mcpinit) || ! is_running; do
		sleep 0.01
	done
}
is_running() {
	[ -n "$unshare_pid" ] && kill -0 "$unshare_pid" 2>/dev/null && [[ $(ps -o stat= -p "$unshare_pid") != Z* ]]
}

# Waits for its end; its exit status is in STATUS.
wait_mcpinit() {
	if ! timeout "$TIMEOUT" tail -s 0.02 --pid="$unshare_pid" -f /dev/null; then
		not_ok "mcpinit ends within $TIMEOUT s" "$(tail -n 10 "$LOG")"
		kill -KILL "$MCPINIT_PID"
	fi
	wait "$unshare_pid"
	STATUS=$?
	unshare_pid=
}
stop_mcpinit() { # stop_mcpinit [SIGNAL]
	kill -s "${1:-TERM}" "$MCPINIT_PID"
	wait_mcpinit
}

ctl() {
	timeout "$TIMEOUT" "$BIN/mcpctl" "$@"
}
# state SERVER: its state, from mcpctl status
state() {
	ctl status "$1" | awk '{print $2}'
}
is_state() {
	[ "$(state "$1")" = "$2" ]
}
container() { # container SERVER: the ID of its running container, by label, and no word of mcpinit's
	docker ps -q --no-trunc --filter "label=io.mcpinit.instance=$INSTANCE" --filter "label=io.mcpinit.server=$1"
}

# --- an agent with its pipes -------------------------------------------------------------------------

# rpc SERVER LINE [AGENT]: plain shell redirection, one line in, one line out; the answer is printed.
rpc() {
	local dir=$RUN/${3:-default}/$1 line
	printf '%s\n' "$2" >"$dir/in"
	IFS= read -r -t "$TIMEOUT" line <"$dir/out" || return 1
	printf '%s\n' "$line"
}
# request ID METHOD [PARAMS]
request() {
	printf '{"jsonrpc":"2.0","id":%s,"method":"%s","params":%s}' "$1" "$2" "${3:-"{}"}"
}
# tool_call ID TOOL [ARGUMENTS]
tool_call() {
	request "$1" tools/call "{\"name\":\"$2\",\"arguments\":${3:-"{}"}}"
}
initialize_line() {
	request 0 initialize '{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}'
}
# The text of a tool's result.
text_of() {
	jq -r '.result.content[0].text'
}

# --- the end -----------------------------------------------------------------------------------------

containers_left() {
	docker ps -aq --filter "label=io.mcpinit.instance=$INSTANCE"
}
no_containers() {
	[ -z "$(containers_left)" ]
}
nothing_left() {
	local left
	left=$(find "$RUN" "$CTL" \( -type p -o -type s \) 2>/dev/null)
	is "nothing is left: pipes and sockets" "$left" ""
	left=$(pgrep -af "$WORK/" | grep -v "^$$ ")
	is "nothing is left: processes" "$left" ""
	if engine_answers; then
		is "nothing is left: containers" "$(docker ps -a --filter "label=io.mcpinit.instance=$INSTANCE" \
			--format '{{.Names}} {{.Status}}')" ""
	fi
}
sanitizers_are_silent() {
	local found
	found=$(grep -lrE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$WORK" 2>/dev/null)
	[ -z "$found" ] || not_ok "sanitizers are silent" "$(grep -hrE -A 15 'Sanitizer|runtime error:' "$WORK")"
}
finish() {
	local rc=$?
	((rc == 0)) || not_ok "$(basename "$0") runs to its end" "exit status $rc"
	if declare -F at_end >/dev/null; then # a script's own
		at_end
	fi
	if is_running; then
		stop_mcpinit
	fi
	[ -n "$STATUS" ] && nothing_left
	sanitizers_are_silent
	# shellcheck disable=SC2046 # one ID a word
	! engine_answers || no_containers || docker rm -f $(containers_left) >/dev/null 2>&1
	if ((n_failed)); then
		[ -s "$LOG" ] && { echo "# the end of mcpinit's log:" && tail -n 40 "$LOG" | sed 's/^/#   /'; }
		[ -n "${KEEP_WORK:-}" ] && echo "# kept: $WORK" && exit 1
	fi
	rm -rf "$WORK"
	exit $((n_failed > 0))
}
trap finish EXIT
trap 'exit 143' TERM INT
trap 'exit 141' PIPE # a pipe whose mcpinit died; without this no trap would run
