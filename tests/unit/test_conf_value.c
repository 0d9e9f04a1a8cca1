/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "conf/value.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct number {
	const char *text;
	int64_t value; /* -1: an error */
};

static const struct number durations[] = {
	{ "500ms", 500 },
	{ "10s", 10000 },
	{ "5m", 300000 },
	{ "1h", 3600000 },
	{ "0", 0 },
	{ "7", 7000 },
	{ "1m30s", 90000 },
	{ "1.5s", 1500 },
	{ "0.25", 250 },
	{ "0s", 0 },
	{ "2540400h", 9145440000000 },
	{ "", -1 },
	{ "-1s", -1 },
	{ "5x", -1 },
	{ "5 s", -1 },
	{ "s", -1 },
	{ "1m30", -1 },
	{ "1.s", -1 },
	{ "5S", -1 },
	{ "9223372036854775807h", -1 },
	{ "99999999999999999999s", -1 },
};

START_TEST(durations_are_read_as_compose_reads_them)
{
	int64_t ms = -7;
	int r = value_duration(durations[_i].text, &ms, NULL);
	if (durations[_i].value < 0) {
		ck_assert_int_eq(r, -EINVAL);
		ck_assert_int_eq(ms, -7);
	} else {
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(ms, durations[_i].value);
	}
}
END_TEST

static const struct number sizes[] = {
	{ "0", 0 },
	{ "64k", 65536 },
	{ "8m", 8388608 },
	{ "2g", 2147483648 },
	{ "100", 100 },
	{ "100b", 100 },
	{ "64K", 65536 },
	{ "8MB", 8388608 },
	{ "1.5g", 1610612736 },
	{ "2GiB", 2147483648 },
	{ "", -1 },
	{ "-1", -1 },
	{ "2x", -1 },
	{ "k", -1 },
	{ "9223372036854775807g", -1 },
	{ "8 m", -1 },
};

START_TEST(sizes_are_read_as_compose_reads_them)
{
	int64_t n = -7;
	int r = value_size(sizes[_i].text, &n, NULL);
	ck_assert_int_eq(r, sizes[_i].value < 0 ? -EINVAL : 0);
	ck_assert_int_eq(n, sizes[_i].value < 0 ? -7 : sizes[_i].value);
}
END_TEST

START_TEST(cpus_are_counted_in_billionths)
{
	int64_t n;
	ck_assert_int_eq(value_cpus("0.5", &n, NULL), 0);
	ck_assert_int_eq(n, 500000000);
	ck_assert_int_eq(value_cpus("2", &n, NULL), 0);
	ck_assert_int_eq(n, 2000000000);
	ck_assert_int_eq(value_cpus("0.000000001", &n, NULL), 0);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(value_cpus("2c", &n, NULL), -EINVAL);
	ck_assert_int_eq(value_cpus("-1", &n, NULL), -EINVAL);
}
END_TEST

START_TEST(booleans_have_six_names_in_any_case)
{
	static const char *const yes[] = { "true", "yes", "on", "YES" };
	static const char *const no[] = { "false", "no", "off", "Off" };
	for (int i = 0; i < COUNT(yes); i++) {
		bool b = false;
		ck_assert_int_eq(value_bool(yes[i], &b, NULL), 0);
		ck_assert(b);
		ck_assert_int_eq(value_bool(no[i], &b, NULL), 0);
		ck_assert(!b);
	}
	bool b;
	struct err e;
	ck_assert_int_eq(value_bool("1", &b, &e), -EINVAL);
	ck_assert_str_eq(e.text, "\"1\" is not possible; write true or false");
}
END_TEST

START_TEST(whole_numbers_take_nothing_behind_them)
{
	int64_t n;
	ck_assert_int_eq(value_int("-12", &n, NULL), 0);
	ck_assert_int_eq(n, -12);
	ck_assert_int_eq(value_int("12a", &n, NULL), -EINVAL);
	ck_assert_int_eq(value_int(" 12", &n, NULL), -EINVAL);
	ck_assert_int_eq(value_int("", &n, NULL), -EINVAL);
	ck_assert_int_eq(value_int("9223372036854775808", &n, NULL), -EINVAL);
}
END_TEST

/* --- words ----------------------------------------------------------------------------------- */

/* Items joined by '|'. */
static void assert_list(struct list *l, const char *joined)
{
	char text[1024] = "";
	for (size_t i = 0; i < l->n; i++) {
		strcat(text, i ? "|" : "");
		strcat(text, l->v[i]);
	}
	ck_assert_str_eq(text, joined);
	list_done(l);
}

static const char *const words[][2] = {
	{ "npx -y pkg /workspace", "npx|-y|pkg|/workspace" },
	{ "  a\t b\nc  ", "a|b|c" },
	{ "sh -c 'echo \"$HOME\" # x'", "sh|-c|echo \"$HOME\" # x" },
	{ "a\\ b c\\\\d", "a b|c\\d" },
	{ "--x=\"a b\"c", "--x=a bc" },
	{ "\"a\\\"b\\c\"", "a\"b\\c" },
	{ "'a\\b'", "a\\b" },
	{ "'' x", "|x" },
	{ "*.txt ~ ; & |", "*.txt|~|;|&||" },
	{ "", "" },
};

START_TEST(words_are_split_as_a_posix_shell_does)
{
	struct list l = { 0 };
	ck_assert_int_eq(value_words(words[_i][0], &l, NULL), 0);
	assert_list(&l, words[_i][1]);
}
END_TEST

START_TEST(an_unclosed_quote_is_an_error_that_says_so)
{
	struct list l = { 0 };
	struct err e;
	ck_assert_int_eq(value_words("echo 'it", &l, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "quote is not closed"));
	ck_assert_int_eq(value_words("a \"b", &l, &e), -EINVAL);
	ck_assert_int_eq(value_words("a\\", &l, &e), -EINVAL);
	list_done(&l);
}
END_TEST

/* --- items ----------------------------------------------------------------------------------- */

static const struct {
	enum value_items kind;
	const char *text, *joined;
} items[] = {
	{ VALUE_PLAIN, "a, b,c", "a|b|c" },
	{ VALUE_PLAIN, "a\nb, c\n\nd,", "a|b|c|d" },
	{ VALUE_PLAIN, "\"a,b\", 'c d'", "a,b|c d" },
	{ VALUE_PLAIN, "don't, can't", "don't|can't" },
	{ VALUE_PLAIN, "none", "" },
	{ VALUE_PLAIN, ",,", "" },
	{ VALUE_ENV, "A=1,2,B=3", "A=1,2|B=3" },
	{ VALUE_ENV, "A=1,2, B=3,", "A=1,2|B=3" },
	{ VALUE_ENV, "A, B, C?", "A|B|C?" },
	{ VALUE_ENV, "A=1, TOKEN", "A=1|TOKEN" },
	{ VALUE_ENV, "A=1,TOKEN?,B=2", "A=1|TOKEN?|B=2" },
	{ VALUE_ENV, "NO_PROXY=localhost,foo.internal,10.0.0.0/8",
	  "NO_PROXY=localhost,foo.internal,10.0.0.0/8" },
	{ VALUE_ENV, "A=\"x,B=y\",C=z", "A=\"x,B=y\"|C=z" },
	{ VALUE_ENV, "A=${X:-1,B=2},C=3", "A=${X:-1,B=2}|C=3" },
	{ VALUE_ENV, "A=${X,B=2", "A=${X|B=2" },
	{ VALUE_ENV, "A=a b\nB=c", "A=a b|B=c" },
	{ VALUE_ENV, "A=1,B C=2", "A=1,B C=2" },
	{ VALUE_LABELS, "com.x.y=1,2,z-a/b=3", "com.x.y=1,2|z-a/b=3" },
	{ VALUE_LABELS, "a=1,word", "a=1,word" },
	{ VALUE_TMPFS, "/tmp:size=1m,mode=1777, /run", "/tmp:size=1m,mode=1777|/run" },
};

START_TEST(lists_are_split_by_the_law_of_their_kind)
{
	struct list l = { 0 };
	ck_assert_int_eq(value_items(items[_i].text, items[_i].kind, &l, NULL), 0);
	assert_list(&l, items[_i].joined);
}
END_TEST

START_TEST(too_many_items_are_an_error)
{
	size_t n = 2 * (VALUE_MAX_ITEMS + 1);
	char *text = malloc(n + 1);
	for (size_t i = 0; i < n; i += 2)
		memcpy(text + i, "a,", 3);
	struct list l = { 0 };
	ck_assert_int_eq(value_items(text, VALUE_PLAIN, &l, NULL), -EINVAL);
	list_done(&l);
	text[n - 2] = '\0';
	ck_assert_int_eq(value_items(text, VALUE_PLAIN, &l, NULL), 0);
	ck_assert_uint_eq(l.n, VALUE_MAX_ITEMS);
	list_done(&l);
	free(text);
}
END_TEST

static const char *const quoted[][2] = {
	{ "\"a b\"", "a b" },
	{ "'a b'", "a b" },
	{ "\"a\" \"b\"", "\"a\" \"b\"" },
	{ "a", "a" },
	{ "\"", "\"" },
	{ "\"\"", "" },
	{ "'a\"", "'a\"" },
	{ "\"a\\\"b\"", "a\"b" },
	{ "'a\\\\b'", "a\\\\b" },
	{ "\"C:\\\\x\"", "C:\\x" },
	{ "", "" },
};

START_TEST(quotes_are_taken_off_where_one_pair_encloses_all)
{
	char *got = value_unquote(quoted[_i][0], strlen(quoted[_i][0]));
	ck_assert_str_eq(got, quoted[_i][1]);
	free(got);
}
END_TEST

START_TEST(a_list_taken_empty_is_not_null)
{
	struct list l = { 0 };
	char **v = list_take(&l);
	ck_assert_ptr_nonnull(v);
	ck_assert_ptr_null(v[0]);
	strv_free(v);
}
END_TEST

Suite *suite_conf_value(void);
Suite *suite_conf_value(void)
{
	Suite *s = suite_create("conf_value");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, durations_are_read_as_compose_reads_them, 0, COUNT(durations));
	tcase_add_loop_test(c, sizes_are_read_as_compose_reads_them, 0, COUNT(sizes));
	tcase_add_test(c, cpus_are_counted_in_billionths);
	tcase_add_test(c, booleans_have_six_names_in_any_case);
	tcase_add_test(c, whole_numbers_take_nothing_behind_them);
	tcase_add_loop_test(c, words_are_split_as_a_posix_shell_does, 0, COUNT(words));
	tcase_add_test(c, an_unclosed_quote_is_an_error_that_says_so);
	tcase_add_loop_test(c, lists_are_split_by_the_law_of_their_kind, 0, COUNT(items));
	tcase_add_test(c, too_many_items_are_an_error);
	tcase_add_loop_test(c, quotes_are_taken_off_where_one_pair_encloses_all, 0, COUNT(quoted));
	tcase_add_test(c, a_list_taken_empty_is_not_null);
	suite_add_tcase(s, c);
	return s;
}
