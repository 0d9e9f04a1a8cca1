/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "tests/unit/image_rig.h"

static void log_in(void)
{
	char path[96];
	(void)snprintf(path, sizeof(path), "%s/config.json", config_dir);
	FILE *f = fopen(path, "w");
	fputs("{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}", f);
	fclose(f);
}

#define DIAL "{\"message\":\"Get https://ghcr.io/v2/: dial tcp: lookup ghcr.io: no such host\"}"

START_TEST(a_present_image_never_touches_a_registry)
{
	struct seen s;
	tiny_rule(&engine, "GET /v1.41/images/ghcr.io/x/y:1/json", "200 OK", HERE, -1);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert(s.is_ok);
	ck_assert_str_eq(s.user, "node");
	ck_assert_str_eq(s.progress, "");
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 0);
}
END_TEST

START_TEST(a_missing_image_is_pulled_and_verified)
{
	struct seen s;
	tiny_rule(&engine, "GET /v1.41/images/x/json", "404 Not Found", ABSENT, 1);
	tiny_rule(&engine, "POST /v1.41/images/create?fromImage=x&tag=latest ", "200 OK", PULLED,
		  1);
	tiny_rule(&engine, "GET /v1.41/images/x/json", "200 OK", HERE, 1);
	start(&s, "x", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	ck_assert_ptr_nonnull(strstr(s.progress, "pulling x|"));
	ck_assert_ptr_nonnull(strstr(s.progress, "|pulled x in "));
	ck_assert_ptr_nonnull(strstr(s.progress, " s: 0.0 MB, 2.5 MB on disk|"));
	ck_assert_int_eq(tiny_count(&engine, "X-Registry-Auth"), 0);
}
END_TEST

START_TEST(always_pulls_without_looking_first)
{
	struct seen s;
	tiny_rule(&engine, "POST /v1.41/images/create", "200 OK", PULLED, 1);
	tiny_rule(&engine, "GET /v1.41/images/x:1/json", "200 OK", HERE, 1);
	start(&s, "x:1", DOCKER_PULL_ALWAYS);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert(s.is_ok);
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 1);
}
END_TEST

START_TEST(never_names_the_key_that_would_change_it)
{
	struct seen s;
	tiny_rule(&engine, "/images/", "404 Not Found", ABSENT, -1);
	start(&s, "x:1", DOCKER_PULL_NEVER);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert(!s.is_ok);
	ck_assert_int_eq(s.e.kind, DOCKER_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(s.e.text, "pull_policy = missing"));
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 0);
}
END_TEST

START_TEST(denied_is_said_at_once_with_the_remedy)
{
	struct seen s;
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, -1);
	tiny_rule(&engine, "/images/create", "500 Internal Server Error", DENIED, -1);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_int_eq(s.e.kind, DOCKER_DENIED);
	ck_assert_ptr_nonnull(strstr(s.e.text, "cannot pull ghcr.io/x/y:1: access denied"));
	ck_assert_ptr_nonnull(strstr(s.e.text, "docker login ghcr.io"));
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 1);
}
END_TEST

START_TEST(a_stale_login_does_not_keep_a_public_image_away)
{
	struct seen s;
	log_in();
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, 1);
	tiny_rule(&engine, "X-Registry-Auth: eyJ1c2VybmFtZSI6InUi", "500 Internal Server Error",
		  DENIED, 1);
	tiny_rule(&engine, "/images/create", "200 OK", PULLED, 1);
	tiny_rule(&engine, "/json", "200 OK", HERE, 1);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 2);
	ck_assert_int_eq(tiny_count(&engine, "X-Registry-Auth"), 1);
}
END_TEST

START_TEST(denied_with_and_without_login_is_the_end)
{
	struct seen s;
	log_in();
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, -1);
	tiny_rule(&engine, "X-Registry-Auth", "500 X", "{\"message\":\"unauthorized: stale\"}", -1);
	tiny_rule(&engine, "/images/create", "200 OK",
		  "{\"errorDetail\":{\"message\":\"no basic auth\"}}", -1);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_int_eq(s.e.kind, DOCKER_DENIED);
	ck_assert_ptr_nonnull(
		strstr(s.e.text, "unauthorized: stale")); /* the first reason is the telling one */
	ck_assert_ptr_nonnull(strstr(s.e.text, "and without"));
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 2);
}
END_TEST

START_TEST(a_late_error_in_a_200_is_an_error)
{
	struct seen s;
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, -1);
	tiny_rule(
		&engine, "/images/create", "200 OK",
		"{\"status\":\"Pulling from x\"}\r\n"
		"{\"errorDetail\":{\"message\":\"manifest unknown\"},\"error\":\"manifest unknown\"}\r\n",
		-1);
	start(&s, "ghcr.io/x/y:nope", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_int_eq(s.e.kind, DOCKER_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(s.e.text, "manifest unknown"));
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 1);
}
END_TEST

START_TEST(the_network_is_tried_three_times_more)
{
	struct seen s;
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, -1);
	tiny_rule(&engine, "/images/create", "500 Internal Server Error", DIAL, -1);
	int64_t from = clock_ms();
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 10);
	ck_assert_int_eq(s.e.kind, DOCKER_NETWORK);
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 4);
	ck_assert_int_ge(clock_ms() - from, 14000);
	ck_assert_ptr_nonnull(strstr(s.progress, "trying again in 8 s"));
	ck_assert_ptr_nonnull(strstr(s.e.text, "no such host"));
}
END_TEST

START_TEST(a_network_that_comes_back_is_success)
{
	struct seen s;
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, 1);
	tiny_rule(&engine, "/images/create", "500 Internal Server Error", DIAL, 1);
	tiny_rule(&engine, "/images/create", "500 Internal Server Error",
		  "{\"message\":\"toomanyrequests: slow down\"}", 1);
	tiny_rule(&engine, "/images/create", "200 OK", PULLED, 1);
	tiny_rule(&engine, "/json", "200 OK", HERE, 1);
	start(&s, "x:1", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 10);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
}
END_TEST

START_TEST(a_pull_without_a_byte_for_its_idle_time_is_ended_and_tried_again)
{
	struct seen s;
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, -1);
	tiny_rule(&engine, "/images/create", NULL, NULL, -1);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_MISSING);
	int64_t from = clock_ms();
	for (int i = 0; i < 200 && tiny_count(&engine, "/images/create") == 0; i++) {
		loop_round(engine.loop, false);
		usleep(500);
	}
	tiny_offset_ms += 119000;
	for (int i = 0; i < 20; i++)
		loop_round(engine.loop, false);
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 1);
	ck_assert_ptr_null(strstr(s.progress, "trying again"));
	tiny_until(&engine, &s.is_done, 200);
	ck_assert_int_eq(s.e.kind, DOCKER_TIMEOUT);
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 4);
	ck_assert_int_ge(clock_ms() - from, 4 * 120000 + 14000);
}
END_TEST

static const char layer_line[] =
	"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":%d,\"total\":100},"
	"\"id\":\"aaaaaaaaaaaa\"}\r\n";

START_TEST(a_slow_pull_has_no_deadline_and_is_told_at_a_human_rate)
{
	struct seen s;
	char line[160];
	tiny_rule(&engine, "/images/create", NULL, NULL, 1);
	tiny_rule(&engine, "/json", "200 OK", HERE, 1);
	start(&s, "x:1", DOCKER_PULL_ALWAYS);
	for (int i = 0; i < 2000 && tiny_count(&engine, "/images/create") == 0; i++) {
		loop_round(engine.loop, false);
		usleep(500);
	}
	struct scripted_conn *c = &engine.server.conns[engine.server.n_conns - 1];
	scripted_say(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	for (int i = 0; i < 40; i++) { /* 40 x 60 s, two lines in each */
		for (int j = 0; j < 2; j++) {
			(void)snprintf(line, sizeof(line), layer_line, i);
			scripted_say(c, line);
			for (int k = 0; k < 5; k++)
				loop_round(engine.loop, false);
		}
		tiny_offset_ms += 60000;
	}
	ck_assert(!s.is_done);
	scripted_close(c);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	int told = 0;
	for (const char *p = s.progress; (p = strchr(p, '|')); p++)
		told++;
	ck_assert_int_le(told, 42); /* pulling, once a minute, pulled */
}
END_TEST

START_TEST(a_stream_cut_without_an_error_is_not_believed)
{
	struct seen s;
	tiny_rule(&engine, "/json", "404 Not Found", ABSENT, 2);
	tiny_rule(&engine, "/images/create", "200 OK", "{\"status\":\"Waiting\",\"id\":\"a\"}", -1);
	tiny_rule(&engine, "/json", "200 OK", HERE, 1);
	start(&s, "x:1", DOCKER_PULL_MISSING);
	tiny_until(&engine, &s.is_done, 10);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 2);
}
END_TEST

START_TEST(a_cancelled_pull_calls_nobody)
{
	struct seen s;
	tiny_rule(&engine, "/images/", "500 Internal Server Error", DIAL, -1);
	start(&s, "x:1", DOCKER_PULL_ALWAYS);
	for (int i = 0; i < 20; i++) {
		loop_round(engine.loop, false);
		usleep(500);
	}
	docker_pull_cancel(s.pull); /* waits for its next try */
	tiny_offset_ms += 60000;
	for (int i = 0; i < 20; i++)
		loop_round(engine.loop, false);
	ck_assert(!s.is_done);
	docker_pull_cancel(NULL);
}
END_TEST

static const struct {
	const char *image, *platform, *query;
} queries[] = {
	{ "alpine", NULL, "fromImage=alpine&tag=latest" },
	{ "alpine:3.20", NULL, "fromImage=alpine&tag=3.20" },
	{ "reg:5000/a/b", NULL, "fromImage=reg%3A5000%2Fa%2Fb&tag=latest" },
	{ "reg:5000/a/b:1", NULL, "fromImage=reg%3A5000%2Fa%2Fb&tag=1" },
	{ "a/b@sha256:00ff", NULL, "fromImage=a%2Fb&tag=sha256%3A00ff" },
	{ "a/b:1@sha256:00ff", NULL, "fromImage=a%2Fb&tag=sha256%3A00ff" },
	{ "reg:5000/b@sha256:00ff", NULL, "fromImage=reg%3A5000%2Fb&tag=sha256%3A00ff" },
	{ "a", "linux/arm64", "fromImage=a&tag=latest&platform=linux%2Farm64" },
};

START_TEST(a_pull_always_names_one_tag)
{
	struct buf b = { 0 };
	ck_assert_int_eq(image_pull_query(&b, queries[_i].image, queries[_i].platform), 0);
	ck_assert_str_eq(buf_str(&b), queries[_i].query);
	buf_done(&b);
}
END_TEST

START_TEST(an_image_of_another_platform_is_not_it)
{
	ck_assert(image_is_platform("linux/amd64", "linux", "amd64", ""));
	ck_assert(!image_is_platform("linux/arm64", "linux", "amd64", ""));
	ck_assert(image_is_platform("linux/arm64/v8", "linux", "arm64", "v8"));
	ck_assert(image_is_platform("linux/arm64", "linux", "arm64", "v8"));
	ck_assert(image_is_platform("linux/arm64/v8", "linux", "arm64", ""));
	ck_assert(!image_is_platform("linux/arm/v7", "linux", "arm", "v6"));
	ck_assert(!image_is_platform("linux/arm", "linux", "arm64", ""));
	ck_assert(image_is_platform("linux", "linux", "arm64", ""));
}
END_TEST

Suite *suite_docker_image(void);
Suite *suite_docker_image(void)
{
	Suite *s = suite_create("docker_image");
	TCase *c = tcase_create("pull");
	tcase_set_timeout(c, 20);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_present_image_never_touches_a_registry);
	tcase_add_test(c, a_missing_image_is_pulled_and_verified);
	tcase_add_test(c, always_pulls_without_looking_first);
	tcase_add_test(c, never_names_the_key_that_would_change_it);
	tcase_add_test(c, denied_is_said_at_once_with_the_remedy);
	tcase_add_test(c, a_stale_login_does_not_keep_a_public_image_away);
	tcase_add_test(c, denied_with_and_without_login_is_the_end);
	tcase_add_test(c, a_late_error_in_a_200_is_an_error);
	tcase_add_test(c, the_network_is_tried_three_times_more);
	tcase_add_test(c, a_network_that_comes_back_is_success);
	tcase_add_test(c, a_stream_cut_without_an_error_is_not_believed);
	tcase_add_test(c, a_pull_without_a_byte_for_its_idle_time_is_ended_and_tried_again);
	tcase_add_test(c, a_slow_pull_has_no_deadline_and_is_told_at_a_human_rate);
	tcase_add_test(c, a_cancelled_pull_calls_nobody);
	suite_add_tcase(s, c);
	TCase *pure = tcase_create("pure");
	tcase_add_loop_test(pure, a_pull_always_names_one_tag, 0,
			    (int)(sizeof(queries) / sizeof(queries[0])));
	tcase_add_test(pure, an_image_of_another_platform_is_not_it);
	suite_add_tcase(s, pure);
	return s;
}
