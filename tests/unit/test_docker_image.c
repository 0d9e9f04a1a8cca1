/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/err.h"
#include "tests/unit/tiny_engine.h"

static struct tiny_engine engine;
static char config_dir[64];

struct seen {
	struct docker_pull *pull;
	bool is_done, is_ok;
	struct err e;
	char user[32], progress[2048];
};

static void on_progress(void *ctx, const char *text)
{
	struct seen *s = ctx;
	ck_assert(!s->is_done);
	size_t n = strlen(s->progress);
	(void)snprintf(s->progress + n, sizeof(s->progress) - n, "%s|", text);
}

static void on_done(void *ctx, const struct err *e)
{
	struct seen *s = ctx;
	ck_assert(!s->is_done);
	s->is_done = true;
	s->is_ok = e == NULL;
	if (e)
		s->e = *e;
	else
		(void)snprintf(s->user, sizeof(s->user), "%s", docker_pull_user(s->pull));
	docker_pull_cancel(s->pull); /* harmless here */
}

static void setup(void)
{
	strcpy(config_dir, "/tmp/image-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(config_dir));
	setenv("DOCKER_CONFIG", config_dir, 1);
	tiny_open(&engine);
}

static void teardown(void)
{
	tiny_shut(&engine);
	char command[96];
	(void)snprintf(command, sizeof(command), "rm -rf %s", config_dir);
	ck_assert_int_eq(system(command), 0);
}

static void log_in(void)
{
	char path[96];
	(void)snprintf(path, sizeof(path), "%s/config.json", config_dir);
	FILE *f = fopen(path, "w");
	fputs("{\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}}", f);
	fclose(f);
}

static void start(struct seen *s, const char *image, enum docker_pull_policy policy)
{
	memset(s, 0, sizeof(*s));
	const struct docker_pull_params p = {
		.image = image,
		.policy = policy,
		.on_progress = on_progress,
		.on_done = on_done,
		.ctx = s,
	};
	struct err e = { 0 };
	s->pull = docker_pull_start(engine.docker, &p, &e);
	ck_assert_msg(s->pull != NULL, "%s", e.text);
	ck_assert(!s->is_done);
}

#define HERE                                                                                       \
	"{\"Id\":\"sha256:1\",\"Os\":\"linux\",\"Architecture\":\"amd64\",\"Config\":{\"User\":\"node\"}}"
#define ABSENT "{\"message\":\"No such image: x:1\"}"
#define DENIED "{\"message\":\"denied\"}"
#define PULLED                                                                                     \
	"{\"status\":\"Pulling fs layer\",\"id\":\"aaaaaaaaaaaa\"}\r\n"                            \
	"{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"aaaaaaaaaaaa\"}"             \
	"\r\n{\"status\":\"Status: Downloaded newer image\"}\r\n"
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
	ck_assert_ptr_nonnull(strstr(s.progress, "pulling x: 1 of 1 layers|"));
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
	tcase_add_test(c, a_cancelled_pull_calls_nobody);
	suite_add_tcase(s, c);
	TCase *pure = tcase_create("pure");
	tcase_add_loop_test(pure, a_pull_always_names_one_tag, 0,
			    (int)(sizeof(queries) / sizeof(queries[0])));
	tcase_add_test(pure, an_image_of_another_platform_is_not_it);
	suite_add_tcase(s, pure);
	return s;
}
