/* SPDX-License-Identifier: MIT */
/*
 * errlog: a server's stderr and lifecycle lines → a ring (grown on demand up to 256 KiB) and, rate-limited, the log.
 * Foreign bytes are escaped in the log and redacted in both. Half lines wait for their end; over 8 KiB they are cut.
 */
#ifndef STDIO_ERRLOG_H
#define STDIO_ERRLOG_H

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
/* The last n lines (0 = all): calls fn for each, oldest first; line borrowed for the call. seq counts lines from 1 for ever. */
void errlog_each(const struct errlog *g, size_t n,
		 void (*fn)(void *ctx, uint64_t seq, const char *line), void *ctx);
/* The last bytes of stderr of this process, at most n: for data.stderrTail. Borrowed until the next call. */
const char *errlog_tail(struct errlog *g, size_t n);
/* A new process begins: errlog_tail() forgets what was before. */
void errlog_begin(struct errlog *g);
/* Told of every new line; NULL to stop. For `logs -f`. */
void errlog_on_line(struct errlog *g, void (*fn)(void *ctx, uint64_t seq, const char *line),
		    void *ctx);

#endif
