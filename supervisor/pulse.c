/* SPDX-License-Identifier: MIT */
#include "supervisor/pulse.h"

#include "base/err.h"
#include "conf/conf.h"
#include "stdio/mux.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>

struct question {
	struct question *next;
	struct pulse *pulse;
	struct mux_ask *ask; /* owned until answered */
	unsigned probe_id;
};

struct pulse {
	struct mux *mux;
	struct health *health;
	struct question *open;
	pulse_fn *fn;
	void *ctx;
};

static void forget(struct question *q)
{
	for (struct question **at = &q->pulse->open; *at; at = &(*at)->next) {
		if (*at == q) {
			*at = q->next;
			break;
		}
	}
	free(q);
}

static void answered(void *ctx, const char *line, size_t len, const struct err *e)
{
	struct question *q = ctx;
	struct health *h = q->pulse->health;
	unsigned probe_id = q->probe_id;
	forget(q);
	if (e)
		return; /* the process went away under it: its end is reported elsewhere */
	int code = 0;
	cJSON *reply = cJSON_ParseWithLength(line, len);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(reply, "error");
	if (error) {
		const cJSON *c = cJSON_GetObjectItemCaseSensitive(error, "code");
		code = cJSON_IsNumber(c) ? c->valueint : -1;
	}
	bool is_error = error != NULL;
	cJSON_Delete(reply);
	health_answer(h, probe_id, is_error, code);
}

static int ask(void *ctx, unsigned probe_id, const char *method)
{
	struct pulse *p = ctx;
	struct question *q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->pulse = p;
	q->probe_id = probe_id;
	q->next = p->open;
	p->open = q;
	struct err e = { .code = -EIO };
	q->ask = mux_probe(p->mux, method, answered, q, &e);
	if (!q->ask) {
		forget(q);
		return e.code;
	}
	return 0;
}

static int64_t last_heard(void *ctx)
{
	struct pulse *p = ctx;
	return mux_last_heard_ms(p->mux);
}

static bool is_busy(void *ctx)
{
	struct pulse *p = ctx;
	return mux_in_flight(p->mux) > 0;
}

static void verdict(void *ctx, enum health_verdict v, const char *why)
{
	struct pulse *p = ctx;
	p->fn(p->ctx, v, why);
}

struct pulse *pulse_new(struct loop *l, const struct conf_server *conf, struct mux *m, pulse_fn *fn,
			void *ctx, struct err *e)
{
	if (conf->healthcheck == CONF_HEALTH_NONE)
		return NULL;
	if (conf->healthcheck != CONF_HEALTH_MCP) {
		err_set(e, -ENOTSUP, "this version knows healthcheck = mcp and none only");
		return NULL;
	}
	struct pulse *p = calloc(1, sizeof(*p));
	if (!p) {
		err_oom(e);
		return NULL;
	}
	p->mux = m;
	p->fn = fn;
	p->ctx = ctx;
	struct health_params hp = {
		.loop = l,
		.interval_ms = conf->healthcheck_interval_ms,
		.timeout_ms = conf->healthcheck_timeout_ms,
		.start_period_ms = conf->healthcheck_start_period_ms,
		.retries = conf->healthcheck_retries,
		.busy_timeout_ms =
			conf->request_timeout_ms ? conf->request_timeout_ms : conf->busy_timeout_ms,
		.is_modern = mux_is_modern(m),
		.ask = ask,
		.last_heard_ms = last_heard,
		.is_busy = is_busy,
		.on_verdict = verdict,
		.ctx = p,
	};
	p->health = health_new(&hp, e);
	if (!p->health) {
		free(p);
		return NULL;
	}
	return p;
}

void pulse_free(struct pulse *p)
{
	if (!p)
		return;
	health_free(p->health);
	while (p->open) {
		mux_ask_cancel(p->open->ask);
		forget(p->open);
	}
	free(p);
}

void pulse_count(struct pulse *p, struct health_counts *counts)
{
	health_count(p->health, counts);
}

enum health_verdict pulse_now(const struct pulse *p)
{
	return health_now(p->health);
}
