/* SPDX-License-Identifier: MIT */
#include "tests/unit/watch_rig.h"

/* --- a file -------------------------------------------------------------------------------------- */

START_TEST(a_file_counts_when_written_renamed_over_or_deleted)
{
	begin();
	make_dir("a");
	put("a/f", "1");
	put("a/other", "1");
	look_at(0, "a/f", NULL);
	put("a/f", "2");
	ck_changed("a/f");
	put("a/f.new", "3");
	put("a/other", "2"); /* beside it: no matter */
	ck_unchanged();
	move("a/f.new", "a/f");
	ck_changed("a/f");
	put("a/f", "4");
	ck_changed("a/f");
	ck_assert_int_eq(unlink(at("a/f")), 0);
	ck_changed("a/f");
	put("a/f", "5");
	ck_changed("a/f");
	end();
}
END_TEST

START_TEST(a_file_behind_symbolic_links_counts_when_any_of_them_turns)
{
	begin();
	make_dir("cfg");
	make_dir("cfg/..1");
	make_dir("cfg/..2");
	put("cfg/..1/f", "1");
	put("cfg/..2/f", "2");
	ck_assert_int_eq(symlink("..1", at("cfg/..data")), 0);
	ck_assert_int_eq(symlink("..data/f", at("cfg/f")), 0);
	look_at(0, "cfg/f", NULL);
	ck_assert_int_eq(symlink("..2", at("cfg/..tmp")), 0);
	move("cfg/..tmp", "cfg/..data"); /* how a ConfigMap is updated */
	ck_changed("cfg/f");
	put("cfg/..2/f", "3");
	ck_changed("cfg/f");
	put("cfg/..1/f", "4");
	ck_unchanged();
	end();
}
END_TEST

START_TEST(a_link_above_it_that_turns_counts)
{
	begin();
	make_dir("r1");
	make_dir("r2");
	make_dir("r1/app");
	make_dir("r2/app");
	ck_assert_int_eq(symlink("r1", at("current")), 0);
	look_at(0, "current/app", NULL);
	ck_assert_int_eq(symlink(at("r2"), at("next")), 0);
	move("next", "current");
	ck_changed("current/app");
	put("r2/app/f", "1");
	ck_changed("current/app/f");
	end();
}
END_TEST

START_TEST(what_is_not_there_is_watched_for_and_said_once)
{
	begin();
	look_at(0, "x/y/f", NULL);
	ck_assert_int_eq(count_in_log("x/y/f is not there yet; it is watched for from /tmp/watch."),
			 1);
	put("beside", "1");
	ck_unchanged();
	make_dir("x");
	ck_unchanged();
	make_dir("x/y");
	ck_unchanged();
	ck_assert_int_eq(count_in_log("is not there yet"), 1);
	put("x/y/f", "1");
	ck_changed("x/y/f");
	end();
}
END_TEST

START_TEST(what_appears_all_at_once_is_not_missed)
{
	begin();
	make_dir("new");
	make_dir("new/y");
	put("new/y/f", "1");
	look_at(0, "x/y", NULL);
	move("new", "x");
	ck_changed("x/y");
	put("x/y/f", "2");
	ck_changed("x/y/f");
	end();
}
END_TEST

START_TEST(the_directory_of_a_file_may_be_replaced)
{
	begin();
	make_dir("a");
	put("a/f", "1");
	look_at(0, "a/f", NULL);
	move("a", "old");
	ck_changed("a/f");
	put("old/f", "2");
	ck_unchanged();
	make_dir("a");
	put("a/f", "3");
	ck_changed("a/f");
	put("a/f", "4");
	ck_changed("a/f");
	end();
}
END_TEST

START_TEST(the_directory_of_a_file_may_go_and_come_back)
{
	begin();
	make_dir("a");
	put("a/f", "1");
	look_at(0, "a/f", NULL);
	move("a", "b");
	move("b", "a");
	ck_unchanged();
	put("a/f", "2");
	ck_changed("a/f");
	end();
}
END_TEST

Suite *suite_supervisor_watch_walk(void);
Suite *suite_supervisor_watch_walk(void)
{
	Suite *s = suite_create("supervisor_watch_walk");
	TCase *c = tcase_create("files");
	tcase_add_test(c, a_file_counts_when_written_renamed_over_or_deleted);
	tcase_add_test(c, a_file_behind_symbolic_links_counts_when_any_of_them_turns);
	tcase_add_test(c, a_link_above_it_that_turns_counts);
	tcase_add_test(c, what_is_not_there_is_watched_for_and_said_once);
	tcase_add_test(c, what_appears_all_at_once_is_not_missed);
	tcase_add_test(c, the_directory_of_a_file_may_be_replaced);
	tcase_add_test(c, the_directory_of_a_file_may_go_and_come_back);
	suite_add_tcase(s, c);
	return s;
}
