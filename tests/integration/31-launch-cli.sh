#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Launched by `docker run -i --rm`, a container is what the configuration says, and no secret is in its argv.
. "$(dirname "$0")/lib.sh"
. tests/integration/container.sh
need_image fake

check_container_launch cli
argv=$(pgrep -P "$MCPINIT_PID" -a)
like "the docker program runs it" "$argv" 'docker .*run '
like "it never pulls by itself" "$argv" '--pull[ =]never'
unlike "no value of a variable is in its argv" "$argv" 's3cret-token-value'
