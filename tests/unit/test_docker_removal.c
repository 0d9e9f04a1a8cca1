/* SPDX-License-Identifier: MIT */
#include "docker/docker.h"

#include "tests/unit/scripted_engine.h"

START_TEST(what_is_removed_is_counted_until_the_engine_confirms)
{
	docker_remove(eng.docker, "a/b");
	docker_remove(eng.docker, "a/b");
	docker_remove(eng.docker, "c");
	ck_assert_uint_eq(docker_removals(eng.docker), 2);
	ck_assert_int_eq(eng.idles, 0);
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_uint_eq(docker_removals(eng.docker), 0);
	ck_assert_int_eq(eng.n_delete, 2);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "DELETE /containers/a%2Fb?force=1&v=1"));
}
END_TEST

static int asked;

static bool in_progress(struct scripted_conn *c, const char *line)
{
	(void)line;
	if (++asked < 3)
		scripted_answer(c, "409 Conflict",
				"{\"message\":\"removal of container x is already in progress\"}");
	else
		scripted_answer(c, "404 Not Found", "{\"message\":\"No such container: x\"}");
	return true;
}

START_TEST(a_removal_in_progress_is_asked_again_until_it_is_gone)
{
	eng.hook = in_progress;
	docker_remove(eng.docker, "x");
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(asked, 3);
}
END_TEST

static bool fails_once(struct scripted_conn *c, const char *line)
{
	(void)line;
	if (asked++)
		return false;
	scripted_answer(c, "500 Internal Server Error",
			"{\"message\":\"device or resource busy\"}");
	return true;
}

START_TEST(a_failed_removal_is_tried_again)
{
	eng.hook = fails_once;
	docker_remove(eng.docker, "x");
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(eng.n_delete, 1);
}
END_TEST

START_TEST(without_an_engine_a_removal_waits_for_it)
{
	scripted_stop(&eng.srv);
	docker_remove(eng.docker, "x");
	scripted_until(eng.loop, &eng.downs, 1);
	docker_remove(eng.docker, "y");
	const char *names[4];
	ck_assert_uint_eq(docker_removal_names(eng.docker, names, 4), 2);
	ck_assert_uint_eq(docker_removal_names(eng.docker, names, 1), 1);
	scripted_listen(&eng.srv);
	scripted_skip(eng.loop, 3000);
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(eng.n_delete, 2);
}
END_TEST

Suite *suite_docker_removal(void);
Suite *suite_docker_removal(void)
{
	Suite *s = suite_create("docker_removal");
	TCase *tc = tcase_create("removal");
	tcase_add_checked_fixture(tc, engine_setup_up, engine_teardown);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, what_is_removed_is_counted_until_the_engine_confirms);
	tcase_add_test(tc, a_removal_in_progress_is_asked_again_until_it_is_gone);
	tcase_add_test(tc, a_failed_removal_is_tried_again);
	tcase_add_test(tc, without_an_engine_a_removal_waits_for_it);
	suite_add_tcase(s, tc);
	return s;
}
