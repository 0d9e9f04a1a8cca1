/* SPDX-License-Identifier: MIT */
#include "supervisor/pulse.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "stdio/mux.h"
#include "supervisor/check.h"
#include "supervisor/supervisor.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>

struct question {
	struct question *next;
	struct pulse *pulse;
	/* One of them; owned until answered. */
	struct mux_ask *ask;
	struct check *check;
	unsigned probe_id;
	int64_t asked_ms;
	bool is_late; /* given up, but it runs on */
};

struct pulse {
	struct pulse_params p;
	struct health *health;
	struct question *open;
	bool is_blind; /* nobody can tell, and it was said why */
};

/* --- questions -------------------------------------------------------------------------------- */

static struct question *question_new(struct pulse *p, unsigned probe_id)
{
	struct question *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->pulse = p;
	q->probe_id = probe_id;
	q->asked_ms = clock_ms();
	q->next = p->open;
	p->open = q;
	return q;
}

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

static void drop(struct question *q)
{
	mux_ask_cancel(q->ask);
	check_free(q->check);
	forget(q);
}

/* Given up for taking too long, and not for being out of date. */
static int count_hung(const struct pulse *p)
{
	int64_t since = clock_ms() - p->p.conf->healthcheck_timeout_ms;
	int n = 0;
	for (const struct question *q = p->open; q; q = q->next)
		n += q->is_late && q->asked_ms <= since;
	return n;
}

/* --- by MCP ----------------------------------------------------------------------------------- */

static void replied(void *ctx, const char *line, size_t len, const struct err *e)
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

static int ask_mcp(void *ctx, unsigned probe_id, const char *method)
{
	struct pulse *p = ctx;
	struct question *q = question_new(p, probe_id);
	if (!q)
		return -ENOMEM;
	struct err e = { .code = -EIO };
	q->ask = mux_probe(p->p.mux, method, replied, q, &e);
	if (q->ask)
		return 0;
	forget(q);
	return e.code == -ENOTCONN ? HEALTH_NOT_ASKED : e.code; /* its end is on its way */
}

/* --- by a check ------------------------------------------------------------------------------- */

static void checked(void *ctx, enum health_verdict v, const char *words)
{
	struct question *q = ctx;
	struct pulse *p = q->pulse;
	unsigned probe_id = q->probe_id;
	forget(q);
	bool is_blind = v == HEALTH_NONE && (*words || p->is_blind);
	if (is_blind && !p->is_blind)
		log_warn(p->p.conf->name, "%s", words);
	p->is_blind = is_blind;
	health_said(p->health, probe_id, v, words); /* may free p */
}

static int ask_check(void *ctx, unsigned probe_id, const char *method)
{
	(void)method;
	struct pulse *p = ctx;
	/* No engine can end a command in a container: they shall not pile up there. */
	if (count_hung(p) >= p->p.conf->healthcheck_retries)
		return -EBUSY;
	struct question *q = question_new(p, probe_id);
	if (!q)
		return -ENOMEM;
	struct check_params cp = {
		.sv = p->p.sv,
		.conf = p->p.conf,
		.launch = p->p.launch,
		.http = p->p.sv->http,
		.fn = checked,
		.ctx = q,
	};
	struct err e;
	q->check = check_new(&cp, &e);
	if (q->check)
		return 0;
	forget(q);
	return e.code == -ENOTCONN ? HEALTH_NOT_ASKED : e.code;
}

static bool give_up(void *ctx, unsigned probe_id)
{
	struct pulse *p = ctx;
	struct question *q = p->open;
	while (q && (q->probe_id != probe_id || q->is_late))
		q = q->next;
	if (!q)
		return true;
	bool is_its_own = !q->check || check_is_under_way(q->check);
	if (!q->check || check_can_end(q->check) || !is_its_own)
		drop(q);
	else
		q->is_late = true;
	return is_its_own;
}

/* --- what health/ wants to know ----------------------------------------------------------------- */

static int64_t last_heard(void *ctx)
{
	struct pulse *p = ctx;
	return mux_last_heard_ms(p->p.mux);
}

static int64_t busy_since(void *ctx)
{
	struct pulse *p = ctx;
	return mux_busy_since_ms(p->p.mux);
}

static unsigned calls_given_up(void *ctx)
{
	struct pulse *p = ctx;
	return mux_calls_given_up(p->p.mux);
}

static void verdict(void *ctx, enum health_verdict v, const char *why)
{
	struct pulse *p = ctx;
	p->p.fn(p->p.ctx, v, why);
}

/* --- birth and death -------------------------------------------------------------------------- */

static struct health_params params_of(struct pulse *p)
{
	static const struct {
		enum health_kind kind;
		const char *noun;
	} kinds[] = {
		[CONF_HEALTH_MCP] = { HEALTH_BY_MCP, NULL },
		[CONF_HEALTH_EXEC] = { HEALTH_BY_CHECK, "health command" },
		[CONF_HEALTH_HTTP] = { HEALTH_BY_CHECK, "health request" },
		[CONF_HEALTH_DOCKER] = { HEALTH_BY_ENGINE, "image's HEALTHCHECK" },
	};
	const struct conf_server *conf = p->p.conf;
	bool is_engine = conf->healthcheck == CONF_HEALTH_DOCKER;
	return (struct health_params){
		.loop = p->p.sv->loop,
		.kind = kinds[conf->healthcheck].kind,
		.noun = kinds[conf->healthcheck].noun,
		.interval_ms = conf->healthcheck_interval_ms,
		.timeout_ms = conf->healthcheck_timeout_ms,
		/* The engine has counted, by the image's own numbers. */
		.start_period_ms = is_engine ? 0 : conf->healthcheck_start_period_ms,
		.retries = is_engine ? 1 : conf->healthcheck_retries,
		.busy_timeout_ms =
			conf->request_timeout_ms ? conf->request_timeout_ms : conf->busy_timeout_ms,
		.is_modern = mux_is_modern(p->p.mux),
		.ask = conf->healthcheck == CONF_HEALTH_MCP ? ask_mcp : ask_check,
		.give_up = give_up,
		.last_heard_ms = last_heard,
		.busy_since_ms = busy_since,
		.calls_given_up = calls_given_up,
		.on_verdict = verdict,
		.ctx = p,
	};
}

struct pulse *pulse_new(const struct pulse_params *params, struct err *e)
{
	const struct conf_server *conf = params->conf;
	if (conf->healthcheck == CONF_HEALTH_NONE)
		return NULL;
	struct pulse *p = calloc(1, sizeof(*p));
	if (!p) {
		err_oom(e);
		return NULL;
	}
	p->p = *params;
	struct health_params hp = params_of(p);
	bool is_able = conf->healthcheck != CONF_HEALTH_HTTP || supervisor_http(params->sv, e);
	p->health = is_able ? health_new(&hp, e) : NULL;
	if (!p->health) {
		pulse_free(p);
		return NULL;
	}
	return p;
}

void pulse_free(struct pulse *p)
{
	if (!p)
		return;
	health_free(p->health);
	while (p->open)
		drop(p->open);
	free(p);
}

void pulse_conf_moved(struct pulse *p, const struct conf_server *conf)
{
	p->p.conf = conf;
}

void pulse_look(struct pulse *p)
{
	if (p->p.conf->healthcheck == CONF_HEALTH_DOCKER)
		health_look(p->health);
}

enum health_verdict pulse_now(const struct pulse *p)
{
	return p->is_blind ? HEALTH_NONE : health_now(p->health);
}

int64_t pulse_last_probe_ms(const struct pulse *p)
{
	return health_last_probe_ms(p->health);
}

int64_t pulse_well_ms(const struct pulse *p)
{
	return health_well_ms(p->health);
}

void pulse_count(struct pulse *p, struct health_counts *counts)
{
	health_count(p->health, counts);
}
