/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "supervisor/command.h"
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

/* The servers run. */
static void run(const char *ini)
{
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
}

static void begin_shutdown(void)
{
	struct err e;
	rig.shutdown = shutdown_new(&rig, done, &e);
	ck_assert_ptr_nonnull(rig.shutdown);
}

static void begin(const char *ini)
{
	run(ini);
	begin_shutdown();
}

static void command_over(void *ctx, int exit_status)
{
	(void)ctx;
	rig.exit_status = exit_status;
	command_free(rig.command);
	rig.command = NULL;
	if (rig.shutdown)
		shutdown_look(rig.shutdown);
}

static void start_command(const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct command_params p = { .reap = rig.reap,
				    .argv = (char *const *)argv,
				    .envp = rig_environ,
				    .on_exit = command_over };
	struct err e;
	int status;
	rig.command = command_start(&p, &status, &e);
	ck_assert_ptr_nonnull(rig.command);
	rig_rounds(50);
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

START_TEST(a_command_that_ignores_term_is_killed_after_its_grace_and_before_the_servers_go)
{
	run("[server:a]\ncommand = %s/stubborn\nstop_grace_period = 300ms\n");
	((struct conf *)rig.conf)->command_grace_ms = 200;
	start_command("trap '' TERM; while :; do sleep 0.01; done");
	begin_shutdown();
	int64_t from = clock_ms();
	for (int i = 0; i < RIG_PATIENCE && rig.command; i++) {
		ck_assert_int_ne(server_state(rig.servers[0]), SRV_STOPPED);
		rig_rounds(1);
	}
	ck_assert_int_ge(clock_ms() - from, 200);
	ck_assert_int_eq(rig.exit_status, 128 + SIGKILL);
	ck_assert_int_eq(server_state(rig.servers[0]), SRV_STOPPING);
	(void)until_done();
	rig_close();
}
END_TEST

/* COMMAND has ended, and what it started runs on. */
static void leave_an_orphan(void)
{
	ck_assert_int_eq(reap_become_subreaper(NULL), 0);
	start_command("(trap '' TERM; while :; do sleep 0.01; done) & exit 0");
	ck_assert_ptr_null(rig.command);
}

START_TEST(an_orphan_that_ignores_term_has_its_grace)
{
	run("[server:a]\ncommand = %s/mcp\nautostart = lazy\n");
	leave_an_orphan();
	begin_shutdown();
	int64_t took = until_done();
	ck_assert_int_ge(took, 900);
	ck_assert_int_lt(took, 3000);
	rig_close();
}
END_TEST

START_TEST(a_second_request_ends_an_orphans_grace)
{
	run("[server:a]\ncommand = %s/mcp\nautostart = lazy\n");
	leave_an_orphan();
	begin_shutdown();
	rig_rounds(50);
	shutdown_hurry(rig.shutdown);
	ck_assert_int_lt(until_done(), 500);
	rig_close();
}
END_TEST

START_TEST(a_budget_that_is_nearly_spent_keeps_time_for_the_kill)
{
	run("[server:a]\ncommand = %s/mcp\nautostart = lazy\n");
	((struct conf *)rig.conf)->shutdown_timeout_ms = 1000;
	leave_an_orphan();
	begin_shutdown();
	ck_assert_int_lt(until_done(), 900);
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
	tcase_add_test(
		c, a_command_that_ignores_term_is_killed_after_its_grace_and_before_the_servers_go);
	tcase_add_test(c, an_orphan_that_ignores_term_has_its_grace);
	tcase_add_test(c, a_second_request_ends_an_orphans_grace);
	tcase_add_test(c, a_budget_that_is_nearly_spent_keeps_time_for_the_kill);
	suite_add_tcase(s, c);
	return s;
}
