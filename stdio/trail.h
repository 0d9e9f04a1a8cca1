/* SPDX-License-Identifier: MIT */
/*
 * trail: where lines began among the last bytes written to a pipe, so that bytes taken back out of it can be told to
 * begin with a whole line or with the rest of one.
 * Owns:    a few offsets: as many as lines lie unread in the pipe, if trail_prune() is called when trail_is_full().
 * Used by: chan.c. Loop: none, pure.
 */
#ifndef STDIO_TRAIL_H
#define STDIO_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trail {
	uint64_t total; /* bytes written */
	uint64_t *ends; /* owned; offsets behind each newline, ascending */
	size_t n, cap;
};

void trail_done(struct trail *t);
/* These bytes were written. Out of memory forgets the oldest offsets: then a whole line may count as a cut one. */
void trail_wrote(struct trail *t, const char *bytes, size_t n);
bool trail_is_full(const struct trail *t);
/* Only the last unread bytes may ever come back: forgets what lies before them. */
void trail_prune(struct trail *t, size_t unread);
/* The last n bytes came back: they count as never written. Did a line begin with the first of them? */
bool trail_rewind(struct trail *t, size_t n);

#endif
