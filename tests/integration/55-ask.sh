#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A real server asks its agents: roots of both, sampling and elicitation of the one whose call it is.
. "$(dirname "$0")/lib.sh"
need_image everything

config <<END
[server:everything]
image = mcpinit-test/everything:local
network_mode = none
client_capabilities = roots, sampling, elicitation
linger = 1s
[agent:ann]
[agent:bob]
END
start_mcpinit
await is_state everything RUNNING

declare -A in out
# open AGENT CAPABILITIES: begins a session.
open() {
	local dir=$RUN/$1/everything i o
	exec {i}>"$dir/in" {o}<"$dir/out"
	in[$1]=$i out[$1]=$o
	say "$1" "$(request 0 initialize "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":$2,\"clientInfo\":{\"name\":\"$1\",\"version\":\"1\"}}")"
	hear "$1" '"id":0,' >/dev/null
	say "$1" '{"jsonrpc":"2.0","method":"notifications/initialized"}'
}
close() {
	local i=${in[$1]} o=${out[$1]}
	exec {i}>&- {o}<&-
}
say() {
	printf '%s\n' "$2" >&"${in[$1]}"
}
hear() { # hear AGENT REGEX: the first line that matches, the others are dropped
	local line
	while IFS= read -r -t "$TIMEOUT" -u "${out[$1]}" line; do
		[[ $line =~ $2 ]] && printf '%s\n' "$line" && return
	done
	return 1
}
# answer AGENT REGEX RESULT: what it is asked.
answer() {
	local line
	line=$(hear "$1" "$2") || return
	say "$1" "{\"jsonrpc\":\"2.0\",\"id\":$(jq .id <<<"$line"),\"result\":$3}"
	printf '%s\n' "$line"
}
sample() { # sample AGENT TEXT
	answer "$1" sampling/createMessage "{\"role\":\"assistant\",\"model\":\"m\",\"content\":{\"type\":\"text\",\"text\":\"$2\"}}" |
		jq -r '.params.messages[0].content.text'
}
ask_for_sample() { # ask_for_sample AGENT ID
	say "$1" "$(tool_call "$2" trigger-sampling-request "{\"prompt\":\"for $1\"}")"
}

open ann '{"roots":{"listChanged":true},"sampling":{},"elicitation":{}}'
open bob '{"roots":{},"sampling":{}}'
answer ann roots/list '{"roots":[{"uri":"file:///ann"},{"uri":"file:///both"}]}' >/dev/null
answer bob roots/list '{"roots":[{"uri":"file:///both","name":"b"},{"uri":"file:///bob"}]}' >/dev/null
has_all_roots() {
	say ann "$(tool_call 1 get-roots-list)"
	[[ $(hear ann '"id":1[,}]') == *"(3 total)"*file:///ann*file:///both*file:///bob* ]]
}
await has_all_roots
ok "the server knows the roots of both agents, each once"

ask_for_sample ann 5
ask_for_sample bob 5
is "the agent whose call runs is asked" "$(sample ann one)" "Resource trigger-sampling-request context: for ann"
like "and its answer comes to its call" "$(hear ann '"id":5[,}]')" 'one'
is "then the other one, whose call has waited" "$(sample bob two)" "Resource trigger-sampling-request context: for bob"
like "and its answer to its own" "$(hear bob '"id":5[,}]')" 'two'

say ann "$(tool_call 6 trigger-elicitation-request)"
answer ann elicitation/create '{"action":"decline"}' >/dev/null
like "an elicitation is answered by the user of the call" "$(hear ann '"id":6[,}]')" 'User declined'
say bob "$(tool_call 7 trigger-elicitation-request)"
like "nobody is asked for an agent that cannot answer" "$(hear bob '"id":7[,}]')" 'whose call runs cannot answer'

ask_for_sample bob 8
hear bob sampling/createMessage >/dev/null
ask_for_sample ann 9
close bob
is "an agent that goes while it is asked holds up nobody" "$(sample ann three)" "Resource trigger-sampling-request context: for ann"
like "whose call is answered" "$(hear ann '"id":9[,}]')" 'three'

ask_for_sample ann 10
id=$(hear ann sampling/createMessage | jq .id)
docker kill "$(container everything)" >/dev/null
answers=$(hear ann '"id":10[,}]|notifications/cancelled' && hear ann '"id":10[,}]|notifications/cancelled')
like "a server that dies fails the call" "$answers" '"id":10,"error"'
like "and takes back what it asked" "$answers" "\"requestId\":$id"
await is_state everything RUNNING
has_roots_of_ann() {
	say ann "$(tool_call 11 get-roots-list)"
	[[ $(hear ann '"id":11[,}]') == *"(2 total)"*file:///ann* ]]
}
await has_roots_of_ann
ok "the next one knows the roots of those who are left"
