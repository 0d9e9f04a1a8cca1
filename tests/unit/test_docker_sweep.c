/* SPDX-License-Identifier: MIT */
#include "docker/sweep.h"

#include "base/err.h"
#include "tests/unit/tiny_engine.h"

static const struct {
	const char *instance, *boot, *owner;
	enum sweep_verdict verdict;
} cases[] = {
	{ "mine", "now", "me", SWEEP_KEEP },	  { "mine", "before", "me", SWEEP_REMOVE },
	{ "mine", "before", NULL, SWEEP_REMOVE }, { "mine", NULL, NULL, SWEEP_REMOVE },
	{ "theirs", "before", NULL, SWEEP_KEEP }, /* on a host: nobody to ask */
	{ "theirs", "before", "", SWEEP_KEEP },	  { "theirs", "before", "other", SWEEP_ASK_OWNER },
	{ "theirs", "before", "me", SWEEP_KEEP }, /* two of us in one container */
	{ NULL, NULL, NULL, SWEEP_KEEP },
};

START_TEST(labels_decide)
{
	const struct docker_sweep_params p = { .instance = "mine", .boot = "now", .own_id = "me" };
	ck_assert_int_eq(sweep_judge(&p, cases[_i].instance, cases[_i].boot, cases[_i].owner),
			 cases[_i].verdict);
}
END_TEST

START_TEST(without_a_boot_everything_of_ours_goes)
{
	const struct docker_sweep_params p = { .instance = "mine" };
	ck_assert_int_eq(sweep_judge(&p, "mine", "now", NULL), SWEEP_REMOVE);
	ck_assert_int_eq(sweep_judge(&p, "mine", NULL, NULL), SWEEP_REMOVE);
	ck_assert_int_eq(sweep_judge(&p, "theirs", "x", NULL), SWEEP_KEEP);
}
END_TEST

struct seen {
	bool is_done, is_ok;
	size_t n;
	struct err e;
	char told[1024];
};

static void on_left_over(void *ctx, const struct docker_left_over *l)
{
	struct seen *s = ctx;
	size_t used = strlen(s->told);
	ck_assert(!s->is_done);
	(void)snprintf(s->told + used, sizeof(s->told) - used, "%s %s of %s %s%s|",
		       l->is_volume ? "volume" : "container", l->name, l->server,
		       l->is_removed ? "removed" : "there", l->why);
}

static void on_done(void *ctx, size_t n_removed, const struct err *e)
{
	struct seen *s = ctx;
	ck_assert(!s->is_done);
	s->is_done = true;
	s->is_ok = e == NULL;
	s->n = n_removed;
	if (e)
		s->e = *e;
}

static struct tiny_engine engine;

static void sweep_as(struct seen *s, bool is_dry_run, bool volumes)
{
	memset(s, 0, sizeof(*s));
	const struct docker_sweep_params p = {
		.instance = "mine",
		.boot = "now",
		.own_id = "me",
		.is_ours_only = volumes,
		.is_dry_run = is_dry_run,
		.volumes = volumes,
		.on_left_over = on_left_over,
		.on_done = on_done,
		.ctx = s,
	};
	ck_assert_int_eq(docker_sweep(engine.docker, &p, NULL), 0);
	ck_assert(!s->is_done);
	tiny_until(&engine, &s->is_done, 0);
}

static void sweep(struct seen *s)
{
	sweep_as(s, false, false);
}

#define ONE(id, instance, boot, owner)                                                             \
	"{\"Id\":\"" id "\",\"Labels\":{\"io.mcpinit.instance\":\"" instance                       \
	"\",\"io.mcpinit.boot\":\"" boot "\",\"io.mcpinit.owner\":\"" owner "\"}}"

START_TEST(left_overs_go_and_the_living_stay)
{
	struct seen s;
	tiny_open(&engine);
	tiny_rule(
		&engine, "GET /v1.41/containers/json?all=1&filters=", "200 OK",
		"[" ONE("aaa", "mine", "before", "me") "," ONE("bbb", "mine", "now", "me") "," ONE(
			"ccc", "theirs", "x",
			"dead") "," ONE("ddd", "theirs", "x",
					"alive") "," ONE("eee", "theirs", "y",
							 "dead") "," ONE("fff", "theirs", "z",
									 "unclear") "]",
		1);
	tiny_rule(&engine, "GET /v1.41/containers/dead/json", "404 Not Found",
		  "{\"message\":\"No such container\"}", -1);
	tiny_rule(&engine, "GET /v1.41/containers/alive/json", "200 OK", "{}", -1);
	tiny_rule(&engine, "GET /v1.41/containers/unclear/json", "500 Internal Server Error",
		  "{\"message\":\"oh\"}", -1);
	tiny_rule(&engine, "DELETE /v1.41/containers/", "204 No Content", "", -1);
	tiny_rule(&engine, "/wait?condition=removed", "404 Not Found",
		  "{\"message\":\"No such container\"}", -1);
	sweep(&s);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	ck_assert_uint_eq(s.n, 3);
	ck_assert_int_eq(tiny_count(&engine, "DELETE /v1.41/containers/aaa?"), 1);
	ck_assert_int_eq(tiny_count(&engine, "DELETE /v1.41/containers/ccc?"), 1);
	ck_assert_int_eq(tiny_count(&engine, "DELETE /v1.41/containers/eee?"), 1);
	ck_assert_int_eq(tiny_count(&engine, "DELETE "), 3);
	ck_assert_int_eq(tiny_count(&engine, "/containers/dead/json"), 1); /* asked once */
	tiny_shut(&engine);
}
END_TEST

START_TEST(nothing_left_is_said_as_well)
{
	struct seen s;
	tiny_open(&engine);
	tiny_rule(&engine, "/containers/json", "200 OK", "[]", 1);
	sweep(&s);
	ck_assert(s.is_ok);
	ck_assert_uint_eq(s.n, 0);
	tiny_shut(&engine);
}
END_TEST

START_TEST(a_list_that_cannot_be_had_is_an_error_and_removes_nothing)
{
	struct seen s;
	tiny_open(&engine);
	tiny_rule(&engine, "/containers/json", "403 Forbidden", "", 1);
	tiny_rule(&engine, "/containers/json", "200 OK", "{\"not\":\"a list\"}", 1);
	sweep(&s);
	ck_assert(!s.is_ok);
	ck_assert_int_eq(s.e.kind, DOCKER_PERMISSION);
	sweep(&s);
	ck_assert(!s.is_ok);
	ck_assert_int_eq(tiny_count(&engine, "DELETE "), 0);
	tiny_shut(&engine);
}
END_TEST

#define NAMED                                                                                               \
	"[{\"Id\":\"aaa\",\"Names\":[\"/mcpinit-mine-fs-1\"],\"Labels\":{\"io.mcpinit.instance\":\"mine\"," \
	"\"io.mcpinit.server\":\"fs\",\"io.mcpinit.boot\":\"before\"}}," ONE("ccc", "theirs", "x",          \
									     "dead") "]"
#define CACHES                                                                                                        \
	"{\"Volumes\":[{\"Name\":\"c1\",\"Labels\":{\"io.mcpinit.instance\":\"mine\",\"io.mcpinit.server\":\"fs\"}}," \
	"{\"Name\":\"c2\",\"Labels\":{\"io.mcpinit.instance\":\"mine\"}},"                                            \
	"{\"Name\":\"other\",\"Labels\":{\"io.mcpinit.instance\":\"theirs\"}},{\"Name\":\"plain\",\"Labels\":null}]}"

START_TEST(a_dry_run_names_what_it_would_remove_and_removes_nothing)
{
	struct seen s;
	tiny_open(&engine);
	tiny_rule(&engine, "/containers/json", "200 OK", NAMED, 1);
	tiny_rule(&engine, "GET /v1.41/volumes?filters=%7B%22dangling%22%3A%5B%22true%22%5D",
		  "200 OK", CACHES, 1);
	sweep_as(&s, true, true);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	ck_assert_str_eq(s.told, "container mcpinit-mine-fs-1 of fs there|volume c1 of fs there|"
				 "volume c2 of  there|");
	ck_assert_uint_eq(s.n, 0);
	ck_assert_int_eq(tiny_count(&engine, "DELETE "), 0);
	tiny_shut(&engine);
}
END_TEST

START_TEST(caches_go_when_asked_for_and_what_stays_says_why)
{
	struct seen s;
	tiny_open(&engine);
	tiny_rule(&engine, "/containers/json", "200 OK", NAMED, 1);
	tiny_rule(&engine, "DELETE /v1.41/containers/", "204 No Content", "", -1);
	tiny_rule(&engine, "/wait?condition=removed", "404 Not Found", "{\"message\":\"no\"}", -1);
	tiny_rule(&engine, "GET /v1.41/volumes?", "200 OK", CACHES, 1);
	tiny_rule(&engine, "DELETE /v1.41/volumes/c1", "204 No Content", "", 1);
	tiny_rule(&engine, "DELETE /v1.41/volumes/c2", "409 Conflict",
		  "{\"message\":\"volume is in use\"}", 1);
	sweep_as(&s, false, true);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_ptr_nonnull(
		strstr(s.told, "container mcpinit-mine-fs-1 of fs removed|volume c1 of fs removed|"
			       "volume c2 of  there"));
	ck_assert_ptr_nonnull(strstr(s.told, "volume is in use"));
	ck_assert_int_eq(tiny_count(&engine, "DELETE "), 3); /* nothing of anybody else's */
	tiny_shut(&engine);
}
END_TEST

START_TEST(an_engine_without_volumes_has_none_and_one_that_refuses_is_an_error)
{
	struct seen s;
	tiny_open(&engine);
	tiny_rule(&engine, "/containers/json", "200 OK", "[]", -1);
	tiny_rule(&engine, "/volumes?", "200 OK", "{\"Volumes\":null}", 1);
	tiny_rule(&engine, "/volumes?", "403 Forbidden", "", 1);
	sweep_as(&s, false, true);
	ck_assert_msg(s.is_ok, "%s", s.e.text);
	sweep_as(&s, false, true);
	ck_assert(!s.is_ok);
	ck_assert_int_eq(s.e.kind, DOCKER_PERMISSION);
	ck_assert_ptr_nonnull(strstr(s.e.text, "cannot list cache volumes"));
	tiny_shut(&engine);
}
END_TEST

static const char *const asked[] = { "/containers/json", "/containers/dead/json", "/wait?" };

/* Whatever it was asking for just then; what leaks is found by MODE=asan. */
START_TEST(freed_on_its_way_it_tells_nobody_and_leaves_nothing)
{
	struct seen s = { 0 };
	const struct docker_sweep_params p = { .instance = "mine", .on_done = on_done, .ctx = &s };
	tiny_open(&engine);
	tiny_rule(&engine, "/containers/json", "200 OK", "[" ONE("ccc", "theirs", "x", "dead") "]",
		  1);
	ck_assert_int_eq(docker_sweep(engine.docker, &p, NULL), 0);
	for (int i = 0; i < 10000 && !tiny_count(&engine, asked[_i]); i++) {
		ck_assert_int_eq(loop_round(engine.loop, false), 0);
		usleep(500);
	}
	ck_assert_int_eq(tiny_count(&engine, asked[_i]), 1);
	tiny_shut(&engine);
	ck_assert(!s.is_done);
}
END_TEST

Suite *suite_docker_sweep(void);
Suite *suite_docker_sweep(void)
{
	Suite *s = suite_create("docker_sweep");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 20);
	tcase_add_loop_test(c, labels_decide, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(c, without_a_boot_everything_of_ours_goes);
	tcase_add_test(c, left_overs_go_and_the_living_stay);
	tcase_add_test(c, nothing_left_is_said_as_well);
	tcase_add_test(c, a_list_that_cannot_be_had_is_an_error_and_removes_nothing);
	tcase_add_test(c, a_dry_run_names_what_it_would_remove_and_removes_nothing);
	tcase_add_test(c, caches_go_when_asked_for_and_what_stays_says_why);
	tcase_add_test(c, an_engine_without_volumes_has_none_and_one_that_refuses_is_an_error);
	tcase_add_loop_test(c, freed_on_its_way_it_tells_nobody_and_leaves_nothing, 0, 3);
	suite_add_tcase(s, c);
	return s;
}
