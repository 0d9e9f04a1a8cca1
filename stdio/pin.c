/* SPDX-License-Identifier: MIT */
#include "stdio/pin.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "stdio/filter.h"
#include "stdio/rpc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER "# mcpinit: tools as they were first seen (SHA-256); mcpctl tools NAME --accept\n"

struct pin {
	struct pin_print print, seen;
	unsigned changed; /* parts */
	size_t n;
	char name[]; /* n bytes, and a NUL */
};

struct owner {
	struct owner *next;
	struct pin **v; /* owned, n of them, by name */
	size_t n, cap;
	char server[];
};

struct pins {
	char *path, *tmp; /* owned; tmp is in the same directory */
	struct owner *owners;
	bool is_loaded;
	bool is_new; /* to be written */
};

/* --- in memory -------------------------------------------------------------------------------- */

static struct owner *find_owner(const struct pins *p, const char *server)
{
	struct owner *o = p->owners;
	while (o && strcmp(o->server, server) != 0)
		o = o->next;
	return o;
}

static struct owner *add_owner(struct pins *p, const char *server)
{
	size_t n = strlen(server) + 1;
	struct owner *o = calloc(1, sizeof(*o) + n), **end = &p->owners;
	if (!o)
		return NULL;
	memcpy(o->server, server, n);
	while (*end)
		end = &(*end)->next;
	*end = o;
	return o;
}

/* Where it is, or would be. */
static size_t place_of(const struct owner *o, struct span name, bool *ret_is_there)
{
	size_t from = 0, to = o->n;
	*ret_is_there = false;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		const struct pin *at = o->v[mid];
		int r = memcmp(name.p, at->name, name.n < at->n ? name.n : at->n);
		if (r == 0 && name.n == at->n) {
			*ret_is_there = true;
			return mid;
		}
		if (r < 0 || (r == 0 && name.n < at->n))
			to = mid;
		else
			from = mid + 1;
	}
	return from;
}

static struct pin *find(const struct pins *p, const char *server, struct span name)
{
	const struct owner *o = find_owner(p, server);
	bool is_there = false;
	size_t at = o ? place_of(o, name, &is_there) : 0;
	return is_there ? o->v[at] : NULL;
}

static bool make_room(struct owner *o)
{
	if (o->n < o->cap)
		return true;
	size_t cap = o->cap ? 2 * o->cap : 16;
	struct pin **v = realloc(o->v, cap * sizeof(struct pin *));
	if (!v)
		return false;
	o->v = v;
	o->cap = cap;
	return true;
}

static int add(struct pins *p, const char *server, struct span name, const struct pin_print *print)
{
	struct owner *o = find_owner(p, server);
	if (!o && !(o = add_owner(p, server)))
		return -ENOMEM;
	bool is_there;
	size_t at = place_of(o, name, &is_there);
	if (is_there)
		return -EEXIST;
	if (o->n >= PIN_TOOLS_MAX)
		return -ENOSPC;
	struct pin *pin = calloc(1, sizeof(*pin) + name.n + 1);
	if (!pin || !make_room(o)) {
		free(pin);
		return -ENOMEM;
	}
	memcpy(pin->name, name.p, name.n);
	pin->n = name.n;
	pin->print = *print;
	memmove(&o->v[at + 1], &o->v[at], (o->n - at) * sizeof(struct pin *));
	o->v[at] = pin;
	o->n++;
	return 0;
}

static void forget_all(struct pins *p)
{
	while (p->owners) {
		struct owner *o = p->owners;
		p->owners = o->next;
		for (size_t i = 0; i < o->n; i++)
			free(o->v[i]);
		free(o->v);
		free(o);
	}
}

struct pins *pins_new(const char *path)
{
	struct pins *p = calloc(1, sizeof(*p));
	if (p) {
		p->path = strdup(path);
		if (asprintf(&p->tmp, "%s.tmp", path) < 0)
			p->tmp = NULL;
	}
	if (p && (!p->path || !p->tmp)) {
		pins_free(p);
		p = NULL;
	}
	return p;
}

void pins_free(struct pins *p)
{
	if (!p)
		return;
	forget_all(p);
	free(p->path);
	free(p->tmp);
	free(p);
}

/* --- the file, read --------------------------------------------------------------------------- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* " -", or a blank and 64 hex digits; *p moves behind. */
static bool read_hash(const char **p, unsigned char hash[PIN_HASH_BYTES])
{
	const char *s = *p;
	if (*s++ != ' ')
		return false;
	if (*s == '-') {
		*p = s + 1;
		return true;
	}
	for (size_t i = 0; i < PIN_HASH_BYTES; i++, s += 2) {
		int high = digit(s[0]), low = high < 0 ? -1 : digit(s[1]);
		if (low < 0)
			return false;
		hash[i] = (unsigned char)(high * 16 + low);
	}
	*p = s;
	return true;
}

/* The name's JSON string; *p moves behind. */
static long read_name(const char **p, char out[FILTER_NAME_MAX])
{
	const char *end = *p;
	if (*end++ != '"')
		return -1;
	while (*end && *end != '"')
		end += end[0] == '\\' && end[1] ? 2 : 1;
	if (!*end)
		return -1;
	struct span text = { *p, (size_t)(end + 1 - *p) };
	struct scan scan;
	*p = end + 1;
	return scan_line(text.p, text.n, &scan) == SCAN_SCALAR ? filter_name(text, out) : -1;
}

/* 0, -ENOMEM, -EEXIST, -ENOSPC, or -EINVAL. */
static int read_line(struct pins *p, char *line)
{
	char *blank = strchr(line, ' ');
	if (!blank || blank == line)
		return -EINVAL;
	*blank = '\0';
	const char *rest = blank + 1;
	char text[FILTER_NAME_MAX];
	struct pin_print print = { 0 };
	long n = read_name(&rest, text);
	bool is_good = n >= 0;
	for (size_t i = 0; i < PIN_PARTS && is_good; i++)
		is_good = read_hash(&rest, print.hash[i]);
	if (!is_good || *rest)
		return -EINVAL;
	return add(p, line, (struct span){ text, (size_t)n }, &print);
}

static int read_lines(struct pins *p, char *text, size_t len, struct err *e)
{
	size_t number = 0;
	if (strlen(text) != len)
		return err_set(e, -EINVAL, "%s: holds a NUL byte", p->path);
	for (char *line = text, *next; *line; line = next) {
		char *end = strchr(line, '\n');
		number++;
		if (!end)
			return err_set(e, -EINVAL, "%s:%zu: is cut off", p->path, number);
		*end = '\0';
		next = end + 1;
		int r = *line && *line != '#' ? read_line(p, line) : 0;
		if (r == -ENOMEM)
			return err_oom(e);
		if (r < 0)
			return err_set(e, r, "%s:%zu: %s", p->path, number,
				       r == -EEXIST   ? "names a tool for the second time"
				       : r == -ENOSPC ? "is one tool too many"
						      : "is not SERVER \"TOOL\" and its hashes");
	}
	return 0;
}

int pins_load(struct pins *p, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	if (p->is_loaded)
		return 0;
	int r = fd_read_file(p->path, PIN_FILE_MAX, &text, &len, e);
	if (r < 0 && r != -ENOENT)
		return r;
	r = text ? read_lines(p, text, len, e) : 0;
	if (r < 0)
		forget_all(p);
	p->is_loaded = r == 0;
	return r;
}

/* --- the file, written ------------------------------------------------------------------------ */

static int put_hash(struct buf *b, const unsigned char hash[PIN_HASH_BYTES])
{
	static const unsigned char none[PIN_HASH_BYTES];
	if (memcmp(hash, none, sizeof(none)) == 0)
		return buf_adds(b, " -");
	int r = buf_adds(b, " ");
	for (size_t i = 0; i < PIN_HASH_BYTES && r == 0; i++)
		r = buf_addf(b, "%02x", hash[i]);
	return r;
}

static int put_all(const struct pins *p, struct buf *b)
{
	int r = buf_adds(b, HEADER);
	for (const struct owner *o = p->owners; o; o = o->next) {
		for (size_t i = 0; i < o->n && r == 0; i++) {
			const struct pin *pin = o->v[i];
			r = buf_addf(b, "%s ", o->server);
			if (r == 0)
				r = rpc_string(b, pin->name, pin->n);
			for (size_t k = 0; k < PIN_PARTS && r == 0; k++)
				r = put_hash(b, pin->print.hash[k]);
			if (r == 0)
				r = buf_adds(b, "\n");
		}
	}
	return r;
}

/* The directory of the file: made if it is not there (its parent must be), and synced, so that the new name lasts. */
static int open_directory(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = strndup(path, slash > path ? (size_t)(slash - path) : 1);
	if (!dir)
		return err_oom(e);
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "cannot make %s: %s", dir, strerror(errno));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, -errno, "cannot open %s: %s", dir, strerror(errno));
}

static int write_tmp(const struct pins *p, const struct buf *text, struct err *e)
{
	/* A file of our own making: nobody's link is followed, nobody's pipe waited for. */
	(void)unlink(p->tmp);
	_cleanup_close_ int fd =
		open(p->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "cannot make %s: %s", p->tmp, strerror(errno));
	int r = fd_write_all(fd, text->data, text->len);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? err_set(e, r, "cannot write %s: %s", p->tmp, strerror(-r)) : 0;
}

int pins_store(struct pins *p, struct err *e)
{
	_cleanup_buf_ struct buf text = { 0 };
	if (!p->is_new || !p->is_loaded)
		return 0;
	if (put_all(p, &text) < 0)
		return err_oom(e);
	_cleanup_close_ int dir = open_directory(p->path, e);
	int r = dir < 0 ? dir : write_tmp(p, &text, e);
	if (r == 0 && rename(p->tmp, p->path) < 0)
		r = err_set(e, -errno, "cannot rename %s to %s: %s", p->tmp, p->path,
			    strerror(errno));
	if (r < 0) {
		(void)unlink(p->tmp); /* mostly it was never there */
		return r;
	}
	(void)fsync(
		dir); /* the content is safe; a file system that cannot do this loses no more than the rename */
	p->is_new = false;
	return 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

enum pin_verdict pins_see(struct pins *p, const char *server, struct span name, struct span tool,
			  unsigned *ret_parts)
{
	struct pin_print print;
	struct pin *pin = find(p, server, name);
	if (pin_print(tool, &print) < 0 || (!pin && add(p, server, name, &print) < 0))
		return PIN_NOT;
	if (!pin) {
		p->is_new = true;
		return PIN_NEW;
	}
	unsigned differ = pin_differ(&pin->print, &print);
	bool was_seen = pin->changed && pin_differ(&pin->seen, &print) == 0;
	pin->seen = print;
	pin->changed = differ;
	*ret_parts = differ;
	return !differ ? PIN_SAME : was_seen ? PIN_STILL : PIN_CHANGED;
}

bool pins_holds(const struct pins *p, const char *server, struct span name)
{
	const struct pin *pin = find(p, server, name);
	return pin && !pin->changed;
}

unsigned pins_changed(const struct pins *p, const char *server, struct span name)
{
	const struct pin *pin = find(p, server, name);
	return pin ? pin->changed : 0;
}

void pins_each(const struct pins *p, const char *server, pins_fn *fn, void *ctx)
{
	const struct owner *o = find_owner(p, server);
	for (size_t i = 0; o && i < o->n; i++)
		if (o->v[i]->changed)
			fn(ctx, o->v[i]->name, o->v[i]->changed);
}

size_t pins_accept(struct pins *p, const char *server, struct span name)
{
	const struct owner *o = find_owner(p, server);
	size_t n = 0;
	for (size_t i = 0; o && i < o->n; i++) {
		struct pin *pin = o->v[i];
		bool is_meant =
			!name.p || (name.n == pin->n && memcmp(name.p, pin->name, name.n) == 0);
		if (!pin->changed || !is_meant)
			continue;
		pin->print = pin->seen;
		pin->changed = 0;
		p->is_new = true;
		n++;
	}
	return n;
}
