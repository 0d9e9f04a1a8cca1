/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "base/loop.h"
#include "base/stream.h"
#include "supervisor/child.h"
#include "supervisor/reap.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct supervisor sv;
static struct child *child;
static struct stream *stdio;
static size_t n_err, n_err_at_exit;
static int exits, status_seen;
static char out[256];

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	(void)ctx;
	(void)bytes;
	n_err += n;
}

static void on_exit_told(void *ctx, int status)
{
	(void)ctx;
	exits++;
	status_seen = status;
	n_err_at_exit = n_err;
	ssize_t n = stream_read(stdio, out, sizeof(out) - 1);
	out[n > 0 ? n : 0] = '\0';
}

static const struct child_cb cb = { on_stderr, on_exit_told };

static void run(const char *script)
{
	struct err e = { 0 };
	char sh[] = "/bin/sh", minus_c[] = "-c", path[] = "PATH=/usr/bin:/bin";
	char *argv[] = { sh, minus_c, (char *)script, NULL };
	char *envp[] = { path, NULL };
	struct spawn_params p = { .argv = argv, .envp = envp, .stdio = SPAWN_PIPES, .tty_fd = -1 };
	sv = (struct supervisor){ .loop = loop_new(&e), .reap = reap_new(&e) };
	child = child_new(&sv, &p, &cb, NULL, &stdio, &e);
	ck_assert_msg(child != NULL, "%s", e.text);
}

static void until_exit(void)
{
	for (int i = 0; i < 5000 && exits == 0; i++) {
		ck_assert_int_eq(loop_round(sv.loop, false), 0);
		reap_drain(sv.reap);
		(void)usleep(1000);
	}
	ck_assert_int_eq(exits, 1);
}

static void done(void)
{
	stream_free(stdio);
	child_free(child);
	reap_free(sv.reap);
	loop_free(sv.loop);
}

START_TEST(what_it_wrote_last_is_read_before_its_exit_is_told)
{
	run("echo said; head -c 60000 /dev/zero >&2; exit 3");
	until_exit();
	ck_assert_uint_eq(n_err_at_exit, 60000);
	ck_assert_str_eq(out, "said\n");
	ck_assert_int_eq(WEXITSTATUS(status_seen), 3);
	ck_assert_int_eq(child_pid(child), 0);
	child_signal(child, SIGKILL); /* harmless now */
	done();
}
END_TEST

static bool is_gone(pid_t pid)
{
	(void)waitpid(pid, NULL, WNOHANG); /* if it has become ours */
	return kill(pid, 0) < 0 && errno == ESRCH;
}

START_TEST(what_it_leaves_in_its_group_ends_with_it)
{
	ck_assert_int_eq(reap_become_subreaper(NULL), 0);
	run("sleep 100 & echo $!");
	until_exit();
	pid_t left = atoi(out);
	ck_assert_int_gt(left, 1);
	for (int i = 0; i < 1000 && !is_gone(left); i++)
		(void)usleep(1000);
	ck_assert(is_gone(left));
	done();
}
END_TEST

START_TEST(freed_early_it_is_killed_and_nothing_is_told)
{
	run("trap '' TERM; sleep 100");
	pid_t pid = child_pid(child);
	stream_free(stdio);
	child_free(child);
	for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++) {
		ck_assert_int_eq(loop_round(sv.loop, false), 0);
		reap_drain(sv.reap);
		(void)usleep(1000);
	}
	ck_assert_int_lt(kill(pid, 0), 0);
	ck_assert_int_eq(exits, 0);
	ck_assert_uint_eq(reap_orphans(sv.reap), 0); /* it was ours */
	reap_free(sv.reap);
	loop_free(sv.loop);
}
END_TEST

START_TEST(signals_are_known_by_name_and_by_number)
{
	ck_assert_int_eq(child_signal_of("SIGTERM"), SIGTERM);
	ck_assert_int_eq(child_signal_of("int"), SIGINT);
	ck_assert_int_eq(child_signal_of("9"), SIGKILL);
	ck_assert_int_eq(child_signal_of("0"), 0);
	ck_assert_int_eq(child_signal_of("999"), 0);
	ck_assert_int_eq(child_signal_of("SIGNOTHING"), 0);
}
END_TEST

Suite *suite_supervisor_child(void);
Suite *suite_supervisor_child(void)
{
	Suite *s = suite_create("supervisor_child");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 20);
	tcase_add_test(c, what_it_wrote_last_is_read_before_its_exit_is_told);
	tcase_add_test(c, what_it_leaves_in_its_group_ends_with_it);
	tcase_add_test(c, freed_early_it_is_killed_and_nothing_is_told);
	tcase_add_test(c, signals_are_known_by_name_and_by_number);
	suite_add_tcase(s, c);
	return s;
}
