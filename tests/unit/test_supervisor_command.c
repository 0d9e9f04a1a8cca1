/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "supervisor/command.h"
#include "supervisor/reap.h"
#include "supervisor/signals.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const char *const env[] = { "PATH=/usr/bin:/bin", NULL };

struct stage {
	struct reap *reap;
	struct command *command;
	int status; /* -1: runs */
};

static void on_exit_fn(void *ctx, int status)
{
	struct stage *s = ctx;
	s->status = status;
	command_free(take_ptr(&s->command)); /* which is allowed here */
}

static struct command *start_user(struct stage *s, const char *const *argv, const char *user,
				  int *status, struct err *e)
{
	signals_setup();
	sigset_t set;
	signals_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	*s = (struct stage){ .reap = reap_new(NULL), .status = -1 };
	struct command_params p = { .reap = s->reap,
				    .argv = (char *const *)argv,
				    .envp = env,
				    .user = user,
				    .on_exit = on_exit_fn,
				    .ctx = s };
	s->command = command_start(&p, status, e);
	return s->command;
}

static void start(struct stage *s, const char *script)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	int status;
	struct err e = { 0 };
	if (!start_user(s, argv, NULL, &status, &e))
		ck_abort_msg("%s", e.text);
}

/* Reaps as SIGCHLD comes until COMMAND has ended, or for at most this long. */
static void run(struct stage *s, int64_t at_most_ms)
{
	sigset_t chld;
	(void)sigemptyset(&chld);
	(void)sigaddset(&chld, SIGCHLD);
	int64_t end = clock_ms() + at_most_ms;
	while (s->status < 0 && clock_ms() < end) {
		struct timespec slice = { .tv_nsec = 20000000 };
		(void)sigtimedwait(&chld, NULL, &slice);
		reap_drain(s->reap);
	}
}

START_TEST(its_exit_code_is_the_status)
{
	struct stage s;
	start(&s, "exit 7");
	run(&s, 5000);
	ck_assert_int_eq(s.status, 7);
	reap_free(s.reap);
}
END_TEST

START_TEST(death_by_a_signal_is_128_and_the_signal)
{
	struct stage s;
	start(&s, "kill -9 $$");
	run(&s, 5000);
	ck_assert_int_eq(s.status, 128 + 9);
	reap_free(s.reap);
}
END_TEST

START_TEST(what_is_not_found_is_127_and_what_cannot_be_run_126)
{
	struct stage s;
	struct err e = { 0 };
	int status = 0;
	const char *missing[] = { "no-such-program", NULL };
	ck_assert_ptr_null(start_user(&s, missing, NULL, &status, &e));
	ck_assert_int_eq(status, 127);
	ck_assert_ptr_nonnull(strstr(e.text, "no-such-program: not found in PATH"));
	reap_free(s.reap);
	const char *directory[] = { "/tmp", NULL };
	ck_assert_ptr_null(start_user(&s, directory, NULL, &status, &e));
	ck_assert_int_eq(status, 126);
	reap_free(s.reap);
	const char *fine[] = { "true", NULL };
	ck_assert_ptr_null(start_user(&s, fine, "nobody-knows", &status, &e));
	ck_assert_int_eq(status, 126);
	ck_assert_ptr_nonnull(strstr(e.text, "nobody-knows"));
	reap_free(s.reap);
}
END_TEST

START_TEST(it_runs_as_the_user_given)
{
	if (geteuid() != 0)
		return;
	struct stage s;
	int status;
	const char *argv[] = { "sh", "-c", "test $(id -u):$(id -g) = 65534:65534", NULL };
	ck_assert_ptr_nonnull(start_user(&s, argv, "65534:65534", &status, NULL));
	run(&s, 5000);
	ck_assert_int_eq(s.status, 0);
	reap_free(s.reap);
}
END_TEST

START_TEST(a_signal_reaches_its_whole_group)
{
	int fds[2];
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(dup2(fds[1], 1), 1); /* its stdout is ours */
	struct stage s;
	start(&s,
	      "exec 2>/dev/null; (trap 'echo inner; exit' USR1; echo up; while :; do sleep 0.01; done) & "
	      "trap 'wait; echo outer; exit 4' USR1; wait");
	char text[64] = { 0 };
	ck_assert_int_eq(read(fds[0], text, 3), 3);
	(void)usleep(50000); /* the shell's second trap has no way to tell that it is set */
	command_signal(s.command, SIGUSR1);
	run(&s, 5000);
	ck_assert_int_eq(s.status, 4);
	ssize_t n = read(fds[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	ck_assert_str_eq(text, "inner\nouter\n");
	reap_free(s.reap);
}
END_TEST

START_TEST(a_stopped_one_is_continued_for_a_signal)
{
	struct stage s;
	start(&s, "kill -STOP $$; sleep 100");
	run(&s, 200);
	ck_assert_int_eq(s.status, -1); /* SIGSTOP was somebody's wish: it stands */
	command_signal(s.command, SIGTERM);
	run(&s, 5000);
	ck_assert_int_eq(s.status, 128 + SIGTERM);
	reap_free(s.reap);
}
END_TEST

START_TEST(one_that_stops_while_it_is_ending_is_continued)
{
	struct stage s;
	char up[64], script[256];
	(void)snprintf(up, sizeof(up), "/tmp/command-up.%d", (int)getpid());
	(void)snprintf(script, sizeof(script),
		       "trap 'kill -STOP $$; exit 3' TERM; : >%s; while :; do sleep 0.02; done",
		       up);
	start(&s, script);
	while (access(up, F_OK) < 0)
		(void)usleep(1000);
	ck_assert_int_eq(unlink(up), 0);
	command_signal(s.command, SIGTERM);
	run(&s, 5000);
	ck_assert_int_eq(s.status, 3);
	reap_free(s.reap);
}
END_TEST

START_TEST(freed_it_is_let_go_without_a_word)
{
	struct stage s;
	start(&s, "exit 1");
	command_free(s.command);
	run(&s, 100);
	ck_assert_int_eq(s.status, -1);
	ck_assert_uint_eq(reap_orphans(s.reap), 0);
	reap_free(s.reap);
}
END_TEST

/* --- on a terminal: each test runs as the leader of a session that has a terminal of its own -------- */

static int open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, name, sizeof(name)) != 0)
		return -1;
	(void)setsid();
	int slave = open(name, O_RDWR);
	if (slave < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return -1;
	for (int fd = 0; fd < 2; fd++)
		(void)dup2(slave, fd);
	return master;
}

static void expect(bool is_true, int mark)
{
	if (!is_true)
		_exit(mark);
}

/* Ctrl-Z by the terminal stops it; it goes on, in the foreground, and reads what is typed then. */
static void play_terminal(void)
{
	int master = open_terminal();
	expect(master >= 0, 10);
	struct stage s;
	start(&s, "echo up; read line; test \"$line\" = typed && exit 5");
	expect(tcgetpgrp(0) == command_pid(s.command), 11);
	char text[16];
	expect(read(master, text, 2) == 2, 12);
	expect(write(master, "\x1a", 1) == 1, 13);
	run(&s, 300);
	expect(s.status == -1, 14);
	expect(tcgetpgrp(0) == command_pid(s.command), 15);
	expect(write(master, "typed\n", 6) == 6, 16);
	run(&s, 5000);
	expect(s.status == 5, 17);
	expect(tcgetpgrp(0) == getpgrp(), 18); /* and we have it back */
	_exit(0);
}

/* Reading from the background stops it with SIGTTIN: it is given the terminal. */
static void play_background_read(void)
{
	int master = open_terminal();
	expect(master >= 0, 20);
	struct stage s;
	start(&s, "sleep 0.2; read line; exit 6");
	expect(tcsetpgrp(0, getpgrp()) == 0, 21); /* somebody took the terminal away */
	expect(write(master, "typed\n", 6) == 6, 22);
	run(&s, 5000);
	expect(s.status == 6, 23);
	_exit(0);
}

static int status_of(pid_t pid)
{
	int status = -1;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static void check_in_child(void (*play)(void))
{
	pid_t pid = fork();
	if (pid == 0)
		play();
	ck_assert_int_eq(status_of(pid), 0);
}

/* By a child between, because who has unshared pids cannot fork any more once their init is gone. */
static void check_as_pid_1(void (*play)(void))
{
	pid_t between = fork();
	if (between == 0) {
		if (unshare(CLONE_NEWPID) < 0)
			_exit(0); /* not permitted here; the container tests run it as PID 1 */
		pid_t init = fork();
		if (init == 0)
			play();
		_exit(status_of(init));
	}
	ck_assert_int_eq(status_of(between), 0);
}

START_TEST(as_pid_1_it_is_continued_when_the_terminal_stops_it)
{
	check_as_pid_1(play_terminal);
}
END_TEST

START_TEST(without_a_shell_it_is_continued_when_the_terminal_stops_it)
{
	check_in_child(play_terminal);
}
END_TEST

START_TEST(as_pid_1_it_gets_the_terminal_when_it_reads_from_behind)
{
	check_as_pid_1(play_background_read);
}
END_TEST

/* A shell's part: we are its job, stop along with COMMAND, and it brings us back with `fg`. */
static void play_shell(void)
{
	int master = open_terminal();
	expect(master >= 0, 30);
	(void)signal(SIGTTOU, SIG_IGN);
	pid_t job = fork();
	if (job == 0) {
		(void)setpgid(0, 0);
		(void)tcsetpgrp(0, getpid());
		struct stage s;
		start(&s, "echo up; read line; exit 5");
		run(&s, 10000);
		_exit(s.status);
	}
	char text[16];
	expect(read(master, text, 2) == 2, 31);
	expect(tcgetpgrp(0) != job, 32); /* COMMAND has it */
	expect(write(master, "\x1a", 1) == 1, 33);
	int status = 0;
	expect(waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status), 34);
	expect(tcsetpgrp(0, job) == 0 && kill(-job, SIGCONT) == 0, 35);
	for (int i = 0; i < 500 && tcgetpgrp(0) == job; i++)
		(void)usleep(10000);
	expect(tcgetpgrp(0) != job, 36);
	expect(write(master, "typed\n", 6) == 6, 37);
	expect(waitpid(job, &status, 0) == job && WEXITSTATUS(status) == 5, 38);
	_exit(0);
}

START_TEST(under_a_shell_we_stop_along_and_fg_brings_it_to_the_foreground)
{
	check_in_child(play_shell);
}
END_TEST

Suite *suite_supervisor_command(void);
Suite *suite_supervisor_command(void)
{
	Suite *s = suite_create("supervisor_command");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, its_exit_code_is_the_status);
	tcase_add_test(c, death_by_a_signal_is_128_and_the_signal);
	tcase_add_test(c, what_is_not_found_is_127_and_what_cannot_be_run_126);
	tcase_add_test(c, it_runs_as_the_user_given);
	tcase_add_test(c, a_signal_reaches_its_whole_group);
	tcase_add_test(c, a_stopped_one_is_continued_for_a_signal);
	tcase_add_test(c, one_that_stops_while_it_is_ending_is_continued);
	tcase_add_test(c, freed_it_is_let_go_without_a_word);
	tcase_add_test(c, as_pid_1_it_is_continued_when_the_terminal_stops_it);
	tcase_add_test(c, without_a_shell_it_is_continued_when_the_terminal_stops_it);
	tcase_add_test(c, as_pid_1_it_gets_the_terminal_when_it_reads_from_behind);
	tcase_add_test(c, under_a_shell_we_stop_along_and_fg_brings_it_to_the_foreground);
	suite_add_tcase(s, c);
	return s;
}
