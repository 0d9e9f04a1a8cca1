/* SPDX-License-Identifier: MIT */
#include "mcpctl/table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char *print(struct table *t)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	table_print(t, f);
	fclose(f);
	table_free(t);
	return text;
}

START_TEST(columns_are_as_wide_as_their_longest_cell)
{
	struct table *t = table_new(3, NULL);
	table_row(t, (const char *[]){ "filesystem", "RUNNING", "healthy, agents 2" });
	table_row(t, (const char *[]){ "g", "FATAL", "image denied" });
	char *text = print(t);
	ck_assert_str_eq(text, "filesystem   RUNNING   healthy, agents 2\n"
			       "g            FATAL     image denied\n");
	free(text);
}
END_TEST

START_TEST(a_column_has_its_minimal_width)
{
	size_t widths[] = { 0, 7 };
	struct table *t = table_new(3, widths);
	table_row(t, (const char *[]){ "a", "FATAL", "x" });
	char *text = print(t);
	ck_assert_str_eq(text, "a   FATAL     x\n");
	free(text);
}
END_TEST

START_TEST(no_blanks_stand_at_the_end_of_a_line)
{
	struct table *t = table_new(3, NULL);
	table_row(t, (const char *[]){ "long name", "b", "c" });
	table_row(t, (const char *[]){ "a", "", NULL });
	char *text = print(t);
	ck_assert_str_eq(text, "long name   b   c\na\n");
	free(text);
}
END_TEST

START_TEST(characters_count_not_bytes)
{
	struct table *t = table_new(2, NULL);
	table_row(t, (const char *[]){ "\xc3\xa9\xc3\xa9", "x" });
	table_row(t, (const char *[]){ "ab", "y" });
	char *text = print(t);
	ck_assert_str_eq(text, "\xc3\xa9\xc3\xa9   x\nab   y\n");
	free(text);
}
END_TEST

START_TEST(foreign_text_cannot_drive_the_terminal)
{
	struct table *t = table_new(2, NULL);
	table_row(t, (const char *[]){ "a\x1b[2J\nb\tc", "\xc2\x9b"
							 "31m\x7f" });
	char *text = print(t);
	ck_assert_str_eq(text, "a?[2J b c   ??31m?\n");
	free(text);
	char kept[] = "one\n\ttwo \xc3\xa9\r";
	table_tame(kept);
	ck_assert_str_eq(kept, "one\n\ttwo \xc3\xa9?");
}
END_TEST

Suite *suite_mcpctl_table(void);
Suite *suite_mcpctl_table(void)
{
	Suite *s = suite_create("mcpctl_table");
	TCase *c = tcase_create("all");
	tcase_add_test(c, columns_are_as_wide_as_their_longest_cell);
	tcase_add_test(c, a_column_has_its_minimal_width);
	tcase_add_test(c, no_blanks_stand_at_the_end_of_a_line);
	tcase_add_test(c, characters_count_not_bytes);
	tcase_add_test(c, foreign_text_cannot_drive_the_terminal);
	suite_add_tcase(s, c);
	return s;
}
