/* SPDX-License-Identifier: MIT */
/* The engine goes away and comes back, whatever a server is about: no attempt is spent, nothing storms. */
#include "tests/unit/script_one.h"

/* What it had begun is lost, and it is known why: the launch hears of it, and the supervisor. */
static void lose_engine(void)
{
	script_look();
	if (fs->launch)
		script_loses_engine(fs->launch);
	script_engine(false);
	script_settle();
}

static void waits_for_the_engine(unsigned launches)
{
	script_wait(600000);
	script_is(fs, SRV_STARTING);
	ck_assert_str_eq(fs->why, "waiting for the container engine");
	ck_assert_uint_eq(script_launches("fs"), launches);
	ck_assert_uint_eq(rig.starting, 0);
	ck_assert_uint_eq(script_alive(), 0);
	ck_assert_int_eq(fs->backoff.attempt, 0);
}

static void comes_back(unsigned launches)
{
	mood->is_pulling = mood->is_slow = mood->is_mute = false;
	script_engine(true);
	script_settle();
	script_wait(5000);
	script_is(fs, SRV_RUNNING);
	ck_assert_str_eq(fs->why, "");
	ck_assert_uint_eq(script_launches("fs"), launches);
}

START_TEST(engine_lost_while_pulling_waits_and_pulls_again_when_it_is_back)
{
	open_one("startretries = 1\n");
	mood->is_pulling = true;
	begin(SRV_STARTING);
	lose_engine();
	waits_for_the_engine(1);
	is_refused("waiting for the container engine"); /* parked no longer than park_timeout */
	comes_back(2);
	shut_one();
}
END_TEST

START_TEST(engine_lost_while_the_engine_starts_it_gives_the_slot_back)
{
	open_one("startretries = 1\n");
	mood->is_slow = true;
	begin(SRV_STARTING);
	lose_engine();
	waits_for_the_engine(1);
	comes_back(2);
	shut_one();
}
END_TEST

START_TEST(engine_lost_while_shaking_hands_costs_no_attempt)
{
	open_one("startretries = 1\n");
	mood->is_mute = true;
	begin(SRV_STARTING);
	lose_engine();
	waits_for_the_engine(1);
	comes_back(2);
	shut_one();
}
END_TEST

START_TEST(engine_lost_while_waiting_for_a_slot_looks_at_the_image_again)
{
	open_one("[server:other]\nimage = x\nlaunch = api\n");
	script_mood("other")->is_slow = true;
	server_start(rig_server("other"), "test");
	script_settle();
	begin(SRV_STARTING);
	script_engine(false); /* its launch has nothing under way that could break */
	script_loses_engine(script_launch("other"));
	script_settle();
	ck_assert_str_eq(fs->why, "waiting for the container engine");
	script_wait(5000);
	ck_assert_uint_eq(script_launches("fs"), 1);
	script_mood("other")->is_slow = false;
	script_engine(true);
	script_wait(5000);
	script_is(fs, SRV_RUNNING);
	ck_assert_uint_eq(script_launches("fs"), 2);
	ck_assert_uint_eq(script_processes("fs"), 1);
	shut_one();
}
END_TEST

START_TEST(engine_lost_while_running_tells_the_calls_and_comes_back)
{
	open_one("startretries = 1\nautorestart = false\n");
	begin(SRV_RUNNING);
	lose_engine();
	is_refused("engine unreachable");
	waits_for_the_engine(1);
	comes_back(2);
	ck_assert_uint_eq(fs->restarts, 1);
	ck_assert_uint_eq(fs->restarts_for[RESTART_ENGINE], 1);
	shut_one();
}
END_TEST

START_TEST(engine_lost_for_moments_that_nobody_noticed_is_no_storm)
{
	open_one("startretries = 1\n");
	mood->is_slow = true;
	begin(SRV_STARTING);
	/* The supervisor still believes it to be there, and every launch fails at once. */
	for (int i = 0; i < 400; i++) {
		if (fs->launch)
			script_loses_engine(fs->launch);
		script_wait(50);
	}
	ck_assert_uint_le(script_launches("fs"), 21); /* 20 s */
	ck_assert_int_eq(fs->backoff.attempt, 0);
	comes_back(script_launches("fs") + (fs->launch ? 0 : 1));
	shut_one();
}
END_TEST

START_TEST(engine_that_hangs_costs_the_server_no_attempt_and_is_asked_less_and_less_often)
{
	open_one("startretries = 1\n");
	mood->is_slow = true;
	begin(SRV_STARTING);
	for (int i = 0; i < 400; i++) {
		if (fs->launch)
			script_times_out(fs->launch);
		script_wait(100);
	}
	ck_assert_uint_le(script_launches("fs"), 20); /* 40 s */
	ck_assert_uint_ge(script_launches("fs"), 4);
	ck_assert_int_eq(fs->backoff.attempt, 0);
	ck_assert_ptr_nonnull(strstr(fs->why, "no answer in time"));
	mood->is_slow = false;
	script_wait(75000);
	script_is(fs, SRV_RUNNING);
	ck_assert_int_eq(fs->engine_backoff.attempt, 0);
	shut_one();
}
END_TEST

START_TEST(a_proxy_that_cuts_what_idles_costs_the_server_no_attempt)
{
	open_one("startretries = 1\nautorestart = false\n");
	begin(SRV_RUNNING);
	for (int i = 0; i < 5; i++) {
		script_is_cut(fs->launch);
		script_settle();
		script_is(fs, SRV_BACKOFF);
		ck_assert_ptr_nonnull(strstr(fs->why, "timeout tunnel"));
		script_wait(1100);
		script_is(fs, SRV_RUNNING);
	}
	ck_assert_int_eq(fs->backoff.attempt, 0);
	ck_assert_uint_eq(fs->restarts, 5);
	shut_one();
}
END_TEST

START_TEST(engine_lost_while_in_backoff_waits_when_its_time_has_come)
{
	open_one("");
	mood->exits_early = true;
	begin(SRV_BACKOFF);
	script_engine(false);
	script_wait(5000);
	script_is(fs, SRV_BACKOFF);
	script_wait(10000);
	script_is(fs, SRV_STARTING);
	ck_assert_str_eq(fs->why, "waiting for the container engine");
	ck_assert_uint_eq(script_launches("fs"), 1);
	mood->exits_early = false;
	comes_back(2);
	shut_one();
}
END_TEST

START_TEST(engine_back_while_in_backoff_changes_nothing)
{
	open_one("");
	mood->exits_early = true;
	begin(SRV_BACKOFF);
	script_engine(false);
	script_wait(1000);
	script_engine(true);
	script_wait(1000);
	ends(SRV_BACKOFF, "BACKOFF", "exited with status 0 after 0 ms", 1);
	shut_one();
}
END_TEST

START_TEST(engine_lost_while_stopping_is_the_end_it_was_asked_for)
{
	open_one("");
	mood->keeps_on_eof = mood->keeps_on_stop = mood->keeps_on_kill = true;
	begin(SRV_RUNNING);
	server_stop(fs, "mcpctl stop");
	lose_engine();
	ends(SRV_STOPPED, "RUNNING STOPPING STOPPED", "mcpctl stop", 1);
	is_refused("mcpctl stop");
	script_engine(true);
	script_wait(60000);
	ends(SRV_STOPPED, "RUNNING STOPPING STOPPED", "mcpctl stop", 1);
	shut_one();
}
END_TEST

START_TEST(engine_lost_while_stopping_for_a_restart_starts_when_it_is_back)
{
	open_one("");
	mood->keeps_on_eof = true;
	begin(SRV_RUNNING);
	server_restart(fs, "mcpctl restart");
	lose_engine();
	waits_for_the_engine(1);
	comes_back(2);
	shut_one();
}
END_TEST

START_TEST(stop_while_the_engine_is_away_ends_stopped_at_once)
{
	open_one("");
	script_engine(false);
	begin(SRV_STARTING);
	server_stop(fs, "mcpctl stop");
	script_settle();
	ends(SRV_STOPPED, "STARTING STOPPING STOPPED", "mcpctl stop", 0);
	is_refused("mcpctl stop");
	script_engine(true);
	script_wait(60000);
	ends(SRV_STOPPED, "STARTING STOPPING STOPPED", "mcpctl stop", 0);
	shut_one();
}
END_TEST

START_TEST(engine_lost_and_back_leaves_stopped_exited_and_fatal_alone)
{
	open_one("autorestart = false\n");
	mood->refusal = "cannot pull x: not found";
	mood->is_final_refusal = true;
	script_engine(false);
	script_engine(true);
	script_wait(1000);
	script_is(fs, SRV_STOPPED);
	server_start(fs, "test");
	script_settle();
	script_engine(false);
	script_engine(true);
	script_wait(1000);
	script_is(fs, SRV_FATAL);
	mood->refusal = NULL;
	server_start(fs, "test");
	script_settle();
	script_exits(fs->launch, 0);
	script_settle();
	script_engine(false);
	script_engine(true);
	script_wait(1000);
	script_is(fs, SRV_EXITED);
	ck_assert_uint_eq(script_launches("fs"), 2);
	shut_one();
}
END_TEST

Suite *suite_supervisor_server_engine(void);
Suite *suite_supervisor_server_engine(void)
{
	Suite *s = suite_create("supervisor_server_engine");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, engine_lost_while_pulling_waits_and_pulls_again_when_it_is_back);
	tcase_add_test(c, engine_lost_while_the_engine_starts_it_gives_the_slot_back);
	tcase_add_test(c, engine_lost_while_shaking_hands_costs_no_attempt);
	tcase_add_test(c, engine_lost_while_waiting_for_a_slot_looks_at_the_image_again);
	tcase_add_test(c, engine_lost_while_running_tells_the_calls_and_comes_back);
	tcase_add_test(c, engine_lost_for_moments_that_nobody_noticed_is_no_storm);
	tcase_add_test(
		c, engine_that_hangs_costs_the_server_no_attempt_and_is_asked_less_and_less_often);
	tcase_add_test(c, a_proxy_that_cuts_what_idles_costs_the_server_no_attempt);
	tcase_add_test(c, engine_lost_while_in_backoff_waits_when_its_time_has_come);
	tcase_add_test(c, engine_back_while_in_backoff_changes_nothing);
	tcase_add_test(c, engine_lost_while_stopping_is_the_end_it_was_asked_for);
	tcase_add_test(c, engine_lost_while_stopping_for_a_restart_starts_when_it_is_back);
	tcase_add_test(c, stop_while_the_engine_is_away_ends_stopped_at_once);
	tcase_add_test(c, engine_lost_and_back_leaves_stopped_exited_and_fatal_alone);
	suite_add_tcase(s, c);
	return s;
}
