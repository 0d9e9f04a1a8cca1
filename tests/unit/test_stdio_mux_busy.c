/* SPDX-License-Identifier: MIT */
/* What the mux tells of calls in flight, for whoever judges a server's health. */
#include "tests/unit/mux_rig.h"

#define CALL(id) J "\"id\":" #id ",\"method\":\"tools/call\"}"

START_TEST(busy_begins_with_the_call_and_not_with_the_silence_before)
{
	struct rig r;
	char id[64];
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	ck_assert_int_eq(mux_busy_since_ms(r.mux), 0);
	pass(&r, 60000);
	say(&r, a, CALL(1));
	id_of(hear(&r, &r.server), id);
	int64_t began = rig_now;
	ck_assert_int_eq(mux_busy_since_ms(r.mux), began);
	pass(&r, 1000);
	say(&r, a, CALL(2)); /* what comes along changes nothing */
	ck_has(hear(&r, &r.server), "tools/call");
	ck_assert_int_eq(mux_busy_since_ms(r.mux), began);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}", id);
	ck_has(hear(&r, a), "result");
	ck_assert_int_eq(mux_last_heard_ms(r.mux), rig_now);
	pass(&r, 1000);
	say(&r, a, CALL(3)); /* something was heard: a new wait */
	ck_has(hear(&r, &r.server), "tools/call");
	ck_assert_int_eq(mux_busy_since_ms(r.mux), rig_now);
	rig_done(&r);
}
END_TEST

START_TEST(an_agent_that_calls_again_and_again_is_no_life_of_the_server)
{
	struct rig r;
	rig_init(&r);
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	pass(&r, 1000);
	int64_t began = rig_now, heard = mux_last_heard_ms(r.mux);
	for (int i = 1; i <= 20; i++) {
		sayf(&r, a, J "\"id\":%d,\"method\":\"tools/call\"}", i);
		ck_has(hear(&r, &r.server), "tools/call");
		pass(&r, 1000);
		sayf(&r, a,
		     J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%d}}", i);
		ck_has(hear(&r, &r.server), "cancelled");
		ck_assert_int_eq(mux_busy_since_ms(r.mux), 0);
	}
	say(&r, a, CALL(99));
	ck_has(hear(&r, &r.server), "tools/call");
	ck_assert_int_eq(mux_busy_since_ms(r.mux), began);
	ck_assert_int_eq(mux_last_heard_ms(r.mux), heard);
	rig_done(&r);
}
END_TEST

/* A call that nobody answers in 5 s. */
static void give_up(struct rig *r, struct end *a, int id)
{
	sayf(r, a, J "\"id\":%d,\"method\":\"tools/call\"}", id);
	ck_has(hear(r, &r->server), "tools/call");
	pass(r, 5000);
	ck_has(hear(r, a), "request_timeout");
	ck_has(hear(r, &r->server), "cancelled");
}

START_TEST(calls_given_up_in_a_row_are_counted_until_one_is_answered)
{
	struct rig r;
	char id[64];
	rig_init(&r);
	r.p.request_timeout_ms = 5000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	give_up(&r, a, 1);
	give_up(&r, a, 2);
	ck_assert_uint_eq(mux_calls_given_up(r.mux), 2);
	say(&r, a, CALL(3));
	id_of(hear(&r, &r.server), id);
	sayf(&r, &r.server, J "\"id\":%s,\"error\":{\"code\":-1,\"message\":\"no\"}}", id);
	ck_has(hear(&r, a), "\"id\":3");
	ck_assert_uint_eq(mux_calls_given_up(r.mux), 0); /* an error is an answer */
	give_up(&r, a, 4);
	ck_assert_uint_eq(mux_calls_given_up(r.mux), 1);
	mux_detach(r.mux, &(struct mux_death){ .exit_code = 0 });
	rig_up(&r);
	ck_assert_uint_eq(mux_calls_given_up(r.mux), 0); /* another process */
	rig_done(&r);
}
END_TEST

START_TEST(calls_that_were_in_flight_together_count_once)
{
	struct rig r;
	rig_init(&r);
	r.p.request_timeout_ms = 5000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	for (int i = 1; i <= 4; i++) {
		sayf(&r, a, J "\"id\":%d,\"method\":\"tools/call\"}", i);
		ck_has(hear(&r, &r.server), "tools/call");
		pass(&r, 1000);
	}
	pass(&r, 5000);
	for (int i = 1; i <= 4; i++)
		ck_has(hear(&r, a), "request_timeout");
	ck_assert_uint_eq(mux_calls_given_up(r.mux), 1);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_mux_busy(void);
Suite *suite_stdio_mux_busy(void)
{
	Suite *s = suite_create("stdio_mux_busy");
	TCase *t = tcase_create("all");
	tcase_add_test(t, busy_begins_with_the_call_and_not_with_the_silence_before);
	tcase_add_test(t, an_agent_that_calls_again_and_again_is_no_life_of_the_server);
	tcase_add_test(t, calls_given_up_in_a_row_are_counted_until_one_is_answered);
	tcase_add_test(t, calls_that_were_in_flight_together_count_once);
	suite_add_tcase(s, t);
	return s;
}
