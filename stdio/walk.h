/* SPDX-License-Identifier: MIT */
/*
 * walk: the members of one object, or the items of one array, as spans. For the rare line that is looked into deeper than
 * scan does, of which scan_line() has said that it is JSON: nothing is checked again, and no byte is passed twice.
 * Used by: filter.c, pin.c. Loop: none, pure. Borrows the line.
 */
#ifndef STDIO_WALK_H
#define STDIO_WALK_H

#include "stdio/scan.h"

struct walk {
	const char *p, *end;
};

/* Is it an object or an array (not: nothing, or another value)? */
bool walk_is_object(struct span value);
bool walk_is_array(struct span value);
/* Begins before the first; value must be one of these. */
struct walk walk_into(struct span value);
/* The next one; key: p == NULL in an array. */
bool walk_next(struct walk *w, struct span *ret_key, struct span *ret_value);

/* Is the key this name, in whatever case? */
bool walk_is_like(struct span key, const char *name);

/*
 * The steps of walk_next(), for who goes into what is inside on the way: on to the next value or key, false at the end, where
 * p stands on the bracket; from a key to its value; a value that is no object and no array.
 */
bool walk_more(struct walk *w);
void walk_colon(struct walk *w);
struct span walk_scalar(struct walk *w);

/*
 * The one member of this name. False where there is none, or where readers may differ about which it is: it stands there
 * twice, or once more in another case. Keys are compared after unescaping.
 */
bool walk_member(struct span object, const char *name, struct span *ret);

#endif
