#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# timeout: 240
# The log: whatever stderr is, and whoever stops reading it, mcpinit goes on; what was not shown is counted and said;
# foreign bytes stay text; no secret and no message body is in it.
. "$(dirname "$0")/lib.sh"
need_fake

serves() { # does the server fake answer?
	[ "$(rpc fake "$(tool_call 1 echo '{"text":"still here"}')" | text_of)" = "still here" ]
}
# The flags of a descriptor of ours: those of the description that mcpinit was given.
flags() {
	awk '/^flags/ { print $2 }' "/proc/$BASHPID/fdinfo/$1"
}
is_logged() { # is_logged SERVER PATTERN: in the ring
	ctl logs "$1" | grep -- "$2" # not -q: that would end the pipe before mcpctl has written all
}
# script NAME: a server whose stdin and stdout are fake_mcp's and whose stderr is what stdin of this says
script() {
	{ printf '#!/bin/sh\n' && cat && printf 'exec %s\n' "$FAKE"; } >"$WORK/$1" && chmod +x "$WORK/$1"
}

# --- a pipe that nobody reads ------------------------------------------------------------------------
script wide <<'END'
( i=0; fill=$(printf '%02000d' 0)
while [ $((i += 1)) -le 200 ]; do echo "wide $i of 200 $fill"; done ) >&2
END
config 'launch = process' <<END
[server:fake]
command = $FAKE
[server:wide]
command   = $WORK/wide
autostart = false
END
pipe=$WORK/stderr
mkfifo "$pipe"
exec 7<>"$pipe" 8>"$pipe"
before=$(flags 8)
launch_mcpinit 2>&8 7>&- 8>&-
await is_state fake RUNNING
ctl start wide >/dev/null
await is_logged wide '^wide 200 of 200 '
succeeds "a full pipe: the servers are served" serves
is "a full pipe: its flags are as they were" "$(flags 8)" "$before"
read_all() { # what is in the pipe; the torn line at its end waits for the next
	timeout 0.5 cat <&7
}
read_all >"$WORK/first"
ctl restart fake >/dev/null
read_all >"$WORK/second"
cat "$WORK/first" "$WORK/second" >"$WORK/both"
missing=$((200 - $(grep -cE 'stderr: wide [0-9]+ of 200 0{2000}$' "$WORK/both")))
mapfile -t said < <(sed -nE 's/.* warn  mcpinit  ([0-9]+) lines? dropped: stderr was not read$/\1/p' "$WORK/both")
at_most "a full pipe costs lines" 100 "$missing"
is "which are said in one line when the reader is back" "${#said[@]}" 1
# The line that says wide is ready is ours, and may be among them.
at_most "and are no fewer than are missing" "$missing" "${said[0]:-0}"
at_most "nor more" "${said[0]:-0}" $((missing + 2))
is "no line is torn" "$(grep -cvE '^20[0-9-]{8}T[0-9:.]{12}Z (error|warn |info |debug) ' "$WORK/both")" 0

exec 7<&- # nobody holds its other end any more
ctl restart fake >/dev/null
succeeds "a closed pipe: mcpinit lives and serves" serves
exec 7<>"$pipe"
ctl restart fake >/dev/null
like "a closed pipe: a new reader hears what was lost" "$(read_all)" ' [0-9]+ lines? dropped: stderr was not read'
is "a closed pipe: its flags are as they were" "$(flags 8)" "$before"
stop_mcpinit
is "ends as asked" "$STATUS" 0
exec 7<&- 8>&-

# --- a terminal that is stopped ----------------------------------------------------------------------
coproc terminal { exec python3 -c '
import os, sys
ours, theirs = os.openpty()
print(os.ttyname(theirs), flush=True)
sys.stdin.readline()  # until then nobody reads
while True:
    sys.stdout.buffer.write(os.read(ours, 65536))
    sys.stdout.flush()
'; }
terminal_pid=$!
read -r tty <&"${terminal[0]}"
exec 8<>"$tty"
before=$(flags 8)
launch_mcpinit 2>&8
await is_state fake RUNNING
ctl start wide >/dev/null
await is_logged wide '^wide 200 of 200 '
succeeds "a stopped terminal: the servers are served" serves
is "a stopped terminal: its flags are as they were" "$(flags 8)" "$before"
echo >&"${terminal[1]}"
timeout 1 cat <&"${terminal[0]}" >"$WORK/first"
ctl restart fake >/dev/null
timeout 1 cat <&"${terminal[0]}" >"$WORK/second"
like "a terminal that goes on hears what was lost" "$(cat "$WORK/first" "$WORK/second")" ' [0-9]+ lines dropped: stderr was not read'
stop_mcpinit
kill "$terminal_pid"
wait "$terminal_pid" 2>/dev/null
exec 8>&-

# --- no room -----------------------------------------------------------------------------------------
launch_mcpinit 2>/dev/full
await is_state fake RUNNING
succeeds "/dev/full: the servers are served" serves
stop_mcpinit
is "/dev/full: ends as asked" "$STATUS" 0

mkdir "$WORK/tiny"
if mount -t tmpfs -o size=64k tmpfs "$WORK/tiny" 2>/dev/null; then
	at_end() {
		umount -l "$WORK/tiny"
	}
	exec 8>>"$WORK/tiny/log"
	launch_mcpinit 2>&8
	await is_state fake RUNNING
	ctl start wide >/dev/null
	await is_logged wide '^wide 200 of 200 '
	succeeds "a full file system: the servers are served" serves
	truncate -s 0 "$WORK/tiny/log"
	ctl restart fake >/dev/null
	like "a full file system: when there is room again it says what was lost" "$(tr -d '\0' <"$WORK/tiny/log")" ' [0-9]+ lines dropped: '
	stop_mcpinit
	exec 8>&-
else
	skip "a full file system" "no tmpfs can be mounted here"
fi

# --- a flood -----------------------------------------------------------------------------------------
mkfifo "$WORK/gate" "$WORK/endless"
script flood <<END
( read _ <$WORK/gate; seq -f 'flood line %.0f' 1 100000; ) >&2 &
END
script stream <<END
( read _ <$WORK/endless; yes 'a line without end'; ) >&2 &
END
config 'launch = process' 'log_format = json' <<END
[server:fake]
command = $FAKE
[server:flood]
command = $WORK/flood
[server:stream]
command = $WORK/stream
END
started=$SECONDS
start_mcpinit
await is_state fake RUNNING
await is_state flood RUNNING
await is_state stream RUNNING
echo >"$WORK/gate"
shown() { # shown SERVER: lines shown, and lines said not to be
	jq -s --arg s "$1" 'map(select(.server == $s)) |
		"\(map(select(.event == "stderr")) | length) \(map(select(.event == "stderr_suppressed").lines) | add // 0)"' -r "$LOG"
}
adds_up() {
	local lines rest
	read -r lines rest < <(shown flood)
	((lines + rest == 100000))
}
await adds_up
succeeds "100,000 lines of stderr: what is shown and what is said not to be add up" adds_up
read -r lines _ < <(shown flood)
at_most "100,000 lines of stderr: few are shown" "$lines" 1000
like "their number, the time and the remedy are said" "$(jq -r 'select(.event == "stderr_suppressed" and .server == "flood").msg' "$LOG")" \
	'^… [0-9]+ more lines of stderr in [0-9]+\.[0-9] s not shown; mcpctl logs flood'
is "the ring has the end" "$(ctl logs flood -n 1)" "flood line 100000"

median_us() { # of 40 calls, one after the other
	local i start request
	for ((i = 0; i < 40; i++)); do
		request=$(tool_call $i echo '{"text":"in time"}')
		start=${EPOCHREALTIME/./}
		printf '%s\n' "$request" >"$RUN/default/fake/in"
		read -r -t "$TIMEOUT" _ <"$RUN/default/fake/out" || return 1
		echo $((${EPOCHREALTIME/./} - start))
	done | sort -n | sed -n 20p
}
echo >"$WORK/endless"
await is_logged stream 'without end'
stop_stream=$(pgrep -f "^yes a line without end")
kill -STOP "$stop_stream"
quiet=$(median_us)
kill -CONT "$stop_stream"
busy=$(median_us)
# Without end it takes one of the machine's cores, and mcpinit another: its own part is what is held to.
at_most "stderr without end: another server's agent waits little longer for an answer ($quiet µs, $busy µs)" "$busy" $((3 * quiet + 20000))
at_most "stderr without end: it still comes" 1000 "$(ctl logs stream | grep -c 'without end')"
succeeds "stderr without end: restart goes through" ctl restart fake
stop_mcpinit
is "stderr without end: ends as asked" "$STATUS" 0
read -r lines _ < <(shown stream)
at_most "stderr without end: 200 lines at once, then 50 a second" "$lines" $((200 + 50 * (SECONDS - started + 1)))

# --- foreign bytes -----------------------------------------------------------------------------------
script odd <<'END'
{ printf 'invalid \377\376 \300\257 \355\240\200 end\n'
printf 'escape \033[31mred\033[0m \033]0;title\007 \033c\n'
printf 'controls \b\t\v\f\177 \302\233 31m \233 end\r\n'
printf 'carriage\rreturn\n'
printf 'nul \0 behind\n'
printf 'quotes "\\" {"a":1} \303\251 \360\237\230\200\n'
printf '%0100000d\n' 0
printf 'odd is done\n' ; } >&2
END
for format in text json; do
	config 'launch = process' "log_format = $format" <<-END
		[server:odd]
		command = $WORK/odd
	END
	start_mcpinit
	await_log 'odd is done'
	await is_state odd RUNNING
	stop_mcpinit
	is "$format: no control character gets through" "$(LC_ALL=C grep -cP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$LOG")" 0
	succeeds "$format: all of it is UTF-8" iconv -f UTF-8 -t UTF-8 "$LOG"
	at_most "$format: no line is longer than 16 KiB" "$(LC_ALL=C awk '{ if (length > n) n = length } END { print n }' "$LOG")" 16384
	is "$format: a long line is all there" "$(grep -o '0\{50,\}' "$LOG" | tr -d '\n' | wc -c)" 100000
done
is "every line is one JSON object with its fields" \
	"$(jq -c 'select((.ts and .level and .server and .event and (.msg | type) == "string") | not)' "$LOG" 2>&1)" ""
is "as many as there are lines" "$(jq -n '[inputs] | length' "$LOG")" "$(wc -l <"$LOG")"
is "quotes come back from JSON as they were" "$(jq -r 'select(.msg | contains("quotes")).msg' "$LOG")" \
	'stderr: quotes "\" {"a":1} é 😀'
like "what is no UTF-8 is shown as bytes" "$(jq -r 'select(.msg | contains("invalid")).msg' "$LOG")" \
	'invalid \\xff\\xfe \\xc0\\xaf \\xed\\xa0\\x80 end'

# --- secrets and messages ----------------------------------------------------------------------------
script leak <<'END'
( printf 'the key is very-sec'; sleep 0.3; printf 'ret-value, as said\n'; printf '%08180d very-secret-value\n' 0
printf 'leak is done\n' ) >&2
END
printf 'secret-of-a-file-1\n' >"$WORK/secret"
for format in text json; do
	config 'launch = process' 'log_level = debug' "log_format = $format" <<-END
		[server:leak]
		command = $WORK/leak
		environment = TOKEN
		secret_environment = FILE_KEY=$WORK/secret
		[server:garbage]
		command = $FAKE --garbage --flood 3 --two-pages --stderr "secret-of-a-file-1 is mine"
		environment = TOKEN
		[server:mute]
		command = $FAKE --half-line
	END
	TOKEN=very-secret-value start_mcpinit
	await_log 'leak is done'
	for name in leak garbage mute; do
		await is_state $name RUNNING
	done
	{
		rpc leak "$(tool_call 1 echo '{"text":"canary-in-a-call"}')"
		rpc leak "$(tool_call 2 env '{"name":"FILE_KEY"}')"
		rpc garbage "$(tool_call 3 echo '{"text":"canary-in-a-call"}')"
		rpc mute "$(tool_call 4 echo '{"text":"canary-in-a-call"}')" # its server dies over it
		rpc leak '{"canary-in-bad-json'
		rpc leak "$(request 5 'canary/method' '{"text":"canary-in-a-call"}')"
		rpc leak '[{"canary-in-a-batch":1}]'
		rpc leak '{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"canary-in-a-name"}}'
		rpc leak "$(request 7 completion/complete '{"canary":1}')"
	} >"$WORK/answers"
	is "$format, debug: all of them were answered" "$(wc -l <"$WORK/answers")" 9
	stop_mcpinit
	is "$format, debug: no message body is in the log" "$(grep -n 'canary' "$LOG")" ""
	is "$format, debug: no secret is in it, written in two pieces or cut in half" \
		"$(grep -nE 'very-sec|ret-value|secret-of-a' "$LOG" | cut -c 1-200)" ""
	is "$format, debug: but what stands beside it" "$(grep -c 'the key is \*\*\*, as said' "$LOG")" 1
	like "$format, debug: there are lines of that level" "$(<"$LOG")" '( debug|"debug")'
done
