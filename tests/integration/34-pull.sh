#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A missing image is pulled, with its progress in the log; one that is there never causes contact with its registry.
. "$(dirname "$0")/lib.sh"
need_image fake
[[ ${DOCKER_HOST:-unix://} == unix://* ]] || skip_all "the engine is not on this machine: it cannot reach a registry here"
command -v docker-registry >/dev/null || skip_all "Debian's docker-registry is not installed"

port=$((20000 + RANDOM % 10000))
cat >"$WORK/registry.yml" <<END
version: 0.1
log: { level: info, accesslog: { disabled: false } }
storage: { filesystem: { rootdirectory: $WORK/registry } }
http: { addr: 127.0.0.1:$port }
END
docker-registry serve "$WORK/registry.yml" >"$WORK/registry.log" 2>&1 &
registry=$!
image=127.0.0.1:$port/fake:1
at_end() {
	kill "$registry"
	docker rmi -f "$image" >/dev/null 2>&1
}
registry_answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}
requests() {
	grep -c '"GET \|"HEAD ' "$WORK/registry.log"
}
await registry_answers
docker tag "$FAKE_IMAGE" "$image"
docker push -q "$image" >/dev/null || skip_all "this engine cannot push to a registry of this machine"
docker rmi "$image" >/dev/null

config <<END
[server:fake]
image = $image

[server:ghost]
image = 127.0.0.1:$port/ghost:1
END
start_mcpinit
await is_state fake RUNNING
like "a missing image is pulled, and the log says so" "$(cat "$LOG")" "fake +pulling $image"
is "it came from the registry" "$(($(requests) > 0))" 1
await is_state ghost FATAL
like "an image that its registry does not have: FATAL, named" "$(ctl status ghost)" "FATAL .*127.0.0.1:$port/ghost:1"

before=$(requests)
ctl restart fake >/dev/null
await is_state fake RUNNING
is "an image that is there is started without a word to its registry" "$(requests)" "$before"
stop_mcpinit
