/* SPDX-License-Identifier: MIT */
/*
 * The control protocol: any bytes as a line to the readers of both ends, and as what a client sends to a socket of mcpinit:
 * the first byte says whose socket it is and in what pieces they come. Whatever comes, each line that is answered before
 * a `connect` is JSON, and the next client is served. No server is ever launched: they wait for an engine that is not.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "stdio/errlog.h"
#include "supervisor/control_priv.h"
#include "supervisor/reap.h"
#include "supervisor/server.h"
#include "supervisor/shutdown.h"
#include "supervisor/supervisor.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

/* --- the readers --------------------------------------------------------------------------------- */

static void read_line(const char *line, size_t len)
{
	struct wire_request rq;
	struct err e = { 0 };
	int code = wire_read_request(line, len, &rq, &e);
	check(code == 0 || (code < 0 && *e.text));
	if (code == 0) {
		/* What can be read can be answered, with its own id. */
		char *answer = wire_result_line(rq.id, cJSON_CreateObject());
		cJSON *result = NULL;
		check(answer && wire_read_answer(answer, strlen(answer) - 1, &result, &e) == 0);
		cJSON_Delete(result);
		free(answer);
	}
	wire_request_done(&rq);
	cJSON *result = NULL;
	(void)wire_read_answer(line, len, &result, &e); /* either is fine */
	cJSON_Delete(result);
	cJSON_Delete(wire_read_note(line, len, "line"));
}

/* --- a client ------------------------------------------------------------------------------------ */

static const char ini[] = "[mcpinit]\n"
			  "runtime_dir = /tmp/fuzz_wire\n"
			  "control_dir = /tmp/fuzz_wire\n"
			  "[server:fs]\n"
			  "image = fs\n"
			  "launch = api\n"
			  "[server:git]\n"
			  "image = git\n"
			  "launch = api\n"
			  "depends_on = fs\n"
			  "[agent:planner]\n"
			  "servers = fs\n";

static const struct conf *load(void)
{
	static const char *const none[] = { NULL };
	char path[] = "/tmp/fuzz_wire.XXXXXX";
	int fd = mkstemp(path);
	check(fd >= 0 && write(fd, ini, strlen(ini)) == (ssize_t)strlen(ini));
	close(fd);
	struct conf_source src = { .path = path, .environ = none };
	struct conf_errors errs = { 0 };
	struct conf *conf = NULL;
	check(conf_load(&src, &conf, &errs) == 0);
	conf_errors_done(&errs);
	unlink(path);
	return conf;
}

static void open_all(struct supervisor *sv, struct control *ctl, struct ctl_socket *s,
		     const struct conf *conf)
{
	struct err e;
	*sv = (struct supervisor){
		.conf = conf, .loop = loop_new(&e), .reap = reap_new(&e), .control = ctl
	};
	sv->servers = calloc(3, sizeof(struct server *));
	for (; conf->servers[sv->n_servers]; sv->n_servers++) {
		sv->servers[sv->n_servers] = server_new(sv, conf->servers[sv->n_servers], &e);
		check(sv->servers[sv->n_servers] != NULL);
		errlog_note(server_errlog(sv->servers[sv->n_servers]), "a line \xff");
	}
	sv->look_timer = loop_timer_new(sv->loop, (loop_timer_fn *)control_changed, ctl);
	*ctl = (struct control){ .sv = sv, .sockets = s, .gid = -1 };
}

static void close_all(struct supervisor *sv, struct control *ctl, struct ctl_socket *s)
{
	while (s->clients)
		ctl_client_free(s->clients);
	ctl_tails_free(ctl, NULL);
	shutdown_free(sv->shutdown);
	for (size_t i = 0; i < sv->n_servers; i++)
		server_free(sv->servers[i]);
	free(sv->servers);
	loop_timer_free(sv->look_timer);
	reap_free(sv->reap);
	loop_free(sv->loop);
}

static void rounds(struct supervisor *sv)
{
	for (int i = 0; i < 6; i++)
		check(loop_round(sv->loop, false) == 0);
}

/* Adds what has come to heard. */
static void hear(int fd, struct buf *heard)
{
	char bytes[16384];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		check(buf_add(heard, bytes, (size_t)n) == 0);
}

static void check_answers(const char *text, bool may_be_session)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		cJSON *root = cJSON_ParseWithLength(text, (size_t)(end - text));
		check(root || may_be_session);
		cJSON_Delete(root);
	}
}

static void talk(struct supervisor *sv, struct ctl_socket *s, const uint8_t *data, size_t size)
{
	int fd[2];
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	ctl_client_new(s, fd[0]);
	struct buf heard = { 0 };
	size_t piece = *data >> 1 ? (size_t)(*data >> 1) * 16 : size + 1;
	for (size_t at = 1; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;
		if (send(fd[1], data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break; /* it was closed for what it said */
		rounds(sv);
		hear(fd[1], &heard);
	}
	check_answers(buf_str(&heard), memmem(data, size, "connect", 7) != NULL);
	buf_done(&heard);
	close(fd[1]);
	rounds(sv);
}

/* The next one is served, whatever the last one did. */
static void check_served(struct supervisor *sv, struct ctl_socket *s)
{
	static const char question[] = "\x01{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"status\"}\n";
	int fd[2];
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0);
	ctl_client_new(s, fd[0]);
	check(send(fd[1], question + 1, sizeof(question) - 2, MSG_NOSIGNAL) > 0);
	rounds(sv);
	struct buf heard = { 0 };
	hear(fd[1], &heard);
	check(strstr(buf_str(&heard), "\"id\":7") && strstr(buf_str(&heard), "\"servers\""));
	buf_done(&heard);
	close(fd[1]);
	rounds(sv);
}

/* It would end our own children, and libFuzzer has one: the tests of shutdown are elsewhere. */
static bool has_shutdown(const char *text, size_t size)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t len = end ? (size_t)(end - text) : size;
		struct wire_request rq;
		struct err e;
		bool is_it = wire_read_request(text, len, &rq, &e) == 0 && rq.verb == WIRE_SHUTDOWN;
		wire_request_done(&rq);
		if (is_it)
			return true;
		text += len + (end != NULL);
		size -= len + (end != NULL);
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || (!(*data & 1) && has_shutdown((const char *)data + 1, size - 1)))
		return 0;
	read_line((const char *)data, size);
	log_set(LOG_ERROR, LOG_TEXT);
	(void)signal(SIGPIPE, SIG_IGN); /* as mcpinit does */
	static const struct conf *conf;
	if (!conf)
		conf = load();
	struct supervisor sv;
	struct control ctl;
	char planner[] = "planner";
	struct ctl_socket s = { .ctl = &ctl, .dir_fd = -1, .fd = -1 };
	s.agent = *data & 1 ? planner : NULL;
	open_all(&sv, &ctl, &s, conf);
	talk(&sv, &s, data, size);
	check_served(&sv, &s);
	close_all(&sv, &ctl, &s);
	return 0;
}
