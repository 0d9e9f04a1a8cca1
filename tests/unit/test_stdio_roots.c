/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/ask_rig.h"

#define ROOTS	"{\"roots\":{\"listChanged\":true}}"
#define CHANGED J "\"method\":\"notifications/roots/list_changed\"}"

static void roots_start(struct rig *r)
{
	ask_start(r, MUX_ROOTS, MUX_ASK_SERIALIZE);
}

/* Answers what the agent was asked. */
static void give(struct rig *r, struct end *e, const char *roots)
{
	char id[64];
	const char *line = hear(r, e);
	ck_has(line, "\"method\":\"roots/list\"");
	sayf(r, e, J "\"id\":%s,\"result\":{\"roots\":%s}}", id_of(line, id), roots);
	spin(r);
}

/* The server asks. */
static void ck_union(struct rig *r, const char *roots)
{
	char want[1024];
	say(r, &r->server, J "\"id\":\"r\",\"method\":\"roots/list\"}");
	(void)snprintf(want, sizeof(want), J "\"id\":\"r\",\"result\":{\"roots\":[%s]}}", roots);
	ck_hears(r, &r->server, want);
}

START_TEST(the_server_is_answered_at_once_with_the_roots_of_all)
{
	struct rig r;
	roots_start(&r);
	ck_union(&r, "");
	struct end *a = ask_client(&r, ROOTS), *b = ask_client(&r, ROOTS);
	ck_union(&r, ""); /* whoever has not answered yet */
	give(&r, a,
	     "[ {\"uri\":\"file:///x\",\"name\":\"X\", \"n\":9007199254740993} , {\"uri\":\"file:///y\"}]");
	ck_hears(&r, &r.server, CHANGED);
	give(&r, b,
	     "[{\"name\":\"again\",\"uri\":\"file:///\\u0078\"},{\"uri\":\"file:///z\"},{\"uri\":7},8]");
	ck_hears(&r, &r.server, CHANGED);
	ck_union(&r, "{\"uri\":\"file:///x\",\"name\":\"X\", \"n\":9007199254740993},"
		     "{\"uri\":\"file:///y\"},{\"uri\":\"file:///z\"}");
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(who_declared_none_is_not_asked_for_them)
{
	struct rig r;
	roots_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = rig_agent(&r, MUX_PIPES);
	say(&r, a, CHANGED);
	say(&r, b, CHANGED);
	ck_silent(&r, a);
	ck_silent(&r, b);
	rig_done(&r);
}
END_TEST

START_TEST(a_server_that_is_not_told_of_roots_learns_none)
{
	struct rig r;
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, "{\"roots\":{},\"sampling\":{}}");
	ck_silent(&r, a);
	r.p.capabilities = MUX_ROOTS;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	give(&r, a, "[{\"uri\":\"file:///x\"}]"); /* for the next process */
	ck_silent(&r, &r.server);
	ck_union(&r, "");
	rig_die(&r);
	rig_up(&r);
	ck_union(&r, "{\"uri\":\"file:///x\"}");
	ck_silent(&r, &r.server);
	r.p.capabilities = 0;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_hears(&r, &r.server, CHANGED);
	ck_union(&r, "");
	rig_done(&r);
}
END_TEST

START_TEST(changes_are_fetched_and_told_once_and_only_if_the_union_is_another)
{
	struct rig r;
	roots_start(&r);
	struct end *a = ask_client(&r, ROOTS), *b = ask_client(&r, ROOTS);
	give(&r, a, "[{\"uri\":\"file:///x\"}]");
	ck_hears(&r, &r.server, CHANGED);
	give(&r, b, "[{\"uri\":\"file:///x\"}]");
	ck_silent(&r, &r.server);
	/* While it is asked, a further change asks once more, however many. */
	for (int i = 0; i < 5; i++)
		say(&r, a, CHANGED);
	give(&r, a, "[{\"uri\":\"file:///old\"}]");
	ck_silent(&r, &r.server);
	give(&r, a, "[{\"uri\":\"file:///new\"}]");
	ck_silent(&r, a);
	ck_hears(&r, &r.server, CHANGED);
	ck_silent(&r, &r.server);
	ck_union(&r, "{\"uri\":\"file:///new\"},{\"uri\":\"file:///x\"}");
	rig_done(&r);
}
END_TEST

START_TEST(the_roots_of_an_agent_go_with_it)
{
	struct rig r;
	roots_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES), *b = ask_client(&r, ROOTS);
	ask_greet(&r, a, ROOTS);
	give(&r, a, "[{\"uri\":\"file:///a\"}]");
	give(&r, b, "[{\"uri\":\"file:///b\"}]");
	ck_hears(&r, &r.server, CHANGED);
	ck_hears(&r, &r.server, CHANGED);
	mux_agent_free(r.agent[1]);
	ck_hears(&r, &r.server, CHANGED);
	ck_union(&r, "{\"uri\":\"file:///a\"}");
	ask_greet(&r, a, "{}"); /* another client on its pipes */
	ck_hears(&r, &r.server, CHANGED);
	ck_union(&r, "");
	rig_done(&r);
}
END_TEST

START_TEST(a_new_process_gets_them_without_asking_anybody)
{
	struct rig r;
	roots_start(&r);
	struct end *a = ask_client(&r, ROOTS);
	give(&r, a, "[{\"uri\":\"file:///a\"}]");
	ck_hears(&r, &r.server, CHANGED);
	rig_die(&r);
	rig_up(&r);
	ck_silent(&r, &r.server);
	ck_union(&r, "{\"uri\":\"file:///a\"}");
	rig_done(&r);
}
END_TEST

START_TEST(what_changes_during_the_handshake_is_told_after_it)
{
	struct rig r;
	roots_start(&r);
	struct end *a = ask_client(&r, ROOTS);
	rig_die(&r);
	rig_attach(&r);
	const char *line = hear(&r, &r.server);
	ck_has(line, "initialize");
	give(&r, a, "[{\"uri\":\"file:///a\"}]");
	ck_silent(&r, &r.server);
	answer(&r, line,
	       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"serverInfo\":{}}");
	ck_has(hear(&r, &r.server), "notifications/initialized");
	ck_hears(&r, &r.server, CHANGED);
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(an_error_and_too_many_roots_are_none)
{
	struct rig r;
	roots_start(&r);
	struct end *a = ask_client(&r, ROOTS);
	char id[64];
	give(&r, a, "[{\"uri\":\"file:///a\"}]");
	ck_hears(&r, &r.server, CHANGED);
	say(&r, a, CHANGED);
	sayf(&r, a, J "\"id\":%s,\"error\":{\"code\":-32603,\"message\":\"\"}}",
	     id_of(hear(&r, a), id));
	ck_hears(&r, &r.server, CHANGED);
	ck_union(&r, "");
	say(&r, a, CHANGED);
	struct buf b = { 0 };
	buf_addf(&b, J "\"id\":%s,\"result\":{\"roots\":[", id_of(hear(&r, a), id));
	for (int i = 0; i < 4000; i++)
		buf_addf(&b, "%s{\"uri\":\"file:///%d\"}", i ? "," : "", i);
	buf_adds(&b, "]}}");
	say(&r, a, buf_str(&b));
	buf_done(&b);
	ck_silent(&r, &r.server);
	ck_union(&r, "");
	rig_done(&r);
}
END_TEST

START_TEST(no_other_agents_roots_are_taken)
{
	struct rig r;
	char id[64];
	roots_start(&r);
	struct end *a = ask_client(&r, ROOTS), *b = ask_client(&r, ROOTS);
	id_of(hear(&r, a), id);
	sayf(&r, b, J "\"id\":%s,\"result\":{\"roots\":[{\"uri\":\"file:///b\"}]}}", id);
	spin(&r);
	ck_union(&r, "");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_roots(void);
Suite *suite_stdio_roots(void)
{
	Suite *s = suite_create("stdio_roots");
	TCase *c = tcase_create("all");
	tcase_add_test(c, the_server_is_answered_at_once_with_the_roots_of_all);
	tcase_add_test(c, who_declared_none_is_not_asked_for_them);
	tcase_add_test(c, a_server_that_is_not_told_of_roots_learns_none);
	tcase_add_test(c, changes_are_fetched_and_told_once_and_only_if_the_union_is_another);
	tcase_add_test(c, the_roots_of_an_agent_go_with_it);
	tcase_add_test(c, a_new_process_gets_them_without_asking_anybody);
	tcase_add_test(c, what_changes_during_the_handshake_is_told_after_it);
	tcase_add_test(c, an_error_and_too_many_roots_are_none);
	tcase_add_test(c, no_other_agents_roots_are_taken);
	suite_add_tcase(s, c);
	return s;
}
