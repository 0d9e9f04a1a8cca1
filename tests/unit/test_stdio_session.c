/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/err.h"
#include "stdio/session.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#define R "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":"

static int learn(struct session *s, const char *line, bool is_modern, struct err *e)
{
	return session_learn(s, line, strlen(line), is_modern, e);
}

static struct span text(const char *t)
{
	return (struct span){ t, strlen(t) };
}

START_TEST(versions_are_agreed_on_by_date)
{
	static const struct {
		const char *server, *asked, *want;
	} rows[] = {
		{ "2025-11-25", "\"2024-11-05\"", "2024-11-05" },
		{ "2025-11-25", "\"2025-03-26\"", "2025-03-26" },
		{ "2025-11-25", "\"2025-06-18\"", "2025-06-18" },
		{ "2025-11-25", "\"2025-11-25\"", "2025-11-25" },
		{ "2025-11-25", "\"2026-07-28\"", "2025-11-25" },
		{ "2025-11-25", "\"1.0\"", "2025-11-25" },
		{ "2025-11-25", "7", "2025-11-25" },
		{ "2025-03-26", "\"2025-11-25\"", "2025-03-26" },
		{ "2024-10-07", "\"2024-11-05\"", "2024-10-07" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct session s = { 0 };
		struct buf line = { 0 }, out = { 0 }, want = { 0 };
		buf_addf(&line, R "{\"protocolVersion\":\"%s\",\"capabilities\":{}}}",
			 rows[i].server);
		ck_assert_int_eq(learn(&s, buf_str(&line), false, NULL), 0);
		ck_assert_int_eq(session_reply(&s, text("\"i\""), text(rows[i].asked), &out), 0);
		buf_addf(
			&want,
			"{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{\"protocolVersion\":\"%s\",\"capabilities\":{}}}",
			rows[i].want);
		ck_assert_str_eq(buf_str(&out), buf_str(&want));
		session_done(&s);
		buf_done(&line);
		buf_done(&out);
		buf_done(&want);
	}
}
END_TEST

START_TEST(what_we_signal_is_promised_and_what_shows_others_is_not)
{
	struct session s = { 0 };
	struct buf out = { 0 };
	ck_assert_int_eq(
		learn(&s,
		      R
		      "{\"capabilities\":{\"tools\":{\"listChanged\":false,\"x\":1},\"resources\":{\"subscribe\":true},"
		      "\"tasks\":{\"list\":{},\"cancel\":{}},\"logging\":{}},\"protocolVersion\":\"2025-11-25\","
		      "\"serverInfo\":{\"name\":\"n\",\"version\":\"v\"},\"_meta\":{\"k\":[1]}}}",
		      false, NULL),
		0);
	ck_assert(s.has_tools && s.has_resources && s.has_subscribe && s.has_logging &&
		  !s.has_prompts);
	ck_assert_str_eq(s.server_name, "n");
	ck_assert_str_eq(s.server_version, "v");
	ck_assert_int_eq(session_reply(&s, text("0"), (struct span){ 0 }, &out), 0);
	ck_assert_str_eq(
		buf_str(&out),
		"{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{"
		"\"x\":1,\"listChanged\":true},\"resources\":{\"subscribe\":true,\"listChanged\":true},\"tasks\":{"
		"\"cancel\":{}},\"logging\":{}},\"serverInfo\":{\"name\":\"n\",\"version\":\"v\"},\"_meta\":{\"k\":[1]}}}");
	buf_done(&out);
	session_done(&s);
}
END_TEST

START_TEST(a_bad_answer_changes_nothing_and_says_why)
{
	struct session s = { 0 };
	struct err e;
	ck_assert_int_eq(learn(&s, R "{\"protocolVersion\":\"2025-11-25\"}}", false, NULL), 0);
	static const char *const bad[] = { "x",
					   R "1}",
					   R "{}}",
					   R "{\"protocolVersion\":7}}",
					   "{\"error\":{\"code\":-32022}}",
					   "{\"error\":5}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e.text[0] = '\0';
		ck_assert_int_eq(learn(&s, bad[i], false, &e), -EPROTO);
		ck_assert_int_ne(e.text[0], '\0');
		ck_assert_str_eq(s.protocol, "2025-11-25");
	}
	session_done(&s);
}
END_TEST

START_TEST(only_a_refusal_that_lists_the_modern_version_is_modern)
{
	struct session s = { 0 };
	ck_assert_int_eq(
		learn(&s,
		      "{\"error\":{\"code\":-32022,\"data\":{\"supported\":[\"x\",\"2026-07-28\"]}}}",
		      false, NULL),
		-EPROTONOSUPPORT);
	ck_assert_int_eq(learn(&s, "{\"error\":{\"code\":-32022,\"data\":{\"supported\":[\"x\"]}}}",
			       false, NULL),
			 -EPROTO);
	ck_assert_int_eq(
		learn(&s, "{\"error\":{\"code\":-32022,\"data\":{\"supported\":[\"2026-07-28\"]}}}",
		      true, NULL),
		-EPROTO);
	ck_assert(!s.is_known);
	ck_assert_int_eq(learn(&s, R "{\"capabilities\":{\"tools\":{}}}}", true, NULL), 0);
	ck_assert(s.is_known && s.is_modern && s.has_tools);
	struct buf out = { 0 };
	ck_assert_int_eq(session_reply(&s, text("3"), text("\"2025-11-25\""), &out), 0);
	ck_assert_str_eq(
		buf_str(&out),
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32022,\"message\":\"This server speaks MCP 2026-07-28 "
		"only\",\"data\":{\"supported\":[\"2026-07-28\"],\"requested\":\"2025-11-25\"}}}");
	buf_done(&out);
	session_done(&s);
}
END_TEST

START_TEST(what_the_next_process_says_otherwise_is_told)
{
	static const struct {
		const char *answer, *changed;
	} rows[] = {
		{ R
		  "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"serverInfo\":{\"name\":\"n\",\"version\":\"1\"}}}",
		  NULL },
		{ R
		  "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"serverInfo\":{\"name\":\"n\",\"version\":\"1\"}}}",
		  NULL },
		{ R
		  "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"serverInfo\":{\"name\":\"n\",\"version\":\"2\"}}}",
		  "it is n 2 now, n 1 before" },
		{ R
		  "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"n\",\"version\":\"2\"}}}",
		  "it offers other capabilities or instructions than before" },
		{ R "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}}",
		  "it speaks MCP 2025-11-25 now, 2025-06-18 before" },
	};
	struct session s = { 0 };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(learn(&s, rows[i].answer, false, NULL), 0);
		if (rows[i].changed)
			ck_assert_str_eq(s.changed, rows[i].changed);
		else
			ck_assert_ptr_null(s.changed);
	}
	session_done(&s);
}
END_TEST

Suite *suite_stdio_session(void);
Suite *suite_stdio_session(void)
{
	Suite *s = suite_create("stdio_session");
	TCase *t = tcase_create("all");
	tcase_add_test(t, versions_are_agreed_on_by_date);
	tcase_add_test(t, what_we_signal_is_promised_and_what_shows_others_is_not);
	tcase_add_test(t, a_bad_answer_changes_nothing_and_says_why);
	tcase_add_test(t, only_a_refusal_that_lists_the_modern_version_is_modern);
	tcase_add_test(t, what_the_next_process_says_otherwise_is_told);
	suite_add_tcase(s, t);
	return s;
}
