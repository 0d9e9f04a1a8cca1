/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "base/loop.h"
#include "base/stream.h"
#include "stdio/fifo.h"
#include "supervisor/rundir.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *loop;
static struct fifo_set *set;
static char top[64], run[96], control[96];
static struct rundir *rd;

static void setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	snprintf(top, sizeof(top), "/tmp/test_rundir.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(top));
	chmod(top, 0755);
	snprintf(run, sizeof(run), "%s/mcp", top);
	snprintf(control, sizeof(control), "%s/mcpinit", top);
	loop = loop_new(NULL);
	set = fifo_set_new(loop, NULL);
	rd = NULL;
}

static void teardown(void)
{
	rundir_close(rd);
	fifo_set_free(set);
	loop_free(loop);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	ck_assert_int_eq(system(command), 0);
}

static void open_rundir(void)
{
	struct err e = { 0 };
	int r = rundir_open(run, control, &rd, &e);
	ck_assert_msg(r == 0, "%s", e.text);
}

static void add_agent(const char *name, int64_t uid, int64_t gid, bool is_group)
{
	struct rundir_agent a = { .name = name, .uid = uid, .gid = gid, .is_group = is_group };
	struct err e = { 0 };
	int r = rundir_agent(rd, &a, &e);
	ck_assert_msg(r == 0, "%s", e.text);
}

static struct stream *add_pipes(const char *agent, const char *server)
{
	struct err e = { 0 };
	struct stream *s = rundir_pipes(rd, set, agent, server, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	return s;
}

static struct stat stat_of(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", run, name);
	struct stat st = { 0 };
	(void)lstat(path, &st);
	return st;
}

static bool is_there(const char *name)
{
	return stat_of(name).st_mode != 0;
}

static void make(const char *name, mode_t type)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", run, name);
	if (type == S_IFDIR) {
		ck_assert_int_eq(mkdir(path, 0750), 0);
	} else if (type == S_IFSOCK) {
		struct sockaddr_un sa = { .sun_family = AF_UNIX };
		snprintf(sa.sun_path, sizeof(sa.sun_path), "%.100s", path);
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
		close(fd);
	} else {
		ck_assert_int_eq(mknod(path, type | 0600, 0), 0);
	}
}

START_TEST(an_agent_owns_its_pipes_and_may_only_enter_its_directories)
{
	bool is_root = geteuid() == 0;
	umask(0077);
	open_rundir();
	add_agent("default", -1, is_root ? 2000 : -1, true);
	add_agent("planner", is_root ? 1001 : -1, is_root ? 1002 : -1, false);
	struct stream *a = add_pipes("default", "git"), *b = add_pipes("planner", "git");
	ck_assert_uint_eq(stat_of("").st_mode, S_IFDIR | 0755);
	static const char *const dirs[] = { "default", "default/git", "planner", "planner/git" };
	for (int i = 0; i < 4; i++) {
		struct stat st = stat_of(dirs[i]);
		ck_assert_uint_eq(st.st_mode, S_IFDIR | 0750);
		ck_assert_uint_eq(st.st_uid, geteuid());
		if (is_root)
			ck_assert_uint_eq(st.st_gid, i < 2 ? 2000 : 1002);
	}
	ck_assert_uint_eq(stat_of("default/git/in").st_mode, S_IFIFO | 0660);
	ck_assert_uint_eq(stat_of("planner/git/out").st_mode, S_IFIFO | 0600);
	if (is_root) {
		ck_assert_uint_eq(stat_of("default/git/out").st_uid, 0);
		ck_assert_uint_eq(stat_of("default/git/out").st_gid, 2000);
		ck_assert_uint_eq(stat_of("planner/git/in").st_uid, 1001);
	}
	make("planner/agent.sock", S_IFSOCK);
	ck_assert_int_eq(rundir_own_socket(rd, "planner", NULL), 0);
	ck_assert_uint_eq(stat_of("planner/agent.sock").st_mode, S_IFSOCK | 0600);
	if (is_root)
		ck_assert_uint_eq(stat_of("planner/agent.sock").st_uid, 1001);
	stream_free(a);
	stream_free(b);
}
END_TEST

START_TEST(closing_removes_all_that_was_made)
{
	open_rundir();
	add_agent("default", -1, -1, false);
	struct stream *s = add_pipes("default", "git");
	make("default/agent.sock", S_IFSOCK);
	stream_free(s);
	ck_assert(!is_there("default/git/in"));
	rundir_close(rd);
	rd = NULL;
	ck_assert(!is_there(""));
	ck_assert_int_eq(access(control, F_OK), -1);
}
END_TEST

START_TEST(a_directory_that_was_there_before_stays_and_so_do_foreign_files)
{
	mkdir(run, 0755);
	make("notes", S_IFREG);
	open_rundir();
	add_agent("default", -1, -1, false);
	make("default/keep", S_IFREG);
	rundir_close(rd);
	rd = NULL;
	ck_assert(is_there("notes"));
	ck_assert(is_there("default/keep"));
}
END_TEST

START_TEST(a_second_one_is_refused_and_told_who_has_it)
{
	open_rundir();
	struct rundir *second = NULL;
	struct err e = { 0 };
	ck_assert_int_eq(rundir_open(run, control, &second, &e), -EBUSY);
	char who[32];
	snprintf(who, sizeof(who), "process %d;", (int)getpid());
	ck_assert_msg(strstr(e.text, run) && strstr(e.text, who), "%s", e.text);
	ck_assert_ptr_null(second);
	rundir_close(rd);
	rd = NULL;
	open_rundir();
}
END_TEST

START_TEST(left_overs_of_an_earlier_life_are_removed_and_nothing_else)
{
	mkdir(run, 0755);
	make("gone", S_IFDIR); /* an agent that is not in the configuration any more */
	make("gone/agent.sock", S_IFSOCK);
	make("gone/git", S_IFDIR);
	make("gone/git/in", S_IFIFO);
	make("gone/git/out", S_IFIFO);
	make("default", S_IFDIR);
	make("default/agent.sock", S_IFSOCK);
	make("default/old", S_IFDIR); /* a server that is not */
	make("default/old/in", S_IFIFO);
	make("default/empty", S_IFDIR);
	make("default/git", S_IFDIR); /* and one that is */
	make("default/git/in", S_IFIFO);
	make("docker.sock", S_IFSOCK); /* others may live here too */
	make("initctl", S_IFIFO);
	make("lock", S_IFDIR);
	make("lock/sub", S_IFDIR);
	make("other", S_IFDIR);
	make("other/x.sock", S_IFSOCK);
	make("kept", S_IFDIR);
	make("kept/git", S_IFDIR);
	make("kept/git/in", S_IFIFO);
	make("kept/file", S_IFREG);
	ino_t used = stat_of("default/git/in").st_ino;
	open_rundir();
	add_agent("default", -1, -1, false);
	struct stream *s = add_pipes("default", "git");
	rundir_tidy(rd);
	static const char *const gone[] = { "gone", "default/old", "default/empty", "kept/git" };
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		ck_assert_msg(!is_there(gone[i]), "%s is still there", gone[i]);
	static const char *const there[] = { "default/agent.sock", "default/git/out",
					     "docker.sock",	   "initctl",
					     "lock/sub",	   "other/x.sock",
					     "kept/file" };
	for (size_t i = 0; i < sizeof(there) / sizeof(*there); i++)
		ck_assert_msg(is_there(there[i]), "%s has been removed", there[i]);
	ck_assert_uint_eq(stat_of("default/git/in").st_ino, used);
	stream_free(s);
}
END_TEST

START_TEST(agents_and_servers_can_be_removed_one_by_one)
{
	open_rundir();
	add_agent("default", -1, -1, false);
	add_agent("planner", -1, -1, false);
	struct stream *a = add_pipes("default", "git"), *b = add_pipes("default", "github"),
		      *c = add_pipes("planner", "git");
	stream_free(a);
	rundir_remove_server(rd, "default", "git");
	ck_assert(!is_there("default/git"));
	ck_assert(is_there("default/github/in"));
	rundir_remove_server(rd, "default", "never");
	stream_free(c);
	rundir_remove_agent(rd, "planner");
	ck_assert(!is_there("planner"));
	ck_assert_int_eq(rundir_agent_fd(rd, "planner"), -1);
	ck_assert_int_ge(rundir_agent_fd(rd, "default"), 0);
	a = add_pipes("default", "git"); /* and made again */
	ck_assert(is_there("default/git/in"));
	stream_free(a);
	stream_free(b);
}
END_TEST

START_TEST(what_stands_in_the_way_is_named)
{
	open_rundir();
	make("planner", S_IFREG);
	struct rundir_agent a = { .name = "planner", .uid = -1, .gid = -1 };
	struct err e = { 0 };
	ck_assert_int_lt(rundir_agent(rd, &a, &e), 0);
	ck_assert_msg(strstr(e.text, "/mcp/planner is no directory; remove it"), "%s", e.text);
	add_agent("default", -1, -1, false);
	make("default/git", S_IFDIR);
	make("default/git/out", S_IFREG);
	ck_assert_ptr_null(rundir_pipes(rd, set, "default", "git", &e));
	ck_assert_msg(strstr(e.text, "/mcp/default/git/out is no named pipe; remove it"), "%s",
		      e.text);
	ck_assert_ptr_null(rundir_pipes(rd, set, "nobody", "git", &e));
}
END_TEST

START_TEST(a_symbolic_link_in_an_agents_place_is_not_followed)
{
	open_rundir();
	char path[128];
	snprintf(path, sizeof(path), "%s/planner", run);
	ck_assert_int_eq(symlink("/tmp", path), 0);
	struct rundir_agent a = { .name = "planner", .uid = -1, .gid = -1 };
	struct err e = { 0 };
	ck_assert_int_lt(rundir_agent(rd, &a, &e), 0);
	ck_assert_msg(strstr(e.text, "is no directory; remove it"), "%s", e.text);
	unlink(path);
}
END_TEST

START_TEST(it_works_without_being_root)
{
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(top, 65534, 65534), 0);
		ck_assert_int_eq(setegid(65534), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	}
	open_rundir();
	add_agent("default", -1, -1, false);
	struct stream *s = add_pipes("default", "git");
	ck_assert_uint_eq(stat_of("default/git/in").st_mode, S_IFIFO | 0600);
	ck_assert_uint_eq(stat_of("default/git/in").st_uid, geteuid());
	struct rundir_agent a = { .name = "planner", .uid = 1, .gid = 1 };
	struct err e = { 0 };
	ck_assert_int_eq(rundir_agent(rd, &a, &e), -EPERM);
	ck_assert_msg(strstr(e.text, "cannot give"), "%s", e.text);
	stream_free(s);
	rundir_close(rd);
	rd = NULL;
	ck_assert(!is_there("default"));
	(void)!seteuid(getuid());
	(void)!setegid(getgid());
}
END_TEST

Suite *suite_supervisor_rundir(void);
Suite *suite_supervisor_rundir(void)
{
	Suite *s = suite_create("supervisor_rundir");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_agent_owns_its_pipes_and_may_only_enter_its_directories);
	tcase_add_test(c, closing_removes_all_that_was_made);
	tcase_add_test(c, a_directory_that_was_there_before_stays_and_so_do_foreign_files);
	tcase_add_test(c, a_second_one_is_refused_and_told_who_has_it);
	tcase_add_test(c, left_overs_of_an_earlier_life_are_removed_and_nothing_else);
	tcase_add_test(c, agents_and_servers_can_be_removed_one_by_one);
	tcase_add_test(c, what_stands_in_the_way_is_named);
	tcase_add_test(c, a_symbolic_link_in_an_agents_place_is_not_followed);
	tcase_add_test(c, it_works_without_being_root);
	suite_add_tcase(s, c);
	return s;
}
