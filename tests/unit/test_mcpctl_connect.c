/* SPDX-License-Identifier: MIT */
#include "mcpctl/verbs.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* `mcpctl connect fs` as a child process, and us as mcpinit: its request is read, not answered. */
struct rig {
	char dir[32], path[64];
	int listening, fd; /* fd: the connection */
	pid_t pid;
};

/* in: its stdin, or -1 for ours; not_its: closed in the child. */
static void rig_start(struct rig *r, int in, int not_its)
{
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/connect.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
	(void)snprintf(r->path, sizeof(r->path), "%s/socket", r->dir);
	struct sockaddr_un un;
	ck_assert_int_eq(wire_address(r->path, &un, NULL), 0);
	r->listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(r->listening, (struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(listen(r->listening, 1), 0);
	r->pid = fork();
	if (r->pid == 0) {
		char name[] = "fs", *args[] = { name, NULL };
		const struct cli c = { .where.option = r->path, .n_args = 1, .args = args };
		if (in >= 0)
			(void)dup2(in, STDIN_FILENO);
		(void)close(in);
		(void)close(not_its);
		_exit(verb_connect(&c));
	}
	char request[256];
	r->fd = accept(r->listening, NULL, NULL);
	ck_assert_int_gt(read(r->fd, request, sizeof(request)), 0);
}

static void rig_ends_with(struct rig *r, int exit_status)
{
	int status;
	ck_assert_int_eq(waitpid(r->pid, &status, 0), r->pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), exit_status);
	(void)close(r->fd);
	(void)close(r->listening);
	(void)unlink(r->path);
	(void)rmdir(r->dir);
}

static const int signals[] = { SIGTERM, SIGINT };

START_TEST(a_signal_ends_it_at_once_with_128_and_its_number)
{
	struct rig r;
	rig_start(&r, -1, -1);
	ck_assert_int_eq(kill(r.pid, signals[_i]), 0);
	rig_ends_with(&r, WIRE_EXIT_SIGNAL + signals[_i]);
}
END_TEST

/* stdin is a pipe, or a socket as node makes one; nothing of what it says is taken. */
START_TEST(the_end_of_stdin_is_seen_while_the_session_takes_nothing)
{
	int ends[2];
	ck_assert_int_eq(_i ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
	struct rig r;
	rig_start(&r, ends[0], ends[1]);
	(void)close(ends[0]);
	static const char answer[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n";
	ck_assert_int_eq(write(r.fd, answer, sizeof(answer) - 1), sizeof(answer) - 1);

	static char bytes[64 * 1024];
	memset(bytes, 'x', sizeof(bytes));
	ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	struct pollfd p = { .fd = ends[1], .events = POLLOUT };
	while (poll(&p, 1, 300) > 0) /* until all that is between us is full */
		ck_assert_int_gt(write(ends[1], bytes, sizeof(bytes)), 0);
	(void)close(ends[1]);
	rig_ends_with(&r, WIRE_EXIT_OK);
}
END_TEST

Suite *suite_mcpctl_connect(void);
Suite *suite_mcpctl_connect(void)
{
	Suite *s = suite_create("mcpctl_connect");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, a_signal_ends_it_at_once_with_128_and_its_number, 0, 2);
	tcase_add_loop_test(c, the_end_of_stdin_is_seen_while_the_session_takes_nothing, 0, 2);
	tcase_set_timeout(c, 30); /* it waits for answers, 1.5 s */
	suite_add_tcase(s, c);
	return s;
}
