/* SPDX-License-Identifier: MIT */
#include "stdio/chan.h"
#include "stdio/mux_priv.h"
#include "tests/unit/mux_rig.h"

START_TEST(progress_goes_to_its_agent_with_its_own_token)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r), *c = rig_client(&r);
	char ia[64], ib[64], ic[64], want[300];
	static const char call[] = J
		"\"id\":1,\"method\":\"tools/call\",\"params\":{\"_meta\":{\"progressToken\":%s}}}";
	static const char progress[] = J
		"\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%s,\"progress\":%d}}";
	sayf(&r, a, call, "1");
	const char *line = hear(&r, &r.server);
	id_of(line, ia);
	(void)snprintf(
		want, sizeof(want),
		J
		"\"id\":%s,\"method\":\"tools/call\",\"params\":{\"_meta\":{\"progressToken\":%s}}}",
		ia, ia);
	ck_assert_str_eq(line, want);
	sayf(&r, b, call, "\"1\"");
	id_of(hear(&r, &r.server), ib);
	sayf(&r, c, call, "1");
	id_of(hear(&r, &r.server), ic);
	sayf(&r, &r.server, progress, ic, 3);
	sayf(&r, &r.server, progress, ib, 2);
	sayf(&r, &r.server, progress, ia, 1);
	sayf(&r, &r.server, progress, "999", 1);
	sayf(&r, &r.server, progress, "\"x\"", 1);
	(void)snprintf(want, sizeof(want), progress, "1", 1);
	ck_hears(&r, a, want);
	ck_silent(&r, a);
	(void)snprintf(want, sizeof(want), progress, "\"1\"", 2);
	ck_hears(&r, b, want);
	(void)snprintf(want, sizeof(want), progress, "1", 3);
	ck_hears(&r, c, want);
	ck_silent(&r, c);
	rig_done(&r);
}
END_TEST

START_TEST(notifications_go_to_all_who_are_ready)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r), *c = rig_agent(&r, MUX_PIPES);
	static const char changed[] = J "\"method\":\"notifications/tools/list_changed\"}";
	static const char mine[] = J "\"method\":\"notifications/of/its/own\",\"params\":{ }}";
	say(&r, &r.server, changed);
	say(&r, &r.server, mine);
	say(&r, &r.server,
	    J "\"method\":\"notifications/tasks/status\",\"params\":{\"taskId\":\"t\"}}");
	for (int i = 0; i < 2; i++) {
		ck_hears(&r, i ? b : a, changed);
		ck_hears(&r, i ? b : a, mine);
		ck_silent(&r, i ? b : a);
	}
	ck_silent(&r, c);
	rig_done(&r);
}
END_TEST

START_TEST(a_servers_requests_are_answered_here)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, &r.server, J "\"id\":\"s1\",\"method\":\"ping\"}");
	ck_hears(&r, &r.server, J "\"id\":\"s1\",\"result\":{}}");
	say(&r, &r.server, J "\"id\":1,\"method\":\"roots/list\"}");
	ck_hears(&r, &r.server, J "\"id\":1,\"result\":{\"roots\":[]}}");
	static const char *const not_ours[] = { "sampling/createMessage", "elicitation/create",
						"x" };
	for (int i = 0; i < 3; i++) {
		sayf(&r, &r.server, J "\"id\":2,\"method\":\"%s\"}", not_ours[i]);
		ck_has(hear(&r, &r.server), "\"id\":2,\"error\":{\"code\":-32601");
	}
	say(&r, a, J "\"id\":1,\"result\":{}}"); /* nobody asked it */
	ck_silent(&r, &r.server);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(garbage_on_stdout_reaches_nobody_and_does_no_harm)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	const char *line = hear(&r, &r.server);
	say(&r, &r.server, "Server listening on stdio");
	say(&r, &r.server, "{\"level\":\"info\",\"msg\":\"started\"}");
	say(&r, &r.server, "[1,2]");
	say(&r, &r.server, J "\"id\":\"unknown\",\"result\":{}}");
	say(&r, &r.server, J "\"id\":null,\"error\":{\"code\":-32700,\"message\":\"?\"}}");
	say(&r, &r.server, J "\"id\":99999,\"result\":{}}");
	ck_silent(&r, a);
	answer(&r, line, "{}");
	ck_hears(&r, a, J "\"id\":1,\"result\":{}}");
	rig_done(&r);
}
END_TEST

START_TEST(an_answer_that_is_no_json_fails_its_call_at_once)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	char id[64];
	id_of(hear(&r, &r.server), id);
	sayf(&r, &r.server, J "\"id\":%s,\"method\":5}",
	     id); /* a request gone wrong has ids of its own */
	ck_silent(&r, a);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{\"x\":NaN}}", id);
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32603,");
	rig_done(&r);
}
END_TEST

static void say_big(struct rig *r, size_t n)
{
	char *big = malloc(n);
	memset(big, 'x', n);
	say_bytes(r, &r->server, big, n);
	say(r, &r->server, "");
	free(big);
}

START_TEST(an_answer_that_was_too_long_fails_its_call_when_it_is_known_whose_it_was)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	say(&r, a, J "\"id\":2,\"method\":\"tools/call\"}");
	char one[64], two[64];
	id_of(hear(&r, &r.server), one);
	id_of(hear(&r, &r.server), two);
	say_big(&r, (1 << 20) + 10);
	ck_silent(&r, a); /* either's */
	say(&r, a, J "\"id\":3,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}", two);
	ck_hears(&r, a, J "\"id\":2,\"result\":{}}");
	const char *line = hear(&r, a);
	ck_has(line, "\"id\":1,\"error\":{\"code\":-32603,");
	ck_has(line, "max_message");
	ck_silent(&r, a); /* 3 came later: not its */
	rig_done(&r);
}
END_TEST

START_TEST(lists_that_change_again_before_it_was_read_are_told_once)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	static char body[4096];
	memset(body, 'b', sizeof(body) - 1);
	while (chan_queued(r.agent[0]->chan) == 0) { /* until its socket is full */
		struct buf line = { 0 };
		buf_addf(&line, J "\"method\":\"x\",\"params\":{\"b\":\"%s\"}}", body);
		say(&r, &r.server, buf_str(&line));
		buf_done(&line);
		ck_has(hear(&r, b), "\"x\"");
	}
	static const char changed[] = J "\"method\":\"notifications/%s/list_changed\"}";
	static const char *const kinds[] = { "tools", "prompts", "tools", "tools", "prompts" };
	for (int round = 0; round < 2; round++) {
		int tools = 0, prompts = 0;
		for (int i = 0; i < 5; i++) {
			sayf(&r, &r.server, changed, kinds[i]);
			ck_has(hear(&r, b), kinds[i]); /* it reads: each comes */
		}
		for (const char *line; (line = hear(&r, a));) {
			tools += strstr(line, "tools/list_changed") != NULL;
			prompts += strstr(line, "prompts/list_changed") != NULL;
		}
		ck_assert_int_eq(tools, round == 0 ? 1 : 3);
		ck_assert_int_eq(prompts, round == 0 ? 1 : 2);
	}
	rig_done(&r);
}
END_TEST

/* --- slow readers -------------------------------------------------------------------------------- */

/* Answers of 4 KiB to as many calls of an agent that reads nothing. */
static void pour(struct rig *r, struct end *a, int n)
{
	static char body[4096];
	memset(body, 'b', sizeof(body) - 1);
	for (int i = 0; i < n && !r->gone; i++) {
		struct buf b = { 0 };
		char id[64];
		sayf(r, a, J "\"id\":%d,\"method\":\"m\"}", i);
		id_of(hear(r, &r->server), id);
		buf_addf(&b, J "\"id\":%s,\"result\":\"%s\"}", id, body);
		say(r, &r->server, buf_str(&b));
		buf_done(&b);
		spin(r);
	}
}

START_TEST(a_slow_reader_delays_nobody_and_loses_notifications_but_no_answer)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	enum { N = 150 }; /* 600 KiB: over what the socket holds and max_queue */
	pour(&r, a, N);
	static const char changed[] = J "\"method\":\"notifications/tools/list_changed\"}";
	say(&r, &r.server, changed);
	ck_hears(&r, b, changed);
	pass(&r, 29000);
	int answers = 0, others = 0;
	for (const char *line; (line = hear(&r, a));) {
		answers += strstr(line, "\"result\"") != NULL;
		others += strstr(line, "list_changed") != NULL;
	}
	ck_assert_int_eq(answers, N);
	ck_assert_int_eq(others, 0);
	say(&r, &r.server, changed);
	ck_hears(&r, a, changed);
	pass(&r, 60000);
	ck_assert_int_eq(r.gone, 0);
	rig_done(&r);
}
END_TEST

START_TEST(who_reads_nothing_for_thirty_seconds_loses_its_session)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":\"slow\",\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	pour(&r, a, 150);
	pass(&r, 29999);
	ck_assert_int_eq(r.gone, 0);
	pass(&r, 1);
	ck_assert_int_eq(r.gone, 1);
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	mux_agent_free(r.agent[0]);
	rig_done(&r);
}
END_TEST

START_TEST(who_has_too_much_waiting_loses_its_session_at_once)
{
	struct rig r;
	rig_init(&r);
	r.p.max_message = 8192;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	(void)a;
	pour(&r, a, 90);
	ck_assert_int_eq(r.gone, 1);
	rig_done(&r);
}
END_TEST

/* --- levels and subscriptions -------------------------------------------------------------------- */

START_TEST(the_most_verbose_level_is_asked_and_each_gets_what_it_asked_for)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	rig_greet(&r, "{\"logging\":{}}");
	struct end *a = rig_client(&r), *b = rig_client(&r), *c = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"debug\"}}");
	const char *line = hear(&r, &r.server);
	ck_has(line, "\"level\":\"debug\"");
	answer(&r, line, "{}");
	ck_hears(&r, a, J "\"id\":1,\"result\":{}}");
	say(&r, b, J "\"id\":1,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"error\"}}");
	line = hear(&r, &r.server);
	ck_has(line, "\"level\":\"debug\"");
	answer(&r, line, "{}");
	ck_hears(&r, b, J "\"id\":1,\"result\":{}}");
	static const char message[] =
		J "\"method\":\"notifications/message\",\"params\":{\"level\":\"%s\",\"data\":1}}";
	static const char *const levels[] = { "debug", "info", "error" };
	for (int i = 0; i < 3; i++)
		sayf(&r, &r.server, message, levels[i]);
	int n[3] = { 0 };
	for (int i = 0; i < 3; i++)
		while (hear(&r, &r.agents[i]))
			n[i]++;
	ck_assert_int_eq(n[0], 3);
	ck_assert_int_eq(n[1], 1);
	ck_assert_int_eq(n[2], 2); /* never asked: spared the debugging */
	(void)c;
	mux_agent_free(r.agent[0]);
	ck_has(hear(&r, &r.server), "\"params\":{\"level\":\"error\"}"); /* the next most verbose */
	rig_die(&r);
	rig_attach(&r);
	rig_greet(&r, "{\"logging\":{}}");
	ck_has(hear(&r, &r.server), "\"params\":{\"level\":\"error\"}"); /* told again */
	rig_done(&r);
}
END_TEST

#define RESOURCES "{\"resources\":{\"subscribe\":true}}"

START_TEST(a_resource_stays_subscribed_while_anybody_wants_it)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	rig_greet(&r, RESOURCES);
	struct end *a = rig_client(&r), *b = rig_client(&r), *c = rig_client(&r);
	static const char sub[] =
		J "\"id\":%d,\"method\":\"resources/%s\",\"params\":{\"uri\":\"%s\"}}";
	struct end *both[] = { a, b };
	for (int i = 0; i < 2; i++) {
		sayf(&r, both[i], sub, 1, "subscribe", "file:///a");
		const char *line = hear(&r, &r.server);
		ck_has(line, "resources/subscribe");
		answer(&r, line, "{}");
		ck_has(hear(&r, both[i]), "\"id\":1,\"result\"");
	}
	sayf(&r, a, sub, 2, "unsubscribe", "file:\\/\\/\\/a");
	ck_hears(&r, a, J "\"id\":2,\"result\":{}}");
	ck_silent(&r, &r.server);
	static const char part[] = J
		"\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"file:///a/b\"}}";
	say(&r, &r.server, part);
	ck_hears(&r, b, part);
	ck_silent(&r, a);
	ck_silent(&r, c);
	rig_die(&r);
	rig_attach(&r);
	rig_greet(&r, RESOURCES);
	const char *line = hear(&r, &r.server);
	ck_has(line, "resources/subscribe");
	ck_has(line, "{\"uri\":\"file:///a\"}");
	ck_has(hear(&r, b), "notifications/resources/list_changed");
	ck_has(hear(&r, b), "notifications/resources/updated\",\"params\":{\"uri\":\"file:///a\"}");
	sayf(&r, b, sub, 3, "unsubscribe", "file:///a");
	ck_has(hear(&r, &r.server), "resources/unsubscribe");
	sayf(&r, b, sub, 4, "subscribe", "x:y");
	ck_has(hear(&r, &r.server), "x:y");
	mux_agent_free(r.agent[1]);
	for (int i = 0; i < 2; i++)
		ck_has(hear(&r, &r.server), "notifications/cancelled");
	ck_has(hear(&r, &r.server), "resources/unsubscribe\",\"params\":{\"uri\":\"x:y\"}");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_down(void);
Suite *suite_stdio_mux_down(void)
{
	Suite *s = suite_create("stdio_mux_down");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, progress_goes_to_its_agent_with_its_own_token);
	tcase_add_test(t, notifications_go_to_all_who_are_ready);
	tcase_add_test(t, a_servers_requests_are_answered_here);
	tcase_add_test(t, garbage_on_stdout_reaches_nobody_and_does_no_harm);
	tcase_add_test(t, an_answer_that_is_no_json_fails_its_call_at_once);
	tcase_add_test(t, an_answer_that_was_too_long_fails_its_call_when_it_is_known_whose_it_was);
	tcase_add_test(t, lists_that_change_again_before_it_was_read_are_told_once);
	tcase_add_test(t, a_slow_reader_delays_nobody_and_loses_notifications_but_no_answer);
	tcase_add_test(t, who_reads_nothing_for_thirty_seconds_loses_its_session);
	tcase_add_test(t, who_has_too_much_waiting_loses_its_session_at_once);
	tcase_add_test(t, the_most_verbose_level_is_asked_and_each_gets_what_it_asked_for);
	tcase_add_test(t, a_resource_stays_subscribed_while_anybody_wants_it);
	suite_add_tcase(s, t);
	return s;
}
