/* SPDX-License-Identifier: MIT */
#include "stdio/filter.h"

#include "base/buf.h"
#include "stdio/walk.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct span of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

START_TEST(patterns_match_whole_names)
{
	static const struct {
		const char *pattern, *name;
		bool want;
	} rows[] = {
		{ "*", "", true },
		{ "*", "read_file", true },
		{ "**", "x", true },
		{ "read_file", "read_file", true },
		{ "read_file", "read", false },
		{ "read", "read_file", false },
		{ "read_*", "read_", true },
		{ "read_*", "read_file", true },
		{ "read_*", "Read_file", false },
		{ "*_file", "read_file", true },
		{ "*_file", "read_file_x", false },
		{ "r*d*e", "read_file", true },
		{ "r*d*e", "read_filed", false },
		{ "?", "", false },
		{ "?", "a", true },
		{ "a?c", "abc", true },
		{ "a?c", "ac", false },
		{ "*?", "", false },
		{ "*a*b", "aaab", true },
		{ "*aab", "aaaab", true },
		{ "[ab]", "a", false },
		{ "[ab]", "[ab]", true },
		{ "a\\*", "a*", false },
		{ "a.b", "axb", false },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(filter_matches(rows[i].pattern, of(rows[i].name)) == rows[i].want,
			      "%s %s", rows[i].pattern, rows[i].name);
	ck_assert(!filter_matches("ab", (struct span){ "ab\0c", 4 }));
	ck_assert(filter_matches("ab*", (struct span){ "ab\0c", 4 }));
}
END_TEST

START_TEST(many_stars_take_no_time)
{
	char name[FILTER_NAME_MAX];
	memset(name, 'a', sizeof(name));
	ck_assert(!filter_matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b",
				  (struct span){ name, sizeof(name) }));
}
END_TEST

#define LIST(a, b) ((char *[]){ (char *)(a), (char *)(b), NULL })

START_TEST(deny_wins_over_allow)
{
	struct filter f = { 0 };
	ck_assert(filter_is_open(&f) && filter_admits(&f, of("rm")));
	ck_assert(!filter_set(&f, NULL, NULL));
	ck_assert(filter_set(&f, LIST("*", NULL), LIST(NULL, NULL)));
	ck_assert(filter_is_open(&f) && filter_admits(&f, of("rm")));
	ck_assert(filter_set(&f, LIST("read_*", "rm"), LIST("*_secret", NULL)));
	ck_assert(!filter_set(&f, LIST("read_*", "rm"), LIST("*_secret", NULL)));
	ck_assert(!filter_is_open(&f));
	ck_assert(filter_admits(&f, of("read_file")) && filter_admits(&f, of("rm")));
	ck_assert(!filter_admits(&f, of("read_secret")) && !filter_admits(&f, of("write")));
	ck_assert(filter_set(&f, LIST("*", NULL), LIST("rm", NULL)));
	ck_assert(!filter_is_open(&f) && !filter_admits(&f, of("rm")));
	ck_assert(filter_admits(&f, of("mv")));
	ck_assert(filter_set(&f, LIST(NULL, NULL), NULL));
	ck_assert(!filter_is_open(&f) && !filter_admits(&f, of("")));
	filter_done(&f);
}
END_TEST

START_TEST(names_are_unescaped_and_what_is_read_in_two_ways_is_no_name)
{
	char out[FILTER_NAME_MAX];
	ck_assert_int_eq(filter_name(of("\"\\u0072\\u006d\""), out), 2);
	ck_assert_int_eq(memcmp(out, "rm", 2), 0);
	ck_assert_int_eq(filter_name(of("\"\xC3\xA9\\ud83d\\ude00\""), out), 6);
	ck_assert_int_eq(filter_name(of("\"\""), out), 0);
	static const char *const none[] = {
		"7",	       "null",	      "[\"rm\"]",      "\"rm\\u0000x\"", "\"rm\\n\"",
		"\"\\u007f\"", "\"\\ud800\"", "\"\xC1\xB2m\"", "\"\xFF\"",
	};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(filter_name(of(none[i]), out) == -1, "%s", none[i]);
	ck_assert_int_eq(filter_name((struct span){ 0 }, out), -1);
	char text[FILTER_NAME_MAX + 4];
	(void)snprintf(text, sizeof(text), "\"%0*d\"", FILTER_NAME_MAX, 0);
	ck_assert_int_eq(filter_name(of(text), out), FILTER_NAME_MAX);
	(void)snprintf(text, sizeof(text), "\"%0*d\"", FILTER_NAME_MAX + 1, 0);
	ck_assert_int_eq(filter_name(of(text), out), -1);
}
END_TEST

/* Keeps the items whose text holds ctx. */
static bool has(void *ctx, struct span tool)
{
	return memmem(tool.p, tool.n, ctx, strlen(ctx)) != NULL;
}

START_TEST(what_is_kept_of_a_list_is_kept_byte_for_byte)
{
	static const struct {
		const char *list, *keep, *want;
	} rows[] = {
		{ "[]", "k", "[]" },
		{ "[ \n ]", "k", "[ \n ]" },
		{ "[{\"k\":1}]", "k", "[{\"k\":1}]" },
		{ "[{\"d\":1}]", "k", "[]" },
		{ "[ {\"d\":1}\t, 7 , [] ]", "k", "[  ]" },
		{ "[\"k1\",\"k2\",\"k3\"]", "k", "[\"k1\",\"k2\",\"k3\"]" },
		{ "[ \"k1\" ,\t\"k2\"\n,  \"k3\" ]", "k", "[ \"k1\" ,\t\"k2\"\n,  \"k3\" ]" },
		{ "[ \"d1\" ,\t\"k2\"\n,  \"k3\" ]", "k", "[ \"k2\"\n,  \"k3\" ]" },
		{ "[ \"k1\" ,\t\"d2\"\n,  \"k3\" ]", "k", "[ \"k1\"\n,  \"k3\" ]" },
		{ "[ \"k1\" ,\t\"k2\"\n,  \"d3\" ]", "k", "[ \"k1\" ,\t\"k2\" ]" },
		{ "[\"d1\",\"d2\",\"k3\",\"d4\",\"d5\",\"k6\",\"d7\"]", "k", "[\"k3\",\"k6\"]" },
		{ "[{\"k\":[{\"d\":\"],}\\\"\"},[]],\"x\":1e0},{\"d\":{\"e\":[\"[\"]}}]", "k",
		  "[{\"k\":[{\"d\":\"],}\\\"\"},[]],\"x\":1e0}]" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out = { 0 };
		ck_assert_int_eq(filter_splice(of(rows[i].list), has, (void *)rows[i].keep, &out),
				 0);
		ck_assert_str_eq(buf_str(&out), rows[i].want);
		buf_done(&out);
	}
}
END_TEST

START_TEST(a_result_has_one_list_of_tools_or_none)
{
	struct span list;
	ck_assert(filter_find_list(of("{\"x\":{\"tools\":[7]},\"tools\":[1]}"), &list));
	ck_assert(list.n == 3 && memcmp(list.p, "[1]", 3) == 0);
	static const char *const none[] = {
		"{}",
		"[]",
		"null",
		"{\"tools\":{}}",
		"{\"tools\":null}",
		"{\"tools\":[],\"tools\":[]}",
		"{\"tools\":[],\"TOOLS\":[]}",
		"{\"Tools\":[]}",
		"{\"tools\":[],\"\\u0074ools\":[]}",
	};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(!filter_find_list(of(none[i]), &list), "%s", none[i]);
	ck_assert(!filter_find_list((struct span){ 0 }, &list));
}
END_TEST

Suite *suite_stdio_filter(void);
Suite *suite_stdio_filter(void)
{
	Suite *s = suite_create("stdio_filter");
	TCase *c = tcase_create("filter");
	tcase_add_test(c, patterns_match_whole_names);
	tcase_add_test(c, many_stars_take_no_time);
	tcase_add_test(c, deny_wins_over_allow);
	tcase_add_test(c, names_are_unescaped_and_what_is_read_in_two_ways_is_no_name);
	tcase_add_test(c, what_is_kept_of_a_list_is_kept_byte_for_byte);
	tcase_add_test(c, a_result_has_one_list_of_tools_or_none);
	suite_add_tcase(s, c);
	return s;
}
