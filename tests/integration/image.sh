# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# The image of this tree, for the scripts that run it. Sourced after lib.sh: the image is $IMAGE until release_image.
[ -z "${MODE:-}" ] || skip_all "the image is built without sanitizers"
((EUID == 0)) || skip_all "making a base image needs root"
need_engine
[[ ${DOCKER_HOST:=unix:///var/run/docker.sock} == unix://* ]] || skip_all "the engine is not on a socket of this machine"
SOCKET=${DOCKER_HOST#unix://}
IMAGE=mcpinit-test/mcpinit:$INSTANCE

# Built again it costs a moment: the engine has its layers, which the tag `local` keeps.
build_image() {
	bash tests/images.sh debian docker-cli 2>&1 | sed 's/^/# /'
	has_image mcpinit-test/debian:local || skip_all "no Debian base image could be made"
	if DOCKER_BUILDKIT=0 docker build -q --network host -t mcpinit-test/mcpinit:local -t "$IMAGE" \
		--build-arg BASE=mcpinit-test/debian:local --build-arg DOCKER_CLI=mcpinit-test/docker-cli:local . \
		>"$WORK/build.log" 2>&1; then
		ok "the image builds"
	else
		not_ok "the image builds" "$(tail -n 5 "$WORK/build.log" | tail -c 1500)"
		exit 1
	fi
}
release_image() {
	docker rmi "$IMAGE" >/dev/null 2>&1
}
