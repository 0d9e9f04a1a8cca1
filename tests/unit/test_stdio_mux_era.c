/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_rig.h"

#define META "\"params\":{\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}"
#define OLDER                                                                                      \
	"\"data\":{\"supported\":[\"2024-11-05\",\"2025-03-26\",\"2025-06-18\",\"2025-11-25\"],"   \
	"\"requested\":\"2026-07-28\"}"

static void begin_modern(struct rig *r)
{
	rig_init(r);
	rig_start(r);
	rig_attach(r);
	rig_greet_modern(r);
}

START_TEST(a_legacy_server_refuses_modern_requests_and_serves_the_rest)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":1,\"method\":\"server/discover\"," META "}");
	say(&r, a, J "\"id\":2,\"method\":\"tools/list\"," META "}");
	ck_silent(&r, a); /* what it will be is not known */
	rig_up(&r);
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32601");
	const char *line = hear(&r, a);
	ck_has(line, "\"id\":2,\"error\":{\"code\":-32022");
	ck_has(line, OLDER);
	say(&r, a, J "\"id\":1,\"method\":\"server/discover\"," META "}");
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32601");
	say(&r, a, J "\"id\":3,\"method\":\"tools/call\"," META "}");
	ck_has(hear(&r, a), "\"id\":3,\"error\":{\"code\":-32022");
	ck_silent(&r, &r.server);
	say(&r, a, J "\"id\":4,\"method\":\"tools/call\",\"params\":{\"_meta\":{}}}");
	ck_has(hear(&r, &r.server), "tools/call");
	rig_done(&r);
}
END_TEST

START_TEST(where_the_key_says_the_era_discover_is_refused_before_anything_runs)
{
	struct rig r;
	rig_init(&r);
	r.p.protocol = "2025-06-18";
	rig_start(&r);
	mux_set_gate(r.mux, MUX_ASLEEP, "asleep");
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, J "\"id\":\"p\",\"method\":\"server/discover\"," META "}");
	ck_has(hear(&r, a), "\"id\":\"p\",\"error\":{\"code\":-32601");
	ck_assert_int_eq(r.wanted, 0);
	rig_done(&r);
}
END_TEST

START_TEST(initialize_cannot_be_taken_back)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a,
	    J
	    "\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}");
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	rig_up(&r);
	ck_has(hear(&r, a), "\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"");
	rig_done(&r);
}
END_TEST

START_TEST(a_modern_server_is_given_everything_as_it_stands)
{
	struct rig r;
	begin_modern(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET), *b = rig_agent(&r, MUX_SOCKET);
	static const char *const methods[] = { "ping",
					       "server/discover",
					       "logging/setLevel",
					       "resources/subscribe",
					       "resources/subscribe",
					       "resources/unsubscribe" };
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		char id[64], want[400];
		static const char fmt[] = J
			"\"id\":%s,\"method\":\"%s\",\"params\":{\"level\":\"debug\",\"uri\":\"u\","
			"\"_meta\":{ \"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}";
		struct end *e = i == 3 ? b : a;
		sayf(&r, e, fmt, "1", methods[i]);
		const char *line = hear(&r, &r.server);
		(void)snprintf(want, sizeof(want), fmt, id_of(line, id), methods[i]);
		ck_assert_str_eq(line, want);
		sayf(&r, &r.server, J "\"id\":%s,\"error\":{\"code\":-32601,\"message\":\"no\"}}",
		     id);
		ck_hears(&r, e, J "\"id\":1,\"error\":{\"code\":-32601,\"message\":\"no\"}}");
	}
	say(&r, &r.server, J "\"id\":1,\"method\":\"ping\"}"); /* it may not, nor we answer */
	say(&r, &r.server, J "\"id\":2,\"method\":\"sampling/createMessage\"}");
	say(&r, a, J "\"id\":2,\"result\":{}}");
	ck_silent(&r, &r.server);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(an_input_required_result_is_a_result)
{
	struct rig r;
	begin_modern(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":\"7\",\"method\":\"tools/call\"," META "}");
	answer(&r, hear(&r, &r.server),
	       "{\"resultType\":\"input_required\",\"inputRequests\":{\"id\":1},\"requestState\":\"s\"}");
	ck_hears(
		&r, a,
		J
		"\"id\":\"7\",\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{\"id\":1},"
		"\"requestState\":\"s\"}}");
	rig_done(&r);
}
END_TEST

START_TEST(a_next_process_of_another_era_refuses_the_sessions_of_the_last)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *old = rig_client(&r), *bare = rig_agent(&r, MUX_SOCKET);
	say(&r, old, J "\"id\":1,\"method\":\"tools/list\"}");
	ck_has(hear(&r, &r.server), "tools/list");
	rig_die(&r);
	say(&r, old, J "\"id\":2,\"method\":\"tools/call\"}");
	rig_attach(&r);
	rig_greet_modern(&r);
	ck_assert_str_eq(r.changed, "it speaks MCP 2026-07-28 now, 2025-11-25 before");
	for (int id = 1; id <= 2; id++) {
		char want[64];
		(void)snprintf(want, sizeof(want), "\"id\":%d,\"error\":{\"code\":-32022", id);
		const char *line = hear(&r, old);
		ck_has(line, want);
		ck_has(line, "\"supported\":[\"2026-07-28\"],\"requested\":null}");
	}
	say(&r, old, J "\"id\":3,\"method\":\"ping\"}");
	ck_has(hear(&r, old), "\"id\":3,\"error\":{\"code\":-32022");
	ck_silent(&r, old);
	ck_silent(&r, &r.server);
	say(&r, bare, J "\"id\":4,\"method\":\"subscriptions/listen\"," META "}");
	ck_has(hear(&r, &r.server), "listen");
	rig_die(&r);
	rig_up(&r);
	ck_assert_str_eq(r.changed, "it speaks MCP 2025-11-25 now, 2026-07-28 before");
	ck_has(hear(&r, bare), "\"id\":4,\"error\":{\"code\":-32022");
	for (int i = 0; i < 2; i++)
		ck_has(hear(&r, old), "list_changed");
	say(&r, old, J "\"id\":5,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call"); /* its own era again */
	rig_die(&r);
	rig_up(&r);
	ck_assert_str_eq(r.changed, "");
	rig_done(&r);
}
END_TEST

/* A server that does not know initialize may know server/discover. */
static const char *refuse_initialize(struct rig *r)
{
	char id[64];
	sayf(r, &r->server, J "\"id\":%s,\"error\":{\"code\":-32601,\"message\":\"initialize?\"}}",
	     id_of(hear(r, &r->server), id));
	return hear(r, &r->server);
}

START_TEST(a_server_that_does_not_know_initialize_is_asked_to_discover)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	const char *line = refuse_initialize(&r);
	ck_has(line, "server/discover");
	answer(&r, line,
	       "{\"capabilities\":{},\"_meta\":{\"io.modelcontextprotocol/serverInfo\":{\"name\":\"m\","
	       "\"version\":\"3\"}}}");
	spin(&r);
	ck_assert_int_eq(r.ready, 1);
	ck_assert_str_eq(r.protocol, "2026-07-28");
	ck_assert_str_eq(r.name, "m");
	rig_die(&r);
	rig_attach(&r);
	char id[64];
	line = refuse_initialize(&r);
	sayf(&r, &r.server, J "\"id\":%s,\"error\":{\"code\":-32601,\"message\":\"discover?\"}}",
	     id_of(line, id));
	spin(&r);
	ck_assert_int_eq(r.refused, 1);
	ck_assert_str_eq(r.why, "it answered initialize with error -32601: initialize?");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_era(void);
Suite *suite_stdio_mux_era(void)
{
	Suite *s = suite_create("stdio_mux_era");
	TCase *t = tcase_create("all");
	tcase_add_test(t, a_legacy_server_refuses_modern_requests_and_serves_the_rest);
	tcase_add_test(t, where_the_key_says_the_era_discover_is_refused_before_anything_runs);
	tcase_add_test(t, initialize_cannot_be_taken_back);
	tcase_add_test(t, a_modern_server_is_given_everything_as_it_stands);
	tcase_add_test(t, an_input_required_result_is_a_result);
	tcase_add_test(t, a_next_process_of_another_era_refuses_the_sessions_of_the_last);
	tcase_add_test(t, a_server_that_does_not_know_initialize_is_asked_to_discover);
	suite_add_tcase(s, t);
	return s;
}
