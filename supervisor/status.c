/* SPDX-License-Identifier: MIT */
#include "supervisor/status.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/agents.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"
#include "supervisor/tallies.h"

#include <cjson/cJSON.h>
#include <string.h>

bool status_add_text(struct cJSON *to, const char *key, const char *text)
{
	_cleanup_free_ char *copy = strdup(text ? text : "");
	if (!copy)
		return false;
	copy[log_redact(copy, strlen(copy))] = '\0';
	return cJSON_AddStringToObject(to, key, copy) != NULL;
}

static bool add_texts(cJSON *to, const struct server_info *i)
{
	const struct {
		const char *key, *text;
	} texts[] = {
		{ "name", i->name },
		{ "state", i->state },
		{ "health", i->health },
		{ "why", i->why },
		{ "via", i->via },
		{ "id", i->id },
		{ "image", i->image },
		{ "runner", i->runner },
		{ "protocol", i->protocol },
		{ "server_version", i->server_version },
		{ "first_error", i->first_error },
		{ "last_exit", i->last_exit },
	};
	for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
		if (!status_add_text(to, texts[n].key, texts[n].text))
			return false;
	return true;
}

static bool add_numbers(cJSON *to, const struct server_info *i, const struct tallies *t)
{
	const struct {
		const char *key;
		double number;
	} numbers[] = {
		{ "uptime_ms", (double)i->uptime_ms },
		{ "restarts", i->restarts },
		{ "generation", i->generation },
		{ "tools", i->tools },
		{ "agents", (double)i->agents },
		{ "in_flight", (double)i->in_flight },
		{ "waiting", (double)i->waiting },
		{ "attempt", i->attempt },
		{ "retry_ms", (double)i->retry_ms },
		{ "fallbacks", t->fallbacks },
		{ "pulls", t->pulls },
		{ "pull_failures", t->pull_failures },
		{ "last_restart_ms", (double)i->last_restart_ms },
		{ "probe_ms", (double)i->probe_ms },
	};
	for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
		if (!cJSON_AddNumberToObject(to, numbers[n].key, numbers[n].number))
			return false;
	return true;
}

static cJSON *server_snapshot(struct server *s)
{
	struct server_info info;
	server_info(s, &info);
	cJSON *row = cJSON_CreateObject();
	if (row && add_texts(row, &info) && add_numbers(row, &info, server_tallies(s)) &&
	    cJSON_AddBoolToObject(row, "is_up", server_counts_as_up(s)) &&
	    cJSON_AddBoolToObject(row, "want_up", info.want_up) &&
	    cJSON_AddBoolToObject(row, "is_required", info.is_required) &&
	    cJSON_AddBoolToObject(row, "is_lazy", info.is_lazy))
		return row;
	cJSON_Delete(row);
	return NULL;
}

static bool add_server(cJSON *servers, struct server *s)
{
	cJSON *row = server_snapshot(s);
	if (row && cJSON_AddItemToArray(servers, row))
		return true;
	cJSON_Delete(row);
	return false;
}

static bool may_see(const struct conf_agent *agent, const struct server *s)
{
	return !agent || conf_agent_may(agent, server_name(s));
}

static bool add_named(struct supervisor *sv, const struct conf_agent *agent, const cJSON *names,
		      cJSON *servers, cJSON *unknown)
{
	const cJSON *name;
	cJSON_ArrayForEach(name, names)
	{
		bool is_known = false;
		for (size_t i = 0; cJSON_IsString(name) && i < sv->n_servers; i++) {
			struct server *s = sv->servers[i];
			if (!server_is_called(s, name->valuestring) || !may_see(agent, s))
				continue;
			if (!add_server(servers, s))
				return false;
			is_known = true;
		}
		if (is_known)
			continue;
		cJSON *copy = cJSON_Duplicate(name, true);
		if (!copy || !cJSON_AddItemToArray(unknown, copy)) {
			cJSON_Delete(copy);
			return false;
		}
	}
	return true;
}

static bool add_all(struct supervisor *sv, const struct conf_agent *agent, cJSON *servers)
{
	for (size_t i = 0; i < sv->n_servers; i++)
		if (may_see(agent, sv->servers[i]) && !add_server(servers, sv->servers[i]))
			return false;
	return true;
}

/* What only the operator is told. */
static bool add_machine(struct supervisor *sv, cJSON *to)
{
	bool is_whole = status_add_text(to, "instance", sv->instance) &&
			status_add_text(to, "runtime_dir", sv->conf->runtime_dir) &&
			cJSON_AddNumberToObject(to, "fallbacks", sv->fallbacks);
	if (!is_whole || !sv->docker)
		return is_whole;
	cJSON *engine = cJSON_AddObjectToObject(to, "engine");
	return engine && status_add_text(engine, "endpoint", docker_endpoint(sv->docker)) &&
	       status_add_text(engine, "version", docker_engine_version(sv->docker)) &&
	       status_add_text(engine, "api", docker_api_version(sv->docker)) &&
	       cJSON_AddBoolToObject(engine, "is_up", docker_is_up(sv->docker)) &&
	       cJSON_AddBoolToObject(engine, "is_ready", sv->is_engine_ready);
}

struct cJSON *status_snapshot(struct supervisor *sv, const struct conf_agent *agent,
			      const struct cJSON *names)
{
	cJSON *all = cJSON_CreateObject();
	bool is_whole = all && cJSON_AddStringToObject(all, "version", MCPINIT_VERSION) &&
			cJSON_AddBoolToObject(all, "is_shutting_down", sv->shutdown != NULL) &&
			(agent || add_machine(sv, all));
	cJSON *servers = is_whole ? cJSON_AddArrayToObject(all, "servers") : NULL;
	cJSON *unknown = servers ? cJSON_AddArrayToObject(all, "unknown") : NULL;
	if (unknown && (cJSON_IsArray(names) ? add_named(sv, agent, names, servers, unknown)
					     : add_all(sv, agent, servers)))
		return all;
	cJSON_Delete(all);
	return NULL;
}

struct agent_list {
	cJSON *items;
	const char *server;
	bool is_short; /* out of memory */
};

static void add_agent(void *ctx, const char *agent, bool is_session, bool is_present)
{
	struct agent_list *l = ctx;
	cJSON *a = cJSON_CreateObject();
	if (!a || !cJSON_AddItemToArray(l->items, a)) {
		cJSON_Delete(a);
		l->is_short = true;
		return;
	}
	if (!status_add_text(a, "agent", agent) || !status_add_text(a, "server", l->server) ||
	    !status_add_text(a, "kind", is_session ? "session" : "pipes") ||
	    !cJSON_AddBoolToObject(a, "is_present", is_present))
		l->is_short = true;
}

cJSON *status_agents(struct supervisor *sv)
{
	cJSON *all = cJSON_CreateObject();
	struct agent_list l = { .items = cJSON_AddArrayToObject(all, "agents") };
	for (size_t i = 0; l.items && i < sv->n_servers; i++) {
		l.server = server_name(sv->servers[i]);
		agents_each(server_agents(sv->servers[i]), add_agent, &l);
	}
	if (l.items && !l.is_short)
		return all;
	cJSON_Delete(all);
	return NULL;
}
