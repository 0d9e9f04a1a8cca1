/* SPDX-License-Identifier: MIT */
/*
 * server_rig: servers of a configuration with the process launcher, on a loop of their own: real children, a real mux, no
 * sockets, no pipes, no engine. `mcp` in the configuration is a small MCP server, written in sh.
 */
#ifndef TESTS_UNIT_SERVER_RIG_H
#define TESTS_UNIT_SERVER_RIG_H

#include "base/err.h"
#include "base/loop.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "supervisor/agents.h"
#include "supervisor/reap.h"
#include "supervisor/server_priv.h"
#include "supervisor/supervisor.h"
#include "tests/unit/conf_text.h"

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RIG_PATIENCE = 5000 };

static const char rig_mcp[] =
	"#!/bin/sh\n"
	"trap '' TERM\n" /* its end is the end of its stdin, or a kill */
	"while IFS= read -r line; do\n"
	"	case $line in *'\"id\":'*) ;; *) continue ;; esac\n"
	"	id=${line#*'\"id\":'} id=${id%%[,\\}]*} r='{}'\n"
	"	case $line in *'\"initialize\"'*) r='{\"protocolVersion\":\"2025-11-25\","
	"\"capabilities\":{},\"serverInfo\":{\"name\":\"t\",\"version\":\"1\"}}' ;; esac\n"
	"	case $line in *tools/call*) exit 7 ;; esac\n"
	"	printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\\n' \"$id\" \"$r\"\n"
	"done\n";

static char rig_dir[32];
static struct supervisor rig;
static int rig_changes;

static const char *const rig_environ[] = { "PATH=/usr/local/bin:/usr/bin:/bin", NULL };

static void rig_look(void *ctx)
{
	(void)ctx;
	rig_changes++;
	for (size_t i = 0; i < rig.n_servers; i++)
		server_kick(rig.servers[i]);
}

static void rig_script(const char *name, const char *text)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "%s/%s", rig_dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fchmod(fileno(f), 0755), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* ini: the sections of the servers; every %s in it is the directory of the scripts. */
static void rig_open(const char *ini)
{
	char text[4096], *to = text;
	struct err e = { 0 };
	(void)signal(SIGPIPE, SIG_IGN);
	(void)strcpy(rig_dir, "/tmp/server.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig_dir));
	rig_script("mcp", rig_mcp);
	to = stpcpy(to, "[mcpinit]\nlaunch = process\n");
	for (const char *from = ini; *from; from++) {
		if (strncmp(from, "%s", 2) == 0) {
			to = stpcpy(to, rig_dir);
			from++;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	memset(&rig, 0, sizeof(rig));
	rig.conf = conf_text(text);
	rig.environ = rig_environ;
	rig.loop = loop_new(&e);
	rig.reap = reap_new(&e);
	rig.look_timer = loop_timer_new(rig.loop, rig_look, NULL);
	rig.servers = calloc(8, sizeof(struct server *));
	for (; rig.conf->servers[rig.n_servers]; rig.n_servers++) {
		const struct conf_server *cs = rig.conf->servers[rig.n_servers];
		rig.servers[rig.n_servers] = server_new(&rig, cs, &e);
		ck_assert_msg(rig.servers[rig.n_servers] != NULL, "%s", e.text);
	}
}

static void rig_close(void)
{
	for (size_t i = 0; i < rig.n_servers; i++)
		server_free(rig.servers[i]);
	free(rig.servers);
	loop_timer_free(rig.look_timer);
	reap_free(rig.reap);
	loop_free(rig.loop);
	conf_free((struct conf *)rig.conf);
	char command[64];
	(void)snprintf(command, sizeof(command), "rm -rf %s", rig_dir);
	ck_assert_int_eq(system(command), 0);
}

static inline struct server *rig_server(const char *name)
{
	struct server *s = supervisor_find(&rig, name);
	ck_assert_ptr_nonnull(s);
	return s;
}

static inline void rig_round(void)
{
	ck_assert_int_eq(loop_round(rig.loop, false), 0);
	reap_drain(rig.reap);
}

static inline void rig_rounds(int n)
{
	while (n-- > 0) {
		rig_round();
		(void)usleep(1000);
	}
}

static inline void rig_until(struct server *s, enum srv_state state)
{
	for (int i = 0; i < RIG_PATIENCE && server_state(s) != state; i++)
		rig_rounds(1);
	ck_assert_msg(server_state(s) == state, "%s is %s (%s), not %s", server_name(s),
		      fsm_state_name(server_state(s)), s->why, fsm_state_name(state));
}

static inline pid_t rig_pid(struct server *s)
{
	struct server_info info;
	server_info(s, &info);
	return (pid_t)atoi(info.id);
}

/* Another process than this one is RUNNING. */
static inline void rig_until_again(struct server *s, unsigned generation)
{
	for (int i = 0; i < RIG_PATIENCE && s->generation == generation; i++)
		rig_rounds(1);
	rig_until(s, SRV_RUNNING);
}

/* An agent's session: its end of the socket. */
static inline int rig_agent(struct server *s)
{
	int fds[2];
	struct err e;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	struct stream *stream = stream_of_fds(rig.loop, fds[0], fds[0], &e);
	ck_assert_ptr_nonnull(stream);
	ck_assert_msg(agents_add_socket(server_agents(s), "t", stream, &e) == 0, "%s", e.text);
	return fds[1];
}

static inline void rig_say(int fd, const char *line)
{
	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
}

/* The next bytes it reads, within about RIG_PATIENCE ms; "" for none. */
static inline const char *rig_hear(int fd)
{
	static char text[8192];
	ssize_t n = -1;
	for (int i = 0; i < RIG_PATIENCE && n < 0; i++) {
		rig_rounds(1);
		n = read(fd, text, sizeof(text) - 1);
	}
	text[n > 0 ? n : 0] = '\0';
	return text;
}

#endif
