/* SPDX-License-Identifier: MIT */
#include "tests/unit/health_rig.h"

START_TEST(a_silent_server_is_pinged_every_interval)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	pass(&s, 29);
	ck_assert_uint_eq(s.n, 0);
	pass(&s, 100);
	ck_assert_str_eq(s.asked, "ptppp"); /* until it is known what a ping is worth */
	ck_assert_int_eq(asked_s(&s, 0), 30);
	ck_assert_int_eq(asked_s(&s, 2), 60);
	ck_assert_int_eq(asked_s(&s, 4), 120);
	ck_assert_str_eq(s.verdicts, "");
	ck_assert_int_eq(health_now(s.health), HEALTH_HEALTHY);
	tear_down(&s);
}
END_TEST

START_TEST(a_server_that_speaks_is_not_asked)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	for (int i = 0; i < 20; i++) {
		pass(&s, 20);
		s.heard_ms = now_ms;
	}
	ck_assert_uint_eq(s.n, 0);
	ck_assert_int_eq(health_now(s.health), HEALTH_HEALTHY);
	pass(&s, 31);
	ck_assert_uint_eq(s.n, 2); /* one interval after the last byte */
	tear_down(&s);
}
END_TEST

START_TEST(a_hung_server_is_found_within_retries_times_interval_plus_timeout)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	pass(&s, 45); /* one ping answered at 30.1 s */
	s.heard_ms = now_ms;
	s.is_mute = true; /* the worst case: right after it was heard */
	int64_t hung_ms = now_ms;
	pass(&s, 120);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_int_le(s.verdict_ms - hung_ms, 3 * 30000 + 10000);
	ck_assert_str_eq(s.why, "no answer to 3 pings in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(probes_start_every_interval_while_others_wait)
{
	struct server s = { .is_mute = true };
	struct health_params p = { .interval_ms = 10000, .timeout_ms = 35000, .retries = 3 };
	set_up(&s, &p);
	pass(&s, 64);
	ck_assert_str_eq(s.asked, "ptptptptptpt");
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 1); /* the third failed: 3 × 10 + 35 */
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_int_eq(s.verdict_ms, 1065000);
	tear_down(&s);
}
END_TEST

START_TEST(an_answer_after_its_timeout_is_life)
{
	struct server s = { .is_mute = true };
	set_up(&s, NULL);
	pass(&s, 75); /* two failures at 40 and 70 s */
	answer(&s, 1);
	pass(&s, 60); /* two more, but not three in a row */
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 41);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(an_unhealthy_server_that_answers_is_healthy_again)
{
	struct server s = { .is_mute = true };
	set_up(&s, NULL);
	pass(&s, 200);
	ck_assert_str_eq(s.verdicts, "u");
	s.is_mute = false;
	pass(&s, 40);
	ck_assert_str_eq(s.verdicts, "uh");
	ck_assert_int_eq(health_now(s.health), HEALTH_HEALTHY);
	tear_down(&s);
}
END_TEST

START_TEST(ping_unknown_is_life_and_tools_are_asked_for_from_then_on)
{
	struct server s = { .error_code = -32601 };
	set_up(&s, NULL);
	pass(&s, 155);
	ck_assert_str_eq(s.asked, "pttttt");
	ck_assert_str_eq(s.verdicts, "");
	tear_down(&s);
}
END_TEST

START_TEST(ping_ignored_by_a_server_that_answers_otherwise_is_latched)
{
	struct server s = { .ignores_ping = true };
	struct health_params p = { .retries = 1 }; /* nobody else asks it anything */
	set_up(&s, &p);
	pass(&s, 60 * 20);
	ck_assert_str_eq(s.verdicts, "");
	tear_down(&s);
}
END_TEST

START_TEST(a_deaf_server_is_asked_for_its_tools_from_then_on)
{
	struct server s = { .ignores_ping = true };
	set_up(&s, NULL);
	pass(&s, 155);
	ck_assert_str_eq(s.asked, "pttttt");
	s.is_mute = true;
	pass(&s, 120);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "no answer to 3 tools/list requests in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(a_modern_server_is_asked_to_be_discovered)
{
	struct server s = { 0 };
	struct health_params p = { .is_modern = true };
	set_up(&s, &p);
	pass(&s, 61);
	ck_assert_str_eq(s.asked, "ss");
	s.is_mute = true;
	pass(&s, 120);
	ck_assert_str_eq(s.why, "no answer to 3 server/discover requests in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(failures_in_the_start_period_do_not_count)
{
	struct server s = { .is_mute = true };
	struct health_params p = { .start_period_ms = 100000 };
	set_up(&s, &p);
	pass(&s, 189); /* asked at 120, 150, 180 s: the third has not failed */
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 2);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(one_never_heard_is_starting_until_it_answers)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	health_free(s.health);
	s.heard_ms = 0;
	struct health_params p = { .loop = s.loop,
				   .interval_ms = 30000,
				   .timeout_ms = 10000,
				   .retries = 3,
				   .ask = ask,
				   .on_verdict = on_verdict,
				   .ctx = &s }; /* nor can it be heard but by its answers */
	s.health = health_new(&p, NULL);
	ck_assert_int_eq(health_now(s.health), HEALTH_STARTING);
	pass(&s, 31);
	ck_assert_str_eq(s.verdicts, "h");
	ck_assert_str_eq(s.why, "");
	tear_down(&s);
}
END_TEST

START_TEST(what_cannot_be_asked_fails_at_once)
{
	struct server s = { .ask_result = -ENOBUFS };
	set_up(&s, NULL);
	pass(&s, 91);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_int_eq(s.verdict_ms, 1090000);
	tear_down(&s);
}
END_TEST

START_TEST(a_success_ends_the_start_period)
{
	struct server s = { 0 };
	struct health_params p = { .start_period_ms = 1000000 };
	set_up(&s, &p);
	pass(&s, 31); /* one ping answered */
	s.is_mute = true;
	pass(&s, 110);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(the_verdict_may_free_it)
{
	struct server s = { .is_mute = true, .frees_on_verdict = true };
	set_up(&s, NULL);
	pass(&s, 200);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_uint_eq(s.n, 6);
	struct server back = { .is_mute = true };
	set_up(&back, NULL);
	pass(&back, 100);
	back.is_mute = false;
	back.frees_on_verdict = true;
	pass(&back, 50); /* by the answer */
	ck_assert_str_eq(back.verdicts, "uh");
	struct server check = { .says = HEALTH_UNHEALTHY, .frees_on_verdict = true };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&check, &p);
	pass(&check, 200);
	ck_assert_str_eq(check.verdicts, "u");
	struct server stuck = { .is_mute = true, .busy_ms = 1000000, .frees_on_verdict = true };
	set_up(&stuck, NULL);
	pass(&stuck, 400);
	ck_assert_str_eq(stuck.verdicts, "u");
	tear_down(&s);
	loop_free(back.loop);
	loop_free(check.loop);
	loop_free(stuck.loop);
}
END_TEST

START_TEST(an_idle_server_costs_one_question_per_interval_and_no_other_timer)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	pass(&s, 305);
	ck_assert_uint_eq(s.n, 11); /* tools/list along with the first ping */
	tear_down(&s);
}
END_TEST

Suite *suite_health_health(void);
Suite *suite_health_health(void)
{
	Suite *s = suite_create("health_health");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_silent_server_is_pinged_every_interval);
	tcase_add_test(c, a_server_that_speaks_is_not_asked);
	tcase_add_test(c, a_hung_server_is_found_within_retries_times_interval_plus_timeout);
	tcase_add_test(c, probes_start_every_interval_while_others_wait);
	tcase_add_test(c, an_answer_after_its_timeout_is_life);
	tcase_add_test(c, an_unhealthy_server_that_answers_is_healthy_again);
	tcase_add_test(c, ping_unknown_is_life_and_tools_are_asked_for_from_then_on);
	tcase_add_test(c, ping_ignored_by_a_server_that_answers_otherwise_is_latched);
	tcase_add_test(c, a_deaf_server_is_asked_for_its_tools_from_then_on);
	tcase_add_test(c, a_modern_server_is_asked_to_be_discovered);
	tcase_add_test(c, failures_in_the_start_period_do_not_count);
	tcase_add_test(c, one_never_heard_is_starting_until_it_answers);
	tcase_add_test(c, what_cannot_be_asked_fails_at_once);
	tcase_add_test(c, a_success_ends_the_start_period);
	tcase_add_test(c, the_verdict_may_free_it);
	tcase_add_test(c, an_idle_server_costs_one_question_per_interval_and_no_other_timer);
	suite_add_tcase(s, c);
	return s;
}
