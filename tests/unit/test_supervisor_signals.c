/* SPDX-License-Identifier: MIT */
#include "supervisor/signals.h"

#include <check.h>
#include <sys/wait.h>
#include <unistd.h>

struct row {
	int signo, si_code;
	enum sig_action with_command, without;
};

static const struct row rows[] = {
	{ SIGTERM, SI_USER, SIGNAL_SHUTDOWN, SIGNAL_SHUTDOWN },
	{ SIGINT, SI_USER, SIGNAL_FORWARD, SIGNAL_SHUTDOWN },
	{ SIGINT, SI_KERNEL, SIGNAL_FORWARD, SIGNAL_SHUTDOWN }, /* Ctrl-C */
	{ SIGQUIT, SI_USER, SIGNAL_FORWARD, SIGNAL_SHUTDOWN },
	{ SIGHUP, SI_USER, SIGNAL_FORWARD, SIGNAL_RELOAD },
	{ SIGHUP, SI_KERNEL, SIGNAL_SHUTDOWN, SIGNAL_SHUTDOWN },
	{ SIGUSR1, SI_USER, SIGNAL_FORWARD, SIGNAL_IGNORE },
	{ SIGUSR2, SI_USER, SIGNAL_FORWARD, SIGNAL_IGNORE },
	{ SIGWINCH, SI_KERNEL, SIGNAL_FORWARD, SIGNAL_IGNORE },
	{ SIGCONT, SI_USER, SIGNAL_FORWARD, SIGNAL_IGNORE },
	{ SIGTSTP, SI_USER, SIGNAL_FORWARD, SIGNAL_SUSPEND },
	{ SIGCHLD, CLD_EXITED, SIGNAL_REAP, SIGNAL_REAP },
	{ SIGPIPE, SI_USER, SIGNAL_IGNORE, SIGNAL_IGNORE },
	{ SIGTTIN, SI_KERNEL, SIGNAL_IGNORE, SIGNAL_IGNORE },
	{ SIGTTOU, SI_KERNEL, SIGNAL_IGNORE, SIGNAL_IGNORE },
};

START_TEST(each_signal_has_its_meaning_with_and_without_a_command)
{
	const struct row *r = &rows[_i];
	ck_assert_int_eq(signals_action(r->signo, r->si_code, true), r->with_command);
	ck_assert_int_eq(signals_action(r->signo, r->si_code, false), r->without);
}
END_TEST

START_TEST(real_time_signals_are_forwarded)
{
	ck_assert_int_eq(signals_action(SIGRTMIN + 3, SI_QUEUE, true), SIGNAL_FORWARD);
	ck_assert_int_eq(signals_action(SIGRTMIN + 3, SI_QUEUE, false), SIGNAL_IGNORE);
}
END_TEST

START_TEST(all_are_handled_but_those_a_fault_raises)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };
	sigset_t set;
	signals_set(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		ck_assert_int_eq(sigismember(&set, faults[i]), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_int_eq(sigismember(&set, rows[i].signo), 1);
	ck_assert_int_eq(sigismember(&set, SIGRTMAX), 1);
}
END_TEST

START_TEST(inherited_dispositions_are_undone)
{
	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	signals_setup();
	struct sigaction sa;
	ck_assert_int_eq(sigaction(SIGHUP, NULL, &sa), 0);
	ck_assert(sa.sa_handler == SIG_DFL);
	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &sa), 0);
	ck_assert(sa.sa_handler == SIG_IGN);
	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	int status = 0;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid); /* the kernel did not take it away */
	ck_assert_int_eq(WEXITSTATUS(status), 3);
}
END_TEST

START_TEST(suspend_stops_us_until_we_are_continued)
{
	/* The child's group is not orphaned: we are in its session, and outside its group. */
	pid_t pid = fork();
	if (pid == 0) {
		(void)setpgid(0, 0);
		signals_setup();
		sigset_t set;
		signals_set(&set);
		(void)sigprocmask(SIG_BLOCK, &set, NULL);
		signals_suspend();
		sigset_t now;
		(void)sigprocmask(SIG_BLOCK, NULL, &now);
		_exit(sigismember(&now, SIGTSTP) == 1 ? 7 : 8); /* blocked again */
	}
	int status = 0;
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
	ck_assert_int_eq(WSTOPSIG(status), SIGTSTP);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 7);
}
END_TEST

START_TEST(suspend_has_no_effect_where_nobody_could_continue_us)
{
	pid_t pid = fork();
	if (pid == 0) {
		(void)setsid(); /* its group is orphaned: no shell above */
		signals_setup();
		signals_suspend();
		_exit(7);
	}
	int status = 0;
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFEXITED(status));
}
END_TEST

Suite *suite_supervisor_signals(void);
Suite *suite_supervisor_signals(void)
{
	Suite *s = suite_create("supervisor_signals");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, each_signal_has_its_meaning_with_and_without_a_command, 0,
			    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(c, real_time_signals_are_forwarded);
	tcase_add_test(c, all_are_handled_but_those_a_fault_raises);
	tcase_add_test(c, inherited_dispositions_are_undone);
	tcase_add_test(c, suspend_stops_us_until_we_are_continued);
	tcase_add_test(c, suspend_has_no_effect_where_nobody_could_continue_us);
	suite_add_tcase(s, c);
	return s;
}
