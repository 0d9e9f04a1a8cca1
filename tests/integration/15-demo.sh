#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `make demo` ends well, with containers and, where no engine can be had, with processes.
# timeout: 400
. "$(dirname "$0")/lib.sh"
need_image everything filesystem memory

demo() { # demo NAME: runs it, its output is in $WORK/demo
	if timeout 120 bash examples/demo.sh >"$WORK/demo" 2>&1; then
		ok "the demo with $1 exits with 0"
	else
		not_ok "the demo with $1 exits with 0" "$(tail -n 30 "$WORK/demo")"
		return
	fi
	for server in everything filesystem memory; do
		like "with $1: $server lists its tools" "$(<"$WORK/demo")" "$server +[0-9]+ tools:"
	done
	like "with $1: a call is answered after the kill" "$(<"$WORK/demo")" 'answered again [0-9]+ ms after the kill'
	like "with $1: nothing is left" "$(<"$WORK/demo")" 'left: 0 containers, 0 pipes and sockets'
}

demo containers
DOCKER_HOST=unix://$WORK/no-engine.sock demo processes
like "it says why processes" "$(<"$WORK/demo")" 'launch = process'
