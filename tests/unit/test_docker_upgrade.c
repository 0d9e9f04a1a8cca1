/* SPDX-License-Identifier: MIT */
#include "docker/upgrade.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	enum upgrade_verdict verdict, at_end;
	int status;
	const char *behind;
} answers[] = {
	{ "", UPGRADE_MORE, UPGRADE_BROKEN, 0, NULL },
	{ "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r", UPGRADE_MORE, UPGRADE_BROKEN, 0, NULL },
	{ "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nframes", UPGRADE_DONE, UPGRADE_DONE, 101,
	  "frames" },
	{ "HTTP/1.0 200 OK\r\n\r\n", UPGRADE_DONE, UPGRADE_DONE, 200, "" },
	{ "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nno", UPGRADE_MORE, UPGRADE_REFUSED,
	  404, "no" },
	{ "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone", UPGRADE_REFUSED,
	  UPGRADE_REFUSED, 404, "none" },
	{ "HTTP/1.1 403 Forbidden\r\n\r\nno length", UPGRADE_MORE, UPGRADE_REFUSED, 403,
	  "no length" },
	/* What a body says is no header. */
	{ "HTTP/1.1 403 Forbidden\r\n\r\n\r\nContent-Length: 1\r\n", UPGRADE_MORE, UPGRADE_REFUSED,
	  403, "\r\nContent-Length: 1\r\n" },
	{ "SSH-2.0-OpenSSH\r\n\r\n", UPGRADE_BROKEN, UPGRADE_BROKEN, 0, NULL },
	{ "HTTP/1.1 1x1\r\n\r\n", UPGRADE_BROKEN, UPGRADE_BROKEN, 0, NULL },
};
enum { N_ANSWERS = sizeof(answers) / sizeof(answers[0]) };

START_TEST(an_answer_is_judged_by_its_head)
{
	struct upgrade u = { 0 };
	const char *text = answers[_i].text;
	ck_assert_int_eq(upgrade_read(text, strlen(text), false, &u), answers[_i].verdict);
	ck_assert_int_eq(upgrade_read(text, strlen(text), true, &u), answers[_i].at_end);
	ck_assert_int_eq(u.status, answers[_i].status);
	if (answers[_i].behind)
		ck_assert_str_eq(text + u.head, answers[_i].behind);
}
END_TEST

START_TEST(a_head_or_a_refusal_without_end_is_cut_short)
{
	enum { N = UPGRADE_MAX_HEAD + UPGRADE_MAX_BODY };
	char *text = calloc(1, N + 64);
	struct upgrade u;
	memset(text, 'x', UPGRADE_MAX_HEAD);
	ck_assert_int_eq(upgrade_read(text, UPGRADE_MAX_HEAD - 1, false, &u), UPGRADE_MORE);
	ck_assert_int_eq(upgrade_read(text, UPGRADE_MAX_HEAD, false, &u), UPGRADE_BROKEN);
	int head = sprintf(text, "HTTP/1.1 500 No\r\nContent-Length: 99999999\r\n\r\n");
	memset(text + head, 'x', UPGRADE_MAX_BODY);
	ck_assert_int_eq(upgrade_read(text, (size_t)head + UPGRADE_MAX_BODY - 1, false, &u),
			 UPGRADE_MORE);
	ck_assert_int_eq(upgrade_read(text, (size_t)head + UPGRADE_MAX_BODY, false, &u),
			 UPGRADE_REFUSED);
	free(text);
}
END_TEST

Suite *suite_docker_upgrade(void);
Suite *suite_docker_upgrade(void)
{
	Suite *s = suite_create("docker_upgrade");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, an_answer_is_judged_by_its_head, 0, N_ANSWERS);
	tcase_add_test(c, a_head_or_a_refusal_without_end_is_cut_short);
	suite_add_tcase(s, c);
	return s;
}
