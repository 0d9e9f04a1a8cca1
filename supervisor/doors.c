/* SPDX-License-Identifier: MIT */
#include "supervisor/doors.h"

#include "base/err.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "supervisor/agents.h"
#include "supervisor/control.h"
#include "supervisor/rundir.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"

#include <string.h>

static void close_pair(struct supervisor *sv, const char *agent, struct server *s)
{
	agents_remove(server_agents(s), agent);
	rundir_remove_server(sv->rundir, agent, server_name(s));
}

static int open_pair(struct supervisor *sv, const char *agent, struct server *s, struct err *e)
{
	struct stream *pipes = rundir_pipes(sv->rundir, sv->fifos, agent, server_name(s), e);
	if (!pipes)
		return e->code;
	int r = agents_add_pipes(server_agents(s), agent, pipes, e);
	if (r < 0)
		stream_free(pipes);
	return r;
}

int doors_open(struct supervisor *sv, const struct conf_agent *a, struct err *e)
{
	bool is_new = rundir_agent_fd(sv->rundir, a->name) < 0;
	struct rundir_agent ra = { .name = a->name, .uid = a->uid, .gid = a->gid };
	if (strcmp(a->name, "default") == 0 && a->uid < 0 && sv->conf->default_gid >= 0) {
		ra.gid = sv->conf->default_gid;
		ra.is_group = true;
	}
	int r = rundir_agent(sv->rundir, &ra, e);
	for (size_t i = 0; i < sv->n_servers && r == 0; i++) {
		struct server *s = sv->servers[i];
		bool is_open = agents_has_pipes(server_agents(s), a->name);
		bool may = conf_agent_may(a, server_name(s));
		/* Pipes to a server that leaves go with it: what is under way gets its error first. */
		if (!conf_find_server(sv->conf, server_name(s)))
			continue;
		if (is_open && !may)
			close_pair(sv, a->name, s);
		else if (!is_open && may)
			r = open_pair(sv, a->name, s, e);
	}
	if (r == 0 && is_new)
		r = control_add_agent(sv->control, a, e);
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
