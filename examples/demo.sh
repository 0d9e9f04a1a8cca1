#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The demo: three real MCP servers behind named pipes; a call, a kill, the recovery, the end. Run it by `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh
. tests/engine.sh

BUILD=${BUILD:-build}
BIN=$BUILD${MODE:+/$MODE}
SERVERS=(everything filesystem memory)
DEMO_DIR=$(mktemp -d /tmp/mcpinit-demo.XXXXXX)
export DEMO_DIR DEMO_INSTANCE=demo-$$ MCPCTL_SOCKET=$DEMO_DIR/control/control.sock
pipes=$DEMO_DIR/mcp/default
unshare_pid=

if [ -t 1 ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi
step() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}
fail() {
	printf '\ndemo: %s\n' "$1" >&2
	[ ! -s "$DEMO_DIR/log" ] || { echo "the end of mcpinit's log:" && tail -n 20 "$DEMO_DIR/log"; } >&2
	exit 1
}
tidy() {
	[ -z "$unshare_pid" ] || { kill -KILL "$unshare_pid" 2>/dev/null && wait "$unshare_pid" 2>/dev/null; } || true
	[ "$launch" != container ] || docker ps -aq --filter "label=io.mcpinit.instance=$DEMO_INSTANCE" |
		xargs -r docker rm -f >/dev/null 2>&1 || true
	engine_down
	rm -rf "$DEMO_DIR"
}
launch=container
trap tidy EXIT
trap 'exit 130' INT TERM

# ask SERVER LINE: a request into one pipe, its answer out of the other. Any program could do this.
ask() {
	local answer
	printf '%s\n' "$2" >"$pipes/$1/in"
	read -r -t 60 answer <"$pipes/$1/out" || fail "$1 did not answer"
	printf '%s\n' "$answer"
}
now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}
# What there is to kill for a server: its container, or its process.
victim() {
	if [ $launch = container ]; then
		docker ps -q --filter "label=io.mcpinit.instance=$DEMO_INSTANCE" --filter "label=io.mcpinit.server=$1"
	else
		pgrep -P "$mcpinit_pid" -f "mcp-server-$1"
	fi
}

step "1. Build"
make -s --no-print-directory -j"$(nproc)" programs BUILD="$BUILD" MODE="${MODE:-}" >"$DEMO_DIR/build" 2>&1 || {
	tail -n 20 "$DEMO_DIR/build" >&2
	fail "the build failed"
}
ls -l "$BIN/mcpinit" "$BIN/mcpctl" | awk '{ printf "   %s  %d KiB\n", $NF, $5 / 1024 }'

step "2. A container engine, and images of three MCP servers"
config=examples/demo.ini
if engine_up; then
	echo "   $ENGINE"
	bash tests/images.sh --pull "${SERVERS[@]}" 2>&1 | sed 's/^/   /'
else
	launch=process config=examples/process.ini
	printf '   %s\n   So the servers run as plain processes (launch = process).\n' "$ENGINE"
	SERVERS_DIR=$(bash tests/images.sh servers-dir)
	export SERVERS_DIR
fi
mkdir "$DEMO_DIR/workspace"
echo 'Hello from the workspace.' >"$DEMO_DIR/workspace/hello.txt"

step "3. mcpinit as PID 1, with $config"
ns=(unshare -pf --mount-proc --kill-child=KILL)
((EUID == 0)) || ns+=(-r)
"${ns[@]}" "$BIN/mcpinit" -c "$config" </dev/null 2>"$DEMO_DIR/log" &
unshare_pid=$!
for ((i = 0; i < 250; i++)); do
	[ -S "$MCPCTL_SOCKET" ] && break
	kill -0 "$unshare_pid" 2>/dev/null || fail "mcpinit did not start"
	sleep 0.02
done
"$BIN/mcpctl" wait --timeout 60s >/dev/null || fail "the servers are not ready"
mcpinit_pid=$(pgrep -P "$unshare_pid" -x mcpinit)
sed 's/^/   /' "$DEMO_DIR/log" | grep ' ready in '

step "4. An agent lists the tools: printf into a pipe, read from a pipe"
echo "   \$ printf '%s\\n' '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}' > $pipes/memory/in"
echo "   \$ read -r line < $pipes/memory/out"
for server in "${SERVERS[@]}"; do
	tools=$(ask "$server" '{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
	mapfile -t names < <(grep -o '{"name":"[^"]*"' <<<"$tools" | cut -d '"' -f 4)
	((${#names[@]})) || fail "$server listed no tools: ${tools:0:200}"
	printf '   %-11s %2d tools: %s …\n' "$server" "${#names[@]}" "$(printf '%s ' "${names[@]:0:4}")"
done

step "5. It calls one"
call='{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read_text_file","arguments":{"path":"%s/hello.txt"}}}'
if [ $launch = container ]; then folder=/workspace; else folder=$DEMO_DIR/workspace; fi
# shellcheck disable=SC2059 # the format is ours
call=$(printf "$call" "$folder")
exec {in}>"$pipes/filesystem/in" {out}<"$pipes/filesystem/out"
printf '%s\n' "$call" >&$in
read -r -t 60 answer <&$out || fail "filesystem did not answer"
[[ $answer == *'Hello from the workspace.'* ]] || fail "not what was asked for: $answer"
echo "   read_text_file hello.txt → $answer" | cut -c 1-160

step "6. The server is killed; the agent keeps its two open files and asks again"
id=$(victim filesystem)
[ -n "$id" ] || fail "no $launch of filesystem was found"
start=$(now_ms)
if [ $launch = container ]; then
	echo "   \$ docker kill -s KILL $id"
	docker kill -s KILL "$id" >/dev/null
else
	echo "   \$ kill -KILL $id"
	kill -KILL $id
fi
printf '%s\n' "$call" >&$in
read -r -t 60 answer <&$out || fail "filesystem did not answer after the kill"
if [[ $answer == *'"error"'* ]]; then # it was on its way into the dead server: said at once, and asked again
	echo "   $answer" | cut -c 1-160
	printf '%s\n' "$call" >&$in
	read -r -t 60 answer <&$out || fail "filesystem did not answer after the kill"
fi
[[ $answer == *'Hello from the workspace.'* ]] || fail "not what was asked for: $answer"
printf '   answered again %d ms after the kill, through the same pipe\n' $(($(now_ms) - start))
exec {in}>&- {out}<&-
"$BIN/mcpctl" status | sed 's/^/   /'

step "7. SIGTERM"
start=$(now_ms)
kill -TERM "$mcpinit_pid"
status=0
wait "$unshare_pid" || status=$?
unshare_pid=
left=$(find "$DEMO_DIR" -type p -o -type s | wc -l)
containers=0
[ $launch = process ] || containers=$(docker ps -aq --filter "label=io.mcpinit.instance=$DEMO_INSTANCE" | wc -l)
printf '   exit status %d after %d ms; left: %d containers, %d pipes and sockets\n' "$status" \
	$(($(now_ms) - start)) "$containers" "$left"
((status == 0 && left == 0 && containers == 0)) || fail "something is left, or the exit status is not 0"
step "Done. Next: README.md, or make test."
