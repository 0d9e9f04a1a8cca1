/* SPDX-License-Identifier: MIT */
#include "supervisor/degraded.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

enum { MINUTE = 60000 };

static const char *say(const struct degraded *d, int64_t now_ms)
{
	static char text[320];
	(void)degraded_say(d, now_ms, text, sizeof(text));
	return text;
}

START_TEST(fewer_tools_than_before_are_degraded_until_they_are_back)
{
	struct degraded d = { 0 };
	degraded_counted(&d, 14);
	ck_assert_str_eq(say(&d, 0), "");
	degraded_counted(&d, 3);
	ck_assert_str_eq(say(&d, 0), "degraded: 3 tools, 14 before its restart");
	degraded_counted(&d, 3); /* another restart does not make it well */
	ck_assert_uint_eq(degraded_is(&d, 0), DEGRADED_TOOLS);
	degraded_counted(&d, -1); /* it offers none at all */
	ck_assert_str_eq(say(&d, 0), "degraded: 0 tools, 14 before its restart");
	degraded_counted(&d, 15);
	ck_assert_str_eq(say(&d, 0), "");
	degraded_counted(&d, 14);
	ck_assert_str_eq(say(&d, 0), "degraded: 14 tools, 15 before its restart");
}
END_TEST

START_TEST(a_persons_start_is_held_against_the_last_process_alone)
{
	struct degraded d = { 0 };
	degraded_counted(&d, 14);
	degraded_accept(&d);
	degraded_counted(&d, 1);
	ck_assert_str_eq(say(&d, 0), "degraded: 1 tool, 14 before its restart");
	degraded_accept(&d);
	degraded_counted(&d, 1);
	ck_assert_str_eq(say(&d, 0), "");
}
END_TEST

START_TEST(a_person_may_bring_another_version)
{
	struct degraded d = { 0 };
	degraded_counted(&d, 1);
	degraded_accept(&d);
	degraded_greeted(&d, "its version is 2, and was 1");
	ck_assert_str_eq(say(&d, 0), "");
	degraded_greeted(&d, "its version is 3, and was 2");
	ck_assert_str_eq(say(&d, 0), "degraded: its version is 3, and was 2");
}
END_TEST

START_TEST(a_new_configuration_forgets_all)
{
	struct degraded d = { 0 };
	degraded_counted(&d, 14);
	for (int i = 0; i < 5; i++)
		degraded_restarted(&d, 0);
	degraded_forget(&d);
	degraded_counted(&d, 2);
	ck_assert_uint_eq(degraded_is(&d, 0), 0);
}
END_TEST

START_TEST(three_restarts_in_ten_minutes_are_degraded_until_they_are_past)
{
	struct degraded d = { 0 };
	degraded_restarted(&d, 0);
	degraded_restarted(&d, 5 * MINUTE);
	ck_assert_uint_eq(degraded_is(&d, 5 * MINUTE), 0);
	degraded_restarted(&d, 9 * MINUTE);
	ck_assert_str_eq(say(&d, 9 * MINUTE), "degraded: restarted 3 times or more in 10 minutes");
	ck_assert_int_eq(degraded_until_ms(&d, 9 * MINUTE), 10 * MINUTE);
	ck_assert_uint_eq(degraded_is(&d, 10 * MINUTE), 0);
	degraded_restarted(&d, 12 * MINUTE); /* the first is too long ago to count */
	ck_assert_uint_eq(degraded_is(&d, 12 * MINUTE), DEGRADED_OFTEN);
	ck_assert_int_eq(degraded_until_ms(&d, 12 * MINUTE), 15 * MINUTE);
	ck_assert_uint_eq(degraded_is(&d, 15 * MINUTE), 0);
}
END_TEST

START_TEST(three_restarts_over_a_long_time_are_not)
{
	struct degraded d = { 0 };
	for (int i = 0; i < 20; i++) {
		degraded_restarted(&d, i * 5LL * MINUTE);
		ck_assert_uint_eq(degraded_is(&d, i * 5LL * MINUTE), 0);
	}
}
END_TEST

START_TEST(all_that_is_so_is_said)
{
	struct degraded d = { 0 };
	char cut[20];
	degraded_counted(&d, 2);
	degraded_counted(&d, 1);
	degraded_greeted(&d, "its version is 2, and was 1");
	degraded_greeted(&d, NULL); /* the next one is as new */
	for (int i = 0; i < 3; i++)
		degraded_restarted(&d, 0);
	ck_assert_str_eq(say(&d, 1),
			 "degraded: 1 tool, 2 before its restart; its version is 2, and was 1; "
			 "restarted 3 times or more in 10 minutes");
	ck_assert_uint_eq(degraded_say(&d, 1, cut, sizeof(cut)),
			  DEGRADED_TOOLS | DEGRADED_HANDSHAKE | DEGRADED_OFTEN);
	ck_assert_str_eq(cut, "degraded: 1 tool, 2");
}
END_TEST

Suite *suite_supervisor_degraded(void);
Suite *suite_supervisor_degraded(void)
{
	Suite *s = suite_create("supervisor_degraded");
	TCase *c = tcase_create("all");
	tcase_add_test(c, fewer_tools_than_before_are_degraded_until_they_are_back);
	tcase_add_test(c, a_persons_start_is_held_against_the_last_process_alone);
	tcase_add_test(c, a_person_may_bring_another_version);
	tcase_add_test(c, a_new_configuration_forgets_all);
	tcase_add_test(c, three_restarts_in_ten_minutes_are_degraded_until_they_are_past);
	tcase_add_test(c, three_restarts_over_a_long_time_are_not);
	tcase_add_test(c, all_that_is_so_is_said);
	suite_add_tcase(s, c);
	return s;
}
