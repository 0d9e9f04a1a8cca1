/* SPDX-License-Identifier: MIT */
#include "docker/client.h"

#include "tests/unit/scripted_engine.h"

START_TEST(up_comes_after_ping_version_and_the_event_stream)
{
	engine_docker("t");
	ck_assert_int_eq(eng.ups, 0);
	ck_assert_str_eq(docker_api_version(eng.docker), "");
	scripted_until(eng.loop, &eng.ups, 1);
	ck_assert_ptr_eq(strstr(eng.log.data, "GET /_ping\nGET /version\nGET /events?filters="),
			 eng.log.data);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "io.mcpinit.instance%3Dt"));
	ck_assert_str_eq(docker_api_version(eng.docker), "1.41");
	ck_assert_str_eq(docker_engine_version(eng.docker), "20.10.24");
	ck_assert_str_eq(docker_endpoint(eng.docker), eng.srv.host);
	ck_assert(docker_is_up(eng.docker));
	ck_assert(docker_api_at_least(eng.docker, 1, 41));
	ck_assert(!docker_api_at_least(eng.docker, 1, 45));
}
END_TEST

static const char *ping_head, *version_refusal; /* of one test */
static int n_asked;

static bool other_engine(struct scripted_conn *c, const char *line)
{
	if (strcmp(line, "GET /_ping") == 0) {
		scripted_say(c, "HTTP/1.1 200 OK\r\n");
		scripted_say(c, ping_head);
		scripted_say(c, "Content-Length: 2\r\n\r\nOK");
		return true;
	}
	if (strcmp(line, "GET /version") != 0 || !version_refusal || n_asked++)
		return false;
	scripted_say(c, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
			"Connection: close\r\n\r\n");
	scripted_say(c, version_refusal);
	scripted_close(c);
	return true;
}

/* The version that is spoken with an engine that answers ping with this header, and maybe refuses the first one. */
static const char *spoken_with(const char *head, const char *refusal)
{
	ping_head = head;
	version_refusal = refusal;
	n_asked = 0;
	eng.hook = other_engine;
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	ck_assert_int_eq(eng.downs, 0);
	return docker_api_version(eng.docker);
}

static const struct {
	const char *head, *refusal, *spoken;
	bool has_subpath;
} engines[] = {
	/* 20.10 */
	{ "Api-Version: 1.41\r\n", NULL, "1.41", false },
	/* 24, 25: one before and one after the first that can mount a part of a volume */
	{ "Api-Version: 1.44\r\n", NULL, "1.44", false },
	{ "Api-Version: 1.45\r\n", NULL, "1.45", true },
	/* 29.0, which takes 1.44 to 1.52, and what comes behind it: the newest that we know */
	{ "Api-Version: 1.52\r\n", NULL, "1.47", true },
	{ "Api-Version: 1.54\r\n", NULL, "1.47", true },
	{ "Api-Version: 2.0\r\n", NULL, "1.47", true },
	/* behind a proxy that writes headers small */
	{ "api-version: 1.43\r\n", NULL, "1.43", false },
	/* podman */
	{ "Api-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\nServer: Libpod/4.3.1 (linux)\r\n",
	  NULL, "1.41", false },
	/* one that no longer takes what we know, in the engine's own plain text */
	{ "Api-Version: 1.60\r\n",
	  "client version 1.47 is too old. Minimum supported API version is 1.49, please upgrade "
	  "your client to a newer version\n",
	  "1.49", true },
	/* one whose ping promised more than it holds */
	{ "Api-Version: 1.46\r\n",
	  "{\"message\":\"client version 1.46 is too new. Maximum supported API version is 1.41\"}",
	  "1.41", false },
};
enum { N_ENGINES = sizeof(engines) / sizeof(engines[0]) };

START_TEST(the_version_is_agreed_with_every_engine)
{
	ck_assert_str_eq(spoken_with(engines[_i].head, engines[_i].refusal), engines[_i].spoken);
	ck_assert(docker_api_at_least(eng.docker, 1, 45) == engines[_i].has_subpath);
}
END_TEST

static bool stubborn_engine(struct scripted_conn *c, const char *line)
{
	if (strcmp(line, "GET /version") != 0)
		return false;
	scripted_answer(c, "400 Bad Request",
			"client version 1.41 is too old. Minimum supported API version is 1.99");
	return true;
}

START_TEST(an_engine_that_refuses_its_own_version_is_said_not_asked_for_ever)
{
	eng.hook = stubborn_engine;
	engine_docker("t");
	scripted_until(eng.loop, &eng.downs, 1);
	ck_assert_int_eq(eng.down_kind, DOCKER_VERSION);
	ck_assert_ptr_nonnull(strstr(eng.down, "Minimum supported API version"));
	scripted_for(eng.loop, 30);
	ck_assert_uint_eq(eng.srv.n_requests, 3);
}
END_TEST

START_TEST(an_absent_engine_is_said_once_with_the_remedy_and_found_later)
{
	scripted_stop(&eng.srv);
	engine_docker("t");
	scripted_until(eng.loop, &eng.downs, 1);
	ck_assert_int_eq(eng.down_kind, DOCKER_NETWORK);
	ck_assert_ptr_nonnull(strstr(eng.down, "-v /var/run/docker.sock:/var/run/docker.sock"));
	scripted_skip(eng.loop, 1500); /* another try */
	ck_assert_int_eq(eng.downs, 1);
	scripted_listen(&eng.srv);
	scripted_skip(eng.loop, 3000);
	scripted_until(eng.loop, &eng.ups, 1);
	ck_assert_int_eq(eng.downs, 1);
}
END_TEST

START_TEST(an_engine_that_dies_while_idle_is_noticed_and_found_again)
{
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	scripted_stop(&eng.srv);
	scripted_until(eng.loop, &eng.downs, 1);
	ck_assert(!docker_is_up(eng.docker));
	scripted_listen(&eng.srv);
	scripted_skip(eng.loop, 3000);
	scripted_until(eng.loop, &eng.ups, 2);
	ck_assert_int_eq(eng.downs, 1);
	ck_assert_int_eq(eng.n_events, 2);
}
END_TEST

START_TEST(a_cut_event_stream_of_a_living_engine_is_opened_again_without_down)
{
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	scripted_close(eng.events);
	scripted_skip(eng.loop, 2000);
	scripted_until(eng.loop, &eng.ups, 2); /* what was missed must be looked for */
	ck_assert_int_eq(eng.downs, 0);
	ck_assert_int_eq(eng.n_events, 2);
}
END_TEST

static bool no_events(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/events") && !strstr(line, "/version"))
		return false;
	scripted_answer(c, "403 Forbidden", "<html>Request forbidden</html>");
	return true;
}

START_TEST(a_proxy_that_refuses_events_and_version_does_not_keep_us_down)
{
	eng.hook = no_events;
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	scripted_for(eng.loop, 50);
	ck_assert_int_eq(eng.downs, 0);
	ck_assert_int_eq(eng.ups, 1);
}
END_TEST

START_TEST(an_instance_that_comes_later_opens_the_event_stream_quietly)
{
	engine_docker(NULL);
	scripted_until(eng.loop, &eng.ups, 1);
	ck_assert_int_eq(eng.n_events, 0);
	docker_set_instance(eng.docker, "late");
	docker_set_instance(eng.docker, "late");
	scripted_until(eng.loop, &eng.n_events, 1);
	scripted_for(eng.loop, 30);
	ck_assert_int_eq(eng.ups, 1);
	ck_assert_int_eq(eng.n_events, 1);
	ck_assert_str_eq(docker_instance(eng.docker), "late");
	scripted_stop(&eng.srv);
	scripted_until(eng.loop, &eng.downs, 1);
}
END_TEST

static bool not_docker(struct scripted_conn *c, const char *line)
{
	(void)line;
	scripted_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
	return true;
}

START_TEST(what_is_not_an_engine_is_said)
{
	eng.hook = not_docker;
	engine_docker("t");
	scripted_until(eng.loop, &eng.downs, 1);
	ck_assert_ptr_nonnull(strstr(eng.down, "not a Docker engine"));
}
END_TEST

static void no_answer(void *ctx, const struct docker_answer *a)
{
	(void)a;
	++*(int *)ctx;
}

static bool hang_up(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/x/json"))
		return false;
	scripted_close(c);
	return true;
}

START_TEST(a_call_without_an_answer_makes_us_ask_the_engine)
{
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	eng.hook = hang_up;
	buf_drop(&eng.log, eng.log.len);
	int done = 0;
	const struct docker_request rq = {
		.method = "GET", .path = "/containers/x/json", .on_done = no_answer, .ctx = &done
	};
	ck_assert_ptr_nonnull(docker_call(eng.docker, &rq, NULL));
	scripted_until(eng.loop, &done, 1);
	scripted_for(eng.loop, 30);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "GET /_ping"));
	ck_assert(docker_is_up(eng.docker));
	ck_assert_int_eq(eng.ups, 1);
}
END_TEST

/* --- events --------------------------------------------------------------------------------- */

#define DIE                                                                                        \
	"{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"abc\",\"Attributes\":"     \
	"{\"exitCode\":\"137\",\"name\":\"n1\"}},\"time\":1}\n"

START_TEST(an_event_may_be_split_anywhere)
{
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	static const char line[] = DIE;
	for (const char *p = line; *p; p++) {
		char one[2] = { *p, '\0' };
		scripted_chunk(eng.events, one);
		scripted_for(eng.loop, 0);
	}
	scripted_until(eng.loop, &eng.n_said, 1);
	ck_assert_str_eq(eng.said, "abc n1 die -");
	ck_assert_int_eq(eng.said_code, 137);
}
END_TEST

START_TEST(many_events_in_one_piece_are_all_told_and_garbage_is_not)
{
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	scripted_chunk(eng.events,
		       DIE "garbage\n\n{\"Type\":\"network\",\"Action\":\"die\"}\n"
			   "\x1e{\"Type\":\"container\",\"Action\":\"health_status: unhealthy\","
			   "\"Actor\":{\"ID\":\"d\",\"Attributes\":{\"name\":\"n2\"}}}\n");
	scripted_until(eng.loop, &eng.n_said, 2);
	scripted_for(eng.loop, 10);
	ck_assert_int_eq(eng.n_said, 2);
	ck_assert_str_eq(eng.said, "d n2 health_status unhealthy");
	ck_assert_int_eq(eng.said_code, -1);
}
END_TEST

Suite *suite_docker_docker(void);
Suite *suite_docker_docker(void)
{
	Suite *s = suite_create("docker_docker");
	TCase *tc = tcase_create("link");
	tcase_add_checked_fixture(tc, engine_setup, engine_teardown);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, up_comes_after_ping_version_and_the_event_stream);
	tcase_add_loop_test(tc, the_version_is_agreed_with_every_engine, 0, N_ENGINES);
	tcase_add_test(tc, an_engine_that_refuses_its_own_version_is_said_not_asked_for_ever);
	tcase_add_test(tc, an_absent_engine_is_said_once_with_the_remedy_and_found_later);
	tcase_add_test(tc, an_engine_that_dies_while_idle_is_noticed_and_found_again);
	tcase_add_test(tc, a_cut_event_stream_of_a_living_engine_is_opened_again_without_down);
	tcase_add_test(tc, a_proxy_that_refuses_events_and_version_does_not_keep_us_down);
	tcase_add_test(tc, an_instance_that_comes_later_opens_the_event_stream_quietly);
	tcase_add_test(tc, what_is_not_an_engine_is_said);
	tcase_add_test(tc, a_call_without_an_answer_makes_us_ask_the_engine);
	tcase_add_test(tc, an_event_may_be_split_anywhere);
	tcase_add_test(tc, many_events_in_one_piece_are_all_told_and_garbage_is_not);
	suite_add_tcase(s, tc);
	return s;
}
