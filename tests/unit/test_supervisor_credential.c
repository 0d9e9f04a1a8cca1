/* SPDX-License-Identifier: MIT */
#include "supervisor/credential.h"

#include "base/clock.h"
#include "docker/docker.h"
#include "tests/unit/server_rig.h"

#include <time.h>

static int64_t ahead_ms;
static char path_env[64];
static const char *const helper_environ[] = { path_env, "HOME=/home/of/tests", NULL };
static int n_done;
static bool has_answer;
static char said[2 * CREDENTIAL_BYTES];

static int64_t ahead_clock(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + ahead_ms;
}

static void setup(void)
{
	ahead_ms = n_done = 0;
	clock_fake(ahead_clock);
	rig_open("[server:x]\ncommand = cat\n");
	(void)snprintf(path_env, sizeof(path_env), "PATH=%s:/usr/bin:/bin", rig_dir);
	rig.environ = helper_environ;
}

static void teardown(void)
{
	rig_close();
	clock_fake(NULL);
}

static void done(void *ctx, const char *answer, const struct err *e)
{
	ck_assert_ptr_eq(ctx, &rig);
	ck_assert((answer == NULL) != (e == NULL));
	n_done++;
	has_answer = answer != NULL;
	(void)snprintf(said, sizeof(said), "%s", answer ? answer : e->text);
}

static struct docker_helper *ask(const char *name, struct err *e)
{
	const struct docker_helper_params p = {
		.name = name, .key = "reg.test:5000", .on_done = done, .ctx = &rig
	};
	return credential_ask(&rig, &p, e);
}

static void answer_of(const char *body)
{
	struct err e = { 0 };
	char script[512];
	(void)snprintf(script, sizeof(script), "#!/bin/sh\n%s\n", body);
	rig_script("docker-credential-t", script);
	ck_assert_msg(ask("t", &e) != NULL, "%s", e.text);
	ck_assert_int_eq(n_done, 0);
	for (int i = 0; i < RIG_PATIENCE && n_done == 0; i++)
		rig_rounds(1);
	rig_rounds(5);
	ck_assert_int_eq(n_done, 1);
}

START_TEST(the_key_goes_to_its_stdin_and_its_answer_comes_back_whole)
{
	answer_of("printf '%s' \"$# $1 $(cat) $HOME\"; echo noise >&2");
	ck_assert(has_answer);
	ck_assert_str_eq(said, "1 get reg.test:5000 /home/of/tests");
}
END_TEST

START_TEST(an_answer_need_not_wait_for_the_end_of_its_children)
{
	answer_of("sleep 1000 & echo yes");
	ck_assert_str_eq(said, "yes\n");
}
END_TEST

START_TEST(a_failure_is_told_by_its_first_line)
{
	answer_of("echo the vault is locked; echo more; exit 3");
	ck_assert(!has_answer);
	ck_assert_str_eq(said, "docker-credential-t failed with status 3: the vault is locked");
}
END_TEST

START_TEST(what_looks_like_an_answer_is_not_told)
{
	answer_of("echo '{\"Secret\":\"hunter2\"}'; exit 1");
	ck_assert_str_eq(said, "docker-credential-t failed with status 1");
}
END_TEST

START_TEST(one_that_hangs_is_killed_after_its_time)
{
	struct err e = { 0 };
	rig_script("docker-credential-t", "#!/bin/sh\necho $$ >\"${0%/*}/pid\"\nexec sleep 1000\n");
	ck_assert_ptr_nonnull(ask("t", &e));
	rig_rounds(200);
	ahead_ms = CREDENTIAL_MS - 2000;
	rig_rounds(5);
	ck_assert_int_eq(n_done, 0);
	ahead_ms = CREDENTIAL_MS + 500;
	rig_rounds(20);
	ck_assert_int_eq(n_done, 1);
	ck_assert(!has_answer);
	ck_assert_str_eq(said, "docker-credential-t did not answer within 5 s and was killed");
	char line[32] = "";
	char path[64];
	(void)snprintf(path, sizeof(path), "%s/pid", rig_dir);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
	(void)fclose(f);
	ck_assert_int_eq(kill((pid_t)atoi(line), 0), -1);
}
END_TEST

START_TEST(an_answer_has_a_bound)
{
	answer_of("exec yes");
	ck_assert(!has_answer);
	ck_assert_str_eq(said, "docker-credential-t printed more than 65536 bytes");
}
END_TEST

START_TEST(one_that_is_not_there_is_an_error_at_once)
{
	struct err e = { 0 };
	ck_assert_ptr_null(ask("absent", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "docker-credential-absent: not found in PATH"));
	ck_assert_ptr_null(ask("../t", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "'../t' is no name of a credential helper"));
	ck_assert_ptr_null(ask("", &e));
}
END_TEST

START_TEST(a_cancelled_one_calls_nobody)
{
	struct err e = { 0 };
	rig_script("docker-credential-t", "#!/bin/sh\necho yes\n");
	struct docker_helper *h = ask("t", &e);
	ck_assert_ptr_nonnull(h);
	credential_cancel(h);
	credential_cancel(NULL);
	rig_rounds(50);
	ck_assert_int_eq(n_done, 0);
}
END_TEST

Suite *suite_supervisor_credential(void);
Suite *suite_supervisor_credential(void)
{
	Suite *s = suite_create("supervisor_credential");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, the_key_goes_to_its_stdin_and_its_answer_comes_back_whole);
	tcase_add_test(c, an_answer_need_not_wait_for_the_end_of_its_children);
	tcase_add_test(c, a_failure_is_told_by_its_first_line);
	tcase_add_test(c, what_looks_like_an_answer_is_not_told);
	tcase_add_test(c, one_that_hangs_is_killed_after_its_time);
	tcase_add_test(c, an_answer_has_a_bound);
	tcase_add_test(c, one_that_is_not_there_is_an_error_at_once);
	tcase_add_test(c, a_cancelled_one_calls_nobody);
	suite_add_tcase(s, c);
	return s;
}
