/* SPDX-License-Identifier: MIT */
#include "docker/container.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "docker/attach.h"
#include "docker/container_step.h"
#include "docker/spec.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ASK_MS = 2000, /* wait answers some 10 ms after the end of the output, or something broke */
	LAST_WORDS_MS = 100, /* output that is still on its way when wait has answered */
	STABLE_MS = 10000,   /* a wait that broke earlier is not asked again at once */
	REST_MS = 1000,
	MAX_REST_MS = 30000,
	SIGNAL_BASE = 128,
	CUT_IDLE_MS = 5000, /* no proxy has a shorter limit */
};

/* --- the end -------------------------------------------------------------------------------- */

static void unlist(struct docker_container *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->d->containers = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = c->next = NULL;
	c->d = NULL;
}

void container_destroy(struct docker_container *c)
{
	docker_call_cancel(c->call);
	docker_call_cancel(c->wait);
	docker_attach_free(c->attach);
	loop_timer_free(c->timer);
	if (c->d)
		unlist(c);
	buf_done(&c->body);
	free(c->name);
	free(c->platform);
	free(c->e);
	free(c);
}

/*
 * A proxy that cuts what idles cut its wait, then its attach, and with that its stdin: so it ended, or runs on deaf. One
 * that ends by itself does so while its wait stands.
 */
static int64_t cut_after_ms(const struct docker_container *c)
{
	bool ended_well = !c->has_exit || c->exit_code == 0;
	bool is_cut = c->is_output_over && c->is_wait_cut && ended_well;
	return is_cut && c->idle_ms >= CUT_IDLE_MS ? c->idle_ms : 0;
}

void container_finish(struct docker_container *c, bool is_engine_gone, const struct err *e)
{
	struct docker *d = c->d;
	docker_call_cancel(c->call);
	docker_call_cancel(c->wait);
	c->call = c->wait = NULL;
	loop_timer_stop(c->timer);
	unlist(c);
	c->state = CONTAINER_ENDED;
	if (!c->has_exit) {
		/* It may run on: cut first, since a container whose output nobody reads cannot be removed. */
		docker_attach_free(c->attach);
		c->attach = NULL;
	}
	/* What never ran goes by its ID: another launcher may be about to take the name. */
	if (c->id[0])
		docker_remove(d, e ? c->id : c->name);
	const struct docker_exit x = { .exit_code = c->has_exit ? c->exit_code : -1,
				       .is_oom = c->is_oom,
				       .is_engine_gone = is_engine_gone,
				       .cut_ms = is_engine_gone || e ? 0 : cut_after_ms(c),
				       .e = e };
	c->cb.on_exit(c->ctx, &x);
}

/* It never ran. */
void container_fail(struct docker_container *c, const struct err *e, const char *step)
{
	struct err why = *e;
	(void)err_prefix(&why, "cannot %s container %s", step, c->name); /* the code is e's */
	c->has_exit = false;
	container_finish(c, why.kind == DOCKER_NETWORK, &why);
}

void container_fail_with(struct docker_container *c, int code, int kind, const char *step,
			 const char *text)
{
	struct err e;
	err_kind(&e, code, kind, "%s", text);
	container_fail(c, &e, step);
}

/* A call could not go out. */
void container_fail_call(struct docker_container *c, const char *step)
{
	if (c->d->can_call)
		container_fail_with(c, -ENOMEM, DOCKER_OTHER, step, "out of memory");
	else
		container_fail_with(c, -ENOTCONN, DOCKER_NETWORK, step, "the engine went away");
}

/* --- one call of a step --------------------------------------------------------------------- */

bool container_call(struct docker_container *c, const char *method, const char *what,
		    enum docker_patience patience,
		    void (*on_done)(void *ctx, const struct docker_answer *a))
{
	_cleanup_buf_ struct buf path = { 0 };
	const char *who = c->id[0] ? c->id : c->name;
	if (buf_adds(&path, "/containers/") < 0 || docker_escape(&path, who) < 0 ||
	    buf_adds(&path, what) < 0)
		return false;
	const struct docker_request rq = { .method = method,
					   .path = path.data,
					   .patience = patience,
					   .is_fresh = patience == DOCKER_QUICK,
					   .on_done = on_done,
					   .ctx = c };
	c->call = docker_call(c->d, &rq, NULL);
	return c->call != NULL;
}

static void on_signalled(void *ctx, const struct docker_answer *a)
{
	(void)ctx; /* it may be gone: wait tells what came of it */
	(void)a;
}

void container_signal(struct docker_container *c, const char *signal)
{
	_cleanup_buf_ struct buf path = { 0 };
	if (buf_addf(&path, "/containers/%s/kill?signal=", c->id) < 0 ||
	    docker_escape(&path, signal) < 0)
		return;
	const struct docker_request rq = { .method = "POST",
					   .path = path.data,
					   .patience = DOCKER_CONTROL,
					   .on_done = on_signalled };
	(void)docker_call(c->d, &rq, NULL); /* without an engine there is an end coming anyway */
}

/* --- after it ran: what happened? ----------------------------------------------------------- */

/* Only wait broke. Its end is still told by the end of its output, or by an event. */
static void rest(struct docker_container *c)
{
	int64_t longer = c->rest_ms ? c->rest_ms * 2 : REST_MS;
	c->rest_ms = clock_ms() - c->wait_ms >= STABLE_MS ? 0
		     : longer < MAX_REST_MS		  ? longer
							  : MAX_REST_MS;
	c->state = CONTAINER_RESTING;
	loop_timer_in(c->timer, c->is_said_dead ? 0 : c->rest_ms);
}

static void on_inspected(void *ctx, const struct docker_answer *a)
{
	struct docker_container *c = ctx;
	c->call = NULL;
	cJSON *tree = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(tree, "State");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(state, "ExitCode");
	c->is_oom |= cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(state, "OOMKilled"));
	bool is_running = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(state, "Running"));
	if (!c->has_exit && cJSON_IsNumber(code) && !is_running) {
		c->has_exit = true;
		c->exit_code = code->valueint;
	}
	cJSON_Delete(tree);
	if (is_running && !c->has_exit && !c->wait && !c->is_output_over) {
		rest(c);
		return;
	}
	/*
	 * It runs, but nobody can talk to it any more: an end too, and container_finish() kills it. One that was ended by a
	 * signal went with its engine, if that takes no new connection.
	 */
	bool is_gone = a->e && a->status == 0 && (!c->has_exit || c->exit_code > SIGNAL_BASE);
	container_finish(c, is_gone, NULL);
}

static void inspect(struct docker_container *c)
{
	c->state = CONTAINER_INSPECTING;
	if (!container_call(c, "GET", "/json", DOCKER_QUICK, on_inspected))
		container_finish(c, !c->has_exit, NULL);
}

static void on_asked(void *ctx, const struct docker_answer *a)
{
	struct docker_container *c = ctx;
	c->call = NULL;
	if (a->e && !c->has_exit)
		container_finish(c, true, NULL);
	else
		inspect(c);
}

static void ask(struct docker_container *c)
{
	c->state = CONTAINER_ASKING;
	const struct docker_request rq = { .method = "GET",
					   .path = "/_ping",
					   .is_unversioned = true,
					   .is_fresh = true,
					   .patience = DOCKER_QUICK,
					   .on_done = on_asked,
					   .ctx = c };
	c->call = docker_call(c->d, &rq, NULL);
	if (!c->call)
		container_finish(c, true, NULL);
}

static void conclude(struct docker_container *c)
{
	/* The event "oom" is missing where events are refused, or were lost. */
	if (c->exit_code != 0 && !c->is_oom)
		inspect(c);
	else
		container_finish(c, false, NULL);
}

/* Always by the timer: a callback of ours may be running, and whoever is told may free everything. */
void container_advance(struct docker_container *c)
{
	if (c->has_exit)
		loop_timer_in(c->timer, docker_attach_is_over(c->attach) ? 0 : LAST_WORDS_MS);
	else if (!c->wait)
		loop_timer_in(c->timer, 0);
	else if (c->is_output_over || c->is_said_dead)
		loop_timer_in(c->timer, ASK_MS);
}

static void on_timer(void *ctx)
{
	struct docker_container *c = ctx;
	switch (c->state) {
	case CONTAINER_CREATING:
		container_fail(c, c->e, "create");
		break;
	case CONTAINER_ATTACHING:
		container_fail_with(c, -ETIMEDOUT, DOCKER_TIMEOUT, "attach to",
				    "the engine does not answer");
		break;
	case CONTAINER_WAITING:
		container_fail_with(c, -ETIMEDOUT, DOCKER_TIMEOUT, "wait for",
				    "the engine does not answer");
		break;
	case CONTAINER_RUNNING:
		if (c->has_exit)
			conclude(c);
		else
			ask(c);
		break;
	case CONTAINER_RESTING:
		container_wait_again(c);
		break;
	default:
		break;
	}
}

/* --- birth and death ------------------------------------------------------------------------ */

/* An older API knows no part of a volume, ignores it without a word and mounts the whole: nothing may be left to that. */
static int render(struct docker_container *c, const struct docker_spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (spec->mounts[i].subpath && !docker_api_at_least(c->d, 1, 45))
			return err_kind(e, -ENOTSUP, DOCKER_OTHER,
					"%s: the engine's API %s cannot mount a part of volume %s; "
					"was it exchanged for an older one meanwhile?",
					spec->mounts[i].target, c->d->api_version,
					spec->mounts[i].source);
	int r = docker_spec_json(spec, &c->body, e);
	if (r < 0)
		e->kind = r == -ENOMEM ? DOCKER_OTHER : DOCKER_BAD_REQUEST;
	return r;
}

static bool fill(struct docker_container *c, const struct docker_spec *spec, const char *name)
{
	struct err e;
	c->name = strdup(name);
	c->platform = spec->platform ? strdup(spec->platform) : NULL;
	c->timer = loop_timer_new(c->d->p.loop, on_timer, c);
	if (!c->name || !c->timer || (spec->platform && !c->platform))
		return false;
	if (render(c, spec, &e) == 0)
		return container_create(c);
	c->e = malloc(sizeof(*c->e));
	if (!c->e)
		return false;
	*c->e = e;
	loop_timer_in(c->timer, 0);
	return true;
}

struct docker_container *docker_container_run(struct docker *d, const struct docker_spec *spec,
					      const char *name,
					      const struct docker_container_cb *cb, void *ctx,
					      struct err *e)
{
	if (!d->is_up) {
		err_kind(e, -ENOTCONN, DOCKER_NETWORK, "the engine at %s does not answer",
			 docker_endpoint(d));
		return NULL;
	}
	struct docker_container *c = calloc(1, sizeof(*c));
	if (!c) {
		err_kind(e, -ENOMEM, DOCKER_OTHER, "out of memory");
		return NULL;
	}
	c->d = d;
	c->cb = *cb;
	c->ctx = ctx;
	c->next = d->containers;
	if (d->containers)
		d->containers->prev = c;
	d->containers = c;
	if (!fill(c, spec, name)) {
		err_kind(e, -ENOMEM, DOCKER_OTHER, "out of memory");
		container_destroy(c);
		return NULL;
	}
	return c;
}

const char *docker_container_id(const struct docker_container *c)
{
	return c->id;
}

void docker_container_signal(struct docker_container *c, const char *signal)
{
	if (!c->d || c->state == CONTAINER_ENDED)
		return;
	bool is_kill = strcmp(signal, "SIGKILL") == 0;
	/* A kill's caller does not care for more output, and the engine hangs on what nobody reads. */
	if (is_kill && c->state > CONTAINER_ATTACHING)
		docker_attach_drain(c->attach);
	if (c->state < CONTAINER_RUNNING) {
		(void)snprintf(c->pending_signal, sizeof(c->pending_signal), "%s", signal);
		/* A slow engine starts it when nobody waits any more. The removal it does not forget. */
		if (is_kill && c->id[0])
			docker_remove(c->d, c->name);
		return;
	}
	container_signal(c, signal);
}

void docker_container_free(struct docker_container *c)
{
	if (!c)
		return;
	if (c->d && c->state == CONTAINER_CREATING && c->call) {
		/* It may be about to exist: only the answer can say. */
		c->is_orphan = true;
		return;
	}
	/* As in container_finish(): first cut, then remove. */
	docker_attach_free(c->attach);
	c->attach = NULL;
	if (c->d && c->id[0])
		docker_remove(c->d, c->name);
	container_destroy(c);
}

void docker_containers_event(struct docker *d, const struct docker_event *ev)
{
	for (struct docker_container *c = d->containers; c; c = c->next) {
		if (strcmp(c->id, ev->id) != 0)
			continue;
		c->is_oom |= strcmp(ev->action, "oom") == 0;
		if (strcmp(ev->action, "die") != 0)
			continue;
		c->is_said_dead = true;
		if (c->state == CONTAINER_RESTING ||
		    (c->state == CONTAINER_RUNNING && !loop_timer_is_armed(c->timer)))
			container_advance(c);
	}
}

void docker_containers_forget(struct docker *d)
{
	while (d->containers) {
		struct docker_container *c = d->containers;
		docker_call_cancel(c->call);
		docker_call_cancel(c->wait);
		c->call = c->wait = NULL;
		docker_attach_free(c->attach);
		c->attach = NULL;
		loop_timer_stop(c->timer);
		unlist(c);
		if (c->is_orphan)
			container_destroy(c);
	}
}
