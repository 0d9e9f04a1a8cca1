#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages that a purpose needs, only those that are missing, and says which.
#   deps.sh build | engine | node | fuzz | bench | demo | all     (demo = build + engine; all = what make test needs)
# Nothing missing: no apt-get is called, and nothing is printed.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/common.sh

missing=()
need() {
	missing+=("$1")
}
has() {
	command -v "$1" >/dev/null 2>&1
}
has_lib() { # pkg-config may itself be missing still
	pkg-config --exists "$1" 2>/dev/null
}

want_build() {
	has gcc || need gcc
	has make || need make
	has pkg-config || need pkg-config
	[ -e /usr/include/stdio.h ] || need libc6-dev
	has_lib libcurl || need libcurl4-openssl-dev
	has_lib libcjson || need libcjson-dev
	has_lib inih || need libinih-dev
	has_lib libcrypto || need libssl-dev
}

want_engine() {
	has docker || need docker.io
	has pgrep || need procps
	if ! engine_answers; then # a private one will be started
		has dockerd || need docker.io
		has ip || need iproute2
	fi
}

want_node() {
	has node || need nodejs
	has npm || need npm
	[ -e /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates
}

want_test() {
	has_lib check || need check
	has clang || need clang
	has clang-format || need clang-format
	has shellcheck || need shellcheck
	has jq || need jq
	has mandoc || need mandoc
	has groff || need groff-base
	has debootstrap || need debootstrap
	has docker-registry || need docker-registry
	has htpasswd || need apache2-utils
	docker compose version >/dev/null 2>&1 || has docker-compose || need docker-compose
	has python3 || need python3
	has openssl || need openssl
	has haproxy || need haproxy # as a socket proxy
	has podman || need podman
	has catatonit || need catatonit # podman's --init
	has runc || need runc # for podman where crun cannot run
	has bindfs || need bindfs # a mount that cannot carry pipes
	has zsh || need zsh
}

want_fuzz() {
	has clang || need clang
	has clang && echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return !d || !n; }' |
		clang -x c -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null || need libclang-rt-dev
}

want_bench() { # what the benchmarks compare with
	has python3 || need python3
	has supervisord || need supervisor
	has s6-svscan || need s6
	has tini || need tini
	has dumb-init || need dumb-init
}

for purpose in "${@:-all}"; do
	case $purpose in
	build) want_build ;;
	engine) want_engine ;;
	node) want_node ;;
	fuzz) want_build && want_fuzz ;;
	bench) want_bench ;;
	demo) want_build && want_engine ;;
	all) want_build && want_engine && want_node && want_test ;;
	*) die "what is '$purpose'? build, engine, node, fuzz, bench, demo or all" ;;
	esac
done
((${#missing[@]})) || exit 0

mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
install=(apt-get install -y -q --no-install-recommends --no-remove "${missing[@]}")
has apt-get || die "missing: ${missing[*]} (Debian names); install them with your package manager, then run this again"
((EUID == 0)) || die "missing packages; install them with:  sudo ${install[*]}"

say "installing: ${missing[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
run_apt() {
	"$@" >>"$log" 2>&1
}
# Lists that are there are tried first: an update costs more than most installs.
if ! run_apt "${install[@]}" && ! { run_apt apt-get update -q && run_apt "${install[@]}"; }; then
	tail -n 20 "$log" >&2
	die "apt-get could not install them (whole log: $log)"
fi
rm -f "$log"
