/* SPDX-License-Identifier: MIT */
#include "stdio/scan.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum scan_verdict scan(const char *line, struct scan *ret)
{
	return scan_line(line, strlen(line), ret);
}

static void ck_span(struct span s, const char *want)
{
	if (!want) {
		ck_assert_ptr_null(s.p);
		return;
	}
	ck_assert_ptr_nonnull(s.p);
	ck_assert_uint_eq(s.n, strlen(want));
	ck_assert_int_eq(memcmp(s.p, want, s.n), 0);
}

START_TEST(finds_id_and_method_in_any_order_and_spacing)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"x/y\",\"params\":{\"id\":1}}",
		"{\"method\":\"x/y\",\"params\":{\"id\":[{\"id\":2}]},\"jsonrpc\":\"2.0\",\"id\":7}",
		" { \"id\" : 7 ,\t\"params\":{},\r\n \"method\" : \"x/y\" } ",
		"{\"\\u0069\\u0064\":7,\"m\\u0065thod\":\"x/y\",\"params\":null}",
		"{\"x\":\"\\\"id\\\":9,\",\"a\":[\"id\",9],\"b\":{\"id\":8,\"method\":\"n\"},\"id\":7,\"method\":\"x/y\",\"params\":0}",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct scan s;
		ck_assert_int_eq(scan(lines[i], &s), SCAN_OBJECT);
		ck_span(s.at[SCAN_ID], "7");
		ck_span(s.at[SCAN_METHOD], "\"x/y\"");
		ck_assert_ptr_nonnull(s.at[SCAN_PARAMS].p);
	}
}
END_TEST

START_TEST(finds_nested_fields_only_where_they_belong)
{
	struct scan s;
	ck_assert_int_eq(
		scan("{\"progressToken\":0,\"requestId\":0,\"params\":{\"requestId\":\"r\",\"progressToken\":1,"
		     "\"uri\":\"u\",\"level\":\"info\",\"protocolVersion\":\"v\",\"arguments\":{\"_meta\":{"
		     "\"progressToken\":5},\"uri\":1},\"_meta\":{\"progressToken\":\"t\","
		     "\"io.modelcontextprotocol/subscriptionId\":44}},\"x\":[{\"params\":{\"uri\":2}}]}",
		     &s),
		SCAN_OBJECT);
	ck_span(s.at[SCAN_REQUEST_ID], "\"r\"");
	ck_span(s.at[SCAN_TOKEN], "1");
	ck_span(s.at[SCAN_META_TOKEN], "\"t\"");
	ck_span(s.at[SCAN_SUBSCRIPTION], "44");
	ck_span(s.at[SCAN_URI], "\"u\"");
	ck_span(s.at[SCAN_LEVEL], "\"info\"");
	ck_span(s.at[SCAN_PROTOCOL], "\"v\"");
	ck_span(s.at[SCAN_ID], NULL);
	ck_assert_int_eq(scan("{\"result\":{\"uri\":1,\"_meta\":{\"progressToken\":1,"
			      "\"io.modelcontextprotocol\\/subscriptionId\":\"L1\"}}}",
			      &s),
			 SCAN_OBJECT);
	ck_span(s.at[SCAN_SUBSCRIPTION], "\"L1\"");
	ck_span(s.at[SCAN_META_TOKEN], NULL);
	ck_span(s.at[SCAN_URI], NULL);
	ck_assert_int_eq(scan("{\"params\":[{\"uri\":1}]}", &s), SCAN_OBJECT);
	ck_span(s.at[SCAN_URI], NULL);
}
END_TEST

START_TEST(finds_what_speaks_of_a_task)
{
	struct scan s;
	ck_assert_int_eq(
		scan("{\"params\":{\"taskId\":\"a\",\"status\":\"working\",\"task\":{\"taskId\":\"x\"},\"_meta\":{"
		     "\"io.modelcontextprotocol/protocolVersion\":\"v\","
		     "\"io.modelcontextprotocol/related-task\":{\"x\":{\"taskId\":\"y\"},\"taskId\":\"b\"}}}}",
		     &s),
		SCAN_OBJECT);
	ck_span(s.at[SCAN_TASK_ID], "\"a\"");
	ck_span(s.at[SCAN_STATUS], "\"working\"");
	ck_span(s.at[SCAN_RELATED_ID], "\"b\"");
	ck_span(s.at[SCAN_META_VERSION], "\"v\"");
	ck_span(s.at[SCAN_NEW_TASK_ID], NULL);
	ck_assert_int_eq(
		scan("{\"result\":{\"task\":{\"status\":\"working\",\"taskId\":\"c\"},\"_meta\":{"
		     "\"io.modelcontextprotocol/related-task\":{\"taskId\":\"d\"}}}}",
		     &s),
		SCAN_OBJECT);
	ck_span(s.at[SCAN_NEW_TASK_ID], "\"c\"");
	ck_span(s.at[SCAN_RELATED_ID], "\"d\"");
	ck_span(s.at[SCAN_TASK_ID], NULL);
	ck_span(s.at[SCAN_STATUS], NULL);
}
END_TEST

START_TEST(id_values_of_every_type_are_taken_as_they_stand)
{
	static const char *const ids[] = {
		"7",
		"\"7\"",
		"\"\"",
		"9007199254740991",
		"1e400",
		"-0",
		"null",
		"1.5",
		"true",
		"{\"id\":1}",
		"[1]",
		"\"\\u00e9\\\"\"",
		"123456789012345678901234567890",
	};
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		char line[128];
		(void)snprintf(line, sizeof(line), "{\"id\": %s ,\"method\":\"m\"}", ids[i]);
		struct scan s;
		ck_assert_int_eq(scan(line, &s), SCAN_OBJECT);
		ck_span(s.at[SCAN_ID], ids[i]);
	}
}
END_TEST

START_TEST(id_behind_eight_megabytes_is_found)
{
	size_t n = 8 << 20;
	char *line = malloc(n + 128);
	int head = sprintf(line, "{\"params\":{\"a\":\"");
	for (size_t i = 0; i < n; i++)
		line[(size_t)head + i] = "abcdefg\xC3\xA9 "[i % 10];
	(void)sprintf(line + head + n, "\\\"\"},\"id\":5}");
	struct scan s;
	ck_assert_int_eq(scan(line, &s), SCAN_OBJECT);
	ck_span(s.at[SCAN_ID], "5");
	free(line);
}
END_TEST

START_TEST(json_that_the_grammar_refuses_is_refused)
{
	static const char *const bad[] = {
		"",
		" ",
		"{",
		"}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"[1,]",
		"[,1]",
		"{,}",
		"{\"a\":1}x",
		"{\"a\":1}{}",
		"nul",
		"truex",
		"01",
		"1.",
		".5",
		"-",
		"+1",
		"1e",
		"1e+",
		"0x10",
		"NaN",
		"-Infinity",
		"\"\t\"",
		"\"\x01\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"",
		"\"\\",
		"\"\\\"",
		"{'a':1}",
		"{\"a\":1]",
		"[1}",
		"{\"a\" 1}",
		"{a:1}",
		"[1 2]",
		"\xEF\xBB\xBF{}",
		"{\"a\":\"\n\"}",
		"/**/{}",
		"{\"id\":1",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct scan s;
		ck_assert_msg(scan(bad[i], &s) == SCAN_NOT_JSON, "accepted: %s", bad[i]);
	}
	struct scan s;
	ck_assert_int_eq(scan_line("{\"a\":\"\0\"}", 9, &s), SCAN_NOT_JSON);
	ck_assert_int_eq(scan_line("\"\\\0\"", 4, &s), SCAN_NOT_JSON);
}
END_TEST

START_TEST(json_that_the_grammar_allows_is_accepted)
{
	static const struct {
		const char *line;
		enum scan_verdict want;
	} good[] = {
		{ "{}", SCAN_OBJECT },
		{ " [ ] ", SCAN_ARRAY },
		{ "0", SCAN_SCALAR },
		{ "-0.0e-0", SCAN_SCALAR },
		{ "1E+2", SCAN_SCALAR },
		{ "\"\\ud800\"", SCAN_SCALAR },
		{ "\"\x80\xFF\"", SCAN_SCALAR },
		{ "[[],{},[{}]]", SCAN_ARRAY },
		{ "{\"\":\"\\b\\f\\n\\r\\t\\/\\\\\\\"\\u0000\"}", SCAN_OBJECT },
		{ "{\"a\":true,\"b\":false,\"c\":null}", SCAN_OBJECT },
		{ "\"\x7F\"", SCAN_SCALAR },
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct scan s;
		ck_assert_msg(scan(good[i].line, &s) == good[i].want, "%s", good[i].line);
	}
}
END_TEST

/* A quote, an escape or a control character at each place of the eight bytes that are looked at together. */
START_TEST(ends_of_strings_are_found_at_every_alignment)
{
	for (int at = 0; at < 40; at++) {
		char line[64] = "\"";
		memset(line + 1, 'x', (size_t)at);
		struct scan s;
		memcpy(line + 1 + at, "\"", 2);
		ck_assert_int_eq(scan(line, &s), SCAN_SCALAR);
		memcpy(line + 1 + at, "\\\"\"", 4);
		ck_assert_int_eq(scan(line, &s), SCAN_SCALAR);
		memcpy(line + 1 + at, "\x1F\"", 3);
		ck_assert_int_eq(scan(line, &s), SCAN_NOT_JSON);
		memcpy(line + 1 + at, "\x80\x81\"", 4);
		ck_assert_int_eq(scan(line, &s), SCAN_SCALAR);
	}
}
END_TEST

START_TEST(a_second_or_other_case_key_is_ambiguous)
{
	static const char *const lines[] = {
		"{\"id\":1,\"id\":2}",
		"{\"id\":1,\"\\u0069d\":2}",
		"{\"id\":1,\"ID\":2}",
		"{\"Method\":\"x\"}",
		"{\"method\":\"x\",\"method\":\"y\"}",
		"{\"params\":{},\"params\":{\"uri\":\"x\"}}",
		"{\"params\":{\"_meta\":{},\"_meta\":{}}}",
		"{\"params\":{\"_meta\":{\"progressToken\":1,\"progressToken\":2}}}",
		"{\"result\":{},\"RESULT\":{}}",
		"{\"params\":{\"URI\":1,\"uri\":2}}",
		"{\"params\":{\"RequestId\":1}}",
		"{\"params\":{\"request\\u0049d\":1,\"requestId\":2}}",
		"{\"params\":{\"_META\":{}}}",
		"{\"params\":{\"_meta\":{\"ProgressToken\":1}}}",
		"{\"result\":{\"_Meta\":{}}}",
		"{\"param\xC5\xBF\":{}}", /* Go folds the long s … */
		"{\"param\\u017f\":{}}",
		"{\"params\":{\"progressTo\xE2\x84\xAA"
		"en\":1}}", /* … and the Kelvin sign */
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct scan s;
		ck_assert_msg(scan(lines[i], &s) == SCAN_AMBIGUOUS, "%s", lines[i]);
	}
	struct scan s;
	/* What we do not look at is none of our business. */
	ck_assert_int_eq(
		scan("{\"x\":1,\"X\":2,\"params\":{\"a\":1,\"A\":2,\"id\":1,\"ID\":2,\"arguments\":{\"uri\":1,\"URI\":2}}}",
		     &s),
		SCAN_OBJECT);
}
END_TEST

static char *nested(size_t depth)
{
	char *line = malloc(2 * depth + 1);
	memset(line, '[', depth);
	memset(line + depth, ']', depth);
	line[2 * depth] = '\0';
	return line;
}

START_TEST(nesting_is_limited)
{
	struct scan s;
	char *ok = nested(SCAN_DEPTH), *deep = nested(SCAN_DEPTH + 1), *abyss = nested(1 << 20);
	ck_assert_int_eq(scan(ok, &s), SCAN_ARRAY);
	ck_assert_int_eq(scan(deep, &s), SCAN_TOO_DEEP);
	ck_assert_int_eq(scan(abyss, &s), SCAN_TOO_DEEP);
	free(ok);
	free(deep);
	free(abyss);
}
END_TEST

START_TEST(what_was_complete_before_a_fault_is_known)
{
	struct scan s;
	ck_assert_int_eq(scan("{\"id\":12,\"result\":{\"x\":NaN}}", &s), SCAN_NOT_JSON);
	ck_span(s.at[SCAN_ID], "12");
	ck_span(s.at[SCAN_RESULT], NULL);
}
END_TEST

START_TEST(text_is_unescaped_and_compared)
{
	struct span v = { "\"a\\u00e9\\ud83d\\ude00\\n\\/\"", 27 };
	v.n = strlen(v.p);
	char out[16];
	ck_assert_int_eq(scan_text(v, out, sizeof(out)), 9);
	ck_assert_int_eq(memcmp(out, "a\xC3\xA9\xF0\x9F\x98\x80\n/", 9), 0);
	ck_assert_int_eq(scan_text(v, out, 8), -1);
	ck_assert_int_eq(scan_text((struct span){ "12", 2 }, out, 8), -1);
	struct span m = { "\"tools\\/\\u006cist\"", 0 };
	m.n = strlen(m.p);
	ck_assert(scan_is(m, "tools/list"));
	ck_assert(!scan_is(m, "tools/lis"));
	ck_assert(!scan_is(m, "tools/listt"));
	ck_assert(!scan_is((struct span){ 0 }, "x"));
	ck_assert(!scan_is((struct span){ "1", 1 }, "1"));
	ck_assert(scan_is((struct span){ "\"\"", 2 }, ""));
}
END_TEST

START_TEST(finds_a_tools_name_and_nothing_that_looks_like_it)
{
	struct scan s;
	ck_assert_int_eq(
		scan("{\"name\":0,\"params\":{\"arguments\":{\"name\":1},\"n\\u0061me\":\"t\"}}",
		     &s),
		SCAN_OBJECT);
	ck_span(s.at[SCAN_NAME], "\"t\"");
	ck_assert_int_eq(scan("{\"params\":{\"name\":\"t\",\"N\\u0041me\":1}}", &s),
			 SCAN_AMBIGUOUS);
	ck_assert_int_eq(scan("{\"params\":{\"NAME\":\"t\"}}", &s), SCAN_AMBIGUOUS);
	ck_assert_int_eq(scan("{\"params\":{\"name\":1,\"name\":1}}", &s), SCAN_AMBIGUOUS);
	ck_assert_int_eq(scan("{\"result\":{\"name\":1,\"Name\":1,\"name\":1}}", &s), SCAN_OBJECT);
}
END_TEST

Suite *suite_stdio_scan(void);
Suite *suite_stdio_scan(void)
{
	Suite *s = suite_create("stdio_scan");
	TCase *t = tcase_create("all");
	tcase_add_test(t, finds_id_and_method_in_any_order_and_spacing);
	tcase_add_test(t, finds_nested_fields_only_where_they_belong);
	tcase_add_test(t, finds_what_speaks_of_a_task);
	tcase_add_test(t, id_values_of_every_type_are_taken_as_they_stand);
	tcase_add_test(t, id_behind_eight_megabytes_is_found);
	tcase_add_test(t, json_that_the_grammar_refuses_is_refused);
	tcase_add_test(t, json_that_the_grammar_allows_is_accepted);
	tcase_add_test(t, ends_of_strings_are_found_at_every_alignment);
	tcase_add_test(t, a_second_or_other_case_key_is_ambiguous);
	tcase_add_test(t, nesting_is_limited);
	tcase_add_test(t, what_was_complete_before_a_fault_is_known);
	tcase_add_test(t, text_is_unescaped_and_compared);
	tcase_add_test(t, finds_a_tools_name_and_nothing_that_looks_like_it);
	suite_add_tcase(s, t);
	return s;
}
