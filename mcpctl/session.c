/* SPDX-License-Identifier: MIT */
#include "mcpctl/session.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "mcpctl/client.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LEGACY "2025-11-25"
#define MODERN "2026-07-28"

enum { UNSUPPORTED_VERSION = -32022 };

struct session {
	struct client *client; /* owned */
	bool is_modern;
	int last_id;
	session_progress_fn *on_progress; /* NULL: nobody wants to know */
	void *ctx;
};

/* Sends root, which is taken, as a line; is_whole: every part of it could be made. */
static int send_tree(struct session *s, cJSON *root, bool is_whole, struct err *e)
{
	_cleanup_free_ char *text = is_whole ? cJSON_PrintUnformatted(root) : NULL;
	cJSON_Delete(root);
	if (!text)
		return err_oom(e);
	size_t len = strlen(text);
	text[len] = '\n'; /* in the place of the NUL: it travels by length */
	return client_send(s->client, text, len + 1, e);
}

static cJSON *add_client_info(cJSON *to, const char *key)
{
	cJSON *info = cJSON_AddObjectToObject(to, key);
	if (!info || !cJSON_AddStringToObject(info, "name", "mcpctl") ||
	    !cJSON_AddStringToObject(info, "version", MCPINIT_VERSION))
		return NULL;
	return info;
}

static bool add_modern_meta(cJSON *meta)
{
	return cJSON_AddStringToObject(meta, "io.modelcontextprotocol/protocolVersion", MODERN) &&
	       cJSON_AddObjectToObject(meta, "io.modelcontextprotocol/clientCapabilities") &&
	       add_client_info(meta, "io.modelcontextprotocol/clientInfo");
}

/* _meta, where there is something to be said in it; the token of progress is the request's id. */
static bool add_meta(const struct session *s, int id, cJSON *params)
{
	bool has_token = id && s->on_progress;
	if (!s->is_modern && !has_token)
		return true;
	cJSON *meta = cJSON_AddObjectToObject(params, "_meta");
	return meta && (!s->is_modern || add_modern_meta(meta)) &&
	       (!has_token || cJSON_AddNumberToObject(meta, "progressToken", id));
}

static int send_message(struct session *s, int id, const char *method, cJSON *takes_params,
			struct err *e)
{
	cJSON *root = cJSON_CreateObject();
	bool is_whole = root && takes_params && cJSON_AddItemToObject(root, "params", takes_params);
	if (!is_whole)
		cJSON_Delete(takes_params);
	is_whole = is_whole && add_meta(s, id, takes_params) &&
		   cJSON_AddStringToObject(root, "jsonrpc", "2.0") &&
		   cJSON_AddStringToObject(root, "method", method) &&
		   (id == 0 || cJSON_AddNumberToObject(root, "id", id));
	return send_tree(s, root, is_whole, e);
}

/* What the server asks of us: a ping gets its answer, the rest the truth. */
static int answer_request(struct session *s, const cJSON *request, struct err *e)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(request, "id");
	const char *method =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "method"));
	if (!id || !method)
		return 0;
	char *line = strcmp(method, "ping") == 0
			     ? wire_result_line(id, cJSON_CreateObject())
			     : wire_error_line(id, WIRE_NO_METHOD, "mcpctl does not offer this");
	if (!line)
		return err_oom(e);
	int r = client_send(s->client, line, strlen(line), e);
	free(line);
	return r;
}

/* Is this line the answer to id? If not it is dealt with here: 0; yes: 1; -errno. */
static int is_answer(struct session *s, const char *line, size_t len, int id, struct err *e)
{
	cJSON *root = cJSON_ParseWithLength(line, len);
	const cJSON *got = cJSON_GetObjectItemCaseSensitive(root, "id");
	int r = 0;
	if (s->on_progress && strcmp(client_text(root, "method"), "notifications/progress") == 0)
		s->on_progress(s->ctx, cJSON_GetObjectItemCaseSensitive(root, "params"));
	else if (cJSON_HasObjectItem(root, "method"))
		r = answer_request(s, root, e);
	else if (cJSON_IsNumber(got) && got->valueint == id)
		r = 1;
	cJSON_Delete(root);
	return r;
}

int session_ask(struct session *s, const char *method, struct cJSON *takes_params,
		struct cJSON **ret, struct err *e)
{
	int id = ++s->last_id;
	int r = send_message(s, id, method, takes_params, e);
	while (r == 0) {
		char *line;
		size_t len;
		r = client_line(s->client, -1, &line, &len, e);
		if (r == 0)
			r = is_answer(s, line, len, id, e);
		if (r == 1)
			return wire_read_answer(line, len, ret, e);
	}
	return r;
}

void session_on_progress(struct session *s, session_progress_fn *fn, void *ctx)
{
	s->on_progress = fn;
	s->ctx = ctx;
}

static int shake_hands(struct session *s, struct err *e)
{
	cJSON *params = cJSON_CreateObject();
	if (!params || !cJSON_AddStringToObject(params, "protocolVersion", LEGACY) ||
	    !cJSON_AddObjectToObject(params, "capabilities") ||
	    !add_client_info(params, "clientInfo")) {
		cJSON_Delete(params);
		return err_oom(e);
	}
	cJSON *result = NULL;
	int r = session_ask(s, "initialize", params, &result, e);
	cJSON_Delete(result);
	if (r == -EREMOTEIO && e->kind == UNSUPPORTED_VERSION) {
		s->is_modern = true;
		return 0;
	}
	if (r < 0)
		return r;
	return send_message(s, 0, "notifications/initialized", cJSON_CreateObject(), e);
}

struct cJSON *session_name(const char *server, const char *agent)
{
	cJSON *name = cJSON_CreateObject();
	if (!name || !cJSON_AddStringToObject(name, "server", server) ||
	    (agent && !cJSON_AddStringToObject(name, "agent", agent))) {
		cJSON_Delete(name);
		return NULL;
	}
	return name;
}

int session_open(const struct client_where *w, const char *server, const char *agent,
		 struct session **ret, struct err *e)
{
	struct session *s = calloc(1, sizeof(*s));
	if (!s)
		return err_oom(e);
	cJSON *nothing = NULL;
	int r = client_open(w, &s->client, e);
	if (r == 0)
		r = client_ask(s->client, WIRE_CONNECT, session_name(server, agent), WIRE_ANSWER_MS,
			       &nothing, e);
	cJSON_Delete(nothing);
	if (r == 0) {
		client_patient(s->client);
		r = shake_hands(s, e);
	}
	if (r < 0) {
		session_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	client_free(s->client);
	free(s);
}
