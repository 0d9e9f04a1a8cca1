/* SPDX-License-Identifier: MIT */
/*
 * Random walks: thousands of events and passing times over five servers of every kind, in orders nobody thought of. What must
 * always be true is looked at after every step (script_rig.h); at the end everything goes well again and all wishes must
 * come true, and then a shutdown must end. SEED=n walks that walk again; the seed of a walk that fails is its test's number.
 */
#include "base/cleanup.h"
#include "tests/unit/script_rig.h"

enum { WALKS = 60, STEPS = 300, AGENTS = 4 };

#define SPAN                                                                                       \
	"image = x\nlaunch = api\nstop_grace_period = 1s\nbackoff = 1s\nbackoff_max = 20s\n"       \
	"start_timeout = 20s\nhealthcheck_interval = 5s\nhealthcheck_timeout = 2s\n"               \
	"healthcheck_retries = 2\nbusy_timeout = 10s\npark_timeout = 3s\n"

static const char ini[] =
	"[server:a]\n" SPAN "[server:b]\n" SPAN "depends_on = a\nstartretries = 2\n"
	"[server:c]\n" SPAN "autorestart = unexpected\nstartsecs = 0\n"
	"[server:d]\n" SPAN "autorestart = false\non_unhealthy = stop\n"
	"[server:e]\n" SPAN "autostart = lazy\ndepends_on = c\n";

static int agents[AGENTS]; /* of servers[i], or -1 */

static bool chance(unsigned percent)
{
	return script_random(100) < percent;
}

static void change_mood(struct script_mood *m)
{
	switch (script_random(8)) {
	case 0:
		m->is_pulling = chance(40);
		break;
	case 1:
		m->is_slow = chance(30);
		break;
	case 2:
		m->is_mute = chance(30);
		break;
	case 3:
		m->keeps_on_eof = chance(50);
		break;
	case 4:
		m->keeps_on_stop = chance(50);
		m->keeps_on_kill = m->keeps_on_stop && !rig.shutdown && chance(30);
		break;
	case 5:
		m->exits_early = chance(30);
		m->exit_code = (int)script_random(3);
		break;
	case 6:
		m->refusal = chance(20) ? "it cannot be started" : NULL;
		m->is_final_refusal = chance(30);
		break;
	default:
		*m = (struct script_mood){ 0 };
		break;
	}
}

static void happen_to_launch(struct launch *l)
{
	if (!l)
		return;
	switch (script_random(4)) {
	case 0:
		if (script_phase(l) == SCRIPT_RUNS)
			script_exits(l, (int)script_random(3));
		break;
	case 1:
		if (script_phase(l) != SCRIPT_RUNS)
			script_fails(l, "something went wrong", chance(20));
		break;
	case 2:
		script_loses_engine(l); /* and nobody has noticed yet */
		break;
	default:
		if (script_phase(l) == SCRIPT_FETCHING)
			script_pulled(l);
		break;
	}
}

static void call_from_agent(size_t i)
{
	if (agents[i] < 0)
		agents[i] = rig_agent(rig.servers[i]);
	else if (chance(20))
		close_fd(&agents[i]);
	else
		(void)!write(agents[i], script_call, strlen(script_call));
	while (agents[i] >= 0 && *script_heard(agents[i]))
		;
}

static void toggle_engine(void)
{
	bool is_there = !rig.is_engine_ready;
	for (size_t i = 0; !is_there && i < rig.n_servers; i++) {
		struct launch *l = script_launch(server_name(rig.servers[i]));
		if (l && script_phase(l) != SCRIPT_PREPARED && chance(70))
			script_loses_engine(l);
	}
	script_engine(is_there);
}

static void step(void)
{
	static const int64_t spans[] = { 0, 0, 1, 50, 250, 1000, 3000, 12000, 70000 };
	size_t i = script_random((unsigned)rig.n_servers);
	struct server *s = rig.servers[i];
	switch (script_random(12)) {
	case 0:
	case 1:
		server_start(s, "walk");
		break;
	case 2:
		server_stop(s, "walk");
		break;
	case 3:
		server_restart(s, "walk");
		break;
	case 4:
	case 5:
	case 6:
		change_mood(script_mood(server_name(s)));
		break;
	case 7:
	case 8:
		happen_to_launch(script_launch(server_name(s)));
		break;
	case 9:
		call_from_agent(i < AGENTS ? i : 0);
		break;
	case 10:
		if (chance(50))
			toggle_engine();
		break;
	default:
		break;
	}
	script_look();
	script_from(s);
	if (chance(50)) /* else the next one meets it in the middle of this one */
		return;
	script_pass(spans[script_random(sizeof(spans) / sizeof(spans[0]))]);
	script_settle();
}

/* Nothing is in the way any more; five minutes later each wish has come true. */
static void all_is_well(void)
{
	for (size_t i = 0; i < rig.n_servers; i++)
		*script_mood(server_name(rig.servers[i])) = (struct script_mood){ 0 };
	if (!rig.is_engine_ready)
		script_engine(true);
	script_wait(300000);
	for (size_t i = 0; i < rig.n_servers; i++) {
		struct server *s = rig.servers[i];
		bool is_held = s->state == SRV_STARTING && s->hold == HOLD_HOPELESS;
		if (s->want_up)
			must(s, s->state == SRV_RUNNING || s->state == SRV_EXITED ||
					s->state == SRV_FATAL || is_held);
		else
			must(s, s->state == SRV_STOPPED);
	}
	ck_assert_uint_eq(rig.starting, 0);
}

START_TEST(whatever_happens_in_whatever_order)
{
	const char *again = getenv("SEED");
	unsigned seed = again ? (unsigned)atoi(again) : (unsigned)_i + 1;
	printf("# walk with SEED=%u\n", seed);
	log_set(LOG_ERROR, LOG_TEXT);
	script_open(ini, 1 + (int)(seed % 3));
	script_seed(seed);
	for (size_t i = 0; i < AGENTS; i++)
		agents[i] = -1;
	for (int n = 0; n < STEPS; n++)
		step();
	if (seed % 2)
		all_is_well();
	for (size_t i = 0; i < rig.n_servers; i++)
		script_mood(server_name(rig.servers[i]))->keeps_on_kill = false;
	script_sigterm();
	for (int n = 0; n < 10; n++) /* the engine may go meanwhile, people may still type */
		step();
	script_wait(9000);
	ck_assert(script_is_down);
	for (size_t i = 0; i < rig.n_servers; i++)
		script_is(rig.servers[i], SRV_STOPPED);
	ck_assert_uint_eq(script_alive(), 0);
	for (size_t i = 0; i < AGENTS; i++)
		close_fd(&agents[i]);
	script_close();
}
END_TEST

Suite *suite_supervisor_server_walk(void);
Suite *suite_supervisor_server_walk(void)
{
	Suite *s = suite_create("supervisor_server_walk");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, whatever_happens_in_whatever_order, 0, WALKS);
	suite_add_tcase(s, c);
	return s;
}
