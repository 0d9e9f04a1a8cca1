/* SPDX-License-Identifier: MIT */
#include "stdio/trail.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void wrote(struct trail *t, const char *text)
{
	trail_wrote(t, text, strlen(text));
}

START_TEST(tells_whole_lines_from_the_rest_of_one)
{
	struct trail t = { 0 };
	wrote(&t, "abc\nde");
	wrote(&t, "f\n");
	wrote(&t, "gh\n");
	ck_assert(trail_rewind(&t, 3));	 /* "gh\n" came back */
	ck_assert(!trail_rewind(&t, 2)); /* "f\n" */
	ck_assert(trail_rewind(&t, 2));	 /* "de" */
	ck_assert(!trail_rewind(&t, 1));
	ck_assert(trail_rewind(&t, 3)); /* all */
	trail_done(&t);
}
END_TEST

START_TEST(what_came_back_may_be_written_anew_and_otherwise)
{
	struct trail t = { 0 };
	wrote(&t, "abc\ndef\n");
	ck_assert(trail_rewind(&t, 4));
	wrote(&t, "x\nyz\n");
	ck_assert(trail_rewind(&t, 3));
	ck_assert(!trail_rewind(&t, 1));
	trail_done(&t);
}
END_TEST

START_TEST(memory_follows_what_lies_unread_not_what_was_written)
{
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
	printf("stdio_trail: seed %u\n", seed);
	srand(seed);
	struct trail t = { 0 };
	size_t unread = 0;
	for (int i = 0; i < 200000; i++) {
		unread = unread < 500 ? unread + 2 : 0;
		if (trail_is_full(&t))
			trail_prune(&t, unread - (unread > 2 ? 2 : 0));
		wrote(&t, "x\n");
		ck_assert_uint_le(t.cap, 1024);
	}
	trail_prune(&t, 0);
	for (int i = 0; i < 10; i++)
		trail_prune(&t, 0);
	ck_assert_uint_le(t.cap, 64);
	trail_done(&t);
}
END_TEST

START_TEST(agrees_with_the_text_itself)
{
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid() << 8;
	printf("stdio_trail: seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 300; round++) {
		char text[4000];
		size_t len = 0;
		struct trail t = { 0 };
		while (len < sizeof(text) - 100) {
			size_t n = (size_t)rand() % 100;
			for (size_t i = 0; i < n; i++)
				text[len + i] = rand() % 9 == 0 ? '\n' : 'x';
			if (trail_is_full(&t))
				trail_prune(&t, len < 1000 ? len : 1000);
			trail_wrote(&t, text + len, n);
			len += n;
		}
		size_t back = (size_t)rand() % 1000;
		ck_assert_int_eq(trail_rewind(&t, back),
				 back == len || text[len - back - 1] == '\n');
		trail_done(&t);
	}
}
END_TEST

Suite *suite_stdio_trail(void);
Suite *suite_stdio_trail(void)
{
	Suite *s = suite_create("stdio_trail");
	TCase *c = tcase_create("all");
	tcase_add_test(c, tells_whole_lines_from_the_rest_of_one);
	tcase_add_test(c, what_came_back_may_be_written_anew_and_otherwise);
	tcase_add_test(c, memory_follows_what_lies_unread_not_what_was_written);
	tcase_add_test(c, agrees_with_the_text_itself);
	suite_add_tcase(s, c);
	return s;
}
