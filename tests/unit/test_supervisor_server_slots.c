/* SPDX-License-Identifier: MIT */
/* start_concurrency and depends_on: who waits for whom, and that one bad server holds nobody else up. */
#include "tests/unit/script_rig.h"

#define IMAGE "image = x\nlaunch = api\nhealthcheck = none\nbackoff = 1s\nbackoff_max = 1s\n"
#define THREE "[server:a]\n" IMAGE "[server:b]\n" IMAGE "[server:c]\n" IMAGE
#define ORDERED                                                                                    \
	"[server:a]\n" IMAGE "[server:b]\n" IMAGE "depends_on = a\n[server:c]\n" IMAGE             \
	"depends_on = b\n"

static void start_all(void)
{
	for (size_t i = 0; i < rig.n_servers; i++)
		server_start(rig.servers[i], "test");
	script_settle();
}

static void are(enum srv_state a, enum srv_state b, enum srv_state c)
{
	script_is(rig_server("a"), a);
	script_is(rig_server("b"), b);
	script_is(rig_server("c"), c);
}

START_TEST(never_more_than_start_concurrency_start_at_once)
{
	script_open(THREE, 2);
	for (const char *n = "abc"; *n; n++)
		script_mood((char[]){ *n, 0 })->is_slow = true;
	start_all();
	ck_assert_uint_eq(rig.starting, 2); /* script_look() checks it after every step */
	ck_assert_str_eq(rig_server("c")->why, "waiting for a free start slot (start_concurrency)");
	script_started(script_launch("b"));
	script_settle();
	script_is(rig_server("b"), SRV_RUNNING);
	ck_assert_int_eq(script_phase(script_launch("c")), SCRIPT_GOING);
	script_close();
}
END_TEST

START_TEST(a_pull_holds_no_slot)
{
	script_open(THREE, 1);
	script_mood("a")->is_pulling = script_mood("b")->is_pulling = true;
	start_all();
	are(SRV_STARTING, SRV_STARTING, SRV_RUNNING);
	ck_assert_uint_eq(rig.starting, 0);
	script_wait(600000);
	are(SRV_STARTING, SRV_STARTING, SRV_RUNNING);
	/* Both come at once, as two servers of one image do: they still start one after the other. */
	script_mood("a")->is_slow = script_mood("b")->is_slow = true;
	script_mood("a")->is_pulling = script_mood("b")->is_pulling = false;
	script_settle();
	ck_assert_uint_eq(rig.starting, 1);
	script_mood("a")->is_slow = script_mood("b")->is_slow = false;
	script_settle();
	script_settle();
	are(SRV_RUNNING, SRV_RUNNING, SRV_RUNNING);
	script_close();
}
END_TEST

START_TEST(a_hung_start_gives_its_slot_back_and_goes_on)
{
	script_open(THREE, 1);
	script_mood("a")->is_mute = true;
	start_all();
	are(SRV_STARTING, SRV_STARTING, SRV_STARTING);
	script_wait(11000);
	are(SRV_STARTING, SRV_RUNNING, SRV_RUNNING);
	ck_assert_ptr_nonnull(rig_server("a")->launch); /* it has its whole start_timeout */
	ck_assert_uint_eq(script_launches("a"), 1);
	script_close();
}
END_TEST

START_TEST(those_that_fail_again_and_again_do_not_take_every_turn)
{
	script_open(THREE, 1);
	script_mood("a")->is_slow = script_mood("b")->is_slow = true;
	start_all();
	for (int i = 0; i < 20 && !server_is_ready(rig_server("c")); i++) {
		script_wait(3000);
		for (const char *n = "ab"; *n; n++) {
			struct launch *l = script_launch((char[]){ *n, 0 });
			if (l && script_phase(l) == SCRIPT_GOING)
				script_fails(l, "cannot start it", false);
		}
	}
	script_is(rig_server("c"), SRV_RUNNING);
	ck_assert_uint_le(script_launches("a") + script_launches("b"), 4);
	script_close();
}
END_TEST

START_TEST(a_fatal_and_a_crashing_server_hold_nobody_up)
{
	script_open(THREE, 1);
	script_mood("a")->refusal = "cannot pull x: not found";
	script_mood("a")->is_final_refusal = true;
	script_mood("b")->exits_early = true;
	start_all();
	script_wait(1000);
	script_is(rig_server("a"), SRV_FATAL);
	script_is(rig_server("c"), SRV_RUNNING);
	script_close();
}
END_TEST

START_TEST(waves_start_after_ready_and_stop_in_reverse)
{
	script_open(ORDERED, 0);
	for (const char *n = "abc"; *n; n++)
		script_mood((char[]){ *n, 0 })->is_mute = true;
	start_all();
	ck_assert_uint_eq(script_processes("a"), 1);
	ck_assert_uint_eq(script_launches("b"), 0); /* running is not ready */
	ck_assert_str_eq(rig_server("b")->why, "waiting for server a, which is STARTING");
	script_mood("a")->is_mute = false;
	server_restart(rig_server("a"), "test");
	script_wait(5000);
	are(SRV_RUNNING, SRV_STARTING, SRV_STARTING);
	ck_assert_uint_eq(script_launches("c"), 0);
	script_mood("b")->is_mute = script_mood("c")->is_mute = false;
	server_restart(rig_server("b"), "test");
	script_wait(5000);
	are(SRV_RUNNING, SRV_RUNNING, SRV_RUNNING);

	script_mood("c")->keeps_on_eof = script_mood("b")->keeps_on_eof = true;
	script_sigterm();
	are(SRV_RUNNING, SRV_RUNNING, SRV_STOPPING);
	script_exits(script_launch("c"), 0);
	script_settle();
	are(SRV_RUNNING, SRV_STOPPING, SRV_STOPPED);
	script_exits(script_launch("b"), 0);
	script_settle();
	are(SRV_STOPPED, SRV_STOPPED, SRV_STOPPED);
	ck_assert(script_is_down);
	script_close();
}
END_TEST

START_TEST(a_dependency_lost_while_the_image_was_pulled_is_waited_for)
{
	script_open(ORDERED, 0);
	script_mood("b")->is_pulling = true;
	start_all();
	are(SRV_RUNNING, SRV_STARTING, SRV_STARTING);
	server_stop(rig_server("a"), "test");
	script_settle();
	script_mood("b")->is_pulling = false;
	script_settle();
	ck_assert_uint_eq(script_processes("b"), 0);
	ck_assert_str_eq(rig_server("b")->why,
			 "waiting for server a, which is STOPPED: test; mcpctl start a");
	server_start(rig_server("a"), "test");
	script_settle();
	script_settle();
	are(SRV_RUNNING, SRV_RUNNING, SRV_RUNNING);
	ck_assert_uint_eq(script_launches("b"), 1);
	script_close();
}
END_TEST

START_TEST(who_waits_for_something_else_is_in_nobodys_way)
{
	script_open("[server:a]\n" IMAGE "[server:b]\n" IMAGE "depends_on = a\n[server:c]\n" IMAGE,
		    1);
	script_mood("b")->is_pulling = true;
	start_all();
	script_settle();
	server_stop(rig_server("a"), "test");
	script_settle();
	script_mood("b")->is_pulling = false;
	script_settle(); /* b has its image and a place in the queue, but waits for a */
	server_restart(rig_server("c"), "test");
	script_settle();
	script_settle();
	are(SRV_STOPPED, SRV_STARTING, SRV_RUNNING);
	script_close();
}
END_TEST

Suite *suite_supervisor_server_slots(void);
Suite *suite_supervisor_server_slots(void)
{
	Suite *s = suite_create("supervisor_server_slots");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 60);
	tcase_add_test(c, never_more_than_start_concurrency_start_at_once);
	tcase_add_test(c, a_pull_holds_no_slot);
	tcase_add_test(c, a_hung_start_gives_its_slot_back_and_goes_on);
	tcase_add_test(c, those_that_fail_again_and_again_do_not_take_every_turn);
	tcase_add_test(c, a_fatal_and_a_crashing_server_hold_nobody_up);
	tcase_add_test(c, waves_start_after_ready_and_stop_in_reverse);
	tcase_add_test(c, a_dependency_lost_while_the_image_was_pulled_is_waited_for);
	tcase_add_test(c, who_waits_for_something_else_is_in_nobodys_way);
	suite_add_tcase(s, c);
	return s;
}
