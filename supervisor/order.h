/* SPDX-License-Identifier: MIT */
/*
 * order: depends_on → waves: every server stands in a later wave than all it depends on, and as early as it can.
 * Boot goes through the waves forwards, teardown backwards. Pure.
 */
#ifndef SUPERVISOR_ORDER_H
#define SUPERVISOR_ORDER_H

#include <stddef.h>

struct conf_server;
struct err;

struct order_wave {
	size_t *servers; /* n indices into the servers given, in their order */
	size_t n;
};

struct order {
	struct order_wave *waves; /* owned */
	size_t n_waves;
	size_t *indices; /* owned: what the waves point into */
};

/*
 * servers: NULL-terminated, as in struct conf. Names in depends_on that are not among them are passed over.
 * -ELOOP: they depend on each other in a circle (the sentence names one of them); then *ret is untouched.
 */
int order_make(struct conf_server *const *servers, struct order *ret, struct err *e);
void order_done(struct order *o);

#endif
