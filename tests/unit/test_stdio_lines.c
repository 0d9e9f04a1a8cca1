/* SPDX-License-Identifier: MIT */
#include "stdio/lines.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Feeds text in pieces of step bytes; what comes out is written as "line|line|" with "!" for an oversized one. */
static void feed(struct lines *l, const char *text, size_t step, char *out)
{
	size_t left = strlen(text);
	out[0] = '\0';
	while (left > 0) {
		size_t n = left < step ? left : step;
		const char *piece = text;
		text += n;
		left -= n;
		struct line line;
		int r;
		while ((r = lines_next(l, &piece, &n, &line)) != 0) {
			if (r == 1)
				strncat(out, line.text, line.len);
			else
				strcat(out, r == -EMSGSIZE ? "!" : "?");
			strcat(out, "|");
		}
		ck_assert_uint_eq(n, 0);
	}
}

struct row {
	const char *in, *out;
};

static const struct row rows[] = {
	{ "a\nbc\n", "a|bc|" },
	{ "a\r\nbc\r\n", "a|bc|" },
	{ "a\rb\n", "a\rb|" },
	{ "\n\n  \n\t\r\n\r\na\n", "a|" },
	{ "12345678\nok\n", "12345678|ok|" },
	{ "12345678\r\nok\n", "12345678|ok|" },
	{ "123456789\nok\n", "!|ok|" },
	{ "123456789\r\nok\n", "!|ok|" },
	{ "12345678\rX\nok\n", "!|ok|" },
	{ "1234567890123456789012345678901234567890\nok\n", "!|ok|" },
	{ "123456789\n123456789\nok\n", "!|!|ok|" },
	{ "123456789012345678901\n\nok\n", "!|ok|" },
	{ "no end", "" },
};

START_TEST(the_same_lines_come_out_however_the_bytes_are_cut)
{
	const struct row *row = &rows[_i];
	for (size_t step = 1; step < 50; step++) {
		struct lines l;
		char out[256];
		lines_init(&l, 8);
		feed(&l, row->in, step, out);
		ck_assert_msg(strcmp(out, row->out) == 0, "step %zu: \"%s\" gave \"%s\"", step,
			      row->in, out);
		lines_done(&l);
	}
}
END_TEST

START_TEST(a_line_that_lies_whole_in_the_bytes_is_not_copied)
{
	struct lines l;
	lines_init(&l, 100);
	const char text[] = "first\nsecond\n";
	const char *bytes = text;
	size_t n = sizeof(text) - 1;
	struct line line;
	ck_assert_int_eq(lines_next(&l, &bytes, &n, &line), 1);
	ck_assert_ptr_eq(line.text, text);
	ck_assert_int_eq(lines_next(&l, &bytes, &n, &line), 1);
	ck_assert_ptr_eq(line.text, text + 6);
	ck_assert_uint_eq(l.half.cap, 0);
	lines_done(&l);
}
END_TEST

START_TEST(memory_is_given_back_after_a_long_line)
{
	size_t size = 8U << 20;
	char *big = malloc(size);
	memset(big, 'x', size);
	struct lines l;
	struct line line;
	lines_init(&l, size);
	const char *bytes = big;
	size_t n = size;
	ck_assert_int_eq(lines_next(&l, &bytes, &n, &line), 0);
	ck_assert_uint_eq(l.half.len, size);
	bytes = "\n";
	n = 1;
	ck_assert_int_eq(lines_next(&l, &bytes, &n, &line), 1);
	ck_assert_uint_eq(line.len, size);
	ck_assert(memcmp(line.text, big, size) == 0);
	ck_assert_int_eq(lines_next(&l, &bytes, &n, &line), 0);
	ck_assert_uint_eq(l.half.cap, 0);
	lines_done(&l);
	free(big);
}
END_TEST

START_TEST(an_oversized_line_is_reported_before_its_end_and_holds_nothing)
{
	struct lines l;
	struct line line;
	lines_init(&l, 8);
	const char *bytes = "123456";
	size_t n = 6;
	ck_assert_int_eq(lines_next(&l, &bytes, &n, &line), 0);
	bytes = "789";
	n = 3;
	ck_assert_int_eq(lines_next(&l, &bytes, &n, &line), -EMSGSIZE);
	ck_assert_uint_eq(line.len, 9);
	ck_assert_uint_eq(l.half.cap, 0);
	lines_done(&l);
}
END_TEST

START_TEST(reset_tells_of_a_half_line_and_forgets_it)
{
	struct lines l;
	char out[64];
	lines_init(&l, 8);
	ck_assert_uint_eq(lines_reset(&l), 0);
	feed(&l, "a\nhalf", 3, out);
	ck_assert_uint_eq(lines_reset(&l), 4);
	feed(&l, "b\n", 3, out);
	ck_assert_str_eq(out, "b|");
	feed(&l, "  ", 3, out);
	ck_assert_uint_eq(lines_reset(&l), 0);
	/* One that was reported as too long is not reported again, and the next writer begins clean. */
	feed(&l, "123456789", 3, out);
	ck_assert_uint_eq(lines_reset(&l), 0);
	feed(&l, "b\n", 3, out);
	ck_assert_str_eq(out, "b|");
	lines_done(&l);
}
END_TEST

Suite *suite_stdio_lines(void);
Suite *suite_stdio_lines(void)
{
	Suite *s = suite_create("stdio_lines");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, the_same_lines_come_out_however_the_bytes_are_cut, 0,
			    (int)(sizeof(rows) / sizeof(*rows)));
	tcase_add_test(c, a_line_that_lies_whole_in_the_bytes_is_not_copied);
	tcase_add_test(c, memory_is_given_back_after_a_long_line);
	tcase_add_test(c, an_oversized_line_is_reported_before_its_end_and_holds_nothing);
	tcase_add_test(c, reset_tells_of_a_half_line_and_forgets_it);
	suite_add_tcase(s, c);
	return s;
}
