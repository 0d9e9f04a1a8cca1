/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/identity.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROC_MAX = 1 << 16 };

/* What stands behind "\nNAME:", or NULL. */
static const char *field(const char *status, const char *name)
{
	char key[16];
	(void)snprintf(key, sizeof(key), "\n%s:", name); /* names are ours, and short */
	const char *at = strstr(status, key);
	return at ? at + strlen(key) : NULL;
}

/* The second number of "real effective saved file-system". */
static bool effective(const char *numbers, unsigned *ret)
{
	return numbers && sscanf(numbers, "%*u %u", ret) == 1;
}

bool identity_parse(const char *status, struct identity *ret)
{
	struct identity id = { 0 };
	const char *groups = field(status, "Groups");
	if (!groups || !effective(field(status, "Uid"), &id.uid) ||
	    !effective(field(status, "Gid"), &id.gid))
		return false;
	while (id.n_groups < IDENTITY_GROUPS) {
		groups += strspn(groups, " \t");
		char *end;
		unsigned long gid = strtoul(groups, &end, 10);
		if (*groups == '\n' || end == groups)
			break;
		id.groups[id.n_groups++] = (gid_t)gid;
		groups = end;
	}
	*ret = id;
	return true;
}

void identity_take_on(void)
{
	_cleanup_free_ char *comm = NULL;
	_cleanup_free_ char *status = NULL;
	struct identity id;
	if (geteuid() != 0 || fd_read_file("/proc/1/comm", PROC_MAX, &comm, NULL, NULL) < 0 ||
	    strcmp(comm, "mcpinit\n") != 0 ||
	    fd_read_file("/proc/1/status", PROC_MAX, &status, NULL, NULL) < 0 ||
	    !identity_parse(status, &id) || id.uid == 0)
		return;
	/* Where one of them is refused, the first finding still says who we are. */
	if (setgroups(id.n_groups, id.groups) < 0 || setgid(id.gid) < 0 || setuid(id.uid) < 0)
		return;
	const struct passwd *pw = getpwuid(id.uid);
	(void)setenv("HOME", pw ? pw->pw_dir : "/", 1); /* no memory: the old one stays */
}
