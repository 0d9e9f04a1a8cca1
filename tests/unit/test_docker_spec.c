/* SPDX-License-Identifier: MIT */
#include "docker/spec.h"

#include "base/err.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(the_defaults_are_hardened)
{
	struct docker_spec s;
	ck_assert_int_eq(docker_spec_init(&s, "img"), 0);
	ck_assert_str_eq(s.cap_drop[0], "ALL");
	ck_assert_ptr_null(s.cap_drop[1]);
	ck_assert_str_eq(s.security_opt[0], "no-new-privileges");
	ck_assert(s.init);
	ck_assert(s.auto_remove);
	ck_assert_int_eq(s.pids_limit, 1024);
	ck_assert_int_eq(s.mem_limit, INT64_C(2147483648));
	ck_assert_str_eq(s.log_driver, "none");
	docker_spec_done(&s);
	docker_spec_done(&s); /* harmless */
}
END_TEST

START_TEST(a_variable_set_again_replaces_the_first)
{
	char **env = NULL;
	docker_env_set(&env, "AB", "1");
	docker_env_set(&env, "A", "2");
	docker_env_set(&env, "AB", "3");
	ck_assert_str_eq(env[0], "AB=3");
	ck_assert_str_eq(env[1], "A=2");
	ck_assert_ptr_null(env[2]);
	ck_assert_str_eq(docker_env_get((const char *const *)env, "A"), "2");
	ck_assert_ptr_null(docker_env_get((const char *const *)env, "B"));
	ck_assert_ptr_null(docker_env_get(NULL, "B"));
	docker_list_free(env);
}
END_TEST

START_TEST(capabilities_get_their_full_name)
{
	static const char *const cases[][2] = {
		{ "chown", "CAP_CHOWN" },
		{ "CAP_SETUID", "CAP_SETUID" },
		{ "cap_kill", "CAP_KILL" },
		{ "all", "ALL" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *name = docker_cap_name(cases[i][0]);
		ck_assert_str_eq(name, cases[i][1]);
		free(name);
	}
}
END_TEST

START_TEST(extra_hosts_take_the_form_every_cli_knows)
{
	static const char *const cases[][2] = {
		{ "db:10.0.0.1", "db:10.0.0.1" },	  { "db=10.0.0.1", "db:10.0.0.1" },
		{ "v6=[fe80::1]", "v6:fe80::1" },	  { "v6:fe80::1", "v6:fe80::1" },
		{ "gw:host-gateway", "gw:host-gateway" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *host = NULL;
		ck_assert_int_eq(docker_extra_host(cases[i][0], &host, NULL), 0);
		ck_assert_str_eq(host, cases[i][1]);
		free(host);
	}
	static const char *const bad[] = { "db", ":1", "db=", "" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *host = NULL;
		struct err e;
		ck_assert_int_eq(docker_extra_host(bad[i], &host, &e), -EINVAL);
		ck_assert_ptr_null(host);
	}
}
END_TEST

Suite *suite_docker_spec(void);
Suite *suite_docker_spec(void)
{
	Suite *s = suite_create("docker_spec");
	TCase *c = tcase_create("all");
	tcase_add_test(c, the_defaults_are_hardened);
	tcase_add_test(c, a_variable_set_again_replaces_the_first);
	tcase_add_test(c, capabilities_get_their_full_name);
	tcase_add_test(c, extra_hosts_take_the_form_every_cli_knows);
	suite_add_tcase(s, c);
	return s;
}
