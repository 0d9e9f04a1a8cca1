/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/ask_rig.h"

/* --- which agent ------------------------------------------------------------------------------------ */

START_TEST(who_cannot_answer_is_not_asked)
{
	static const struct {
		const char *capabilities, *request;
		bool is_asked;
	} cases[] = {
		{ "{}", ASKS, false },
		{ "{\"sampling\":true}", ASKS, false },
		{ ELICITATION, ASKS, false },
		{ SAMPLING, ASKS, true },
		{ SAMPLING, "\"method\":\"sampling/createMessage\"}", true },
		{ SAMPLING, "\"method\":\"sampling/createMessage\",\"params\":{\"tools\":[]}}",
		  false },
		{ "{\"sampling\":{\"tools\":{}}}",
		  "\"method\":\"sampling/createMessage\",\"params\":{\"tools\":[]}}", true },
		{ SAMPLING, ELICITS, false },
		{ ELICITATION, ELICITS, true },
		{ "{\"elicitation\":{\"form\":{}}}", ELICITS, true },
		{ "{\"elicitation\":{\"url\":{}}}", ELICITS, false },
		{ ELICITATION, "\"method\":\"elicitation/create\",\"params\":{\"mode\":\"form\"}}",
		  true },
		{ ELICITATION, "\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\"}}",
		  false },
		{ "{\"elicitation\":{\"url\":{},\"form\":{}}}",
		  "\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\"}}", true },
	};
	struct rig r;
	ask_start(&r, BOTH, MUX_ASK_SERIALIZE);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask_greet(&r, a, cases[i].capabilities);
		sayf(&r, &r.server, J "\"id\":1,%s", cases[i].request);
		char id[64];
		if (!cases[i].is_asked) {
			ck_has(hear(&r, &r.server), "\"id\":1," NOT_THERE);
			ck_silent(&r, a);
			continue;
		}
		id_of(hear(&r, a), id);
		sayf(&r, a, J "\"id\":%s,\"result\":{}}", id);
		ck_has(hear(&r, &r.server), "\"id\":1,\"result\"");
	}
	rig_done(&r);
}
END_TEST

START_TEST(what_belongs_to_a_task_is_asked_of_its_owner)
{
	static const char asks[] =
		J "\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{\"_meta\":{"
		  "\"io.modelcontextprotocol/related-task\":{\"taskId\":\"t\"}}}}";
	struct rig r;
	char wire[64], id[64];
	ask_start(&r, BOTH, MUX_ASK_REJECT);
	struct end *a = rig_agent(&r, MUX_SOCKET), *b = rig_agent(&r, MUX_SOCKET);
	ask_greet(&r, a, SAMPLING);
	ask_greet(&r, b, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{\"task\":{\"taskId\":\"t\"}}}", wire);
	ck_has(hear(&r, a), "taskId");
	ck_assert(ask_call(&r, b, 2, "tools/call", wire)); /* the only call in flight */
	say(&r, &r.server, asks);
	const char *line = hear(&r, a);
	ck_has(line, "related-task");
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", id_of(line, id));
	ck_has(hear(&r, &r.server), "\"id\":1,\"result\"");
	ask_greet(&r, a, "{}"); /* now it cannot */
	say(&r, &r.server, asks);
	ck_has(hear(&r, &r.server), "\"id\":1," NOT_THERE);
	ck_silent(&r, a);
	ck_silent(&r, b);
	rig_done(&r);
}
END_TEST

START_TEST(sessions_that_are_not_ready_are_never_asked)
{
	struct rig r;
	ask_start(&r, BOTH, MUX_ASK_NEWEST);
	struct end *a = rig_agent(&r, MUX_PIPES), *b = rig_agent(&r, MUX_SOCKET);
	say(&r, b,
	    J "\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
	      "\"capabilities\":{\"sampling\":{},\"elicitation\":{},\"roots\":{}}}}");
	ck_has(hear(&r, b), "\"id\":0,\"result\"");
	char wire[64];
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	ck_assert(ask_call(&r, b, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":1," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":1," NOT_THERE);
	say(&r, &r.server, J "\"id\":2," ELICITS);
	ck_has(hear(&r, &r.server), "\"id\":2," NOT_THERE);
	ck_silent(&r, a);
	ck_silent(&r, b);
	rig_done(&r);
}
END_TEST

START_TEST(of_those_who_can_answer_the_one_with_a_call_is_asked)
{
	static const char *const methods[] = { "tools/call", "prompts/get", "resources/read" };
	struct rig r;
	ask_start(&r, MUX_SAMPLING, MUX_ASK_REJECT);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING),
		   *c = ask_client(&r, "{}");
	char id[64], list[64], wire[64], other[64];
	ck_assert(ask_call(&r, a, 1, "tools/list", list)); /* no reason to ask */
	ck_assert(ask_call(&r, c, 1, "tools/call", other));
	for (int i = 0; i < 3; i++) {
		ck_assert(ask_call(&r, b, 2, methods[i], wire));
		say(&r, &r.server, J "\"id\":1," ASKS);
		ask_heard(&r, b, "sampling/createMessage", id);
		ck_silent(&r, a);
		ck_silent(&r, c);
		sayf(&r, b, J "\"id\":%s,\"result\":{}}", id);
		ck_has(hear(&r, &r.server), "\"id\":1,\"result\"");
		ask_end(&r, wire);
		ck_has(hear(&r, b), "\"id\":2,\"result\"");
	}
	rig_done(&r);
}
END_TEST

START_TEST(without_a_call_the_only_one_is_asked_and_of_several_none)
{
	struct rig r;
	char id[64], wire[64];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_NEWEST);
	struct end *a = ask_client(&r, SAMPLING), *c = ask_client(&r, "{}");
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	/* A call of one who cannot answer: it is for that one, not for another. */
	ck_assert(ask_call(&r, c, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":2," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":2," NOT_THERE);
	ask_end(&r, wire);
	struct end *b = ask_client(&r, SAMPLING);
	say(&r, &r.server, J "\"id\":3," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":3," REFUSED);
	ck_silent(&r, a);
	ck_silent(&r, b);
	rig_done(&r);
}
END_TEST

static void got(void *ctx, const char *line, size_t len, const struct err *e)
{
	(void)line, (void)len, (void)e;
	++*(int *)ctx;
}

START_TEST(an_operators_call_asks_no_agent)
{
	struct rig r;
	int n = 0;
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = ask_client(&r, SAMPLING);
	ck_assert_ptr_nonnull(mux_ask(r.mux, "tools/call", "{\"name\":\"a\"}", got, &n, NULL));
	const char *line = hear(&r, &r.server);
	char wire[64];
	id_of(line, wire);
	say(&r, &r.server, J "\"id\":1," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":1," NOT_THERE);
	ck_silent(&r, a);
	ask_end(&r, wire);
	ck_assert_int_eq(n, 1);
	rig_done(&r);
}
END_TEST

START_TEST(of_several_with_calls_the_policy_decides)
{
	for (int i = 0; i < 2; i++) {
		bool is_newest = i == 0;
		struct rig r;
		char id[64], wire[64];
		ask_start(&r, MUX_SAMPLING, is_newest ? MUX_ASK_NEWEST : MUX_ASK_REJECT);
		struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
		ck_assert(ask_call(&r, b, 1, "tools/call", wire));
		ck_assert(ask_call(&r, a, 1, "tools/call", wire));
		say(&r, &r.server, J "\"id\":1," ASKS);
		if (is_newest)
			ask_heard(&r, a, "sampling/createMessage", id);
		else
			ck_has(hear(&r, &r.server), "\"id\":1," REFUSED);
		ck_silent(&r, b);
		rig_done(&r);
	}
}
END_TEST

/* --- not known yet ------------------------------------------------------------------------------------ */

/* Two agents with calls that do not take turns; the server asks. wire: their ids. */
static void ask_open(struct rig *r, char wire[2][64])
{
	ask_start(r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	for (int i = 0; i < 2; i++)
		ck_assert(ask_call(r, ask_client(r, SAMPLING), 1, "prompts/get", wire[i]));
	say(r, &r->server, J "\"id\":1," ASKS);
	for (int i = 0; i < 2; i++)
		ck_silent(r, &r->agents[i]);
	ck_silent(r, &r->server);
}

START_TEST(the_one_whose_call_remains_is_asked)
{
	struct rig r;
	char wire[2][64], late[64], id[64];
	ask_open(&r, wire);
	ck_assert(
		ask_call(&r, &r.agents[1], 2, "prompts/get", late)); /* sent later: not its cause */
	ask_end(&r, wire[1]);
	ck_has(hear(&r, &r.agents[1]), "\"id\":1,\"result\"");
	ask_heard(&r, &r.agents[0], "sampling/createMessage", id);
	ck_silent(&r, &r.agents[1]);
	sayf(&r, &r.agents[0], J "\"id\":%s,\"result\":{}}", id);
	ck_hears(&r, &r.server, J "\"id\":1,\"result\":{}}");
	rig_done(&r);
}
END_TEST

START_TEST(when_all_their_calls_are_over_nobody_is_asked)
{
	struct rig r;
	char wire[2][64];
	ask_open(&r, wire);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}\n" J "\"id\":%s,\"result\":{}}", wire[0],
	     wire[1]);
	const char *line = hear(&r, &r.server);
	ck_has(line, "\"id\":1," REFUSED);
	ck_has(line, "is over");
	for (int i = 0; i < 2; i++) {
		ck_has(hear(&r, &r.agents[i]), "\"id\":1,\"result\"");
		ck_silent(&r, &r.agents[i]);
	}
	rig_done(&r);
}
END_TEST

START_TEST(when_that_takes_too_long_it_is_refused)
{
	struct rig r;
	char wire[2][64];
	ask_open(&r, wire);
	pass(&r, ASK_WAIT_MS - 1);
	ck_silent(&r, &r.server);
	pass(&r, 1);
	ck_has(hear(&r, &r.server), "\"id\":1," REFUSED);
	ask_end(&r, wire[1]);
	ck_silent(&r, &r.agents[0]);
	rig_done(&r);
}
END_TEST

START_TEST(a_call_that_is_taken_back_may_have_been_the_one)
{
	struct rig r;
	char wire[2][64];
	ask_open(&r, wire);
	say(&r, &r.agents[1],
	    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	pass(&r, ASK_WAIT_MS - 1);
	ck_silent(&r, &r.server);
	pass(&r, 1);
	ck_has(hear(&r, &r.server), "\"id\":1," REFUSED);
	ck_silent(&r, &r.agents[0]);
	rig_done(&r);
}
END_TEST

START_TEST(a_late_answer_to_what_was_taken_back_rules_it_out)
{
	struct rig r;
	char wire[2][64], id[64];
	ask_open(&r, wire);
	say(&r, &r.agents[1],
	    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	ask_end(&r, wire[1]);
	ask_heard(&r, &r.agents[0], "sampling/createMessage", id);
	ck_silent(&r, &r.agents[1]);
	rig_done(&r);
}
END_TEST

/* One agent's call ends without an answer, another's runs when the server asks: for the first one, it may be. */
START_TEST(what_ended_without_an_answer_may_still_ask_for_a_while)
{
	for (int i = 0; i < 4; i++) {
		struct rig r;
		char wire[64], id[64];
		ask_start(&r, MUX_SAMPLING, i == 3 ? MUX_ASK_NEWEST : MUX_ASK_REJECT);
		r.p.request_timeout_ms = i == 2 ? 1000 : 0;
		ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
		struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
		ck_assert(ask_call(&r, a, 1, "tools/call", wire));
		if (i == 1)
			end_done(a);
		else if (i == 2)
			pass(&r, 1000);
		else
			say(&r, a,
			    J
			    "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
		pass(&r, i == 1 ? 1000 : 0);
		ck_has(hear(&r, &r.server), "notifications/cancelled");
		r.p.request_timeout_ms = 0;
		ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
		ck_assert(ask_call(&r, b, 1, "tools/call", wire));
		say(&r, &r.server, J "\"id\":1," ASKS);
		if (i == 3) /* as it says */
			ask_heard(&r, b, "sampling/createMessage", id);
		else
			ck_has(hear(&r, &r.server), "\"id\":1," REFUSED);
		ck_silent(&r, b);
		pass(&r, ASK_GHOST_MS);
		say(&r, &r.server, J "\"id\":2," ASKS);
		ask_heard(&r, b, "sampling/createMessage", id);
		rig_done(&r);
	}
}
END_TEST

START_TEST(what_was_sent_after_the_question_is_no_matter_how_it_ends)
{
	struct rig r;
	char wire[2][64], late[64], id[64];
	ask_open(&r, wire);
	ck_assert(ask_call(&r, &r.agents[1], 2, "prompts/get", late));
	say(&r, &r.agents[1],
	    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	ask_end(&r, wire[1]);
	ask_heard(&r, &r.agents[0], "sampling/createMessage", id);
	rig_done(&r);
}
END_TEST

START_TEST(a_new_client_is_not_asked_for_a_call_of_the_last_one)
{
	struct rig r;
	char wire[64];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	struct end *a = rig_agent(&r, MUX_PIPES);
	ask_greet(&r, a, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	ask_greet(&r, a, SAMPLING);
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	say(&r, &r.server, J "\"id\":1," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":1," REFUSED);
	mux_agent_free(r.agent[0]);
	say(&r, &r.server, J "\"id\":2," ASKS);
	ck_has(hear(&r, &r.server), "\"id\":2," REFUSED);
	rig_done(&r);
}
END_TEST

START_TEST(a_bad_answer_is_an_answer)
{
	struct rig r;
	char wire[64], id[64];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_REJECT);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	sayf(&r, &r.server, J "\"id\":%s,\"result\":nonsense}", wire);
	ck_has(hear(&r, a), "\"id\":1," REFUSED);
	ck_assert(ask_call(&r, b, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, b, "sampling/createMessage", id);
	rig_done(&r);
}
END_TEST

START_TEST(what_is_remembered_of_calls_is_bounded_and_dies_with_the_process)
{
	struct rig r;
	char wire[64], id[64];
	ask_start(&r, MUX_SAMPLING, MUX_ASK_REJECT);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	for (int i = 0; i < 2 * ASK_MAX_GHOSTS; i++) {
		ck_assert(ask_call(&r, a, 1, "tools/call", wire));
		say(&r, a,
		    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
		ck_has(hear(&r, &r.server), "notifications/cancelled");
	}
	int n = 0;
	for (int i = 0; r.mux->asks.ghosts && i < 2 * ASK_MAX_GHOSTS; i++) {
		ghost_answered(r.mux, strtoull(wire, NULL, 10) - (unsigned)i);
		n++;
	}
	ck_assert_int_eq(n, ASK_MAX_GHOSTS);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	rig_die(&r);
	ck_assert_ptr_null(r.mux->asks.ghosts);
	rig_up(&r);
	while (hear(&r, b)) /* list_changed */
		;
	ck_assert(ask_call(&r, b, 1, "tools/call", wire));
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, b, "sampling/createMessage", id);
	rig_done(&r);
}
END_TEST

START_TEST(what_waits_can_be_taken_back_and_dies_with_the_process)
{
	struct rig r;
	char wire[2][64];
	ask_open(&r, wire);
	say(&r, &r.server,
	    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	spin(&r);
	ask_end(&r, wire[1]);
	ck_has(hear(&r, &r.agents[1]), "\"id\":1,\"result\"");
	ck_silent(&r, &r.agents[0]);
	ck_assert(ask_call(&r, &r.agents[1], 3, "prompts/get", wire[1]));
	say(&r, &r.server, J "\"id\":2," ASKS);
	ck_silent(&r, &r.agents[0]);
	rig_die(&r);
	ck_assert_ptr_null(r.mux->asks.first);
	ck_assert_uint_eq(r.mux->asks.n_open, 0);
	ck_assert_uint_eq(r.mux->asks.open_bytes, 0);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_ask_who(void);
Suite *suite_stdio_ask_who(void)
{
	Suite *s = suite_create("stdio_ask_who");
	TCase *c = tcase_create("all");
	tcase_add_test(c, who_cannot_answer_is_not_asked);
	tcase_add_test(c, what_belongs_to_a_task_is_asked_of_its_owner);
	tcase_add_test(c, sessions_that_are_not_ready_are_never_asked);
	tcase_add_test(c, of_those_who_can_answer_the_one_with_a_call_is_asked);
	tcase_add_test(c, without_a_call_the_only_one_is_asked_and_of_several_none);
	tcase_add_test(c, an_operators_call_asks_no_agent);
	tcase_add_test(c, of_several_with_calls_the_policy_decides);
	tcase_add_test(c, the_one_whose_call_remains_is_asked);
	tcase_add_test(c, when_all_their_calls_are_over_nobody_is_asked);
	tcase_add_test(c, when_that_takes_too_long_it_is_refused);
	tcase_add_test(c, a_call_that_is_taken_back_may_have_been_the_one);
	tcase_add_test(c, a_late_answer_to_what_was_taken_back_rules_it_out);
	tcase_add_test(c, what_ended_without_an_answer_may_still_ask_for_a_while);
	tcase_add_test(c, what_was_sent_after_the_question_is_no_matter_how_it_ends);
	tcase_add_test(c, a_new_client_is_not_asked_for_a_call_of_the_last_one);
	tcase_add_test(c, a_bad_answer_is_an_answer);
	tcase_add_test(c, what_is_remembered_of_calls_is_bounded_and_dies_with_the_process);
	tcase_add_test(c, what_waits_can_be_taken_back_and_dies_with_the_process);
	suite_add_tcase(s, c);
	return s;
}
