# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# What deps.sh, engine.sh, images.sh, the demo and the tests share. Sourced, from the top of the tree.

# Engine data, images' contents and base images stay here from run to run. A run finds them by MCPINIT_TEST_STATE.
STATE=${MCPINIT_TEST_STATE:-/var/tmp/mcpinit-test}

say() {
	printf '%s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Does the engine that DOCKER_HOST (or the default) names answer?
engine_answers() {
	timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

has_image() {
	docker image inspect "$1" >/dev/null 2>&1
}

# our_files FIND-TESTS...: the files of the tree, of git's or not, without what was built
our_files() {
	find . \( -path ./build -o -path ./.git \) -prune -o -type f \( "$@" \) -printf '%P\n' | sort
}
C_SOURCES=(-name '*.c' -o -name '*.h')
SHELL_SCRIPTS=(-name '*.sh' -o -name '*.bash' -o -path ./tests/run -o -path ./.ci/run -o -path ./entrypoint)

# npm_install DIR PACKAGE...: without any script that a package may bring. npm trusts its own list of authorities only,
# unless it is told of the system's.
npm_install() (
	export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}
	cd "$1" || exit
	shift
	npm install --no-audit --no-fund --ignore-scripts --no-package-lock --no-update-notifier --loglevel=error "$@" >&2
)
