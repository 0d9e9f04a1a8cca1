/* SPDX-License-Identifier: MIT */
#include "tests/unit/control_rig.h"

#include "base/buf.h"
#include "base/clock.h"

#include <sys/stat.h>

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
	ASK("start", "{}"),    ASK("stop", "{}"),
	ASK("restart", "{}"),  ASK("reload", "{}"),
	ASK("shutdown", "{}"), ASK("logs", "{\"server\":\"fs\"}"),
	ASK("agents", "{}"),   ASK("sweep", "{}"),
	ASK("metrics", "{}"),  ASK("pins", "{\"server\":\"fs\"}"),
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

static int64_t now_ms;
static int64_t fake_now(void)
{
	return now_ms;
}

START_TEST(a_client_that_reads_nothing_is_not_read_then_ended_and_others_are_served)
{
	now_ms = clock_ms();
	clock_fake(fake_now);
	int fd = dial(operator_path);
	ssize_t n = 0;
	size_t sent = 0;
	for (int i = 0; i < 100000; i++) {
		n = send(fd, ASK("status", "{}"), strlen(ASK("status", "{}")), MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		loop_round(sv.loop, false);
	}
	ck_assert(n < 0 && errno == EAGAIN); /* nobody takes it, so nobody keeps it */
	ck_assert_uint_lt(operator_clients()->out.cap, 256 * 1024);
	expect(operator_path, ASK("status", "{}"), "\"fs\"");
	now_ms += 60 * 1000;
	rounds();
	n = send(fd, "x", 1, MSG_NOSIGNAL);
	ck_assert(n < 0 && errno == EPIPE);
	expect(operator_path, ASK("status", "{}"), "\"fs\"");
	close(fd);
	clock_fake(NULL);
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
	tcase_add_test(c, a_client_that_reads_nothing_is_not_read_then_ended_and_others_are_served);
	tcase_add_test(c, clients_beyond_the_limit_wait_for_a_place);
	tcase_add_test(c, a_client_that_has_sent_all_it_wanted_still_gets_its_answer);
	suite_add_tcase(s, c);
	return s;
}
