/* SPDX-License-Identifier: MIT */
#include "tests/unit/health_rig.h"

START_TEST(with_a_call_in_flight_silence_is_borne_for_busy_timeout)
{
	struct server s = { .is_mute = true, .busy_ms = 1000000 };
	set_up(&s, NULL);
	pass(&s, 299);
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 1);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "not a byte in 5m00s with a call in flight");
	tear_down(&s);
}
END_TEST

START_TEST(an_old_silence_is_no_fault_of_a_call_that_has_just_come)
{
	struct server s = { 0 };
	struct health_params p = { .interval_ms = 600000 };
	set_up(&s, &p);
	s.is_mute = true;
	pass(&s, 599);
	s.busy_ms = now_ms; /* busy_timeout after the last byte, but just now */
	pass(&s, 299);
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 2);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(a_tool_that_takes_long_is_asked_before_it_is_judged)
{
	struct server s = { 0 };
	struct health_params p = { .interval_ms = 600000, .busy_timeout_ms = 5000 };
	set_up(&s, &p);
	pass(&s, 599);
	s.busy_ms = now_ms;
	pass(&s, 60); /* it answers the ping, and so it may take as long as it likes */
	ck_assert_str_eq(s.verdicts, "");
	ck_assert_uint_ge(s.n, 2);
	s.is_mute = true;
	pass(&s, 5 + 10 + 5);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(when_the_call_is_over_silence_counts_from_then)
{
	struct server s = { .is_mute = true, .busy_ms = 1000000 };
	set_up(&s, NULL);
	pass(&s, 200);
	s.busy_ms = 0;
	pass(&s, 75); /* those asked at 210 and 240 s have failed */
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 30);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(a_busy_server_that_says_something_is_not_hung)
{
	struct server s = { .is_mute = true, .busy_ms = 1000000 };
	set_up(&s, NULL);
	for (int i = 0; i < 20; i++) {
		pass(&s, 290);
		s.heard_ms = now_ms; /* progress */
	}
	ck_assert_str_eq(s.verdicts, "");
	tear_down(&s);
}
END_TEST

START_TEST(a_server_that_answers_pings_but_no_calls_is_unhealthy)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	s.given_up = 2;
	pass(&s, 60);
	ck_assert_str_eq(s.verdicts, "");
	s.given_up = 3;
	pass(&s, 31);
	ck_assert_str_eq(s.verdicts, "u");
	pass(&s, 300); /* its pings do not make it well */
	ck_assert_str_eq(s.verdicts, "u");
	s.given_up = 0;
	pass(&s, 31);
	ck_assert_str_eq(s.verdicts, "uh");
	tear_down(&s);
}
END_TEST

START_TEST(a_check_runs_every_interval_whatever_the_server_says)
{
	struct server s = { 0 };
	struct health_params p = { .kind = HEALTH_BY_CHECK, .interval_ms = 10000 };
	set_up(&s, &p);
	ck_assert_int_eq(health_now(s.health), HEALTH_STARTING);
	for (int i = 0; i < 11; i++) {
		s.heard_ms = now_ms;
		pass(&s, 5);
	}
	ck_assert_str_eq(s.asked, "ccccc");
	ck_assert_str_eq(s.verdicts, "h");
	ck_assert_int_eq(health_last_probe_ms(s.health), STEP_MS);
	tear_down(&s);
}
END_TEST

START_TEST(a_no_counts_also_while_a_call_is_in_flight)
{
	struct server s = { .says = HEALTH_UNHEALTHY, .busy_ms = 1000000 };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	pass(&s, 61);
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 30);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "3 health commands failed in 1m00s, the last: no");
	tear_down(&s);
}
END_TEST

START_TEST(a_check_that_does_not_end_fails_after_timeout)
{
	struct server s = { .is_mute = true };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	s.heard_ms = now_ms;
	pass(&s, 99);
	ck_assert_uint_eq(s.n_dropped, 2);
	pass(&s, 2);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "no answer to 3 health commands in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(a_check_that_is_passed_is_as_good_as_a_byte)
{
	struct server s = { .busy_ms = 1000000 };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	pass(&s, 900); /* three times busy_timeout without a byte */
	ck_assert_str_eq(s.verdicts, "h");
	tear_down(&s);
}
END_TEST

START_TEST(silence_that_is_not_its_own_does_not_count)
{
	struct server s = { .is_mute = true, .is_carrier_slow = true };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	pass(&s, 600);
	ck_assert_str_eq(s.verdicts, "");
	s.ask_result = HEALTH_NOT_ASKED;
	pass(&s, 600);
	ck_assert_str_eq(s.verdicts, "");
	s.is_carrier_slow = false;
	s.ask_result = 0;
	pass(&s, 120);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(the_engines_word_counts_at_once_and_its_silence_never)
{
	struct server s = { 0 };
	struct health_params p = { .kind = HEALTH_BY_ENGINE, .retries = 1 };
	set_up(&s, &p);
	pass(&s, 1);
	ck_assert_str_eq(s.asked, "c"); /* it may have been healthy for long */
	s.is_mute = true;
	pass(&s, 300);
	s.is_mute = false;
	ck_assert_str_eq(s.verdicts, "h"); /* what it said first */
	s.says = HEALTH_UNHEALTHY;
	health_look(s.health); /* an event */
	pass(&s, 1);
	ck_assert_str_eq(s.verdicts, "hu");
	ck_assert_str_eq(s.why, "the health command failed: no");
	tear_down(&s);
}
END_TEST

Suite *suite_health_busy(void);
Suite *suite_health_busy(void)
{
	Suite *s = suite_create("health_busy");
	TCase *c = tcase_create("all");
	tcase_add_test(c, with_a_call_in_flight_silence_is_borne_for_busy_timeout);
	tcase_add_test(c, an_old_silence_is_no_fault_of_a_call_that_has_just_come);
	tcase_add_test(c, a_tool_that_takes_long_is_asked_before_it_is_judged);
	tcase_add_test(c, when_the_call_is_over_silence_counts_from_then);
	tcase_add_test(c, a_busy_server_that_says_something_is_not_hung);
	tcase_add_test(c, a_server_that_answers_pings_but_no_calls_is_unhealthy);
	tcase_add_test(c, a_check_runs_every_interval_whatever_the_server_says);
	tcase_add_test(c, a_no_counts_also_while_a_call_is_in_flight);
	tcase_add_test(c, a_check_that_does_not_end_fails_after_timeout);
	tcase_add_test(c, a_check_that_is_passed_is_as_good_as_a_byte);
	tcase_add_test(c, silence_that_is_not_its_own_does_not_count);
	tcase_add_test(c, the_engines_word_counts_at_once_and_its_silence_never);
	suite_add_tcase(s, c);
	return s;
}
