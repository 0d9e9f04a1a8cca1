/* SPDX-License-Identifier: MIT */
#include "mcpctl/verbs.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const int signals[] = { SIGTERM, SIGINT };

START_TEST(a_signal_ends_it_at_once_with_128_and_its_number)
{
	char dir[] = "/tmp/connect.XXXXXX", path[64], request[256];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	struct sockaddr_un un;
	ck_assert_int_eq(wire_address(path, &un, NULL), 0);
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(listen(listening, 1), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char name[] = "fs", *args[] = { name, NULL };
		const struct cli c = { .where.option = path, .n_args = 1, .args = args };
		_exit(verb_connect(&c));
	}
	int fd = accept(listening, NULL, NULL);
	ck_assert_int_gt(read(fd, request, sizeof(request)), 0); /* and no answer ever comes */
	ck_assert_int_eq(kill(pid, signals[_i]), 0);
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), WIRE_EXIT_SIGNAL + signals[_i]);
	(void)close(fd);
	(void)close(listening);
	(void)unlink(path);
	(void)rmdir(dir);
}
END_TEST

Suite *suite_mcpctl_connect(void);
Suite *suite_mcpctl_connect(void)
{
	Suite *s = suite_create("mcpctl_connect");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, a_signal_ends_it_at_once_with_128_and_its_number, 0, 2);
	suite_add_tcase(s, c);
	return s;
}
