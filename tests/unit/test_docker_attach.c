/* SPDX-License-Identifier: MIT */
#include "tests/unit/container_rig.h"

START_TEST(stdin_goes_in_and_stdout_and_stderr_come_apart)
{
	run_until_started();
	ck_assert_int_eq(stream_write(stdio, "in\n", 3), 3);
	frame(eng.attach, 1, "out\n");
	frame(eng.attach, 2, "oops\n");
	scripted_until(eng.loop, &got.n_err, 5);
	ck_assert_str_eq(got.in, "out\n");
	ck_assert_str_eq(got.err, "oops\n");
	ck_assert_int_eq(stream_shut(stdio), 0);
	scripted_for(eng.loop, 20);
	ck_assert_str_eq(buf_str(&eng.attach->raw), "in\n");
	ck_assert(eng.attach->is_raw_over);
}
END_TEST

static bool head_and_frames_at_once(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/attach?"))
		return false;
	static const char bytes[] =
		"HTTP/1.1 101 UPGRADED\r\ncontent-type: x\r\nconnection: upgrade"
		"\r\n\r\n\x01\0\0\0\0\0\0\x05hello\x01\0\0";
	c->is_raw = true;
	eng.attach = c;
	scripted_bytes(c, bytes, sizeof(bytes) - 1);
	return true;
}

START_TEST(bytes_behind_the_head_of_the_upgrade_are_not_lost)
{
	eng.hook = head_and_frames_at_once;
	start();
	scripted_until(eng.loop, &got.n_in, 5);
	ck_assert_str_eq(got.in, "hello");
	scripted_bytes(eng.attach, "\0\0\0\0\x01!", 6);
	scripted_until(eng.loop, &got.n_in, 6);
	ck_assert_str_eq(got.in, "hello!");
}
END_TEST

static bool silent_attach(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/attach?"))
		return false;
	c->is_raw = true;
	eng.attach = c;
	eng.n_attach++;
	return true;
}

START_TEST(the_head_of_the_upgrade_may_come_byte_by_byte)
{
	eng.hook = silent_attach;
	start();
	scripted_until(eng.loop, &eng.n_attach, 1);
	for (const char *p = "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n"; *p; p++) {
		ck_assert_int_eq(got.attached, 0);
		scripted_bytes(eng.attach, p, 1);
		scripted_for(eng.loop, 0);
	}
	scripted_until(eng.loop, &got.started, 1);
}
END_TEST

static bool refuse_attach(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/attach?"))
		return false;
	scripted_say(c, "HTTP/1.1 404 Not Found\r\ncontent-length: 33\r\n\r\n{\"message\":");
	scripted_say(c, "\"No such container: x\"}");
	return true;
}

START_TEST(a_refused_attach_is_an_error_and_the_container_is_removed)
{
	eng.hook = refuse_attach;
	start();
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.kind, DOCKER_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(got.text, "box-1"));
	ck_assert_ptr_nonnull(strstr(got.text, "No such container: x"));
	ck_assert_int_eq(got.attached, 0);
	scripted_until(eng.loop, &eng.idles, 1);
}
END_TEST

static bool slow_start(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/start"))
		return false;
	(void)c;
	frame(eng.attach, 1, "early\n");
	return true;
}

START_TEST(output_is_read_while_start_is_under_way)
{
	eng.hook = slow_start;
	start();
	scripted_until(eng.loop, &got.n_in, 6);
	ck_assert_int_eq(got.started, 0);
	ck_assert_str_eq(got.in, "early\n");
}
END_TEST

START_TEST(a_stream_freed_by_its_taker_is_no_end)
{
	run_until_started();
	stream_free(stdio);
	stdio = NULL;
	scripted_skip(eng.loop, 3000);
	ck_assert_int_eq(got.exits, 0);
	ck_assert(eng.attach->is_raw_over);
	say_exit(9);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.x.exit_code, 9);
}
END_TEST

START_TEST(a_kill_throws_away_what_nobody_reads)
{
	got.is_paused = true;
	run_until_started();
	docker_container_signal(run, "SIGKILL");
	scripted_until(eng.loop, &eng.n_kill, 1);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "/kill?signal=SIGKILL"));
	static char much[30000];
	memset(much, 'x', sizeof(much) - 1);
	for (int i = 0; i < 100; i++) { /* 3 MB: no buffer holds that */
		frame(eng.attach, 1, much);
		scripted_for(eng.loop, 0);
	}
	ck_assert_int_eq(got.n_in, 0);
	scripted_close(eng.attach);
	say_exit(137);
	scripted_until(eng.loop, &got.exits, 1);
	stream_want(stdio, STREAM_IN);
	scripted_until(eng.loop, &got.ends, 1);
}
END_TEST

Suite *suite_docker_attach(void);
Suite *suite_docker_attach(void)
{
	Suite *s = suite_create("docker_attach");
	TCase *tc = tcase_create("stream");
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, stdin_goes_in_and_stdout_and_stderr_come_apart);
	tcase_add_test(tc, bytes_behind_the_head_of_the_upgrade_are_not_lost);
	tcase_add_test(tc, the_head_of_the_upgrade_may_come_byte_by_byte);
	tcase_add_test(tc, a_refused_attach_is_an_error_and_the_container_is_removed);
	tcase_add_test(tc, output_is_read_while_start_is_under_way);
	tcase_add_test(tc, a_stream_freed_by_its_taker_is_no_end);
	tcase_add_test(tc, a_kill_throws_away_what_nobody_reads);
	suite_add_tcase(s, tc);
	return s;
}
