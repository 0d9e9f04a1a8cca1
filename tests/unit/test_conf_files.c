/* SPDX-License-Identifier: MIT */
#include "tests/unit/conf_text.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* At boot `-c <(…)` is welcome; later nobody may keep us waiting, nor give us an empty file for a full one. */
START_TEST(a_reload_waits_for_no_pipe)
{
	char dir[] = "/tmp/conf-load.XXXXXX", path[64], expected[256];
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/a.ini", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	struct conf_source src = { .path = path, .is_again = true };
	struct buf errors = { 0 };
	ck_assert_ptr_null(conf_text_load(&(struct load){ .src = &src }, &errors));
	(void)snprintf(expected, sizeof(expected),
		       "%s:1: cannot read %s: it is a pipe, which may never end; name a file\n",
		       path, path);
	ck_assert_str_eq(buf_str(&errors), expected);
	buf_done(&errors);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

Suite *suite_conf_files(void);
Suite *suite_conf_files(void)
{
	Suite *s = suite_create("conf_files");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_reload_waits_for_no_pipe);
	suite_add_tcase(s, c);
	return s;
}
