/* SPDX-License-Identifier: MIT */
/*
 * probe_exec: what a health command said → why it failed. Pure: whoever runs it, in the container or beside the server,
 * hands over its output as it comes, and its exit code. As with Compose's CMD, 0 is well and everything else is not.
 */
#ifndef HEALTH_PROBE_EXEC_H
#define HEALTH_PROBE_EXEC_H

#include <stddef.h>

enum { PROBE_EXEC_TAIL = 256 };

struct probe_exec {
	char tail[PROBE_EXEC_TAIL]; /* the last bytes of its output */
	size_t n;
};

void probe_exec_output(struct probe_exec *p, const char *bytes, size_t n);
/*
 * "exited with status 1: connection refused": the code and the last line it wrote, into out; "" for 0. signal: what killed
 * it, 0: nothing. Returns out.
 */
const char *probe_exec_why(const struct probe_exec *p, int exit_code, int signal, char *out,
			   size_t size);

#endif
