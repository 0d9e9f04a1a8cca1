/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "conf/reader.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* All that is told, a line each: "2 [s]", "3 s.k=v", "4! sentence". */
static void on_section(void *ctx, const char *section, int line)
{
	buf_addf(ctx, "%d [%s]\n", line, section);
}

static void on_key(void *ctx, const char *section, const char *key, const char *value, int line)
{
	buf_addf(ctx, "%d %s.%s=", line, section, key);
	for (; *value; value++)
		buf_add(ctx, *value == '\n' ? "|" : value, 1);
	buf_adds(ctx, "\n");
}

static void on_error(void *ctx, const char *section, const char *key, int line,
		     const char *sentence)
{
	(void)section;
	(void)key;
	buf_addf(ctx, "%d! %.24s\n", line, sentence);
}

static void assert_read(const char *text, size_t len, const char *told)
{
	struct buf b = { 0 };
	struct reader_cb cb = { on_section, on_key, on_error, &b };
	ck_assert_int_eq(reader_run(text, len, &cb), 0);
	ck_assert_str_eq(buf_str(&b), told);
	buf_done(&b);
}

static const char *const good[][2] = {
	{ "", "" },
	{ "[s]\nk = v\n", "1 [s]\n2 s.k=v\n" },
	{ "[s]\nk=v", "1 [s]\n2 s.k=v\n" },
	{ "[s]\r\nk = v \r\n\tw\r\n", "1 [s]\n2 s.k=v|w\n" },
	{ "\xEF\xBB\xBF[s]\nk=v\n", "1 [s]\n2 s.k=v\n" },
	{ "# c\n; d\n[s] # e\nk = v ; f\nl = v # g\n", "3 [s]\n4 s.k=v\n5 s.l=v\n" },
	{ "[s]\nk = a#b;c\n", "1 [s]\n2 s.k=a#b;c\n" },
	{ "[s]\nk = \"a # b\" # c\nl = 'a ; b' ; c\n", "1 [s]\n2 s.k=\"a # b\"\n3 s.l='a ; b'\n" },
	{ "[s]\nk = don't # c\n", "1 [s]\n2 s.k=don't\n" },
	{ "[s]\nk = it\\'s # it's\n", "1 [s]\n2 s.k=it\\'s\n" },
	{ "[s]\nk = \"a\\\" # b\" # c\n", "1 [s]\n2 s.k=\"a\\\" # b\"\n" },
	{ "[s]\nk =\nl=\n", "1 [s]\n2 s.k=\n3 s.l=\n" },
	{ "[s]\nk =\n  a, b\n  # c\n\n  d # e\nl = 1\n", "1 [s]\n2 s.k=a, b|d\n7 s.l=1\n" },
	{ "[s]\nk = a\n  b = c\nl = d\n", "1 [s]\n2 s.k=a|b = c\n4 s.l=d\n" },
	{ "[s]\n  k = a\n  l = b\n    c\n", "1 [s]\n2 s.k=a\n3 s.l=b|c\n" },
	{ "[s]\nk = a = b\n", "1 [s]\n2 s.k=a = b\n" },
	{ "[s]\nk = [x]\n", "1 [s]\n2 s.k=[x]\n" },
	{ "[s]\n[t]\n[u]\nk=1\n", "1 [s]\n2 [t]\n3 [u]\n4 u.k=1\n" },
	{ "k=v\n", "1 .k=v\n" },
	{ "[s]\nk: v = w\n", "1 [s]\n2! \"k: v\" is not a key; wri\n" },
};

START_TEST(lines_become_sections_and_keys_with_their_numbers)
{
	assert_read(good[_i][0], strlen(good[_i][0]), good[_i][1]);
}
END_TEST

static const char *const bad[][2] = {
	{ "[s]\ngarbage\nk=v\n", "1 [s]\n2! \"garbage\" is no section,\n3 s.k=v\n" },
	{ "[s]\nimage: x\n", "1 [s]\n2! \"image: x\" is no section\n" },
	{ "[s]\n= v\n", "1 [s]\n2! \"\" is not a key; write k\n" },
	{ "[s\nk=v\n[t]\n", "1! the section's name is no\n3 [t]\n" },
	{ "[s] x\nk=v\n[t]\nl=w\n", "1! text behind the section'\n3 [t]\n4 t.l=w\n" },
	{ "[a]\nk = v\n  [server:x]\nl = w\n",
	  "1 [a]\n3! a section begins at the \n2 a.k=v\n4 a.l=w\n" },
	{ "[a;b]\nk=v\n", "1! a ; in the section's nam\n" },
};

START_TEST(what_is_no_ini_is_told_with_its_line_and_reading_goes_on)
{
	assert_read(bad[_i][0], strlen(bad[_i][0]), bad[_i][1]);
}
END_TEST

START_TEST(a_value_of_60000_characters_arrives_whole)
{
	struct buf text = { 0 }, told = { 0 };
	buf_adds(&text, "[s]\nk = ");
	buf_adds(&told, "1 [s]\n2 s.k=");
	for (int i = 0; i < 60000; i++) {
		char c = (char)('a' + i % 26);
		buf_add(&text, &c, 1);
		buf_add(&told, &c, 1);
	}
	buf_adds(&text, " ; comment\nl = w\n");
	buf_adds(&told, "\n3 s.l=w\n");
	assert_read(text.data, text.len, told.data);
	buf_done(&text);
	buf_done(&told);
}
END_TEST

/* len times 'x' between before and after. */
static void assert_long(const char *before, int len, const char *after, const char *told)
{
	struct buf text = { 0 };
	buf_adds(&text, before);
	for (int i = 0; i < len; i++)
		buf_adds(&text, "x");
	buf_adds(&text, after);
	assert_read(text.data, text.len, told);
	buf_done(&text);
}

#define X10 "xxxxxxxxxx"
#define X49 X10 X10 X10 X10 "xxxxxxxxx"

START_TEST(names_longer_than_inih_takes_are_errors_and_not_cut)
{
	assert_long("[s]\n", 49, " = v\n", "1 [s]\n2 s." X49 "=v\n");
	assert_long("[s]\n", 50, " = v\nk=w\n", "1 [s]\n2! the key \"xxxxxxxxxxxxxxx\n3 s.k=w\n");
	assert_long("[", 49, "]\n", "1 [" X49 "]\n");
	assert_long("[", 50, "]\nk=v\n", "1! the section's name is lo\n");
}
END_TEST

START_TEST(a_nul_byte_is_refused_with_its_line)
{
	static const char text[] = "[s]\nk=v\nl=\0w\n";
	assert_read(text, sizeof(text) - 1, "3! a NUL byte; the file is \n");
}
END_TEST

Suite *suite_conf_reader(void);
Suite *suite_conf_reader(void)
{
	Suite *s = suite_create("conf_reader");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, lines_become_sections_and_keys_with_their_numbers, 0, COUNT(good));
	tcase_add_loop_test(c, what_is_no_ini_is_told_with_its_line_and_reading_goes_on, 0,
			    COUNT(bad));
	tcase_add_test(c, a_value_of_60000_characters_arrives_whole);
	tcase_add_test(c, names_longer_than_inih_takes_are_errors_and_not_cut);
	tcase_add_test(c, a_nul_byte_is_refused_with_its_line);
	suite_add_tcase(s, c);
	return s;
}
