/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "conf/schema.h"
#include "tests/unit/conf_text.h"

#include "conf/expand.h"
#include "conf/field.h"

START_TEST(every_row_is_complete_and_stands_once)
{
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	ck_assert_uint_gt(n, 80);
	for (size_t i = 0; i < n; i++) {
		ck_assert_ptr_nonnull(keys[i].help);
		ck_assert(keys[i].help[0] != '\0');
		ck_assert_uint_lt(strlen(keys[i].name), 50); /* what inih takes */
		ck_assert_ptr_eq(schema_find(keys[i].section, keys[i].name), &keys[i]);
		ck_assert_uint_eq(schema_index(&keys[i]), i);
	}
}
END_TEST

/* A default that its own key refuses would silently leave the field zeroed. */
START_TEST(every_default_and_limit_is_a_value_of_its_key)
{
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++) {
		const char *const texts[] = { keys[i].def, keys[i].min, keys[i].max };
		for (int k = 0; k < 3; k++) {
			union {
				struct conf conf;
				struct conf_server server;
				struct conf_agent agent;
			} object;
			memset(&object, 0, sizeof(object));
			struct expansion x = { 0 };
			struct err e = { 0 };
			int r = texts[k] ? field_set(&keys[i], &object, texts[k], &x, &e) : 1;
			ck_assert_msg(r == 1, "%s = %s: %s", keys[i].name, texts[k], e.text);
			field_done(&keys[i], &object);
		}
	}
}
END_TEST

static const struct {
	const char *section, *name, *sentence;
} unknown[] = {
	{ "server", "volums", "unknown key; did you mean volumes?" },
	{ "server", "IMAGE", "unknown key; did you mean image?" },
	{ "server", "enviroment", "unknown key; did you mean environment?" },
	{ "mcpinit", "loglevel", "unknown key; did you mean log_level?" },
	{ "agent", "tool", "unknown key; did you mean tools?" },
	{ "mcpinit", "dns", "unknown key; it belongs in [server:NAME]" },
	{ "server", "servers", "unknown key; it belongs in [agent:NAME]" },
	{ "server", "qwertyuiop", "unknown key; the keys are listed in mcpinit.ini(5)" },
	{ "server", "x", "unknown key; the keys are listed in mcpinit.ini(5)" },
	{ "server", "redirect_stderr",
	  "unknown key; stdout carries JSON-RPC; stderr is kept apart, see mcpctl logs" },
};

START_TEST(an_unknown_key_names_the_nearest_that_there_is)
{
	struct err e;
	ck_assert_ptr_null(schema_find(unknown[_i].section, unknown[_i].name));
	ck_assert_int_eq(schema_unknown(unknown[_i].section, unknown[_i].name, &e), -EINVAL);
	ck_assert_str_eq(e.text, unknown[_i].sentence);
}
END_TEST

START_TEST(the_nearest_name_is_the_first_of_the_least_distance)
{
	struct nearest n = { .word = "gitt" };
	nearest_offer(&n, "github");
	ck_assert_ptr_null(n.best);
	nearest_offer(&n, "gits");
	nearest_offer(&n, "git");
	ck_assert_str_eq(n.best, "gits");
	ck_assert_uint_eq(n.distance, 1);
}
END_TEST

Suite *suite_conf_schema(void);
Suite *suite_conf_schema(void)
{
	Suite *s = suite_create("conf_schema");
	TCase *c = tcase_create("all");
	tcase_add_test(c, every_row_is_complete_and_stands_once);
	tcase_add_test(c, every_default_and_limit_is_a_value_of_its_key);
	tcase_add_loop_test(c, an_unknown_key_names_the_nearest_that_there_is, 0,
			    (int)(sizeof(unknown) / sizeof(unknown[0])));
	tcase_add_test(c, the_nearest_name_is_the_first_of_the_least_distance);
	suite_add_tcase(s, c);
	return s;
}
