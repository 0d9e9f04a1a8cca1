/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_rig.h"

START_TEST(callbacks_may_free_the_mux)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	(void)rig_agent(&r, MUX_PIPES);
	rig_attach(&r);
	r.frees_when_ready = true;
	rig_greet(&r, CAPS_TOOLS);
	ck_assert_int_eq(r.ready, 1);
	ck_assert_ptr_null(r.mux);
	rig_done(&r);
}
END_TEST

START_TEST(end_of_stdout_is_told_once_and_from_the_loop)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	ck_assert(mux_is_ready(r.mux));
	shutdown(r.server.fd, SHUT_WR);
	spin(&r);
	ck_assert_int_eq(r.ended, 1);
	ck_assert(!mux_is_ready(r.mux));
	ck_assert(mux_is_attached(r.mux));
	rig_die(&r);
	ck_assert(!mux_is_attached(r.mux));
	ck_assert_int_eq(r.ended, 1);
	ck_assert_uint_eq(mux_generation(r.mux), 1);
	rig_done(&r);
}
END_TEST

START_TEST(a_second_process_beside_the_first_is_refused)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end other = { .fd = -1 };
	struct stream *s = pair_up(&r, &other);
	ck_assert_int_eq(mux_attach(r.mux, s, NULL), -EBUSY);
	stream_free(s);
	end_done(&other);
	rig_done(&r);
}
END_TEST

START_TEST(death_answers_calls_in_flight_with_data)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":\"x\",\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	ck_assert_uint_eq(mux_in_flight(r.mux), 1);
	struct mux_death d = { .reason = "killed",
			       .exit_code = -1,
			       .signal = 9,
			       .is_oom = true,
			       .stderr_tail = "say \"\xFF\"" };
	mux_detach(r.mux, &d);
	ck_hears(
		&r, a,
		J
		"\"id\":\"x\",\"error\":{\"code\":-32603,\"message\":\"MCP server srv ended before it answered: "
		"killed\",\"data\":{\"server\":\"srv\",\"reason\":\"killed\",\"exitCode\":null,\"signal\":9,"
		"\"oom\":true,\"stderrTail\":\"say \\\"\xEF\xBF\xBD\\\"\",\"generation\":1,\"retryable\":false}}}");
	ck_assert_uint_eq(mux_in_flight(r.mux), 0);
	rig_done(&r);
}
END_TEST

START_TEST(lists_are_asked_again_once_and_before_what_is_parked)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":\"c\"}}");
	say(&r, a, J "\"id\":2,\"method\":\"resources/read\"}");
	ck_has(hear(&r, &r.server), "\"cursor\":\"c\"");
	ck_has(hear(&r, &r.server), "resources/read");
	rig_die(&r);
	say(&r, a, J "\"id\":3,\"method\":\"tools/call\"}");
	ck_silent(&r, a);
	rig_up(&r);
	const char *line = hear(&r, &r.server);
	ck_has(line, "\"cursor\":\"c\"");
	answer(&r, line, "{\"tools\":[]}");
	ck_has(hear(&r, &r.server), "resources/read");
	ck_has(hear(&r, &r.server), "tools/call");
	ck_has(hear(&r, a), "notifications/tools/list_changed");
	ck_has(hear(&r, a), "notifications/prompts/list_changed");
	ck_hears(&r, a, J "\"id\":1,\"result\":{\"tools\":[]}}");
	rig_die(&r);
	const char *second = hear(&r, a);
	ck_has(second, "\"id\":2,\"error\"");
	ck_has(second, "\"retryable\":false");
	ck_has(second, "\"generation\":2");
	ck_has(hear(&r, a), "\"id\":3,\"error\"");
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(a_new_process_hears_level_and_subscriptions_then_lists_then_what_is_parked)
{
	static const char caps[] = "{\"resources\":{\"subscribe\":true},\"logging\":{}}";
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_attach(&r);
	rig_greet(&r, caps);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"error\"}}");
	say(&r, a, J "\"id\":2,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"u:1\"}}");
	for (int i = 1; i <= 2; i++) {
		answer(&r, hear(&r, &r.server), "{}");
		ck_has(hear(&r, a), "\"result\":{}");
	}
	say(&r, a, J "\"id\":3,\"method\":\"resources/read\",\"params\":{\"uri\":\"u:1\"}}");
	ck_has(hear(&r, &r.server), "resources/read");
	rig_die(&r);
	say(&r, a, J "\"id\":4,\"method\":\"tools/call\"}");
	spin(&r);
	rig_attach(&r);
	rig_greet(&r, caps);
	ck_has(hear(&r, &r.server), "logging/setLevel\",\"params\":{\"level\":\"error\"}");
	ck_has(hear(&r, &r.server), "resources/subscribe\",\"params\":{\"uri\":\"u:1\"}");
	ck_has(hear(&r, &r.server), "resources/read");
	ck_has(hear(&r, &r.server), "tools/call");
	ck_silent(&r, &r.server);
	ck_has(hear(&r, a), "notifications/resources/list_changed");
	ck_has(hear(&r, a), "notifications/resources/updated\",\"params\":{\"uri\":\"u:1\"}");
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(parked_requests_go_out_in_order_when_ready)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	struct end *a = rig_agent(&r, MUX_PIPES), *b = rig_agent(&r, MUX_PIPES);
	for (int i = 0; i < 5; i++) {
		sayf(&r, a, J "\"id\":%d,\"method\":\"a/%d\"}", i, i);
		sayf(&r, b, J "\"id\":%d,\"method\":\"b/%d\"}", i, i);
	}
	say(&r, a, J "\"method\":\"notifications/mine\"}"); /* met a server that is not there */
	pass(&r, 600000);
	rig_up(&r);
	int na = 0, nb = 0;
	for (int i = 0; i < 10; i++) {
		char want[32];
		const char *line = hear(&r, &r.server);
		ck_assert_ptr_nonnull(line);
		bool is_a = strstr(line, "\"a/") != NULL;
		(void)snprintf(want, sizeof(want), "\"%c/%d\"", is_a ? 'a' : 'b',
			       is_a ? na++ : nb++);
		ck_has(line, want);
	}
	ck_silent(&r, &r.server);
	rig_done(&r);
}
END_TEST

START_TEST(a_timed_gate_answers_after_park_timeout)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, J "\"id\":1,\"method\":\"x\"}");
	pass(&r, 60000);
	mux_set_gate(r.mux, MUX_PARK_TIMED, "restart in 9 s");
	pass(&r, 9999);
	ck_silent(&r, a);
	mux_set_gate(r.mux, MUX_PARK,
		     "starting"); /* a start in between does not begin the time anew */
	pass(&r, 5000);
	ck_silent(&r, a);
	mux_set_gate(r.mux, MUX_PARK_TIMED, "restart in 18 s");
	ck_hears(
		&r, a,
		J
		"\"id\":1,\"error\":{\"code\":-32603,\"message\":\"MCP server srv is not available: restart in 18 s\","
		"\"data\":{\"server\":\"srv\",\"reason\":\"restart in 18 s\",\"generation\":0,\"retryable\":true}}}");
	say(&r, a, J "\"id\":2,\"method\":\"ping\"}");
	ck_hears(&r, a, J "\"id\":2,\"result\":{}}");
	say(&r, a, J "\"id\":3,\"method\":\"x\"}");
	pass(&r, 9999);
	ck_silent(&r, a);
	pass(&r, 1);
	ck_has(hear(&r, a), "\"id\":3,\"error\"");
	rig_done(&r);
}
END_TEST

START_TEST(a_closed_gate_answers_at_once_with_why)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, J "\"id\":1,\"method\":\"x\"}");
	say(&r, a, J "\"id\":2,\"method\":\"initialize\"}");
	ck_silent(&r, a);
	mux_set_gate(r.mux, MUX_REFUSE, "variable \"X\" is missing");
	ck_has(hear(&r, a),
	       "\"id\":2,\"error\":{\"code\":-32603,\"message\":\"MCP server srv is not available: "
	       "variable \\\"X\\\" is missing\"");
	say(&r, a, J "\"id\":3,\"method\":\"x\"}");
	ck_has(hear(&r, a), "\"id\":3,\"error\"");
	say(&r, a, J "\"id\":4,\"method\":\"ping\"}");
	ck_hears(&r, a, J "\"id\":4,\"result\":{}}");
	rig_done(&r);
}
END_TEST

START_TEST(a_sleeping_server_is_woken_by_a_message_but_not_by_ping)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	mux_set_gate(r.mux, MUX_ASLEEP, "asleep");
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, J "\"id\":1,\"method\":\"ping\"}");
	spin(&r);
	ck_assert_int_eq(r.wanted, 0);
	say(&r, a, J "\"id\":2,\"method\":\"x\"}");
	spin(&r);
	ck_assert_int_eq(r.wanted, 1);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	rig_up(&r);
	ck_has(hear(&r, &r.server), "\"method\":\"x\"");
	rig_done(&r);
}
END_TEST

START_TEST(request_timeout_answers_and_cancels)
{
	struct rig r;
	rig_init(&r);
	r.p.request_timeout_ms = 5000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	char id[64], want[200];
	id_of(hear(&r, &r.server), id);
	pass(&r, 2000);
	say(&r, a, J "\"id\":2,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	pass(&r, 2999);
	ck_silent(&r, a);
	pass(&r, 1);
	const char *line = hear(&r, a);
	ck_has(line, "\"id\":1,\"error\":{\"code\":-32603");
	ck_has(line, "request_timeout");
	(void)snprintf(
		want, sizeof(want),
		J
		"\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s,\"reason\":\"request_timeout\"}}",
		id);
	ck_hears(&r, &r.server, want);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}", id); /* too late */
	ck_silent(&r, a);
	pass(&r, 2000);
	ck_has(hear(&r, a), "\"id\":2,\"error\"");
	rig_done(&r);
}
END_TEST

START_TEST(a_changed_configuration_counts_at_once)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	pass(&r, 2000);
	r.p.request_timeout_ms = 3000;
	r.p.max_message = 100;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	spin(&r);
	ck_silent(&r, a);
	pass(&r, 1000);
	ck_has(hear(&r, a), "\"id\":1,\"error\":{\"code\":-32603");
	ck_has(hear(&r, &r.server), "notifications/cancelled");
	char big[200];
	memset(big, 'x', sizeof(big));
	say_bytes(&r, a, big, sizeof(big));
	say(&r, a, "");
	ck_has(hear(&r, a), "max_message (100 bytes)");
	rig_done(&r);
}
END_TEST

START_TEST(a_larger_queue_is_read_into_at_once)
{
	struct rig r;
	rig_init(&r);
	r.p.max_queue = 1000;
	rig_start(&r);
	struct end *a = rig_agent(&r, MUX_PIPES);
	for (int i = 0; i < 10; i++)
		sayf(&r, a, J "\"id\":%d,\"method\":\"tools/call\",\"params\":{\"x\":\"%200s\"}}",
		     i, "");
	spin(&r); /* parked, and more than may be */
	say(&r, a, J "\"id\":10,\"method\":\"ping\"}");
	ck_silent(&r, a);
	r.p.max_queue = 100000;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_hears(&r, a, J "\"id\":10,\"result\":{}}");
	rig_done(&r);
}
END_TEST

/* The time of a call that was answered long ago is still set. */
START_TEST(park_timeout_is_kept_beside_a_longer_request_timeout)
{
	struct rig r;
	rig_init(&r);
	r.p.request_timeout_ms = 300000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	answer(&r, hear(&r, &r.server), "{}");
	ck_has(hear(&r, a), "\"id\":1,\"result\"");
	rig_die(&r);
	mux_set_gate(r.mux, MUX_PARK_TIMED, "restarting");
	say(&r, a, J "\"id\":2,\"method\":\"tools/call\"}");
	pass(&r, 9999);
	ck_silent(&r, a);
	pass(&r, 1);
	ck_has(hear(&r, a), "\"id\":2,\"error\":{\"code\":-32603");
	rig_done(&r);
}
END_TEST

/* Its stdout has ended, its exit is not known yet: two kinds of limits at once. */
START_TEST(park_timeout_is_kept_beside_a_call_in_flight)
{
	struct rig r;
	rig_init(&r);
	r.p.request_timeout_ms = 300000;
	rig_start(&r);
	rig_up(&r);
	mux_set_gate(r.mux, MUX_PARK_TIMED, "restarting");
	struct end *a = rig_client(&r);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_has(hear(&r, &r.server), "tools/call");
	shutdown(r.server.fd, SHUT_WR);
	spin(&r);
	say(&r, a, J "\"id\":2,\"method\":\"tools/call\"}");
	pass(&r, 10000);
	ck_has(hear(&r, a), "\"id\":2,\"error\":{\"code\":-32603");
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

START_TEST(closing_stdin_parks_what_comes_after)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	mux_close_stdin(r.mux);
	char c;
	ck_assert_int_eq(recv(r.server.fd, &c, 1, 0), 0);
	say(&r, a, J "\"id\":1,\"method\":\"tools/call\"}");
	ck_silent(&r, a);
	rig_die(&r);
	rig_up(&r);
	ck_has(hear(&r, &r.server), "tools/call");
	rig_done(&r);
}
END_TEST

static void count_answer(void *ctx, const char *line, size_t len, const struct err *e)
{
	char *seen = ctx;
	if (line)
		(void)snprintf(seen, 128, "%.*s", (int)len, line);
	else
		(void)snprintf(seen, 128, "error: %.100s", e->text);
}

START_TEST(our_own_requests_are_answered_or_fail_with_the_process)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	char one[128] = "", two[128] = "", three[128] = "";
	struct err e;
	ck_assert_ptr_null(mux_ask(r.mux, "ping", NULL, count_answer, one, &e));
	ck_assert_int_eq(e.code, -ENOTCONN);
	rig_up(&r);
	ck_assert_ptr_nonnull(mux_ask(r.mux, "ping", NULL, count_answer, one, NULL));
	const char *line = hear(&r, &r.server);
	ck_has(line, "\"method\":\"ping\",\"params\":{}");
	answer(&r, line, "{}");
	spin(&r);
	ck_has(one, "\"result\":{}");
	ck_assert_ptr_nonnull(mux_ask(r.mux, "ping", NULL, count_answer, two, NULL));
	struct mux_ask *ask = mux_ask(r.mux, "ping", NULL, count_answer, three, NULL);
	struct mux_ask *gone = mux_ask(r.mux, "ping", NULL, count_answer, three, NULL);
	mux_ask_cancel(ask);
	ck_assert_uint_eq(mux_in_flight(r.mux), 0);
	struct mux_death d = { .reason = "exited" };
	mux_detach(r.mux, &d);
	ck_assert_str_eq(two, ""); /* not from within */
	mux_ask_cancel(gone);
	spin(&r);
	ck_has(two, "error: server srv ended");
	ck_assert_str_eq(three, "");
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux(void);
Suite *suite_stdio_mux(void)
{
	Suite *s = suite_create("stdio_mux");
	TCase *t = tcase_create("all");
	tcase_add_test(t, callbacks_may_free_the_mux);
	tcase_add_test(t, end_of_stdout_is_told_once_and_from_the_loop);
	tcase_add_test(t, a_second_process_beside_the_first_is_refused);
	tcase_add_test(t, death_answers_calls_in_flight_with_data);
	tcase_add_test(t, lists_are_asked_again_once_and_before_what_is_parked);
	tcase_add_test(t,
		       a_new_process_hears_level_and_subscriptions_then_lists_then_what_is_parked);
	tcase_add_test(t, parked_requests_go_out_in_order_when_ready);
	tcase_add_test(t, a_timed_gate_answers_after_park_timeout);
	tcase_add_test(t, a_closed_gate_answers_at_once_with_why);
	tcase_add_test(t, a_sleeping_server_is_woken_by_a_message_but_not_by_ping);
	tcase_add_test(t, request_timeout_answers_and_cancels);
	tcase_add_test(t, a_changed_configuration_counts_at_once);
	tcase_add_test(t, a_larger_queue_is_read_into_at_once);
	tcase_add_test(t, park_timeout_is_kept_beside_a_longer_request_timeout);
	tcase_add_test(t, park_timeout_is_kept_beside_a_call_in_flight);
	tcase_add_test(t, closing_stdin_parks_what_comes_after);
	tcase_add_test(t, our_own_requests_are_answered_or_fail_with_the_process);
	suite_add_tcase(s, t);
	return s;
}
