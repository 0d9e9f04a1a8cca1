/* SPDX-License-Identifier: MIT */
/*
 * wire: the control protocol between mcpctl and mcpinit: JSON-RPC 2.0, one message a line, over a unix stream socket.
 * Two kinds of socket: the operator's (every verb) and one an agent (who can open it is that agent; only its verbs).
 * After the result of `connect` the connection IS the MCP session: raw lines both ways, no more control messages.
 * Spec:    jsonrpc.org/specification, without batches. Ids are strings or whole numbers and come back as sent.
 * Also here, because both programs and their man page need the one truth: the verbs, the limits, the exit codes.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/un.h>

struct cJSON;
struct err;

#define WIRE_CONTROL_DIR "/run/mcpinit"
#define WIRE_RUNTIME_DIR "/run/mcp"
#define WIRE_CONTROL	 "control.sock" /* in control_dir */
#define WIRE_AGENT	 "agent.sock"	/* in <runtime_dir>/<agent> */

enum {
	WIRE_LINE_BYTES = 1 << 20, /* of one control message, newline not counted */
	WIRE_CLIENTS = 64,	   /* at once, a socket */
	WIRE_ANSWER_MS = 5000,	   /* how long mcpctl waits for what is answered at once */
};

/* --- verbs --------------------------------------------------------------------------------- */

enum wire_verb {
	WIRE_STATUS,
	WIRE_START,
	WIRE_STOP,
	WIRE_RESTART,
	WIRE_RELOAD,
	WIRE_SHUTDOWN,
	WIRE_LOGS,
	WIRE_CONNECT,
	WIRE_AGENTS,
	WIRE_ENDPOINT,
	WIRE_WAIT,
	WIRE_SWEEP,
	WIRE_METRICS,
	WIRE_PULL,
	WIRE_PINS,
	WIRE_VERBS
};

struct wire_verb_row {
	const char *name;
	bool is_for_agents; /* an agent's own socket knows it */
	const char *params; /* what it takes and gives, for people who write a client */
};
/* The row; never NULL. */
const struct wire_verb_row *wire_verb(enum wire_verb verb);
/* By name; -1 for an unknown one. */
int wire_verb_of(const char *name);

/* --- errors and exit codes ----------------------------------------------------------------- */

/* error.code of an answer: JSON-RPC's own, and what only this protocol knows (positive). */
enum wire_code {
	WIRE_PARSE = -32700,
	WIRE_INVALID = -32600,
	WIRE_NO_METHOD = -32601,
	WIRE_PARAMS = -32602,
	WIRE_INTERNAL = -32603,
	WIRE_UNKNOWN = 1, /* no server, no agent of that name */
	WIRE_REFUSED = 2, /* understood, and not done: the sentence says why */
	WIRE_DENIED = 3,  /* not for this caller */
	WIRE_TIMEOUT = 4, /* `wait`: not ready in time */
	WIRE_AWAY = 5,	  /* the container engine cannot be reached */
};

/* Exit codes of both programs, in one table: the man pages are checked against it. */
enum wire_exit_code {
	WIRE_EXIT_OK = 0,
	WIRE_EXIT_FAILED =
		1, /* call: the tool's error; healthy: no; otherwise: refused, or failed */
	WIRE_EXIT_PROTOCOL = 2, /* call */
	WIRE_EXIT_NOT_UP = 3,	/* status: some are not up; healthy --strict: degraded */
	WIRE_EXIT_UNKNOWN = 4,	/* status: unknown name */
	WIRE_EXIT_REQUIRED = 10,
	WIRE_EXIT_USAGE = 64,
	WIRE_EXIT_UNAVAILABLE = 69,
	WIRE_EXIT_IN_USE = 73,
	WIRE_EXIT_NO_PERMISSION = 77,
	WIRE_EXIT_CONFIG = 78,
	WIRE_EXIT_CANNOT_EXECUTE = 126,
	WIRE_EXIT_NOT_FOUND = 127,
	WIRE_EXIT_SIGNAL = 128, /* plus the signal's number */
};

struct wire_exit_row {
	int code;
	bool is_mcpinit, is_mcpctl; /* which program gives it */
	const char *meaning;
};
/* Row i, by ascending code; NULL behind the last. */
const struct wire_exit_row *wire_exit(size_t i);
/* The exit status for a start that failed with this negative errno. */
int wire_exit_of(int code);

/* --- messages ------------------------------------------------------------------------------ */

struct wire_request {
	enum wire_verb verb;
	const struct cJSON *params; /* borrowed from root; NULL: none */
	struct cJSON *id;	    /* owned; NULL: a notification, or not readable */
	struct cJSON *root;	    /* owned */
};

/*
 * One line → *rq; 0, or the wire_code to answer with (then rq->id may be set, and e says why). In both cases the caller
 * calls wire_request_done().
 */
int wire_read_request(const char *line, size_t len, struct wire_request *rq, struct err *e);
void wire_request_done(struct wire_request *rq);

/*
 * One line → *ret_result, the caller's; -EPROTO when it is no answer; else the answer is an error: -EREMOTEIO, with its
 * message and its code in e->text and e->kind. A notification is told apart by wire_read_note().
 */
int wire_read_answer(const char *line, size_t len, struct cJSON **ret_result, struct err *e);
/* A notification of this method: its params, which the caller owns; else NULL. */
struct cJSON *wire_read_note(const char *line, size_t len, const char *method);

/* Lines, newline included, which the caller frees; NULL: out of memory. params and result are taken in any case. */
char *wire_request_line(enum wire_verb verb, struct cJSON *takes_params);
char *wire_result_line(const struct cJSON *id, struct cJSON *takes_result);
char *wire_error_line(const struct cJSON *id, int code, const char *message);
char *wire_note_line(const char *method, struct cJSON *takes_params);

/* --- addresses ----------------------------------------------------------------------------- */

/* path → address; -ENAMETOOLONG with a sentence when a socket cannot have such a long name. */
int wire_address(const char *path, struct sockaddr_un *ret, struct err *e);

#endif
