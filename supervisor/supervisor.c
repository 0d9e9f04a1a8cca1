/* SPDX-License-Identifier: MIT */
#include "supervisor/supervisor.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/http.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "stdio/fifo.h"
#include "stdio/pin.h"
#include "supervisor/command.h"
#include "supervisor/control.h"
#include "supervisor/doors.h"
#include "supervisor/engine.h"
#include "supervisor/launch.h"
#include "supervisor/metrics.h"
#include "supervisor/pulls.h"
#include "supervisor/reap.h"
#include "supervisor/reload.h"
#include "supervisor/rundir.h"
#include "supervisor/server.h"
#include "supervisor/shutdown.h"
#include "supervisor/signals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* --- questions ------------------------------------------------------------------------------ */

struct server *supervisor_find(struct supervisor *sv, const char *name)
{
	for (size_t i = 0; i < sv->n_servers; i++) {
		if (strcmp(server_name(sv->servers[i]), name) == 0)
			return sv->servers[i];
	}
	return NULL;
}

static unsigned start_limit(const struct supervisor *sv)
{
	if (sv->conf->start_concurrency > 0)
		return (unsigned)sv->conf->start_concurrency;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	return cpus > 0 ? 2 * (unsigned)cpus : 2;
}

/* The first server that s depends on and that is not there; one that sleeps comes when it is called. NULL: none. */
static struct server *find_missing(struct supervisor *sv, const struct server *s)
{
	for (char **d = server_conf(s)->depends_on; *d; d++) {
		struct server *other = supervisor_find(sv, *d);
		if (other && !server_is_ready(other) && !server_is_asleep(other))
			return other;
	}
	return NULL;
}

static enum supervisor_hold wait_for(struct server *other, char *text, size_t size)
{
	struct server_info info;
	server_info(other, &info);
	switch (server_state(other)) {
	case SRV_STOPPED:
	case SRV_EXITED:
	case SRV_FATAL:
		(void)snprintf(text, size,
			       "waiting for server %s, which is %s%s%s; mcpctl start %s", info.name,
			       info.state, *info.why ? ": " : "", info.why, info.name);
		return HOLD_HOPELESS;
	case SRV_BACKOFF:
		(void)snprintf(text, size, "waiting for server %s, which is BACKOFF: %s", info.name,
			       info.why);
		return HOLD_UNSURE;
	default:
		break;
	}
	if (server_hold(other) >= HOLD_UNSURE) {
		(void)snprintf(text, size, "waiting for server %s: %s", info.name, info.why);
		return server_hold(other);
	}
	(void)snprintf(text, size, "waiting for server %s, which is %s", info.name, info.state);
	return HOLD_SOME_TIME;
}

/* Who was there first goes first: one that fails again and again must not take every turn. */
static bool has_free_slot(const struct supervisor *sv, const struct server *s)
{
	unsigned before = sv->starting;
	for (size_t i = 0; i < sv->n_servers; i++) {
		const struct server *other = sv->servers[i];
		if (other != s && server_hold(other) == HOLD_SLOT &&
		    server_ticket(other) < server_ticket(s))
			before++;
	}
	return before < start_limit(sv);
}

enum supervisor_hold supervisor_holds(struct supervisor *sv, const struct server *s, char *text,
				      size_t size)
{
	/* A server that comes back from a crash is not touched by what became of the others. */
	struct server *other = server_is_first_start(s) ? find_missing(sv, s) : NULL;
	if (other)
		return wait_for(other, text, size);
	if (launch_needs_engine(sv, server_conf(s)) && !sv->is_engine_ready) {
		(void)snprintf(text, size, "waiting for the container engine");
		return HOLD_UNSURE;
	}
	if (server_ticket(s) && !has_free_slot(sv, s)) {
		(void)snprintf(text, size, "waiting for a free start slot (start_concurrency)");
		return HOLD_SLOT;
	}
	*text = '\0';
	return HOLD_NONE;
}

bool supervisor_is_booted(const struct supervisor *sv)
{
	for (size_t i = 0; i < sv->n_servers; i++) {
		if (!server_counts_as_up(sv->servers[i]))
			return false;
	}
	return true;
}

/* As a plain init, without servers, we have nothing to tell. */
#define say(sv, ...)                                                                               \
	log_event((sv)->source.path ? LOG_INFO : LOG_DEBUG, "mcpinit", NULL, __VA_ARGS__)

void supervisor_set_log(const struct conf *conf)
{
	int level = conf->log_level ? log_level_of(conf->log_level) : LOG_INFO;
	bool is_json = conf->log_format && strcmp(conf->log_format, "json") == 0;
	log_set(level < 0 ? LOG_INFO : (enum log_level)level, is_json ? LOG_JSON : LOG_TEXT);
	for (char **s = conf->secrets; *s; s++)
		log_redact_add(*s);
}

/* --- the end -------------------------------------------------------------------------------- */

static void all_is_down(struct supervisor *sv)
{
	loop_stop(sv->loop);
}

static void begin_shutdown(struct supervisor *sv, const char *why)
{
	say(sv, "shutting down: %s", why);
	pulls_close(sv);
	struct err e = { 0 };
	sv->shutdown = shutdown_new(sv, all_is_down, &e);
	if (!sv->shutdown) {
		log_error("mcpinit", "no orderly shutdown: %s", e.text);
		loop_stop(sv->loop);
	}
}

void supervisor_shutdown(struct supervisor *sv, const char *why)
{
	bool is_again = sv->is_end_wanted;
	sv->is_end_wanted = true;
	if (!sv->shutdown) {
		begin_shutdown(sv, why);
	} else if (is_again) {
		log_warn("mcpinit", "%s again: no more graces", why);
		shutdown_hurry(sv->shutdown);
	} else {
		/* COMMAND or a required server ended it all, and whoever stops the container cannot know. */
		say(sv, "%s: shutting down already; once more, and there are no more graces", why);
	}
}

static void required_failed(struct supervisor *sv, struct server *s, const char *what)
{
	if (sv->shutdown)
		return;
	sv->exit_status = WIRE_EXIT_REQUIRED;
	log_error(server_name(s), "%s; it is required, so the container ends with status %d", what,
		  WIRE_EXIT_REQUIRED);
	char why[128];
	(void)snprintf(why, sizeof(why), "required server %s failed", server_name(s));
	begin_shutdown(sv, why);
}

/* --- COMMAND -------------------------------------------------------------------------------- */

static void command_over(void *ctx, int exit_status)
{
	struct supervisor *sv = ctx;
	command_free(take_ptr(&sv->command));
	sv->is_command_done = true;
	if (sv->exit_status != WIRE_EXIT_REQUIRED)
		sv->exit_status = exit_status;
	if (sv->shutdown) {
		shutdown_look(sv->shutdown);
		return;
	}
	char why[64];
	(void)snprintf(why, sizeof(why), "COMMAND ended with status %d", exit_status);
	begin_shutdown(sv, why);
}

/*
 * The configuration as it is now says who is required: not that of a server which leaves, or whose process does. Its
 * servers come first, in its order.
 */
static struct server *find_required_down(const struct supervisor *sv)
{
	for (size_t i = 0; sv->conf->servers[i]; i++)
		if (sv->conf->servers[i]->required && !server_is_ready(sv->servers[i]))
			return sv->servers[i];
	return NULL;
}

static bool is_required_up(const struct supervisor *sv)
{
	return !find_required_down(sv);
}

static void start_command(struct supervisor *sv)
{
	if (!sv->command_argv || sv->command || sv->is_command_done || sv->shutdown ||
	    !is_required_up(sv))
		return;
	struct command_params p = {
		.reap = sv->reap,
		.argv = sv->command_argv,
		.envp = sv->environ,
		.user = sv->conf->user,
		.on_exit = command_over,
		.ctx = sv,
	};
	struct err e;
	int status = 0;
	sv->command = command_start(&p, &status, &e);
	if (sv->command) {
		log_debug("mcpinit", "COMMAND %s started", sv->command_argv[0]);
		return;
	}
	log_error("mcpinit", "%s", e.text);
	command_over(sv, status);
}

/* --- changes -------------------------------------------------------------------------------- */

static void look_again(void *ctx)
{
	struct supervisor *sv = ctx;
	for (size_t i = 0; i < sv->n_servers && !sv->shutdown; i++)
		server_kick(sv->servers[i]);
	for (size_t i = 0; sv->conf->servers[i] && !sv->shutdown; i++)
		if (sv->conf->servers[i]->required && server_state(sv->servers[i]) == SRV_FATAL)
			required_failed(sv, sv->servers[i], "FATAL");
	reload_look(sv);
	if (is_required_up(sv))
		loop_timer_stop(sv->required_timer);
	start_command(sv);
	if (sv->control)
		control_changed(sv->control);
	if (sv->shutdown)
		shutdown_look(sv->shutdown);
}

void supervisor_changed(struct supervisor *sv, struct server *s)
{
	(void)s;
	loop_timer_at(sv->look_timer, 0);
}

void supervisor_watch_required(struct supervisor *sv)
{
	if (!is_required_up(sv) && !loop_timer_is_armed(sv->required_timer))
		loop_timer_in(sv->required_timer, sv->conf->required_timeout_ms);
}

static void required_late(void *ctx)
{
	struct supervisor *sv = ctx;
	struct server *s = find_required_down(sv);
	if (!s)
		return;
	struct server_info info;
	server_info(s, &info);
	char what[1536];
	(void)snprintf(what, sizeof(what), "not RUNNING within required_timeout: %s%s%s",
		       info.state, *info.why ? ", " : "", info.why);
	required_failed(sv, s, what);
}

static void got_signal(void *ctx, const struct signalfd_siginfo *si)
{
	struct supervisor *sv = ctx;
	int signo = (int)si->ssi_signo;
	switch (signals_action(signo, si->ssi_code, sv->command != NULL)) {
	case SIGNAL_IGNORE:
		break;
	case SIGNAL_FORWARD:
		if (sv->command)
			command_signal(sv->command, signo);
		break;
	case SIGNAL_SHUTDOWN: {
		char why[32];
		(void)snprintf(why, sizeof(why), "SIG%s", sigabbrev_np(signo));
		supervisor_shutdown(sv, why);
		break;
	}
	case SIGNAL_RELOAD: {
		struct reload r;
		reload_run(sv, &r);
		reload_done(&r); /* it has logged what there is to say */
		break;
	}
	case SIGNAL_REAP:
		reap_drain(sv->reap);
		break;
	case SIGNAL_SUSPEND:
		signals_suspend();
		break;
	}
}

/* --- boot ----------------------------------------------------------------------------------- */

static int open_servers(struct supervisor *sv, struct err *e)
{
	size_t n = 0;
	bool needs_engine = false;
	while (sv->conf->servers[n])
		n++;
	sv->servers = calloc(n + 1, sizeof(struct server *));
	if (!sv->servers)
		return err_oom(e);
	for (size_t i = 0; i < n; i++) {
		const struct conf_server *cs = sv->conf->servers[i];
		sv->servers[i] = server_new(sv, cs, e);
		if (!sv->servers[i])
			return -ENOMEM;
		sv->n_servers++;
		needs_engine = needs_engine || launch_needs_engine(sv, cs);
	}
	return needs_engine ? engine_open(sv, e) : 0;
}

static int open_all(struct supervisor *sv, struct err *e)
{
	unsigned char nonce[8];
	if (getrandom(nonce, sizeof(nonce), 0) != (ssize_t)sizeof(nonce))
		return err_set(e, -EIO, "no random numbers to be had: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(nonce); i++)
		(void)snprintf(sv->boot + 2 * i, 3, "%02x", nonce[i]);
	sigset_t set;
	signals_setup();
	signals_set(&set);
	int r;
	if (!(sv->loop = loop_new(e)) || !(sv->reap = reap_new(e)))
		return -EIO;
	if (!(sv->look_timer = loop_timer_new(sv->loop, look_again, sv)) ||
	    !(sv->required_timer = loop_timer_new(sv->loop, required_late, sv)))
		return err_oom(e);
	if ((r = loop_signals(sv->loop, &set, got_signal, sv, e)) < 0)
		return r;
	if (getpid() != 1 && (r = reap_become_subreaper(e)) < 0)
		return r;
	if (!sv->source.path)
		return 0; /* a plain init: nothing to listen for, nothing to leave behind */
	if (!(sv->fifos = fifo_set_new(sv->loop, e)))
		return -EIO;
	if ((r = rundir_open(sv->conf->runtime_dir, sv->conf->control_dir, &sv->rundir, e)) < 0)
		return r;
	if (!(sv->control = control_new(sv, e)))
		return e->code;
	if (!(sv->pins = pins_new(sv->conf->pin_file)))
		return err_oom(e);
	if ((r = open_servers(sv, e)) < 0)
		return r;
	for (struct conf_agent **a = sv->conf->agents; *a; a++) {
		if ((r = doors_open(sv, *a, e)) < 0)
			return r;
	}
	rundir_tidy(sv->rundir);
	sv->metrics = metrics_file_new(sv);
	return 0;
}

static void close_all(struct supervisor *sv)
{
	control_free(sv->control);
	metrics_file_free(sv->metrics);
	shutdown_free(sv->shutdown);
	command_free(sv->command);
	for (size_t i = 0; i < sv->n_servers; i++)
		server_free(sv->servers[i]);
	free(sv->servers);
	pins_free(sv->pins);
	engine_close(sv);
	http_free(sv->http);
	fifo_set_free(sv->fifos);
	rundir_close(sv->rundir);
	loop_timer_free(sv->look_timer);
	loop_timer_free(sv->required_timer);
	reap_free(sv->reap);
	loop_free(sv->loop);
	reload_close(sv);
	conf_free((struct conf *)sv->conf);
}

static void boot(struct supervisor *sv)
{
	say(sv, "mcpinit %s, pid %d, %zu server%s, pipes under %s", MCPINIT_VERSION, (int)getpid(),
	    sv->n_servers, sv->n_servers == 1 ? "" : "s", sv->conf->runtime_dir);
	supervisor_watch_required(sv);
	for (size_t i = 0; i < sv->n_servers; i++) {
		if (server_conf(sv->servers[i])->autostart == CONF_AUTOSTART_YES)
			server_start(sv->servers[i], "boot");
	}
	look_again(sv); /* at once: a signal that waits already is for COMMAND, if it may start */
}

static int exit_of(int code)
{
	if (code == -EBUSY)
		return WIRE_EXIT_IN_USE;
	return code == -EACCES || code == -EPERM ? WIRE_EXIT_NO_PERMISSION : WIRE_EXIT_UNAVAILABLE;
}

int supervisor_run(const struct supervisor_params *p)
{
	struct supervisor sv = { .source = p->source,
				 .conf = p->conf,
				 .environ = p->source.environ,
				 .command_argv = p->command_argv };
	struct err e = { 0 };
	int r = open_all(&sv, &e);
	if (r < 0) {
		log_error("mcpinit", "%s", e.text);
		close_all(&sv);
		return exit_of(r);
	}
	boot(&sv);
	r = loop_run(sv.loop);
	if (r < 0)
		log_error("mcpinit", "the event loop failed: %s", strerror(-r));
	int status = sv.exit_status;
	say(&sv, "all is down, exit status %d", status);
	close_all(&sv);
	return status;
}
