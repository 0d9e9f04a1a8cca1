/* SPDX-License-Identifier: MIT */
/* A server in the middle of something, and a person who wants something else. */
#include "tests/unit/script_one.h"

/* --- stop ------------------------------------------------------------------------------------- */

START_TEST(stop_while_pulling_cancels_the_pull_and_ends_stopped)
{
	open_one("");
	mood->is_pulling = true;
	begin(SRV_STARTING);
	ck_assert_ptr_nonnull(strstr(fs->why, "pulling x"));
	server_stop(fs, "mcpctl stop");
	script_settle();
	ends(SRV_STOPPED, "STARTING STOPPING STOPPED", "mcpctl stop", 1);
	ck_assert_uint_eq(script_processes("fs"), 0);
	is_refused("mcpctl stop");
	shut_one();
}
END_TEST

START_TEST(stop_while_waiting_for_a_slot_ends_stopped_and_leaves_the_queue)
{
	open_one("[server:other]\nimage = x\nlaunch = api\n");
	script_mood("other")->is_slow = true;
	server_start(rig_server("other"), "test");
	script_settle();
	begin(SRV_STARTING);
	ck_assert_ptr_nonnull(strstr(fs->why, "start_concurrency"));
	server_stop(fs, "mcpctl stop");
	script_settle();
	script_is(fs, SRV_STOPPED);
	ck_assert_uint_eq(fs->ticket, 0);
	is_refused("mcpctl stop");
	ck_assert_uint_eq(rig.starting, 1); /* the other's */
	shut_one();
}
END_TEST

START_TEST(stop_while_the_engine_starts_it_ends_stopped)
{
	open_one("");
	mood->is_slow = true;
	begin(SRV_STARTING);
	ck_assert_uint_eq(rig.starting, 1);
	server_stop(fs, "mcpctl stop");
	ck_assert_uint_eq(rig.starting, 0);
	script_settle();
	ends(SRV_STOPPED, "STARTING STOPPING STOPPED", "mcpctl stop", 1);
	is_refused("mcpctl stop");
	shut_one();
}
END_TEST

START_TEST(stop_while_shaking_hands_goes_through_stdin_signal_and_kill)
{
	open_one("");
	mood->is_mute = mood->keeps_on_eof = mood->keeps_on_stop = true;
	begin(SRV_STARTING);
	ck_assert_str_eq(fs->why, "shaking hands");
	server_stop(fs, "mcpctl stop");
	script_wait(1900);
	ck_assert(!script_was_stopped(fs->launch)); /* only its stdin is closed */
	script_wait(200);
	ck_assert(script_was_stopped(fs->launch) && !script_was_killed(fs->launch));
	script_wait(2000);
	ends(SRV_STOPPED, "STARTING STOPPING STOPPED", "mcpctl stop", 1);
	is_refused("mcpctl stop");
	shut_one();
}
END_TEST

START_TEST(stop_while_running_tells_the_calls_in_flight_when_it_is_gone)
{
	open_one("");
	begin(SRV_RUNNING);
	server_stop(fs, "mcpctl stop");
	script_settle();
	ends(SRV_STOPPED, "RUNNING STOPPING STOPPED", "mcpctl stop", 1);
	is_refused("mcpctl stop");
	rig_say(agent, script_call);
	script_settle();
	is_refused("fs is STOPPED: mcpctl stop");
	shut_one();
}
END_TEST

START_TEST(stop_while_in_backoff_ends_stopped_at_once_and_nothing_fires_later)
{
	open_one("");
	mood->exits_early = true;
	mood->exit_code = 3;
	begin(SRV_BACKOFF);
	server_stop(fs, "mcpctl stop");
	script_settle();
	ends(SRV_STOPPED, "BACKOFF STOPPED", "mcpctl stop", 1);
	is_refused("mcpctl stop");
	script_wait(60000);
	ends(SRV_STOPPED, "BACKOFF STOPPED", "mcpctl stop", 1);
	shut_one();
}
END_TEST

START_TEST(stop_while_stopping_changes_nothing_but_a_start_asked_for_meanwhile)
{
	open_one("");
	mood->keeps_on_eof = true;
	begin(SRV_RUNNING);
	server_restart(fs, "mcpctl restart");
	server_stop(fs, "mcpctl stop");
	script_wait(4000);
	ends(SRV_STOPPED, "RUNNING STOPPING STOPPED", "mcpctl stop", 1);
	shut_one();
}
END_TEST

START_TEST(stop_when_exited_or_fatal_makes_it_stopped)
{
	open_one("autorestart = false\n");
	begin(SRV_RUNNING);
	script_exits(fs->launch, 0);
	script_settle();
	script_is(fs, SRV_EXITED);
	ck_assert(!server_counts_as_up(fs)); /* only what sleeps or was stopped by hand does */
	server_stop(fs, "mcpctl stop");
	ends(SRV_STOPPED, "RUNNING EXITED STOPPED", "mcpctl stop", 1);
	ck_assert(server_counts_as_up(fs));
	mood->refusal = "cannot pull x: access denied";
	mood->is_final_refusal = true;
	server_start(fs, "mcpctl start");
	script_settle();
	script_is(fs, SRV_FATAL);
	ck_assert(!server_counts_as_up(fs));
	server_stop(fs, "mcpctl stop");
	script_is(fs, SRV_STOPPED);
	shut_one();
}
END_TEST

/* --- start and restart --------------------------------------------------------------------------- */

START_TEST(start_while_stopping_starts_again_when_gone)
{
	open_one("");
	mood->keeps_on_eof = true;
	begin(SRV_RUNNING);
	server_stop(fs, "mcpctl stop");
	script_wait(1000);
	server_start(fs, "mcpctl start");
	script_is(fs, SRV_STOPPING);
	ck_assert_uint_eq(script_launches("fs"), 1); /* never two at a time */
	script_wait(3000);
	ends(SRV_RUNNING, "RUNNING STOPPING BACKOFF STARTING RUNNING", "", 2);
	shut_one();
}
END_TEST

START_TEST(start_while_a_called_off_pull_is_stopping_pulls_again)
{
	open_one("");
	mood->is_pulling = true;
	begin(SRV_STARTING);
	server_stop(fs, "mcpctl stop");
	server_start(fs, "mcpctl start");
	script_settle();
	ck_assert_str_eq(script_path(fs), "STARTING STOPPING BACKOFF STARTING");
	mood->is_pulling = false;
	script_settle();
	ends(SRV_RUNNING, "STARTING STOPPING BACKOFF STARTING RUNNING", "", 2);
	shut_one();
}
END_TEST

START_TEST(start_while_starting_or_running_changes_nothing)
{
	open_one("");
	mood->is_pulling = true;
	begin(SRV_STARTING);
	server_start(fs, "mcpctl start");
	script_settle();
	mood->is_pulling = false;
	script_settle();
	server_start(fs, "mcpctl start");
	script_settle();
	ends(SRV_RUNNING, "STARTING RUNNING", "", 1);
	shut_one();
}
END_TEST

START_TEST(start_while_in_backoff_does_not_wait_and_forgets_the_attempts)
{
	open_one("startretries = 2\n");
	mood->exits_early = true;
	begin(SRV_BACKOFF);
	ck_assert_int_eq(fs->backoff.attempt, 1);
	mood->exits_early = false;
	server_start(fs, "mcpctl start");
	script_settle();
	ends(SRV_RUNNING, "BACKOFF STARTING RUNNING", "", 2);
	ck_assert_int_eq(fs->backoff.attempt, 0);
	shut_one();
}
END_TEST

START_TEST(restart_while_pulling_begins_anew_without_delay)
{
	open_one("");
	mood->is_pulling = true;
	begin(SRV_STARTING);
	server_restart(fs, "mcpctl restart");
	script_settle();
	mood->is_pulling = false;
	script_settle();
	ends(SRV_RUNNING, "STARTING STOPPING BACKOFF STARTING RUNNING", "", 2);
	shut_one();
}
END_TEST

START_TEST(restart_ends_fatal_exited_and_stopped)
{
	open_one("autorestart = false\n");
	mood->refusal = "cannot pull x: access denied";
	mood->is_final_refusal = true;
	server_start(fs, "test");
	script_settle();
	script_is(fs, SRV_FATAL);
	ck_assert_str_eq(fs->why, "cannot pull x: access denied");
	script_wait(600000);
	ck_assert_uint_eq(script_launches("fs"), 1); /* nothing but a person ends it */
	mood->refusal = NULL;
	server_restart(fs, "mcpctl restart");
	script_settle();
	script_is(fs, SRV_RUNNING);
	script_exits(fs->launch, 0);
	script_settle();
	script_is(fs, SRV_EXITED);
	server_restart(fs, "mcpctl restart");
	script_settle();
	script_is(fs, SRV_RUNNING);
	server_stop(fs, "mcpctl stop");
	script_settle();
	server_restart(fs, "mcpctl restart");
	script_settle();
	script_is(fs, SRV_RUNNING);
	shut_one();
}
END_TEST

/* --- exits ----------------------------------------------------------------------------------------- */

START_TEST(exit_while_stopping_is_the_end_it_was_asked_for)
{
	open_one("autorestart = true\n");
	mood->keeps_on_eof = mood->keeps_on_stop = mood->keeps_on_kill = true;
	begin(SRV_RUNNING);
	server_stop(fs, "mcpctl stop");
	script_wait(500);
	script_exits(fs->launch, 42);
	script_settle();
	ends(SRV_STOPPED, "RUNNING STOPPING STOPPED", "mcpctl stop", 1);
	is_refused("\"exitCode\":42");
	shut_one();
}
END_TEST

START_TEST(what_does_not_even_end_by_the_kill_is_left_and_counts_as_stopped)
{
	open_one("");
	mood->keeps_on_eof = mood->keeps_on_stop = mood->keeps_on_kill = true;
	begin(SRV_RUNNING);
	server_stop(fs, "mcpctl stop");
	script_wait(4500);
	ck_assert(script_was_killed(fs->launch));
	script_wait(10000);
	ends(SRV_STOPPED, "RUNNING STOPPING STOPPED", "mcpctl stop", 1);
	is_refused("mcpctl stop");
	shut_one();
}
END_TEST

START_TEST(start_timeout_while_shaking_hands_is_a_failed_start)
{
	open_one("startretries = 1\n");
	mood->is_mute = true;
	begin(SRV_STARTING);
	script_wait(59000);
	script_is(fs, SRV_STARTING);
	script_wait(2000);
	script_is(fs, SRV_BACKOFF);
	ck_assert_ptr_nonnull(strstr(fs->why, "start_timeout"));
	ck_assert_int_eq(fs->backoff.attempt, 1);
	script_wait(80000);
	ends(SRV_FATAL, "STARTING STOPPING BACKOFF STARTING STOPPING FATAL",
	     "not ready within start_timeout (1m00s)", 2);
	shut_one();
}
END_TEST

START_TEST(a_pull_has_no_start_timeout)
{
	open_one("");
	mood->is_pulling = true;
	begin(SRV_STARTING);
	script_wait(600000);
	script_is(fs, SRV_STARTING);
	ck_assert_str_eq(script_heard(agent), ""); /* it waits until the start ends */
	mood->is_pulling = false;
	script_settle();
	ends(SRV_RUNNING, "STARTING RUNNING", "", 1);
	shut_one();
}
END_TEST

Suite *suite_supervisor_server_stop(void);
Suite *suite_supervisor_server_stop(void)
{
	Suite *s = suite_create("supervisor_server_stop");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, stop_while_pulling_cancels_the_pull_and_ends_stopped);
	tcase_add_test(c, stop_while_waiting_for_a_slot_ends_stopped_and_leaves_the_queue);
	tcase_add_test(c, stop_while_the_engine_starts_it_ends_stopped);
	tcase_add_test(c, stop_while_shaking_hands_goes_through_stdin_signal_and_kill);
	tcase_add_test(c, stop_while_running_tells_the_calls_in_flight_when_it_is_gone);
	tcase_add_test(c, stop_while_in_backoff_ends_stopped_at_once_and_nothing_fires_later);
	tcase_add_test(c, stop_while_stopping_changes_nothing_but_a_start_asked_for_meanwhile);
	tcase_add_test(c, stop_when_exited_or_fatal_makes_it_stopped);
	tcase_add_test(c, start_while_stopping_starts_again_when_gone);
	tcase_add_test(c, start_while_a_called_off_pull_is_stopping_pulls_again);
	tcase_add_test(c, start_while_starting_or_running_changes_nothing);
	tcase_add_test(c, start_while_in_backoff_does_not_wait_and_forgets_the_attempts);
	tcase_add_test(c, restart_while_pulling_begins_anew_without_delay);
	tcase_add_test(c, restart_ends_fatal_exited_and_stopped);
	tcase_add_test(c, exit_while_stopping_is_the_end_it_was_asked_for);
	tcase_add_test(c, what_does_not_even_end_by_the_kill_is_left_and_counts_as_stopped);
	tcase_add_test(c, start_timeout_while_shaking_hands_is_a_failed_start);
	tcase_add_test(c, a_pull_has_no_start_timeout);
	suite_add_tcase(s, c);
	return s;
}
