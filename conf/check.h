/* SPDX-License-Identifier: MIT */
/*
 * check: rules across keys, and what follows from several: defaults that depend on other keys, ids of names, secrets
 * that are passed through. Everything wrong is told; nothing stops at the first.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include <stdint.h>

struct conf;
struct place;
struct report;
struct sections;

struct check {
	const struct sections *sections; /* where everything stands */
	const char *const *environ;
	int64_t euid;
	struct report *report;
};

/* All but check_order(). c: made of these sections, its servers and agents in their order. */
void check_conf(struct conf *c, const struct check *with);
/* depends_on: names, loops; shutdown_timeout against the graces of all waves. */
void check_order(const struct conf *c, const struct check *with);
/* The sentence for a name that no server has: the nearest that one has. */
void check_tell_no_server(const struct conf *c, const struct check *with, const struct place *at,
			  const char *name);

#endif
