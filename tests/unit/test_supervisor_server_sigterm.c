/* SPDX-License-Identifier: MIT */
/* SIGTERM while a server is in the middle of something: all of it ends within the budget, and nothing begins again. */
#include "tests/unit/script_one.h"

enum { BUDGET_MS = 8000 };

/* All is down, by this way; what was asked meanwhile is answered. */
static void is_down(const char *path, unsigned launches)
{
	ck_assert(script_is_down);
	script_look();
	ck_assert_str_eq(script_path(fs), path);
	ck_assert_uint_eq(script_launches("fs"), launches);
	ck_assert_uint_eq(script_alive(), 0);
	ck_assert_uint_eq(rig.starting, 0);
	/* Nothing wakes it, and nobody can. */
	server_start(fs, "test");
	server_restart(fs, "test");
	script_engine(false);
	script_engine(true);
	script_wait(120000);
	ck_assert_str_eq(script_path(fs), path);
	ck_assert_uint_eq(script_launches("fs"), launches);
}

START_TEST(sigterm_while_pulling_cancels_the_pull)
{
	open_one("");
	mood->is_pulling = true;
	begin(SRV_STARTING);
	script_sigterm();
	script_settle();
	is_refused("mcpinit is shutting down");
	is_down("STARTING STOPPING STOPPED", 1);
	shut_one();
}
END_TEST

START_TEST(sigterm_while_waiting_for_a_slot_begins_nothing)
{
	open_one("[server:other]\nimage = x\nlaunch = api\n");
	script_mood("other")->is_slow = true;
	server_start(rig_server("other"), "test");
	script_settle();
	begin(SRV_STARTING);
	script_sigterm();
	script_settle();
	ck_assert_uint_eq(script_processes("fs"), 0);
	is_down("STARTING STOPPING STOPPED", 1);
	shut_one();
}
END_TEST

START_TEST(sigterm_while_shaking_hands_keeps_the_graces)
{
	open_one("");
	mood->is_mute = mood->keeps_on_eof = mood->keeps_on_stop = true;
	begin(SRV_STARTING);
	script_sigterm();
	script_wait(1900);
	ck_assert(!script_was_stopped(fs->launch));
	script_wait(200);
	ck_assert(script_was_stopped(fs->launch) && !script_was_killed(fs->launch));
	script_wait(2000);
	is_down("STARTING STOPPING STOPPED", 1);
	shut_one();
}
END_TEST

START_TEST(sigterm_while_running_tells_the_calls_in_flight)
{
	open_one("");
	begin(SRV_RUNNING);
	script_sigterm();
	script_settle();
	is_refused("mcpinit is shutting down");
	is_down("RUNNING STOPPING STOPPED", 1);
	shut_one();
}
END_TEST

START_TEST(sigterm_while_backoff_ends_at_once)
{
	open_one("");
	mood->exits_early = true;
	begin(SRV_BACKOFF);
	script_sigterm();
	script_settle();
	is_refused("mcpinit is shutting down");
	is_down("BACKOFF STOPPED", 1);
	shut_one();
}
END_TEST

START_TEST(sigterm_while_stopping_for_a_restart_stays_stopped)
{
	open_one("");
	mood->keeps_on_eof = true;
	begin(SRV_RUNNING);
	server_restart(fs, "mcpctl restart");
	script_wait(1000);
	script_sigterm();
	script_wait(BUDGET_MS);
	is_down("RUNNING STOPPING STOPPED", 1);
	shut_one();
}
END_TEST

START_TEST(sigterm_while_the_engine_is_away_does_not_wait_for_it)
{
	open_one("");
	script_engine(false);
	begin(SRV_STARTING);
	script_sigterm();
	script_settle();
	is_refused("mcpinit is shutting down");
	is_down("STARTING STOPPING STOPPED", 0);
	shut_one();
}
END_TEST

START_TEST(sigterm_when_exited_fatal_or_stopped_has_nothing_to_wait_for)
{
	open_one("[server:gone]\nimage = x\nlaunch = api\nautorestart = false\n"
		 "[server:bad]\nimage = x\nlaunch = api\n");
	script_mood("bad")->refusal = "cannot pull x: not found";
	script_mood("bad")->is_final_refusal = true;
	server_start(rig_server("gone"), "test");
	server_start(rig_server("bad"), "test");
	script_settle();
	script_settle();
	script_exits(script_launch("gone"), 0);
	script_settle();
	script_is(rig_server("gone"), SRV_EXITED);
	script_is(rig_server("bad"), SRV_FATAL);
	script_from(fs);
	script_sigterm();
	script_settle();
	script_is(rig_server("gone"), SRV_STOPPED);
	script_is(rig_server("bad"), SRV_STOPPED);
	is_down("STOPPED", 0);
	shut_one();
}
END_TEST

START_TEST(sigterm_ends_within_its_budget_whatever_ignores_everything)
{
	open_one("[server:other]\ncommand = x\nlaunch = process\n");
	struct script_mood *other = script_mood("other");
	other->keeps_on_eof = other->keeps_on_stop = other->keeps_on_kill = true;
	server_start(rig_server("other"), "test");
	begin(SRV_RUNNING);
	script_sigterm();
	script_wait(BUDGET_MS);
	ck_assert(script_is_down);
	ck_assert(script_was_killed(script_launch("other")));
	script_is(fs, SRV_STOPPED);
	shut_one();
}
END_TEST

START_TEST(engine_lost_during_the_shutdown_is_an_end_too)
{
	open_one("");
	mood->keeps_on_eof = mood->keeps_on_stop = mood->keeps_on_kill = true;
	begin(SRV_RUNNING);
	script_sigterm();
	script_loses_engine(fs->launch);
	script_engine(false);
	script_settle();
	is_down("RUNNING STOPPING STOPPED", 1);
	shut_one();
}
END_TEST

Suite *suite_supervisor_server_sigterm(void);
Suite *suite_supervisor_server_sigterm(void)
{
	Suite *s = suite_create("supervisor_server_sigterm");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, sigterm_while_pulling_cancels_the_pull);
	tcase_add_test(c, sigterm_while_waiting_for_a_slot_begins_nothing);
	tcase_add_test(c, sigterm_while_shaking_hands_keeps_the_graces);
	tcase_add_test(c, sigterm_while_running_tells_the_calls_in_flight);
	tcase_add_test(c, sigterm_while_backoff_ends_at_once);
	tcase_add_test(c, sigterm_while_stopping_for_a_restart_stays_stopped);
	tcase_add_test(c, sigterm_while_the_engine_is_away_does_not_wait_for_it);
	tcase_add_test(c, sigterm_when_exited_fatal_or_stopped_has_nothing_to_wait_for);
	tcase_add_test(c, sigterm_ends_within_its_budget_whatever_ignores_everything);
	tcase_add_test(c, engine_lost_during_the_shutdown_is_an_end_too);
	suite_add_tcase(s, c);
	return s;
}
