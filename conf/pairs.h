/* SPDX-License-Identifier: MIT */
/*
 * pairs: NAME=VALUE lists (environment, labels), which merge by name, and volumes.
 * Items are split before they are expanded: what a variable holds stays inside its item, commas and all. Only an item
 * that begins with a $ is split again behind it.
 */
#ifndef CONF_PAIRS_H
#define CONF_PAIRS_H

#include <stdbool.h>

struct conf_env;
struct conf_volume;
struct err;
struct expansion;

/*
 * Adds the items to *field (NULL or owned), by name; "none" drops those of the kind instead. 1 when something was
 * stored, 0 when there was nothing or x->missing is set.
 */
int pairs_set_env(struct conf_env **field, const char *text, bool is_secret, struct expansion *x,
		  struct err *e);
int pairs_set_labels(char ***field, const char *text, struct expansion *x, struct err *e);

void pairs_free_env(struct conf_env *env);
void pairs_free_volumes(struct conf_volume *volumes);
bool pairs_is_same_text(const char *a, const char *b); /* NULL is alike NULL only */
bool pairs_is_same_env(const struct conf_env *a, const struct conf_env *b);
bool pairs_is_same_volumes(const struct conf_volume *a, const struct conf_volume *b);

#endif
