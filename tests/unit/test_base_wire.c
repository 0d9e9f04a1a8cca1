/* SPDX-License-Identifier: MIT */
#include "base/wire.h"

#include "base/err.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_text(const char *text, struct wire_request *rq, struct err *e)
{
	return wire_read_request(text, strlen(text), rq, e);
}

START_TEST(a_request_line_reads_back_as_the_request)
{
	cJSON *params = cJSON_CreateObject();
	cJSON_AddStringToObject(params, "server", "git\n");
	char *line = wire_request_line(WIRE_CONNECT, params);
	ck_assert_ptr_nonnull(line);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	struct wire_request rq;
	ck_assert_int_eq(wire_read_request(line, strlen(line) - 1, &rq, NULL), 0);
	ck_assert_int_eq(rq.verb, WIRE_CONNECT);
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(rq.params, "server")), "git\n");
	ck_assert_int_eq(rq.id->valueint, 1);
	wire_request_done(&rq);
	free(line);
}
END_TEST

static const struct {
	const char *line;
	int code;
	bool has_id;
} bad[] = {
	{ "", WIRE_PARSE, false },
	{ "{", WIRE_PARSE, false },
	{ "garbage", WIRE_PARSE, false },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"} {}", WIRE_PARSE, false },
	{ "[]", WIRE_INVALID, false },
	{ "7", WIRE_INVALID, false },
	{ "{\"id\":1,\"method\":\"status\"}", WIRE_INVALID, true },
	{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"status\"}", WIRE_INVALID, false },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"status\"}", WIRE_INVALID, false },
	{ "{\"jsonrpc\":\"2.0\",\"id\":1e300,\"method\":\"status\"}", WIRE_INVALID, false },
	{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"status\"}", WIRE_INVALID, false },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\"}", WIRE_INVALID, true },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":7}", WIRE_INVALID, true },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"dance\"}", WIRE_NO_METHOD, true },
	{ "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"status\",\"params\":[1]}", WIRE_PARAMS,
	  true },
};

START_TEST(what_is_no_request_gets_its_code)
{
	struct wire_request rq;
	struct err e = { 0 };
	int code = read_text(bad[_i].line, &rq, &e);
	ck_assert_msg(code == bad[_i].code, "%s: %d", bad[_i].line, code);
	ck_assert_int_eq(rq.id != NULL, bad[_i].has_id);
	ck_assert_str_ne(e.text, "");
	wire_request_done(&rq);
}
END_TEST

START_TEST(a_nul_or_a_tower_of_brackets_is_no_json)
{
	struct wire_request rq;
	char nul[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}\0x";
	ck_assert_int_eq(wire_read_request(nul, sizeof(nul) - 1, &rq, NULL), WIRE_PARSE);
	wire_request_done(&rq);
	char *tower = malloc(WIRE_LINE_BYTES);
	memset(tower, '[', WIRE_LINE_BYTES);
	ck_assert_int_eq(wire_read_request(tower, WIRE_LINE_BYTES, &rq, NULL), WIRE_PARSE);
	wire_request_done(&rq);
	free(tower);
}
END_TEST

START_TEST(an_answer_is_a_result_or_an_error_with_its_code)
{
	cJSON *id = cJSON_CreateString("x"), *result = NULL;
	char *line = wire_result_line(id, cJSON_CreateTrue());
	ck_assert_ptr_nonnull(strstr(line, "\"id\":\"x\""));
	ck_assert_int_eq(wire_read_answer(line, strlen(line), &result, NULL), 0);
	ck_assert(cJSON_IsTrue(result));
	cJSON_Delete(result);
	free(line);

	struct err e = { 0 };
	line = wire_error_line(NULL, WIRE_UNKNOWN, "there is no server 'x'");
	ck_assert_ptr_nonnull(strstr(line, "\"id\":null"));
	ck_assert_int_eq(wire_read_answer(line, strlen(line), &result, &e), -EREMOTEIO);
	ck_assert_int_eq(e.kind, WIRE_UNKNOWN);
	ck_assert_str_eq(e.text, "there is no server 'x'");
	free(line);
	cJSON_Delete(id);
	ck_assert_int_eq(wire_read_answer("HTTP/1.1", 8, &result, &e), -EPROTO);
}
END_TEST

START_TEST(a_note_is_read_by_its_method_only)
{
	char *line = wire_note_line("line", cJSON_CreateObject());
	cJSON *params = wire_read_note(line, strlen(line), "line");
	ck_assert_ptr_nonnull(params);
	cJSON_Delete(params);
	ck_assert_ptr_null(wire_read_note(line, strlen(line), "other"));
	free(line);
}
END_TEST

START_TEST(every_verb_is_found_by_its_name)
{
	for (int i = 0; i < WIRE_VERBS; i++)
		ck_assert_int_eq(wire_verb_of(wire_verb((enum wire_verb)i)->name), i);
	ck_assert_int_eq(wire_verb_of("dance"), -1);
	ck_assert(!wire_verb(WIRE_SHUTDOWN)->is_for_agents);
	ck_assert(!wire_verb(WIRE_LOGS)->is_for_agents);
	ck_assert(wire_verb(WIRE_CONNECT)->is_for_agents);
}
END_TEST

START_TEST(exit_codes_ascend_and_each_says_what_it_means)
{
	const struct wire_exit_row *row;
	int last = -1;
	for (size_t i = 0; (row = wire_exit(i)); i++) {
		ck_assert_int_gt(row->code, last);
		last = row->code;
		ck_assert(row->is_mcpinit || row->is_mcpctl);
		ck_assert_str_ne(row->meaning, "");
	}
	ck_assert_int_eq(last, 128);
}
END_TEST

START_TEST(an_address_too_long_for_a_socket_is_refused_by_name)
{
	struct sockaddr_un un;
	struct err e = { 0 };
	char path[200];
	memset(path, 'p', sizeof(path));
	path[107] = '\0';
	ck_assert_int_eq(wire_address(path, &un, &e), 0);
	ck_assert_str_eq(un.sun_path, path);
	path[107] = 'p';
	path[108] = '\0';
	ck_assert_int_eq(wire_address(path, &un, &e), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(e.text, path));
}
END_TEST

Suite *suite_base_wire(void);
Suite *suite_base_wire(void)
{
	Suite *s = suite_create("base_wire");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_request_line_reads_back_as_the_request);
	tcase_add_loop_test(c, what_is_no_request_gets_its_code, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(c, a_nul_or_a_tower_of_brackets_is_no_json);
	tcase_add_test(c, an_answer_is_a_result_or_an_error_with_its_code);
	tcase_add_test(c, a_note_is_read_by_its_method_only);
	tcase_add_test(c, every_verb_is_found_by_its_name);
	tcase_add_test(c, exit_codes_ascend_and_each_says_what_it_means);
	tcase_add_test(c, an_address_too_long_for_a_socket_is_refused_by_name);
	suite_add_tcase(s, c);
	return s;
}
