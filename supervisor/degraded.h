/* SPDX-License-Identifier: MIT */
/*
 * degraded: a server that runs, but not as it did. Pure. Three rules, each true as long as what it says is:
 *   tools      fewer than there were: than the most since a person last asked for this server, and after a person's start
 *              or restart than its last process had. Over when they are back.
 *   handshake  a process that was restarted, not by a person, says something else of itself than the last one did.
 *   restarts   it restarted by itself (died, or was found hung) three times or more in ten minutes. Over when the third last
 *              is ten minutes old.
 * A new configuration, or a change of a watched file, forgets all.
 */
#ifndef SUPERVISOR_DEGRADED_H
#define SUPERVISOR_DEGRADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEGRADED_RESTARTS = 3, DEGRADED_WINDOW_MS = 10 * 60 * 1000 };

/* Why, as a set. */
enum { DEGRADED_TOOLS = 1, DEGRADED_HANDSHAKE = 2, DEGRADED_OFTEN = 4 };

struct degraded {
	int tools, tools_before; /* of this process, and what it should have; 0: none */
	char changed[160];	 /* what is new in the handshake: a sentence's end; "": nothing */
	bool is_expected;	 /* the next process is not a restarted one: it may differ */
	int64_t restarts_ms[DEGRADED_RESTARTS]; /* when the last ones were; a ring */
	unsigned n_restarts;
	unsigned said; /* what of it was logged */
};

/* Of a handshake, before its tools are counted: what it says otherwise than the last one; NULL: nothing. */
void degraded_greeted(struct degraded *d, const char *changed);
/* So many tools were counted; negative: it offers none. */
void degraded_counted(struct degraded *d, int tools);
void degraded_restarted(struct degraded *d, int64_t now_ms);
/* A person asked for a start: what the last process had is what is expected. */
void degraded_accept(struct degraded *d);
void degraded_forget(struct degraded *d);

unsigned degraded_is(const struct degraded *d, int64_t now_ms);
/* "degraded: 3 tools, 14 before its restart; 4 restarts in 10m" or "" into out; returns what degraded_is() does. */
unsigned degraded_say(const struct degraded *d, int64_t now_ms, char *out, size_t size);
/* When DEGRADED_OFTEN will be over; 0: it is not so. */
int64_t degraded_until_ms(const struct degraded *d, int64_t now_ms);

#endif
