#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Reload: the files are checked whole first; only servers whose process would be another one get a new one; what did not
# change, its pipes and its calls under way see nothing; servers and agents come and go.
. "$(dirname "$0")/lib.sh"
need_image fake
need_fake

# settings LINE...: of [mcpinit]; the servers are in files of their own, so that one of them changes at a time.
settings() {
	config 'include = servers/*.ini' "$@" </dev/null
}
server() { # server NAME: its lines are stdin
	{
		echo "[server:$1]"
		cat
	} >"$WORK/servers/$1.ini"
}
agent() {
	{
		echo "[agent:$1]"
		cat
	} >"$WORK/servers/agent-$1.ini"
}
reload() {
	ctl reload >"$WORK/reload" 2>&1
}
is_unknown() { # is_unknown SERVER: it is in the configuration no more, nor on its way out
	ctl status "$1"
	(($? == 4))
}
pid_of() {
	ctl --json status "$1" | jq -r '.servers[0].id'
}
generation() {
	ctl --json status "$1" | jq -r '.servers[0].generation'
}

mkdir "$WORK/servers"
settings
server kept <<<"image = $FAKE_IMAGE"
server other <<<"command = $FAKE"$'\nlaunch = process'
server changed <<<"command = $FAKE --stderr one"$'\nlaunch = process'
server leaves <<<"command = $FAKE"$'\nlaunch = process'
server on_it <<<"command = $FAKE"$'\nlaunch = process\ndepends_on = leaves'
agent planner <<<'servers = kept, leaves'
agent tester <<<'servers = kept'
start_mcpinit
ctl wait --timeout 30s >/dev/null || not_ok "all servers come up" "$(ctl status)"

# --- what did not change sees nothing --------------------------------------------------------------

id=$(container kept)
exec {in}>"$RUN/planner/kept/in" {out}<"$RUN/planner/kept/out"
initialize_line >&"$in" && echo >&"$in" && read -r -t "$TIMEOUT" _ <&"$out"
tool_call 7 sleep '{"ms":1500}' >&"$in" && echo >&"$in"
other=$(pid_of other)

server changed <<<"command = $FAKE --stderr two"$'\nlaunch = process'
server other <<<"command = $FAKE"$'\nlaunch = process\nstop_grace_period = 1s\nhealthcheck = none'
server new <<<"image = $FAKE_IMAGE"
rm "$WORK/servers/"{leaves,on_it,agent-tester}.ini
agent planner <<<'servers = kept, new'
agent late <<<'servers = kept'
settings 'log_level = debug'
reload
is "reload says that it is done" "$?" 0
like "… and what it did" "$(<"$WORK/reload")" \
	'reloaded: 1 added \(new\), 2 removed \((leaves, on_it|on_it, leaves)\), 1 to run anew \(changed\), 1 changed without a restart \(other\), 1 agents added \(late\), 1 agents removed \(tester\), 1 agents changed \(planner\)'
like "… and waits for the servers that begin" "$(<"$WORK/reload")" 'new: started'
read -r -t "$TIMEOUT" line <&"$out"
is "a call under way is answered" "$(jq -r '"\(.id) \(.result.content[0].text)"' <<<"$line")" "7 slept"
is "by the same container" "$(container kept)" "$id"
tool_call 8 echo '{"text":"same pipes"}' >&"$in" && echo >&"$in"
read -r -t "$TIMEOUT" line <&"$out"
like "through the same pipes" "$line" 'same pipes'
exec {in}>&- {out}<&-
is "a process that was only to be supervised otherwise stays" "$(pid_of other)" "$other"
like "its new keys count" "$(ctl status other)" 'no health check'
like "a server that was changed runs anew" "$(ctl logs changed)" 'two'
is "log_level counts at once" "$(grep -c ' debug ' "$LOG" | awk '{print ($1 > 0)}')" 1

# --- what came and what went -----------------------------------------------------------------------

like "a new server answers" "$(rpc new "$(tool_call 1 echo '{"text":"hello"}')" planner)" hello
like "… a new agent, too" "$(rpc kept "$(tool_call 1 echo '{"text":"late"}')" late)" late
await test ! -e "$RUN/default/leaves"
is "a removed server is gone" "$(ctl status leaves | grep -c 'no such server')" 1
is "… its pipes, too" "$(find "$RUN" -name leaves -o -name on_it)" ""
order=$(grep -oE '(leaves|on_it) +removed' "$LOG" | awk '{print $1}' | tr '\n' ' ')
is "… those that needed it first" "$order" "on_it leaves "
is "a removed agent is gone" "$(ls "$RUN")" "default"$'\n'"late"$'\n'"planner"
is "an agent's pipe to what it may not use any more is gone" "$(ls "$RUN/planner")" "agent.sock"$'\n'"kept"$'\n'"new"

# --- readers of what is taken away are told, and get what was under way ---------------------------------

exec {in}>"$RUN/planner/new/in" {out}<"$RUN/planner/new/out"
tool_call 1 sleep '{"ms":60000}' >&"$in" && echo >&"$in"
await sh -c "'$BIN/mcpctl' --json status new | jq -e '.servers[0].in_flight == 1'"
rm "$WORK/servers/new.ini"
agent planner <<<'servers = kept'
reload
agent planner <<<'servers = *'
read -r -t "$TIMEOUT" line <&"$out"
like "a call to a server that is removed fails with the reason" "$line" '"id":1,"error".*removed from the configuration'
read -r -t "$TIMEOUT" line <&"$out"
is "its reader reads the end" "$?" 1
exec {in}>&- {out}<&-
await is_unknown new
await sh -c "[ -z \"\$(docker ps -aq --filter label=io.mcpinit.instance=$INSTANCE --filter label=io.mcpinit.server=new)\" ]"
ok "its container is gone"

# --- what is not valid changes nothing --------------------------------------------------------------

server bad <<<$'image = x\nno_such_key = 1'
server worse <<<'image = '
before=$(ctl --json status | jq -c '[.servers[] | [.name, .id, .generation]]')
reload
is "a mistake in the files: reload fails with 78" "$?" 78
like "… names every mistake, by file and line" "$(<"$WORK/reload")" \
	"servers/bad.ini:3: server:bad: no_such_key: .*servers/worse.ini:"
like "… and says what it means" "$(<"$WORK/reload")" 'everything goes on as before'
is "nothing changed" "$(ctl --json status | jq -c '[.servers[] | [.name, .id, .generation]]')" "$before"
rm "$WORK/servers/"{bad,worse}.ini
settings "workspace = /elsewhere" 'shutdown_timeout = 3s'
reload
is "a key that needs a restart: reload fails" "$?" 1
like "… and names it" "$(<"$WORK/reload")" 'workspace of \[mcpinit\] changed, which needs a restart'
is "nothing changed then, either" "$(ctl --json status | jq -c '[.servers[] | [.name, .id, .generation]]')" "$before"
settings

# --- SIGHUP, states that are not at rest ---------------------------------------------------------------

server fatal <<<"command = $WORK/not-there"$'\nlaunch = process'
server crashes <<<"command = $FAKE --exit-at-start 3"$'\nlaunch = process\nbackoff = 1h\nbackoff_max = 1h'
server slow <<<"command = $FAKE --slow 600000"$'\nlaunch = process'
server by_hand <<<"command = $FAKE"$'\nlaunch = process'
kill -HUP "$MCPINIT_PID"
await is_state fatal FATAL
await is_state crashes BACKOFF
await is_state slow STARTING
await is_state by_hand RUNNING
ctl stop by_hand >/dev/null
ok "SIGHUP reloads"
ln -s "$FAKE" "$WORK/not-there"
server crashes <<<"command = $FAKE"$'\nlaunch = process\nbackoff = 1h\nbackoff_max = 1h'
server slow <<<"command = $FAKE --slow 1"$'\nlaunch = process'
server by_hand <<<"command = $FAKE --stderr x"$'\nlaunch = process'
reload
like "a reload says what it tries again" "$(<"$WORK/reload")" '1 FATAL tried again \(fatal\)'
is "FATAL is left by a reload, BACKOFF and STARTING by a change" \
	"$(for s in fatal crashes slow; do state "$s"; done | sort -u)" RUNNING
is "what an operator stopped stays stopped" "$(state by_hand)" STOPPED
ctl start by_hand >/dev/null
like "… and starts as it is now" "$(ctl logs by_hand)" '^x|'$'\nx'
ctl stop --no-wait slow >/dev/null
rm "$WORK/servers/slow.ini"
reload
server slow <<<"command = $FAKE --stderr back"$'\nlaunch = process'
reload
is "removed and added again while it stops: it runs" "$(state slow)" RUNNING
await log_has 'slow +ready' 2

# --- many times over -----------------------------------------------------------------------------------

fds() { ls "/proc/$MCPINIT_PID/fd" | wc -l; }
rss() { awk '/^Private_Dirty/ {s += $2} END {print s}' "/proc/$MCPINIT_PID/smaps_rollup"; }
reload
n_fds=$(fds) n_rss=$(rss)
for i in {1..40}; do
	server turn <<<"command = $FAKE --stderr $i"$'\nlaunch = process'
	ctl reload --no-wait >/dev/null
	((i % 4)) || { rm "$WORK/servers/turn.ini" && ctl reload --no-wait >/dev/null; }
done
rm -f "$WORK/servers/turn.ini"
reload
await is_unknown turn
await test ! -e "$RUN/default/turn"
is "50 reloads later no descriptor is left open" "$(fds)" "$n_fds"
if [ -n "$MODE" ]; then
	skip "… and hardly any memory was kept" "sanitizers keep what was freed"
else
	at_most "… and hardly any memory was kept, KiB" "$(($(rss) - n_rss))" 300
fi
is "… and the first container has seen nothing of it" "$(container kept)" "$id"
stop_mcpinit
is "SIGTERM still ends it" "$STATUS" 0

# --- from nothing -----------------------------------------------------------------------------------------

rm "$WORK/servers/"*
start_mcpinit
await ctl status
is "a configuration without servers is one" "$(ctl status)" ""
server first <<<"image = $FAKE_IMAGE"
reload
is "a reload brings the first server, and the engine with it" "$?$(state first)" 0RUNNING
like "… with its pipes" "$(rpc first "$(tool_call 1 echo '{"text":"hello"}')")" hello
server refused <<<$'image = mcpinit-test/nowhere:local\nrequired = yes\npull_policy = never'
ctl reload --no-wait >/dev/null
wait_mcpinit
is "a required server that a reload brings and that cannot be had ends the container" "$STATUS" 10

# --- what a reload lets go of ---------------------------------------------------------------------------

rm -f "$WORK/servers/"*
settings 'required_timeout = 5s'
server late <<<"command = $FAKE --mute --slow 60000 --ignore-eof --ignore-term"$'\nlaunch = process\nrequired = yes\nstop_grace_period = 3s'
start_mcpinit
await sh -c "'$BIN/mcpctl' status late | grep -q 'shaking hands'"
rm "$WORK/servers/late.ini"
reload
await is_unknown late
is "a required server that leaves does not end the container for being late" \
	"$(ctl status >/dev/null && echo up)" up
mv "$WORK/mcpinit.ini" "$WORK/kept.ini"
mkfifo "$WORK/mcpinit.ini"
reload
is "a pipe in the place of the configuration: nothing waits for it" "$?" 78
like "… and it is named" "$(<"$WORK/reload")" 'mcpinit.ini: it is a pipe'
rm "$WORK/mcpinit.ini"
mv "$WORK/kept.ini" "$WORK/mcpinit.ini"
stop_mcpinit
