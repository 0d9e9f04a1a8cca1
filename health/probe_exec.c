/* SPDX-License-Identifier: MIT */
#include "health/probe_exec.h"

#include <stdio.h>
#include <string.h>

void probe_exec_output(struct probe_exec *p, const char *bytes, size_t n)
{
	if (n > sizeof(p->tail)) {
		bytes += n - sizeof(p->tail);
		n = sizeof(p->tail);
	}
	if (n == 0)
		return;
	size_t over = p->n + n > sizeof(p->tail) ? p->n + n - sizeof(p->tail) : 0;
	memmove(p->tail, p->tail + over, p->n - over);
	memcpy(p->tail + p->n - over, bytes, n);
	p->n += n - over;
}

const char *probe_exec_why(const struct probe_exec *p, int exit_code, int signal, char *out,
			   size_t size)
{
	size_t end = p->n;
	while (end > 0 && (unsigned char)p->tail[end - 1] <= ' ')
		end--;
	size_t from = end;
	while (from > 0 && p->tail[from - 1] != '\n')
		from--;
	const char *colon = end > from ? ": " : "";
	*out = '\0';
	if (signal)
		(void)snprintf(out, size, "killed by signal %d%s%.*s", signal, colon,
			       (int)(end - from), p->tail + from);
	else if (exit_code != 0)
		(void)snprintf(out, size, "exited with status %d%s%.*s", exit_code, colon,
			       (int)(end - from), p->tail + from);
	return out;
}
