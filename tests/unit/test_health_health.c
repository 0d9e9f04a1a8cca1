/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "health/health.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int64_t now_ms;
static int64_t fake_now(void)
{
	return now_ms;
}

enum { STEP_MS = 100 };

/* A server as health/ sees it, that answers after answer_ms as long as it lives. */
struct server {
	struct loop *loop;
	struct health *health;
	int64_t heard_ms, busy_ms; /* busy_ms: 0: no call is in flight */
	unsigned given_up;
	bool is_mute, ignores_ping;
	int ask_result, error_code; /* 0: a result */
	bool is_carrier_slow;	    /* the silence is not its own */
	enum health_verdict says;   /* of a check; NONE: HEALTHY */
	unsigned n_dropped;	    /* probes nobody waits for any more */
	bool frees_on_verdict, is_check;
	char asked[512]; /* "ptsc": ping, tools/list, server/discover, a check */
	int64_t asked_ms[512];
	size_t n;
	unsigned open[64];
	size_t n_open;
	char verdicts[16]; /* "hu" */
	int64_t verdict_ms;
	char why[200];
};

static void answer(struct server *s, unsigned id)
{
	s->heard_ms = now_ms;
	health_answer(s->health, id, s->error_code != 0, s->error_code);
}

static void say(struct server *s, unsigned id)
{
	bool is_well = s->says != HEALTH_UNHEALTHY;
	health_said(s->health, id, is_well ? HEALTH_HEALTHY : s->says, is_well ? "" : "no");
}

static int ask(void *ctx, unsigned id, const char *method)
{
	struct server *s = ctx;
	s->asked_ms[s->n] = now_ms;
	s->asked[s->n++] = method ? method[0] : 'c';
	if (s->ask_result != 0)
		return s->ask_result;
	if (!s->is_mute && !(s->ignores_ping && method && method[0] == 'p'))
		s->open[s->n_open++] = id;
	return 0;
}

static int64_t last_heard(void *ctx)
{
	return ((struct server *)ctx)->heard_ms;
}

static int64_t busy_since(void *ctx)
{
	return ((struct server *)ctx)->busy_ms;
}

static unsigned calls_given_up(void *ctx)
{
	return ((struct server *)ctx)->given_up;
}

static bool give_up(void *ctx, unsigned id)
{
	(void)id;
	struct server *s = ctx;
	s->n_dropped++;
	return !s->is_carrier_slow;
}

static void on_verdict(void *ctx, enum health_verdict v, const char *why)
{
	struct server *s = ctx;
	s->verdicts[strlen(s->verdicts)] = health_verdict_name(v)[0];
	s->verdict_ms = now_ms;
	(void)snprintf(s->why, sizeof(s->why), "%s", why);
	if (s->frees_on_verdict)
		health_free(take_ptr(&s->health));
}

/* It was heard right now, at second 1000. */
static void set_up(struct server *s, const struct health_params *extra)
{
	now_ms = 1000000;
	clock_fake(fake_now);
	s->loop = loop_new(NULL);
	s->heard_ms = now_ms;
	struct health_params p = extra ? *extra : (struct health_params){ 0 };
	p.loop = s->loop;
	p.interval_ms = p.interval_ms ? p.interval_ms : 30000;
	p.timeout_ms = p.timeout_ms ? p.timeout_ms : 10000;
	p.retries = p.retries ? p.retries : 3;
	p.busy_timeout_ms = p.busy_timeout_ms ? p.busy_timeout_ms : 300000;
	s->is_check = p.kind != HEALTH_BY_MCP;
	p.ask = ask;
	p.last_heard_ms = last_heard;
	p.busy_since_ms = busy_since;
	p.calls_given_up = calls_given_up;
	p.give_up = give_up;
	p.noun = "health command";
	p.on_verdict = on_verdict;
	p.ctx = s;
	s->health = health_new(&p, NULL);
	ck_assert_ptr_nonnull(s->health);
}

static void tear_down(struct server *s)
{
	health_free(s->health);
	loop_free(s->loop);
	clock_fake(NULL);
}

/* Answers come one step after the question. */
static void pass(struct server *s, int64_t seconds)
{
	for (int64_t end = now_ms + seconds * 1000; now_ms < end;) {
		now_ms += STEP_MS;
		for (size_t i = 0; i < s->n_open && s->health; i++)
			s->is_check ? say(s, s->open[i]) : answer(s, s->open[i]);
		s->n_open = 0;
		loop_round(s->loop, false);
	}
}

/* Second of the i-th question, counted from the start. */
static int64_t asked_s(const struct server *s, size_t i)
{
	return (s->asked_ms[i] - 1000000) / 1000;
}

START_TEST(a_silent_server_is_pinged_every_interval)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	pass(&s, 29);
	ck_assert_uint_eq(s.n, 0);
	pass(&s, 100);
	ck_assert_str_eq(s.asked, "ptppp"); /* until it is known what a ping is worth */
	ck_assert_int_eq(asked_s(&s, 0), 30);
	ck_assert_int_eq(asked_s(&s, 2), 60);
	ck_assert_int_eq(asked_s(&s, 4), 120);
	ck_assert_str_eq(s.verdicts, "");
	ck_assert_int_eq(health_now(s.health), HEALTH_HEALTHY);
	tear_down(&s);
}
END_TEST

START_TEST(a_server_that_speaks_is_not_asked)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	for (int i = 0; i < 20; i++) {
		pass(&s, 20);
		s.heard_ms = now_ms;
	}
	ck_assert_uint_eq(s.n, 0);
	ck_assert_int_eq(health_now(s.health), HEALTH_HEALTHY);
	pass(&s, 31);
	ck_assert_uint_eq(s.n, 2); /* one interval after the last byte */
	tear_down(&s);
}
END_TEST

START_TEST(a_hung_server_is_found_within_retries_times_interval_plus_timeout)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	pass(&s, 45); /* one ping answered at 30.1 s */
	s.heard_ms = now_ms;
	s.is_mute = true; /* the worst case: right after it was heard */
	int64_t hung_ms = now_ms;
	pass(&s, 120);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_int_le(s.verdict_ms - hung_ms, 3 * 30000 + 10000);
	ck_assert_str_eq(s.why, "no answer to 3 pings in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(probes_start_every_interval_while_others_wait)
{
	struct server s = { .is_mute = true };
	struct health_params p = { .interval_ms = 10000, .timeout_ms = 35000, .retries = 3 };
	set_up(&s, &p);
	pass(&s, 64);
	ck_assert_str_eq(s.asked, "ptptptptptpt");
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 1); /* the third failed: 3 × 10 + 35 */
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_int_eq(s.verdict_ms, 1065000);
	tear_down(&s);
}
END_TEST

START_TEST(an_answer_after_its_timeout_is_life)
{
	struct server s = { .is_mute = true };
	set_up(&s, NULL);
	pass(&s, 75); /* two failures at 40 and 70 s */
	answer(&s, 1);
	pass(&s, 60); /* two more, but not three in a row */
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 41);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(an_unhealthy_server_that_answers_is_healthy_again)
{
	struct server s = { .is_mute = true };
	set_up(&s, NULL);
	pass(&s, 200);
	ck_assert_str_eq(s.verdicts, "u");
	s.is_mute = false;
	pass(&s, 40);
	ck_assert_str_eq(s.verdicts, "uh");
	ck_assert_int_eq(health_now(s.health), HEALTH_HEALTHY);
	tear_down(&s);
}
END_TEST

START_TEST(ping_unknown_is_life_and_tools_are_asked_for_from_then_on)
{
	struct server s = { .error_code = -32601 };
	set_up(&s, NULL);
	pass(&s, 155);
	ck_assert_str_eq(s.asked, "pttttt");
	ck_assert_str_eq(s.verdicts, "");
	tear_down(&s);
}
END_TEST

START_TEST(ping_ignored_by_a_server_that_answers_otherwise_is_latched)
{
	struct server s = { .ignores_ping = true };
	struct health_params p = { .retries = 1 }; /* nobody else asks it anything */
	set_up(&s, &p);
	pass(&s, 60 * 20);
	ck_assert_str_eq(s.verdicts, "");
	tear_down(&s);
}
END_TEST

START_TEST(a_deaf_server_is_asked_for_its_tools_from_then_on)
{
	struct server s = { .ignores_ping = true };
	set_up(&s, NULL);
	pass(&s, 155);
	ck_assert_str_eq(s.asked, "pttttt");
	s.is_mute = true;
	pass(&s, 120);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "no answer to 3 tools/list requests in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(a_modern_server_is_asked_to_be_discovered)
{
	struct server s = { 0 };
	struct health_params p = { .is_modern = true };
	set_up(&s, &p);
	pass(&s, 61);
	ck_assert_str_eq(s.asked, "ss");
	s.is_mute = true;
	pass(&s, 120);
	ck_assert_str_eq(s.why, "no answer to 3 server/discover requests in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(with_a_call_in_flight_silence_is_borne_for_busy_timeout)
{
	struct server s = { .is_mute = true, .busy_ms = 1000000 };
	set_up(&s, NULL);
	pass(&s, 299);
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 1);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "not a byte in 5m00s with a call in flight");
	tear_down(&s);
}
END_TEST

START_TEST(an_old_silence_is_no_fault_of_a_call_that_has_just_come)
{
	struct server s = { 0 };
	struct health_params p = { .interval_ms = 600000 };
	set_up(&s, &p);
	s.is_mute = true;
	pass(&s, 599);
	s.busy_ms = now_ms; /* busy_timeout after the last byte, but just now */
	pass(&s, 299);
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 2);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(a_tool_that_takes_long_is_asked_before_it_is_judged)
{
	struct server s = { 0 };
	struct health_params p = { .interval_ms = 600000, .busy_timeout_ms = 5000 };
	set_up(&s, &p);
	pass(&s, 599);
	s.busy_ms = now_ms;
	pass(&s, 60); /* it answers the ping, and so it may take as long as it likes */
	ck_assert_str_eq(s.verdicts, "");
	ck_assert_uint_ge(s.n, 2);
	s.is_mute = true;
	pass(&s, 5 + 10 + 5);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(when_the_call_is_over_silence_counts_from_then)
{
	struct server s = { .is_mute = true, .busy_ms = 1000000 };
	set_up(&s, NULL);
	pass(&s, 200);
	s.busy_ms = 0;
	pass(&s, 75); /* those asked at 210 and 240 s have failed */
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 30);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(a_busy_server_that_says_something_is_not_hung)
{
	struct server s = { .is_mute = true, .busy_ms = 1000000 };
	set_up(&s, NULL);
	for (int i = 0; i < 20; i++) {
		pass(&s, 290);
		s.heard_ms = now_ms; /* progress */
	}
	ck_assert_str_eq(s.verdicts, "");
	tear_down(&s);
}
END_TEST

START_TEST(a_server_that_answers_pings_but_no_calls_is_unhealthy)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	s.given_up = 2;
	pass(&s, 60);
	ck_assert_str_eq(s.verdicts, "");
	s.given_up = 3;
	pass(&s, 31);
	ck_assert_str_eq(s.verdicts, "u");
	pass(&s, 300); /* its pings do not make it well */
	ck_assert_str_eq(s.verdicts, "u");
	s.given_up = 0;
	pass(&s, 31);
	ck_assert_str_eq(s.verdicts, "uh");
	tear_down(&s);
}
END_TEST

/* --- checks ---------------------------------------------------------------------------------- */

START_TEST(a_check_runs_every_interval_whatever_the_server_says)
{
	struct server s = { 0 };
	struct health_params p = { .kind = HEALTH_BY_CHECK, .interval_ms = 10000 };
	set_up(&s, &p);
	ck_assert_int_eq(health_now(s.health), HEALTH_STARTING);
	for (int i = 0; i < 11; i++) {
		s.heard_ms = now_ms;
		pass(&s, 5);
	}
	ck_assert_str_eq(s.asked, "ccccc");
	ck_assert_str_eq(s.verdicts, "h");
	tear_down(&s);
}
END_TEST

START_TEST(a_no_counts_also_while_a_call_is_in_flight)
{
	struct server s = { .says = HEALTH_UNHEALTHY, .busy_ms = 1000000 };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	pass(&s, 61);
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 30);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "3 health commands failed in 1m00s, the last: no");
	tear_down(&s);
}
END_TEST

START_TEST(a_check_that_does_not_end_fails_after_timeout)
{
	struct server s = { .is_mute = true };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	s.heard_ms = now_ms;
	pass(&s, 99);
	ck_assert_uint_eq(s.n_dropped, 2);
	pass(&s, 2);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_str_eq(s.why, "no answer to 3 health commands in 1m10s");
	tear_down(&s);
}
END_TEST

START_TEST(a_check_that_is_passed_is_as_good_as_a_byte)
{
	struct server s = { .busy_ms = 1000000 };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	pass(&s, 900); /* three times busy_timeout without a byte */
	ck_assert_str_eq(s.verdicts, "h");
	tear_down(&s);
}
END_TEST

START_TEST(silence_that_is_not_its_own_does_not_count)
{
	struct server s = { .is_mute = true, .is_carrier_slow = true };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&s, &p);
	pass(&s, 600);
	ck_assert_str_eq(s.verdicts, "");
	s.ask_result = HEALTH_NOT_ASKED;
	pass(&s, 600);
	ck_assert_str_eq(s.verdicts, "");
	s.is_carrier_slow = false;
	s.ask_result = 0;
	pass(&s, 120);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(the_engines_word_counts_at_once_and_its_silence_never)
{
	struct server s = { 0 };
	struct health_params p = { .kind = HEALTH_BY_ENGINE, .retries = 1 };
	set_up(&s, &p);
	pass(&s, 1);
	ck_assert_str_eq(s.asked, "c"); /* it may have been healthy for long */
	s.is_mute = true;
	pass(&s, 300);
	s.is_mute = false;
	ck_assert_str_eq(s.verdicts, "h"); /* what it said first */
	s.says = HEALTH_UNHEALTHY;
	health_look(s.health); /* an event */
	pass(&s, 1);
	ck_assert_str_eq(s.verdicts, "hu");
	ck_assert_str_eq(s.why, "the health command failed: no");
	tear_down(&s);
}
END_TEST

START_TEST(failures_in_the_start_period_do_not_count)
{
	struct server s = { .is_mute = true };
	struct health_params p = { .start_period_ms = 100000 };
	set_up(&s, &p);
	pass(&s, 189); /* asked at 120, 150, 180 s: the third has not failed */
	ck_assert_str_eq(s.verdicts, "");
	pass(&s, 2);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(one_never_heard_is_starting_until_it_answers)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	health_free(s.health);
	s.heard_ms = 0;
	struct health_params p = { .loop = s.loop,
				   .interval_ms = 30000,
				   .timeout_ms = 10000,
				   .retries = 3,
				   .ask = ask,
				   .on_verdict = on_verdict,
				   .ctx = &s }; /* nor can it be heard but by its answers */
	s.health = health_new(&p, NULL);
	ck_assert_int_eq(health_now(s.health), HEALTH_STARTING);
	pass(&s, 31);
	ck_assert_str_eq(s.verdicts, "h");
	ck_assert_str_eq(s.why, "");
	tear_down(&s);
}
END_TEST

START_TEST(what_cannot_be_asked_fails_at_once)
{
	struct server s = { .ask_result = -ENOBUFS };
	set_up(&s, NULL);
	pass(&s, 91);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_int_eq(s.verdict_ms, 1090000);
	tear_down(&s);
}
END_TEST

START_TEST(a_success_ends_the_start_period)
{
	struct server s = { 0 };
	struct health_params p = { .start_period_ms = 1000000 };
	set_up(&s, &p);
	pass(&s, 31); /* one ping answered */
	s.is_mute = true;
	pass(&s, 110);
	ck_assert_str_eq(s.verdicts, "u");
	tear_down(&s);
}
END_TEST

START_TEST(the_verdict_may_free_it)
{
	struct server s = { .is_mute = true, .frees_on_verdict = true };
	set_up(&s, NULL);
	pass(&s, 200);
	ck_assert_str_eq(s.verdicts, "u");
	ck_assert_uint_eq(s.n, 6);
	struct server back = { .is_mute = true };
	set_up(&back, NULL);
	pass(&back, 100);
	back.is_mute = false;
	back.frees_on_verdict = true;
	pass(&back, 50); /* by the answer */
	ck_assert_str_eq(back.verdicts, "uh");
	struct server check = { .says = HEALTH_UNHEALTHY, .frees_on_verdict = true };
	struct health_params p = { .kind = HEALTH_BY_CHECK };
	set_up(&check, &p);
	pass(&check, 200);
	ck_assert_str_eq(check.verdicts, "u");
	struct server stuck = { .is_mute = true, .busy_ms = 1000000, .frees_on_verdict = true };
	set_up(&stuck, NULL);
	pass(&stuck, 400);
	ck_assert_str_eq(stuck.verdicts, "u");
	tear_down(&s);
	loop_free(back.loop);
	loop_free(check.loop);
	loop_free(stuck.loop);
}
END_TEST

START_TEST(an_idle_server_costs_one_question_per_interval_and_no_other_timer)
{
	struct server s = { 0 };
	set_up(&s, NULL);
	pass(&s, 305);
	ck_assert_uint_eq(s.n, 11); /* tools/list along with the first ping */
	tear_down(&s);
}
END_TEST

Suite *suite_health_health(void);
Suite *suite_health_health(void)
{
	Suite *s = suite_create("health_health");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_silent_server_is_pinged_every_interval);
	tcase_add_test(c, a_server_that_speaks_is_not_asked);
	tcase_add_test(c, a_hung_server_is_found_within_retries_times_interval_plus_timeout);
	tcase_add_test(c, probes_start_every_interval_while_others_wait);
	tcase_add_test(c, an_answer_after_its_timeout_is_life);
	tcase_add_test(c, an_unhealthy_server_that_answers_is_healthy_again);
	tcase_add_test(c, ping_unknown_is_life_and_tools_are_asked_for_from_then_on);
	tcase_add_test(c, ping_ignored_by_a_server_that_answers_otherwise_is_latched);
	tcase_add_test(c, a_deaf_server_is_asked_for_its_tools_from_then_on);
	tcase_add_test(c, a_modern_server_is_asked_to_be_discovered);
	tcase_add_test(c, with_a_call_in_flight_silence_is_borne_for_busy_timeout);
	tcase_add_test(c, an_old_silence_is_no_fault_of_a_call_that_has_just_come);
	tcase_add_test(c, a_tool_that_takes_long_is_asked_before_it_is_judged);
	tcase_add_test(c, when_the_call_is_over_silence_counts_from_then);
	tcase_add_test(c, a_busy_server_that_says_something_is_not_hung);
	tcase_add_test(c, a_server_that_answers_pings_but_no_calls_is_unhealthy);
	tcase_add_test(c, a_check_runs_every_interval_whatever_the_server_says);
	tcase_add_test(c, a_no_counts_also_while_a_call_is_in_flight);
	tcase_add_test(c, a_check_that_does_not_end_fails_after_timeout);
	tcase_add_test(c, a_check_that_is_passed_is_as_good_as_a_byte);
	tcase_add_test(c, silence_that_is_not_its_own_does_not_count);
	tcase_add_test(c, the_engines_word_counts_at_once_and_its_silence_never);
	tcase_add_test(c, failures_in_the_start_period_do_not_count);
	tcase_add_test(c, one_never_heard_is_starting_until_it_answers);
	tcase_add_test(c, what_cannot_be_asked_fails_at_once);
	tcase_add_test(c, a_success_ends_the_start_period);
	tcase_add_test(c, the_verdict_may_free_it);
	tcase_add_test(c, an_idle_server_costs_one_question_per_interval_and_no_other_timer);
	suite_add_tcase(s, c);
	return s;
}
