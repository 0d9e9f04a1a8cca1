/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "supervisor/spawn.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", NULL };

/* Literals as exec() wants to have them; it changes nothing. */
static char *const *words(const char *const *list)
{
	return (char *const *)list;
}

/* Runs argv with nothing on its stdin; its stdout, and its status. */
static int run(const struct spawn_params *p, char *out, size_t size)
{
	struct spawned s;
	struct err e = { 0 };
	ck_assert_msg(spawn(p, &s, &e) == 0, "%s", e.text);
	close_fd(&s.in_fd);
	ck_assert_int_ne(fcntl(s.out_fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fd_set_nonblock(s.out_fd, false), 0);
	size_t len = 0;
	ssize_t n;
	while (len + 1 < size && (n = fd_read(s.out_fd, out + len, size - len - 1)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close_fd(&s.out_fd);
	close_fd(&s.err_fd);
	int status = -1;
	ck_assert_int_eq(waitpid(s.pid, &status, 0), s.pid);
	return status;
}

static int fails(const struct spawn_params *p, struct err *e)
{
	struct spawned s = { .pid = 4711 };
	int r = spawn(p, &s, e);
	ck_assert_int_lt(r, 0);
	ck_assert_int_eq(s.pid, 4711); /* untouched */
	return r;
}

/* The value behind "Name:" in /proc/self/status's text. */
static const char *field(const char *status, const char *name)
{
	const char *at = strstr(status, name);
	ck_assert_ptr_nonnull(at);
	return at + strlen(name) + strspn(at + strlen(name), ":\t ");
}

static void make_file(char *path, const char *text, mode_t mode)
{
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fd_write_all(fd, text, strlen(text)), 0);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close_fd(&fd);
}

static size_t count_fds(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

START_TEST(bytes_go_through_stdin_and_come_from_stdout_and_stderr)
{
	const char *argv[] = { "sh", "-c", "read x; echo out $x; echo err $x >&2; exit 3", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	struct spawned s;
	ck_assert_int_eq(spawn(&p, &s, NULL), 0);
	ck_assert_int_eq(fd_write_all(s.in_fd, "hello\n", 6), 0);
	int status = 0;
	ck_assert_int_eq(waitpid(s.pid, &status, 0), s.pid);
	ck_assert_int_eq(WEXITSTATUS(status), 3);
	char buf[32] = { 0 };
	ck_assert_int_eq(fd_read(s.out_fd, buf, sizeof(buf)), 10);
	ck_assert_str_eq(buf, "out hello\n");
	ck_assert_int_eq(fd_read(s.err_fd, buf, sizeof(buf)), 10);
	ck_assert_str_eq(buf, "err hello\n");
	ck_assert_int_eq(fd_read(s.out_fd, buf, sizeof(buf)), 0);
}
END_TEST

START_TEST(the_child_has_an_empty_mask_and_default_dispositions)
{
	sigset_t all;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGRTMAX, SIG_IGN);
	const char *argv[] = { "cat", "/proc/self/status", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	char out[4096];
	ck_assert_int_eq(run(&p, out, sizeof(out)), 0);
	ck_assert_int_eq(strncmp(field(out, "SigBlk"), "0000000000000000", 16), 0);
	ck_assert_int_eq(strncmp(field(out, "SigIgn"), "0000000000000000", 16), 0);
	sigset_t now;
	(void)sigprocmask(SIG_BLOCK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGUSR1), 1); /* and ours is as it was */
}
END_TEST

START_TEST(the_child_has_descriptors_0_to_2_only)
{
	int leaked = dup2(0, 77); /* not close-on-exec: as inherited from who started us */
	ck_assert_int_eq(leaked, 77);
	const char *argv[] = { "ls", "/proc/self/fd", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	char out[256];
	ck_assert_int_eq(run(&p, out, sizeof(out)), 0);
	ck_assert_str_eq(out, "0\n1\n2\n3\n"); /* 3 is the directory that ls reads */
}
END_TEST

START_TEST(works_when_we_were_started_without_stdio)
{
	(void)close(0);
	(void)close(1);
	const char *argv[] = { "echo", "fine", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	char out[64];
	ck_assert_int_eq(run(&p, out, sizeof(out)), 0);
	ck_assert_str_eq(out, "fine\n");
}
END_TEST

START_TEST(a_piped_child_leads_a_session_an_inheriting_one_a_group)
{
	const char *argv[] = { "sleep", "100", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	struct spawned s;
	ck_assert_int_eq(spawn(&p, &s, NULL), 0);
	ck_assert_int_eq(getsid(s.pid), s.pid);
	(void)kill(s.pid, SIGKILL);
	p.stdio = SPAWN_INHERIT;
	ck_assert_int_eq(spawn(&p, &s, NULL), 0);
	ck_assert_int_eq(getsid(s.pid), getsid(0));
	ck_assert_int_eq(getpgid(s.pid), s.pid);
	ck_assert_int_eq(s.in_fd, -1);
	ck_assert_int_eq(s.out_fd, -1);
	ck_assert_int_eq(s.err_fd, -1);
	(void)kill(s.pid, SIGKILL);
	while (wait(NULL) > 0)
		;
}
END_TEST

START_TEST(the_child_has_its_directory_and_environment)
{
	const char *argv[] = { "sh", "-c", "pwd; echo $MARK; echo $HOME.", NULL };
	const char *const own[] = { "PATH=/bin", "MARK=seen", NULL };
	struct spawn_params p = {
		.argv = words(argv), .envp = words(own), .cwd = "/proc/sys", .tty_fd = -1
	};
	char out[128];
	ck_assert_int_eq(run(&p, out, sizeof(out)), 0);
	ck_assert_str_eq(out, "/proc/sys\nseen\n.\n");
}
END_TEST

START_TEST(the_childs_path_is_searched_and_not_ours)
{
	char dir[] = "/tmp/spawn-XXXXXX", file[64];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(file, sizeof(file), "%s/only-here-XXXXXX", dir);
	make_file(file, "#!/bin/sh\necho found\n", 0755);
	char path[64];
	(void)snprintf(path, sizeof(path), "PATH=/nonexistent:%s:/bin", dir);
	const char *const own[] = { path, NULL };
	const char *argv[] = { strrchr(file, '/') + 1, NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(own), .tty_fd = -1 };
	char out[32];
	ck_assert_int_eq(run(&p, out, sizeof(out)), 0);
	ck_assert_str_eq(out, "found\n");
	p.envp = words(env);
	struct err e = { 0 };
	ck_assert_int_eq(fails(&p, &e), -ENOENT);
	(void)unlink(file);
	(void)rmdir(dir);
}
END_TEST

START_TEST(a_program_that_is_nowhere_is_named_with_the_path_searched)
{
	const char *argv[] = { "npx-not-there", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	struct err e = { 0 };
	ck_assert_int_eq(fails(&p, &e), -ENOENT);
	ck_assert_int_eq(e.kind, SPAWN_NOT_FOUND);
	ck_assert_str_eq(
		e.text,
		"cannot run npx-not-there: not found in PATH (/usr/bin:/bin); install it in the image or give its full path");
	argv[0] = "/not/there";
	ck_assert_int_eq(fails(&p, &e), -ENOENT);
	ck_assert_int_eq(e.kind, SPAWN_NOT_FOUND);
	argv[0] = "";
	ck_assert_int_eq(fails(&p, &e), -ENOENT);
}
END_TEST

START_TEST(a_file_that_cannot_be_run_is_refused)
{
	char plain[] = "/tmp/spawn-XXXXXX", text[] = "/tmp/spawn-XXXXXX",
	     lost[] = "/tmp/spawn-XXXXXX";
	make_file(plain, "#!/bin/sh\n", 0644);
	make_file(text, "echo no interpreter named\n", 0755);
	make_file(lost, "#!/no/such/interpreter\n", 0755);
	const char *argv[] = { plain, NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	struct err e = { 0 };
	ck_assert_int_eq(fails(&p, &e), -EACCES);
	ck_assert_int_eq(e.kind, SPAWN_REFUSED);
	argv[0] = text;
	ck_assert_int_eq(fails(&p, &e), -ENOEXEC);
	ck_assert_int_eq(e.kind, SPAWN_REFUSED);
	argv[0] = lost;
	ck_assert_int_eq(fails(&p, &e), -ENOENT);
	ck_assert_int_eq(e.kind, SPAWN_REFUSED);
	ck_assert_ptr_nonnull(strstr(e.text, "interpreter"));
	argv[0] = "ls";
	p.cwd = "/not/there";
	ck_assert_int_eq(fails(&p, &e), -ENOENT);
	ck_assert_int_eq(e.kind, SPAWN_REFUSED);
	ck_assert_ptr_nonnull(strstr(e.text, "directory /not/there"));
	(void)unlink(plain);
	(void)unlink(text);
	(void)unlink(lost);
}
END_TEST

START_TEST(a_failure_leaves_no_descriptor_and_no_zombie)
{
	const char *argv[] = { "/not/there", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	size_t before = count_fds();
	for (int i = 0; i < 20; i++)
		(void)fails(&p, NULL);
	ck_assert_uint_eq(count_fds(), before);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

START_TEST(no_descriptor_to_be_had_is_worth_another_try)
{
	int last = -1, fd;
	while ((fd = dup(0)) >= 0)
		last = fd;
	(void)close(last); /* room for half a pipe */
	const char *argv[] = { "true", NULL };
	struct spawn_params p = { .argv = words(argv), .envp = words(env), .tty_fd = -1 };
	struct err e = { 0 };
	ck_assert_int_eq(fails(&p, &e), -EMFILE);
	ck_assert_int_eq(e.kind, SPAWN_BUSY);
	ck_assert_ptr_nonnull(strstr(e.text, "ulimit -n"));
}
END_TEST

START_TEST(a_user_brings_its_ids_and_groups)
{
	struct spawn_user u;
	ck_assert_int_eq(spawn_user_find("65534:4242", &u, NULL), 0);
	ck_assert_uint_eq(u.uid, 65534);
	ck_assert_uint_eq(u.gid, 4242);
	const char *argv[] = { "cat", "/proc/self/status", NULL };
	struct spawn_params p = {
		.argv = words(argv), .envp = words(env), .user = &u, .tty_fd = -1
	};
	if (geteuid() != 0) {
		struct err e = { 0 };
		ck_assert_int_eq(fails(&p, &e), -EPERM);
		ck_assert_int_eq(e.kind, SPAWN_REFUSED);
		spawn_user_done(&u);
		return;
	}
	const gid_t ours[] = { 0, 4343 };
	ck_assert_int_eq(setgroups(2, ours), 0);
	char out[4096];
	ck_assert_int_eq(run(&p, out, sizeof(out)), 0);
	ck_assert_int_eq(strncmp(field(out, "Uid"), "65534\t65534\t65534\t65534", 23), 0);
	ck_assert_int_eq(strncmp(field(out, "Gid"), "4242\t4242\t4242\t4242", 19), 0);
	ck_assert_int_eq(strncmp(field(out, "Groups"), "4242 \n", 6), 0); /* none of ours */
	spawn_user_done(&u);
}
END_TEST

START_TEST(users_are_found_by_name_and_number)
{
	struct spawn_user u;
	ck_assert_int_eq(spawn_user_find("root", &u, NULL), 0);
	ck_assert_uint_eq(u.uid, 0);
	ck_assert_uint_eq(u.gid, 0);
	ck_assert_uint_ge(u.n_groups, 1);
	spawn_user_done(&u);
	ck_assert_int_eq(spawn_user_find("12345", &u, NULL),
			 0); /* has no name: its own group only */
	ck_assert_uint_eq(u.gid, 12345);
	ck_assert_uint_eq(u.n_groups, 0);
	spawn_user_done(&u);
	ck_assert_int_eq(spawn_user_find("root:daemon", &u, NULL), 0);
	ck_assert_uint_eq(u.gid, 1);
	spawn_user_done(&u);
	struct err e = { 0 };
	ck_assert_int_eq(spawn_user_find("nobody-knows", &u, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "nobody-knows"));
	ck_assert_int_eq(spawn_user_find("root:nobody-knows", &u, &e), -ENOENT);
	ck_assert_int_eq(spawn_user_find("4294967295", &u, &e), -ENOENT);
	ck_assert_int_eq(spawn_user_find("", &u, &e), -ENOENT);
}
END_TEST

Suite *suite_supervisor_spawn(void);
Suite *suite_supervisor_spawn(void)
{
	Suite *s = suite_create("supervisor_spawn");
	TCase *c = tcase_create("all");
	tcase_add_test(c, bytes_go_through_stdin_and_come_from_stdout_and_stderr);
	tcase_add_test(c, the_child_has_an_empty_mask_and_default_dispositions);
	tcase_add_test(c, the_child_has_descriptors_0_to_2_only);
	tcase_add_test(c, works_when_we_were_started_without_stdio);
	tcase_add_test(c, a_piped_child_leads_a_session_an_inheriting_one_a_group);
	tcase_add_test(c, the_child_has_its_directory_and_environment);
	tcase_add_test(c, the_childs_path_is_searched_and_not_ours);
	tcase_add_test(c, a_program_that_is_nowhere_is_named_with_the_path_searched);
	tcase_add_test(c, a_file_that_cannot_be_run_is_refused);
	tcase_add_test(c, a_failure_leaves_no_descriptor_and_no_zombie);
	tcase_add_test(c, no_descriptor_to_be_had_is_worth_another_try);
	tcase_add_test(c, a_user_brings_its_ids_and_groups);
	tcase_add_test(c, users_are_found_by_name_and_number);
	suite_add_tcase(s, c);
	return s;
}
