/* SPDX-License-Identifier: MIT */
/* The mux of one agent: the process is greeted as the agent greets, and asks the agent. */
#include "tests/unit/mux_rig.h"

#define PARAMS(caps)                                                                               \
	"{\"protocolVersion\":\"2025-06-18\", \"capabilities\":" caps                              \
	",\"clientInfo\":{\"name\":\"mine\",\"version\":\"7\"}}"
#define HELLO(caps)  J "\"id\":\"i\",\"method\":\"initialize\",\"params\":" PARAMS(caps) "}"
#define INITIALIZED  J "\"method\":\"notifications/initialized\"}"
#define ASK_ROOTS    J "\"id\":\"s1\",\"method\":\"roots/list\"}"
#define ANSWER_ROOTS J "\"id\":\"s1\",\"result\":{\"roots\":[ {} ]}}"
#define GONE	     J "\"id\":\"s1\",\"error\":{\"code\":-32603,\"message\":\"The client has gone\"}}"

static void open_private(struct rig *r)
{
	rig_init(r);
	r->p.is_private = true;
	rig_start(r);
	mux_set_gate(r->mux, MUX_ASLEEP, "asleep");
}

/* The process is there and answers; what it was greeted with is what it should be. */
static void begin(struct rig *r, const char *params)
{
	rig_attach(r);
	const char *line = hear(r, &r->server);
	ck_has(line, "\"method\":\"initialize\"");
	ck_has(line, params);
	answer(r, line,
	       "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"prompts\":{}},\"serverInfo\":{\"name\":"
	       "\"f\",\"version\":\"1\"}}");
	ck_hears(r, &r->server, INITIALIZED);
	spin(r);
}

/* The agent's session, its process greeted with the same. */
static struct end *session(struct rig *r)
{
	struct end *a = rig_agent(r, MUX_SOCKET);
	say(r, a, HELLO("{\"roots\":{}}"));
	spin(r);
	if (!mux_is_attached(r->mux))
		begin(r, PARAMS("{\"roots\":{}}"));
	ck_has(hear(r, a), J "\"id\":\"i\",\"result\":{\"protocolVersion\":\"2025-06-18\"");
	say(r, a, INITIALIZED);
	spin(r);
	return a;
}

/* The client closes; so does its session. */
static void leave(struct rig *r, struct end *a)
{
	close(a->fd);
	a->fd = -1;
	spin(r);
}

/* The rest of what the server hears, until its stdin is closed. */
static void ck_is_closed(struct rig *r)
{
	char byte;
	ck_silent(r, &r->server);
	ck_assert_int_eq(recv(r->server.fd, &byte, 1, MSG_DONTWAIT), 0);
}

/* --- the greeting ------------------------------------------------------------------------------ */

START_TEST(the_process_is_greeted_as_the_agent_greets)
{
	struct rig r;
	open_private(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, HELLO("{\"sampling\":{\"x\" : 1e400}}"));
	spin(&r);
	ck_assert_int_eq(r.wanted, 1);
	ck_silent(&r, a); /* not before the process has spoken */
	begin(&r, "\"params\":" PARAMS("{\"sampling\":{\"x\" : 1e400}}") "}");
	ck_has(hear(&r, a), J "\"id\":\"i\",\"result\":{\"protocolVersion\":\"2025-06-18\"");
	ck_assert_str_eq(r.protocol, "2025-06-18");
	ck_assert_int_eq(r.ready, 1);
	rig_done(&r);
}
END_TEST

START_TEST(as_long_as_no_agent_has_greeted_the_greeting_is_ours)
{
	struct rig r;
	open_private(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":1,\"method\":\"prompts/list\"}");
	spin(&r);
	begin(&r, "\"capabilities\":{},\"clientInfo\":{\"name\":\"mcpinit\"");
	answer(&r, hear(&r, &r.server), "{}");
	ck_hears(&r, a, J "\"id\":1,\"result\":{}}");
	say(&r, &r.server, ASK_ROOTS);
	ck_hears(&r, &r.server, J "\"id\":\"s1\",\"result\":{\"roots\":[]}}");
	say(&r, &r.server, J "\"id\":2,\"method\":\"sampling/createMessage\"}");
	ck_has(hear(&r, &r.server), "\"code\":-32601");
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(what_means_something_on_our_wire_is_changed)
{
	struct rig r;
	rig_init(&r);
	r.p.is_private = true;
	r.p.protocol = "2025-03-26";
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a,
	    J "\"id\":1,\"method\":\"initialize\",\"params\":{\"_meta\":{\"progressToken\":1},"
	      "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{}}}");
	spin(&r);
	begin(&r, "\"params\":{\"_meta\":{\"progressToken\":-1},\"protocolVersion\":\"2025-03-26\","
		  "\"capabilities\":{}}}");
	rig_done(&r);
}
END_TEST

START_TEST(after_a_crash_the_next_process_is_greeted_alike)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	rig_die(&r);
	ck_has(hear(&r, a), "\"id\":1,\"error\"");
	say(&r, a, J "\"id\":2,\"method\":\"tools/call\"}");
	spin(&r);
	begin(&r, PARAMS("{\"roots\":{}}"));
	ck_has(hear(&r, &r.server), "tools/call");
	ck_has(hear(&r, a), "prompts/list_changed");
	rig_done(&r);
}
END_TEST

START_TEST(the_same_client_again_shares_the_process)
{
	struct rig r;
	open_private(&r);
	leave(&r, session(&r));
	struct end *a = session(&r), *b = session(&r);
	ck_assert_int_eq(r.renewed, 0);
	ck_assert_uint_eq(mux_generation(r.mux), 1);
	ck_silent(&r, &r.server);
	say(&r, a, J "\"id\":1,\"method\":\"prompts/list\"}");
	answer(&r, hear(&r, &r.server), "{\"of\":\"a\"}");
	ck_hears(&r, a, J "\"id\":1,\"result\":{\"of\":\"a\"}}");
	ck_silent(&r, b);
	rig_done(&r);
}
END_TEST

START_TEST(another_client_is_greeted_by_a_process_of_its_own)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r), *b = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	ck_assert_int_eq(shutdown(a->fd, SHUT_WR), 0); /* it has a second for its answer */
	spin(&r);
	say(&r, b, HELLO("{}"));
	say(&r, b, J "\"id\":2,\"method\":\"prompts/list\"}");
	spin(&r);
	ck_assert_int_eq(r.renewed, 1);
	ck_is_closed(&r); /* nothing of it reaches the old one */
	ck_assert(!mux_is_ready(r.mux));
	rig_die(&r);
	ck_silent(&r, b); /* it waits */
	begin(&r, PARAMS("{}"));
	ck_has(hear(&r, b), "\"id\":\"i\",\"result\"");
	answer(&r, hear(&r, &r.server), "{}");
	ck_hears(&r, b, J "\"id\":2,\"result\":{}}");
	ck_assert_int_eq(r.renewed, 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_client_that_comes_while_it_sleeps_is_not_answered_by_what_another_was_told)
{
	struct rig r;
	open_private(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET), *b = rig_agent(&r, MUX_SOCKET);
	say(&r, a, HELLO("{\"roots\":{}}"));
	spin(&r);
	rig_up(&r);
	leave(&r, a);
	rig_die(&r);
	r.wanted = 0;
	say(&r, b, HELLO("{}"));
	say(&r, b, J "\"id\":1,\"method\":\"tools/list\"}");
	ck_silent(&r, b);
	ck_assert_int_eq(r.wanted, 1);
	ck_assert_int_eq(r.renewed, 0);
	begin(&r, PARAMS("{}"));
	ck_has(hear(&r, b), "\"id\":\"i\",\"result\"");
	rig_done(&r);
}
END_TEST

START_TEST(beside_a_session_under_way_another_client_shares_its_process)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r), *b = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	say(&r, b, HELLO("{}"));
	ck_has(hear(&r, b), "\"id\":\"i\",\"result\"");
	ck_assert_int_eq(r.renewed, 0);
	ck_silent(&r, a);
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(a_greeting_that_is_refused_is_refused_to_the_agent)
{
	struct rig r;
	char id[64];
	open_private(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, HELLO("[]"));
	spin(&r);
	rig_attach(&r);
	sayf(&r, &r.server,
	     J "\"id\":%s,\"error\":{\"code\":-32602,\"message\":\"no such thing\"}}",
	     id_of(hear(&r, &r.server), id));
	ck_hears(&r, a,
		 J "\"id\":\"i\",\"error\":{\"code\":-32602,\"message\":\"no such thing\"}}");
	ck_assert_int_eq(r.refused, 1);
	rig_die(&r);
	begin(&r, "\"capabilities\":{},\"clientInfo\":{\"name\":\"mcpinit\"");
	rig_done(&r);
}
END_TEST

START_TEST(a_greeting_out_of_all_measure_is_not_kept)
{
	struct rig r;
	open_private(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	static char line[71000];
	(void)snprintf(line, sizeof(line),
		       J "\"id\":1,\"method\":\"initialize\",\"params\":{\"x\":\"%070000d\"}}", 1);
	say(&r, a, line);
	spin(&r);
	begin(&r, "\"capabilities\":{},\"clientInfo\":{\"name\":\"mcpinit\"");
	ck_has(hear(&r, a), "\"id\":1,\"result\"");
	rig_done(&r);
}
END_TEST

/* --- what the process asks ---------------------------------------------------------------------- */

START_TEST(what_the_process_asks_and_the_answer_go_as_they_stand)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r);
	say(&r, &r.server, ASK_ROOTS);
	ck_hears(&r, a, ASK_ROOTS);
	say(&r, &r.server,
	    J "\"id\":1,\"method\":\"what/ever\",\"params\":{\"_meta\":{\"progressToken\":1}}}");
	ck_has(hear(&r, a), "what/ever");
	say(&r, a,
	    J
	    "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":1}}");
	ck_has(hear(&r, &r.server), "notifications/progress");
	say(&r, a, J "\"id\":1,\"error\":{\"code\":-1,\"message\":\"no\"}}");
	ck_hears(&r, &r.server, J "\"id\":1,\"error\":{\"code\":-1,\"message\":\"no\"}}");
	say(&r, a, ANSWER_ROOTS);
	ck_hears(&r, &r.server, ANSWER_ROOTS);
	say(&r, a, ANSWER_ROOTS); /* once */
	ck_silent(&r, &r.server);
	say(&r, a, J "\"method\":\"notifications/roots/list_changed\"}");
	ck_has(hear(&r, &r.server), "roots/list_changed");
	say(&r, &r.server, J "\"method\":\"notifications/elicitation/complete\",\"params\":{}}");
	ck_has(hear(&r, a), "elicitation/complete");
	rig_done(&r);
}
END_TEST

START_TEST(it_is_not_asked_before_it_has_said_initialized)
{
	struct rig r;
	open_private(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, HELLO("{\"roots\":{}}"));
	spin(&r);
	begin(&r, PARAMS("{\"roots\":{}}"));
	say(&r, &r.server, ASK_ROOTS);
	ck_has(hear(&r, a), "\"id\":\"i\",\"result\"");
	ck_silent(&r, a);
	ck_silent(&r, &r.server);
	say(&r, a, INITIALIZED);
	ck_hears(&r, a, ASK_ROOTS);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(one_that_never_says_it_is_asked_when_it_waits_for_an_answer)
{
	struct rig r;
	open_private(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, HELLO("{}"));
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	spin(&r);
	begin(&r, PARAMS("{}"));
	ck_has(hear(&r, a), "\"id\":\"i\",\"result\"");
	ck_has(hear(&r, &r.server), "tools/call");
	say(&r, &r.server, ASK_ROOTS);
	ck_hears(&r, a, ASK_ROOTS);
	rig_done(&r);
}
END_TEST

START_TEST(of_two_sessions_the_one_at_work_is_asked)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r), *b = session(&r);
	say(&r, &r.server, ASK_ROOTS);
	ck_hears(&r, a, ASK_ROOTS);
	say(&r, b, ANSWER_ROOTS); /* it was not asked */
	ck_silent(&r, &r.server);
	say(&r, b, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	say(&r, &r.server, J "\"id\":2,\"method\":\"elicitation/create\"}");
	ck_has(hear(&r, b), "elicitation/create");
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(a_question_ends_with_the_session_that_was_asked)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r);
	say(&r, &r.server, ASK_ROOTS);
	ck_hears(&r, a, ASK_ROOTS);
	leave(&r, a);
	ck_hears(&r, &r.server, GONE);
	a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, HELLO("{\"roots\":{}}"));
	ck_has(hear(&r, a), "\"result\"");
	say(&r, &r.server, ASK_ROOTS); /* it waits for initialized */
	ck_silent(&r, a);
	leave(&r, a);
	ck_hears(&r, &r.server, GONE);
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(a_question_ends_with_the_process_that_asked)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r);
	say(&r, &r.server, ASK_ROOTS);
	ck_hears(&r, a, ASK_ROOTS);
	rig_die(&r);
	begin(&r, PARAMS("{\"roots\":{}}"));
	say(&r, a, ANSWER_ROOTS); /* the next process asked nothing */
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(a_question_can_be_taken_back)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r);
	static const char cancelled[] =
		J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"s1\"}}";
	say(&r, &r.server, ASK_ROOTS);
	ck_hears(&r, a, ASK_ROOTS);
	say(&r, &r.server, cancelled);
	ck_hears(&r, a, cancelled);
	say(&r, &r.server, cancelled);
	ck_silent(&r, a);
	say(&r, a, ANSWER_ROOTS);
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(more_questions_than_anybody_answers_are_refused)
{
	struct rig r;
	open_private(&r);
	struct end *a = session(&r);
	for (int i = 0; i < 256; i++)
		sayf(&r, &r.server, J "\"id\":%d,\"method\":\"elicitation/create\"}", i);
	for (int i = 0; i < 256; i++)
		ck_has(hear(&r, a), "elicitation/create");
	ck_silent(&r, &r.server);
	say(&r, &r.server, J "\"id\":256,\"method\":\"elicitation/create\"}");
	ck_has(hear(&r, &r.server), "\"id\":256,\"error\"");
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

/* --- nobody there ------------------------------------------------------------------------------- */

START_TEST(when_its_agent_has_gone_it_is_idle_after_linger)
{
	struct rig r;
	open_private(&r); /* no idle_timeout */
	struct end *a = session(&r), *b = session(&r);
	leave(&r, a);
	pass(&r, 61000);
	ck_assert_int_eq(r.idle, 0); /* one is there */
	leave(&r, b);
	pass(&r, 59000);
	ck_assert_int_eq(r.idle, 0);
	a = session(&r); /* it comes back in time */
	pass(&r, 2000);
	ck_assert_int_eq(r.idle, 0);
	leave(&r, a);
	pass(&r, 60001);
	ck_assert_int_eq(r.idle, 1);
	(void)session(&r);
	mux_agent_free(r.agent[r.n_agents - 1]); /* so it does when it is removed */
	pass(&r, 60001);
	ck_assert_int_eq(r.idle, 2);
	rig_done(&r);
}
END_TEST

START_TEST(while_its_agent_is_there_idle_timeout_counts)
{
	struct rig r;
	rig_init(&r);
	r.p.is_private = true;
	r.p.idle_timeout_ms = 100000;
	rig_start(&r);
	struct end *a = session(&r);
	pass(&r, 99000);
	ck_assert_int_eq(r.idle, 0);
	say(&r, a, INITIALIZED);
	pass(&r, 2000);
	ck_assert_int_eq(r.idle, 0);
	pass(&r, 100000);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(started_for_nobody_it_is_idle_after_linger)
{
	struct rig r;
	open_private(&r);
	begin(&r, "\"name\":\"mcpinit\"");
	pass(&r, 60001);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_private(void);
Suite *suite_stdio_mux_private(void)
{
	Suite *s = suite_create("stdio_mux_private");
	TCase *c = tcase_create("all");
	tcase_add_test(c, the_process_is_greeted_as_the_agent_greets);
	tcase_add_test(c, as_long_as_no_agent_has_greeted_the_greeting_is_ours);
	tcase_add_test(c, what_means_something_on_our_wire_is_changed);
	tcase_add_test(c, after_a_crash_the_next_process_is_greeted_alike);
	tcase_add_test(c, the_same_client_again_shares_the_process);
	tcase_add_test(c, another_client_is_greeted_by_a_process_of_its_own);
	tcase_add_test(
		c, a_client_that_comes_while_it_sleeps_is_not_answered_by_what_another_was_told);
	tcase_add_test(c, beside_a_session_under_way_another_client_shares_its_process);
	tcase_add_test(c, a_greeting_that_is_refused_is_refused_to_the_agent);
	tcase_add_test(c, a_greeting_out_of_all_measure_is_not_kept);
	tcase_add_test(c, what_the_process_asks_and_the_answer_go_as_they_stand);
	tcase_add_test(c, it_is_not_asked_before_it_has_said_initialized);
	tcase_add_test(c, one_that_never_says_it_is_asked_when_it_waits_for_an_answer);
	tcase_add_test(c, of_two_sessions_the_one_at_work_is_asked);
	tcase_add_test(c, a_question_ends_with_the_session_that_was_asked);
	tcase_add_test(c, a_question_ends_with_the_process_that_asked);
	tcase_add_test(c, a_question_can_be_taken_back);
	tcase_add_test(c, more_questions_than_anybody_answers_are_refused);
	tcase_add_test(c, when_its_agent_has_gone_it_is_idle_after_linger);
	tcase_add_test(c, while_its_agent_is_there_idle_timeout_counts);
	tcase_add_test(c, started_for_nobody_it_is_idle_after_linger);
	suite_add_tcase(s, c);
	return s;
}
