/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/mux_rig.h"

#define CALL(id)   J "\"id\":" id ",\"method\":\"tools/call\"}"
#define NOTICE	   J "\"method\":\"notifications/x\"}"
#define RESULT(id) J "\"id\":" id ",\"result\":{}}"

/* An agent that agreed on this version. */
static struct end *client(struct rig *r, const char *version)
{
	struct end *e = rig_agent(r, MUX_SOCKET);
	sayf(r, e, J "\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%s\"}}",
	     version);
	ck_has(hear(r, e), version);
	say(r, e, J "\"method\":\"notifications/initialized\"}");
	return e;
}

static struct end *begin(struct rig *r)
{
	rig_init(r);
	rig_start(r);
	rig_up(r);
	return client(r, "2025-03-26");
}

START_TEST(a_batch_is_forwarded_singly_and_answered_as_one_array)
{
	struct rig r;
	struct end *a = begin(&r);
	say(&r, a,
	    " [ " CALL("\"x]\\\"\"") ",\t" NOTICE " ," J
				     "\"id\":2,\"method\":\"ping\"}," CALL("3") " ] ");
	char one[64], three[64];
	id_of(hear(&r, &r.server), one);
	ck_hears(&r, &r.server, NOTICE);
	id_of(hear(&r, &r.server), three);
	ck_silent(&r, &r.server);
	sayf(&r, &r.server, RESULT("%s"), three);
	ck_silent(&r, a);
	say(&r, a, CALL("4")); /* what comes singly is answered singly */
	answer(&r, hear(&r, &r.server), "{}");
	ck_hears(&r, a, RESULT("4"));
	sayf(&r, &r.server, RESULT("%s"), one);
	ck_hears(&r, a, "[" RESULT("2") "," RESULT("3") "," RESULT("\"x]\\\"\"") "]");
	ck_assert_ptr_null(r.agent[0]->batches.first);
	ck_assert_uint_eq(r.agent[0]->batches.bytes, 0);
	rig_done(&r);
}
END_TEST

START_TEST(a_batch_without_requests_has_no_answer)
{
	struct rig r;
	struct end *a = begin(&r);
	say(&r, a, "[" NOTICE "," RESULT("1") "]");
	ck_hears(&r, &r.server, NOTICE);
	ck_silent(&r, a);
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(what_is_wrong_in_a_batch_is_an_error_in_its_answer)
{
	struct rig r;
	struct end *a = begin(&r);
	say(&r, a,
	    "[1,[" CALL(
		    "1") "]," J "\"id\":1.5,\"method\":\"m\"}," J
			 "\"id\":5,\"method\":\"initialize\"},{\"id\":6,\"method\":\"m\"}," CALL(
				 "7") "," CALL("7") "]");
	const char *line = hear(&r, &r.server);
	answer(&r, line, "{}");
	line = hear(&r, a);
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(line[0], '[');
	int n = 0;
	for (const char *p = line; (p = strstr(p, "\"code\":-32600")); p++)
		n++;
	ck_assert_int_eq(n, 6);
	ck_has(line, "\"id\":5,\"error\"");
	ck_has(line, "\"id\":6,\"error\"");
	ck_has(line, "\"id\":7,\"error\"");
	ck_has(line, RESULT("7") "]");
	ck_silent(&r, a);
	ck_silent(&r, &r.server);
	say(&r, a, "[ ]");
	ck_has(hear(&r, a), J "\"id\":null,\"error\":{\"code\":-32600");
	rig_done(&r);
}
END_TEST

START_TEST(other_versions_have_no_batches)
{
	static const char *const versions[] = { "2024-11-05", "2025-06-18", "2025-11-25" };
	struct rig r;
	(void)begin(&r);
	for (int i = 0; i < 4; i++) {
		struct end *a = i < 3 ? client(&r, versions[i]) : rig_agent(&r, MUX_PIPES);
		say(&r, a, "[" CALL("1") "]");
		ck_has(hear(&r, a), J "\"id\":null,\"error\":{\"code\":-32600");
		ck_silent(&r, &r.server);
	}
	rig_done(&r);
}
END_TEST

START_TEST(a_death_answers_what_is_left_of_a_batch)
{
	struct rig r;
	struct end *a = begin(&r);
	say(&r, a, "[" CALL("1") "," CALL("2") "]");
	answer(&r, hear(&r, &r.server), "{}");
	ck_has(hear(&r, &r.server), "tools/call");
	ck_silent(&r, a);
	rig_die(&r);
	const char *line = hear(&r, a);
	ck_has(line, "[" RESULT("1") "," J "\"id\":2,\"error\":{\"code\":-32603");
	rig_done(&r);
}
END_TEST

START_TEST(a_cancelled_element_is_not_waited_for)
{
	struct rig r;
	struct end *a = begin(&r);
	say(&r, a, "[" CALL("1") "," CALL("2") "]");
	answer(&r, hear(&r, &r.server), "{}");
	ck_has(hear(&r, &r.server), "tools/call");
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":2}}");
	ck_hears(&r, a, "[" RESULT("1") "]");
	say(&r, a, "[" CALL("3") "]");
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":3}}");
	ck_silent(&r, a); /* nothing at all to say */
	rig_done(&r);
}
END_TEST

START_TEST(batches_go_with_their_session)
{
	struct rig r;
	(void)begin(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	static const char hello[] = J
		"\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-03-26\"}}";
	say(&r, a, hello);
	ck_has(hear(&r, a), "2025-03-26");
	say(&r, a, "[" CALL("1") "," J "\"id\":2,\"method\":\"ping\"}]");
	ck_has(hear(&r, &r.server), "tools/call");
	say(&r, a, hello);
	ck_has(hear(&r, a), "\"id\":0,\"result\"");
	ck_silent(&r, a);
	ck_assert_ptr_null(r.agent[1]->batches.first);
	rig_done(&r);
}
END_TEST

START_TEST(batches_are_bounded)
{
	struct rig r;
	struct end *a = begin(&r);
	struct buf many = { 0 };
	for (int i = 0; i <= BATCH_MAX_COUNT; i++)
		buf_adds(&many, i ? "," NOTICE : "[" NOTICE);
	buf_adds(&many, "]");
	say(&r, a, buf_str(&many));
	ck_has(hear(&r, a), J "\"id\":null,\"error\":{\"code\":-32600");
	ck_silent(&r, &r.server);
	buf_done(&many);
	say(&r, a, "[" CALL("1") "," CALL("2") "]");
	static char big[700 * 1024];
	memset(big, 'b', sizeof(big) - 1);
	for (int i = 0; i < 2; i++) { /* together over max_message, which is 1 MiB */
		struct buf b = { 0 };
		char id[64];
		id_of(hear(&r, &r.server), id);
		buf_addf(&b, J "\"id\":%s,\"result\":\"%s\"}", id, big);
		say(&r, &r.server, buf_str(&b));
		buf_done(&b);
		spin(&r);
	}
	const char *line = hear(&r, a);
	ck_has(line, "[" J "\"id\":1,\"result\":\"bbb");
	ck_has(line, "," J "\"id\":2,\"error\":{\"code\":-32603");
	ck_assert_uint_eq(r.agent[0]->batches.bytes, 0);
	rig_done(&r);
}
END_TEST

/* --- from a server ------------------------------------------------------------------------------ */

static void frees_it(void *ctx, const char *line, size_t len, const struct err *e)
{
	struct rig *r = ctx;
	(void)line, (void)len, (void)e;
	mux_free(r->mux);
	r->mux = NULL;
}

START_TEST(a_servers_batch_is_taken_apart)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	answer(&r, hear(&r, &r.server), "{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{}}");
	ck_has(hear(&r, &r.server), "initialized");
	spin(&r);
	struct end *a = client(&r, "2025-03-26"), *b = client(&r, "2024-11-05");
	char one[64], two[64];
	say(&r, a, CALL("1"));
	id_of(hear(&r, &r.server), one);
	say(&r, b, CALL("1"));
	id_of(hear(&r, &r.server), two);
	sayf(&r, &r.server,
	     "[" RESULT("%s") ",7," J "\"id\":\"s\",\"method\":\"ping\"}," NOTICE
			      ",[]," RESULT("%s") "]",
	     two, one);
	ck_hears(&r, &r.server, RESULT("\"s\""));
	ck_hears(&r, a, NOTICE);
	ck_hears(&r, a, RESULT("1"));
	ck_hears(&r, b, RESULT("1"));
	ck_hears(&r, b, NOTICE);
	(void)mux_ask(r.mux, "x", NULL, frees_it, &r, NULL);
	id_of(hear(&r, &r.server), one);
	sayf(&r, &r.server, "[" RESULT("%s") "," NOTICE "]", one);
	spin(&r);
	ck_assert_ptr_null(r.mux);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_batch(void);
Suite *suite_stdio_batch(void)
{
	Suite *s = suite_create("stdio_batch");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_batch_is_forwarded_singly_and_answered_as_one_array);
	tcase_add_test(t, a_batch_without_requests_has_no_answer);
	tcase_add_test(t, what_is_wrong_in_a_batch_is_an_error_in_its_answer);
	tcase_add_test(t, other_versions_have_no_batches);
	tcase_add_test(t, a_death_answers_what_is_left_of_a_batch);
	tcase_add_test(t, a_cancelled_element_is_not_waited_for);
	tcase_add_test(t, batches_go_with_their_session);
	tcase_add_test(t, batches_are_bounded);
	tcase_add_test(t, a_servers_batch_is_taken_apart);
	suite_add_tcase(s, t);
	return s;
}
