/* SPDX-License-Identifier: MIT */
#include "supervisor/pulls.h"

#include "supervisor/pull_cli.h"
#include "supervisor/tallies.h"
#include "tests/unit/scripted_engine.h"
#include "tests/unit/server_rig.h"

static const char ini[] = "[server:fs]\nimage = x\nlaunch = auto\n"
			  "[server:api]\nimage = x\nlaunch = api\n"
			  "[server:never]\nimage = x\nlaunch = api\npull_policy = never\n"
			  "[server:process]\nlaunch = process\ncommand = cat\n";

static char path_env[64];
static const char *const with_docker[] = { path_env, NULL };
static const char *create_status, *create_body;
static int n_created;

static bool answer_create(struct scripted_conn *c, const char *line)
{
	if (!strstr(line, "/images/create"))
		return false;
	n_created++;
	if (create_status)
		scripted_answer(c, create_status, create_body);
	return true; /* else it hangs */
}

static void setup(void)
{
	rig_open(ini);
	(void)setenv("DOCKER_CONFIG", rig_dir, 1);
	(void)snprintf(path_env, sizeof(path_env), "PATH=%s:/usr/bin:/bin", rig_dir);
	rig.environ = with_docker;
	memset(&eng, 0, sizeof(eng));
	scripted_ahead_ms = 0;
	clock_fake(scripted_clock);
	eng.inspect = "{\"Id\":\"sha256:1\",\"Size\":4200000,\"Config\":{}}";
	eng.hook = answer_create;
	create_status = "200 OK";
	create_body = "{\"status\":\"Status: Downloaded newer image for x\"}\r\n";
	n_created = 0;
	eng.loop = rig.loop;
	eng.http = http_new(eng.loop, "mcpinit/test", NULL);
	scripted_start(&eng.srv, eng.loop, engine_request, NULL);
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	rig.docker = eng.docker;
}

static void teardown(void)
{
	pulls_close(&rig);
	docker_free(eng.docker);
	http_free(eng.http);
	scripted_done(&eng.srv);
	buf_done(&eng.log);
	clock_fake(NULL);
	rig_close();
}

static void docker_is(const char *body)
{
	char script[512];
	(void)snprintf(script, sizeof(script), "#!/bin/sh\necho \"$*\" >>\"${0%%/*}/runs\"\n%s\n",
		       body);
	rig_script("docker", script);
}

static const char *runs(void)
{
	static char text[1024];
	char path[64];
	(void)snprintf(path, sizeof(path), "%s/runs", rig_dir);
	FILE *f = fopen(path, "r");
	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	if (f)
		(void)fclose(f);
	return text;
}

static enum pulls_state state_of(const char *name, const char **ret_text)
{
	return pulls_look(&rig, rig_server(name), ret_text);
}

static const char *text_at_end(const char *name, enum pulls_state want)
{
	const char *text = "";
	for (int i = 0; i < RIG_PATIENCE && state_of(name, &text) == PULLS_RUNNING; i++)
		rig_rounds(1);
	ck_assert_msg(state_of(name, &text) == want, "%s", text);
	return text;
}

START_TEST(an_image_that_is_there_is_asked_for_all_the_same_and_nothing_is_launched)
{
	pulls_begin(&rig, rig_server("fs"), true);
	const char *text = text_at_end("fs", PULLS_DONE);
	ck_assert_ptr_nonnull(strstr(text, "pulled x in "));
	ck_assert_ptr_nonnull(strstr(text, "4.2 MB on disk"));
	ck_assert_int_eq(n_created, 1);
	ck_assert_int_eq(server_state(rig_server("fs")), SRV_STOPPED);
}
END_TEST

START_TEST(who_asks_again_meanwhile_waits_for_the_same)
{
	const char *text;
	create_status = NULL;
	pulls_begin(&rig, rig_server("fs"), true);
	rig_rounds(20);
	pulls_begin(&rig, rig_server("fs"), true);
	rig_rounds(20);
	ck_assert_int_eq(n_created, 1);
	ck_assert_int_eq(state_of("fs", &text), PULLS_RUNNING);
	ck_assert_str_eq(text, "pulling x");
	pulls_begin(&rig, rig_server("api"), true); /* another server: the engine makes it one */
	rig_rounds(20);
	ck_assert_int_eq(n_created, 2);
}
END_TEST

START_TEST(it_can_be_asked_for_again)
{
	pulls_begin(&rig, rig_server("fs"), true);
	(void)text_at_end("fs", PULLS_DONE);
	pulls_begin(&rig, rig_server("fs"), true);
	(void)text_at_end("fs", PULLS_DONE);
	ck_assert_int_eq(n_created, 2);
	ck_assert_uint_eq(server_tallies(rig_server("fs"))->pulls, 2);
	ck_assert_uint_eq(server_tallies(rig_server("fs"))->pull_failures, 0);
}
END_TEST

START_TEST(never_is_refused_by_name_and_left_out_of_all)
{
	const char *text;
	pulls_begin(&rig, rig_server("never"), true);
	ck_assert_int_eq(state_of("never", &text), PULLS_FAILED);
	ck_assert_ptr_nonnull(strstr(text, "its pull_policy is never; set missing or always"));
	pulls_begin(&rig, rig_server("never"), false);
	ck_assert_int_eq(state_of("never", &text), PULLS_DONE);
	pulls_begin(&rig, rig_server("process"), true);
	ck_assert_int_eq(state_of("process", &text), PULLS_DONE);
	ck_assert_ptr_nonnull(strstr(text, "nothing to pull"));
	ck_assert_int_eq(n_created, 0);
	ck_assert_uint_eq(server_tallies(rig_server("never"))->pulls, 0);
}
END_TEST

START_TEST(what_the_api_is_denied_the_docker_command_may_pull)
{
	create_status = "500 Internal Server Error";
	create_body = "{\"message\":\"unauthorized\"}";
	docker_is(
		"echo '1: Pulling from x'; echo 'aa: Pulling fs layer'; echo 'aa: Pull complete'");
	pulls_begin(&rig, rig_server("fs"), true);
	const char *text = text_at_end("fs", PULLS_DONE);
	ck_assert_ptr_nonnull(strstr(text, "pulled x by the docker command in "));
	ck_assert_ptr_nonnull(strstr(runs(), " pull x\n"));
	pulls_begin(&rig, rig_server("api"), true); /* which wants the api alone */
	text = text_at_end("api", PULLS_FAILED);
	ck_assert_ptr_nonnull(strstr(text, "access denied"));
}
END_TEST

START_TEST(without_a_docker_command_the_apis_word_counts)
{
	create_status = "500 Internal Server Error";
	create_body = "{\"message\":\"unauthorized\"}";
	(void)snprintf(path_env, sizeof(path_env), "PATH=/nowhere");
	pulls_begin(&rig, rig_server("fs"), true);
	ck_assert_ptr_nonnull(strstr(text_at_end("fs", PULLS_FAILED), "access denied"));
}
END_TEST

START_TEST(calling_off_ends_all)
{
	const char *text;
	create_status = NULL;
	pulls_begin(&rig, rig_server("fs"), true);
	pulls_begin(&rig, rig_server("api"), true);
	rig_rounds(10);
	pulls_forget(&rig, rig_server("fs"));
	ck_assert_int_eq(state_of("fs", &text), PULLS_FAILED);
	ck_assert_int_eq(state_of("api", &text), PULLS_RUNNING);
	pulls_close(&rig);
	ck_assert_int_eq(state_of("api", &text), PULLS_FAILED);
	rig_rounds(10);
}
END_TEST

/* --- docker pull ------------------------------------------------------------------------------- */

static struct {
	struct pull_cli *pull;
	int n_done, n_told, kind;
	char told[1024], text[1024];
} cli;

static void cli_progress(void *ctx, const char *text)
{
	(void)ctx;
	cli.n_told++;
	(void)snprintf(cli.told, sizeof(cli.told), "%s", text);
}

static void cli_done(void *ctx, const struct err *e)
{
	(void)ctx;
	cli.n_done++;
	cli.kind = e ? e->kind : 0;
	(void)snprintf(cli.text, sizeof(cli.text), "%s", e ? e->text : "");
	pull_cli_free(cli.pull);
	cli.pull = NULL;
}

static void pull_by_command(const char *body)
{
	const struct pull_cli_params p = {
		.sv = &rig,
		.image = "reg:5000/x:1",
		.platform = "linux/arm64",
		.on_progress = cli_progress,
		.on_done = cli_done,
	};
	struct err e = { 0 };
	docker_is(body);
	memset(&cli, 0, sizeof(cli));
	cli.pull = pull_cli_start(&p, &e);
	ck_assert_msg(cli.pull != NULL, "%s", e.text);
}

static void cli_until_done(void)
{
	for (int i = 0; i < RIG_PATIENCE && cli.n_done == 0; i++)
		rig_rounds(1);
	ck_assert_int_eq(cli.n_done, 1);
}

/* The clock goes on in steps, and the loop in between. */
static void cli_time_goes(int64_t ms)
{
	for (int64_t step = 5000; ms > 0; ms -= step) {
		scripted_ahead_ms += step;
		rig_rounds(20);
	}
}

/* The script waits for this file. */
static void let_go_on(const char *name)
{
	rig_script(name, "");
}

static void until_told(const char *text)
{
	for (int i = 0; i < RIG_PATIENCE && strcmp(cli.told, text) != 0; i++)
		rig_rounds(1);
	ck_assert_str_eq(cli.told, text);
}

START_TEST(the_command_is_told_the_platform_and_its_layers_are_counted)
{
	pull_by_command("until_there() { while [ ! -e \"${0%/*}/$1\" ]; do sleep 0.01; done; }\n"
			"until_there one; printf 'aa: Pulling fs layer\\nbb: Already exists\\n'\n"
			"until_there two; echo 'aa: Pull complete'; until_there three");
	ck_assert_str_eq(cli.told, "pulling reg:5000/x:1 by the docker command");
	scripted_ahead_ms += 4000;
	let_go_on("one");
	until_told("pulling reg:5000/x:1 by the docker command: 1 of 2 layers");
	let_go_on("two");
	rig_rounds(100);
	ck_assert_int_eq(cli.n_told, 2); /* not so soon again */
	let_go_on("three");
	cli_until_done();
	ck_assert_int_eq(cli.kind, 0);
	ck_assert_ptr_nonnull(strstr(cli.told, "pulled reg:5000/x:1 by the docker command in "));
	ck_assert_ptr_nonnull(strstr(runs(), " pull --platform linux/arm64 reg:5000/x:1\n"));
	ck_assert_int_eq(cli.n_told, 3);
}
END_TEST

START_TEST(its_own_words_are_the_error_and_are_classified)
{
	pull_by_command("echo 'Error response from daemon: toomanyrequests: wait' >&2; exit 1");
	cli_until_done();
	ck_assert_int_eq(cli.kind, DOCKER_RATE_LIMIT);
	ck_assert_str_eq(cli.text, "image reg:5000/x:1: docker pull failed: Error response from "
				   "daemon: toomanyrequests: wait");
}
END_TEST

START_TEST(one_that_reads_nothing_any_more_is_ended)
{
	pull_by_command("exec sleep 1000");
	rig_rounds(100);
	cli_time_goes(PULL_CLI_IDLE_MS - 20000);
	ck_assert_int_eq(cli.n_done, 0);
	cli_time_goes(40000);
	ck_assert_int_eq(cli.n_done, 1);
	ck_assert_int_eq(cli.kind, DOCKER_TIMEOUT);
	ck_assert_ptr_nonnull(strstr(cli.text, "docker pull was ended: no byte came for 120 s"));
}
END_TEST

START_TEST(one_that_is_silent_but_reads_goes_on_for_as_long_as_it_takes)
{
	pull_by_command("while read -r line </etc/passwd; do sleep 0.01; done");
	rig_rounds(100);
	cli_time_goes(3 * PULL_CLI_IDLE_MS);
	ck_assert_int_eq(cli.n_done, 0);
	pull_cli_signal(cli.pull, SIGTERM);
	cli_until_done();
}
END_TEST

Suite *suite_supervisor_pulls(void);
Suite *suite_supervisor_pulls(void)
{
	Suite *s = suite_create("supervisor_pulls");
	TCase *c = tcase_create("pulls");
	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, an_image_that_is_there_is_asked_for_all_the_same_and_nothing_is_launched);
	tcase_add_test(c, who_asks_again_meanwhile_waits_for_the_same);
	tcase_add_test(c, it_can_be_asked_for_again);
	tcase_add_test(c, never_is_refused_by_name_and_left_out_of_all);
	tcase_add_test(c, what_the_api_is_denied_the_docker_command_may_pull);
	tcase_add_test(c, without_a_docker_command_the_apis_word_counts);
	tcase_add_test(c, calling_off_ends_all);
	tcase_add_test(c, the_command_is_told_the_platform_and_its_layers_are_counted);
	tcase_add_test(c, its_own_words_are_the_error_and_are_classified);
	tcase_add_test(c, one_that_reads_nothing_any_more_is_ended);
	tcase_add_test(c, one_that_is_silent_but_reads_goes_on_for_as_long_as_it_takes);
	suite_add_tcase(s, c);
	return s;
}
