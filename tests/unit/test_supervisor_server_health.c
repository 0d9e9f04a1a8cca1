/* SPDX-License-Identifier: MIT */
/* What follows when a server is found unhealthy, and whether one that runs does so as before. */
#include "base/http.h"
#include "supervisor/pulse.h"
#include "tests/unit/script_one.h"

/* Probed every 5 s, hung after two failures in a row. */
#define PROBED                                                                                     \
	"[server:fs]\nimage = x\nlaunch = api\nstop_grace_period = 2s\nbackoff = 10s\n"            \
	"backoff_max = 10s\nhealthcheck_interval = 5s\nhealthcheck_timeout = 2s\n"                 \
	"healthcheck_retries = 2\nbusy_timeout = 20s\n"

static void open_probed(const char *more)
{
	char ini[1024];
	(void)snprintf(ini, sizeof(ini), PROBED "%s", more);
	script_open(ini, 1);
	fs = rig_server("fs");
	mood = script_mood("fs");
	agent = rig_agent(fs);
	script_settle();
	server_start(fs, "test");
	script_settle();
	script_is(fs, SRV_RUNNING);
	script_from(fs);
}

static const char *health(void)
{
	struct server_info i;
	server_info(fs, &i);
	return i.health;
}

START_TEST(a_hung_server_is_restarted_and_its_agents_are_told_at_once)
{
	open_probed("startsecs = 1s\n");
	script_wait(6000);
	mood->is_mute = mood->keeps_on_eof = mood->keeps_on_stop = true;
	rig_say(agent, script_call);
	script_wait(19000); /* a call is in flight */
	script_is(fs, SRV_RUNNING);
	ck_assert_str_eq(script_heard(agent), "");
	script_wait(2000);
	script_is(fs, SRV_STOPPING); /* its graces go by without the agents */
	is_refused("unhealthy: not a byte in 20 s with a call in flight");
	mood->is_mute = false;
	script_wait(5000);
	script_is(fs, SRV_RUNNING);
	struct server_info i;
	server_info(fs, &i);
	ck_assert_uint_eq(i.restarts, 1);
	ck_assert_uint_eq(i.restarts_for[RESTART_HUNG], 1);
	shut_one();
}
END_TEST

START_TEST(an_idle_one_is_found_within_retries_times_interval_plus_timeout)
{
	open_probed("startsecs = 1s\n");
	script_wait(5250); /* it has just answered a ping */
	struct server_info i;
	server_info(fs, &i);
	ck_assert_int_ge(i.probe_ms, 0);
	mood->is_mute = true;
	script_wait(2 * 5000 + 2000);
	ck_assert_ptr_nonnull(strstr(script_path(fs), "RUNNING STOPPING"));
	script_wait(15000);
	ck_assert_uint_ge(script_launches("fs"), 2);
	mood->is_mute = false;
	shut_one();
}
END_TEST

START_TEST(one_that_hangs_as_soon_as_it_is_ready_is_not_launched_again_at_once)
{
	open_probed("startsecs = 1s\n");
	for (int i = 0; i < 3; i++) {
		mood->is_mute = true; /* now, and not when it is launched */
		while (fs->state == SRV_RUNNING || fs->state == SRV_STOPPING)
			script_wait(100);
		mood->is_mute = false;
		script_is(fs, SRV_BACKOFF);
		ck_assert_int_ge(fs->retry_ms, 8000); /* 10 s, ±20 % */
		while (fs->state != SRV_RUNNING)
			script_wait(100);
	}
	shut_one();
}
END_TEST

START_TEST(on_unhealthy_stop_stops_it_with_the_reason_and_answers_agents_at_once)
{
	open_probed("on_unhealthy = stop\n");
	mood->is_mute = mood->keeps_on_eof = true;
	script_wait(1000);
	rig_say(agent, script_call);
	script_wait(25000);
	is_refused("unhealthy: not a byte in");
	script_wait(5000);
	script_is(fs, SRV_STOPPED);
	ck_assert_ptr_nonnull(strstr(fs->why, "unhealthy: not a byte in"));
	ck_assert(!server_counts_as_up(fs));
	rig_say(agent, script_call);
	script_settle();
	is_refused("unhealthy");
	script_wait(60000);
	script_is(fs, SRV_STOPPED);
	ck_assert_uint_eq(script_launches("fs"), 1);
	shut_one();
}
END_TEST

START_TEST(on_unhealthy_ignore_shows_it_until_it_is_over)
{
	open_probed("on_unhealthy = ignore\n");
	mood->is_mute = true;
	script_wait(60000);
	script_is(fs, SRV_RUNNING);
	ck_assert_str_eq(health(), "unhealthy");
	ck_assert_ptr_nonnull(strstr(fs->why, "unhealthy: no answer to 2 pings"));
	mood->is_mute = false;
	script_wait(6000);
	ck_assert_str_eq(health(), "healthy");
	ck_assert_str_eq(fs->why, "");
	ck_assert_uint_eq(script_launches("fs"), 1);
	shut_one();
}
END_TEST

START_TEST(a_server_that_answers_pings_but_no_calls_is_hung_where_request_timeout_says_so)
{
	open_probed("request_timeout = 4s\nstartsecs = 1s\n");
	for (int i = 0; i < 2; i++) {
		rig_say(agent, script_call);
		script_wait(4250);
		is_refused("request_timeout");
	}
	script_wait(5000); /* the next look */
	ck_assert_uint_eq(fs->restarts_for[RESTART_HUNG], 1);
	shut_one();
}
END_TEST

START_TEST(without_request_timeout_it_may_take_as_long_as_it_likes)
{
	open_probed("");
	rig_say(agent, script_call);
	script_wait(3600000);
	script_is(fs, SRV_RUNNING);
	ck_assert_uint_eq(script_launches("fs"), 1);
	ck_assert_str_eq(health(), "healthy");
	shut_one();
}
END_TEST

START_TEST(three_restarts_are_degraded_until_ten_minutes_are_over)
{
	open_probed("startsecs = 1s\n");
	for (int i = 0; i < 3; i++) {
		ck_assert_str_eq(health(), "healthy");
		script_wait(2000);
		script_exits(script_launch("fs"), 1);
		script_wait(1000);
		script_is(fs, SRV_RUNNING);
	}
	ck_assert_str_eq(health(), "degraded");
	ck_assert_str_eq(fs->why, "degraded: restarted 3 times or more in 10 minutes");
	ck_assert(server_counts_as_up(fs));
	ck_assert_uint_eq(fs->restarts_for[RESTART_EXIT], 3);
	script_wait(601000);
	ck_assert_str_eq(health(), "healthy");
	ck_assert_str_eq(fs->why, "");
	shut_one();
}
END_TEST

START_TEST(an_engine_that_goes_and_a_persons_restarts_do_not_degrade)
{
	open_probed("startsecs = 1s\n");
	for (int i = 0; i < 4; i++) {
		script_loses_engine(fs->launch);
		script_engine(false);
		script_settle();
		script_engine(true);
		script_wait(5000);
		script_is(fs, SRV_RUNNING);
		server_restart(fs, "test");
		script_wait(1000);
		script_is(fs, SRV_RUNNING);
	}
	ck_assert_str_eq(health(), "healthy");
	ck_assert_uint_eq(fs->restarts_for[RESTART_ENGINE], 4);
	ck_assert_uint_eq(fs->restarts_for[RESTART_WISH], 4);
	ck_assert_uint_eq(fs->restarts, 8);
	shut_one();
}
END_TEST

/* --- real children: tools, and exec ------------------------------------------------------------- */

/* Offers as many tools as the file `tools` has lines. */
static const char tools_mcp[] =
	"#!/bin/sh\n"
	"dir=${0%/*}\n"
	"while IFS= read -r line; do\n"
	"	case $line in *'\"id\":'*) ;; *) continue ;; esac\n"
	"	id=${line#*'\"id\":'} id=${id%%[,\\}]*} r='{}'\n"
	"	case $line in *'\"initialize\"'*) r='{\"protocolVersion\":\"2025-11-25\","
	"\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"t\",\"version\":\"1\"}}' ;; esac\n"
	"	case $line in *tools/list*) t=; while read -r n; do t=\"$t,{\\\"name\\\":\\\"$n\\\"}\"; "
	"done <\"$dir/tools\"; r=\"{\\\"tools\\\":[${t#,}]}\" ;; esac\n"
	"	printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\\n' \"$id\" \"$r\"\n"
	"done\n";

static void until_health(const char *want)
{
	for (int i = 0; i < RIG_PATIENCE && strcmp(health(), want) != 0; i++)
		rig_rounds(1);
	ck_assert_str_eq(health(), want);
}

START_TEST(fewer_tools_after_a_restart_are_degraded_until_they_are_back)
{
	rig_open("[server:fs]\ncommand = %s/tools-mcp\nstartsecs = 1ms\nbackoff = 10ms\n"
		 "healthcheck_interval = 100ms\nhealthcheck_timeout = 1s\n");
	rig_script("tools-mcp", tools_mcp);
	rig_script("tools", "a\nb\nc\n");
	fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	ck_assert_int_eq(fs->tools, 3);
	rig_script("tools", "a\n");
	(void)kill(rig_pid(fs), SIGKILL);
	rig_until_again(fs, 1);
	ck_assert_str_eq(fs->why, "degraded: 1 tool, 3 before its restart");
	ck_assert_str_eq(health(), "degraded");
	rig_script("tools", "a\nb\nc\n"); /* they came late */
	until_health("healthy");
	ck_assert_int_eq(fs->tools, 3);
	ck_assert_str_eq(fs->why, "");
	rig_close();
}
END_TEST

/* Nobody listens at this URL. */
static void open_refused(void)
{
	open_probed("healthcheck = http http://127.0.0.1:1/\nstartsecs = 1s\n");
	for (int i = 0; i < 1000 && strcmp(health(), "unhealthy") != 0; i++)
		script_wait(250);
	script_is(fs, SRV_RUNNING);
	ck_assert_ptr_nonnull(strstr(fs->why, "unhealthy: 2 health requests failed"));
}

static void shut_refused(void)
{
	server_stop(fs, "test"); /* its probes go with it, and before the loop goes */
	script_wait(5000);
	http_free(rig.http);
	rig.http = NULL;
	shut_one();
}

START_TEST(a_check_that_fails_since_the_server_dies_is_not_why_it_was_restarted)
{
	open_refused();
	script_exits(script_launch("fs"), 7);
	script_wait(2000);
	ck_assert_uint_eq(fs->restarts_for[RESTART_EXIT], 1);
	ck_assert_ptr_nonnull(strstr(fs->last_exit, "exited with status 7"));
	shut_refused();
}
END_TEST

START_TEST(a_check_that_fails_since_the_engine_goes_is_no_verdict)
{
	open_refused();
	rig.is_engine_ready = false;
	script_wait(1000);
	script_is(fs, SRV_RUNNING);
	ck_assert_str_eq(health(), "starting");
	ck_assert_str_eq(fs->why, "");
	rig.is_engine_ready = true;
	shut_refused();
}
END_TEST

START_TEST(a_check_that_fails_restarts_a_server_that_lives_on)
{
	open_refused();
	script_wait(1000);
	ck_assert_ptr_nonnull(strstr(script_path(fs), "RUNNING STOPPING"));
	script_wait(15000);
	ck_assert_uint_eq(fs->restarts_for[RESTART_HUNG], 1);
	shut_refused();
}
END_TEST

START_TEST(a_ping_that_cannot_be_sent_to_a_closed_server_is_no_failure)
{
	rig_open("[server:fs]\ncommand = %s/closes\nhealthcheck_interval = 100ms\n"
		 "healthcheck_retries = 1\nstop_grace_period = 50ms\n");
	rig_script(
		"closes",
		"#!/bin/sh\nread -r line\nid=${line#*'\"id\":'} id=${id%%[,\\}]*}\n"
		"printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"protocolVersion\":\"2025-11-25\","
		"\"capabilities\":{},\"serverInfo\":{\"name\":\"t\",\"version\":\"1\"}}}\\n' $id\n"
		"exec >&-\nexec sleep 1000\n");
	fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	rig_until_again(fs, 1);
	ck_assert_uint_eq(fs->restarts_for[RESTART_STDOUT], 1);
	rig_close();
}
END_TEST

START_TEST(a_process_servers_command_has_its_directory_and_environment)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nhealthcheck = exec %s/check\n"
		 "healthcheck_interval = 100ms\nhealthcheck_retries = 2\nhealthcheck_timeout = 2s\n"
		 "environment = GREETING=hello\nworking_dir = %s\non_unhealthy = ignore\n");
	rig_script("check",
		   "#!/bin/sh\necho out; [ \"$GREETING\" = hello ] && [ -f ok ] && exit 0\n"
		   "echo no file ok >&2; exit 3\n");
	fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	ck_assert_str_eq(health(), "starting");
	until_health("unhealthy");
	ck_assert_msg(strstr(fs->why, "unhealthy: 2 health commands failed in ") != NULL, "%s",
		      fs->why);
	ck_assert_ptr_nonnull(strstr(fs->why, "the last: exited with status 3: no file ok"));
	rig_script("ok", "");
	until_health("healthy");
	rig_close();
}
END_TEST

START_TEST(a_command_that_hangs_is_killed_at_its_timeout)
{
	rig_open(
		"[server:fs]\ncommand = %s/mcp\nhealthcheck = exec %s/check\n"
		"healthcheck_interval = 100ms\nhealthcheck_retries = 3\nhealthcheck_timeout = 150ms\n"
		"on_unhealthy = ignore\n");
	rig_script("check", "#!/bin/sh\ntrap '' TERM\necho $$ >>${0%/*}/pids\nsleep 1000\n");
	fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	until_health("unhealthy");
	ck_assert_ptr_nonnull(strstr(fs->why, "no answer to 3 health commands in "));
	server_stop(fs, "test");
	rig_until(fs, SRV_STOPPED);
	rig_rounds(50);
	char command[160];
	(void)snprintf(command, sizeof(command),
		       "for p in $(cat %s/pids); do ! kill -0 $p || exit 1; "
		       "done 2>/dev/null",
		       rig_dir);
	int r = -1;
	for (int i = 0; i < 500 && r != 0; i++) { /* their parents reap them */
		rig_rounds(5);
		r = system(command);
	}
	ck_assert_int_eq(r, 0);
	rig_close();
}
END_TEST

START_TEST(a_command_that_is_not_there_is_a_failure_that_says_so)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nhealthcheck = exec %s/nowhere\n"
		 "healthcheck_interval = 100ms\non_unhealthy = stop\n");
	fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_STOPPED);
	ck_assert_ptr_nonnull(strstr(fs->why, "3 health commands could not be sent in"));
	ck_assert_ptr_nonnull(strstr(fs->why, "No such file or directory"));
	rig_close();
}
END_TEST

Suite *suite_supervisor_server_health(void);
Suite *suite_supervisor_server_health(void)
{
	Suite *s = suite_create("supervisor_server_health");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, a_hung_server_is_restarted_and_its_agents_are_told_at_once);
	tcase_add_test(c, an_idle_one_is_found_within_retries_times_interval_plus_timeout);
	tcase_add_test(c, one_that_hangs_as_soon_as_it_is_ready_is_not_launched_again_at_once);
	tcase_add_test(c, on_unhealthy_stop_stops_it_with_the_reason_and_answers_agents_at_once);
	tcase_add_test(c, on_unhealthy_ignore_shows_it_until_it_is_over);
	tcase_add_test(
		c, a_server_that_answers_pings_but_no_calls_is_hung_where_request_timeout_says_so);
	tcase_add_test(c, without_request_timeout_it_may_take_as_long_as_it_likes);
	tcase_add_test(c, three_restarts_are_degraded_until_ten_minutes_are_over);
	tcase_add_test(c, an_engine_that_goes_and_a_persons_restarts_do_not_degrade);
	tcase_add_test(c, fewer_tools_after_a_restart_are_degraded_until_they_are_back);
	tcase_add_test(c, a_check_that_fails_since_the_server_dies_is_not_why_it_was_restarted);
	tcase_add_test(c, a_check_that_fails_since_the_engine_goes_is_no_verdict);
	tcase_add_test(c, a_check_that_fails_restarts_a_server_that_lives_on);
	tcase_add_test(c, a_ping_that_cannot_be_sent_to_a_closed_server_is_no_failure);
	tcase_add_test(c, a_process_servers_command_has_its_directory_and_environment);
	tcase_add_test(c, a_command_that_hangs_is_killed_at_its_timeout);
	tcase_add_test(c, a_command_that_is_not_there_is_a_failure_that_says_so);
	suite_add_tcase(s, c);
	return s;
}
