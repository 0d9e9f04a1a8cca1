/* SPDX-License-Identifier: MIT */
#include "supervisor/launch.h"
#include "tests/unit/server_rig.h"

START_TEST(the_end_of_a_process_says_why)
{
	static const struct {
		struct launch_exit x;
		enum server_restart want;
	} cases[] = {
		{ { .exit_code = 0 }, RESTART_EXIT },
		{ { .exit_code = 128 }, RESTART_EXIT },
		{ { .exit_code = -1 }, RESTART_EXIT },
		{ { .exit_code = -1, .signal = 9 }, RESTART_SIGNAL },
		{ { .exit_code = 137 }, RESTART_SIGNAL }, /* a container's */
		{ { .exit_code = 137, .is_oom = true }, RESTART_OOM },
		{ { .exit_code = -1, .is_engine_gone = true }, RESTART_ENGINE },
		{ { .exit_code = -1, .is_engine_ill = true }, RESTART_ENGINE },
		{ { .exit_code = -1, .cut_ms = 60000 }, RESTART_ENGINE },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(server_restart_name(server_reason_of_exit(&cases[i].x)),
				 server_restart_name(cases[i].want));
}
END_TEST

static struct server *fs;

static void begin(void)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nhealthcheck = none\n");
	fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
}

static unsigned times(enum server_restart c)
{
	return fs->restarts_for[c];
}

START_TEST(each_restart_has_one_reason)
{
	struct server_info info;
	begin();
	server_info(fs, &info);
	ck_assert_str_eq(info.last_exit, "");
	(void)kill(rig_pid(fs), SIGKILL);
	rig_until_again(fs, 1);
	ck_assert_uint_eq(times(RESTART_SIGNAL), 1);
	server_info(fs, &info);
	ck_assert_ptr_nonnull(strstr(info.last_exit, "signal 9"));
	server_restart(fs, "the operator said so");
	rig_until_again(fs, 2);
	ck_assert_uint_eq(times(RESTART_WISH), 1);
	server_info(fs, &info);
	ck_assert_str_eq(info.last_exit, "the operator said so");
	int fd = rig_agent(fs);
	rig_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}\n"); /* it exits */
	rig_until_again(fs, 3);
	ck_assert_uint_eq(times(RESTART_EXIT), 1);
	ck_assert_uint_eq(times(RESTART_SIGNAL), 1);
	ck_assert_uint_eq(times(RESTART_WISH), 1);
	ck_assert_uint_eq(fs->restarts, 3);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(what_waits_for_the_next_try_and_when_that_is_are_known)
{
	struct server_info info;
	rig_open("[server:fs]\ncommand = false\nbackoff = 1h\nbackoff_max = 1h\n");
	fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_BACKOFF);
	int fd = rig_agent(fs);
	rig_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}\n");
	rig_rounds(5);
	server_info(fs, &info);
	ck_assert_int_gt(info.retry_ms, 40 * 60000);
	ck_assert_int_eq(info.attempt, 1);
	ck_assert_uint_eq(info.waiting, 1);
	ck_assert_uint_eq(info.restarts, 0); /* it never was well */
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(a_pull_is_measured_and_one_called_off_is_none)
{
	rig_open("[server:fs]\ncommand = cat\nautostart = false\n");
	fs = rig_server("fs");
	server_pull_ended(fs, true); /* the image was there */
	ck_assert_uint_eq(server_tallies(fs)->pulls, 0);
	server_pull_goes_on(fs);
	fs->pull_began_ms -= 700;
	server_pull_goes_on(fs);
	server_pull_ended(fs, true);
	ck_assert_uint_eq(server_tallies(fs)->pulls, 1);
	ck_assert_int_ge(server_tallies(fs)->pull_ms, 700);
	server_pull_goes_on(fs);
	server_pull_ended(fs, false);
	ck_assert_uint_eq(server_tallies(fs)->pull_failures, 1);
	server_pull_goes_on(fs);
	fs->is_asked = true;
	server_pull_ended(fs, false);
	ck_assert_uint_eq(server_tallies(fs)->pulls, 2);
	rig_close();
}
END_TEST

Suite *suite_supervisor_server_tally(void);
Suite *suite_supervisor_server_tally(void)
{
	Suite *s = suite_create("supervisor_server_tally");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, the_end_of_a_process_says_why);
	tcase_add_test(c, each_restart_has_one_reason);
	tcase_add_test(c, what_waits_for_the_next_try_and_when_that_is_are_known);
	tcase_add_test(c, a_pull_is_measured_and_one_called_off_is_none);
	suite_add_tcase(s, c);
	return s;
}
