/* SPDX-License-Identifier: MIT */
#include "stdio/fair.h"

#include <check.h>

START_TEST(turns_go_round_and_bytes_are_shared)
{
	struct fair f = { 0 };
	struct fair_slot s[3] = { 0 };
	size_t bytes[3] = { 0 };
	static const size_t size[3] = { 100, 3000, 200000 };
	for (int i = 0; i < 3; i++)
		fair_join(&f, &s[i]);
	for (int i = 0; i < 100000; i++) {
		struct fair_slot *next = fair_next(&f);
		size_t k = (size_t)(next - s);
		bytes[k] += size[k];
		fair_sent(next, size[k]);
	}
	ck_assert_uint_gt(bytes[0], 1000000);
	for (int i = 1; i < 3; i++) {
		ck_assert_uint_lt(bytes[i], bytes[0] + 300000);
		ck_assert_uint_gt(bytes[i] + 300000, bytes[0]);
	}
}
END_TEST

/* A long line at a time: never more than one waits, and each joins anew. */
START_TEST(who_leaves_and_comes_back_still_owes_what_it_sent)
{
	struct fair f = { 0 };
	struct fair_slot steady = { 0 }, bursts = { 0 };
	size_t a = 0, b = 0;
	fair_join(&f, &steady);
	for (int i = 0; i < 20000; i++) {
		fair_join(&f, &bursts);
		if (fair_next(&f) == &bursts) {
			fair_sent(&bursts, 1 << 20);
			fair_leave(&f, &bursts);
			b += 1 << 20;
		} else {
			fair_sent(&steady, 3000);
			a += 3000;
		}
	}
	ck_assert_uint_gt(b, 10 << 20);
	ck_assert_uint_lt(b, a + (2 << 20));
	fair_leave(&f, &steady);
	fair_leave(&f, &bursts);
	fair_join(&f, &bursts); /* nobody waited: what was is forgotten */
	fair_join(&f, &steady);
	ck_assert_ptr_eq(fair_next(&f), &bursts);
}
END_TEST

START_TEST(alone_nobody_waits)
{
	struct fair f = { 0 };
	struct fair_slot a = { 0 }, b = { 0 };
	ck_assert_ptr_null(fair_next(&f));
	fair_join(&f, &a);
	for (int i = 0; i < 10; i++) {
		ck_assert_ptr_eq(fair_next(&f), &a);
		fair_sent(&a, 64 << 20);
	}
	fair_join(&f, &b);
	ck_assert_ptr_eq(fair_next(&f), &b); /* a has had its share */
}
END_TEST

START_TEST(who_leaves_has_no_turn)
{
	struct fair f = { 0 };
	struct fair_slot s[3] = { 0 };
	for (int i = 0; i < 3; i++)
		fair_join(&f, &s[i]);
	fair_join(&f, &s[0]); /* is in already */
	ck_assert_ptr_eq(fair_next(&f), &s[0]);
	fair_leave(&f, &s[0]);
	ck_assert_ptr_eq(fair_next(&f), &s[1]);
	fair_leave(&f, &s[2]);
	fair_leave(&f, &s[2]);
	fair_sent(&s[1], 1 << 20);
	ck_assert_ptr_eq(fair_next(&f), &s[1]);
	fair_leave(&f, &s[1]);
	ck_assert_ptr_null(fair_next(&f));
}
END_TEST

Suite *suite_stdio_fair(void);
Suite *suite_stdio_fair(void)
{
	Suite *s = suite_create("stdio_fair");
	TCase *t = tcase_create("all");
	tcase_add_test(t, turns_go_round_and_bytes_are_shared);
	tcase_add_test(t, who_leaves_and_comes_back_still_owes_what_it_sent);
	tcase_add_test(t, alone_nobody_waits);
	tcase_add_test(t, who_leaves_has_no_turn);
	suite_add_tcase(s, t);
	return s;
}
