/* SPDX-License-Identifier: MIT */
/*
 * image_rig: pulls from a tiny engine, a directory for config.json, and what its callbacks have seen.
 */
#ifndef TESTS_UNIT_IMAGE_RIG_H
#define TESTS_UNIT_IMAGE_RIG_H

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
	"{\"Id\":\"sha256:1\",\"Size\":2500000,\"Os\":\"linux\",\"Architecture\":\"amd64\",\"Config\":{\"User\":\"node\"}}"
#define ABSENT "{\"message\":\"No such image: x:1\"}"
#define DENIED "{\"message\":\"denied\"}"
#define PULLED                                                                                     \
	"{\"status\":\"Pulling fs layer\",\"id\":\"aaaaaaaaaaaa\"}\r\n"                            \
	"{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"aaaaaaaaaaaa\"}"             \
	"\r\n{\"status\":\"Status: Downloaded newer image\"}\r\n"

#endif
