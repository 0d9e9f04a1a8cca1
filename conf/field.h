/* SPDX-License-Identifier: MIT */
/*
 * field: one field of struct conf, conf_server or conf_agent by its row of the table: from text, given back, compared.
 */
#ifndef CONF_FIELD_H
#define CONF_FIELD_H

#include "conf/schema.h"

#include <stdbool.h>

struct err;
struct expansion;

/* Gives a zeroed field the key's default. 0 or -ENOMEM. */
int field_default(const struct conf_key *k, void *object);
/*
 * text, as in the file, is expanded and replaces the value (environments and labels: is added by name). 1 when it was
 * stored; 0 when it is empty, or x->missing is set: then, as on error, the old value stays. -EINVAL: x->wrong has a sentence for each item that is wrong, or e has the only one.
 */
int field_set(const struct conf_key *k, void *object, const char *text, struct expansion *x,
	      struct err *e);
void field_done(const struct conf_key *k, void *object);
bool field_equal(const struct conf_key *k, const void *a, const void *b);

#endif
