/* SPDX-License-Identifier: MIT */
#include "tests/unit/conf_text.h"

#include <stdio.h>

static void assert_servers(const char *from, const char *to, const char *changes)
{
	struct conf *a = conf_text(from), *b = conf_text(to);
	struct conf_diff d;
	struct buf got = { 0 };
	ck_assert_int_eq(conf_diff(a, b, &d), 0);
	char **const lists[] = { d.servers.added, d.servers.removed, d.servers.changed };
	for (int i = 0; i < 3; i++)
		for (char **name = lists[i]; *name; name++)
			buf_addf(&got, "%c%s ", "+-*"[i], *name);
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

/* One line each that makes a server another. */
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
	"exitcodes = 0, 1",
	"startretries = 3",
	"healthcheck = none",
	"healthcheck = exec a",
	"healthcheck = exec b",
	"healthcheck = http http://a",
	"inherit_environment = yes",
	"stop_signal = INT",
	"tools = a",
	"protocol = 2025-11-25",
	"hostname = ${H:?missing}",
};

START_TEST(each_type_of_key_is_compared)
{
	int n = (int)(sizeof(lines) / sizeof(lines[0]));
	char one[128], other[128];
	snprintf(one, sizeof(one), "[server:a]\nimage = a\n%s\n", lines[_i]);
	assert_servers(one, one, "");
	for (int k = 0; k < n; k++) {
		snprintf(other, sizeof(other), "[server:a]\nimage = a\n%s\n", lines[k]);
		assert_servers(one, other, k == _i ? "" : "*a ");
	}
	assert_servers(one, "[server:a]\nimage = a\n", "*a ");
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
	tcase_add_loop_test(c, each_type_of_key_is_compared, 0,
			    (int)(sizeof(lines) / sizeof(lines[0])));
	tcase_add_test(c, agents_and_frozen_keys_are_told);
	suite_add_tcase(s, c);
	return s;
}
