/* SPDX-License-Identifier: MIT */
#include "stdio/subs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Quoted, as they stand in a line; from verbose to silent, as in RFC 5424. */
static const char *const levels[] = {
	"",	     "\"debug\"",    "\"info\"",  "\"notice\"",	   "\"warning\"",
	"\"error\"", "\"critical\"", "\"alert\"", "\"emergency\"",
};
enum { N_LEVELS = sizeof(levels) / sizeof(levels[0]), LEVEL_UNASKED = 2 /* info */ };

struct subs_uri {
	struct subs_uri *next;
	struct span json; /* as the agent wrote it; its bytes stand behind the text */
	size_t n;
	char text[]; /* unescaped */
};

/* --- log levels --------------------------------------------------------------------------------- */

int subs_level_of(struct span value)
{
	for (int i = 1; i < N_LEVELS; i++) {
		size_t n = strlen(levels[i]);
		if (value.n == n && memcmp(value.p, levels[i], n) == 0)
			return i;
	}
	return SUBS_NO_LEVEL;
}

struct span subs_level_text(int level)
{
	return (struct span){ levels[level], strlen(levels[level]) };
}

void subs_join(struct subs *s, struct subs_agent *a)
{
	a->next = s->agents;
	if (s->agents)
		s->agents->prev = a;
	s->agents = a;
}

void subs_leave(struct subs *s, struct subs_agent *a)
{
	if (a->prev)
		a->prev->next = a->next;
	else
		s->agents = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->prev = a->next = NULL;
}

int subs_level(const struct subs *s)
{
	int level = SUBS_NO_LEVEL;
	for (const struct subs_agent *a = s->agents; a; a = a->next)
		if (a->level && (!level || a->level < level))
			level = a->level;
	return level;
}

bool subs_admits(const struct subs *s, const struct subs_agent *a, int level)
{
	if (!level || !s->level)
		return true; /* unknown, or what the server sends of its own accord */
	/* An agent that never asked is spared what another one's debugging brings. */
	return level >= (a->level ? a->level : LEVEL_UNASKED);
}

/* --- resources ---------------------------------------------------------------------------------- */

static struct subs_uri *find(const struct subs_agent *a, const char *text, size_t n)
{
	struct subs_uri *u = a->uris;
	while (u && (u->n != n || memcmp(u->text, text, n) != 0))
		u = u->next;
	return u;
}

/* The unescaped text of a JSON string, in memory of its own; NULL: not a string, or no memory. */
static char *plain(struct span uri, size_t *ret_n)
{
	char *text = malloc(uri.n + 1);
	long n = text && uri.p ? scan_text(uri, text, uri.n + 1) : -1;
	if (n < 0) {
		free(text);
		return NULL;
	}
	*ret_n = (size_t)n;
	return text;
}

static struct subs_uri *uri_new(struct span uri)
{
	struct subs_uri *u = malloc(sizeof(*u) + 2 * uri.n);
	if (!u)
		return NULL;
	long n = scan_text(uri, u->text, uri.n);
	if (n < 0) {
		free(u);
		return NULL;
	}
	u->n = (size_t)n;
	memcpy(u->text + uri.n, uri.p, uri.n);
	u->json = (struct span){ u->text + uri.n, uri.n };
	u->next = NULL;
	return u;
}

static size_t cost_of(const struct subs_uri *u)
{
	return sizeof(*u) + 2 * u->json.n;
}

int subs_add(struct subs_agent *a, struct span uri)
{
	if (!uri.p || uri.n < 2)
		return -EINVAL;
	if (sizeof(struct subs_uri) + 2 * uri.n > SUBS_MAX_BYTES - a->bytes)
		return -ENOSPC;
	struct subs_uri *u = uri_new(uri);
	if (!u)
		return -EINVAL;
	if (find(a, u->text, u->n)) {
		free(u);
		return 0;
	}
	u->next = a->uris;
	a->uris = u;
	a->bytes += cost_of(u);
	return 0;
}

void subs_remove(struct subs_agent *a, struct span uri)
{
	size_t n = 0;
	char *text = plain(uri, &n);
	struct subs_uri *u = text ? find(a, text, n) : NULL;
	free(text);
	if (!u)
		return;
	struct subs_uri **p = &a->uris;
	while (*p != u)
		p = &(*p)->next;
	*p = u->next;
	a->bytes -= cost_of(u);
	free(u);
}

static bool is_wanted_by_others(const struct subs *s, const struct subs_agent *a, const char *text,
				size_t n)
{
	for (const struct subs_agent *b = s->agents; b; b = b->next)
		if (b != a && find(b, text, n))
			return true;
	return false;
}

bool subs_is_shared(const struct subs *s, const struct subs_agent *a, struct span uri)
{
	size_t n = 0;
	char *text = plain(uri, &n);
	bool is_shared = text && is_wanted_by_others(s, a, text, n);
	free(text);
	return is_shared;
}

/* Subscribed to it, or to what it is a part of. */
static bool covers(const struct subs_agent *a, const char *text, size_t n)
{
	for (const struct subs_uri *u = a->uris; u; u = u->next)
		if (u->n <= n && memcmp(u->text, text, u->n) == 0)
			return true;
	return false;
}

bool subs_wants(const struct subs *s, const struct subs_agent *a, struct span uri)
{
	size_t n = 0;
	if (!a->uris)
		return false;
	char *text = plain(uri, &n);
	bool is_covered = false;
	for (const struct subs_agent *b = s->agents; text && b && !is_covered; b = b->next)
		is_covered = covers(b, text, n);
	/* How a server names parts is its own affair: what fits nobody is for everybody who subscribed at all. */
	bool is_wanted = !is_covered || covers(a, text, n);
	free(text);
	return is_wanted;
}

void subs_clear(struct subs *s, struct subs_agent *a, void (*gone)(void *ctx, struct span uri),
		void *ctx)
{
	a->level = SUBS_NO_LEVEL;
	while (a->uris) {
		struct subs_uri *u = a->uris;
		a->uris = u->next;
		if (gone && !is_wanted_by_others(s, a, u->text, u->n))
			gone(ctx, u->json);
		free(u);
	}
	a->bytes = 0;
}

void subs_each_of(const struct subs_agent *a, void (*fn)(void *ctx, struct span uri), void *ctx)
{
	for (const struct subs_uri *u = a->uris; u; u = u->next)
		fn(ctx, u->json);
}

/* Is b before a in the list, and wants it too? Then it was told already. */
static bool is_told(const struct subs *s, const struct subs_agent *a, const struct subs_uri *u)
{
	for (const struct subs_agent *b = s->agents; b != a; b = b->next)
		if (find(b, u->text, u->n))
			return true;
	return false;
}

void subs_each(const struct subs *s, void (*fn)(void *ctx, struct span uri), void *ctx)
{
	for (const struct subs_agent *a = s->agents; a; a = a->next)
		for (const struct subs_uri *u = a->uris; u; u = u->next)
			if (!is_told(s, a, u))
				fn(ctx, u->json);
}
