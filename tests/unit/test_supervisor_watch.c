/* SPDX-License-Identifier: MIT */
#include "tests/unit/watch_rig.h"

#include <sys/resource.h>

/* --- a directory ----------------------------------------------------------------------------- */

START_TEST(what_was_there_is_no_change)
{
	begin();
	make_dir("a");
	make_dir("a/b");
	put("a/b/c", "1");
	look_at(0, "a", NULL);
	ck_unchanged();
	end();
}
END_TEST

START_TEST(every_kind_of_change_in_a_directory_counts)
{
	begin();
	make_dir("a");
	make_dir("a/b");
	put("a/b/c", "1");
	look_at(0, "a", NULL);
	put("a/b/c", "2");
	ck_changed("a/b/c");
	ck_assert_int_eq(chmod(at("a/b/c"), 0700), 0);
	ck_changed("a/b/c");
	move("a/b/c", "a/d");
	ck_changed("a/b/c");
	ck_assert_int_eq(symlink("x", at("a/l")), 0);
	ck_changed("a/l");
	ck_assert_int_eq(unlink(at("a/d")), 0);
	ck_changed("a/d");
	ck_assert_int_eq(rmdir(at("a/b")), 0);
	ck_changed("a/b");
	ck_unchanged();
	end();
}
END_TEST

START_TEST(reading_is_no_change)
{
	begin();
	make_dir("a");
	put("a/c", "1");
	look_at(0, "a", "a/c", NULL);
	int fd = open(at("a/c"), O_RDONLY | O_CLOEXEC);
	char c;
	ck_assert_int_eq(read(fd, &c, 1), 1);
	(void)close(fd);
	ck_unchanged();
	end();
}
END_TEST

START_TEST(new_directories_are_watched_and_what_came_with_them_counts)
{
	begin();
	make_dir("a");
	look_at(0, "a", NULL);
	make_dir("a/n");
	make_dir("a/n/m");
	put("a/n/m/f", "1"); /* before anybody could watch it */
	ck_changed("a/n");
	ck_unchanged();
	put("a/n/m/f", "2");
	ck_changed("a/n/m/f");
	make_dir("other");
	make_dir("other/in");
	move("other", "a/moved");
	ck_changed("a/moved");
	put("a/moved/in/f", "1");
	ck_changed("a/moved/in/f");
	end();
}
END_TEST

START_TEST(what_is_found_in_a_new_directory_puts_the_restart_off)
{
	char name[32];
	begin();
	make_dir("a");
	make_dir("n");
	for (int i = 0; i < 700; i++) { /* more than one round can read */
		(void)snprintf(name, sizeof(name), "n/%d", i);
		put(name, "1");
	}
	look_at(0, "a", NULL);
	move("n", "a/n");
	ck_assert_int_eq(loop_round(loop, false), 0);
	now_ms += WATCH_QUIET_MS - 10;
	pass(WATCH_QUIET_MS - 1);
	ck_assert_int_eq(n_changes, 0);
	pass(1);
	ck_assert_int_eq(n_changes, 1);
	end();
}
END_TEST

START_TEST(a_directory_that_was_moved_away_is_let_go)
{
	begin();
	make_dir("a");
	make_dir("a/b");
	make_dir("a/b/c");
	look_at(0, "a", NULL);
	move("a/b", "b");
	ck_changed("a/b");
	put("b/f", "1");
	put("b/c/f", "1");
	ck_unchanged();
	move("b", "a/z"); /* and one that comes back is known by its new name */
	ck_changed("a/z");
	put("a/z/c/f", "2");
	ck_changed("a/z/c/f");
	end();
}
END_TEST

START_TEST(noise_is_left_alone)
{
	begin();
	make_dir("a");
	make_dir("a/.git");
	make_dir("a/node_modules");
	look_at(0, "a", NULL);
	put("a/.git/index", "1");
	put("a/node_modules/x", "1");
	make_dir("a/__pycache__");
	put("a/__pycache__/x.pyc", "1");
	put("a/.f.swp", "1");
	put("a/f~", "1");
	put("a/.#f", "1");
	put("a/4913", "1");
	ck_unchanged();
	put("a/.gitignore", "1");
	ck_changed("a/.gitignore");
	end();
}
END_TEST

START_TEST(a_directory_that_is_replaced_is_watched_anew)
{
	begin();
	make_dir("a");
	make_dir("a/sub");
	make_dir("b");
	make_dir("b/sub");
	look_at(0, "a", NULL);
	move("a", "old");
	move("b", "a");
	ck_changed("a");
	put("a/sub/f", "1");
	ck_changed("a/sub/f");
	put("old/sub/f", "1");
	ck_unchanged();
	end();
}
END_TEST

/* --- time --------------------------------------------------------------------------------------- */

START_TEST(a_burst_is_one_change)
{
	begin();
	make_dir("a");
	look_at(0, "a", NULL);
	for (int i = 0; i < 5; i++) {
		put(i == 0 ? "a/first" : "a/f", "x");
		pass(WATCH_QUIET_MS - 10);
	}
	ck_assert_int_eq(n_changes, 0);
	pass(10);
	ck_assert_int_eq(n_changes, 1);
	ck_assert_str_eq(changed, at("a/first"));
	ck_unchanged();
	end();
}
END_TEST

START_TEST(a_stream_of_changes_does_not_put_it_off_for_ever)
{
	begin();
	make_dir("a");
	look_at(0, "a", NULL);
	for (int ms = 0; ms < WATCH_AT_MOST_MS; ms += 100) {
		ck_assert_int_eq(n_changes, 0);
		put("a/f", "x");
		pass(100);
	}
	ck_assert_int_eq(n_changes, 1);
	end();
}
END_TEST

/* --- limits ------------------------------------------------------------------------------------- */

START_TEST(too_many_directories_are_said_once_and_the_rest_is_watched)
{
	begin();
	make_dir("a");
	look_at(3, "a", NULL); /* one of them is where "a" lies */
	make_dir("a/1");
	ck_changed("a/1");
	make_dir("a/2");
	make_dir("a/3");
	ck_changed("a/2");
	ck_assert_int_eq(count_in_log("more than 3 directories: "), 1);
	put("a/1/f", "1");
	ck_changed("a/1/f");
	put("a/2/f", "1");
	ck_unchanged();
	end();
}
END_TEST

START_TEST(no_inotify_is_an_error_that_names_the_remedy)
{
	struct rlimit old, none;
	begin();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	char path[] = "/tmp", *paths[] = { path, NULL };
	struct watch_params p = {
		.loop = loop, .server = "srv", .paths = paths, .on_change = on_change
	};
	struct err e = { 0 };
	ck_assert_ptr_null(watch_new(&p, &e));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "fs.inotify.max_user_instances"));
	end();
}
END_TEST

START_TEST(lost_events_count_as_a_change_and_nothing_stays_unwatched)
{
	int limit = 0;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	if (f && fscanf(f, "%d", &limit) != 1)
		limit = 0;
	if (f)
		(void)fclose(f);
	ck_assert_int_gt(limit, 0);
	begin();
	make_dir("a");
	make_dir("a/b");
	look_at(0, "a", NULL);
	put("a/x", "1");
	put("a/y", "1");
	rounds();
	for (int i = 0; i < limit + 10; i++) /* two names in turn, as equal events are merged */
		ck_assert_int_eq(chmod(at(i % 2 ? "a/x" : "a/y"), 0600 + (mode_t)(i % 3)), 0);
	make_dir("a/new"); /* its event is lost */
	for (int i = 0; i < 100; i++)
		rounds();
	pass(WATCH_AT_MOST_MS);
	ck_assert_int_eq(n_changes, 1);
	put("a/new/f", "1");
	ck_changed("a/new/f");
	end();
}
END_TEST

START_TEST(a_large_tree_is_read_in_parts)
{
	char name[32];
	begin();
	make_dir("a");
	for (int i = 0; i < 700; i++) {
		(void)snprintf(name, sizeof(name), "a/%d", i);
		make_dir(name);
	}
	look_at(0, "a", NULL);
	for (int i = 0; i < 700; i += 233) {
		(void)snprintf(name, sizeof(name), "a/%d/f", i);
		put(name, "1");
		ck_changed(name);
	}
	end();
}
END_TEST

Suite *suite_supervisor_watch(void);
Suite *suite_supervisor_watch(void)
{
	Suite *s = suite_create("supervisor_watch");
	TCase *c = tcase_create("directories");
	tcase_add_test(c, what_was_there_is_no_change);
	tcase_add_test(c, every_kind_of_change_in_a_directory_counts);
	tcase_add_test(c, reading_is_no_change);
	tcase_add_test(c, new_directories_are_watched_and_what_came_with_them_counts);
	tcase_add_test(c, what_is_found_in_a_new_directory_puts_the_restart_off);
	tcase_add_test(c, a_directory_that_was_moved_away_is_let_go);
	tcase_add_test(c, noise_is_left_alone);
	tcase_add_test(c, a_directory_that_is_replaced_is_watched_anew);
	suite_add_tcase(s, c);
	c = tcase_create("time and limits");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, a_burst_is_one_change);
	tcase_add_test(c, a_stream_of_changes_does_not_put_it_off_for_ever);
	tcase_add_test(c, too_many_directories_are_said_once_and_the_rest_is_watched);
	tcase_add_test(c, no_inotify_is_an_error_that_names_the_remedy);
	tcase_add_test(c, lost_events_count_as_a_change_and_nothing_stays_unwatched);
	tcase_add_test(c, a_large_tree_is_read_in_parts);
	suite_add_tcase(s, c);
	return s;
}
