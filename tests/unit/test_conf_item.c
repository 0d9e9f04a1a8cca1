/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "conf/item.h"
#include "tests/unit/conf_text.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
	const char *text, *source, *target; /* source NULL: an error */
	bool is_read_only;
} volumes[] = {
	{ "workspace:/workspace", "workspace", "/workspace", false },
	{ "workspace:/workspace:ro", "workspace", "/workspace", true },
	{ "/srv/x:/y:rw", "/srv/x", "/y", false },
	{ "cache_1.x-y:/var/cache", "cache_1.x-y", "/var/cache", false },
	{ "C:\\x:/dst:ro", "C:\\x", "/dst", true },
	{ "C:\\x:/dst", "C:\\x", "/dst", false },
	{ "c:/x:/dst", "c:/x", "/dst", false },
	{ "c:/dst", "c", "/dst", false },
	{ "c:/dst:ro", "c", "/dst", true },
	{ "\\\\server\\share:/dst", "\\\\server\\share", "/dst", false },
	{ "//c/x:/dst", "//c/x", "/dst", false },
	{ "/data", NULL, NULL, false },
	{ "a:b", NULL, NULL, false },
	{ "a:/", NULL, NULL, false },
	{ ":/x", NULL, NULL, false },
	{ "a:/x:r", NULL, NULL, false },
	{ "a:/x:ro:z", NULL, NULL, false },
	{ "./a:/x", NULL, NULL, false },
	{ "~/a:/x", NULL, NULL, false },
	{ "C:\\x", NULL, NULL, false },
	{ "", NULL, NULL, false },
};

START_TEST(volumes_are_split_windows_drives_included)
{
	struct conf_volume v = { 0 };
	int r = item_volume(volumes[_i].text, &v, NULL);
	ck_assert_int_eq(r, volumes[_i].source ? 0 : -EINVAL);
	ck_assert_pstr_eq(v.source, volumes[_i].source);
	ck_assert_pstr_eq(v.target, volumes[_i].target);
	ck_assert_int_eq(v.is_read_only, volumes[_i].is_read_only);
	free(v.source);
	free(v.target);
}
END_TEST

static const struct {
	int (*check)(const char *text, struct err *e);
	const char *good[6], *bad[6];
} forms[] = {
	{ item_is_name, { "a", "0x_y.z-1" }, { "", "A", "-a", "a b", "a/b" } },
	{ item_is_path, { "/", "/a b" }, { "", "a", "./a" } },
	{ item_is_host_path, { "/a", "C:\\a", "c:/a", "//c/a" }, { "a", "C:a", "" } },
	{ item_is_endpoint, { "unix:///x", "tcp://h:1" }, { "/var/run/docker.sock", "://x", "" } },
	{ item_is_word, { "a", "a-b" }, { "-a", "a b", "a\tb" } },
	{ item_is_ip, { "1.1.1.1", "::1" }, { "1.1.1", "a", "1.1.1.1:53", "" } },
	{ item_is_host_entry,
	  { "a:1.1.1.1", "a=1.1.1.1", "a:host-gateway", "a:::1", "a:[::1]" },
	  { "a", "a:", ":1.1.1.1", "a:b" } },
	{ item_is_ulimit,
	  { "nofile=1", "nofile=1:2", "core=-1" },
	  { "nofile", "nofile=", "=1", "nofile=1:", "nofile=1:2:3", "nofile=x" } },
	{ item_is_device, { "/dev/x" }, { "x", "" } },
	{ item_is_tmpfs, { "/tmp", "/tmp:size=1m,mode=1" }, { "tmp", "" } },
	{ item_is_platform, { "linux/arm64/v8" }, { "linux", "/a", "a/", "a /b" } },
	{ item_is_capability, { "roots", "elicitation" }, { "tools", "" } },
	{ item_is_protocol, { "auto", "2026-07-28" }, { "2026-07-27", "latest" } },
	{ item_is_tool, { "*", "read_*", "a.b/c" }, { "git:x", "a b" } },
	{ item_is_server_tool, { "*", "git:*", "*:read_*" }, { "read_*", "git:", ":x", "a:b c" } },
	{ item_is_signal, { "TERM", "SIGTERM", "sigint" }, { "15", "SIG", "FOO", "" } },
};

START_TEST(each_form_takes_the_good_and_refuses_the_bad_with_a_sentence)
{
	struct err e;
	for (int i = 0; i < 6 && forms[_i].good[i]; i++)
		ck_assert_msg(forms[_i].check(forms[_i].good[i], &e) == 0, "%s: %s",
			      forms[_i].good[i], e.text);
	for (int i = 0; i < 6 && forms[_i].bad[i]; i++) {
		e.text[0] = '\0';
		ck_assert_msg(forms[_i].check(forms[_i].bad[i], &e) == -EINVAL, "%s is taken",
			      forms[_i].bad[i]);
		ck_assert(strlen(e.text) > 10);
	}
}
END_TEST

START_TEST(names_end_at_40_characters)
{
	ck_assert_int_eq(item_is_name("a123456789b123456789c123456789d123456789", NULL), 0);
	ck_assert_int_eq(item_is_name("a123456789b123456789c123456789d123456789e", NULL), -EINVAL);
}
END_TEST

START_TEST(the_other_form_of_a_tool_is_shown_the_right_one)
{
	struct err e;
	ck_assert_int_eq(item_is_tool("git:read_*", &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "write read_*"));
	ck_assert_int_eq(item_is_server_tool("read_*", &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.text, "filesystem:read_*"));
}
END_TEST

static const struct {
	const char *text, *name, *value; /* name NULL: an error */
	bool is_optional;
} envs[] = {
	{ "A=1", "A", "1", false },	  { "A=", "A", "", false },
	{ "A", "A", NULL, false },	  { "A?", "A", NULL, true },
	{ "A=b=c?", "A", "b=c?", false }, { "A=\"x y\"", "A", "x y", false },
	{ "A='x'y", "A", "'x'y", false }, { "a.b-c_1=x", "a.b-c_1", "x", false },
	{ "1A=x", NULL, NULL, false },	  { "A B=x", NULL, NULL, false },
	{ "=x", NULL, NULL, false },	  { "A??", NULL, NULL, false },
	{ "A =x", NULL, NULL, false },	  { "", NULL, NULL, false },
};

START_TEST(variables_are_a_value_a_name_or_an_optional_name)
{
	struct conf_env v = { 0 };
	int r = item_env(envs[_i].text, &v, NULL);
	ck_assert_int_eq(r, envs[_i].name ? 0 : -EINVAL);
	ck_assert_pstr_eq(v.name, envs[_i].name);
	ck_assert_pstr_eq(v.value, envs[_i].value);
	ck_assert_int_eq(v.is_optional, envs[_i].is_optional);
	free(v.name);
	free(v.value);
}
END_TEST

START_TEST(a_refused_variable_does_not_show_its_value)
{
	struct conf_env v;
	struct err e;
	ck_assert_int_eq(item_env("API KEY=hunter2hunter2", &v, &e), -EINVAL);
	ck_assert_ptr_null(strstr(e.text, "hunter2"));
}
END_TEST

Suite *suite_conf_item(void);
Suite *suite_conf_item(void)
{
	Suite *s = suite_create("conf_item");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, volumes_are_split_windows_drives_included, 0, COUNT(volumes));
	tcase_add_loop_test(c, each_form_takes_the_good_and_refuses_the_bad_with_a_sentence, 0,
			    COUNT(forms));
	tcase_add_test(c, names_end_at_40_characters);
	tcase_add_test(c, the_other_form_of_a_tool_is_shown_the_right_one);
	tcase_add_loop_test(c, variables_are_a_value_a_name_or_an_optional_name, 0, COUNT(envs));
	tcase_add_test(c, a_refused_variable_does_not_show_its_value);
	suite_add_tcase(s, c);
	return s;
}
