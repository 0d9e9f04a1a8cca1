/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "stdio/errlog.h"
#include "supervisor/control.h"
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
#include <sys/stat.h>
#include <unistd.h>

/* No server of these is ever launched: the tests set the states that control shall see. */
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
			  "servers = fs\n";

static char dir[32], operator_path[64], planner_path[64];
static struct supervisor sv;

static void look(void *ctx)
{
	(void)ctx;
	control_changed(sv.control);
}

static void write_ini(const char *path)
{
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, ini, dir, dir);
	fclose(f);
}

static void load(void)
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

static void open_all(void)
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
	sv.servers = calloc(3, sizeof(struct server *));
	for (; sv.conf->servers[sv.n_servers]; sv.n_servers++)
		sv.servers[sv.n_servers] = server_new(&sv, sv.conf->servers[sv.n_servers], &e);
	for (struct conf_agent **a = sv.conf->agents; *a; a++) {
		struct rundir_agent ra = { .name = (*a)->name, .uid = -1, .gid = -1 };
		ck_assert_int_eq(rundir_agent(sv.rundir, &ra, &e), 0);
		ck_assert_msg(control_add_agent(sv.control, *a, &e) == 0, "%s", e.text);
	}
}

static void close_all(void)
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

static int dial(const char *path)
{
	struct sockaddr_un un;
	ck_assert_int_eq(wire_address(path, &un, NULL), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static void rounds(void)
{
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(loop_round(sv.loop, false), 0);
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	rounds();
}

/* What has come, "" when nothing has, "END" when the connection is over. */
static const char *hear(int fd)
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

static void assert_has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in '%s'", part, text);
}

static void expect(const char *path, const char *question, const char *part)
{
	int fd = dial(path);
	say(fd, question);
	assert_has(hear(fd), part);
	close(fd);
	rounds();
}

static struct server *fs(void)
{
	return supervisor_find(&sv, "fs");
}

/* --- sockets ------------------------------------------------------------------------------- */

START_TEST(the_operators_socket_is_ours_alone_and_goes_at_the_end)
{
	struct stat st;
	ck_assert_int_eq(stat(operator_path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	control_free(sv.control);
	sv.control = NULL;
	ck_assert_int_eq(stat(operator_path, &st), -1);
	ck_assert_int_eq(stat(planner_path, &st), -1);
}
END_TEST

START_TEST(a_socket_left_over_is_replaced_a_live_one_is_not)
{
	struct err e = { 0 };
	ck_assert_ptr_null(control_new(&sv, &e));
	ck_assert_int_eq(e.code, -EBUSY);
	assert_has(e.text, operator_path);
	control_free(sv.control);
	struct sockaddr_un un;
	ck_assert_int_eq(wire_address(operator_path, &un, &e), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	sv.control = control_new(&sv, &e);
	ck_assert_msg(sv.control != NULL, "%s", e.text);
	expect(operator_path, ASK("status", "{}"), "\"fs\"");
}
END_TEST

START_TEST(what_is_no_socket_is_not_removed)
{
	control_free(sv.control);
	FILE *f = fopen(operator_path, "w");
	fclose(f);
	struct err e = { 0 };
	sv.control = control_new(&sv, &e);
	ck_assert_ptr_null(sv.control);
	assert_has(e.text, "is no socket");
	struct stat st;
	ck_assert_int_eq(stat(operator_path, &st), 0);
}
END_TEST

/* --- who may say what ---------------------------------------------------------------------- */

START_TEST(an_agent_sees_its_own_servers_only)
{
	expect(operator_path, ASK("status", "{}"), "\"name\":\"git\"");
	int fd = dial(planner_path);
	say(fd, ASK("status", "{}"));
	const char *text = hear(fd);
	assert_has(text, "\"name\":\"fs\"");
	ck_assert_ptr_null(strstr(text, "git"));
	ck_assert_ptr_null(strstr(text, "runtime_dir"));
	close(fd);
	expect(planner_path, ASK("status", "{\"names\":[\"git\"]}"), "\"unknown\":[\"git\"]");
	expect(planner_path, ASK("endpoint", "{\"server\":\"git\"}"), "there is no server 'git'");
	expect(planner_path, ASK("wait", "{\"names\":[\"git\"]}"), "there is no server 'git'");
}
END_TEST

static const char *const operators[] = {
	ASK("start", "{}"),  ASK("stop", "{}"),	    ASK("restart", "{}"),
	ASK("reload", "{}"), ASK("shutdown", "{}"), ASK("logs", "{\"server\":\"fs\"}"),
	ASK("agents", "{}"), ASK("sweep", "{}"),
};

START_TEST(an_agent_cannot_use_the_operators_verbs)
{
	expect(planner_path, operators[_i], "\"code\":3,");
	ck_assert_ptr_null(sv.shutdown);
}
END_TEST

START_TEST(an_agent_cannot_speak_for_another)
{
	expect(planner_path, ASK("connect", "{\"server\":\"fs\",\"agent\":\"default\"}"),
	       "cannot speak for 'default'");
	expect(operator_path, ASK("connect", "{\"server\":\"git\",\"agent\":\"planner\"}"),
	       "may not use server git");
	expect(operator_path, ASK("connect", "{\"server\":\"fs\",\"agent\":\"x\"}"),
	       "there is no agent 'x'");
}
END_TEST

START_TEST(an_agents_pipes_are_named_from_its_socket)
{
	expect(planner_path, ASK("endpoint", "{\"server\":\"fs\"}"), "\"in\":\"fs/in\"");
	expect(operator_path, ASK("endpoint", "{\"server\":\"fs\"}"), "/mcp/default/fs/in\"");
}
END_TEST

/* --- lines --------------------------------------------------------------------------------- */

START_TEST(garbage_is_answered_and_the_next_request_is_served)
{
	int fd = dial(operator_path);
	say(fd, "garbage\n");
	assert_has(hear(fd), "-32700");
	say(fd, "\n\r\n[]\n");
	assert_has(hear(fd), "-32600");
	say(fd, ASK("dance", "{}"));
	assert_has(hear(fd), "-32601");
	say(fd, ASK("status", "{}"));
	assert_has(hear(fd), "\"fs\"");
	close(fd);
}
END_TEST

START_TEST(a_request_may_come_byte_by_byte_and_many_at_once)
{
	int fd = dial(operator_path);
	for (const char *p = ASK("endpoint", "{\"server\":\"fs\"}"); *p; p++)
		say(fd, (char[]){ *p, '\0' });
	assert_has(hear(fd), "fs/in");
	say(fd, ASK("endpoint", "{\"server\":\"fs\"}") ASK("endpoint", "{\"server\":\"git\"}"));
	const char *text = hear(fd);
	assert_has(text, "fs/in");
	assert_has(text, "git/in");
	close(fd);
}
END_TEST

START_TEST(an_endless_line_ends_the_client_not_us)
{
	int fd = dial(operator_path);
	char piece[4096];
	memset(piece, 'a', sizeof(piece));
	ssize_t n = 0;
	for (int i = 0; i < 2 * WIRE_LINE_BYTES / 4096 && n >= 0; i++) {
		n = send(fd, piece, sizeof(piece), MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			n = 0;
		rounds();
	}
	assert_has(hear(fd), "one line of at most");
	ck_assert_str_eq(hear(fd), "END");
	close(fd);
	expect(operator_path, ASK("status", "{}"), "\"fs\"");
}
END_TEST

START_TEST(a_client_that_reads_nothing_is_ended_and_others_are_served)
{
	int fd = dial(operator_path);
	ssize_t n = 0;
	for (int i = 0; i < 100000 && (n >= 0 || errno == EAGAIN); i++) {
		n = send(fd, ASK("status", "{}"), strlen(ASK("status", "{}")), MSG_NOSIGNAL);
		loop_round(sv.loop, false);
	}
	ck_assert_int_lt(n, 0);
	ck_assert_int_ne(errno, EAGAIN);
	expect(operator_path, ASK("status", "{}"), "\"fs\"");
	close(fd);
}
END_TEST

START_TEST(clients_beyond_the_limit_wait_for_a_place)
{
	int fds[WIRE_CLIENTS];
	for (int i = 0; i < WIRE_CLIENTS; i++) {
		fds[i] = dial(operator_path);
		rounds();
	}
	int late = dial(operator_path);
	say(late, ASK("status", "{}"));
	ck_assert_str_eq(hear(late), "");
	expect(planner_path, ASK("status", "{}"), "\"fs\""); /* another socket, other places */
	close(fds[0]);
	rounds();
	assert_has(hear(late), "\"fs\"");
	for (int i = 1; i < WIRE_CLIENTS; i++)
		close(fds[i]);
	close(late);
}
END_TEST

START_TEST(a_client_that_has_sent_all_it_wanted_still_gets_its_answer)
{
	int fd = dial(operator_path);
	ck_assert_int_eq(send(fd, ASK("status", "{}"), strlen(ASK("status", "{}")), 0),
			 (ssize_t)strlen(ASK("status", "{}")));
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	rounds();
	assert_has(hear(fd), "\"fs\"");
	ck_assert_str_eq(hear(fd), "END");
	close(fd);
}
END_TEST

/* --- verbs --------------------------------------------------------------------------------- */

START_TEST(what_stands_behind_connect_belongs_to_the_session)
{
	int fd = dial(planner_path);
	/* The server is STOPPED, so the mux answers by itself, with the id of the line that came along. */
	say(fd,
	    ASK("connect",
		"{\"server\":\"fs\"}") "{\"jsonrpc\":\"2.0\",\"id\":\"mine\",\"method\":\"tools/list\"}\n");
	const char *text = hear(fd);
	assert_has(text, "\"result\":{}");
	assert_has(text, "\"mine\"");
	assert_has(text, "STOPPED");
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":\"next\",\"method\":\"status\"}\n");
	assert_has(hear(fd), "\"next\"");
	shutdown(fd, SHUT_WR);
	rounds();
	ck_assert_str_eq(hear(fd), "END");
	close(fd);
}
END_TEST

START_TEST(wait_is_answered_when_the_server_is_ready)
{
	int fd = dial(planner_path);
	say(fd, ASK("wait", "{\"names\":[\"fs\"]}") ASK("endpoint", "{\"server\":\"fs\"}"));
	ck_assert_str_eq(hear(fd), "");
	fs()->state = SRV_RUNNING;
	control_changed(sv.control);
	rounds();
	const char *text = hear(fd);
	assert_has(text, "\"is_done\":true");
	assert_has(text, "fs/in"); /* what was asked meanwhile has its turn */
	close(fd);
}
END_TEST

START_TEST(wait_fails_at_once_where_only_a_person_can_help)
{
	fs()->state = SRV_FATAL;
	server_set_why(fs(), "image denied");
	expect(planner_path, ASK("wait", "{}"), "FATAL: image denied");
	fs()->state = SRV_STOPPED;
}
END_TEST

START_TEST(wait_that_takes_too_long_names_who_is_not_ready)
{
	int fd = dial(planner_path);
	say(fd, ASK("wait", "{\"names\":[\"fs\"],\"timeout_ms\":20}"));
	ck_assert_str_eq(hear(fd), "");
	loop_round(sv.loop, true);
	rounds();
	assert_has(hear(fd), "not ready in time: fs (STOPPED");
	close(fd);
}
END_TEST

START_TEST(a_client_that_leaves_while_it_waits_is_forgotten)
{
	int fd = dial(planner_path);
	say(fd, ASK("wait", "{\"names\":[\"fs\"]}"));
	close(fd);
	rounds();
	fs()->state = SRV_RUNNING;
	control_changed(sv.control);
	rounds();
	expect(planner_path, ASK("wait", "{\"names\":[\"fs\"]}"), "ready");
}
END_TEST

START_TEST(stop_is_refused_while_another_needs_it)
{
	struct server *git = supervisor_find(&sv, "git");
	fs()->state = git->state = SRV_RUNNING;
	expect(operator_path, ASK("stop", "{\"names\":[\"fs\"]}"), "up and in need of it: git");
	ck_assert_int_eq(fs()->state, SRV_RUNNING);
	fs()->state = git->state = SRV_STOPPED;
}
END_TEST

START_TEST(start_without_its_dependency_says_so)
{
	expect(operator_path, ASK("start", "{\"names\":[\"git\"]}"), "start that too: fs");
}
END_TEST

START_TEST(unknown_names_change_nothing)
{
	expect(operator_path, ASK("start", "{\"names\":[\"fs\",\"x\"]}"), "there is no server 'x'");
	ck_assert_int_eq(fs()->state, SRV_STOPPED);
	expect(operator_path, ASK("start", "{\"names\":\"fs\"}"), "must be an array");
	expect(operator_path, ASK("start", "{\"names\":[7]}"), "there is no server ''");
}
END_TEST

START_TEST(logs_gives_the_last_lines_and_follows)
{
	errlog_note(server_errlog(fs()), "one");
	errlog_note(server_errlog(fs()), "two");
	int fd = dial(operator_path);
	say(fd, ASK("logs", "{\"server\":\"fs\",\"lines\":1,\"follow\":true}"));
	const char *text = hear(fd);
	ck_assert_ptr_null(strstr(text, "one"));
	assert_has(text, "two");
	errlog_note(server_errlog(fs()), "three");
	assert_has(hear(fd), "three");
	close(fd);
	rounds();
	errlog_note(server_errlog(fs()), "four");
	expect(operator_path, ASK("logs", "{\"server\":\"fs\"}"), "\"result\":{}");
}
END_TEST

Suite *suite_supervisor_control(void);
Suite *suite_supervisor_control(void)
{
	Suite *s = suite_create("supervisor_control");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, open_all, close_all);
	tcase_set_timeout(c, 20);
	tcase_add_test(c, the_operators_socket_is_ours_alone_and_goes_at_the_end);
	tcase_add_test(c, a_socket_left_over_is_replaced_a_live_one_is_not);
	tcase_add_test(c, what_is_no_socket_is_not_removed);
	tcase_add_test(c, an_agent_sees_its_own_servers_only);
	tcase_add_loop_test(c, an_agent_cannot_use_the_operators_verbs, 0,
			    sizeof(operators) / sizeof(operators[0]));
	tcase_add_test(c, an_agent_cannot_speak_for_another);
	tcase_add_test(c, an_agents_pipes_are_named_from_its_socket);
	tcase_add_test(c, garbage_is_answered_and_the_next_request_is_served);
	tcase_add_test(c, a_request_may_come_byte_by_byte_and_many_at_once);
	tcase_add_test(c, an_endless_line_ends_the_client_not_us);
	tcase_add_test(c, a_client_that_reads_nothing_is_ended_and_others_are_served);
	tcase_add_test(c, clients_beyond_the_limit_wait_for_a_place);
	tcase_add_test(c, a_client_that_has_sent_all_it_wanted_still_gets_its_answer);
	tcase_add_test(c, what_stands_behind_connect_belongs_to_the_session);
	tcase_add_test(c, wait_is_answered_when_the_server_is_ready);
	tcase_add_test(c, wait_fails_at_once_where_only_a_person_can_help);
	tcase_add_test(c, wait_that_takes_too_long_names_who_is_not_ready);
	tcase_add_test(c, a_client_that_leaves_while_it_waits_is_forgotten);
	tcase_add_test(c, stop_is_refused_while_another_needs_it);
	tcase_add_test(c, start_without_its_dependency_says_so);
	tcase_add_test(c, unknown_names_change_nothing);
	tcase_add_test(c, logs_gives_the_last_lines_and_follows);
	suite_add_tcase(s, c);
	return s;
}
