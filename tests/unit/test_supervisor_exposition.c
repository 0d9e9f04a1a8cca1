/* SPDX-License-Identifier: MIT */
#include "supervisor/exposition.h"

#include "base/buf.h"
#include "base/hist.h"

#include <check.h>
#include <string.h>

START_TEST(what_would_end_a_label_is_escaped)
{
	struct buf b = { 0 };
	const struct expo_label labels[] = { { "x", "a\"b\\c\nd" }, { "y", "é" }, { 0 } };
	ck_assert_int_eq(expo_sample(&b, "n", labels, 1.5), 0);
	ck_assert_str_eq(buf_str(&b), "n{x=\"a\\\"b\\\\c\\nd\",y=\"é\"} 1.5\n");
	buf_done(&b);
}
END_TEST

START_TEST(without_labels_there_are_no_braces)
{
	struct buf b = { 0 };
	const struct expo_label none[] = { { 0 } };
	ck_assert_int_eq(expo_sample(&b, "n", none, 123456789012345), 0);
	ck_assert_str_eq(buf_str(&b), "n 123456789012345\n");
	buf_done(&b);
}
END_TEST

START_TEST(each_bucket_holds_those_below_it)
{
	struct buf b = { 0 };
	struct hist h = { 0 };
	const struct expo_label labels[] = { { "x", "y" }, { 0 } };
	hist_add(&h, 0);
	hist_add(&h, 1);
	hist_add(&h, 2);
	hist_add(&h, 1000000);
	ck_assert_int_eq(expo_hist(&b, "n", labels, &h), 0);
	const char *text = buf_str(&b);
	ck_assert_ptr_nonnull(strstr(text, "n_bucket{x=\"y\",le=\"0.001\"} 2\n"
					   "n_bucket{x=\"y\",le=\"0.002\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "n_bucket{x=\"y\",le=\"60\"} 3\n"
					   "n_bucket{x=\"y\",le=\"+Inf\"} 4\n"
					   "n_sum{x=\"y\"} 1000.003\nn_count{x=\"y\"} 4\n"));
	buf_done(&b);
}
END_TEST

Suite *suite_supervisor_exposition(void);
Suite *suite_supervisor_exposition(void)
{
	Suite *s = suite_create("supervisor_exposition");
	TCase *c = tcase_create("all");
	tcase_add_test(c, what_would_end_a_label_is_escaped);
	tcase_add_test(c, without_labels_there_are_no_braces);
	tcase_add_test(c, each_bucket_holds_those_below_it);
	suite_add_tcase(s, c);
	return s;
}
