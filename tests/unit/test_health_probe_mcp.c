/* SPDX-License-Identifier: MIT */
#include "health/probe_mcp.h"

#include <check.h>

START_TEST(a_legacy_server_is_asked_with_ping)
{
	struct probe_mcp p = { 0 };
	ck_assert_str_eq(probe_mcp_method(&p), "ping");
}
END_TEST

START_TEST(a_modern_server_is_asked_with_discover_whatever_it_answers)
{
	struct probe_mcp p = { .is_modern = true };
	ck_assert_str_eq(probe_mcp_method(&p), "server/discover");
	probe_mcp_answered(&p, "server/discover", true, -32601);
	probe_mcp_ignored(&p, "server/discover");
	ck_assert_str_eq(probe_mcp_method(&p), "server/discover");
}
END_TEST

START_TEST(a_server_that_does_not_know_ping_is_asked_for_its_tools_from_then_on)
{
	struct probe_mcp p = { 0 };
	probe_mcp_answered(&p, "ping", true, -32601);
	ck_assert_str_eq(probe_mcp_method(&p), "tools/list");
	probe_mcp_answered(&p, "tools/list", true, -32601);
	ck_assert_str_eq(probe_mcp_method(&p), "tools/list");
}
END_TEST

START_TEST(another_error_is_no_reason_to_ask_otherwise)
{
	struct probe_mcp p = { 0 };
	probe_mcp_answered(&p, "ping", true, -32603);
	ck_assert_str_eq(probe_mcp_method(&p), "ping");
}
END_TEST

START_TEST(ping_ignored_by_a_server_that_speaks_is_given_up)
{
	struct probe_mcp p = { 0 };
	probe_mcp_ignored(&p, "ping");
	ck_assert_str_eq(probe_mcp_method(&p), "tools/list");
}
END_TEST

START_TEST(a_server_that_answered_ping_before_is_asked_with_it_again)
{
	struct probe_mcp p = { 0 };
	probe_mcp_answered(&p, "ping", false, 0);
	probe_mcp_ignored(&p, "ping");
	ck_assert_str_eq(probe_mcp_method(&p), "ping");
}
END_TEST

START_TEST(until_ping_is_answered_tools_are_asked_for_along_with_it)
{
	struct probe_mcp p = { 0 };
	ck_assert_str_eq(probe_mcp_second(&p), "tools/list");
	probe_mcp_answered(&p, "ping", false, 0);
	ck_assert_ptr_null(probe_mcp_second(&p));
	struct probe_mcp deaf = { 0 };
	probe_mcp_ignored(&deaf, "ping");
	ck_assert_ptr_null(probe_mcp_second(&deaf)); /* that is the question now */
	struct probe_mcp modern = { .is_modern = true };
	ck_assert_ptr_null(probe_mcp_second(&modern));
}
END_TEST

START_TEST(questions_have_names_for_sentences)
{
	ck_assert_str_eq(probe_mcp_noun("ping"), "ping");
	ck_assert_str_eq(probe_mcp_noun("tools/list"), "tools/list request");
	ck_assert_str_eq(probe_mcp_noun("server/discover"), "server/discover request");
}
END_TEST

Suite *suite_health_probe_mcp(void);
Suite *suite_health_probe_mcp(void)
{
	Suite *s = suite_create("health_probe_mcp");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_legacy_server_is_asked_with_ping);
	tcase_add_test(c, a_modern_server_is_asked_with_discover_whatever_it_answers);
	tcase_add_test(c, a_server_that_does_not_know_ping_is_asked_for_its_tools_from_then_on);
	tcase_add_test(c, another_error_is_no_reason_to_ask_otherwise);
	tcase_add_test(c, ping_ignored_by_a_server_that_speaks_is_given_up);
	tcase_add_test(c, a_server_that_answered_ping_before_is_asked_with_it_again);
	tcase_add_test(c, until_ping_is_answered_tools_are_asked_for_along_with_it);
	tcase_add_test(c, questions_have_names_for_sentences);
	suite_add_tcase(s, c);
	return s;
}
