/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "base/loop.h"
#include "mcpctl/doctor/path.h"
#include "mcpctl/doctor/program.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct loop *loop;
	struct programs *all;
	int n_done, status;
	char out[64], err[64];
} t;

static void on_signal(void *ctx, const struct signalfd_siginfo *si)
{
	(void)ctx;
	(void)si;
	programs_reap(t.all);
}

static void on_done(void *ctx, const struct program_result *r)
{
	(void)ctx;
	t.n_done++;
	t.status = r->status;
	(void)snprintf(t.out, sizeof(t.out), "%s", r->out);
	(void)snprintf(t.err, sizeof(t.err), "%s", r->err);
}

static void setup(void)
{
	sigset_t set;
	memset(&t, 0, sizeof(t));
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	t.loop = loop_new(NULL);
	t.all = programs_new(t.loop);
	ck_assert_int_eq(loop_signals(t.loop, &set, on_signal, NULL, NULL), 0);
}

static void teardown(void)
{
	programs_free(t.all);
	loop_free(t.loop);
}

static int run(const char *script, int64_t deadline_ms)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct program_params p = { .argv = argv,
					  .deadline_ms = deadline_ms,
					  .on_done = on_done };
	return programs_run(t.all, &p);
}

static void wait_done(int n)
{
	while (t.n_done < n)
		ck_assert_int_eq(loop_round(t.loop, true), 0);
}

START_TEST(a_program_says_what_it_printed_and_how_it_ended)
{
	ck_assert_int_eq(run("echo one; echo two >&2; read x || exit 3", 5000), 0);
	wait_done(1);
	ck_assert_int_eq(t.status, 3);
	ck_assert_str_eq(t.out, "one");
	ck_assert_str_eq(t.err, "two");
	ck_assert_int_eq(run("kill -9 $$", 5000), 0);
	wait_done(2);
	ck_assert_int_eq(t.status, 128 + SIGKILL);
}
END_TEST

START_TEST(at_its_deadline_it_is_killed_with_its_children)
{
	ck_assert_int_eq(run("echo begun; sleep 100 & sleep 100", 100), 0);
	int64_t start = clock_ms();
	wait_done(1);
	ck_assert_int_lt(clock_ms() - start, 5000);
	ck_assert_int_eq(t.status, -1);
}
END_TEST

START_TEST(what_cannot_be_started_is_told_at_once)
{
	const char *const argv[] = { "/no/such/program", NULL };
	const struct program_params p = { .argv = argv, .deadline_ms = 1000, .on_done = on_done };
	ck_assert_int_eq(programs_run(t.all, &p), -ENOENT);
	ck_assert_int_eq(t.n_done, 0);
}
END_TEST

START_TEST(a_program_in_path_is_found)
{
	(void)setenv("PATH", "/no/such:/bin:/usr/bin", 1);
	char *path = path_find("sh");
	ck_assert_str_eq(path, "/bin/sh");
	free(path);
	ck_assert_ptr_null(path_find("no-such-program"));
	(void)setenv("PATH", "/", 1);
	ck_assert_ptr_null(path_find("etc")); /* a directory */
	(void)setenv("PATH", "", 1);
	ck_assert_ptr_null(path_find("sh"));
}
END_TEST

Suite *suite_mcpctl_doctor_program(void);
Suite *suite_mcpctl_doctor_program(void)
{
	Suite *s = suite_create("mcpctl_doctor_program");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_program_says_what_it_printed_and_how_it_ended);
	tcase_add_test(c, at_its_deadline_it_is_killed_with_its_children);
	tcase_add_test(c, what_cannot_be_started_is_told_at_once);
	tcase_add_test(c, a_program_in_path_is_found);
	suite_add_tcase(s, c);
	return s;
}
