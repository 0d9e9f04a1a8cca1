/* SPDX-License-Identifier: MIT */
/*
 * program: runs a program and says what it printed. Its stdin is empty; it has a process group of its own, which is
 * killed at the deadline. Nothing blocks: SIGCHLD comes by the loop, and program_reap() is to be called for it.
 * Limit:   PROGRAM_BYTES of each stream are kept; one that prints more than a pipe holds hangs, and meets its deadline.
 * Used by: doctor.c (SIGCHLD), engine.c (docker), images.c (name lookup).
 */
#ifndef DOCTOR_PROGRAM_H
#define DOCTOR_PROGRAM_H

#include <stdint.h>

enum { PROGRAM_BYTES = 4096 };

struct err;
struct loop;
struct program;
struct programs;

struct program_result {
	int status; /* exit status, 128 + signal, or -1: it did not run, or not in time */
	const char *out, *err; /* without the newline at the end; borrowed for the call */
};

struct program_params {
	const char *const *argv; /* argv[0] is looked for in PATH */
	int64_t deadline_ms;
	void (*on_done)(void *ctx,
			const struct program_result *r); /* exactly once, from the loop */
	void *ctx;
};

struct programs *programs_new(struct loop *loop);
/* Kills what runs, without a callback. */
void programs_free(struct programs *all);
/* 0, or -errno: it could not be started, and on_done is not called. */
int programs_run(struct programs *all, const struct program_params *p);
/* SIGCHLD came. */
void programs_reap(struct programs *all);

#endif
