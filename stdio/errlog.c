/* SPDX-License-Identifier: MIT */
#include "stdio/errlog.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	RING_MAX = 256 * 1024 - 1, /* a buf of 256 KiB with its NUL */
	LINE_BYTES = 8 * 1024,	   /* longer lines become several */
	SECRET_BYTES =
		4 *
		1024, /* kept behind such a cut, so that no secret is cut in half before it is found */
	LOG_PER_SECOND = 50,  /* lines of one server to the log … */
	LOG_BURST = 200,      /* … and how many at once after a quiet time */
	SUPPRESSED_MS = 5000, /* how often it is said that lines were left out */
};

/* What the ring holds of a line: a byte for its origin, its text, a NUL. */
enum { FROM_STDERR = 'e', FROM_US = 'n' };

struct errlog {
	char *server;		  /* owned */
	struct loop_timer *timer; /* armed while there are suppressed lines to be told of */
	struct buf ring;
	uint64_t first_seq; /* of the oldest line held */
	uint64_t first_at;  /* its first byte, counted from the first that was ever kept */
	uint64_t next_seq;
	uint64_t process_seq; /* the first line of this process */
	struct buf half;
	bool is_hiding; /* the rest of the line is not shown: see ends_hidden() */
	struct buf tail;
	int64_t filled_ms; /* when the token bucket was filled up last */
	int64_t tokens;	   /* in thousandths of a line */
	uint64_t suppressed;
	int64_t suppressed_ms; /* since when */
	void (*fn)(void *ctx);
	void *ctx;
};

/* --- the log, rate-limited ------------------------------------------------------------------- */

/* The count is kept until it has got through. */
static void tell_suppressed(void *ctx)
{
	struct errlog *g = ctx;
	if (g->suppressed == 0)
		return;
	int64_t ms = clock_ms() - g->suppressed_ms;
	struct log_field fields[] = { { .key = "event", .str = "stderr_suppressed" },
				      { .key = "lines", .num = (int64_t)g->suppressed },
				      { .key = "ms", .num = ms },
				      { 0 } };
	if (log_event(LOG_INFO, g->server, fields,
		      "… %" PRIu64 " more line%s of stderr in %.1f s not shown; mcpctl logs %s",
		      g->suppressed, g->suppressed == 1 ? "" : "s", (double)ms / 1000, g->server))
		g->suppressed = 0;
	else
		loop_timer_in(g->timer, SUPPRESSED_MS);
}

static void to_log(struct errlog *g, const char *line)
{
	int64_t now = clock_ms();
	g->tokens += (now - g->filled_ms) * LOG_PER_SECOND;
	g->filled_ms = now;
	if (g->tokens > LOG_BURST * 1000)
		g->tokens = LOG_BURST * 1000;
	if (g->tokens < 1000) {
		if (g->suppressed++ == 0)
			g->suppressed_ms = now;
		if (!loop_timer_is_armed(g->timer))
			loop_timer_in(g->timer, SUPPRESSED_MS);
		return;
	}
	g->tokens -= 1000;
	static const struct log_field fields[] = { { .key = "event", .str = "stderr" }, { 0 } };
	(void)log_event(LOG_INFO, g->server, fields, "stderr: %s", line);
}

/* --- the ring -------------------------------------------------------------------------------- */

/* Old lines go in batches: each moves all the rest. */
static void make_room(struct errlog *g, size_t n)
{
	if (g->ring.len + n <= RING_MAX)
		return;
	size_t gone = 0;
	while (gone < g->ring.len && g->ring.len - gone + n > RING_MAX - RING_MAX / 8) {
		gone += strlen(g->ring.data + gone) + 1;
		g->first_seq++;
	}
	g->first_at += gone;
	buf_drop(&g->ring, gone);
}

static void keep(struct errlog *g, char origin, const char *line)
{
	size_t n = strlen(line);
	make_room(g, n + 2);
	if (!buf_room(&g->ring, n + 2)) {
		/* Out of memory: what is held already must do. */
		g->first_at += g->ring.len;
		buf_done(&g->ring);
		g->first_seq = ++g->next_seq;
		return;
	}
	(void)buf_add(&g->ring, &origin, 1); /* there is room */
	(void)buf_add(&g->ring, line, n + 1);
	g->next_seq++;
	if (g->fn)
		g->fn(g->ctx);
}

/* text may be changed: it is the half line's own memory. */
static void take_line(struct errlog *g, char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '\r')
		len--;
	for (char *nul = text; (nul = memchr(nul, '\0', (size_t)(text + len - nul)));)
		*nul = '?';
	text[len] = '\0';
	len = log_redact(text, len);
	text[len] = '\0';
	if (len == 0)
		return;
	keep(g, FROM_STDERR, text);
	to_log(g, text);
}

void errlog_flush(struct errlog *g)
{
	if (g->half.len > 0)
		take_line(g, g->half.data, g->half.len);
	buf_done(&g->half);
	g->is_hiding = false;
}

/* A part of a secret that goes up to the cut: what follows cannot be told from the rest of it. */
static bool ends_hidden(const struct buf *half, size_t len_before)
{
	return half->len < len_before && half->len >= 3 &&
	       memcmp(half->data + half->len - 3, "***", 3) == 0;
}

static void cut_half(struct errlog *g)
{
	size_t len = g->half.len;
	g->half.len = log_redact(g->half.data, g->half.len);
	g->half.data[g->half.len] = '\0';
	g->is_hiding = ends_hidden(&g->half, len);
	if (g->half.len < LINE_BYTES + SECRET_BYTES)
		return; /* there is room for more again, and nothing is cut without enough behind it */
	char behind = g->half.data[LINE_BYTES];
	take_line(g, g->half.data, LINE_BYTES);
	g->half.data[LINE_BYTES] = behind;
	buf_drop(&g->half, LINE_BYTES);
}

void errlog_feed(struct errlog *g, const char *bytes, size_t n)
{
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t len = end ? (size_t)(end - bytes) : n;
		size_t room = LINE_BYTES + SECRET_BYTES - g->half.len;
		bool is_cut = len > room && !g->is_hiding;
		if (is_cut)
			len = room;
		if (!g->is_hiding && buf_add(&g->half, bytes, len) < 0)
			return; /* out of memory: these bytes are lost, the next are not */
		if (is_cut)
			cut_half(g);
		else if (end)
			errlog_flush(g);
		size_t used = end && !is_cut ? len + 1 : len;
		bytes += used;
		n -= used;
	}
}

void errlog_note(struct errlog *g, const char *text)
{
	char *copy = strdup(text);
	if (!copy)
		return;
	copy[log_redact(copy, strlen(copy))] = '\0';
	keep(g, FROM_US, copy);
	free(copy);
}

/* --- readers --------------------------------------------------------------------------------- */

struct errlog_cursor errlog_last(const struct errlog *g, size_t n)
{
	struct errlog_cursor c = { g->first_seq, g->first_at };
	for (; g->next_seq - c.seq > n; c.seq++)
		c.at += strlen(g->ring.data + (c.at - g->first_at)) + 1;
	return c;
}

bool errlog_has_next(const struct errlog *g, const struct errlog_cursor *c)
{
	return c->seq < g->next_seq;
}

const char *errlog_next(const struct errlog *g, struct errlog_cursor *c, uint64_t *ret_lost)
{
	*ret_lost = c->seq < g->first_seq ? g->first_seq - c->seq : 0;
	if (*ret_lost)
		*c = (struct errlog_cursor){ g->first_seq, g->first_at };
	if (c->seq == g->next_seq)
		return NULL;
	const char *entry = g->ring.data + (c->at - g->first_at);
	c->at += strlen(entry) + 1;
	c->seq++;
	return entry + 1;
}

/* --- the last words of a process ---------------------------------------------------------------- */

void errlog_begin(struct errlog *g)
{
	errlog_flush(g);
	g->process_seq = g->next_seq;
}

static bool is_inside_char(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

const char *errlog_tail(struct errlog *g, size_t n)
{
	buf_done(&g->tail);
	uint64_t seq = g->first_seq;
	for (size_t at = 0; at < g->ring.len; seq++) {
		const char *entry = g->ring.data + at;
		at += strlen(entry) + 1;
		if (entry[0] != FROM_STDERR || seq < g->process_seq)
			continue;
		if (g->tail.len > 0)
			(void)buf_adds(&g->tail, "\n"); /* out of memory only makes it shorter */
		(void)buf_adds(&g->tail, entry + 1);
	}
	if (g->half.len > 0) {
		if (g->tail.len > 0)
			(void)buf_adds(&g->tail, "\n");
		size_t at = g->tail.len;
		if (buf_add(&g->tail, g->half.data, g->half.len) == 0) {
			g->tail.len = at + log_redact(g->tail.data + at, g->half.len);
			g->tail.data[g->tail.len] = '\0';
		}
	}
	size_t skip = g->tail.len > n ? g->tail.len - n : 0;
	while (skip > 0 && skip < g->tail.len && is_inside_char(g->tail.data[skip]))
		skip++;
	buf_drop(&g->tail, skip);
	return buf_str(&g->tail);
}

void errlog_on_line(struct errlog *g, void (*fn)(void *ctx), void *ctx)
{
	g->fn = fn;
	g->ctx = ctx;
}

struct errlog *errlog_new(struct loop *l, const char *server)
{
	struct errlog *g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->server = strdup(server);
	g->timer = loop_timer_new(l, tell_suppressed, g);
	g->first_seq = g->next_seq = g->process_seq = 1;
	g->filled_ms = clock_ms();
	g->tokens = LOG_BURST * 1000;
	if (g->server && g->timer)
		return g;
	errlog_free(g);
	return NULL;
}

void errlog_free(struct errlog *g)
{
	if (!g)
		return;
	tell_suppressed(g);
	loop_timer_free(g->timer);
	buf_done(&g->ring);
	buf_done(&g->half);
	buf_done(&g->tail);
	free(g->server);
	free(g);
}
