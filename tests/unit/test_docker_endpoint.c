/* SPDX-License-Identifier: MIT */
#include "docker/endpoint.h"

#include "base/err.h"
#include "docker/spec.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32];
static struct docker_endpoint *ep;
static struct err e;

static void put(const char *name, const char *text)
{
	char path[256];
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdir(path, 0700);
		*p = '/';
	}
	FILE *f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void setup(void)
{
	static const char *const names[] = { "DOCKER_HOST",	 "DOCKER_CONTEXT",
					     "DOCKER_TLS",	 "DOCKER_TLS_VERIFY",
					     "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	strcpy(dir, "/tmp/endpoint.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)setenv("DOCKER_CONFIG", dir, 1);
	ep = NULL;
}

static void teardown(void)
{
	char command[64];
	docker_endpoint_free(ep);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void find(const char *host)
{
	ck_assert_msg(docker_endpoint_find(host, &ep, &e) == 0, "%s", e.text);
}

START_TEST(a_unix_host_is_a_path)
{
	find("unix:///a/b.sock");
	ck_assert_str_eq(ep->http.unix_path, "/a/b.sock");
	ck_assert_str_eq(ep->http.base_url, "http://localhost");
	ck_assert_str_eq(ep->text, "unix:///a/b.sock");
}
END_TEST

START_TEST(a_tcp_host_is_plain_without_tls)
{
	find("tcp://h:1234/");
	ck_assert_ptr_null(ep->http.unix_path);
	ck_assert_str_eq(ep->http.base_url, "http://h:1234");
	ck_assert_str_eq(ep->text, "tcp://h:1234");
	docker_endpoint_free(ep);
	find("tcp://[::1]");
	ck_assert_str_eq(ep->text, "tcp://[::1]:2375");
}
END_TEST

START_TEST(tls_takes_the_certificates_that_are_there)
{
	put("certs/ca.pem", "");
	put("certs/key.pem", "");
	char certs[64];
	(void)snprintf(certs, sizeof(certs), "%s/certs", dir);
	(void)setenv("DOCKER_CERT_PATH", certs, 1);
	(void)setenv("DOCKER_TLS_VERIFY", "1", 1);
	find("tcp://h");
	ck_assert_str_eq(ep->http.base_url, "https://h:2376");
	ck_assert_ptr_nonnull(strstr(ep->http.ca_file, "/certs/ca.pem"));
	ck_assert_ptr_nonnull(strstr(ep->http.key_file, "/certs/key.pem"));
	ck_assert_ptr_null(ep->http.cert_file);
	ck_assert(!ep->http.is_insecure);
}
END_TEST

START_TEST(tls_without_verify_does_not_check_the_server)
{
	find("https://h:1");
	ck_assert(ep->http.is_insecure);
	ck_assert_str_eq(ep->text, "tcp://h:1");
}
END_TEST

START_TEST(the_config_wins_over_the_environment_and_that_over_the_context)
{
	put("config.json", "{\"currentContext\":\"far\"}");
	put("contexts/meta/abc/meta.json",
	    "{\"Name\":\"far\",\"Endpoints\":{\"docker\":{\"Host\":\"unix:///far.sock\"}}}");
	put("contexts/meta/aaa/meta.json",
	    "{\"Name\":\"other\",\"Endpoints\":{\"docker\":{\"Host\":\"unix:///other.sock\"}}}");
	find(NULL);
	ck_assert_str_eq(ep->text, "unix:///far.sock");
	docker_endpoint_free(ep);
	(void)setenv("DOCKER_CONTEXT", "other", 1);
	find("");
	ck_assert_str_eq(ep->text, "unix:///other.sock");
	docker_endpoint_free(ep);
	(void)setenv("DOCKER_HOST", "unix:///env.sock", 1);
	find(NULL);
	ck_assert_str_eq(ep->text, "unix:///env.sock");
	docker_endpoint_free(ep);
	find("unix:///conf.sock");
	ck_assert_str_eq(ep->text, "unix:///conf.sock");
}
END_TEST

START_TEST(a_context_brings_its_certificates)
{
	(void)setenv("DOCKER_CONTEXT", "far", 1);
	put("contexts/meta/abc/meta.json",
	    "{\"Name\":\"far\",\"Endpoints\":{\"docker\":{\"Host\":\"tcp://h:9\",\"SkipTLSVerify\":true}}}");
	put("contexts/tls/abc/docker/ca.pem", "");
	find(NULL);
	ck_assert_str_eq(ep->http.base_url, "https://h:9");
	ck_assert_ptr_nonnull(strstr(ep->http.ca_file, "contexts/tls/abc/docker/ca.pem"));
	ck_assert(ep->http.is_insecure);
}
END_TEST

/* The command's environment for this endpoint, "|" behind each. */
static void check_env(const char *want)
{
	static const char *const environ_[] = { "HOME=/h",	"DOCKER_TLS_VERIFY=1",
						"DOCKER_TLS=1", "DOCKER_CERT_PATH=/mine",
						"PATH=/bin",	NULL };
	char **env = NULL, text[512] = "";
	ck_assert_int_eq(docker_endpoint_env(ep, environ_, &env, &e), 0);
	for (char **p = env; *p; p++) {
		(void)strcat(text, *p);
		(void)strcat(text, "|");
	}
	ck_assert_str_eq(text, want);
	docker_list_free(env);
}

START_TEST(the_docker_command_gets_the_tls_of_the_endpoint_and_no_other)
{
	char want[256];
	find("unix:///s");
	check_env("HOME=/h|PATH=/bin|");
	docker_endpoint_free(ep);
	find("http://h:1");
	check_env("HOME=/h|PATH=/bin|");
	docker_endpoint_free(ep);
	(void)setenv("DOCKER_CONTEXT", "far", 1);
	put("contexts/meta/abc/meta.json",
	    "{\"Name\":\"far\",\"Endpoints\":{\"docker\":{\"Host\":\"tcp://h:9\"}}}");
	put("contexts/tls/abc/docker/ca.pem", "");
	find(NULL);
	(void)snprintf(
		want, sizeof(want),
		"HOME=/h|PATH=/bin|DOCKER_TLS_VERIFY=1|DOCKER_CERT_PATH=%s/contexts/tls/abc/docker|",
		dir);
	check_env(want);
}
END_TEST

START_TEST(the_default_context_is_the_usual_socket)
{
	put("config.json", "{\"currentContext\":\"default\"}");
	find(NULL);
	ck_assert_ptr_nonnull(ep->http.unix_path);
}
END_TEST

START_TEST(what_cannot_be_used_is_named)
{
	static const char *const hosts[] = { "ssh://me@h",  "npipe:////./pipe/x", "h:2375",
					     "tcp://",	    "tcp://:1",		  "unix://relative",
					     "tcp://h/path" };
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		ck_assert_int_eq(docker_endpoint_find(hosts[i], &ep, &e), -EINVAL);
		ck_assert_msg(strstr(e.text, hosts[i]) != NULL, "%s", e.text);
	}
	(void)setenv("DOCKER_CONTEXT", "gone", 1);
	ck_assert_int_eq(docker_endpoint_find(NULL, &ep, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "gone"));
}
END_TEST

Suite *suite_docker_endpoint(void);
Suite *suite_docker_endpoint(void)
{
	Suite *s = suite_create("docker_endpoint");
	TCase *tc = tcase_create("endpoint");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_unix_host_is_a_path);
	tcase_add_test(tc, a_tcp_host_is_plain_without_tls);
	tcase_add_test(tc, tls_takes_the_certificates_that_are_there);
	tcase_add_test(tc, tls_without_verify_does_not_check_the_server);
	tcase_add_test(tc, the_config_wins_over_the_environment_and_that_over_the_context);
	tcase_add_test(tc, a_context_brings_its_certificates);
	tcase_add_test(tc, the_docker_command_gets_the_tls_of_the_endpoint_and_no_other);
	tcase_add_test(tc, the_default_context_is_the_usual_socket);
	tcase_add_test(tc, what_cannot_be_used_is_named);
	suite_add_tcase(s, tc);
	return s;
}
