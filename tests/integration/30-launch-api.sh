#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Launched over the Engine API, a container is what the configuration says.
. "$(dirname "$0")/lib.sh"
. tests/integration/container.sh
need_image fake

check_container_launch api
like "no docker program was run for it" "$(pgrep -P "$MCPINIT_PID" -a)" '^$'
