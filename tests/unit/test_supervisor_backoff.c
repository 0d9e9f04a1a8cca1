/* SPDX-License-Identifier: MIT */
#include "supervisor/backoff.h"

#include <check.h>
#include <stddef.h>

enum { LOW = 0, MIDDLE = 200, HIGH = 400 }; /* what gives -20 %, 0, +20 % */

static struct backoff make(void)
{
	return (struct backoff){ .base_ms = 1000, .max_ms = 60000, .startsecs_ms = 1000 };
}

START_TEST(delay_doubles_from_base_up_to_max)
{
	struct backoff b = make();
	static const int64_t want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000 };
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		ck_assert_int_eq(backoff_next(&b, MIDDLE), want[i]);
}
END_TEST

START_TEST(jitter_stays_within_a_fifth_and_below_max)
{
	for (unsigned random = 0; random < 3000; random++) {
		struct backoff b = make();
		int64_t first = backoff_next(&b, random);
		ck_assert_int_ge(first, 800);
		ck_assert_int_le(first, 1200);
		b.delay_ms = b.max_ms;
		int64_t last = backoff_next(&b, random);
		ck_assert_int_ge(last, 48000);
		ck_assert_int_le(last, 60000);
	}
	struct backoff b = make();
	ck_assert_int_eq(backoff_next(&b, LOW), 800);
	ck_assert_int_eq(backoff_next(&b, HIGH), 2400);
}
END_TEST

START_TEST(a_server_that_ran_for_startsecs_is_launched_at_once)
{
	struct backoff b = make();
	ck_assert_int_eq(backoff_after_exit(&b, 1000, MIDDLE), 0);
	ck_assert_int_eq(b.attempt, 1);
}
END_TEST

START_TEST(one_that_dies_early_waits_longer_each_time)
{
	struct backoff b = make();
	ck_assert_int_eq(backoff_after_exit(&b, 999, MIDDLE), 1000);
	ck_assert_int_eq(backoff_after_exit(&b, 0, MIDDLE), 2000);
	ck_assert_int_eq(b.attempt, 2);
}
END_TEST

START_TEST(a_short_run_keeps_the_delay_and_ten_times_startsecs_forget_it)
{
	struct backoff b = make();
	for (int i = 0; i < 3; i++)
		(void)backoff_next(&b, MIDDLE);
	ck_assert_int_eq(backoff_after_exit(&b, 9999, MIDDLE), 0);
	ck_assert_int_eq(backoff_after_exit(&b, 0, MIDDLE), 8000);
	ck_assert_int_eq(backoff_after_exit(&b, 10000, MIDDLE), 0);
	ck_assert_int_eq(backoff_after_exit(&b, 0, MIDDLE), 1000);
}
END_TEST

START_TEST(retries_are_spent_after_so_many_relaunches)
{
	struct backoff b = make();
	b.retries = 3;
	for (int i = 0; i < 3; i++) {
		(void)backoff_after_exit(&b, 0, MIDDLE);
		ck_assert(!backoff_is_spent(&b));
	}
	(void)backoff_after_exit(&b, 0, MIDDLE);
	ck_assert(backoff_is_spent(&b));
	backoff_reset(&b);
	ck_assert(!backoff_is_spent(&b));
	ck_assert_int_eq(backoff_after_exit(&b, 0, MIDDLE), 1000);
}
END_TEST

START_TEST(a_run_of_startsecs_counts_retries_anew)
{
	struct backoff b = make();
	b.retries = 1;
	(void)backoff_after_exit(&b, 0, MIDDLE);
	(void)backoff_after_exit(&b, 2000, MIDDLE);
	ck_assert(!backoff_is_spent(&b));
	ck_assert_int_eq(b.attempt, 1);
}
END_TEST

START_TEST(no_limit_is_never_spent)
{
	struct backoff b = make();
	for (int i = 0; i < 10000; i++)
		(void)backoff_next(&b, MIDDLE);
	ck_assert(!backoff_is_spent(&b));
}
END_TEST

START_TEST(without_startsecs_an_instant_death_still_waits)
{
	struct backoff b = make();
	b.startsecs_ms = 0;
	ck_assert_int_eq(backoff_after_exit(&b, 5, MIDDLE), 1000);
	ck_assert_int_eq(backoff_after_exit(&b, 1000, MIDDLE), 0);
}
END_TEST

START_TEST(a_max_below_the_base_waits_the_base)
{
	struct backoff b = { .base_ms = 5000, .max_ms = 1000, .startsecs_ms = 1000 };
	ck_assert_int_eq(backoff_next(&b, MIDDLE), 5000);
	ck_assert_int_eq(backoff_next(&b, MIDDLE), 5000);
}
END_TEST

Suite *suite_supervisor_backoff(void);
Suite *suite_supervisor_backoff(void)
{
	Suite *s = suite_create("supervisor_backoff");
	TCase *c = tcase_create("all");
	tcase_add_test(c, delay_doubles_from_base_up_to_max);
	tcase_add_test(c, jitter_stays_within_a_fifth_and_below_max);
	tcase_add_test(c, a_server_that_ran_for_startsecs_is_launched_at_once);
	tcase_add_test(c, one_that_dies_early_waits_longer_each_time);
	tcase_add_test(c, a_short_run_keeps_the_delay_and_ten_times_startsecs_forget_it);
	tcase_add_test(c, retries_are_spent_after_so_many_relaunches);
	tcase_add_test(c, a_run_of_startsecs_counts_retries_anew);
	tcase_add_test(c, no_limit_is_never_spent);
	tcase_add_test(c, without_startsecs_an_instant_death_still_waits);
	tcase_add_test(c, a_max_below_the_base_waits_the_base);
	suite_add_tcase(s, c);
	return s;
}
