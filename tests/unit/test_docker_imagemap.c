/* SPDX-License-Identifier: MIT */
#include "docker/imagemap.h"

#include <check.h>
#include <stddef.h>

#define PY_GIT	   "ghcr.io/astral-sh/uv:python3.12-bookworm"
#define PY	   "ghcr.io/astral-sh/uv:python3.12-bookworm-slim"
#define GITHUB	   "ghcr.io/github/github-mcp-server"
#define PLAYWRIGHT "mcr.microsoft.com/playwright/mcp"

static const struct {
	const char *argv[8];
	const char *image; /* NULL: not ours to map */
} cases[] = {
	{ { "npx", "-y", "@modelcontextprotocol/server-filesystem", "/workspace" },
	  "node:lts-alpine" },
	{ { "/usr/local/bin/npx", "x" }, "node:lts-alpine" },
	{ { "npx" }, "node:lts-alpine" },
	{ { "npx", "-y", "@cyanheads/git-mcp-server@2.1" }, "node:lts" },
	{ { "npx", "-y", "--package", "@cyanheads/git-mcp-server", "x" }, "node:lts" },
	{ { "npx", "--package=@cyanheads/git-mcp-server", "x" }, "node:lts" },
	{ { "npx", "-p", "other", "x", "@cyanheads/git-mcp-server" }, "node:lts-alpine" },
	{ { "npx", "-y", "@modelcontextprotocol/server-memory" }, "node:lts-alpine" },
	/* One version of a package is that version, not its successor; and other programs of it are in no image. */
	{ { "npx", "-y", "@modelcontextprotocol/server-github@2025.4.8" }, "node:lts-alpine" },
	{ { "npx", "-y", "@modelcontextprotocol/server-github-x" }, "node:lts-alpine" },
	{ { "npx", "-p", "@playwright/mcp", "x" }, "node:lts-alpine" },
	{ { "uvx", "mcp-server-fetch" }, PY },
	{ { "uvx", "mcp-server-git", "--repository", "/workspace" }, PY_GIT },
	{ { "uvx", "mcp-server-git==1.0" }, PY_GIT },
	{ { "uvx", "mcp-server-git@latest" }, PY_GIT },
	{ { "uvx", "mcp-server-git[extra]" }, PY_GIT },
	{ { "uvx", "--from", "mcp-server-git", "cmd" }, PY_GIT },
	{ { "uvx", "--python", "3.13", "mcp-server-git" }, PY_GIT },
	{ { "uvx", "mcp-server-github" }, PY },
	{ { "uvx", "mcp-server-time", "mcp-server-git" }, PY },
	{ { "uvx", "--from" }, PY },
	{ { "npx", "mcp-server-git" }, "node:lts-alpine" },
	{ { "node", "npx" }, NULL },
	{ { "npxx", "x" }, NULL },
	{ { NULL }, NULL },
};

START_TEST(a_command_gets_the_image_that_can_run_it)
{
	struct imagemap map = { 0 };
	bool is_found = imagemap_find(cases[_i].argv, &map);
	ck_assert_int_eq(is_found, cases[_i].image != NULL);
	if (!is_found)
		return;
	ck_assert_str_eq(map.image, cases[_i].image);
	ck_assert(map.is_installing);
	ck_assert_ptr_null(map.args);
}
END_TEST

static const struct {
	const char *argv[8];
	const char *image, *prefix, *first; /* first: of the package's own arguments, or NULL */
} programs[] = {
	{ { "npx", "-y", "@modelcontextprotocol/server-github" }, GITHUB, "stdio", NULL },
	{ { "npx", "@modelcontextprotocol/server-github@latest", "--read-only" },
	  GITHUB,
	  "stdio",
	  "--read-only" },
	{ { "npx", "-y", "--", "@playwright/mcp@latest", "--isolated" },
	  PLAYWRIGHT,
	  NULL,
	  "--isolated" },
};

START_TEST(a_program_with_an_image_of_its_own_is_not_installed)
{
	struct imagemap map = { 0 };
	ck_assert(imagemap_find(programs[_i].argv, &map));
	ck_assert_str_eq(map.image, programs[_i].image);
	ck_assert_pstr_eq(map.prefix, programs[_i].prefix);
	ck_assert_ptr_nonnull(map.args);
	ck_assert_pstr_eq(map.args[0], programs[_i].first);
	ck_assert(!map.is_installing);
}
END_TEST

START_TEST(no_command_is_no_match)
{
	struct imagemap map;
	ck_assert(!imagemap_find(NULL, &map));
}
END_TEST

Suite *suite_docker_imagemap(void);
Suite *suite_docker_imagemap(void)
{
	Suite *s = suite_create("docker_imagemap");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, a_command_gets_the_image_that_can_run_it, 0,
			    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_loop_test(c, a_program_with_an_image_of_its_own_is_not_installed, 0,
			    (int)(sizeof(programs) / sizeof(programs[0])));
	tcase_add_test(c, no_command_is_no_match);
	suite_add_tcase(s, c);
	return s;
}
