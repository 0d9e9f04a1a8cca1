/* SPDX-License-Identifier: MIT */
/* What each verb does. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "supervisor/access.h"
#include "supervisor/agents.h"
#include "supervisor/control_priv.h"
#include "supervisor/metrics.h"
#include "supervisor/server.h"
#include "supervisor/status.h"
#include "supervisor/supervisor.h"

#include <cjson/cJSON.h>
#include <string.h>

static const char *text_of(const cJSON *params, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, key));
}

static const struct conf_agent *find_agent(const struct conf *conf, const char *name)
{
	for (struct conf_agent **a = conf->agents; *a; a++)
		if (strcmp((*a)->name, name) == 0)
			return *a;
	return NULL;
}

const struct conf_agent *ctl_agent(const struct ctl_client *c)
{
	const struct ctl_socket *s = c->socket;
	return s->agent ? find_agent(s->ctl->sv->conf, s->agent) : NULL;
}

/* --- whose, and which server ----------------------------------------------------------------- */

/* Of a server with one instance per agent: the agent's own, unless NAME@AGENT says whose. */
static struct server *find_server(const struct ctl_client *c, const struct wire_request *rq,
				  const char *name)
{
	struct supervisor *sv = c->socket->ctl->sv;
	const struct conf_agent *a = ctl_agent(c);
	const char *who = a ? a->name : text_of(rq->params, "agent");
	for (size_t i = 0; i < sv->n_servers; i++) {
		struct server *s = sv->servers[i];
		const char *own = server_conf(s)->agent;
		if (!server_is_called(s, name) || (a && !conf_agent_may(a, server_name(s))))
			continue;
		if (!own || strcmp(server_name(s), name) == 0 ||
		    strcmp(own, who ? who : "default") == 0)
			return s;
	}
	return NULL;
}

/* The server named in params, if this client may know of it; else it is told, and NULL. */
static struct server *pick_server(struct ctl_client *c, const struct wire_request *rq)
{
	struct supervisor *sv = c->socket->ctl->sv;
	const char *name = text_of(rq->params, "server");
	if (!name) {
		ctl_error(c, rq->id, WIRE_PARAMS, "%s needs \"server\"", wire_verb(rq->verb)->name);
		return NULL;
	}
	const struct conf_agent *a = ctl_agent(c);
	struct server *s = find_server(c, rq, name);
	if (s)
		return s;
	_cleanup_buf_ struct buf known = { 0 };
	for (size_t i = 0; i < sv->n_servers; i++) {
		const char *other = server_name(sv->servers[i]);
		if (!a || conf_agent_may(a, other))
			(void)buf_addf(&known, "%s%s", known.len ? ", " : "", other);
	}
	ctl_error(c, rq->id, WIRE_UNKNOWN, "there is no server '%.64s'; there are: %s", name,
		  known.len ? buf_str(&known) : "none");
	return NULL;
}

/*
 * As whom: the socket's agent; at the operator's socket the one named, else the one whose own the server is, else the
 * default one. NULL: it is told.
 */
static const struct conf_agent *pick_agent(struct ctl_client *c, const struct wire_request *rq,
					   const struct server *s)
{
	const struct conf *conf = c->socket->ctl->sv->conf;
	const char *name = text_of(rq->params, "agent"), *own = c->socket->agent;
	if (own && name && strcmp(own, name) != 0) {
		ctl_error(c, rq->id, WIRE_DENIED,
			  "this socket is agent %s's: it cannot speak for '%.64s'", own, name);
		return NULL;
	}
	if (!name)
		name = own ? own : server_conf(s)->agent;
	if (!name)
		name = "default";
	const struct conf_agent *a = find_agent(conf, name);
	if (a)
		return a;
	_cleanup_buf_ struct buf known = { 0 };
	for (struct conf_agent **i = conf->agents; *i; i++)
		(void)buf_addf(&known, "%s%s", known.len ? ", " : "", (*i)->name);
	ctl_error(c, rq->id, WIRE_UNKNOWN, "there is no agent '%.64s'; --agent takes one of: %s",
		  name, known.len ? buf_str(&known) : "none, as default_agent is off");
	return NULL;
}

/* Both; NULL: the client is told why not. */
static struct server *pick(struct ctl_client *c, const struct wire_request *rq,
			   const struct conf_agent **ret_agent)
{
	struct server *s = pick_server(c, rq);
	if (!s || !(*ret_agent = pick_agent(c, rq, s)))
		return NULL;
	if (conf_agent_may(*ret_agent, server_name(s)))
		return s;
	ctl_error(c, rq->id, WIRE_REFUSED,
		  "agent %s may not use server %s: `servers` of [agent:%s] does not name it",
		  (*ret_agent)->name, server_name(s), (*ret_agent)->name);
	return NULL;
}

/* --- the verbs ----------------------------------------------------------------------------- */

static void do_status(struct ctl_client *c, const struct wire_request *rq)
{
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(rq->params, "names");
	ctl_result(c, rq->id, status_snapshot(c->socket->ctl->sv, ctl_agent(c), names));
}

static void do_connect(struct ctl_client *c, const struct wire_request *rq)
{
	struct supervisor *sv = c->socket->ctl->sv;
	const struct conf_agent *agent;
	struct server *s = pick(c, rq, &agent);
	if (!s)
		return;
	if (sv->shutdown) {
		ctl_error(c, rq->id, WIRE_REFUSED, "mcpinit is shutting down");
		return;
	}
	struct err e;
	_cleanup_close_ int fd = ctl_hand_over(c, rq->id);
	struct stream *stream = fd < 0 ? NULL : stream_of_fds(sv->loop, fd, fd, &e);
	if (stream) {
		fd = -1;
		if (agents_add_socket(server_agents(s), agent->name, stream, &e) < 0) {
			stream_free(stream);
			stream = NULL;
		}
		access_apply(s, agent);
	}
	if (!stream && !c->is_dead)
		log_warn(server_name(s), "agent %s: session not begun: %s", agent->name,
			 fd < 0 ? "its socket is full" : e.text);
	ctl_drop(c);
}

static void do_endpoint(struct ctl_client *c, const struct wire_request *rq)
{
	const struct conf_agent *agent;
	struct server *s = pick(c, rq, &agent);
	if (!s)
		return;
	/* An agent may have its directory mounted anywhere: it gets paths from its socket's directory. */
	_cleanup_buf_ struct buf dir = { 0 }, in = { 0 }, out = { 0 };
	if (!c->socket->agent)
		(void)buf_addf(&dir, "%s/%s/", c->socket->ctl->sv->conf->runtime_dir, agent->name);
	const char *pipes = conf_server_base(server_conf(s));
	(void)buf_addf(&in, "%s%s/in", buf_str(&dir), pipes);
	(void)buf_addf(&out, "%s%s/out", buf_str(&dir), pipes);
	cJSON *pair = cJSON_CreateObject();
	if (!pair || !status_add_text(pair, "in", buf_str(&in)) ||
	    !status_add_text(pair, "out", buf_str(&out))) {
		cJSON_Delete(pair);
		pair = NULL;
	}
	ctl_result(c, rq->id, pair);
}

static void do_agents(struct ctl_client *c, const struct wire_request *rq)
{
	ctl_result(c, rq->id, status_agents(c->socket->ctl->sv));
}

static void do_metrics(struct ctl_client *c, const struct wire_request *rq)
{
	_cleanup_buf_ struct buf text = { 0 };
	cJSON *result = metrics_text(c->socket->ctl->sv, &text) < 0 ? NULL : cJSON_CreateObject();
	if (result && !status_add_text(result, "text", buf_str(&text))) {
		cJSON_Delete(result);
		result = NULL;
	}
	ctl_result(c, rq->id, result);
}

static void do_shutdown(struct ctl_client *c, const struct wire_request *rq)
{
	cJSON *result = cJSON_CreateObject();
	if (result)
		(void)status_add_text(result, "text", "shutting down");
	ctl_result(c, rq->id, result);
	supervisor_shutdown(c->socket->ctl->sv, "mcpctl shutdown");
}

static void do_logs(struct ctl_client *c, const struct wire_request *rq)
{
	struct server *s = pick_server(c, rq);
	if (s)
		ctl_logs_begin(c, rq, s);
}

static void do_pins(struct ctl_client *c, const struct wire_request *rq)
{
	struct server *s = pick_server(c, rq);
	if (s)
		ctl_pins(c, rq, s);
}

/* --- which is which ------------------------------------------------------------------------ */

static void (*const verbs[WIRE_VERBS])(struct ctl_client *c, const struct wire_request *rq) = {
	[WIRE_STATUS] = do_status,     [WIRE_START] = ctl_wait_begin,
	[WIRE_STOP] = ctl_wait_begin,  [WIRE_RESTART] = ctl_wait_begin,
	[WIRE_WAIT] = ctl_wait_begin,  [WIRE_LOGS] = do_logs,
	[WIRE_CONNECT] = do_connect,   [WIRE_ENDPOINT] = do_endpoint,
	[WIRE_SHUTDOWN] = do_shutdown, [WIRE_RELOAD] = ctl_reload,
	[WIRE_AGENTS] = do_agents,     [WIRE_SWEEP] = ctl_sweep_begin,
	[WIRE_METRICS] = do_metrics,   [WIRE_PULL] = ctl_wait_begin,
	[WIRE_PINS] = do_pins,
};

void ctl_request(struct ctl_client *c, const struct wire_request *rq)
{
	const struct wire_verb_row *row = wire_verb(rq->verb);
	if (c->socket->agent && !row->is_for_agents)
		ctl_error(c, rq->id, WIRE_DENIED,
			  "%s is for the operator: use the socket in control_dir, not agent %s's",
			  row->name, c->socket->agent);
	else
		verbs[rq->verb](c, rq);
}
