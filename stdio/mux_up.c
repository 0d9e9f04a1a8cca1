/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "stdio/chan.h"
#include "stdio/mux_priv.h"

#include <errno.h>
#include <string.h>

/* What may wait inside the process's own queue: enough to keep its pipe busy, little enough for fair turns. */
enum { UP_HIGH_BYTES = 256 * 1024 };

/* --- lines ------------------------------------------------------------------------------------ */

struct span wire_of(uint64_t id, struct wire_text *t)
{
	char *end = t->text + sizeof(t->text), *p = end;
	do {
		*--p = (char)('0' + id % 10);
		id /= 10;
	} while (id);
	return (struct span){ p, (size_t)(end - p) };
}

static void sort_patches(struct patch *p, int n)
{
	for (int i = 1; i < n; i++) {
		for (int k = i; k > 0 && p[k].at.p < p[k - 1].at.p; k--) {
			struct patch t = p[k];
			p[k] = p[k - 1];
			p[k - 1] = t;
		}
	}
}

static struct iovec part_of(const char *p, size_t n)
{
	return (struct iovec){ (void *)p, n };
}

int patch_line(const struct rpc_msg *q, struct patch *patches, int n, struct iovec *parts)
{
	const char *from = q->line;
	int k = 0;
	sort_patches(patches, n);
	for (int i = 0; i < n; i++) {
		if (!patches[i].at.p)
			continue;
		parts[k++] = part_of(from, (size_t)(patches[i].at.p - from));
		parts[k++] = part_of(patches[i].with.p, patches[i].with.n);
		from = patches[i].at.p + patches[i].at.n;
	}
	parts[k++] = part_of(from, (size_t)(q->line + q->len - from));
	return k;
}

/* --- the agents' queues ------------------------------------------------------------------------ */

static size_t cost_of(const struct up_item *it)
{
	return sizeof(*it) + it->len;
}

/* A paused agent goes on when half of what it may hold is gone, not at each line. */
static void set_load(struct mux_agent *a, size_t load)
{
	size_t max = a->mux->p.max_queue;
	a->load = load;
	bool is_paused = load > max || (a->is_paused && load > max / 2);
	if (is_paused == a->is_paused)
		return;
	a->is_paused = is_paused;
	chan_pause(a->chan, is_paused);
}

void up_limit(struct mux_agent *a)
{
	set_load(a, a->load);
}

static struct up_item *item_new(struct mux_agent *a, const struct iovec *parts, int n)
{
	size_t len = 0;
	for (int i = 0; i < n; i++)
		len += parts[i].iov_len;
	struct up_item *it = malloc(sizeof(*it) + len);
	if (!it)
		return NULL;
	memset(it, 0, sizeof(*it));
	it->len = len;
	char *to = it->bytes;
	for (int i = 0; i < n; i++) {
		if (parts[i].iov_len)
			memcpy(to, parts[i].iov_base, parts[i].iov_len);
		to += parts[i].iov_len;
	}
	set_load(a, a->load + cost_of(it));
	return it;
}

void up_enqueue(struct mux_agent *a, struct up_item *it)
{
	it->is_queued = true;
	it->prev = a->last;
	it->next = NULL;
	if (a->last)
		a->last->next = it;
	else
		a->first = it;
	a->last = it;
	fair_join(&a->mux->fair, &a->turn);
}

static void dequeue(struct mux_agent *a, struct up_item *it)
{
	if (!it->is_queued)
		return;
	it->is_queued = false;
	if (it->prev)
		it->prev->next = it->next;
	else
		a->first = it->next;
	if (it->next)
		it->next->prev = it->prev;
	else
		a->last = it->prev;
	if (!a->first)
		fair_leave(&a->mux->fair, &a->turn);
}

static void item_free(struct mux_agent *a, struct up_item *it)
{
	dequeue(a, it);
	turn_drop(a->mux, it);
	set_load(a, a->load - cost_of(it));
	free(it);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void set_state(struct mux *m, struct idmap_entry *call, enum call_state state)
{
	if (call->owner && call->method != RPC_LISTEN) { /* listening for hours is no work */
		m->n_in_flight += (size_t)(state == CALL_SENT) - (size_t)(call->state == CALL_SENT);
		/* An agent that calls again and again is no sign of life of the server. */
		if (state == CALL_SENT && m->busy_ms <= mux_last_heard_ms(m))
			m->busy_ms = clock_ms();
	}
	call->state = state;
}

void call_end(struct mux *m, struct idmap_entry *call)
{
	struct mux_agent *a = call->owner;
	bool was_use = rest_is_use(call);
	if (call->is_suspect) { /* whoever waited for the lost line: it may have been this one */
		m->n_suspects--;
		m->n_lost -= m->n_lost > 0;
	}
	set_state(m, call, CALL_WAITING);
	turn_over(m, call);
	free(call->ask);
	if (a) {
		if (call->item)
			item_free(a, call->item);
		if (a->batches.first)
			batch_call_ended(a, call->id);
		a->n_calls--;
		set_load(a, a->load - idmap_bytes(call));
		if (a->alone_ms)
			mux_touch(a);
	}
	idmap_remove(&m->ids, call);
	if (was_use)
		rest_over(m);
}

static int put_number(struct buf *b, const char *key, bool is_known, int value)
{
	return is_known ? buf_addf(b, ",\"%s\":%d", key, value) : buf_addf(b, ",\"%s\":null", key);
}

static int put_death(struct buf *b, const struct mux_death *d)
{
	int r = put_number(b, "exitCode", d->exit_code >= 0, d->exit_code);
	if (r == 0)
		r = put_number(b, "signal", d->signal > 0, d->signal);
	if (r == 0)
		r = buf_addf(b, ",\"oom\":%s,\"stderrTail\":", d->is_oom ? "true" : "false");
	if (r == 0)
		r = d->stderr_tail ? rpc_string(b, d->stderr_tail, strlen(d->stderr_tail))
				   : buf_adds(b, "null");
	return r;
}

static int put_data(const struct mux *m, const struct call_failure *f, struct buf *b)
{
	int r = buf_adds(b, "{\"server\":");
	if (r == 0)
		r = rpc_string(b, m->p.server, strlen(m->p.server));
	if (r == 0)
		r = buf_adds(b, ",\"reason\":");
	if (r == 0)
		r = rpc_string(b, f->reason, strlen(f->reason));
	if (r == 0 && f->death)
		r = put_death(b, f->death);
	return r < 0 ? r
		     : buf_addf(b, ",\"generation\":%u,\"retryable\":%s}", m->generation,
				f->is_retryable ? "true" : "false");
}

void call_fail(struct mux *m, struct idmap_entry *call, const struct call_failure *f)
{
	_cleanup_buf_ struct buf data = { 0 }, message = { 0 };
	int r = put_data(m, f, &data);
	if (r == 0 && f->message)
		r = buf_adds(&message, f->message);
	else if (r == 0)
		r = buf_addf(&message, "MCP server %s %s: %s", m->p.server,
			     f->death ? "ended before it answered" : "is not available", f->reason);
	m->counts.errors++;
	agent_error(call->owner, call->id, RPC_E_INTERNAL,
		    r == 0 ? buf_str(&message) : "MCP server failed",
		    r == 0 ? buf_str(&data) : NULL);
	call_end(m, call);
}

static void fail_no_memory(struct mux *m, struct idmap_entry *call)
{
	call_fail(m, call,
		  &(struct call_failure){ .message = "Out of memory",
					  .reason = "out of memory",
					  .is_retryable = true });
}

/* --- writing ---------------------------------------------------------------------------------- */

int up_write(struct mux *m, const struct iovec *parts, int n)
{
	int r = chan_send(m->up, parts, n);
	for (int i = 0; i < n && r == 0; i++)
		m->counts.sent_bytes += parts[i].iov_len + (i == 0); /* and the line's end */
	if (r < 0 && chan_is_broken(m->up) && !m->has_ended) {
		m->has_ended = true;
		mux_raise(m, EV_STREAM_END);
	}
	return r;
}

int up_write_buf(struct mux *m, const struct buf *b)
{
	struct iovec part = part_of(buf_str(b), b->len);
	return up_write(m, &part, 1);
}

static bool may_write_now(const struct mux *m)
{
	return mux_is_open(m) && !m->fair.turn && chan_queued(m->up) < UP_HIGH_BYTES;
}

static void write_call(struct mux *m, struct idmap_entry *call, const struct iovec *parts, int n)
{
	set_state(m, call, CALL_SENT);
	turn_sent(m, call);
	idmap_stamp(&m->ids, call, clock_ms());
	if (up_write(m, parts, n) < 0 && !m->has_ended)
		fail_no_memory(m, call); /* else the end of the process answers it */
}

/* To the next process, if this one dies. */
static bool may_go_again(const struct idmap_entry *call)
{
	return call->method == RPC_LISTEN || (call->method == RPC_LIST_OR_READ && !call->is_second);
}

/* The item's turn has come. */
static void send_item(struct mux_agent *a, struct up_item *it)
{
	struct mux *m = a->mux;
	struct idmap_entry *call = it->call;
	struct iovec part = part_of(it->bytes, it->len);
	dequeue(a, it);
	if (turn_hold(m, it))
		return;
	if (!call) {
		(void)up_write(m, &part, 1); /* a notification; a broken pipe has been raised */
		item_free(a, it);
		return;
	}
	struct rpc_msg q;
	if (call->method == RPC_INITIALIZE || call->method == RPC_DISCOVER ||
	    era_differs(a, call->says_version) ||
	    (call->method == RPC_OTHER && !tools_are_open(a))) {
		rpc_read(it->bytes, it->len, &q);
		if (agent_answer_here(a, &q, call->id) || tools_refuse(a, &q, call->id)) {
			call_end(m, call);
			return;
		}
	}
	bool is_kept = may_go_again(call);
	if (!is_kept)
		call->item = NULL;
	write_call(m, call, &part, 1);
	if (!is_kept)
		item_free(a, it);
}

void up_pump(struct mux *m)
{
	struct fair_slot *slot;
	while (mux_is_open(m) && chan_queued(m->up) < UP_HIGH_BYTES &&
	       (slot = fair_next(&m->fair))) {
		struct mux_agent *a =
			(struct mux_agent *)((char *)slot - offsetof(struct mux_agent, turn));
		fair_sent(slot, a->first->len);
		send_item(a, a->first);
	}
}

static void push(struct mux_agent *a, struct idmap_entry *call, const struct iovec *parts, int n)
{
	struct mux *m = a->mux;
	bool is_kept = call && may_go_again(call);
	if (may_write_now(m) && !is_kept && !turn_must_wait(m, call)) {
		if (call)
			write_call(m, call, parts, n);
		else
			(void)up_write(m, parts, n); /* as in send_item() */
		return;
	}
	struct up_item *it = item_new(a, parts, n);
	if (!it) {
		if (call)
			fail_no_memory(m, call);
		return;
	}
	it->call = call;
	if (call)
		call->item = it;
	up_enqueue(a, it);
	up_pump(m);
}

/* --- what agents send --------------------------------------------------------------------------- */

void up_call(struct mux_agent *a, const struct rpc_msg *q)
{
	struct mux *m = a->mux;
	struct span id = rpc_at(q, SCAN_ID), token = rpc_at(q, SCAN_META_TOKEN);
	if (!rpc_is_id(token))
		token.p = NULL; /* no token: the server may say so */
	if (q->method == RPC_LISTEN && !listen_has_room(a, q->len)) {
		agent_error(a, id, RPC_E_INTERNAL, "Too many subscriptions", NULL);
		return;
	}
	struct idmap_entry *call = idmap_add(&m->ids, a, id, token.p ? token : (struct span){ 0 });
	if (!call) {
		agent_error(a, id, RPC_E_INTERNAL, "Out of memory", NULL);
		return;
	}
	m->counts.requests++;
	call->method = q->method;
	call->says_version = rpc_at(q, SCAN_META_VERSION).p != NULL;
	call->is_tools_list =
		q->method == RPC_LIST_OR_READ && scan_is(rpc_at(q, SCAN_METHOD), "tools/list");
	call->is_plain_list = rest_is_plain_list(q);
	turn_note(m, call, q);
	call->state = CALL_WAITING;
	call->stamp_ms = clock_ms();
	a->n_calls++;
	set_load(a, a->load + idmap_bytes(call));
	if (m->gate == MUX_REFUSE && !mux_is_open(m)) {
		call_fail(m, call,
			  &(struct call_failure){ .reason = m->why, .is_retryable = true });
		return;
	}
	if (m->gate == MUX_ASLEEP && !mux_is_open(m))
		mux_raise(m, EV_WANTED);
	mux_limit(m, call);
	struct wire_text text;
	struct span wire = wire_of(call->wire_id, &text), level = { 0 };
	if (q->method == RPC_SET_LEVEL && m->subs.level && subs_level_of(rpc_at(q, SCAN_LEVEL)))
		level = rpc_at(q, SCAN_LEVEL);
	struct patch patches[] = {
		{ id, wire },
		{ token, wire },
		{ level, subs_level_text(m->subs.level) },
	};
	struct iovec parts[PATCHED_PARTS];
	push(a, call, parts, patch_line(q, patches, 3, parts));
}

void up_notify(struct mux_agent *a, const struct rpc_msg *q, struct patch *patches, int n)
{
	struct iovec parts[PATCHED_PARTS];
	if (mux_is_open(a->mux))
		push(a, NULL, parts, patch_line(q, patches, n, parts));
}

void up_cancel(struct mux_agent *a, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_REQUEST_ID);
	struct idmap_entry *call = id.p ? idmap_by_owner(&a->mux->ids, a, id) : NULL;
	if (!call || call->method == RPC_INITIALIZE)
		return;
	if (call->state == CALL_SENT) {
		struct wire_text text;
		struct patch patch = { id, wire_of(call->wire_id, &text) };
		up_notify(a, q, &patch, 1);
	}
	call_end(a->mux, call);
}

void up_send_cancelled(struct mux *m, const struct idmap_entry *call, const char *reason)
{
	_cleanup_buf_ struct buf b = { 0 };
	if (!mux_is_open(m))
		return;
	int r = buf_addf(&b,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
			 "{\"requestId\":%llu,\"reason\":",
			 (unsigned long long)call->wire_id);
	if (r == 0)
		r = rpc_string(&b, reason, strlen(reason));
	if (r == 0)
		r = buf_adds(&b, "}}");
	if (r == 0)
		(void)up_write_buf(m, &b); /* a broken pipe has been raised */
}

/* --- generations ------------------------------------------------------------------------------ */

void up_resume(struct mux *m)
{
	int64_t now = clock_ms();
	for (struct idmap_entry *call = m->ids.first; call; call = call->next) {
		if (call->state == CALL_SENT)
			continue;
		call->stamp_ms = now;
		call->parked_ms = 0; /* a next outage is another one */
	}
	for (struct idmap_entry *call = m->ids.first, *next; call; call = next) {
		next = call->next;
		if (call->state != CALL_AGAIN)
			continue;
		call->is_second = true;
		send_item(call->owner, call->item); /* moves it to the end, as CALL_SENT */
	}
}

static void died_in_flight(struct mux *m, struct idmap_entry *call, const struct mux_death *d)
{
	bool is_again = call->item != NULL; /* kept: changes nothing, and was not lost before */
	if (is_again) {
		set_state(m, call, CALL_AGAIN);
		if (call->is_suspect)
			m->n_suspects--;
		call->is_suspect = false;
		return;
	}
	call_fail(m, call,
		  &(struct call_failure){ .reason = d->reason ? d->reason : "ended", .death = d });
}

void up_died(struct mux *m, const struct mux_death *d)
{
	tasks_died(m);
	for (struct mux_agent *a = m->first; a; a = a->next) {
		for (struct up_item *it = a->first, *next; it; it = next) {
			next = it->next;
			if (!it->call)
				item_free(a, it);
		}
	}
	for (struct idmap_entry *call = m->ids.first, *next; call; call = next) {
		next = call->next;
		if (!call->owner)
			ask_died(m, call);
		else if (call->state == CALL_SENT)
			died_in_flight(m, call, d);
	}
}

void up_forget(struct mux_agent *a, const char *reason)
{
	struct mux *m = a->mux;
	for (struct idmap_entry *call = m->ids.first, *next; call && a->n_calls > 0; call = next) {
		next = call->next;
		if (call->owner != a)
			continue;
		if (call->state == CALL_SENT)
			up_send_cancelled(m, call, reason);
		call_end(m, call);
	}
	while (a->first) /* notifications */
		item_free(a, a->first);
}
