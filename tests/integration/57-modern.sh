#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Both eras with real servers: one of MCP 2026-07-28 that is killed while agents listen, one that has both, and the tasks
# of a legacy one.
# in parallel: no narrow time limit in it
. "$(dirname "$0")/lib.sh"
need_image everything
bash tests/images.sh modern 2>&1 | sed 's/^/# /'
need_image modern

config <<'END'
[defaults]
network_mode = none
backoff      = 50ms

[server:modern]
image   = mcpinit-test/modern:local
command = reject

[server:both]
image   = mcpinit-test/modern:local
command = serve

[server:everything]
image = mcpinit-test/everything:local

[agent:one]
[agent:two]
[agent:three]
END
start_mcpinit
await ctl wait

python3 tests/integration/modern.py "$RUN" "docker kill -s KILL $(container modern)"
like "the log names the key" "$(<"$LOG")" 'modern +agent three speaks an older MCP .*protocol = 2025-11-25'
like "for either side" "$(<"$LOG")" 'both +agent two speaks a newer MCP .*protocol = 2026-07-28'
