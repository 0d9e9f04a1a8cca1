/* SPDX-License-Identifier: MIT */
/* A reload meets a server in every state. */
#include "tests/unit/server_rig.h"

#include <time.h>

/* %s: the directory of the scripts. What a server runs stands in its arguments: `mcp A` is another process than `mcp`. */
static const char first[] = "[defaults]\n"
			    "stop_grace_period = 200ms\n"
			    "backoff = 1h\n"
			    "backoff_max = 1h\n"
			    "healthcheck = none\n"
			    "[server:s]\n"
			    "command = %s/mcp\n"
			    "[server:lazy]\n"
			    "command = %s/mcp\n"
			    "autostart = lazy\n"
			    "[server:mute]\n"
			    "command = sleep 1000\n"
			    "[server:dies]\n"
			    "command = false\n"
			    "[server:ends]\n"
			    "command = %s/mcp\n"
			    "autorestart = false\n"
			    "[server:needs]\n"
			    "command = %s/mcp\n"
			    "depends_on = ends\n"
			    "[server:lost]\n"
			    "command = %s/nothing\n";

static struct conf *second;

/* Wanted up, and in this state; EXITED by a call that ends it. */
static void bring(struct server *s, enum srv_state state)
{
	if (state != SRV_STOPPED)
		server_start(s, "boot");
	if (state == SRV_STOPPING || state == SRV_EXITED)
		rig_until(s, SRV_RUNNING);
	if (state == SRV_STOPPING)
		server_restart(s, "mcpctl restart");
	int fd = state == SRV_EXITED ? rig_agent(s) : -1;
	if (fd >= 0)
		rig_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}\n");
	rig_until(s, state);
	if (fd >= 0)
		(void)close(fd);
}

static void change(const char *from, const char *to, char *text, size_t size)
{
	const char *at = strstr(first, from);
	ck_assert_ptr_nonnull(at);
	(void)snprintf(text, size, "%.*s%s%s", (int)(at - first), first, to, at + strlen(from));
}

/* The new configuration of all: `from` in it is `to`. */
static const struct conf_server *other_conf(const char *name, const char *from, const char *to)
{
	char ini[2048], text[4096], *end = text;
	change(from, to, ini, sizeof(ini));
	end = stpcpy(end, "[mcpinit]\nlaunch = process\n");
	for (const char *c = ini; *c; c++) {
		if (strncmp(c, "%s", 2) == 0) {
			end = stpcpy(end, rig_dir);
			c++;
		} else {
			*end++ = *c;
		}
	}
	*end = '\0';
	second = conf_text(text);
	const struct conf_server *cs = conf_find_server(second, name);
	ck_assert_ptr_nonnull(cs);
	return cs;
}

static void open_rig(void)
{
	rig_open(first);
	second = NULL;
}

static void close_rig(void)
{
	rig_close();
	conf_free(second);
}

static void reconfigure(struct server *s)
{
	char from[64], to[64];
	(void)snprintf(from, sizeof(from), "[server:%s]\ncommand = ", server_name(s));
	(void)snprintf(to, sizeof(to), "[server:%s]\ncommand = %%s/mcp x\nexitcodes = 3\n#",
		       server_name(s));
	server_reconfigure(s, other_conf(server_name(s), from, to));
}

static void assert_takes_the_new_one(struct server *s, unsigned generation)
{
	rig_until_again(s, generation);
	ck_assert_ptr_eq(server_conf(s), conf_find_server(second, server_name(s)));
	ck_assert(!server_borrows(s, conf_find_server(rig.conf, server_name(s))));
	ck_assert_uint_eq(s->generation, generation + 1);
}

/* --- each state ---------------------------------------------------------------------------- */

START_TEST(a_running_server_gets_a_new_process_and_stops_by_its_old_keys)
{
	struct server *s = rig_server("s");
	bring(s, SRV_RUNNING);
	reconfigure(s);
	ck_assert_int_eq(server_state(s), SRV_STOPPING);
	ck_assert_ptr_eq(server_conf(s), conf_find_server(rig.conf, "s"));
	assert_takes_the_new_one(s, 1);
}
END_TEST

START_TEST(a_starting_server_begins_anew)
{
	struct server *s = rig_server("mute");
	server_start(s, "boot");
	for (int i = 0; i < RIG_PATIENCE && !s->launch; i++)
		rig_rounds(1);
	ck_assert_int_eq(server_state(s), SRV_STARTING);
	reconfigure(s);
	assert_takes_the_new_one(s, 1);
}
END_TEST

START_TEST(a_server_that_waits_for_another_takes_the_new_one)
{
	struct server *s = rig_server("needs");
	server_start(s, "boot");
	rig_rounds(3);
	ck_assert_int_eq(server_state(s), SRV_STARTING);
	ck_assert_ptr_null(s->launch);
	reconfigure(s);
	ck_assert_ptr_eq(server_conf(s), conf_find_server(second, "needs"));
	rig_rounds(3);
	ck_assert_int_eq(server_state(s), SRV_STARTING);
	server_start(rig_server("ends"), "boot");
	assert_takes_the_new_one(s, 0);
}
END_TEST

START_TEST(a_server_that_waits_for_a_slot_takes_the_new_one)
{
	struct server *s = rig_server("s");
	rig.starting = 1000;
	server_start(s, "boot");
	rig_rounds(3);
	ck_assert_int_eq(server_state(s), SRV_STARTING);
	reconfigure(s);
	rig_rounds(3);
	rig.starting = 0;
	server_kick(s);
	assert_takes_the_new_one(s, 1);
}
END_TEST

START_TEST(a_server_in_backoff_starts_at_once)
{
	struct server *s = rig_server("dies");
	bring(s, SRV_BACKOFF);
	reconfigure(s);
	assert_takes_the_new_one(s, 1);
}
END_TEST

START_TEST(fatal_and_exited_are_left)
{
	static const char *const names[] = { "lost", "ends" };
	struct server *s = rig_server(names[_i]);
	bring(s, _i ? SRV_EXITED : SRV_FATAL);
	reconfigure(s);
	assert_takes_the_new_one(s, 1);
}
END_TEST

START_TEST(what_an_operator_stopped_stays_stopped)
{
	struct server *s = rig_server("s");
	bring(s, SRV_RUNNING);
	server_stop(s, "mcpctl stop");
	ck_assert_int_eq(server_state(s), SRV_STOPPING);
	reconfigure(s);
	rig_until(s, SRV_STOPPED);
	rig_rounds(5);
	ck_assert_int_eq(server_state(s), SRV_STOPPED);
	ck_assert_ptr_eq(server_conf(s), conf_find_server(second, "s"));
	server_start(s, "mcpctl start");
	assert_takes_the_new_one(s, 1);
}
END_TEST

START_TEST(a_lazy_server_sleeps_on)
{
	struct server *s = rig_server("lazy");
	reconfigure(s);
	rig_rounds(5);
	ck_assert_int_eq(server_state(s), SRV_STOPPED);
	int fd = rig_agent(s);
	rig_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n");
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "\"id\":1"));
	ck_assert_ptr_eq(server_conf(s), conf_find_server(second, "lazy"));
	(void)close(fd);
}
END_TEST

START_TEST(two_changes_in_a_row_leave_the_last)
{
	struct server *s = rig_server("s");
	bring(s, SRV_RUNNING);
	reconfigure(s);
	struct conf *between = second;
	reconfigure(s);
	ck_assert(!server_borrows(s, conf_find_server(between, "s")));
	conf_free(between);
	assert_takes_the_new_one(s, 1);
}
END_TEST

/* --- without a new process ------------------------------------------------------------------ */

START_TEST(a_tuned_server_keeps_its_process_and_takes_the_keys)
{
	struct server *s = rig_server("s");
	bring(s, SRV_RUNNING);
	pid_t pid = rig_pid(s);
	server_adopt(s,
		     other_conf("s", "[server:s]\n",
				"[server:s]\nstartretries = 5\nbackoff = 7s\nhealthcheck = mcp\n"),
		     true);
	rig_rounds(5);
	ck_assert_int_eq(rig_pid(s), pid);
	ck_assert_int_eq(s->backoff.retries, 5);
	ck_assert_int_eq(s->backoff.base_ms, 7000);
	ck_assert_ptr_nonnull(s->pulse);
	ck_assert(!server_borrows(s, conf_find_server(rig.conf, "s")));
	server_stop(s, "the old configuration may be gone by now");
	rig_until(s, SRV_STOPPED);
}
END_TEST

START_TEST(a_fatal_server_is_tried_again_though_nothing_changed)
{
	struct server *s = rig_server("lost");
	bring(s, SRV_FATAL);
	rig_script("nothing", rig_mcp);
	server_adopt(s, other_conf("lost", "backoff = 1h", "backoff = 1h"), false);
	rig_until(s, SRV_RUNNING);
}
END_TEST

START_TEST(autostart_that_becomes_true_starts_it_but_not_against_an_operator)
{
	struct server *s = rig_server("lazy");
	if (_i) {
		server_start(s, "mcpctl start");
		rig_until(s, SRV_RUNNING);
		server_stop(s, "mcpctl stop");
		rig_until(s, SRV_STOPPED);
	}
	server_adopt(s, other_conf("lazy", "autostart = lazy", "autostart = true"), true);
	rig_rounds(20);
	if (_i)
		ck_assert_int_eq(server_state(s), SRV_STOPPED);
	else
		rig_until(s, SRV_RUNNING);
}
END_TEST

/* It falls asleep; one reload changes its process, the next one says that it shall run. */
START_TEST(autostart_that_becomes_true_counts_while_the_old_process_goes)
{
	struct server *s = rig_server("lazy");
	bring(s, SRV_RUNNING);
	server_sleep(s);
	ck_assert_int_eq(server_state(s), SRV_STOPPING);
	reconfigure(s);
	struct conf *reloaded = second;
	server_adopt(s, other_conf("lazy", "autostart = lazy", "autostart = true"), true);
	ck_assert(!server_borrows(s, conf_find_server(reloaded, "lazy")));
	conf_free(reloaded);
	rig_until_again(s, 1);
	ck_assert_uint_eq(s->generation, 2);
}
END_TEST

/* --- leaving --------------------------------------------------------------------------------- */

static void until_down(struct server *s)
{
	for (int i = 0; i < RIG_PATIENCE && !server_is_down(s); i++)
		rig_rounds(1);
	ck_assert(server_is_down(s));
	ck_assert_int_eq(server_state(s), SRV_STOPPED);
}

START_TEST(a_server_leaves_from_any_state_and_never_comes_back_by_itself)
{
	static const struct {
		const char *name;
		enum srv_state state;
	} all[] = {
		{ "lazy", SRV_STOPPED }, { "mute", SRV_STARTING }, { "s", SRV_RUNNING },
		{ "dies", SRV_BACKOFF }, { "s", SRV_STOPPING },	   { "ends", SRV_EXITED },
		{ "lost", SRV_FATAL },
	};
	struct server *s = rig_server(all[_i].name);
	bring(s, all[_i].state);
	server_leave(s);
	until_down(s);
	server_start(s, "somebody");
	server_restart(s, "somebody");
	rig_rounds(5);
	ck_assert(server_is_leaving(s) && server_is_down(s));
}
END_TEST

START_TEST(a_call_under_way_fails_with_the_reason_when_its_server_is_removed)
{
	struct server *s = rig_server("s");
	bring(s, SRV_RUNNING);
	int fd = rig_agent(s);
	rig_say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}\n");
	server_leave(s);
	const char *answer = rig_hear(fd);
	ck_assert_msg(strstr(answer, "\"id\":1,\"error\"") &&
			      strstr(answer, "removed from the configuration"),
		      "%s", answer);
	until_down(s);
	(void)close(fd);
}
END_TEST

START_TEST(a_server_that_leaves_can_be_called_back)
{
	struct server *s = rig_server("s");
	bring(s, SRV_RUNNING);
	server_leave(s);
	if (_i)
		until_down(s);
	reconfigure(s);
	ck_assert(!server_is_leaving(s));
	assert_takes_the_new_one(s, 1);
}
END_TEST

START_TEST(shutdown_wins)
{
	struct server *s = rig_server("s");
	bring(s, SRV_RUNNING);
	reconfigure(s);
	server_shut(s, 100);
	until_down(s);
	rig_rounds(5);
	ck_assert_uint_eq(s->generation, 1);
}
END_TEST

START_TEST(what_a_server_may_ask_is_handed_to_the_mux)
{
	struct server *s = rig_server("s");
	const struct conf_server *was = s->conf;
	struct mux_params mp = server_mux_params(s);
	ck_assert_uint_eq(mp.capabilities, 0);
	ck_assert_int_eq(mp.ask_policy, MUX_ASK_SERIALIZE);
	s->conf = other_conf("s", "[server:s]\n",
			     "[server:s]\nclient_capabilities = Roots, elicitation\n"
			     "ask_policy = reject\n");
	mp = server_mux_params(s);
	s->conf = was;
	ck_assert_uint_eq(mp.capabilities, MUX_ROOTS | MUX_ELICITATION);
	ck_assert_int_eq(mp.ask_policy, MUX_ASK_REJECT);
}
END_TEST

Suite *suite_supervisor_server_conf(void);
Suite *suite_supervisor_server_conf(void)
{
	Suite *s = suite_create("supervisor_server_conf");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, open_rig, close_rig);
	tcase_add_test(t, a_running_server_gets_a_new_process_and_stops_by_its_old_keys);
	tcase_add_test(t, a_starting_server_begins_anew);
	tcase_add_test(t, a_server_that_waits_for_another_takes_the_new_one);
	tcase_add_test(t, a_server_that_waits_for_a_slot_takes_the_new_one);
	tcase_add_test(t, a_server_in_backoff_starts_at_once);
	tcase_add_loop_test(t, fatal_and_exited_are_left, 0, 2);
	tcase_add_test(t, what_an_operator_stopped_stays_stopped);
	tcase_add_test(t, a_lazy_server_sleeps_on);
	tcase_add_test(t, two_changes_in_a_row_leave_the_last);
	tcase_add_test(t, a_tuned_server_keeps_its_process_and_takes_the_keys);
	tcase_add_test(t, a_fatal_server_is_tried_again_though_nothing_changed);
	tcase_add_loop_test(t, autostart_that_becomes_true_starts_it_but_not_against_an_operator, 0,
			    2);
	tcase_add_test(t, autostart_that_becomes_true_counts_while_the_old_process_goes);
	tcase_add_loop_test(t, a_server_leaves_from_any_state_and_never_comes_back_by_itself, 0, 7);
	tcase_add_test(t, a_call_under_way_fails_with_the_reason_when_its_server_is_removed);
	tcase_add_loop_test(t, a_server_that_leaves_can_be_called_back, 0, 2);
	tcase_add_test(t, shutdown_wins);
	tcase_add_test(t, what_a_server_may_ask_is_handed_to_the_mux);
	suite_add_tcase(s, t);
	return s;
}
