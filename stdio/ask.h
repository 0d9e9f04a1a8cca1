/* SPDX-License-Identifier: MIT */
/*
 * ask: a server's own requests (sampling, elicitation): which agent gets them; and whose call runs, so that this is known.
 *
 * A server writes such a request without a word of the call that made it ask. Whose call it was is found out, never
 * guessed, unless ask_policy = newest says so: of the agents that can answer it and have a call with the server, which was
 * sent before, there is only one; or, while no such call is there at all, only one agent can answer it. For ask_policy =
 * serialize, tools/call of agents that can be asked is admitted one agent at a time, but for tools that are said to be
 * readOnly. Where it is not known even so, the request waits a while for the calls of others to end: the one that it
 * came from does not end before it is answered. A call that was taken back or given up counts as one that
 * runs for ASK_GHOST_MS, if no late answer comes: what it made the server ask may be under way. Then it is over: a server
 * that asks for it even later asks whoever else has a call.
 *
 * Spec:    MCP 2025-11-25 client/sampling, client/elicitation, client/roots. Not in the modern era: servers do not ask.
 * Owns:    the requests that wait for an answer; what is remembered of agents.
 * Limits:  ASK_MAX_PENDING requests at one agent; as many, and max_queue bytes, of those whose agent is not known yet.
 * Files:   ask.c (there and back), ask_who.c (which agent), ask_turn.c (one agent at a time), ask_link.c (elicitation by
 *          URL), roots.c. Used by: mux.
 */
#ifndef STDIO_ASK_H
#define STDIO_ASK_H

#include "base/buf.h"
#include "stdio/rpc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ask_ghost;
struct ask_link;
struct cJSON;
struct idmap_entry;
struct loop_timer;
struct mux;
struct mux_agent;
struct root;
struct up_item;

/* What an agent said it can do. */
enum {
	ASK_ROOTS = 1,
	ASK_SAMPLING = 2,
	ASK_SAMPLING_TOOLS = 4,
	ASK_FORM = 8,
	ASK_URL = 16,
};

enum {
	ASK_MAX_PENDING = 64,
	ASK_MAX_ID = 4096,	 /* bytes of a server's id and progress token */
	ASK_WAIT_MS = 10 * 1000, /* for the calls of others to end */
	ASK_GHOST_MS = 2 * 1000,
	ASK_MAX_GHOSTS = 64,
};

/* A request on its way to an agent, which knows it as "m<number>". */
struct question {
	struct question *prev, *next;
	uint64_t number;
	struct mux_agent *agent; /* NULL: not known yet */
	enum rpc_method method;
	unsigned needs;	       /* ASK_… */
	struct span id, token; /* the server's; id.p == NULL: the mux asks, for roots */
	uint64_t seq;	       /* calls sent later did not cause it */
	int64_t until_ms;      /* agent not known: how long it waits */
	size_t len;	       /* agent not known: of the line in bytes */
	char bytes[];
};

/* An agent's part; zeroed at first. */
struct asks_agent {
	unsigned can;	    /* ASK_… */
	size_t n_asked;	    /* of the server, not answered yet */
	size_t n_turns;	    /* its calls that were admitted one agent at a time */
	struct root *roots; /* owned */
	bool is_fetching, is_fetch_again;
};

/* A server's part; zeroed at first. */
struct asks {
	unsigned declared; /* MUX_…, to this process */
	uint64_t next_number, seq;
	struct question *first, *last; /* owned */
	size_t n_open, open_bytes;     /* of these, those whose agent is not known yet */
	struct loop_timer *timer;      /* owned */
	struct mux_agent *turn;	       /* whose calls are admitted; NULL: nobody's are there */
	struct up_item *held_first, *held_last; /* their agents' */
	struct buf read_only;			/* names of tools, each with its NUL */
	bool has_tools_moved, is_learning;
	struct ask_link *links;	  /* owned */
	struct ask_ghost *ghosts; /* owned; the newest first */
	struct buf told;	  /* the roots that the process knows, or was told to ask for */
	bool has_roots_moved;
};

/* --- ask.c -------------------------------------------------------------------------------------- */

void asks_done(struct mux *m);
/* A process is greeted; it has gone. */
void asks_begin(struct mux *m);
void asks_died(struct mux *m);
/* mux_configure() has changed what it was. */
void asks_configured(struct mux *m, unsigned capabilities_before);
/* From the loop: what waits for a call to end. */
void asks_tend(struct mux *m);

/* A server's request; what is to be answered at once is put into out, else it stays empty. 0, -ENOMEM. */
int asks_request(struct mux *m, const struct rpc_msg *q, struct buf *out);
/* The server takes a request back. */
void asks_cancelled(struct mux *m, const struct rpc_msg *q);
/* Is an agent being asked? */
bool asks_is_pending(const struct mux *m);

/* An agent's answer, and its progress notification. */
void asks_answered(struct mux_agent *a, const struct rpc_msg *q);
void asks_progress(struct mux_agent *a, const struct rpc_msg *q);
/* Its session is over, its calls have ended: whoever asked it gets an answer. */
void asks_forget(struct mux_agent *a);

/* For ask_who.c: what wakes those that wait. */
bool asks_has_timer(struct mux *m);
/* For roots.c: a request of our own, of no parameters, to an agent. 0, -ENOMEM. */
int asks_own(struct mux_agent *a, const char *method, enum rpc_method kind);

/* --- ask_who.c ---------------------------------------------------------------------------------- */

/* JSON of MUX_… for initialize. */
int asks_declare(unsigned capabilities, struct buf *out);
/* An agent's initialize. */
void asks_greeted(struct mux_agent *a, const struct rpc_msg *q);
/* Of what was declared to the server, is there anything that this agent can do? */
bool asks_can_be_asked(const struct mux_agent *a);

struct choice {
	struct mux_agent *agent;
	bool is_ambiguous; /* several have calls that may have caused it */
	int code;	   /* no agent: why nobody is asked */
	const char *why;
};
/* The call that caused it has ended. */
extern const struct choice who_is_over;
/* What a request asks of an agent. ASK_… */
unsigned who_needs(const struct rpc_msg *q);
/* a: who owns the task that the request names. */
struct choice who_if(struct mux_agent *a, unsigned needs);
/* seq: of the last call that was sent before the server asked, since_ms; is_new: that is now. */
struct choice who_is_asked(const struct mux *m, unsigned needs, uint64_t seq, int64_t since_ms,
			   bool is_new);

/* A call that the server may ask because of has ended without its answer; its answer has come after all. */
void ghost_note(struct mux *m, const struct idmap_entry *call);
void ghost_answered(struct mux *m, uint64_t wire_id);
/* When the next of them is forgotten; INT64_MAX: none is. */
int64_t ghost_until(const struct mux *m);
/* Does one of another agent still have the turn? */
bool ghost_bars(const struct mux *m, const struct mux_agent *a);
/* The agent, the process is gone. */
void ghost_left(const struct mux_agent *a);
void ghost_forget(struct mux *m);

/* --- ask_turn.c --------------------------------------------------------------------------------- */

/* A new call: may the server ask because of it, and does it take the turn? */
void turn_note(struct mux *m, struct idmap_entry *call, const struct rpc_msg *q);
/* call: NULL for a notification. */
bool turn_must_wait(const struct mux *m, const struct idmap_entry *call);
/* Its line is set aside until another agent's calls have ended; false: it may go. */
bool turn_hold(struct mux *m, struct up_item *it);
bool turn_is_held(const struct idmap_entry *call);
/* The line goes away. */
void turn_drop(struct mux *m, struct up_item *it);
/* The call is with the server; is over. */
void turn_sent(struct mux *m, struct idmap_entry *call);
void turn_over(struct mux *m, struct idmap_entry *call);
/* Whoever may go, goes. */
void turn_pass(struct mux *m);
/* It is asked: what it holds back may be what it needs to answer. */
void turn_free_all_of(struct mux_agent *a);
/* Tools of the handshake's list. */
void turn_learn_tools(struct mux *m, const struct cJSON *tools);
/* The server's list is another; looks at it, when it can. */
void turn_tools_changed(struct mux *m);
void turn_look(struct mux *m);
/* The process is gone. */
void turn_forget_tools(struct mux *m);

/* --- ask_link.c --------------------------------------------------------------------------------- */

/* An elicitation by URL was shown to this agent; params of elicitation/create, or what is in error -32042. */
void link_note(struct mux_agent *a, struct span elicitation);
void link_note_error(struct mux_agent *a, struct span error);
/* notifications/elicitation/complete, for the agent that it was shown to. */
void link_complete(struct mux *m, const struct rpc_msg *q);
/* a == NULL: of all agents. */
void link_forget(struct mux *m, const struct mux_agent *a);

/* --- roots.c ------------------------------------------------------------------------------------ */

/* The agent's roots are asked for, if it has any and the server is told of them. */
void roots_fetch(struct mux_agent *a);
void roots_answered(struct mux_agent *a, const struct rpc_msg *q);
void roots_forget(struct mux_agent *a);
/* The answer to roots/list: the union of all agents', each URI once. 0, -ENOMEM. */
int roots_answer(struct mux *m, struct span id, struct buf *out);
/* A new process: it is told of changes from now on. */
void roots_begin(struct mux *m);
/* Tells the process if they are others than it knows. */
void roots_tell(struct mux *m);

#endif
