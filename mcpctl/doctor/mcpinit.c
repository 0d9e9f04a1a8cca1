/* SPDX-License-Identifier: MIT */
/* Does mcpinit run, and what does it take for the engine? Its own environment may be another than ours. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "docker/endpoint.h"
#include "mcpctl/doctor/doctor.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct mcpinit_check {
	struct doctor *d;
	char *path; /* owned; of its socket */
	int fd;	    /* owned */
	struct loop_io *io;
	struct loop_timer *timer;
	struct buf line;
};

static void end(struct mcpinit_check *m, const struct mcpinit_facts *facts)
{
	struct finding f = finding_of(CHECK_MCPINIT);
	loop_io_free(take_ptr(&m->io));
	loop_timer_free(take_ptr(&m->timer));
	judge_mcpinit(facts, &f);
	doctor_add(m->d, &f);
	doctor_end(m->d, CHECK_MCPINIT);
}

static void fail(struct mcpinit_check *m, int error)
{
	const struct mcpinit_facts facts = { .path = m->path, .error = error };
	end(m, &facts);
}

static const char *text_of(const cJSON *o, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static void take_answer(struct mcpinit_check *m, size_t len)
{
	cJSON *all = NULL;
	int r = wire_read_answer(buf_str(&m->line), len, &all, NULL);
	const cJSON *engine = cJSON_GetObjectItemCaseSensitive(all, "engine");
	const struct mcpinit_facts facts = {
		.path = m->path,
		.error = r,
		.version = text_of(all, "version"),
		.our_version = MCPINIT_VERSION,
		.engine = text_of(engine, "endpoint"),
		.is_engine_up = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(engine, "is_up")),
		.our_engine = m->d->endpoint ? m->d->endpoint->text : NULL,
	};
	end(m, &facts);
	cJSON_Delete(all);
}

static void on_ready(void *ctx, unsigned ready)
{
	struct mcpinit_check *m = ctx;
	char bytes[4096];
	ssize_t n = fd_read(m->fd, bytes, sizeof(bytes));
	(void)ready;
	if (n == -EAGAIN)
		return;
	int r = n < 0 ? (int)n : n == 0 ? -ECONNRESET : buf_add(&m->line, bytes, (size_t)n);
	const char *newline = r == 0 ? memchr(m->line.data, '\n', m->line.len) : NULL;
	if (r < 0)
		fail(m, r);
	else if (newline)
		take_answer(m, (size_t)(newline - m->line.data));
}

static void on_time(void *ctx)
{
	fail(ctx, -ETIMEDOUT);
}

/* -s, $MCPCTL_SOCKET, or where the configuration has it; the caller's. */
static char *socket_path(const struct doctor *d)
{
	const char *from_env = getenv("MCPCTL_SOCKET");
	char *path = NULL;
	if (d->p->socket)
		return strdup(d->p->socket);
	if (from_env && *from_env)
		return strdup(from_env);
	if (asprintf(&path, "%s/" WIRE_CONTROL, d->conf->control_dir) < 0)
		return NULL;
	return path;
}

/* Small enough for the socket to take it whole. */
static int send_request(struct mcpinit_check *m)
{
	struct sockaddr_un address;
	int r = wire_address(m->path, &address, NULL);
	if (r < 0)
		return r;
	m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0 || connect(m->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	_cleanup_free_ char *line = wire_request_line(WIRE_STATUS, cJSON_CreateObject());
	if (!line)
		return -ENOMEM;
	return fd_write_all(m->fd, line, strlen(line));
}

void mcpinit_start(struct doctor *d)
{
	struct mcpinit_check *m = d->mcpinit = calloc(1, sizeof(*m));
	if (!m)
		return;
	m->d = d;
	m->fd = -1;
	m->line.max = WIRE_LINE_BYTES + 1;
	m->path = socket_path(d);
	doctor_begin(d, CHECK_MCPINIT);
	int r = m->path ? send_request(m) : -ENOMEM;
	if (r == 0) {
		m->io = loop_io_new(d->loop, m->fd, LOOP_IN, on_ready, m, NULL);
		m->timer = loop_timer_new(d->loop, on_time, m);
		r = m->io && m->timer ? 0 : -ENOMEM;
	}
	if (r < 0)
		fail(m, r);
	else
		loop_timer_in(m->timer, DOCTOR_MCPINIT_MS);
}

void mcpinit_free(struct doctor *d)
{
	struct mcpinit_check *m = d->mcpinit;
	if (!m)
		return;
	loop_io_free(m->io);
	loop_timer_free(m->timer);
	close_fd(&m->fd);
	buf_done(&m->line);
	free(m->path);
	free(m);
	d->mcpinit = NULL;
}
