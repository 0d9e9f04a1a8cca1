/* SPDX-License-Identifier: MIT */
#include "base/loop.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum {
	EVENTS_PER_ROUND = 64,
	STALL_MS =
		1000, /* so late is not late: we were stopped (SIGSTOP, a frozen container, a paused machine) */
	SETTLE_MS =
		250, /* what others said meanwhile is heard and answered before anybody's time is up */
};

struct loop_io {
	struct loop *loop;
	struct loop_io *prev, *next; /* all live ones, or the dead list by next */
	loop_io_fn *fn;
	void *ctx;
	int fd; /* borrowed */
	unsigned events;
	bool is_in_epoll;
	bool is_always; /* a file that epoll refuses: ready whenever wanted */
	bool is_dead;
};

struct loop_timer {
	struct loop *loop;
	struct loop_timer *next_dead;
	loop_timer_fn *fn;
	void *ctx;
	int64_t at_ms;
	uint64_t order; /* equal deadlines fire in the order they were armed */
	size_t slot;	/* place in the heap + 1; 0 = not armed */
	bool is_dead;
};

struct loop {
	int epoll_fd, timer_fd, signal_fd; /* owned */
	bool is_stopping;
	bool is_in_round;
	struct loop_io *ios;
	struct loop_io *dead_ios;
	struct loop_timer *dead_timers;
	struct loop_timer **heap; /* owned array of borrowed timers, nearest first */
	size_t n_heap, cap_heap;
	uint64_t order;
	int64_t timerfd_at; /* what timer_fd is set to; -1 = disarmed */
	size_t n_always;
	struct loop_io *signal_io;
	loop_signal_fn *signal_fn;
	void *signal_ctx;
};

/* --- timers: a binary heap ------------------------------------------------------------------ */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

static void heap_put(struct loop *l, size_t i, struct loop_timer *t)
{
	l->heap[i] = t;
	t->slot = i + 1;
}

static void heap_settle(struct loop *l, size_t i)
{
	struct loop_timer *t = l->heap[i];
	while (i > 0 && is_before(t, l->heap[(i - 1) / 2])) {
		heap_put(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t c = 2 * i + 1;
		if (c >= l->n_heap)
			break;
		if (c + 1 < l->n_heap && is_before(l->heap[c + 1], l->heap[c]))
			c++;
		if (!is_before(l->heap[c], t))
			break;
		heap_put(l, i, l->heap[c]);
		i = c;
	}
	heap_put(l, i, t);
}

struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn *fn, void *ctx)
{
	/* Room for every timer is made here, so that arming one cannot fail. */
	struct loop_timer *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	struct loop_timer **bigger =
		realloc(l->heap, (l->cap_heap + 1) * sizeof(struct loop_timer *));
	if (!bigger) {
		free(t);
		return NULL;
	}
	l->heap = bigger;
	l->cap_heap++;
	t->loop = l;
	t->fn = fn;
	t->ctx = ctx;
	return t;
}

void loop_timer_at(struct loop_timer *t, int64_t at_ms)
{
	struct loop *l = t->loop;
	t->at_ms = at_ms;
	t->order = l->order++;
	if (!t->slot)
		heap_put(l, l->n_heap++, t);
	heap_settle(l, t->slot - 1);
}

void loop_timer_in(struct loop_timer *t, int64_t delay_ms)
{
	loop_timer_at(t, clock_ms() + delay_ms);
}

void loop_timer_stop(struct loop_timer *t)
{
	struct loop *l = t->loop;
	if (!t->slot)
		return;
	size_t i = t->slot - 1;
	t->slot = 0;
	l->n_heap--;
	if (i < l->n_heap) {
		heap_put(l, i, l->heap[l->n_heap]);
		heap_settle(l, i);
	}
}

bool loop_timer_is_armed(const struct loop_timer *t)
{
	return t->slot != 0;
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t || t->is_dead)
		return;
	struct loop *l = t->loop;
	loop_timer_stop(t);
	l->cap_heap--; /* the array itself keeps its size; only the promise goes */
	t->is_dead = true;
	if (l->is_in_round) {
		t->next_dead = l->dead_timers;
		l->dead_timers = t;
	} else {
		free(t);
	}
}

/* What was due during a standstill is due a little later; what is armed from now on is not held up. */
static void settle(struct loop *l)
{
	int64_t now = clock_ms();
	size_t n = l->n_heap;
	for (l->n_heap = 0; l->n_heap < n;) {
		struct loop_timer *t = l->heap[l->n_heap++];
		if (t->at_ms > 0 && t->at_ms < now)
			t->at_ms = now + SETTLE_MS;
		heap_settle(l, t->slot - 1);
	}
}

static void fire_timers(struct loop *l)
{
	/* What a callback arms for "now" waits for the next round: no callback can hold the loop. */
	int64_t now = clock_ms();
	uint64_t before = l->order;
	while (l->n_heap > 0 && l->heap[0]->at_ms <= now && l->heap[0]->order < before) {
		struct loop_timer *t = l->heap[0];
		loop_timer_stop(t);
		t->fn(t->ctx);
	}
}

static void set_timerfd(struct loop *l)
{
	int64_t at = l->n_heap ? l->heap[0]->at_ms : -1;
	if (at == l->timerfd_at)
		return;
	struct itimerspec its = { 0 };
	if (at >= 0) {
		int64_t in = at - clock_ms();
		if (in < 0)
			in = 0;
		its.it_value.tv_sec = in / 1000;
		its.it_value.tv_nsec =
			(in % 1000) * 1000000 + 1; /* never zero: that would disarm */
	}
	(void)timerfd_settime(l->timer_fd, 0, &its, NULL); /* valid by construction */
	l->timerfd_at = at;
}

/* --- fds ----------------------------------------------------------------------------------- */

static uint32_t to_epoll(unsigned events)
{
	return ((events & LOOP_IN) ? (uint32_t)EPOLLIN : 0) |
	       ((events & LOOP_OUT) ? (uint32_t)EPOLLOUT : 0);
}

static unsigned from_epoll(uint32_t events)
{
	return ((events & EPOLLIN) ? LOOP_IN : 0U) | ((events & EPOLLOUT) ? LOOP_OUT : 0U) |
	       ((events & EPOLLHUP) ? LOOP_HUP : 0U) | ((events & EPOLLERR) ? LOOP_ERR : 0U);
}

struct loop_io *loop_io_new(struct loop *l, int fd, unsigned events, loop_io_fn *fn, void *ctx,
			    struct err *e)
{
	struct loop_io *io = calloc(1, sizeof(*io));
	if (!io) {
		err_oom(e);
		return NULL;
	}
	io->loop = l;
	io->fd = fd;
	io->fn = fn;
	io->ctx = ctx;
	int r = loop_io_want(io, events);
	if (r < 0) {
		err_set(e, r, "cannot watch descriptor %d: %s", fd, strerror(-r));
		free(io);
		return NULL;
	}
	io->next = l->ios;
	if (l->ios)
		l->ios->prev = io;
	l->ios = io;
	return io;
}

static void set_always(struct loop_io *io, unsigned events)
{
	io->loop->n_always += (events != 0) - (size_t)(io->events != 0);
	io->events = events;
}

int loop_io_want(struct loop_io *io, unsigned events)
{
	if (io->is_always) {
		set_always(io, events);
		return 0;
	}
	if (events == io->events && (io->is_in_epoll || events == 0))
		return 0;
	struct epoll_event ev = { .events = to_epoll(events), .data.ptr = io };
	int op = events == 0 ? EPOLL_CTL_DEL : io->is_in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(io->loop->epoll_fd, op, io->fd, &ev) < 0) {
		if (errno != EPERM || op != EPOLL_CTL_ADD)
			return -errno;
		io->is_always = true;
		set_always(io, events);
		return 0;
	}
	io->is_in_epoll = events != 0;
	io->events = events;
	return 0;
}

void loop_io_free(struct loop_io *io)
{
	if (!io || io->is_dead)
		return;
	struct loop *l = io->loop;
	(void)loop_io_want(
		io, 0); /* fails only if the fd was closed first, which took it out of epoll */
	if (io->prev)
		io->prev->next = io->next;
	else
		l->ios = io->next;
	if (io->next)
		io->next->prev = io->prev;
	io->is_dead = true;
	if (l->is_in_round) {
		io->next = l->dead_ios;
		l->dead_ios = io;
	} else {
		free(io);
	}
}

static void fire_always(struct loop *l)
{
	if (l->n_always == 0)
		return;
	for (struct loop_io *io = l->ios, *next; io; io = next) {
		next = io->next;
		if (io->is_always && io->events)
			io->fn(io->ctx, io->events);
		if (next && next->is_dead)
			break; /* the chain behind it is the dead list; the rest has its turn next round */
	}
}

static void bury(struct loop *l)
{
	while (l->dead_ios) {
		struct loop_io *io = l->dead_ios;
		l->dead_ios = io->next;
		free(io);
	}
	while (l->dead_timers) {
		struct loop_timer *t = l->dead_timers;
		l->dead_timers = t->next_dead;
		free(t);
	}
}

int loop_round(struct loop *l, bool block)
{
	set_timerfd(l);
	int64_t due_ms = l->timerfd_at;
	bool is_due = due_ms >= 0 && due_ms <= clock_ms();
	struct epoll_event ev[EVENTS_PER_ROUND];
	int wait_ms = block && !is_due && l->n_always == 0 ? -1 : 0;
	int n = epoll_wait(l->epoll_fd, ev, EVENTS_PER_ROUND, wait_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (block && due_ms > 0 && clock_ms() - due_ms > STALL_MS)
		settle(l);
	l->is_in_round = true;
	for (int i = 0; i < n; i++) {
		struct loop_io *io = ev[i].data.ptr;
		if (!io) {
			uint64_t count;
			(void)!read(l->timer_fd, &count, sizeof(count)); /* only to make it quiet */
			l->timerfd_at = -1;
			continue;
		}
		if (!io->is_dead)
			io->fn(io->ctx, from_epoll(ev[i].events));
	}
	fire_always(l);
	fire_timers(l);
	l->is_in_round = false;
	bury(l);
	return 0;
}

int loop_run(struct loop *l)
{
	l->is_stopping = false;
	while (!l->is_stopping) {
		int r = loop_round(l, true);
		if (r < 0)
			return r;
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->is_stopping = true;
}

/* --- signals ------------------------------------------------------------------------------- */

static void signals_ready(void *ctx, unsigned ready)
{
	(void)ready;
	struct loop *l = ctx;
	struct signalfd_siginfo si;
	while (read(l->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		l->signal_fn(l->signal_ctx, &si);
}

int loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *ctx, struct err *e)
{
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return err_set(e, -errno, "cannot block signals: %s", strerror(errno));
	l->signal_fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (l->signal_fd < 0)
		return err_set(e, -errno, "cannot make a signalfd: %s", strerror(errno));
	l->signal_fn = fn;
	l->signal_ctx = ctx;
	l->signal_io = loop_io_new(l, l->signal_fd, LOOP_IN, signals_ready, l, e);
	return l->signal_io ? 0 : -EIO;
}

/* --- birth and death ------------------------------------------------------------------------ */

struct loop *loop_new(struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));
	if (!l) {
		err_oom(e);
		return NULL;
	}
	l->signal_fd = -1;
	l->timerfd_at = -1;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };
	if (l->epoll_fd < 0 || l->timer_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->timer_fd, &ev) < 0) {
		err_set(e, -errno, "cannot make the event loop: %s", strerror(errno));
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->ios)
		loop_io_free(l->ios);
	while (l->n_heap > 0)
		loop_timer_stop(l->heap[0]);
	bury(l);
	close_fd(&l->signal_fd);
	close_fd(&l->timer_fd);
	close_fd(&l->epoll_fd);
	free(l->heap);
	free(l);
}
