/* SPDX-License-Identifier: MIT */
#include "supervisor/doors.h"

#include "base/err.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "supervisor/access.h"
#include "supervisor/agents.h"
#include "supervisor/control.h"
#include "supervisor/rundir.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"

#include <string.h>

static const char *door_of(const struct server *s)
{
	return conf_server_base(server_conf(s));
}

/* Only what is its own: an instance shares the name of its pipes with those of other agents. */
static void close_pair(struct supervisor *sv, const char *agent, struct server *s)
{
	bool has_pipes = agents_has_pipes(server_agents(s), agent);
	agents_remove(server_agents(s), agent);
	if (has_pipes)
		rundir_remove_server(sv->rundir, agent, door_of(s));
}

/* `sharing` has changed: who had the pipes leaves, and the session with it ends. */
static void close_others(struct supervisor *sv, const char *agent, const struct server *s)
{
	for (size_t i = 0; i < sv->n_servers; i++) {
		struct server *other = sv->servers[i];
		if (other != s && strcmp(door_of(other), door_of(s)) == 0)
			close_pair(sv, agent, other);
	}
}

static int open_pair(struct supervisor *sv, const char *agent, struct server *s, struct err *e)
{
	close_others(sv, agent, s);
	struct stream *pipes = rundir_pipes(sv->rundir, sv->fifos, agent, door_of(s), e);
	if (!pipes)
		return e->code;
	int r = agents_add_pipes(server_agents(s), agent, pipes, e);
	if (r < 0)
		stream_free(pipes);
	return r;
}

/* Pipes to a server that leaves go with it: what is under way gets its error first. */
static bool stays(const struct supervisor *sv, const struct server *s)
{
	return conf_find_server(sv->conf, server_name(s)) != NULL;
}

static void close_pairs(struct supervisor *sv, const struct conf_agent *a)
{
	for (size_t i = 0; i < sv->n_servers; i++) {
		struct server *s = sv->servers[i];
		if (stays(sv, s) && !conf_agent_may(a, server_name(s)))
			close_pair(sv, a->name, s);
	}
}

/* One that cannot be opened withholds none of the others; the first error is told. */
static int open_pairs(struct supervisor *sv, const struct conf_agent *a, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < sv->n_servers; i++) {
		struct server *s = sv->servers[i];
		struct err own;
		if (!stays(sv, s) || !conf_agent_may(a, server_name(s)))
			continue;
		bool is_open = agents_has_pipes(server_agents(s), a->name) ||
			       open_pair(sv, a->name, s, &own) == 0;
		access_apply(s, a); /* … to its sessions over sockets, too */
		if (is_open || r < 0)
			continue;
		*e = own;
		r = own.code;
	}
	return r;
}

int doors_open(struct supervisor *sv, const struct conf_agent *a, struct err *e)
{
	struct rundir_agent ra = { .name = a->name, .uid = a->uid, .gid = a->gid };
	if (strcmp(a->name, "default") == 0 && a->uid < 0 && sv->conf->default_gid >= 0) {
		ra.gid = sv->conf->default_gid;
		ra.is_group = true;
	}
	close_pairs(sv, a); /* first: whatever fails below, it loses what it may not use any more */
	struct err own;
	int r = rundir_agent(sv->rundir, &ra, e);
	if (r < 0)
		return r;
	r = open_pairs(sv, a, e);
	if (control_add_agent(sv->control, a, &own) < 0 && r == 0) {
		*e = own;
		r = own.code;
	}
	return r;
}

void doors_close(struct supervisor *sv, const char *agent)
{
	for (size_t i = 0; i < sv->n_servers; i++)
		agents_remove(server_agents(sv->servers[i]), agent);
	control_remove_agent(sv->control, agent);
	rundir_remove_agent(sv->rundir, agent);
}

void doors_close_server(struct supervisor *sv, struct server *s)
{
	for (struct conf_agent **a = sv->conf->agents; *a; a++)
		close_pair(sv, (*a)->name, s);
}
