/* SPDX-License-Identifier: MIT */
#include "conf/report.h"
#include "tests/unit/conf_text.h"

START_TEST(lines_of_a_file_stand_together_by_number_and_once)
{
	struct report r = { 0 };
	const int at[] = { 9, 2, 10, 2, 9 };
	for (int i = 0; i < 5; i++)
		report_error(&r, &(struct place){ .file = "a", .line = at[i] }, "x");
	report_error(&r, &(struct place){ .file = "b", .line = 1, .section = "s" }, "x");
	report_error(&r, &(struct place){ .file = "a", .line = 1, .section = "s", .key = "k" },
		     "x");
	report_error(&r, &(struct place){ .file = "a", .line = 9 }, "y");
	ck_assert_list(r.errors.v, "a:1: s: k: x|a:2: x|a:9: x|a:9: y|a:10: x|b:1: s: x");
	report_done(&r);
}
END_TEST

START_TEST(a_sentence_is_one_line_without_secrets)
{
	struct report r = { 0 };
	struct place at = { .file = "a", .line = 1 };
	report_secret(&r, "12345678");
	report_secret(&r, "123456789");
	report_secret(&r, "short");
	report_error(&r, &at, "<%s>\n%s, short", "123456789", "12345678");
	ck_assert_list(r.errors.v, "a:1: <***> ***, short");
	report_done(&r);
}
END_TEST

START_TEST(what_is_missing_is_a_warning_unless_strict)
{
	struct report r = { 0 };
	struct place at = { .file = "a", .line = 1 };
	report_missing(&r, &at, "x");
	ck_assert_uint_eq(r.warnings.n, 1);
	r.is_strict = true;
	report_missing(&r, &at, "x");
	ck_assert_uint_eq(r.errors.n, 1);
	report_done(&r);
}
END_TEST

Suite *suite_conf_report(void);
Suite *suite_conf_report(void)
{
	Suite *s = suite_create("conf_report");
	TCase *c = tcase_create("all");
	tcase_add_test(c, lines_of_a_file_stand_together_by_number_and_once);
	tcase_add_test(c, a_sentence_is_one_line_without_secrets);
	tcase_add_test(c, what_is_missing_is_a_warning_unless_strict);
	suite_add_tcase(s, c);
	return s;
}
