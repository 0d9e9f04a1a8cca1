/* SPDX-License-Identifier: MIT */
/* start, stop, restart, wait, pull: what is asked is done at once, the answer comes when the outcome is there. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "supervisor/control_outcome.h"
#include "supervisor/control_priv.h"
#include "supervisor/pulls.h"
#include "supervisor/reload.h"
#include "supervisor/server.h"
#include "supervisor/status.h"
#include "supervisor/supervisor.h"

#include <cjson/cJSON.h>
#include <string.h>

void ctl_wait_free(struct ctl_wait *w)
{
	if (!w)
		return;
	loop_timer_free(w->timer);
	cJSON_Delete(w->id);
	free(w->text);
	free(w->each);
	free(w);
}

/* --- stop: dependants first ------------------------------------------------------------------ */

static bool has_dependant_up(const struct ctl_wait *w, const struct server *s)
{
	for (size_t i = 0; i < w->n; i++)
		if (server_depends_on(w->each[i].server, s) && !ctl_is_stopped(w->each[i].server))
			return true;
	return false;
}

static void stop_next(struct ctl_wait *w, bool all_at_once)
{
	for (size_t i = 0; i < w->n; i++) {
		struct waited *each = &w->each[i];
		if (each->is_asked || (!all_at_once && has_dependant_up(w, each->server)))
			continue;
		each->is_asked = true;
		server_stop(each->server, "mcpctl stop");
	}
}

static bool is_named(const struct ctl_wait *w, const struct server *s)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->each[i].server == s)
			return true;
	return false;
}

/* Those that are up, depend on one of w, and are not among w: their names; else "". */
static void find_left_behind(const struct ctl_wait *w, struct buf *names)
{
	const struct supervisor *sv = w->client->socket->ctl->sv;
	for (size_t i = 0; i < sv->n_servers; i++) {
		const struct server *s = sv->servers[i];
		if (ctl_is_stopped(s) || is_named(w, s))
			continue;
		for (size_t j = 0; j < w->n; j++)
			if (server_depends_on(s, w->each[j].server)) {
				(void)buf_addf(names, "%s%s", names->len ? ", " : "",
					       server_name(s));
				break;
			}
	}
}

/* --- answers ------------------------------------------------------------------------------- */

/* The wait is over: the client is free to ask the next, and w is gone. */
static void answer(struct ctl_wait *w, cJSON *takes_result)
{
	struct ctl_client *c = w->client;
	c->wait = NULL;
	ctl_result(c, w->id, takes_result);
	ctl_next(c);
	ctl_wait_free(w);
}

static void refuse(struct ctl_wait *w, int code, const char *text)
{
	struct ctl_client *c = w->client;
	c->wait = NULL;
	ctl_error(c, w->id, code, "%s", text);
	ctl_next(c);
	ctl_wait_free(w);
}

static bool add_outcome(cJSON *servers, const struct server *s, bool is_done, const char *text)
{
	cJSON *row = cJSON_CreateObject();
	if (row && status_add_text(row, "name", server_name(s)) &&
	    cJSON_AddBoolToObject(row, "is_done", is_done) && status_add_text(row, "text", text) &&
	    cJSON_AddItemToArray(servers, row))
		return true;
	cJSON_Delete(row);
	return false;
}

/* {text?, servers: […]}; NULL: out of memory. The array is the result's. */
static cJSON *begin_result(const struct ctl_wait *w, cJSON **ret_servers)
{
	cJSON *result = cJSON_CreateObject();
	bool is_whole = result && (!w->text || status_add_text(result, "text", w->text));
	*ret_servers = is_whole ? cJSON_AddArrayToObject(result, "servers") : NULL;
	if (*ret_servers)
		return result;
	cJSON_Delete(result);
	return NULL;
}

/* Answers if all outcomes are there; `wait` also as soon as one failed. late: names those that are not ready. */
static void look(struct ctl_wait *w)
{
	cJSON *servers, *result = begin_result(w, &servers);
	bool is_whole = servers != NULL, is_open = false, has_failed = false;
	_cleanup_buf_ struct buf late = { 0 };
	for (size_t i = 0; i < w->n && is_whole; i++) {
		const struct waited *each = &w->each[i];
		_cleanup_buf_ struct buf text = { 0 };
		enum outcome o = ctl_outcome_of(w, each, &text);
		is_whole = add_outcome(servers, each->server, o == DONE, buf_str(&text));
		is_open = is_open || o == OPEN;
		has_failed = has_failed || o == FAILED;
		if (o == OPEN)
			(void)buf_addf(&late, "%s%s (%s)", late.len ? ", " : "not ready in time: ",
				       server_name(each->server), buf_str(&text));
	}
	if (!is_open || !is_whole || (has_failed && w->verb == WIRE_WAIT)) {
		answer(w, is_whole ? take_ptr(&result) : NULL);
	} else if (w->is_late) {
		refuse(w, WIRE_TIMEOUT, buf_str(&late));
	}
	cJSON_Delete(result);
}

void ctl_wait_look(struct ctl_client *c)
{
	struct ctl_wait *w = c->wait;
	if (!w->is_begun)
		return;
	if (c->socket->ctl->sv->shutdown && w->verb != WIRE_STOP) {
		refuse(w, WIRE_REFUSED, "mcpinit is shutting down");
		return;
	}
	if (w->verb == WIRE_STOP)
		stop_next(w, false);
	look(w);
}

void ctl_wait_gone(struct ctl_client *c, const struct server *s)
{
	struct ctl_wait *w = c->wait;
	if (!w || !is_named(w, s))
		return;
	if (w->is_all) { /* all that there are: one less */
		size_t n = 0;
		for (size_t i = 0; i < w->n; i++)
			if (w->each[i].server != s)
				w->each[n++] = w->each[i];
		w->n = n;
		loop_timer_at(c->socket->ctl->sv->look_timer, 0);
		return;
	}
	_cleanup_buf_ struct buf text = { 0 };
	(void)buf_addf(&text, "server %s is no longer in the configuration", server_name(s));
	refuse(w, WIRE_UNKNOWN, buf_str(&text));
}

static void wait_timer(void *ctx)
{
	struct ctl_wait *w = ctx;
	if (w->is_begun)
		w->is_late = true;
	else if (w->timeout_ms >= 0)
		loop_timer_in(w->timer, w->timeout_ms);
	w->is_begun = true;
	ctl_wait_look(w->client);
}

/* --- the question -------------------------------------------------------------------------- */

static bool may_ask(const struct ctl_client *c, const struct server *s)
{
	const struct conf_agent *a = ctl_agent(c);
	return !a || conf_agent_may(a, server_name(s));
}

static void add_server(struct ctl_wait *w, struct server *s)
{
	struct server_info info;
	server_info(s, &info);
	if (!is_named(w, s))
		w->each[w->n++] = (struct waited){ .server = s, .generation = info.generation };
}

/* The servers that are meant. NULL: all are known; else the unknown name. */
static const char *add_servers(struct ctl_wait *w, const cJSON *names)
{
	struct supervisor *sv = w->client->socket->ctl->sv;
	if (!names) {
		w->is_all = true;
		for (size_t i = 0; i < sv->n_servers; i++)
			if (may_ask(w->client, sv->servers[i]))
				add_server(w, sv->servers[i]);
		return NULL;
	}
	const cJSON *name;
	cJSON_ArrayForEach(name, names)
	{
		bool is_known = false;
		for (size_t i = 0; cJSON_IsString(name) && i < sv->n_servers; i++) {
			struct server *s = sv->servers[i];
			if (!server_is_called(s, name->valuestring) || !may_ask(w->client, s))
				continue;
			add_server(w, s);
			is_known = true;
		}
		if (!is_known)
			return cJSON_IsString(name) ? name->valuestring : "";
	}
	return NULL;
}

static struct ctl_wait *wait_new(struct ctl_client *c, const struct wire_request *rq)
{
	struct supervisor *sv = c->socket->ctl->sv;
	const cJSON *timeout = cJSON_GetObjectItemCaseSensitive(rq->params, "timeout_ms");
	struct ctl_wait *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->verb = rq->verb;
	w->client = c;
	w->timeout_ms = -1;
	if (cJSON_IsNumber(timeout) && timeout->valuedouble >= 0 && timeout->valuedouble < 1e12)
		w->timeout_ms = (int64_t)timeout->valuedouble;
	w->each = calloc(sv->n_servers + 1, sizeof(*w->each));
	w->id = rq->id ? cJSON_Duplicate(rq->id, true) : cJSON_CreateNull();
	w->timer = loop_timer_new(sv->loop, wait_timer, w);
	if (w->each && w->id && w->timer)
		return w;
	ctl_wait_free(w);
	return NULL;
}

static void act(struct ctl_wait *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct server *s = w->each[i].server;
		if (w->verb == WIRE_START)
			server_start(s, "mcpctl start");
		else if (w->verb == WIRE_RESTART)
			server_restart(s, "mcpctl restart");
		else if (w->verb == WIRE_PULL)
			pulls_begin(w->client->socket->ctl->sv, s, !w->is_all);
	}
}

/* Why it is not done at all: a sentence in text, and the code; 0: nothing is in the way. */
static int objection(struct ctl_wait *w, const struct wire_request *rq, struct buf *text)
{
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(rq->params, "names");
	if (names && !cJSON_IsArray(names)) {
		(void)buf_adds(text, "\"names\" must be an array");
		return WIRE_PARAMS;
	}
	const char *unknown = add_servers(w, names);
	if (unknown) {
		(void)buf_addf(text, "there is no server '%.64s'", unknown);
		return WIRE_UNKNOWN;
	}
	if (w->client->socket->ctl->sv->shutdown) {
		(void)buf_adds(text, "mcpinit is shutting down");
		return WIRE_REFUSED;
	}
	if (w->verb != WIRE_STOP ||
	    cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rq->params, "force")))
		return 0;
	_cleanup_buf_ struct buf left = { 0 };
	find_left_behind(w, &left);
	if (left.len == 0)
		return 0;
	(void)buf_addf(text, "up and in need of it: %s; stop these too, or --force",
		       buf_str(&left));
	return WIRE_REFUSED;
}

static void answer_at_once(struct ctl_wait *w)
{
	cJSON *servers, *result = begin_result(w, &servers);
	bool is_whole = servers != NULL;
	for (size_t i = 0; i < w->n && is_whole; i++) {
		_cleanup_buf_ struct buf text = { 0 };
		bool is_refused =
			w->verb == WIRE_PULL && ctl_outcome_of(w, &w->each[i], &text) != OPEN;
		is_whole = add_outcome(servers, w->each[i].server, !is_refused,
				       is_refused ? buf_str(&text) : "asked for");
	}
	if (!is_whole) {
		cJSON_Delete(result);
		result = NULL;
	}
	answer(w, result);
}

static bool waits_for_it(const struct wire_request *rq)
{
	return !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(rq->params, "wait"));
}

void ctl_wait_begin(struct ctl_client *c, const struct wire_request *rq)
{
	struct ctl_wait *w = wait_new(c, rq);
	if (!w) {
		ctl_error(c, rq->id, WIRE_INTERNAL, "out of memory");
		return;
	}
	c->wait = w;
	_cleanup_buf_ struct buf text = { 0 };
	int code = objection(w, rq, &text);
	if (code) {
		refuse(w, code, buf_str(&text));
		return;
	}
	bool waits = waits_for_it(rq);
	act(w);
	if (w->verb == WIRE_STOP)
		stop_next(w, !waits);
	if (!waits && w->verb != WIRE_WAIT)
		answer_at_once(w);
	else
		loop_timer_at(w->timer, 0); /* a wish may take a round to become a state */
}

void ctl_wait_progress(struct ctl_client *c, const struct server *s, const char *text)
{
	if (!c->wait || c->wait->verb != WIRE_PULL || !is_named(c->wait, s))
		return;
	cJSON *note = cJSON_CreateObject();
	if (note && (!status_add_text(note, "name", server_name(s)) ||
		     !status_add_text(note, "text", text))) {
		cJSON_Delete(note);
		note = NULL;
	}
	ctl_note(c, "progress", note);
}

/* --- reload -------------------------------------------------------------------------------- */

static cJSON *invalid(const struct reload *r)
{
	cJSON *result = cJSON_CreateObject();
	cJSON *errors = NULL;
	bool is_whole = result && status_add_text(result, "text", buf_str(&r->text)) &&
			(errors = cJSON_AddArrayToObject(result, "errors"));
	for (size_t i = 0; i < r->errors.n && is_whole; i++) {
		cJSON *line = cJSON_CreateString(r->errors.lines[i]);
		is_whole = cJSON_AddItemToArray(errors, line);
	}
	if (is_whole)
		return result;
	cJSON_Delete(result);
	return NULL;
}

static void wait_for_begun(struct ctl_client *c, const struct wire_request *rq,
			   const struct reload *r)
{
	struct ctl_wait *w = wait_new(c, rq);
	if (!w || !(w->text = strdup(buf_str(&r->text)))) {
		ctl_wait_free(w);
		ctl_error(c, rq->id, WIRE_INTERNAL, "reloaded, but out of memory for the answer");
		return;
	}
	c->wait = w;
	for (char **name = r->begun; name && *name; name++) {
		struct server *s = supervisor_find(c->socket->ctl->sv, *name);
		if (s)
			add_server(w, s);
	}
	if (w->n == 0 || !waits_for_it(rq))
		answer_at_once(w);
	else
		loop_timer_at(w->timer, 0);
}

void ctl_reload(struct ctl_client *c, const struct wire_request *rq)
{
	struct reload r;
	reload_run(c->socket->ctl->sv, &r);
	if (r.outcome == RELOAD_REFUSED)
		ctl_error(c, rq->id, WIRE_REFUSED, "%s", buf_str(&r.text));
	else if (r.outcome == RELOAD_INVALID)
		ctl_result(c, rq->id, invalid(&r));
	else
		wait_for_begun(c, rq, &r);
	reload_done(&r);
}
