/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_pipes.h"

#define HELLO(id, version)                                                                         \
	J "\"id\":" id ",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"" version     \
	  "\"}}"

START_TEST(what_a_server_would_drop_in_silence_is_answered_at_once)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "{\"jsonrpc\":", J "\"id\":null,\"error\":{\"code\":-32700," },
		{ "hello", J "\"id\":null,\"error\":{\"code\":-32700," },
		{ "[" J "\"id\":1,\"method\":\"x\"}]",
		  J "\"id\":null,\"error\":{\"code\":-32600," },
		{ J "\"id\":null,\"method\":\"x\"}", J "\"id\":null,\"error\":{\"code\":-32600," },
		{ J "\"id\":1.5,\"method\":\"x\"}", J "\"id\":null,\"error\":{\"code\":-32600," },
		{ "{\"id\":\"q\",\"method\":\"x\"}", J "\"id\":\"q\",\"error\":{\"code\":-32600," },
		{ J "\"id\":8}", J "\"id\":8,\"error\":{\"code\":-32600," },
		{ "7", J "\"id\":null,\"error\":{\"code\":-32600," },
	};
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	for (int up = 0; up < 2; up++) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			say(&r, a, rows[i].line);
			ck_has(hear(&r, a), rows[i].want);
		}
		if (!up)
			rig_up(&r);
	}
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(lines_too_long_and_half_lines_are_answered)
{
	struct rig r;
	rig_init(&r);
	r.p.max_message = 1000;
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	char big[3000];
	memset(big, 'x', sizeof(big));
	say_bytes(&r, a, big, sizeof(big));
	say(&r, a, "");
	const char *line = hear(&r, a);
	ck_has(line, "\"id\":null,\"error\":{\"code\":-32600,");
	ck_has(line, "max_message (1000 bytes)");
	say(&r, a, J "\"id\":1,\"method\":\"ping\"}");
	ck_hears(&r, a, J "\"id\":1,\"result\":{}}");
	say_bytes(&r, a, "{\"jsonr", 7);
	spin(&r);
	shutdown(a->fd, SHUT_WR);
	ck_has(hear(&r, a), "\"id\":null,\"error\":{\"code\":-32700,");
	rig_done(&r);
}
END_TEST

START_TEST(initialize_is_answered_from_the_cache_and_the_server_sees_one)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, HELLO("\"first\"", "2025-06-18"));
	say(&r, a, J "\"id\":5,\"method\":\"ping\"}");
	ck_hears(&r, a, J "\"id\":5,\"result\":{}}"); /* in any state, and not behind what waits */
	ck_silent(&r, a);
	rig_up(&r);
	ck_hears(
		&r, a,
		J
		"\"id\":\"first\",\"result\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{"
		"\"listChanged\":true},\"prompts\":{\"listChanged\":true}},\"serverInfo\":{\"name\":\"fake\","
		"\"version\":\"1\"},\"instructions\":\"be nice\"}}");
	struct end *b = rig_agent(&r, MUX_SOCKET);
	say(&r, b, HELLO("0", "2025-11-25"));
	ck_has(hear(&r, b), J "\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\"");
	say(&r, b, HELLO("1", "2099-01-01"));
	ck_has(hear(&r, b), J "\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"");
	say(&r, b, J "\"method\":\"notifications/initialized\"}");
	ck_silent(&r, &r.server);
	rig_die(&r);
	mux_set_gate(r.mux, MUX_REFUSE, "down");
	struct end *c = rig_agent(&r, MUX_SOCKET);
	say(&r, c, HELLO("9", "2024-11-05"));
	ck_has(hear(&r, c), J "\"id\":9,\"result\":{\"protocolVersion\":\"2024-11-05\"");
	rig_done(&r);
}
END_TEST

START_TEST(a_session_without_initialize_gets_answers_only)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a,
	    J "\"id\":1,\"method\":\"tools/call\",\"params\":{\"_meta\":{\"progressToken\":5}}}");
	char id[64];
	id_of(hear(&r, &r.server), id);
	sayf(&r, &r.server,
	     J
	     "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%s,\"progress\":1}}",
	     id);
	say(&r, &r.server, J "\"method\":\"notifications/tools/list_changed\"}");
	say(&r, &r.server,
	    J "\"method\":\"notifications/message\",\"params\":{\"level\":\"error\"}}");
	ck_silent(&r, a);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}", id);
	ck_hears(&r, a, J "\"id\":1,\"result\":{}}");
	rig_done(&r);
}
END_TEST

START_TEST(discover_is_refused_by_a_legacy_server_without_asking_it)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":\"server-discover-probe-1\",\"method\":\"server/discover\"}");
	ck_silent(&r, a); /* the era is not known yet */
	rig_up(&r);
	ck_has(hear(&r, a), "\"id\":\"server-discover-probe-1\",\"error\":{\"code\":-32601");
	say(&r, a, J "\"id\":2,\"method\":\"server/discover\"}");
	ck_has(hear(&r, a), "\"id\":2,\"error\":{\"code\":-32601");
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(a_socket_that_ends_gets_its_answer_and_then_goes)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_SOCKET);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	shutdown(a->fd, SHUT_WR);
	const char *line = hear(&r, &r.server);
	spin(&r);
	ck_assert_int_eq(r.gone, 0);
	pass(&r, 5000);
	answer(&r, line, "{}");
	ck_hears(&r, a, J "\"id\":1,\"result\":{}}");
	spin(&r);
	ck_assert_int_eq(r.gone, 1);
	ck_assert(!mux_agent_is_present(r.agent[0]));
	mux_agent_free(r.agent[0]);
	rig_done(&r);
}
END_TEST

START_TEST(a_client_that_closes_is_gone_in_a_second_and_its_calls_are_cancelled)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	char id[64], want[200];
	id_of(hear(&r, &r.server), id);
	shutdown(a->fd, SHUT_WR);
	pass(&r, 999);
	ck_assert_int_eq(r.gone, 0);
	pass(&r, 1);
	ck_assert_int_eq(r.gone, 1);
	(void)snprintf(want, sizeof(want), "\"params\":{\"requestId\":%s,", id);
	ck_has(hear(&r, &r.server), want);
	rig_done(&r);
}
END_TEST

START_TEST(an_agent_that_is_freed_has_its_calls_cancelled_and_late_answers_dropped)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_agent(&r, MUX_PIPES), *b = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	const char *line = hear(&r, &r.server);
	char id[64];
	id_of(line, id);
	mux_agent_free(r.agent[0]);
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}", id);
	ck_silent(&r, b);
	ck_assert_uint_eq(mux_agents_present(r.mux), 1);
	rig_done(&r);
}
END_TEST

/* --- real pipes --------------------------------------------------------------------------------- */

static void count_sessions(void *ctx, const struct mux_agent_counts *c)
{
	uint64_t *n = ctx;
	*n += c->sessions;
}

static uint64_t sessions(const struct rig *r)
{
	uint64_t n = 0;
	mux_each_agent(r->mux, count_sessions, &n);
	return n;
}

START_TEST(printf_and_read_work_again_and_again)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct pipes p;
	pipes_open(&r, &p);
	for (int i = 0; i < 3; i++) {
		int in = pipe_end(&p, "in", O_WRONLY);
		put(&r, in, J "\"id\":1,\"method\":\"tools/call\"}");
		close(in);
		spin(&r);
		answer(&r, hear(&r, &r.server), "{\"ok\":1}");
		pass(&r, 30000); /* nobody reads yet */
		int out = pipe_end(&p, "out", O_RDONLY);
		spin(&r);
		char got[200] = "";
		ck_assert_int_gt(read(out, got, sizeof(got) - 1), 0);
		ck_assert_str_eq(got, J "\"id\":1,\"result\":{\"ok\":1}}\n");
		close(out);
		spin(&r);
		ck_assert(!mux_agent_is_present(p.agent));
		ck_assert_uint_eq(sessions(&r), (uint64_t)i + 1);
	}
	/* Who takes the pipes over without closing them begins one, too. */
	int in = pipe_end(&p, "in", O_WRONLY);
	put(&r, in, J "\"id\":1,\"method\":\"ping\"}");
	put(&r, in, J "\"id\":2,\"method\":\"initialize\"}");
	ck_assert_uint_eq(sessions(&r), 5);
	close(in);
	pipes_done(&r, &p);
	rig_done(&r);
}
END_TEST

START_TEST(answers_that_nobody_fetches_are_gone_after_linger)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct pipes p;
	pipes_open(&r, &p);
	int in = pipe_end(&p, "in", O_WRONLY);
	put(&r, in, J "\"id\":1,\"method\":\"tools/call\"}");
	put(&r, in, J "\"id\":2,\"method\":\"ping\"}");
	close(in);
	ck_has(hear(&r, &r.server), "tools/call");
	pass(&r, 59000);
	ck_assert(mux_agent_is_present(p.agent));
	ck_silent(&r, &r.server);
	pass(&r, 1000);
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	ck_assert(!mux_agent_is_present(p.agent));
	int out = pipe_end(&p, "out", O_RDONLY);
	spin(&r);
	char c;
	ck_assert_int_eq(read(out, &c, 1), -1); /* a writer is there: us; but nothing to read */
	close(out);
	pipes_done(&r, &p);
	rig_done(&r);
}
END_TEST

static const struct {
	const char *hello;
	bool has_reader;
	int64_t patience_ms; /* until its call is cancelled */
} leavers[] = {
	{ HELLO("0", "2025-11-25"), true, 1000 }, /* a program that was killed */
	{ HELLO("0", "2025-11-25"), false, 60000 },
	{ J "\"id\":0,\"method\":\"ping\"}", true, 60000 },
};

START_TEST(a_program_that_greeted_and_leaves_both_pipes_is_gone_in_a_second)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct pipes p;
	pipes_open(&r, &p);
	int in = pipe_end(&p, "in", O_WRONLY), out = -1;
	if (leavers[_i].has_reader)
		out = pipe_end(&p, "out", O_RDONLY);
	spin(&r);
	put(&r, in, leavers[_i].hello);
	put(&r, in, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	char got[1024];
	if (out >= 0)
		ck_assert_int_gt(read(out, got, sizeof(got)), 0);
	close(in);
	if (out >= 0)
		close(out);
	pass(&r, leavers[_i].patience_ms - 1);
	ck_silent(&r, &r.server);
	ck_assert(mux_agent_is_present(p.agent));
	pass(&r, 1);
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	ck_assert(!mux_agent_is_present(p.agent));
	pipes_done(&r, &p);
	rig_done(&r);
}
END_TEST

START_TEST(a_program_that_opens_its_pipes_again_within_a_second_goes_on)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct pipes p;
	pipes_open(&r, &p);
	int in = pipe_end(&p, "in", O_WRONLY), out = pipe_end(&p, "out", O_RDONLY);
	put(&r, in, HELLO("0", "2025-11-25"));
	put(&r, in, J "\"id\":1,\"method\":\"tools/call\"}");
	const char *line = hear(&r, &r.server);
	ck_has(line, "tools/call");
	char *call = strdup(line), got[1024] = "";
	ck_assert_int_gt(read(out, got, sizeof(got)), 0);
	close(in);
	close(out);
	pass(&r, 900);
	out = pipe_end(&p, "out", O_RDONLY);
	pass(&r, 100000);
	answer(&r, call, "{}");
	spin(&r);
	memset(got, 0, sizeof(got));
	ck_assert_int_gt(read(out, got, sizeof(got)), 0);
	ck_assert_str_eq(got, J "\"id\":1,\"result\":{}}\n");
	ck_silent(&r, &r.server);
	free(call);
	close(out);
	pipes_done(&r, &p);
	rig_done(&r);
}
END_TEST

/* When the line and the next command's open are seen together, nobody held both. */
START_TEST(a_script_that_greets_line_by_line_is_waited_for)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct pipes p;
	pipes_open(&r, &p);
	static const char hello[] = HELLO("0", "2025-11-25") "\n";
	int in = pipe_end(&p, "in", O_WRONLY);
	ck_assert_int_gt(write(in, hello, sizeof(hello) - 1), 0);
	close(in);
	int out = pipe_end(&p, "out", O_RDONLY);
	spin(&r);
	char got[1024];
	ck_assert_int_gt(read(out, got, sizeof(got)), 0);
	in = pipe_end(&p, "in", O_WRONLY);
	close(out);
	put(&r, in, J "\"id\":1,\"method\":\"tools/call\"}");
	close(in);
	pass(&r, 59000);
	ck_has(hear(&r, &r.server), "tools/call");
	ck_silent(&r, &r.server);
	pipes_done(&r, &p);
	rig_done(&r);
}
END_TEST

START_TEST(a_burst_for_a_reader_to_come_is_not_lost_because_it_was_quiet_before)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct pipes p;
	pipes_open(&r, &p);
	int in = pipe_end(&p, "in", O_WRONLY), out = pipe_end(&p, "out", O_RDONLY);
	spin(&r);
	close(out);
	pass(&r, 600000);
	char body[60001];
	memset(body, 'b', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	for (int i = 0; i < 5; i++) {
		struct buf b = { 0 };
		char id[64];
		put(&r, in, J "\"id\":1,\"method\":\"m\"}");
		id_of(hear(&r, &r.server), id);
		buf_addf(&b, J "\"id\":%s,\"result\":\"%s\"}", id, body);
		say(&r, &r.server, buf_str(&b));
		spin(&r);
		buf_done(&b);
	}
	pass(&r, 29000);
	out = pipe_end(&p, "out", O_RDONLY);
	size_t got = 0;
	for (int idle = 0; idle < 20; idle++) {
		static char chunk[65536];
		ssize_t n = read(out, chunk, sizeof(chunk));
		got += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle;
		ck_assert_int_eq(loop_round(r.loop, false), 0);
	}
	ck_assert_uint_gt(got, 5 * sizeof(body));
	close(in);
	close(out);
	pipes_done(&r, &p);
	rig_done(&r);
}
END_TEST

START_TEST(initialize_on_pipes_discards_what_waits_and_cancels_what_runs)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct pipes p;
	pipes_open(&r, &p);
	int in = pipe_end(&p, "in", O_WRONLY);
	put(&r, in, J "\"id\":1,\"method\":\"ping\"}");
	put(&r, in, J "\"id\":2,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	put(&r, in, HELLO("2", "2025-11-25"));
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	int out = pipe_end(&p, "out", O_RDONLY);
	spin(&r);
	char got[1024] = "";
	ck_assert_int_gt(read(out, got, sizeof(got) - 1), 0);
	ck_assert_int_eq(strncmp(got, J "\"id\":2,\"result\":{\"protocolVersion\"", 40), 0);
	ck_assert_ptr_eq(strchr(got, '\n')[1] ? got : NULL, NULL); /* one line */
	close(in);
	close(out);
	pipes_done(&r, &p);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_agent(void);
Suite *suite_stdio_mux_agent(void)
{
	Suite *s = suite_create("stdio_mux_agent");
	TCase *t = tcase_create("all");
	tcase_add_test(t, what_a_server_would_drop_in_silence_is_answered_at_once);
	tcase_add_test(t, lines_too_long_and_half_lines_are_answered);
	tcase_add_test(t, initialize_is_answered_from_the_cache_and_the_server_sees_one);
	tcase_add_test(t, a_session_without_initialize_gets_answers_only);
	tcase_add_test(t, discover_is_refused_by_a_legacy_server_without_asking_it);
	tcase_add_test(t, a_socket_that_ends_gets_its_answer_and_then_goes);
	tcase_add_test(t, a_client_that_closes_is_gone_in_a_second_and_its_calls_are_cancelled);
	tcase_add_test(t, an_agent_that_is_freed_has_its_calls_cancelled_and_late_answers_dropped);
	suite_add_tcase(s, t);
	t = tcase_create("pipes");
	tcase_add_test(t, printf_and_read_work_again_and_again);
	tcase_add_test(t, answers_that_nobody_fetches_are_gone_after_linger);
	tcase_add_loop_test(t, a_program_that_greeted_and_leaves_both_pipes_is_gone_in_a_second, 0,
			    sizeof(leavers) / sizeof(leavers[0]));
	tcase_add_test(t, a_program_that_opens_its_pipes_again_within_a_second_goes_on);
	tcase_add_test(t, a_script_that_greets_line_by_line_is_waited_for);
	tcase_add_test(t, a_burst_for_a_reader_to_come_is_not_lost_because_it_was_quiet_before);
	tcase_add_test(t, initialize_on_pipes_discards_what_waits_and_cancels_what_runs);
	suite_add_tcase(s, t);
	return s;
}
