# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154
# For the scripts about registries: three of them on this machine, one of which wants a login, and mcpinit's config.json.
# Sourced behind lib.sh.
need_image fake
[[ ${DOCKER_HOST:-unix://} == unix://* ]] || skip_all "the engine is not on this machine: it cannot reach a registry here"
for tool in docker-registry htpasswd python3; do
	command -v $tool >/dev/null || skip_all "$tool is not installed"
done

PASSWORD="correct horse"
open=$((20000 + RANDOM % 3000 * 4)) # a registry for all, behind the odd one
private=$((open + 1)) odd=$((open + 2)) nobody=$((open + 3))
DOCKER=$WORK/docker # of mcpinit alone
mkdir "$DOCKER" "$WORK/bin"
helpers=()

registry() { # registry PORT [AUTH]
	cat >"$WORK/$1.yml" <<-END
		version: 0.1
		log: { level: info, accesslog: { disabled: false } }
		storage: { filesystem: { rootdirectory: $WORK/registry } }
		http: { addr: 127.0.0.1:$1 }
		${2:-}
	END
	docker-registry serve "$WORK/$1.yml" >"$WORK/$1.log" 2>&1 &
	helpers+=($!)
	await answers "$1"
}
answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}
forget() { # forget IMAGE...
	docker rmi -f "$@" >/dev/null 2>&1
}
all_images() {
	docker images --format '{{.Repository}}:{{.Tag}}' | grep -E "^127.0.0.1:($open|$private|$odd)/"
}
at_end() {
	kill "${helpers[@]}"
	# shellcheck disable=SC2046 # one image a word
	forget $(all_images)
}
base64_of() {
	printf '%s' "$1" | base64 -w 0
}
# try SERVER [start|pull]: from nothing; what mcpctl said is in OUT
try() {
	: >"$WORK/calls"
	forget "127.0.0.1:$private/fake:1" "127.0.0.1:$odd/open/fake:1"
	OUT=$(ctl "${2:-start}" "$1" 2>&1)
	[ "${2:-start}" = pull ] || ctl stop "$1" >/dev/null
}

htpasswd -Bbn tester "$PASSWORD" >"$WORK/htpasswd" 2>/dev/null
registry $open
registry $private "auth: { htpasswd: { realm: test, path: $WORK/htpasswd } }"
python3 tests/fixtures/odd_registry.py $odd $open "$WORK/odd.log" &
helpers+=($!)
await answers $odd

# One directory serves both registries, and the odd one as well.
for name in fake open/fake limited/fake; do
	docker tag "$FAKE_IMAGE" "127.0.0.1:$open/$name:1"
	docker push -q "127.0.0.1:$open/$name:1" >/dev/null || skip_all "this engine cannot push to a registry of this machine"
done

start_with_config() {
	# shellcheck disable=SC2046 # one image a word
	forget $(all_images)
	DOCKER_CONFIG=$DOCKER PATH=$WORK/bin:$PATH start_mcpinit
	await ctl status
}
