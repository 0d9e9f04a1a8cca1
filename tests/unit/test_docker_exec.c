/* SPDX-License-Identifier: MIT */
#include "docker/docker.h"

#include "tests/unit/scripted_engine.h"

static struct {
	int done, code, kind;
	char text[1024], out[256];
	enum docker_health_status status;
	struct scripted_conn *start;
	int n_inspect, still_running;
} got;

static void on_output(void *ctx, const char *bytes, size_t n)
{
	(void)ctx;
	(void)strncat(got.out, bytes, n);
}

static void on_done(void *ctx, int exit_code, const struct err *e)
{
	(void)ctx;
	got.done++;
	got.code = exit_code;
	got.kind = e ? e->kind : 0;
	(void)snprintf(got.text, sizeof(got.text), "%s", e ? e->text : "");
}

static struct docker_exec *run(void)
{
	static const char *const argv[] = { "/bin/check", "a \"b\"", NULL };
	const struct docker_exec_params p = { .container = "c/1",
					      .argv = (char *const *)argv,
					      .on_output = on_output,
					      .on_done = on_done };
	struct err e;
	memset(&got, 0, sizeof(got));
	struct docker_exec *x = docker_exec_start(eng.docker, &p, &e);
	ck_assert_msg(x != NULL, "%s", e.text);
	return x;
}

/* As moby does: the body of the answer to start is the output in frames, without a length, to its end. */
static bool answers(struct scripted_conn *c, const char *line)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
				   "Content-Type: application/vnd.docker.raw-stream\r\n\r\n";
	char body[96];
	if (strstr(line, "/exec/e1/start")) {
		scripted_say(c, head);
		scripted_bytes(c, "\1\0\0\0\0\0\0\4one\n\2\0\0", 15);
		got.start = c;
		return true;
	}
	if (strstr(line, "/exec/e1/json")) {
		bool runs = got.n_inspect++ < got.still_running;
		(void)snprintf(body, sizeof(body), "{\"Running\":%s,\"ExitCode\":%s}",
			       runs ? "true" : "false", runs ? "null" : "7");
		scripted_answer(c, "200 OK", body);
		return true;
	}
	if (strstr(line, "/exec")) {
		scripted_answer(c, "201 Created", "{\"Id\":\"e1\"}");
		return true;
	}
	return false;
}

static int is_started(void)
{
	return got.start != NULL;
}

START_TEST(it_is_created_started_read_to_its_end_and_asked_for_its_code)
{
	eng.hook = answers;
	struct docker_exec *x = run();
	ck_assert(!docker_exec_is_running(x));
	while (!is_started())
		ck_assert_int_eq(loop_round(eng.loop, true), 0);
	scripted_for(eng.loop, 20);
	ck_assert(docker_exec_is_running(x));
	got.still_running = 2; /* the engine is a little late */
	scripted_bytes(got.start, "\0\0\0\0\3two", 8);
	scripted_close(got.start);
	scripted_until(eng.loop, &got.done, 1);
	ck_assert_int_eq(got.code, 7);
	ck_assert_str_eq(got.out, "one\ntwo");
	ck_assert_int_eq(got.n_inspect, 3);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "POST /containers/c%2F1/exec\n"
						   "POST /exec/e1/start\n"
						   "GET /exec/e1/json\n"));
}
END_TEST

START_TEST(given_up_it_says_no_more)
{
	eng.hook = answers;
	struct docker_exec *x = run();
	docker_exec_cancel(x); /* before it exists */
	x = run();
	while (!is_started())
		ck_assert_int_eq(loop_round(eng.loop, true), 0);
	docker_exec_cancel(x);
	scripted_for(eng.loop, 50);
	ck_assert_int_eq(got.done, 0);
}
END_TEST

static bool refuses(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/exec"))
		return false;
	scripted_answer(c, "403 Forbidden", "");
	return true;
}

static bool is_paused(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/exec"))
		return false;
	scripted_answer(
		c, "409 Conflict",
		"{\"message\":\"container c is paused, unpause the container before exec\"}");
	return true;
}

START_TEST(what_the_engine_says_against_it_is_told_with_its_class)
{
	eng.hook = refuses;
	(void)run();
	scripted_until(eng.loop, &got.done, 1);
	ck_assert_int_eq(got.kind, DOCKER_PERMISSION);
	ck_assert_ptr_nonnull(strstr(got.text, "docs/socket-proxy.md"));
	eng.hook = is_paused;
	(void)run();
	scripted_until(eng.loop, &got.done, 1);
	ck_assert_int_eq(got.kind, DOCKER_CONFLICT);
	ck_assert_ptr_nonnull(strstr(got.text, "is paused"));
}
END_TEST

START_TEST(an_engine_that_goes_is_no_exit_of_the_command)
{
	eng.hook = answers;
	(void)run();
	while (!is_started())
		ck_assert_int_eq(loop_round(eng.loop, true), 0);
	scripted_stop(&eng.srv);
	scripted_until(eng.loop, &got.done, 1);
	ck_assert_int_eq(got.kind, DOCKER_NETWORK);
	struct err e;
	static const char *const argv[] = { "x", NULL };
	const struct docker_exec_params p = { .container = "c", .argv = (char *const *)argv };
	scripted_until(eng.loop, &eng.downs, 1);
	ck_assert_ptr_null(docker_exec_start(eng.docker, &p, &e));
	ck_assert_int_eq(e.code, -ENOTCONN);
}
END_TEST

/* --- the engine's own check --------------------------------------------------------------------- */

static void on_health(void *ctx, enum docker_health_status status, const char *words)
{
	(void)ctx;
	got.done++;
	got.status = status;
	(void)snprintf(got.text, sizeof(got.text), "%s", words);
}

static enum docker_health_status health(const char *state)
{
	char body[512];
	struct err e;
	memset(&got, 0, sizeof(got));
	(void)snprintf(body, sizeof(body), "{\"State\":{\"Running\":true%s}}", state);
	eng.inspect = body;
	ck_assert_ptr_nonnull(docker_health_ask(eng.docker, "c1", on_health, NULL, &e));
	scripted_until(eng.loop, &got.done, 1);
	return got.status;
}

START_TEST(the_engines_check_is_read_from_inspect)
{
	ck_assert_int_eq(health(""), DOCKER_HEALTH_NONE);
	ck_assert_int_eq(health(",\"Health\":{\"Status\":\"none\"}"), DOCKER_HEALTH_NONE);
	ck_assert_int_eq(health(",\"Health\":{\"Status\":\"\"}"), DOCKER_HEALTH_NONE);
	ck_assert_int_eq(health(",\"Health\":{\"Status\":\"starting\",\"Log\":[]}"),
			 DOCKER_HEALTH_STARTING);
	ck_assert_int_eq(health(",\"Health\":{\"Status\":\"healthy\"}"), DOCKER_HEALTH_HEALTHY);
	ck_assert_int_eq(health(",\"Health\":{\"Status\":\"odd\"}"), DOCKER_HEALTH_UNKNOWN);
	ck_assert_int_eq(
		health(",\"Health\":{\"Status\":\"unhealthy\",\"Log\":[{\"ExitCode\":1,"
		       "\"Output\":\"old\"},{\"ExitCode\":2,\"Output\":\"a\\nno db\\n\"}]}"),
		DOCKER_HEALTH_UNHEALTHY);
	ck_assert_str_eq(got.text, "no db");
	ck_assert_int_eq(health(",\"Health\":{\"Status\":\"unhealthy\",\"Log\":[{\"ExitCode\":2,"
				"\"Output\":\"\"}]}"),
			 DOCKER_HEALTH_UNHEALTHY);
	ck_assert_str_eq(got.text, "exited with status 2");
}
END_TEST

static bool is_gone(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/json"))
		return false;
	scripted_answer(c, "404 Not Found", "{\"message\":\"No such container: c1\"}");
	return true;
}

START_TEST(a_container_that_is_gone_is_not_known_to_be_ill)
{
	struct err e;
	eng.hook = is_gone;
	ck_assert_int_eq(health(""), DOCKER_HEALTH_UNKNOWN);
	docker_health_cancel(docker_health_ask(eng.docker, "c1", on_health, NULL, &e));
	scripted_for(eng.loop, 20);
	ck_assert_int_eq(got.done, 1);
}
END_TEST

Suite *suite_docker_exec(void);
Suite *suite_docker_exec(void)
{
	Suite *s = suite_create("docker_exec");
	TCase *tc = tcase_create("exec");
	tcase_add_checked_fixture(tc, engine_setup_up, engine_teardown);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, it_is_created_started_read_to_its_end_and_asked_for_its_code);
	tcase_add_test(tc, given_up_it_says_no_more);
	tcase_add_test(tc, what_the_engine_says_against_it_is_told_with_its_class);
	tcase_add_test(tc, an_engine_that_goes_is_no_exit_of_the_command);
	tcase_add_test(tc, the_engines_check_is_read_from_inspect);
	tcase_add_test(tc, a_container_that_is_gone_is_not_known_to_be_ill);
	suite_add_tcase(s, tc);
	return s;
}
