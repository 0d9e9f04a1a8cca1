#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make conformance`: the official conformance suite, which speaks HTTP only, against tests/fixtures/conformance_server.mjs
# through supergateway, one stdio program a session: the server itself, then `mcpctl connect`. Then inspector 2. The table
# goes to docs/conformance.md. It ends with 1 when a scenario fails that does not fail through supergateway alone, too.
. "$(dirname "$0")/integration/lib.sh"
need_image everything
npm=$(bash tests/npm.sh conformance) || skip_all "what is needed could not be fetched from npm"
PATH=$npm/node_modules/.bin:$PATH # with the node of these packages
page=docs/conformance.md
marker='<!-- What follows is written by make conformance. -->'
server=tests/fixtures/conformance_server.mjs

# --- the gateways ----------------------------------------------------------------------------------

# gateway COMMAND: one more, at a port of its own, left in $port. Asked, it ends what it has started.
gateways=()
at_end() {
	local pid
	for pid in "${gateways[@]}"; do
		kill "$pid" && wait "$pid"
	done
}
gateway() {
	port=$(node -e 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close(); })')
	supergateway --stateful --outputTransport streamableHttp --logLevel none --port "$port" --stdio "$1" \
		>"$WORK/gateway.$port" 2>&1 &
	gateways+=($!)
	await bash -c "exec 3<>/dev/tcp/localhost/$port"
}

# The fixture finds its SDK beside itself.
ln -s "$npm/node_modules" "$WORK/node_modules"
cp "$server" "$WORK/server.mjs"
gateway "node $WORK/server.mjs"
alone=$port

config <<END
[server:conformance]
image               = mcpinit-test/everything:local
entrypoint          = node /app/conformance_server.mjs
volumes             = $PWD/$server:/app/conformance_server.mjs:ro
client_capabilities = roots, sampling, elicitation
network_mode        = none

[server:everything]
image        = mcpinit-test/everything:local
network_mode = none
END
start_mcpinit
await is_state conformance RUNNING
await is_state everything RUNNING
connect="$BIN/mcpctl -s $CTL/control.sock connect"
gateway "$connect conformance"
one=$port
gateway "$connect conformance"
two=$port

# --- the suite -------------------------------------------------------------------------------------

# suite NAME PORT PACKAGE WORD...: its lines of scenarios, "✓ name", go to $WORK/NAME, its exit status to NAME.rc. What fails
# through the gateway alone, as it asks for a check of HTTP, is expected to.
printf 'server:\n  - dns-rebinding-protection\n' >"$WORK/expected.yml"
suite() {
	local name=$1 port=$2 program=$npm/node_modules/$3/dist/index.js
	shift 3
	timeout 600 node "$program" server --url "http://localhost:$port/mcp" --expected-failures "$WORK/expected.yml" "$@" \
		>"$WORK/$name.log" 2>&1
	echo $? >"$WORK/$name.rc"
	sed -nE 's/^([✓✗]) ([a-z0-9-]+): [0-9]+ passed, [0-9]+ failed.*/\1 \2/p' "$WORK/$name.log" >"$WORK/$name"
}
old=@modelcontextprotocol/conformance
new=(conformance-next --requirements 2025-11-25)
suite old.alone "$alone" $old
suite old.ours "$one" $old
suite new.alone "$alone" "${new[@]}"
suite new.ours "$one" "${new[@]}"
suite old.first "$one" $old &
suite old.second "$two" $old
wait $!
is "both suites at a time had one container" "$(container conformance | wc -l)" 1

passed() { # passed NAME: "39 of 40"; of scenarios, as the suite's total counts checks that say nothing, too
	echo "$(grep -c '^✓' "$WORK/$1") of $(wc -l <"$WORK/$1")"
}
judge() { # judge NAME COUNT: as many scenarios, only what is expected has failed, and the suite says the same
	is "$1: scenarios" "$(wc -l <"$WORK/$1")" "$2"
	is "$1: what has failed" "$(sed -n 's/^✗ //p' "$WORK/$1" | tr '\n' ' ')" "dns-rebinding-protection "
	is "$1: exit status" "$(<"$WORK/$1.rc")" 0
}
for name in alone ours first second; do
	judge "old.$name" 30
done
judge new.alone 33
judge new.ours 33

# --- inspector 2 -----------------------------------------------------------------------------------

inspect() { # inspect WORD...: of its JSON, what the filter in $filter finds
	timeout 120 mcp-inspector --cli --format json -q "$@" -- $connect everything 2>"$WORK/inspector.err" | jq -c "$filter"
}
filter='.result.tools | length'
for era in legacy auto; do
	is "inspector 2, era $era: tools/list" "$(inspect --protocol-era $era --method tools/list)" 13
done
filter='.result.content[0].text'
is "inspector 2: tools/call" "$(inspect --method tools/call --tool-name echo --tool-arg message=hello)" '"Echo: hello"'
filter='.result | "\(.ok) of \(.requests), \(.errors) errors"'
is "inspector 2: 2000 calls, 8 at a time" "$(inspect --method tools/call --tool-name echo --tool-arg message=x --load \
	--load-concurrency 8 --load-requests 2000)" '"2000 of 2000, 0 errors"'

# --- the page --------------------------------------------------------------------------------------

mark() { # mark NAME SCENARIO
	sed -nE "s/^(.) $2\$/\1/p" "$WORK/$1" | grep . || echo –
}
{
	sed "/^$marker/q" "$page"
	printf '\n| scenario | server alone | through mcpinit | two at a time: first | second | 0.2.0: alone | 0.2.0: mcpinit |\n'
	printf '|---|---|---|---|---|---|---|\n| **passed** |'
	columns=(old.alone old.ours old.first old.second new.alone new.ours)
	for name in "${columns[@]}"; do
		printf ' **%s** |' "$(passed "$name")"
	done
	printf '\n| checks in them |'
	for name in "${columns[@]}"; do
		printf ' %s |' "$(sed -nE 's/^Total: ([0-9]+) passed, ([0-9]+) failed.*/\1 passed, \2 failed/p' "$WORK/$name.log")"
	done
	echo
	for scenario in $(sed 's/^. //' "$WORK/old.alone" "$WORK/new.alone" | awk '!seen[$0]++'); do
		printf '| %s |' "$scenario"
		for name in "${columns[@]}"; do
			printf ' %s |' "$(mark "$name" "$scenario")"
		done
		echo
	done
} >"$WORK/page" && cat "$WORK/page" >"$page"
