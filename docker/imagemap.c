/* SPDX-License-Identifier: MIT */
#include "docker/imagemap.h"

#include <stddef.h>
#include <string.h>

/*
 * One row per runner (package NULL, the last of its runner) or per package that needs more than its runner's image.
 * uvx: a glibc image, since many wheels are not built for musl; mcp-server-git calls git, which the slim one lacks.
 */
static const struct {
	const char *runner, *package, *image;
} rows[] = {
	{ "npx", "@cyanheads/git-mcp-server", "node:lts" }, /* git */
	{ "npx", NULL, "node:lts-alpine" },
	{ "uvx", "mcp-server-git", "ghcr.io/astral-sh/uv:python3.12-bookworm" },
	{ "uvx", NULL, "ghcr.io/astral-sh/uv:python3.12-bookworm-slim" },
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

bool imagemap_find(const char *const *argv, struct imagemap *ret)
{
	if (!argv || !argv[0])
		return false;
	const char *runner = base_name(argv[0]);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(runner, rows[i].runner) != 0)
			continue;
		if (rows[i].package && !installs(argv, rows[i].package))
			continue;
		*ret = (struct imagemap){
			.image = rows[i].image,
			.needs_cache = true,
			.is_installing = true,
		};
		return true;
	}
	return false;
}
