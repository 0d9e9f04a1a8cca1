/* SPDX-License-Identifier: MIT */
/*
 * control_rig: the sockets of a supervisor whose servers are never launched, and clients of them.
 */
#ifndef TESTS_UNIT_CONTROL_RIG_H
#define TESTS_UNIT_CONTROL_RIG_H

#include "base/err.h"
#include "base/loop.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "supervisor/control_priv.h"
#include "supervisor/rundir.h"
#include "supervisor/server.h"
#include "supervisor/server_priv.h"
#include "supervisor/supervisor.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CONTROL_RIG_MORE
#define CONTROL_RIG_MORE "" /* sections behind these */
#endif

/* The tests set the states that control shall see. */
static const char ini[] = "[mcpinit]\n"
			  "runtime_dir = %s/mcp\n"
			  "control_dir = %s/ctl\n"
			  "launch = process\n"
			  "[defaults]\n"
			  "autostart = false\n"
			  "[server:fs]\n"
			  "command = cat\n"
			  "[server:git]\n"
			  "command = cat\n"
			  "depends_on = fs\n"
			  "[agent:planner]\n"
			  "servers = fs\n" CONTROL_RIG_MORE;

static char dir[32], operator_path[64], planner_path[64];
static struct supervisor sv;

static inline void look(void *ctx)
{
	(void)ctx;
	control_changed(sv.control);
}

static inline void write_ini(const char *path)
{
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, ini, dir, dir);
	fclose(f);
}

static inline void load(void)
{
	char path[64];
	static const char *const none[] = { NULL };
	snprintf(path, sizeof(path), "%s/mcpinit.ini", dir);
	write_ini(path);
	struct conf_source src = { .path = path, .environ = none };
	struct conf_errors errs = { 0 };
	struct conf *conf = NULL;
	int r = conf_load(&src, &conf, &errs);
	ck_assert_msg(r == 0, "%s", errs.n ? errs.lines[0] : "?");
	conf_errors_done(&errs);
	sv.conf = conf;
}

static inline void open_all(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(dir, "/tmp/control.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(operator_path, sizeof(operator_path), "%s/ctl/control.sock", dir);
	snprintf(planner_path, sizeof(planner_path), "%s/mcp/planner/agent.sock", dir);
	memset(&sv, 0, sizeof(sv));
	load();
	struct err e = { 0 };
	sv.loop = loop_new(&e);
	sv.look_timer = loop_timer_new(sv.loop, look, NULL);
	ck_assert_msg(rundir_open(sv.conf->runtime_dir, sv.conf->control_dir, &sv.rundir, &e) == 0,
		      "%s", e.text);
	sv.control = control_new(&sv, &e);
	ck_assert_msg(sv.control != NULL, "%s", e.text);
	sv.servers = calloc(8, sizeof(struct server *));
	for (; sv.conf->servers[sv.n_servers]; sv.n_servers++)
		sv.servers[sv.n_servers] = server_new(&sv, sv.conf->servers[sv.n_servers], &e);
	for (struct conf_agent **a = sv.conf->agents; *a; a++) {
		struct rundir_agent ra = { .name = (*a)->name, .uid = -1, .gid = -1 };
		ck_assert_int_eq(rundir_agent(sv.rundir, &ra, &e), 0);
		ck_assert_msg(control_add_agent(sv.control, *a, &e) == 0, "%s", e.text);
	}
}

static inline void close_all(void)
{
	control_free(sv.control);
	for (size_t i = 0; i < sv.n_servers; i++)
		server_free(sv.servers[i]);
	free(sv.servers);
	rundir_close(sv.rundir);
	loop_timer_free(sv.look_timer);
	loop_free(sv.loop);
	conf_free((struct conf *)sv.conf);
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* --- a client ------------------------------------------------------------------------------ */

static inline int dial(const char *path)
{
	struct sockaddr_un un;
	ck_assert_int_eq(wire_address(path, &un, NULL), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static inline void rounds(void)
{
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(loop_round(sv.loop, false), 0);
}

static inline void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	rounds();
}

/* What has come, "" when nothing has, "END" when the connection is over. */
static inline const char *hear(int fd)
{
	static char text[1 << 16];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return n < 0 && errno == EAGAIN ? "" : "END";
	text[n] = '\0';
	return text;
}

#define ASK(method, params)                                                                        \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" method "\",\"params\":" params "}\n"

static inline void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in '%s'", part, text);
}

static inline void expect(const char *path, const char *question, const char *part)
{
	int fd = dial(path);
	say(fd, question);
	assert_has(hear(fd), part);
	close(fd);
	rounds();
}

/* The operator's clients. */
static inline struct ctl_client *operator_clients(void)
{
	struct ctl_socket *s = sv.control->sockets;
	while (s->agent)
		s = s->next;
	return s->clients;
}

static inline struct server *fs(void)
{
	return supervisor_find(&sv, "fs");
}

#endif
