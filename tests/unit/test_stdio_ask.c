/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/ask_rig.h"

/* --- what is declared ---------------------------------------------------------------------------- */

START_TEST(what_is_configured_is_declared_to_each_new_process)
{
	static const struct {
		unsigned capabilities;
		const char *json;
	} cases[] = {
		{ 0, "\"capabilities\":{}," },
		{ MUX_ROOTS, "\"capabilities\":{\"roots\":{\"listChanged\":true}}," },
		{ MUX_SAMPLING, "\"capabilities\":{\"sampling\":{}}," },
		{ MUX_ROOTS | BOTH,
		  "\"capabilities\":{\"roots\":{\"listChanged\":true},\"sampling\":{},"
		  "\"elicitation\":{\"form\":{}}}," },
	};
	struct rig r;
	rig_init(&r);
	r.p.capabilities = BOTH;
	rig_start(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		r.p.capabilities = cases[i].capabilities;
		ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
		rig_attach(&r);
		ck_has(hear(&r, &r.server), cases[i].json);
		rig_die(&r);
	}
	rig_done(&r);
}
END_TEST

START_TEST(a_process_holds_to_what_was_declared_to_it)
{
	struct rig r;
	ask_start(&r, 0, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING);
	r.p.capabilities = MUX_SAMPLING;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	say(&r, &r.server, J "\"id\":1," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":1," NOT_THERE);
	rig_die(&r);
	rig_up(&r);
	while (hear(&r, a)) /* list_changed */
		;
	char id[64];
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	rig_done(&r);
}
END_TEST

START_TEST(what_was_not_declared_is_refused)
{
	struct rig r;
	ask_start(&r, MUX_ELICITATION, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, "{\"sampling\":{},\"elicitation\":{}}");
	say(&r, &r.server, J "\"id\":1," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":1," NOT_THERE);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

/* --- there and back ------------------------------------------------------------------------------ */

START_TEST(a_request_goes_to_the_agent_and_its_answer_back_byte_for_byte)
{
	static const char *const ids[] = { "7",	 "\"7\"",	   "\"\"", "9007199254740993",
					   "-1", "\"\\u0041\\\"\"" };
	struct rig r;
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char id[64], want[300];
		sayf(&r, &r.server,
		     "{\"method\":\"sampling/createMessage\", \"params\":{ \"id\":1,\"x\":1e400,"
		     "\"_meta\":{\"progressToken\":%s}},\"jsonrpc\":\"2.0\" ,\"id\": %s}",
		     ids[i], ids[i]);
		const char *line = hear(&r, a);
		id_of(line, id);
		ck_assert_int_eq(strncmp(id, "\"m", 2), 0);
		(void)snprintf(
			want, sizeof(want),
			"{\"method\":\"sampling/createMessage\", \"params\":{ \"id\":1,\"x\":"
			"1e400,\"_meta\":{\"progressToken\":%s}},\"jsonrpc\":\"2.0\" ,\"id\": "
			"%s}",
			ids[i], id);
		ck_assert_str_eq(line, want);
		sayf(&r, a,
		     "{\"result\":{ \"n\":9007199254740993}, \"id\" :%s,\"jsonrpc\":\"2.0\"}", id);
		(void)snprintf(
			want, sizeof(want),
			"{\"result\":{ \"n\":9007199254740993}, \"id\" :%s,\"jsonrpc\":\"2.0\"}",
			ids[i]);
		ck_hears(&r, &r.server, want);
		/* once */
		sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
		ck_silent(&r, &r.server);
	}
	rig_done(&r);
}
END_TEST

START_TEST(an_error_of_the_agent_is_the_servers_answer)
{
	struct rig r;
	char id[64];
	ask_start(&r, MUX_ELICITATION, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, ELICITATION);
	say(&r, &r.server, J "\"id\":\"e\"," ELICITS);
	ask_heard(&r, a, "elicitation/create", id);
	sayf(&r, a, J "\"id\":%s,\"error\":{\"code\":-1,\"message\":\"no\"}}", id);
	ck_hears(&r, &r.server, J "\"id\":\"e\",\"error\":{\"code\":-1,\"message\":\"no\"}}");
	rig_done(&r);
}
END_TEST

START_TEST(only_the_agent_that_was_asked_can_answer)
{
	struct rig r;
	char id[64], wire[64];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	ck_silent(&r, b);
	sayf(&r, b, J "\"id\":%s,\"result\":{\"b\":1}}", id);
	sayf(&r, a, J "\"id\":1,\"result\":{\"a\":1}}");
	say(&r, a, J "\"id\":\"m999\",\"result\":{\"a\":1}}");
	say(&r, a, J "\"id\":null,\"error\":{\"code\":1,\"message\":\"\"}}");
	ck_silent(&r, &r.server);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
	ck_hears(&r, &r.server, J "\"id\":1,\"result\":{}}");
	rig_done(&r);
}
END_TEST

START_TEST(progress_of_the_agent_reaches_the_server_while_it_waits)
{
	static const char progress[] =
		J "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%s,"
		  "\"progress\":1}}";
	struct rig r;
	char id[64], wire[64], want[200];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	say(&r, &r.server,
	    J "\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{\"_meta\":{"
	      "\"progressToken\":\"t\"}}}");
	ask_heard(&r, a, "\"progressToken\":\"t\"", id);
	sayf(&r, b, progress, "\"t\"");
	sayf(&r, a, progress, "t1");
	sayf(&r, a, progress, "1");
	ck_silent(&r, &r.server);
	sayf(&r, a, progress, "\"t\"");
	(void)snprintf(want, sizeof(want), progress, "\"t\"");
	ck_hears(&r, &r.server, want);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
	ck_has(hear(&r, &r.server), "\"id\":1,\"result\"");
	sayf(&r, a, progress, "\"t\"");
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(what_the_server_takes_back_is_taken_back_from_the_agent)
{
	struct rig r;
	char id[64], wire[64], want[200];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":\"s\"," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	say(&r, &r.server,
	    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"x\"}}");
	say(&r, &r.server,
	    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"s\",\"reason\":"
	      "\"r\"}}");
	(void)snprintf(want, sizeof(want),
		       J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s,"
			 "\"reason\":\"r\"}}",
		       id);
	ck_hears(&r, a, want);
	ck_silent(&r, b);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

/* --- who comes and goes --------------------------------------------------------------------------------- */

START_TEST(an_agent_that_goes_leaves_no_request_unanswered)
{
	struct rig r;
	char id[64];
	ask_start(&r, BOTH, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, "{\"sampling\":{},\"elicitation\":{}}");
	say(&r, &r.server, J "\"id\":\"s\"," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	say(&r, &r.server, J "\"id\":\"e\"," ELICITS);
	ask_heard(&r, a, "elicitation/create", id);
	end_done(a);
	pass(&r, 1000);
	ck_assert_int_eq(r.gone, 1);
	ck_has(hear(&r, &r.server), "\"id\":\"s\"," REFUSED);
	ck_hears(&r, &r.server, J "\"id\":\"e\",\"result\":{\"action\":\"cancel\"}}");
	rig_done(&r);
}
END_TEST

START_TEST(a_new_client_on_the_pipes_answers_for_itself_alone)
{
	struct rig r;
	char id[64];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = rig_agent(&r, MUX_PIPES);
	ask_greet(&r, a, SAMPLING);
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	ask_greet(&r, a, "{}");
	ck_has(hear(&r, &r.server), "\"id\":1," REFUSED);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
	ck_silent(&r, &r.server);
	say(&r, &r.server, J "\"id\":2," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":2," NOT_THERE);
	rig_done(&r);
}
END_TEST

START_TEST(a_process_that_dies_takes_its_requests_back)
{
	struct rig r;
	char id[64], again[64], want[200];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING);
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	rig_die(&r);
	(void)snprintf(want, sizeof(want),
		       J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s,"
			 "\"reason\":\"the server has ended\"}}",
		       id);
	ck_hears(&r, a, want);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id); /* to nobody */
	rig_up(&r);
	ck_silent(&r, &r.server);
	while (hear(&r, a)) /* list_changed */
		;
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", again);
	ck_assert_str_ne(again, id);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
	ck_silent(&r, &r.server);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", again);
	ck_hears(&r, &r.server, J "\"id\":1,\"result\":{}}");
	rig_done(&r);
}
END_TEST

START_TEST(an_agent_that_never_answers_is_asked_only_so_much)
{
	struct rig r;
	char id[64], wire[64];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_REJECT);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	for (int i = 0; i < ASK_MAX_PENDING; i++) {
		sayf(&r, &r.server, J "\"id\":%d," ASKS, i);
		ask_heard(&r, a, "sampling/createMessage", id);
	}
	say(&r, &r.server, J "\"id\":\"more\"," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":\"more\"," REFUSED);
	ask_end(&r, wire);
	ck_assert(ask_call(&r, b, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":\"b\"," ASKS); /* which is no other's harm */
	ask_heard(&r, b, "sampling/createMessage", id);
	rig_done(&r);
}
END_TEST

START_TEST(an_endless_id_is_refused)
{
	struct rig r;
	static char line[2 * ASK_MAX_ID], want[2 * ASK_MAX_ID];
	static char big[ASK_MAX_ID];
	memset(big, 'i', sizeof(big) - 1);
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING);
	(void)snprintf(line, sizeof(line), J "\"id\":\"%s\"," ASKS, big);
	(void)snprintf(want, sizeof(want), "\"id\":\"%s\",\"error\":{\"code\":-32600,", big);
	say(&r, &r.server, line);
	ck_has(hear(&r, &r.server), want);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(a_lazy_server_is_not_idle_while_an_agent_is_asked)
{
	struct rig r;
	char id[64];
	rig_init(&r);
	r.p.capabilities = MUX_SAMPLING;
	r.p.idle_timeout_ms = 1000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = ask_client(&r, SAMPLING);
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	pass(&r, 5000);
	ck_assert_int_eq(r.idle, 0);
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
	ck_has(hear(&r, &r.server), "\"id\":1,\"result\"");
	pass(&r, 1001);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_modern_server_must_not_ask)
{
	struct rig r;
	rig_init(&r);
	r.p.capabilities = MUX_ROOTS | BOTH;
	rig_start(&r);
	rig_attach(&r);
	char id[64];
	const char *line = hear(&r, &r.server);
	ck_has(line, "\"method\":\"initialize\"");
	sayf(&r, &r.server,
	     J "\"id\":%s,\"error\":{\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":["
	       "\"2026-07-28\"]}}}",
	     id_of(line, id));
	answer(&r, hear(&r, &r.server), "{\"capabilities\":{},\"serverInfo\":{}}");
	spin(&r);
	ck_assert_int_eq(r.ready, 1);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	char wire[64];
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":1," ASKS);
	ck_silent(&r, &r.server); /* nor may a client answer */
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(a_reload_to_the_modern_era_declares_nothing)
{
	struct rig r;
	ask_start(&r, BOTH, MUX_ASK_SERIALIZE);
	r.p.protocol = "2026-07-28";
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	rig_die(&r);
	rig_attach(&r);
	answer(&r, hear(&r, &r.server), "{\"capabilities\":{},\"serverInfo\":{}}");
	say(&r, &r.server, J "\"id\":1," ASKS);
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_ask(void);
Suite *suite_stdio_ask(void)
{
	Suite *s = suite_create("stdio_ask");
	TCase *c = tcase_create("all");
	tcase_add_test(c, what_is_configured_is_declared_to_each_new_process);
	tcase_add_test(c, a_process_holds_to_what_was_declared_to_it);
	tcase_add_test(c, what_was_not_declared_is_refused);
	tcase_add_test(c, a_request_goes_to_the_agent_and_its_answer_back_byte_for_byte);
	tcase_add_test(c, an_error_of_the_agent_is_the_servers_answer);
	tcase_add_test(c, only_the_agent_that_was_asked_can_answer);
	tcase_add_test(c, progress_of_the_agent_reaches_the_server_while_it_waits);
	tcase_add_test(c, what_the_server_takes_back_is_taken_back_from_the_agent);
	tcase_add_test(c, an_agent_that_goes_leaves_no_request_unanswered);
	tcase_add_test(c, a_new_client_on_the_pipes_answers_for_itself_alone);
	tcase_add_test(c, a_process_that_dies_takes_its_requests_back);
	tcase_add_test(c, an_agent_that_never_answers_is_asked_only_so_much);
	tcase_add_test(c, an_endless_id_is_refused);
	tcase_add_test(c, a_lazy_server_is_not_idle_while_an_agent_is_asked);
	tcase_add_test(c, a_modern_server_must_not_ask);
	tcase_add_test(c, a_reload_to_the_modern_era_declares_nothing);
	suite_add_tcase(s, c);
	return s;
}
