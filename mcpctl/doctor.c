/* SPDX-License-Identifier: MIT */
/*
 * doctor: becomes mcpctl-doctor, a program of its own: the engine's client and libcurl would cost every other verb ten
 * times what it takes. Where only mcpctl was copied into an image there is none, and that is said.
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "mcpctl/client.h"
#include "mcpctl/verbs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "mcpctl-doctor"

/* Beside us; the caller's; NULL: our own path cannot be read. */
static char *beside(void)
{
	char own[PATH_MAX];
	char *path = NULL;
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	if (n < 0)
		return NULL;
	own[n] = '\0';
	const char *slash = strrchr(own, '/');
	if (!slash || asprintf(&path, "%.*s/" PROGRAM, (int)(slash - own), own) < 0)
		return NULL;
	return path;
}

int verb_doctor(const struct cli *c)
{
	const char *argv[8] = { "mcpctl doctor" };
	int n = 1;
	if (c->is_json)
		argv[n++] = "--json";
	if (c->given & CLI_DEEP)
		argv[n++] = "--deep";
	if (c->config) {
		argv[n++] = "-c";
		argv[n++] = c->config;
	}
	if (c->where.option) {
		argv[n++] = "-s";
		argv[n++] = c->where.option;
	}
	_cleanup_free_ char *path = beside();
	if (path)
		(void)execv(path, (char *const *)argv); /* comes back: not there */
	if (!path || errno == ENOENT)
		(void)execvp(PROGRAM, (char *const *)argv);
	struct err e;
	err_kind(&e, -errno, WIRE_EXIT_UNAVAILABLE,
		 "cannot run " PROGRAM
		 " (%s), neither %s nor from PATH: it comes with mcpinit; run "
		 "`mcpctl doctor` in mcpinit's container, or copy it beside mcpctl (it needs "
		 "libcurl, libcjson and libinih)",
		 strerror(errno), path ? path : "beside mcpctl");
	return client_fail_as(c->is_json, &e);
}
