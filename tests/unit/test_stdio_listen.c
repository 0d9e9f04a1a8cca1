/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/mux_rig.h"

#define LISTEN J "\"id\":%s,\"method\":\"subscriptions/listen\",\"params\":{\"notifications\":{}}}"
#define TAGGED(what)                                                                               \
	J "\"method\":\"notifications/" what "\",\"params\":{\"_meta\":{"                          \
	  "\"io.modelcontextprotocol/subscriptionId\":%s}}}"
#define ACK                                                                                         \
	J "\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{\"notifications\":{" \
	  "\"toolsListChanged\":true,\"promptsListChanged\":false,\"resourceSubscriptions\":["      \
	  "\"x://a\",\"x://\\\"b\"]},\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%s}}}"

static void begin(struct rig *r)
{
	rig_init(r);
	rig_start(r);
	rig_attach(r);
	rig_greet_modern(r);
}

/* The agent listens, and is told that it does; its wire id. */
static void listen_as(struct rig *r, struct end *a, const char *id, char wire[64])
{
	char want[400];
	sayf(r, a, LISTEN, id);
	const char *line = hear(r, &r->server);
	ck_has(line, "subscriptions/listen");
	id_of(line, wire);
	sayf(r, &r->server, ACK, wire);
	(void)snprintf(want, sizeof(want), ACK, id);
	ck_hears(r, a, want);
}

START_TEST(a_listening_agent_gets_what_is_tagged_with_its_id)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	rig_greet_modern(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET), *b = rig_agent(&r, MUX_SOCKET);
	static const char listen_to[] =
		J "\"id\":%s,\"method\":\"subscriptions/listen\",\"params\":{}}";
	static const char tagged[] = J
		"\"method\":\"notifications/%s\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
		"subscriptionId\":%s}}}";
	char ia[64], ib[64], want[300];
	sayf(&r, a, listen_to, "\"L1\"");
	id_of(hear(&r, &r.server), ia);
	sayf(&r, b, listen_to, "44");
	id_of(hear(&r, &r.server), ib);
	sayf(&r, &r.server, tagged, "subscriptions/acknowledged", ib);
	sayf(&r, &r.server, tagged, "tools/list_changed", ia);
	(void)snprintf(want, sizeof(want), tagged, "subscriptions/acknowledged", "44");
	ck_hears(&r, b, want);
	ck_silent(&r, b);
	(void)snprintf(want, sizeof(want), tagged, "tools/list_changed", "\"L1\"");
	ck_hears(&r, a, want);
	sayf(&r, &r.server,
	     J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s}}", ia);
	ck_hears(&r, a,
		 J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"L1\"}}");
	sayf(&r, &r.server,
	     J "\"id\":%s,\"result\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%s}}}",
	     ib, ib);
	ck_hears(
		&r, b,
		J
		"\"id\":44,\"result\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":44}}}");
	ck_assert_uint_eq(mux_in_flight(r.mux), 0);
	rig_done(&r);
}
END_TEST

START_TEST(a_listen_that_is_taken_back_is_gone_at_once)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	char one[64], two[64];
	listen_as(&r, a, "\"L1\"", one);
	listen_as(&r, a, "44", two);
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":44}}");
	char want[200];
	(void)snprintf(want, sizeof(want),
		       J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s}}",
		       two);
	ck_hears(&r, &r.server, want);
	sayf(&r, &r.server, TAGGED("tools/list_changed"), two);
	ck_silent(&r, a);
	sayf(&r, a, LISTEN, "44"); /* the id is free again */
	ck_has(hear(&r, &r.server), "subscriptions/listen");
	sayf(&r, &r.server, TAGGED("tools/list_changed"), one);
	ck_has(hear(&r, a), "\"L1\"");
	rig_done(&r);
}
END_TEST

START_TEST(a_listen_goes_on_with_the_next_process)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET), *b = rig_agent(&r, MUX_SOCKET);
	char wire[64], want[300];
	listen_as(&r, a, "\"L1\"", wire);
	listen_as(&r, b, "44", wire);
	sayf(&r, b, LISTEN, "\"late\""); /* not acknowledged when the process dies */
	ck_has(hear(&r, &r.server), "listen");
	for (int round = 0; round < 3; round++) {
		mux_set_gate(r.mux, MUX_PARK_TIMED, "it waits");
		rig_die(&r);
		pass(&r, 60000); /* an outage longer than park_timeout */
		ck_silent(&r, a);
		mux_set_gate(r.mux, MUX_PARK, "it starts");
		rig_attach(&r);
		rig_greet_modern(&r);
		for (int i = 0; i < 3; i++) {
			const char *line = hear(&r, &r.server);
			ck_has(line, "subscriptions/listen");
			sayf(&r, &r.server, ACK, id_of(line, wire));
		}
		(void)snprintf(want, sizeof(want), TAGGED("tools/list_changed"), "\"L1\"");
		ck_hears(&r, a, want);
		static const char *const uris[] = { "x://a", "x://\\\"b" };
		for (int i = 0; i < 2; i++) {
			(void)snprintf(
				want, sizeof(want),
				J
				"\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"%s\",\"_meta\":{"
				"\"io.modelcontextprotocol/subscriptionId\":\"L1\"}}}",
				uris[i]);
			ck_hears(&r, a, want);
		}
		ck_silent(&r, a);
		for (int i = 0; i < 3; i++)
			ck_has(hear(&r, b), "subscriptionId\":44}");
		if (round == 0)
			ck_has(hear(&r, b), "acknowledged"); /* "late" */
		for (int i = 0; i < 3 && round > 0; i++)
			ck_has(hear(&r, b), "subscriptionId\":\"late\"}");
		ck_silent(&r, b);
	}
	sayf(&r, &r.server, TAGGED("tools/list_changed"), wire);
	ck_has(hear(&r, b), "\"late\"");
	mux_set_gate(r.mux, MUX_REFUSE, "stopped by hand");
	rig_die(&r); /* no next process: said at once */
	ck_has(hear(&r, a), "\"id\":\"L1\",\"error\":{\"code\":-32603");
	rig_done(&r);
}
END_TEST

START_TEST(listens_are_bounded)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	int n = 0;
	for (const char *line = ""; n < 10000 && line; n += line != NULL) {
		char id[16];
		(void)snprintf(id, sizeof(id), "%d", n);
		sayf(&r, a, LISTEN, id);
		line = hear(&r, &r.server);
	}
	ck_assert_int_lt(n, 10000);
	ck_has(hear(&r, a), "\"error\":{\"code\":-32603,\"message\":\"Too many subscriptions\"");
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":0}}");
	ck_has(hear(&r, &r.server), "cancelled"); /* its pipe is still read */
	sayf(&r, a, LISTEN, "\"more\"");
	ck_has(hear(&r, &r.server), "listen");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_listen(void);
Suite *suite_stdio_listen(void)
{
	Suite *s = suite_create("stdio_listen");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_listening_agent_gets_what_is_tagged_with_its_id);
	tcase_add_test(t, a_listen_that_is_taken_back_is_gone_at_once);
	tcase_add_test(t, a_listen_goes_on_with_the_next_process);
	tcase_add_test(t, listens_are_bounded);
	suite_add_tcase(s, t);
	return s;
}
