#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# SIGTERM at a random moment, N (150) times, and with a container N/15 times: always the end in time, nothing left.
# timeout: 600
. "$(dirname "$0")/lib.sh"
need_fake
n=${N:-150}

any_moment() { # any_moment ARGUMENT...: its lines are ours
	python3 tests/supervision/any_moment.py "$BIN/mcpinit" "$FAKE" "$WORK/lives" "$@" || n_failed=$((n_failed + 1))
}
any_moment "$n"
need_image fake
any_moment $((n / 15)) "$FAKE_IMAGE"
