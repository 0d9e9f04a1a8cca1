/* SPDX-License-Identifier: MIT */
/*
 * report: all that is to be said about the files, gathered: errors, warnings, secrets. Each line is
 * "file:line: section: key: sentence", told once, and without the secret values met so far;
 * the lines of a file stand together, by number.
 */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include "conf/value.h"

#include <stdbool.h>

/* What passes it is counted and summed up in a last line. */
#define REPORT_MAX_LINES  1000
/* Values shorter than this are not redacted: they would blacken half the log. */
#define REPORT_MIN_SECRET 8

/* Where something stands. Borrowed strings; section and key may be NULL. */
struct place {
	const char *file;
	int line;
	const char *section; /* "server:git" */
	const char *key;
};

struct report {
	struct list errors, warnings, secrets;
	size_t unsaid; /* errors past REPORT_MAX_LINES */
	bool is_strict;
	bool is_out_of_memory; /* something is missing above */
};

void report_error(struct report *r, const struct place *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void report_warning(struct report *r, const struct place *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What a start will miss: a warning, or an error when strict. */
void report_missing(struct report *r, const struct place *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void report_secret(struct report *r, const char *value);
void report_done(struct report *r);

#endif
