/* SPDX-License-Identifier: MIT */
#include "tests/unit/scripted_engine.h"
#include "tests/unit/server_rig.h"

static const char ini_image[] = "[server:fs]\nimage = x\nbackoff = 1ms\n"
				"backoff_max = 1ms\nstop_grace_period = 10ms\nstartsecs = 0\n";

static char path_env[64];
static const char *const with_docker[] = { path_env, NULL };
static struct server *fs;

/* The docker command is the small MCP server itself, and says how often it was run. */
static void open_auto(const char *more)
{
	char ini[1024];
	(void)snprintf(ini, sizeof(ini), "%s%s%s", ini_image,
		       strstr(more, "launch = ") ? "" : "launch = auto\n", more);
	rig_open(ini);
	rig_script("docker", "#!/bin/sh\necho \"$*\" >> \"${0%/*}/runs\"\nexec \"${0%/*}/mcp\"\n");
	(void)snprintf(path_env, sizeof(path_env), "PATH=%s:/usr/bin:/bin", rig_dir);
	rig.environ = with_docker;
	memset(&eng, 0, sizeof(eng));
	eng.inspect = "{\"State\":{\"Running\":false,\"ExitCode\":0}}";
	eng.loop = rig.loop;
	eng.http = http_new(eng.loop, "mcpinit/test", NULL);
	scripted_start(&eng.srv, eng.loop, engine_request, NULL);
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	rig.docker = eng.docker;
	rig.instance = strdup("t");
	(void)strcpy(rig.boot, "0123456789abcdef");
	rig.is_engine_ready = true;
	fs = rig_server("fs");
}

static void shut_auto(void)
{
	free(rig.instance);
	server_free(fs);
	rig.n_servers = 0;
	docker_free(eng.docker);
	http_free(eng.http);
	scripted_done(&eng.srv);
	buf_done(&eng.log);
	clock_fake(NULL);
	rig_close();
}

static int count(const char *text)
{
	int n = 0;
	for (const char *p = buf_str(&eng.log); (p = strstr(p, text)); p++)
		n++;
	return n;
}

static int count_runs(void)
{
	char path[64], line[4096];
	int n = 0;
	(void)snprintf(path, sizeof(path), "%s/runs", rig_dir);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		(void)fclose(f);
	return n;
}

static const char *refused_call, *refused_status, *refused_body;

static bool refuse(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, refused_call))
		return false;
	scripted_answer(c, refused_status, refused_body);
	return true;
}

static void refuse_at(const char *call, const char *status, const char *body)
{
	refused_call = call;
	refused_status = status;
	refused_body = body;
	eng.hook = refuse;
}

/* --- falling back ---------------------------------------------------------------------------- */

START_TEST(what_the_api_refuses_the_command_does_and_that_is_remembered)
{
	open_auto("");
	refuse_at("/containers/create", "403 Forbidden", "{\"message\":\"not by this door\"}");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	struct server_info info;
	server_info(fs, &info);
	ck_assert_str_eq(info.via, "cli");
	ck_assert_ptr_nonnull(strstr(info.first_error, "not by this door"));
	ck_assert_uint_eq(rig.fallbacks, 1);
	server_restart(fs, "test");
	rig_until_again(fs, 1);
	ck_assert_int_eq(count("/containers/create"), 1);
	ck_assert_uint_eq(rig.fallbacks, 1);
	ck_assert_uint_eq(server_tallies(fs)->fallbacks, 1);
	ck_assert(!rig.is_fallback_said);
	server_engine_back(fs); /* it may be another engine now */
	server_restart(fs, "test");
	rig_until_again(fs, 2);
	ck_assert_int_eq(count("/containers/create"), 2);
	ck_assert(rig.is_fallback_said); /* the third start in a row */
	shut_auto();
}
END_TEST

START_TEST(a_start_by_the_api_breaks_the_row)
{
	open_auto("");
	rig.fallback_row = 2;
	server_start(fs, "test");
	for (int i = 0; i < RIG_PATIENCE && rig.fallback_row; i++)
		rig_rounds(1);
	ck_assert_int_eq(eng.n_start, 1);
	ck_assert_uint_eq(rig.fallback_row, 0);
	ck_assert(!rig.is_fallback_said);
	shut_auto();
}
END_TEST

START_TEST(a_start_refused_after_the_attach_falls_back_too)
{
	open_auto("");
	refuse_at("/start", "403 Forbidden", "{\"message\":\"not by this door\"}");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	ck_assert_int_eq(eng.n_attach, 1);
	ck_assert_uint_eq(fs->generation, 1);
	ck_assert(!loop_timer_is_armed(fs->stdout_timer)); /* the attach's end is forgotten */
	/* By name, a late removal would meet the container that the command made. */
	ck_assert_int_eq(count("DELETE /containers/" ENGINE_ID), 1);
	ck_assert_int_eq(eng.n_delete, 1);
	shut_auto();
}
END_TEST

static bool is_slow_to_remove;

static bool refuse_start_and_removal(struct scripted_conn *c, const char *line)
{
	if (strstr(line, "DELETE") && is_slow_to_remove) {
		scripted_answer(c, "409 Conflict",
				"{\"message\":\"removal of container x is already in progress\"}");
		return true;
	}
	return refuse(c, line);
}

START_TEST(the_command_waits_until_the_name_is_free)
{
	open_auto("");
	refuse_at("/start", "403 Forbidden", "{\"message\":\"not by this door\"}");
	eng.hook = refuse_start_and_removal;
	is_slow_to_remove = true;
	server_start(fs, "test");
	for (int i = 0; i < RIG_PATIENCE && count("DELETE /containers/" ENGINE_ID) < 3; i++)
		rig_rounds(1);
	ck_assert_int_eq(count_runs(), 0);
	is_slow_to_remove = false;
	rig_until(fs, SRV_RUNNING);
	ck_assert_int_eq(count_runs(), 1);
	ck_assert_uint_eq(fs->generation, 1);
	server_restart(fs, "test");
	rig_until_again(fs, 1);
	shut_auto();
}
END_TEST

START_TEST(a_stop_while_it_waits_for_the_name_is_obeyed)
{
	open_auto("");
	refuse_at("/start", "403 Forbidden", "{\"message\":\"not by this door\"}");
	eng.hook = refuse_start_and_removal;
	is_slow_to_remove = true;
	server_start(fs, "test");
	for (int i = 0; i < RIG_PATIENCE && count("DELETE /containers/" ENGINE_ID) < 2; i++)
		rig_rounds(1);
	server_stop(fs, "test");
	rig_until(fs, SRV_STOPPED);
	is_slow_to_remove = false;
	rig_rounds(100);
	ck_assert_int_eq(count_runs(), 0);
	shut_auto();
}
END_TEST

START_TEST(without_a_docker_command_the_apis_error_is_shown)
{
	open_auto("startretries = 1\n");
	(void)snprintf(path_env, sizeof(path_env), "PATH=/nowhere");
	refuse_at("/containers/create", "403 Forbidden", "{\"message\":\"not by this door\"}");
	server_start(fs, "test");
	rig_until(fs, SRV_FATAL);
	ck_assert_ptr_nonnull(strstr(fs->why, "not by this door"));
	ck_assert_ptr_null(strstr(fs->why, "PATH"));
	ck_assert_uint_eq(rig.fallbacks, 0);
	ck_assert_uint_eq(fs->generation, 2); /* such a refusal may pass: it was tried again */
	shut_auto();
}
END_TEST

START_TEST(a_command_that_fails_too_leaves_both_errors_and_runs_once_an_attempt)
{
	open_auto("startretries = 2\n");
	rig_script("docker",
		   "#!/bin/sh\necho \"$*\" >> \"${0%/*}/runs\"\n"
		   "echo 'docker: Error response from daemon: authorization denied.' >&2\n"
		   "exit 125\n");
	refuse_at("/containers/create", "403 Forbidden", "{\"message\":\"not by this door\"}");
	server_start(fs, "test");
	rig_until(fs, SRV_FATAL);
	ck_assert_ptr_nonnull(strstr(fs->why, "authorization denied"));
	ck_assert_ptr_nonnull(strstr(fs->why, "not by this door"));
	server_start(fs, "test");
	rig_rounds(5);
	rig_until(fs, SRV_FATAL);
	ck_assert_int_eq(count_runs(), (int)fs->generation);
	ck_assert_int_eq(count("/containers/create"), 1);
	shut_auto();
}
END_TEST

/* --- whose fault it is ------------------------------------------------------------------------ */

START_TEST(a_network_error_that_the_engine_reports_is_a_failed_start)
{
	open_auto("startretries = 2\n");
	refuse_at("/start", "500 Internal Server Error",
		  "{\"message\":\"failed to initialize logging driver: dial tcp 127.0.0.1:24224: "
		  "connect: connection refused\"}");
	server_start(fs, "test");
	rig_until(fs, SRV_FATAL);
	ck_assert_uint_eq(fs->generation, 3);
	ck_assert_ptr_nonnull(strstr(fs->why, "logging driver"));
	shut_auto();
}
END_TEST

static bool hang_up(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/images/"))
		return false;
	scripted_close(c);
	return true;
}

START_TEST(an_engine_that_goes_away_costs_no_attempt)
{
	open_auto("startretries = 1\n");
	eng.hook = hang_up;
	server_start(fs, "test");
	rig_until(fs, SRV_BACKOFF);
	ck_assert_int_eq(fs->backoff.attempt, 0);
	ck_assert_int_ge(fs->retry_ms, 1000); /* it is not asked for again at once */
	rig.is_engine_ready = false;	      /* now it is known */
	loop_timer_at(fs->timer, 0);
	rig_until(fs, SRV_STARTING);
	rig_rounds(10);
	ck_assert_str_eq(fs->why, "waiting for the container engine");
	eng.hook = NULL;
	rig.is_engine_ready = true;
	server_engine_back(fs);
	for (int i = 0; i < RIG_PATIENCE && eng.n_start == 0; i++)
		rig_rounds(1);
	ck_assert_int_eq(eng.n_start, 1);
	shut_auto();
}
END_TEST

START_TEST(a_command_that_loses_the_engine_costs_no_attempt_either)
{
	open_auto("launch = cli\nstartretries = 1\n");
	rig_script("docker",
		   "#!/bin/sh\necho 'level=error msg=\"error waiting for container: EOF\"' >&2\n"
		   "exit 125\n");
	server_start(fs, "test");
	rig_until(fs, SRV_BACKOFF);
	ck_assert_int_eq(fs->backoff.attempt, 0);
	ck_assert_ptr_nonnull(strstr(fs->why, "the engine went away"));
	shut_auto();
}
END_TEST

/* --- small things ------------------------------------------------------------------------------ */

static bool never(struct scripted_conn *c, const char *line)
{
	(void)c;
	return strstr(line, "/images/") != NULL;
}

START_TEST(a_stop_calls_off_what_has_not_begun)
{
	open_auto("");
	eng.hook = never;
	server_start(fs, "test");
	rig_rounds(20);
	ck_assert_int_eq(server_state(fs), SRV_STARTING);
	server_stop(fs, "test");
	rig_rounds(5);
	ck_assert_int_eq(server_state(fs), SRV_STOPPED);
	ck_assert_int_eq(rig.starting, 0);
	shut_auto();
}
END_TEST

START_TEST(however_long_the_instance_each_container_has_its_own_name)
{
	open_auto("");
	free(rig.instance);
	rig.instance = malloc(251);
	memset(rig.instance, 'i', 250);
	rig.instance[250] = '\0';
	server_start(fs, "test");
	for (int i = 0; i < RIG_PATIENCE && eng.n_start == 0; i++)
		rig_rounds(1);
	ck_assert_ptr_nonnull(strstr(buf_str(&eng.log), "iii-fs-1\n"));
	shut_auto();
}
END_TEST

Suite *suite_supervisor_launch(void);
Suite *suite_supervisor_launch(void)
{
	Suite *s = suite_create("supervisor_launch");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, what_the_api_refuses_the_command_does_and_that_is_remembered);
	tcase_add_test(c, a_start_by_the_api_breaks_the_row);
	tcase_add_test(c, a_start_refused_after_the_attach_falls_back_too);
	tcase_add_test(c, the_command_waits_until_the_name_is_free);
	tcase_add_test(c, a_stop_while_it_waits_for_the_name_is_obeyed);
	tcase_add_test(c, without_a_docker_command_the_apis_error_is_shown);
	tcase_add_test(c, a_command_that_fails_too_leaves_both_errors_and_runs_once_an_attempt);
	tcase_add_test(c, a_network_error_that_the_engine_reports_is_a_failed_start);
	tcase_add_test(c, an_engine_that_goes_away_costs_no_attempt);
	tcase_add_test(c, a_command_that_loses_the_engine_costs_no_attempt_either);
	tcase_add_test(c, a_stop_calls_off_what_has_not_begun);
	tcase_add_test(c, however_long_the_instance_each_container_has_its_own_name);
	suite_add_tcase(s, c);
	return s;
}
