/* SPDX-License-Identifier: MIT */
#include "docker/imagemap.h"

#include <stddef.h>
#include <string.h>

/*
 * One row per well-known package that needs more than its runner's image, then per runner (package NULL). Filesystem,
 * memory, fetch and time need no more. With has_program the package is the image's own program, and takes the
 * package's arguments: prefix first.
 * GitHub: what was the npm package is an image now, with the same variable for the token.
 * Playwright: brings the browser, which npx would not.
 * uvx: a glibc image, since many wheels are not built for musl; mcp-server-git calls git, which the slim one lacks.
 */
static const struct {
	const char *runner, *package, *image;
	bool has_program;
	const char *prefix;
} rows[] = {
	{ "npx", "@modelcontextprotocol/server-github", "ghcr.io/github/github-mcp-server", true,
	  "stdio" },
	{ "npx", "@playwright/mcp", "mcr.microsoft.com/playwright/mcp", true, NULL },
	{ "npx", "@cyanheads/git-mcp-server", "node:lts", false, NULL }, /* git */
	{ "npx", NULL, "node:lts-alpine", false, NULL },
	{ "uvx", "mcp-server-git", "ghcr.io/astral-sh/uv:python3.12-bookworm", false, NULL },
	{ "uvx", NULL, "ghcr.io/astral-sh/uv:python3.12-bookworm-slim", false, NULL },
};

/* Flags of npx and uvx with a value of their own behind them. */
static const char *const flags_with_value[] = {
	"-p",
	"--package",
	"-w",
	"--workspace",
	"--from",
	"--python",
	"--with",
	"--index-url",
	"--index",
	"--extra-index-url",
	"--default-index",
	"-i",
	"-f",
	"--find-links",
	"--cache-dir",
	"--directory",
	"--with-requirements",
	"-c",
	"--constraints",
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* "pkg", "pkg@1.2", "pkg==1.2", "pkg[extra]": is it this package? */
static bool is_package(const char *word, const char *package)
{
	size_t n = strlen(package);
	return strncmp(word, package, n) == 0 && strchr("@=[<>~!", word[n]);
}

static bool takes_value(const char *flag)
{
	for (size_t i = 0; i < sizeof(flags_with_value) / sizeof(flags_with_value[0]); i++)
		if (strcmp(flag, flags_with_value[i]) == 0)
			return true;
	return false;
}

/* Is package what this command installs: the first word that is no flag, or the value of a flag before it? */
static bool installs(const char *const *argv, const char *package)
{
	for (const char *const *p = argv + 1; *p; p++) {
		if ((*p)[0] != '-')
			return is_package(*p, package);
		const char *value = strchr(*p, '=');
		if (value) {
			value++;
		} else if (takes_value(*p)) {
			value = *++p;
			if (!value)
				return false;
		}
		if (value && is_package(value, package))
			return true;
	}
	return false;
}

/*
 * Is it this package's own program, of no particular version, with no flag but "yes"? Then what stands behind it is the
 * program's arguments. NULL: it is not.
 */
static const char *const *program_args(const char *const *argv, const char *package)
{
	const char *const *p = argv + 1;
	while (*p && (strcmp(*p, "-y") == 0 || strcmp(*p, "--yes") == 0 || strcmp(*p, "--") == 0))
		p++;
	size_t n = strlen(package);
	if (!*p || strncmp(*p, package, n) != 0)
		return NULL;
	bool is_any = (*p)[n] == '\0' || strcmp(*p + n, "@latest") == 0;
	return is_any ? p + 1 : NULL;
}

bool imagemap_find(const char *const *argv, struct imagemap *ret)
{
	if (!argv || !argv[0])
		return false;
	const char *runner = base_name(argv[0]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *package = rows[i].package;
		const char *const *args = NULL;
		if (strcmp(runner, rows[i].runner) != 0)
			continue;
		if (rows[i].has_program ? !(args = program_args(argv, package))
					: package && !installs(argv, package))
			continue;
		*ret = (struct imagemap){
			.image = rows[i].image,
			.prefix = rows[i].prefix,
			.args = args,
			.is_installing = !args,
		};
		return true;
	}
	return false;
}
