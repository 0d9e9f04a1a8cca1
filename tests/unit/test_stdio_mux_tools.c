/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_rig.h"

#define LIST(a, b)	 ((char *[]){ (char *)(a), (char *)(b), NULL })
#define T(name)		 "{\"name\":\"" name "\",\"inputSchema\":{\"type\":\"object\"}}"
#define CALL(id, params) J "\"id\":" id ",\"method\":\"tools/call\",\"params\":" params "}"
#define CHANGED		 J "\"method\":\"notifications/tools/list_changed\"}"
#define ASK		 J "\"id\":\"L\",\"method\":\"tools/list\"}"
#define ANSWER(result)	 J "\"id\":\"L\",\"result\":" result "}"

/* The server's own filter: read_* and list, but nothing secret. */
static void begin(struct rig *r)
{
	rig_init(r);
	r->p.tools = LIST("read_*", "list");
	r->p.tools_deny = LIST("*_secret", NULL);
	rig_start(r);
	rig_up(r);
}

/* The agent lists, the server answers; what the agent gets. */
static const char *listed(struct rig *r, struct end *a, const char *result)
{
	say(r, a, ASK);
	answer(r, hear(r, &r->server), result);
	return hear(r, a);
}

/* --- lists ----------------------------------------------------------------------------------- */

START_TEST(lists_lose_what_is_hidden_and_no_other_byte)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	ck_assert_str_eq(
		listed(&r, a,
		       "{ \"nextCursor\" : \"c\", \"tools\":[ " T("read_a") " ,\t" T("write") ", " T(
			       "read_secret") ",\t " T("l\\u0069st") " ],\"x\":[" T("write") ",1e0]}"),
		ANSWER("{ \"nextCursor\" : \"c\", \"tools\":[ " T("read_a") ",\t " T(
			"l\\u0069st") " ],\"x\":[" T("write") ",1e0]}"));
	ck_assert_str_eq(listed(&r, a, "{\"tools\":[" T("write") "],\"nextCursor\":\"d\"}"),
			 ANSWER("{\"tools\":[],\"nextCursor\":\"d\"}"));
	rig_done(&r);
}
END_TEST

START_TEST(every_page_is_filtered)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	say(&r, a,
	    J "\"id\":2,\"method\":\"tools\\/list\",\"params\":{\"cursor\":\"c\",\"_meta\":{}}}");
	const char *asked = hear(&r, &r.server);
	ck_has(asked, "\"cursor\":\"c\"");
	answer(&r, asked, "{\"tools\":[" T("write") "," T("list") "]}");
	ck_hears(&r, a, J "\"id\":2,\"result\":{\"tools\":[" T("list") "]}}");
	rig_done(&r);
}
END_TEST

START_TEST(tools_without_a_certain_name_are_left_out)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	ck_assert_str_eq(
		listed(&r, a,
		       "{\"tools\":[7,{},{\"name\":7},{\"name\":\"list\",\"name\":\"list\"},"
		       "{\"name\":\"list\",\"Name\":\"rm\"},{\"Name\":\"list\"},"
		       "{\"name\":\"read_\\u0000\"}," T("read_a") "]}"),
		ANSWER("{\"tools\":[" T("read_a") "]}"));
	rig_done(&r);
}
END_TEST

START_TEST(a_list_that_cannot_be_filtered_is_not_passed)
{
	static const char *const results[] = {
		"{}",
		"[]",
		"null",
		"{\"tools\":{\"name\":\"write\"}}",
		"{\"tools\":[],\"tools\":[" T("write") "]}",
		"{\"tools\":[],\"Tools\":[" T("write") "]}",
	};
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		ck_assert_str_eq(
			listed(&r, a, results[i]),
			J "\"id\":\"L\",\"error\":{\"code\":-32603,\"message\":\"The server's "
			  "list of tools cannot be read, and so not be filtered\"}}");
	say(&r, a, ASK);
	char id[64];
	sayf(&r, &r.server, J "\"id\":%s,\"error\":{\"code\":-1,\"message\":\"no\"}}",
	     id_of(hear(&r, &r.server), id));
	ck_hears(&r, a, J "\"id\":\"L\",\"error\":{\"code\":-1,\"message\":\"no\"}}");
	rig_done(&r);
}
END_TEST

START_TEST(without_a_filter_nothing_is_looked_at)
{
	struct rig r;
	rig_init(&r);
	r.p.tools = LIST("*", NULL);
	r.p.tools_deny = LIST(NULL, NULL);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	ck_assert_str_eq(listed(&r, a, "{\"tools\":7}"), ANSWER("{\"tools\":7}"));
	say(&r, a, CALL("3", "{\"name\":7}"));
	ck_has(hear(&r, &r.server), "{\"name\":7}");
	rig_done(&r);
}
END_TEST

START_TEST(what_is_kept_of_a_sleeping_server_is_filtered_too)
{
	struct rig r;
	rig_init(&r);
	r.p.idle_timeout_ms = 1000;
	r.p.tools_deny = LIST("a", NULL);
	rig_start(&r);
	rig_up(&r); /* its tools: a and b */
	struct end *a = rig_client(&r);
	mux_set_gate(r.mux, MUX_ASLEEP, "asleep");
	mux_close_stdin(r.mux);
	mux_detach(r.mux, &(struct mux_death){ .reason = "idle" });
	say(&r, a, ASK);
	ck_hears(&r, a, ANSWER("{\"tools\":[{\"name\":\"b\"}]}"));
	mux_agent_set_tools(r.agent[0], LIST("c", NULL));
	ck_hears(&r, a, CHANGED);
	say(&r, a, ASK);
	ck_hears(&r, a, ANSWER("{\"tools\":[]}"));
	ck_assert_int_eq(r.wanted, 0);
	rig_done(&r);
}
END_TEST

/* --- calls ----------------------------------------------------------------------------------- */

static void ck_refused(struct rig *r, struct end *a, const char *line, const char *message)
{
	say(r, a, line);
	const char *heard = hear(r, a);
	ck_has(heard, "\"id\":3,\"error\":{\"code\":-32602,\"message\":\"");
	ck_has(heard, message);
	ck_silent(r, &r->server);
}

START_TEST(calls_of_hidden_tools_never_reach_the_server)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	ck_refused(&r, a, CALL("3", "{\"name\":\"write\",\"arguments\":{\"name\":\"list\"}}"),
		   "Unknown tool: write\",\"data\":{\"server\":\"srv\",\"reason\":\"not among what "
		   "tools and tools_deny of [server:srv] admit\"}");
	ck_refused(&r, a, CALL("3", "{\"name\":\"read_secret\"}"), "Unknown tool: read_secret");
	ck_refused(&r, a, CALL("3", "{\"n\\u0061me\":\"wr\\u0069te\"}"), "Unknown tool: write");
	ck_refused(&r, a, CALL("3", "{\"task\":{\"ttl\":1},\"name\":\"write\"}"),
		   "Unknown tool: write");
	ck_refused(&r, a,
		   J "\"params\":{\"name\":\"write\"},\"method\":\"tools\\/c\\u0061ll\",\"id\":3}",
		   "Unknown tool: write");
	say(&r, a, CALL("4", "{\"name\":\"r\\u0065ad_x\"}"));
	ck_has(hear(&r, &r.server), "{\"name\":\"r\\u0065ad_x\"}");
	struct mux_counts counts = mux_counts(r.mux);
	ck_assert_uint_eq(counts.requests, 6);
	ck_assert_uint_eq(counts.errors, 5);
	rig_done(&r);
}
END_TEST

START_TEST(calls_whose_tool_is_in_doubt_are_refused)
{
	static const char *const params[] = {
		"{}",
		"{\"name\":null}",
		"{\"name\":7}",
		"{\"name\":[\"list\"]}",
		"{\"name\":\"read_\\u0000write\"}",
		"{\"name\":\"read_\xC1\xB2\"}",
		"{\"arguments\":{\"name\":\"list\"}}",
	};
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		char line[256];
		(void)snprintf(line, sizeof(line), CALL("3", "%s"), params[i]);
		ck_refused(&r, a, line, "params.name must be the name of a tool");
	}
	ck_refused(&r, a, J "\"id\":3,\"method\":\"tools/call\"}", "params.name must be");
	static const char *const two_ways[] = {
		"{\"Name\":\"list\"}",
		"{\"name\":\"list\",\"NAME\":\"write\"}",
		"{\"NAME\":\"write\",\"name\":\"list\"}",
		"{\"name\":\"list\",\"n\\u0061me\":\"write\"}",
	};
	for (size_t i = 0; i < sizeof(two_ways) / sizeof(two_ways[0]); i++) {
		char line[256];
		(void)snprintf(line, sizeof(line), CALL("3", "%s"), two_ways[i]);
		say(&r, a, line);
		ck_has(hear(&r, a), "\"id\":3,\"error\":{\"code\":-32600");
	}
	say(&r, a, "[" CALL("3", "{\"name\":\"list\"}") "]");
	ck_has(hear(&r, a), "\"id\":null,\"error\":{\"code\":-32600");
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(a_call_without_an_id_is_no_way_round)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"method\":\"tools/call\",\"params\":{\"name\":\"write\"}}");
	ck_silent(&r, &r.server);
	ck_silent(&r, a);
	say(&r, a, J "\"method\":\"tools/call\",\"params\":{\"name\":\"list\"}}");
	ck_has(hear(&r, &r.server), "list");
	rig_done(&r);
}
END_TEST

START_TEST(a_call_that_waited_is_held_against_what_counts_when_it_goes)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, CALL("3", "{\"name\":\"write\"}"));
	say(&r, a, CALL("4", "{\"name\":\"list\"}"));
	spin(&r);
	r.p.tools = LIST("list", NULL);
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	rig_up(&r);
	ck_has(hear(&r, a),
	       "\"id\":3,\"error\":{\"code\":-32602,\"message\":\"Unknown tool: write");
	ck_has(hear(&r, &r.server), "\"name\":\"list\"");
	ck_silent(&r, &r.server);
	struct mux_counts counts = mux_counts(r.mux);
	ck_assert_uint_eq(counts.requests, 2);
	ck_assert_uint_eq(counts.errors, 1);
	rig_done(&r);
}
END_TEST

/* --- agents ---------------------------------------------------------------------------------- */

START_TEST(an_agents_list_narrows_the_servers_and_nobody_elses)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	mux_agent_set_tools(r.agent[0], LIST("read_*", "write"));
	ck_hears(&r, a, CHANGED);
	ck_silent(&r, b);
	static const char all[] = "{\"tools\":[" T("list") "," T("write") "," T("read_a") "]}";
	ck_assert_str_eq(listed(&r, a, all), ANSWER("{\"tools\":[" T("read_a") "]}"));
	ck_assert_str_eq(listed(&r, b, all), ANSWER("{\"tools\":[" T("list") "," T("read_a") "]}"));
	ck_refused(&r, a, CALL("3", "{\"name\":\"list\"}"),
		   "Unknown tool: list\",\"data\":{\"server\":\"srv\",\"reason\":\"not among what "
		   "tools of [agent:a0] admits for server srv\"}");
	ck_refused(&r, a, CALL("3", "{\"name\":\"write\"}"), "[server:srv]");
	say(&r, b, CALL("3", "{\"name\":\"list\"}"));
	ck_has(hear(&r, &r.server), "list");
	mux_agent_set_tools(r.agent[1], LIST(NULL, NULL));
	ck_hears(&r, b, CHANGED);
	ck_assert_str_eq(listed(&r, b, all), ANSWER("{\"tools\":[]}"));
	rig_done(&r);
}
END_TEST

START_TEST(a_new_filter_counts_at_once_and_sessions_are_told)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r), *plain = rig_agent(&r, MUX_PIPES);
	say(&r, a, ASK);
	const char *asked = strdup(hear(&r, &r.server));
	r.p.tools = LIST("list", NULL);
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_hears(&r, a, CHANGED);
	ck_silent(&r, plain); /* answers only */
	answer(&r, asked, "{\"tools\":[" T("list") "," T("write") "]}");
	free((void *)asked);
	ck_hears(&r, a, ANSWER("{\"tools\":[" T("list") "]}"));
	ck_refused(&r, plain, CALL("3", "{\"name\":\"write\"}"), "Unknown tool");
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_silent(&r, a);
	r.p.tools = NULL;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_hears(&r, a, CHANGED);
	say(&r, plain, CALL("3", "{\"name\":\"write\"}"));
	ck_has(hear(&r, &r.server), "write");
	rig_done(&r);
}
END_TEST

START_TEST(ready_tells_how_many_are_shown)
{
	struct rig r;
	rig_init(&r);
	r.p.tools_deny = LIST("a", NULL);
	rig_start(&r);
	rig_up(&r);
	ck_assert_int_eq(r.tools, 2);
	ck_assert_int_eq(r.shown, 1);
	rig_done(&r);
}
END_TEST

START_TEST(the_stateless_era_is_filtered_alike)
{
	struct rig r;
	rig_init(&r);
	r.p.protocol = "2026-07-28";
	r.p.tools = LIST("list", NULL);
	rig_start(&r);
	rig_attach(&r);
	const char *line = hear(&r, &r.server);
	ck_has(line, "server/discover");
	answer(&r, line,
	       "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],"
	       "\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"f\",\"version\":\"1\"}}");
	line = hear(&r, &r.server);
	ck_has(line, "tools/list");
	answer(&r, line, "{\"resultType\":\"complete\",\"tools\":[" T("list") "," T("write") "]}");
	spin(&r);
	ck_assert_int_eq(r.ready, 1);
	ck_assert_int_eq(r.shown, 1);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	ck_assert_str_eq(
		listed(&r, a,
		       "{\"resultType\":\"complete\",\"tools\":[" T("write") "," T(
			       "list") "],\"ttlMs\":5}"),
		ANSWER("{\"resultType\":\"complete\",\"tools\":[" T("list") "],\"ttlMs\":5}"));
	ck_refused(&r, a, CALL("3", "{\"name\":\"write\",\"_meta\":{}}"), "Unknown tool: write");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_tools(void);
Suite *suite_stdio_mux_tools(void)
{
	Suite *s = suite_create("stdio_mux_tools");
	TCase *c = tcase_create("mux_tools");
	tcase_add_test(c, lists_lose_what_is_hidden_and_no_other_byte);
	tcase_add_test(c, every_page_is_filtered);
	tcase_add_test(c, tools_without_a_certain_name_are_left_out);
	tcase_add_test(c, a_list_that_cannot_be_filtered_is_not_passed);
	tcase_add_test(c, without_a_filter_nothing_is_looked_at);
	tcase_add_test(c, what_is_kept_of_a_sleeping_server_is_filtered_too);
	tcase_add_test(c, calls_of_hidden_tools_never_reach_the_server);
	tcase_add_test(c, calls_whose_tool_is_in_doubt_are_refused);
	tcase_add_test(c, a_call_without_an_id_is_no_way_round);
	tcase_add_test(c, a_call_that_waited_is_held_against_what_counts_when_it_goes);
	tcase_add_test(c, an_agents_list_narrows_the_servers_and_nobody_elses);
	tcase_add_test(c, a_new_filter_counts_at_once_and_sessions_are_told);
	tcase_add_test(c, ready_tells_how_many_are_shown);
	tcase_add_test(c, the_stateless_era_is_filtered_alike);
	suite_add_tcase(s, c);
	return s;
}
