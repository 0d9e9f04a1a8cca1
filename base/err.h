/* SPDX-License-Identifier: MIT */
/*
 * err: why something failed: a code and one sentence, on the caller's stack.
 * The innermost call that knows the reason writes the sentence; callers put in front where it happened.
 * Every function below takes e == NULL and then only returns the code.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>

struct err {
	int code; /* negative errno */
	int kind; /* the module's own classification, 0 = none; docker/docker.h names its classes */
	char text[1024]; /* one sentence, no newline at the end */
};

/* Writes the sentence; returns code. "%m" in fmt prints errno as usual, so append it only where errno is meant. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As err_set, with a kind. */
int err_kind(struct err *e, int code, int kind, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts "prefix: " in front of the sentence; returns e's code, or -EIO without e. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The sentence for out of memory; returns -ENOMEM. */
int err_oom(struct err *e);

#endif
