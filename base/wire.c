/* SPDX-License-Identifier: MIT */
#include "base/wire.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* --- tables -------------------------------------------------------------------------------- */

static const struct wire_verb_row verbs[] = {
	[WIRE_STATUS] = { "status", true, "{names?:[…]} → {servers:[{name,state,…}],…}" },
	[WIRE_START] = { "start", false, "{names?:[…],wait?} → {servers:[{name,is_done,text}]}" },
	[WIRE_STOP] = { "stop", false, "{names?:[…],wait?,force?} → as start" },
	[WIRE_RESTART] = { "restart", false, "{names?:[…],wait?} → as start" },
	[WIRE_RELOAD] = { "reload", false,
			  "{wait?} → {text,servers:[…]} as start, of those that begin anew; or {text,errors:[…]}" },
	[WIRE_SHUTDOWN] = { "shutdown", false, "{} → {text}" },
	[WIRE_LOGS] = { "logs", false,
			"{server,lines?,follow?} → notes `line` {seq,text} and `lost` {lines}; unless follow, then {}" },
	[WIRE_CONNECT] = { "connect", true, "{server,agent?} → {}, then the MCP session" },
	[WIRE_AGENTS] = { "agents", false, "{} → {agents:[{agent,server,kind,is_present}]}" },
	[WIRE_ENDPOINT] = { "endpoint", true,
			    "{server,agent?} → {in,out}: paths, from the socket's directory where relative" },
	[WIRE_WAIT] = { "wait", true, "{names?:[…],timeout_ms?} → as start" },
	[WIRE_SWEEP] = { "sweep", false,
			 "{dry_run?,volumes?} → {found:[{kind,name,server,is_removed,why}]}" },
	[WIRE_METRICS] = { "metrics", false, "{} → {text}: Prometheus text" },
	[WIRE_PULL] = { "pull", false,
			"{names?:[…],wait?} → notes `progress` {name,text}, then as start" },
	[WIRE_PINS] = { "pins", false,
			"{server,accept?,tools?:[…]} → {tools:[{name,changed:[…]}],is_withheld,warning?}: not as pinned" },
};
_Static_assert(sizeof(verbs) / sizeof(verbs[0]) == WIRE_VERBS, "one row per verb");

static const struct wire_exit_row exits[] = {
	{ WIRE_EXIT_OK, true, true, "done; status: all up; mcpinit: shut down as asked" },
	{ WIRE_EXIT_FAILED, false, true,
	  "call: the tool reports an error; healthy, doctor: no; else: refused, or not done" },
	{ WIRE_EXIT_PROTOCOL, false, true, "call: no result but a protocol error" },
	{ WIRE_EXIT_NOT_UP, false, true,
	  "status: some server is not up; healthy --strict: degraded" },
	{ WIRE_EXIT_UNKNOWN, false, true, "status: no server of that name" },
	{ WIRE_EXIT_REQUIRED, true, false, "a required server failed; wins over COMMAND's status" },
	{ WIRE_EXIT_USAGE, true, true, "wrong usage" },
	{ WIRE_EXIT_UNAVAILABLE, true, true, "supervisor or engine cannot be reached" },
	{ WIRE_EXIT_IN_USE, true, false, "runtime_dir is in use by another mcpinit" },
	{ WIRE_EXIT_NO_PERMISSION, true, true, "no permission" },
	{ WIRE_EXIT_CONFIG, true, true, "the configuration, or the file to import, is not valid" },
	{ WIRE_EXIT_CANNOT_EXECUTE, true, false, "COMMAND cannot be executed" },
	{ WIRE_EXIT_NOT_FOUND, true, false, "COMMAND cannot be found" },
	{ WIRE_EXIT_SIGNAL, true, true,
	  "128 and the signal's number: COMMAND, or connect, was ended by it" },
};

const struct wire_verb_row *wire_verb(enum wire_verb verb)
{
	return &verbs[verb];
}

int wire_verb_of(const char *name)
{
	for (int i = 0; i < WIRE_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return i;
	return -1;
}

const struct wire_exit_row *wire_exit(size_t i)
{
	return i < sizeof(exits) / sizeof(exits[0]) ? &exits[i] : NULL;
}

int wire_exit_of(int code)
{
	switch (code) {
	case 0:
		return WIRE_EXIT_OK;
	case -EBUSY:
		return WIRE_EXIT_IN_USE;
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return WIRE_EXIT_NO_PERMISSION;
	case -EINVAL:
	case -ENAMETOOLONG:
		return WIRE_EXIT_CONFIG;
	default:
		return WIRE_EXIT_UNAVAILABLE;
	}
}

/* --- reading ------------------------------------------------------------------------------- */

/* One whole JSON text and nothing behind it. A NUL would hide what follows it. */
static cJSON *parse(const char *line, size_t len)
{
	const char *end = NULL;
	if (memchr(line, '\0', len))
		return NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(line, len, &end, false);
	if (root && end)
		for (; end < line + len; end++)
			if (!strchr(" \t\r\n", *end)) {
				cJSON_Delete(root);
				return NULL;
			}
	return root;
}

static bool is_id(const cJSON *id)
{
	if (cJSON_IsString(id))
		return true;
	const double exact = 9007199254740992.0; /* beyond it a double loses whole numbers */
	return cJSON_IsNumber(id) && id->valuedouble >= -exact && id->valuedouble <= exact &&
	       (double)(int64_t)id->valuedouble == id->valuedouble;
}

static int read_method(const cJSON *root, struct wire_request *rq, struct err *e)
{
	const char *method = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "method"));
	if (!method) {
		err_set(e, -EINVAL, "a request needs a \"method\"");
		return WIRE_INVALID;
	}
	int verb = wire_verb_of(method);
	if (verb < 0) {
		err_set(e, -ENOENT, "there is no verb '%.40s'", method);
		return WIRE_NO_METHOD;
	}
	rq->verb = (enum wire_verb)verb;
	rq->params = cJSON_GetObjectItemCaseSensitive(root, "params");
	if (rq->params && !cJSON_IsObject(rq->params)) {
		rq->params = NULL;
		err_set(e, -EINVAL, "\"params\" must be an object");
		return WIRE_PARAMS;
	}
	return 0;
}

int wire_read_request(const char *line, size_t len, struct wire_request *rq, struct err *e)
{
	*rq = (struct wire_request){ .root = parse(line, len) };
	if (!rq->root) {
		err_set(e, -EINVAL, "not one line of JSON");
		return WIRE_PARSE;
	}
	if (!cJSON_IsObject(rq->root)) {
		err_set(e, -EINVAL, "a request is a JSON object, and one a line");
		return WIRE_INVALID;
	}
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(rq->root, "id");
	if (id && !is_id(id)) {
		err_set(e, -EINVAL, "\"id\" must be a string or a whole number");
		return WIRE_INVALID;
	}
	if (id && !(rq->id = cJSON_Duplicate(id, true))) {
		err_oom(e);
		return WIRE_INTERNAL;
	}
	const char *version =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(rq->root, "jsonrpc"));
	if (!version || strcmp(version, "2.0") != 0) {
		err_set(e, -EINVAL, "a request needs \"jsonrpc\":\"2.0\"");
		return WIRE_INVALID;
	}
	return read_method(rq->root, rq, e);
}

void wire_request_done(struct wire_request *rq)
{
	cJSON_Delete(rq->id);
	cJSON_Delete(rq->root);
	*rq = (struct wire_request){ 0 };
}

int wire_read_answer(const char *line, size_t len, struct cJSON **ret_result, struct err *e)
{
	cJSON *root = parse(line, len);
	cJSON *result = cJSON_DetachItemFromObjectCaseSensitive(root, "result");
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	const cJSON *message = cJSON_GetObjectItemCaseSensitive(error, "message");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");
	int r = 0;
	if (result)
		*ret_result = result;
	else if (cJSON_IsString(message) && cJSON_IsNumber(code))
		r = err_kind(e, -EREMOTEIO, code->valueint, "%s", message->valuestring);
	else
		r = err_set(e, -EPROTO, "the answer is not one of mcpinit's: %.*s",
			    len < 80 ? (int)len : 80, line);
	cJSON_Delete(root);
	return r;
}

struct cJSON *wire_read_note(const char *line, size_t len, const char *method)
{
	cJSON *root = parse(line, len);
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "method"));
	cJSON *params = NULL;
	if (name && strcmp(name, method) == 0)
		params = cJSON_DetachItemFromObjectCaseSensitive(root, "params");
	cJSON_Delete(root);
	return params;
}

/* --- writing ------------------------------------------------------------------------------- */

/* Takes root; the line is made in one piece, its newline in the place of the last NUL but one. */
static char *to_line(cJSON *root, bool is_whole)
{
	char *text = is_whole ? cJSON_PrintUnformatted(root) : NULL;
	cJSON_Delete(root);
	if (!text)
		return NULL;
	size_t len = strlen(text);
	char *line = realloc(text, len + 2);
	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

/* A message with `key` holding item, which is taken. */
static cJSON *message(const char *key, cJSON *takes, bool *ret_is_whole)
{
	cJSON *root = cJSON_CreateObject();
	bool is_whole = root && cJSON_AddStringToObject(root, "jsonrpc", "2.0");
	if (!is_whole || !takes || !cJSON_AddItemToObject(root, key, takes)) {
		cJSON_Delete(takes);
		is_whole = false;
	}
	*ret_is_whole = is_whole;
	return root;
}

static bool add_id(cJSON *root, const cJSON *id)
{
	if (!id)
		return cJSON_AddNullToObject(root, "id") != NULL;
	cJSON *copy = cJSON_Duplicate(id, true);
	if (copy && cJSON_AddItemToObject(root, "id", copy))
		return true;
	cJSON_Delete(copy);
	return false;
}

char *wire_request_line(enum wire_verb verb, struct cJSON *takes_params)
{
	bool is_whole;
	cJSON *root = message("params", takes_params, &is_whole);
	is_whole = is_whole && cJSON_AddNumberToObject(root, "id", 1) &&
		   cJSON_AddStringToObject(root, "method", verbs[verb].name);
	return to_line(root, is_whole);
}

char *wire_result_line(const struct cJSON *id, struct cJSON *takes_result)
{
	bool is_whole;
	cJSON *root = message("result", takes_result, &is_whole);
	return to_line(root, is_whole && add_id(root, id));
}

char *wire_error_line(const struct cJSON *id, int code, const char *text)
{
	cJSON *error = cJSON_CreateObject();
	bool has_both = error && cJSON_AddNumberToObject(error, "code", code) &&
			cJSON_AddStringToObject(error, "message", text);
	bool is_whole;
	cJSON *root = message("error", error, &is_whole);
	return to_line(root, is_whole && has_both && add_id(root, id));
}

char *wire_note_line(const char *method, struct cJSON *takes_params)
{
	bool is_whole;
	cJSON *root = message("params", takes_params, &is_whole);
	return to_line(root, is_whole && cJSON_AddStringToObject(root, "method", method));
}

/* --- addresses ----------------------------------------------------------------------------- */

int wire_address(const char *path, struct sockaddr_un *ret, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	if (len >= sizeof(un.sun_path))
		return err_set(
			e, -ENAMETOOLONG,
			"%s is too long for a socket (%zu bytes, the kernel takes %zu): use a shorter directory",
			path, len, sizeof(un.sun_path) - 1);
	memcpy(un.sun_path, path, len + 1);
	*ret = un;
	return 0;
}
