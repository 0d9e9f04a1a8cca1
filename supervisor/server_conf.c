/* SPDX-License-Identifier: MIT */
/* A server and its configuration: taken at birth, exchanged by a reload, or taken away. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "supervisor/launch.h"
#include "supervisor/pulse.h"
#include "supervisor/server_priv.h"
#include "supervisor/supervisor.h"
#include "supervisor/watch.h"

#include <string.h>
#include <strings.h>

static unsigned capabilities_of(const struct conf_server *conf)
{
	unsigned all = 0;
	for (char **name = conf->client_capabilities; *name; name++)
		all |= strcasecmp(*name, "roots") == 0	    ? MUX_ROOTS
		       : strcasecmp(*name, "sampling") == 0 ? MUX_SAMPLING
							    : MUX_ELICITATION;
	return all;
}

static enum mux_ask_policy ask_policy_of(const struct conf_server *conf)
{
	static const enum mux_ask_policy policies[] = {
		[CONF_ASK_SERIALIZE] = MUX_ASK_SERIALIZE,
		[CONF_ASK_NEWEST] = MUX_ASK_NEWEST,
		[CONF_ASK_REJECT] = MUX_ASK_REJECT,
	};
	return policies[conf->ask_policy];
}

_Static_assert((int)CONF_PIN_OFF == PIN_OFF && (int)CONF_PIN_WARN == PIN_WARN &&
		       (int)CONF_PIN_BLOCK == PIN_BLOCK,
	       "one order");

struct mux_params server_mux_params(struct server *s)
{
	const struct conf_server *conf = s->conf;
	return (struct mux_params){
		.loop = s->sv->loop,
		.server = conf->name,
		.version = MCPINIT_VERSION,
		.protocol = conf->protocol,
		.capabilities = conf->agent ? 0 : capabilities_of(conf), /* its own are passed on */
		.ask_policy = ask_policy_of(conf),
		.max_message = (size_t)conf->max_message,
		.max_queue = (size_t)conf->max_queue,
		.park_timeout_ms = conf->park_timeout_ms,
		.linger_ms = conf->linger_ms,
		.request_timeout_ms = conf->request_timeout_ms,
		.idle_timeout_ms =
			conf->autostart == CONF_AUTOSTART_LAZY ? conf->idle_timeout_ms : 0,
		.pins = s->sv->pins,
		.pin_mode = (enum pin_mode)conf->pin_tools,
		.tools = conf->tools,
		.tools_deny = conf->tools_deny,
		.is_private = conf->agent != NULL,
		.cb = server_mux_cb,
		.ctx = s,
	};
}

void server_take_backoff(struct server *s)
{
	s->backoff.base_ms = s->conf->backoff_ms;
	s->backoff.max_ms = s->conf->backoff_max_ms;
	s->engine_backoff.base_ms = s->conf->backoff_ms;
	s->engine_backoff.max_ms = s->conf->backoff_max_ms;
	s->backoff.startsecs_ms = s->conf->startsecs_ms;
	s->backoff.retries = s->conf->startretries;
}

void server_watch_files(struct server *s)
{
	struct err e;
	struct watch_params wp = {
		.loop = s->sv->loop,
		.server = s->conf->name,
		.paths = s->conf->watch,
		.on_change = server_file_changed,
		.ctx = s,
	};
	watch_free(take_ptr(&s->watch));
	if (!s->conf->watch[0])
		return;
	s->watch = watch_new(&wp, &e);
	if (!s->watch)
		log_warn(s->conf->name, "watch: %s", e.text);
}

static bool are_alike(char *const *a, char *const *b)
{
	while (*a && *b && strcmp(*a, *b) == 0)
		a++, b++;
	return !*a && !*b;
}

static void take(struct server *s, const struct conf_server *conf)
{
	bool is_watch_new = !are_alike(s->conf->watch, conf->watch);
	s->conf = conf;
	s->next_conf = NULL;
	server_take_backoff(s);
	if (s->launch)
		launch_conf_moved(s->launch, conf);
	if (s->pulse)
		pulse_conf_moved(s->pulse, conf);
	struct mux_params mp = server_mux_params(s);
	if (mux_configure(s->mux, &mp) < 0)
		log_error(conf->name, "out of memory: its old limits and times hold on");
	if (is_watch_new)
		server_watch_files(s);
}

void server_take_next_conf(struct server *s)
{
	if (s->next_conf)
		take(s, s->next_conf);
}

/* autostart says so, unless an operator has said otherwise. */
static bool is_to_be_started(const struct server *s, const struct conf_server *conf)
{
	return conf->autostart == CONF_AUTOSTART_YES && !s->is_by_hand;
}

void server_adopt(struct server *s, const struct conf_server *conf, bool is_tuned)
{
	const struct conf_server *was = s->next_conf ? s->next_conf : s->conf;
	bool was_yes = was->autostart == CONF_AUTOSTART_YES;
	if (s->next_conf)
		s->next_conf = conf; /* the process that is going knows neither */
	else
		take(s, conf);
	if (is_tuned && s->state == SRV_RUNNING) {
		server_health_tuned(s);
	}
	/* Most that made it FATAL is nothing that a configuration shows: a login, an image, a mount. */
	if (s->state == SRV_FATAL || (is_tuned && !was_yes && is_to_be_started(s, conf)))
		server_start(s, "reload");
	server_set_gate(s);
}

void server_reconfigure(struct server *s, const struct conf_server *conf)
{
	bool is_back = s->is_leaving;
	s->is_leaving = false;
	if (is_back)
		s->is_shut = false;
	s->next_conf = conf;
	degraded_forget(&s->degraded);
	if (!s->launch)
		take(s, conf);
	s->first_error[0] = '\0';
	if (s->want_up || is_to_be_started(s, conf))
		server_restart(s, is_back ? "in the configuration again"
					  : "its configuration has changed");
	server_set_gate(s);
}

void server_leave(struct server *s)
{
	s->is_leaving = true;
	server_shut_for(s, s->conf->stop_grace_period_ms, "removed from the configuration");
	supervisor_changed(s->sv, s);
}

bool server_is_leaving(const struct server *s)
{
	return s->is_leaving;
}

bool server_borrows(const struct server *s, const struct conf_server *conf)
{
	return s->conf == conf || s->next_conf == conf;
}
