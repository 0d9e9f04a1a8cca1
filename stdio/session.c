/* SPDX-License-Identifier: MIT */
#include "stdio/session.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "stdio/rpc.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const dated[] = { "2024-11-05", SESSION_BATCHES, "2025-06-18", SESSION_LEGACY };

static void free_tree(cJSON **tree)
{
	cJSON_Delete(*tree);
}
#define _cleanup_tree_ __attribute__((cleanup(free_tree)))

void session_done(struct session *s)
{
	free(s->protocol);
	free(s->server_name);
	free(s->server_version);
	free(s->rest);
	free(s->changed);
	memset(s, 0, sizeof(*s));
}

/* --- what we say ------------------------------------------------------------------------------- */

int session_hello(const char *protocol, const char *our_version, const char *capabilities,
		  struct buf *out)
{
	int r = buf_adds(out, "{\"protocolVersion\":");
	if (r == 0)
		r = rpc_string(out, protocol, strlen(protocol));
	if (r == 0)
		r = buf_addf(
			out,
			",\"capabilities\":%s,\"clientInfo\":{\"name\":\"mcpinit\",\"version\":",
			capabilities);
	if (r == 0)
		r = rpc_string(out, our_version, strlen(our_version));
	return r < 0 ? r : buf_adds(out, "}}");
}

int session_meta(const char *our_version, struct buf *out)
{
	int r = buf_adds(
		out, "{\"io.modelcontextprotocol/protocolVersion\":\"" SESSION_MODERN
		     "\",\"io.modelcontextprotocol/clientCapabilities\":{},"
		     "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"mcpinit\",\"version\":");
	if (r == 0)
		r = rpc_string(out, our_version, strlen(our_version));
	return r < 0 ? r : buf_adds(out, "}}");
}

/* --- what the server says ---------------------------------------------------------------------- */

static const char *text_of(const cJSON *object, const char *key, const char *otherwise)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return text ? text : otherwise;
}

static bool lists_modern(const cJSON *error)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(error, "data");
	const cJSON *v, *supported = cJSON_GetObjectItemCaseSensitive(data, "supported");
	cJSON_ArrayForEach(v, supported)
	{
		if (cJSON_IsString(v) && strcmp(v->valuestring, SESSION_MODERN) == 0)
			return true;
	}
	return false;
}

static int refused(const cJSON *error, bool is_modern, struct err *e)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
	int number = cJSON_IsNumber(code) ? code->valueint : 0;
	const char *asked = is_modern ? "server/discover" : "initialize";
	if (number == RPC_E_VERSION && !is_modern && lists_modern(error))
		return err_set(e, -EPROTONOSUPPORT,
			       "it speaks MCP " SESSION_MODERN
			       " only: set protocol = auto or " SESSION_MODERN);
	/* What does not know initialize, or misses _meta in it, may still be of the modern era. */
	bool is_unsure = !is_modern && (number == RPC_E_METHOD || number == RPC_E_PARAMS);
	return err_set(e, is_unsure ? -ENOTSUP : -EPROTO, "it answered %s with error %d: %.200s",
		       asked, number, text_of(error, "message", "no message"));
}

/* We tell of changed lists after a restart, whether or not the server itself ever would. */
static void promise_changes(cJSON *capabilities)
{
	static const char *const lists[] = { "tools", "prompts", "resources" };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		cJSON *list = cJSON_GetObjectItemCaseSensitive(capabilities, lists[i]);
		if (!cJSON_IsObject(list))
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(list, "listChanged");
		cJSON_AddTrueToObject(list, "listChanged");
	}
	/* A list of all tasks would show one agent the tasks of another. */
	cJSON_DeleteItemFromObjectCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(capabilities, "tasks"), "list");
}

static bool offers(const cJSON *capabilities, const char *what)
{
	return cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(capabilities, what));
}

/* What the next process says otherwise than the last one; NULL: nothing, or no memory to say so. */
static char *compare(const struct session *old, const struct session *now)
{
	char *text = NULL;
	int r = 0;
	if (strcmp(old->protocol, now->protocol) != 0)
		r = asprintf(&text, "it speaks MCP %.32s now, %.32s before", now->protocol,
			     old->protocol);
	else if (strcmp(old->server_name, now->server_name) != 0 ||
		 strcmp(old->server_version, now->server_version) != 0)
		r = asprintf(&text, "it is %.64s %.64s now, %.64s %.64s before", now->server_name,
			     now->server_version, old->server_name, old->server_version);
	else if (strcmp(old->rest, now->rest) != 0)
		text = strdup("it offers other capabilities or instructions than before");
	return r < 0 ? NULL : text;
}

static char *print_rest(cJSON *result)
{
	cJSON_DeleteItemFromObjectCaseSensitive(result, "protocolVersion");
	_cleanup_free_ char *text = cJSON_PrintUnformatted(result);
	return text ? strdup(text + 1) : NULL;
}

static int fill(struct session *s, cJSON *result, bool is_modern, struct err *e)
{
	/* Modern servers put capabilities beside a list of versions; the one we asked for is what holds. */
	const char *protocol =
		is_modern ? SESSION_MODERN : text_of(result, "protocolVersion", NULL);
	cJSON *capabilities = cJSON_GetObjectItemCaseSensitive(result, "capabilities");
	const cJSON *info = cJSON_GetObjectItemCaseSensitive(result, "serverInfo");
	if (!info)
		info = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(result, "_meta"),
			"io.modelcontextprotocol/serverInfo");
	if (!protocol)
		return err_set(e, -EPROTO, "its answer to initialize has no protocolVersion");
	const cJSON *resources = cJSON_GetObjectItemCaseSensitive(capabilities, "resources");
	struct session n = {
		.is_known = true,
		.is_modern = is_modern,
		.protocol = strdup(protocol),
		.server_name = strdup(text_of(info, "name", "")),
		.server_version = strdup(text_of(info, "version", "")),
		.has_tools = offers(capabilities, "tools"),
		.has_prompts = offers(capabilities, "prompts"),
		.has_resources = offers(capabilities, "resources"),
		.has_logging = offers(capabilities, "logging"),
		.has_subscribe =
			cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(resources, "subscribe")),
	};
	promise_changes(capabilities);
	n.rest = print_rest(result);
	if (!n.protocol || !n.server_name || !n.server_version || !n.rest) {
		session_done(&n);
		return err_oom(e);
	}
	n.changed = s->is_known ? compare(s, &n) : NULL;
	session_done(s);
	*s = n;
	return 0;
}

int session_learn(struct session *s, const char *line, size_t len, bool is_modern, struct err *e)
{
	_cleanup_tree_ cJSON *tree = cJSON_ParseWithLength(line, len);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(tree, "error");
	cJSON *result = cJSON_GetObjectItemCaseSensitive(tree, "result");
	if (error)
		return refused(error, is_modern, e);
	if (!cJSON_IsObject(result))
		return err_set(e, -EPROTO, "its answer to the handshake has no result");
	return fill(s, result, is_modern, e);
}

/* --- what agents are told ---------------------------------------------------------------------- */

const char *session_agree(const struct session *s, struct span requested)
{
	for (size_t i = 0; i < sizeof(dated) / sizeof(dated[0]); i++)
		if (scan_is(requested, dated[i]) && strcmp(dated[i], s->protocol) <= 0)
			return dated[i];
	return s->protocol;
}

int session_wrong_era(const struct session *s, struct span id, struct span requested,
		      struct buf *out)
{
	_cleanup_buf_ struct buf data = { 0 };
	int r = buf_adds(&data, "{\"supported\":[");
	if (r == 0 && s->is_modern)
		r = buf_adds(&data, "\"" SESSION_MODERN "\"");
	for (size_t i = 0, n = 0; !s->is_modern && i < sizeof(dated) / sizeof(dated[0]); i++)
		if (r == 0 && strcmp(dated[i], s->protocol) <= 0)
			r = buf_addf(&data, "%s\"%s\"", n++ ? "," : "", dated[i]);
	if (r == 0)
		r = buf_adds(&data, "],\"requested\":");
	if (r == 0)
		r = requested.p && requested.n <= 64 ? buf_add(&data, requested.p, requested.n)
						     : buf_adds(&data, "null");
	if (r == 0)
		r = buf_adds(&data, "}");
	return r < 0 ? r
		     : rpc_error(out, id, RPC_E_VERSION,
				 s->is_modern ? "This server speaks MCP " SESSION_MODERN " only"
					      : "This server speaks MCP by initialize",
				 buf_str(&data));
}

int session_reply(const struct session *s, struct span id, struct span requested, struct buf *out)
{
	if (s->is_modern)
		return session_wrong_era(s, id, requested, out);
	_cleanup_buf_ struct buf result = { 0 };
	const char *protocol = session_agree(s, requested);
	int r = buf_adds(&result, "{\"protocolVersion\":");
	if (r == 0)
		r = rpc_string(&result, protocol, strlen(protocol));
	if (r == 0 && s->rest[0] != '}')
		r = buf_adds(&result, ",");
	if (r == 0)
		r = buf_adds(&result, s->rest);
	return r < 0 ? r : rpc_result(out, id, buf_str(&result));
}
