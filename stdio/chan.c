/* SPDX-License-Identifier: MIT */
#include "stdio/chan.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/stream.h"
#include "stdio/lines.h"
#include "stdio/queue.h"
#include "stdio/trail.h"

#include <errno.h>
#include <string.h>

enum {
	CHUNK = 64 * 1024,    /* one read: what a pipe holds */
	BUDGET = 256 * 1024,  /* bytes per wake and direction: then others have their turn */
	GATHERED = 16 * 1024, /* smaller pieces of a line are joined, to be one write */
	PEER = STREAM_READER_CAME | STREAM_READER_GONE | STREAM_WRITER_CAME,
};

/* Large local buffers are filled before they are read: zeroing them would cost more than a small message does. */
#define UNINITIALIZED __attribute__((uninitialized))

struct chan {
	struct stream *stream; /* owned */
	struct chan_params p;
	struct lines lines;
	struct queue queue;
	struct trail trail; /* of what was written, where it can be taken back */
	int64_t last_write_ms, last_read_ms;
	unsigned wanted;
	unsigned renewals;
	bool is_mid; /* the stream took the beginning of a line, whose rest heads the queue */
	bool is_paused, has_ended;
	bool is_shutting,
		is_broken; /* nothing more may be sent: politely, or because writing failed */
	bool has_reader, has_writer;
	bool is_busy, is_dead; /* inside a callback; freed there: the memory goes when it returns */
};

static void destroy(struct chan *c)
{
	lines_done(&c->lines);
	queue_clear(&c->queue);
	trail_done(&c->trail);
	free(c);
}

static void update_want(struct chan *c)
{
	unsigned want = (!c->is_paused && !c->has_ended ? STREAM_IN : 0U) |
			(c->queue.len > 0 ? STREAM_OUT : 0U);
	if (want != c->wanted && stream_want(c->stream, want) == 0)
		c->wanted = want;
}

/* --- out ------------------------------------------------------------------------------------ */

static bool may_come_back(const struct chan *c)
{
	return c->stream->ops->takeback != NULL;
}

static void account(struct chan *c, const char *bytes, size_t n)
{
	if (n == 0)
		return;
	c->is_mid = bytes[n - 1] != '\n';
	c->last_write_ms = clock_ms();
	if (!may_come_back(c))
		return;
	if (trail_is_full(&c->trail))
		trail_prune(&c->trail, stream_unread(c->stream));
	trail_wrote(&c->trail, bytes, n);
}

static void set_broken(struct chan *c)
{
	c->is_broken = true;
	queue_clear(&c->queue);
}

/* Writes what the stream takes: bytes taken, fewer when it is full; -errno when writing failed for good. */
static ssize_t write_some(struct chan *c, const char *bytes, size_t n)
{
	ssize_t took = stream_write(c->stream, bytes, n);
	if (took == -EAGAIN)
		return 0;
	if (took < 0)
		set_broken(c);
	else
		account(c, bytes, (size_t)took);
	return took;
}

static void shut_when_empty(struct chan *c)
{
	if (c->is_shutting && c->queue.len == 0 && !c->is_broken)
		(void)stream_shut(
			c->stream); /* what cannot be half closed is closed with the chan */
}

static void flush(struct chan *c)
{
	size_t before = c->queue.len, done = 0;
	while (c->queue.len > 0 && done < BUDGET) {
		const char *bytes;
		size_t n = queue_peek(&c->queue, &bytes);
		ssize_t took = write_some(c, bytes, n);
		if (took < 0)
			break;
		queue_pop(&c->queue, (size_t)took);
		done += (size_t)took;
		if ((size_t)took < n)
			break;
	}
	if (c->is_broken) {
		if (c->p.cb.on_peer)
			c->p.cb.on_peer(c->p.ctx);
		return;
	}
	if (before == 0 || done == 0)
		return;
	shut_when_empty(c);
	if (c->p.cb.on_drained)
		c->p.cb.on_drained(c->p.ctx);
}

/* Where in the parts of a line we are; behind the last part comes the newline. */
struct cursor {
	const struct iovec *parts;
	int n, at;
	size_t off;
};

static size_t cursor_piece(const struct cursor *cur, const char **ret)
{
	if (cur->at == cur->n) {
		*ret = "\n";
		return 1;
	}
	*ret = (const char *)cur->parts[cur->at].iov_base + cur->off;
	return cur->parts[cur->at].iov_len - cur->off;
}

static bool cursor_is_done(const struct cursor *cur)
{
	return cur->at > cur->n;
}

static void cursor_move(struct cursor *cur, size_t n)
{
	for (const char *piece; !cursor_is_done(cur);) {
		size_t len = cursor_piece(cur, &piece);
		if (n < len) {
			cur->off += n;
			return;
		}
		n -= len;
		cur->at++;
		cur->off = 0;
	}
}

static size_t gather(struct cursor cur, char *to, size_t max)
{
	size_t len = 0;
	while (!cursor_is_done(&cur) && len < max) {
		const char *piece;
		size_t n = cursor_piece(&cur, &piece);
		if (n > max - len)
			n = max - len;
		if (n > 0)
			memcpy(to + len, piece, n);
		len += n;
		cursor_move(&cur, n);
	}
	return len;
}

static int write_line(struct chan *c, struct cursor *cur)
{
	char joined[GATHERED] UNINITIALIZED;
	while (!cursor_is_done(cur)) {
		const char *bytes;
		size_t n = cursor_piece(cur, &bytes);
		if (n < GATHERED) {
			n = gather(*cur, joined, sizeof(joined));
			bytes = joined;
		}
		ssize_t took = write_some(c, bytes, n);
		if (took < 0)
			return (int)took;
		if (took > 0)
			cursor_move(cur, (size_t)took);
		if ((size_t)took < n)
			return 0;
	}
	return 0;
}

static int queue_line(struct chan *c, struct cursor *cur)
{
	size_t need = 1;
	for (int i = cur->at; i < cur->n; i++)
		need += cur->parts[i].iov_len;
	if (queue_reserve(&c->queue, need) < 0)
		return -ENOMEM;
	while (!cursor_is_done(cur)) {
		const char *piece;
		size_t n = cursor_piece(cur, &piece);
		queue_push(&c->queue, piece, n);
		cursor_move(cur, n);
	}
	return 0;
}

int chan_send(struct chan *c, const struct iovec *parts, int n)
{
	if (c->is_broken || c->is_shutting)
		return -EPIPE;
	struct cursor cur = { .parts = parts, .n = n };
	if (c->queue.len == 0) {
		int r = write_line(c, &cur);
		if (r < 0 || cursor_is_done(&cur))
			return r < 0 ? -EPIPE : 0;
	}
	if (queue_line(c, &cur) < 0) {
		if (c->queue.len == 0 && c->is_mid)
			set_broken(c); /* half of it is written, and the rest is nowhere */
		return -ENOMEM;
	}
	update_want(c);
	return 0;
}

/*
 * What the stream has taken and nobody has read comes back to the front of the queue. Returns how many bytes somebody
 * read while we did so (a new reader may come at any time), or -errno: nothing has changed.
 */
static ssize_t recall(struct chan *c)
{
	size_t unread = stream_unread(c->stream);
	if (unread == 0)
		return 0;
	_cleanup_free_ char *bytes = malloc(unread);
	if (!bytes || queue_reserve(&c->queue, unread) < 0)
		return -ENOMEM;
	ssize_t n = stream_takeback(c->stream, bytes, unread);
	if (n > 0) {
		queue_push_front(&c->queue, bytes, (size_t)n);
		c->is_mid = !trail_rewind(&c->trail, (size_t)n);
	}
	if (c->queue.len == 0)
		queue_clear(&c->queue);
	return n < 0 ? n : (ssize_t)unread - n;
}

static void reader_gone(struct chan *c)
{
	c->has_reader = false;
	if (recall(c) != 0)
		return; /* a reader who is here already has the line's beginning, or still will have it */
	if (c->is_mid)
		queue_pop(&c->queue, c->queue.first);
	c->is_mid = false;
	trail_done(&c->trail); /* the pipe is empty: nothing from before can come back */
}

/* --- in ------------------------------------------------------------------------------------- */

/* False when the chan is dead or the conversation was renewed: what was read is nobody's then. */
static bool deliver(struct chan *c, const char *bytes, size_t n)
{
	unsigned renewals = c->renewals;
	struct line line;
	int r;
	while ((r = lines_next(&c->lines, &bytes, &n, &line)) != 0) {
		if (r > 0)
			c->p.cb.on_line(c->p.ctx, line.text, line.len);
		else
			c->p.cb.on_bad(c->p.ctx, CHAN_TOO_LONG, line.len);
		if (c->is_dead || c->renewals != renewals)
			return false;
	}
	return true;
}

static void ended(struct chan *c)
{
	unsigned renewals = c->renewals;
	size_t torn = lines_reset(&c->lines);
	c->has_writer = false;
	c->has_ended = !c->stream->reopens;
	if (torn > 0)
		c->p.cb.on_bad(c->p.ctx, CHAN_TORN, torn);
	if (!c->is_dead && c->renewals == renewals)
		c->p.cb.on_end(c->p.ctx);
}

static void receive(struct chan *c)
{
	char chunk[CHUNK] UNINITIALIZED;
	for (size_t done = 0; done < BUDGET && !c->is_paused;) {
		ssize_t n = stream_read(c->stream, chunk, sizeof(chunk));
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			ended(c);
			return;
		}
		c->last_read_ms = clock_ms();
		if (!deliver(c, chunk, (size_t)n))
			return;
		done += (size_t)n;
	}
}

/* --- readiness ------------------------------------------------------------------------------ */

static void peers(struct chan *c, unsigned ready)
{
	if (ready & STREAM_READER_GONE)
		reader_gone(c);
	if (ready & STREAM_READER_CAME)
		c->has_reader = true;
	if (ready & STREAM_WRITER_CAME)
		c->has_writer = true;
	if (c->p.cb.on_peer)
		c->p.cb.on_peer(c->p.ctx);
}

static void on_ready(void *ctx, unsigned ready)
{
	struct chan *c = ctx;
	c->is_busy = true;
	if (ready & PEER)
		peers(c, ready);
	if (!c->is_dead && (ready & (STREAM_OUT | STREAM_READER_CAME)) && c->queue.len > 0)
		flush(c);
	if (!c->is_dead && (ready & STREAM_IN) && !c->is_paused && !c->has_ended)
		receive(c);
	c->is_busy = false;
	if (c->is_dead)
		destroy(c);
	else
		update_want(c);
}

/* --- the rest of the interface ---------------------------------------------------------------- */

struct chan *chan_new(struct stream *takes, const struct chan_params *p, struct err *e)
{
	struct chan *c = calloc(1, sizeof(*c));
	if (!c) {
		err_oom(e);
		return NULL;
	}
	c->stream = takes;
	c->p = *p;
	c->last_write_ms = c->last_read_ms = clock_ms();
	c->has_reader = c->has_writer = !takes->reopens;
	lines_init(&c->lines, p->max_message);
	stream_on(takes, on_ready, c);
	int r = stream_want(takes, STREAM_IN);
	if (r < 0) {
		err_set(e, r, "cannot wait for input: %s", strerror(-r));
		free(c);
		return NULL;
	}
	c->wanted = STREAM_IN;
	return c;
}

void chan_limit(struct chan *c, size_t max_message)
{
	c->lines.max_bytes = max_message;
}

void chan_free(struct chan *c)
{
	if (!c || c->is_dead)
		return;
	stream_free(take_ptr(&c->stream));
	c->is_dead = true;
	if (!c->is_busy)
		destroy(c);
}

size_t chan_queued(const struct chan *c)
{
	return c->queue.len;
}

size_t chan_queued_behind(const struct chan *c)
{
	return c->queue.len - c->queue.first;
}

size_t chan_unread(const struct chan *c)
{
	return stream_unread(c->stream);
}

int64_t chan_last_write_ms(const struct chan *c)
{
	return c->last_write_ms;
}

int64_t chan_last_read_ms(const struct chan *c)
{
	return c->last_read_ms;
}

void chan_pause(struct chan *c, bool paused)
{
	c->is_paused = paused;
	update_want(c);
}

void chan_discard(struct chan *c)
{
	(void)recall(c); /* what cannot be had back will be read, in whole lines */
	if (c->is_mid) {
		queue_keep_first(&c->queue);
	} else {
		queue_clear(&c->queue);
		trail_prune(&c->trail, 0);
	}
	shut_when_empty(c);
	update_want(c);
}

void chan_shut(struct chan *c)
{
	if (c->is_shutting)
		return;
	c->is_shutting = true;
	shut_when_empty(c);
}

int chan_renew(struct chan *c)
{
	int r = stream_renew(c->stream);
	if (r < 0)
		return r;
	c->renewals++;
	c->is_mid = c->is_broken = c->has_reader = c->has_writer = false;
	queue_clear(&c->queue);
	trail_done(&c->trail);
	(void)lines_reset(&c->lines); /* its writer is gone, nobody is left to be told */
	update_want(c);
	return 0;
}

bool chan_has_reader(const struct chan *c)
{
	return c->has_reader && !c->is_broken;
}

bool chan_has_writer(const struct chan *c)
{
	return c->has_writer;
}

bool chan_is_broken(const struct chan *c)
{
	return c->is_broken;
}
