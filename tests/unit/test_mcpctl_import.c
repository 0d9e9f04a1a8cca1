/* SPDX-License-Identifier: MIT */
/* What is imported must mean the same to mcpinit: the INI is loaded and compared. Run from the top of the tree. */
#include "mcpctl/import.h"

#include "tests/unit/import_rig.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the files of clients -------------------------------------------------------------------- */

static const char *const fixtures[] = { "claude-desktop", "vscode", "docker-run", "secrets" };

START_TEST(each_file_becomes_its_ini_and_its_notes)
{
	const char *name = fixtures[_i];
	char *json = import_rig_file(name, "json"), *ini = import_rig_file(name, "ini"),
	     *notes = import_rig_file(name, "notes");
	struct import im = import_rig(json);
	ck_assert_str_eq(buf_str(&im.ini), ini);
	ck_assert_str_eq(buf_str(&im.notes), notes);
	import_done(&im);
	free(json);
	free(ini);
	free(notes);
}
END_TEST

START_TEST(what_a_desktop_client_ran_is_what_mcpinit_runs)
{
	struct conf *c = import_rig_conf("claude-desktop");
	ck_assert_list(server(c, "filesystem")->command,
		       "npx|-y|@modelcontextprotocol/server-filesystem|/Users/ada/Desktop|"
		       "/Users/ada/My Files");
	const struct conf_server *s = server(c, "git");
	ck_assert_list(s->command, "uvx|mcp-server-git|--repository|/workspace");
	assert_volume(&s->volumes[0], "workspace", "/workspace", false);
	s = server(c, "github-work");
	ck_assert_str_eq(s->image, "ghcr.io/github/github-mcp-server");
	ck_assert_str_eq(env_value(s, "GITHUB_TOOLSETS"), "repos, issues");
	ck_assert_str_eq(env_value(s, "GITHUB_PERSONAL_ACCESS_TOKEN"), "(passed through)");
	s = server(c, "memory");
	ck_assert_str_eq(env_value(s, "MEMORY_FILE_PATH"), "C:\\memory; all of it.json");
	ck_assert_int_eq(s->autostart, CONF_AUTOSTART_NO);
	s = server(c, "calculator");
	ck_assert_int_eq(s->launch, CONF_LAUNCH_PROCESS);
	ck_assert_list(s->command, "python3|-m|calc|--title|it's #1; \"best\" $5|--empty||none");
	ck_assert_str_eq(s->working_dir, "/srv/calc");
	ck_assert_ptr_null(conf_find_server(c, "remote"));
	ck_assert_ptr_null(conf_find_server(c, "old"));
	conf_free(c);
}
END_TEST

START_TEST(the_variables_of_vs_code_are_variables_here)
{
	struct conf *c = import_rig_conf("vscode");
	ck_assert_str_eq(env_value(server(c, "github"), "GITHUB_PERSONAL_ACCESS_TOKEN"), "v");
	const struct conf_server *s = server(c, "fetch");
	ck_assert_list(s->command,
		       "uvx|mcp-server-fetch|--cache|/workspace/.cache|${config:editor.tabSize}");
	ck_assert_str_eq(env_value(s, "API_KEY"), "v");
	ck_assert_str_eq(env_value(s, "LANG"), "(passed through)");
	ck_assert_str_eq(env_value(s, "LEVEL"), "info, all");
	ck_assert_str_eq(env_value(s, "PRICE"), "$5 // not a comment");
	ck_assert_str_eq(env_value(s, "RETRIES"), "3");
	ck_assert_list(s->env_file, "/workspace/.env");
	ck_assert_str_eq(s->working_dir, "/workspace");
	conf_free(c);
}
END_TEST

/* --- secrets --------------------------------------------------------------------------------- */

START_TEST(no_secret_is_printed)
{
	static const char *const literals[] = { "first-literal", "second-literal", "pw-literal",
						"literal-secret", "literal-pem" };
	char *json = import_rig_file("secrets", "json");
	struct import im = import_rig(json);
	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		ck_assert_ptr_nonnull(strstr(json, literals[i]));
		ck_assert_ptr_null(strstr(im.ini.data, literals[i]));
		ck_assert_ptr_null(strstr(im.notes.data, literals[i]));
	}
	import_done(&im);
	free(json);
}
END_TEST

START_TEST(two_secrets_of_one_name_do_not_become_one)
{
	static const char *const env[] = { "API_KEY=a", "OTHER_KEY_API_KEY=b", NULL };
	char *json = import_rig_file("secrets", "json");
	struct import im = import_rig(json);
	struct conf *c = conf_text_env(im.ini.data, env);
	ck_assert_str_eq(env_value(server(c, "plain"), "API_KEY"), "(passed through)");
	ck_assert_str_eq(env_value(server(c, "same-key"), "API_KEY"), "(passed through)");
	ck_assert_str_eq(env_value(server(c, "same-key"), "EMPTY_TOKEN"), "");
	ck_assert_str_eq(env_value(server(c, "other-key"), "API_KEY"), "b");
	conf_free(c);
	c = conf_text(im.ini.data);
	ck_assert_ptr_nonnull(server(c, "other-key")->blocked);
	conf_free(c);
	import_done(&im);
	free(json);
}
END_TEST

/* --- quoting --------------------------------------------------------------------------------- */

/* {"mcpServers": {"p": process, "d": docker}} that hold both texts wherever a text may stand. */
static char *servers_with(const char *a, const char *b)
{
	cJSON *root = cJSON_CreateObject(), *servers = cJSON_AddObjectToObject(root, "mcpServers");
	cJSON *p = cJSON_AddObjectToObject(servers, "p"), *env = cJSON_CreateObject();
	char text[256];
	cJSON_AddStringToObject(p, "command", "prog");
	cJSON_AddItemToObject(p, "args", cJSON_CreateStringArray((const char *[]){ a, b, a }, 3));
	cJSON_AddStringToObject(env, "A", a);
	cJSON_AddStringToObject(env, "B", b);
	cJSON_AddItemToObject(p, "env", env);
	snprintf(text, sizeof(text), "/%s", a);
	cJSON_AddStringToObject(p, "cwd", text);
	cJSON *d = cJSON_AddObjectToObject(servers, "d"), *args = cJSON_CreateArray();
	cJSON_AddStringToObject(d, "command", "docker");
	static const char *const options[] = { "--env-file", "/%s",  "--env-file", "/%s",
					       "--label",    "k=%s", "--label",	   "l=%s",
					       "--tmpfs",    "/%s" };
	cJSON_AddItemToArray(args, cJSON_CreateString("run"));
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *percent = strchr(options[i], '%');
		snprintf(text, sizeof(text), "%.*s%s",
			 (int)(percent ? percent - options[i] : (long)strlen(options[i])),
			 options[i],
			 !percent     ? ""
			 : i % 4 == 1 ? a
				      : b);
		cJSON_AddItemToArray(args, cJSON_CreateString(text));
	}
	cJSON_AddItemToArray(args, cJSON_CreateString("img"));
	cJSON_AddItemToArray(args, cJSON_CreateString(b));
	cJSON_AddItemToObject(d, "args", args);
	char *json = cJSON_Print(root);
	cJSON_Delete(root);
	return json;
}

static void assert_prefixed(const char *got, const char *prefix, const char *text)
{
	ck_assert_int_eq(strncmp(got, prefix, strlen(prefix)), 0);
	ck_assert_str_eq(got + strlen(prefix), text);
}

static void assert_survive(const char *a, const char *b)
{
	char *json = servers_with(a, b);
	struct import im = import_rig(json);
	struct conf *c = conf_text(im.ini.data);
	const struct conf_server *p = server(c, "p"), *d = server(c, "d");
	ck_assert_str_eq(p->command[1], a);
	ck_assert_str_eq(p->command[2], b);
	ck_assert_str_eq(p->command[3], a);
	ck_assert_ptr_null(p->command[4]);
	ck_assert_str_eq(env_value(p, "A"), a);
	ck_assert_str_eq(env_value(p, "B"), b);
	ck_assert_ptr_null(p->environment[2].name);
	assert_prefixed(p->working_dir, "/", a);
	assert_prefixed(d->env_file[0], "/", a);
	assert_prefixed(d->env_file[1], "/", b);
	ck_assert_ptr_null(d->env_file[2]);
	assert_prefixed(d->labels[0], "k=", a);
	assert_prefixed(d->labels[1], "l=", b);
	ck_assert_ptr_null(d->labels[2]);
	assert_prefixed(d->tmpfs[0], "/", a);
	ck_assert_ptr_null(d->tmpfs[1]);
	ck_assert_str_eq(d->command[0], b);
	ck_assert_ptr_null(d->command[1]);
	conf_free(c);
	import_done(&im);
	free(json);
}

START_TEST(any_text_of_one_line_survives)
{
	static const char *const nasty[] = {
		"a b",
		"",
		"none",
		"# no comment",
		"x ; y #z",
		"a,b, C=d, E",
		"it's",
		"\"q\"",
		"say \"#1\"",
		"\\",
		"\\\\\"",
		"a\\b",
		"$5",
		"$$",
		"$",
		"\\$x",
		"${",
		"$(id)",
		"`id`",
		" lead",
		"trail ",
		"\t",
		"[server:x]",
		"K=V",
		"'",
		"\"",
		"=",
		",",
		"\xc3\xa9 \xf0\x9f\x98\x80",
		"\r",
		"\x7f\x01",
		"{}",
	};
	enum { N = sizeof(nasty) / sizeof(nasty[0]) };
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < N; j++)
			assert_survive(nasty[i], nasty[j]);
}
END_TEST

static void random_text(char *ret, size_t max)
{
	static const char letters[] = "\"\"''\\\\##;;,,==$  \t:{}aA-_.";
	size_t n = (size_t)random() % max;
	for (size_t i = 0; i < n; i++) {
		ret[i] = letters[(size_t)random() % (sizeof(letters) - 1)];
		if (ret[i] == '{' && i > 0 && ret[i - 1] == '$')
			ret[i] = 'x'; /* a variable is not a text */
	}
	ret[n] = '\0';
}

START_TEST(random_texts_survive)
{
	unsigned seed = (unsigned)getpid();
	srandom(seed);
	for (int i = 0; i < 2000; i++) {
		char a[24], b[24];
		random_text(a, sizeof(a));
		random_text(b, sizeof(b));
		if (i == 0)
			printf("import: seed %u\n", seed);
		assert_survive(a, b);
	}
}
END_TEST

START_TEST(an_argument_of_two_lines_is_refused)
{
	struct import im = import_rig(
		"{\"mcpServers\":{\"a\":{\"command\":\"sh\",\"args\":[\"-c\",\"x\\ny\"]}}}");
	ck_assert_int_eq(im.n_servers, 0);
	ck_assert_ptr_nonnull(strstr(im.notes.data, "a: left out: an argument has more than one"));
	import_done(&im);
}
END_TEST

/* --- names ----------------------------------------------------------------------------------- */

START_TEST(names_become_lawful_and_stay_apart)
{
	struct import im = import_rig(
		"{\"servers\":{\"My Server!\":{\"command\":\"a\"},\"my-server\":{\"command\":\"b\"},"
		"\"MY  SERVER\":{\"command\":\"c\"},\"all\":{\"command\":\"d\"},"
		"\"\\u65e5\\u672c\\n[server:x]\":{\"command\":\"e\"},\"\":{\"command\":\"f\"},"
		"\"_a.b_\":{\"command\":\"g\"},"
		"\"0123456789012345678901234567890123456789ab\":{\"command\":\"h\"},"
		"\"0123456789012345678901234567890123456789cd\":{\"command\":\"i\"}}}");
	static const char *const names[] = { "my-server",
					     "my-server-2",
					     "my-server-3",
					     "all-2",
					     "server-x",
					     "server",
					     "a.b_",
					     "0123456789012345678901234567890123456789",
					     "01234567890123456789012345678-2" };
	struct conf *c = conf_text(im.ini.data);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_assert_str_eq(c->servers[i]->name, names[i]);
		ck_assert_int_eq(c->servers[i]->command[0][0], 'a' + (int)i);
	}
	ck_assert_ptr_null(c->servers[sizeof(names) / sizeof(names[0])]);
	ck_assert_ptr_nonnull(strstr(im.ini.data, "; \"My Server!\"\n[server:my-server]\n"));
	conf_free(c);
	import_done(&im);
}
END_TEST

/* --- what is wrong --------------------------------------------------------------------------- */

START_TEST(servers_that_are_none_are_left_out_with_the_reason)
{
	struct import im = import_rig(
		"{\"mcpServers\":{\"a\":1,\"b\":{},\"c\":{\"command\":\"x\",\"args\":\"y\"},"
		"\"d\":{\"command\":\"x\",\"args\":[null]},\"e\":{\"command\":\"\"},"
		"\"f\":{\"serverUrl\":\"u\"},\"g\":{\"type\":\"streamable-http\",\"command\":\"x\"},"
		"\"h\":{\"command\":\"x\",\"env\":[],\"cwd\":\"rel\",\"envFile\":\"\"}}}");
	ck_assert_str_eq(im.notes.data,
			 "a: left out: it is no object\n"
			 "b: left out: it has no command\n"
			 "c: left out: its args are no list\n"
			 "d: left out: an argument is neither text nor number\n"
			 "e: left out: it has no command\n"
			 "f: left out: transport http is not supported\n"
			 "g: left out: transport streamable-http is not supported\n"
			 "h: env is left out: it is no object\n"
			 "h: x runs as a process in mcpinit's container and must be there; else "
			 "replace launch by an image\n"
			 "h: cwd is left out: it is not an absolute path\n"
			 "h: envFile is left out: it is no path\n");
	ck_assert_str_eq(im.ini.data, "[server:h]\nlaunch = process\ncommand = x\n");
	import_done(&im);
}
END_TEST

START_TEST(what_is_no_such_json_is_told_with_its_line)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "line 1 is not JSON" },
		{ "// a comment\n{\n  \"mcpServers\": {]\n}", "line 3 is not JSON" },
		{ "{\"mcpServers\": {}} x", "line 1 is not JSON" },
		{ "{\"a\": \"//\n", "line 1 is not JSON" },
		{ "/* not closed", "line 1 is not JSON" },
		{ "[]", "there is no object mcpServers or servers" },
		{ "{\"mcpServers\": []}", "there is no object mcpServers or servers" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct import im = { 0 };
		struct err e = { 0 };
		char *text = strdup(bad[i].text);
		ck_assert_int_eq(import_text(text, &im, &e), -EINVAL);
		ck_assert_str_eq(e.text, bad[i].why);
		import_done(&im);
		free(text);
	}
}
END_TEST

START_TEST(comments_and_commas_in_strings_stay)
{
	struct import im =
		import_rig("\xef\xbb\xbf{\"servers\":{\"a\":{\"command\":\"x\",\"args\":"
			   "[\"/*\",\"//\",\",]\",\"\\\"//\", /* , */ \"*/\", // ,]\n]}},}");
	struct conf *c = conf_text(im.ini.data);
	ck_assert_list(c->servers[0]->command, "x|/*|//|,]|\"//|*/");
	conf_free(c);
	import_done(&im);
}
END_TEST

static int run_verb(const char *path)
{
	struct cli c = { .n_args = 1, .args = (char *[]){ (char *)(uintptr_t)path, NULL } };
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout));
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	return verb_import(&c);
}

START_TEST(the_exit_status_says_how_it_went)
{
	ck_assert_int_eq(run_verb("tests/fixtures/import/vscode.json"), 0);
	ck_assert_int_eq(run_verb("tests/fixtures/import/vscode.ini"), WIRE_EXIT_CONFIG);
	ck_assert_int_eq(run_verb("tests/fixtures/import/is-not-there.json"), WIRE_EXIT_CONFIG);
	ck_assert_int_eq(run_verb("tests/fixtures/import/only-remote.json"), WIRE_EXIT_FAILED);
}
END_TEST

Suite *suite_mcpctl_import(void);
Suite *suite_mcpctl_import(void)
{
	Suite *s = suite_create("mcpctl_import");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, each_file_becomes_its_ini_and_its_notes, 0,
			    sizeof(fixtures) / sizeof(fixtures[0]));
	tcase_add_test(c, what_a_desktop_client_ran_is_what_mcpinit_runs);
	tcase_add_test(c, the_variables_of_vs_code_are_variables_here);
	tcase_add_test(c, no_secret_is_printed);
	tcase_add_test(c, two_secrets_of_one_name_do_not_become_one);
	tcase_add_test(c, any_text_of_one_line_survives);
	tcase_add_test(c, random_texts_survive);
	tcase_add_test(c, an_argument_of_two_lines_is_refused);
	tcase_add_test(c, names_become_lawful_and_stay_apart);
	tcase_add_test(c, servers_that_are_none_are_left_out_with_the_reason);
	tcase_add_test(c, what_is_no_such_json_is_told_with_its_line);
	tcase_add_test(c, comments_and_commas_in_strings_stay);
	tcase_add_test(c, the_exit_status_says_how_it_went);
	suite_add_tcase(s, c);
	return s;
}
