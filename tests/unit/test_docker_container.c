/* SPDX-License-Identifier: MIT */
#include "tests/unit/container_rig.h"

START_TEST(an_exit_is_told_once_its_output_was_read_and_it_is_removed)
{
	run_until_started();
	frame(eng.attach, 1, "last\n");
	scripted_close(eng.attach);
	say_exit(0);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_str_eq(got.in, "last\n");
	ck_assert_int_eq(got.ends, 1);
	ck_assert_int_eq(got.x.exit_code, 0);
	ck_assert(!got.x.is_engine_gone && !got.x.is_oom && !got.x.e);
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(eng.n_delete, 1);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "DELETE /containers/box-1?force=1&v=1"));
}
END_TEST

START_TEST(output_behind_the_exit_code_still_comes_first)
{
	run_until_started();
	say_exit(0);
	scripted_for(eng.loop, 30);
	ck_assert_int_eq(got.exits, 0);
	frame(eng.attach, 1, "last\n");
	scripted_close(eng.attach);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_str_eq(got.in, "last\n");
}
END_TEST

START_TEST(a_dead_engine_is_told_as_such_and_removal_waits_for_it)
{
	run_until_started();
	scripted_stop(&eng.srv);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert(got.x.is_engine_gone);
	ck_assert_int_eq(got.x.exit_code, -1);
	ck_assert_ptr_null(got.x.e);
	ck_assert_uint_eq(docker_removals(eng.docker), 1);
	const char *name;
	ck_assert_uint_eq(docker_removal_names(eng.docker, &name, 1), 1);
	ck_assert_str_eq(name, "box-1");
	scripted_until(eng.loop, &eng.downs, 1);
	scripted_listen(&eng.srv);
	scripted_skip(eng.loop, 3000);
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(eng.n_delete, 1);
}
END_TEST

START_TEST(a_wait_broken_by_the_end_is_answered_by_inspect)
{
	eng.inspect = "{\"State\":{\"Running\":false,\"ExitCode\":3,\"OOMKilled\":true}}";
	run_until_started();
	scripted_say(eng.wait, "20\r\n{\"Error\"");
	scripted_close(eng.wait);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.x.exit_code, 3);
	ck_assert(got.x.is_oom);
	ck_assert(!got.x.is_engine_gone);
}
END_TEST

/* A proxy's idle limit takes the wait and nothing else. */
static void cut_the_wait(void)
{
	eng.inspect = "{\"State\":{\"Running\":true,\"ExitCode\":0}}";
	scripted_close(eng.wait);
	scripted_for(eng.loop, 100);
}

START_TEST(a_wait_that_breaks_while_it_runs_is_asked_again)
{
	run_until_started();
	cut_the_wait();
	ck_assert_int_eq(eng.n_wait, 1); /* not at once: it broke at once, too */
	scripted_skip(eng.loop, 1000);
	ck_assert_int_eq(eng.n_wait, 2);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "/wait?condition=not-running"));
	frame(eng.attach, 1, "still here\n");
	scripted_for(eng.loop, 20);
	ck_assert_str_eq(got.in, "still here\n");
	ck_assert_int_eq(got.exits + eng.n_delete + eng.n_kill, 0);
	scripted_close(eng.attach);
	say_exit(5);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.x.exit_code, 5);
}
END_TEST

START_TEST(a_wait_that_breaks_again_and_again_is_asked_less_and_less_often)
{
	run_until_started();
	cut_the_wait();
	scripted_skip(eng.loop, 1000);
	ck_assert_int_eq(eng.n_wait, 2);
	cut_the_wait();
	scripted_skip(eng.loop, 1000);
	ck_assert_int_eq(eng.n_wait, 2);
	scripted_skip(eng.loop, 1000);
	ck_assert_int_eq(eng.n_wait, 3);
	ck_assert_int_eq(got.exits, 0);
}
END_TEST

START_TEST(a_wait_that_held_for_long_is_asked_again_at_once)
{
	run_until_started();
	scripted_skip(eng.loop, 11000);
	cut_the_wait();
	ck_assert_int_eq(eng.n_wait, 2);
	ck_assert_int_eq(got.exits, 0);
}
END_TEST

static void end_of_output(void)
{
	scripted_close(eng.attach);
}

static void event_of_death(void)
{
	scripted_chunk(eng.events,
		       "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ENGINE_ID
		       "\",\"Attributes\":{\"exitCode\":\"7\"}}}\n");
}

static void (*const signs[])(void) = { end_of_output, event_of_death };

START_TEST(a_sign_of_its_end_ends_the_rest_of_a_broken_wait)
{
	run_until_started();
	cut_the_wait();
	signs[_i]();
	scripted_until(eng.loop, &eng.n_wait, 2);
	say_exit(7);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.x.exit_code, 7);
	ck_assert_int_lt(scripted_ahead_ms, 1); /* all of it without the clock */
}
END_TEST

START_TEST(an_engine_that_dies_during_the_rest_of_a_broken_wait_is_told_as_such)
{
	run_until_started();
	cut_the_wait();
	scripted_stop(&eng.srv);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert(got.x.is_engine_gone);
}
END_TEST

START_TEST(an_end_of_output_without_an_exit_is_asked_about_and_killed)
{
	eng.inspect = "{\"State\":{\"Running\":true,\"ExitCode\":0}}";
	run_until_started();
	scripted_close(eng.attach);
	scripted_skip(eng.loop, 1500);
	ck_assert_int_eq(got.exits, 0);
	scripted_skip(eng.loop, 1000);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.x.exit_code, -1);
	ck_assert(!got.x.is_engine_gone);
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(eng.n_delete, 1);
}
END_TEST

/* A proxy's time limit: first the silent wait, then the silent attach, and with it the server's stdin. */
START_TEST(what_a_proxy_cut_for_being_idle_is_known)
{
	static const struct {
		int exit_code, idle_ms;
		bool is_wait_cut, is_known;
	} ends[] = {
		{ 0, 6000, true, true },
		{ 0, 4000, true, false },
		{ 0, 6000, false, false }, /* it left by itself, as a server may */
		{ 1, 6000, true, false },
	};
	run_until_started();
	if (ends[_i].is_wait_cut) {
		cut_the_wait();
		scripted_skip(eng.loop, 1000);
	}
	frame(eng.attach, 1, "a word\n");
	scripted_for(eng.loop, 20);
	scripted_skip(eng.loop, ends[_i].idle_ms);
	scripted_close(eng.attach);
	scripted_for(eng.loop, 20);
	say_exit(ends[_i].exit_code);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.x.exit_code, ends[_i].exit_code);
	ck_assert_int_eq(got.x.cut_ms >= ends[_i].idle_ms, ends[_i].is_known);
}
END_TEST

/* It still serves the connections that it has, and takes its containers down. */
START_TEST(a_signal_of_an_engine_that_takes_no_new_connection_is_its_end)
{
	run_until_started();
	scripted_stop_listening(&eng.srv);
	scripted_close(eng.attach);
	say_exit(143);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert(got.x.is_engine_gone);
}
END_TEST

START_TEST(out_of_memory_is_known_from_the_event)
{
	run_until_started();
	scripted_chunk(eng.events,
		       "{\"Type\":\"container\",\"Action\":\"oom\",\"Actor\":{\"ID\":\"" ENGINE_ID
		       "\",\"Attributes\":{}}}\n");
	scripted_until(eng.loop, &eng.n_said, 1);
	scripted_close(eng.attach);
	say_exit(137);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert(got.x.is_oom);
	ck_assert_ptr_null(strstr(eng.log.data, "/json"));
}
END_TEST

START_TEST(out_of_memory_is_known_from_inspect_before_the_removal)
{
	eng.inspect = "{\"State\":{\"Running\":false,\"ExitCode\":137,\"OOMKilled\":true}}";
	run_until_started();
	scripted_close(eng.attach);
	say_exit(137);
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert(got.x.is_oom);
	ck_assert_int_eq(got.x.exit_code, 137);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "/json"));
}
END_TEST

START_TEST(a_signal_before_the_start_is_sent_after_it)
{
	start();
	docker_container_signal(run, "SIGTERM");
	scripted_until(eng.loop, &eng.n_kill, 1);
	ck_assert_int_eq(eng.n_start, 1);
	ck_assert_ptr_nonnull(strstr(eng.log.data, "/kill?signal=SIGTERM"));
}
END_TEST

static struct scripted_conn *held_start;

static bool hold_start(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/start"))
		return false;
	held_start = c;
	eng.n_start++;
	return true;
}

START_TEST(a_kill_while_the_start_is_under_way_asks_for_the_removal_at_once)
{
	eng.hook = hold_start;
	start();
	scripted_until(eng.loop, &eng.n_start, 1);
	docker_container_signal(run, "SIGKILL");
	scripted_until(eng.loop, &eng.n_delete, 1);
	ck_assert_int_eq(got.started + got.exits, 0);
	scripted_answer(held_start, "404 Not Found", "{\"message\":\"No such container\"}");
	scripted_until(eng.loop, &got.exits, 1);
	ck_assert_int_eq(got.x.exit_code, -1);
}
END_TEST

START_TEST(freed_while_it_runs_it_is_cut_then_removed_and_silent)
{
	run_until_started();
	docker_container_free(run);
	run = NULL;
	scripted_until(eng.loop, &eng.idles, 1);
	scripted_until(eng.loop, &got.ends, 1);
	ck_assert(eng.attach->is_raw_over);
	ck_assert_int_eq(eng.n_delete, 1);
	ck_assert_int_eq(got.exits, 0);
	ck_assert_int_eq(stream_write(stdio, "x", 1), -EPIPE);
}
END_TEST

START_TEST(a_callback_may_free_it)
{
	got.frees_at_attach = true;
	start();
	scripted_until(eng.loop, &eng.idles, 1);
	ck_assert_int_eq(got.started + got.exits, 0);
	stream_free(stdio);
	stdio = NULL;
	got.frees_at_attach = false;
	got.frees_at_exit = true;
	run_until_started();
	scripted_close(eng.attach);
	say_exit(0);
	scripted_until(eng.loop, &got.exits, 1);
	scripted_until(eng.loop, &eng.idles, 2);
}
END_TEST

START_TEST(it_may_outlive_the_engine_object)
{
	run_until_started();
	docker_free(eng.docker);
	eng.docker = NULL;
	scripted_until(eng.loop, &got.ends, 1);
	docker_container_signal(run, "SIGKILL");
	ck_assert_int_eq(got.exits, 0);
}
END_TEST

Suite *suite_docker_container(void);
Suite *suite_docker_container(void)
{
	Suite *s = suite_create("docker_container");
	TCase *tc = tcase_create("end");
	tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
	tcase_set_timeout(tc, 15);
	tcase_add_test(tc, an_exit_is_told_once_its_output_was_read_and_it_is_removed);
	tcase_add_test(tc, output_behind_the_exit_code_still_comes_first);
	tcase_add_test(tc, a_dead_engine_is_told_as_such_and_removal_waits_for_it);
	tcase_add_test(tc, a_wait_broken_by_the_end_is_answered_by_inspect);
	tcase_add_test(tc, a_wait_that_breaks_while_it_runs_is_asked_again);
	tcase_add_test(tc, a_wait_that_breaks_again_and_again_is_asked_less_and_less_often);
	tcase_add_test(tc, a_wait_that_held_for_long_is_asked_again_at_once);
	tcase_add_loop_test(tc, a_sign_of_its_end_ends_the_rest_of_a_broken_wait, 0, 2);
	tcase_add_test(tc, an_engine_that_dies_during_the_rest_of_a_broken_wait_is_told_as_such);
	tcase_add_test(tc, an_end_of_output_without_an_exit_is_asked_about_and_killed);
	tcase_add_loop_test(tc, what_a_proxy_cut_for_being_idle_is_known, 0, 4);
	tcase_add_test(tc, a_signal_of_an_engine_that_takes_no_new_connection_is_its_end);
	tcase_add_test(tc, out_of_memory_is_known_from_the_event);
	tcase_add_test(tc, out_of_memory_is_known_from_inspect_before_the_removal);
	tcase_add_test(tc, a_signal_before_the_start_is_sent_after_it);
	tcase_add_test(tc, a_kill_while_the_start_is_under_way_asks_for_the_removal_at_once);
	tcase_add_test(tc, freed_while_it_runs_it_is_cut_then_removed_and_silent);
	tcase_add_test(tc, a_callback_may_free_it);
	tcase_add_test(tc, it_may_outlive_the_engine_object);
	suite_add_tcase(s, tc);
	return s;
}
