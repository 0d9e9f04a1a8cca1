/* SPDX-License-Identifier: MIT */
/* sharing = per-agent: which one is meant by a name, and whose pipes are whose. */
#define CONTROL_RIG_MORE                                                                           \
	"[server:own]\ncommand = cat\nsharing = per-agent\nautostart = lazy\n"                     \
	"[agent:a]\n[agent:b]\n"
#include "tests/unit/control_rig.h"

#include "stdio/fifo.h"
#include "supervisor/agents.h"
#include "supervisor/doors.h"

#include <fcntl.h>
#include <sys/stat.h>

static const char *path_in(const char *name)
{
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s/mcp/%s", dir, name);
	return path;
}

static struct server *own(const char *agent)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "own@%s", agent);
	return supervisor_find(&sv, name);
}

static size_t sessions(struct server *s)
{
	return mux_agents_present(server_mux(s));
}

START_TEST(to_the_operator_a_name_is_all_of_that_name)
{
	expect(operator_path, ASK("status", "{\"names\":[\"own\"]}"), "\"own@a\"");
	expect(operator_path, ASK("status", "{\"names\":[\"own\"]}"), "\"own@b\"");
	expect(operator_path, ASK("status", "{\"names\":[\"own@b\",\"own@x\"]}"),
	       "\"unknown\":[\"own@x\"]");
	expect(operator_path, ASK("stop", "{\"names\":[\"own@b\"],\"wait\":false}"), "\"own@b\"");
	ck_assert(!own("a")->is_by_hand && own("b")->is_by_hand);
	expect(operator_path, ASK("stop", "{\"names\":[\"own\"],\"wait\":false}"), "\"own@a\"");
	ck_assert(own("a")->is_by_hand && own("default")->is_by_hand);
	expect(operator_path, ASK("stop", "{\"names\":[\"own@x\"]}"), "no server 'own@x'");
}
END_TEST

START_TEST(to_an_agent_its_own_is_the_only_one)
{
	const char *a_path = path_in("a/agent.sock");
	int fd = dial(a_path);
	say(fd, ASK("status", "{}"));
	const char *text = hear(fd);
	assert_has(text, "\"own@a\"");
	ck_assert_ptr_null(strstr(text, "own@b"));
	say(fd, ASK("status", "{\"names\":[\"own@b\"]}"));
	assert_has(hear(fd), "\"unknown\":[\"own@b\"]");
	say(fd, ASK("wait", "{\"names\":[\"own\"]}"));
	rounds();
	text = hear(fd);
	assert_has(text, "\"own@a\"");
	ck_assert_ptr_null(strstr(text, "own@b"));
	say(fd, ASK("endpoint", "{\"server\":\"own\"}"));
	assert_has(hear(fd), "\"own/in\"");
	say(fd, ASK("connect", "{\"server\":\"own\"}"));
	assert_has(hear(fd), "\"result\":{}");
	ck_assert_uint_eq(sessions(own("a")), 1);
	close(fd);
	expect(planner_path, ASK("connect", "{\"server\":\"own\"}"), "there is no server 'own'");
}
END_TEST

static struct server *connected(const char *params)
{
	char question[256];
	(void)snprintf(question, sizeof(question),
		       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"connect\",\"params\":%s}\n",
		       params);
	int fd = dial(operator_path);
	say(fd, question);
	assert_has(hear(fd), "\"result\":{}");
	struct server *found = NULL;
	for (size_t i = 0; i < sv.n_servers; i++)
		if (sessions(sv.servers[i]) > 0)
			found = sv.servers[i];
	close(fd);
	rounds();
	return found;
}

START_TEST(the_operator_is_an_agent_of_its_choice)
{
	ck_assert_ptr_eq(connected("{\"server\":\"own\",\"agent\":\"b\"}"), own("b"));
	ck_assert_ptr_eq(connected("{\"server\":\"own\"}"), own("default"));
	ck_assert_ptr_eq(connected("{\"server\":\"own@b\"}"), own("b"));
	expect(operator_path, ASK("connect", "{\"server\":\"own@b\",\"agent\":\"a\"}"),
	       "agent a may not use server own@b");
	expect(operator_path, ASK("connect", "{\"server\":\"own\",\"agent\":\"planner\"}"),
	       "there is no server 'own'; there are: fs, git, own@default, own@a, own@b");
	expect(operator_path, ASK("endpoint", "{\"server\":\"own@b\"}"), "/mcp/b/own/in\"");
}
END_TEST

START_TEST(an_agents_pipes_lead_to_its_own_and_stay_while_others_go)
{
	struct err e = { 0 };
	struct stat st;
	sv.fifos = fifo_set_new(sv.loop, &e);
	ck_assert_msg(sv.fifos != NULL, "%s", e.text);
	for (struct conf_agent **a = sv.conf->agents; *a; a++)
		ck_assert_msg(doors_open(&sv, *a, &e) == 0, "%s", e.text);
	ck_assert(agents_has_pipes(server_agents(own("a")), "a"));
	ck_assert(!agents_has_pipes(server_agents(own("a")), "b"));
	ck_assert_int_eq(stat(path_in("a/own/in"), &st), 0);
	ck_assert_int_lt(stat(path_in("planner/own/in"), &st), 0);
	doors_close_server(&sv, own("b"));
	ck_assert_int_eq(stat(path_in("a/own/in"), &st), 0);
	ck_assert_int_lt(stat(path_in("b/own/in"), &st), 0);
	for (struct conf_agent **a = sv.conf->agents; *a; a++)
		doors_close(&sv, (*a)->name);
	fifo_set_free(sv.fifos);
}
END_TEST

/* Before a reload `own` was shared: it leaves, and the pipes are the instance's. */
START_TEST(where_sharing_changed_the_pipes_change_hands)
{
	struct err e = { 0 };
	struct stat before, after;
	sv.fifos = fifo_set_new(sv.loop, &e);
	ck_assert_msg(sv.fifos != NULL, "%s", e.text);
	struct conf_agent *a = sv.conf->agents[2];
	ck_assert_str_eq(a->name, "a");
	struct conf_server shared = *server_conf(own("a"))->of;
	struct server *old = server_new(&sv, &shared, &e);
	ck_assert_ptr_nonnull(old);
	ck_assert_int_eq(rundir_agent(sv.rundir, &(struct rundir_agent){ "a", -1, -1, false }, &e),
			 0);
	struct stream *pipes = rundir_pipes(sv.rundir, sv.fifos, "a", "own", &e);
	ck_assert_ptr_nonnull(pipes);
	ck_assert_int_eq(agents_add_pipes(server_agents(old), "a", pipes, &e), 0);
	ck_assert_int_eq(stat(path_in("a/own/in"), &before), 0);
	int reader = open(path_in("a/own/out"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(reader, 0);

	struct server **all = calloc(sv.n_servers + 2, sizeof(struct server *));
	memcpy(all, sv.servers, sv.n_servers * sizeof(struct server *));
	all[sv.n_servers++] = old; /* as reload.c puts those that leave */
	free(sv.servers);
	sv.servers = all;
	ck_assert_msg(doors_open(&sv, a, &e) == 0, "%s", e.text);
	ck_assert(agents_has_pipes(server_agents(own("a")), "a"));
	ck_assert(!agents_has_pipes(server_agents(old), "a"));
	ck_assert_int_eq(stat(path_in("a/own/in"), &after), 0);
	char byte;
	ck_assert_int_eq(read(reader, &byte, 1), 0); /* who had them open is told */
	doors_close_server(&sv, old);
	ck_assert_int_eq(stat(path_in("a/own/in"), &after), 0);
	close(reader);
	server_free(old);
	sv.servers[--sv.n_servers] = NULL;
	doors_close(&sv, "a");
	fifo_set_free(sv.fifos);
}
END_TEST

Suite *suite_supervisor_control_private(void);
Suite *suite_supervisor_control_private(void)
{
	Suite *s = suite_create("supervisor_control_private");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, open_all, close_all);
	tcase_add_test(c, to_the_operator_a_name_is_all_of_that_name);
	tcase_add_test(c, to_an_agent_its_own_is_the_only_one);
	tcase_add_test(c, the_operator_is_an_agent_of_its_choice);
	tcase_add_test(c, an_agents_pipes_lead_to_its_own_and_stay_while_others_go);
	tcase_add_test(c, where_sharing_changed_the_pipes_change_hands);
	suite_add_tcase(s, c);
	return s;
}
