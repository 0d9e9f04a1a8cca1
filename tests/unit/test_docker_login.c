/* SPDX-License-Identifier: MIT */
#include "docker/login.h"

#include "docker/client.h"
#include "tests/unit/image_rig.h"

static struct docker_helper_params asked;
static char asked_name[32], asked_key[64];
static int n_asked, n_cancelled;

static struct docker_helper *run_helper(void *ctx, const struct docker_helper_params *p,
					struct err *e)
{
	ck_assert_ptr_eq(ctx, &engine);
	n_asked++;
	if (strcmp(p->name, "absent") == 0) {
		err_set(e, -ENOENT, "docker-credential-absent: not there");
		return NULL;
	}
	asked = *p;
	(void)snprintf(asked_name, sizeof(asked_name), "%s", p->name);
	(void)snprintf(asked_key, sizeof(asked_key), "%s", p->key);
	return (struct docker_helper *)&asked;
}

static void cancel_helper(struct docker_helper *h)
{
	ck_assert_ptr_eq(h, &asked);
	n_cancelled++;
}

static void with_config(const char *text)
{
	char path[96];
	(void)snprintf(path, sizeof(path), "%s/config.json", config_dir);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	n_asked = n_cancelled = 0;
	engine.docker->p.run_helper = run_helper;
	engine.docker->p.cancel_helper = cancel_helper;
	tiny_rule(&engine, "/images/create", "200 OK", PULLED, 1);
	tiny_rule(&engine, "/json", "200 OK", HERE, 1);
}

#define AUTHS	     "\"auths\":{\"ghcr.io\":{\"auth\":\"dTpw\"}}"
#define STORE	     "{\"credsStore\":\"t\"," AUTHS "}"
#define AUTHS_HEADER "X-Registry-Auth: eyJ1c2VybmFtZSI6InUiLCJwYXNzd29yZCI6InAi"

static void until_asked(void)
{
	for (int i = 0; i < 2000 && n_asked == 0; i++) {
		loop_round(engine.loop, false);
		usleep(500);
	}
	ck_assert_int_eq(n_asked, 1);
}

START_TEST(a_helper_is_asked_before_auths_and_only_for_a_pull)
{
	struct seen s;
	with_config(STORE);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_ALWAYS);
	until_asked();
	ck_assert_str_eq(asked_name, "t");
	ck_assert_str_eq(asked_key, "ghcr.io");
	ck_assert_int_eq(tiny_count(&engine, "/images/create"), 0);
	asked.on_done(asked.ctx, "{\"Username\":\"h\",\"Secret\":\"s\"}", NULL);
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_int_eq(tiny_count(&engine, "X-Registry-Auth: eyJ1c2VybmFtZSI6Imgi"), 1);
	ck_assert_ptr_null(strstr(s.progress, "auths"));
	tiny_rule(&engine, "/json", "200 OK", HERE, 1);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_MISSING); /* it is there */
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_int_eq(n_asked, 1);
}
END_TEST

static const struct {
	const char *config, *answer, *error, *said;
	bool has_auths;
} helps[] = {
	{ STORE, NULL, "t failed", "with the login in auths: t failed", true },
	{ STORE, "garbage", NULL,
	  "with the login in auths: docker-credential-t gave no credentials", true },
	{ STORE, NULL, "x: credentials not found in native keychain", NULL, false },
	{ "{\"credsStore\":\"t\"}", NULL, "t failed", "without a login: t failed", false },
	{ "{\"credsStore\":\"absent\"," AUTHS "}", NULL, NULL,
	  "with the login in auths: docker-credential-absent: not there", true },
	{ "{\"auths\":", NULL, NULL, "without a login: config.json is not a JSON object", false },
};

START_TEST(what_a_helper_leaves_standing)
{
	struct seen s;
	with_config(helps[_i].config);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_ALWAYS);
	if (helps[_i].answer || helps[_i].error) {
		struct err e = { 0 };
		until_asked();
		if (helps[_i].error)
			err_set(&e, -EIO, "%s", helps[_i].error);
		asked.on_done(asked.ctx, helps[_i].answer, helps[_i].error ? &e : NULL);
	}
	tiny_until(&engine, &s.is_done, 0);
	ck_assert_int_eq(tiny_count(&engine, AUTHS_HEADER), helps[_i].has_auths);
	ck_assert_int_eq(tiny_count(&engine, "X-Registry-Auth"), helps[_i].has_auths);
	ck_assert_msg(helps[_i].said ? strstr(s.progress, helps[_i].said) != NULL
				     : !strstr(s.progress, "login"),
		      "%s", s.progress);
	ck_assert_int_eq(n_cancelled, 0);
}
END_TEST

START_TEST(a_cancelled_pull_calls_its_helper_off)
{
	struct seen s;
	with_config(STORE);
	start(&s, "ghcr.io/x/y:1", DOCKER_PULL_ALWAYS);
	until_asked();
	docker_pull_cancel(s.pull);
	ck_assert_int_eq(n_cancelled, 1);
	ck_assert(!s.is_done);
}
END_TEST

Suite *suite_docker_login(void);
Suite *suite_docker_login(void)
{
	Suite *s = suite_create("docker_login");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 20);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_helper_is_asked_before_auths_and_only_for_a_pull);
	tcase_add_loop_test(c, what_a_helper_leaves_standing, 0,
			    (int)(sizeof(helps) / sizeof(helps[0])));
	tcase_add_test(c, a_cancelled_pull_calls_its_helper_off);
	suite_add_tcase(s, c);
	return s;
}
