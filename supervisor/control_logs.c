/* SPDX-License-Identifier: MIT */
/*
 * logs: a client has a place in the ring and takes lines from there as fast as it reads them. Who is slow holds nothing
 * but its place; what was overwritten meanwhile is said as a number.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "stdio/errlog.h"
#include "stdio/rpc.h"
#include "supervisor/control_priv.h"
#include "supervisor/server.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { PIECE_BYTES = 16 * 1024 }; /* made at once; a line may be over it */

struct ctl_logs {
	struct server *server;
	struct errlog_cursor at;
	uint64_t until; /* the first line that is not wanted; UINT64_MAX: it follows */
	cJSON *id;	/* owned: of the request, which is answered at the end */
};

/* A server whose followers are told of new lines. */
struct ctl_tail {
	struct ctl_tail *next;
	struct control *ctl;
	struct server *server;
};

/* --- who follows --------------------------------------------------------------------------- */

static void tail_news(void *ctx)
{
	struct ctl_tail *t = ctx;
	for (struct ctl_socket *s = t->ctl->sockets; s; s = s->next)
		for (struct ctl_client *c = s->clients; c; c = c->next)
			if (c->logs && c->logs->server == t->server)
				ctl_wake(c);
}

/* Stays until the end: to let go of it while it calls us would be another case to think of. */
static bool tail(struct control *ctl, struct server *s)
{
	for (struct ctl_tail *t = ctl->tails; t; t = t->next)
		if (t->server == s)
			return true;
	struct ctl_tail *t = calloc(1, sizeof(*t));
	if (!t)
		return false;
	*t = (struct ctl_tail){ .next = ctl->tails, .ctl = ctl, .server = s };
	ctl->tails = t;
	errlog_on_line(server_errlog(s), tail_news, t);
	return true;
}

void ctl_tails_free(struct control *ctl, const struct server *only)
{
	for (struct ctl_tail **at = &ctl->tails; *at;) {
		struct ctl_tail *t = *at;
		if (only && t->server != only) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		errlog_on_line(server_errlog(t->server), NULL, NULL);
		free(t);
	}
}

/* --- lines --------------------------------------------------------------------------------- */

/* Hand-made, as a flood is when somebody looks: no tree for each line of it. */
static int add_line(struct buf *to, uint64_t seq, const char *text)
{
	int r = buf_addf(to,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"line\",\"params\":{\"seq\":%" PRIu64
			 ",\"text\":",
			 seq);
	if (r == 0)
		r = rpc_string(to, text, strlen(text));
	return r < 0 ? r : buf_adds(to, "}}\n");
}

static int add_lost(struct buf *to, uint64_t lines)
{
	return buf_addf(to,
			"{\"jsonrpc\":\"2.0\",\"method\":\"lost\",\"params\":{\"lines\":%" PRIu64
			"}}\n",
			lines);
}

static int add_end(struct ctl_client *c)
{
	_cleanup_free_ char *line = wire_result_line(c->logs->id, cJSON_CreateObject());
	ctl_logs_free(take_ptr(&c->logs));
	return line ? buf_adds(&c->out, line) : -ENOMEM;
}

bool ctl_logs_has_news(const struct ctl_client *c)
{
	const struct ctl_logs *l = c->logs;
	return l && (l->until != UINT64_MAX || errlog_has_next(server_errlog(l->server), &l->at));
}

int ctl_logs_fill(struct ctl_client *c)
{
	struct ctl_logs *l = c->logs;
	struct errlog *g = server_errlog(l->server);
	int r = 0;
	while (r == 0 && c->out.len < PIECE_BYTES) {
		if (l->at.seq >= l->until)
			return add_end(c);
		uint64_t lost, wanted = l->until - l->at.seq;
		const char *text = errlog_next(g, &l->at, &lost);
		if (lost)
			r = add_lost(&c->out, lost < wanted ? lost : wanted);
		if (!text)
			return r;
		if (r == 0 && lost < wanted)
			r = add_line(&c->out, l->at.seq - 1, text);
	}
	return r;
}

/* --- the verb ------------------------------------------------------------------------------ */

void ctl_logs_free(struct ctl_logs *l)
{
	if (!l)
		return;
	cJSON_Delete(l->id);
	free(l);
}

void ctl_logs_begin(struct ctl_client *c, const struct wire_request *rq, struct server *s)
{
	const cJSON *lines = cJSON_GetObjectItemCaseSensitive(rq->params, "lines");
	bool follows = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rq->params, "follow"));
	bool is_limited = cJSON_IsNumber(lines) && lines->valueint >= 0;
	struct ctl_logs *l = calloc(1, sizeof(*l));
	if (l)
		l->id = rq->id ? cJSON_Duplicate(rq->id, true) : cJSON_CreateNull();
	if (!l || !l->id || (follows && !tail(c->socket->ctl, s))) {
		ctl_logs_free(l);
		ctl_error(c, rq->id, WIRE_INTERNAL, "out of memory");
		return;
	}
	l->server = s;
	l->at = errlog_last(server_errlog(s), is_limited ? (size_t)lines->valueint : SIZE_MAX);
	l->until = follows ? UINT64_MAX : errlog_last(server_errlog(s), 0).seq;
	c->logs = l;
	ctl_wake(c);
}

void ctl_logs_gone(struct ctl_client *c, const struct server *s)
{
	if (!c->logs || c->logs->server != s)
		return;
	struct ctl_logs *l = take_ptr(&c->logs);
	ctl_error(c, l->id, WIRE_UNKNOWN, "server %s is no longer in the configuration",
		  server_name(s));
	ctl_logs_free(l);
	ctl_next(c);
}
