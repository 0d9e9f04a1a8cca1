/* SPDX-License-Identifier: MIT */
/*
 * loop: the one event loop: epoll for fds, one timerfd for all timers, one signalfd for all signals.
 * Rules:   everything is called from loop_run(), in one thread. A callback may free any watch or timer, its own
 *          too: what is freed is marked dead, later events of the same round skip it, memory goes at the round's end.
 * Units:   milliseconds of clock_ms(). A timer that fires is no longer armed. A timer at 0 is a deferred call:
 *          it runs in the next round, after the fds of this one. After a standstill (SIGSTOP, a frozen container) what
 *          came in meanwhile has 250 ms to be dealt with before any deadline counts.
 * Level-triggered: a callback reads until EAGAIN or its own budget; what is left is reported again.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>

struct err;
struct loop;
struct loop_io;
struct loop_timer;

enum { LOOP_IN = 1, LOOP_OUT = 2, LOOP_HUP = 4, LOOP_ERR = 8 };

typedef void loop_io_fn(void *ctx, unsigned ready);
typedef void loop_timer_fn(void *ctx);
typedef void loop_signal_fn(void *ctx, const struct signalfd_siginfo *si);

struct loop *loop_new(struct err *e);
/* All watches and timers must be gone or are freed here. */
void loop_free(struct loop *l);
/* Runs until loop_stop(); 0, or -errno when epoll itself fails. */
int loop_run(struct loop *l);
/* One round, waiting at most until the nearest timer (block) or not at all; for tests. */
int loop_round(struct loop *l, bool block);
void loop_stop(struct loop *l);

/*
 * Watches fd, which the caller owns and closes after loop_io_free(). events: LOOP_IN | LOOP_OUT; LOOP_HUP and LOOP_ERR
 * come without asking. A file that epoll refuses (regular) counts as always ready. NULL: e tells why.
 */
struct loop_io *loop_io_new(struct loop *l, int fd, unsigned events, loop_io_fn *fn, void *ctx,
			    struct err *e);
/* Watch for other events; 0 takes the fd out of epoll, so that a dead end cannot spin. */
int loop_io_want(struct loop_io *io, unsigned events);
void loop_io_free(struct loop_io *io);

struct loop_timer *loop_timer_new(struct loop *l, loop_timer_fn *fn, void *ctx);
void loop_timer_at(struct loop_timer *t, int64_t at_ms);
void loop_timer_in(struct loop_timer *t, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_is_armed(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t);

/* Blocks the signals of set for this process and hands each to fn. Once per loop. */
int loop_signals(struct loop *l, const sigset_t *set, loop_signal_fn *fn, void *ctx, struct err *e);

#endif
