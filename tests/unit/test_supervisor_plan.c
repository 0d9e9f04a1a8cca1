/* SPDX-License-Identifier: MIT */
#include "supervisor/plan.h"

#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "docker/spec.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct conf conf;
static struct conf_server server;
static struct conf_env env[4];
static struct conf_volume volumes[4];
static struct docker_self self;
static struct docker_own_mount own_mount;
static struct plan_params params;
static struct docker_spec spec;
static struct plan_result result;
static char *none[] = { NULL };
static char *all_caps[] = { (char *)"ALL", NULL };

static const char *const our_environ[] = {
	"TOKEN=from-our-environment", "PATH=/bin",  "HOME=/root",      "LC_ALL=C", "SECRET_THING=x",
	"https_proxy=http://p:1",     "PATHS=/not", "SSL_CERT_DIR=/c", NULL,
};

static void setup(void)
{
	strcpy(dir, "/tmp/plan-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	memset(env, 0, sizeof(env));
	memset(volumes, 0, sizeof(volumes));
	conf = (struct conf){ .workspace = dir };
	server = (struct conf_server){
		.name = (char *)"fs",
		.image = (char *)"img",
		.command = none,
		.environment = env,
		.volumes = volumes,
		.env_file = none,
		.labels = none,
		.cap_drop = all_caps,
		.read_only = CONF_DEFAULT,
		.init = CONF_DEFAULT,
		.mem_limit = 1000,
		.pids_limit = 10,
	};
	own_mount = (struct docker_own_mount){
		.type = (char *)"bind",
		.name = (char *)"",
		.source = (char *)"/opt/repos",
		.destination = dir,
	};
	self = (struct docker_self){ .id = (char *)"f00d", .mounts = &own_mount, .n_mounts = 1 };
	params = (struct plan_params){
		.conf = &conf,
		.server = &server,
		.self = &self,
		.instance = "inst",
		.boot = "b00t",
		.environ = our_environ,
	};
}

static void teardown(void)
{
	char command[96];
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
	log_redact_clear();
}

static void plan(void)
{
	struct err e = { 0 };
	int r = plan_spec(&params, &spec, &result, &e);
	ck_assert_msg(r == 0, "%s", e.text);
}

static void refused(const char *a, const char *b)
{
	struct err e = { 0 };
	ck_assert_int_lt(plan_spec(&params, &spec, &result, &e), 0);
	ck_assert_msg(strstr(e.text, a) && strstr(e.text, b), "%s", e.text);
}

static const char *var(const char *name)
{
	return docker_env_get((const char *const *)spec.env, name);
}

static const char *label(const char *name)
{
	return docker_env_get((const char *const *)spec.labels, name);
}

/* --- volumes and user ------------------------------------------------------------------------ */

START_TEST(the_workspace_is_translated_to_the_host)
{
	volumes[0] = (struct conf_volume){ (char *)"workspace", (char *)"/w", true };
	volumes[1] = (struct conf_volume){ (char *)"cache", (char *)"/c", false };
	plan();
	ck_assert_uint_eq(spec.n_mounts, 2);
	ck_assert_int_eq(spec.mounts[0].type, DOCKER_MOUNT_BIND);
	ck_assert_str_eq(spec.mounts[0].source, "/opt/repos");
	ck_assert_str_eq(spec.mounts[0].target, "/w");
	ck_assert(spec.mounts[0].is_read_only);
	ck_assert_int_eq(spec.mounts[1].type, DOCKER_MOUNT_VOLUME);
	ck_assert_str_eq(spec.mounts[1].source, "cache");
	docker_spec_done(&spec);
}
END_TEST

START_TEST(workspace_host_overrides_for_the_workspace_and_below)
{
	conf.workspace_host = (char *)"C:\\repos\\x";
	conf.workspace = (char *)"/workspace";
	volumes[0] = (struct conf_volume){ (char *)"workspace", (char *)"/w", false };
	volumes[1] = (struct conf_volume){ (char *)"/workspace/sub", (char *)"/s", false };
	plan();
	ck_assert_str_eq(spec.mounts[0].source, "C:\\repos\\x");
	ck_assert_str_eq(spec.mounts[1].source, "C:\\repos\\x/sub");
	docker_spec_done(&spec);
	volumes[1].source = (char *)"/workspace2";
	refused("/workspace2", "own file system");
}
END_TEST

START_TEST(what_we_may_only_read_stays_so_with_workspace_host)
{
	conf.workspace_host = (char *)"C:\\repos";
	volumes[0] = (struct conf_volume){ (char *)"workspace", (char *)"/w", false };
	plan();
	ck_assert(!spec.mounts[0].is_read_only);
	docker_spec_done(&spec);
	own_mount.is_read_only = true;
	plan();
	ck_assert_str_eq(spec.mounts[0].source, "C:\\repos");
	ck_assert(spec.mounts[0].is_read_only);
	docker_spec_done(&spec);
}
END_TEST

START_TEST(our_mounts_below_a_volume_come_along)
{
	char below[96], masked[96];
	(void)snprintf(below, sizeof(below), "%s/modules", dir);
	(void)snprintf(masked, sizeof(masked), "%s/keys", dir);
	struct docker_own_mount mounts[] = {
		own_mount,
		{ (char *)"volume", (char *)"modules", (char *)"/v/modules", below, true },
		{ (char *)"tmpfs", (char *)"", (char *)"", masked, false },
	};
	self.mounts = mounts;
	self.n_mounts = 3;
	volumes[0] = (struct conf_volume){ (char *)"workspace", (char *)"/w/", false };
	plan();
	ck_assert_uint_eq(spec.n_mounts, 2);
	ck_assert(!spec.mounts[0].is_read_only);
	ck_assert_int_eq(spec.mounts[1].type, DOCKER_MOUNT_VOLUME);
	ck_assert_str_eq(spec.mounts[1].source, "modules");
	ck_assert_str_eq(spec.mounts[1].target, "/w/modules");
	ck_assert(spec.mounts[1].is_read_only);
	ck_assert_str_eq(spec.tmpfs[0], "/w/keys"); /* what we hide stays hidden */
	ck_assert_ptr_null(spec.tmpfs[1]);
	docker_spec_done(&spec);
	/* What is written out wins, and a volume of another place has nothing to do with it. */
	volumes[1] = (struct conf_volume){ (char *)"mine", (char *)"/w/modules", false };
	volumes[2] = (struct conf_volume){ below, (char *)"/m", false };
	plan();
	ck_assert_uint_eq(spec.n_mounts, 3);
	ck_assert_str_eq(spec.mounts[1].source, "mine");
	ck_assert_str_eq(spec.mounts[2].source, "modules");
	docker_spec_done(&spec);
	/* With workspace_host it is not known what lies there. */
	conf.workspace_host = (char *)"/opt/other";
	volumes[1] = volumes[2] = (struct conf_volume){ 0 };
	plan();
	ck_assert_uint_eq(spec.n_mounts, 1);
	docker_spec_done(&spec);
}
END_TEST

START_TEST(git_trusts_the_workspace_whoever_owns_it)
{
	volumes[0] = (struct conf_volume){ (char *)"data", (char *)"/w", false };
	plan();
	ck_assert_ptr_null(var("GIT_CONFIG_COUNT"));
	docker_spec_done(&spec);
	volumes[0].source = (char *)"workspace";
	plan();
	ck_assert_str_eq(var("GIT_CONFIG_COUNT"), "1");
	ck_assert_str_eq(var("GIT_CONFIG_KEY_0"), "safe.directory");
	ck_assert_str_eq(var("GIT_CONFIG_VALUE_0"), "*");
	docker_spec_done(&spec);
	env[0] = (struct conf_env){ .name = (char *)"GIT_CONFIG_COUNT", .value = (char *)"0" };
	plan();
	ck_assert_str_eq(var("GIT_CONFIG_COUNT"), "0"); /* the user's word wins */
	docker_spec_done(&spec);
}
END_TEST

START_TEST(a_path_that_cannot_be_mapped_is_named)
{
	volumes[0] = (struct conf_volume){ (char *)"/etc", (char *)"/e", false };
	refused("volumes: /etc", "workspace_host");
}
END_TEST

START_TEST(user_auto_is_the_owner_of_the_workspace)
{
	char want[32];
	struct stat st;
	ck_assert_int_eq(stat(dir, &st), 0);
	(void)snprintf(want, sizeof(want), "%u:%u", st.st_uid, st.st_gid);
	server.user = (char *)"auto";
	plan();
	ck_assert_str_eq(spec.user, want);
	docker_spec_done(&spec);
	conf.workspace = (char *)"/not/there";
	refused("user = auto", "/not/there");
}
END_TEST

START_TEST(auto_is_the_default_only_for_a_root_image_that_mounts_the_workspace)
{
	volumes[0] = (struct conf_volume){ (char *)"workspace", (char *)"/w", false };
	plan();
	ck_assert_ptr_null(spec.user);
	ck_assert_int_eq(plan_user(&params, "node", &spec, NULL), 0);
	ck_assert_ptr_null(spec.user);
	volumes[0].source = (char *)"other";
	ck_assert_int_eq(plan_user(&params, "", &spec, NULL), 0);
	ck_assert_ptr_null(spec.user);
	volumes[0].source = (char *)"workspace";
	ck_assert_int_eq(plan_user(&params, "", &spec, NULL), 0);
	ck_assert_ptr_nonnull(spec.user);
	free(spec.user);
	spec.user = strdup("7");
	ck_assert_int_eq(plan_user(&params, "0:0", &spec, NULL), 0);
	ck_assert_str_eq(spec.user, "7");
	docker_spec_done(&spec);
}
END_TEST

/* --- image, labels, hardening ---------------------------------------------------------------- */

START_TEST(npx_gets_an_image_and_a_cache_on_tmp)
{
	char *words[] = { (char *)"npx", (char *)"-y", (char *)"pkg", NULL };
	server.image = NULL;
	server.command = words;
	env[0] =
		(struct conf_env){ .name = (char *)"npm_config_loglevel", .value = (char *)"warn" };
	plan();
	ck_assert_str_eq(spec.image, "node:lts-alpine");
	ck_assert_str_eq(spec.command[0], "npx");
	ck_assert_uint_eq(spec.n_mounts, 1);
	ck_assert_int_eq(spec.mounts[0].type, DOCKER_MOUNT_VOLUME);
	ck_assert_str_eq(spec.mounts[0].source, "mcpinit-inst-fs-cache");
	ck_assert_str_eq(spec.mounts[0].target, "/tmp");
	ck_assert_str_eq(spec.mounts[0].labels[0], "io.mcpinit.instance=inst");
	ck_assert_str_eq(spec.mounts[0].labels[1], "io.mcpinit.server=fs");
	ck_assert_str_eq(var("HOME"), "/tmp");
	ck_assert_str_eq(var("npm_config_loglevel"), "warn"); /* the user's word wins */
	ck_assert(result.is_installing);
	docker_spec_done(&spec);
	volumes[0] = (struct conf_volume){ (char *)"mine", (char *)"/tmp", false };
	plan();
	ck_assert_uint_eq(spec.n_mounts, 1);
	ck_assert_str_eq(spec.mounts[0].source, "mine");
	docker_spec_done(&spec);
}
END_TEST

START_TEST(image_overrides_the_map_and_a_plain_command_needs_one)
{
	char *words[] = { (char *)"npx", (char *)"pkg", NULL };
	server.command = words;
	plan();
	ck_assert_str_eq(spec.image, "img");
	docker_spec_done(&spec);
	words[0] = (char *)"python";
	server.image = NULL;
	refused("command", "set image");
}
END_TEST

START_TEST(a_package_with_an_image_of_its_own_gets_its_arguments_only)
{
	char *words[] = { (char *)"npx", (char *)"-y",
			  (char *)"@modelcontextprotocol/server-github", (char *)"--read-only",
			  NULL };
	server.command = words;
	server.image = NULL;
	plan();
	ck_assert_str_eq(spec.image, "ghcr.io/github/github-mcp-server");
	ck_assert_str_eq(spec.command[0], "stdio");
	ck_assert_str_eq(spec.command[1], "--read-only");
	ck_assert_ptr_null(spec.command[2]);
	ck_assert_uint_eq(spec.n_mounts, 0);
	ck_assert(!result.is_installing);
	docker_spec_done(&spec);
	server.image = (char *)"my-node";
	plan();
	ck_assert_str_eq(spec.image, "my-node");
	ck_assert_str_eq(spec.command[0], "npx");
	ck_assert_str_eq(spec.mounts[0].target, "/tmp");
	ck_assert(result.is_installing);
	docker_spec_done(&spec);
}
END_TEST

START_TEST(our_labels_cannot_be_taken_over)
{
	char *labels[] = { (char *)"team=a", (char *)DOCKER_LABEL_BOOT "=fake", NULL };
	server.labels = labels;
	plan();
	size_t n = 0;
	while (spec.labels[n])
		n++;
	ck_assert_str_eq(spec.labels[n - 1], DOCKER_LABEL_OWNER "=f00d");
	ck_assert_str_eq(spec.labels[n - 2], DOCKER_LABEL_BOOT "=b00t"); /* the last one wins */
	ck_assert_str_eq(label(DOCKER_LABEL_INSTANCE), "inst");
	ck_assert_str_eq(label(DOCKER_LABEL_SERVER), "fs");
	ck_assert_str_eq(label("team"), "a");
	docker_spec_done(&spec);
	self.id = NULL;
	plan();
	ck_assert_ptr_null(label(DOCKER_LABEL_OWNER));
	docker_spec_done(&spec);
}
END_TEST

START_TEST(hardening_follows_the_configuration)
{
	char *security[] = { (char *)"seccomp=unconfined", NULL };
	server.security_opt = security;
	plan();
	ck_assert(spec.init);
	ck_assert(!spec.read_only);
	ck_assert_str_eq(spec.security_opt[0], "no-new-privileges");
	ck_assert_str_eq(spec.security_opt[1], "seccomp=unconfined");
	ck_assert_str_eq(spec.cap_drop[0], "ALL");
	ck_assert_ptr_null(spec.cap_drop[1]);
	ck_assert_str_eq(spec.log_driver, "none");
	docker_spec_done(&spec);
	security[0] = (char *)"no-new-privileges:false";
	server.cap_drop = none;
	server.logging = (char *)"local";
	server.init = CONF_NO;
	server.read_only = CONF_YES;
	plan();
	ck_assert_ptr_null(spec.security_opt);
	ck_assert_ptr_null(spec.cap_drop);
	ck_assert_str_eq(spec.log_driver, "local");
	ck_assert(!spec.init);
	ck_assert(spec.read_only);
	docker_spec_done(&spec);
}
END_TEST

START_TEST(proxies_of_the_docker_configuration_yield_to_environment)
{
	char *proxies[] = { (char *)"HTTP_PROXY=http://p:1", (char *)"http_proxy=http://p:1",
			    NULL };
	params.proxies = proxies;
	env[0] = (struct conf_env){ .name = (char *)"HTTP_PROXY", .value = (char *)"mine" };
	plan();
	ck_assert_str_eq(var("HTTP_PROXY"), "mine");
	ck_assert_str_eq(var("http_proxy"), "http://p:1");
	docker_spec_done(&spec);
}
END_TEST

START_TEST(the_default_platform_is_dockers_own_variable)
{
	static const char *const with_platform[] = { "DOCKER_DEFAULT_PLATFORM=linux/arm64", NULL };
	plan();
	ck_assert_ptr_null(spec.platform);
	docker_spec_done(&spec);
	params.environ = with_platform;
	plan();
	ck_assert_str_eq(spec.platform, "linux/arm64");
	docker_spec_done(&spec);
	server.platform = (char *)"linux/amd64";
	plan();
	ck_assert_str_eq(spec.platform, "linux/amd64");
	docker_spec_done(&spec);
}
END_TEST

START_TEST(an_empty_entrypoint_takes_the_images_away)
{
	server.entrypoint = none;
	plan();
	ck_assert_str_eq(spec.entrypoint[0], "");
	docker_spec_done(&spec);
}
END_TEST

/* --- a child of ours ------------------------------------------------------------------------- */

START_TEST(a_process_gets_little_of_our_environment)
{
	char **got = NULL;
	env[0] = (struct conf_env){ .name = (char *)"HOME", .value = (char *)"/h" };
	ck_assert_int_eq(plan_env(&params, &got, NULL), 0);
	const char *const *v = (const char *const *)got;
	ck_assert_str_eq(docker_env_get(v, "PATH"), "/bin");
	ck_assert_str_eq(docker_env_get(v, "HOME"), "/h");
	ck_assert_str_eq(docker_env_get(v, "LC_ALL"), "C");
	ck_assert_str_eq(docker_env_get(v, "https_proxy"), "http://p:1");
	ck_assert_str_eq(docker_env_get(v, "SSL_CERT_DIR"), "/c");
	ck_assert_ptr_null(docker_env_get(v, "TOKEN"));
	ck_assert_ptr_null(docker_env_get(v, "SECRET_THING"));
	ck_assert_ptr_null(docker_env_get(v, "PATHS"));
	docker_argv_free(got);
}
END_TEST

START_TEST(inherit_environment_gives_it_all)
{
	char **got = NULL;
	server.inherit_environment = true;
	ck_assert_int_eq(plan_env(&params, &got, NULL), 0);
	ck_assert_str_eq(docker_env_get((const char *const *)got, "SECRET_THING"), "x");
	docker_argv_free(got);
	const char *const empty[] = { NULL };
	params.environ = empty;
	ck_assert_int_eq(plan_env(&params, &got, NULL), 0);
	ck_assert_ptr_nonnull(got);
	ck_assert_ptr_null(got[0]);
	docker_argv_free(got);
}
END_TEST

START_TEST(a_process_whose_variable_is_missing_is_refused)
{
	char **got = NULL;
	struct err e = { 0 };
	env[0] = (struct conf_env){ .name = (char *)"NOPE" };
	ck_assert_int_eq(plan_env(&params, &got, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, "NOPE"));
	ck_assert_ptr_null(got);
}
END_TEST

Suite *suite_supervisor_plan(void);
Suite *suite_supervisor_plan(void)
{
	Suite *s = suite_create("supervisor_plan");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, the_workspace_is_translated_to_the_host);
	tcase_add_test(c, workspace_host_overrides_for_the_workspace_and_below);
	tcase_add_test(c, what_we_may_only_read_stays_so_with_workspace_host);
	tcase_add_test(c, our_mounts_below_a_volume_come_along);
	tcase_add_test(c, git_trusts_the_workspace_whoever_owns_it);
	tcase_add_test(c, a_path_that_cannot_be_mapped_is_named);
	tcase_add_test(c, user_auto_is_the_owner_of_the_workspace);
	tcase_add_test(c, auto_is_the_default_only_for_a_root_image_that_mounts_the_workspace);
	tcase_add_test(c, npx_gets_an_image_and_a_cache_on_tmp);
	tcase_add_test(c, image_overrides_the_map_and_a_plain_command_needs_one);
	tcase_add_test(c, a_package_with_an_image_of_its_own_gets_its_arguments_only);
	tcase_add_test(c, our_labels_cannot_be_taken_over);
	tcase_add_test(c, hardening_follows_the_configuration);
	tcase_add_test(c, proxies_of_the_docker_configuration_yield_to_environment);
	tcase_add_test(c, the_default_platform_is_dockers_own_variable);
	tcase_add_test(c, an_empty_entrypoint_takes_the_images_away);
	tcase_add_test(c, a_process_gets_little_of_our_environment);
	tcase_add_test(c, inherit_environment_gives_it_all);
	tcase_add_test(c, a_process_whose_variable_is_missing_is_refused);
	suite_add_tcase(s, c);
	return s;
}
