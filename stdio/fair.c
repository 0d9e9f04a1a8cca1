/* SPDX-License-Identifier: MIT */
#include "stdio/fair.h"

enum { QUANTUM = 64 * 1024 };

void fair_join(struct fair *f, struct fair_slot *s)
{
	if (s->next)
		return;
	if (s->credit > 0 ||
	    s->rush != f->rush) /* else it still owes what it sent before it left */
		s->credit = QUANTUM;
	s->rush = f->rush;
	if (!f->turn) {
		s->prev = s->next = s;
		f->turn = s;
		return;
	}
	s->next = f->turn; /* last in the round */
	s->prev = f->turn->prev;
	s->prev->next = s;
	s->next->prev = s;
}

void fair_leave(struct fair *f, struct fair_slot *s)
{
	if (!s->next)
		return;
	if (f->turn == s)
		f->turn = s->next == s ? NULL : s->next;
	s->prev->next = s->next;
	s->next->prev = s->prev;
	s->prev = s->next = NULL;
	f->rush += !f->turn;
}

struct fair_slot *fair_next(struct fair *f)
{
	struct fair_slot *s = f->turn;
	if (!s)
		return NULL;
	if (s->next == s && s->credit <= 0)
		s->credit = QUANTUM; /* nobody to be fair to */
	while (s->credit <= 0) {
		s->credit += QUANTUM;
		s = s->next;
	}
	f->turn = s;
	return s;
}

void fair_sent(struct fair_slot *s, size_t n)
{
	s->credit -= (int64_t)n;
}
