/* SPDX-License-Identifier: MIT */
/*
 * errlog: a server's stderr and lifecycle lines → a ring (grown on demand up to 256 KiB) and, rate-limited, the log.
 * Foreign bytes are escaped in the log and redacted in both. Half lines wait for their end; over 8 KiB they are cut.
 */
#ifndef STDIO_ERRLOG_H
#define STDIO_ERRLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct errlog;
struct loop;

struct errlog *errlog_new(struct loop *l, const char *server);
void errlog_free(struct errlog *g);
/* Bytes of stderr as they come. */
void errlog_feed(struct errlog *g, const char *bytes, size_t n);
/* A lifecycle line of ours into the ring only (the log has it already). */
void errlog_note(struct errlog *g, const char *text);
/* The process ended: a half line becomes a line. */
void errlog_flush(struct errlog *g);

/* A reader's place: a plain value, of which the ring knows nothing. */
struct errlog_cursor {
	uint64_t seq; /* of the line it comes to next; the first of all is 1 */
	uint64_t at;  /* where that line begins, in bytes since the first of all */
};
/* In front of the last n lines held; SIZE_MAX: of all. */
struct errlog_cursor errlog_last(const struct errlog *g, size_t n);
/*
 * The line at c, which moves on; borrowed until the next line comes. NULL: none yet. *ret_lost: how many lines were
 * overwritten before c came to them; it goes on behind them.
 */
const char *errlog_next(const struct errlog *g, struct errlog_cursor *c, uint64_t *ret_lost);
/* Is there something to be had at c? */
bool errlog_has_next(const struct errlog *g, const struct errlog_cursor *c);

/* The last bytes of stderr of this process, at most n: for data.stderrTail. Borrowed until the next call. */
const char *errlog_tail(struct errlog *g, size_t n);
/* A new process begins: errlog_tail() forgets what was before. */
void errlog_begin(struct errlog *g);
/* Told of every new line, which it may not read yet; NULL to stop. */
void errlog_on_line(struct errlog *g, void (*fn)(void *ctx), void *ctx);

#endif
