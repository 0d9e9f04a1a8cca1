/* SPDX-License-Identifier: MIT */
#include "supervisor/watch_set.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#define EVENTS                                                                                     \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ATTRIB |        \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

/* Where wd stands, or would: they only rise, so a new one goes to the end. */
static size_t position(const struct watch_set *s, int wd)
{
	size_t from = 0, to = s->n;
	while (from < to) {
		size_t mid = (from + to) / 2;
		if (s->nodes[mid].wd < wd)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

struct watch_node *watch_set_find(const struct watch_set *s, int wd)
{
	size_t i = position(s, wd);
	return i < s->n && s->nodes[i].wd == wd ? &s->nodes[i] : NULL;
}

static void forget(struct watch_set *s, struct watch_node *n)
{
	free(n->path);
	s->n--;
	memmove(n, n + 1, (size_t)(s->nodes + s->n - n) * sizeof(*n));
}

void watch_set_drop(struct watch_set *s, struct watch_node *n)
{
	(void)inotify_rm_watch(s->fd, n->wd); /* gone with its directory else */
	forget(s, n);
}

void watch_set_clear(struct watch_set *s)
{
	while (s->n > 0)
		free(s->nodes[--s->n].path);
	free(take_ptr(&s->nodes));
	s->cap = 0;
}

static struct watch_node *insert(struct watch_set *s, int wd, const char *path)
{
	size_t i = position(s, wd);
	char *copy = strdup(path);
	if (copy && s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		struct watch_node *more = reallocarray(s->nodes, cap, sizeof(*more));
		if (!more) {
			free(copy);
			return NULL;
		}
		s->nodes = more;
		s->cap = cap;
	}
	if (!copy)
		return NULL;
	memmove(&s->nodes[i + 1], &s->nodes[i], (s->n - i) * sizeof(struct watch_node));
	s->nodes[i] = (struct watch_node){ .wd = wd, .path = copy };
	s->n++;
	return &s->nodes[i];
}

void watch_set_say(struct watch_set *s, int error, const char *path)
{
	if (error == ENOENT || error == ENOTDIR) /* gone meanwhile, which is told by an event */
		return;
	if (error == EACCES) {
		if (!s->is_denied_said)
			log_warn(s->server, "watch: %s and perhaps others cannot be read: %s", path,
				 strerror(error));
		s->is_denied_said = true;
		return;
	}
	if (s->is_limit_said)
		return;
	s->is_limit_said = true;
	if (error == ENOSPC)
		log_warn(s->server,
			 "watch: the kernel gives no more watches: %s and others are not watched; "
			 "raise the sysctl fs.inotify.max_user_watches",
			 path);
	else if (error == EDQUOT)
		log_warn(s->server,
			 "watch: more than %zu directories: %s and others are not watched; name "
			 "narrower paths",
			 s->max, path);
	else
		log_warn(s->server, "watch: %s and perhaps others are not watched: %s", path,
			 strerror(error));
}

struct watch_node *watch_set_add(struct watch_set *s, const char *path)
{
	int wd = -1;
	if (s->n < s->max)
		wd = inotify_add_watch(s->fd, path, EVENTS);
	else
		errno = EDQUOT;
	struct watch_node *n = wd < 0 ? NULL : watch_set_find(s, wd);
	if (wd >= 0 && !n && !(n = insert(s, wd, path))) {
		(void)inotify_rm_watch(s->fd, wd);
		errno = ENOMEM;
	}
	if (!n)
		watch_set_say(s, errno, path);
	return n;
}

void watch_set_drop_below(struct watch_set *s, const char *path)
{
	size_t len = strlen(path);
	for (size_t i = s->n; i-- > 0;) {
		struct watch_node *n = &s->nodes[i];
		if (n->is_lookout || strncmp(n->path, path, len) != 0 ||
		    (n->path[len] && n->path[len] != '/'))
			continue;
		watch_set_drop(s, n);
	}
}
