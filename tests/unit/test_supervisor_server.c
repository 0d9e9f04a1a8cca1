/* SPDX-License-Identifier: MIT */
#include "tests/unit/server_rig.h"

#include <fcntl.h>
#include <sys/resource.h>

static const char call[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}\n";

/* --- wishes that meet each other --------------------------------------------------------------- */

#define PAIR                                                                                       \
	"[server:fs]\ncommand = %s/mcp\n"                                                          \
	"[server:git]\ncommand = %s/mcp\ndepends_on = fs\npark_timeout = 20ms\n"

START_TEST(a_start_that_follows_a_stop_at_once_is_not_lost)
{
	rig_open(PAIR);
	struct server *git = rig_server("git");
	server_start(git, "test");
	rig_rounds(3);
	ck_assert_int_eq(server_state(git), SRV_STARTING); /* it waits for fs, nothing runs */
	server_stop(git, "test");
	ck_assert_int_eq(server_state(git), SRV_STOPPING);
	server_start(git, "test");
	rig_until(git, SRV_STARTING);
	server_start(rig_server("fs"), "test");
	rig_until(git, SRV_RUNNING);
	rig_close();
}
END_TEST

START_TEST(a_stop_that_follows_a_restart_at_once_wins)
{
	rig_open(PAIR);
	struct server *git = rig_server("git");
	server_start(git, "test");
	rig_rounds(3);
	server_restart(git, "test");
	server_stop(git, "test");
	rig_rounds(10);
	ck_assert_int_eq(server_state(git), SRV_STOPPED);
	rig_close();
}
END_TEST

START_TEST(a_start_while_it_stops_makes_it_start_again_without_delay)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nbackoff = 1h\nbackoff_max = 1h\n");
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	server_stop(fs, "test");
	server_start(fs, "test");
	ck_assert_int_eq(server_state(fs), SRV_STOPPING);
	rig_until_again(fs, 1);
	rig_close();
}
END_TEST

START_TEST(an_operators_restart_is_not_delayed_and_not_counted_as_a_failure)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nbackoff = 1h\nbackoff_max = 1h\n"
		 "startretries = 1\nstartsecs = 1h\n");
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	for (unsigned i = 0; i < 4; i++) {
		rig_until_again(fs, i);
		server_restart(fs, "test");
	}
	rig_until_again(fs, 4);
	ck_assert_int_eq(rig.starting, 0);
	rig_close();
}
END_TEST

START_TEST(what_goes_down_for_good_is_not_started_again)
{
	rig_open("[server:fs]\ncommand = %s/mcp\n"
		 "[server:lazy]\ncommand = %s/mcp\nautostart = lazy\n");
	struct server *fs = rig_server("fs"), *lazy = rig_server("lazy");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	server_shut(fs, 1000);
	server_shut(lazy, 1000);
	server_start(fs, "test");
	server_restart(fs, "test");
	rig_until(fs, SRV_STOPPED);
	int fd = rig_agent(lazy);
	rig_say(fd, call);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "-32603"));
	ck_assert_int_eq(server_state(lazy), SRV_STOPPED);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(without_a_grace_it_is_killed_at_once)
{
	rig_open("[server:fs]\ncommand = %s/stubborn\nstop_grace_period = 1h\n");
	rig_script("stubborn", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n");
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	rig_rounds(20);
	ck_assert_int_eq(server_state(fs), SRV_STARTING);
	server_stop(fs, "test");
	rig_rounds(20);
	ck_assert_int_eq(server_state(fs), SRV_STOPPING);
	server_shut(fs, 0);
	rig_until(fs, SRV_STOPPED);
	rig_close();
}
END_TEST

/* --- depends_on ----------------------------------------------------------------------------- */

START_TEST(what_it_waits_for_is_named_with_the_remedy)
{
	rig_open(PAIR);
	struct server *git = rig_server("git");
	server_start(git, "test");
	rig_rounds(3);
	ck_assert_str_eq(git->why, "waiting for server fs, which is STOPPED; mcpctl start fs");
	rig_close();
}
END_TEST

START_TEST(who_waits_for_a_waiting_server_is_told_of_the_root)
{
	rig_open("[server:last]\ncommand = %s/mcp\ndepends_on = git\n" PAIR);
	server_start(rig_server("git"), "test");
	server_start(rig_server("last"), "test");
	rig_rounds(10);
	ck_assert_str_eq(rig_server("last")->why,
			 "waiting for server git: waiting for server fs, which is STOPPED; "
			 "mcpctl start fs");
	ck_assert_int_eq(server_hold(rig_server("last")), HOLD_HOPELESS);
	server_start(rig_server("fs"), "test");
	rig_until(rig_server("last"), SRV_RUNNING);
	rig_close();
}
END_TEST

START_TEST(requests_do_not_wait_without_end_for_what_only_a_person_can_start)
{
	rig_open(PAIR);
	struct server *git = rig_server("git");
	server_start(git, "test");
	rig_rounds(3);
	int fd = rig_agent(git);
	rig_say(fd, call);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "waiting for server fs"));
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(nor_for_what_crashes_again_and_again)
{
	rig_open("[server:fs]\ncommand = /bin/false\nbackoff = 1h\nbackoff_max = 1h\n"
		 "[server:git]\ncommand = %s/mcp\ndepends_on = fs\npark_timeout = 20ms\n");
	struct server *git = rig_server("git");
	server_start(git, "test");
	server_start(rig_server("fs"), "test");
	rig_until(rig_server("fs"), SRV_BACKOFF);
	int fd = rig_agent(git);
	rig_say(fd, call);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "which is BACKOFF: exited with status 1"));
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(a_server_that_comes_back_from_a_crash_does_not_wait_for_others)
{
	rig_open(PAIR "startsecs = 0\nbackoff = 1ms\n");
	struct server *fs = rig_server("fs"), *git = rig_server("git");
	server_start(git, "test");
	server_start(fs, "test");
	rig_until(git, SRV_RUNNING);
	server_stop(fs, "test");
	rig_until(fs, SRV_STOPPED);
	(void)kill(rig_pid(git), SIGKILL);
	rig_until_again(git, 1);
	server_stop(git, "test");
	rig_until(git, SRV_STOPPED);
	server_start(git, "test"); /* but a start by hand keeps the order */
	rig_rounds(20);
	ck_assert_int_eq(server_state(git), SRV_STARTING);
	rig_close();
}
END_TEST

START_TEST(a_lazy_server_that_sleeps_holds_nobody_up)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nautostart = lazy\n"
		 "[server:git]\ncommand = %s/mcp\ndepends_on = fs\n");
	server_start(rig_server("git"), "test");
	rig_until(rig_server("git"), SRV_RUNNING);
	ck_assert_int_eq(server_state(rig_server("fs")), SRV_STOPPED);
	rig_close();
}
END_TEST

/* --- starts that fail ------------------------------------------------------------------------ */

START_TEST(what_only_a_person_can_mend_is_fatal_at_once)
{
	rig_open("[server:gone]\ncommand = %s/not-there\nbackoff = 1ms\n"
		 "[server:nobody]\ncommand = %s/mcp\nuser = nobody-of-this-name\n"
		 "[server:secret]\ncommand = %s/mcp\nsecret_environment = K=%s/no-secret\n");
	for (size_t i = 0; i < rig.n_servers; i++)
		server_start(rig.servers[i], "test");
	rig_rounds(20);
	for (size_t i = 0; i < rig.n_servers; i++)
		ck_assert_msg(server_state(rig.servers[i]) == SRV_FATAL, "%s is %s: %s",
			      server_name(rig.servers[i]),
			      fsm_state_name(server_state(rig.servers[i])), rig.servers[i]->why);
	ck_assert_int_eq(rig.starting, 0);
	rig_close();
}
END_TEST

START_TEST(no_descriptor_to_be_had_is_tried_again)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nbackoff = 5ms\nbackoff_max = 5ms\n"
		 "secret_environment = SECRET=%s/mcp\n");
	struct server *fs = rig_server("fs");
	struct rlimit old, few;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = old;
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(next);
	for (int room = 0; room < 9; room++) { /* each of the descriptors it needs fails once */
		few.rlim_cur = (rlim_t)(next + room);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		server_start(fs, "test");
		rig_rounds(20);
		ck_assert_int_ne(server_state(fs), SRV_FATAL);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
		if (server_state(fs) == SRV_RUNNING)
			break;
		server_stop(fs, "test");
		rig_until(fs, SRV_STOPPED);
	}
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	rig_close();
}
END_TEST

static int count_fds(void)
{
	int n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(a_crash_loop_keeps_neither_slots_nor_descriptors)
{
	rig_open("[server:loop]\ncommand = /bin/false\nbackoff = 1ms\nbackoff_max = 1ms\n"
		 "[server:good]\ncommand = %s/mcp\n");
	struct server *loop = rig_server("loop");
	server_start(loop, "test");
	rig_rounds(20);
	int before = count_fds();
	for (int i = 0; i < RIG_PATIENCE && loop->generation < 100; i++)
		rig_rounds(1);
	ck_assert_uint_ge(loop->generation, 100);
	server_stop(loop, "test");
	rig_until(loop, SRV_STOPPED);
	ck_assert_int_le(count_fds(), before);
	ck_assert_int_eq(rig.starting, 0);
	server_start(rig_server("good"), "test");
	rig_until(rig_server("good"), SRV_RUNNING);
	rig_close();
}
END_TEST

START_TEST(a_server_that_is_given_up_was_tried_startretries_times_more)
{
	rig_open("[server:loop]\ncommand = /bin/false\nbackoff = 1ms\nstartretries = 2\n");
	struct server *loop = rig_server("loop");
	server_start(loop, "test");
	rig_until(loop, SRV_FATAL);
	ck_assert_uint_eq(loop->generation, 3);
	ck_assert_ptr_nonnull(strstr(loop->why, "exited with status 1"));
	rig_close();
}
END_TEST

START_TEST(a_start_that_takes_too_long_is_cut_short)
{
	rig_open("[server:slow]\ncommand = %s/slow\nstart_timeout = 100ms\n"
		 "stop_grace_period = 10ms\nstartretries = 1\nbackoff = 1ms\n");
	rig_script("slow", "#!/bin/sh\nexec sleep 100\n");
	struct server *slow = rig_server("slow");
	server_start(slow, "test");
	rig_until(slow, SRV_FATAL);
	ck_assert_ptr_nonnull(strstr(slow->why, "start_timeout (100 ms)"));
	rig_close();
}
END_TEST

START_TEST(what_closes_its_stdout_and_lives_is_restarted)
{
	rig_open("[server:mute]\ncommand = %s/mute\nstop_grace_period = 10ms\nbackoff = 1ms\n"
		 "startretries = 1\n");
	rig_script("mute", "#!/bin/sh\nexec sleep 100 >/dev/null\n");
	struct server *mute = rig_server("mute");
	server_start(mute, "test");
	rig_until(mute, SRV_FATAL);
	ck_assert_ptr_nonnull(strstr(mute->why, "closed its stdout"));
	rig_close();
}
END_TEST

/* --- health ----------------------------------------------------------------------------------- */

#define SICK                                                                                         \
	"[server:fs]\ncommand = %s/mcp\nhealthcheck_interval = 100ms\nhealthcheck_timeout = 100ms\n" \
	"healthcheck_retries = 2\nstop_grace_period = 10ms\nbackoff = 1ms\n"

static void until_health(struct server *s, const char *word)
{
	struct server_info info = { .health = "" };
	for (int i = 0; i < RIG_PATIENCE && strcmp(info.health, word) != 0; i++) {
		rig_rounds(1);
		server_info(s, &info);
	}
	ck_assert_str_eq(info.health, word);
}

START_TEST(unhealthy_and_ignored_is_shown_until_it_is_healthy_again)
{
	rig_open(SICK "on_unhealthy = ignore\n");
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	pid_t pid = rig_pid(fs);
	(void)kill(pid, SIGSTOP);
	until_health(fs, "unhealthy");
	ck_assert_int_eq(server_state(fs), SRV_RUNNING);
	ck_assert_ptr_nonnull(strstr(fs->why, "no answer"));
	(void)kill(pid, SIGCONT);
	until_health(fs, "healthy");
	ck_assert_str_eq(fs->why, "");
	rig_close();
}
END_TEST

START_TEST(unhealthy_and_restarted_fails_the_calls_at_once_and_comes_back)
{
	rig_open(SICK "on_unhealthy = restart\nbusy_timeout = 1s\n");
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	int fd = rig_agent(fs);
	(void)kill(rig_pid(fs), SIGSTOP);
	rig_say(fd, call);
	const char *answer = rig_hear(fd);
	ck_assert_msg(strstr(answer, "unhealthy"), "%s", answer);
	ck_assert_int_eq(server_state(fs), SRV_STOPPING); /* it was told before the graces */
	rig_until_again(fs, 1);
	ck_assert_uint_eq(fs->restarts, 1);
	ck_assert_uint_eq(fs->restarts_for[RESTART_HUNG], 1);
	ck_assert_uint_gt(server_tallies(fs)->probes.failed, 0);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(unhealthy_and_stopped_does_not_count_as_up)
{
	rig_open(SICK "on_unhealthy = stop\n");
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	(void)kill(rig_pid(fs), SIGSTOP);
	rig_until(fs, SRV_STOPPED);
	ck_assert(!server_counts_as_up(fs));
	ck_assert_ptr_nonnull(strstr(fs->why, "unhealthy"));
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	server_stop(fs, "test");
	rig_until(fs, SRV_STOPPED);
	ck_assert(server_counts_as_up(fs)); /* by hand it does */
	rig_close();
}
END_TEST

Suite *suite_supervisor_server(void);
Suite *suite_supervisor_server(void)
{
	Suite *s = suite_create("supervisor_server");
	TCase *c = tcase_create("wishes");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, a_start_that_follows_a_stop_at_once_is_not_lost);
	tcase_add_test(c, a_stop_that_follows_a_restart_at_once_wins);
	tcase_add_test(c, a_start_while_it_stops_makes_it_start_again_without_delay);
	tcase_add_test(c, an_operators_restart_is_not_delayed_and_not_counted_as_a_failure);
	tcase_add_test(c, what_goes_down_for_good_is_not_started_again);
	tcase_add_test(c, without_a_grace_it_is_killed_at_once);
	tcase_add_test(c, what_it_waits_for_is_named_with_the_remedy);
	tcase_add_test(c, who_waits_for_a_waiting_server_is_told_of_the_root);
	tcase_add_test(c, requests_do_not_wait_without_end_for_what_only_a_person_can_start);
	tcase_add_test(c, nor_for_what_crashes_again_and_again);
	tcase_add_test(c, a_server_that_comes_back_from_a_crash_does_not_wait_for_others);
	tcase_add_test(c, a_lazy_server_that_sleeps_holds_nobody_up);
	suite_add_tcase(s, c);
	c = tcase_create("starts and health");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, what_only_a_person_can_mend_is_fatal_at_once);
	tcase_add_test(c, no_descriptor_to_be_had_is_tried_again);
	tcase_add_test(c, a_crash_loop_keeps_neither_slots_nor_descriptors);
	tcase_add_test(c, a_server_that_is_given_up_was_tried_startretries_times_more);
	tcase_add_test(c, a_start_that_takes_too_long_is_cut_short);
	tcase_add_test(c, what_closes_its_stdout_and_lives_is_restarted);
	tcase_add_test(c, unhealthy_and_ignored_is_shown_until_it_is_healthy_again);
	tcase_add_test(c, unhealthy_and_restarted_fails_the_calls_at_once_and_comes_back);
	tcase_add_test(c, unhealthy_and_stopped_does_not_count_as_up);
	suite_add_tcase(s, c);
	return s;
}
