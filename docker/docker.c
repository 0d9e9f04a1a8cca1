/* SPDX-License-Identifier: MIT */
/*
 * The life of the connection: ping → version → events → up; what goes wrong on the way, or ends later, is tried again.
 * The event stream doubles as the sign of life: it ends when the engine does. Then the engine is asked, and believed.
 */
#include "docker/docker.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "docker/client.h"
#include "docker/container.h"
#include "docker/endpoint.h"
#include "docker/events.h"
#include "docker/remedy.h"
#include "docker/removal.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NEWEST_MAJOR = 1,
	NEWEST_MINOR = 47, /* what is written here was checked up to this version */
	RETRY_MS = 1000,
	MAX_RETRY_MS = 30000,
	STABLE_MS = 10000, /* an event stream shorter than this is not opened again at once */
};

struct docker_link {
	struct docker_call *call; /* ping or version in flight */
	struct loop_timer *timer; /* owned; connects, or only checks */
	int64_t delay_ms, jitter_seed;
	int64_t up_ms; /* when the event stream opened */
	bool is_check; /* the ping only asks whether the engine is still there */
	bool is_quiet; /* the event stream is opened for an instance that came later: on_up was said */
	bool has_said_down;	/* once per outage */
	bool has_asked_version; /* the version was corrected once */
};

static void connect_later(struct docker *d, int64_t in_ms, bool is_check);

/* --- down ----------------------------------------------------------------------------------- */

static int64_t jittered(struct docker_link *k, int64_t ms)
{
	/* ±20 %, so that many of us do not come back in step; no need for good randomness. */
	k->jitter_seed = (k->jitter_seed * 1103515245 + 12345) & 0x7fffffff;
	return ms - ms / 5 + k->jitter_seed % (ms * 2 / 5 + 1);
}

static void go_down(struct docker *d, const struct err *why)
{
	struct docker_link *k = d->link;
	docker_events_free(d->events);
	d->events = NULL;
	d->can_call = d->is_up = false;
	connect_later(d, jittered(k, k->delay_ms), false);
	k->delay_ms = k->delay_ms * 2 < MAX_RETRY_MS ? k->delay_ms * 2 : MAX_RETRY_MS;
	if (k->has_said_down)
		return;
	k->has_said_down = true;
	struct err e;
	struct err plain = *why; /* it may be shorter-lived than the text made of it */
	docker_remedy(d->endpoint, &plain, &e);
	if (d->p.on_down)
		d->p.on_down(d->p.ctx, &e);
}

static void fail(struct docker *d, int kind, const char *what)
{
	struct err e;
	err_kind(&e, -EPROTO, kind, "%s: %s", d->endpoint->text, what);
	go_down(d, &e);
}

/* --- up ------------------------------------------------------------------------------------- */

static void go_up(struct docker *d)
{
	struct docker_link *k = d->link;
	k->up_ms = clock_ms();
	k->has_said_down = false;
	k->delay_ms = RETRY_MS;
	d->is_up = true;
	docker_removals_resume(d->removals);
	if (d->p.on_up)
		d->p.on_up(d->p.ctx);
}

static void events_open(struct docker *d)
{
	if (d->link->is_quiet)
		d->link->up_ms = clock_ms();
	else
		go_up(d);
}

static void events_event(struct docker *d, const struct docker_event *ev)
{
	docker_containers_event(d, ev);
	if (d->p.on_event)
		d->p.on_event(d->p.ctx, ev);
}

static void events_end(struct docker *d, const struct err *e)
{
	struct docker_link *k = d->link;
	docker_events_free(d->events);
	d->events = NULL;
	/* A socket proxy without EVENTS: it works without, only later in noticing an end. */
	bool is_refused = e->kind == DOCKER_PERMISSION || e->kind == DOCKER_NOT_FOUND;
	bool was_short = clock_ms() - k->up_ms < STABLE_MS;
	if (is_refused && !d->is_up)
		go_up(d);
	else if (!d->is_up)
		go_down(d, e);
	else if (
		!is_refused) /* connecting begins with a ping: it tells whether more than the stream went */
		connect_later(d, was_short ? jittered(k, k->delay_ms) : 0, false);
}

static void open_events(struct docker *d)
{
	static const struct docker_events_cb cb = { events_open, events_event, events_end };
	docker_events_free(d->events);
	d->events = docker_events_new(d, &cb);
	if (!d->events)
		connect_later(d, RETRY_MS, false);
}

static void finish_connecting(struct docker *d)
{
	d->link->is_quiet = false;
	if (d->instance)
		open_events(d);
	else
		go_up(d);
}

/* --- version -------------------------------------------------------------------------------- */

static void speak(struct docker *d, int major, int minor)
{
	d->api_major = major;
	d->api_minor = minor;
	(void)snprintf(d->api_version, sizeof(d->api_version), "%d.%d", major, minor);
}

static bool parse_version(const char *text, int *major, int *minor)
{
	return text && sscanf(text, "%d.%d", major, minor) == 2 && *major > 0 && *minor >= 0 &&
	       *major < 1000 && *minor < 1000;
}

static void ask_version(struct docker *d);

/* "client version 1.47 is too old. Minimum supported API version is 1.49 …", or too new, and its maximum. */
static bool wanted_version(const char *message, int *major, int *minor)
{
	static const char *const words[] = { "Minimum supported API version is ",
					     "Maximum supported API version is " };
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *at = strstr(message, words[i]);
		if (at && parse_version(at + strlen(words[i]), major, minor))
			return true;
	}
	return false;
}

static void on_version(void *ctx, const struct docker_answer *a)
{
	struct docker *d = ctx;
	struct docker_link *k = d->link;
	k->call = NULL;
	int major, minor;
	if (!k->has_asked_version && wanted_version(a->message, &major, &minor)) {
		k->has_asked_version = true;
		speak(d, major, minor);
		ask_version(d);
		return;
	}
	/* A socket proxy may refuse it; nothing depends on the engine's own version. */
	if (a->e && a->e->kind != DOCKER_PERMISSION && a->e->kind != DOCKER_NOT_FOUND) {
		go_down(d, a->e);
		return;
	}
	cJSON *tree = cJSON_ParseWithLength(a->body, a->body_len);
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "Version"));
	(void)snprintf(d->engine_version, sizeof(d->engine_version), "%s", text ? text : "");
	cJSON_Delete(tree);
	finish_connecting(d);
}

static void ask_version(struct docker *d)
{
	const struct docker_request rq = { .method = "GET",
					   .path = "/version",
					   .patience = DOCKER_CONTROL,
					   .on_done = on_version,
					   .ctx = d };
	d->link->call = docker_call(d, &rq, NULL);
	if (!d->link->call)
		fail(d, DOCKER_OTHER, "out of memory");
}

/* --- ping ----------------------------------------------------------------------------------- */

static void on_ping(void *ctx, const struct docker_answer *a)
{
	struct docker *d = ctx;
	struct docker_link *k = d->link;
	k->call = NULL;
	if (a->e) {
		go_down(d, a->e);
		return;
	}
	if (k->is_check)
		return;
	int major, minor;
	if (!parse_version(docker_call_header(a->call, "Api-Version"), &major, &minor)) {
		fail(d, DOCKER_OTHER, "what answers there is not a Docker engine");
		return;
	}
	bool is_newer = major > NEWEST_MAJOR || (major == NEWEST_MAJOR && minor > NEWEST_MINOR);
	speak(d, is_newer ? NEWEST_MAJOR : major, is_newer ? NEWEST_MINOR : minor);
	k->has_asked_version = false;
	d->can_call = true;
	ask_version(d);
}

static void ping(void *ctx)
{
	struct docker *d = ctx;
	const struct docker_request rq = { .method = "GET",
					   .path = "/_ping",
					   .is_unversioned = true,
					   .is_fresh = true,
					   .patience = DOCKER_QUICK,
					   .on_done = on_ping,
					   .ctx = d };
	docker_call_cancel(d->link->call);
	d->link->call = docker_call(d, &rq, NULL);
	if (!d->link->call)
		connect_later(d, RETRY_MS, d->link->is_check);
}

static void connect_later(struct docker *d, int64_t in_ms, bool is_check)
{
	d->link->is_check = is_check;
	loop_timer_in(d->link->timer, in_ms);
}

/* A call of somebody got no answer. */
static void doubt(struct docker *d)
{
	if (d->is_up && !d->link->call && !loop_timer_is_armed(d->link->timer))
		connect_later(d, 0, true);
}

/* --- birth and death ------------------------------------------------------------------------ */

static struct docker_link *link_new(struct docker *d)
{
	struct docker_link *k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->delay_ms = RETRY_MS;
	k->jitter_seed = clock_ms() & 0xffff;
	k->timer = loop_timer_new(d->p.loop, ping, d);
	if (k->timer)
		return k;
	free(k);
	return NULL;
}

struct docker *docker_new(const struct docker_params *p, struct err *e)
{
	struct docker *d = calloc(1, sizeof(*d));
	if (!d) {
		err_oom(e);
		return NULL;
	}
	d->p = *p;
	d->on_doubt = doubt;
	if (docker_endpoint_find(p->host, &d->endpoint, e) < 0) {
		docker_free(d);
		return NULL;
	}
	d->instance = p->instance ? strdup(p->instance) : NULL;
	d->link = link_new(d);
	d->removals = docker_removals_new(d);
	if (!d->link || !d->removals || (p->instance && !d->instance)) {
		err_oom(e);
		docker_free(d);
		return NULL;
	}
	connect_later(d, 0, false);
	return d;
}

void docker_free(struct docker *d)
{
	if (!d)
		return;
	docker_containers_forget(d);
	docker_events_free(d->events);
	docker_removals_free(d->removals);
	docker_calls_drop(d);
	if (d->link)
		loop_timer_free(d->link->timer);
	free(d->link);
	docker_endpoint_free(d->endpoint);
	free(d->instance);
	free(d);
}

void docker_set_instance(struct docker *d, const char *instance)
{
	if (d->instance && strcmp(d->instance, instance) == 0)
		return;
	char *copy = strdup(instance);
	if (!copy)
		return;
	free(d->instance);
	d->instance = copy;
	/* Not connected yet: connecting opens the stream. */
	if (d->is_up) {
		d->link->is_quiet = true;
		open_events(d);
	}
}

bool docker_is_up(const struct docker *d)
{
	return d->is_up;
}

const char *docker_endpoint(const struct docker *d)
{
	return d->endpoint->text;
}

int docker_cli_env(const struct docker *d, const char *const *from, char ***ret, struct err *e)
{
	return docker_endpoint_env(d->endpoint, from, ret, e);
}

const char *docker_api_version(const struct docker *d)
{
	return d->api_version;
}

const char *docker_engine_version(const struct docker *d)
{
	return d->engine_version;
}
