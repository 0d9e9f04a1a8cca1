/* SPDX-License-Identifier: MIT */
#include "conf/check.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/expand.h"
#include "conf/ids.h"
#include "conf/schema.h"
#include "conf/section.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* The engine's own least. */
#define MIN_MEMORY	   (6 * 1024 * 1024)
/* npx and uvx fetch packages before they speak. */
#define INSTALL_TIMEOUT_MS (5 * 60 * 1000)
/* An agent may think long between two calls, and what its own server knows is gone with the process. */
#define OWN_IDLE_MS	   (30 * 60 * 1000)

/* One server under check. */
struct subject {
	const struct check *with;
	struct conf_server *s;
	const struct section *own, *defaults;
};

static const struct entry *written(const struct section *s, const char *key)
{
	const struct conf_key *k = schema_find("server", key);
	return k ? section_entry(s, k) : NULL;
}

static bool is_written(const struct subject *t, const char *key)
{
	return written(t->own, key) || written(t->defaults, key);
}

static struct place place_of(const struct subject *t, const char *key)
{
	return section_place(t->with->sections, t->own, key);
}

#define TELL(how, t, key, ...)                                                                     \
	do {                                                                                       \
		struct place at_ = place_of((t), (key));                                           \
		report_##how((t)->with->report, &at_, __VA_ARGS__);                                \
	} while (0)

/* --- one server ------------------------------------------------------------------------------ */

static bool is_package_runner(const struct conf_server *s)
{
	if (s->image || !s->command[0])
		return false;
	const char *slash = strrchr(s->command[0], '/');
	const char *program = slash ? slash + 1 : s->command[0];
	return strcmp(program, "npx") == 0 || strcmp(program, "uvx") == 0;
}

static void settle_defaults(const struct subject *t)
{
	struct conf_server *s = t->s;
	if (!is_written(t, "start_timeout") && is_package_runner(s))
		s->start_timeout_ms = INSTALL_TIMEOUT_MS;
	if (!is_written(t, "busy_timeout") && s->request_timeout_ms > 0)
		s->busy_timeout_ms = s->request_timeout_ms;
	if (s->pids_limit < 0)
		s->pids_limit = 0;
	if (s->sharing == CONF_PER_AGENT && s->autostart == CONF_AUTOSTART_YES)
		s->autostart = CONF_AUTOSTART_LAZY; /* there is nobody yet whose it would be */
	if (s->sharing == CONF_PER_AGENT && !is_written(t, "idle_timeout"))
		s->idle_timeout_ms = OWN_IDLE_MS;
}

/* What is written and yet not there was told already. */
static bool is_told(const struct subject *t, const char *key)
{
	const struct entry *own = written(t->own, key), *inherited = written(t->defaults, key);
	return t->s->blocked || (own && own->is_bad) || (inherited && inherited->is_bad);
}

static void check_what_runs(const struct subject *t)
{
	const struct conf_server *s = t->s;
	struct place header = { .file = s->file, .line = s->line, .section = t->own->title };
	bool has_command = s->command[0] || is_told(t, "command");
	bool has_image = s->image || is_told(t, "image") || is_told(t, "build");
	if (s->launch == CONF_LAUNCH_PROCESS && !has_command)
		report_error(t->with->report, &header,
			     "launch = process runs a command; write command = …");
	if (s->launch == CONF_LAUNCH_PROCESS || has_image || is_package_runner(s))
		return;
	if (s->command[0])
		TELL(error, t, "command",
		     "\"%.60s\" needs an image to run in; write image = …, or launch = process",
		     s->command[0]);
	else if (!has_command)
		report_error(t->with->report, &header,
			     "image or command is required; write image = …");
}

static void check_memory(const struct subject *t)
{
	const struct conf_server *s = t->s;
	if (s->mem_limit > 0 && s->mem_limit < MIN_MEMORY)
		TELL(error, t, "mem_limit",
		     "is less than the engine allows; write at least 6m, or 0 for no limit");
	if (s->mem_limit > 0 && s->mem_reservation > s->mem_limit)
		TELL(error, t, "mem_reservation", "is more than mem_limit; lower it");
}

static void check_life(const struct subject *t)
{
	const struct conf_server *s = t->s;
	if (s->required && s->sharing == CONF_PER_AGENT)
		TELL(error, t, "required",
		     "a required server starts at boot, one per agent with its first message; write "
		     "sharing = shared, or required = no");
	else if (s->required && s->autostart != CONF_AUTOSTART_YES)
		TELL(error, t, "required",
		     "a required server starts at boot; write autostart = true, or required = no");
	if (s->launch == CONF_LAUNCH_PROCESS && s->user && strcmp(s->user, "auto") == 0)
		TELL(error, t, "user",
		     "auto is for containers, and launch is process; write UID[:GID] or a name");
	if (s->backoff_ms > s->backoff_max_ms)
		TELL(error, t, "backoff", "is longer than backoff_max; raise that too");
	if (s->healthcheck == CONF_HEALTH_DOCKER && s->launch == CONF_LAUNCH_PROCESS)
		TELL(error, t, "healthcheck",
		     "docker needs a container, and launch is process; write mcp");
}

static void check_volumes(const struct subject *t)
{
	const struct conf_volume *v = t->s->volumes;
	for (size_t i = 0; v[i].source; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(v[i].target, v[j].target) == 0)
				TELL(error, t, "volumes",
				     "two volumes are mounted on %.60s; take one out", v[i].target);
}

static void warn_of_container_keys(const struct subject *t)
{
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n && t->s->launch == CONF_LAUNCH_PROCESS; i++)
		if (keys[i].is_container && section_entry(t->own, &keys[i]))
			TELL(warning, t, keys[i].name, "has no effect with launch = process");
}

static void warn_of_surprises(const struct subject *t)
{
	const struct conf_server *s = t->s;
	bool is_process = s->launch == CONF_LAUNCH_PROCESS;
	if (!is_process && is_package_runner(s) && s->network_mode &&
	    strcmp(s->network_mode, "none") == 0)
		TELL(warning, t, "network_mode",
		     "%s fetches its package at start and cannot without a network; write image",
		     s->command[0]);
	if (!is_process && strcmp(s->logging, "none") != 0)
		TELL(warning, t, "logging",
		     "every message, secrets included, goes to the engine's log; mcpctl logs shows "
		     "stderr without it");
	warn_of_container_keys(t);
	if (s->idle_timeout_ms > 0 && s->autostart != CONF_AUTOSTART_LAZY &&
	    written(t->own, "idle_timeout")) /* in [defaults] it is for those that are lazy */
		TELL(warning, t, "idle_timeout",
		     "has no effect: only a lazy server is stopped; write autostart = lazy");
	if (s->healthcheck == CONF_HEALTH_DOCKER &&
	    (written(t->own, "healthcheck_interval") || written(t->own, "healthcheck_retries")))
		TELL(warning, t, "healthcheck",
		     "with docker the interval, timeout, retries and start_period of the image's "
		     "HEALTHCHECK count, not ours");
}

static void warn_of_idle_asks(const struct subject *t)
{
	static const char *const keys[] = { "client_capabilities", "ask_policy" };
	for (size_t i = 0; t->s->sharing == CONF_PER_AGENT && i < 2; i++)
		if (written(t->own, keys[i]))
			TELL(warning, t, keys[i],
			     "has no effect: with sharing = per-agent the server knows what its "
			     "agent declares, and asks it; take it out");
	if (t->s->sharing == CONF_SHARED && written(t->own, "ask_policy") &&
	    !is_written(t, "client_capabilities"))
		TELL(warning, t, "ask_policy",
		     "has no effect: the server may not ask; write client_capabilities");
}

/* Where a passed-through name stands: in the server's own list, or in [defaults]'. */
static struct place place_of_name(const struct subject *t, const char *name)
{
	const struct entry *own = written(t->own, "environment");
	const struct entry *inherited = written(t->defaults, "environment");
	if (!inherited || (own && strstr(own->text, name)))
		return place_of(t, "environment");
	return (struct place){ .file = inherited->file,
			       .line = inherited->line,
			       .section = t->defaults->title,
			       .key = "environment" };
}

static void check_pass_through(const struct subject *t)
{
	const char *const *env = t->with->environ;
	for (const struct conf_env *v = t->s->environment; v->name; v++) {
		char file[256];
		if (v->value || v->file)
			continue;
		const char *value = expand_getenv(env, v->name, strlen(v->name));
		int n = snprintf(file, sizeof(file), "%s_FILE", v->name);
		if (value)
			report_secret(t->with->report, value);
		if (value || v->is_optional || expand_getenv(env, file, (size_t)n))
			continue;
		struct place at = place_of_name(t, v->name);
		report_missing(
			t->with->report, &at,
			"%.60s is not set, nor is %.60s_FILE; set one, or write %.60s? if it "
			"may be missing",
			v->name, v->name, v->name);
	}
}

static void check_server(const struct subject *t)
{
	settle_defaults(t);
	check_what_runs(t);
	check_memory(t);
	check_life(t);
	check_volumes(t);
	warn_of_surprises(t);
	warn_of_idle_asks(t);
	check_pass_through(t);
}

static void warn_of_nobody(const struct conf *c, const struct subject *t)
{
	if (t->s->sharing != CONF_PER_AGENT)
		return;
	for (struct conf_agent **a = c->agents; *a; a++)
		if (conf_agent_may(*a, t->s->name))
			return;
	TELL(warning, t, "sharing",
	     "one per agent, and no agent may use it: there is none; name it in `servers` of an agent");
}

/* --- agents and [mcpinit] -------------------------------------------------------------------- */

static void tell_user(const struct check *with, const struct place *at, const char *user,
		      int64_t ret_ids[2])
{
	struct err e;
	int64_t uid, gid;
	if (ids_user(user, &uid, &gid, &e) < 0) {
		report_error(with->report, at, "%s", e.text);
	} else if (with->euid != 0 && uid != with->euid) {
		report_error(
			with->report, at,
			"only root can act for another user; run mcpinit as root, or take it out");
	} else {
		ret_ids[0] = uid;
		ret_ids[1] = gid;
	}
}

void check_tell_no_server(const struct conf *c, const struct check *with, const struct place *at,
			  const char *name)
{
	struct nearest near = { .word = name };
	for (size_t i = 0; c->servers[i]; i++)
		nearest_offer(&near, c->servers[i]->name);
	if (near.best)
		report_error(with->report, at, "there is no server %.60s; did you mean %s?", name,
			     near.best);
	else
		report_error(with->report, at,
			     "there is no server %.60s; take it out, or write [server:%.60s]", name,
			     name);
}

static bool has_tools_of(const struct conf_agent *a, const char *server)
{
	for (char **pattern = a->tools; *pattern; pattern++) {
		_cleanup_free_ char *name = strndup(*pattern, strcspn(*pattern, ":"));
		if (!name || fnmatch(name, server, 0) == 0)
			return true;
	}
	return false;
}

static void check_agent(const struct conf *c, const struct check *with, struct conf_agent *a,
			const struct section *own)
{
	struct place at = { .file = a->file, .line = a->line, .section = own->title };
	if (strcmp(a->name, "default") == 0 && !c->default_agent)
		report_error(with->report, &at,
			     "default_agent = no in [mcpinit] says there is none; take one out");
	if (a->user) {
		int64_t ids[2] = { -1, -1 };
		at = section_place(with->sections, own, "user");
		tell_user(with, &at, a->user, ids);
		a->uid = ids[0];
		a->gid = ids[1];
	}
	at = section_place(with->sections, own, "servers");
	for (char **name = a->servers; *name; name++)
		if (strcmp(*name, "*") != 0 && !conf_find_server(c, *name))
			check_tell_no_server(c, with, &at, *name);
	at = section_place(with->sections, own, "tools");
	for (char **pattern = a->tools; *pattern; pattern++) {
		_cleanup_free_ char *name = strndup(*pattern, strcspn(*pattern, ":"));
		if (!name)
			with->report->is_out_of_memory = true;
		else if (!strpbrk(name, "*?") && !conf_find_server(c, name))
			check_tell_no_server(c, with, &at, name);
	}
	for (char **name = a->servers; *name; name++)
		if (conf_find_server(c, *name) && !has_tools_of(a, *name))
			report_warning(
				with->report, &at,
				"no pattern names server %.60s, so it has none of its tools; "
				"write %.60s:* for all",
				*name, *name);
}

static void check_top(struct conf *c, const struct check *with)
{
	const struct section *own = section_find(with->sections, "mcpinit");
	int64_t ids[2], gid;
	struct err e;
	if (!own)
		return;
	struct place at = section_place(with->sections, own, "user");
	if (c->user)
		tell_user(with, &at, c->user, ids);
	at = section_place(with->sections, own, "control_group");
	if (c->control_group && ids_group(c->control_group, &gid, &e) < 0)
		report_error(with->report, &at, "%s", e.text);
	at = section_place(with->sections, own, "default_group");
	if (c->default_group && ids_group(c->default_group, &c->default_gid, &e) < 0)
		report_error(with->report, &at, "%s", e.text);
}

void check_conf(struct conf *c, const struct check *with)
{
	const struct sections *all = with->sections;
	const struct section *defaults = section_find(all, "defaults");
	struct conf_server **s = c->servers;
	struct conf_agent **a = c->agents;
	check_top(c, with);
	if (*a && (*a)->line == 0) /* the default agent, which no section names */
		a++;
	for (size_t i = 0; i < all->n; i++) {
		if (all->v[i]->kind == SECTION_SERVER) {
			const struct subject t = { with, *s++, all->v[i], defaults };
			check_server(&t);
			warn_of_nobody(c, &t);
		} else if (all->v[i]->kind == SECTION_AGENT)
			check_agent(c, with, *a++, all->v[i]);
	}
}
