/* SPDX-License-Identifier: MIT */
#include "tests/unit/server_rig.h"

static const char ask[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\"}\n";

#define LAZY                                                                                       \
	"[server:fs]\ncommand = %s/mcp\nautostart = lazy\nidle_timeout = 60ms\n"                   \
	"backoff = 1h\nbackoff_max = 1h\npark_timeout = 20ms\n"

/* Woken by a message, which is answered. */
static int wake(struct server *s)
{
	int fd = rig_agent(s);
	rig_say(fd, ask);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "\"id\":1,\"result\""));
	ck_assert_int_eq(server_state(s), SRV_RUNNING);
	return fd;
}

START_TEST(nobody_used_it_and_it_sleeps_again)
{
	struct server_info info;
	rig_open(LAZY);
	struct server *fs = rig_server("fs");
	int fd = wake(fs);
	rig_until(fs, SRV_STOPPED);
	server_info(fs, &info);
	ck_assert_str_eq(info.health, "none");
	ck_assert_str_eq(info.why, "asleep: idle for 60ms, the next message starts it");
	ck_assert(server_is_asleep(fs) && server_counts_as_up(fs) && !info.want_up);
	rig_say(fd, ask); /* on the same end */
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "\"id\":1,\"result\""));
	ck_assert_uint_eq(fs->generation, 2);
	ck_assert_uint_eq(fs->restarts, 0);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(without_idle_timeout_it_stays)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nautostart = lazy\n");
	struct server *fs = rig_server("fs");
	int fd = wake(fs);
	rig_rounds(300);
	ck_assert_int_eq(server_state(fs), SRV_RUNNING);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(only_a_lazy_server_sleeps)
{
	rig_open("[defaults]\nidle_timeout = 10ms\n[server:fs]\ncommand = %s/mcp\n");
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	rig_rounds(100);
	ck_assert_int_eq(server_state(fs), SRV_RUNNING);
	rig_close();
}
END_TEST

START_TEST(its_probes_do_not_keep_it_up)
{
	rig_open(LAZY "healthcheck_interval = 100ms\nhealthcheck_timeout = 100ms\n"
		      "[server:git]\ncommand = %s/mcp\nautostart = lazy\nidle_timeout = 350ms\n"
		      "healthcheck_interval = 100ms\nhealthcheck_timeout = 100ms\n");
	struct server *git = rig_server("git");
	int fd = wake(git);
	rig_until(git, SRV_STOPPED);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(a_message_while_it_goes_is_answered_by_the_next_process)
{
	rig_open(LAZY);
	/* It takes its time to go: longer than park_timeout. */
	rig_script("mcp", "#!/bin/sh\n${0%/*}/mcp2\nsleep 0.3\n");
	rig_script("mcp2", rig_mcp);
	struct server *fs = rig_server("fs");
	int fd = wake(fs);
	rig_until(fs, SRV_STOPPING);
	ck_assert(server_is_asleep(fs) && server_counts_as_up(fs));
	rig_say(fd, ask);
	const char *answer = rig_hear(fd);
	ck_assert_msg(strstr(answer, "\"id\":1,\"result\"") != NULL, "%s", answer);
	ck_assert_uint_eq(fs->generation, 2);
	ck_assert_uint_eq(fs->restarts, 0);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(a_word_while_it_goes_is_heard)
{
	rig_open(LAZY);
	struct server *fs = rig_server("fs");
	int fd = wake(fs);
	rig_until(fs, SRV_STOPPING);
	server_stop(fs, "mcpctl stop");
	rig_until(fs, SRV_STOPPED);
	ck_assert(!server_is_asleep(fs));
	rig_say(fd, ask);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "fs is STOPPED: mcpctl stop"));
	server_start(fs, "mcpctl start");
	rig_until(fs, SRV_RUNNING);
	rig_until(fs, SRV_STOPPED); /* by hand or not: nobody uses it */
	ck_assert(server_is_asleep(fs));
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(asleep_and_stopped_by_hand_it_is_not_woken)
{
	rig_open(LAZY);
	struct server *fs = rig_server("fs");
	int fd = rig_agent(fs);
	server_stop(fs, "mcpctl stop");
	rig_say(fd, ask);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "fs is STOPPED: mcpctl stop"));
	ck_assert_int_eq(server_state(fs), SRV_STOPPED);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(a_server_on_its_way_to_sleep_holds_nobody_up)
{
	rig_open(LAZY "[server:git]\ncommand = %s/mcp\ndepends_on = fs\n");
	struct server *fs = rig_server("fs"), *git = rig_server("git");
	int fd = wake(fs);
	rig_until(fs, SRV_STOPPING);
	server_start(git, "test");
	rig_until(git, SRV_RUNNING);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(shutdown_while_it_goes_wakes_nobody)
{
	rig_open(LAZY);
	struct server *fs = rig_server("fs");
	int fd = wake(fs);
	rig_until(fs, SRV_STOPPING);
	server_shut(fs, 1000);
	rig_say(fd, ask);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "-32603"));
	rig_until(fs, SRV_STOPPED);
	ck_assert_uint_eq(fs->generation, 1);
	(void)close(fd);
	rig_close();
}
END_TEST

Suite *suite_supervisor_server_lazy(void);
Suite *suite_supervisor_server_lazy(void)
{
	Suite *s = suite_create("supervisor_server_lazy");
	TCase *c = tcase_create("lazy");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, nobody_used_it_and_it_sleeps_again);
	tcase_add_test(c, without_idle_timeout_it_stays);
	tcase_add_test(c, only_a_lazy_server_sleeps);
	tcase_add_test(c, its_probes_do_not_keep_it_up);
	tcase_add_test(c, a_message_while_it_goes_is_answered_by_the_next_process);
	tcase_add_test(c, a_word_while_it_goes_is_heard);
	tcase_add_test(c, asleep_and_stopped_by_hand_it_is_not_woken);
	tcase_add_test(c, a_server_on_its_way_to_sleep_holds_nobody_up);
	tcase_add_test(c, shutdown_while_it_goes_wakes_nobody);
	suite_add_tcase(s, c);
	return s;
}
