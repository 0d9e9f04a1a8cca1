/* SPDX-License-Identifier: MIT */
#include "supervisor/fsm.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Every pair of state and event as it is meant: the state it leads to, '-' where the event has no meaning. */
struct row {
	enum srv_state state;
	const char *to[SRV_EVENTS]; /* in the order of enum srv_event */
};

/* clang-format off */
static const struct row rows[] = {
	/*		 START       STOP        RECYCLE     READY      DOWN       DIED       ENDED     GAVE_UP  TIMER */
	{ SRV_STOPPED,  { "STARTING", "-",        "STARTING", "-",       "-",       "-",       "-",      "-",     "-" } },
	{ SRV_STARTING, { "-",        "STOPPING", "STOPPING", "RUNNING", "STOPPED", "BACKOFF", "EXITED", "FATAL", "STOPPING" } },
	{ SRV_RUNNING,  { "-",        "STOPPING", "STOPPING", "-",       "STOPPED", "BACKOFF", "EXITED", "FATAL", "-" } },
	{ SRV_BACKOFF,  { "STARTING", "STOPPED",  "STARTING", "-",       "-",       "-",       "-",      "-",     "STARTING" } },
	{ SRV_STOPPING, { "STOPPING", "STOPPING", "STOPPING", "-",       "STOPPED", "BACKOFF", "EXITED", "FATAL", "STOPPING" } },
	{ SRV_EXITED,   { "STARTING", "STOPPED",  "STARTING", "-",       "-",       "-",       "-",      "-",     "-" } },
	{ SRV_FATAL,    { "STARTING", "STOPPED",  "STARTING", "-",       "-",       "-",       "-",      "-",     "-" } },
};

/* clang-format on */

START_TEST(every_pair_of_state_and_event_leads_where_it_is_meant_to)
{
	const struct row *r = &rows[_i];
	for (int ev = 0; ev < SRV_EVENTS; ev++) {
		const struct fsm_rule *rule = fsm_next(r->state, (enum srv_event)ev);
		const char *got = rule->to == SRV_NONE ? "-" : fsm_state_name(rule->to);
		ck_assert_msg(strcmp(got, r->to[ev]) == 0, "%s + %s: %s, meant %s",
			      fsm_state_name(r->state), fsm_event_name((enum srv_event)ev), got,
			      r->to[ev]);
	}
}
END_TEST

static int has(const struct fsm_rule *rule, enum srv_action action)
{
	return rule->act[0] == action || rule->act[1] == action;
}

START_TEST(whatever_enters_starting_launches_and_whatever_enters_backoff_arms_its_timer)
{
	for (int st = SRV_STOPPED; st < SRV_STATES; st++) {
		for (int ev = 0; ev < SRV_EVENTS; ev++) {
			const struct fsm_rule *rule =
				fsm_next((enum srv_state)st, (enum srv_event)ev);
			ck_assert_int_eq(has(rule, ACT_LAUNCH), rule->to == SRV_STARTING);
			ck_assert_int_eq(has(rule, ACT_ARM_BACKOFF), rule->to == SRV_BACKOFF);
			ck_assert_int_eq(has(rule, ACT_WATCH_HEALTH), rule->to == SRV_RUNNING);
			ck_assert_int_eq(has(rule, ACT_CLOSE_STDIN),
					 rule->to == SRV_STOPPING && st != SRV_STOPPING);
		}
	}
}
END_TEST

static bool reaches(enum srv_state from, enum srv_state goal, unsigned seen)
{
	if (from == goal)
		return true;
	for (int ev = 0; ev < SRV_EVENTS; ev++) {
		enum srv_state to = fsm_next(from, (enum srv_event)ev)->to;
		if (to != SRV_NONE && !(seen & 1U << to) && reaches(to, goal, seen | 1U << to))
			return true;
	}
	return false;
}

START_TEST(every_state_can_be_left_and_every_other_be_reached_from_it)
{
	for (int from = SRV_STOPPED; from < SRV_STATES; from++)
		for (int to = SRV_STOPPED; to < SRV_STATES; to++)
			ck_assert_msg(reaches((enum srv_state)from, (enum srv_state)to, 1U << from),
				      "%s to %s", fsm_state_name((enum srv_state)from),
				      fsm_state_name((enum srv_state)to));
}
END_TEST

START_TEST(stopping_is_left_by_the_exit_alone_and_fatal_by_an_operators_word_alone)
{
	for (int i = 0; i < SRV_EVENTS; i++) {
		enum srv_event ev = (enum srv_event)i;
		bool is_exit = ev == EV_DOWN || ev == EV_DIED || ev == EV_ENDED || ev == EV_GAVE_UP;
		bool is_word = ev == EV_START || ev == EV_STOP || ev == EV_RECYCLE;
		enum srv_state to = fsm_next(SRV_STOPPING, ev)->to;
		ck_assert_int_eq(is_exit, to != SRV_NONE && to != SRV_STOPPING);
		ck_assert_int_eq(is_word, fsm_next(SRV_FATAL, ev)->to != SRV_NONE);
		ck_assert_int_eq(is_word, fsm_next(SRV_EXITED, ev)->to != SRV_NONE);
	}
}
END_TEST

START_TEST(a_stop_always_leads_down_and_only_a_handshake_to_running)
{
	for (int st = SRV_STOPPED; st < SRV_STATES; st++) {
		enum srv_state to = fsm_next((enum srv_state)st, EV_STOP)->to;
		ck_assert(to == SRV_STOPPED || to == SRV_STOPPING ||
			  (st == SRV_STOPPED && to == SRV_NONE));
		for (int ev = 0; ev < SRV_EVENTS; ev++)
			if (fsm_next((enum srv_state)st, (enum srv_event)ev)->to == SRV_RUNNING)
				ck_assert(st == SRV_STARTING && ev == EV_READY);
	}
}
END_TEST

Suite *suite_supervisor_fsm(void);
Suite *suite_supervisor_fsm(void)
{
	Suite *s = suite_create("supervisor_fsm");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, every_pair_of_state_and_event_leads_where_it_is_meant_to, 0,
			    (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(
		c, whatever_enters_starting_launches_and_whatever_enters_backoff_arms_its_timer);
	tcase_add_test(c, every_state_can_be_left_and_every_other_be_reached_from_it);
	tcase_add_test(c, stopping_is_left_by_the_exit_alone_and_fatal_by_an_operators_word_alone);
	tcase_add_test(c, a_stop_always_leads_down_and_only_a_handshake_to_running);
	suite_add_tcase(s, c);
	return s;
}
