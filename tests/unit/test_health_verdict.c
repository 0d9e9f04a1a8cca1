/* SPDX-License-Identifier: MIT */
#include "health/verdict.h"

#include <check.h>
#include <errno.h>

/* A ping asked at this second, not answered for ten more. */
static bool miss(struct verdict *v, int64_t asked_s)
{
	struct verdict_failure f = { .what = "ping",
				     .asked_ms = asked_s * 1000,
				     .now_ms = asked_s * 1000 + 10000 };
	return verdict_failure(v, &f);
}

START_TEST(so_many_failures_in_a_row_are_unhealthy_and_say_why)
{
	struct verdict v = { .retries = 3, .now = HEALTH_HEALTHY };
	ck_assert(!miss(&v, 100));
	ck_assert(!miss(&v, 115));
	ck_assert(miss(&v, 130));
	ck_assert_int_eq(v.now, HEALTH_UNHEALTHY);
	ck_assert_str_eq(v.why, "no answer to 3 pings in 40 s");
}
END_TEST

START_TEST(a_success_between_begins_the_count_anew)
{
	struct verdict v = { .retries = 2, .now = HEALTH_HEALTHY };
	ck_assert(!miss(&v, 10));
	ck_assert(!verdict_success(&v, true));
	ck_assert(!miss(&v, 20));
	ck_assert(miss(&v, 30));
	ck_assert_str_eq(v.why, "no answer to 2 pings in 20 s");
}
END_TEST

START_TEST(the_first_success_is_health_without_a_word)
{
	struct verdict v = { .retries = 3, .now = HEALTH_STARTING };
	ck_assert(verdict_success(&v, true));
	ck_assert_int_eq(v.now, HEALTH_HEALTHY);
	ck_assert_str_eq(v.why, "");
	ck_assert(!verdict_success(&v, true));
}
END_TEST

START_TEST(an_unhealthy_one_that_answers_is_healthy_again)
{
	struct verdict v = { .retries = 1, .now = HEALTH_HEALTHY };
	ck_assert(miss(&v, 5));
	ck_assert_str_eq(v.why, "no answer to 1 ping in 10 s");
	ck_assert(!miss(&v, 10)); /* said once */
	ck_assert(verdict_success(&v, true));
	ck_assert_int_eq(v.now, HEALTH_HEALTHY);
	ck_assert_str_eq(v.why, "answers again");
}
END_TEST

START_TEST(what_was_asked_in_the_start_period_does_not_count)
{
	struct verdict v = { .retries = 1, .now = HEALTH_STARTING, .start_period_end_ms = 20000 };
	ck_assert(!miss(&v, 10));
	ck_assert(!miss(&v, 19)); /* though it ends behind it */
	ck_assert_int_eq(v.now, HEALTH_STARTING);
	ck_assert(miss(&v, 20));
}
END_TEST

START_TEST(what_could_not_be_asked_says_so)
{
	struct verdict v = { .retries = 2, .now = HEALTH_HEALTHY };
	struct verdict_failure f = { .what = "ping", .asked_ms = 0, .now_ms = 0, .code = -ENOBUFS };
	ck_assert(!verdict_failure(&v, &f));
	f.asked_ms = f.now_ms = 90500;
	ck_assert(verdict_failure(&v, &f));
	ck_assert_str_eq(v.why, "2 pings could not be sent in 1m30s: No buffer space available");
}
END_TEST

START_TEST(silence_with_a_call_in_flight_is_unhealthy_whatever_the_count)
{
	struct verdict v = { .retries = 3, .now = HEALTH_HEALTHY };
	ck_assert(verdict_stuck(&v, 300000));
	ck_assert_int_eq(v.now, HEALTH_UNHEALTHY);
	ck_assert_str_eq(v.why, "not a byte in 5m00s with a call in flight");
	ck_assert(!verdict_stuck(&v, 330000));
}
END_TEST

START_TEST(a_probe_that_succeeds_ends_the_start_period)
{
	struct verdict v = { .retries = 1, .now = HEALTH_STARTING, .start_period_end_ms = 90000 };
	ck_assert(!miss(&v, 10));
	ck_assert(verdict_success(&v, true));
	ck_assert(miss(&v, 30));
	ck_assert_int_eq(v.now, HEALTH_UNHEALTHY);
}
END_TEST

START_TEST(bytes_do_not_end_the_start_period)
{
	struct verdict v = { .retries = 1, .now = HEALTH_STARTING, .start_period_end_ms = 90000 };
	ck_assert(verdict_success(&v, false));
	ck_assert(!miss(&v, 30));
	ck_assert_int_eq(v.now, HEALTH_HEALTHY);
	ck_assert(miss(&v, 90));
}
END_TEST

START_TEST(a_no_says_its_words)
{
	struct verdict v = { .retries = 1, .now = HEALTH_HEALTHY };
	struct verdict_failure f = { .what = "health command", .words = "exited with status 1" };
	ck_assert(verdict_failure(&v, &f));
	ck_assert_str_eq(v.why, "the health command failed: exited with status 1");
	struct verdict w = { .retries = 2, .now = HEALTH_HEALTHY };
	ck_assert(!verdict_failure(&w, &f));
	f.now_ms = 2500;
	ck_assert(verdict_failure(&w, &f));
	ck_assert_str_eq(w.why,
			 "2 health commands failed in 2.5 s, the last: exited with status 1");
}
END_TEST

START_TEST(calls_given_up_in_a_row_are_unhealthy_until_one_is_answered)
{
	struct verdict v = { .retries = 3, .now = HEALTH_HEALTHY };
	ck_assert(!verdict_calls(&v, 2));
	ck_assert(!verdict_success(&v, true));
	ck_assert(verdict_calls(&v, 3));
	ck_assert_int_eq(v.now, HEALTH_UNHEALTHY);
	ck_assert_str_eq(v.why, "no answer to 3 calls in a row in request_timeout");
	ck_assert(!verdict_calls(&v, 4));      /* said once */
	ck_assert(!verdict_success(&v, true)); /* a ping does not change it */
	ck_assert_int_eq(v.now, HEALTH_UNHEALTHY);
	ck_assert(!verdict_calls(&v, 0));
	ck_assert(verdict_success(&v, true));
	ck_assert_int_eq(v.now, HEALTH_HEALTHY);
}
END_TEST

Suite *suite_health_verdict(void);
Suite *suite_health_verdict(void)
{
	Suite *s = suite_create("health_verdict");
	TCase *c = tcase_create("all");
	tcase_add_test(c, so_many_failures_in_a_row_are_unhealthy_and_say_why);
	tcase_add_test(c, a_success_between_begins_the_count_anew);
	tcase_add_test(c, the_first_success_is_health_without_a_word);
	tcase_add_test(c, an_unhealthy_one_that_answers_is_healthy_again);
	tcase_add_test(c, what_was_asked_in_the_start_period_does_not_count);
	tcase_add_test(c, a_probe_that_succeeds_ends_the_start_period);
	tcase_add_test(c, bytes_do_not_end_the_start_period);
	tcase_add_test(c, a_no_says_its_words);
	tcase_add_test(c, calls_given_up_in_a_row_are_unhealthy_until_one_is_answered);
	tcase_add_test(c, what_could_not_be_asked_says_so);
	tcase_add_test(c, silence_with_a_call_in_flight_is_unhealthy_whatever_the_count);
	suite_add_tcase(s, c);
	return s;
}
