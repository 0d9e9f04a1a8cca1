/* SPDX-License-Identifier: MIT */
/*
 * buf: a growing byte buffer with a named limit. Always NUL-terminated behind len once it holds anything.
 * Owns its memory; a zeroed struct is an empty buffer without a limit.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* owned; NULL while nothing was ever appended */
	size_t len, cap;
	size_t max; /* bytes; 0 = no limit */
};

#define _cleanup_buf_ __attribute__((cleanup(buf_done)))

/* 0, -ENOMEM, or -EMSGSIZE when the limit would be passed (then nothing is appended). */
int buf_add(struct buf *b, const void *bytes, size_t n);
int buf_adds(struct buf *b, const char *text);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Drops n bytes from the front. */
void buf_drop(struct buf *b, size_t n);
/* Room for n more bytes: where to write them, or NULL; the caller then adds to len what it wrote. */
char *buf_room(struct buf *b, size_t n);
/* The text, "" when empty. Borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the memory to the caller (never NULL unless out of memory); b is empty afterwards. */
char *buf_take(struct buf *b);
void buf_done(struct buf *b);

#endif
