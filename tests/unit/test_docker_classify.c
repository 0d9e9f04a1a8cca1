/* SPDX-License-Identifier: MIT */
#include "docker/client.h"

#include <check.h>

static const struct {
	int status, class;
	const char *message;
} rows[] = {
	{ 404, DOCKER_NOT_FOUND, "No such image: ghost:1" },
	{ 404, DOCKER_NOT_FOUND, "network nonet not found" },
	{ 409, DOCKER_CONFLICT,
	  "Conflict. The container name \"/x\" is already in use by container" },
	{ 500, DOCKER_CONFLICT,
	  "creating container storage: the container name \"x\" is already in use" },
	{ 409, DOCKER_CONFLICT, "removal of container x is already in progress" },
	{ 400, DOCKER_BAD_REQUEST, "Minimum memory limit allowed is 6MB" },
	{ 400, DOCKER_BAD_REQUEST,
	  "invalid mount config for type \"bind\": bind source path does not exist: /x" },
	{ 500, DOCKER_BAD_REQUEST, "json: cannot unmarshal string into Go struct field" },
	{ 500, DOCKER_BAD_REQUEST, "unable to find user nope: no matching entries in passwd file" },
	{ 400, DOCKER_VERSION,
	  "client version 1.99 is too new. Maximum supported API version is 1.41" },
	{ 400, DOCKER_VERSION,
	  "client version 1.11 is too old. Minimum supported API version is 1.44, upgrade" },
	{ 400, DOCKER_EXEC,
	  "OCI runtime create failed: starting container process caused: exec: \"/nope\": stat /nope: no "
	  "such file or directory: unknown" },
	{ 400, DOCKER_EXEC,
	  "failed to create shim task: OCI runtime create failed: runc create failed: unable to start "
	  "container process: exec: \"nope\": executable file not found in $PATH: unknown" },
	{ 409, DOCKER_EXEC,
	  "crun: executable file `nope` not found in $PATH: OCI runtime attempted" },
	{ 500, DOCKER_DENIED, "Get https://r/v2/x/manifests/1: no basic auth credentials" },
	{ 500, DOCKER_DENIED, "Get https://r/v2/: unauthorized: authentication required" },
	{ 403, DOCKER_DENIED, "error from registry: denied" },
	{ 404, DOCKER_DENIED,
	  "pull access denied for x, repository does not exist or may require 'docker login'" },
	{ 200, DOCKER_DENIED, "unauthorized: incorrect username or password" },
	{ 403, DOCKER_PERMISSION, "" },
	{ 500, DOCKER_OTHER, "mkdir /var/lib/docker/x: permission denied" },
	{ 500, DOCKER_RATE_LIMIT, "toomanyrequests: You have reached your pull rate limit" },
	{ 429, DOCKER_RATE_LIMIT, "" },
	{ 404, DOCKER_NOT_FOUND, "manifest for x:9 not found: manifest unknown" },
	{ 200, DOCKER_NOT_FOUND, "manifest unknown" },
	{ 500, DOCKER_NETWORK, "Get https://r/v2/: dial tcp: lookup r: no such host" },
	{ 200, DOCKER_NETWORK, "read tcp 1.2.3.4:443: connection reset by peer" },
	{ 500, DOCKER_NETWORK, "Get https://r/v2/: net/http: TLS handshake timeout" },
	{ 503, DOCKER_NETWORK, "" },
	{ 504, DOCKER_TIMEOUT, "" },
	{ 500, DOCKER_OTHER, "driver failed" },
	{ 200, DOCKER_OTHER, "truncated" },
};

START_TEST(an_error_has_its_class)
{
	ck_assert_msg(docker_classify(rows[_i].status, rows[_i].message) == rows[_i].class,
		      "%d %s: %s instead of %s", rows[_i].status, rows[_i].message,
		      docker_class_name(docker_classify(rows[_i].status, rows[_i].message)),
		      docker_class_name(rows[_i].class));
}
END_TEST

START_TEST(every_class_has_a_name)
{
	ck_assert_str_eq(docker_class_name(DOCKER_OTHER), "other");
	ck_assert_str_eq(docker_class_name(DOCKER_TIMEOUT), "timeout");
	ck_assert_str_eq(docker_class_name(0), "none");
	ck_assert_str_eq(docker_class_name(99), "none");
}
END_TEST

START_TEST(the_words_are_found_in_json_in_plain_text_and_never_in_a_page)
{
	char buf[64];
	ck_assert_str_eq(docker_message("{\"message\":\"no\\nsuch\"}", buf, sizeof(buf)),
			 "no such");
	ck_assert_str_eq(docker_message("{\"cause\":\"a\",\"message\":\"b\",\"response\":1}", buf,
					sizeof(buf)),
			 "b");
	ck_assert_str_eq(docker_message("client version 1.11 is too old\n", buf, sizeof(buf)),
			 "client version 1.11 is too old");
	ck_assert_str_eq(docker_message("<html><h1>403</h1></html>", buf, sizeof(buf)), "");
	ck_assert_str_eq(docker_message("{\"x\":1}", buf, sizeof(buf)), "");
	ck_assert_str_eq(docker_message("", buf, sizeof(buf)), "");
}
END_TEST

Suite *suite_docker_classify(void);
Suite *suite_docker_classify(void)
{
	Suite *s = suite_create("docker_classify");
	TCase *tc = tcase_create("words");
	tcase_add_loop_test(tc, an_error_has_its_class, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, every_class_has_a_name);
	tcase_add_test(tc, the_words_are_found_in_json_in_plain_text_and_never_in_a_page);
	suite_add_tcase(s, tc);
	return s;
}
