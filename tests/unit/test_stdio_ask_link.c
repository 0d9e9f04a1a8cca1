/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/ask_rig.h"

#define BY_URL "{\"elicitation\":{\"url\":{}}}"
#define COMPLETE(x)                                                                                \
	J "\"method\":\"notifications/elicitation/complete\",\"params\":{\"elicitationId\":" x "}}"

START_TEST(completion_is_told_to_the_agent_that_was_shown_the_url)
{
	struct rig r;
	char wire[64], id[64];
	ask_start(&r, MUX_ELICITATION, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, BY_URL), *b = ask_client(&r, BY_URL);
	ck_assert(ask_call(&r, b, 1, "tools/call", wire));
	say(&r, &r.server,
	    J
	    "\"id\":1,\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"elicitationId\":"
	    "\"\\u0065 1\"}}");
	ask_heard(&r, b, "elicitation/create", id);
	sayf(&r, b, J "\"id\":%s,\"result\":{\"action\":\"accept\"}}", id);
	ck_has(hear(&r, &r.server), "accept");
	ask_end(&r, wire);
	ck_has(hear(&r, b), "\"id\":1,\"result\"");
	say(&r, &r.server, COMPLETE("\"e2\""));
	say(&r, &r.server, COMPLETE("\"e 1\""));
	ck_hears(&r, b, COMPLETE("\"e 1\""));
	say(&r, &r.server, COMPLETE("\"e 1\"")); /* once */
	ck_silent(&r, b);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(an_error_that_names_elicitations_counts_too)
{
	struct rig r;
	char wire[64];
	ask_start(&r, 0, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, "{}"), *b = ask_client(&r, "{}");
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	sayf(&r, &r.server,
	     J "\"id\":%s,\"error\":{\"code\":-32042,\"message\":\"\",\"data\":{\"elicitations\":[{"
	       "\"elicitationId\":\"x\"},{\"elicitationId\":\"y\"},5]}}}",
	     wire);
	ck_has(hear(&r, a), "-32042");
	ck_assert(ask_call(&r, b, 1, "tools/call", wire));
	sayf(&r, &r.server,
	     J "\"id\":%s,\"error\":{\"code\":-32043,\"message\":\"\",\"data\":{\"elicitations\":[{"
	       "\"elicitationId\":\"y\"}]}}}",
	     wire);
	ck_has(hear(&r, b), "-32043");
	say(&r, &r.server, COMPLETE("\"y\""));
	ck_hears(&r, a, COMPLETE("\"y\""));
	ck_silent(&r, b);
	rig_done(&r);
}
END_TEST

START_TEST(what_is_remembered_is_bounded_and_goes_with_the_agent_and_the_process)
{
	struct rig r;
	char wire[64];
	ask_start(&r, 0, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, "{}");
	for (int i = 0; i < 600; i++) {
		ck_assert(ask_call(&r, a, 1, "tools/call", wire));
		sayf(&r, &r.server,
		     J "\"id\":%s,\"error\":{\"code\":-32042,\"message\":\"\",\"data\":{"
		       "\"elicitations\":[{\"elicitationId\":\"%d\"}]}}}",
		     wire, i);
		ck_has(hear(&r, a), "-32042");
	}
	say(&r, &r.server, COMPLETE("\"0\""));
	ck_silent(&r, a);
	say(&r, &r.server, COMPLETE("\"400\""));
	ck_hears(&r, a, COMPLETE("\"400\""));
	rig_die(&r);
	ck_assert_ptr_null(r.mux->asks.links);
	rig_up(&r);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	sayf(&r, &r.server,
	     J "\"id\":%s,\"error\":{\"code\":-32042,\"message\":\"\",\"data\":{\"elicitations\":[{"
	       "\"elicitationId\":\"z\"}]}}}",
	     wire);
	spin(&r);
	ck_assert_ptr_nonnull(r.mux->asks.links);
	mux_agent_free(r.agent[0]);
	ck_assert_ptr_null(r.mux->asks.links);
	rig_done(&r);
}
END_TEST

START_TEST(what_others_were_shown_stays_when_an_agent_goes)
{
	struct rig r;
	char wire[64];
	ask_start(&r, 0, MUX_ASK_SERIALIZE);
	struct end *e[2] = { ask_client(&r, "{}"), ask_client(&r, "{}") };
	for (int i = 0; i < 2; i++) {
		ck_assert(ask_call(&r, e[i], 1, "tools/call", wire));
		sayf(&r, &r.server,
		     J "\"id\":%s,\"error\":{\"code\":-32042,\"message\":\"\",\"data\":{"
		       "\"elicitations\":[{\"elicitationId\":\"%d\"}]}}}",
		     wire, i);
		ck_has(hear(&r, e[i]), "-32042");
	}
	mux_agent_free(r.agent[0]);
	say(&r, &r.server, COMPLETE("\"0\""));
	say(&r, &r.server, COMPLETE("\"1\""));
	ck_hears(&r, e[1], COMPLETE("\"1\""));
	ck_silent(&r, e[1]);
	rig_done(&r);
}
END_TEST

START_TEST(a_session_without_initialize_gets_answers_only)
{
	struct rig r;
	char wire[64];
	ask_start(&r, 0, MUX_ASK_SERIALIZE);
	struct end *a = rig_agent(&r, MUX_PIPES);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	sayf(&r, &r.server,
	     J "\"id\":%s,\"error\":{\"code\":-32042,\"message\":\"\",\"data\":{\"elicitations\":[{"
	       "\"elicitationId\":\"z\"}]}}}",
	     wire);
	ck_has(hear(&r, a), "-32042");
	say(&r, &r.server, COMPLETE("\"z\""));
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_ask_link(void);
Suite *suite_stdio_ask_link(void)
{
	Suite *s = suite_create("stdio_ask_link");
	TCase *c = tcase_create("all");
	tcase_add_test(c, completion_is_told_to_the_agent_that_was_shown_the_url);
	tcase_add_test(c, an_error_that_names_elicitations_counts_too);
	tcase_add_test(c, what_is_remembered_is_bounded_and_goes_with_the_agent_and_the_process);
	tcase_add_test(c, what_others_were_shown_stays_when_an_agent_goes);
	tcase_add_test(c, a_session_without_initialize_gets_answers_only);
	suite_add_tcase(s, c);
	return s;
}
