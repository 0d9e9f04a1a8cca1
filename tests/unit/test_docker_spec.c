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

/* The words of list, and what docker_caps() makes of both lists. */
static void check_caps(const char *add, const char *drop, const char *want_add,
		       const char *want_drop)
{
	struct docker_spec s = { 0 };
	for (int is_add = 0; is_add < 2; is_add++) {
		char *words = strdup(is_add ? add : drop), *rest = words, *word;
		while ((word = strsep(&rest, " ")))
			if (*word)
				docker_list_add(is_add ? &s.cap_add : &s.cap_drop, word);
		free(words);
	}
	for (int is_add = 0; is_add < 2; is_add++) {
		char **caps = NULL, text[256] = "";
		ck_assert_int_eq(docker_caps(&s, is_add, &caps), 0);
		for (char **p = caps; p && *p; p++) {
			(void)strcat(text, *p);
			(void)strcat(text, p[1] ? " " : "");
		}
		ck_assert_str_eq(text, is_add ? want_add : want_drop);
		docker_list_free(caps);
	}
	docker_spec_done(&s);
}

START_TEST(capabilities_are_as_the_cli_sends_them)
{
	check_caps("", "", "", "");
	check_caps("chown CAP_SETUID cap_kill", "all", "CAP_CHOWN CAP_KILL CAP_SETUID", "ALL");
	check_caps("net_raw NET_RAW CAP_NET_RAW", "", "CAP_NET_RAW", "");
	check_caps("chown ALL kill", "", "ALL", "");
	check_caps("kill", "CHOWN KILL", "CAP_KILL", "CAP_CHOWN");
	check_caps("all", "ALL", "ALL", "");
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
	tcase_add_test(c, capabilities_are_as_the_cli_sends_them);
	tcase_add_test(c, extra_hosts_take_the_form_every_cli_knows);
	suite_add_tcase(s, c);
	return s;
}
