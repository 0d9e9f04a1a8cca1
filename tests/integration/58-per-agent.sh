#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sharing = per-agent: a container each, from the agent's first message on, greeted as the agent greets; what the server
# asks goes to that agent; nothing that happens to one is seen by another; it goes when its agent has gone.
. "$(dirname "$0")/lib.sh"
need_image everything

agents() { # agents NAME...: the configuration with these agents
	{
		printf '[server:everything]\nimage = mcpinit-test/everything:local\nnetwork_mode = none\n'
		printf 'sharing = per-agent\nlinger = 2s\n'
		printf '[agent:%s]\n' "$@"
	} | config 'default_agent = no'
}
# hello CAPABILITIES [NAME]
hello() {
	request 0 initialize "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":$1,\"clientInfo\":{\"name\":\"${2:-test}\",\"version\":\"1\"}}"
}
initialized='{"jsonrpc":"2.0","method":"notifications/initialized"}'
# ask FD-IN FD-OUT LINE: the answer, in ANSWER. What the server asks meanwhile is answered.
ask() {
	local line id method
	id=$(jq -c .id <<<"$3")
	printf '%s\n' "$3" >&"$1"
	while read -r -t "$TIMEOUT" line <&"$2"; do
		method=$(jq -r '.method // empty' <<<"$line")
		case $method in
		roots/list) printf '{"jsonrpc":"2.0","id":%s,"result":{"roots":[{"uri":"file:///mine"}]}}\n' "$(jq -c .id <<<"$line")" >&"$1" ;;
		sampling/createMessage) printf '{"jsonrpc":"2.0","id":%s,"result":{"role":"assistant","model":"m","content":{"type":"text","text":"I am coder"}}}\n' "$(jq -c .id <<<"$line")" >&"$1" ;;
		esac
		[ -n "$method" ] || [ "$(jq -c .id <<<"$line")" != "$id" ] || break
	done
	ANSWER=$line
}
tools() { # tools FD-IN FD-OUT: how many
	ask "$1" "$2" "$(request 90 tools/list)"
	jq '.result.tools | length' <<<"$ANSWER"
}
generation() {
	ctl --json status "$1" | jq -c '.servers[0] | [.generation, .restarts]'
}
has_none() {
	[ -z "$(container "$1")" ]
}

agents planner coder
start_mcpinit
await ctl status everything@planner everything@coder
is "at first nothing runs" "$(docker ps -q --filter "label=io.mcpinit.instance=$INSTANCE")" ""
is "the pipes have the server's name" "$(ctl endpoint everything --agent coder)" "$RUN/coder/everything/in"$'\n'"$RUN/coder/everything/out"

. docs/completion/mcpctl.bash
completed() { # completed BREAKS WORD...: what bash has for the last one
	COMP_WORDBREAKS=$1 COMP_WORDS=("$BIN/mcpctl" "${@:2}") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_mcpctl
	echo "${COMPREPLY[*]}"
}
is "bash completes the names, which it splits at the @" "$(completed @ status everything @ p)/$(completed @ status everything @)" \
	"planner/coder planner"
is "or not" "$(completed '=' status everything@c)" "everything@coder"

# --- each as it greets -----------------------------------------------------------------------------------
exec {pin}>"$RUN/planner/everything/in" {pout}<"$RUN/planner/everything/out"
ask "$pin" "$pout" "$(hello '{}')"
like "the first message starts it" "$ANSWER" '"serverInfo":\{"name":"mcp-servers/everything"'
printf '%s\n' "$initialized" >&"$pin"
is "an agent that can do nothing" "$(tools "$pin" "$pout")" 13
planner=$(container everything@planner)
is "has a container" "$(docker inspect -f '{{.Name}}' "$planner")" "/mcpinit-$INSTANCE-everything-AT-planner-1"
is "and the other has none" "$(state everything@coder)$(container everything@coder)" STOPPED

exec {cin}>"$RUN/coder/everything/in" {cout}<"$RUN/coder/everything/out"
ask "$cin" "$cout" "$(hello '{"roots":{"listChanged":true},"sampling":{},"elicitation":{}}')"
printf '%s\n' "$initialized" >&"$cin"
is "one that can do more is offered more" "$(tools "$cin" "$cout")" 16
coder=$(container everything@coder)
unlike "by a container of its own" "$coder" "^$planner?\$"
ask "$cin" "$cout" "$(tool_call 91 trigger-sampling-request '{"prompt":"who are you?","maxTokens":10}')"
like "what the server asks goes to its agent, and so does the answer" "$ANSWER" 'I am coder'
ask "$cin" "$cout" "$(tool_call 92 get-roots-list)"
like "roots too" "$ANSWER" 'file:///mine'
like "status has both" "$(ctl status everything)" '^everything@planner +RUNNING.*everything@coder +RUNNING'

# --- nothing is shared -----------------------------------------------------------------------------------
docker kill "$planner" >/dev/null
ask "$cin" "$cout" "$(tool_call 93 echo '{"message":"still here"}')"
is "one is killed, the other notices nothing" "$(text_of <<<"$ANSWER") $(generation everything@coder)" "Echo: still here [1,0]"
is "the next process is greeted alike" "$(tools "$pin" "$pout")" 13
is "and is the only new one" "$(generation everything@planner) $(container everything@coder)" "[2,1] $coder"

# --- another client on the same pipes ------------------------------------------------------------------------
ask "$pin" "$pout" "$(hello '{}')"
is "the same client again: the same process" "$(tools "$pin" "$pout") $(generation everything@planner)" "13 [2,1]"
ask "$pin" "$pout" "$(hello '{"roots":{},"sampling":{},"elicitation":{}}' other)"
printf '%s\n' "$initialized" >&"$pin"
is "another one: another process, greeted as it greets" "$(tools "$pin" "$pout") $(generation everything@planner)" "16 [3,1]"
is "which is no loss" "$(ctl --json status everything@planner | jq -r '.servers[0].health')" healthy
is "a session beside it, as yet another client, shares it" \
	"$(ctl tools everything --agent planner | wc -l) $(generation everything@planner)" "16 [3,1]"

# --- the end -------------------------------------------------------------------------------------------------
exec {pin}>&- {pout}<&-
await has_none everything@planner
like "its agent has gone: so has it" "$(ctl status everything@planner)" 'STOPPED +asleep: its agent has gone, the next message starts it'
is "the other's stays" "$(container everything@coder)" "$coder"

agents planner late
succeeds "agents come and go with a reload" ctl reload
names() {
	ctl --json status | jq -c '[.servers[].name]'
}
names_are_new() {
	[ "$(names)" = '["everything@planner","everything@late"]' ]
}
await names_are_new
is "and their servers with them" "$(names)" '["everything@planner","everything@late"]'
succeeds "and the container" has_none everything@coder
is "an answer for who comes" "$(rpc everything "$(request 1 tools/list)" late | jq '.result.tools | length')" 13
exec {cin}>&- {cout}<&-
