/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "base/err.h"
#include "supervisor/spawn.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>

enum { MAX_GROUPS = 65536 }; /* the kernel's own limit */

/* All digits, and small enough for an ID; -1 (4294967295) means "no change" to the kernel. */
static bool is_id(const char *text, unsigned *ret)
{
	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	unsigned long long id = strtoull(text, NULL, 10);
	if (errno != 0 || id >= UINT32_MAX)
		return false;
	*ret = (unsigned)id;
	return true;
}

static int find_group(const char *name, gid_t *ret, struct err *e)
{
	unsigned id;
	if (is_id(name, &id)) {
		*ret = id;
		return 0;
	}
	const struct group *g = getgrnam(name);
	if (!g)
		return err_set(e, -ENOENT,
			       "there is no group %s; add it to the image or give its number",
			       name);
	*ret = g->gr_gid;
	return 0;
}

/* The groups of a user that has a name; one without has its own group alone. */
static int find_groups(const char *name, struct spawn_user *u, struct err *e)
{
	int n = 32;
	while (n <= MAX_GROUPS) {
		_cleanup_free_ gid_t *groups = calloc((size_t)n, sizeof(gid_t));
		if (!groups)
			return err_oom(e);
		int room = n;
		if (getgrouplist(name, u->gid, groups, &n) >= 0) {
			u->groups = take_ptr(&groups);
			u->n_groups = (size_t)n;
			return 0;
		}
		n = n > room ? n : room * 2; /* glibc says how many there are, others do not */
	}
	return err_set(e, -E2BIG, "user %s is in more groups than the kernel takes", name);
}

int spawn_user_find(const char *spec, struct spawn_user *ret, struct err *e)
{
	_cleanup_free_ char *name = strdup(spec);
	if (!name)
		return err_oom(e);
	char *group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	struct spawn_user u = { 0 };
	unsigned id = 0;
	bool is_number = is_id(name, &id);
	const struct passwd *pw = is_number ? getpwuid(id) : getpwnam(name);
	if (!pw && !is_number)
		return err_set(e, -ENOENT,
			       "there is no user %s; add it to the image or give its number", name);
	u.uid = pw ? pw->pw_uid : id;
	u.gid = pw ? pw->pw_gid : id; /* Docker would take 0 here, which gives away root's group */
	_cleanup_free_ char *login = pw ? strdup(pw->pw_name) : NULL; /* getgrnam may reuse pw */
	if (pw && !login)
		return err_oom(e);
	int r = group && *group ? find_group(group, &u.gid, e) : 0;
	if (r == 0 && login)
		r = find_groups(login, &u, e);
	if (r == 0)
		*ret = u;
	return r;
}

void spawn_user_done(struct spawn_user *u)
{
	free(u->groups);
	*u = (struct spawn_user){ 0 };
}
