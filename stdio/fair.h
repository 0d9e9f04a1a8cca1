/* SPDX-License-Identifier: MIT */
/*
 * fair: whose turn it is, by bytes: deficit round-robin over those who have something to send.
 * Whoever sent a long line waits while the others catch up, also when it left in between; alone, nobody waits.
 * Used by: mux. Loop: none, pure; slots are embedded in what takes turns.
 */
#ifndef STDIO_FAIR_H
#define STDIO_FAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fair_slot {
	struct fair_slot *prev, *next; /* NULL: not in the ring */
	int64_t credit;		       /* bytes it may still send in this turn */
	uint64_t rush;		       /* … and that counts as long as this lasts */
};

struct fair {
	struct fair_slot *turn; /* whose turn it is; NULL: nobody waits */
	uint64_t rush;		/* which one: each ends when nobody waits any more */
};

/* It has something to send now; no effect when it is in already. */
void fair_join(struct fair *f, struct fair_slot *s);
void fair_leave(struct fair *f, struct fair_slot *s);
/* Who sends next; NULL: nobody waits. */
struct fair_slot *fair_next(struct fair *f);
/* It sent n bytes. */
void fair_sent(struct fair_slot *s, size_t n);

#endif
