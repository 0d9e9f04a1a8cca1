/* SPDX-License-Identifier: MIT */
#include "tests/unit/import_rig.h"

#include <check.h>

START_TEST(short_options_of_docker_run_are_read_in_all_their_forms)
{
	struct conf *c = import_rig_conf("docker-run");
	const struct conf_server *s = server(c, "short");
	ck_assert_str_eq(s->image, "img:1");
	ck_assert_list(s->command, "-v|serve|--port=1");
	ck_assert_str_eq(env_value(s, "A"), "1");
	ck_assert_str_eq(env_value(s, "B"), "2");
	ck_assert_str_eq(env_value(s, "C"), "x,y");
	ck_assert_str_eq(env_value(s, "D"), "(passed through)");
	assert_volume(&s->volumes[0], "/srv/data", "/data", true);
	assert_volume(&s->volumes[1], "cache", "/cache", false);
	ck_assert_ptr_null(s->volumes[2].source);
	ck_assert_str_eq(s->user, "root");
	ck_assert_str_eq(s->working_dir, "/work");
	ck_assert_int_eq(s->mem_limit, 512 << 20);
	ck_assert_str_eq(s->hostname, "box");
	ck_assert_list(s->labels, "team=a, b");
	conf_free(c);
}
END_TEST

START_TEST(long_options_of_docker_run_have_their_keys)
{
	struct conf *c = import_rig_conf("docker-run");
	const struct conf_server *s = server(c, "long");
	ck_assert_str_eq(s->image, "registry:5000/img@sha256:00");
	ck_assert_list(s->command, "run it");
	ck_assert_list(s->entrypoint, "/bin/the server");
	ck_assert_str_eq(env_value(s, "A"), "last");
	ck_assert_list(s->env_file, "/etc/a.env");
	assert_volume(&s->volumes[0], "C:\\Users\\ada", "/home", false);
	assert_volume(&s->volumes[1], "workspace", "/workspace", true);
	assert_volume(&s->volumes[2], "state", "/state", false);
	ck_assert_ptr_null(s->volumes[3].source);
	ck_assert_str_eq(s->network_mode, "host");
	ck_assert_list(s->dns, "1.1.1.1|8.8.8.8");
	ck_assert_list(s->extra_hosts, "db:10.0.0.2");
	ck_assert_str_eq(s->user, "1000:1000");
	ck_assert_str_eq(s->working_dir, "/app");
	ck_assert_int_eq(s->mem_limit, 1 << 30);
	ck_assert_int_eq(s->nano_cpus, 500000000);
	ck_assert_int_eq(s->pids_limit, 200);
	ck_assert_list(s->cap_add, "NET_RAW");
	ck_assert_list(s->cap_drop, "ALL");
	ck_assert_list(s->security_opt, "seccomp=unconfined");
	ck_assert_list(s->tmpfs, "/run:rw,size=64m");
	ck_assert_int_eq(s->read_only, CONF_YES);
	ck_assert_str_eq(s->platform, "linux/arm64");
	ck_assert_int_eq(s->pull_policy, CONF_PULL_ALWAYS);
	ck_assert_list(s->labels, "a.b/c=d");
	ck_assert_str_eq(s->hostname, "box");
	ck_assert_int_eq(s->shm_size, 64 << 20);
	ck_assert_list(s->ulimits, "nofile=1024:2048");
	ck_assert_list(s->devices, "/dev/fuse");
	ck_assert_str_eq(s->ipc, "private");
	ck_assert_str_eq(s->stop_signal, "SIGINT");
	ck_assert_str_eq(s->logging, "local");
	conf_free(c);
}
END_TEST

START_TEST(what_docker_run_has_and_mcpinit_has_not_spoils_nothing)
{
	struct conf *c = import_rig_conf("docker-run");
	const struct conf_server *s = server(c, "odd");
	ck_assert_str_eq(s->image, "img");
	ck_assert_list(s->entrypoint, "");
	assert_volume(&s->volumes[0], "/v", "/data", false);
	ck_assert_ptr_null(s->user);
	ck_assert_ptr_null(s->working_dir);
	ck_assert_list(server(c, "not-run")->command, "docker|mcp|gateway|run");
	conf_free(c);
}
END_TEST

Suite *suite_mcpctl_import_docker(void);
Suite *suite_mcpctl_import_docker(void)
{
	Suite *s = suite_create("mcpctl_import_docker");
	TCase *c = tcase_create("all");
	tcase_add_test(c, short_options_of_docker_run_are_read_in_all_their_forms);
	tcase_add_test(c, long_options_of_docker_run_have_their_keys);
	tcase_add_test(c, what_docker_run_has_and_mcpinit_has_not_spoils_nothing);
	suite_add_tcase(s, c);
	return s;
}
