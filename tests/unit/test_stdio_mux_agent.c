/* SPDX-License-Identifier: MIT */
#include "stdio/fifo.h"
#include "tests/unit/mux_rig.h"

#include <fcntl.h>
#include <sys/stat.h>

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

struct pipes {
	struct fifo_set *set;
	char dir[64];
	int dir_fd;
	struct mux_agent *agent;
};

static void pipes_open(struct rig *r, struct pipes *p)
{
	strcpy(p->dir, "/tmp/mux-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	p->dir_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->set = fifo_set_new(r->loop, NULL);
	struct fifo_params fp = {
		.dir_fd = p->dir_fd, .path = p->dir, .uid = getuid(), .gid = getgid(), .mode = 0600
	};
	struct err e;
	struct stream *s = fifo_open(p->set, &fp, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	struct mux_agent_params ap = { .agent = "default", .kind = MUX_PIPES };
	p->agent = mux_agent_new(r->mux, s, &ap, NULL);
	ck_assert_ptr_nonnull(p->agent);
	spin(r);
}

static void pipes_done(struct rig *r, struct pipes *p)
{
	mux_free(r->mux);
	r->mux = NULL;
	fifo_set_free(p->set);
	close(p->dir_fd);
	rmdir(p->dir);
}

static int pipe_end(const struct pipes *p, const char *name, int flags)
{
	int fd = openat(p->dir_fd, name, flags | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void put(struct rig *r, int fd, const char *line)
{
	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	ck_assert_int_eq(write(fd, "\n", 1), 1);
	spin(r);
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
	}
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
	tcase_add_test(t, a_burst_for_a_reader_to_come_is_not_lost_because_it_was_quiet_before);
	tcase_add_test(t, initialize_on_pipes_discards_what_waits_and_cancels_what_runs);
	suite_add_tcase(s, t);
	return s;
}
