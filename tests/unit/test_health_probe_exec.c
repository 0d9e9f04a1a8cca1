/* SPDX-License-Identifier: MIT */
#include "health/probe_exec.h"

#include <check.h>
#include <string.h>

static const char *why(const char *output, int exit_code, int signal)
{
	static char text[PROBE_EXEC_TAIL + 64];
	struct probe_exec p = { 0 };
	probe_exec_output(&p, output, strlen(output));
	return probe_exec_why(&p, exit_code, signal, text, sizeof(text));
}

START_TEST(zero_is_well_whatever_it_says)
{
	ck_assert_str_eq(why("warning: slow\n", 0, 0), "");
}
END_TEST

START_TEST(the_code_and_the_last_line_say_why)
{
	ck_assert_str_eq(why("", 3, 0), "exited with status 3");
	ck_assert_str_eq(why("trying\nconnection refused\n\n", 1, 0),
			 "exited with status 1: connection refused");
	ck_assert_str_eq(why("half a word", -1, 9), "killed by signal 9: half a word");
}
END_TEST

START_TEST(of_much_output_the_end_is_kept_however_it_comes)
{
	struct probe_exec p = { 0 };
	char text[PROBE_EXEC_TAIL + 64], big[1000];
	memset(big, 'x', sizeof(big));
	probe_exec_output(&p, big, sizeof(big));
	for (int i = 0; i < 300; i++)
		probe_exec_output(&p, "\nab", 3);
	probe_exec_output(&p, "", 0);
	ck_assert_str_eq(probe_exec_why(&p, 2, 0, text, sizeof(text)), "exited with status 2: ab");
	probe_exec_output(&p, big, sizeof(big));
	probe_exec_why(&p, 2, 0, text, sizeof(text));
	ck_assert_uint_eq(strspn(strchr(text, ':') + 2, "x"), PROBE_EXEC_TAIL);
}
END_TEST

Suite *suite_health_probe_exec(void);
Suite *suite_health_probe_exec(void)
{
	Suite *s = suite_create("health_probe_exec");
	TCase *c = tcase_create("all");
	tcase_add_test(c, zero_is_well_whatever_it_says);
	tcase_add_test(c, the_code_and_the_last_line_say_why);
	tcase_add_test(c, of_much_output_the_end_is_kept_however_it_comes);
	suite_add_tcase(s, c);
	return s;
}
