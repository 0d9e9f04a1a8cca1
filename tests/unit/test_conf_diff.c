/* SPDX-License-Identifier: MIT */
#include "tests/unit/conf_text.h"

#include <stdio.h>

static void assert_servers(const char *from, const char *to, const char *changes)
{
	struct conf *a = conf_text(from), *b = conf_text(to);
	struct conf_diff d;
	struct buf got = { 0 };
	ck_assert_int_eq(conf_diff(a, b, &d), 0);
	char **const lists[] = { d.servers.added, d.servers.removed, d.servers.changed,
				 d.servers.tuned };
	for (int i = 0; i < 4; i++)
		for (char **name = lists[i]; *name; name++)
			buf_addf(&got, "%c%s ", "+-*~"[i], *name);
	ck_assert_str_eq(buf_str(&got), changes);
	buf_done(&got);
	conf_diff_done(&d);
	conf_free(a);
	conf_free(b);
}

START_TEST(servers_are_added_removed_changed_or_left)
{
	assert_servers("[server:a]\nimage = a\n[server:b]\nimage = b\n[server:c]\nimage = c\n",
		       "[server:d]\nimage = d\n[server:c]\nimage = c\n[server:b]\nimage = b2\n",
		       "+d -a *b ");
}
END_TEST

START_TEST(where_a_server_stands_and_how_it_is_written_does_not_count)
{
	assert_servers("[server:a]\nimage = a\nenvironment = A=1, B=2\nmem_limit = 1g\n",
		       "# moved\n\n[defaults]\nmem_limit = 1024m\n"
		       "[server:a]\nenvironment = A=1\n\tB=2\nimage = 'a'\n",
		       "");
}
END_TEST

/* One line each that makes a server another; those behind the mark need no new process. */
static const char *const lines[] = {
	"command = x",
	"entrypoint = x",
	"launch = cli",
	"environment = A=1",
	"environment = A",
	"environment = A?",
	"secret_environment = A=/x",
	"volumes = a:/a",
	"volumes = a:/a:ro",
	"read_only = no",
	"mem_limit = 1g",
	"cpus = 2",
	"pids_limit = 7",
	"labels = a=b",
	"inherit_environment = yes",
	"stop_signal = INT",
	"protocol = 2025-11-25",
	"client_capabilities = sampling",
	"hostname = ${H:?missing}",
	"", /* the mark */
	"exitcodes = 0, 1",
	"startretries = 3",
	"healthcheck = none",
	"healthcheck = exec a",
	"healthcheck = exec b",
	"healthcheck = http http://a",
	"healthcheck_interval = 3s",
	"depends_on = b",
	"autostart = lazy",
	"stop_grace_period = 1s",
	"tools = a",
	"max_queue = 1m",
	"ask_policy = reject",
};
enum { N_LINES = sizeof(lines) / sizeof(lines[0]) };

static int find_mark(void)
{
	int i = 0;
	while (*lines[i])
		i++;
	return i;
}

START_TEST(each_type_of_key_is_compared)
{
	static const char text[] = "[server:b]\nimage = b\n[server:a]\nimage = a\n%s\n";
	int mark = find_mark();
	char one[128], other[128];
	snprintf(one, sizeof(one), text, lines[_i]);
	for (int k = 0; k < N_LINES; k++) {
		snprintf(other, sizeof(other), text, lines[k]);
		const char *expected = k < mark || _i < mark ? "*a " : "~a ";
		assert_servers(one, other, k == _i ? "" : expected);
	}
}
END_TEST

START_TEST(agents_and_frozen_keys_are_told)
{
	struct conf *a = conf_text("[mcpinit]\nruntime_dir = /a\nlog_level = info\n"
				   "[agent:x]\n[agent:y]\n");
	struct conf *b = conf_text("[mcpinit]\nruntime_dir = /b\nlog_level = debug\n"
				   "instance = i\ndefault_agent = no\n"
				   "[agent:y]\nservers = none\n[agent:z]\n");
	struct conf_diff d;
	ck_assert_int_eq(conf_diff(a, b, &d), 0);
	ck_assert_list(d.frozen, "runtime_dir|instance");
	ck_assert_list(d.agents.added, "z");
	ck_assert_list(d.agents.removed, "default|x");
	ck_assert_list(d.agents.changed, "y");
	conf_diff_done(&d);
	conf_free(a);
	conf_free(b);
}
END_TEST

Suite *suite_conf_diff(void);
Suite *suite_conf_diff(void)
{
	Suite *s = suite_create("conf_diff");
	TCase *c = tcase_create("all");
	tcase_add_test(c, servers_are_added_removed_changed_or_left);
	tcase_add_test(c, where_a_server_stands_and_how_it_is_written_does_not_count);
	tcase_add_loop_test(c, each_type_of_key_is_compared, 0, N_LINES);
	tcase_add_test(c, agents_and_frozen_keys_are_told);
	suite_add_tcase(s, c);
	return s;
}
