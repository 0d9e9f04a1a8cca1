/* SPDX-License-Identifier: MIT */
#include "docker/events.h"

#include "base/buf.h"
#include "base/err.h"
#include "docker/client.h"
#include "docker/event_lines.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct docker_events {
	struct docker *d;
	struct docker_call *call;
	struct docker_events_cb cb;
	struct event_lines lines;
	bool *freed; /* set by docker_events_free() while a callback runs */
};

static bool on_event(void *ctx, const struct docker_event *event)
{
	struct docker_events *ev = ctx;
	bool *freed = ev->freed;
	ev->cb.on_event(ev->d, event);
	return !*freed;
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct docker_events *ev = ctx;
	bool freed = false;
	ev->freed = &freed;
	event_lines_feed(&ev->lines, bytes, n, on_event, ev);
	if (!freed)
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
	static const char *const wanted[] = { "create", "start",   "die",	   "oom",
					      "kill",	"destroy", "health_status" };
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
	event_lines_init(&ev->lines);
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
	event_lines_done(&ev->lines);
	free(ev);
}
