/* SPDX-License-Identifier: MIT */
#include "supervisor/metrics.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "docker/docker.h"
#include "stdio/mux.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- one server's values ------------------------------------------------------------------------ */

struct subject {
	struct server_info info;
	struct mux_counts counts;
	enum srv_state state;
};

static double state_up(const struct subject *s)
{
	return s->state == SRV_RUNNING;
}

static double wanted(const struct subject *s)
{
	return s->info.want_up;
}

static double restarts(const struct subject *s)
{
	return s->info.restarts;
}

static double launches(const struct subject *s)
{
	return s->info.generation;
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

static const struct family {
	const char *name, *type, *help;
	double (*value)(const struct subject *s); /* negative: there is none */
} families[] = {
	{ "up", "gauge", "1 while the server is RUNNING.", state_up },
	{ "wanted", "gauge", "1 while the operator wants it up.", wanted },
	{ "restarts_total", "counter", "How often it was launched again after it had ended.",
	  restarts },
	{ "launches_total", "counter", "Its generation: processes or containers launched so far.",
	  launches },
	{ "uptime_seconds", "gauge", "Since it became ready; 0 while it is not RUNNING.", uptime },
	{ "tools", "gauge", "Tools that it offers; no sample while that is not known.", tools },
	{ "agents", "gauge", "Agents that are attached to it.", agents },
	{ "requests_in_flight", "gauge", "Requests of agents that it has not answered yet.",
	  in_flight },
	{ "requests_total", "counter", "Requests of agents that mcpinit did not answer itself.",
	  requests },
	{ "request_errors_total", "counter",
	  "Requests of agents that were answered by an error, the server's or ours.", errors },
	{ "sent_bytes_total", "counter", "Bytes of lines to the server.", sent },
	{ "received_bytes_total", "counter", "Bytes of lines from the server.", received },
};

/* --- text --------------------------------------------------------------------------------------- */

int metrics_label(struct buf *out, const char *value)
{
	int r = 0;
	for (const char *p = value; *p && r == 0; p++) {
		if (*p == '\n')
			r = buf_adds(out, "\\n");
		else if (*p == '\\' || *p == '"')
			r = buf_addf(out, "\\%c", *p);
		else
			r = buf_add(out, p, 1);
	}
	return r;
}

static int add_head(struct buf *out, const char *name, const char *type, const char *help)
{
	return buf_addf(out, "# HELP mcpinit_%s %s\n# TYPE mcpinit_%s %s\n", name, help, name,
			type);
}

static int add_one(struct buf *out, const struct family *f, double value)
{
	int r = add_head(out, f->name, f->type, f->help);
	return r < 0 ? r : buf_addf(out, "mcpinit_%s %.15g\n", f->name, value);
}

/* mcpinit_server_NAME{server="…" */
static int begin_sample(struct buf *out, const char *name, const struct subject *s)
{
	int r = buf_addf(out, "mcpinit_server_%s{server=\"", name);
	return r < 0 ? r : metrics_label(out, s->info.name);
}

/* … VALUE */
static int add_number(struct buf *out, const char *name, const struct subject *s, double value)
{
	int r = begin_sample(out, name, s);
	return r < 0 ? r : buf_addf(out, "\"} %.15g\n", value);
}

/* … of which one label, named like it, says which word; 1 where it is so. */
static int add_word(struct buf *out, const char *name, const struct subject *s, const char *word,
		    bool is_so)
{
	int r = begin_sample(out, name, s);
	if (r == 0)
		r = buf_addf(out, "\",%s=\"", name);
	if (r == 0)
		r = metrics_label(out, word);
	return r < 0 ? r : buf_addf(out, "\"} %d\n", is_so);
}

static int add_family(struct buf *out, const struct family *f, const struct subject *all, size_t n)
{
	_cleanup_buf_ struct buf name = { 0 };
	int r = buf_addf(&name, "server_%s", f->name);
	if (r == 0)
		r = add_head(out, buf_str(&name), f->type, f->help);
	for (size_t i = 0; i < n && r == 0; i++) {
		double value = f->value(&all[i]);
		if (value >= 0)
			r = add_number(out, f->name, &all[i], value);
	}
	return r;
}

/* One sample a word: a state is not a number. */
static int add_states(struct buf *out, const struct subject *all, size_t n)
{
	int r = add_head(out, "server_state", "gauge", "1 for the state that the server is in.");
	for (size_t i = 0; i < n; i++)
		for (int state = SRV_NONE + 1; state < SRV_STATES && r == 0; state++)
			r = add_word(out, "state", &all[i], fsm_state_name((enum srv_state)state),
				     (int)all[i].state == state);
	return r;
}

static int add_health(struct buf *out, const struct subject *all, size_t n)
{
	static const char *const words[] = { "none", "starting", "healthy", "unhealthy",
					     "degraded" };
	int r = add_head(out, "server_health", "gauge", "1 for what its health check says.");
	for (size_t i = 0; i < n; i++)
		for (size_t w = 0; w < sizeof(words) / sizeof(words[0]) && r == 0; w++)
			r = add_word(out, "health", &all[i], words[w],
				     strcmp(all[i].info.health, words[w]) == 0);
	return r;
}

static int add_launcher(struct buf *out, const struct subject *all, size_t n)
{
	int r = add_head(out, "server_launcher", "gauge",
			 "1 for the way it was launched: api, cli or process.");
	for (size_t i = 0; i < n && r == 0; i++)
		if (*all[i].info.via)
			r = add_word(out, "launcher", &all[i], all[i].info.via, true);
	return r;
}

static int add_machine(struct buf *out, const struct supervisor *sv)
{
	static const struct family fallbacks = { .name = "fallbacks_total",
						 .type = "counter",
						 .help = "Launches by the docker command after "
							 "the API had failed." },
				   dropped = { .name = "log_lines_dropped_total",
					       .type = "counter",
					       .help = "Lines that stderr did not take in time." },
				   engine = { .name = "engine_up",
					      .type = "gauge",
					      .help = "1 while the container engine answers; no "
						      "sample where none is needed." };
	int r = add_head(out, "build_info", "gauge", "The version of mcpinit that runs.");
	if (r == 0)
		r = buf_adds(out, "mcpinit_build_info{version=\"" MCPINIT_VERSION "\"} 1\n");
	if (r == 0 && sv->docker)
		r = add_one(out, &engine, docker_is_up(sv->docker));
	if (r == 0)
		r = add_one(out, &fallbacks, sv->fallbacks);
	return r < 0 ? r : add_one(out, &dropped, (double)log_dropped());
}

int metrics_text(struct supervisor *sv, struct buf *out)
{
	size_t n = sv->n_servers;
	_cleanup_free_ struct subject *all = calloc(n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		server_info(sv->servers[i], &all[i].info);
		all[i].state = server_state(sv->servers[i]);
		all[i].counts = mux_counts(server_mux(sv->servers[i]));
	}
	int r = add_machine(out, sv);
	if (r == 0)
		r = add_states(out, all, n);
	if (r == 0)
		r = add_health(out, all, n);
	if (r == 0)
		r = add_launcher(out, all, n);
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]) && r == 0; f++)
		r = add_family(out, &families[f], all, n);
	return r;
}
