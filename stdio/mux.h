/* SPDX-License-Identifier: MIT */
/*
 * mux: N agents ↔ 1 server. Outlives every process of the server: a process is one generation.
 * Ids, progress tokens and request ids are rewritten and restored byte for byte by one scan of the line; all else is
 * copied. The handshake is done here once per process and cached; agents' initialize is answered from the cache.
 * Owns: the streams it is given. Callbacks are never called from within a call into the mux but from the loop, and may
 * call back in, mux_detach() and mux_free() included.
 * Spec: MCP 2025-11-25 and older (handshake), 2026-07-28 (stateless); why it is so: docs/architecture.md.
 *
 * Errors that agents get from here are -32603 with data {server, reason, generation, retryable}, after a death also
 * {exitCode, signal, oom, stderrTail}. retryable: the server never saw the request, or it changes nothing (a list, a read) and met
 * one death only: sending it again is safe.
 * A batch is for an agent that agreed on 2025-03-26 (batch.h), else refused (-32600). What a server may ask agents, and
 * which: stdio/ask.h.
 *
 * How a session of MUX_SOCKET ends when its client closes its writing side: what it sent is answered first, but not for
 * ever. A client that said initialize is closing down and expects us to be gone at once: calls in flight have 1 s, then
 * they are cancelled. A bare request (printf … | mcpctl connect NAME) waits for its answer, at most linger_ms.
 *
 * How a session of MUX_PIPES ends when nobody holds an end any more: at once, unless something is pending. A program that
 * said initialize and held both ends at once has died or is closing down: if none comes back within 1 s, what it had in
 * flight is cancelled. Else somebody is to come for the answers: they wait linger_ms.
 *
 * A server's line over max_message is lost. If it can only have been the answer of one call (all other calls of that
 * moment were answered since), that call is answered -32603; else request_timeout ends it. A server's line that is no JSON
 * but begins with the id of a call fails that call at once.
 */
#ifndef STDIO_MUX_H
#define STDIO_MUX_H

#include "base/hist.h"
#include "stdio/pin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct loop;
struct mux;
struct mux_agent;
struct stream;

struct mux_ready {
	const char *protocol;			  /* what the server negotiated: "2025-11-25" */
	bool is_modern;				  /* 2026-07-28: stateless */
	const char *server_name, *server_version; /* serverInfo */
	int tools;				  /* counted over all pages; -1: it offers none */
	const char *
		changed; /* what it said otherwise at its last handshake: one sentence; NULL: nothing */
	int shown;	 /* of these, to agents that may use all of it */
};

struct mux_cb {
	void (*on_ready)(void *ctx,
			 const struct mux_ready *r); /* handshake done and tools counted */
	void (*on_refused)(void *ctx,
			   const char *why); /* the handshake failed; the process is of no use */
	void (*on_stream_end)(
		void *ctx); /* the process's stdout has ended, or its stdin is broken: call mux_detach() when the exit is known */
	void (*on_wanted)(
		void *ctx); /* the first message of an agent while the gate is MUX_ASLEEP */
	void (*on_idle)(
		void *ctx); /* nobody has used the server for idle_timeout_ms, nor needs it now */
	void (*on_renew)(
		void *ctx); /* is_private: the agent is another client now: a new process is to greet it */
};

/* What is declared to the server on the agents' behalf. */
enum { MUX_ROOTS = 1, MUX_SAMPLING = 2, MUX_ELICITATION = 4 };
/* Which agent is asked, when calls of several may be what the server asks for. */
enum mux_ask_policy {
	MUX_ASK_SERIALIZE, /* it is seen to that there are not several */
	MUX_ASK_NEWEST,	   /* the one that sent the last call */
	MUX_ASK_REJECT,	   /* none */
};

struct mux_params {
	struct loop *loop;
	const char *server;    /* name for messages; copied */
	const char *version;   /* ours, for clientInfo; copied */
	const char *protocol;  /* "auto" or a dated version; copied */
	unsigned capabilities; /* MUX_ROOTS, …, or'ed */
	enum mux_ask_policy ask_policy;
	size_t max_message, max_queue; /* bytes: one line; what waits behind it */
	int64_t park_timeout_ms, linger_ms, request_timeout_ms;
	int64_t idle_timeout_ms; /* 0: on_idle is not called, and no list of tools is kept */
	char *const *tools,
		*const *tools_deny; /* patterns; copied. NULL: all are shown, none denied */
	bool is_private; /* all its ends are one agent's, whose own initialize greets the process; see mux_private.c */
	struct pins *pins; /* borrowed; NULL: nothing is pinned */
	enum pin_mode pin_mode;
	struct mux_cb cb;
	void *ctx;
};

struct mux *mux_new(const struct mux_params *p, struct err *e);
/*
 * The configuration changed: takes protocol, capabilities, limits and times from p, and leaves the rest. Protocol and
 * capabilities count from the next process on, all else at once. -ENOMEM: nothing was taken.
 */
int mux_configure(struct mux *m, const struct mux_params *p);
/* Frees its agents and asks too; no callback is called. */
void mux_free(struct mux *m);

/* --- the server's side ----------------------------------------------------------------------- */

/* What happens to requests that meet a server not ready. */
enum mux_gate {
	MUX_PARK,	/* STARTING: they wait until the start ends */
	MUX_PARK_TIMED, /* BACKOFF, engine away: they wait park_timeout */
	MUX_REFUSE,	/* STOPPED, EXITED, FATAL: -32603 with why, at once */
	MUX_ASLEEP, /* lazy: they wait, and on_wanted is called; what is known is answered from here */
};
/* why: one sentence for the agents, copied. The gate holds while no process is ready. */
void mux_set_gate(struct mux *m, enum mux_gate gate, const char *why);

/* A new process: takes its duplex stream on success, begins the handshake. Detach the old one first. */
int mux_attach(struct mux *m, struct stream *takes, struct err *e);
/* Half close of its stdin: the polite way to ask it to go. */
void mux_close_stdin(struct mux *m);

struct mux_death {
	const char *
		reason; /* "exited", "killed", "engine unreachable", "stopped", …; goes into data.reason */
	int exit_code; /* -1: not known */
	int signal;    /* 0: none */
	bool is_oom;
	const char *stderr_tail; /* or NULL */
};
/*
 * The process is gone: closes its stream; in-flight calls are answered -32603 with data at once, idempotent requests
 * wait for the next process and are re-issued once.
 */
void mux_detach(struct mux *m, const struct mux_death *d);
bool mux_is_attached(const struct mux *m);
bool mux_is_ready(const struct mux *m);
bool mux_is_modern(const struct mux *m);
unsigned mux_generation(const struct mux *m);

/*
 * A request of our own (health probe, `mcpctl call`), while the mux is ready; params_json: an object or NULL, in the modern
 * era _meta is added. fn is called once with the reply line, or with e when the process died; never after a cancel. The
 * handle is gone when fn is called.
 */
struct mux_ask;
typedef void mux_reply_fn(void *ctx, const char *line, size_t len, const struct err *e);
struct mux_ask *mux_ask(struct mux *m, const char *method, const char *params_json,
			mux_reply_fn *fn, void *ctx, struct err *e);
/* The same for a health probe, which is no use of the server: it does not keep it from being idle. */
struct mux_ask *mux_probe(struct mux *m, const char *method, mux_reply_fn *fn, void *ctx,
			  struct err *e);
void mux_ask_cancel(struct mux_ask *ask);
/* clock_ms() of the last byte from the server; requests of agents in flight. */
int64_t mux_last_heard_ms(const struct mux *m);
size_t mux_in_flight(const struct mux *m);
/* When the first call was sent to which no byte of the server has come since; 0: none is in flight. */
int64_t mux_busy_since_ms(const struct mux *m);
/*
 * Calls that ran into request_timeout since this process last answered an agent; those that were in flight together count
 * as one, since together they tell no more.
 */
unsigned mux_calls_given_up(const struct mux *m);
/* The next process may offer other tools than the last one: a tools/list wakes it. */
void mux_forget_tools(struct mux *m);
/* Since it was made, over all processes. */
struct mux_counts {
	uint64_t requests; /* of agents */
	uint64_t errors;   /* of these: answered by an error, the server's or ours */
	uint64_t sent_bytes, received_bytes; /* of lines to and from the server */
	struct hist answered; /* from sent to the server's answer, subscriptions/listen left out */
};
struct mux_counts mux_counts(const struct mux *m);
struct mux_depth {
	size_t queued_bytes; /* of lines that the process has not taken yet */
	size_t waiting;	     /* requests of agents that have not been sent to it yet */
};
struct mux_depth mux_depth(const struct mux *m);

/*
 * Tools that are not as they were pinned: 0, or -errno when that cannot be told. Accepted (tool NULL: all of them): how many, or
 * -errno. What is accepted counts at once; where it could not be written e->code is not 0.
 */
int mux_pins_each(struct mux *m, pins_fn *fn, void *ctx, struct err *e);
int mux_pins_accept(struct mux *m, const char *tool, struct err *e);

/* --- the agents' side ------------------------------------------------------------------------ */

enum mux_end_kind {
	MUX_PIPES,  /* sessions come and go, the agent's end stays */
	MUX_SOCKET, /* one session: its end is the agent's end, on_gone is called */
};
struct mux_agent_params {
	const char *agent; /* name for messages; copied */
	enum mux_end_kind kind;
	void (*on_gone)(void *ctx); /* MUX_SOCKET: the session is over; call mux_agent_free() */
	void *ctx;
};
/* Takes the stream on success. */
struct mux_agent *mux_agent_new(struct mux *m, struct stream *takes,
				const struct mux_agent_params *p, struct err *e);
/* What it has in flight is cancelled upstream. */
void mux_agent_free(struct mux_agent *a);
/* Is somebody there (a writer or a reader, or a session with something pending)? */
bool mux_agent_is_present(const struct mux_agent *a);
/*
 * Only these of the server's tools are for this agent: patterns, copied; NULL (so it begins): all that the server's own
 * admit. Hidden ones are left out of its lists, and its calls of them answered -32602.
 */
void mux_agent_set_tools(struct mux_agent *a, char *const *tools);
const char *mux_agent_name(const struct mux_agent *a);
size_t mux_agents_present(const struct mux *m);

/* All ends of one agent together, since the mux was made. */
struct mux_agent_counts {
	const char *agent;
	size_t present;	      /* ends at which somebody is */
	uint64_t sessions;    /* that have said something */
	uint64_t lost;	      /* … that we ended, because nobody read */
	uint64_t dropped;     /* notifications that it was too slow for */
	size_t queued_bytes;  /* wait for it to read */
	size_t waiting_bytes; /* of its requests without an answer, and lines not yet sent */
};
/* c is borrowed for the call. */
typedef void mux_agent_counts_fn(void *ctx, const struct mux_agent_counts *c);
/* Each agent that ever had an end here, once. */
void mux_each_agent(const struct mux *m, mux_agent_counts_fn *fn, void *ctx);

#endif
