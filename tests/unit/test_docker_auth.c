/* SPDX-License-Identifier: MIT */
#include "docker/auth.h"

#include "base/err.h"
#include "docker/spec.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *image, *registry;
} references[] = {
	{ "alpine", "docker.io" },
	{ "alpine:3.20", "docker.io" },
	{ "library/alpine", "docker.io" },
	{ "docker.io/library/alpine", "docker.io" },
	{ "index.docker.io/library/alpine", "docker.io" },
	{ "ghcr.io/github/github-mcp-server", "ghcr.io" },
	{ "localhost/x", "localhost" },
	{ "localhost:5000/x:1", "localhost:5000" },
	{ "reg:5000/x@sha256:00", "reg:5000" },
	{ "img@sha256:00", "docker.io" },
};

START_TEST(the_registry_is_the_first_part_if_it_is_a_host)
{
	char *registry = docker_registry_of(references[_i].image);
	ck_assert_str_eq(registry, references[_i].registry);
	free(registry);
}
END_TEST

static struct docker_auth auth;

static void find(const char *config, const char *registry)
{
	struct err e = { 0 };
	memset(&auth, 0, sizeof(auth));
	int r = docker_auth_find(config, registry, &auth, &e);
	ck_assert_msg(r == 0, "%s", e.text);
}

/* base64("user:pa:ss") */
#define LOGIN "{\"auth\":\"dXNlcjpwYTpzcw==\"}"

START_TEST(a_login_is_found_under_any_form_of_the_key)
{
	static const char *const keys[] = { "ghcr.io", "https://ghcr.io", "https://ghcr.io/v1/",
					    "http://ghcr.io/v2" };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char config[128];
		(void)snprintf(config, sizeof(config), "{\"auths\":{\"%s\":" LOGIN "}}", keys[i]);
		find(config, "ghcr.io");
		ck_assert_str_eq(auth.username, "user");
		ck_assert_str_eq(auth.password, "pa:ss");
		ck_assert_str_eq(auth.server, "ghcr.io");
		docker_auth_done(&auth);
	}
}
END_TEST

START_TEST(docker_hub_has_a_key_of_its_own)
{
	find("{\"auths\":{\"https://index.docker.io/v1/\":" LOGIN "}}", "docker.io");
	ck_assert_str_eq(auth.username, "user");
	ck_assert_str_eq(auth.server, "https://index.docker.io/v1/");
	docker_auth_done(&auth);
}
END_TEST

START_TEST(another_registrys_login_is_never_sent)
{
	find("{\"auths\":{\"ghcr.io.evil.com\":" LOGIN ",\"xghcr.io\":" LOGIN
	     ",\"ghcr.io:443\":" LOGIN "}}",
	     "ghcr.io");
	ck_assert(docker_auth_is_empty(&auth));
	docker_auth_done(&auth);
}
END_TEST

START_TEST(an_empty_entry_is_no_login)
{
	find("{\"auths\":{\"ghcr.io\":{}},\"credsStore\":\"desktop\"}", "ghcr.io");
	ck_assert(docker_auth_is_empty(&auth));
	ck_assert_str_eq(auth.helper, "desktop");
	docker_auth_done(&auth);
	find(NULL, "ghcr.io");
	ck_assert(docker_auth_is_empty(&auth));
	docker_auth_done(&auth);
}
END_TEST

START_TEST(a_registrys_own_helper_goes_before_the_store)
{
	find("{\"credsStore\":\"desktop\",\"credHelpers\":{\"gcr.io\":\"gcloud\"},\"auths\":{\"gcr.io\":" LOGIN
	     "}}",
	     "gcr.io");
	ck_assert_str_eq(auth.helper, "gcloud");
	ck_assert_str_eq(auth.username, "user"); /* what stands where the helper is not installed */
	docker_auth_done(&auth);
}
END_TEST

START_TEST(an_identity_token_stands_alone)
{
	find("{\"auths\":{\"r.io\":{\"auth\":\"dTo=\",\"identitytoken\":\"tok\"}}}", "r.io");
	ck_assert_str_eq(auth.identity_token, "tok");
	ck_assert_ptr_null(auth.password);
	char *header = docker_auth_header(&auth);
	/* {"identitytoken":"tok","serveraddress":"r.io"} */
	ck_assert_str_eq(
		header,
		"X-Registry-Auth: eyJpZGVudGl0eXRva2VuIjoidG9rIiwic2VydmVyYWRkcmVzcyI6InIuaW8ifQ==");
	free(header);
	docker_auth_done(&auth);
}
END_TEST

START_TEST(the_header_uses_the_alphabet_for_urls)
{
	auth = (struct docker_auth){
		.username = strdup("u"),
		.password = strdup("?\?\?>>>~~~"),
		.server = strdup("r.io"),
	};
	char *header = docker_auth_header(&auth);
	ck_assert_str_eq(header,
			 "X-Registry-Auth: eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6Ij8_Pz4-Pn5-fiIs"
			 "InNlcnZlcmFkZHJlc3MiOiJyLmlvIn0=");
	free(header);
	docker_auth_done(&auth);
}
END_TEST

static const char *const broken[] = {
	"",
	"[]",
	"{",
	"{\"auths\":{\"r.io\":{\"auth\":\"!!\"}}}",
	"{\"auths\":{\"r.io\":{\"auth\":\"bm9jb2xvbg==\"}}}",
};

START_TEST(a_broken_file_is_an_error_without_its_content)
{
	struct err e = { 0 };
	ck_assert_int_eq(docker_auth_find(broken[_i], "r.io", &auth, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "config.json"));
	ck_assert_ptr_null(strstr(e.text, "nocolon"));
}
END_TEST

START_TEST(a_helpers_answer_replaces_what_was_stored)
{
	find("{\"credsStore\":\"x\",\"auths\":{\"r.io\":" LOGIN "}}", "r.io");
	ck_assert_int_eq(
		docker_auth_from_helper("{\"Username\":\"a\",\"Secret\":\"b\"}", &auth, NULL), 0);
	ck_assert_str_eq(auth.username, "a");
	ck_assert_str_eq(auth.password, "b");
	ck_assert_int_eq(
		docker_auth_from_helper("{\"Username\":\"<token>\",\"Secret\":\"t\"}", &auth, NULL),
		0);
	ck_assert_str_eq(auth.identity_token, "t");
	ck_assert_ptr_null(auth.username);
	struct err e;
	ck_assert_int_eq(
		docker_auth_from_helper("credentials not found in native keychain", &auth, &e),
		-EINVAL);
	ck_assert_str_eq(auth.identity_token, "t");
	docker_auth_done(&auth);
}
END_TEST

START_TEST(proxies_of_the_cli_reach_the_container_unless_it_has_its_own)
{
	static const char config[] =
		"{\"proxies\":{\"default\":{\"httpProxy\":\"http://d:1\",\"noProxy\":\"\"},"
		"\"tcp://h:1\":{\"httpsProxy\":\"http://s:1\"}}}";
	char **env = NULL;
	docker_env_set(&env, "http_proxy", "mine");
	ck_assert_int_eq(docker_config_proxies(config, "unix:///s", &env), 0);
	const char *const *have = (const char *const *)env;
	ck_assert_str_eq(docker_env_get(have, "HTTP_PROXY"), "http://d:1");
	ck_assert_str_eq(docker_env_get(have, "http_proxy"), "mine");
	ck_assert_ptr_null(docker_env_get(have, "NO_PROXY"));
	docker_list_free(env);
	env = NULL;
	ck_assert_int_eq(docker_config_proxies(config, "tcp://h:1", &env), 0);
	have = (const char *const *)env;
	ck_assert_str_eq(docker_env_get(have, "https_proxy"), "http://s:1");
	ck_assert_ptr_null(docker_env_get(have, "HTTP_PROXY"));
	docker_list_free(env);
	env = NULL;
	ck_assert_int_eq(docker_config_proxies(NULL, NULL, &env), 0);
	ck_assert_ptr_null(env);
}
END_TEST

Suite *suite_docker_auth(void);
Suite *suite_docker_auth(void)
{
	Suite *s = suite_create("docker_auth");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, the_registry_is_the_first_part_if_it_is_a_host, 0,
			    (int)(sizeof(references) / sizeof(references[0])));
	tcase_add_test(c, a_login_is_found_under_any_form_of_the_key);
	tcase_add_test(c, docker_hub_has_a_key_of_its_own);
	tcase_add_test(c, another_registrys_login_is_never_sent);
	tcase_add_test(c, an_empty_entry_is_no_login);
	tcase_add_test(c, a_registrys_own_helper_goes_before_the_store);
	tcase_add_test(c, an_identity_token_stands_alone);
	tcase_add_test(c, the_header_uses_the_alphabet_for_urls);
	tcase_add_loop_test(c, a_broken_file_is_an_error_without_its_content, 0,
			    (int)(sizeof(broken) / sizeof(broken[0])));
	tcase_add_test(c, a_helpers_answer_replaces_what_was_stored);
	tcase_add_test(c, proxies_of_the_cli_reach_the_container_unless_it_has_its_own);
	suite_add_tcase(s, c);
	return s;
}
