/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t now_ms;
static int64_t fake_now(void)
{
	return now_ms;
}

struct trace {
	char text[64];
	size_t n;
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_io *victim;
	int fd;
};

struct mark {
	struct trace *t;
	char c;
};

static void note(struct trace *t, char c)
{
	t->text[t->n++] = c;
	t->text[t->n] = '\0';
}

static void note_mark(void *ctx)
{
	struct mark *m = ctx;
	note(m->t, m->c);
}

START_TEST(timers_fire_by_deadline_then_by_order_of_arming)
{
	clock_fake(fake_now);
	now_ms = 1000;
	struct trace t = { 0 };
	struct loop *l = loop_new(NULL);
	struct mark m[4] = { { &t, 'a' }, { &t, 'b' }, { &t, 'c' }, { &t, 'd' } };
	struct loop_timer *tm[4];
	for (int i = 0; i < 4; i++)
		tm[i] = loop_timer_new(l, note_mark, &m[i]);
	loop_timer_at(tm[0], 1030);
	loop_timer_at(tm[1], 1010);
	loop_timer_at(tm[2], 1010);
	loop_timer_at(tm[3], 1020);
	loop_timer_at(tm[3], 1005); /* moved */
	loop_round(l, false);
	ck_assert_str_eq(t.text, "");
	now_ms = 1015;
	loop_round(l, false);
	ck_assert_str_eq(t.text, "dbc");
	loop_timer_stop(tm[0]);
	now_ms = 2000;
	loop_round(l, false);
	ck_assert_str_eq(t.text, "dbc");
	for (int i = 0; i < 4; i++)
		loop_timer_free(tm[i]);
	loop_free(l);
	clock_fake(NULL);
}
END_TEST

static void hear(void *ctx, unsigned ready)
{
	struct trace *t = ctx;
	char c;
	(void)ready;
	ck_assert_int_eq(read(t->fd, &c, 1), 1);
	note(t, c);
}

START_TEST(after_a_standstill_what_came_in_is_heard_before_any_deadline_counts)
{
	clock_fake(fake_now);
	now_ms = 1000;
	struct trace t = { 0 };
	struct mark due = { &t, 'T' }, deferred = { &t, 'd' };
	int p[2];
	ck_assert_int_eq(pipe(p), 0);
	t.fd = p[0];
	struct loop *l = loop_new(NULL);
	struct loop_io *io = loop_io_new(l, p[0], LOOP_IN, hear, &t, NULL);
	struct loop_timer *tm[2] = { loop_timer_new(l, note_mark, &due),
				     loop_timer_new(l, note_mark, &deferred) };
	loop_timer_at(tm[0], 1500);
	loop_round(l, false);
	now_ms = 5000; /* where were we? */
	ck_assert_int_eq(write(p[1], "a", 1), 1);
	loop_round(l, true);
	ck_assert_str_eq(t.text, "a");
	loop_timer_at(tm[1], 0);
	loop_round(l, true);
	ck_assert_str_eq(t.text, "ad");
	now_ms = 5249;
	loop_round(l, false);
	ck_assert_str_eq(t.text, "ad");
	now_ms = 5250;
	loop_round(l, true);
	ck_assert_str_eq(t.text, "adT");
	loop_timer_free(tm[0]);
	loop_timer_free(tm[1]);
	loop_io_free(io);
	loop_free(l);
	(void)close(p[0]);
	(void)close(p[1]);
	clock_fake(NULL);
}
END_TEST

static void rearm(void *ctx)
{
	struct trace *t = ctx;
	note(t, 'x');
	if (t->n < 3)
		loop_timer_at(t->timer, 0);
}

START_TEST(a_timer_armed_for_now_by_a_callback_waits_for_the_next_round)
{
	struct trace t = { 0 };
	struct loop *l = loop_new(NULL);
	t.timer = loop_timer_new(l, rearm, &t);
	loop_timer_at(t.timer, 0);
	loop_round(l, true);
	ck_assert_str_eq(t.text, "x");
	loop_round(l, true);
	ck_assert_str_eq(t.text, "xx");
	loop_round(l, true);
	loop_round(l, false);
	ck_assert_str_eq(t.text, "xxx");
	loop_timer_free(t.timer);
	loop_free(l);
}
END_TEST

static void free_the_other(void *ctx, unsigned ready)
{
	struct trace *t = ctx;
	(void)ready;
	note(t, 'k');
	loop_io_free(t->victim);
	t->victim = NULL;
	char c;
	(void)!read(t->fd, &c, 1);
}

static void must_not_run(void *ctx, unsigned ready)
{
	(void)ctx;
	(void)ready;
	ck_abort_msg("an event of a freed watch was delivered");
}

START_TEST(a_watch_freed_in_the_same_round_hears_nothing)
{
	int p[2], q[2];
	ck_assert_int_eq(fd_pipe(p, 0), 0);
	ck_assert_int_eq(fd_pipe(q, 0), 0);
	struct loop *l = loop_new(NULL);
	struct trace t = { .loop = l, .fd = p[0] };
	struct loop_io *killer = loop_io_new(l, p[0], LOOP_IN, free_the_other, &t, NULL);
	ck_assert_int_eq(write(p[1], "x", 1), 1);
	/* Both ready in one round; epoll reports in the order of readiness, so the killer comes first. */
	t.victim = loop_io_new(l, q[0], LOOP_IN, must_not_run, &t, NULL);
	ck_assert_int_eq(write(q[1], "x", 1), 1);
	loop_round(l, true);
	ck_assert_str_eq(t.text, "k");
	loop_io_free(killer);
	loop_free(l);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
}
END_TEST

static void count_ready(void *ctx, unsigned ready)
{
	struct trace *t = ctx;
	note(t, (ready & LOOP_IN) ? 'r' : '?');
}

START_TEST(a_regular_file_counts_as_always_ready)
{
	struct loop *l = loop_new(NULL);
	struct trace t = { 0 };
	FILE *f = tmpfile();
	struct loop_io *io = loop_io_new(l, fileno(f), LOOP_IN, count_ready, &t, NULL);
	ck_assert_ptr_nonnull(io);
	loop_round(l, true);
	ck_assert_str_eq(t.text, "r");
	loop_io_want(io, 0);
	loop_round(l, false);
	ck_assert_str_eq(t.text, "r");
	loop_io_free(io);
	loop_free(l);
	fclose(f);
}
END_TEST

START_TEST(a_watch_that_wants_nothing_hears_no_hangup)
{
	int p[2];
	ck_assert_int_eq(fd_pipe(p, 0), 0);
	struct loop *l = loop_new(NULL);
	struct trace t = { 0 };
	struct loop_io *io = loop_io_new(l, p[0], LOOP_IN, count_ready, &t, NULL);
	loop_io_want(io, 0);
	close(p[1]);
	loop_round(l, false);
	ck_assert_str_eq(t.text, "");
	loop_io_free(io);
	loop_free(l);
	close(p[0]);
}
END_TEST

static void got_signal(void *ctx, const struct signalfd_siginfo *si)
{
	struct trace *t = ctx;
	note(t, si->ssi_signo == SIGUSR1 ? '1' : '2');
}

START_TEST(signals_arrive_in_the_loop)
{
	struct loop *l = loop_new(NULL);
	struct trace t = { 0 };
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ck_assert_int_eq(loop_signals(l, &set, got_signal, &t, NULL), 0);
	raise(SIGUSR1);
	loop_round(l, true);
	ck_assert_str_eq(t.text, "1");
	loop_free(l);
}
END_TEST

Suite *suite_base_loop(void);
Suite *suite_base_loop(void)
{
	Suite *s = suite_create("base_loop");
	TCase *c = tcase_create("all");
	tcase_add_test(c, timers_fire_by_deadline_then_by_order_of_arming);
	tcase_add_test(c, a_timer_armed_for_now_by_a_callback_waits_for_the_next_round);
	tcase_add_test(c, after_a_standstill_what_came_in_is_heard_before_any_deadline_counts);
	tcase_add_test(c, a_watch_freed_in_the_same_round_hears_nothing);
	tcase_add_test(c, a_regular_file_counts_as_always_ready);
	tcase_add_test(c, a_watch_that_wants_nothing_hears_no_hangup);
	tcase_add_test(c, signals_arrive_in_the_loop);
	suite_add_tcase(s, c);
	return s;
}
