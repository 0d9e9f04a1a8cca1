/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "supervisor/shutdown.h"
#include "tests/unit/server_rig.h"

START_TEST(a_grace_is_the_smaller_of_its_share_and_its_key)
{
	ck_assert_int_eq(shutdown_grace(6000, 1, 2000), 2000);
	ck_assert_int_eq(shutdown_grace(6000, 3, 2000), 1000); /* a wave has two graces */
	ck_assert_int_eq(shutdown_grace(6000, 3, 100), 100);
	ck_assert_int_eq(shutdown_grace(0, 3, 2000), 0);
	ck_assert_int_eq(shutdown_grace(-5, 3, 2000), 0);
	ck_assert_int_eq(shutdown_grace(6000, 0, 2000), 0);
}
END_TEST

static bool is_done;

static void done(struct supervisor *sv)
{
	(void)sv;
	is_done = true;
}

static void look(void *ctx)
{
	(void)ctx;
	rig_look(NULL);
	if (rig.shutdown)
		shutdown_look(rig.shutdown);
}

/* The servers run; the shutdown begins. */
static void begin(const char *ini)
{
	struct err e;
	rig_open(ini);
	loop_timer_free(rig.look_timer);
	rig.look_timer = loop_timer_new(rig.loop, look, NULL);
	rig_script("stubborn", "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n");
	rig_script("slow-to-end", "#!/bin/sh\n\"${0%/*}/mcp\"\nsleep 0.5\n");
	is_done = false;
	for (size_t i = 0; i < rig.n_servers; i++) {
		if (rig.conf->servers[i]->autostart == CONF_AUTOSTART_YES)
			server_start(rig.servers[i], "test");
	}
	rig_rounds(50);
	rig.shutdown = shutdown_new(&rig, done, &e);
	ck_assert_ptr_nonnull(rig.shutdown);
}

static int64_t until_done(void)
{
	int64_t from = clock_ms();
	for (int i = 0; i < RIG_PATIENCE && !is_done; i++)
		rig_rounds(1);
	ck_assert(is_done);
	shutdown_free(rig.shutdown);
	rig.shutdown = NULL;
	return clock_ms() - from;
}

START_TEST(what_ignores_everything_takes_one_grace_and_not_one_each)
{
	begin("[defaults]\ncommand = %s/stubborn\nstop_grace_period = 300ms\n"
	      "[server:a]\n[server:b]\n[server:c]\n");
	int64_t took = until_done();
	ck_assert_int_ge(took, 300);
	ck_assert_int_lt(took, 1000);
	for (size_t i = 0; i < rig.n_servers; i++)
		ck_assert_int_eq(server_state(rig.servers[i]), SRV_STOPPED);
	rig_close();
}
END_TEST

START_TEST(a_second_request_kills_what_had_a_grace)
{
	begin("[server:a]\ncommand = %s/stubborn\nstop_grace_period = 1h\n");
	rig_rounds(50);
	ck_assert_int_eq(server_state(rig.servers[0]), SRV_STOPPING);
	shutdown_hurry(rig.shutdown);
	ck_assert_int_lt(until_done(), 1000);
	rig_close();
}
END_TEST

START_TEST(a_second_request_while_nothing_runs_ends_at_once)
{
	begin("[server:a]\ncommand = %s/mcp\nautostart = lazy\n");
	shutdown_hurry(rig.shutdown);
	ck_assert_int_lt(until_done(), 1000);
	rig_close();
}
END_TEST

START_TEST(what_others_depend_on_goes_after_them)
{
	begin("[server:a]\ncommand = %s/mcp\n"
	      "[server:b]\ncommand = %s/slow-to-end\ndepends_on = a\n");
	rig_rounds(50);
	ck_assert_int_eq(server_state(rig_server("b")), SRV_STOPPING);
	ck_assert_int_eq(server_state(rig_server("a")), SRV_RUNNING);
	(void)until_done();
	ck_assert_int_eq(server_state(rig_server("a")), SRV_STOPPED);
	rig_close();
}
END_TEST

Suite *suite_supervisor_shutdown(void);
Suite *suite_supervisor_shutdown(void)
{
	Suite *s = suite_create("supervisor_shutdown");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, a_grace_is_the_smaller_of_its_share_and_its_key);
	tcase_add_test(c, what_ignores_everything_takes_one_grace_and_not_one_each);
	tcase_add_test(c, a_second_request_kills_what_had_a_grace);
	tcase_add_test(c, a_second_request_while_nothing_runs_ends_at_once);
	tcase_add_test(c, what_others_depend_on_goes_after_them);
	suite_add_tcase(s, c);
	return s;
}
