/* SPDX-License-Identifier: MIT */
/*
 * finding: what one check found: a verdict, one sentence, and what to do about it; and the findings of a run, told as
 * they come (text) or at the end (JSON).
 * Line:    "fail   socket: permission denied at /var/run/docker.sock; add group_add: …"
 * Used by: judge*.c, which make them from plain facts, and the checks, which gather the facts.
 */
#ifndef DOCTOR_FINDING_H
#define DOCTOR_FINDING_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

/* In the order in which they are usually told. */
enum check {
	CHECK_USER,
	CHECK_ENVIRONMENT,
	CHECK_CONFIG,
	CHECK_VARIABLES,
	CHECK_RUNTIME_DIR,
	CHECK_PIPES,
	CHECK_MCPINIT,
	CHECK_CREDENTIALS,
	CHECK_ENDPOINT,
	CHECK_SOCKET,
	CHECK_ENGINE,
	CHECK_CLI,
	CHECK_CONTAINER,
	CHECK_WORKSPACE,
	CHECK_SIBLING,
	CHECK_LIMITS,
	CHECK_IMAGE,
	CHECK_DNS,
	CHECK_FIFO,
	CHECKS
};
/* "socket"; never NULL. */
const char *check_name(enum check check);

struct finding {
	enum check check;
	enum verdict verdict;
	char text[1024];
	char remedy[1024]; /* "": none is needed */
};

struct finding finding_of(enum check check);
/* The verdict and its sentence; replaces what was there. */
void finding_set(struct finding *f, enum verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends to the sentence, or to the remedy; what does not fit is cut. */
void finding_add(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_remedy(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct findings;

/* NULL: out of memory. to is borrowed. */
struct findings *findings_new(FILE *to, bool is_json);
/* Tells it; what a terminal would obey in it is shown as "?". */
void findings_add(struct findings *all, const struct finding *f);
bool findings_have_failed(const struct findings *all);
/* All are there: JSON is printed now. -EIO: the output could not be written. */
int findings_end(struct findings *all);
void findings_free(struct findings *all);

#endif
