/* SPDX-License-Identifier: MIT */
#include "tests/unit/judge_rig.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

struct printed {
	FILE *to;
	char *text;
	size_t len;
};

static struct findings *open_findings(struct printed *p, bool is_json)
{
	p->to = open_memstream(&p->text, &p->len);
	return findings_new(p->to, is_json);
}

static void add(struct findings *all, enum verdict verdict, const char *text, const char *remedy)
{
	struct finding f = finding_of(CHECK_SOCKET);
	finding_set(&f, verdict, "%s", text);
	finding_remedy(&f, "%s", remedy);
	findings_add(all, &f);
}

START_TEST(a_line_each_at_once)
{
	struct printed p;
	struct findings *all = open_findings(&p, false);
	add(all, DOCTOR_OK, "connected", "");
	ck_assert_str_eq(p.text, "ok     socket: connected\n");
	add(all, DOCTOR_WARN, "slow", "wait");
	ck_assert(!findings_have_failed(all));
	add(all, DOCTOR_FAIL, "away\nand \x1b[2Jlost", "go");
	ck_assert(findings_have_failed(all));
	ck_assert_int_eq(findings_end(all), 0);
	ck_assert_str_eq(p.text, "ok     socket: connected\n"
				 "warn   socket: slow; wait\n"
				 "fail   socket: away and ?[2Jlost; go\n");
	findings_free(all);
	(void)fclose(p.to);
	free(p.text);
}
END_TEST

START_TEST(json_is_one_array_at_the_end)
{
	struct printed p;
	struct findings *all = open_findings(&p, true);
	add(all, DOCTOR_OK, "connected", "");
	add(all, DOCTOR_FAIL, "say \"no\"", "go");
	(void)fflush(p.to);
	ck_assert_str_eq(p.text, "");
	ck_assert_int_eq(findings_end(all), 0);
	cJSON *array = cJSON_Parse(p.text);
	char *text = cJSON_PrintUnformatted(array);
	ck_assert_str_eq(
		text,
		"[{\"check\":\"socket\",\"verdict\":\"ok\",\"text\":\"connected\",\"remedy\":\"\"},"
		"{\"check\":\"socket\",\"verdict\":\"fail\",\"text\":\"say \\\"no\\\"\",\"remedy\":\"go\"}]");
	cJSON_Delete(array);
	free(text);
	findings_free(all);
	(void)fclose(p.to);
	free(p.text);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	FILE *full = fopen("/dev/full", "w");
	struct findings *all = findings_new(full, false);
	add(all, DOCTOR_OK, "connected", "");
	ck_assert_int_lt(findings_end(all), 0);
	findings_free(all);
	(void)fclose(full);
}
END_TEST

START_TEST(what_is_too_long_is_cut)
{
	char big[3000];
	struct finding f = finding_of(CHECK_SOCKET);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	finding_set(&f, DOCTOR_OK, "%s", big);
	finding_add(&f, "%s", big);
	ck_assert_uint_eq(strlen(f.text), sizeof(f.text) - 1);
}
END_TEST

Suite *suite_mcpctl_doctor_finding(void);
Suite *suite_mcpctl_doctor_finding(void)
{
	Suite *s = suite_create("mcpctl_doctor_finding");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_line_each_at_once);
	tcase_add_test(c, json_is_one_array_at_the_end);
	tcase_add_test(c, a_full_disk_is_told);
	tcase_add_test(c, what_is_too_long_is_cut);
	suite_add_tcase(s, c);
	return s;
}
