/* SPDX-License-Identifier: MIT */
/* What many bytes do: turns, limits, and the memory afterwards. */
#include "stdio/mux_priv.h"
#include "tests/unit/mux_rig.h"

#include <malloc.h>

/* Reads and throws away all that comes to an end; returns how many lines. */
static int drink(struct rig *r, struct end *e)
{
	int n = 0;
	while (hear(r, e))
		n++;
	return n;
}

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd; /* 0 under sanitizers, which have an allocator of their own */
}

/* Thousands of calls parked at once, long lines both ways, a reader that waits: all of it is given back. */
static void burst(struct rig *r, struct end *a)
{
	static char body[200001];
	memset(body, 'b', sizeof(body) - 1);
	int n = 0;
	mux_set_gate(r->mux, MUX_PARK, "starting");
	for (; n < 400; n++)
		sayf(r, a, J "\"id\":%d,\"method\":\"tools/list\",\"params\":{\"x\":\"%100s\"}}", n,
		     "");
	rig_up(r);
	for (int i = 0; i < n; i++) {
		struct buf b = { 0 };
		char id[64];
		id_of(hear(r, &r->server), id);
		buf_addf(&b, J "\"id\":%s,\"result\":\"%.*s\"}", id, i % 100 ? 300 : 200000, body);
		say(r, &r->server, buf_str(&b));
		buf_done(&b);
	}
	spin(r); /* it has read nothing yet */
	ck_assert_int_ge(drink(r, a), n);
	rig_die(r);
	free(r->server.line);
	r->server.line = NULL;
	buf_done(&r->server.in);
	free(a->line);
	a->line = NULL;
	buf_done(&a->in);
}

START_TEST(memory_comes_back_after_a_burst)
{
	struct rig r;
	rig_init(&r);
	r.p.max_queue = 1 << 20;
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	burst(&r, a);
	size_t before = in_use();
	for (int i = 0; i < 5; i++)
		burst(&r, a);
	ck_assert_uint_le(in_use(), before + 16 * 1024);
	ck_assert_uint_eq(r.agent[0]->load, 0);
	ck_assert_uint_le(r.mux->ids.n_slots, 256);
	rig_done(&r);
}
END_TEST

/* Limits of one line: exactly max_message passes both ways, also where more than max_queue waits behind nothing. */
START_TEST(a_line_of_max_message_passes_an_empty_queue_both_ways)
{
	struct rig r;
	rig_init(&r);
	r.p.max_message = 1 << 20;
	r.p.max_queue = 1000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	static const char head[] = J "\"id\":1,\"method\":\"m\",\"params\":{\"x\":\"";
	struct buf b = { 0 };
	buf_adds(&b, head);
	size_t pad = r.p.max_message - strlen(head) - 3;
	memset(buf_room(&b, pad), 'x', pad);
	b.len += pad;
	buf_adds(&b, "\"}}\n");
	ck_assert_uint_eq(b.len - 1, r.p.max_message);
	for (int round = 0; round < 3; round++) {
		size_t off = 0;
		const char *line = NULL;
		for (int i = 0; i < 10000 && !line; i++) {
			ssize_t k = off < b.len
					    ? send(a->fd, b.data + off, b.len - off, MSG_DONTWAIT)
					    : 0;
			off += k > 0 ? (size_t)k : 0;
			line = hear(&r, &r.server);
		}
		ck_assert_ptr_nonnull(line);
		char id[64];
		struct buf reply = { 0 };
		id_of(line, id);
		buf_addf(&reply, J "\"id\":%s,\"result\":\"", id);
		size_t more = r.p.max_message - reply.len - 2;
		memset(buf_room(&reply, more), 'y', more);
		reply.len += more;
		buf_adds(&reply, "\"}");
		say(&r, &r.server, buf_str(&reply));
		line = hear(&r, a);
		ck_assert_ptr_nonnull(line);
		ck_assert_uint_eq(strlen(line), reply.len - strlen(id) + 1);
		buf_done(&reply);
	}
	ck_assert_int_eq(r.gone, 0);
	buf_done(&b);
	rig_done(&r);
}
END_TEST

/* An agent with long lines, one at a time, beside one with many short ones: each has its share of the server's stdin. */
START_TEST(long_lines_one_at_a_time_leave_the_others_their_share)
{
	struct rig r;
	rig_init(&r);
	r.p.max_queue = 4 << 20;
	rig_start(&r);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	struct end *longs = rig_agent(&r, MUX_PIPES), *shorts = rig_agent(&r, MUX_PIPES);
	static char body[100001];
	memset(body, 'b', sizeof(body) - 1);
	struct buf b = { 0 };
	buf_addf(&b, J "\"id\":1,\"method\":\"long\",\"params\":{\"x\":\"%s\"}}", body);
	for (int i = 0; i < 1000; i++)
		sayf(&r, shorts, J "\"id\":%d,\"method\":\"short\",\"params\":{\"x\":\"%1000s\"}}",
		     i, "");
	say(&r, longs, buf_str(&b));
	rig_up(&r);
	size_t n_long = 0, n_short = 0;
	while (n_short < 900 * 1000) {
		const char *line = hear(&r, &r.server);
		ck_assert_ptr_nonnull(line);
		if (!strstr(line, "\"long\"")) {
			n_short += strlen(line);
			continue;
		}
		n_long += strlen(line);
		answer(&r, line, "{}");
		ck_has(hear(&r, longs), "\"id\":1,\"result\":{}}");
		say(&r, longs, buf_str(&b));
	}
	ck_assert_uint_gt(n_long, 200 * 1000);
	ck_assert_uint_lt(n_long, n_short + 500 * 1000);
	buf_done(&b);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_bounds(void);
Suite *suite_stdio_mux_bounds(void)
{
	Suite *s = suite_create("stdio_mux_bounds");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, memory_comes_back_after_a_burst);
	tcase_add_test(t, a_line_of_max_message_passes_an_empty_queue_both_ways);
	tcase_add_test(t, long_lines_one_at_a_time_leave_the_others_their_share);
	suite_add_tcase(s, t);
	return s;
}
