/* SPDX-License-Identifier: MIT */
/*
 * filter: `tools` and `tools_deny`: which tools are shown, and a list of tools without the others.
 * Patterns: * is any text, ? one byte, all else itself; compared with the name after unescaping, as bytes.
 * Spliced:  what is kept of a list stands there byte for byte as the server wrote it.
 * Owns:    copies of the patterns. Used by: mux_tools.c. Loop: none, pure.
 */
#ifndef STDIO_FILTER_H
#define STDIO_FILTER_H

#include "stdio/scan.h"

struct buf;

enum { FILTER_NAME_MAX = 256 }; /* bytes; the specification allows 128 */

/* Zeroed: admits all. */
struct filter {
	char **tools, **deny; /* owned, NULL-terminated; tools NULL: all; deny NULL: none */
	bool is_broken;	      /* no memory for the patterns: admits nothing */
	bool is_narrow;	      /* it does not admit whatever comes */
};

/*
 * tools NULL: all; deny NULL: none. False when it is the same as before. When there is no memory for the copies it admits
 * nothing, which is true, too.
 */
bool filter_set(struct filter *f, char *const *tools, char *const *deny);
void filter_done(struct filter *f);
/* It admits whatever comes. */
bool filter_is_open(const struct filter *f);
bool filter_admits(const struct filter *f, struct span name);
bool filter_matches(const char *pattern, struct span name);

/*
 * A tool's name, unescaped, into out; its length. -1 where readers may differ about it, so that nothing can be decided:
 * not a string, longer than FILTER_NAME_MAX, not UTF-8, or with control characters.
 */
long filter_name(struct span value, char out[FILTER_NAME_MAX]);

/* The same of a tool, whose one member "name" it is; false: it has none that is certain. */
bool filter_name_of(struct span tool, char text[FILTER_NAME_MAX], struct span *ret);

/* The one list of tools in a result; false: there is none, or more than one. */
bool filter_find_list(struct span result, struct span *ret);
/* The list without the items that keep() does not want, appended. 0 or -ENOMEM. */
typedef bool filter_keep_fn(void *ctx, struct span tool);
int filter_splice(struct span list, filter_keep_fn *keep, void *ctx, struct buf *out);

#endif
