/* SPDX-License-Identifier: MIT */
#include "stdio/filter.h"

#include "base/buf.h"
#include "stdio/rpc.h"
#include "stdio/walk.h"

#include <stdlib.h>
#include <string.h>

/* --- patterns --------------------------------------------------------------------------------- */

/* Without recursion: on a mismatch only the last * may take one byte more. */
bool filter_matches(const char *pattern, struct span name)
{
	const char *star = NULL;
	size_t i = 0, from = 0;
	while (i < name.n) {
		if (*pattern == '*') {
			star = pattern++;
			from = i;
		} else if (*pattern && (*pattern == '?' || *pattern == name.p[i])) {
			pattern++;
			i++;
		} else if (star) {
			pattern = star + 1;
			i = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool matches_one(char *const *patterns, struct span name)
{
	for (; patterns && *patterns; patterns++)
		if (filter_matches(*patterns, name))
			return true;
	return false;
}

bool filter_admits(const struct filter *f, struct span name)
{
	return !f->is_broken && (!f->tools || matches_one(f->tools, name)) &&
	       !matches_one(f->deny, name);
}

bool filter_is_open(const struct filter *f)
{
	return !f->is_narrow;
}

static bool are_alike(char *const *a, char *const *b)
{
	if (!a || !b)
		return a == b;
	while (*a && *b && strcmp(*a, *b) == 0)
		a++, b++;
	return !*a && !*b;
}

static void free_list(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

static bool copy_list(char *const *list, char ***ret)
{
	size_t n = 0;
	*ret = NULL;
	if (!list)
		return true;
	while (list[n])
		n++;
	char **copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		if (!(copy[i] = strdup(list[i]))) {
			free_list(copy);
			return false;
		}
	}
	*ret = copy;
	return copy != NULL;
}

bool filter_set(struct filter *f, char *const *tools, char *const *deny)
{
	if (!f->is_broken && are_alike(f->tools, tools) && are_alike(f->deny, deny))
		return false;
	filter_done(f);
	f->is_broken = !copy_list(tools, &f->tools) || !copy_list(deny, &f->deny);
	bool has_all = !f->tools || matches_one(f->tools, (struct span){ "", 0 }); /* by a lone * */
	f->is_narrow = f->is_broken || !has_all || (f->deny && *f->deny);
	return true;
}

void filter_done(struct filter *f)
{
	free_list(f->tools);
	free_list(f->deny);
	*f = (struct filter){ 0 };
}

/* --- names and lists -------------------------------------------------------------------------- */

long filter_name(struct span value, char out[FILTER_NAME_MAX])
{
	long n = value.p ? scan_text(value, out, FILTER_NAME_MAX) : -1;
	return n >= 0 && rpc_is_plain(out, (size_t)n) ? n : -1;
}

bool filter_name_of(struct span tool, char text[FILTER_NAME_MAX], struct span *ret)
{
	struct span value;
	long n = walk_member(tool, "name", &value) ? filter_name(value, text) : -1;
	*ret = (struct span){ text, n < 0 ? 0 : (size_t)n };
	return n >= 0;
}

bool filter_find_list(struct span result, struct span *ret)
{
	return walk_member(result, "tools", ret) && walk_is_array(*ret);
}

/* Each item goes with what stands between it and the one before; the first that is kept, with what stands behind [. */
int filter_splice(struct span list, filter_keep_fn *keep, void *ctx, struct buf *out)
{
	struct walk w = walk_into(list);
	struct span none, item;
	const char *gap = list.p, *end = list.p + list.n;
	size_t n = 0, n_kept = 0;
	int r = 0;
	while (r == 0 && walk_next(&w, &none, &item)) {
		if (n++ == 0)
			r = buf_add(out, gap, (size_t)(item.p - gap));
		if (r == 0 && keep(ctx, item)) {
			if (n > 1 && n_kept > 0)
				r = buf_add(out, gap, (size_t)(item.p - gap));
			if (r == 0)
				r = buf_add(out, item.p, item.n);
			n_kept++;
		}
		gap = item.p + item.n;
	}
	return r < 0 ? r : buf_add(out, gap, (size_t)(end - gap));
}
