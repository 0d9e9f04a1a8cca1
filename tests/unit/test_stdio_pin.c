/* SPDX-License-Identifier: MIT */
#include "stdio/pin.h"

#include "base/err.h"
#include "stdio/rpc.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[32], path[64];

static void make_dir(void)
{
	strcpy(dir, "/tmp/pins.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/sub/pins", dir);
}

static void remove_dir(void)
{
	char command[64];
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct span of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static struct pins *open_pins(void)
{
	struct err e = { 0 };
	struct pins *p = pins_new(path);
	ck_assert_ptr_nonnull(p);
	ck_assert_msg(pins_load(p, &e) == 0, "%s", e.text);
	return p;
}

static enum pin_verdict see(struct pins *p, const char *name, const char *tool)
{
	unsigned parts;
	return pins_see(p, "fs", of(name), of(tool), &parts);
}

static void store(struct pins *p)
{
	struct err e = { 0 };
	ck_assert_msg(pins_store(p, &e) == 0, "%s", e.text);
}

static void write_file(const char *text)
{
	char sub[64];
	(void)snprintf(sub, sizeof(sub), "%s/sub", dir);
	(void)mkdir(sub, 0700);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	(void)fclose(f);
}

static const char *read_file(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	(void)fclose(f);
	return text;
}

#define ONE "{\"name\":\"a\",\"description\":\"does this\",\"inputSchema\":{\"type\":\"object\"}}"
#define TWO "{\"name\":\"a\",\"description\":\"does that\",\"inputSchema\":{\"type\":\"object\"}}"

START_TEST(what_is_seen_first_is_pinned_and_stays_so_in_the_next_life)
{
	struct pins *p = open_pins();
	ck_assert_int_eq(see(p, "a", ONE), PIN_NEW);
	ck_assert_int_eq(see(p, "a", ONE), PIN_SAME);
	ck_assert_int_eq(see(p, "\"\\ \xC3\xA9", ONE), PIN_NEW);
	ck_assert(pins_holds(p, "fs", of("a")) && !pins_holds(p, "git", of("a")));
	store(p);
	pins_free(p);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	p = open_pins();
	ck_assert_int_eq(see(p, "a", ONE), PIN_SAME);
	ck_assert_int_eq(see(p, "\"\\ \xC3\xA9", ONE), PIN_SAME);
	ck_assert_int_eq(see(p, "b", ONE), PIN_NEW);
	pins_free(p);
}
END_TEST

static void note(void *ctx, const char *name, unsigned parts)
{
	size_t n = strlen(ctx);
	(void)snprintf((char *)ctx + n, 64 - n, "%s=%u ", name, parts);
}

START_TEST(a_change_is_told_once_and_holds_until_it_is_taken_back_or_accepted)
{
	struct pins *p = open_pins();
	unsigned parts = 0;
	see(p, "a", ONE);
	see(p, "b", ONE);
	ck_assert_int_eq(pins_see(p, "fs", of("a"), of(TWO), &parts), PIN_CHANGED);
	ck_assert_str_eq(pin_part_name((unsigned)__builtin_ctz(parts)), "description");
	ck_assert_int_eq(see(p, "a", TWO), PIN_STILL);
	ck_assert(!pins_holds(p, "fs", of("a")));
	ck_assert_uint_eq(pins_changed(p, "fs", of("a")), parts);
	ck_assert_int_eq(see(p, "a", "{}"), PIN_CHANGED);
	ck_assert_int_eq(see(p, "a", ONE), PIN_SAME);
	ck_assert(pins_holds(p, "fs", of("a")));
	ck_assert_int_eq(see(p, "a", TWO), PIN_CHANGED);
	ck_assert_int_eq(see(p, "b", TWO), PIN_CHANGED);
	char changed[64] = "";
	pins_each(p, "fs", note, changed);
	ck_assert_str_eq(changed, "a=2 b=2 ");
	ck_assert_uint_eq(pins_accept(p, "git", (struct span){ 0 }), 0);
	ck_assert_uint_eq(pins_accept(p, "fs", of("c")), 0);
	ck_assert_uint_eq(pins_accept(p, "fs", of("b")), 1);
	ck_assert(pins_holds(p, "fs", of("b")) && !pins_holds(p, "fs", of("a")));
	store(p);
	pins_free(p);
	p = open_pins();
	ck_assert_int_eq(see(p, "b", TWO), PIN_SAME);
	ck_assert_int_eq(see(p, "a", TWO), PIN_CHANGED);
	ck_assert_uint_eq(pins_accept(p, "fs", (struct span){ 0 }), 1);
	ck_assert_int_eq(see(p, "a", TWO), PIN_SAME);
	pins_free(p);
}
END_TEST

START_TEST(a_garbled_file_is_refused_by_line_and_not_written_over)
{
#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define GOOD "# comment\n\nfs \"a\" - " HASH " - - -\n"
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ GOOD "fs\n", "pins:4: is not SERVER" },
		{ GOOD "fs b - - - - -\n", "pins:4: is not" },
		{ GOOD "fs \"b\" - - - -\n", "pins:4: is not" },
		{ GOOD "fs \"b\" - - - - - -\n", "pins:4: is not" },
		{ GOOD "fs \"b\\x\" - - - - -\n", "pins:4: is not" },
		{ GOOD "fs \"b\\u0000\" - - - - -\n", "pins:4: is not" },
		{ GOOD "fs \"b - - - - -\n", "pins:4: is not" },
		{ GOOD "fs \"b\" - 0123 - - -\n", "pins:4: is not" },
		{ GOOD "fs \"b\" - " HASH "0 - - -\n", "pins:4: is not" },
		{ GOOD "fs \"a\" - - - - -\n", "pins:4: names a tool for the second time" },
		{ GOOD "fs \"b\" - - - - -", "pins:4: is cut off" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { 0 };
		write_file(rows[i].text);
		struct pins *p = pins_new(path);
		ck_assert_int_lt(pins_load(p, &e), 0);
		ck_assert_msg(strstr(e.text, rows[i].why) != NULL, "%s: %s", rows[i].text, e.text);
		ck_assert(!pins_holds(p, "fs", of("a")));
		see(p, "new", ONE);
		store(p);
		ck_assert_str_eq(read_file(), rows[i].text);
		write_file(GOOD); /* mended */
		ck_assert_int_eq(pins_load(p, &e), 0);
		ck_assert(pins_holds(p, "fs", of("a")));
		pins_free(p);
	}
}
END_TEST

START_TEST(what_cannot_be_written_holds_and_is_tried_again)
{
	struct err e = { 0 };
	char sub[64];
	(void)snprintf(sub, sizeof(sub), "%s/sub", dir);
	FILE *f = fopen(sub, "w"); /* no directory can be there */
	ck_assert_ptr_nonnull(f);
	(void)fclose(f);
	struct pins *p = pins_new(path);
	ck_assert_int_lt(pins_load(p, &e), 0); /* ENOTDIR: nobody knows what is there */
	ck_assert_int_eq(unlink(sub), 0);
	ck_assert_int_eq(pins_load(p, &e), 0);
	ck_assert_int_eq(see(p, "a", ONE), PIN_NEW);
	f = fopen(sub, "w");
	ck_assert_ptr_nonnull(f);
	(void)fclose(f);
	ck_assert_int_lt(pins_store(p, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, sub));
	ck_assert_int_eq(see(p, "a", ONE), PIN_SAME);
	ck_assert_int_eq(unlink(sub), 0);
	store(p);
	ck_assert_ptr_nonnull(strstr(read_file(), "fs \"a\" - "));
	pins_free(p);
}
END_TEST

START_TEST(the_tools_of_a_server_have_a_limit)
{
	struct pins *p = open_pins();
	char name[16];
	for (int i = 0; i < PIN_TOOLS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		ck_assert_int_eq(see(p, name, "{}"), PIN_NEW);
	}
	ck_assert_int_eq(see(p, "one more", "{}"), PIN_NOT);
	ck_assert_int_eq(see(p, "t7", "{}"), PIN_SAME);
	ck_assert(pins_holds(p, "fs", of("t4095")) && !pins_holds(p, "fs", of("one more")));
	pins_free(p);
}
END_TEST

/* --- prints ---------------------------------------------------------------------------------- */

static unsigned differ(const char *a, const char *b)
{
	struct pin_print x, y;
	ck_assert_int_eq(pin_print(of(a), &x), 0);
	ck_assert_int_eq(pin_print(of(b), &y), 0);
	return pin_differ(&x, &y);
}

START_TEST(how_it_is_written_does_not_count)
{
	ck_assert_uint_eq(differ(ONE, "{ \"inputSchema\" : {\t\"type\":\"\\u006fbject\" } ,"
				      "\"description\":\"does\\u0020this\",\"name\":\"x\"}"),
			  0);
	ck_assert_uint_eq(
		differ("{\"inputSchema\":{\"a\":[1,{\"x\":1,\"y\":{}}],\"b\":null,\"ab\":true}}",
		       "{\"inputSchema\":{\"ab\":true,\"b\":null,\"a\":[1,{\"y\":{},\"x\":1}]}}"),
		0);
	ck_assert_uint_eq(
		differ(ONE, "{\"icons\":[1],\"_meta\":{},\"name\":\"a\","
			    "\"description\":\"does this\",\"inputSchema\":{\"type\":\"object\"}}"),
		0);
}
END_TEST

START_TEST(what_is_written_does)
{
	static const struct {
		const char *a, *b;
		unsigned parts;
	} rows[] = {
		{ "{}", "{\"title\":\"x\"}", 1 },
		{ "{\"title\":null}", "{\"title\":\"null\"}", 1 },
		{ "{}", "{\"title\":null}", 1 },
		{ "{\"description\":\"a\"}", "{\"description\":\"a\\u0000b\"}", 2 },
		{ "{\"description\":\"a\"}", "{\"description\":\"a \"}", 2 },
		{ "{\"description\":\"a\"}", "{\"description\":\"a\",\"description\":\"a\"}", 2 },
		{ "{\"description\":\"a\"}", "{\"description\":\"a\",\"Description\":\"b\"}", 2 },
		{ "{\"description\":\"a\"}", "{\"Description\":\"a\"}", 2 },
		{ "{\"inputSchema\":[1,2]}", "{\"inputSchema\":[2,1]}", 4 },
		{ "{\"inputSchema\":[1,[2]]}", "{\"inputSchema\":[[1],2]}", 4 },
		{ "{\"inputSchema\":[\"1\"]}", "{\"inputSchema\":[1]}", 4 },
		{ "{\"inputSchema\":{\"a\":\"b\"}}", "{\"inputSchema\":{\"b\":\"a\"}}", 4 },
		{ "{\"inputSchema\":{\"a\":{\"b\":1}}}", "{\"inputSchema\":{\"a\":{},\"b\":1}}",
		  4 },
		{ "{\"inputSchema\":{\"a\":9007199254740993}}",
		  "{\"inputSchema\":{\"a\":9007199254740992}}", 4 },
		{ "{\"outputSchema\":{}}", "{\"outputSchema\":[]}", 8 },
		{ "{\"annotations\":{\"readOnlyHint\":false}}",
		  "{\"annotations\":{\"readOnlyHint\":true}}", 16 },
		{ "{\"title\":\"a\",\"description\":\"b\"}",
		  "{\"title\":\"b\",\"description\":\"a\"}", 3 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(differ(rows[i].a, rows[i].b) == rows[i].parts, "%s %s: %u", rows[i].a,
			      rows[i].b, differ(rows[i].a, rows[i].b));
}
END_TEST

START_TEST(long_and_deep_schemas_count_as_well)
{
	enum { DEEP = 900, LONG = 4000 };
	static char a[DEEP * 8 + LONG + 64], b[sizeof(a)];
	size_t n = (size_t)snprintf(a, sizeof(a), "{\"inputSchema\":");
	for (int i = 0; i < DEEP; i++)
		n += (size_t)snprintf(a + n, sizeof(a) - n, "{\"a\":");
	n += (size_t)snprintf(a + n, sizeof(a) - n, "{\"x\":\"%0*d\"}", LONG, 1);
	for (int i = 0; i <= DEEP; i++)
		a[n++] = '}';
	a[n] = '\0';
	memcpy(b, a, sizeof(a));
	ck_assert_uint_eq(differ(a, b), 0);
	*strstr(b, "00001\"") = '7';
	ck_assert_uint_eq(differ(a, b), 4);
}
END_TEST

Suite *suite_stdio_pin(void);
Suite *suite_stdio_pin(void)
{
	Suite *s = suite_create("stdio_pin");
	TCase *c = tcase_create("pin");
	tcase_add_checked_fixture(c, make_dir, remove_dir);
	tcase_add_test(c, what_is_seen_first_is_pinned_and_stays_so_in_the_next_life);
	tcase_add_test(c, a_change_is_told_once_and_holds_until_it_is_taken_back_or_accepted);
	tcase_add_test(c, a_garbled_file_is_refused_by_line_and_not_written_over);
	tcase_add_test(c, what_cannot_be_written_holds_and_is_tried_again);
	tcase_add_test(c, the_tools_of_a_server_have_a_limit);
	tcase_add_test(c, how_it_is_written_does_not_count);
	tcase_add_test(c, what_is_written_does);
	tcase_add_test(c, long_and_deep_schemas_count_as_well);
	suite_add_tcase(s, c);
	return s;
}
