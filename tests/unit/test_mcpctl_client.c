/* SPDX-License-Identifier: MIT */
#include "mcpctl/client.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32];
static char control[64], runtime[64];

static void make_dir(void)
{
	strcpy(dir, "/tmp/client.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(control, sizeof(control), "%s/control.sock", dir);
	snprintf(runtime, sizeof(runtime), "%s/mcp", dir);
	ck_assert_int_eq(mkdir(runtime, 0755), 0);
}

static void remove_dir(void)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* A socket somebody listens at; closing the descriptor leaves the name behind. */
static int listen_at(const char *path)
{
	struct sockaddr_un un;
	ck_assert_int_eq(wire_address(path, &un, NULL), 0);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

static int listen_for_agent(const char *agent)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", runtime, agent);
	(void)mkdir(path, 0755);
	strcat(path, "/agent.sock");
	return listen_at(path);
}

static struct client_where somewhere(void)
{
	return (struct client_where){ .control = control, .runtime_dir = runtime };
}

/* Where the search ends: the path behind dir, or the exit status. */
static const char *find(const struct client_where *w)
{
	static char found[1200];
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *path = NULL;
	struct err e = { 0 };
	int r = client_find(w, &fd, &path, &e);
	ck_assert_int_eq(r == 0, fd >= 0);
	if (r < 0)
		snprintf(found, sizeof(found), "%d: %s", e.kind, e.text);
	else
		snprintf(found, sizeof(found), "%s", path + strlen(dir));
	return found;
}

static void assert_begins(const char *text, const char *begin)
{
	ck_assert_msg(strncmp(text, begin, strlen(begin)) == 0, "'%s' does not begin with '%s'",
		      text, begin);
}

START_TEST(the_operators_socket_comes_before_an_agents)
{
	int a = listen_for_agent("default"), c = listen_at(control);
	struct client_where w = somewhere();
	ck_assert_str_eq(find(&w), "/control.sock");
	close(a);
	close(c);
}
END_TEST

START_TEST(a_dead_operators_socket_is_passed_over)
{
	close(listen_at(control));
	int a = listen_for_agent("planner");
	struct client_where w = somewhere();
	ck_assert_str_eq(find(&w), "/mcp/planner/agent.sock");
	close(a);
}
END_TEST

START_TEST(the_runtime_directory_may_be_one_agents_own)
{
	int a = listen_for_agent("");
	struct client_where w = somewhere();
	ck_assert_str_eq(find(&w), "/mcp/agent.sock");
	close(a);
}
END_TEST

START_TEST(two_agents_sockets_are_a_question_for_the_user)
{
	int a = listen_for_agent("one"), b = listen_for_agent("two");
	struct client_where w = somewhere();
	assert_begins(find(&w), "64: more than one");
	w.agent = "two";
	ck_assert_str_eq(find(&w), "/mcp/two/agent.sock");
	close(a);
	close(b);
}
END_TEST

START_TEST(a_named_socket_is_the_only_one_tried)
{
	int c = listen_at(control);
	char other[128];
	snprintf(other, sizeof(other), "%s/other.sock", dir);
	struct client_where w = somewhere();
	w.environment = "";
	ck_assert_str_eq(find(&w), "/control.sock");
	w.environment = other;
	assert_begins(find(&w), "69: ");
	int o = listen_at(other);
	ck_assert_str_eq(find(&w), "/other.sock");
	w.option = control;
	ck_assert_str_eq(find(&w), "/control.sock");
	close(o);
	close(c);
}
END_TEST

START_TEST(nobody_there_is_69_and_says_what_to_do)
{
	struct client_where w = somewhere();
	assert_begins(find(&w), "69: no mcpinit answers at ");
	ck_assert_ptr_nonnull(strstr(find(&w), control));
	close(listen_at(control));
	w.option = control;
	ck_assert_ptr_nonnull(strstr(find(&w), "nobody listens"));
}
END_TEST

START_TEST(no_permission_is_77)
{
	int c = listen_at(control);
	ck_assert_int_eq(chmod(control, 0), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0); /* to root nothing is forbidden */
	struct client_where w = somewhere();
	assert_begins(find(&w), "77: ");
	w.option = control;
	assert_begins(find(&w), "77: ");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	close(c);
}
END_TEST

START_TEST(a_supervisor_that_does_not_answer_is_not_waited_for)
{
	int c = listen_at(control); /* never accepts */
	struct client_where w = somewhere();
	struct client *client = NULL;
	struct err e = { 0 };
	ck_assert_int_eq(client_open(&w, &client, &e), 0);
	cJSON *result = NULL;
	int64_t begin = clock_ms();
	ck_assert_int_eq(client_ask(client, WIRE_STATUS, cJSON_CreateObject(), 100, &result, &e),
			 -ETIMEDOUT);
	ck_assert_int_lt(clock_ms() - begin, 2000);
	ck_assert_int_eq(e.kind, WIRE_EXIT_UNAVAILABLE);
	client_free(client);
	close(c);
}
END_TEST

START_TEST(lines_are_cut_out_however_they_arrive)
{
	int c = listen_at(control);
	struct client_where w = somewhere();
	struct client *client = NULL;
	ck_assert_int_eq(client_open(&w, &client, NULL), 0);
	int peer = accept(c, NULL, NULL);
	char *line;
	size_t len;
	struct err e;
	ck_assert_int_eq(write(peer, "one\ntwo\nthr", 11), 11);
	ck_assert_int_eq(client_line(client, 1000, &line, &len, &e), 0);
	ck_assert_str_eq(line, "one");
	ck_assert_int_eq(client_line(client, 1000, &line, &len, &e), 0);
	ck_assert_str_eq(line, "two");
	ck_assert_int_eq(write(peer, "ee\nrest", 7), 7);
	ck_assert_int_eq(client_line(client, 1000, &line, &len, &e), 0);
	ck_assert_str_eq(line, "three");
	ck_assert_uint_eq(len, 5);
	const char *rest = client_surplus(client, &len);
	ck_assert_uint_eq(len, 4);
	ck_assert_int_eq(memcmp(rest, "rest", 4), 0);
	close(peer);
	ck_assert_int_eq(client_line(client, 1000, &line, &len, &e), -ECONNRESET);
	client_free(client);
	close(c);
}
END_TEST

Suite *suite_mcpctl_client(void);
Suite *suite_mcpctl_client(void)
{
	Suite *s = suite_create("mcpctl_client");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, make_dir, remove_dir);
	tcase_add_test(c, the_operators_socket_comes_before_an_agents);
	tcase_add_test(c, a_dead_operators_socket_is_passed_over);
	tcase_add_test(c, the_runtime_directory_may_be_one_agents_own);
	tcase_add_test(c, two_agents_sockets_are_a_question_for_the_user);
	tcase_add_test(c, a_named_socket_is_the_only_one_tried);
	tcase_add_test(c, nobody_there_is_69_and_says_what_to_do);
	tcase_add_test(c, no_permission_is_77);
	tcase_add_test(c, a_supervisor_that_does_not_answer_is_not_waited_for);
	tcase_add_test(c, lines_are_cut_out_however_they_arrive);
	suite_add_tcase(s, c);
	return s;
}
