/* SPDX-License-Identifier: MIT */
#include "supervisor/control_outcome.h"

#include "base/buf.h"
#include "supervisor/control_priv.h"
#include "supervisor/pulls.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"

bool ctl_is_stopped(const struct server *s)
{
	enum srv_state state = server_state(s);
	return state == SRV_STOPPED || state == SRV_EXITED || state == SRV_FATAL;
}

/* STARTING for ever: what it depends on is down and nobody wants it up. NULL: not so. */
static const struct server *hopeless_for(const struct supervisor *sv, const struct server *s)
{
	for (size_t i = 0; i < sv->n_servers; i++)
		if (server_depends_on(s, sv->servers[i]) && ctl_is_stopped(sv->servers[i]))
			return sv->servers[i];
	return NULL;
}

static void say(struct buf *text, const char *words, const char *why)
{
	(void)buf_addf(text, "%s%s%s", words, why && *why ? ": " : "", why ? why : "");
}

static enum outcome start_outcome(const struct ctl_wait *w, const struct waited *each,
				  struct buf *text)
{
	struct server_info info;
	server_info(each->server, &info);
	bool is_new = info.generation != each->generation;
	const struct server *other = NULL;
	switch (server_state(each->server)) {
	case SRV_RUNNING:
		if (w->verb == WIRE_RESTART && !is_new)
			return OPEN;
		say(text, w->verb == WIRE_RESTART ? "restarted" : "started", NULL);
		return DONE;
	case SRV_BACKOFF:
		if (!is_new)
			return OPEN;
		say(text, "it does not stay up, and is tried again", info.why);
		return FAILED;
	case SRV_STARTING:
		other = hopeless_for(w->client->socket->ctl->sv, each->server);
		if (!other)
			return OPEN;
		say(text, "it waits for what it depends on; start that too", server_name(other));
		return FAILED;
	case SRV_FATAL:
	case SRV_EXITED:
	case SRV_STOPPED:
		say(text, info.state, info.why);
		return FAILED;
	default:
		return OPEN;
	}
}

static enum outcome wait_outcome(const struct ctl_wait *w, const struct server *s, struct buf *text)
{
	struct server_info info;
	server_info((struct server *)s, &info);
	bool is_asleep = info.is_lazy && server_state(s) == SRV_STOPPED;
	if (server_is_ready(s) || is_asleep || (w->is_all && server_counts_as_up(s))) {
		say(text, is_asleep ? "asleep" : server_is_ready(s) ? "ready" : "stopped", NULL);
		return DONE;
	}
	say(text, info.state, info.why);
	/* Nothing but a person changes these: to wait for it would be for ever. */
	return server_state(s) == SRV_FATAL || server_state(s) == SRV_EXITED ? FAILED : OPEN;
}

static enum outcome stop_outcome(const struct waited *each, struct buf *text)
{
	struct server_info info;
	server_info(each->server, &info);
	if (each->is_asked && info.want_up) {
		say(text, "was started again meanwhile", NULL);
		return FAILED;
	}
	if (!each->is_asked || !ctl_is_stopped(each->server) || !server_is_down(each->server))
		return OPEN;
	say(text, "stopped", NULL);
	return DONE;
}

static enum outcome pull_outcome(const struct ctl_wait *w, const struct server *s, struct buf *text)
{
	const char *words;
	enum pulls_state state = pulls_look(w->client->socket->ctl->sv, s, &words);
	say(text, words, NULL);
	return state == PULLS_RUNNING ? OPEN : state == PULLS_DONE ? DONE : FAILED;
}

enum outcome ctl_outcome_of(const struct ctl_wait *w, const struct waited *each, struct buf *text)
{
	switch (w->verb) {
	case WIRE_STOP:
		return stop_outcome(each, text);
	case WIRE_WAIT:
		return wait_outcome(w, each->server, text);
	case WIRE_PULL:
		return pull_outcome(w, each->server, text);
	default:
		return start_outcome(w, each, text);
	}
}
