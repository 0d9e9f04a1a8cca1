/* SPDX-License-Identifier: MIT */
/*
 * idmap: agent's id ↔ wire id: the calls that have no answer yet, each once, in the order of their stamps.
 * Wire ids rise for ever and are never used twice, so a late answer to a call that is gone (cancelled, timed out, its agent
 * left) is known by its number alone: idmap_was_ours(). No tombstones, nothing that grows with what was.
 * Spec:    ids of one sender are unique among its calls in flight; string or number, compared as bytes.
 * Owns:    the entries with their copies of id and progress token. Limit: idmap_bytes() is for the owner to bound.
 * Used by: mux. Loop: none, pure.
 */
#ifndef STDIO_IDMAP_H
#define STDIO_IDMAP_H

#include "stdio/rpc.h"

#include <stdint.h>

struct mux_ask;
struct up_item;

enum call_state {
	CALL_WAITING, /* in its agent's queue */
	CALL_SENT,    /* with the server */
	CALL_AGAIN,   /* was in flight when a process died; goes first to the next one */
};

struct idmap_entry {
	uint64_t wire_id;
	void *owner;	   /* whose call; NULL: ours */
	struct span id;	   /* as the owner wrote it */
	struct span token; /* its progress token, or p == NULL */
	enum rpc_method method;
	enum call_state state;
	bool is_second;	      /* sent to a second process already */
	bool is_acked;	      /* mux: subscriptions/listen, and its agent knows that it holds */
	bool says_version;    /* mux: as requests of the modern era do */
	bool is_tools_list;   /* mux: its answer is filtered */
	bool is_plain_list;   /* mux: tools/list, and nothing else said */
	bool is_suspect;      /* its answer may have been a line that was lost */
	bool is_answered;     /* mux: the server's answer ends it */
	bool may_ask;	      /* ask: the server may ask its agent because of it */
	bool takes_turn;      /* ask: … but not while another agent is asked */
	bool has_turn;	      /* ask: it is one of those for which others wait */
	uint64_t asked_seq;   /* ask: may_ask, and the how manieth of these was sent; 0: none yet */
	int64_t stamp_ms;     /* request_timeout counts from here */
	int64_t parked_ms;    /* first met a gate with a limit; 0: never */
	struct up_item *item; /* mux: the line to send; kept while it may have to be sent again */
	struct mux_ask *ask;  /* mux: ours */

	/* private */
	struct idmap_entry *prev, *next; /* by stamp */
	struct idmap_entry *chain_wire, *chain_own;
	char bytes[];
};

struct idmap {
	struct idmap_entry **by_wire, **by_own; /* owned */
	size_t n_slots, n;
	uint64_t next_id;
	struct idmap_entry *first, *last;
};

void idmap_init(struct idmap *m);
/* Forgets all entries (item and ask are the mux's to free). */
void idmap_done(struct idmap *m);

/* id and token are copied; token.p may be NULL. NULL: out of memory. The entry is the map's until idmap_remove(). */
struct idmap_entry *idmap_add(struct idmap *m, void *owner, struct span id, struct span token);
struct idmap_entry *idmap_by_wire(const struct idmap *m, uint64_t wire_id);
struct idmap_entry *idmap_by_owner(const struct idmap *m, const void *owner, struct span id);
/* No call waits under this number, but one did. */
bool idmap_was_ours(const struct idmap *m, uint64_t wire_id);
void idmap_remove(struct idmap *m, struct idmap_entry *e);
/* A new stamp: the entry goes to the end of the order. Stamps never fall. */
void idmap_stamp(struct idmap *m, struct idmap_entry *e, int64_t now_ms);
/* What an entry costs. */
size_t idmap_bytes(const struct idmap_entry *e);

#endif
