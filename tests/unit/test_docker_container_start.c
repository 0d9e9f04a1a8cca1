/* SPDX-License-Identifier: MIT */
#include "tests/unit/container_rig.h"

START_TEST(it_is_attached_and_waited_for_before_it_is_started)
{
	run_until_started();
	ck_assert_str_eq(got.order, "cas");
	const char *attach = strstr(eng.log.data, "/attach?stream=1&stdin=1&stdout=1&stderr=1");
	const char *wait = strstr(eng.log.data, "/wait?condition=next-exit");
	const char *started = strstr(eng.log.data, "/start");
	ck_assert(attach && wait && started && attach < wait && wait < started);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "/containers/create?name=box-1"));
	ck_assert_ptr_nonnull(strstr(eng.body, "\"Image\":\"img\""));
	ck_assert_str_eq(docker_container_id(run), ENGINE_ID);
}
END_TEST

static bool refuse_start(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/start"))
		return false;
	scripted_answer(
		c, "400 Bad Request",
		"{\"message\":\"OCI runtime create failed: container_linux.go:380: starting "
		"container process caused: exec: \\\"/nope\\\": stat /nope: no such file\"}");
	return true;
}

START_TEST(a_failed_start_ends_the_wait_and_removes_what_was_created)
{
	eng.hook = refuse_start;
	start();
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_str_eq(got.order, "cax");
	ck_assert_int_eq(got.kind, DOCKER_EXEC);
	ck_assert_int_eq(got.x.exit_code, -1);
	scripted_until(eng.loop, &eng.idles, 1);
	scripted_until(eng.loop, &got.ends, 1);
	ck_assert(!eng.wait->is_open);
	ck_assert_int_eq(eng.n_delete, 1);
}
END_TEST

static bool taken_once(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/create") || eng.n_delete)
		return false;
	scripted_answer(
		c, "409 Conflict",
		"{\"message\":\"Conflict. The container name \\\"/box-1\\\" is already in use\"}");
	return true;
}

START_TEST(a_taken_name_is_cleared_once_and_tried_again)
{
	eng.hook = taken_once;
	run_until_started();
	ck_assert_int_eq(eng.n_delete, 1);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "DELETE /containers/box-1?force=1&v=1"));
}
END_TEST

static bool taken(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/create"))
		return false;
	scripted_answer(c, "409 Conflict", "{\"message\":\"name is already in use\"}");
	return true;
}

START_TEST(a_name_that_stays_taken_is_an_error)
{
	eng.hook = taken;
	start();
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.kind, DOCKER_CONFLICT);
	ck_assert_int_eq(eng.n_delete, 1);
}
END_TEST

static struct scripted_conn *starting;

static bool exit_before_started(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/start"))
		return false;
	starting = c;
	eng.n_start++;
	scripted_close(eng.attach);
	say_exit(0);
	return true;
}

START_TEST(an_exit_quicker_than_the_answer_to_start_is_told_after_it)
{
	eng.hook = exit_before_started;
	start();
	scripted_until(eng.loop, &got.ends, 1);
	scripted_for(eng.loop, 20);
	ck_assert_str_eq(got.order, "ca");
	scripted_answer(starting, "204 No Content", "");
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_str_eq(got.order, "casx");
	ck_assert_int_eq(got.x.exit_code, 0);
}
END_TEST

START_TEST(freed_while_it_is_created_it_is_removed_once_it_exists)
{
	start();
	docker_container_free(run);
	run = NULL;
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(eng.n_delete, 1);
	ck_assert_int_eq(got.created + got.exits, 0);
	const char *created = strstr(eng.log.data, "/create");
	ck_assert(created && strstr(created, "DELETE /containers/box-1"));
}
END_TEST

START_TEST(without_an_engine_it_cannot_be_run)
{
	scripted_stop(&eng.srv);
	scripted_until(eng.loop, &eng.downs, 1);
	start();
	ck_assert_ptr_null(run);
	ck_assert_int_eq(start_error.kind, DOCKER_NETWORK);
}
END_TEST

START_TEST(a_part_of_a_volume_is_never_left_to_an_older_api)
{
	static const struct docker_container_cb cb = { on_created, on_attached, on_stderr,
						       on_started, on_exit_ };
	struct docker_mount m = { .type = DOCKER_MOUNT_VOLUME,
				  .source = (char *)"v",
				  .target = (char *)"/v",
				  .subpath = (char *)"part" };
	struct docker_spec spec;
	ck_assert_int_eq(docker_spec_init(&spec, "img"), 0);
	spec.mounts = &m;
	spec.n_mounts = 1;
	run = docker_container_run(eng.docker, &spec, "box-1", &cb, NULL, &start_error);
	spec.mounts = NULL;
	spec.n_mounts = 0;
	docker_spec_done(&spec);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_ptr_nonnull(strstr(got.text, "API 1.41 cannot mount a part of volume v"));
	ck_assert_ptr_null(strstr(buf_str(&eng.log), "/create"));
}
END_TEST

Suite *suite_docker_container_start(void);
Suite *suite_docker_container_start(void)
{
	Suite *s = suite_create("docker_container_start");
	TCase *tc = tcase_create("start");
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, it_is_attached_and_waited_for_before_it_is_started);
	tcase_add_test(tc, a_failed_start_ends_the_wait_and_removes_what_was_created);
	tcase_add_test(tc, a_taken_name_is_cleared_once_and_tried_again);
	tcase_add_test(tc, a_name_that_stays_taken_is_an_error);
	tcase_add_test(tc, an_exit_quicker_than_the_answer_to_start_is_told_after_it);
	tcase_add_test(tc, freed_while_it_is_created_it_is_removed_once_it_exists);
	tcase_add_test(tc, without_an_engine_it_cannot_be_run);
	tcase_add_test(tc, a_part_of_a_volume_is_never_left_to_an_older_api);
	suite_add_tcase(s, tc);
	return s;
}
