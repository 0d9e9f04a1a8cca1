/* SPDX-License-Identifier: MIT */
/*
 * schema: one table row per key: section, name, type, default, limits, field, help (struct conf_key). Parsing,
 * defaults, messages about unknown keys and the man page's check all come from it: conf_keys(), in conf.h.
 */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include "conf/conf.h"

/* The row, or NULL. */
const struct conf_key *schema_find(const char *section, const char *name);
/* A sentence for a key that schema_find() did not know: names the nearest that is. */
int schema_unknown(const char *section, const char *name, struct err *e);
/* Its place in the table. */
size_t schema_index(const struct conf_key *k);
/* Does [defaults]' value stay, and a server's own is added by name? */
bool schema_is_merged(const struct conf_key *k);

/* The nearest of some names to a word, if it is near enough to be meant. */
struct nearest {
	const char *word;
	const char *best; /* borrowed from nearest_offer(); NULL: none is near */
	size_t distance;
};
void nearest_offer(struct nearest *n, const char *candidate);

#endif
