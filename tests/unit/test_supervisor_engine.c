/* SPDX-License-Identifier: MIT */
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/engine.h"

#include <check.h>
#include <stdlib.h>

static char no_dir[] = "/nowhere/mcp", other_dir[] = "/nowhere/else";

static void is_called(const struct conf *conf, const struct docker_self *self, const char *name)
{
	char *got = engine_instance(conf, self, "machine");
	ck_assert_str_eq(got, name);
	free(got);
}

START_TEST(the_key_wins_then_compose_then_our_container)
{
	char key[] = "Mine/1", project[] = "shop", service[] = "Agents", number[] = "2";
	char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	struct conf conf = { .runtime_dir = no_dir, .instance = key };
	struct docker_self self = {
		.id = id,
		.compose_project = project,
		.compose_service = service,
		.compose_number = number,
	};
	is_called(&conf, &self, "mine-1");
	conf.instance = NULL;
	is_called(&conf, &self, "shop-agents-2");
	self.compose_number = NULL;
	is_called(&conf, &self, "shop-agents-1");
	self.compose_service = NULL;
	is_called(&conf, &self, "0123456789ab");
}
END_TEST

START_TEST(on_a_host_it_is_of_the_machine_and_the_directory)
{
	struct conf conf = { .runtime_dir = no_dir }, other = { .runtime_dir = other_dir };
	struct docker_self nobody = { 0 };
	char *a = engine_instance(&conf, &nobody, "machine");
	char *again = engine_instance(&conf, &nobody, "machine");
	char *b = engine_instance(&other, &nobody, "machine");
	char *c = engine_instance(&conf, &nobody, "other machine");
	ck_assert_str_eq(a, again);
	ck_assert_str_ne(a, b);
	ck_assert_str_ne(a, c);
	free(a);
	free(again);
	free(b);
	free(c);
}
END_TEST

Suite *suite_supervisor_engine(void);
Suite *suite_supervisor_engine(void)
{
	Suite *s = suite_create("supervisor_engine");
	TCase *c = tcase_create("all");
	tcase_add_test(c, the_key_wins_then_compose_then_our_container);
	tcase_add_test(c, on_a_host_it_is_of_the_machine_and_the_directory);
	suite_add_tcase(s, c);
	return s;
}
