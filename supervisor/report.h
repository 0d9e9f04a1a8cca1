/* SPDX-License-Identifier: MIT */
/*
 * report: what `mcpinit -t` shows: each server and what was decided for it, then the warnings. To stdout.
 * Verbose: its command, mounts, user and time to start, too, as far as they are known without the engine.
 */
#ifndef SUPERVISOR_REPORT_H
#define SUPERVISOR_REPORT_H

#include <stdbool.h>

struct conf;

void report_print(const struct conf *conf, bool is_verbose);

#endif
