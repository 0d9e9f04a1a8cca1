/* SPDX-License-Identifier: MIT */
#include "stdio/rpc.h"

#include "base/buf.h"

#include <string.h>

static const struct {
	const char *name;
	enum rpc_method method;
} methods[] = {
	{ "initialize", RPC_INITIALIZE },
	{ "server/discover", RPC_DISCOVER },
	{ "ping", RPC_PING },
	{ "logging/setLevel", RPC_SET_LEVEL },
	{ "resources/subscribe", RPC_SUBSCRIBE },
	{ "resources/unsubscribe", RPC_UNSUBSCRIBE },
	{ "subscriptions/listen", RPC_LISTEN },
	{ "roots/list", RPC_ROOTS_LIST },
	{ "sampling/createMessage", RPC_SAMPLING },
	{ "elicitation/create", RPC_ELICIT },
	{ "tools/list", RPC_LIST_OR_READ },
	{ "prompts/list", RPC_LIST_OR_READ },
	{ "resources/list", RPC_LIST_OR_READ },
	{ "resources/templates/list", RPC_LIST_OR_READ },
	{ "prompts/get", RPC_LIST_OR_READ },
	{ "resources/read", RPC_LIST_OR_READ },
	{ "completion/complete", RPC_LIST_OR_READ },
	{ "tasks/get", RPC_LIST_OR_READ },
	{ "tasks/result", RPC_TASKS_RESULT },
	{ "tasks/list", RPC_TASKS_LIST },
	{ "notifications/initialized", RPC_INITIALIZED },
	{ "notifications/cancelled", RPC_CANCELLED },
	{ "notifications/progress", RPC_PROGRESS },
	{ "notifications/message", RPC_MESSAGE },
	{ "notifications/tools/list_changed", RPC_LIST_CHANGED },
	{ "notifications/prompts/list_changed", RPC_LIST_CHANGED },
	{ "notifications/resources/list_changed", RPC_LIST_CHANGED },
	{ "notifications/resources/updated", RPC_UPDATED },
	{ "notifications/subscriptions/acknowledged", RPC_ACKNOWLEDGED },
	{ "notifications/tasks/status", RPC_TASK_STATUS },
	{ "notifications/elicitation/complete", RPC_ONE_OWNER },
	{ "notifications/roots/list_changed", RPC_ROOTS_CHANGED },
};

static enum rpc_method method_of(struct span name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (scan_is(name, methods[i].name))
			return methods[i].method;
	return RPC_OTHER;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The readers set kind and return NULL, or what is wrong. */
static const char *read_call(struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_ID), params = rpc_at(q, SCAN_PARAMS);
	if (rpc_at(q, SCAN_METHOD).p[0] != '"')
		return "method must be a string";
	if (id.p && !rpc_is_id(id))
		return "id must be a string or a whole number (leave it out in a notification)";
	if (params.p && params.p[0] != '{')
		return "params must be an object";
	q->kind = id.p ? RPC_REQUEST : RPC_NOTIFICATION;
	q->method = method_of(rpc_at(q, SCAN_METHOD));
	return NULL;
}

static const char *read_object(struct rpc_msg *q)
{
	bool has_answer = rpc_at(q, SCAN_RESULT).p || rpc_at(q, SCAN_ERROR).p;
	if (!scan_is(rpc_at(q, SCAN_JSONRPC), "2.0"))
		return "every message needs \"jsonrpc\":\"2.0\"";
	if (rpc_at(q, SCAN_METHOD).p)
		return has_answer ? "a message is a call or an answer, not both" : read_call(q);
	if (!has_answer)
		return "a message needs a method, a result or an error";
	q->kind = RPC_RESPONSE;
	return NULL;
}

void rpc_read(const char *line, size_t len, struct rpc_msg *ret)
{
	ret->line = line;
	ret->len = len;
	ret->kind = RPC_INVALID;
	ret->method = RPC_OTHER;
	switch (scan_line(line, len, &ret->scan)) {
	case SCAN_OBJECT:
		ret->why = read_object(ret);
		break;
	case SCAN_ARRAY:
		ret->kind = RPC_BATCH;
		ret->why = "a batch is for MCP 2025-03-26 only: one message per line";
		break;
	case SCAN_SCALAR:
		ret->why = "a message must be a JSON object";
		break;
	case SCAN_AMBIGUOUS:
		ret->why = "a key stands in the message twice, or in the wrong case";
		break;
	case SCAN_TOO_DEEP:
		ret->kind = RPC_NOT_JSON;
		ret->why = "the message is nested too deeply";
		break;
	case SCAN_NOT_JSON:
		ret->kind = RPC_NOT_JSON;
		ret->why = "the line is not JSON";
		break;
	}
}

bool rpc_is_id(struct span v)
{
	if (!v.p || v.n == 0)
		return false;
	if (v.p[0] == '"')
		return true;
	if (v.p[0] != '-' && (v.p[0] < '0' || v.p[0] > '9'))
		return false;
	const char *e = memchr(v.p, 'e', v.n);
	if (!e)
		e = memchr(v.p, 'E', v.n);
	return !memchr(v.p, '.', v.n) && !(e && e[1] == '-');
}

bool rpc_is_wire_id(struct span v, uint64_t *ret)
{
	if (!v.p || v.n == 0 || v.n > 16 || (v.p[0] == '0' && v.n > 1))
		return false;
	uint64_t id = 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(v.p[i] - '0');
	}
	*ret = id;
	return id < UINT64_C(1) << 53;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Length of the UTF-8 character at p, 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	if (p[0] < 0x80)
		return 1;
	size_t k = p[0] >= 0xC2 && p[0] < 0xE0	 ? 2
		   : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
		   : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
						 : 0;
	if (k == 0 || k > n)
		return 0;
	for (size_t i = 1; i < k; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	if ((p[0] == 0xE0 && p[1] < 0xA0) ||
	    (p[0] == 0xED && p[1] > 0x9F) || /* long form, surrogate */
	    (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return k;
}

bool rpc_is_plain(const char *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes;
	for (size_t i = 0, k; i < n; i += k) {
		k = utf8_len(p + i, n - i);
		if (k == 0 || p[i] < ' ' || p[i] == 0x7F)
			return false;
	}
	return true;
}

static int put_char(struct buf *b, const unsigned char *p, size_t k)
{
	if (k == 0)
		return buf_adds(b, "\xEF\xBF\xBD"); /* U+FFFD */
	if (p[0] == '"' || p[0] == '\\')
		return buf_addf(b, "\\%c", p[0]);
	if (p[0] == '\n')
		return buf_adds(b, "\\n");
	if (p[0] == '\t')
		return buf_adds(b, "\\t");
	if (p[0] < ' ' || p[0] == 0x7F)
		return buf_addf(b, "\\u%04x", p[0]);
	return buf_add(b, p, k);
}

int rpc_string(struct buf *b, const char *bytes, size_t n)
{
	int r = buf_add(b, "\"", 1);
	for (size_t i = 0; i < n && r == 0;) {
		const unsigned char *p = (const unsigned char *)bytes + i;
		size_t k = utf8_len(p, n - i);
		r = put_char(b, p, k);
		i += k ? k : 1;
	}
	return r < 0 ? r : buf_add(b, "\"", 1);
}

static int put_head(struct buf *b, struct span id)
{
	int r = buf_adds(b, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (r == 0)
		r = id.p ? buf_add(b, id.p, id.n) : buf_adds(b, "null");
	return r;
}

int rpc_error(struct buf *b, struct span id, int code, const char *message, const char *data)
{
	int r = put_head(b, id);
	if (r == 0)
		r = buf_addf(b, ",\"error\":{\"code\":%d,\"message\":", code);
	if (r == 0)
		r = rpc_string(b, message, strlen(message));
	if (r == 0 && data)
		r = buf_adds(b, ",\"data\":");
	if (r == 0 && data)
		r = buf_adds(b, data);
	return r < 0 ? r : buf_adds(b, "}}");
}

int rpc_result(struct buf *b, struct span id, const char *result)
{
	int r = put_head(b, id);
	if (r == 0)
		r = buf_adds(b, ",\"result\":");
	if (r == 0)
		r = buf_adds(b, result);
	return r < 0 ? r : buf_adds(b, "}");
}
