/* SPDX-License-Identifier: MIT */
#include "tests/unit/control_rig.h"

#include "stdio/errlog.h"

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
	rounds();
	assert_has(hear(fd), "three");
	close(fd);
	rounds();
	errlog_note(server_errlog(fs()), "four");
	expect(operator_path, ASK("logs", "{\"server\":\"fs\"}"), "\"result\":{}");
}
END_TEST

START_TEST(sweep_without_an_engine_says_so)
{
	expect(operator_path, ASK("sweep", "{}"),
	       "\"code\":5,\"message\":\"no server is a container");
}
END_TEST

START_TEST(pull_answers_for_each_server_and_is_the_operators)
{
	expect(operator_path, ASK("pull", "{\"names\":[\"fs\"]}"),
	       "\"name\":\"fs\",\"is_done\":true,\"text\":\"nothing to pull: it runs as a process");
	expect(operator_path, ASK("pull", "{\"wait\":false}"), "\"name\":\"git\"");
	expect(operator_path, ASK("pull", "{\"names\":[\"nope\"]}"), "no server 'nope'");
	expect(planner_path, ASK("pull", "{\"names\":[\"fs\"]}"), "pull is for the operator");
}
END_TEST

Suite *suite_supervisor_control_verbs(void);
Suite *suite_supervisor_control_verbs(void)
{
	Suite *s = suite_create("supervisor_control_verbs");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, open_all, close_all);
	tcase_set_timeout(c, 20);
	tcase_add_test(c, what_stands_behind_connect_belongs_to_the_session);
	tcase_add_test(c, wait_is_answered_when_the_server_is_ready);
	tcase_add_test(c, wait_fails_at_once_where_only_a_person_can_help);
	tcase_add_test(c, wait_that_takes_too_long_names_who_is_not_ready);
	tcase_add_test(c, a_client_that_leaves_while_it_waits_is_forgotten);
	tcase_add_test(c, stop_is_refused_while_another_needs_it);
	tcase_add_test(c, start_without_its_dependency_says_so);
	tcase_add_test(c, unknown_names_change_nothing);
	tcase_add_test(c, pull_answers_for_each_server_and_is_the_operators);
	tcase_add_test(c, logs_gives_the_last_lines_and_follows);
	tcase_add_test(c, sweep_without_an_engine_says_so);
	suite_add_tcase(s, c);
	return s;
}
