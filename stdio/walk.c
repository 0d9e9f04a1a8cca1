/* SPDX-License-Identifier: MIT */
#include "stdio/walk.h"

#include <string.h>
#include <strings.h>

enum { MAX_KEY = 64 };

bool walk_is_object(struct span value)
{
	return value.p && value.n > 0 && value.p[0] == '{';
}

bool walk_is_array(struct span value)
{
	return value.p && value.n > 0 && value.p[0] == '[';
}

struct walk walk_into(struct span value)
{
	return (struct walk){ value.p + 1, value.p + value.n - 1 };
}

static void skip_space(struct walk *w)
{
	while (w->p < w->end && memchr(" \t\r\n", *w->p, 4))
		w->p++;
}

/* Behind the string that begins at p. */
static const char *behind_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		p += *p == '\\';
	return p < end ? p + 1 : end;
}

/* Behind the value that begins at p. */
static const char *behind_value(const char *p, const char *end)
{
	size_t depth = 0;
	while (p < end) {
		char c = *p;
		if (c == '"') {
			p = behind_string(p, end);
		} else if (depth == 0 && memchr(",]} \t\r\n", c, 7)) {
			return p;
		} else {
			depth += c == '{' || c == '[';
			depth -= c == '}' || c == ']';
			p++;
		}
		if (depth == 0 && memchr("\"]}", c, 3))
			return p;
	}
	return p;
}

/* Any value, in fact, when what is inside does not matter. */
struct span walk_scalar(struct walk *w)
{
	const char *from = w->p;
	w->p = behind_value(from, w->end);
	return (struct span){ from, (size_t)(w->p - from) };
}

bool walk_more(struct walk *w)
{
	skip_space(w);
	if (w->p < w->end && *w->p == ',') {
		w->p++;
		skip_space(w);
	}
	return w->p < w->end && *w->p != '}' && *w->p != ']';
}

void walk_colon(struct walk *w)
{
	skip_space(w);
	if (w->p < w->end && *w->p == ':')
		w->p++;
	skip_space(w);
}

bool walk_next(struct walk *w, struct span *ret_key, struct span *ret_value)
{
	if (!walk_more(w))
		return false;
	struct span first = walk_scalar(w);
	skip_space(w);
	*ret_key = (struct span){ 0 };
	if (w->p < w->end && *w->p == ':') {
		*ret_key = first;
		walk_colon(w);
		first = walk_scalar(w);
	}
	*ret_value = first;
	return true;
}

/* A decoder that ignores case would take "Name" for "name". */
bool walk_is_like(struct span key, const char *name)
{
	char plain[MAX_KEY];
	long n = scan_text(key, plain, sizeof(plain));
	return n == (long)strlen(name) && strncasecmp(plain, name, (size_t)n) == 0;
}

bool walk_member(struct span object, const char *name, struct span *ret)
{
	if (!walk_is_object(object))
		return false;
	struct walk w = walk_into(object);
	struct span key, value;
	unsigned n = 0;
	bool is_exact = false;
	while (walk_next(&w, &key, &value)) {
		if (!walk_is_like(key, name))
			continue;
		n++;
		is_exact = scan_is(key, name);
		*ret = value;
	}
	return n == 1 && is_exact;
}
