/* SPDX-License-Identifier: MIT */
#include "stdio/subs.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct span text(const char *t)
{
	return (struct span){ t, strlen(t) };
}

START_TEST(level_is_the_most_verbose_and_each_is_given_its_own)
{
	struct subs s = { 0 };
	struct subs_agent a = { 0 }, b = { 0 }, c = { 0 };
	subs_join(&s, &a);
	subs_join(&s, &b);
	subs_join(&s, &c);
	ck_assert_int_eq(subs_level(&s), SUBS_NO_LEVEL);
	ck_assert(subs_admits(
		&s, &a, subs_level_of(text("\"debug\"")))); /* nobody asked: the server decides */
	a.level = subs_level_of(text("\"emergency\""));
	b.level = subs_level_of(text("\"debug\""));
	s.level = subs_level(&s);
	ck_assert_int_eq(strncmp(subs_level_text(s.level).p, "\"debug\"", 7), 0);
	int info = subs_level_of(text("\"info\""));
	ck_assert(!subs_admits(&s, &a, info));
	ck_assert(subs_admits(&s, &b, info));
	ck_assert(subs_admits(&s, &c, info));
	ck_assert(!subs_admits(&s, &c, b.level));
	ck_assert(subs_admits(&s, &a, SUBS_NO_LEVEL)); /* a level nobody knows */
	subs_leave(&s, &b);
	ck_assert_int_eq(subs_level(&s), a.level);
	ck_assert_int_eq(subs_level_of(text("\"loud\"")), SUBS_NO_LEVEL);
	ck_assert_int_eq(subs_level_of(text("3")), SUBS_NO_LEVEL);
}
END_TEST

static void collect(void *ctx, struct span uri)
{
	char *seen = ctx;
	(void)snprintf(seen + strlen(seen), 64, "%.*s ", (int)uri.n, uri.p);
}

START_TEST(uris_are_counted_across_agents)
{
	struct subs s = { 0 };
	struct subs_agent a = { 0 }, b = { 0 };
	char seen[256] = "";
	subs_join(&s, &a);
	subs_join(&s, &b);
	ck_assert_int_eq(subs_add(&a, text("\"f:/x\"")), 0);
	ck_assert_int_eq(subs_add(&a, text("\"f:\\/x\"")), 0); /* the same */
	ck_assert_int_eq(subs_add(&b, text("\"f:/x\"")), 0);
	ck_assert_int_eq(subs_add(&b, text("\"f:/y\"")), 0);
	ck_assert_int_eq(subs_add(&b, text("7")), -EINVAL);
	subs_each(&s, collect, seen);
	ck_assert_uint_eq(strlen(seen), strlen("\"f:/x\" \"f:/y\" "));
	ck_assert(subs_is_shared(&s, &a, text("\"f:/x\"")));
	ck_assert(!subs_is_shared(&s, &b, text("\"f:/y\"")));
	subs_remove(&a, text("\"f:\\u002fx\""));
	ck_assert_ptr_null(a.uris);
	ck_assert_uint_eq(a.bytes, 0);
	ck_assert_int_eq(subs_add(&a, text("\"f:/x\"")), 0);
	seen[0] = '\0';
	subs_clear(&s, &b, collect, seen);
	ck_assert_str_eq(seen, "\"f:/y\" "); /* a still wants the other */
	subs_clear(&s, &a, NULL, NULL);
}
END_TEST

START_TEST(updates_of_parts_reach_who_subscribed_the_whole)
{
	struct subs s = { 0 };
	struct subs_agent a = { 0 }, b = { 0 }, c = { 0 };
	subs_join(&s, &a);
	subs_join(&s, &b);
	subs_join(&s, &c);
	subs_add(&a, text("\"f:/x\""));
	subs_add(&b, text("\"f:/y\""));
	struct span part = text("\"f:/x/1\""), strange = text("\"g:1\"");
	ck_assert(subs_wants(&s, &a, part));
	ck_assert(!subs_wants(&s, &b, part));
	ck_assert(!subs_wants(&s, &c, part));
	ck_assert(subs_wants(&s, &a, strange)); /* fits nobody: may be a part of either */
	ck_assert(subs_wants(&s, &b, strange));
	ck_assert(!subs_wants(&s, &c, strange));
	subs_clear(&s, &a, NULL, NULL);
	subs_clear(&s, &b, NULL, NULL);
}
END_TEST

START_TEST(an_agents_uris_are_bounded)
{
	struct subs_agent a = { 0 };
	char uri[1024];
	int r = 0, n = 0;
	for (; r == 0 && n < 10000; n++) {
		(void)snprintf(uri, sizeof(uri), "\"%0500d\"", n);
		r = subs_add(&a, text(uri));
	}
	ck_assert_int_eq(r, -ENOSPC);
	ck_assert_uint_le(a.bytes, SUBS_MAX_BYTES);
	struct subs s = { .agents = &a };
	subs_clear(&s, &a, NULL, NULL);
	ck_assert_uint_eq(a.bytes, 0);
}
END_TEST

Suite *suite_stdio_subs(void);
Suite *suite_stdio_subs(void)
{
	Suite *s = suite_create("stdio_subs");
	TCase *t = tcase_create("all");
	tcase_add_test(t, level_is_the_most_verbose_and_each_is_given_its_own);
	tcase_add_test(t, uris_are_counted_across_agents);
	tcase_add_test(t, updates_of_parts_reach_who_subscribed_the_whole);
	tcase_add_test(t, an_agents_uris_are_bounded);
	suite_add_tcase(s, t);
	return s;
}
