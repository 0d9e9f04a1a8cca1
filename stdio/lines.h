/* SPDX-License-Identifier: MIT */
/*
 * lines: cut a byte stream into newline-framed messages.
 * Spec:    MCP 2026-07-28, basic/transports/stdio ("Messages are delimited by newlines"); same framing in 2025-11-25.
 * Owns:    its buffer, which exists only while half a line waits. Borrows: the bytes given to lines_next().
 * Units:   sizes in bytes, newline (and a CR before it) not counted. Limit: max_bytes, from conf key max_message.
 * Errors:  -EMSGSIZE once per oversized message; the rest of it is skipped, and framing goes on.
 * Used by: chan.c. Loop: none, pure.
 */
#ifndef STDIO_LINES_H
#define STDIO_LINES_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct lines {
	struct buf half; /* the line whose end has not come yet */
	size_t max_bytes;
	bool is_skipping;    /* inside a line that was reported as too long */
	bool is_half_handed; /* half is the line that was returned last: gone with the next call */
};

struct line {
	const char *text; /* not NUL-terminated; borrowed until the next call */
	size_t len;
};

void lines_init(struct lines *l, size_t max_bytes);
void lines_done(struct lines *l);

/*
 * The next line out of *n bytes at *bytes, both moved on: 1 and *ret; 0 when all bytes are used up; -EMSGSIZE (ret->len:
 * bytes seen so far) or -ENOMEM for a line that is then skipped. Call it until 0. A line that lies whole in the
 * bytes is not copied. Lines of white space alone are skipped.
 */
int lines_next(struct lines *l, const char **bytes, size_t *n, struct line *ret);

/* The writer is gone: forgets the half line that waits. Returns its length; 0: none, or it was reported already. */
size_t lines_reset(struct lines *l);

#endif
