/* SPDX-License-Identifier: MIT */
/*
 * scan: one pass over a line: is it JSON, and where are the few values that the mux rewrites or looks at. No tree.
 * Spec:    RFC 8259. Raw control characters, unfinished numbers and anything behind the value are refused; bytes that
 *          are not UTF-8 pass (they are copied, never interpreted). Nesting is limited to SCAN_DEPTH.
 * Keys:    compared after unescaping. What we look at may stand there once, and in its own case: a second "id", or an "ID",
 *          would let two parsers see two messages in one line, so such a line is ambiguous.
 * Used by: rpc.c. Loop: none, pure. Borrows the line: spans point into it.
 */
#ifndef STDIO_SCAN_H
#define STDIO_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum { SCAN_DEPTH = 1000 };

/* Bytes of a value as they stand in the line, quotes included; p == NULL: not there. */
struct span {
	const char *p;
	size_t n;
};

enum scan_field {
	SCAN_JSONRPC,
	SCAN_ID,
	SCAN_METHOD,
	SCAN_PARAMS,
	SCAN_RESULT,
	SCAN_ERROR,
	SCAN_META,	   /* params._meta or result._meta */
	SCAN_REQUEST_ID,   /* params.requestId */
	SCAN_TOKEN,	   /* params.progressToken */
	SCAN_META_TOKEN,   /* params._meta.progressToken */
	SCAN_PROTOCOL,	   /* params.protocolVersion */
	SCAN_URI,	   /* params.uri */
	SCAN_LEVEL,	   /* params.level */
	SCAN_NAME,	   /* params.name */
	SCAN_SUBSCRIPTION, /* params._meta or result._meta: io.modelcontextprotocol/subscriptionId */
	SCAN_META_VERSION, /* params._meta: io.modelcontextprotocol/protocolVersion */
	SCAN_TASK_ID,	   /* params.taskId or result.taskId */
	SCAN_STATUS,	   /* params.status or result.status */
	SCAN_TASK,	   /* result.task */
	SCAN_NEW_TASK_ID,  /* result.task.taskId */
	SCAN_RELATED,	   /* params._meta or result._meta: io.modelcontextprotocol/related-task */
	SCAN_RELATED_ID,   /* … its taskId */
	SCAN_FIELDS,
};

enum scan_verdict {
	SCAN_OBJECT,
	SCAN_ARRAY,
	SCAN_SCALAR,
	SCAN_NOT_JSON,
	SCAN_TOO_DEEP,
	SCAN_AMBIGUOUS, /* JSON, but a key we look at stands there twice or in another case */
};

struct scan {
	struct span at[SCAN_FIELDS];
};

/* Also fills ret for a line that is refused: with what was complete before the fault. */
enum scan_verdict scan_line(const char *line, size_t len, struct scan *ret);

/* Is the value the string text (escapes undone)? */
bool scan_is(struct span value, const char *text);
/* Undoes the escapes of a string value into out (at most size bytes, no NUL). Length, or -1: not a string, too long. */
long scan_text(struct span value, char *out, size_t size);

#endif
