#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An engine that does not answer is tried again for ever, said once; a missing image is said, not retried without end.
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"

docker tag "$FAKE_IMAGE" registry.invalid/fake:1
at_end() {
	docker rmi registry.invalid/fake:1 >/dev/null
}
config "docker_host = unix://$WORK/engine.sock" <<END
[server:fake]
image = $FAKE_IMAGE

[server:tagged]
image = registry.invalid/fake:1

[server:remote]
image = registry.invalid/never-made:1

[server:noexec]
image      = $FAKE_IMAGE
entrypoint = /nope

[server:ghost]
image       = mcpinit-test/never-made:1
pull_policy = never
END
start_mcpinit
await_log 'engine.sock'
sleep 3 # several tries: time itself is what is tested here
is "an unreachable engine is said once" "$(grep -cE '(warn|error) .*engine.sock' "$LOG")" 1
like "the server waits for it" "$(ctl status fake)" 'fake +(STARTING|BACKOFF) '
is "its pipes are there meanwhile" "$(find "$RUN/default/fake" -type p | wc -l)" 2

ln -s "${DOCKER_HOST#unix://}" "$WORK/engine.sock"
await is_state fake RUNNING
is "it starts as soon as the engine answers" "$(state fake)" RUNNING
await is_state ghost FATAL
like "an image that is not there and may not be pulled: FATAL, named" "$(ctl status ghost)" 'FATAL .*mcpinit-test/never-made:1'
await is_state noexec FATAL
like "a command that cannot be executed: FATAL, named" "$(ctl status noexec)" 'FATAL .*exec /nope'
await is_state tagged RUNNING
is "an image that is there is used without its registry" "$(state tagged)" RUNNING
await_log 'remote .*registry.invalid'
like "one that must be pulled from a registry that cannot be reached: said, with its name" "$(ctl status remote)" 'registry.invalid'
unlike "and tried again" "$(state remote)" FATAL
