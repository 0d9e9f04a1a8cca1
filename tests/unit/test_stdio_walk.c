/* SPDX-License-Identifier: MIT */
#include "stdio/walk.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct span of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

/* "key=value|…", keys left out in an array. */
static const char *walked(const char *text)
{
	static char out[512];
	struct walk w = walk_into(of(text));
	struct span key, value;
	*out = '\0';
	while (walk_next(&w, &key, &value)) {
		size_t n = strlen(out);
		(void)snprintf(out + n, sizeof(out) - n, "%s%.*s%s%.*s", n ? "|" : "", (int)key.n,
			       key.p ? key.p : "", key.p ? "=" : "", (int)value.n, value.p);
	}
	return out;
}

START_TEST(every_value_comes_as_it_stands)
{
	ck_assert_str_eq(walked("[]"), "");
	ck_assert_str_eq(walked("{ \t}"), "");
	ck_assert_str_eq(walked("[1]"), "1");
	ck_assert_str_eq(walked("[ -1.5e3 ,\ttrue,null\n, \"a,]\\\"\\\\\" ]"),
			 "-1.5e3|true|null|\"a,]\\\"\\\\\"");
	ck_assert_str_eq(walked("[[1,[2]],{\"a\":\"]}\"},[],{}]"), "[1,[2]]|{\"a\":\"]}\"}|[]|{}");
	ck_assert_str_eq(walked("{\"a\":1,\"b\" : [1, 2] ,\"c\\\"\": \"x\" , \"\":{\"a\":{}}}"),
			 "\"a\"=1|\"b\"=[1, 2]|\"c\\\"\"=\"x\"|\"\"={\"a\":{}}");
}
END_TEST

static const char *member(const char *text, const char *name)
{
	static char out[64];
	struct span value;
	if (!walk_member(of(text), name, &value))
		return NULL;
	(void)snprintf(out, sizeof(out), "%.*s", (int)value.n, value.p);
	return out;
}

START_TEST(a_member_is_found_when_there_can_be_no_doubt_about_it)
{
	ck_assert_str_eq(member("{\"x\":{\"name\":0},\"name\":7}", "name"), "7");
	ck_assert_str_eq(member("{\"n\\u0061me\":[1]}", "name"), "[1]");
	static const char *const none[] = {
		"{}",
		"{\"nam\":1}",
		"[\"name\"]",
		"7",
		"{\"name\":1,\"name\":1}",
		"{\"name\":1,\"n\\u0061me\":2}",
		"{\"name\":1,\"Name\":2}",
		"{\"NAME\":1}",
	};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		ck_assert_msg(member(none[i], "name") == NULL, "%s", none[i]);
	ck_assert(!walk_member((struct span){ 0 }, "name", &(struct span){ 0 }));
}
END_TEST

Suite *suite_stdio_walk(void);
Suite *suite_stdio_walk(void)
{
	Suite *s = suite_create("stdio_walk");
	TCase *c = tcase_create("walk");
	tcase_add_test(c, every_value_comes_as_it_stands);
	tcase_add_test(c, a_member_is_found_when_there_can_be_no_doubt_about_it);
	suite_add_tcase(s, c);
	return s;
}
