/* SPDX-License-Identifier: MIT */
#include "tests/unit/conf_text.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BAD  "tests/fixtures/bad-config/"
#define GOOD "tests/fixtures/good-config/"

/* --- files ----------------------------------------------------------------------------------- */

static struct conf *load_file(const char *path, const char *const *env, struct buf *errors)
{
	struct conf_source src = { .path = path, .environ = env };
	return conf_text_load(&(struct load){ .src = &src }, errors);
}

static char *read_text(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "cannot open %s: run the tests from the root of the tree", path);
	for (int c = fgetc(f); c != EOF; c = fgetc(f))
		buf_add(&b, &(char){ (char)c }, 1);
	fclose(f);
	return buf_take(&b);
}

/* In place, every copy of it. */
static void cut_out(char *text, const char *what)
{
	size_t n = strlen(what);
	for (char *p = strstr(text, what); p; p = strstr(p, what))
		memmove(p, p + n, strlen(p + n) + 1);
}

START_TEST(each_bad_config_gives_exactly_its_errors)
{
	glob_t found;
	ck_assert_int_eq(glob(BAD "*.ini", 0, NULL, &found), 0);
	ck_assert_uint_ge(found.gl_pathc, 25);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char expected_path[256];
		struct buf errors = { 0 };
		const char *path = found.gl_pathv[i];
		snprintf(expected_path, sizeof(expected_path), "%.*s.expected",
			 (int)strlen(path) - 4, path);
		char *expected = read_text(expected_path);
		struct conf *c = load_file(path, NULL, &errors);
		ck_assert_msg(c == NULL, "%s is taken for valid", path);
		cut_out(errors.data, BAD);
		ck_assert_str_eq(errors.data, expected);
		buf_done(&errors);
		free(expected);
	}
	globfree(&found);
}
END_TEST

START_TEST(the_full_example_uses_every_key_and_is_valid)
{
	struct buf errors = { 0 };
	char *text = read_text(GOOD "full.ini");
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++) {
		char start[64];
		snprintf(start, sizeof(start), "\n%s ", keys[i].name);
		ck_assert_msg(strstr(text, start) != NULL, "full.ini lacks %s", keys[i].name);
	}
	free(text);
	const char *const env[] = { "GITHUB_PERSONAL_ACCESS_TOKEN=ghp_0123456789", NULL };
	struct conf *c = load_file(GOOD "full.ini", env, &errors);
	ck_assert_str_eq(buf_str(&errors), "");
	for (size_t i = 0; c->warnings[i]; i++)
		ck_assert_msg(strstr(c->warnings[i], "no effect in this version") != NULL, "%s",
			      c->warnings[i]);
	ck_assert_list(c->secrets, "ghp_0123456789");
	conf_free(c);
}
END_TEST

START_TEST(included_files_are_read_behind_the_one_that_includes_them)
{
	struct buf errors = { 0 };
	struct conf *c = load_file(GOOD "included/main.ini", NULL, &errors);
	ck_assert_str_eq(buf_str(&errors), "");
	ck_assert_str_eq(c->servers[0]->name, "first");
	ck_assert_str_eq(c->servers[1]->name, "second");
	ck_assert_str_eq(c->servers[2]->name, "third");
	ck_assert_ptr_null(c->servers[3]);
	ck_assert_str_eq(c->servers[2]->file, GOOD "included/conf.d/20-third.ini");
	ck_assert_int_eq(c->servers[2]->line, 1);
	ck_assert_str_eq(c->log_level, "debug");
	conf_free(c);
}
END_TEST

START_TEST(windows_line_ends_and_a_byte_order_mark_are_tolerated)
{
	struct buf errors = { 0 };
	struct conf *c = load_file(GOOD "bom-crlf.ini", NULL, &errors);
	ck_assert_str_eq(buf_str(&errors), "");
	ck_assert_str_eq(c->servers[0]->image, "a");
	ck_assert_str_eq(c->servers[0]->environment[1].value, "2");
	conf_free(c);
}
END_TEST

START_TEST(no_path_gives_the_defaults_and_no_server)
{
	struct buf errors = { 0 };
	struct conf *c = load_file(NULL, NULL, &errors);
	ck_assert_str_eq(c->runtime_dir, "/run/mcp");
	ck_assert_str_eq(c->workspace, "/workspace");
	ck_assert_int_eq(c->shutdown_timeout_ms, 8000);
	ck_assert_int_eq(c->default_gid, -1);
	ck_assert_ptr_null(c->docker_host);
	ck_assert_ptr_null(c->servers[0]);
	ck_assert_str_eq(c->agents[0]->name, "default");
	ck_assert_int_eq(c->agents[0]->uid, -1);
	ck_assert(conf_agent_may(c->agents[0], "anything"));
	ck_assert_ptr_null(c->agents[1]);
	conf_free(c);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_an_error_with_its_name)
{
	struct buf errors = { 0 };
	ck_assert_ptr_null(load_file("/nowhere/x.ini", NULL, &errors));
	ck_assert_str_eq(buf_str(&errors), "/nowhere/x.ini:1: cannot read /nowhere/x.ini: "
					   "No such file or directory\n");
	buf_done(&errors);
}
END_TEST

static void write_text(const char *dir, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
}

START_TEST(includes_that_go_round_or_too_deep_are_errors)
{
	char dir[] = "/tmp/conf-[load]-XXXXXX", path[256];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_text(dir, "a.ini", "[mcpinit]\ninclude = b.ini\n");
	write_text(dir, "b.ini", "[mcpinit]\ninclude = a.ini, deep0.ini\n");
	for (int i = 0; i < 9; i++) {
		char name[32], text[64];
		snprintf(name, sizeof(name), "deep%d.ini", i);
		snprintf(text, sizeof(text), "[mcpinit]\ninclude = deep%d.ini\n", i + 1);
		write_text(dir, name, text);
	}
	snprintf(path, sizeof(path), "%s/a.ini", dir);
	struct buf errors = { 0 };
	ck_assert_ptr_null(load_file(path, NULL, &errors));
	cut_out(errors.data, dir);
	ck_assert_str_eq(errors.data,
			 "/b.ini:2: mcpinit: include: cannot read /a.ini: it includes itself\n"
			 "/deep5.ini:2: mcpinit: include: cannot read /deep6.ini: files include "
			 "each other too deeply\n");
	buf_done(&errors);
	for (int i = 0; i < 9; i++) {
		snprintf(path, sizeof(path), "%s/deep%d.ini", dir, i);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/a.ini", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/b.ini", dir);
	unlink(path);
	rmdir(dir);
}
END_TEST

/* --- values ---------------------------------------------------------------------------------- */

START_TEST(a_server_has_the_defaults_of_the_table)
{
	struct conf *c = conf_text("[server:a]\nimage = a\n");
	const struct conf_server *s = conf_find_server(c, "a");
	ck_assert_str_eq(s->file, "t.ini");
	ck_assert_int_eq(s->line, 1);
	ck_assert_ptr_null(s->blocked);
	ck_assert_list(s->command, "");
	ck_assert_ptr_null(s->entrypoint);
	ck_assert_ptr_null(s->environment[0].name);
	ck_assert_ptr_null(s->volumes[0].source);
	ck_assert_int_eq(s->read_only, CONF_DEFAULT);
	ck_assert_int_eq(s->init, CONF_DEFAULT);
	ck_assert_list(s->cap_drop, "ALL");
	ck_assert_int_eq(s->mem_limit, INT64_C(2) << 30);
	ck_assert_int_eq(s->pids_limit, 1024);
	ck_assert_str_eq(s->logging, "none");
	ck_assert_int_eq(s->exitcodes[0], 0);
	ck_assert_int_eq(s->exitcodes[1], -1);
	ck_assert_int_eq(s->startsecs_ms, 1000);
	ck_assert_int_eq(s->start_timeout_ms, 60000);
	ck_assert_int_eq(s->stop_grace_period_ms, 2000);
	ck_assert_int_eq(s->healthcheck, CONF_HEALTH_MCP);
	ck_assert_list(s->healthcheck_exec, "");
	ck_assert_int_eq(s->healthcheck_retries, 3);
	ck_assert_int_eq(s->busy_timeout_ms, 300000);
	ck_assert_int_eq(s->max_message, 64 << 20);
	ck_assert_int_eq(s->max_queue, 8 << 20);
	ck_assert_list(s->tools, "*");
	ck_assert_str_eq(s->protocol, "auto");
	conf_free(c);
}
END_TEST

START_TEST(values_arrive_in_their_fields)
{
	const char *const env[] = { "GITHUB_PERSONAL_ACCESS_TOKEN=ghp_0123456789", NULL };
	struct buf errors = { 0 };
	struct conf *c = load_file(GOOD "full.ini", env, &errors);
	const struct conf_server *s = conf_find_server(c, "everything");
	ck_assert_list(s->command, "serve|--label|two words");
	ck_assert_list(s->entrypoint, "/bin/tini|--");
	ck_assert_int_eq(s->launch, CONF_LAUNCH_API);
	const char *const names[] = { "A", "B", "PASSED", "C", "E", "TOKEN" };
	const char *const values[] = { "1,2", "3", NULL, "x, D=y", "default", NULL };
	for (size_t i = 0; i < 6; i++) {
		ck_assert_str_eq(s->environment[i].name, names[i]);
		ck_assert_pstr_eq(s->environment[i].value, values[i]);
	}
	ck_assert(s->environment[2].is_optional);
	ck_assert_str_eq(s->environment[5].file, "/run/secrets/token");
	ck_assert_str_eq(s->volumes[0].source, "workspace");
	ck_assert_str_eq(s->volumes[2].source, "C:\\repos\\x");
	ck_assert_str_eq(s->volumes[2].target, "/repos");
	ck_assert(s->volumes[2].is_read_only && !s->volumes[1].is_read_only);
	ck_assert_list(s->dns, "9.9.9.9|2620:fe::fe");
	ck_assert_int_eq(s->read_only, CONF_YES);
	ck_assert_int_eq(s->init, CONF_NO);
	ck_assert_list(s->tmpfs, "/tmp:size=16m,mode=1777|/run");
	ck_assert_int_eq(s->nano_cpus, 500000000);
	ck_assert_int_eq(s->pids_limit, 0); /* -1 */
	ck_assert_list(s->labels, "com.example.team=a,b|com.example.tier=x # y");
	ck_assert_int_eq(s->pull_policy, CONF_PULL_ALWAYS);
	ck_assert_str_eq(s->stop_signal, "SIGINT");
	ck_assert_int_eq(s->autostart, CONF_AUTOSTART_LAZY);
	ck_assert_int_eq(s->autorestart, CONF_AUTORESTART_UNEXPECTED);
	ck_assert_int_eq(s->exitcodes[1], 2);
	ck_assert_int_eq(s->startsecs_ms, 2000);
	ck_assert_list(s->depends_on, "github|git");
	ck_assert_int_eq(s->healthcheck, CONF_HEALTH_EXEC);
	ck_assert_list(s->healthcheck_exec, "/bin/check|--quick");
	ck_assert_int_eq(s->on_unhealthy, CONF_UNHEALTHY_IGNORE);
	const struct conf_agent *a = c->agents[1];
	ck_assert_str_eq(a->name, "planner");
	ck_assert_int_eq(a->uid, 1001);
	ck_assert_int_eq(a->gid, 1001);
	ck_assert(conf_agent_may(a, "git") && !conf_agent_may(a, "github"));
	conf_free(c);
}
END_TEST

START_TEST(a_servers_own_key_replaces_the_defaults_and_an_empty_one_does_not)
{
	struct conf *c = conf_text("[mcpinit]\nlaunch = cli\n"
				   "[defaults]\ndns = 1.1.1.1\nmem_limit = 1g\n"
				   "[server:a]\nimage = a\n"
				   "[server:b]\nimage = b\ndns = 2.2.2.2\nmem_limit =\n"
				   "[server:c]\nimage = c\ndns = none\nlaunch = api\n");
	ck_assert_list(c->servers[0]->dns, "1.1.1.1");
	ck_assert_list(c->servers[1]->dns, "2.2.2.2");
	ck_assert_list(c->servers[2]->dns, "");
	ck_assert_int_eq(c->servers[1]->mem_limit, 1 << 30);
	ck_assert_int_eq(c->servers[1]->launch, CONF_LAUNCH_CLI);
	ck_assert_int_eq(c->servers[2]->launch, CONF_LAUNCH_API);
	conf_free(c);
}
END_TEST

START_TEST(environment_and_labels_merge_by_name)
{
	struct conf *c = conf_text("[defaults]\nenvironment = A=1, B=2\nlabels = x=1,y=2\n"
				   "secret_environment = S=/s\n"
				   "[server:a]\nimage = a\nenvironment = B=3, C=4, S=plain\n"
				   "labels = y=3\n"
				   "[server:b]\nimage = b\nenvironment = none\nlabels = none\n");
	const struct conf_env *e = c->servers[0]->environment;
	const char *const names[] = { "A", "B", "S", "C" };
	const char *const values[] = { "1", "3", "plain", "4" };
	for (int i = 0; i < 4; i++) {
		ck_assert_str_eq(e[i].name, names[i]);
		ck_assert_str_eq(e[i].value, values[i]);
		ck_assert_ptr_null(e[i].file);
	}
	ck_assert_ptr_null(e[4].name);
	ck_assert_list(c->servers[0]->labels, "x=1|y=3");
	e = c->servers[1]->environment; /* none drops the plain ones only */
	ck_assert_str_eq(e[0].name, "S");
	ck_assert_ptr_null(e[1].name);
	ck_assert_list(c->servers[1]->labels, "");
	conf_free(c);
}
END_TEST

START_TEST(what_a_variable_holds_stays_inside_its_item)
{
	const char *const env[] = { "X=a,B=\"c\" $Y ; d", "LIST=P=1, Q=2", NULL };
	struct conf *c = conf_text_env("[server:a]\nimage = a\n"
				       "environment = A=${X}, Z=\"<${X}>\"\n\t${LIST}\n",
				       env);
	const struct conf_env *e = c->servers[0]->environment;
	ck_assert_str_eq(e[0].value, "a,B=\"c\" $Y ; d");
	ck_assert_str_eq(e[1].value, "<a,B=\"c\" $Y ; d>");
	ck_assert_str_eq(e[2].name, "P"); /* an item that is a variable as a whole is a list */
	ck_assert_str_eq(e[3].name, "Q");
	ck_assert_str_eq(e[3].value, "2");
	ck_assert_ptr_null(e[4].name);
	conf_free(c);
}
END_TEST

START_TEST(an_unset_variable_counts_as_empty_with_a_warning)
{
	struct conf *c = conf_text("[server:a]\nimage = a${TAG}\nhostname = ${NOT}\n");
	ck_assert_str_eq(c->servers[0]->image, "a");
	ck_assert_ptr_null(c->servers[0]->hostname);
	ck_assert_list(c->warnings,
		       "t.ini:2: server:a: image: TAG is not set; it counts as empty (write "
		       "${TAG:-} if it may be)|t.ini:3: server:a: hostname: NOT is not set; it "
		       "counts as empty (write ${NOT:-} if it may be)");
	conf_free(c);
}
END_TEST

/* --- what is missing at run time ------------------------------------------------------------- */

#define NEEDY                                                                                      \
	"[defaults]\nhostname = ${HOST:?name it}\n"                                                \
	"[server:a]\nimage = ${IMAGE:?which?}\n"                                                   \
	"[server:b]\nimage = b\nhostname = b\nenvironment = TOKEN\n"                               \
	"[server:c]\nimage = c\n"

/* What it lacks, each followed by `end`. */
#define NEEDS(end)                                                                                 \
	"t.ini:2: defaults: hostname: HOST is not set: name it" end                                \
	"t.ini:4: server:a: image: IMAGE is not set: which?" end                                   \
	"t.ini:8: server:b: environment: TOKEN is not set, nor is TOKEN_FILE; set one, "           \
	"or write TOKEN? if it may be missing"

START_TEST(what_is_missing_blocks_its_server_and_no_other)
{
	struct conf *c = conf_text(NEEDY);
	ck_assert_list(c->warnings, NEEDS("|"));
	ck_assert_str_eq(c->servers[0]->blocked, "image: IMAGE is not set: which?");
	ck_assert_ptr_null(c->servers[1]->blocked); /* looked at again at each start */
	ck_assert_str_eq(c->servers[2]->blocked, "hostname: HOST is not set: name it");
	conf_free(c);
}
END_TEST

START_TEST(strict_makes_what_is_missing_an_error)
{
	struct conf_source src = { .path = "t.ini", .is_strict = true };
	struct load in = { .src = &src, .text = NEEDY, .len = strlen(NEEDY) };
	struct buf errors = { 0 };
	ck_assert_ptr_null(conf_text_load(&in, &errors));
	ck_assert_str_eq(buf_str(&errors), NEEDS("\n") "\n");
	buf_done(&errors);
}
END_TEST

START_TEST(a_default_that_nobody_inherits_is_not_missing)
{
	struct conf *c = conf_text("[defaults]\nhostname = ${HOST:?name it}\n"
				   "[server:b]\nimage = b\nhostname = b\n");
	ck_assert_list(c->warnings, "");
	ck_assert_ptr_null(c->servers[0]->blocked);
	conf_free(c);
}
END_TEST

START_TEST(a_file_with_the_value_is_as_good_as_the_variable)
{
	const char *const env[] = { "TOKEN_FILE=/run/secrets/t", NULL };
	struct conf *c = conf_text_env("[server:a]\nimage = a\nenvironment = TOKEN\n", env);
	ck_assert_list(c->warnings, "");
	conf_free(c);
}
END_TEST

START_TEST(secrets_are_the_values_of_variables_of_8_bytes_or_more)
{
	const char *const env[] = { "LONG=12345678", "SHORT=1234567", "PASSED=abcdefgh",
				    "UNUSED=zzzzzzzz", NULL };
	struct conf *c = conf_text_env("[server:a]\nimage = a\n"
				       "environment = A=${LONG}, B=x$SHORT, PASSED, C=literal-one\n"
				       "[server:b]\nimage = b\nenvironment = A=${LONG}\n",
				       env);
	ck_assert_list(c->secrets, "12345678|abcdefgh");
	conf_free(c);
}
END_TEST

START_TEST(messages_show_no_secret)
{
	const char *const env[] = { "TOKEN=ghp_abcdefgh", NULL };
	struct conf_source src = { .path = "t.ini", .environ = env };
	const char *text = "[server:a]\nimage = a\nmem_limit = ${TOKEN}\n";
	struct load in = { .src = &src, .text = text, .len = strlen(text) };
	struct buf errors = { 0 };
	ck_assert_ptr_null(conf_text_load(&in, &errors));
	ck_assert_str_eq(buf_str(&errors), "t.ini:3: server:a: mem_limit: \"***\" is not a size; "
					   "write it like 64k, 8m or 2g\n");
	buf_done(&errors);
}
END_TEST

/* --- limits ---------------------------------------------------------------------------------- */

START_TEST(a_value_of_60000_characters_arrives_whole_and_keeps_the_lines_right)
{
	struct buf text = { 0 };
	buf_adds(&text, "[server:a]\nimage = a\nenvironment = BIG=");
	for (int i = 0; i < 60000; i++)
		buf_adds(&text, "x");
	buf_adds(&text, "\nvolums = y\n");
	conf_text_fails(text.data,
			"t.ini:4: server:a: volums: unknown key; did you mean volumes?\n");
	buf_drop(&text, 0);
	text.len -= strlen("\nvolums = y\n");
	text.data[text.len] = '\0';
	struct conf *c = conf_text(text.data);
	ck_assert_uint_eq(strlen(c->servers[0]->environment[0].value), 60000);
	conf_free(c);
	buf_done(&text);
}
END_TEST

START_TEST(a_flood_of_errors_is_cut_with_a_count)
{
	struct buf text = { 0 };
	buf_adds(&text, "[mcpinit]\n");
	for (int i = 0; i < 1500; i++)
		buf_addf(&text, "garbage %d\n", i);
	struct conf_source src = { .path = "t.ini" };
	struct load in = { .src = &src, .text = text.data, .len = text.len };
	struct conf *c = NULL;
	struct conf_errors errs;
	ck_assert_int_eq(load_conf(&in, &c, &errs), -EINVAL);
	ck_assert_uint_eq(errs.n, 1001);
	ck_assert_str_eq(errs.lines[1000], "and 500 more errors");
	conf_errors_done(&errs);
	buf_done(&text);
}
END_TEST

Suite *suite_conf_load(void);
Suite *suite_conf_load(void)
{
	Suite *s = suite_create("conf_load");
	TCase *c = tcase_create("all");
	tcase_add_test(c, each_bad_config_gives_exactly_its_errors);
	tcase_add_test(c, the_full_example_uses_every_key_and_is_valid);
	tcase_add_test(c, included_files_are_read_behind_the_one_that_includes_them);
	tcase_add_test(c, windows_line_ends_and_a_byte_order_mark_are_tolerated);
	tcase_add_test(c, no_path_gives_the_defaults_and_no_server);
	tcase_add_test(c, a_file_that_is_not_there_is_an_error_with_its_name);
	tcase_add_test(c, includes_that_go_round_or_too_deep_are_errors);
	tcase_add_test(c, a_server_has_the_defaults_of_the_table);
	tcase_add_test(c, values_arrive_in_their_fields);
	tcase_add_test(c, a_servers_own_key_replaces_the_defaults_and_an_empty_one_does_not);
	tcase_add_test(c, environment_and_labels_merge_by_name);
	tcase_add_test(c, what_a_variable_holds_stays_inside_its_item);
	tcase_add_test(c, an_unset_variable_counts_as_empty_with_a_warning);
	tcase_add_test(c, what_is_missing_blocks_its_server_and_no_other);
	tcase_add_test(c, strict_makes_what_is_missing_an_error);
	tcase_add_test(c, a_default_that_nobody_inherits_is_not_missing);
	tcase_add_test(c, a_file_with_the_value_is_as_good_as_the_variable);
	tcase_add_test(c, secrets_are_the_values_of_variables_of_8_bytes_or_more);
	tcase_add_test(c, messages_show_no_secret);
	tcase_add_test(c, a_value_of_60000_characters_arrives_whole_and_keeps_the_lines_right);
	tcase_add_test(c, a_flood_of_errors_is_cut_with_a_count);
	suite_add_tcase(s, c);
	return s;
}
