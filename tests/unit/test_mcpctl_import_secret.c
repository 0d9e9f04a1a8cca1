/* SPDX-License-Identifier: MIT */
#include "tests/unit/import_rig.h"

static const char *const words[][2] = {
	/* an argument, and the one of the configuration when S_SECRET is "v" */
	{ "postgresql://user:literal-pw@host/db", "postgresql://user:v@host/db" },
	{ "Authorization: Bearer literal-token", "Authorization: Bearer v" },
	{ "--api-key=literal-key", "--api-key=v" },
	{ "Authorization: Bearer ${TOKEN}", "Authorization: Bearer t" },
	{ "postgresql://user@host:5432/db", "postgresql://user@host:5432/db" },
	{ "https://host/a:b@c", "https://host/a:b@c" },
	{ "--token=short", "--token=short" },
	{ "--max-tokens=100000000", "--max-tokens=100000000" },
	{ "--key=/etc/key.pem", "--key=/etc/key.pem" },
};

START_TEST(an_argument_that_is_a_secret_becomes_a_variable)
{
	static const char *const env[] = { "S_SECRET=v", "TOKEN=t", NULL };
	char json[256];
	snprintf(json, sizeof(json),
		 "{\"mcpServers\":{\"s\":{\"command\":\"npx\",\"args\":[\"%s\"]}}}", words[_i][0]);
	struct import im = import_rig(json);
	ck_assert_ptr_null(strstr(im.ini.data, "literal"));
	ck_assert_ptr_null(strstr(buf_str(&im.notes), "literal"));
	struct conf *c = conf_text_env(im.ini.data, env);
	ck_assert_str_eq(server(c, "s")->command[1], words[_i][1]);
	conf_free(c);
	import_done(&im);
}
END_TEST

START_TEST(so_does_the_word_behind_an_option_that_sounds_like_one)
{
	struct import im = import_rig(
		"{\"mcpServers\":{\"1-s\":{\"command\":\"npx\",\"args\":[\"--api-key\",\"literal-1\","
		"\"--password\",\"literal-2\",\"--token\",\"literal-1\",\"--key\",\"--not-literal\"]}}}");
	ck_assert_str_eq(im.ini.data,
			 "[server:1-s]\n"
			 "command = npx --api-key \"${__S_SECRET:?}\" --password "
			 "\"${__S_SECRET_2:?}\" --token \"${__S_SECRET:?}\" --key --not-literal\n");
	ck_assert_ptr_nonnull(strstr(im.notes.data, "1-s: an argument that looks like a secret "
						    "is left out; set __S_SECRET_2 in mcpinit's"));
	import_done(&im);
}
END_TEST

START_TEST(a_variable_is_a_secret_by_its_name_or_by_a_password_in_its_value)
{
	struct import im = import_rig(
		"{\"mcpServers\":{\"s\":{\"command\":\"npx\",\"env\":{\"GITHUB_PAT\":\"literal-1\","
		"\"BASIC_AUTH\":\"literal-2\",\"DB_URL\":\"mysql://u:literal-3@h\",\"FILE_PATH\":\"/a\","
		"\"HEADER\":\"Bearer literal-4\",\"AUTH_MODE\":\"none\"}}}}");
	ck_assert_str_eq(im.ini.data, "[server:s]\ncommand = npx\nenvironment =\n\tGITHUB_PAT\n"
				      "\tBASIC_AUTH\n\tDB_URL\n\tFILE_PATH=/a\n\tHEADER\n"
				      "\tAUTH_MODE=\"none\"\n");
	import_done(&im);
}
END_TEST

Suite *suite_mcpctl_import_secret(void);
Suite *suite_mcpctl_import_secret(void)
{
	Suite *s = suite_create("mcpctl_import_secret");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, an_argument_that_is_a_secret_becomes_a_variable, 0,
			    sizeof(words) / sizeof(words[0]));
	tcase_add_test(c, so_does_the_word_behind_an_option_that_sounds_like_one);
	tcase_add_test(c, a_variable_is_a_secret_by_its_name_or_by_a_password_in_its_value);
	suite_add_tcase(s, c);
	return s;
}
