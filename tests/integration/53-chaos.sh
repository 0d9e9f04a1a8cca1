#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Eight agents at random work on one server, which is killed at random moments: stopped first, in the middle of a line, in
# the middle of a call. Each request is answered once, by its own answer; memory and descriptors are what they were.
#   KILLS=200   how often, instead of 40; SEED=N as it was
# timeout: 1200
# in parallel
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "python3 is not installed"
need_fake
kills=${KILLS:-40}

with_agents() {
	local a
	printf '[defaults]\nstartsecs = 100ms\nbackoff = 10ms\nbackoff_max = 50ms\n'
	for a in 1 2 3 4 5 6 7 8; do
		printf '[agent:a%d]\n' "$a"
	done
	cat
}
# chaos SERVER KILLS COMMAND...: the command prints the PID of the server's process
chaos() {
	local server=$1 books
	shift
	books=$(python3 tests/integration/chaos.py "$RUN" "$server" "$@" 2>&1)
	echo "# $server: $books"
	book() {
		jq -r ".$1" <<<"$books"
	}
	is "$server: no foreign answer, none twice, no line cut" "$(book 'wrong, (.faults[])')" 0
	is "$server: every request is answered" "$(book missing)" 0
	is "$server: killed as often as wanted" "$(book kills)" "$1"
	is "$server: some work was done, some calls died with the server" \
		"$(book 'answered > 100 and .failed > 0')" true
	await is_state "$server" RUNNING
}
resident() { # KiB
	awk '/^VmRSS/ { print $2 }' "/proc/$MCPINIT_PID/status"
}
descriptors() {
	local fds=("/proc/$MCPINIT_PID/fd"/*)
	echo "${#fds[@]}"
}
has_descriptors() {
	[ "$(descriptors)" = "$1" ]
}
fake_pid=(pgrep -x fake_mcp -P)
# shellcheck disable=SC2016 # expanded where it runs
box_pid=(bash -c 'docker inspect -f "{{.State.Pid}}" "$(docker ps -q --filter "label=io.mcpinit.instance=$0")"' "$INSTANCE")

with_agents <<END | config 'launch = process'
[server:fake]
command = $FAKE
END
start_mcpinit
await is_state fake RUNNING

# An agent that is killed in the middle of a call: nobody waits for the answer any more, long before linger (60 s).
has_in_flight() {
	[ "$(ctl --json status fake | jq '.servers[0].in_flight')" = "$1" ]
}
bash -c 'exec 3>"$0/in" 4<"$0/out"; printf "%s\n" "$@" >&3; read -r _ <&4; read -r _ <&4' "$RUN/a1/fake" \
	"$(initialize_line)" "$(tool_call 1 sleep '{"ms":600000}')" &
agent=$!
await has_in_flight 1
kill -KILL "$agent"
wait "$agent" 2>/dev/null
succeeds "the call of an agent that was killed is cancelled" await has_in_flight 0

chaos fake 3 "${fake_pid[@]}" "$MCPINIT_PID" # what is taken once for all is taken then
held=$(descriptors) before=$(resident)
chaos fake "$kills" "${fake_pid[@]}" "$MCPINIT_PID"
await has_descriptors "$held"
is "it holds as many descriptors as before" "$(descriptors)" "$held"
after=$(resident)
echo "# resident: $before KiB before, $after KiB after"
[[ $BIN == */asan ]] || at_most "memory is what it was (KiB more)" $((after - before)) 512
stop_mcpinit

# The same with a container.
if ! engine_answers || ! has_image "$FAKE_IMAGE"; then
	skip "in a container" "no Docker engine, or no image"
	exit 0
fi
with_agents <<END | config
[server:box]
image        = $FAKE_IMAGE
network_mode = none
END
start_mcpinit
await is_state box RUNNING
chaos box $((kills / 20 + 1)) "${box_pid[@]}"
