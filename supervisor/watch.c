/* SPDX-License-Identifier: MIT */
#include "supervisor/watch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "supervisor/watch_set.h"
#include "supervisor/watch_walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum {
	READS = 4,     /* of the inotify descriptor, in one round */
	ENTRIES = 512, /* of directories, in one round; to open one counts, too */
};

/* What stands at a path, as far as it matters whether it is still the same. */
struct identity {
	bool is_there, is_dir;
	dev_t dev;
	ino_t ino;
	struct timespec changed; /* of a directory it does not matter: what is in it is watched */
};

struct root {
	char *path; /* owned */
	struct identity id;
	bool is_said; /* that it is not there */
};

struct watch {
	struct loop *loop;
	struct watch_set set;
	void (*on_change)(void *ctx, const char *path);
	void *ctx;
	struct loop_io *io;
	struct loop_timer *settle; /* runs from the last change on */
	struct loop_timer *work;   /* something is to be looked at, or to be scanned */
	struct root *roots;	   /* owned */
	size_t n_roots;
	char **todo; /* owned: directories still to be scanned */
	size_t n_todo, cap_todo;
	DIR *dir; /* owned: the one being scanned */
	char *dir_path;
	bool is_boot; /* what is scanned was there before: no change */
	bool want_look, want_arm, want_anew;
	bool is_changed;
	char *changed; /* owned: what changed first */
	int64_t changed_ms;
};

/* --- changes --------------------------------------------------------------------------------- */

static void touch(struct watch *w, const char *path)
{
	int64_t now = clock_ms();
	if (!w->is_changed) {
		w->is_changed = true;
		w->changed_ms = now;
		w->changed = strdup(path);
	}
	int64_t at = now + WATCH_QUIET_MS, last = w->changed_ms + WATCH_AT_MOST_MS;
	loop_timer_at(w->settle, at < last ? at : last);
}

static void settled(void *ctx)
{
	struct watch *w = ctx;
	_cleanup_free_ char *path = take_ptr(&w->changed);
	w->is_changed = false;
	w->on_change(w->ctx, path ? path : "a file");
}

static bool ends_with(const char *name, size_t n, const char *end)
{
	size_t k = strlen(end);
	return n > k && memcmp(name + n - k, end, k) == 0;
}

static bool is_ignored(const char *name)
{
	static const char *const names[] = { ".git", "node_modules", "__pycache__", "4913" };
	static const char *const ends[] = { "~", ".swp", ".swo", ".swx" };
	size_t n = strlen(name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(name, n, ends[i]))
			return true;
	return strncmp(name, ".#", 2) == 0;
}

/* --- scanning -------------------------------------------------------------------------------- */

static void push(struct watch *w, const char *path)
{
	if (w->n_todo == w->cap_todo) {
		size_t cap = w->cap_todo ? 2 * w->cap_todo : 8;
		char **more = reallocarray(w->todo, cap, sizeof(*more));
		if (!more) {
			watch_set_say(&w->set, ENOMEM, path);
			return;
		}
		w->todo = more;
		w->cap_todo = cap;
	}
	char *copy = strdup(path);
	if (copy)
		w->todo[w->n_todo++] = copy;
	else
		watch_set_say(&w->set, ENOMEM, path);
}

static void leave_dir(struct watch *w)
{
	if (w->dir)
		(void)closedir(w->dir); /* opened for reading */
	w->dir = NULL;
	free(take_ptr(&w->dir_path));
}

/* It is watched before it is read: what comes in between is seen twice, not never. */
static void enter_dir(struct watch *w)
{
	_cleanup_free_ char *path = w->todo[--w->n_todo];
	struct watch_node *n = watch_set_add(&w->set, path);
	if (!n)
		return;
	n->is_tree = true;
	if (strcmp(n->path, path) != 0) { /* it was known under another name */
		free(n->path);
		n->path = take_ptr(&path);
	}
	w->dir_path = strdup(n->path);
	w->dir = w->dir_path ? opendir(n->path) : NULL;
	if (!w->dir) {
		watch_set_say(&w->set, w->dir_path ? errno : ENOMEM, n->path);
		leave_dir(w);
	}
}

static bool is_directory(const struct dirent *d, const char *path)
{
	struct stat st;
	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void scan_entry(struct watch *w, const struct dirent *d)
{
	_cleanup_free_ char *path = NULL;
	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || is_ignored(d->d_name) ||
	    asprintf(&path, "%s/%s", w->dir_path, d->d_name) < 0)
		return;
	if (!w->is_boot)
		touch(w, path); /* made before the directory was watched */
	if (is_directory(d, path))
		push(w, path);
}

/* True: there is more to do. */
static bool scan(struct watch *w)
{
	for (int i = 0; i < ENTRIES && (w->dir || w->n_todo > 0); i++) {
		if (!w->dir) {
			enter_dir(w);
			continue;
		}
		const struct dirent *d = readdir(w->dir);
		if (d)
			scan_entry(w, d);
		else
			leave_dir(w);
	}
	return w->dir || w->n_todo > 0;
}

/* --- roots ------------------------------------------------------------------------------------- */

static struct identity identity_of(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return (struct identity){ 0 };
	return (struct identity){
		.is_there = true,
		.is_dir = S_ISDIR(st.st_mode),
		.dev = st.st_dev,
		.ino = st.st_ino,
		.changed = st.st_ctim,
	};
}

static bool is_same(const struct identity *a, const struct identity *b)
{
	if (a->is_there != b->is_there || a->is_dir != b->is_dir)
		return false;
	if (a->dev != b->dev || a->ino != b->ino)
		return false;
	return a->is_dir ||
	       (a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec);
}

static void look_out(void *ctx, const char *dir)
{
	struct watch_node *n = watch_set_add(ctx, dir);
	if (n)
		n->is_lookout = true;
}

/* The names that its path depends on are watched first, so that no change falls in between. */
static struct identity arm(struct watch *w, struct root *r)
{
	char from[PATH_MAX] = "/";
	bool is_there = watch_walk(r->path, look_out, &w->set, from);
	if (!is_there && !r->is_said)
		log_info(w->set.server, "watch: %s is not there yet; it is watched for from %s",
			 r->path, from);
	r->is_said = !is_there;
	return identity_of(r->path);
}

static void arm_all(struct watch *w)
{
	for (size_t i = 0; i < w->n_roots; i++) {
		w->roots[i].id = arm(w, &w->roots[i]);
		if (w->roots[i].id.is_dir)
			push(w, w->roots[i].path);
	}
	loop_timer_at(w->work, 0);
}

static void look(struct watch *w)
{
	bool want_arm = w->want_arm;
	w->want_look = w->want_arm = false;
	for (size_t i = 0; i < w->n_roots; i++) {
		struct root *r = &w->roots[i];
		struct identity now = identity_of(r->path);
		if (is_same(&now, &r->id) && now.is_there && !want_arm)
			continue;
		now = arm(w, r); /* also one that is still missing: it may be nearer now */
		if (is_same(&now, &r->id))
			continue;
		touch(w, r->path);
		w->want_anew = w->want_anew || now.is_dir || r->id.is_dir;
		r->id = now;
	}
}

/* --- the descriptor ------------------------------------------------------------------------------ */

static void take_event(struct watch *w, const struct inotify_event *ev)
{
	_cleanup_free_ char *path = NULL;
	if (ev->mask & IN_Q_OVERFLOW) {
		touch(w, w->roots[0].path);
		w->want_anew = true; /* new directories may have gone unseen */
		return;
	}
	struct watch_node *n = watch_set_find(&w->set, ev->wd);
	if (!n)
		return;
	w->want_look = w->want_look || n->is_lookout;
	if (ev->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF)) {
		/* Under its name there is another one now, or none. */
		w->want_arm = w->want_arm || n->is_lookout;
		if (n->is_lookout || (ev->mask & IN_IGNORED))
			watch_set_drop(&w->set, n);
		return;
	}
	if (!n->is_tree || !ev->len || is_ignored(ev->name) ||
	    asprintf(&path, "%s/%s", n->path, ev->name) < 0)
		return;
	touch(w, path);
	if (ev->mask & IN_ISDIR && ev->mask & (IN_MOVED_FROM | IN_DELETE))
		watch_set_drop_below(&w->set, path);
	else if (ev->mask & IN_ISDIR && ev->mask & (IN_CREATE | IN_MOVED_TO))
		push(w, path);
}

static void readable(void *ctx, unsigned ready)
{
	struct watch *w = ctx;
	_Alignas(struct inotify_event) char bytes[8192];
	(void)ready;
	for (int i = 0; i < READS; i++) {
		ssize_t n = read(w->set.fd, bytes, sizeof(bytes)); /* non-blocking */
		if (n <= 0)
			break;
		for (const char *p = bytes; p < bytes + n;) {
			const struct inotify_event *ev = (const void *)p;
			take_event(w, ev);
			p += sizeof(*ev) + ev->len;
		}
	}
	if (w->want_look || w->want_anew || w->n_todo > 0)
		loop_timer_at(w->work, 0);
}

static int open_inotify(struct watch *w, struct err *e)
{
	w->set.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->set.fd < 0)
		return err_set(e, -errno,
			       "no inotify (%s): its files are not watched; raise the sysctl "
			       "fs.inotify.max_user_instances or the limit of open files",
			       strerror(errno));
	w->io = loop_io_new(w->loop, w->set.fd, LOOP_IN, readable, w, e);
	return w->io ? 0 : -EIO;
}

static void close_inotify(struct watch *w)
{
	loop_io_free(take_ptr(&w->io));
	if (w->set.fd >= 0)
		(void)close(w->set.fd); /* nothing was written */
	w->set.fd = -1;
	watch_set_clear(&w->set);
	leave_dir(w);
	while (w->n_todo > 0)
		free(w->todo[--w->n_todo]);
}

/* A directory was replaced, or events were lost: what is watched is found anew. */
static void begin_anew(struct watch *w)
{
	struct err e;
	w->want_anew = false;
	close_inotify(w);
	if (open_inotify(w, &e) < 0)
		log_warn(w->set.server, "watch: %s", e.text);
	else
		arm_all(w);
}

static void work(void *ctx)
{
	struct watch *w = ctx;
	if (w->want_look)
		look(w);
	if (w->want_anew)
		begin_anew(w);
	if (scan(w))
		loop_timer_at(w->work, 0);
	else
		w->is_boot = false;
}

/* --- birth and death --------------------------------------------------------------------------- */

static int copy_paths(struct watch *w, char *const *paths)
{
	size_t n = 0;
	while (paths[n])
		n++;
	w->roots = calloc(n + 1, sizeof(struct root));
	for (; w->roots && w->n_roots < n; w->n_roots++) {
		char *copy = strdup(paths[w->n_roots]);
		if (!copy)
			return -ENOMEM;
		w->roots[w->n_roots].path = copy;
	}
	return w->roots ? 0 : -ENOMEM;
}

struct watch *watch_new(const struct watch_params *p, struct err *e)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w) {
		err_oom(e);
		return NULL;
	}
	w->loop = p->loop;
	w->on_change = p->on_change;
	w->ctx = p->ctx;
	w->set.max = p->max_dirs ? p->max_dirs : WATCH_MAX_DIRS;
	w->set.fd = -1;
	w->is_boot = true;
	w->set.server = strdup(p->server);
	w->settle = loop_timer_new(p->loop, settled, w);
	w->work = loop_timer_new(p->loop, work, w);
	if (!w->set.server || !w->settle || !w->work || copy_paths(w, p->paths) < 0) {
		err_oom(e);
		watch_free(w);
		return NULL;
	}
	if (open_inotify(w, e) < 0) {
		watch_free(w);
		return NULL;
	}
	arm_all(w);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	close_inotify(w);
	loop_timer_free(w->settle);
	loop_timer_free(w->work);
	for (size_t i = 0; i < w->n_roots; i++)
		free(w->roots[i].path);
	free(w->roots);
	free(w->todo);
	free(w->changed);
	free(w->set.server);
	free(w);
}
