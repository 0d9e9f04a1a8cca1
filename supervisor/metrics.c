/* SPDX-License-Identifier: MIT */
#include "supervisor/metrics.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "docker/docker.h"
#include "stdio/mux.h"
#include "supervisor/exposition.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"
#include "supervisor/tallies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define P "mcpinit_"
#define S P "server_"
#define A P "agent_"

/* --- one server's values ------------------------------------------------------------------------ */

struct subject {
	const struct server *server;
	struct server_info info;
	struct mux_counts counts;
	struct mux_depth depth;
	const struct tallies *t;
};

static double is_up(const struct subject *s)
{
	return server_is_ready(s->server);
}

static double wanted(const struct subject *s)
{
	return s->info.want_up;
}

static double launches(const struct subject *s)
{
	return s->info.generation;
}

static double fallbacks(const struct subject *s)
{
	return s->t->fallbacks;
}

static double uptime(const struct subject *s)
{
	return (double)s->info.uptime_ms / 1000;
}

static double tools(const struct subject *s)
{
	return s->info.tools;
}

static double agents(const struct subject *s)
{
	return (double)s->info.agents;
}

static double in_flight(const struct subject *s)
{
	return (double)s->info.in_flight;
}

static double waiting(const struct subject *s)
{
	return (double)s->depth.waiting;
}

static double queued(const struct subject *s)
{
	return (double)s->depth.queued_bytes;
}

static double requests(const struct subject *s)
{
	return (double)s->counts.requests;
}

static double errors(const struct subject *s)
{
	return (double)s->counts.errors;
}

static double sent(const struct subject *s)
{
	return (double)s->counts.sent_bytes;
}

static double received(const struct subject *s)
{
	return (double)s->counts.received_bytes;
}

static double pulls(const struct subject *s)
{
	return s->t->pulls;
}

static double pull_failures(const struct subject *s)
{
	return s->t->pull_failures;
}

static double pull_seconds(const struct subject *s)
{
	return (double)s->t->pull_ms / 1000;
}

static double probe_failures(const struct subject *s)
{
	return (double)s->t->probes.failed;
}

static const struct family {
	const char *name, *type, *help;
	double (*value)(const struct subject *s); /* negative: there is none */
} families[] = {
	{ S "up", "gauge", "1 while the server is RUNNING.", is_up },
	{ S "wanted", "gauge", "1 while the operator wants it up.", wanted },
	{ S "launches_total", "counter", "Its generation: launches begun so far.", launches },
	{ S "fallbacks_total", "counter",
	  "Launches by the docker command after the API had failed.", fallbacks },
	{ S "uptime_seconds", "gauge", "Since it became ready; 0 while it is not RUNNING.",
	  uptime },
	{ S "tools", "gauge", "Tools that it offers; no sample while that is not known.", tools },
	{ S "agents", "gauge", "Agents that are attached to it.", agents },
	{ S "requests_in_flight", "gauge", "Requests of agents that it has not answered yet.",
	  in_flight },
	{ S "requests_waiting", "gauge",
	  "Requests of agents that wait to be sent to it: it is not ready, or reads slowly.",
	  waiting },
	{ S "queue_bytes", "gauge", "Bytes of lines that it has not read yet.", queued },
	{ S "requests_total", "counter", "Requests of agents that mcpinit did not answer itself.",
	  requests },
	{ S "request_errors_total", "counter",
	  "Requests of agents that were answered by an error, the server's or ours.", errors },
	{ S "sent_bytes_total", "counter", "Bytes of lines to the server.", sent },
	{ S "received_bytes_total", "counter", "Bytes of lines from the server.", received },
	{ S "pulls_total", "counter", "Pulls of its image that ended, well or not.", pulls },
	{ S "pull_failures_total", "counter", "Pulls of its image that failed.", pull_failures },
	{ S "pull_seconds_total", "counter", "How long its pulls took together.", pull_seconds },
	{ S "probe_failures_total", "counter",
	  "Health probes that were not answered in time, answered by no, or could not be made.",
	  probe_failures },
};

static int add_family(struct buf *out, const struct family *f, const struct subject *all, size_t n)
{
	int r = expo_head(out, f->name, f->type, f->help);
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct expo_label labels[] = { { "server", all[i].info.name }, { 0 } };
		double value = f->value(&all[i]);
		if (value >= 0)
			r = expo_sample(out, f->name, labels, value);
	}
	return r;
}

/* --- words: a sample each, since a state is not a number ------------------------------------------- */

static int add_word(struct buf *out, const char *name, const struct subject *s,
		    struct expo_label word, double value)
{
	const struct expo_label labels[] = { { "server", s->info.name }, word, { 0 } };
	return expo_sample(out, name, labels, value);
}

static int add_states(struct buf *out, const struct subject *all, size_t n)
{
	int r = expo_head(out, S "state", "gauge", "1 for the state that the server is in.");
	for (size_t i = 0; i < n; i++)
		for (int st = SRV_NONE + 1; st < SRV_STATES && r == 0; st++) {
			enum srv_state state = (enum srv_state)st;
			struct expo_label word = { "state", fsm_state_name(state) };
			r = add_word(out, S "state", &all[i], word,
				     server_state(all[i].server) == state);
		}
	return r;
}

static int add_health(struct buf *out, const struct subject *all, size_t n)
{
	static const char *const words[] = { "none", "starting", "healthy", "unhealthy",
					     "degraded" };
	int r = expo_head(out, S "health", "gauge", "1 for what its health check says.");
	for (size_t i = 0; i < n; i++)
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]) && r == 0; w++)
			r = add_word(out, S "health", &all[i],
				     (struct expo_label){ "health", words[w] },
				     strcmp(all[i].info.health, words[w]) == 0);
	return r;
}

static int add_launcher(struct buf *out, const struct subject *all, size_t n)
{
	int r = expo_head(out, S "launcher", "gauge",
			  "1 for the way it was launched: api, cli or process.");
	for (size_t i = 0; i < n && r == 0; i++)
		if (*all[i].info.via)
			r = add_word(out, S "launcher", &all[i],
				     (struct expo_label){ "launcher", all[i].info.via }, 1);
	return r;
}

static int add_restarts(struct buf *out, const struct subject *all, size_t n)
{
	int r = expo_head(out, S "restarts_total", "counter",
			  "How often it was launched again after it had been RUNNING, by why.");
	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < RESTART_REASONS && r == 0; c++) {
			struct expo_label word = { "reason",
						   server_restart_name((enum server_restart)c) };
			r = add_word(out, S "restarts_total", &all[i], word,
				     all[i].info.restarts_for[c]);
		}
	return r;
}

/* --- histograms ------------------------------------------------------------------------------------- */

static int add_hists(struct buf *out, const struct subject *all, size_t n)
{
	int r = expo_head(out, S "request_duration_seconds", "histogram",
			  "Requests of agents, from sent to the server's answer.");
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct expo_label labels[] = { { "server", all[i].info.name }, { 0 } };
		r = expo_hist(out, S "request_duration_seconds", labels, &all[i].counts.answered);
	}
	if (r == 0)
		r = expo_head(out, S "probe_duration_seconds", "histogram",
			      "Health probes, from asked to answered.");
	for (size_t i = 0; i < n && r == 0; i++) {
		const struct expo_label labels[] = { { "server", all[i].info.name }, { 0 } };
		r = expo_hist(out, S "probe_duration_seconds", labels, &all[i].t->probes.answered);
	}
	return r;
}

/* --- agents ----------------------------------------------------------------------------------------- */

static double present(const struct mux_agent_counts *c)
{
	return (double)c->present;
}

static double sessions(const struct mux_agent_counts *c)
{
	return (double)c->sessions;
}

static double lost(const struct mux_agent_counts *c)
{
	return (double)c->lost;
}

static double dropped(const struct mux_agent_counts *c)
{
	return (double)c->dropped;
}

static double to_read(const struct mux_agent_counts *c)
{
	return (double)c->queued_bytes;
}

static double to_send(const struct mux_agent_counts *c)
{
	return (double)c->waiting_bytes;
}

static const struct agent_family {
	const char *name, *type, *help;
	double (*value)(const struct mux_agent_counts *c);
} agent_families[] = {
	{ A "sessions", "gauge", "Sessions of the agent that are open: its pipes, and connect.",
	  present },
	{ A "sessions_total", "counter", "Sessions of the agent that have said something.",
	  sessions },
	{ A "sessions_lost_total", "counter",
	  "Sessions that were ended because nobody read what came.", lost },
	{ A "notifications_dropped_total", "counter",
	  "Notifications that were left out because the agent reads too slowly.", dropped },
	{ A "queue_bytes", "gauge", "Bytes that wait for the agent to read them.", to_read },
	{ A "pending_bytes", "gauge",
	  "Bytes of its requests that have no answer yet, and of its lines that wait.", to_send },
};

struct agent_walk {
	struct buf *out;
	const struct agent_family *family;
	const char *server;
	int r;
};

static void add_agent(void *ctx, const struct mux_agent_counts *c)
{
	struct agent_walk *w = ctx;
	const struct expo_label labels[] = { { "server", w->server },
					     { "agent", c->agent },
					     { 0 } };
	if (w->r == 0)
		w->r = expo_sample(w->out, w->family->name, labels, w->family->value(c));
}

static int add_agents(struct buf *out, struct supervisor *sv)
{
	struct agent_walk w = { .out = out };
	for (size_t f = 0; f < sizeof(agent_families) / sizeof(agent_families[0]); f++) {
		w.family = &agent_families[f];
		if (w.r == 0)
			w.r = expo_head(out, w.family->name, w.family->type, w.family->help);
		for (size_t i = 0; i < sv->n_servers && w.r == 0; i++) {
			w.server = server_name(sv->servers[i]);
			mux_each_agent(server_mux(sv->servers[i]), add_agent, &w);
		}
	}
	return w.r;
}

/* --- all of it ------------------------------------------------------------------------------------- */

static int add_machine(struct buf *out, const struct supervisor *sv)
{
	static const struct expo_label version[] = { { "version", MCPINIT_VERSION }, { 0 } };
	static const struct expo_label none[] = { { 0 } };
	int r = expo_head(out, P "build_info", "gauge", "The version of mcpinit that runs.");
	if (r == 0)
		r = expo_sample(out, P "build_info", version, 1);
	if (r == 0)
		r = expo_head(out, P "engine_up", "gauge",
			      "1 while the container engine answers; no sample where none is "
			      "needed.");
	if (r == 0 && sv->docker)
		r = expo_sample(out, P "engine_up", none, docker_is_up(sv->docker));
	if (r == 0)
		r = expo_head(out, P "log_lines_dropped_total", "counter",
			      "Lines that stderr did not take in time.");
	return r < 0 ? r
		     : expo_sample(out, P "log_lines_dropped_total", none, (double)log_dropped());
}

static struct subject look_at(struct server *server)
{
	struct subject s = {
		.server = server,
		.counts = mux_counts(server_mux(server)),
		.depth = mux_depth(server_mux(server)),
		.t = server_tallies(server),
	};
	server_info(server, &s.info);
	return s;
}

int metrics_text(struct supervisor *sv, struct buf *out)
{
	size_t n = sv->n_servers;
	_cleanup_free_ struct subject *all = calloc(n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		all[i] = look_at(sv->servers[i]);
	int (*const parts[])(struct buf *, const struct subject *, size_t) = {
		add_states, add_health, add_launcher, add_restarts, add_hists,
	};
	int r = add_machine(out, sv);
	for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]) && r == 0; p++)
		r = parts[p](out, all, n);
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]) && r == 0; f++)
		r = add_family(out, &families[f], all, n);
	return r < 0 ? r : add_agents(out, sv);
}
