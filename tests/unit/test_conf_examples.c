/* SPDX-License-Identifier: MIT */
/* What users copy must be right: the examples, and the INI in the documentation. Run from the top of the tree. */
#include "base/fd.h"
#include "conf/load.h"

#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 1 << 20 };

/* As root in an empty environment; text: instead of what path holds. The caller's. */
static struct conf *must_load(const char *path, const char *text)
{
	static const char *const empty[] = { NULL };
	struct conf_source src = { .path = path, .environ = empty };
	struct load in = { .src = &src, .text = text, .len = text ? strlen(text) : 0 };
	struct conf_errors errs = { 0 };
	struct conf *c = NULL;
	int r = load_conf(&in, &c, &errs);
	ck_assert_msg(r == 0, "%s", errs.n > 0 ? errs.lines[0] : path);
	conf_errors_done(&errs);
	return c;
}

START_TEST(every_example_is_valid)
{
	glob_t found;
	ck_assert_int_eq(glob("examples/*.ini", 0, NULL, &found), 0);
	ck_assert_int_eq(glob("examples/*/*.ini", GLOB_APPEND, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct conf *c = must_load(found.gl_pathv[i], NULL);
		ck_assert_msg(c->servers[0] != NULL, "%s has no server", found.gl_pathv[i]);
		conf_free(c);
	}
	globfree(&found);
}
END_TEST

START_TEST(the_orchestrator_has_its_three_servers_and_a_second_agent)
{
	struct conf *c = must_load("examples/orchestrator/mcpinit.ini", NULL);
	static const char *const names[] = { "github", "filesystem", "git" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct conf_server *s = conf_find_server(c, names[i]);
		ck_assert_ptr_nonnull(s);
		ck_assert_str_eq(s->dns[0], "8.8.8.8");
		ck_assert_int_gt(s->mem_limit, 0);
	}
	ck_assert_str_eq(c->agents[1]->name, "planner");
	ck_assert(!conf_agent_may(c->agents[1], "github"));
	conf_free(c);
}
END_TEST

/* What stands between a line `from` and the next line `to`. */
static void load_block(const char *path, const char *from, const char *to)
{
	char *text = NULL;
	size_t len;
	ck_assert_int_eq(fd_read_file(path, FILE_MAX_BYTES, &text, &len, NULL), 0);
	char *start = strstr(text, from);
	ck_assert_msg(start != NULL, "%s has no %s", path, from);
	start += strlen(from);
	char *end = strstr(start, to);
	ck_assert_ptr_nonnull(end);
	*end = '\0';
	struct conf *c = must_load(path, start);
	ck_assert_ptr_nonnull(c->servers[0]);
	conf_free(c);
	free(text);
}

START_TEST(the_configurations_in_the_documentation_are_valid)
{
	load_block("README.md", "\n```ini\n", "```");
	load_block("docs/man/mcpinit.ini.5", "\n.Sh EXAMPLES\n.Bd -literal\n", ".Ed");
}
END_TEST

Suite *suite_conf_examples(void);
Suite *suite_conf_examples(void)
{
	Suite *s = suite_create("conf_examples");
	TCase *t = tcase_create("examples");
	tcase_add_test(t, every_example_is_valid);
	tcase_add_test(t, the_orchestrator_has_its_three_servers_and_a_second_agent);
	tcase_add_test(t, the_configurations_in_the_documentation_are_valid);
	suite_add_tcase(s, t);
	return s;
}
