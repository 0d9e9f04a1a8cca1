/* SPDX-License-Identifier: MIT */
#include "docker/hostpath.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "docker/docker.h"
#include "docker/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

bool docker_is_windows_path(const char *path)
{
	if (isalpha((unsigned char)path[0]) && path[1] == ':')
		return path[2] == '\\' || path[2] == '/';
	if (path[0] == '\\' && path[1] == '\\')
		return path[2] != '\0';
	return path[0] == '/' && path[1] == '/' && isalpha((unsigned char)path[2]) &&
	       (path[3] == '/' || path[3] == '\0');
}

/* realpath() of the deepest parent that exists, and the rest behind it as it was written. NULL: e. */
static char *resolve(const char *path, struct err *e)
{
	size_t n = strlen(path);
	char *whole = NULL;
	for (;;) {
		_cleanup_free_ char *head = strndup(path, n ? n : 1); /* "/" always resolves */
		_cleanup_free_ char *real = head ? realpath(head, NULL) : NULL;
		if (real) {
			bool is_root = strcmp(real, "/") == 0;
			if (asprintf(&whole, "%s%s", is_root && path[n] ? "" : real, path + n) >= 0)
				return whole;
			errno = ENOMEM;
		}
		if (errno != ENOENT && errno != ENOTDIR) {
			err_set(e, -errno, "cannot follow %s: %s", path, strerror(errno));
			return NULL;
		}
		while (n > 0 && path[--n] != '/')
			;
	}
}

/* What of path lies below dir ("" when they are the same), or NULL: it does not. */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	while (n > 0 && dir[n - 1] == '/')
		n--;
	if (strncmp(path, dir, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	return strcmp(path + n, "/") == 0 ? "" : path + n;
}

/* The mount that path lies in: longest destination wins. */
static const struct docker_own_mount *find_mount(const struct docker_self *self, const char *path,
						 const char **ret_rest)
{
	const struct docker_own_mount *best = NULL;
	size_t best_len = 0;
	for (size_t i = 0; i < self->n_mounts; i++) {
		const struct docker_own_mount *m = &self->mounts[i];
		/* A destination may lead over a link of ours, such as /var/run. */
		_cleanup_free_ char *real = realpath(m->destination, NULL);
		const char *at = real ? real : m->destination;
		const char *rest = below(path, at);
		size_t len = strlen(at);
		if (!rest || (best && len < best_len))
			continue;
		best = m;
		best_len = len;
		*ret_rest = rest;
	}
	return best;
}

static int join(char **ret, const char *head, const char *rest, struct err *e)
{
	size_t n = strlen(head);
	if (*rest == '/' && n > 0 && head[n - 1] == '/')
		n--;
	if (asprintf(ret, "%.*s%s", (int)n, head, rest) < 0) {
		*ret = NULL;
		return err_oom(e);
	}
	return 0;
}

static int cannot_map(const char *path, const char *where, struct err *e)
{
	return err_set(
		e, -EXDEV,
		"%s lies %s, which no other container can see; mount it into this container from a directory "
		"of the host or a volume (docker run -v SOURCE:%s), or, for the workspace, set "
		"workspace_host to its path on the host",
		path, where, path);
}

static int translate(const struct docker_own_mount *m, const char *rest, bool has_subpath,
		     struct docker_mount *ret, struct err *e)
{
	bool is_volume = strcmp(m->type, "volume") == 0 && m->name && *m->name;
	if (is_volume && (!*rest || has_subpath)) {
		_cleanup_free_ char *name = strdup(m->name);
		if (!name)
			return err_oom(e);
		if (*rest && !(ret->subpath = strdup(rest + 1)))
			return err_oom(e);
		ret->type = DOCKER_MOUNT_VOLUME;
		ret->source = take_ptr(&name);
		return 0;
	}
	/* Without Subpath an engine would mount the WHOLE volume: its directory on the host instead. */
	ret->type = DOCKER_MOUNT_BIND;
	return join(&ret->source, m->source, rest, e);
}

int docker_hostpath(const struct docker_self *self, const char *path, bool has_subpath,
		    bool is_read_only, struct docker_mount *ret, struct err *e)
{
	struct docker_mount mount = { .type = DOCKER_MOUNT_BIND, .is_read_only = is_read_only };
	if (docker_is_windows_path(path) || (path[0] == '/' && (!self || !self->id))) {
		mount.source = strdup(path);
		if (!mount.source)
			return err_oom(e);
		*ret = mount;
		return 0;
	}
	if (path[0] != '/')
		return err_set(e, -EINVAL, "%s is not an absolute path", path);
	_cleanup_free_ char *real = resolve(path, e);
	if (!real)
		return e ? e->code : -EINVAL;
	const char *rest = "";
	const struct docker_own_mount *m = find_mount(self, real, &rest);
	if (!m)
		return cannot_map(path, "in this container's own file system", e);
	bool is_host = strcmp(m->type, "bind") == 0 || strcmp(m->type, "volume") == 0;
	if (!is_host || !m->source || !*m->source)
		return cannot_map(path, "in memory (tmpfs) of this container", e);
	int r = translate(m, rest, has_subpath, &mount, e);
	if (r < 0)
		return r;
	mount.is_read_only = is_read_only || m->is_read_only;
	*ret = mount;
	return 0;
}

int docker_hostpath_below(const struct docker_self *self, const char *path, size_t i, char **ret,
			  struct err *e)
{
	struct stat st;
	const char *destination = self->mounts[i].destination;
	*ret = NULL;
	_cleanup_free_ char *real = resolve(path, e);
	_cleanup_free_ char *at = real ? resolve(destination, e) : NULL;
	if (!at)
		return e ? e->code : -EINVAL;
	const char *rest = below(at, real);
	if (!rest || !*rest || (stat(at, &st) == 0 && S_ISSOCK(st.st_mode)))
		return 0;
	*ret = strdup(rest);
	return *ret ? 0 : err_oom(e);
}
