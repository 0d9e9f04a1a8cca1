#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A lazy server is started by the first message, sleeps when nobody uses it, and is woken by the next; what is known is
# answered without waking it. The agents' pipes notice nothing.
. "$(dirname "$0")/lib.sh"
need_image fake everything memory

config <<END
[defaults]
network_mode = none
autostart    = lazy
idle_timeout = 1500ms

[server:fake]
image                = $FAKE_IMAGE
healthcheck_interval = 300ms
healthcheck_timeout  = 300ms

[server:slow]
image             = $FAKE_IMAGE
command           = --ignore-eof
stop_grace_period = 3s
park_timeout      = 1s

[server:everything]
image = mcpinit-test/everything:local

[server:memory]
image        = mcpinit-test/memory:local
idle_timeout = 0
END
is "it is no mistake" "$("$BIN/mcpinit" -c "$CONF" -t >/dev/null 2>&1; echo $?)" 0
start_mcpinit
await ctl status
idle_times() { # how often the server went to sleep
	grep -c " $1  idle for " "$LOG"
}
slept() { # slept SERVER TIMES
	[ "$(idle_times "$1")" -ge "$2" ] && is_state "$1" STOPPED && [ -z "$(container "$1")" ]
}

# --- the first message ---------------------------------------------------------------------------------
is "at first nothing runs" "$(docker ps -q --filter "label=io.mcpinit.instance=$INSTANCE")" ""
like "it is asleep" "$(ctl status fake)" '^fake +STOPPED +asleep, the first message starts it'
is "an agent's ping wakes nobody" "$(rpc fake "$(request 1 ping)" && container fake)" '{"jsonrpc":"2.0","id":1,"result":{}}'
awake=$(rpc fake "$(request 7 tools/list)")
is "the first message starts it and is answered" "$(jq '.result.tools | length' <<<"$awake")" 9
is "one that is not needed is not started" "$(state slow)" STOPPED

# --- asleep again ---------------------------------------------------------------------------------------
await slept fake 1
like "the log says it, and what wakes it" "$(grep 'idle for' "$LOG")" \
	'Z info +fake +idle for 1500ms; stopped, the next message starts it$'
is "it says so once" "$(grep ' fake ' "$LOG" | grep -c ' stopped')" 1
like "status says it, too" "$(ctl status fake)" '^fake +STOPPED +asleep: idle for 1500ms, the next message starts it'
succeeds "it counts as up" ctl status
succeeds "and as healthy" ctl healthy
is "its health is none" "$(ctl --json status fake | jq -r '.servers[0].health')" none

is "the list of tools is answered byte for byte" "$(rpc fake "$(request 7 tools/list)")" "$awake"
like "so is initialize" "$(rpc fake "$(initialize_line)")" '"id":0,"result":.*"serverInfo"'
is "and mcpctl tools has them" "$(ctl tools fake | wc -l)" "$(($(jq '.result.tools | length' <<<"$awake")))"
is "nobody was woken" "$(state fake)$(container fake)" STOPPED
is "a list from a cursor on wakes it" "$(rpc fake "$(request 8 tools/list '{"cursor":"x"}')" | jq .id)" 8
await slept fake 2
is "so does a call" "$(rpc fake "$(tool_call 9 count)" | text_of)" 1
await slept fake 3
like "sleep and waking are no restarts" "$(ctl --json status fake | jq -c '.servers[0] | [.restarts, .generation]')" '^\[0,3\]$'

# --- what keeps it up -------------------------------------------------------------------------------------
exec {in}>"$RUN/default/fake/in" {out}<"$RUN/default/fake/out"
printf '%s\n' "$(tool_call 10 sleep '{"ms":4000}')" >&"$in"
read -r -t "$TIMEOUT" line <&"$out"
is "a call that takes longer is answered" "$(jq .id <<<"$line")" 10
is "and it did not sleep meanwhile" "$(idle_times fake)" 3
await slept fake 4
printf '%s\n' "$(tool_call 11 count)" >&"$in"
read -r -t "$TIMEOUT" line <&"$out"
is "the same open pipes wake it" "$(text_of <<<"$line")" 1
exec {in}>&- {out}<&-

exec {in}>"$RUN/default/everything/in" {out}<"$RUN/default/everything/out"
printf '%s\n' "$(initialize_line)" "$(request 1 resources/subscribe '{"uri":"demo://resource/static/document/features.md"}')" >&"$in"
until [[ ${line:-} == *'"id":1,'* || ${line:-} == *'"id":1}'* ]]; do
	read -r -t "$TIMEOUT" line <&"$out" || break
done
like "a subscription is made" "$line" '"result"'
sleep 2.5
is "and keeps the server up" "$(idle_times everything) $(state everything)" "0 RUNNING"
exec {in}>&- {out}<&-
await slept everything 1
ok "until its agent has gone"

# --- while it goes ------------------------------------------------------------------------------------------
is "one that takes its time to go is started" "$(rpc slow "$(tool_call 1 count)" | text_of)" 1
await is_state slow STOPPING
succeeds "on its way down it counts as up" ctl status slow
is "a message is answered by the next process, whatever park_timeout" "$(rpc slow "$(tool_call 2 count)" | text_of)" 1
like "a new one" "$(ctl --json status slow | jq '.servers[0].generation')" '^2$'

# --- by hand -------------------------------------------------------------------------------------------------
ctl stop fake >/dev/null
like "stopped by hand it is not woken" "$(rpc fake "$(tool_call 3 count)")" '"code":-32603.*STOPPED'
like "nor is its list answered" "$(rpc fake "$(request 4 tools/list)")" '"code":-32603.*STOPPED'
ctl start fake >/dev/null
await slept fake 6
ok "started by hand it sleeps again when nobody uses it"

is "idle_timeout = 0: it is started by the first message" "$(rpc memory "$(request 1 tools/list)" | jq '.result.tools | length > 0')" true
sleep 3
is "and stays" "$(state memory)" RUNNING
