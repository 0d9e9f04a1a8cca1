/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "supervisor/reap.h"

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ORPHANS = 500 };

struct seen {
	struct reap *reap;
	int exits, stops, drains;
	pid_t pid;
	int status;
	bool wants_another;
};

static void on_exit_fn(void *ctx, pid_t pid, int status);

static pid_t start(int code)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(code);
	return pid;
}

static void on_exit_fn(void *ctx, pid_t pid, int status)
{
	struct seen *s = ctx;
	s->exits++;
	s->pid = pid;
	s->status = status;
	if (s->wants_another) {
		s->wants_another = false;
		ck_assert_int_eq(reap_watch(s->reap, start(9), on_exit_fn, s), 0);
	}
}

static void on_stop_fn(void *ctx, pid_t pid, int status)
{
	struct seen *s = ctx;
	s->stops++;
	s->pid = pid;
	s->status = status;
}

static void on_drained(void *ctx)
{
	((struct seen *)ctx)->drains++;
}

/* Until something has happened to a child, without reaping it. */
static void await(int what)
{
	siginfo_t si;
	ck_assert_int_eq(waitid(P_ALL, 0, &si, what | WNOWAIT), 0);
}

START_TEST(an_exit_comes_once_to_who_watches_that_pid)
{
	struct reap *r = reap_new(NULL);
	struct seen a = { .reap = r }, b = { .reap = r };
	pid_t pid = start(3);
	ck_assert_int_eq(reap_watch(r, pid, on_exit_fn, &a), 0);
	ck_assert_int_eq(reap_watch(r, pid + 256, on_exit_fn, &b), 0); /* same bucket */
	await(WEXITED);
	reap_drain(r);
	reap_drain(r);
	ck_assert_int_eq(a.exits, 1);
	ck_assert_int_eq(a.pid, pid);
	ck_assert_int_eq(WEXITSTATUS(a.status), 3);
	ck_assert_int_eq(b.exits, 0);
	ck_assert_uint_eq(reap_orphans(r), 0);
	reap_free(r);
}
END_TEST

START_TEST(a_forgotten_child_is_reaped_in_silence)
{
	struct reap *r = reap_new(NULL);
	struct seen s = { .reap = r };
	pid_t pid = start(0);
	ck_assert_int_eq(reap_watch(r, pid, on_exit_fn, &s), 0);
	reap_forget(r, pid);
	reap_forget(r, pid + 1);
	await(WEXITED);
	ck_assert(reap_has_children());
	reap_drain(r);
	ck_assert(!reap_has_children());
	ck_assert_int_eq(s.exits, 0);
	ck_assert_uint_eq(reap_orphans(r), 0);
	reap_free(r);
}
END_TEST

START_TEST(a_callback_may_start_the_next_child)
{
	struct reap *r = reap_new(NULL);
	struct seen s = { .reap = r, .wants_another = true };
	ck_assert_int_eq(reap_watch(r, start(1), on_exit_fn, &s), 0);
	while (s.exits < 2) {
		await(WEXITED);
		reap_drain(r);
	}
	ck_assert_int_eq(WEXITSTATUS(s.status), 9);
	reap_free(r);
}
END_TEST

START_TEST(stops_are_told_to_who_asked_for_them_only)
{
	struct reap *r = reap_new(NULL);
	struct seen s = { .reap = r };
	pid_t pid = fork();
	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(reap_watch(r, pid, on_exit_fn, &s), 0);
	(void)kill(pid, SIGSTOP);
	await(WSTOPPED);
	reap_drain(r);
	ck_assert_int_eq(s.stops, 0);
	(void)kill(pid, SIGCONT);
	await(WCONTINUED);
	reap_drain(r);
	reap_on_stop(r, pid, on_stop_fn);
	(void)kill(pid, SIGSTOP);
	await(WSTOPPED);
	reap_drain(r);
	ck_assert_int_eq(s.stops, 1);
	ck_assert(WIFSTOPPED(s.status));
	(void)kill(pid, SIGKILL);
	await(WEXITED);
	reap_drain(r);
	ck_assert_int_eq(s.exits, 1);
	ck_assert_int_eq(WTERMSIG(s.status), SIGKILL);
	reap_free(r);
}
END_TEST

static bool is_zombie(pid_t pid)
{
	char path[32], *text = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	ck_assert_int_eq(fd_read_file(path, 4096, &text, NULL, NULL), 0);
	bool is = strncmp(strrchr(text, ')'), ") Z", 3) == 0;
	free(text);
	return is;
}

/* A child of ours that leaves ORPHANS behind; each says its pid and dies when the gate is closed. */
static pid_t start_family(int pids_fd, const int gate[2])
{
	pid_t parent = fork();
	if (parent != 0)
		return parent;
	(void)close(gate[1]);
	for (int i = 0; i < ORPHANS; i++) {
		if (fork() == 0) {
			pid_t self = getpid();
			(void)!write(pids_fd, &self, sizeof(self));
			char c;
			(void)!read(gate[0], &c, 1);
			_exit(0);
		}
	}
	_exit(5);
}

START_TEST(hundreds_of_orphans_are_reaped_in_one_drain)
{
	int pids[2], gate[2];
	ck_assert_int_eq(reap_become_subreaper(NULL), 0);
	ck_assert_int_eq(pipe(pids), 0);
	ck_assert_int_eq(pipe(gate), 0);
	struct reap *r = reap_new(NULL);
	struct seen s = { .reap = r };
	reap_on_drained(r, on_drained, &s);
	ck_assert_int_eq(reap_watch(r, start_family(pids[1], gate), on_exit_fn, &s), 0);
	pid_t orphans[ORPHANS];
	for (int i = 0; i < ORPHANS; i++)
		ck_assert_int_eq(read(pids[0], &orphans[i], sizeof(pid_t)), sizeof(pid_t));
	(void)close(gate[1]);
	for (int i = 0; i < ORPHANS; i++) {
		while (!is_zombie(orphans[i]))
			(void)usleep(1000);
	}
	int64_t before = clock_ms();
	reap_drain(r);
	ck_assert_int_lt(clock_ms() - before, 300);
	ck_assert_uint_eq(reap_orphans(r), ORPHANS);
	ck_assert_int_eq(s.exits, 1);
	ck_assert_int_eq(WEXITSTATUS(s.status), 5);
	ck_assert_int_eq(s.drains, 1);
	ck_assert(!reap_has_children());
	reap_free(r);
}
END_TEST

Suite *suite_supervisor_reap(void);
Suite *suite_supervisor_reap(void)
{
	Suite *s = suite_create("supervisor_reap");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, an_exit_comes_once_to_who_watches_that_pid);
	tcase_add_test(c, a_forgotten_child_is_reaped_in_silence);
	tcase_add_test(c, a_callback_may_start_the_next_child);
	tcase_add_test(c, stops_are_told_to_who_asked_for_them_only);
	tcase_add_test(c, hundreds_of_orphans_are_reaped_in_one_drain);
	suite_add_tcase(s, c);
	return s;
}
