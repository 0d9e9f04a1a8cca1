/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_rig.h"

enum { IDLE_MS = 300 * 1000 };

#define CAPS_ALL "{\"tools\":{},\"resources\":{\"subscribe\":true},\"logging\":{}}"
#define LIST(id) J "\"id\":" id ",\"method\":\"tools/list\"}"

static void begin(struct rig *r)
{
	rig_init(r);
	r->p.idle_timeout_ms = IDLE_MS;
	rig_start(r);
}

/* Up, and this was the answer to our tools/list; %s is the id. */
static void up_with(struct rig *r, const char *answer_fmt)
{
	char id[64], line[1024];
	rig_attach(r);
	answer(r, hear(r, &r->server),
	       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":" CAPS_ALL
	       ",\"serverInfo\":{\"name\":\"fake\",\"version\":\"1\"}}");
	ck_has(hear(r, &r->server), "notifications/initialized");
	const char *asked = hear(r, &r->server);
	ck_has(asked, "tools/list");
	const char *at = strstr(answer_fmt, "%s");
	(void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - answer_fmt), answer_fmt,
		       id_of(asked, id), at + 2);
	say(r, &r->server, line);
	spin(r);
}

static const char kept[] =
	"{ \"result\" : {\"tools\":[ {\"name\":\"\\u0061\"}], \"x\":1e0},\"id\": %s ,\"jsonrpc\":\"2.0\"}";

static void up(struct rig *r)
{
	up_with(r, kept);
	ck_assert_int_eq(r->ready, 1);
}

static void sleep_now(struct rig *r)
{
	mux_set_gate(r->mux, MUX_ASLEEP, "asleep");
	mux_close_stdin(r->mux);
	mux_detach(r->mux, &(struct mux_death){ .reason = "idle" });
	spin(r);
	ck_assert_int_eq(r->wanted, 0);
}

/* --- idle ------------------------------------------------------------------------------------ */

START_TEST(idle_is_told_once_when_nobody_used_it_for_so_long)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	pass(&r, IDLE_MS - 1);
	ck_assert_int_eq(r.idle, 0);
	pass(&r, 1);
	ck_assert_int_eq(r.idle, 1);
	pass(&r, 10L * IDLE_MS);
	ck_assert_int_eq(r.idle, 1);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(without_a_timeout_it_is_never_told)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	pass(&r, 1000L * IDLE_MS);
	ck_assert_int_eq(r.idle, 0);
	rig_done(&r);
}
END_TEST

START_TEST(a_message_either_way_puts_it_off)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	pass(&r, IDLE_MS - 1000);
	say(&r, a, J "\"method\":\"notifications/x\"}");
	ck_has(hear(&r, &r.server), "notifications/x");
	pass(&r, IDLE_MS - 1);
	ck_assert_int_eq(r.idle, 0);
	say(&r, &r.server,
	    J "\"method\":\"notifications/message\",\"params\":{\"level\":\"alert\"}}");
	ck_has(hear(&r, a), "alert");
	pass(&r, IDLE_MS - 1);
	ck_assert_int_eq(r.idle, 0);
	pass(&r, 1);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(what_needs_no_server_does_not_put_it_off)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	pass(&r, IDLE_MS - 1000);
	say(&r, a, J "\"id\":1,\"method\":\"ping\"}");
	ck_has(hear(&r, a), "\"result\":{}");
	struct end *pipes = rig_agent(&r, MUX_PIPES); /* somebody comes, and says nothing */
	say_bytes(&r, pipes, "{\"half", 6);
	pass(&r, 1000);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_call_in_flight_keeps_it_and_its_answer_begins_the_time)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	char line[256];
	(void)snprintf(line, sizeof(line), "%s", hear(&r, &r.server));
	pass(&r, 3L * IDLE_MS);
	ck_assert_int_eq(r.idle, 0);
	answer(&r, line, "{}");
	ck_has(hear(&r, a), "\"id\":1");
	pass(&r, IDLE_MS - 1);
	ck_assert_int_eq(r.idle, 0);
	pass(&r, 1);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_call_that_its_agent_leaves_behind_keeps_nothing)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	pass(&r, 2L * IDLE_MS);
	mux_agent_free(r.agent[0]);
	pass(&r, IDLE_MS - 1);
	ck_assert_int_eq(r.idle, 0);
	pass(&r, 1);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_subscription_keeps_it_until_its_agent_has_gone)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"a:b\"}}");
	answer(&r, hear(&r, &r.server), "{}");
	ck_has(hear(&r, a), "\"id\":1");
	pass(&r, 3L * IDLE_MS);
	ck_assert_int_eq(r.idle, 0);
	mux_agent_free(r.agent[0]);
	pass(&r, 2L * IDLE_MS);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_listener_keeps_it)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"subscriptions/listen\"}");
	char line[256];
	(void)snprintf(line, sizeof(line), "%s", hear(&r, &r.server));
	pass(&r, 3L * IDLE_MS);
	ck_assert_int_eq(r.idle, 0);
	answer(&r, line, "{}");
	pass(&r, 2L * IDLE_MS);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

static void ignore(void *ctx, const char *line, size_t len, const struct err *e)
{
	(void)ctx, (void)line, (void)len, (void)e;
}

START_TEST(a_probe_keeps_nothing_but_a_question_of_ours_does)
{
	struct rig r;
	begin(&r);
	up(&r);
	pass(&r, IDLE_MS - 1);
	struct mux_ask *probe = mux_probe(r.mux, "ping", ignore, NULL, NULL);
	ck_assert_ptr_nonnull(probe);
	pass(&r, 1);
	ck_assert_int_eq(r.idle, 1);
	mux_ask_cancel(probe);
	rig_die(&r);
	up_with(&r, kept);
	struct mux_ask *ask = mux_ask(r.mux, "tools/call", "{}", ignore, NULL, NULL);
	ck_assert_ptr_nonnull(ask);
	pass(&r, 3L * IDLE_MS);
	ck_assert_int_eq(r.idle, 1);
	mux_ask_cancel(ask);
	pass(&r, 2L * IDLE_MS);
	ck_assert_int_eq(r.idle, 2);
	rig_done(&r);
}
END_TEST

/* --- woken ------------------------------------------------------------------------------------ */

START_TEST(a_message_while_it_goes_for_being_idle_wakes_it_again)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	mux_close_stdin(r.mux);
	mux_set_gate(r.mux, MUX_ASLEEP, "asleep");
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	spin(&r);
	ck_assert_int_eq(r.wanted, 1);
	mux_set_gate(r.mux, MUX_PARK, "stopping");
	rig_die(&r);
	up_with(&r, kept);
	answer(&r, hear(&r, &r.server), "{\"late\":1}");
	const char *line;
	while ((line = hear(&r, a)) && strstr(line, "list_changed"))
		;
	ck_has(line, J "\"id\":1,\"result\":{\"late\":1}}");
	rig_done(&r);
}
END_TEST

/* --- the list of tools --------------------------------------------------------------------------- */

START_TEST(asleep_the_list_is_answered_as_the_server_wrote_it)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r), *b = rig_agent(&r, MUX_PIPES);
	sleep_now(&r);
	say(&r, a, LIST("\"\\u0078\""));
	ck_hears(&r, a,
		 "{ \"result\" : {\"tools\":[ {\"name\":\"\\u0061\"}], \"x\":1e0},\"id\": "
		 "\"\\u0078\" ,\"jsonrpc\":\"2.0\"}");
	say(&r, b, J "\"id\":7,\"method\":\"tools/list\",\"params\":{ }}");
	ck_has(hear(&r, b), "\"id\": 7 ,");
	say(&r, b, J "\"id\":8,\"method\":\"initialize\",\"params\":{}}");
	ck_has(hear(&r, b), "\"name\":\"fake\"");
	ck_assert_int_eq(r.wanted, 0);
	rig_done(&r);
}
END_TEST

START_TEST(awake_the_list_is_the_servers_to_answer)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, LIST("1"));
	ck_has(hear(&r, &r.server), "tools/list");
	rig_done(&r);
}
END_TEST

START_TEST(a_list_asked_for_in_another_way_wakes_it)
{
	static const char *const params[] = {
		"{\"cursor\":\"1\"}",
		"{\"cursor\":null}",
		"{\"_meta\":{\"progressToken\":1}}",
		" { \"x\":1}",
	};
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		struct rig r;
		begin(&r);
		up(&r);
		struct end *a = rig_client(&r);
		sleep_now(&r);
		sayf(&r, a, J "\"id\":1,\"method\":\"tools/list\",\"params\":%s}", params[i]);
		ck_silent(&r, a);
		ck_assert_int_eq(r.wanted, 1);
		rig_done(&r);
	}
}
END_TEST

static void ck_forgotten(struct rig *r, struct end *a)
{
	sleep_now(r);
	say(r, a, LIST("9"));
	const char *line;
	while ((line = hear(r, a)) && strstr(line, "list_changed"))
		;
	ck_assert_msg(line == NULL, "answered: %s", line ? line : "");
	ck_assert_int_eq(r->wanted, 1);
	rig_done(r);
}

START_TEST(list_changed_forgets_the_list)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	say(&r, &r.server, J "\"method\":\"notifications/tools/list_changed\"}");
	ck_has(hear(&r, a), "tools/list_changed");
	ck_forgotten(&r, a);
}
END_TEST

START_TEST(another_list_that_changed_does_not)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	say(&r, &r.server, J "\"method\":\"notifications/prompts/list_changed\"}");
	ck_has(hear(&r, a), "prompts");
	sleep_now(&r);
	say(&r, a, LIST("1"));
	ck_has(hear(&r, a), "\"tools\"");
	rig_done(&r);
}
END_TEST

/* An agent asks while it is up, and is told this. */
static struct end *ask_awake(struct rig *r, const char *answer_fmt)
{
	char id[64];
	struct end *a = rig_client(r);
	say(r, a, LIST("5"));
	id_of(hear(r, &r->server), id);
	char line[512];
	const char *at = strstr(answer_fmt, "%s");
	(void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - answer_fmt), answer_fmt, id,
		       at + 2);
	say(r, &r->server, line);
	ck_assert_ptr_nonnull(hear(r, a));
	return a;
}

START_TEST(an_agent_that_was_told_otherwise_forgets_it)
{
	struct rig r;
	begin(&r);
	up(&r);
	ck_forgotten(&r, ask_awake(&r, "{ \"result\" : {\"tools\":[ {\"name\":\"\\u0062\"}], "
				       "\"x\":1e0},\"id\": %s ,\"jsonrpc\":\"2.0\"}"));
}
END_TEST

START_TEST(an_agent_that_was_told_the_same_keeps_it)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = ask_awake(&r, kept);
	sleep_now(&r);
	say(&r, a, LIST("1"));
	ck_has(hear(&r, a), "\"id\": 1 ,");
	rig_done(&r);
}
END_TEST

START_TEST(a_list_of_several_pages_is_not_kept)
{
	struct rig r;
	begin(&r);
	up_with(&r, J "\"id\":%s,\"result\":{\"tools\":[],\"nextCursor\":\"2\"}}");
	answer(&r, hear(&r, &r.server), "{\"tools\":[{\"name\":\"z\"}]}");
	spin(&r);
	ck_assert_int_eq(r.tools, 1);
	ck_forgotten(&r, rig_client(&r));
}
END_TEST

START_TEST(a_list_that_is_too_long_is_not_kept)
{
	struct rig r;
	begin(&r);
	rig_attach(&r);
	answer(&r, hear(&r, &r.server),
	       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}}}");
	ck_has(hear(&r, &r.server), "initialized");
	char id[64], head[128];
	(void)snprintf(head, sizeof(head), J "\"id\":%s,\"result\":{\"tools\":[],\"x\":\"",
		       id_of(hear(&r, &r.server), id));
	enum { BIG = 300 * 1024 };
	char *big = malloc(BIG);
	ck_assert_ptr_nonnull(big);
	memset(big, 'x', BIG);
	say_bytes(&r, &r.server, head, strlen(head));
	say_bytes(&r, &r.server, big, BIG);
	say(&r, &r.server, "\"}}");
	free(big);
	spin(&r);
	ck_assert_int_eq(r.ready, 1);
	ck_forgotten(&r, rig_client(&r));
}
END_TEST

START_TEST(a_changed_file_forgets_it)
{
	struct rig r;
	begin(&r);
	up(&r);
	struct end *a = rig_client(&r);
	mux_forget_tools(r.mux);
	ck_forgotten(&r, a);
}
END_TEST

START_TEST(another_process_brings_its_own_list)
{
	struct rig r;
	begin(&r);
	up(&r);
	rig_die(&r);
	up_with(&r, J "\"id\":%s,\"result\":{\"tools\":[{\"name\":\"new\"}]}}");
	struct end *a = rig_client(&r);
	sleep_now(&r);
	say(&r, a, LIST("1"));
	ck_hears(&r, a, J "\"id\":1,\"result\":{\"tools\":[{\"name\":\"new\"}]}}");
	rig_done(&r);
}
END_TEST

START_TEST(in_the_modern_era_no_list_is_kept)
{
	struct rig r;
	rig_init(&r);
	r.p.idle_timeout_ms = IDLE_MS;
	r.p.protocol = "2026-07-28";
	rig_start(&r);
	rig_attach(&r);
	answer(&r, hear(&r, &r.server),
	       "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}}}");
	answer(&r, hear(&r, &r.server), "{\"tools\":[]}");
	spin(&r);
	ck_assert_int_eq(r.ready, 1);
	ck_forgotten(&r, rig_agent(&r, MUX_PIPES));
}
END_TEST

Suite *suite_stdio_mux_rest(void);
Suite *suite_stdio_mux_rest(void)
{
	Suite *s = suite_create("stdio_mux_rest");
	TCase *c = tcase_create("idle");
	tcase_add_test(c, idle_is_told_once_when_nobody_used_it_for_so_long);
	tcase_add_test(c, without_a_timeout_it_is_never_told);
	tcase_add_test(c, a_message_either_way_puts_it_off);
	tcase_add_test(c, what_needs_no_server_does_not_put_it_off);
	tcase_add_test(c, a_call_in_flight_keeps_it_and_its_answer_begins_the_time);
	tcase_add_test(c, a_call_that_its_agent_leaves_behind_keeps_nothing);
	tcase_add_test(c, a_subscription_keeps_it_until_its_agent_has_gone);
	tcase_add_test(c, a_listener_keeps_it);
	tcase_add_test(c, a_probe_keeps_nothing_but_a_question_of_ours_does);
	tcase_add_test(c, a_message_while_it_goes_for_being_idle_wakes_it_again);
	suite_add_tcase(s, c);
	c = tcase_create("the list of tools");
	tcase_add_test(c, asleep_the_list_is_answered_as_the_server_wrote_it);
	tcase_add_test(c, awake_the_list_is_the_servers_to_answer);
	tcase_add_test(c, a_list_asked_for_in_another_way_wakes_it);
	tcase_add_test(c, list_changed_forgets_the_list);
	tcase_add_test(c, another_list_that_changed_does_not);
	tcase_add_test(c, an_agent_that_was_told_otherwise_forgets_it);
	tcase_add_test(c, an_agent_that_was_told_the_same_keeps_it);
	tcase_add_test(c, a_list_of_several_pages_is_not_kept);
	tcase_add_test(c, a_list_that_is_too_long_is_not_kept);
	tcase_add_test(c, a_changed_file_forgets_it);
	tcase_add_test(c, another_process_brings_its_own_list);
	tcase_add_test(c, in_the_modern_era_no_list_is_kept);
	suite_add_tcase(s, c);
	return s;
}
