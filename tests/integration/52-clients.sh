#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real MCP clients, unchanged, with `mcpctl connect` as their command: the inspector and the SDKs' clients of both
# generations, eight of them at a time, at one server in a container. CALLS: how many calls the eight make together.
# in parallel: nothing is timed closely
# timeout: 300
. "$(dirname "$0")/lib.sh"
need_image everything
npm=$(bash tests/npm.sh clients 2>"$WORK/npm.log") || skip_all "the clients could not be fetched from npm: $(tail -n 1 "$WORK/npm.log")"

config <<END
[server:everything]
image        = mcpinit-test/everything:local
network_mode = none
backoff      = 50ms

[server:hidden]
image     = mcpinit-test/everything:local
autostart = no

[agent:planner]
servers = everything
END
start_mcpinit
await is_state everything RUNNING
# As an agent of its own, by the socket that makes it one.
connect=("$BIN/mcpctl" -s "$RUN/planner/agent.sock" connect everything)
sessions() {
	ctl --json agents | jq '[.agents[] | select(.kind == "session")] | length'
}
no_sessions() {
	[ "$(sessions)" = 0 ]
}

# --- inspector, every method at the same time -------------------------------------------------------

inspectors=()
inspect() { # inspect NAME JQ-FILTER WORD...
	local name=$1 filter=$2
	shift 2
	{
		"$npm/node_modules/.bin/mcp-inspector" --cli "${connect[@]}" --method "$@" >"$WORK/$name.out" 2>"$WORK/$name.err"
		echo "$? $(jq -c "$filter" "$WORK/$name.out" 2>&1)" >"$WORK/$name.seen"
	} &
	inspectors+=($!)
}
inspected() { # inspected NAME EXPECTED
	is "inspector: $1" "$(<"$WORK/$1.seen")" "0 $2"
}
inspect tools-list '.tools | length' tools/list
inspect tools-call '.content[0].text' tools/call --tool-name echo --tool-arg message=hello
inspect resources-list '.resources | length > 0' resources/list
inspect resources-read '.contents[0].uri' resources/read --uri demo://resource/dynamic/text/1
inspect templates-list '.resourceTemplates | length > 0' resources/templates/list
inspect prompts-list '[.prompts[].name] | index("simple-prompt") != null' prompts/list
inspect prompts-get '.messages | length' prompts/get --prompt-name simple-prompt
inspect set-level . logging/setLevel --log-level debug
wait "${inspectors[@]}"
inspected tools-list 13
inspected tools-call '"Echo: hello"'
inspected resources-list true
inspected resources-read '"demo://resource/dynamic/text/1"'
inspected templates-list true
inspected prompts-list true
inspected prompts-get 1
inspected set-level '{}'

# --- the SDKs' clients ------------------------------------------------------------------------------

# They find their packages beside themselves.
ln -s "$npm/node_modules" "$WORK/node_modules"
cp tests/fixtures/clients.mjs "$WORK"
server=$(pgrep -P "$(docker inspect -f '{{.State.Pid}}' "$(container everything)")")
node "$WORK/clients.mjs" "$server" "${CALLS:-2000}" "${connect[@]}" >"$WORK/seen" 2>"$WORK/clients.err"
is "the SDKs' clients: exit status" "$? $(tail -n 5 "$WORK/clients.err")" "0 "
while IFS=$'\t' read -r name got want; do
	is "$name" "$got" "$want"
done <"$WORK/seen"
is "all that the SDKs' clients were to see" "$(wc -l <"$WORK/seen")" 33
is "one server for all of them, and the one after it was killed" "$(ctl --json status everything | jq '.servers[0].restarts')" 1

# --- an agent's rights ------------------------------------------------------------------------------

refused() { # refused NAME WHY MCPCTL-WORD...
	local name=$1 why=$2 said
	shift 2
	said=$(initialize_line | ctl "$@" 2>"$WORK/err")
	is "$name: exit status, and nothing on stdout" "$? $said" "1 "
	like "$name: and why" "$(<"$WORK/err")" "$why"
}
refused "an agent's socket, a server that is not its" "not name it|no server" -s "$RUN/planner/agent.sock" connect hidden
refused "the operator's socket, as that agent" "not name it|no server" connect hidden --agent planner
initialize_line | ctl connect everything --agent planner >"$WORK/out" 2>"$WORK/err"
is "the operator's socket, as that agent, its server" "$? $(jq -r .result.serverInfo.name "$WORK/out")" "0 mcp-servers/everything"

# --- what is left -----------------------------------------------------------------------------------

# Who hangs up, hangs up at once; mcpinit notices when it comes to it.
await no_sessions
is "no session is left" "$(sessions)" 0
is "no process of a client is left" "$(pgrep -af 'mcpctl .*connect everything' | grep -F "$WORK/")" ""
connections() { # to our sockets; 03 is connected
	awk -v dir="$WORK/" '$6 == "03" && index($8, dir) == 1' /proc/net/unix
}
no_connections() {
	[ -z "$(connections)" ]
}
await no_connections
is "no connection is left" "$(connections)" ""
