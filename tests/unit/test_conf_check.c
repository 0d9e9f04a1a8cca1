/* SPDX-License-Identifier: MIT */
#include "tests/unit/conf_text.h"

#include <stdio.h>

/* The one warning of a valid text. */
static void assert_warning(const char *text, const char *warning)
{
	struct conf *c = conf_text(text);
	ck_assert_list(c->warnings, warning);
	conf_free(c);
}

START_TEST(npx_and_uvx_have_five_minutes_to_start_unless_an_image_or_a_key_says_otherwise)
{
	struct conf *c = conf_text("[server:a]\ncommand = npx a\n"
				   "[server:b]\ncommand = /usr/bin/uvx b\n"
				   "[server:c]\ncommand = npx c\nimage = c\n"
				   "[server:d]\ncommand = npx d\nstart_timeout = 9s\n"
				   "[server:e]\ncommand = npxx\nimage = e\n");
	const int64_t ms[] = { 300000, 300000, 60000, 9000, 60000 };
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(c->servers[i]->start_timeout_ms, ms[i]);
	conf_free(c);
	c = conf_text("[defaults]\nstart_timeout = 7s\n[server:a]\ncommand = npx a\n");
	ck_assert_int_eq(c->servers[0]->start_timeout_ms, 7000);
	conf_free(c);
}
END_TEST

START_TEST(busy_timeout_follows_request_timeout)
{
	struct conf *c =
		conf_text("[server:a]\nimage = a\nrequest_timeout = 30s\n"
			  "[server:b]\nimage = b\nrequest_timeout = 30s\nbusy_timeout = 9s\n");
	ck_assert_int_eq(c->servers[0]->busy_timeout_ms, 30000);
	ck_assert_int_eq(c->servers[1]->busy_timeout_ms, 9000);
	conf_free(c);
}
END_TEST

START_TEST(container_keys_of_a_process_are_warned_about)
{
	assert_warning("[defaults]\ndns = 1.1.1.1\n"
		       "[server:a]\nlaunch = process\ncommand = ./a\nmem_limit = 1g\n",
		       "t.ini:6: server:a: mem_limit: has no effect with launch = process");
}
END_TEST

START_TEST(a_package_runner_without_a_network_is_warned_about)
{
	assert_warning("[server:a]\ncommand = npx a\nnetwork_mode = none\n",
		       "t.ini:3: server:a: network_mode: npx fetches its package at start and "
		       "cannot without a network; write image");
	assert_warning("[server:a]\ncommand = npx a\nimage = a\nnetwork_mode = none\n", "");
}
END_TEST

START_TEST(an_engine_log_is_warned_about)
{
	assert_warning("[server:a]\nimage = a\nlogging = local\n",
		       "t.ini:3: server:a: logging: every message, secrets included, goes to the "
		       "engine's log; mcpctl logs shows stderr without it");
}
END_TEST

START_TEST(only_a_lazy_server_can_be_idle)
{
	assert_warning(
		"[server:a]\nimage = a\nidle_timeout = 5m\n",
		"t.ini:3: server:a: idle_timeout: has no effect: only a lazy server is stopped; "
		"write autostart = lazy");
	assert_warning("[server:a]\nimage = a\nidle_timeout = 0\n", "");
	assert_warning("[server:a]\nimage = a\nidle_timeout = 5m\nautostart = lazy\n", "");
	assert_warning("[defaults]\nidle_timeout = 5m\n[server:a]\nimage = a\n", "");
}
END_TEST

START_TEST(what_a_server_asks_is_settled_by_keys_of_shared_ones)
{
	static const char how[] =
		"has no effect: with sharing = per-agent the server knows what its "
		"agent declares, and asks it; take it out";
	char text[512];
	(void)snprintf(text, sizeof(text),
		       "t.ini:4: server:a: client_capabilities: %s|"
		       "t.ini:5: server:a: ask_policy: %s",
		       how, how);
	assert_warning("[server:a]\nimage = a\nsharing = per-agent\nclient_capabilities = roots\n"
		       "ask_policy = newest\n",
		       text);
	assert_warning(
		"[server:a]\nimage = a\nask_policy = newest\n",
		"t.ini:3: server:a: ask_policy: has no effect: the server may not ask; write "
		"client_capabilities");
	assert_warning("[defaults]\nclient_capabilities = sampling\nask_policy = newest\n"
		       "[server:a]\nimage = a\n[server:b]\nimage = b\nsharing = per-agent\n"
		       "[server:c]\nimage = c\nask_policy = reject\n",
		       "");
}
END_TEST

#define TWO_SERVERS "[server:a]\nimage = a\n[server:bc]\nimage = b\n"

START_TEST(an_agent_that_may_use_a_server_and_none_of_its_tools_is_warned_about)
{
	assert_warning(TWO_SERVERS "[agent:p]\nservers = a, bc\ntools = a:read_*\n",
		       "t.ini:7: agent:p: tools: no pattern names server bc, so it has none of its "
		       "tools; write bc:* for all");
	assert_warning(TWO_SERVERS "[agent:p]\nservers = a, bc\ntools = none\n",
		       "t.ini:7: agent:p: tools: no pattern names server a, so it has none of its "
		       "tools; write a:* for all|"
		       "t.ini:7: agent:p: tools: no pattern names server bc, so it has none of its "
		       "tools; write bc:* for all");
	assert_warning(TWO_SERVERS "[agent:p]\nservers = a, bc\ntools = a:read_*, ?c:*\n", "");
	assert_warning(TWO_SERVERS "[agent:p]\nservers = a, bc\n", "");
	assert_warning(TWO_SERVERS "[agent:p]\ntools = a:read_*\n", "");
}
END_TEST

START_TEST(every_health_check_has_an_effect)
{
	static const char *const kinds[] = { "mcp", "none", "exec ./check", "docker",
					     "http http://a" };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char text[128];
		(void)snprintf(text, sizeof(text), "[server:a]\nimage = a\nhealthcheck = %s\n",
			       kinds[i]);
		assert_warning(text, "");
	}
	conf_text_fails("[server:a]\nimage = a\nhealthcheck = http http://u:pw@h/x\n",
			"t.ini:3: server:a: healthcheck: a login in a URL would stand in logs; "
			"write exec CMD, with a command that reads it from a file\n");
	conf_text_fails("[server:a]\nlaunch = process\ncommand = ./a\nhealthcheck = docker\n",
			"t.ini:4: server:a: healthcheck: docker needs a container, and launch is "
			"process; write mcp\n");
}
END_TEST

START_TEST(the_images_own_check_has_its_own_numbers)
{
	assert_warning("[server:a]\nimage = a\nhealthcheck = docker\nhealthcheck_interval = 5s\n",
		       "t.ini:3: server:a: healthcheck: with docker the interval, timeout, retries "
		       "and start_period of the image's HEALTHCHECK count, not ours");
	assert_warning("[defaults]\nhealthcheck_interval = 5s\n"
		       "[server:a]\nimage = a\nhealthcheck = docker\n",
		       "");
}
END_TEST

START_TEST(a_process_has_a_user_of_its_own_but_not_auto)
{
	assert_warning("[server:a]\nlaunch = process\ncommand = ./a\nuser = root\n", "");
	assert_warning("[server:a]\nimage = a\nuser = auto\n", "");
	conf_text_fails("[server:a]\nlaunch = process\ncommand = ./a\nuser = auto\n",
			"t.ini:4: server:a: user: auto is for containers, and launch is process; "
			"write UID[:GID] or a name\n");
}
END_TEST

#define GRACES                                                                                     \
	"[server:a]\nimage = a\nstop_grace_period = 3s\n"                                          \
	"[server:b]\nimage = b\ndepends_on = a\nstop_grace_period = 1s\n"                          \
	"[server:c]\nimage = c\nstop_grace_period = 2s\n"

START_TEST(graces_that_exceed_the_shutdown_are_warned_about)
{
	assert_warning("[mcpinit]\nshutdown_timeout = 7999ms\n" GRACES,
		       "t.ini:5: server:a: stop_grace_period: a shutdown may take 8000 ms of "
		       "graces, and shutdown_timeout is 7999 ms: servers are then killed "
		       "earlier; lower the one or raise the other");
	assert_warning("[mcpinit]\nshutdown_timeout = 8s\n" GRACES, "");
}
END_TEST

START_TEST(a_diamond_of_dependencies_is_no_loop)
{
	conf_free(conf_text("[server:a]\nimage = a\ndepends_on = b, c\n"
			    "[server:b]\nimage = b\ndepends_on = d\n"
			    "[server:c]\nimage = c\ndepends_on = d\n"
			    "[server:d]\nimage = d\n"));
}
END_TEST

START_TEST(a_loop_behind_a_tail_names_only_the_loop)
{
	conf_text_fails(
		"[server:tail]\nimage = a\ndepends_on = a\n"
		"[server:a]\nimage = a\ndepends_on = b\n"
		"[server:b]\nimage = b\ndepends_on = a\n",
		"t.ini:6: server:a: depends_on: depends on itself: a -> b -> a; take one of "
		"them out\n");
}
END_TEST

START_TEST(only_root_gives_pipes_to_another_user)
{
	const char *text = "[agent:a]\nuser = 1001:5\n";
	struct conf_source src = { .path = "t.ini" };
	struct load in = { .src = &src, .text = text, .len = strlen(text), .euid = 1000 };
	struct buf errors = { 0 };
	ck_assert_ptr_null(conf_text_load(&in, &errors));
	ck_assert_str_eq(buf_str(&errors), "t.ini:2: agent:a: user: only root can act for another "
					   "user; run mcpinit as root, or take it out\n");
	buf_done(&errors);
	in.euid = 1001; /* ourselves */
	struct conf *c = conf_text_load(&in, &errors);
	ck_assert_int_eq(c->agents[1]->uid, 1001);
	ck_assert_int_eq(c->agents[1]->gid, 5);
	conf_free(c);
}
END_TEST

START_TEST(the_default_agent_is_there_once_or_not_at_all)
{
	struct conf *c = conf_text("[agent:default]\nservers = none\n[agent:b]\n");
	ck_assert_str_eq(c->agents[0]->name, "default");
	ck_assert_list(c->agents[0]->servers, "");
	ck_assert(!conf_agent_may(c->agents[0], "a"));
	ck_assert_ptr_null(c->agents[2]);
	conf_free(c);
	c = conf_text("[mcpinit]\ndefault_agent = no\n");
	ck_assert_ptr_null(c->agents[0]);
	conf_free(c);
}
END_TEST

START_TEST(groups_and_users_become_numbers)
{
	struct conf *c = conf_text("[mcpinit]\ndefault_group = root\n"
				   "[agent:a]\nuser = root\n[agent:b]\nuser = 4000000\n");
	ck_assert_int_eq(c->default_gid, 0);
	ck_assert_int_eq(c->agents[1]->uid, 0);
	ck_assert_int_eq(c->agents[2]->uid, 4000000);
	ck_assert_int_eq(c->agents[2]->gid, 0); /* unknown to passwd: as docker run */
	conf_free(c);
}
END_TEST

START_TEST(a_blocked_server_is_not_told_that_it_lacks_an_image)
{
	struct conf *c = conf_text("[server:a]\nimage = ${I:?no}\n[server:b]\nimage = b\n");
	ck_assert_ptr_nonnull(c->servers[0]->blocked);
	conf_free(c);
	conf_text_fails("[server:a]\nimage = ${I}\n",
			"t.ini:1: server:a: image or command is required; write image = …\n");
}
END_TEST

Suite *suite_conf_check(void);
Suite *suite_conf_check(void)
{
	Suite *s = suite_create("conf_check");
	TCase *c = tcase_create("all");
	tcase_add_test(
		c, npx_and_uvx_have_five_minutes_to_start_unless_an_image_or_a_key_says_otherwise);
	tcase_add_test(c, busy_timeout_follows_request_timeout);
	tcase_add_test(c, container_keys_of_a_process_are_warned_about);
	tcase_add_test(c, a_package_runner_without_a_network_is_warned_about);
	tcase_add_test(c, an_engine_log_is_warned_about);
	tcase_add_test(c, only_a_lazy_server_can_be_idle);
	tcase_add_test(c, what_a_server_asks_is_settled_by_keys_of_shared_ones);
	tcase_add_test(c, an_agent_that_may_use_a_server_and_none_of_its_tools_is_warned_about);
	tcase_add_test(c, every_health_check_has_an_effect);
	tcase_add_test(c, the_images_own_check_has_its_own_numbers);
	tcase_add_test(c, a_process_has_a_user_of_its_own_but_not_auto);
	tcase_add_test(c, graces_that_exceed_the_shutdown_are_warned_about);
	tcase_add_test(c, a_diamond_of_dependencies_is_no_loop);
	tcase_add_test(c, a_loop_behind_a_tail_names_only_the_loop);
	tcase_add_test(c, only_root_gives_pipes_to_another_user);
	tcase_add_test(c, the_default_agent_is_there_once_or_not_at_all);
	tcase_add_test(c, groups_and_users_become_numbers);
	tcase_add_test(c, a_blocked_server_is_not_told_that_it_lacks_an_image);
	suite_add_tcase(s, c);
	return s;
}
