/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "conf/expand.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const char *const env[] = { "A=aa", "EMPTY=", "DOLLAR=${A}", "LONG_NAME=x", "AB=no", NULL };

static const char *const good[][2] = {
	{ "plain", "plain" },
	{ "", "" },
	{ "${A}", "aa" },
	{ "$A", "aa" },
	{ "<$A.${LONG_NAME}>", "<aa.x>" },
	{ "${EMPTY}", "" },
	{ "${NOT}", "" },
	{ "${NOT:-d}", "d" },
	{ "${NOT-d}", "d" },
	{ "${EMPTY:-d}", "d" },
	{ "${EMPTY-d}", "" },
	{ "${A:-d}", "aa" },
	{ "${NOT:-}", "" },
	{ "${NOT:-${A}}", "aa" },
	{ "${NOT:-x${NOR:-${A}}y}z", "xaayz" },
	{ "${A:+other}", "other" },
	{ "${NOT:+other}", "" },
	{ "${EMPTY+other}", "other" },
	{ "${EMPTY:+other}", "" },
	{ "$$", "$" },
	{ "$${A}", "${A}" },
	{ "$$$A", "$aa" },
	{ "${DOLLAR}", "${A}" }, /* not looked at again */
	{ "${A:?must}", "aa" },
	{ "${EMPTY?must}", "" },
	{ "${NOT:-a b, c}", "a b, c" },
	{ "}", "}" },
};

START_TEST(variables_expand_as_compose_does)
{
	struct expansion x = { .environ = env };
	struct err e;
	char *got = NULL;
	ck_assert_int_eq(expand(good[_i][0], &x, &got, &e), 0);
	ck_assert_str_eq(got, good[_i][1]);
	ck_assert_ptr_null(x.missing);
	free(got);
	expand_done(&x);
}
END_TEST

static const char *const bad[] = { "$",	    "a $ b",	 "$1",	  "${",	      "${A",
				   "${}",   "${1A}",	 "${A:}", "${A B}",   "${A:=x}",
				   "${A!}", "${A:-${B}", "$-",	  "${NOT:-$}" };

START_TEST(bad_syntax_is_an_error_and_not_taken_literally)
{
	struct expansion x = { .environ = env };
	struct err e;
	char *got = NULL;
	ck_assert_int_eq(expand(bad[_i], &x, &got, &e), -EINVAL);
	ck_assert_ptr_null(got);
	ck_assert(e.text[0] != '\0');
	expand_done(&x);
}
END_TEST

START_TEST(what_is_missing_is_told_with_its_message)
{
	static const char *const cases[][2] = {
		{ "${NOT:?set it in .env}", "NOT is not set: set it in .env" },
		{ "${EMPTY:?for ${A}}", "EMPTY is not set: for aa" },
		{ "${NOT?}", "NOT is not set; set it in the environment of mcpinit" },
		{ "${NOT?first} ${NOR?second}", "NOT is not set: first" },
	};
	for (int i = 0; i < COUNT(cases); i++) {
		struct expansion x = { .environ = env };
		char *got = NULL;
		ck_assert_int_eq(expand(cases[i][0], &x, &got, NULL), 0);
		ck_assert_str_eq(x.missing, cases[i][1]);
		free(got);
		expand_done(&x);
	}
}
END_TEST

START_TEST(unset_names_and_used_values_are_kept)
{
	struct expansion x = { .environ = env };
	char *got = NULL;
	ck_assert_int_eq(expand("$A ${NOT} ${NOT:-x} ${A:-${LONG_NAME}}", &x, &got, NULL), 0);
	ck_assert_uint_eq(x.unset.n, 1);
	ck_assert_str_eq(x.unset.v[0], "NOT");
	ck_assert_uint_eq(x.values.n, 2); /* the default that was not used does not count */
	ck_assert_str_eq(x.values.v[1], "aa");
	free(got);
	expand_done(&x);
}
END_TEST

START_TEST(what_is_not_used_is_not_missing)
{
	struct expansion x = { .environ = env };
	char *got = NULL;
	ck_assert_int_eq(expand("${A:-${NOT:?no}${NOT}}", &x, &got, NULL), 0);
	ck_assert_ptr_null(x.missing);
	ck_assert_uint_eq(x.unset.n, 0);
	free(got);
	expand_done(&x);
}
END_TEST

START_TEST(nesting_and_growth_have_limits)
{
	char deep[5 * (EXPAND_MAX_DEPTH + 2) + EXPAND_MAX_DEPTH + 3] = "";
	for (int i = 0; i <= EXPAND_MAX_DEPTH; i++)
		strcat(deep, "${N:-");
	for (int i = 0; i <= EXPAND_MAX_DEPTH; i++)
		strcat(deep, "}");
	struct expansion x = { .environ = env };
	char *got = NULL;
	ck_assert_int_eq(expand(deep, &x, &got, NULL), -EINVAL);
	memmove(deep, deep + 5, strlen(deep) + 1 - 5);
	deep[strlen(deep) - 1] = '\0';
	ck_assert_int_eq(expand(deep, &x, &got, NULL), 0);
	free(got);
	got = NULL;

	size_t n = 1 << 20;
	char *big = malloc(n + 3);
	memset(big, 'v', n + 2);
	big[0] = 'B';
	big[1] = '=';
	big[n + 2] = '\0';
	const char *const huge[] = { big, NULL };
	struct expansion y = { .environ = huge };
	ck_assert_int_eq(expand("$B$B$B$B$B$B$B$B$B$B$B$B$B$B$B$B$B", &y, &got, NULL), -EINVAL);
	expand_done(&x);
	expand_done(&y);
	free(big);
}
END_TEST

START_TEST(without_an_environment_nothing_is_set)
{
	struct expansion x = { 0 };
	char *got = NULL;
	ck_assert_int_eq(expand("${A:-d}", &x, &got, NULL), 0);
	ck_assert_str_eq(got, "d");
	free(got);
	expand_done(&x);
}
END_TEST

Suite *suite_conf_expand(void);
Suite *suite_conf_expand(void)
{
	Suite *s = suite_create("conf_expand");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, variables_expand_as_compose_does, 0, COUNT(good));
	tcase_add_loop_test(c, bad_syntax_is_an_error_and_not_taken_literally, 0, COUNT(bad));
	tcase_add_test(c, what_is_missing_is_told_with_its_message);
	tcase_add_test(c, unset_names_and_used_values_are_kept);
	tcase_add_test(c, what_is_not_used_is_not_missing);
	tcase_add_test(c, nesting_and_growth_have_limits);
	tcase_add_test(c, without_an_environment_nothing_is_set);
	suite_add_tcase(s, c);
	return s;
}
