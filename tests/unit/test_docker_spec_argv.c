/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "docker/spec.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct docker_spec spec;
static const char *const base_env[] = { "HOME=/root", "PATH=/usr/bin", "DOCKER_CONFIG=/cfg", NULL };
static struct docker_argv_params params;

static void setup(void)
{
	ck_assert_int_eq(docker_spec_init(&spec, "img:1"), 0);
	params = (struct docker_argv_params){
		.docker_path = "docker",
		.endpoint = "unix:///s",
		.name = "n-1",
		.base_env = base_env,
	};
}

static void teardown(void)
{
	docker_spec_done(&spec);
}

/* "|"-joined argv and env. */
static void render(struct buf *argv, struct buf *env)
{
	char **a = NULL, **v = NULL;
	struct err e = { 0 };
	int r = docker_spec_argv(&spec, &params, &a, &v, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	for (char **p = a; *p; p++)
		buf_addf(argv, "%s|", *p);
	for (char **p = v; *p; p++)
		buf_addf(env, "%s|", *p);
	docker_argv_free(a);
	docker_argv_free(v);
}

static void argv_has(const char *part)
{
	struct buf argv = { 0 }, env = { 0 };
	render(&argv, &env);
	ck_assert_msg(strstr(buf_str(&argv), part) != NULL, "no %s in %s", part, buf_str(&argv));
	buf_done(&argv);
	buf_done(&env);
}

static void argv_lacks(const char *part)
{
	struct buf argv = { 0 }, env = { 0 };
	render(&argv, &env);
	ck_assert_msg(strstr(buf_str(&argv), part) == NULL, "%s in %s", part, buf_str(&argv));
	buf_done(&argv);
	buf_done(&env);
}

static void env_has(const char *part)
{
	struct buf argv = { 0 }, env = { 0 };
	render(&argv, &env);
	ck_assert_msg(strstr(buf_str(&env), part) != NULL, "no %s in %s", part, buf_str(&env));
	buf_done(&argv);
	buf_done(&env);
}

START_TEST(the_defaults_make_exactly_this_command)
{
	struct buf argv = { 0 }, env = { 0 };
	docker_list_add(&spec.command, "serve");
	docker_list_add(&spec.command, "--rm");
	render(&argv, &env);
	ck_assert_str_eq(
		buf_str(&argv),
		"docker|-H|unix:///s|run|-i|--rm|--pull|never|--name|n-1|--log-driver|none|--memory|2147483648|"
		"--memory-swap|2147483648|--pids-limit|1024|--init=true|--cap-drop|ALL|--security-opt|"
		"no-new-privileges|img:1|serve|--rm|");
	ck_assert_str_eq(buf_str(&env), "HOME=/root|PATH=/usr/bin|DOCKER_CONFIG=/cfg|");
	buf_done(&argv);
	buf_done(&env);
}
END_TEST

START_TEST(rm_follows_auto_remove_and_no_endpoint_means_no_flag)
{
	argv_has("|run|-i|--rm|");
	spec.auto_remove = false;
	argv_lacks("--rm");
	params.endpoint = NULL;
	argv_has("docker|run|");
}
END_TEST

START_TEST(a_secret_is_named_in_argv_and_valued_in_the_environment_only)
{
	docker_list_add(&spec.env, "TOKEN=s3cret value");
	argv_has("|-e|TOKEN|");
	argv_lacks("s3cret");
	env_has("|TOKEN=s3cret value|");
}
END_TEST

START_TEST(a_name_the_cli_obeys_does_not_change_the_cli)
{
	docker_list_add(&spec.env, "HOME=/tmp");
	docker_list_add(&spec.env, "DOCKER_HOST=tcp://other:1");
	argv_has("|-e|HOME=/tmp|");
	argv_has("|-e|DOCKER_HOST=tcp://other:1|");
	env_has("HOME=/root|");
	struct buf argv = { 0 }, env = { 0 };
	render(&argv, &env);
	ck_assert_ptr_null(strstr(buf_str(&env), "DOCKER_HOST"));
	buf_done(&argv);
	buf_done(&env);
}
END_TEST

START_TEST(the_same_value_as_the_clis_own_goes_by_name)
{
	docker_list_add(&spec.env, "PATH=/usr/bin");
	argv_has("|-e|PATH|");
}
END_TEST

START_TEST(a_proxy_with_a_password_never_reaches_argv)
{
	docker_list_add(&spec.env, "https_proxy=http://u:pass@p:1");
	argv_has("|-e|https_proxy|"); /* a unix socket: the CLI takes no proxy to it */
	params.endpoint = "tcp://h:2376";
	char **a = NULL, **v = NULL;
	struct err e = { 0 };
	ck_assert_int_eq(docker_spec_argv(&spec, &params, &a, &v, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "https_proxy"));
	ck_assert_ptr_null(strstr(e.text, "pass@"));
}
END_TEST

START_TEST(a_secret_that_the_cli_would_obey_never_reaches_argv)
{
	log_redact_add("X-Token=hunter2hunter2");
	docker_list_add(&spec.env, "DOCKER_CUSTOM_HEADERS=X-Token=hunter2hunter2");
	char **a = NULL, **v = NULL;
	struct err e = { 0 };
	ck_assert_int_eq(docker_spec_argv(&spec, &params, &a, &v, &e), -EINVAL);
	log_redact_clear();
	ck_assert_ptr_nonnull(strstr(e.text, "DOCKER_CUSTOM_HEADERS"));
	ck_assert_ptr_null(strstr(e.text, "hunter2"));
	argv_has(
		"|-e|DOCKER_CUSTOM_HEADERS=X-Token=hunter2hunter2|"); /* as no secret it may be seen */
}
END_TEST

START_TEST(a_mount_with_commas_and_quotes_is_csv)
{
	char *labels[] = { (char *)"k=v,w", (char *)"l=", NULL };
	struct docker_mount m[] = {
		{ DOCKER_MOUNT_BIND, (char *)"/a,b", (char *)"/c\"d", NULL, NULL, true },
		{ DOCKER_MOUNT_VOLUME, (char *)"vol", (char *)"/v", (char *)"s/t", labels, false },
	};
	spec.mounts = m;
	spec.n_mounts = 2;
	argv_has("|--mount|type=bind,\"source=/a,b\",\"target=/c\"\"d\",readonly=true|");
	argv_has(
		"|--mount|type=volume,source=vol,target=/v,volume-subpath=s/t,\"volume-label=k=v,w\",volume-label=l=|");
	spec.mounts = NULL;
	spec.n_mounts = 0;
}
END_TEST

START_TEST(a_part_of_a_volume_is_never_left_to_an_older_api)
{
	static const char *const base[] = { "HOME=/root", "DOCKER_API_VERSION=1.40", NULL };
	struct docker_mount m = { .type = DOCKER_MOUNT_VOLUME,
				  .source = (char *)"v",
				  .target = (char *)"/v" };
	params.base_env = base;
	spec.mounts = &m;
	spec.n_mounts = 1;
	env_has("|DOCKER_API_VERSION=1.40|");
	m.subpath = (char *)"part";
	struct buf argv = { 0 }, env = { 0 };
	render(&argv, &env);
	ck_assert_str_eq(buf_str(&env), "HOME=/root|");
	buf_done(&argv);
	buf_done(&env);
	spec.mounts = NULL;
	spec.n_mounts = 0;
}
END_TEST

START_TEST(every_other_field_has_its_flag)
{
	docker_list_add(&spec.entrypoint, "sh");
	docker_list_add(&spec.entrypoint, "-c");
	docker_list_add(&spec.command, "x y");
	docker_list_add(&spec.labels, "a=b");
	docker_list_add(&spec.dns, "1.1.1.1");
	docker_list_add(&spec.dns_search, "example.org");
	docker_list_add(&spec.dns_opt, "ndots:2");
	docker_list_add(&spec.extra_hosts, "v6=[fe80::1]");
	docker_list_add(&spec.tmpfs, "/t:size=1m");
	docker_list_add(&spec.ulimits, "nofile=1:2");
	docker_list_add(&spec.devices, "/dev/null");
	docker_list_add(&spec.cap_add, "chown");
	spec.network_mode = strdup("host");
	spec.hostname = strdup("h");
	spec.user = strdup("1:2");
	spec.working_dir = strdup("/w");
	spec.ipc = strdup("private");
	spec.platform = strdup("linux/arm64");
	spec.stop_signal = strdup("SIGINT");
	spec.read_only = true;
	spec.init = false;
	spec.shm_size = 4096;
	spec.mem_reservation = 8192;
	spec.nano_cpus = 1500000000;
	static const char *const flags[] = {
		"|--entrypoint|sh|",
		"|img:1|-c|x y|",
		"|--label|a=b|",
		"|--dns|1.1.1.1|",
		"|--dns-search|example.org|",
		"|--dns-option|ndots:2|",
		"|--add-host|v6:fe80::1|",
		"|--tmpfs|/t:size=1m|",
		"|--ulimit|nofile=1:2|",
		"|--device|/dev/null|",
		"|--cap-add|CAP_CHOWN|",
		"|--network|host|",
		"|--hostname|h|",
		"|--user|1:2|",
		"|--workdir|/w|",
		"|--ipc|private|",
		"|--platform|linux/arm64|",
		"|--stop-signal|SIGINT|",
		"|--read-only|",
		"|--init=false|",
		"|--shm-size|4096|",
		"|--memory-reservation|8192|",
		"|--cpus|1.500000000|",
	};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		argv_has(flags[i]);
}
END_TEST

START_TEST(no_limit_means_no_flag)
{
	spec.mem_limit = 0;
	spec.pids_limit = 0;
	argv_lacks("--memory");
	argv_lacks("--pids-limit");
	argv_lacks("--cpus");
}
END_TEST

START_TEST(an_image_that_looks_like_a_flag_is_refused)
{
	free(spec.image);
	spec.image = strdup("--privileged");
	char **a = NULL, **v = NULL;
	struct err e = { 0 };
	ck_assert_int_eq(docker_spec_argv(&spec, &params, &a, &v, &e), -EINVAL);
	ck_assert_ptr_null(a);
}
END_TEST

Suite *suite_docker_spec_argv(void);
Suite *suite_docker_spec_argv(void)
{
	Suite *s = suite_create("docker_spec_argv");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, the_defaults_make_exactly_this_command);
	tcase_add_test(c, rm_follows_auto_remove_and_no_endpoint_means_no_flag);
	tcase_add_test(c, a_secret_is_named_in_argv_and_valued_in_the_environment_only);
	tcase_add_test(c, a_name_the_cli_obeys_does_not_change_the_cli);
	tcase_add_test(c, the_same_value_as_the_clis_own_goes_by_name);
	tcase_add_test(c, a_proxy_with_a_password_never_reaches_argv);
	tcase_add_test(c, a_secret_that_the_cli_would_obey_never_reaches_argv);
	tcase_add_test(c, a_mount_with_commas_and_quotes_is_csv);
	tcase_add_test(c, a_part_of_a_volume_is_never_left_to_an_older_api);
	tcase_add_test(c, every_other_field_has_its_flag);
	tcase_add_test(c, no_limit_means_no_flag);
	tcase_add_test(c, an_image_that_looks_like_a_flag_is_refused);
	suite_add_tcase(s, c);
	return s;
}
