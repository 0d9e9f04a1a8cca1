/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "stdio/rpc.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <string.h>

static struct span text(const char *t)
{
	return (struct span){ t, strlen(t) };
}

#define J "{\"jsonrpc\":\"2.0\","

START_TEST(lines_are_classified)
{
	static const struct {
		const char *line;
		enum rpc_kind kind;
		enum rpc_method method;
	} rows[] = {
		{ J "\"id\":1,\"method\":\"tools/call\"}", RPC_REQUEST, RPC_OTHER },
		{ J "\"id\":\"\",\"method\":\"tools\\/list\",\"params\":{}}", RPC_REQUEST,
		  RPC_LIST_OR_READ },
		{ J "\"id\":1,\"method\":\"initialize\"}", RPC_REQUEST, RPC_INITIALIZE },
		{ J "\"method\":\"notifications/cancelled\"}", RPC_NOTIFICATION, RPC_CANCELLED },
		{ J "\"method\":\"x\"}", RPC_NOTIFICATION, RPC_OTHER },
		{ J "\"id\":1,\"result\":{}}", RPC_RESPONSE, RPC_OTHER },
		{ J "\"id\":null,\"error\":{}}", RPC_RESPONSE, RPC_OTHER },
		{ "[" J "\"method\":\"x\"}]", RPC_BATCH, RPC_OTHER },
		{ "[]", RPC_BATCH, RPC_OTHER },
		{ "42", RPC_INVALID, RPC_OTHER },
		{ "{}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":1}", RPC_INVALID, RPC_OTHER },
		{ "{\"id\":1,\"method\":\"x\"}", RPC_INVALID, RPC_OTHER },
		{ "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"x\"}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":1,\"method\":7}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":null,\"method\":\"x\"}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":1.5,\"method\":\"x\"}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":true,\"method\":\"x\"}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":{},\"method\":\"x\"}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":1,\"method\":\"x\",\"params\":[]}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":1,\"method\":\"x\",\"result\":1}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":1,\"method\":\"x\",\"Id\":2}", RPC_INVALID, RPC_OTHER },
		{ J "\"id\":1,", RPC_NOT_JSON, RPC_OTHER },
		{ "hello", RPC_NOT_JSON, RPC_OTHER },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rpc_msg q = { 0 };
		rpc_read(rows[i].line, strlen(rows[i].line), &q);
		ck_assert_msg(q.kind == rows[i].kind && q.method == rows[i].method, "%s: %d %d",
			      rows[i].line, q.kind, q.method);
		ck_assert((q.why != NULL) == (q.kind >= RPC_BATCH));
	}
}
END_TEST

START_TEST(ids_are_strings_or_whole_numbers)
{
	static const char *const good[] = {
		"0", "-3", "\"\"", "\"x\"", "9007199254740993", "1e400"
	};
	static const char *const bad[] = {
		"null", "true", "1.5", "1.0", "{}", "[]", "1e-2", "1E-2"
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(rpc_is_id(text(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!rpc_is_id(text(bad[i])), "%s", bad[i]);
	ck_assert(!rpc_is_id((struct span){ 0 }));
}
END_TEST

START_TEST(only_plain_integers_are_wire_ids)
{
	uint64_t id = 0;
	ck_assert(rpc_is_wire_id(text("9007199254740991"), &id));
	ck_assert_uint_eq(id, UINT64_C(9007199254740991));
	static const char *const bad[] = {
		"9007199254740992", "007", "-1", "1.0", "1e3", "\"5\"", "", "18446744073709551617"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!rpc_is_wire_id(text(bad[i]), &id), "%s", bad[i]);
}
END_TEST

START_TEST(our_lines_are_json_whatever_the_text)
{
	struct buf b = { 0 };
	char evil[300];
	for (int i = 0; i < 256; i++)
		evil[i] = (char)(i ? i : 1);
	evil[256] = '\0';
	ck_assert_int_eq(rpc_error(&b, text("\"i\\\"d\""), -32603, evil, "{\"a\":[1]}"), 0);
	struct rpc_msg q;
	rpc_read(b.data, b.len, &q);
	ck_assert_int_eq(q.kind, RPC_RESPONSE);
	cJSON *tree = cJSON_ParseWithLength(b.data, b.len);
	const cJSON *error = cJSON_GetObjectItem(tree, "error");
	ck_assert_int_eq(cJSON_GetObjectItem(error, "code")->valueint, -32603);
	ck_assert_str_eq(cJSON_GetObjectItem(tree, "id")->valuestring, "i\"d");
	ck_assert_int_eq(
		cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetObjectItem(error, "data"), "a")),
		1);
	ck_assert_int_eq(strncmp(cJSON_GetObjectItem(error, "message")->valuestring, evil, 127), 0);
	cJSON_Delete(tree);
	buf_done(&b);
	ck_assert_int_eq(rpc_error(&b, (struct span){ 0 }, -32700, "x", NULL), 0);
	ck_assert_str_eq(
		buf_str(&b),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"x\"}}");
	buf_done(&b);
	ck_assert_int_eq(rpc_result(&b, text("3"), "{}"), 0);
	ck_assert_str_eq(buf_str(&b), "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}");
	buf_done(&b);
}
END_TEST

START_TEST(what_is_not_utf8_is_replaced)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80",
		  "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"" },
		{ "\x82\xAC!", "\"\xEF\xBF\xBD\xEF\xBF\xBD!\"" }, /* the rest of a cut character */
		{ "\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"" },
		{ "\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"" },
		{ "\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"" },
		{ "a\"\\\n\t\x01\x7F", "\"a\\\"\\\\\\n\\t\\u0001\\u007f\"" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = { 0 };
		ck_assert_int_eq(rpc_string(&b, rows[i].in, strlen(rows[i].in)), 0);
		ck_assert_str_eq(buf_str(&b), rows[i].out);
		buf_done(&b);
	}
}
END_TEST

Suite *suite_stdio_rpc(void);
Suite *suite_stdio_rpc(void)
{
	Suite *s = suite_create("stdio_rpc");
	TCase *t = tcase_create("all");
	tcase_add_test(t, lines_are_classified);
	tcase_add_test(t, ids_are_strings_or_whole_numbers);
	tcase_add_test(t, only_plain_integers_are_wire_ids);
	tcase_add_test(t, our_lines_are_json_whatever_the_text);
	tcase_add_test(t, what_is_not_utf8_is_replaced);
	suite_add_tcase(s, t);
	return s;
}
