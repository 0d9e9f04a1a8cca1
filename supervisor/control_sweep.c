/* SPDX-License-Identifier: MIT */
/* sweep: left-over containers and caches; the engine's answers come when they come. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "docker/docker.h"
#include "supervisor/control_priv.h"
#include "supervisor/status.h"
#include "supervisor/supervisor.h"

#include <cjson/cJSON.h>

struct ctl_sweep {
	struct control *ctl;
	struct ctl_client *client; /* NULL: it is gone */
	cJSON *id, *result;	   /* owned */
	bool is_short;		   /* out of memory */
};

void ctl_sweep_free(struct ctl_sweep *s)
{
	if (!s)
		return;
	cJSON_Delete(s->id);
	cJSON_Delete(s->result);
	free(s);
}

void ctl_sweep_forget(struct ctl_client *c)
{
	if (c->is_sweeping)
		c->socket->ctl->sweep->client = NULL;
	c->is_sweeping = false;
}

static void on_left_over(void *ctx, const struct docker_left_over *l)
{
	struct ctl_sweep *s = ctx;
	const char *kind = l->is_volume ? "volume" : "container";
	if (l->is_removed)
		log_info("mcpinit", "mcpctl sweep: removed %s %s", kind, l->name);
	cJSON *row = cJSON_CreateObject();
	if (!row ||
	    !cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(s->result, "found"), row)) {
		cJSON_Delete(row);
		s->is_short = true;
		return;
	}
	if (!cJSON_AddStringToObject(row, "kind", kind) || !status_add_text(row, "name", l->name) ||
	    !status_add_text(row, "server", l->server) ||
	    !cJSON_AddBoolToObject(row, "is_removed", l->is_removed) ||
	    !status_add_text(row, "why", l->why))
		s->is_short = true;
}

static void on_done(void *ctx, size_t n_removed, const struct err *e)
{
	(void)n_removed;
	struct ctl_sweep *s = ctx;
	struct ctl_client *c = s->client;
	s->ctl->sweep = NULL;
	if (c) {
		c->is_sweeping = false;
		if (e)
			ctl_error(c, s->id,
				  docker_is_up(s->ctl->sv->docker) ? WIRE_REFUSED : WIRE_AWAY, "%s",
				  e->text);
		else
			ctl_result(c, s->id, s->is_short ? NULL : take_ptr(&s->result));
		ctl_next(c);
	}
	ctl_sweep_free(s);
}

/* Why it cannot be done now: the code, and the sentence; 0: it can. */
static int objection(const struct control *ctl, const char **ret_text)
{
	const struct supervisor *sv = ctl->sv;
	if (sv->shutdown) {
		*ret_text = "mcpinit is shutting down, and sweeps by itself";
		return WIRE_REFUSED;
	}
	if (!sv->docker) {
		*ret_text = "no server is a container, so no container engine is asked";
		return WIRE_AWAY;
	}
	if (!docker_is_up(sv->docker) || !sv->instance) {
		*ret_text = "the container engine does not answer: mcpinit's log says why";
		return WIRE_AWAY;
	}
	if (ctl->sweep) {
		*ret_text = "another sweep is under way: wait for its end";
		return WIRE_REFUSED;
	}
	return 0;
}

static struct ctl_sweep *sweep_new(struct ctl_client *c, const struct wire_request *rq)
{
	struct ctl_sweep *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->ctl = c->socket->ctl;
	s->client = c;
	s->id = rq->id ? cJSON_Duplicate(rq->id, true) : cJSON_CreateNull();
	s->result = cJSON_CreateObject();
	if (s->id && s->result && cJSON_AddArrayToObject(s->result, "found"))
		return s;
	ctl_sweep_free(s);
	return NULL;
}

void ctl_sweep_begin(struct ctl_client *c, const struct wire_request *rq)
{
	struct control *ctl = c->socket->ctl;
	const struct supervisor *sv = ctl->sv;
	const char *text;
	int code = objection(ctl, &text);
	if (code) {
		ctl_error(c, rq->id, code, "%s", text);
		return;
	}
	struct err e;
	struct ctl_sweep *s = sweep_new(c, rq);
	const struct docker_sweep_params p = {
		.instance = sv->instance,
		.boot = sv->boot,
		.own_id = sv->self ? sv->self->id : NULL,
		.is_ours_only = true,
		.is_dry_run = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rq->params, "dry_run")),
		.volumes = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rq->params, "volumes")),
		.on_left_over = on_left_over,
		.on_done = on_done,
		.ctx = s,
	};
	int r = s ? docker_sweep(sv->docker, &p, &e) : err_oom(&e);
	if (r < 0) {
		ctl_error(c, rq->id, s ? WIRE_AWAY : WIRE_INTERNAL, "%s", e.text);
		ctl_sweep_free(s);
		return;
	}
	ctl->sweep = s;
	c->is_sweeping = true;
}
