/* SPDX-License-Identifier: MIT */
/*
 * mux_priv: what the files of the mux share. Nobody else includes it.
 *   mux.c        birth and death: of the mux, of the server's processes; the gate; time limits; deferred callbacks
 *   mux_shake.c  the handshake with a process, and requests of our own
 *   mux_agent.c  an agent: what it says, and how its session begins and ends
 *   mux_era.c    which era server and agent speak
 *   mux_up.c     towards the server: calls, the agents' queues and their turns
 *   mux_down.c   what the server says, and who gets it
 *   batch.c      arrays of messages
 *   listen.c     the modern era's subscriptions, over a restart
 *   tasks.c      whose the server's tasks are
 *   mux_tools.c  which tools an agent sees and may call
 *   mux_count.c  what has been counted
 *   ask*.c, roots.c  what the server asks agents: ask.h
 *   mux_private.c  the mux of one agent: its own greeting, and what its process asks it
 *   mux_pins.c   … and what has become of its tools since they were first seen
 *   mux_rest.c   while nobody uses the server: idle_timeout, and the list of tools that is kept
 */
#ifndef STDIO_MUX_PRIV_H
#define STDIO_MUX_PRIV_H

#include "base/buf.h"
#include "base/err.h"
#include "stdio/ask.h"
#include "stdio/batch.h"
#include "stdio/fair.h"
#include "stdio/filter.h"
#include "stdio/idmap.h"
#include "stdio/listen.h"
#include "stdio/mux.h"
#include "stdio/rpc.h"
#include "stdio/session.h"
#include "stdio/subs.h"
#include "stdio/tasks.h"

#include <sys/uio.h>

struct chan;
struct loop_timer;
struct tally;

/* A line on its way to the server, as it will be sent. */
struct up_item {
	struct up_item *prev, *next;
	struct idmap_entry *call; /* NULL: a notification */
	bool is_queued;
	bool is_held; /* ask: until it is its agent's turn */
	size_t len;
	char bytes[];
};

enum list { LIST_TOOLS, LIST_PROMPTS, LIST_RESOURCES, N_LISTS };

enum agent_phase {
	AGENT_NEW,     /* no initialize: answers only */
	AGENT_GREETED, /* it sent initialize */
	AGENT_READY,   /* … and notifications/initialized: gets notifications */
};

/* Says a thing once in a while, however often it happens. */
struct quiet {
	int64_t until_ms;
	unsigned n;
};

struct mux_agent {
	struct mux *mux;
	struct mux_agent *prev, *next;
	char *name; /* owned */
	enum mux_end_kind kind;
	void (*on_gone)(void *ctx);
	void *ctx;
	struct chan *chan; /* owned */
	enum agent_phase phase;
	struct up_item *first, *last; /* owned; waiting for the server */
	struct fair_slot turn;
	size_t n_calls;
	size_t load; /* bytes of its calls and waiting lines; over max_queue its `in` is not read */
	uint64_t given;		      /* bytes of lines that were queued for it, ever */
	uint64_t changed_at[N_LISTS]; /* given behind the last list_changed of each kind */
	struct subs_agent subs;
	struct tasks tasks;
	struct asks_agent asks;
	struct batches batches;
	struct loop_timer *timer; /* owned; linger, and how long nothing was read */
	int64_t alone_ms;   /* both ends closed (pipes), the end was read (socket) since; 0: not */
	int64_t stalled_ms; /* more than max_queue waits for it since; 0: not */
	bool had_both;	    /* MUX_PIPES: in this session somebody held both ends at once */
	bool is_paused;
	bool is_touched; /* to be tended from the loop */
	bool is_eof, is_lost;
	bool is_gone, is_told; /* MUX_SOCKET: it is over; on_gone was called */
	struct filter filter;  /* narrows the server's */
	bool is_counted;       /* this session, in the tally */
	struct tally *tally;
	struct quiet bad, dropped, refused;
};

struct mux_ask {
	struct mux *mux;
	struct idmap_entry *call; /* NULL: in the list of those that failed */
	struct mux_ask *next;
	mux_reply_fn *fn;
	void *ctx;
	bool is_internal; /* the mux's own: not told of a death */
	bool is_probe;	  /* no use of the server */
};

enum { EV_STREAM_END = 1, EV_REFUSED = 2, EV_READY = 4, EV_WANTED = 8, EV_RENEW = 16 };

struct mux {
	struct mux_params p; /* strings owned */
	struct chan *up;     /* owned; the process; NULL: none */
	unsigned generation;
	bool is_ready;	/* handshake done */
	bool has_ended; /* its stdout ended, or its stdin broke */
	bool is_closing;
	bool is_modern; /* the era in which this process is spoken to */
	bool was_ready; /* once: agents' initialize can be answered */
	enum mux_gate gate;
	char *why; /* owned */
	struct idmap ids;
	struct session session;
	struct subs subs;
	struct asks asks;
	struct fair fair;
	struct mux_agent *first, *last;
	struct filter filter;
	int tools, shown, pages;
	struct err refusal;
	unsigned events;
	bool *batch_is_cut; /* while a batch of the server's is read; borrowed */
	struct mux_ask *failed;
	struct loop_timer *defer, *due; /* owned */
	int64_t due_ms;			/* while it is armed: until when */
	struct loop_timer *idle;	/* owned; NULL: no idle_timeout */
	int64_t used_ms;		/* when somebody last used the server */
	struct buf
		tools_line; /* the answer to tools/list that this process began with; empty: not kept */
	struct buf greeting;	 /* is_private: params of initialize; empty: ours */
	struct mux_asked *asked; /* owned, n_asked; is_private: what the process asks its agent */
	size_t n_asked;
	struct buf held;     /* … and what it asked before the agent could be: lines */
	size_t n_in_flight;  /* agents' calls that are CALL_SENT */
	int64_t busy_ms;     /* when the first call after the process's last byte was sent */
	unsigned n_given_up; /* in a row, by request_timeout */
	int64_t given_up_ms; /* when the last of them was */
	struct mux_counts counts;
	struct tally *tallies; /* owned */
	size_t n_suspects,
		n_lost; /* calls whose answer may be among the oversized lines, and those lines */
	struct quiet garbage, unknown, flooding, other_era, unasked, unpinned;
};

/* --- mux.c ------------------------------------------------------------------------------------ */

void mux_raise(struct mux *m, unsigned event);
/* The agent is looked after from the loop. */
void mux_touch(struct mux_agent *a);
/* A process that can be written to is there, handshake done. */
bool mux_is_open(const struct mux *m);
void mux_became_ready(struct mux *m);
/* A call was added: arms its time limit. */
void mux_limit(struct mux *m, struct idmap_entry *call);
bool mux_may_say(struct quiet *q, unsigned *ret_more);

/* --- mux_shake.c ------------------------------------------------------------------------------ */

void shake_begin(struct mux *m);
/* Our own request, sent now whatever the state of the handshake; params: JSON object or NULL. */
struct mux_ask *ask_send(struct mux *m, const char *method, const char *params, mux_reply_fn *fn,
			 void *ctx);
/* The answer has come; may free the mux. */
void ask_answered(struct mux *m, struct idmap_entry *call, const struct rpc_msg *q);
/* As ask_send(), the answer ignored. */
void ask_quietly(struct mux *m, const char *method, const char *params);
/* The log level that the agents want together has changed: tells the process. */
void shake_tell_level(struct mux *m);
/* The process died. */
void ask_died(struct mux *m, struct idmap_entry *call);

/* --- mux_agent.c ------------------------------------------------------------------------------ */

/* What has become due: session over, queue too long, nobody reads. */
void agent_tend(struct mux_agent *a);
/* What we say ourselves. */
void agent_error(struct mux_agent *a, struct span id, int code, const char *message,
		 const char *data);
void agent_result(struct mux_agent *a, struct span id, const char *result);

/* --- mux_era.c -------------------------------------------------------------------------------- */

/* initialize, and what is of the other era: answered here as soon as the server is known. */
bool agent_answer_here(struct mux_agent *a, const struct rpc_msg *q, struct span id);
/* A request of this agent is refused; says_version: it carries one in _meta. */
bool era_differs(const struct mux_agent *a, bool says_version);

/* --- mux_up.c --------------------------------------------------------------------------------- */

/* A part of a line, and what stands there instead. at.p == NULL: nothing to replace. */
struct patch {
	struct span at, with;
};
enum { PATCHES = 4, PATCHED_PARTS = 2 * PATCHES + 1 };
/* The line as parts, patched; returns how many. Sorts the patches. */
int patch_line(const struct rpc_msg *q, struct patch *patches, int n, struct iovec *parts);
/* Decimal digits of a wire id. */
struct wire_text {
	char text[24];
};
struct span wire_of(uint64_t id, struct wire_text *t);

/* A new call: sent, or queued until it can be. */
void up_call(struct mux_agent *a, const struct rpc_msg *q);
/* Notifications of agents; dropped when no process is ready. */
void up_notify(struct mux_agent *a, const struct rpc_msg *q, struct patch *patches, int n);
/* The agent takes a call back. */
void up_cancel(struct mux_agent *a, const struct rpc_msg *q);
/* The line waits for its agent's turn, which the caller sees to. */
void up_enqueue(struct mux_agent *a, struct up_item *it);
/* Sends what waits, as far as the server takes it. */
void up_pump(struct mux *m);
/* Writes a line to the process; a broken pipe is raised as its end. 0 or -errno. */
int up_write(struct mux *m, const struct iovec *parts, int n);
int up_write_buf(struct mux *m, const struct buf *b);
/* Tells the server that nobody wants the answer any more. */
void up_send_cancelled(struct mux *m, const struct idmap_entry *call, const char *reason);
/* The process is there: what was in flight at a death goes first. */
void up_resume(struct mux *m);
/* The process is gone: what was in flight is kept for the next one or failed; waiting notifications are dropped. */
void up_died(struct mux *m, const struct mux_death *d);
/* max_queue has changed: its `in` is read, or no more. */
void up_limit(struct mux_agent *a);
/* All calls of an agent end unanswered. */
void up_forget(struct mux_agent *a, const char *reason);

/* The call is over: whoever holds something of it lets go. */
void call_end(struct mux *m, struct idmap_entry *call);
struct call_failure {
	const char *message;	       /* NULL: made of the reason */
	const char *reason;	       /* data.reason */
	const struct mux_death *death; /* or NULL */
	bool is_retryable;	       /* the server never saw it: sending it again is safe */
};
/* Answers -32603 with data, and ends it. */
void call_fail(struct mux *m, struct idmap_entry *call, const struct call_failure *f);

/* --- mux_down.c ------------------------------------------------------------------------------- */

extern const struct chan_cb down_callbacks;
enum down_weight { DOWN_MUST, DOWN_MAY_DROP };
/* One line to an agent, within its bounds. */
void down_write(struct mux_agent *a, const struct iovec *parts, int n, enum down_weight w);
void down_write_buf(struct mux_agent *a, const struct buf *b, enum down_weight w);
/* Tells initialised sessions that the lists may have changed. */
void down_lists_changed(struct mux *m);

/* --- mux_tools.c ------------------------------------------------------------------------------ */

/* This agent sees all, and may call all. */
bool tools_are_open(const struct mux_agent *a);
/*
 * A call of a tool that is not for this agent, or may not be: answered here, under id. Asked as it comes, and again when it
 * had to wait: for another process, with other tools.
 */
bool tools_refuse(struct mux_agent *a, const struct rpc_msg *q, struct span id);
/* An answer to tools/list, under this id, without what is not for this agent. */
void tools_write_list(struct mux_agent *a, const struct rpc_msg *q, struct span id);
/* A page of our own list: its tools are pinned; how many are for agents that may use all. */
int tools_took_page(struct mux *m, const char *line, size_t len);
/* Sessions are told to list again. */
void tools_changed(struct mux *m);

/* --- mux_private.c: all but private_greet() do nothing where nothing is private ---------------- */

/* The agent said initialize: it may be another client than the one that the process knows. */
void private_greet(struct mux_agent *a, const struct rpc_msg *q);
/* The process answered initialize with this error: so is the agent. */
void private_refused(struct mux *m, const char *line, size_t len);
/* A request of the process: true: the agent gets it, now or when it can. */
bool private_ask(struct mux *m, const struct rpc_msg *q);
/* The process takes one back; false: it is none of these. */
bool private_cancelled(struct mux *m, const struct rpc_msg *q);
/* The agent said initialized. */
void private_ready(struct mux_agent *a);
void private_answer(struct mux_agent *a, const struct rpc_msg *q);
/* A notification for which a shared process has no use. */
void private_notify(struct mux_agent *a, const struct rpc_msg *q);
/* Its session ends. */
void private_forget(struct mux_agent *a);
void private_died(struct mux *m);

/* --- mux_pins.c ------------------------------------------------------------------------------- */

bool pinning_is_on(const struct mux *m);
bool pinning_blocks(const struct mux *m);
/* What a list of the server's says of its tools, held against the pins. */
void pinning_see(struct mux *m, struct span list);
/* It is not as it was pinned, and so withheld; or was never in a list; or the pins cannot be read. */
bool pinning_withholds(const struct mux *m, struct span name);
/* "description, inputSchema" */
void pinning_parts(unsigned parts, struct buf *out);

/* --- mux_rest.c ------------------------------------------------------------------------------- */

/* idle_timeout; 0: none. At any time. -ENOMEM: it stays as it was. */
int rest_set_timeout(struct mux *m, int64_t ms);
/* While this call is open, somebody uses the server. */
bool rest_is_use(const struct idmap_entry *call);
/* Somebody uses it. */
void rest_used(struct mux *m);
/* Somebody may have ended to: idle_timeout counts from now. */
void rest_over(struct mux *m);
void rest_look(struct mux *m);
/* An end has nobody at it any more. */
void rest_left(struct mux *m);
void rest_due(void *ctx);
/* The answer to our own tools/list, when it is the whole list. */
void rest_keep_tools(struct mux *m, const char *line, size_t len);
/* A tools/list that all would be answered alike. */
bool rest_is_plain_list(const struct rpc_msg *q);
/* An agent was answered such a one. */
void rest_compare_tools(struct mux *m, const struct rpc_msg *q);
/* Answers it for a server that sleeps; false: it has to be woken. */
bool rest_answer_tools(struct mux_agent *a, const struct rpc_msg *q, struct span id);

#endif
