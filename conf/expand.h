/* SPDX-License-Identifier: MIT */
/*
 * expand: ${VAR} and its relatives in a value, as Compose does it: $VAR, ${VAR}, ${VAR:-default}, ${VAR-default},
 * ${VAR:?message}, ${VAR?message}, ${VAR:+other}, ${VAR+other}, $$. Words after the operator are expanded too; what a
 * variable holds is not looked at again. Pure.
 */
#ifndef CONF_EXPAND_H
#define CONF_EXPAND_H

#include "conf/value.h"

struct err;

/* A value after it was expanded; ${A:-${B:-…}} nested. */
#define EXPAND_MAX_BYTES (16 * 1024 * 1024)
#define EXPAND_MAX_DEPTH 32

/* What was met, over any number of calls. Zeroed but for environ; expand_done() gives it back. */
struct expansion {
	const char *const *environ; /* "K=V", NULL-terminated; may be NULL */
	struct list unset;  /* names of ${VAR} that are not set and have no default: empty */
	struct list values; /* what variables held: to be redacted */
	struct list wrong;  /* the sentences about single items of a list, by the caller */
	char *missing;	    /* the sentence of the first ${VAR:?} that is not set, or NULL */
};

/* 0 and the caller's *ret, or -EINVAL with the sentence: bad syntax. */
int expand(const char *text, struct expansion *x, char **ret, struct err *e);
void expand_done(struct expansion *x);

/* The value of name in env ("K=V" each), or NULL. */
const char *expand_getenv(const char *const *env, const char *name, size_t len);

#endif
