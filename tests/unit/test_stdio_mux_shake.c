/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_rig.h"

START_TEST(the_handshake_offers_our_version_and_counts_all_pages)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	const char *line = hear(&r, &r.server);
	ck_has(line,
	       "\"params\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"clientInfo\":{\"name\":\"mcpinit\","
	       "\"version\":\"9.9\"}}");
	ck_silent(&r, &r.server); /* nothing before the answer */
	answer(&r, line,
	       "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"f\"}}");
	ck_hears(&r, &r.server, J "\"method\":\"notifications/initialized\"}");
	line = hear(&r, &r.server);
	answer(&r, line, "{\"tools\":[1,2,3],\"nextCursor\":\"p\\\"2\"}");
	line = hear(&r, &r.server);
	ck_has(line, "\"method\":\"tools/list\",\"params\":{\"cursor\":\"p\\\"2\"}");
	ck_assert_int_eq(r.ready, 0);
	answer(&r, line, "{\"tools\":[4]}");
	spin(&r);
	ck_assert_int_eq(r.ready, 1);
	ck_assert_int_eq(r.tools, 4);
	ck_assert_str_eq(r.protocol, "2025-06-18");
	rig_done(&r);
}
END_TEST

START_TEST(a_server_without_tools_is_not_asked_for_them)
{
	struct rig r;
	rig_init(&r);
	r.p.protocol = "2024-11-05";
	rig_start(&r);
	rig_attach(&r);
	const char *line = hear(&r, &r.server);
	ck_has(line, "\"protocolVersion\":\"2024-11-05\"");
	answer(&r, line, "{\"protocolVersion\":\"2024-11-05\",\"capabilities\":{}}");
	ck_has(hear(&r, &r.server), "initialized");
	ck_silent(&r, &r.server);
	ck_assert_int_eq(r.ready, 1);
	ck_assert_int_eq(r.tools, -1);
	rig_done(&r);
}
END_TEST

START_TEST(requests_of_the_server_during_the_handshake_are_answered)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	const char *line = hear(&r, &r.server);
	char id[64];
	id_of(line, id);
	sayf(&r, &r.server, J "\"id\":%s,\"method\":\"ping\"}",
	     id); /* the same number, its own space */
	ck_has(hear(&r, &r.server), "\"result\":{}");
	say(&r, &r.server,
	    J "\"method\":\"notifications/message\",\"params\":{\"level\":\"info\"}}");
	say(&r, &r.server, "starting up");
	sayf(&r, &r.server,
	     J "\"id\":%s,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
	     id);
	ck_has(hear(&r, &r.server), "initialized");
	spin(&r);
	ck_assert_int_eq(r.ready, 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_refused_handshake_says_why)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	char id[64];
	sayf(&r, &r.server, J "\"id\":%s,\"error\":{\"code\":-32603,\"message\":\"no token\"}}",
	     id_of(hear(&r, &r.server), id));
	spin(&r);
	ck_assert_int_eq(r.refused, 1);
	ck_assert_int_eq(r.ready, 0);
	ck_assert_str_eq(r.why, "it answered initialize with error -32603: no token");
	rig_die(&r);
	rig_up(&r); /* the next process may do better */
	rig_done(&r);
}
END_TEST

START_TEST(the_end_in_the_middle_of_the_handshake_is_told)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	rig_attach(&r);
	ck_has(hear(&r, &r.server), "initialize");
	close(r.server.fd);
	r.server.fd = -1;
	spin(&r);
	ck_assert_int_eq(r.ended, 1);
	ck_assert_int_eq(r.refused, 0);
	rig_die(&r);
	ck_silent(&r, a); /* never reached it: waits on */
	rig_up(&r);
	ck_has(hear(&r, &r.server), "tools/call");
	rig_done(&r);
}
END_TEST

START_TEST(a_modern_server_is_found_by_its_refusal)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	rig_greet_modern(&r);
	ck_assert_int_eq(r.ready, 1);
	ck_assert_int_eq(r.tools, 1);
	ck_assert(mux_is_modern(r.mux));
	ck_assert_str_eq(r.protocol, "2026-07-28");
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a,
	    J
	    "\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}");
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32022,");
	say(&r, a, J "\"id\":2,\"method\":\"server/discover\"}");
	ck_has(hear(&r, &r.server), "server/discover");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_shake(void);
Suite *suite_stdio_mux_shake(void)
{
	Suite *s = suite_create("stdio_mux_shake");
	TCase *t = tcase_create("all");
	tcase_add_test(t, the_handshake_offers_our_version_and_counts_all_pages);
	tcase_add_test(t, a_server_without_tools_is_not_asked_for_them);
	tcase_add_test(t, requests_of_the_server_during_the_handshake_are_answered);
	tcase_add_test(t, a_refused_handshake_says_why);
	tcase_add_test(t, the_end_in_the_middle_of_the_handshake_is_told);
	tcase_add_test(t, a_modern_server_is_found_by_its_refusal);
	suite_add_tcase(s, t);
	return s;
}
