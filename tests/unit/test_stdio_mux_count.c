/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_rig.h"

static void take(void *ctx, const struct mux_agent_counts *c)
{
	struct mux_agent_counts *all = ctx;
	if (c->agent[0] == 'a' && c->agent[1] >= '0' && c->agent[1] < '8')
		all[c->agent[1] - '0'] = *c;
}

static struct mux_agent_counts counts_of(const struct rig *r, int agent)
{
	struct mux_agent_counts all[8] = { 0 };
	mux_each_agent(r->mux, take, all);
	return all[agent];
}

START_TEST(an_answer_takes_from_when_it_was_sent)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	pass(&r, 4000); /* parked: that is not the server's time */
	ck_assert_uint_eq(mux_depth(r.mux).waiting, 1);
	rig_up(&r);
	ck_assert_uint_eq(mux_depth(r.mux).waiting, 0);
	const char *line = hear(&r, &r.server);
	pass(&r, 30);
	answer(&r, line, "{}");
	ck_has(hear(&r, a), "\"id\":1");
	struct hist h = mux_counts(r.mux).answered;
	ck_assert_uint_eq(hist_count(&h), 1);
	ck_assert_uint_eq(h.sum_ms, 30);
	rig_done(&r);
}
END_TEST

START_TEST(what_never_was_answered_or_answers_for_hours_has_no_time)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":1,\"method\":\"subscriptions/listen\"}");
	const char *line = hear(&r, &r.server);
	pass(&r, 50000);
	answer(&r, line, "{}");
	ck_has(hear(&r, a), "\"id\":1");
	say(&r, a, J "\"id\":2,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	rig_die(&r);
	ck_has(hear(&r, a), "-32603");
	struct mux_counts c = mux_counts(r.mux);
	ck_assert_uint_eq(hist_count(&c.answered), 0);
	ck_assert_uint_eq(c.requests, 2);
	ck_assert_uint_eq(c.errors, 1);
	rig_done(&r);
}
END_TEST

START_TEST(sessions_are_counted_when_they_speak_and_stay_counted)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	ck_assert_uint_eq(counts_of(&r, 0).present, 1);
	ck_assert_uint_eq(counts_of(&r, 0).sessions, 0);
	say(&r, a, J "\"id\":1,\"method\":\"ping\"}");
	ck_has(hear(&r, a), "\"id\":1");
	say(&r, a, J "\"id\":2,\"method\":\"ping\"}");
	ck_has(hear(&r, a), "\"id\":2");
	ck_assert_uint_eq(counts_of(&r, 0).sessions, 1);
	mux_agent_free(r.agent[0]);
	ck_assert_uint_eq(counts_of(&r, 0).present, 0);
	ck_assert_uint_eq(counts_of(&r, 0).sessions, 1);
	r.n_agents = 0; /* the same name again */
	close(r.agents[0].fd);
	a = rig_client(&r);
	ck_assert_uint_eq(counts_of(&r, 0).present, 1);
	ck_assert_uint_eq(counts_of(&r, 0).sessions, 2);
	rig_done(&r);
}
END_TEST

/* One answer of 4000 bytes, for nobody to read. */
static void pour(struct rig *r, struct end *e)
{
	char id[64], body[4001];
	memset(body, 'p', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	say(r, e, J "\"id\":1,\"method\":\"m\"}");
	struct buf b = { 0 };
	id_of(hear(r, &r->server), id);
	buf_addf(&b, J "\"id\":%s,\"result\":\"%s\"}", id, body);
	say(r, &r->server, buf_str(&b));
	spin(r);
	buf_done(&b);
}

START_TEST(what_a_slow_agent_misses_is_counted)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	for (int i = 0; i < 150; i++)
		pour(&r, a);
	say(&r, &r.server, J "\"method\":\"notifications/tools/list_changed\"}");
	ck_has(hear(&r, b), "list_changed");
	ck_assert_uint_eq(counts_of(&r, 0).dropped, 1);
	ck_assert_uint_gt(counts_of(&r, 0).queued_bytes, 64 * 1024);
	ck_assert_uint_eq(counts_of(&r, 1).dropped, 0);
	ck_assert_uint_eq(counts_of(&r, 1).queued_bytes, 0);
	ck_assert_uint_eq(counts_of(&r, 0).lost, 0);
	pass(&r, 30000);
	ck_assert_uint_eq(counts_of(&r, 0).lost, 1);
	ck_assert_uint_eq(counts_of(&r, 1).lost, 0);
	rig_done(&r);
}
END_TEST

START_TEST(what_waits_on_both_sides_is_known)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	ck_assert_uint_eq(mux_depth(r.mux).queued_bytes, 0);
	for (int i = 0; i < 200;
	     i++) { /* more than the server's socket holds; nobody reads there */
		char line[8192];
		int n = snprintf(line, sizeof(line),
				 J "\"id\":%d,\"method\":\"m\",\"params\":{\"x\":\"%04000d\"}}\n",
				 i, 0);
		(void)!send(a->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
		spin(&r);
	}
	ck_assert_uint_gt(mux_depth(r.mux).queued_bytes, 0);
	ck_assert_uint_gt(counts_of(&r, 0).waiting_bytes, 0);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_count(void);
Suite *suite_stdio_mux_count(void)
{
	Suite *s = suite_create("stdio_mux_count");
	TCase *t = tcase_create("mux_count");
	tcase_add_test(t, an_answer_takes_from_when_it_was_sent);
	tcase_add_test(t, what_never_was_answered_or_answers_for_hours_has_no_time);
	tcase_add_test(t, sessions_are_counted_when_they_speak_and_stay_counted);
	tcase_add_test(t, what_a_slow_agent_misses_is_counted);
	tcase_add_test(t, what_waits_on_both_sides_is_known);
	suite_add_tcase(s, t);
	return s;
}
