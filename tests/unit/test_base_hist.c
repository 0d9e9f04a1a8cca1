/* SPDX-License-Identifier: MIT */
#include "base/hist.h"

#include <check.h>

START_TEST(a_span_counts_under_the_first_bound_that_it_does_not_exceed)
{
	for (int i = 0; i < HIST_BOUNDS; i++) {
		struct hist h = { 0 };
		hist_add(&h, hist_bounds_ms[i]);
		ck_assert_uint_eq(h.n[i], 1);
		hist_add(&h, hist_bounds_ms[i] + 1);
		ck_assert_uint_eq(h.n[i + 1], 1);
		ck_assert_uint_eq(hist_count(&h), 2);
	}
}
END_TEST

START_TEST(a_clock_that_went_back_is_nothing)
{
	struct hist h = { 0 };
	hist_add(&h, -5);
	ck_assert_uint_eq(h.n[0], 1);
	ck_assert_uint_eq(h.sum_ms, 0);
	hist_add(&h, 250);
	ck_assert_uint_eq(h.sum_ms, 250);
}
END_TEST

Suite *suite_base_hist(void);
Suite *suite_base_hist(void)
{
	Suite *s = suite_create("base_hist");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_span_counts_under_the_first_bound_that_it_does_not_exceed);
	tcase_add_test(c, a_clock_that_went_back_is_nothing);
	suite_add_tcase(s, c);
	return s;
}
