/* SPDX-License-Identifier: MIT */
/* What an agent may use after a reload, where something stands in the way of a pipe. */
#include "tests/unit/control_rig.h"

#include "stdio/fifo.h"
#include "supervisor/agents.h"
#include "supervisor/doors.h"

#include <sys/stat.h>

static void open_doors(void)
{
	struct err e = { 0 };
	open_all();
	sv.fifos = fifo_set_new(sv.loop, &e);
	ck_assert_msg(sv.fifos != NULL, "%s", e.text);
}

static void close_doors(void)
{
	doors_close(&sv, "planner");
	doors_close(&sv, "late");
	fifo_set_free(sv.fifos);
	close_all();
}

static struct server *git(void)
{
	return supervisor_find(&sv, "git");
}

static struct conf_agent agent(const char *name, const char *const *servers)
{
	static const char *const all[] = { "*", NULL };
	return (struct conf_agent){ .name = (char *)name,
				    .uid = -1,
				    .gid = -1,
				    .servers = (char **)servers,
				    .tools = (char **)all };
}

static const char *in_dir(const char *name)
{
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s/mcp/%s", dir, name);
	return path;
}

/* A file where the directory of the pipes shall be. */
static void block(const char *name)
{
	FILE *f = fopen(in_dir(name), "w");
	ck_assert_ptr_nonnull(f);
	(void)fclose(f);
}

START_TEST(what_an_agent_may_not_use_any_more_goes_though_another_pipe_fails)
{
	static const char *const before[] = { "fs", NULL }, *const after[] = { "git", NULL };
	struct conf_agent was = agent("planner", before), is = agent("planner", after);
	struct err e = { 0 };
	ck_assert_msg(doors_open(&sv, &was, &e) == 0, "%s", e.text);
	ck_assert(agents_has_pipes(server_agents(fs()), "planner"));
	block("planner/git");
	ck_assert_int_lt(doors_open(&sv, &is, &e), 0);
	ck_assert(!agents_has_pipes(server_agents(fs()), "planner"));
}
END_TEST

START_TEST(what_could_not_be_opened_withholds_nothing_else_and_is_tried_again)
{
	static const char *const servers[] = { "*", NULL };
	struct conf_agent late = agent("late", servers);
	struct err e = { 0 };
	struct stat st;
	ck_assert_int_eq(mkdir(in_dir("late"), 0750), 0);
	block("late/fs");
	ck_assert_int_lt(doors_open(&sv, &late, &e), 0);
	assert_has(e.text, "late/fs is no directory");
	ck_assert(agents_has_pipes(server_agents(git()), "late"));
	ck_assert_int_eq(stat(in_dir("late/agent.sock"), &st), 0);
	ck_assert_int_eq(unlink(in_dir("late/fs")), 0);
	ck_assert_msg(doors_open(&sv, &late, &e) == 0, "%s", e.text);
	ck_assert(agents_has_pipes(server_agents(fs()), "late"));
}
END_TEST

/* Nor is a second socket made, where the first reload brought the directory and no socket. */
START_TEST(an_agent_without_its_socket_gets_it_with_the_next_reload)
{
	static const char *const servers[] = { "fs", NULL };
	struct conf_agent late = agent("late", servers);
	struct err e = { 0 };
	struct stat st;
	ck_assert_int_eq(mkdir(in_dir("late"), 0750), 0);
	ck_assert_int_eq(mkdir(in_dir("late/agent.sock"), 0750), 0);
	ck_assert_int_lt(doors_open(&sv, &late, &e), 0);
	ck_assert_int_eq(rmdir(in_dir("late/agent.sock")), 0);
	ck_assert_msg(doors_open(&sv, &late, &e) == 0, "%s", e.text);
	ck_assert_int_eq(stat(in_dir("late/agent.sock"), &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_msg(doors_open(&sv, &late, &e) == 0, "%s", e.text);
}
END_TEST

Suite *suite_supervisor_doors(void);
Suite *suite_supervisor_doors(void)
{
	Suite *s = suite_create("supervisor_doors");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, open_doors, close_doors);
	tcase_add_test(c, what_an_agent_may_not_use_any_more_goes_though_another_pipe_fails);
	tcase_add_test(c, what_could_not_be_opened_withholds_nothing_else_and_is_tried_again);
	tcase_add_test(c, an_agent_without_its_socket_gets_it_with_the_next_reload);
	suite_add_tcase(s, c);
	return s;
}
