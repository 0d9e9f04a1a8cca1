/* SPDX-License-Identifier: MIT */
/*
 * chan: a base/stream with lines in, a queue out and backpressure; alike for FIFO, socket, pipe and attach.
 * In:   one call of on_line per message: no newline, no CR before it, never blank. Framing survives oversized lines.
 * Out:  chan_send() queues one line whole, written as far as it goes at once; the chan never refuses: bounds are the
 *       caller's (chan_queued()). Where readers come and go (fifo), what the last one left unread is taken back: whole
 *       lines wait for the next reader, a line it had read in part is dropped.
 * Owns: the stream. Callbacks may free the chan.
 */
#ifndef STDIO_CHAN_H
#define STDIO_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct chan;
struct err;
struct loop;
struct stream;

enum chan_bad {
	CHAN_TOO_LONG, /* a line over max_message: reported once, the rest of it is skipped */
	CHAN_TORN,     /* half a line whose writer has gone */
};

struct chan_cb {
	void (*on_line)(void *ctx, const char *line, size_t len); /* borrowed for the call */
	void (*on_bad)(void *ctx, enum chan_bad what, size_t len);
	/* The other side's writing end closed. Final for sockets and pipes; for a fifo the next writer may come. */
	void (*on_end)(void *ctx);
	/* A reader or writer came or went (fifo only); or writing failed for good (chan_is_broken()). May be NULL. */
	void (*on_peer)(void *ctx);
	/* What was queued is now less: to zero, or below what made the caller stop. May be NULL. */
	void (*on_drained)(void *ctx);
};

struct chan_params {
	struct loop *loop;
	size_t max_message; /* bytes, newline not counted */
	struct chan_cb cb;
	void *ctx;
};

/* Takes the stream on success; starts to read at once (first callback from the loop, never from here). */
struct chan *chan_new(struct stream *takes, const struct chan_params *p, struct err *e);
void chan_free(struct chan *c);

/* Queues the parts as one line, newline added. -ENOMEM, -EPIPE (broken or half closed). */
int chan_send(struct chan *c, const struct iovec *parts, int n);
/* Bytes not yet taken by the stream, and the same without the line that is being written. */
size_t chan_queued(const struct chan *c);
size_t chan_queued_behind(const struct chan *c);
/* Bytes the stream has taken that no reader has read yet (fifo). */
size_t chan_unread(const struct chan *c);
/* clock_ms() when the other side last took or sent a byte. */
int64_t chan_last_write_ms(const struct chan *c);
int64_t chan_last_read_ms(const struct chan *c);
/* Stop and go on reading (backpressure). What is read already, 64 KiB at most, is still delivered. */
void chan_pause(struct chan *c, bool paused);
/* Forgets what waits, unread bytes of a fifo included; the rest of a line that is half out stays, for framing's sake. */
void chan_discard(struct chan *c);
/* Another max_message, from the next byte on. */
void chan_limit(struct chan *c, size_t max_message);
/* Half close when the queue is empty. */
void chan_shut(struct chan *c);
/* fifo: a fresh pair in place, old ends closed, queue and half lines forgotten. */
int chan_renew(struct chan *c);
bool chan_has_reader(const struct chan *c);
bool chan_has_writer(const struct chan *c);
bool chan_is_broken(const struct chan *c);

#endif
