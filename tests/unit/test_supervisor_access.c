/* SPDX-License-Identifier: MIT */
#include "supervisor/access.h"

#include "conf/conf.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* The patterns that these, in one text, have for a server; "A B". */
static const char *list(const char *patterns, const char *server)
{
	static char out[128], copy[128];
	char *tools[8] = { NULL };
	size_t n = 0;
	strcpy(copy, patterns);
	for (char *p = strtok(copy, " "); p; p = strtok(NULL, " "))
		tools[n++] = p;
	struct conf_agent a = { .tools = tools };
	char **got = access_list(&a, server);
	*out = '\0';
	for (char **t = got; *t; t++) {
		strcat(out, t == got ? "" : " ");
		strcat(out, *t);
	}
	free(got);
	return out;
}

START_TEST(an_agents_patterns_are_taken_apart_by_server)
{
	ck_assert_str_eq(list("*", "git"), "*");
	ck_assert_str_eq(list("filesystem:read_* git:*", "git"), "*");
	ck_assert_str_eq(list("filesystem:read_* git:*", "filesystem"), "read_*");
	ck_assert_str_eq(list("filesystem:read_* filesystem:list", "filesystem"), "read_* list");
	ck_assert_str_eq(list("g?t:a *:b git:c:d", "git"), "a b c:d");
}
END_TEST

START_TEST(a_server_that_no_pattern_names_has_no_tools_for_it)
{
	ck_assert_str_eq(list("filesystem:read_* git:*", "github"), "");
	ck_assert_str_eq(list("", "git"), "");
	ck_assert_str_eq(list("gi:*", "git"), "");
}
END_TEST

Suite *suite_supervisor_access(void);
Suite *suite_supervisor_access(void)
{
	Suite *s = suite_create("supervisor_access");
	TCase *c = tcase_create("access");
	tcase_add_test(c, an_agents_patterns_are_taken_apart_by_server);
	tcase_add_test(c, a_server_that_no_pattern_names_has_no_tools_for_it);
	suite_add_tcase(s, c);
	return s;
}
