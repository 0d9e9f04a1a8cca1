/* SPDX-License-Identifier: MIT */
#include "supervisor/watch_walk.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_LINKS = 40 }; /* as the kernel */

struct walk {
	char done[PATH_MAX]; /* no link in it; "": the root directory */
	char rest[PATH_MAX];
	void (*fn)(void *ctx, const char *dir);
	void *ctx;
	int n_links;
};

static void tell(const struct walk *w)
{
	w->fn(w->ctx, w->done[0] ? w->done : "/");
}

static void go_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');
	if (slash)
		*slash = '\0';
}

/* The next component, cut off the rest; "" at the end. */
static void next_name(struct walk *w, char name[PATH_MAX])
{
	size_t from = strspn(w->rest, "/"), n = strcspn(w->rest + from, "/");
	memcpy(name, w->rest + from, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + from + n, strlen(w->rest + from + n) + 1);
}

static bool is_more(const struct walk *w)
{
	return w->rest[strspn(w->rest, "/")] != '\0';
}

/* The link's target is gone on with. */
static bool follow(struct walk *w, const char *link)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	if (n < 0 || ++w->n_links > MAX_LINKS)
		return false;
	target[n] = '\0';
	int k = snprintf(rest, sizeof(rest), "%s/%s", target, w->rest);
	if (k < 0 || (size_t)k >= sizeof(rest))
		return false;
	memcpy(w->rest, rest, (size_t)k + 1);
	if (target[0] == '/')
		w->done[0] = '\0';
	return true;
}

/* One component further; false: there is none, or it leads nowhere. */
static bool step(struct walk *w, const char *name)
{
	char next[PATH_MAX];
	struct stat st;
	int n = snprintf(next, sizeof(next), "%s/%s", w->done, name);
	if (n < 0 || (size_t)n >= sizeof(next))
		return false;
	if (lstat(next, &st) < 0) {
		tell(w);
		if (lstat(next, &st) < 0) /* not made before it was watched for, either */
			return false;
	}
	if (S_ISLNK(st.st_mode)) {
		tell(w);
		return follow(w, next);
	}
	if (is_more(w) && !S_ISDIR(st.st_mode)) {
		tell(w);
		return false;
	}
	memcpy(w->done, next, (size_t)n + 1);
	return true;
}

bool watch_walk(const char *path, void (*fn)(void *ctx, const char *dir), void *ctx,
		char ret_from[PATH_MAX])
{
	struct walk w = { .fn = fn, .ctx = ctx };
	char name[PATH_MAX];
	bool is_there = snprintf(w.rest, sizeof(w.rest), "%s", path) < (int)sizeof(w.rest);
	while (is_there && is_more(&w)) {
		next_name(&w, name);
		if (strcmp(name, "..") == 0)
			go_up(&w);
		else if (strcmp(name, ".") != 0)
			is_there = step(&w, name);
	}
	if (is_there) {
		go_up(&w);
		tell(&w);
	}
	(void)snprintf(ret_from, PATH_MAX, "%s", w.done[0] ? w.done : "/");
	return is_there;
}
