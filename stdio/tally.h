/* SPDX-License-Identifier: MIT */
/*
 * tally: what is counted of one agent at one server. Outlives the agent's sessions, so that no count ever falls; agents'
 * names are the configuration's, so there are few.
 * Owns: its name. Used by: mux, which keeps them all. Loop: none, pure.
 */
#ifndef STDIO_TALLY_H
#define STDIO_TALLY_H

#include <stdint.h>

struct tally {
	struct tally *next;
	uint64_t sessions; /* that have said something */
	uint64_t lost;	   /* … that we ended, because nobody read */
	uint64_t dropped;  /* notifications that it was too slow for */
	char agent[];
};

/* The agent's own, made at its first time. NULL: out of memory. */
struct tally *tally_of(struct tally **all, const char *agent);
void tally_done(struct tally **all);

#endif
