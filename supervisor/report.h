/* SPDX-License-Identifier: MIT */
/*
 * report: what `mcpinit -t` shows: each server and what was decided for it, then the warnings. To stdout.
 */
#ifndef SUPERVISOR_REPORT_H
#define SUPERVISOR_REPORT_H

struct conf;

void report_print(const struct conf *conf);

#endif
