/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/loop.h"
#include "supervisor/orphans.h"
#include "supervisor/reap.h"

#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct stage {
	struct loop *loop;
	struct reap *reap;
	struct orphans *orphans;
	int done;
};

static void on_signal(void *ctx, const struct signalfd_siginfo *si)
{
	struct stage *s = ctx;
	if (si->ssi_signo == SIGCHLD)
		reap_drain(s->reap);
}

static void on_done(void *ctx)
{
	struct stage *s = ctx;
	s->done++;
	orphans_free(s->orphans);
	loop_stop(s->loop);
}

static void set_up(struct stage *s)
{
	*s = (struct stage){ .loop = loop_new(NULL), .reap = reap_new(NULL) };
	sigset_t chld;
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	ck_assert_int_eq(loop_signals(s->loop, &chld, on_signal, s, NULL), 0);
}

static void tear_down(struct stage *s)
{
	reap_free(s->reap);
	loop_free(s->loop);
}

/* How long the end took. */
static int64_t end(struct stage *s, int64_t grace_ms)
{
	struct orphans_params p = {
		.loop = s->loop, .reap = s->reap, .grace_ms = grace_ms, .on_done = on_done, .ctx = s
	};
	int64_t begin = clock_ms();
	s->orphans = orphans_end(&p, NULL);
	ck_assert_ptr_nonnull(s->orphans);
	ck_assert_int_eq(s->done, 0); /* never before the loop goes on */
	ck_assert_int_eq(loop_run(s->loop), 0);
	ck_assert_int_eq(s->done, 1);
	return clock_ms() - begin;
}

/*
 * A child with a child in a session of its own, and a grandchild below that; all ready when this returns. Each of them
 * ignores SIGTERM if told so, and the middle one is stopped if told so.
 */
static void start_family(bool ignores_term, bool is_stopped)
{
	int ready[2];
	ck_assert_int_eq(pipe(ready), 0);
	if (fork() == 0) {
		(void)signal(SIGTERM, ignores_term ? SIG_IGN : SIG_DFL);
		sigset_t none;
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		if (fork() == 0) {
			(void)setsid();
			if (fork() == 0) {
				(void)close(ready[1]);
				for (;;)
					(void)pause();
			}
			if (is_stopped) {
				(void)close(ready[1]);
				(void)raise(SIGSTOP);
			}
		}
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	char c;
	ck_assert_int_eq(read(ready[0], &c, 1), 0);
	(void)close(ready[0]);
}

START_TEST(nothing_left_is_done_at_once)
{
	struct stage s;
	set_up(&s);
	ck_assert_int_lt(end(&s, 5000), 1000);
	tear_down(&s);
}
END_TEST

START_TEST(all_descendants_get_sigterm_and_the_end_does_not_wait_for_the_grace)
{
	struct stage s;
	ck_assert_int_eq(reap_become_subreaper(NULL), 0);
	set_up(&s);
	start_family(false, false);
	ck_assert_int_lt(end(&s, 20000), 10000);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_uint_eq(reap_orphans(s.reap), 3);
	tear_down(&s);
}
END_TEST

START_TEST(a_stopped_one_dies_of_sigterm_too)
{
	struct stage s;
	ck_assert_int_eq(reap_become_subreaper(NULL), 0);
	set_up(&s);
	start_family(false, true);
	ck_assert_int_lt(end(&s, 20000), 10000);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	tear_down(&s);
}
END_TEST

START_TEST(who_ignores_sigterm_is_killed_after_the_grace)
{
	struct stage s;
	ck_assert_int_eq(reap_become_subreaper(NULL), 0);
	set_up(&s);
	start_family(true, false);
	int64_t took = end(&s, 200);
	ck_assert_int_ge(took, 200);
	ck_assert_int_lt(took, 5000);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_uint_eq(reap_orphans(s.reap), 3);
	tear_down(&s);
}
END_TEST

static void hurry(void *ctx)
{
	struct stage *s = ctx;
	orphans_hurry(s->orphans);
}

START_TEST(hurried_there_is_no_grace)
{
	struct stage s;
	ck_assert_int_eq(reap_become_subreaper(NULL), 0);
	set_up(&s);
	start_family(true, false);
	struct loop_timer *soon = loop_timer_new(s.loop, hurry, &s);
	loop_timer_in(soon, 50);
	ck_assert_int_lt(end(&s, 20000), 10000);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	loop_timer_free(soon);
	tear_down(&s);
}
END_TEST

static void as_pid_1(void)
{
	struct stage s;
	set_up(&s);
	start_family(true, false);
	int64_t took = end(&s, 100);
	bool is_good = getpid() == 1 && took >= 100 && took < 5000 && !reap_has_children();
	tear_down(&s);
	_exit(is_good ? 0 : 1);
}

static int status_of(pid_t pid)
{
	int status = -1;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(as_pid_1_the_whole_namespace_is_ended)
{
	/* By a child between, because who has unshared pids cannot fork any more once their init is gone. */
	pid_t between = fork();
	if (between == 0) {
		if (unshare(CLONE_NEWPID) < 0)
			_exit(0); /* not permitted here; the container tests run it as PID 1 */
		pid_t init = fork();
		if (init == 0)
			as_pid_1();
		_exit(status_of(init) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(status_of(between), 0);
}
END_TEST

Suite *suite_supervisor_orphans(void);
Suite *suite_supervisor_orphans(void)
{
	Suite *s = suite_create("supervisor_orphans");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, nothing_left_is_done_at_once);
	tcase_add_test(c, all_descendants_get_sigterm_and_the_end_does_not_wait_for_the_grace);
	tcase_add_test(c, a_stopped_one_dies_of_sigterm_too);
	tcase_add_test(c, who_ignores_sigterm_is_killed_after_the_grace);
	tcase_add_test(c, hurried_there_is_no_grace);
	tcase_add_test(c, as_pid_1_the_whole_namespace_is_ended);
	suite_add_tcase(s, c);
	return s;
}
