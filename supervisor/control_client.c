/* SPDX-License-Identifier: MIT */
/* One client: bytes in, lines, bytes out. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "supervisor/control_priv.h"
#include "supervisor/supervisor.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	PIECE_BYTES = 16 * 1024,
	UNREAD_BYTES = 64 * 1024, /* answers not read: no more requests are read meanwhile */
	ROUND_BYTES = 256 * 1024, /* lines to one client: then others have their turn */
	IDLE_MS = 60 * 1000,	  /* without a request, or without reading the answer */
};

/* --- a client's end ------------------------------------------------------------------------ */

void ctl_drop(struct ctl_client *c)
{
	if (c->is_dead)
		return;
	c->is_dead = true;
	ctl_sweep_forget(c);
	ctl_logs_free(take_ptr(&c->logs));
	ctl_wait_free(take_ptr(
		&c->wait)); /* it has a timer, and knows servers that may go before we do */
	loop_io_free(take_ptr(&c->io));
	close_fd(&c->fd);
	/* Freed in the next round: whoever called us may still look at it. */
	loop_timer_at(c->timer, 0);
}

void ctl_client_free(struct ctl_client *c)
{
	struct ctl_socket *s = c->socket;
	ctl_drop(c);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->clients = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (s->n_clients-- == WIRE_CLIENTS && s->io)
		(void)loop_io_want(s->io, LOOP_IN); /* the listener was in epoll before */
	loop_timer_free(c->timer);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
}

static void client_timer(void *ctx)
{
	ctl_client_free(ctx);
}

/* --- out ----------------------------------------------------------------------------------- */

/* Something else than an answer at once is owed to it; what it asks next has to wait. */
static bool is_busy(const struct ctl_client *c)
{
	return c->wait || c->logs || c->is_sweeping;
}

static void set_want(struct ctl_client *c)
{
	if (c->is_dead)
		return;
	bool reads = !c->is_ended && !c->is_paused && !c->is_closing && c->out.len < UNREAD_BYTES;
	bool writes = c->out.len > 0 || ctl_logs_has_news(c);
	int r = loop_io_want(c->io, (reads ? LOOP_IN : 0U) | (writes ? LOOP_OUT : 0U));
	if (r < 0)
		ctl_drop(c);
}

void ctl_wake(struct ctl_client *c)
{
	if (c->out.len == 0) /* else it is waited for already */
		set_want(c);
}

/* Sends what is in out; how much went. */
static size_t send_out(struct ctl_client *c)
{
	size_t sent = 0;
	while (!c->is_dead && c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			ctl_drop(c);
			break;
		}
		buf_drop(&c->out, (size_t)n);
		sent += (size_t)n;
	}
	return sent;
}

/* Its request is answered: it may send the next. */
static void unpause(struct ctl_client *c)
{
	c->is_paused = false;
	loop_timer_in(c->timer, IDLE_MS);
}

static void flush(struct ctl_client *c)
{
	size_t sent = send_out(c);
	while (ctl_logs_has_news(c) && c->out.len == 0 && sent < ROUND_BYTES) {
		if (ctl_logs_fill(c) < 0)
			ctl_drop(c); /* a lost line must not look like a slow one */
		else if (!c->logs)
			unpause(c);
		sent += send_out(c);
	}
	if (c->out.len == 0) {
		buf_done(&c->out); /* an idle client holds nothing */
		if (c->is_closing || (c->is_ended && !is_busy(c)))
			ctl_drop(c);
	}
	set_want(c);
}

/* Takes the line; NULL means that there was no memory for it. */
static void send_line(struct ctl_client *c, char *takes_line)
{
	if (!c->is_dead && (!takes_line || buf_adds(&c->out, takes_line) < 0))
		ctl_drop(c); /* a lost answer must not look like a slow one */
	free(takes_line);
	flush(c);
}

void ctl_result(struct ctl_client *c, const struct cJSON *id, struct cJSON *takes_result)
{
	send_line(c, wire_result_line(id, takes_result));
}

void ctl_error(struct ctl_client *c, const struct cJSON *id, int code, const char *fmt, ...)
{
	struct err e;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(e.text, sizeof(e.text), fmt, ap); /* a cut sentence is still one */
	va_end(ap);
	e.text[log_redact(e.text, strlen(e.text))] = '\0';
	send_line(c, wire_error_line(id, code, e.text));
}

void ctl_note(struct ctl_client *c, const char *method, struct cJSON *takes_params)
{
	if (c->out.len > 0)
		cJSON_Delete(takes_params);
	else
		send_line(c, wire_note_line(method, takes_params));
}

int ctl_hand_over(struct ctl_client *c, const struct cJSON *id)
{
	ctl_result(c, id, cJSON_CreateObject());
	if (c->is_dead || c->out.len > 0)
		return -1;
	loop_io_free(take_ptr(&c->io));
	return take_fd(&c->fd);
}

/* --- in ------------------------------------------------------------------------------------ */

void ctl_next(struct ctl_client *c)
{
	if (c->is_dead)
		return;
	unpause(c);
	flush(c);
}

static void line_came(struct ctl_client *c)
{
	size_t len = c->in.len;
	while (len > 0 && (c->in.data[len - 1] == '\n' || c->in.data[len - 1] == '\r'))
		len--;
	if (len > 0) {
		loop_timer_in(c->timer, IDLE_MS);
		struct wire_request rq;
		struct err e;
		int code = wire_read_request(c->in.data, len, &rq, &e);
		if (code == 0)
			ctl_request(c, &rq);
		else
			ctl_error(c, rq.id, code, "%s", e.text);
		wire_request_done(&rq);
	}
	buf_done(&c->in);
	if (!c->is_dead && is_busy(c))
		loop_timer_stop(c->timer); /* now it is us who it waits for */
}

/* Never reads past the line: what is behind `connect` belongs to the session. */
static void read_some(struct ctl_client *c)
{
	char piece[PIECE_BYTES];
	ssize_t n = recv(c->fd, piece, sizeof(piece), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		ctl_drop(c);
		return;
	}
	if (n == 0) {
		c->is_ended = true;
		flush(c);
		return;
	}
	if (is_busy(c)) {
		c->is_paused = true;
		set_want(c);
		return;
	}
	char *end = memchr(piece, '\n', (size_t)n);
	size_t take = end ? (size_t)(end - piece) + 1 : (size_t)n;
	n = recv(c->fd, piece, take, MSG_DONTWAIT);
	if (n <= 0)
		return; /* cannot be: it was there a moment ago */
	if (buf_add(&c->in, piece, (size_t)n) < 0) {
		c->is_closing = true;
		ctl_error(c, NULL, WIRE_INVALID, "a request is one line of at most %d bytes",
			  WIRE_LINE_BYTES);
		return;
	}
	if (end)
		line_came(c);
}

static void client_ready(void *ctx, unsigned ready)
{
	struct ctl_client *c = ctx;
	if (ready & (LOOP_HUP | LOOP_ERR)) {
		/* Both directions are gone: what it may still have sent has nobody to be answered to. */
		ctl_drop(c);
		return;
	}
	if (ready & LOOP_OUT)
		flush(c);
	if ((ready & LOOP_IN) && !c->is_dead)
		read_some(c);
}

/* --- birth --- */

void ctl_client_new(struct ctl_socket *s, int takes_fd)
{
	_cleanup_close_ int fd = takes_fd;
	struct ctl_client *c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->timer = loop_timer_new(s->ctl->sv->loop, client_timer, c);
	c->io = c->timer ? loop_io_new(s->ctl->sv->loop, fd, LOOP_IN, client_ready, c, NULL) : NULL;
	if (!c->io) {
		loop_timer_free(c->timer);
		free(c);
		return;
	}
	c->fd = take_fd(&fd);
	c->socket = s;
	c->in.max = WIRE_LINE_BYTES + 1;
	c->next = s->clients;
	if (c->next)
		c->next->prev = c;
	s->clients = c;
	if (++s->n_clients == WIRE_CLIENTS)
		(void)loop_io_want(s->io, 0); /* taking it out of epoll cannot fail */
	loop_timer_in(c->timer, IDLE_MS);
	if (!ctl_may_enter(s, c->fd)) {
		c->is_closing = true;
		ctl_error(c, NULL, WIRE_DENIED,
			  "only root, mcpinit's own user and control_group may use this socket");
	}
}
