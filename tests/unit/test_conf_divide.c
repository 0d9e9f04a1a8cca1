/* SPDX-License-Identifier: MIT */
#include "tests/unit/conf_text.h"

/* "NAME/AGENT " of each; shared ones have no agent. */
static void assert_servers(const char *text, const char *servers)
{
	struct conf *c = conf_text(text);
	struct buf got = { 0 };
	for (struct conf_server **s = c->servers; *s; s++)
		buf_addf(&got, "%s/%s ", (*s)->name, (*s)->agent ? (*s)->agent : "");
	ck_assert_str_eq(buf_str(&got), servers);
	buf_done(&got);
	conf_free(c);
}

#define OWN "[server:b]\nimage = b\nsharing = per-agent\n"

START_TEST(each_agent_that_may_use_it_has_one_in_its_place)
{
	assert_servers("[server:a]\nimage = a\n" OWN "[server:c]\nimage = c\n"
		       "[agent:p]\n[agent:q]\nservers = a\n[agent:r]\nservers = b, c\n",
		       "a/ b@default/default b@p/p b@r/r c/ ");
}
END_TEST

START_TEST(one_that_nobody_may_use_is_warned_about)
{
	static const char nobody[] =
		"[mcpinit]\ndefault_agent = no\n" OWN "[agent:p]\nservers = none\n";
	assert_servers(nobody, "");
	struct conf *c = conf_text(nobody);
	ck_assert_list(
		c->warnings,
		"t.ini:5: server:b: sharing: one per agent, and no agent may use it: there is "
		"none; name it in `servers` of an agent");
	conf_free(c);
}
END_TEST

START_TEST(an_instance_is_as_its_section_says)
{
	struct conf *c = conf_text(OWN "command = x y\n[agent:p]\n");
	const struct conf_server *p = conf_find_server(c, "b@p");
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->image, "b");
	ck_assert_list(p->command, "x|y");
	ck_assert_str_eq(conf_server_base(p), "b");
	ck_assert_str_eq(conf_server_slug(p), "b-AT-p");
	ck_assert_ptr_null(conf_find_server(c, "b"));
	conf_free(c);
	c = conf_text("[server:a]\nimage = a\n");
	ck_assert_str_eq(conf_server_base(c->servers[0]), "a");
	ck_assert_str_eq(conf_server_slug(c->servers[0]), "a");
	conf_free(c);
}
END_TEST

START_TEST(it_is_its_agents_alone)
{
	struct conf *c =
		conf_text("[server:a]\nimage = a\n" OWN "[agent:p]\n[agent:q]\nservers = a\n");
	const struct conf_agent *standard = c->agents[0], *p = c->agents[1], *q = c->agents[2];
	ck_assert(conf_agent_may(p, "b@p") && conf_agent_may(p, "a") && conf_agent_may(p, "b"));
	ck_assert(!conf_agent_may(standard, "b@p") && !conf_agent_may(q, "b@q"));
	ck_assert(conf_agent_may(standard, "b@default"));
	ck_assert(!conf_agent_may(q, "ab") && !conf_agent_may(q, ""));
	conf_free(c);
}
END_TEST

static void assert_life(const char *keys, enum conf_autostart autostart, int64_t idle_ms)
{
	struct buf text = { 0 };
	buf_addf(&text, OWN "%s", keys);
	struct conf *c = conf_text(buf_str(&text));
	ck_assert_int_eq(c->servers[0]->autostart, autostart);
	ck_assert_int_eq(c->servers[0]->idle_timeout_ms, idle_ms);
	ck_assert_ptr_null(c->warnings[0]);
	buf_done(&text);
	conf_free(c);
}

START_TEST(the_first_message_starts_it_and_half_an_hour_of_silence_stops_it)
{
	assert_life("", CONF_AUTOSTART_LAZY, 30 * 60 * 1000);
	assert_life("autostart = true\n", CONF_AUTOSTART_LAZY, 30 * 60 * 1000);
	assert_life("autostart = lazy\nidle_timeout = 5m\n", CONF_AUTOSTART_LAZY, 5 * 60 * 1000);
	assert_life("idle_timeout = 0\n", CONF_AUTOSTART_LAZY, 0);
	assert_life("[defaults]\nidle_timeout = 1m\n", CONF_AUTOSTART_LAZY, 60 * 1000);
	assert_life("autostart = false\n", CONF_AUTOSTART_NO, 30 * 60 * 1000);
}
END_TEST

START_TEST(nothing_waits_for_what_starts_by_a_message)
{
	conf_text_fails(
		OWN "required = yes\n",
		"t.ini:4: server:b: required: a required server starts at boot, one per agent "
		"with its first message; write sharing = shared, or required = no\n");
	conf_text_fails(
		"[server:a]\nimage = a\ndepends_on = b\n" OWN,
		"t.ini:3: server:a: depends_on: b is one per agent and starts with its first "
		"message: there is none to wait for; take it out\n");
	assert_servers("[server:a]\nimage = a\n" OWN "depends_on = a\n", "a/ b@default/default ");
}
END_TEST

START_TEST(agents_that_come_and_go_bring_and_take_theirs)
{
	struct conf *a = conf_text(OWN "[agent:p]\n[agent:q]\n");
	struct conf *b = conf_text(OWN "mem_limit = 1g\n[agent:q]\n[agent:r]\n");
	struct conf *c = conf_text("[server:b]\nimage = b\n");
	struct conf_diff d;
	ck_assert_int_eq(conf_diff(a, b, &d), 0);
	ck_assert_list(d.servers.added, "b@r");
	ck_assert_list(d.servers.removed, "b@p");
	ck_assert_list(d.servers.changed, "b@default|b@q");
	conf_diff_done(&d);
	ck_assert_int_eq(conf_diff(a, c, &d), 0);
	ck_assert_list(d.servers.added, "b");
	ck_assert_list(d.servers.removed, "b@default|b@p|b@q");
	conf_diff_done(&d);
	conf_free(a);
	conf_free(b);
	conf_free(c);
}
END_TEST

Suite *suite_conf_divide(void);
Suite *suite_conf_divide(void)
{
	Suite *s = suite_create("conf_divide");
	TCase *c = tcase_create("all");
	tcase_add_test(c, each_agent_that_may_use_it_has_one_in_its_place);
	tcase_add_test(c, one_that_nobody_may_use_is_warned_about);
	tcase_add_test(c, an_instance_is_as_its_section_says);
	tcase_add_test(c, it_is_its_agents_alone);
	tcase_add_test(c, the_first_message_starts_it_and_half_an_hour_of_silence_stops_it);
	tcase_add_test(c, nothing_waits_for_what_starts_by_a_message);
	tcase_add_test(c, agents_that_come_and_go_bring_and_take_theirs);
	suite_add_tcase(s, c);
	return s;
}
