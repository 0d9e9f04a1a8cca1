/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/mux_rig.h"

#include <sys/time.h>

START_TEST(same_ids_from_eight_agents_get_their_own_answers)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	enum { N = 8 };
	char ids[N][64];
	for (int i = 0; i < N; i++) {
		(void)rig_agent(&r, MUX_PIPES);
		sayf(&r, &r.agents[i],
		     J "\"id\":0,\"method\":\"tools/call\",\"params\":{\"n\":%d}}", i);
		const char *line = hear(&r, &r.server);
		char want[32];
		(void)snprintf(want, sizeof(want), "\"n\":%d", i);
		ck_has(line, want);
		id_of(line, ids[i]);
	}
	for (int i = N - 1; i >= 0; i--)
		sayf(&r, &r.server, J "\"id\":%s,\"result\":{\"n\":%d}}", ids[i], i);
	for (int i = 0; i < N; i++) {
		char want[64];
		(void)snprintf(want, sizeof(want), J "\"id\":0,\"result\":{\"n\":%d}}", i);
		ck_hears(&r, &r.agents[i], want);
		ck_silent(&r, &r.agents[i]);
	}
	rig_done(&r);
}
END_TEST

START_TEST(ids_of_any_type_come_back_as_sent)
{
	static const char *const ids[] = { "7",
					   "\"7\"",
					   "\"\"",
					   "9007199254740991",
					   "1e400",
					   "-0",
					   "123456789012345678901234567890",
					   "9007199254740993",
					   "\"\\u00e9\\\"\xC3\xA9 \\\\\"" };
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		sayf(&r, a, J "\"id\": %s ,\"method\":\"m\"}", ids[i]);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char want[200];
		answer(&r, hear(&r, &r.server), "1");
		(void)snprintf(want, sizeof(want), J "\"id\":%s,\"result\":1}", ids[i]);
		ck_hears(&r, a, want);
	}
	char id[40000];
	memset(id, 'i', sizeof(id));
	static const char head[] = J "\"method\":\"m\",\"id\":\"";
	say_bytes(&r, a, head, sizeof(head) - 1);
	say_bytes(&r, a, id, sizeof(id));
	say(&r, a, "\"}");
	answer(&r, hear(&r, &r.server), "1");
	const char *line = hear(&r, a);
	ck_assert_uint_eq(strlen(line), sizeof(id) + strlen(J "\"id\":\"\",\"result\":1}"));
	rig_done(&r);
}
END_TEST

START_TEST(an_id_in_flight_is_refused_and_free_again_after_the_answer)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, J "\"id\":1,\"method\":\"parked\"}");
	say(&r, a, J "\"id\":1,\"method\":\"x\"}");
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32600");
	rig_up(&r);
	const char *line = hear(&r, &r.server);
	ck_has(line, "parked");
	say(&r, a, J "\"id\":1,\"method\":\"x\"}");
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32600");
	answer(&r, line, "{}");
	ck_has(hear(&r, a), "\"id\":1,\"result\"");
	say(&r, a, J "\"id\":1,\"method\":\"x\"}");
	ck_has(hear(&r, &r.server), "\"x\"");
	rig_done(&r);
}
END_TEST

START_TEST(id_behind_megabytes_of_params_is_rewritten)
{
	struct rig r;
	rig_init(&r);
	r.p.max_message = 9 << 20;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	size_t n = 8 << 20;
	struct buf b = { 0 };
	buf_adds(&b, "{\"method\":\"m\",\"params\":{\"id\":\"\\\"id\\\":9\",\"d\":\"");
	char *room = buf_room(&b, n);
	memset(room, 'd', n);
	b.len += n;
	buf_adds(&b, "\"},\"jsonrpc\":\"2.0\",\"id\":77}\n");
	/* Neither side may wait for the other: the server reads while the agent still writes. */
	struct buf got = { 0 };
	for (size_t off = 0, idle = 0;
	     idle < 100 && (got.len == 0 || got.data[got.len - 1] != '\n');) {
		static char chunk[1 << 16];
		ssize_t w = off < b.len ? send(a->fd, b.data + off, b.len - off, MSG_DONTWAIT) : 0;
		off += w > 0 ? (size_t)w : 0;
		ck_assert_int_eq(loop_round(r.loop, false), 0);
		ssize_t k = recv(r.server.fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (k > 0)
			buf_add(&got, chunk, (size_t)k);
		idle = w > 0 || k > 0 ? 0 : idle + 1;
	}
	ck_assert_uint_gt(got.len, n);
	ck_assert_int_eq(memcmp(got.data, b.data, b.len - 5), 0);
	ck_assert_int_ne(memcmp(got.data + got.len - 5, "77}\n", 4), 0);
	buf_done(&b);
	buf_done(&got);
	rig_done(&r);
}
END_TEST

/* --- only the id changes ------------------------------------------------------------------------ */

static unsigned seed;

static unsigned dice(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static void put_string(struct buf *b)
{
	static const char *const pieces[] = { "a",   "\\\"",	     "\\\\", "\\u0069d",
					      "id",  "\\n",	     "{",    "]",
					      ":",   "\xC3\xA9",     "\xFF", " ",
					      "\\/", "progressToken" };
	buf_adds(b, "\"");
	for (unsigned k = dice(6); k > 0; k--)
		buf_adds(b, pieces[dice(sizeof(pieces) / sizeof(pieces[0]))]);
	buf_adds(b, "\"");
}

static void put_space(struct buf *b)
{
	static const char *const spaces[] = { "", "", "", " ", "\t", "\r", "  " };
	buf_adds(b, spaces[dice(7)]);
}

static void put_value(struct buf *b, int depth)
{
	static const char *const scalars[] = { "0", "-1.5e3", "true", "false", "null", "1E400" };
	unsigned kind = dice(depth > 4 ? 2 : 4);
	put_space(b);
	if (kind == 0) {
		buf_adds(b, scalars[dice(6)]);
	} else if (kind == 1) {
		put_string(b);
	} else {
		buf_adds(b, kind == 2 ? "[" : "{");
		for (unsigned k = dice(4), i = 0; i < k; i++) {
			buf_adds(b, i ? "," : "");
			if (kind == 3) {
				buf_adds(b, "\"k");
				buf_addf(b, "%u\":", i);
			}
			put_value(b, depth + 1);
		}
		buf_adds(b, kind == 2 ? "]" : "}");
	}
	put_space(b);
}

START_TEST(all_other_bytes_pass_unchanged)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	seed = (unsigned)now.tv_usec;
	printf("stdio_mux_up: seed %u\n", seed);
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	for (int i = 0; i < 300; i++) {
		struct buf head = { 0 }, tail = { 0 }, line = { 0 }, want = { 0 }, body = { 0 };
		buf_adds(&head, "{\"method\":\"m\",\"params\":{\"a\":");
		put_value(&head, 0);
		buf_adds(&head, "},\"x\":");
		put_value(&head, 0);
		buf_adds(&head, ",\"jsonrpc\":\"2.0\",\"\\u0069d\":");
		put_space(&head);
		put_space(&tail);
		buf_adds(&tail, ",\"z\":");
		put_value(&tail, 0);
		buf_adds(&tail, "}");
		buf_addf(&line, "%s\"my id\"%s", buf_str(&head), buf_str(&tail));
		buf_adds(&line, dice(3) ? "" : dice(2) ? "\r\n" : "\r\n\n \t\n");
		say(&r, a, buf_str(&line));
		const char *up = hear(&r, &r.server);
		char id[64];
		id_of(up, id);
		buf_addf(&want, "%s%s%s", buf_str(&head), id, buf_str(&tail));
		ck_assert_str_eq(up, buf_str(&want));
		buf_drop(&line, line.len);
		put_value(&body, 0);
		static const char reply[] =
			"{\"result\":{\"a\":%s},\"id\" : %s ,\"jsonrpc\":\"2.0\" }";
		buf_addf(&line, reply, buf_str(&body), id);
		buf_adds(&line, dice(3) ? "" : "\r\n\n");
		say(&r, &r.server, buf_str(&line));
		buf_drop(&want, want.len);
		buf_addf(&want, reply, buf_str(&body), "\"my id\"");
		ck_hears(&r, a, buf_str(&want));
		buf_done(&body);
		buf_done(&head);
		buf_done(&tail);
		buf_done(&line);
		buf_done(&want);
	}
	rig_done(&r);
}
END_TEST

/* Two parsers would read two messages in them. */
START_TEST(lines_of_two_meanings_pass_neither_way)
{
	static const char *const up[] = {
		J "\"id\":1,\"ID\":2,\"method\":\"x\"}",
		J "\"id\":1,\"\\u0069d\":2,\"method\":\"x\"}",
		J "\"id\":1,\"method\":\"ping\",\"Method\":\"tools/call\"}",
		J "\"id\":1,\"method\":\"x\",\"params\":{\"a\":1},\"params\":{\"b\":2}}",
		J "\"id\":1,\"method\":\"x\",\"params\":{\"a\":1},\"param\xC5\xBF\":{\"b\":2}}",
		J
		"\"id\":1,\"method\":\"x\",\"params\":{\"_meta\":{},\"_Meta\":{\"progressToken\":1}}}",
		J
		"\"id\":1,\"method\":\"x\",\"params\":{\"_meta\":{\"progressToken\":1,\"progressToken\":2}}}",
		J
		"\"id\":1,\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1,\"RequestID\":2}}",
	};
	static const char *const down[] = {
		",\"id\":9,\"result\":{}}",
		",\"Id\":9,\"result\":{}}",
		",\"result\":{},\"result\":{\"b\":1}}",
		",\"result\":{},\"rE\\u0073ult\":{}}",
		",\"result\":{\"_meta\":{},\"_meta\":{}}}",
	};
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	for (size_t i = 0; i < sizeof(up) / sizeof(up[0]); i++) {
		say(&r, a, up[i]);
		ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32600,");
	}
	ck_silent(&r, &r.server);
	for (size_t i = 0; i < sizeof(down) / sizeof(down[0]); i++) {
		char id[64];
		say(&r, a, J "\"id\":\"q\",\"method\":\"x\"}");
		id_of(hear(&r, &r.server), id);
		sayf(&r, &r.server, J "\"id\":%s%s", id, down[i]);
		ck_has(hear(&r, a),
		       "\"id\":\"q\",\"error\":{\"code\":-32603,"); /* nobody waits in vain */
		ck_silent(&r, a);
	}
	rig_done(&r);
}
END_TEST

/* --- cancelling --------------------------------------------------------------------------------- */

START_TEST(cancel_is_rewritten_and_what_comes_late_is_dropped)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	say(&r, a,
	    J "\"id\":1,\"method\":\"tools/call\",\"params\":{\"_meta\":{\"progressToken\":1}}}");
	char id[64], want[200];
	id_of(hear(&r, &r.server), id);
	say(&r, b,
	    J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}"); /* not b's */
	say(&r, a,
	    J
	    "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"1\"}}"); /* not this one */
	ck_silent(&r, &r.server);
	say(&r, a,
	    J
	    "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1,\"reason\":\"bored\"}}");
	(void)snprintf(
		want, sizeof(want),
		J
		"\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s,\"reason\":\"bored\"}}",
		id);
	ck_hears(&r, &r.server, want);
	sayf(&r, &r.server,
	     J "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%s}}", id);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}", id);
	ck_silent(&r, a);
	ck_assert_uint_eq(mux_in_flight(r.mux), 0);
	rig_die(&r);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(cancel_takes_a_parked_request_back)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, J "\"id\":1,\"method\":\"one\"}");
	say(&r, a, J "\"id\":2,\"method\":\"two\"}");
	say(&r, a, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}");
	rig_up(&r);
	ck_has(hear(&r, &r.server), "two");
	ck_silent(&r, &r.server);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

/* --- bounds -------------------------------------------------------------------------------------- */

static size_t flood(struct rig *r, struct end *a, size_t at_most)
{
	static const char line[] =
		J "\"method\":\"notifications/noise\",\"params\":{\"x\":\"................\"}}\n";
	size_t sent = 0; /* lines */
	for (int stuck = 0; sent < at_most && stuck < 50;) {
		ssize_t k = send(a->fd, line, sizeof(line) - 1, MSG_DONTWAIT);
		if (k == (ssize_t)sizeof(line) - 1) {
			sent++;
			stuck = 0;
		} else {
			ck_assert_int_lt(k, 0); /* a socket takes such a line whole or not */
			stuck++;
			ck_assert_int_eq(loop_round(r->loop, false), 0);
		}
	}
	return sent;
}

START_TEST(a_server_that_does_not_read_stops_its_flooder_and_nobody_else)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES), *b = rig_agent(&r, MUX_PIPES);
	size_t limit = 200000, sent = flood(&r, a, limit);
	ck_assert_uint_lt(sent, limit); /* its pipe is full: it waits */
	ck_assert_uint_lt(r.agent[0]->load, r.p.max_queue + (256 << 10));
	say(&r, b, J "\"id\":1,\"method\":\"ping\"}");
	ck_hears(&r, b, J "\"id\":1,\"result\":{}}");
	say(&r, b, J "\"id\":2,\"method\":\"tools/call\"}");
	spin(&r);
	size_t before = 0, behind = 0;
	const char *line;
	while ((line = hear(&r, &r.server)) && !strstr(line, "tools/call"))
		before++;
	ck_assert_ptr_nonnull(line);
	while (hear(&r, &r.server))
		behind++;
	ck_assert_uint_gt(behind, 0); /* in its turn: not behind all that the flooder has waiting */
	ck_assert_uint_eq(before + behind, sent);
	ck_assert_uint_eq(r.agent[0]->load, 0);
	rig_done(&r);
}
END_TEST

START_TEST(parked_lines_over_max_queue_stop_the_reading_and_lose_nothing)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	enum { N = 20000 };
	int sent = 0;
	for (int stuck = 0; sent < N && stuck < 50;) {
		char line[80];
		int n = snprintf(line, sizeof(line), J "\"id\":%d,\"method\":\"m\"}\n", sent);
		if (send(a->fd, line, (size_t)n, MSG_DONTWAIT) == n) {
			sent++;
			stuck = 0;
		} else {
			stuck++;
			ck_assert_int_eq(loop_round(r.loop, false), 0);
		}
	}
	ck_assert_int_lt(sent, N);
	ck_assert_uint_lt(r.agent[0]->load, 2 * (size_t)1024 * 1024);
	rig_up(&r);
	for (int i = 0; i < sent; i++) {
		const char *line = hear(&r, &r.server);
		ck_has(line, "\"m\"");
		answer(&r, line, "0");
		char want[64];
		(void)snprintf(want, sizeof(want), J "\"id\":%d,\"result\":0}", i);
		ck_hears(&r, a, want);
	}
	ck_assert_uint_eq(r.agent[0]->load, 0);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_up(void);
Suite *suite_stdio_mux_up(void)
{
	Suite *s = suite_create("stdio_mux_up");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, same_ids_from_eight_agents_get_their_own_answers);
	tcase_add_test(t, ids_of_any_type_come_back_as_sent);
	tcase_add_test(t, an_id_in_flight_is_refused_and_free_again_after_the_answer);
	tcase_add_test(t, id_behind_megabytes_of_params_is_rewritten);
	tcase_add_test(t, all_other_bytes_pass_unchanged);
	tcase_add_test(t, lines_of_two_meanings_pass_neither_way);
	tcase_add_test(t, cancel_is_rewritten_and_what_comes_late_is_dropped);
	tcase_add_test(t, cancel_takes_a_parked_request_back);
	tcase_add_test(t, a_server_that_does_not_read_stops_its_flooder_and_nobody_else);
	tcase_add_test(t, parked_lines_over_max_queue_stop_the_reading_and_lose_nothing);
	suite_add_tcase(s, t);
	return s;
}
