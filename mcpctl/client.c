/* SPDX-License-Identifier: MIT */
#include "mcpctl/client.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

struct client {
	int fd;	    /* owned */
	char *path; /* owned */
	struct buf in;
	size_t used; /* bytes at the front of in that were handed out */
};

/* --- finding ------------------------------------------------------------------------------- */

static void set_patience(int fd, int64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (ms % 1000) * 1000 };
	/* Also bounds connect(2) to a socket whose backlog is full. Fails on no socket. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static int try_connect(const char *path, int *ret_fd, struct err *e)
{
	struct sockaddr_un un;
	int r = wire_address(path, &un, e);
	if (r < 0) {
		if (e)
			e->kind = WIRE_EXIT_USAGE;
		return r;
	}
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_kind(e, -errno, WIRE_EXIT_UNAVAILABLE, "cannot make a socket: %s",
				strerror(errno));
	set_patience(fd, WIRE_ANSWER_MS);
	while (connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* What to do about a socket that could not be opened. */
static int explain(const char *path, int code, struct err *e)
{
	struct stat st;
	switch (code) {
	case -EACCES:
	case -EPERM:
		if (stat(path, &st) < 0)
			return err_kind(
				e, code, WIRE_EXIT_NO_PERMISSION,
				"no permission to reach %s: run as the user or group its directory belongs to",
				path);
		return err_kind(
			e, code, WIRE_EXIT_NO_PERMISSION,
			"no permission to open %s (it belongs to %u:%u, mode %04o; we are %u:%u): run as that user or group",
			path, st.st_uid, st.st_gid, st.st_mode & 07777, geteuid(), getegid());
	case -ECONNREFUSED:
		return err_kind(e, code, WIRE_EXIT_UNAVAILABLE,
				"%s is there but nobody listens: mcpinit is not running; start it",
				path);
	case -EAGAIN:
		return err_kind(
			e, code, WIRE_EXIT_UNAVAILABLE,
			"mcpinit takes no connection at %s within %d s: it is stuck, or has too many clients",
			path, WIRE_ANSWER_MS / 1000);
	case -ENOENT:
	case -ENOTDIR:
		return err_kind(
			e, code, WIRE_EXIT_UNAVAILABLE,
			"%s is not there: is mcpinit running, and is the directory mounted here?",
			path);
	default:
		return err_kind(e, code, WIRE_EXIT_UNAVAILABLE, "cannot connect to %s: %s", path,
				strerror(-code));
	}
}

static int connect_only(const char *path, int *ret_fd, char **ret_path, struct err *e)
{
	_cleanup_free_ char *copy = strdup(path);
	if (!copy)
		return err_oom(e);
	int r = try_connect(path, ret_fd, e);
	if (r == -ENAMETOOLONG)
		return r;
	if (r < 0)
		return explain(path, r, e);
	*ret_path = take_ptr(&copy);
	return 0;
}

struct search {
	int fd;		 /* owned; -1: none found */
	char *path;	 /* owned */
	struct buf also; /* paths of further ones that can be opened */
	char *denied;	 /* owned: the first that is there and not for us */
};

static void search_done(struct search *s)
{
	close_fd(&s->fd);
	free(s->path);
	free(s->denied);
	buf_done(&s->also);
}

__attribute__((format(printf, 2, 3))) static int search_try(struct search *s, const char *fmt, ...)
{
	_cleanup_free_ char *path = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&path, fmt, ap);
	va_end(ap);
	if (n < 0) {
		path = NULL;
		return -ENOMEM;
	}
	_cleanup_close_ int fd = -1;
	int r = try_connect(path, &fd, NULL);
	if ((r == -EACCES || r == -EPERM) && !s->denied)
		s->denied = take_ptr(&path);
	if (r < 0)
		return 0;
	if (s->path)
		return buf_addf(&s->also, " or %s", path);
	s->fd = take_fd(&fd);
	s->path = take_ptr(&path);
	return 0;
}

static int search_agents(struct search *s, const struct client_where *w)
{
	const char *top = w->runtime_dir;
	if (w->agent && !strchr(w->agent, '/')) {
		int r = search_try(s, "%s/%s/%s", top, w->agent, WIRE_AGENT);
		if (r < 0 || s->path)
			return r;
	}
	int r = search_try(s, "%s/%s", top, WIRE_AGENT);
	DIR *dir = w->agent ? NULL : opendir(top);
	if (!dir)
		return r;
	for (struct dirent *d; r == 0 && (d = readdir(dir));)
		if (d->d_name[0] != '.' && (d->d_type == DT_DIR || d->d_type == DT_UNKNOWN))
			r = search_try(s, "%s/%s/%s", top, d->d_name, WIRE_AGENT);
	(void)closedir(dir); /* only read */
	return r;
}

static int search_result(struct search *s, const struct client_where *w, int *ret_fd,
			 char **ret_path, struct err *e)
{
	if (s->also.len > 0)
		return err_kind(e, -EINVAL, WIRE_EXIT_USAGE,
				"more than one agent's socket can be opened: choose with -s %s%s",
				s->path, buf_str(&s->also));
	if (s->path) {
		*ret_fd = take_fd(&s->fd);
		*ret_path = take_ptr(&s->path);
		return 0;
	}
	if (s->denied)
		return explain(s->denied, -EACCES, e);
	return err_kind(
		e, -ENOENT, WIRE_EXIT_UNAVAILABLE,
		"no mcpinit answers at %s or %s/%s/%s: is it running, and is its directory mounted here? -s SOCKET names another place",
		w->control, w->runtime_dir, w->agent ? w->agent : "*", WIRE_AGENT);
}

int client_find(const struct client_where *w, int *ret_fd, char **ret_path, struct err *e)
{
	if (w->option)
		return connect_only(w->option, ret_fd, ret_path, e);
	if (w->environment && *w->environment)
		return connect_only(w->environment, ret_fd, ret_path, e);
	struct search s = { .fd = -1 };
	int r = search_try(&s, "%s", w->control);
	if (r == 0 && !s.path)
		r = search_agents(&s, w);
	r = r < 0 ? err_oom(e) : search_result(&s, w, ret_fd, ret_path, e);
	search_done(&s);
	return r;
}

/* --- talking ------------------------------------------------------------------------------- */

int client_open(const struct client_where *w, struct client **ret, struct err *e)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *path = NULL;
	int r = client_find(w, &fd, &path, e);
	if (r < 0)
		return r;
	struct client *c = calloc(1, sizeof(*c));
	if (!c)
		return err_oom(e);
	c->fd = take_fd(&fd);
	c->path = take_ptr(&path);
	*ret = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	close_fd(&c->fd);
	free(c->path);
	buf_done(&c->in);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->fd;
}

const char *client_path(const struct client *c)
{
	return c->path;
}

const char *client_surplus(const struct client *c, size_t *ret_len)
{
	*ret_len = c->in.len - c->used;
	return buf_str(&c->in) + c->used;
}

void client_patient(struct client *c)
{
	set_patience(c->fd, 0);
}

int client_send(struct client *c, const char *bytes, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t r = send(c->fd, bytes, n, MSG_NOSIGNAL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_kind(e, -errno, WIRE_EXIT_UNAVAILABLE,
					errno == EAGAIN ? "mcpinit does not read what it is asked"
							: "mcpinit has closed the connection");
		bytes += r;
		n -= (size_t)r;
	}
	return 0;
}

/* Waits for more bytes and adds them to in. */
static int client_more(struct client *c, int64_t deadline, struct err *e)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int64_t left = deadline < 0 ? -1 : deadline - clock_ms();
	if (deadline >= 0 && left < 0)
		left = 0;
	int n = poll(&p, 1, left > 1 << 30 ? 1 << 30 : (int)left);
	if (n < 0 && errno != EINTR)
		return err_kind(e, -errno, WIRE_EXIT_UNAVAILABLE, "cannot wait for an answer");
	if (n == 0 && left <= 1 << 30)
		return err_kind(
			e, -ETIMEDOUT, WIRE_EXIT_UNAVAILABLE,
			"mcpinit is there but does not answer: it is stuck, stopped, or busy with %d "
			"other clients",
			WIRE_CLIENTS);
	if (n <= 0)
		return 0;
	char *room = buf_room(&c->in, READ_BYTES);
	if (!room)
		return err_oom(e);
	ssize_t got = fd_read(c->fd, room, READ_BYTES);
	if (got <= 0)
		return err_kind(e, -ECONNRESET, WIRE_EXIT_UNAVAILABLE,
				"mcpinit has closed the connection before it answered");
	c->in.len += (size_t)got;
	return 0;
}

int client_line(struct client *c, int64_t timeout_ms, char **ret_line, size_t *ret_len,
		struct err *e)
{
	int64_t deadline = timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
	size_t scanned = 0;
	for (;;) {
		char *line = c->in.data ? c->in.data + c->used : NULL;
		size_t have = c->in.len - c->used;
		char *end = have > scanned ? memchr(line + scanned, '\n', have - scanned) : NULL;
		if (end) {
			*end = '\0';
			*ret_line = line;
			*ret_len = (size_t)(end - line);
			c->used += *ret_len + 1;
			return 0;
		}
		scanned = have;
		buf_drop(&c->in, c->used);
		c->used = 0;
		int r = client_more(c, deadline, e);
		if (r < 0)
			return r;
	}
}

int client_ask(struct client *c, enum wire_verb verb, struct cJSON *takes_params,
	       int64_t timeout_ms, struct cJSON **ret, struct err *e)
{
	_cleanup_free_ char *request = wire_request_line(verb, takes_params);
	if (!request)
		return err_oom(e);
	int r = client_send(c, request, strlen(request), e);
	/* A refusal may have come before all was read: what is there to read says more than "closed". */
	char *line;
	size_t len;
	struct err why;
	int answered = client_line(c, r < 0 ? 0 : timeout_ms, &line, &len, r < 0 ? &why : e);
	if (answered < 0)
		return r < 0 ? r : answered;
	return wire_read_answer(line, len, ret, e);
}

/* --- what the verbs share ------------------------------------------------------------------- */

int client_exit(const struct err *e)
{
	if (e->code != -EREMOTEIO)
		return e->kind ? e->kind : WIRE_EXIT_UNAVAILABLE;
	if (e->kind == WIRE_AWAY)
		return WIRE_EXIT_UNAVAILABLE;
	return e->kind == WIRE_DENIED ? WIRE_EXIT_NO_PERMISSION : WIRE_EXIT_FAILED;
}

struct cJSON *client_error(int code, const char *message)
{
	cJSON *error = cJSON_CreateObject();
	if (error && cJSON_AddNumberToObject(error, "code", code) &&
	    cJSON_AddStringToObject(error, "message", message))
		return error;
	cJSON_Delete(error);
	return NULL;
}

int client_fail_as(bool is_json, const struct err *e)
{
	if (!is_json) {
		(void)fprintf(stderr, "mcpctl: %s\n", e->text); /* nowhere else to say it */
		return client_exit(e);
	}
	cJSON *root = cJSON_CreateObject();
	cJSON *error = client_error(e->code == -EREMOTEIO ? e->kind : client_exit(e), e->text);
	if (root && error && cJSON_AddItemToObject(root, "error", error))
		client_print(root, stdout);
	else
		cJSON_Delete(error);
	cJSON_Delete(root);
	return client_exit(e);
}

int client_fail(const struct err *e)
{
	return client_fail_as(false, e);
}

int client_once(const struct client_where *w, enum wire_verb verb, struct cJSON *takes_params,
		int64_t timeout_ms, struct cJSON **ret)
{
	struct err e = { 0 };
	struct client *c = NULL;
	int r = client_open(w, &c, &e);
	if (r < 0)
		cJSON_Delete(takes_params);
	else
		r = client_ask(c, verb, takes_params, timeout_ms, ret, &e);
	client_free(c);
	return r < 0 ? client_fail_as(w->is_json, &e) : 0;
}

static void leave(int signal_number)
{
	_exit(WIRE_EXIT_SIGNAL + signal_number);
}

void client_end_by_signal(void)
{
	(void)signal(SIGTERM, leave); /* fails for no such signal */
	(void)signal(SIGINT, leave);
}

const char *client_text(const struct cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return text ? text : "";
}

void client_print(const struct cJSON *item, FILE *to)
{
	_cleanup_free_ char *text = cJSON_PrintUnformatted(item);
	if (text)
		(void)fprintf(to, "%s\n", text);
}
