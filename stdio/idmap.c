/* SPDX-License-Identifier: MIT */
#include "stdio/idmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 16, FEW_SLOTS = 256 };

void idmap_init(struct idmap *m)
{
	memset(m, 0, sizeof(*m));
	m->next_id = 1;
}

void idmap_done(struct idmap *m)
{
	while (m->first)
		idmap_remove(m, m->first);
	free(m->by_wire);
	free(m->by_own);
	m->by_wire = m->by_own = NULL;
	m->n_slots = 0;
}

/* --- slots ------------------------------------------------------------------------------------ */

static size_t wire_slot(const struct idmap *m, uint64_t wire_id)
{
	return (size_t)(wire_id * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (m->n_slots - 1);
}

/* FNV-1a. An agent could make its own ids collide, and would slow down its own lookups by idmap_bytes()'s bound. */
static size_t own_slot(const struct idmap *m, const void *owner, struct span id)
{
	uint64_t h = UINT64_C(0xCBF29CE484222325) ^ (uint64_t)(uintptr_t)owner;
	for (size_t i = 0; i < id.n; i++)
		h = (h ^ (unsigned char)id.p[i]) * UINT64_C(0x100000001B3);
	return (size_t)(h ^ h >> 29) & (m->n_slots - 1);
}

static void link_slots(struct idmap *m, struct idmap_entry *e)
{
	size_t w = wire_slot(m, e->wire_id), o = own_slot(m, e->owner, e->id);
	e->chain_wire = m->by_wire[w];
	m->by_wire[w] = e;
	e->chain_own = m->by_own[o];
	m->by_own[o] = e;
}

/* -ENOMEM: they stay as they were. */
static int resize(struct idmap *m, size_t n)
{
	struct idmap_entry **wire = calloc(n, sizeof(struct idmap_entry *));
	struct idmap_entry **own = calloc(n, sizeof(struct idmap_entry *));
	if (!wire || !own) {
		free(wire);
		free(own);
		return -ENOMEM;
	}
	free(m->by_wire);
	free(m->by_own);
	m->by_wire = wire;
	m->by_own = own;
	m->n_slots = n;
	for (struct idmap_entry *e = m->first; e; e = e->next)
		link_slots(m, e);
	return 0;
}

static bool grow(struct idmap *m)
{
	if (m->n < m->n_slots)
		return true;
	/* Fuller chains still work. */
	return resize(m, m->n_slots ? m->n_slots * 2 : FIRST_SLOTS) == 0 || m->n_slots > 0;
}

/* After a burst. */
static void shrink(struct idmap *m)
{
	if (m->n_slots > FEW_SLOTS && m->n < m->n_slots / 8)
		(void)resize(m, m->n_slots / 4); /* kept as they are when that fails */
}

/* --- order ------------------------------------------------------------------------------------ */

static void append(struct idmap *m, struct idmap_entry *e)
{
	e->prev = m->last;
	e->next = NULL;
	if (m->last)
		m->last->next = e;
	else
		m->first = e;
	m->last = e;
}

static void detach(struct idmap *m, struct idmap_entry *e)
{
	if (e->prev)
		e->prev->next = e->next;
	else
		m->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		m->last = e->prev;
}

/* --- entries ---------------------------------------------------------------------------------- */

struct idmap_entry *idmap_add(struct idmap *m, void *owner, struct span id, struct span token)
{
	if (!grow(m))
		return NULL;
	struct idmap_entry *e = calloc(1, sizeof(*e) + id.n + token.n);
	if (!e)
		return NULL;
	e->wire_id = m->next_id++;
	e->owner = owner;
	if (id.n)
		memcpy(e->bytes, id.p, id.n);
	e->id = (struct span){ e->bytes, id.n };
	if (token.p) {
		memcpy(e->bytes + id.n, token.p, token.n);
		e->token = (struct span){ e->bytes + id.n, token.n };
	}
	link_slots(m, e);
	append(m, e);
	m->n++;
	return e;
}

struct idmap_entry *idmap_by_wire(const struct idmap *m, uint64_t wire_id)
{
	if (m->n == 0)
		return NULL;
	struct idmap_entry *e = m->by_wire[wire_slot(m, wire_id)];
	while (e && e->wire_id != wire_id)
		e = e->chain_wire;
	return e;
}

struct idmap_entry *idmap_by_owner(const struct idmap *m, const void *owner, struct span id)
{
	if (m->n == 0)
		return NULL;
	struct idmap_entry *e = m->by_own[own_slot(m, owner, id)];
	while (e && (e->owner != owner || e->id.n != id.n || memcmp(e->id.p, id.p, id.n) != 0))
		e = e->chain_own;
	return e;
}

bool idmap_was_ours(const struct idmap *m, uint64_t wire_id)
{
	return wire_id > 0 && wire_id < m->next_id && !idmap_by_wire(m, wire_id);
}

void idmap_remove(struct idmap *m, struct idmap_entry *e)
{
	struct idmap_entry **w = &m->by_wire[wire_slot(m, e->wire_id)];
	while (*w != e)
		w = &(*w)->chain_wire;
	*w = e->chain_wire;
	struct idmap_entry **o = &m->by_own[own_slot(m, e->owner, e->id)];
	while (*o != e)
		o = &(*o)->chain_own;
	*o = e->chain_own;
	detach(m, e);
	m->n--;
	free(e);
	shrink(m);
}

void idmap_stamp(struct idmap *m, struct idmap_entry *e, int64_t now_ms)
{
	e->stamp_ms = now_ms;
	if (m->last == e)
		return;
	detach(m, e);
	append(m, e);
}

size_t idmap_bytes(const struct idmap_entry *e)
{
	return sizeof(*e) + e->id.n + e->token.n;
}
