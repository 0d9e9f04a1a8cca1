/* SPDX-License-Identifier: MIT */
#include "tests/unit/server_rig.h"

static const char ask[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\"}\n";

#define WATCHED                                                                                    \
	"[server:fs]\ncommand = %s/mcp\nwatch = %s/watched\nbackoff = 1h\nbackoff_max = 1h\n"

START_TEST(a_changed_file_restarts_it_behind_its_agents)
{
	rig_open(WATCHED "[server:git]\ncommand = %s/mcp\ndepends_on = fs\n");
	struct server *fs = rig_server("fs"), *git = rig_server("git");
	server_start(fs, "test");
	server_start(git, "test");
	rig_until(fs, SRV_RUNNING);
	rig_until(git, SRV_RUNNING);
	int fd = rig_agent(fs);
	for (unsigned i = 1; i < 4; i++) { /* without a delay, and not counted as failures */
		rig_script("watched", i % 2 ? "1" : "2");
		rig_until_again(fs, i);
		rig_say(fd, ask);
		ck_assert_ptr_nonnull(strstr(rig_hear(fd), "\"id\":1,\"result\""));
	}
	ck_assert_int_eq(server_state(git), SRV_RUNNING);
	ck_assert_uint_eq(git->generation, 1);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(who_is_in_the_middle_of_a_call_is_told_which_file_it_was)
{
	rig_open("[server:fs]\ncommand = %s/stuck\nwatch = /nowhere\nstop_grace_period = 10ms\n");
	rig_script("stuck", rig_mcp);
	struct server *fs = rig_server("fs");
	server_start(fs, "test");
	rig_until(fs, SRV_RUNNING);
	int fd = rig_agent(fs);
	(void)kill(rig_pid(fs), SIGSTOP); /* it is at it, and takes long */
	rig_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}\n");
	rig_rounds(10);
	server_file_changed(fs, "/a/\"file");
	const char *answer = rig_hear(fd);
	ck_assert_msg(strstr(answer, "\"reason\":\"/a/\\\"file changed\"") != NULL, "%s", answer);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(what_is_stopped_or_asleep_stays_so)
{
	rig_open("[server:hand]\ncommand = %s/mcp\nwatch = /nowhere\n"
		 "[server:lazy]\ncommand = %s/mcp\nwatch = /nowhere\nautostart = lazy\n");
	struct server *hand = rig_server("hand"), *lazy = rig_server("lazy");
	server_start(hand, "test");
	rig_until(hand, SRV_RUNNING);
	server_stop(hand, "test");
	server_file_changed(hand, "/nowhere");
	rig_until(hand, SRV_STOPPED);
	server_file_changed(hand, "/nowhere");
	server_file_changed(lazy, "/nowhere");
	rig_rounds(20);
	ck_assert_int_eq(server_state(hand), SRV_STOPPED);
	ck_assert_int_eq(server_state(lazy), SRV_STOPPED);
	ck_assert(server_is_asleep(lazy) && !server_is_asleep(hand));
	rig_close();
}
END_TEST

static const char tools_mcp[] =
	"#!/bin/sh\n"
	"while IFS= read -r line; do\n"
	"	case $line in *'\"id\":'*) ;; *) continue ;; esac\n"
	"	id=${line#*'\"id\":'} id=${id%%[,\\}]*} r='{\"tools\":[]}'\n"
	"	case $line in *'\"initialize\"'*) r='{\"protocolVersion\":\"2025-11-25\","
	"\"capabilities\":{\"tools\":{}}}' ;; esac\n"
	"	printf '{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\\n' \"$id\" \"$r\"\n"
	"done\n";

START_TEST(what_sleeps_is_asked_for_its_tools_again)
{
	static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
	rig_open("[server:lazy]\ncommand = %s/tools\nwatch = /nowhere\nautostart = lazy\n"
		 "idle_timeout = 50ms\n");
	rig_script("tools", tools_mcp);
	struct server *lazy = rig_server("lazy");
	int fd = rig_agent(lazy);
	for (unsigned generation = 1; generation < 3; generation++) {
		rig_say(fd, list);
		ck_assert_ptr_nonnull(strstr(rig_hear(fd), "\"tools\":[]"));
		rig_until(lazy, SRV_STOPPED);
		rig_say(fd, list);
		ck_assert_ptr_nonnull(strstr(rig_hear(fd), "\"tools\":[]"));
		ck_assert_uint_eq(lazy->generation, generation);
		server_file_changed(lazy, "/nowhere");
	}
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(what_has_failed_is_tried_again)
{
	rig_open(
		"[server:fatal]\ncommand = %s/soon\nwatch = /nowhere\n"
		"[server:loop]\ncommand = %s/loop\nwatch = /nowhere\nbackoff = 1h\nbackoff_max = 1h\n");
	struct server *fatal = rig_server("fatal"), *loop = rig_server("loop");
	rig_script("loop", "#!/bin/sh\nexit 1\n");
	server_start(fatal, "test");
	server_start(loop, "test");
	rig_until(fatal, SRV_FATAL);
	rig_until(loop, SRV_BACKOFF);
	rig_script("soon", rig_mcp);
	rig_script("loop", rig_mcp);
	server_file_changed(fatal, "/nowhere");
	server_file_changed(loop, "/nowhere");
	rig_until(fatal, SRV_RUNNING);
	rig_until(loop, SRV_RUNNING);
	rig_close();
}
END_TEST

START_TEST(what_waits_for_its_turn_or_goes_down_for_good_is_left_alone)
{
	rig_open("[server:fs]\ncommand = %s/mcp\nautostart = false\n"
		 "[server:git]\ncommand = %s/mcp\ndepends_on = fs\nwatch = /nowhere\n");
	struct server *git = rig_server("git");
	server_start(git, "test");
	rig_rounds(5);
	server_file_changed(git, "/nowhere");
	ck_assert_int_eq(server_state(git), SRV_STARTING);
	server_shut(git, 10);
	server_file_changed(git, "/nowhere");
	rig_until(git, SRV_STOPPED);
	rig_close();
}
END_TEST

Suite *suite_supervisor_server_watch(void);
Suite *suite_supervisor_server_watch(void)
{
	Suite *s = suite_create("supervisor_server_watch");
	TCase *c = tcase_create("watch");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, a_changed_file_restarts_it_behind_its_agents);
	tcase_add_test(c, who_is_in_the_middle_of_a_call_is_told_which_file_it_was);
	tcase_add_test(c, what_is_stopped_or_asleep_stays_so);
	tcase_add_test(c, what_sleeps_is_asked_for_its_tools_again);
	tcase_add_test(c, what_has_failed_is_tried_again);
	tcase_add_test(c, what_waits_for_its_turn_or_goes_down_for_good_is_left_alone);
	suite_add_tcase(s, c);
	return s;
}
