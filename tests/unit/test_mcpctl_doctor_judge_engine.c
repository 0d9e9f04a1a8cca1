/* SPDX-License-Identifier: MIT */
#include "tests/unit/judge_rig.h"

#include <errno.h>
#include <sys/stat.h>

static const gid_t groups[] = { 27, 998 };

/* A user of a container who is in groups 27 and 998. */
static const struct user_facts user = { .uid = 1000,
					.gid = 1000,
					.groups = groups,
					.n_groups = 2,
					.overflow_gid = 65534,
					.is_in_container = true };

START_TEST(the_user_is_told_with_its_groups)
{
	struct finding f = finding_of(CHECK_USER);
	judge_user(&user, &f);
	judge_is(&f, DOCTOR_OK, "uid 1000, gid 1000, groups 27 998, in a container", NULL);
}
END_TEST

/* --- socket ---------------------------------------------------------------------------------- */

enum { SOCK_0660 = S_IFSOCK | 0660, SOCK_0600 = S_IFSOCK | 0600 };

static const struct {
	struct socket_facts s;
	enum verdict verdict;
	const char *text, *remedy;
} sockets[] = {
	{ { .mode = SOCK_0660, .gid = 999, .group = "docker" },
	  DOCTOR_OK,
	  "connected at /s (owner 0, group 999 (docker), mode 0660; we are uid 1000)",
	  NULL },
	{ { .stat_error = -ENOENT }, DOCTOR_FAIL, "there is no /s", "-v /var/run/docker.sock:" },
	{ { .stat_error = -EACCES }, DOCTOR_FAIL, "Permission denied", "let uid 1000 enter" },
	{ { .mode = S_IFDIR | 0755 },
	  DOCTOR_FAIL,
	  "/s is a directory",
	  "make this container again" },
	{ { .mode = S_IFREG | 0644 }, DOCTOR_FAIL, "/s is no socket", "docker_host" },
	{ { .mode = SOCK_0660, .connect_error = -ECONNREFUSED },
	  DOCTOR_FAIL,
	  "Connection refused",
	  "start Docker" },
	{ { .mode = SOCK_0660, .connect_error = -EAGAIN }, DOCTOR_FAIL, "unavailable", "log" },
	/* The group that the socket has, whatever its number. */
	{ { .mode = SOCK_0660, .gid = 4711, .connect_error = -EACCES },
	  DOCTOR_FAIL,
	  "Permission denied at /s",
	  "Compose: group_add: [\"4711\"]; docker run: --group-add 4711" },
	{ { .mode = SOCK_0660, .gid = 0, .connect_error = -EACCES },
	  DOCTOR_FAIL,
	  "group 0",
	  "group_add: [\"0\"]; docker run: --group-add 0" },
	/* No group helps. */
	{ { .mode = SOCK_0600, .uid = 12, .gid = 4711, .connect_error = -EACCES },
	  DOCTOR_FAIL,
	  "mode 0600",
	  "--user 12" },
	{ { .mode = SOCK_0660, .gid = 998, .connect_error = -EACCES },
	  DOCTOR_FAIL,
	  "Permission denied",
	  "SELinux" },
	{ { .mode = SOCK_0660, .uid = 65534, .gid = 65534, .connect_error = -EACCES },
	  DOCTOR_FAIL,
	  "Permission denied",
	  "--userns host" },
};

START_TEST(a_socket_and_its_remedy)
{
	struct socket_facts s = sockets[_i].s;
	struct finding f = finding_of(CHECK_SOCKET);
	s.path = "/s";
	judge_socket(&s, &user, &f);
	judge_is(&f, sockets[_i].verdict, sockets[_i].text, sockets[_i].remedy);
	ck_assert_ptr_null(strstr(f.remedy, "666"));
	ck_assert_ptr_null(strstr(f.remedy, "chmod"));
}
END_TEST

START_TEST(on_the_host_a_member_of_the_group_may)
{
	struct user_facts on_host = user;
	struct socket_facts s = { .path = "/s",
				  .mode = SOCK_0660,
				  .gid = 999,
				  .group = "docker",
				  .connect_error = -EACCES };
	struct finding f = finding_of(CHECK_SOCKET);
	on_host.is_in_container = false;
	judge_socket(&s, &on_host, &f);
	judge_is(&f, DOCTOR_FAIL, "Permission denied",
		 "without a container: run it as a member of group docker");
	s.stat_error = -ENOENT;
	judge_socket(&s, &on_host, &f);
	judge_is(&f, DOCTOR_FAIL, "there is no /s", "start Docker");
}
END_TEST

/* --- the rest ---------------------------------------------------------------------------------- */

START_TEST(the_environment_is_told_and_without_a_home_it_is_a_warning)
{
	struct environment_facts v = { .docker_host = "tcp://a:1", .home = "/root", .proxies = "" };
	struct finding f = finding_of(CHECK_ENVIRONMENT);
	judge_environment(&v, &f);
	judge_is(
		&f, DOCTOR_OK,
		"DOCKER_HOST tcp://a:1, DOCKER_CONTEXT not set, DOCKER_CONFIG not set, HOME /root, no proxy",
		NULL);
	v.home = NULL;
	v.proxies = "HTTP_PROXY=http://p";
	judge_environment(&v, &f);
	judge_is(&f, DOCTOR_WARN, "HOME not set, HTTP_PROXY=http://p", "HOME and DOCKER_CONFIG");
}
END_TEST

static const struct {
	struct endpoint_facts ep;
	enum verdict verdict;
	const char *text, *remedy;
} endpoints[] = {
	{ { .api = "unix:///a", .cli = "unix:///a", .cli_by = "its default" },
	  DOCTOR_OK,
	  "mcpinit takes unix:///a, and so does the docker program (its default)",
	  NULL },
	{ { .api = "unix:///a", .key = "unix:///a", .cli = "tcp://b:1", .cli_by = "DOCKER_HOST" },
	  DOCTOR_WARN,
	  "unix:///a (docker_host of the configuration), the docker program takes tcp://b:1 (DOCKER_HOST)",
	  "docker -H unix:///a, or set docker_host = tcp://b:1" },
	{ { .api = "tcp://b:1",
	    .cli = "tcp://b:1",
	    .cli_by = "DOCKER_HOST",
	    .proxy = "of HTTP_PROXY" },
	  DOCTOR_WARN,
	  "through the proxy of HTTP_PROXY",
	  "NO_PROXY" },
	{ { .api = "unix:///a" }, DOCTOR_OK, "mcpinit takes unix:///a", NULL },
	{ { .error = "docker_host ssh://x: ssh is not spoken here" },
	  DOCTOR_FAIL,
	  "ssh is not spoken",
	  "tcp://HOST:PORT" },
};

START_TEST(where_the_api_and_the_docker_program_differ)
{
	struct finding f = finding_of(CHECK_ENDPOINT);
	judge_endpoint(&endpoints[_i].ep, &f);
	judge_is(&f, endpoints[_i].verdict, endpoints[_i].text, endpoints[_i].remedy);
}
END_TEST

static const struct {
	struct engine_facts en;
	enum verdict verdict;
	const char *text, *remedy;
} engines[] = {
	{ { .version = "20.10.24", .api = "1.41" },
	  DOCTOR_OK,
	  "engine 20.10.24, API 1.41, at e",
	  NULL },
	{ { .version = "", .api = "1.41" }, DOCTOR_OK, "engine of unknown version", NULL },
	{ { .version = "18.09", .api = "1.39", .is_old = true },
	  DOCTOR_FAIL,
	  "speaks API 1.39, at least 1.41",
	  "20.10" },
	{ { .error = "client version 1.41 is too new", .is_version = true },
	  DOCTOR_FAIL,
	  "too new",
	  "20.10" },
	{ { .error = "connection refused" }, DOCTOR_FAIL, "connection refused", "docker_host" },
};

START_TEST(an_engine_and_its_version)
{
	struct engine_facts en = engines[_i].en;
	struct finding f = finding_of(CHECK_ENGINE);
	en.endpoint = "e";
	judge_engine(&en, &f);
	judge_is(&f, engines[_i].verdict, engines[_i].text, engines[_i].remedy);
}
END_TEST

static const struct {
	struct cli_facts c;
	enum verdict verdict;
	const char *text, *remedy;
} clis[] = {
	{ { .is_launcher = true }, DOCTOR_FAIL, "launch = cli needs", "install it" },
	{ { .is_fallback = true }, DOCTOR_WARN, "launch = auto falls back", "launch = api" },
	{ { 0 }, DOCTOR_OK, "no server needs", NULL },
	{ { .path = "/d", .id = "A", .version = "1", .is_api_up = true, .api_id = "A" },
	  DOCTOR_OK,
	  "/d reaches the same engine",
	  NULL },
	{ { .path = "/d", .id = "A", .version = "1", .is_api_up = true },
	  DOCTOR_OK,
	  "/d reaches an engine",
	  NULL },
	{ { .path = "/d", .id = "A", .version = "28.0", .is_api_up = true, .api_id = "B" },
	  DOCTOR_WARN,
	  "reaches another engine (28.0) than mcpinit",
	  "docker -H e" },
	{ { .path = "/d", .error = "no", .is_api_up = true, .api_id = "B" },
	  DOCTOR_WARN,
	  "mcpinit reaches the engine, /d does not: no",
	  "docker -H e info" },
	{ { .path = "/d", .error = "no", .is_api_up = true, .is_launcher = true },
	  DOCTOR_FAIL,
	  "/d does not: no",
	  "docker -H e info" },
	{ { .path = "/d", .id = "A", .version = "28.0" },
	  DOCTOR_WARN,
	  "/d reaches an engine (28.0), mcpinit does not",
	  "set docker_host" },
	{ { .path = "/d", .error = "no" }, DOCTOR_WARN, "reaches no engine either: no", "finding" },
};

START_TEST(the_docker_program)
{
	struct cli_facts c = clis[_i].c;
	struct finding f = finding_of(CHECK_CLI);
	c.endpoint = "e";
	judge_cli(&c, &f);
	judge_is(&f, clis[_i].verdict, clis[_i].text, clis[_i].remedy);
}
END_TEST

static const struct {
	struct limit_facts l;
	enum verdict verdict;
	const char *text, *remedy;
} limits[] = {
	{ { true, true, true, true, true, true, true, "v2" },
	  DOCTOR_OK,
	  "can be applied: v2",
	  NULL },
	/* Not asked for, not missed. */
	{ { .cgroup = "" }, DOCTOR_OK, "can be applied", NULL },
	{ { .wants_memory = true, .cgroup = "" }, DOCTOR_WARN, "cannot apply mem_limit", "cgroup" },
	{ { .wants_memory = true, .has_memory = true, .cgroup = "" },
	  DOCTOR_WARN,
	  "cannot apply mem_limit to swap, only to memory",
	  "swapaccount=1" },
	{ { .wants_pids = true, .wants_cpu = true, .cgroup = "v1" },
	  DOCTOR_WARN,
	  "cannot apply pids_limit; cpus; it has v1",
	  "to 0" },
};

START_TEST(limits_that_the_engine_cannot_apply)
{
	struct finding f = finding_of(CHECK_LIMITS);
	judge_limits(&limits[_i].l, &f);
	judge_is(&f, limits[_i].verdict, limits[_i].text, limits[_i].remedy);
}
END_TEST

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *suite_mcpctl_doctor_judge_engine(void);
Suite *suite_mcpctl_doctor_judge_engine(void)
{
	Suite *s = suite_create("mcpctl_doctor_judge_engine");
	TCase *c = tcase_create("all");
	tcase_add_test(c, the_user_is_told_with_its_groups);
	tcase_add_loop_test(c, a_socket_and_its_remedy, 0, N(sockets));
	tcase_add_test(c, on_the_host_a_member_of_the_group_may);
	tcase_add_test(c, the_environment_is_told_and_without_a_home_it_is_a_warning);
	tcase_add_loop_test(c, where_the_api_and_the_docker_program_differ, 0, N(endpoints));
	tcase_add_loop_test(c, an_engine_and_its_version, 0, N(engines));
	tcase_add_loop_test(c, the_docker_program, 0, N(clis));
	tcase_add_loop_test(c, limits_that_the_engine_cannot_apply, 0, N(limits));
	suite_add_tcase(s, c);
	return s;
}
