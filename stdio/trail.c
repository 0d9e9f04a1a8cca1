/* SPDX-License-Identifier: MIT */
#include "stdio/trail.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_CAP = 32 };

void trail_done(struct trail *t)
{
	free(t->ends);
	*t = (struct trail){ 0 };
}

static bool resize(struct trail *t, size_t cap)
{
	uint64_t *ends = realloc(t->ends, cap * sizeof(*ends));
	if (!ends)
		return false;
	t->ends = ends;
	t->cap = cap;
	return true;
}

static void drop_oldest(struct trail *t, size_t n)
{
	if (n == 0)
		return;
	t->n -= n;
	memmove(t->ends, t->ends + n, t->n * sizeof(*t->ends));
}

static void add(struct trail *t, uint64_t end)
{
	if (t->n == t->cap && !resize(t, t->cap ? t->cap * 2 : MIN_CAP)) {
		if (t->n == 0)
			return;
		drop_oldest(t, (t->n + 1) / 2);
	}
	t->ends[t->n++] = end;
}

void trail_wrote(struct trail *t, const char *bytes, size_t n)
{
	const char *stop = bytes + n;
	for (const char *p = bytes; p < stop;) {
		const char *end = memchr(p, '\n', (size_t)(stop - p));
		if (!end)
			break;
		p = end + 1;
		add(t, t->total + (uint64_t)(p - bytes));
	}
	t->total += n;
}

bool trail_is_full(const struct trail *t)
{
	return t->n > 0 && t->n == t->cap;
}

void trail_prune(struct trail *t, size_t unread)
{
	uint64_t from = unread < t->total ? t->total - unread : 0;
	size_t n = 0;
	while (n < t->n && t->ends[n] < from)
		n++;
	drop_oldest(t, n);
	if (t->cap > MIN_CAP && t->n < t->cap / 4)
		(void)resize(t, t->cap / 2); /* kept as it is when that fails */
}

bool trail_rewind(struct trail *t, size_t n)
{
	t->total -= n < t->total ? n : t->total;
	while (t->n > 0 && t->ends[t->n - 1] > t->total)
		t->n--;
	return t->total == 0 || (t->n > 0 && t->ends[t->n - 1] == t->total);
}
