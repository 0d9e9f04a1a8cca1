/* SPDX-License-Identifier: MIT */
#include "tests/unit/control_rig.h"

#include "stdio/pin.h"

static void see(const char *name, const char *tool)
{
	unsigned parts;
	(void)pins_see(sv.pins, "fs", (struct span){ name, strlen(name) },
		       (struct span){ tool, strlen(tool) }, &parts);
}

/* fs withholds what has changed: the tools a and b have, c has not. */
static void open_pins(void)
{
	open_all();
	char path[64];
	struct err e = { 0 };
	(void)snprintf(path, sizeof(path), "%s/pins", dir);
	sv.pins = pins_new(path);
	ck_assert_msg(pins_load(sv.pins, &e) == 0, "%s", e.text);
	((struct conf_server *)sv.conf->servers[0])->pin_tools = CONF_PIN_BLOCK;
	server_free(sv.servers[0]);
	sv.servers[0] = server_new(&sv, sv.conf->servers[0], &e);
	ck_assert_msg(sv.servers[0] != NULL, "%s", e.text);
	static const char *const names[] = { "a", "b", "c" };
	for (size_t i = 0; i < 3; i++)
		see(names[i], "{\"description\":\"1\"}");
	see("a", "{\"description\":\"2\"}");
	see("b", "{\"description\":\"2\",\"title\":\"t\"}");
}

static void close_pins(void)
{
	struct pins *p = sv.pins;
	close_all();
	pins_free(p);
}

START_TEST(changed_tools_are_told_with_what_is_new)
{
	expect(operator_path, ASK("pins", "{\"server\":\"fs\"}"),
	       "{\"tools\":[{\"changed\":[\"description\"],\"name\":\"a\"},"
	       "{\"changed\":[\"title\",\"description\"],\"name\":\"b\"}],\"is_withheld\":true}");
	expect(operator_path, ASK("pins", "{\"server\":\"git\"}"),
	       "pin_tools of server git is off");
	expect(operator_path, ASK("pins", "{\"server\":\"x\"}"), "there is no server 'x'");
}
END_TEST

START_TEST(what_is_accepted_is_said_and_has_changed_no_more)
{
	expect(operator_path,
	       ASK("pins", "{\"server\":\"fs\",\"accept\":true,\"tools\":[\"b\",\"c\"]}"),
	       "no tool 'c' of server fs has changed");
	expect(operator_path, ASK("pins", "{\"server\":\"fs\"}"), "\"name\":\"b\"");
	expect(operator_path,
	       ASK("pins", "{\"server\":\"fs\",\"accept\":true,\"tools\":[\"b\",\"b\"]}"),
	       "{\"tools\":[{\"changed\":[\"title\",\"description\"],\"name\":\"b\"}],"
	       "\"is_withheld\":true}");
	expect(operator_path, ASK("pins", "{\"server\":\"fs\",\"accept\":true}"),
	       "{\"tools\":[{\"changed\":[\"description\"],\"name\":\"a\"}],");
	expect(operator_path, ASK("pins", "{\"server\":\"fs\",\"accept\":true}"), "{\"tools\":[],");
}
END_TEST

START_TEST(what_cannot_be_written_is_accepted_with_a_warning)
{
	char command[64];
	(void)snprintf(command, sizeof(command), "mkdir -p %s/pins.tmp/in_the_way", dir);
	ck_assert_int_eq(system(command), 0);
	expect(operator_path, ASK("pins", "{\"server\":\"fs\",\"accept\":true}"),
	       "\"warning\":\"cannot make");
	expect(operator_path, ASK("pins", "{\"server\":\"fs\"}"), "{\"tools\":[],");
}
END_TEST

START_TEST(an_agent_is_not_the_operator)
{
	expect(planner_path, ASK("pins", "{\"server\":\"fs\",\"accept\":true}"),
	       "pins is for the operator");
	expect(operator_path, ASK("pins", "{\"server\":\"fs\"}"), "\"name\":\"a\"");
}
END_TEST

Suite *suite_supervisor_control_pins(void);
Suite *suite_supervisor_control_pins(void)
{
	Suite *s = suite_create("supervisor_control_pins");
	TCase *c = tcase_create("control_pins");
	tcase_add_checked_fixture(c, open_pins, close_pins);
	tcase_add_test(c, changed_tools_are_told_with_what_is_new);
	tcase_add_test(c, what_is_accepted_is_said_and_has_changed_no_more);
	tcase_add_test(c, what_cannot_be_written_is_accepted_with_a_warning);
	tcase_add_test(c, an_agent_is_not_the_operator);
	suite_add_tcase(s, c);
	return s;
}
