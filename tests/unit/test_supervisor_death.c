/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "conf/conf.h"
#include "supervisor/death.h"
#include "supervisor/launch.h"

#include <check.h>
#include <stdlib.h>

static int only_zero[] = { 0, -1 };

static enum srv_event event_of(enum conf_autorestart policy, int exit_code, bool was_ready,
			       bool want_up)
{
	struct conf_server conf = { .autorestart = policy, .exitcodes = only_zero };
	struct launch_exit x = { .exit_code = exit_code };
	struct death d = { .conf = &conf, .x = &x, .want_up = want_up, .was_ready = was_ready };
	return death_event(&d);
}

START_TEST(autorestart_decides_once_it_was_ready)
{
	ck_assert_int_eq(event_of(CONF_AUTORESTART_YES, 0, true, true), EV_DIED);
	ck_assert_int_eq(event_of(CONF_AUTORESTART_NO, 1, true, true), EV_ENDED);
	ck_assert_int_eq(event_of(CONF_AUTORESTART_UNEXPECTED, 0, true, true), EV_ENDED);
	ck_assert_int_eq(event_of(CONF_AUTORESTART_UNEXPECTED, 3, true, true), EV_DIED);
}
END_TEST

START_TEST(before_it_was_ready_it_is_tried_again_whatever_autorestart_says)
{
	ck_assert_int_eq(event_of(CONF_AUTORESTART_NO, 1, false, true), EV_DIED);
}
END_TEST

START_TEST(what_nobody_wants_is_down)
{
	ck_assert_int_eq(event_of(CONF_AUTORESTART_YES, 1, true, false), EV_DOWN);
}
END_TEST

START_TEST(what_only_a_person_can_mend_is_given_up_at_once)
{
	struct conf_server conf = { .autorestart = CONF_AUTORESTART_YES, .exitcodes = only_zero };
	struct err e = { .text = "cannot pull x: access denied" };
	struct launch_exit x = { .exit_code = -1, .e = &e, .is_final = true };
	struct death d = { .conf = &conf, .x = &x, .want_up = true };
	ck_assert_int_eq(death_event(&d), EV_GAVE_UP);
	char text[128];
	death_sentence(&x, 0, text, sizeof(text));
	ck_assert_str_eq(text, "cannot pull x: access denied");
}
END_TEST

START_TEST(an_engine_that_went_away_is_nobodys_fault)
{
	struct conf_server conf = { .autorestart = CONF_AUTORESTART_NO, .exitcodes = only_zero };
	struct launch_exit x = { .exit_code = -1, .is_engine_gone = true };
	struct death d = { .conf = &conf, .x = &x, .want_up = true, .was_ready = true };
	ck_assert_int_eq(death_event(&d), EV_DIED);
}
END_TEST

START_TEST(the_sentence_says_how_it_ended_and_after_how_long)
{
	static const struct {
		struct launch_exit x;
		int64_t ran_ms;
		const char *text, *reason;
	} cases[] = {
		{ { .exit_code = 3 }, 4250, "exited with status 3 after 4.2 s", "exited" },
		{ { .exit_code = 137 },
		  72000,
		  "exited with status 137 (signal 9) after 1m12s",
		  "killed" },
		{ { .exit_code = -1, .signal = 9 },
		  850,
		  "killed by signal 9 after 850 ms",
		  "killed" },
		{ { .exit_code = 137, .is_oom = true },
		  11100000,
		  "killed for lack of memory after 3h05m; raise mem_limit",
		  "out of memory" },
		{ { .exit_code = -1 },
		  1000,
		  "ended after 1.0 s, its status is not known",
		  "exited" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[128];
		death_sentence(&cases[i].x, cases[i].ran_ms, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].text);
		ck_assert_str_eq(death_reason(&cases[i].x), cases[i].reason);
	}
}
END_TEST

START_TEST(a_command_that_the_containers_init_could_not_execute_is_told_from_a_127_of_its_own)
{
	struct launch_exit x = { .exit_code = 127 };
	char what[64];
	const char *said = "hello\n[FATAL tini (6)] exec /nope failed: No such file or directory\n";
	ck_assert(death_is_exec_failure(&x, said, what, sizeof(what)));
	ck_assert_str_eq(what, "exec /nope failed: No such file or directory");
	ck_assert(!death_is_exec_failure(&x, "sh: 1: nope: not found\n", what, sizeof(what)));
	x.exit_code = 1;
	ck_assert(!death_is_exec_failure(&x, said, what, sizeof(what)));
	said = "ERROR (catatonit:2): failed to exec pid1: No such file or directory\n"; /* podman's */
	ck_assert(death_is_exec_failure(&x, said, what, sizeof(what)));
	ck_assert_str_eq(what, "failed to exec pid1: No such file or directory");
}
END_TEST

Suite *suite_supervisor_death(void);
Suite *suite_supervisor_death(void)
{
	Suite *s = suite_create("supervisor_death");
	TCase *c = tcase_create("all");
	tcase_add_test(c, autorestart_decides_once_it_was_ready);
	tcase_add_test(c, before_it_was_ready_it_is_tried_again_whatever_autorestart_says);
	tcase_add_test(c, what_nobody_wants_is_down);
	tcase_add_test(c, what_only_a_person_can_mend_is_given_up_at_once);
	tcase_add_test(c, an_engine_that_went_away_is_nobodys_fault);
	tcase_add_test(c, the_sentence_says_how_it_ended_and_after_how_long);
	tcase_add_test(
		c,
		a_command_that_the_containers_init_could_not_execute_is_told_from_a_127_of_its_own);
	suite_add_tcase(s, c);
	return s;
}
