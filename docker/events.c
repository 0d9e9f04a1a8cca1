/* SPDX-License-Identifier: MIT */
#include "docker/events.h"

#include "base/buf.h"
#include "base/err.h"
#include "docker/client.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 256 * 1024 };

struct docker_events {
	struct docker *d;
	struct docker_call *call;
	struct docker_events_cb cb;
	struct buf line; /* what came after the last newline */
	bool is_skipping;
	bool *freed; /* set by docker_events_free() while a callback runs */
};

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return text ? text : "";
}

/* The value of a health event stands behind a colon: "health_status: unhealthy". */
static void tell(struct docker_events *ev, const cJSON *tree)
{
	const cJSON *actor = cJSON_GetObjectItemCaseSensitive(tree, "Actor");
	const cJSON *attributes = cJSON_GetObjectItemCaseSensitive(actor, "Attributes");
	const char *action = text_of(tree, "Action");
	const char *code = text_of(attributes, "exitCode");
	struct docker_event event = { .id = text_of(actor, "ID"),
				      .name = text_of(attributes, "name"),
				      .action = action,
				      .exit_code = -1 };
	if (!event.id[0] || !action[0] || strcmp(text_of(tree, "Type"), "container") != 0)
		return;
	if (strncmp(action, "health_status", strlen("health_status")) == 0) {
		const char *colon = strchr(action, ':');
		event.action = "health_status";
		event.health = colon ? colon + 1 + strspn(colon + 1, " ") : "";
	}
	if (strcmp(action, "die") == 0 && code[0])
		event.exit_code = atoi(code);
	ev->cb.on_event(ev->d, &event);
}

static void tell_line(struct docker_events *ev, char *line, size_t n)
{
	if (n > 0 && line[0] == '\x1e') {
		line++;
		n--;
	}
	cJSON *tree = cJSON_ParseWithLength(line, n);
	if (tree)
		tell(ev, tree);
	cJSON_Delete(tree);
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct docker_events *ev = ctx;
	bool freed = false;
	ev->freed = &freed;
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t piece = end ? (size_t)(end - bytes) : n;
		if (!ev->is_skipping && buf_add(&ev->line, bytes, piece) < 0)
			ev->is_skipping = true;
		n -= end ? piece + 1 : piece;
		bytes = end ? end + 1 : bytes + piece;
		if (!end)
			break;
		_cleanup_buf_ struct buf line = ev->line;
		ev->line = (struct buf){ .max = MAX_LINE };
		if (!ev->is_skipping && line.len > 0)
			tell_line(ev, line.data, line.len);
		if (freed)
			return;
		ev->is_skipping = false;
	}
	ev->freed = NULL;
}

static void on_head(void *ctx, int status)
{
	struct docker_events *ev = ctx;
	if (status == 200)
		ev->cb.on_open(ev->d);
}

static void on_done(void *ctx, const struct docker_answer *a)
{
	struct docker_events *ev = ctx;
	ev->call = NULL;
	struct err e;
	err_kind(&e, -ECONNRESET, DOCKER_NETWORK, "the engine ended its event stream");
	ev->cb.on_end(ev->d, a->e ? a->e : &e);
}

static int add_filters(struct buf *path, const char *instance)
{
	_cleanup_buf_ struct buf json = { 0 };
	cJSON *tree = cJSON_CreateObject();
	cJSON *labels = cJSON_AddArrayToObject(tree, "label");
	cJSON *types = cJSON_AddArrayToObject(tree, "type");
	cJSON *actions = cJSON_AddArrayToObject(tree, "event");
	static const char *const wanted[] = { "start", "die",	  "oom",
					      "kill",  "destroy", "health_status" };
	int r = buf_addf(&json, "%s=%s", DOCKER_LABEL_INSTANCE, instance);
	if (r == 0 && !cJSON_AddItemToArray(labels, cJSON_CreateString(json.data)))
		r = -ENOMEM;
	if (!cJSON_AddItemToArray(types, cJSON_CreateString("container")))
		r = -ENOMEM;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!cJSON_AddItemToArray(actions, cJSON_CreateString(wanted[i])))
			r = -ENOMEM;
	char *text = r == 0 ? cJSON_PrintUnformatted(tree) : NULL;
	cJSON_Delete(tree);
	r = text ? docker_escape(path, text) : -ENOMEM;
	cJSON_free(text);
	return r;
}

struct docker_events *docker_events_new(struct docker *d, const struct docker_events_cb *cb)
{
	struct docker_events *ev = calloc(1, sizeof(*ev));
	if (!ev)
		return NULL;
	ev->d = d;
	ev->cb = *cb;
	ev->line.max = MAX_LINE;
	_cleanup_buf_ struct buf path = { 0 };
	static const char *const headers[] = { "Accept: application/json", NULL };
	if (buf_adds(&path, "/events?filters=") == 0 && add_filters(&path, d->instance) == 0) {
		const struct docker_request rq = { .method = "GET",
						   .path = path.data,
						   .headers = headers,
						   .patience = DOCKER_FOREVER,
						   .on_head = on_head,
						   .on_data = on_data,
						   .on_done = on_done,
						   .ctx = ev };
		ev->call = docker_call(d, &rq, NULL);
	}
	if (!ev->call) {
		docker_events_free(ev);
		return NULL;
	}
	return ev;
}

void docker_events_free(struct docker_events *ev)
{
	if (!ev)
		return;
	if (ev->freed)
		*ev->freed = true;
	docker_call_cancel(ev->call);
	buf_done(&ev->line);
	free(ev);
}
