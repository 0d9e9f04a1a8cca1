/* SPDX-License-Identifier: MIT */
#include "stdio/mux.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "stdio/chan.h"
#include "stdio/mux_priv.h"
#include "stdio/tally.h"

#include <errno.h>
#include <string.h>

enum { QUIET_MS = 10 * 1000 };

/* --- deferred: callbacks to the supervisor come from the loop, one a round --------------------- */

void mux_raise(struct mux *m, unsigned event)
{
	m->events |= event;
	loop_timer_in(m->defer, 0);
}

void mux_touch(struct mux_agent *a)
{
	a->is_touched = true;
	loop_timer_in(a->mux->defer, 0);
}

static struct mux_agent *next_gone(const struct mux *m)
{
	struct mux_agent *a = m->first;
	while (a && (!a->is_gone || a->is_told))
		a = a->next;
	return a;
}

static void tell_ready(struct mux *m)
{
	struct mux_ready r = {
		.protocol = m->session.protocol,
		.is_modern = m->session.is_modern,
		.server_name = m->session.server_name,
		.server_version = m->session.server_version,
		.tools = m->tools,
		.changed = m->session.changed,
		.shown = m->shown,
	};
	m->p.cb.on_ready(m->p.ctx, &r);
}

/* One callback; it may free the mux, so nothing is touched behind it. */
static void call_back(struct mux *m)
{
	if (m->failed) {
		struct mux_ask *ask = m->failed;
		m->failed = ask->next;
		struct mux_ask a = *ask;
		free(ask);
		struct err e;
		err_set(&e, -ECONNRESET, "server %s ended before it answered", m->p.server);
		a.fn(a.ctx, NULL, 0, &e);
		return;
	}
	unsigned one = m->events & -m->events; /* the lowest first */
	m->events &= ~one;
	struct mux_agent *gone = next_gone(m);
	if (one == EV_STREAM_END) {
		m->p.cb.on_stream_end(m->p.ctx);
	} else if (one == EV_REFUSED) {
		m->p.cb.on_refused(m->p.ctx, m->refusal.text);
	} else if (one == EV_READY) {
		tell_ready(m);
	} else if (one == EV_WANTED) {
		m->p.cb.on_wanted(m->p.ctx);
	} else if (one == EV_RENEW) {
		m->p.cb.on_renew(m->p.ctx);
	} else if (gone) {
		gone->is_told = true;
		if (gone->on_gone)
			gone->on_gone(gone->ctx);
	}
}

static void deferred(void *ctx)
{
	struct mux *m = ctx;
	asks_tend(m);
	for (struct mux_agent *a = m->first; a; a = a->next) {
		if (a->is_touched) {
			a->is_touched = false;
			agent_tend(a);
		}
	}
	unsigned n_gone = 0;
	for (struct mux_agent *a = m->first; a; a = a->next)
		n_gone += a->is_gone && !a->is_told;
	if (!m->failed && !m->events && n_gone == 0)
		return;
	loop_timer_in(m->defer,
		      0); /* for what is left; disarmed by the free, if the callback frees */
	call_back(m);
}

bool mux_may_say(struct quiet *q, unsigned *ret_more)
{
	int64_t now = clock_ms();
	if (now < q->until_ms) {
		q->n++;
		return false;
	}
	*ret_more = q->n;
	q->n = 0;
	q->until_ms = now + QUIET_MS;
	return true;
}

/* --- time limits ------------------------------------------------------------------------------ */

/* When the call is given up; INT64_MAX: never. */
static int64_t due_at(const struct mux *m, const struct idmap_entry *call)
{
	bool is_timed = m->p.request_timeout_ms > 0 && call->method != RPC_LISTEN &&
			call->method != RPC_TASKS_RESULT;
	if (!call->owner)
		return INT64_MAX;
	if (mux_is_open(m) || call->state == CALL_SENT)
		return is_timed ? call->stamp_ms + m->p.request_timeout_ms : INT64_MAX;
	bool is_open_listen = call->method == RPC_LISTEN && call->state == CALL_AGAIN;
	if (m->gate != MUX_PARK_TIMED || !call->parked_ms || is_open_listen)
		return INT64_MAX; /* who listens waits for the next process, however long */
	return call->parked_ms + m->p.park_timeout_ms;
}

static void give_up(struct mux *m, struct idmap_entry *call)
{
	struct call_failure f = {
		.message = "The server did not answer within request_timeout",
		.reason = "request_timeout",
	};
	if (call->state == CALL_SENT) {
		if (m->n_given_up == 0 || call->stamp_ms >= m->given_up_ms) {
			m->n_given_up++;
			m->given_up_ms = clock_ms();
		}
		up_send_cancelled(m, call, "request_timeout");
	} else if (turn_is_held(call)) {
		f.message = "Calls of other agents did not end within request_timeout";
		f.is_retryable = true;
	} else {
		f.message = NULL;
		f.reason = m->why;
		f.is_retryable = true;
	}
	call_fail(m, call, &f);
}

static void look_at(struct mux *m, int64_t at_ms)
{
	if (at_ms == INT64_MAX || (loop_timer_is_armed(m->due) && m->due_ms <= at_ms))
		return;
	m->due_ms = at_ms;
	loop_timer_at(m->due, at_ms);
}

static void check_due(void *ctx)
{
	struct mux *m = ctx;
	int64_t now = clock_ms();
	loop_timer_stop(m->due);
	for (struct idmap_entry *call = m->ids.first, *next; call; call = next) {
		next = call->next;
		int64_t at = due_at(m, call);
		if (at <= now)
			give_up(m, call);
		else
			look_at(m, at);
		if (at > now && at < INT64_MAX && mux_is_open(m))
			return; /* one kind of limit, and calls stand in the order of their stamps */
	}
}

void mux_limit(struct mux *m, struct idmap_entry *call)
{
	if (m->gate == MUX_PARK_TIMED && !mux_is_open(m) && !call->parked_ms)
		call->parked_ms = clock_ms();
	look_at(m, due_at(m, call));
}

/* --- the gate --------------------------------------------------------------------------------- */

static void apply_gate(struct mux *m)
{
	if (mux_is_open(m))
		return;
	for (struct idmap_entry *call = m->ids.first, *next; call; call = next) {
		next = call->next;
		if (!call->owner || call->state == CALL_SENT)
			continue;
		if (m->gate == MUX_ASLEEP)
			mux_raise(m, EV_WANTED);
		if (m->gate == MUX_REFUSE)
			call_fail(m, call,
				  &(struct call_failure){ .reason = m->why, .is_retryable = true });
		else if (m->gate == MUX_PARK_TIMED && !call->parked_ms)
			call->parked_ms = clock_ms();
	}
	check_due(m);
}

void mux_set_gate(struct mux *m, enum mux_gate gate, const char *why)
{
	char *copy = strdup(why ? why : "");
	if (copy) { /* else the old sentence must do */
		free(m->why);
		m->why = copy;
	}
	m->gate = gate;
	if (gate != MUX_ASLEEP)
		m->events &= ~(unsigned)EV_WANTED;
	apply_gate(m);
}

/* --- processes -------------------------------------------------------------------------------- */

bool mux_is_open(const struct mux *m)
{
	return m->up && m->is_ready && !m->has_ended && !m->is_closing;
}

int mux_attach(struct mux *m, struct stream *takes, struct err *e)
{
	if (m->up)
		return err_set(e, -EBUSY, "server %s has a process already", m->p.server);
	struct chan_params cp = {
		.loop = m->p.loop,
		.max_message = m->p.max_message,
		.cb = down_callbacks,
		.ctx = m,
	};
	m->up = chan_new(takes, &cp, e);
	if (!m->up)
		return e ? e->code : -EIO;
	m->generation++;
	m->tools = -1;
	m->n_given_up = 0;
	m->busy_ms = 0;
	mux_forget_tools(m);
	shake_begin(m);
	return 0;
}

void mux_close_stdin(struct mux *m)
{
	if (!m->up || m->is_closing)
		return;
	m->is_closing = true;
	chan_shut(m->up);
	apply_gate(m);
}

void mux_became_ready(struct mux *m)
{
	bool is_again = m->was_ready;
	m->is_ready = m->was_ready = true;
	up_resume(m);
	up_pump(m);
	check_due(m);
	if (is_again && !m->is_modern)
		down_lists_changed(m);
	rest_over(m);
	mux_raise(m, EV_READY);
}

void mux_detach(struct mux *m, const struct mux_death *d)
{
	if (!m->up)
		return;
	batch_cut(m);
	chan_free(take_ptr(&m->up));
	m->is_ready = m->has_ended = m->is_closing = false;
	m->events &= ~(unsigned)(EV_STREAM_END | EV_REFUSED | EV_READY);
	up_died(m, d);
	asks_died(m);
	private_died(m);
	m->n_lost = 0;
	apply_gate(m);
}

bool mux_is_attached(const struct mux *m)
{
	return m->up != NULL;
}

bool mux_is_ready(const struct mux *m)
{
	return mux_is_open(m);
}

bool mux_is_modern(const struct mux *m)
{
	return m->session.is_modern;
}

unsigned mux_generation(const struct mux *m)
{
	return m->generation;
}

int64_t mux_last_heard_ms(const struct mux *m)
{
	return m->up ? chan_last_read_ms(m->up) : 0;
}

size_t mux_in_flight(const struct mux *m)
{
	return m->n_in_flight;
}

int64_t mux_busy_since_ms(const struct mux *m)
{
	return m->n_in_flight ? m->busy_ms : 0;
}

unsigned mux_calls_given_up(const struct mux *m)
{
	return m->n_given_up;
}

size_t mux_agents_present(const struct mux *m)
{
	size_t n = 0;
	for (const struct mux_agent *a = m->first; a; a = a->next)
		n += mux_agent_is_present(a);
	return n;
}

/* --- birth and death --------------------------------------------------------------------------- */

struct mux *mux_new(const struct mux_params *p, struct err *e)
{
	struct mux *m = calloc(1, sizeof(*m));
	if (!m) {
		err_oom(e);
		return NULL;
	}
	m->p = *p;
	m->p.server = strdup(p->server);
	m->p.version = strdup(p->version);
	m->p.protocol = strdup(p->protocol);
	m->why = strdup("");
	(void)filter_set(&m->filter, p->tools, p->tools_deny);
	m->defer = loop_timer_new(p->loop, deferred, m);
	m->due = loop_timer_new(p->loop, check_due, m);
	m->tools = -1;
	idmap_init(&m->ids);
	if (!m->p.server || !m->p.version || !m->p.protocol || !m->why || !m->defer || !m->due ||
	    rest_set_timeout(m, p->idle_timeout_ms) < 0) {
		err_oom(e);
		mux_free(m);
		return NULL;
	}
	return m;
}

int mux_configure(struct mux *m, const struct mux_params *p)
{
	char *protocol = strdup(p->protocol);
	unsigned capabilities = m->p.capabilities;
	if (!protocol || rest_set_timeout(m, p->idle_timeout_ms) < 0) {
		free(protocol);
		return -ENOMEM;
	}
	free((char *)m->p.protocol);
	m->p.protocol = protocol;
	m->p.capabilities = p->capabilities;
	m->p.ask_policy = p->ask_policy;
	m->p.max_message = p->max_message;
	m->p.max_queue = p->max_queue;
	m->p.park_timeout_ms = p->park_timeout_ms;
	m->p.linger_ms = p->linger_ms;
	m->p.request_timeout_ms = p->request_timeout_ms;
	m->p.pin_mode = p->pin_mode;
	if (filter_set(&m->filter, p->tools, p->tools_deny))
		tools_changed(m);
	if (m->up)
		chan_limit(m->up, p->max_message);
	for (struct mux_agent *a = m->first; a; a = a->next) {
		chan_limit(a->chan, p->max_message);
		up_limit(a);
		mux_touch(a); /* it may have waited for a time that is over now */
	}
	asks_configured(m, capabilities);
	check_due(m);
	return 0;
}

void mux_free(struct mux *m)
{
	if (!m)
		return;
	batch_cut(m);
	chan_free(take_ptr(&m->up)); /* first: nobody need be told of cancelled calls */
	while (m->first)
		mux_agent_free(m->first);
	while (m->ids.first)
		call_end(m, m->ids.first); /* ours */
	while (m->failed) {
		struct mux_ask *ask = m->failed;
		m->failed = ask->next;
		free(ask);
	}
	asks_done(m);
	idmap_done(&m->ids);
	tally_done(&m->tallies);
	session_done(&m->session);
	loop_timer_free(m->defer);
	loop_timer_free(m->due);
	loop_timer_free(m->idle);
	buf_done(&m->tools_line);
	filter_done(&m->filter);
	private_died(m);
	buf_done(&m->greeting);
	free((char *)m->p.server);
	free((char *)m->p.version);
	free((char *)m->p.protocol);
	free(m->why);
	free(m);
}
