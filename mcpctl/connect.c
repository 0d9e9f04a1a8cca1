/* SPDX-License-Identifier: MIT */
/* connect, agents, endpoint: the ways in. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/sink.h"
#include "mcpctl/session.h"
#include "mcpctl/table.h"
#include "mcpctl/verbs.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECE_BYTES = 64 * 1024,
	/* How long answers may still take after the end of stdin: MCP clients send SIGTERM after 2 s. */
	FLUSH_MS = 1500,
};

/* One direction: what was read and not yet written. It is filled only when empty. */
struct piece {
	char data[PIECE_BYTES];
	size_t from, to;
};

static bool is_empty(const struct piece *p)
{
	return p->from == p->to;
}

/*
 * stdin ⇄ session ⇄ stdout. The flags of stdin and stdout are never changed: whoever started us shares them.
 */
struct bridge {
	int socket; /* borrowed */
	struct sink out;
	struct piece up, down;
	char last_up; /* the last byte that went up */
	bool is_stdin_ended, is_shut, is_session_ended, is_client_gone;
	int64_t deadline; /* 0: the client has not closed stdin */
};

static void set_deadline(struct bridge *b)
{
	b->deadline = clock_ms() + FLUSH_MS;
}

static void stdin_ended(struct bridge *b)
{
	b->is_stdin_ended = true;
	set_deadline(b);
	if (b->last_up == '\n')
		return;
	/* `printf '{…}' | mcpctl connect X`: the end of the input ends the line. */
	b->up.data[0] = '\n';
	b->up.from = 0;
	b->up.to = 1;
}

static void read_stdin(struct bridge *b)
{
	ssize_t n = fd_read(STDIN_FILENO, b->up.data, sizeof(b->up.data));
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		stdin_ended(b);
		return;
	}
	b->up.from = 0;
	b->up.to = (size_t)n;
	b->last_up = b->up.data[n - 1];
}

static void read_session(struct bridge *b)
{
	ssize_t n = recv(b->socket, b->down.data, sizeof(b->down.data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		b->is_session_ended = true;
		return;
	}
	b->down.from = 0;
	b->down.to = (size_t)n;
}

static void write_session(struct bridge *b)
{
	struct piece *p = &b->up;
	if (!is_empty(p)) {
		ssize_t n = send(b->socket, p->data + p->from, p->to - p->from,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n >= 0) {
			p->from += (size_t)n;
			if (b->deadline)
				set_deadline(b);
		} else if (errno != EAGAIN && errno != EINTR) {
			/* It is over: what it still has to say is read, then its end. */
			p->from = p->to;
		}
	}
	if (is_empty(p) && b->is_stdin_ended && !b->is_shut) {
		(void)shutdown(b->socket, SHUT_WR); /* fails only where it is over anyway */
		b->is_shut = true;
	}
}

static void write_stdout(struct bridge *b)
{
	struct piece *p = &b->down;
	while (!is_empty(p)) {
		ssize_t n = sink_write(&b->out, p->data + p->from, p->to - p->from);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			b->is_client_gone = true;
			return;
		}
		p->from += (size_t)n;
		if (b->deadline)
			set_deadline(b);
	}
}

static bool is_over(const struct bridge *b)
{
	return b->is_client_gone || (b->is_session_ended && is_empty(&b->down)) ||
	       (b->deadline && clock_ms() >= b->deadline);
}

static void wait_and_move(struct bridge *b)
{
	bool want_in = !b->is_stdin_ended && is_empty(&b->up);
	/* While the session takes no more, stdin is not read, and its end is seen by the hang-up, once. */
	bool want_hup = !b->deadline && !want_in;
	int session = (!b->is_session_ended && is_empty(&b->down) ? POLLIN : 0) |
		      (!is_empty(&b->up) ? POLLOUT : 0);
	/* A descriptor of which nothing is wanted is left out: its hang-up would be reported without end. */
	struct pollfd p[] = {
		{ .fd = want_in || want_hup ? STDIN_FILENO : -1,
		  .events = want_in ? POLLIN : POLLRDHUP },
		{ .fd = session ? b->socket : -1, .events = (short)session },
		{ .fd = sink_fd(&b->out), .events = is_empty(&b->down) ? 0 : POLLOUT },
	};
	int64_t now = clock_ms(), left = b->deadline > now ? b->deadline - now : 0;
	if (poll(p, 3, b->deadline ? (int)left : -1) <= 0)
		return;
	if (p[0].revents && want_in)
		read_stdin(b);
	else if (p[0].revents)
		set_deadline(b);
	if ((p[1].revents & ~POLLOUT) && (session & POLLIN))
		read_session(b);
	write_session(b);
	write_stdout(b);
	if (p[2].revents & (POLLERR | POLLHUP | POLLNVAL))
		b->is_client_gone = true;
}

static int run_bridge(struct client *client)
{
	struct bridge *b = calloc(1, sizeof(*b));
	if (!b) {
		struct err e;
		err_oom(&e);
		return client_fail(&e);
	}
	b->socket = client_fd(client);
	b->last_up = '\n';
	sink_open(&b->out, STDOUT_FILENO);
	const char *surplus = client_surplus(client, &b->down.to);
	if (b->down.to > sizeof(b->down.data))
		b->down.to = sizeof(b->down.data); /* cannot be: the client reads no more at once */
	memcpy(b->down.data, surplus, b->down.to);
	write_stdout(b);
	while (!is_over(b))
		wait_and_move(b);
	bool is_cut = b->is_session_ended && !b->deadline && !b->is_client_gone;
	bool is_hurried = b->deadline && !b->is_session_ended && !b->is_client_gone;
	sink_close(&b->out);
	free(b);
	if (is_cut)
		(void)fprintf(stderr, "mcpctl: mcpinit has ended the session\n");
	if (is_hurried)
		(void)fprintf(
			stderr,
			"mcpctl: stdin has ended, so answers that take longer were not waited "
			"for; `mcpctl call` waits\n");
	return is_cut ? WIRE_EXIT_UNAVAILABLE : WIRE_EXIT_OK;
}

int verb_connect(const struct cli *c)
{
	client_end_by_signal();
	(void)signal(SIGPIPE, SIG_IGN);
	struct err e = { 0 };
	struct client *client = NULL;
	cJSON *result = NULL;
	int r = client_open(&c->where, &client, &e);
	if (r == 0)
		r = client_ask(client, WIRE_CONNECT, session_name(c->args[0], c->agent),
			       WIRE_ANSWER_MS, &result, &e);
	cJSON_Delete(result);
	int exit_status = r < 0 ? client_fail(&e) : run_bridge(client);
	client_free(client);
	return exit_status;
}

/* An agent's socket lies beside its pipes, wherever its directory is mounted here: it answers relative paths. */
static void make_absolute(cJSON *pair, const char *key, const char *socket_path)
{
	const char *path = client_text(pair, key), *end = strrchr(socket_path, '/');
	char *whole = NULL;
	if (*path == '/' || !end ||
	    asprintf(&whole, "%.*s/%s", (int)(end - socket_path), socket_path, path) < 0)
		return;
	cJSON *item = cJSON_CreateString(whole);
	free(whole);
	if (item)
		(void)cJSON_ReplaceItemInObjectCaseSensitive(pair, key, item); /* it is there */
}

int verb_endpoint(const struct cli *c)
{
	struct err e = { 0 };
	struct client *client = NULL;
	cJSON *pair = NULL;
	int r = client_open(&c->where, &client, &e);
	if (r == 0)
		r = client_ask(client, WIRE_ENDPOINT, session_name(c->args[0], c->agent),
			       WIRE_ANSWER_MS, &pair, &e);
	if (r == 0) {
		make_absolute(pair, "in", client_path(client));
		make_absolute(pair, "out", client_path(client));
	}
	client_free(client);
	if (r < 0)
		return client_fail_as(c->is_json, &e);
	if (c->is_json)
		client_print(pair, stdout);
	else
		(void)printf("%s\n%s\n", client_text(pair, "in"), client_text(pair, "out"));
	cJSON_Delete(pair);
	return WIRE_EXIT_OK;
}

int verb_agents(const struct cli *c)
{
	cJSON *result = NULL;
	int r = client_once(&c->where, WIRE_AGENTS, cJSON_CreateObject(), WIRE_ANSWER_MS, &result);
	if (r)
		return r;
	if (c->is_json) {
		client_print(result, stdout);
	} else {
		struct table *t = table_new(4, NULL);
		const cJSON *a;
		cJSON_ArrayForEach(a, cJSON_GetObjectItemCaseSensitive(result, "agents"))
		{
			bool is_present =
				cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(a, "is_present"));
			const char *cells[] = { client_text(a, "agent"), client_text(a, "server"),
						client_text(a, "kind"),
						is_present ? "attached" : "nobody there" };
			if (t)
				(void)table_row(t, cells); /* out of memory: one row less */
		}
		if (t)
			table_print(t, stdout);
		table_free(t);
	}
	cJSON_Delete(result);
	return WIRE_EXIT_OK;
}
