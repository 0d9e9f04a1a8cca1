#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# mcpinit as a plain init: what any init owes to its child, to orphans and to the terminal (tests/pid1, docs/pid1.md).
. "$(dirname "$0")/lib.sh"
[ ! -e /etc/mcpinit/mcpinit.ini ] || skip_all "this machine has a configuration, with which mcpinit is no plain init"

TMPDIR=$WORK python3 tests/pid1/suite.py "$BIN/mcpinit" -- >"$WORK/results" || n_failed=$((n_failed + 1))
cat "$WORK/results"

# Where inits differ on purpose the suite only says what it saw; these are ours.
observed() {
	sed -n "s/^note - $1: //p" "$WORK/results"
}
is "signals reach COMMAND's whole process group" "$(observed "signals also reach the child's process group")" yes
is "COMMAND gets no descriptor above 2" "$(observed 'descriptors above 2 that it was started with')" closed
is "and nothing is logged when all is well" "$(observed 'says nothing when all is well')" yes
