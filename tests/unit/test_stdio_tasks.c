/* SPDX-License-Identifier: MIT */
#include "stdio/mux_priv.h"
#include "tests/unit/mux_rig.h"

#define STATUS                                                                                     \
	"\"method\":\"notifications/tasks/status\",\"params\":{\"taskId\":\"%s\",\"status\":\"%s\"}}"
#define PROGRESS                                                                                   \
	"\"method\":\"notifications/progress\",\"params\":{\"progressToken\":%s,\"progress\":1}}"

static void begin(struct rig *r)
{
	rig_init(r);
	rig_start(r);
	rig_up(r);
}

/* The agent's call becomes a task; its wire id. */
static void make_task(struct rig *r, struct end *a, const char *task, char wire[64])
{
	say(r, a,
	    J
	    "\"id\":\"c\",\"method\":\"tools/call\",\"params\":{\"name\":\"t\",\"task\":{\"ttl\":60000},"
	    "\"_meta\":{\"progressToken\":\"mine\"}}}");
	char result[256];
	const char *line = hear(r, &r->server);
	id_of(line, wire);
	(void)snprintf(result, sizeof(result),
		       "{\"task\":{\"taskId\":\"%s\",\"status\":\"working\"}}", task);
	answer(r, line, result);
	ck_has(hear(r, a), "\"id\":\"c\",\"result\":{\"task\":{\"taskId\"");
}

static void ask(struct rig *r, struct end *a, const char *method, const char *task)
{
	sayf(r, a, J "\"id\":5,\"method\":\"tasks/%s\",\"params\":{\"taskId\":\"%s\"}}", method,
	     task);
}

START_TEST(a_task_is_its_owners_alone)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	char wire[64];
	make_task(&r, a, "t-1", wire);
	static const char *const methods[] = { "get", "result", "cancel" };
	for (int i = 0; i < 3; i++) {
		ask(&r, b, methods[i], i ? "t-1" : "\\u0074-1");
		ck_hears(&r, b,
			 J "\"id\":5,\"error\":{\"code\":-32602,\"message\":\"Task not found\"}}");
		ck_silent(&r, &r.server);
		ask(&r, b, methods[i], "nobody's"); /* the server knows */
		const char *line = hear(&r, &r.server);
		ck_has(line, "nobody's");
		answer(&r, line, "{}");
		ck_has(hear(&r, b), "\"id\":5,\"result\"");
		ask(&r, a, methods[i], "t-1");
		line = hear(&r, &r.server);
		ck_has(line, "t-1");
		answer(&r, line, "{}");
		ck_has(hear(&r, a), "\"id\":5,\"result\"");
	}
	say(&r, a, J "\"id\":6,\"method\":\"tasks/list\"}");
	ck_has(hear(&r, a), "\"id\":6,\"error\":{\"code\":-32601");
	ck_silent(&r, &r.server);
	ck_assert_ptr_eq(tasks_owner(r.mux, (struct span){ "\"t-1\"", 5 }), r.agent[0]);
	ck_assert_ptr_null(tasks_owner(r.mux, (struct span){ "\"t-2\"", 5 }));
	ck_assert_ptr_null(tasks_owner(r.mux, (struct span){ NULL, 0 }));
	rig_done(&r);
}
END_TEST

START_TEST(what_speaks_of_a_task_is_told_to_its_owner_alone)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	char wire[64];
	make_task(&r, b, "t", wire);
	static const char related[] = J
		"\"method\":\"notifications/message\",\"params\":{\"level\":\"info\",\"data\":1,\"_meta\":{"
		"\"io.modelcontextprotocol/related-task\":{\"taskId\":\"%s\"}}}}";
	sayf(&r, &r.server, related, "t");
	ck_has(hear(&r, b), "related-task");
	sayf(&r, &r.server, J STATUS, "t", "working");
	ck_hears(
		&r, b,
		J
		"\"method\":\"notifications/tasks/status\",\"params\":{\"taskId\":\"t\",\"status\":\"working\"}}");
	sayf(&r, b, J STATUS, "t", "working"); /* an agent has none to tell of */
	ck_silent(&r, &r.server);
	sayf(&r, &r.server, related, "nobody's");
	sayf(&r, &r.server, J STATUS, "nobody's", "working");
	ck_silent(&r, b);
	ck_silent(&r, a);
	rig_done(&r);
}
END_TEST

/* Progress under a wire id: does it come? */
static void ck_progress(struct rig *r, struct end *a, const char *wire, bool comes)
{
	sayf(r, &r->server, J PROGRESS, wire);
	if (comes)
		ck_has(hear(r, a), "\"progressToken\":\"mine\"");
	else
		ck_silent(r, a);
}

START_TEST(progress_of_a_task_goes_on_to_its_end)
{
	static const char *const ends[] = { "completed", "failed", "cancelled" };
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	for (int i = 0; i < 5; i++) {
		char wire[64], task[8] = { 't', (char)('0' + i) };
		make_task(&r, a, task, wire);
		ck_progress(&r, a, wire, true);
		sayf(&r, &r.server, J STATUS, task, "working");
		ck_has(hear(&r, a), "working");
		ck_progress(&r, a, wire, true);
		if (i < 3) {
			sayf(&r, &r.server, J STATUS, task, ends[i]);
			ck_has(hear(&r, a), ends[i]);
		} else {
			ask(&r, a, i == 3 ? "get" : "result", task);
			char result[256];
			(void)snprintf(
				result, sizeof(result),
				i == 3 ? "{\"taskId\":\"%s\",\"status\":\"failed\"}"
				       : "{\"content\":[],\"_meta\":{\"io.modelcontextprotocol/"
					 "related-task\":{\"taskId\":\"%s\"}}}",
				task);
			answer(&r, hear(&r, &r.server), result);
			ck_has(hear(&r, a), "\"id\":5,\"result\"");
		}
		ck_progress(&r, a, wire, false);
		ck_assert(!tasks_are_running(&r.agent[0]->tasks));
	}
	rig_done(&r);
}
END_TEST

START_TEST(a_restart_leaves_the_owners_and_ends_the_tasks)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r), *b = rig_client(&r);
	char wire[64];
	make_task(&r, a, "t", wire);
	ask(&r, a, "result", "t");
	ck_has(hear(&r, &r.server), "tasks/result");
	sayf(&r, a, J "\"id\":6,\"method\":\"tasks/get\",\"params\":{\"taskId\":\"t\"}}");
	ck_has(hear(&r, &r.server), "tasks/get");
	rig_die(&r);
	ck_assert(!tasks_are_running(&r.agent[0]->tasks));
	ck_has(hear(&r, a), "\"id\":5,\"error\":{\"code\":-32603");
	ck_silent(&r, a);
	rig_up(&r);
	const char *line = hear(&r, &r.server);
	ck_has(line, "tasks/get"); /* once more */
	answer(&r, line, "{\"taskId\":\"t\",\"status\":\"failed\"}");
	for (int i = 0; i < 3; i++)
		ck_has(hear(&r, a), i < 2 ? "list_changed" : "\"id\":6,\"result\"");
	(void)hear(&r, b);
	(void)hear(&r, b);
	ck_progress(&r, a, wire, false);
	ask(&r, b, "get", "t");
	ck_has(hear(&r, b), "-32602");
	rig_done(&r);
}
END_TEST

START_TEST(tasks_go_with_their_session)
{
	static const char hello[] = J
		"\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\"}}";
	struct rig r;
	begin(&r);
	struct end *a = rig_agent(&r, MUX_PIPES), *b = rig_client(&r);
	char wire[64];
	say(&r, a, hello);
	ck_has(hear(&r, a), "\"id\":0,\"result\"");
	make_task(&r, a, "t", wire);
	ask(&r, b, "get", "t");
	ck_has(hear(&r, b), "-32602");
	say(&r, a, hello); /* another program, on the same pipes */
	ck_has(hear(&r, a), "\"id\":0,\"result\"");
	ask(&r, b, "get", "t");
	ck_has(hear(&r, &r.server), "tasks/get");
	rig_done(&r);
}
END_TEST

START_TEST(waiting_for_a_result_has_no_time_limit)
{
	struct rig r;
	rig_init(&r);
	r.p.request_timeout_ms = 1000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	char wire[64];
	make_task(&r, a, "t", wire);
	ask(&r, a, "result", "t");
	const char *line = hear(&r, &r.server);
	char id[64];
	id_of(line, id);
	pass(&r, 100000);
	ck_silent(&r, a);
	sayf(&r, &r.server, J "\"id\":%s,\"result\":{}}", id);
	ck_has(hear(&r, a), "\"id\":5,\"result\"");
	rig_done(&r);
}
END_TEST

START_TEST(a_server_with_a_running_task_is_not_idle)
{
	struct rig r;
	rig_init(&r);
	r.p.idle_timeout_ms = 1000;
	rig_start(&r);
	rig_up(&r);
	struct end *a = rig_client(&r);
	char wire[64];
	make_task(&r, a, "t", wire);
	pass(&r, 5000);
	ck_assert_int_eq(r.idle, 0);
	sayf(&r, &r.server, J STATUS, "t", "completed");
	pass(&r, 1000);
	pass(&r, 1);
	ck_assert_int_eq(r.idle, 1);
	rig_done(&r);
}
END_TEST

START_TEST(what_is_kept_of_an_agents_tasks_is_bounded)
{
	struct rig r;
	begin(&r);
	struct end *a = rig_client(&r);
	char wire[64], task[208], second[211];
	enum { N = 400, SECOND = 1 };
	struct span first = { "\"000\"", 5 }, ended = { second, sizeof(second) - 1 };
	bool is_ended_first = false;
	for (int i = 0; i < N; i++) {
		memset(task, 'x', sizeof(task));
		(void)snprintf(task + (i ? sizeof(task) - 4 : 0), 4, "%03d", i);
		make_task(&r, a, task, wire);
		if (i == SECOND) {
			(void)snprintf(second, sizeof(second), "\"%s\"", task);
			ended.n = strlen(second);
			sayf(&r, &r.server, J STATUS, task, "failed");
			ck_has(hear(&r, a), "failed");
		}
		if (i > SECOND)
			is_ended_first |= !tasks_owner(r.mux, ended) && tasks_owner(r.mux, first);
	}
	ck_assert(is_ended_first);
	ck_assert_ptr_null(tasks_owner(r.mux, first));
	ck_assert_uint_le(r.agent[0]->tasks.bytes, TASKS_MAX_BYTES);
	rig_done(&r);
}
END_TEST

Suite *suite_stdio_tasks(void);
Suite *suite_stdio_tasks(void)
{
	Suite *s = suite_create("stdio_tasks");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_task_is_its_owners_alone);
	tcase_add_test(t, what_speaks_of_a_task_is_told_to_its_owner_alone);
	tcase_add_test(t, progress_of_a_task_goes_on_to_its_end);
	tcase_add_test(t, a_restart_leaves_the_owners_and_ends_the_tasks);
	tcase_add_test(t, tasks_go_with_their_session);
	tcase_add_test(t, waiting_for_a_result_has_no_time_limit);
	tcase_add_test(t, a_server_with_a_running_task_is_not_idle);
	tcase_add_test(t, what_is_kept_of_an_agents_tasks_is_bounded);
	suite_add_tcase(s, t);
	return s;
}
