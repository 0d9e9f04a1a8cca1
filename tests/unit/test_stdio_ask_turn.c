/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/ask_rig.h"

static void turn_start(struct rig *r)
{
	ask_start(r, MUX_SAMPLING | MUX_ELICITATION, MUX_ASK_SERIALIZE);
}

START_TEST(calls_of_one_agent_wait_for_those_of_another)
{
	struct rig r;
	char one[64], two[64], id[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	struct end *c = ask_client(&r, "{}");
	ck_assert(ask_call(&r, a, 1, "tools/call", one));
	ck_assert(ask_call(&r, a, 2, "tools/call", two)); /* the same agent's do not */
	ck_assert(ask_call(&r, c, 1, "tools/call", id));  /* nor who cannot be asked */
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", id);
	ask_end(&r, one);
	ck_has(hear(&r, a), "\"id\":1,\"result\"");
	ck_silent(&r, &r.server);
	ask_end(&r, two);
	ck_has(hear(&r, a), "\"id\":2,\"result\"");
	const char *line = hear(&r, &r.server);
	ck_has(line, "tools/call");
	say(&r, &r.server, J "\"id\":2," ASKS);
	ask_heard(&r, b, "sampling/createMessage", id);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(nobody_waits_where_nobody_could_be_mistaken)
{
	for (int i = 0; i < 3; i++) {
		struct rig r;
		char id[64];
		/* no such capability; another policy; agents that cannot be asked */
		ask_start(&r, i == 0 ? MUX_ROOTS : MUX_SAMPLING,
			  i == 1 ? MUX_ASK_REJECT : MUX_ASK_SERIALIZE);
		const char *can = i == 2 ? ELICITATION : SAMPLING;
		struct end *a = ask_client(&r, can), *b = ask_client(&r, can);
		ck_assert(ask_call(&r, a, 1, "tools/call", id));
		ck_assert(ask_call(&r, b, 1, "tools/call", id));
		rig_done(&r);
	}
}
END_TEST

START_TEST(what_else_an_agent_says_passes_by)
{
	static const char *const methods[] = { "tools/list", "prompts/get", "resources/read", "x" };
	struct rig r;
	char one[64], id[64], asked[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, "{\"elicitation\":{}}");
	ck_assert(ask_call(&r, a, 1, "tools/call", one));
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	for (int i = 0; i < 4; i++) {
		ck_assert(ask_call(&r, b, 10 + i, methods[i], id));
		if (i == 1) { /* and can be asked, and answers */
			say(&r, &r.server, J "\"id\":1," ELICITS);
			ask_heard(&r, b, "elicitation/create", asked);
			sayf(&r, b, J "\"id\":%s,\"result\":{}}", asked);
			ck_has(hear(&r, &r.server), "\"id\":1,\"result\"");
		}
		ask_end(&r, id);
		ck_has(hear(&r, b), "\"result\"");
	}
	rig_done(&r);
}
END_TEST

/* The handshake of a server one of whose tools only reads. */
static void up_with_hints(struct rig *r)
{
	rig_attach(r);
	const char *line = hear(r, &r->server);
	answer(r, line,
	       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{}}");
	ck_has(hear(r, &r->server), "notifications/initialized");
	answer(r, hear(r, &r->server),
	       "{\"tools\":[{\"name\":\"w\"},{\"name\":\"a\",\"annotations\":{\"readOnlyHint\":true}},"
	       "{\"name\":\"x\",\"annotations\":{\"readOnlyHint\":false}}]}");
	spin(r);
}

#define READS(name) "{\"name\":\"" name "\",\"annotations\":{\"readOnlyHint\":true}}"

static bool tool(struct rig *r, struct end *e, int id, const char *name)
{
	sayf(r, e, J "\"id\":%d,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\"}}", id, name);
	return hear(r, &r->server) != NULL;
}

START_TEST(tools_that_only_read_do_not_wait)
{
	struct rig r;
	rig_init(&r);
	r.p.capabilities = MUX_SAMPLING;
	rig_start(&r);
	up_with_hints(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(tool(&r, a, 1, "w"));
	ck_assert(tool(&r, b, 1, "a"));
	ck_assert(tool(&r, b, 2, "\\u0061"));
	ck_assert(!tool(&r, b, 3, "x"));
	ck_assert(!tool(&r, b, 4, "unknown"));
	say(&r, &r.server, J "\"method\":\"notifications/tools/list_changed\"}");
	ck_has(hear(&r, b), "list_changed");
	say(&r, &r.server, J "\"method\":\"notifications/tools/list_changed\"}");
	const char *line = hear(&r, &r.server);
	ck_has(line, "tools/list");
	char first[64], second[64];
	id_of(line, first);
	ck_assert(!tool(&r, b, 5, "a")); /* who knows what it does now */
	say(&r, &r.server, J "\"method\":\"notifications/tools/list_changed\"}");
	say(&r, &r.server, J "\"method\":\"notifications/tools/list_changed\"}");
	spin(&r);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{\"tools\":[" READS("a") "]}}", first);
	line = hear(&r, &r.server); /* once more, and of two pages */
	ck_has(line, "tools/list");
	ck_assert(!tool(&r, b, 6, "a"));
	sayf(&r, &r.server,
	     J "\"id\":%s,\"result\":{\"tools\":[" READS("b") "],\"nextCursor\":\"2\"}}",
	     id_of(line, second));
	line = hear(&r, &r.server);
	ck_has(line, "{\"cursor\":\"2\"}");
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{\"tools\":[" READS("c") "]}}",
	     id_of(line, second));
	spin(&r);
	ck_assert(!tool(&r, b, 7, "a"));
	ck_assert(tool(&r, b, 8, "b"));
	ck_assert(tool(&r, b, 9, "c"));
	rig_done(&r);
}
END_TEST

START_TEST(however_a_call_ends_the_next_one_goes)
{
	for (int i = 0; i < 5; i++) {
		struct rig r;
		char one[64], id[64];
		turn_start(&r);
		r.p.request_timeout_ms = i == 2 ? 1000 : 0;
		ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
		struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
		ck_assert(ask_call(&r, a, 1, "tools/call", one));
		pass(&r, 500);
		ck_assert(!ask_call(&r, b, 1, "tools/call", id));
		if (i == 0)
			sayf(&r, &r.server, J "\"id\":%s,\"error\":{\"code\":1,\"message\":\"\"}}",
			     one);
		else if (i == 1)
			say(&r, a,
			    J
			    "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
		else if (i == 2)
			pass(&r, 500);
		else if (i == 3)
			mux_agent_free(r.agent[0]);
		else
			sayf(&r, &r.server, J "\"id\":%s,\"result\":nonsense}", one);
		if (i >= 1 && i <= 3)
			ck_has(hear(&r, &r.server), "notifications/cancelled");
		if (i >= 1 && i <= 3) { /* what it made the server ask may be under way */
			r.p.request_timeout_ms = 0; /* of the one that waits */
			ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
			pass(&r, ASK_GHOST_MS - 1);
			ck_silent(&r, &r.server);
			pass(&r, 1);
		}
		ck_has(hear(&r, &r.server), "tools/call");
		ck_assert_ptr_eq(r.mux->asks.turn, r.agent[1]);
		rig_done(&r);
	}
}
END_TEST

START_TEST(a_late_answer_to_a_call_taken_back_passes_the_turn)
{
	struct rig r;
	char one[64], id[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", one));
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	ck_assert(ask_call(&r, a, 2, "tools/call", id)); /* its own do not wait for it */
	ask_end(&r, id);
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	ask_end(&r, one);
	ck_has(hear(&r, &r.server), "tools/call");
	rig_done(&r);
}
END_TEST

START_TEST(a_call_that_waits_can_be_taken_back_and_leaves_no_trace)
{
	struct rig r;
	char one[64], id[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", one));
	for (int i = 1; i <= 3; i++)
		ck_assert(!ask_call(&r, b, i, "tools/call", id));
	say(&r, b, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	ck_silent(&r, &r.server);
	ask_end(&r, one);
	ck_has(hear(&r, &r.server), "tools/call");
	ck_has(hear(&r, &r.server), "tools/call");
	ck_silent(&r, &r.server);
	mux_agent_free(r.agent[1]);
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	ck_assert_ptr_null(r.mux->asks.turn);
	ck_assert_ptr_null(r.mux->asks.held_first);
	ck_assert(!ask_call(&r, a, 9, "tools/call", id));
	pass(&r, ASK_GHOST_MS);
	ck_has(hear(&r, &r.server), "tools/call");
	rig_done(&r);
}
END_TEST

START_TEST(who_came_first_goes_first_and_no_agent_keeps_the_turn)
{
	struct rig r;
	char wire[64], next[64];
	turn_start(&r);
	struct end *e[3];
	for (int i = 0; i < 3; i++)
		e[i] = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, e[0], 1, "tools/call", wire));
	ck_assert(!ask_call(&r, e[2], 1, "tools/call", next));
	ck_assert(!ask_call(&r, e[1], 1, "tools/call", next));
	ck_assert(!ask_call(&r, e[0], 2, "tools/call", next)); /* others wait already */
	static const int order[] = { 2, 1, 0 };
	for (int i = 0; i < 3; i++) {
		ask_end(&r, wire);
		id_of(hear(&r, &r.server), wire);
		ck_assert_ptr_eq(r.mux->asks.turn, r.agent[order[i]]);
		ck_silent(&r, &r.server);
	}
	rig_done(&r);
}
END_TEST

START_TEST(what_an_agent_calls_to_answer_does_not_wait)
{
	struct rig r;
	char wire[64], id[64], asked[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	ck_assert(!ask_call(&r, a, 2, "tools/call", id));
	say(&r, &r.server, J "\"id\":1," ASKS);
	ask_heard(&r, a, "sampling/createMessage", asked);
	ck_has(hear(&r, &r.server), "tools/call"); /* 2 may be what it needs */
	ck_assert(ask_call(&r, a, 3, "tools/call", id));
	sayf(&r, a, J "\"id\":%s,\"result\":{}}", asked);
	ck_has(hear(&r, &r.server), "\"id\":1,\"result\"");
	ck_assert(!ask_call(&r, a, 4, "tools/call", id));
	rig_done(&r);
}
END_TEST

START_TEST(a_call_that_waits_has_its_time_limit)
{
	struct rig r;
	char wire[64], id[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	pass(&r, 100);
	r.p.request_timeout_ms = 1000;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	say(&r, a, J "\"id\":5,\"method\":\"tools/call\"}"); /* keeps the turn */
	ck_has(hear(&r, &r.server), "tools/call");
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	pass(&r, 1000);
	ck_has(hear(&r, a), "request_timeout");
	ck_has(hear(&r, a), "request_timeout");
	const char *line = hear(&r, b);
	ck_has(line, "\"id\":1,\"error\":{\"code\":-32603,");
	ck_has(line, "other agents");
	ck_has(line, "\"retryable\":true");
	rig_done(&r);
}
END_TEST

START_TEST(what_waits_counts_as_queued)
{
	struct rig r;
	char wire[64];
	static char line[8 * 1024];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	memset(line, 'x', sizeof(line));
	int n = snprintf(line, sizeof(line),
			 J "\"id\":%d,\"method\":\"tools/call\",\"params\":{\"x\":\"", 100);
	line[n] = 'x';
	(void)strcpy(line + sizeof(line) - 4, "\"}}");
	for (int i = 0; i < 9; i++) {
		line[strlen(J "\"id\":") + 2] = (char)('0' + i);
		say(&r, b, line);
	}
	spin(&r);
	ck_assert(r.agent[1]->is_paused);
	ask_end(&r, wire);
	for (int i = 0; i < 9; i++)
		ck_has(hear(&r, &r.server), "tools/call");
	ck_assert(!r.agent[1]->is_paused);
	rig_done(&r);
}
END_TEST

START_TEST(what_waits_survives_the_process_and_goes_to_the_next)
{
	struct rig r;
	char wire[64], id[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING),
		   *c = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	ck_assert(!ask_call(&r, c, 1, "tools/call", id));
	rig_die(&r);
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32603,");
	ck_silent(&r, b);
	rig_up(&r);
	id_of(hear(&r, &r.server), wire);
	ck_silent(&r, &r.server);
	ask_end(&r, wire);
	id_of(hear(&r, &r.server), wire);
	ask_end(&r, wire);
	int n = 0;
	for (const char *line; (line = hear(&r, b)) || (line = hear(&r, c));)
		n += strstr(line, "\"id\":1,\"result\"") != NULL;
	ck_assert_int_eq(n, 2);
	rig_done(&r);
}
END_TEST

START_TEST(a_server_that_is_stopped_answers_what_waits)
{
	struct rig r;
	char wire[64], id[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	mux_set_gate(r.mux, MUX_REFUSE, "stopped by hand");
	ck_silent(&r, b);
	rig_die(&r);
	ck_has(hear(&r, b), "stopped by hand");
	ck_assert_ptr_null(r.mux->asks.held_first);
	rig_done(&r);
}
END_TEST

START_TEST(another_policy_lets_go_what_waits)
{
	struct rig r;
	char wire[64], id[64];
	turn_start(&r);
	struct end *a = ask_client(&r, SAMPLING), *b = ask_client(&r, SAMPLING);
	ck_assert(ask_call(&r, a, 1, "tools/call", wire));
	ck_assert(!ask_call(&r, b, 1, "tools/call", id));
	r.p.ask_policy = MUX_ASK_NEWEST;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_has(hear(&r, &r.server), "tools/call");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_ask_turn(void);
Suite *suite_stdio_ask_turn(void)
{
	Suite *s = suite_create("stdio_ask_turn");
	TCase *c = tcase_create("all");
	tcase_add_test(c, calls_of_one_agent_wait_for_those_of_another);
	tcase_add_test(c, nobody_waits_where_nobody_could_be_mistaken);
	tcase_add_test(c, what_else_an_agent_says_passes_by);
	tcase_add_test(c, tools_that_only_read_do_not_wait);
	tcase_add_test(c, however_a_call_ends_the_next_one_goes);
	tcase_add_test(c, a_late_answer_to_a_call_taken_back_passes_the_turn);
	tcase_add_test(c, a_call_that_waits_can_be_taken_back_and_leaves_no_trace);
	tcase_add_test(c, who_came_first_goes_first_and_no_agent_keeps_the_turn);
	tcase_add_test(c, what_an_agent_calls_to_answer_does_not_wait);
	tcase_add_test(c, a_call_that_waits_has_its_time_limit);
	tcase_add_test(c, what_waits_counts_as_queued);
	tcase_add_test(c, what_waits_survives_the_process_and_goes_to_the_next);
	tcase_add_test(c, a_server_that_is_stopped_answers_what_waits);
	tcase_add_test(c, another_policy_lets_go_what_waits);
	suite_add_tcase(s, c);
	return s;
}
