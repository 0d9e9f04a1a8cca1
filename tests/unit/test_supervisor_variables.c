/* SPDX-License-Identifier: MIT */
#include "supervisor/variables.h"

#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "docker/spec.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[64];
static struct conf_server server;
static struct conf_env env[4];
static char **got;
static const char *const *ours;
static const char *const our_environ[] = { "TOKEN=from-our-environment", "HOME=/root", NULL };

static void setup(void)
{
	strcpy(dir, "/tmp/variables-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	memset(env, 0, sizeof(env));
	server = (struct conf_server){ .name = (char *)"fs", .environment = env };
	ours = our_environ;
	got = NULL;
}

static void teardown(void)
{
	char command[96];
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
	docker_list_free(got);
	log_redact_clear();
}

static void read_all(void)
{
	struct err e = { 0 };
	docker_list_free(got);
	got = NULL;
	int r = variables_add(&server, ours, &got, &e);
	ck_assert_msg(r == 0, "%s", e.text);
}

static void refused(const char *a, const char *b)
{
	struct err e = { 0 };
	ck_assert_int_lt(variables_add(&server, ours, &got, &e), 0);
	ck_assert_msg(strstr(e.text, a) && strstr(e.text, b), "%s", e.text);
}

static const char *var(const char *name)
{
	return docker_env_get((const char *const *)got, name);
}

static char *write_file(const char *name, const char *text)
{
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static bool is_redacted(const char *value)
{
	char text[256];
	(void)snprintf(text, sizeof(text), "%s", value);
	return log_redact(text, strlen(text)) != strlen(value) || strcmp(text, value) != 0;
}

START_TEST(variables_are_set_or_passed_through)
{
	env[0] = (struct conf_env){ .name = (char *)"A", .value = (char *)"1" };
	env[1] = (struct conf_env){ .name = (char *)"TOKEN" };
	env[2] = (struct conf_env){ .name = (char *)"NOT_THERE", .is_optional = true };
	read_all();
	ck_assert_str_eq(var("A"), "1");
	ck_assert_str_eq(var("TOKEN"), "from-our-environment");
	ck_assert_ptr_null(var("NOT_THERE"));
	ck_assert_ptr_null(var("HOME")); /* nothing else leaks in */
	ck_assert(is_redacted("from-our-environment"));
}
END_TEST

START_TEST(a_missing_variable_is_named_with_the_remedy)
{
	env[0] = (struct conf_env){ .name = (char *)"GITHUB_TOKEN" };
	refused("GITHUB_TOKEN", "GITHUB_TOKEN_FILE");
}
END_TEST

START_TEST(a_file_variable_stands_in_for_the_variable)
{
	char pair[160];
	(void)snprintf(pair, sizeof(pair), "KEY_FILE=%s", write_file("key", "the secret key\n"));
	const char *const environ_with_file[] = { pair, NULL };
	ours = environ_with_file;
	env[0] = (struct conf_env){ .name = (char *)"KEY" };
	read_all();
	ck_assert_str_eq(var("KEY"), "the secret key");
	ck_assert(is_redacted("the secret key"));
	unlink(pair + strlen("KEY_FILE="));
	refused("KEY_FILE", "cannot open");
}
END_TEST

START_TEST(a_secret_file_is_read_anew_at_each_start)
{
	env[0] = (struct conf_env){ .name = (char *)"K",
				    .file = write_file("s", "first secret\n\n") };
	read_all();
	ck_assert_str_eq(var("K"), "first secret\n"); /* one newline is the editor's */
	env[0].file = write_file("s", "second secret");
	read_all();
	ck_assert_str_eq(var("K"), "second secret");
	unlink(env[0].file);
	refused("secret_environment: K", env[0].file);
	env[0].is_optional = true;
	read_all();
	ck_assert_ptr_null(var("K"));
}
END_TEST

START_TEST(env_file_is_dockers_format_and_environment_wins)
{
	char *files[] = {
		write_file(
			"e",
			"\xef\xbb\xbf# comment\n\n  A=1 # kept\r\nB=\"q\"\nTOKEN\nGONE\nC=x=y\n"),
		NULL
	};
	server.env_file = files;
	env[0] = (struct conf_env){ .name = (char *)"C", .value = (char *)"mine" };
	read_all();
	ck_assert_str_eq(var("A"), "1 # kept");
	ck_assert_str_eq(var("B"), "\"q\"");
	ck_assert_str_eq(var("TOKEN"), "from-our-environment");
	ck_assert_ptr_null(var("GONE"));
	ck_assert_str_eq(var("C"), "mine");
	write_file("e", "A=1\nno good=2\n");
	refused("env_file", ":2");
	files[0] = (char *)"/not/there";
	refused("env_file", "/not/there");
}
END_TEST

Suite *suite_supervisor_variables(void);
Suite *suite_supervisor_variables(void)
{
	Suite *s = suite_create("supervisor_variables");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, variables_are_set_or_passed_through);
	tcase_add_test(c, a_missing_variable_is_named_with_the_remedy);
	tcase_add_test(c, a_file_variable_stands_in_for_the_variable);
	tcase_add_test(c, a_secret_file_is_read_anew_at_each_start);
	tcase_add_test(c, env_file_is_dockers_format_and_environment_wins);
	suite_add_tcase(s, c);
	return s;
}
