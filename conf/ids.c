/* SPDX-License-Identifier: MIT */
#include "conf/ids.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/value.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <string.h>

/* The kernel's largest id; -1 means none. */
#define ID_MAX 4294967294

static bool is_number(const char *text, int64_t *ret)
{
	return isdigit((unsigned char)text[0]) && value_int(text, ret, NULL) == 0 && *ret <= ID_MAX;
}

int ids_group(const char *text, int64_t *ret_gid, struct err *e)
{
	if (is_number(text, ret_gid))
		return 0;
	const struct group *g = getgrnam(text);
	if (!g)
		return err_set(e, -EINVAL,
			       "there is no group \"%.60s\" in this container; write its GID",
			       text);
	*ret_gid = g->gr_gid;
	return 0;
}

int ids_user(const char *text, int64_t *ret_uid, int64_t *ret_gid, struct err *e)
{
	size_t n = strcspn(text, ":");
	_cleanup_free_ char *user = strndup(text, n);
	int64_t uid, gid = 0;
	if (!user)
		return err_oom(e);
	bool is_uid = is_number(user, &uid);
	const struct passwd *p = is_uid ? getpwuid((uid_t)uid) : getpwnam(user);
	if (!is_uid && !p)
		return err_set(e, -EINVAL,
			       "there is no user \"%.60s\" in this container; write UID:GID", user);
	if (p) {
		uid = p->pw_uid;
		gid = p->pw_gid;
	}
	if (text[n]) {
		int r = ids_group(text + n + 1, &gid, e);
		if (r < 0)
			return r;
	}
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}
