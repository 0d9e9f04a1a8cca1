/* SPDX-License-Identifier: MIT */
#include "tests/unit/mux_rig.h"

#include "stdio/pin.h"

#define T(name, text)	 "{\"name\":\"" name "\",\"description\":\"" text "\"}"
#define CALL(id, params) J "\"id\":" id ",\"method\":\"tools/call\",\"params\":" params "}"
#define ASK		 J "\"id\":\"L\",\"method\":\"tools/list\"}"
#define ANSWER(result)	 J "\"id\":\"L\",\"result\":" result "}"
#define CHANGED		 J "\"method\":\"notifications/tools/list_changed\"}"

static char path[40];
static struct rig r;

static void begin_with(enum pin_mode mode)
{
	strcpy(path, "/tmp/mux_pins.XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	rig_init(&r);
	r.p.pins = pins_new(path);
	r.p.pin_mode = mode;
	ck_assert_ptr_nonnull(r.p.pins);
	rig_start(&r);
}

static void end(void)
{
	rig_done(&r);
	pins_free(r.p.pins);
	(void)unlink(path);
}

/* A process whose tools, when they are counted, are these. */
static void up(const char *tools)
{
	rig_attach(&r);
	answer(&r, hear(&r, &r.server),
	       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":" CAPS_TOOLS
	       ",\"serverInfo\":{\"name\":\"fake\",\"version\":\"1\"}}");
	ck_has(hear(&r, &r.server), "notifications/initialized");
	answer(&r, hear(&r, &r.server), tools);
	spin(&r);
}

static const char *listed(struct end *a, const char *result)
{
	say(&r, a, ASK);
	answer(&r, hear(&r, &r.server), result);
	return hear(&r, a);
}

static void count(void *ctx, const char *name, unsigned parts)
{
	(void)parts;
	strcat(ctx, name);
}

static const char *changed(void)
{
	static char names[64];
	struct err e;
	*names = '\0';
	ck_assert_int_eq(mux_pins_each(r.mux, count, names, &e), 0);
	return names;
}

#define FIRST  "{\"tools\":[" T("a", "one") "," T("b", "one") "]}"
#define SECOND "{\"tools\":[" T("a", "one") "," T("b", "two") "]}"

START_TEST(blocked_a_changed_tool_is_withheld_until_it_is_accepted)
{
	struct err e = { 0 };
	begin_with(PIN_BLOCK);
	up(FIRST);
	ck_assert_int_eq(r.shown, 2);
	struct end *a = rig_client(&r);
	ck_assert_str_eq(listed(a, FIRST), ANSWER(FIRST));
	rig_die(&r);
	up(SECOND);
	ck_hears(&r, a, CHANGED);
	ck_has(hear(&r, a), "prompts/list_changed");
	ck_assert_int_eq(r.tools, 2);
	ck_assert_int_eq(r.shown, 1);
	ck_assert_str_eq(listed(a, SECOND), ANSWER("{\"tools\":[" T("a", "one") "]}"));
	ck_assert_str_eq(changed(), "b");
	say(&r, a, CALL("3", "{\"name\":\"b\"}"));
	const char *heard = hear(&r, a);
	ck_has(heard, "\"id\":3,\"error\":{\"code\":-32602,\"message\":\"Tool b is withheld");
	ck_has(heard, "mcpctl tools srv --accept");
	ck_has(heard, "\"reason\":\"changed: description\"");
	say(&r, a, CALL("4", "{\"name\":\"a\"}"));
	ck_has(hear(&r, &r.server), "\"a\"");
	ck_assert_int_eq(mux_pins_accept(r.mux, "a", &e), -ENOENT);
	ck_assert_int_eq(mux_pins_accept(r.mux, NULL, &e), 1);
	ck_assert_int_eq(e.code, 0);
	ck_hears(&r, a, CHANGED);
	ck_assert_str_eq(listed(a, SECOND), ANSWER(SECOND));
	say(&r, a, CALL("5", "{\"name\":\"b\"}"));
	ck_has(hear(&r, &r.server), "\"b\"");
	ck_assert_str_eq(changed(), "");
	end();
}
END_TEST

START_TEST(warned_of_it_passes_as_it_is)
{
	begin_with(PIN_WARN);
	up(FIRST);
	struct end *a = rig_client(&r);
	ck_assert_str_eq(listed(a, SECOND), ANSWER(SECOND));
	ck_assert_str_eq(changed(), "b");
	say(&r, a, CALL("3", "{\"name\":\"b\"}"));
	ck_has(hear(&r, &r.server), "\"b\"");
	ck_assert_str_eq(listed(a, FIRST), ANSWER(FIRST));
	ck_assert_str_eq(changed(), "");
	ck_assert_str_eq(listed(a, "{\"tools\":7}"), ANSWER("{\"tools\":7}"));
	end();
}
END_TEST

START_TEST(a_change_while_it_runs_is_noticed_before_the_list_is_passed)
{
	begin_with(PIN_BLOCK);
	up(FIRST);
	struct end *a = rig_client(&r);
	ck_assert_str_eq(listed(a, "{\"tools\":[" T("b", "two") "," T("new", "x") "]}"),
			 ANSWER("{\"tools\":[" T("new", "x") "]}"));
	say(&r, a, CALL("3", "{\"name\":\"b\"}"));
	ck_has(hear(&r, a), "withheld");
	say(&r, a, CALL("4", "{\"name\":\"never-listed\"}"));
	ck_has(hear(&r, a), "Unknown tool: never-listed");
	ck_silent(&r, &r.server);
	end();
}
END_TEST

START_TEST(a_call_that_waits_for_the_next_process_meets_its_tools)
{
	begin_with(PIN_BLOCK);
	mux_set_gate(r.mux, MUX_PARK, "starting");
	struct end *a = rig_agent(&r, MUX_PIPES);
	say(&r, a, CALL("3", "{\"name\":\"a\"}")); /* nothing is known of its tools yet */
	ck_silent(&r, a);
	up(FIRST);
	ck_has(hear(&r, &r.server), "\"a\"");
	rig_die(&r);
	ck_has(hear(&r, a), "\"id\":3,\"error\":{\"code\":-32603");
	say(&r, a, CALL("4", "{\"name\":\"b\"}"));
	ck_silent(&r, a);
	up(SECOND);
	ck_has(hear(&r, a), "\"id\":4,\"error\":{\"code\":-32602,\"message\":\"Tool b is withheld");
	ck_silent(&r, &r.server);
	end();
}
END_TEST

START_TEST(pins_that_cannot_be_read_withhold_all_or_nothing)
{
	struct err e;
	begin_with(PIN_BLOCK);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	(void)fputs("what is this\n", f);
	(void)fclose(f);
	up(FIRST);
	ck_assert_int_eq(r.shown, 0);
	struct end *a = rig_client(&r);
	ck_assert_str_eq(listed(a, FIRST), ANSWER("{\"tools\":[]}"));
	ck_assert_int_lt(mux_pins_accept(r.mux, NULL, &e), 0);
	ck_has(e.text, ":1: is not SERVER");
	r.p.pin_mode = PIN_WARN;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_assert_str_eq(listed(a, FIRST), ANSWER(FIRST));
	r.p.pin_mode = PIN_OFF;
	ck_assert_int_eq(mux_configure(r.mux, &r.p), 0);
	ck_assert_int_lt(mux_pins_accept(r.mux, NULL, &e), 0);
	ck_has(e.text, "pin_tools of server srv is off");
	end();
}
END_TEST

Suite *suite_stdio_mux_pins(void);
Suite *suite_stdio_mux_pins(void)
{
	Suite *s = suite_create("stdio_mux_pins");
	TCase *c = tcase_create("mux_pins");
	tcase_add_test(c, blocked_a_changed_tool_is_withheld_until_it_is_accepted);
	tcase_add_test(c, warned_of_it_passes_as_it_is);
	tcase_add_test(c, a_change_while_it_runs_is_noticed_before_the_list_is_passed);
	tcase_add_test(c, a_call_that_waits_for_the_next_process_meets_its_tools);
	tcase_add_test(c, pins_that_cannot_be_read_withhold_all_or_nothing);
	suite_add_tcase(s, c);
	return s;
}
