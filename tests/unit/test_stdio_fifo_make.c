/* SPDX-License-Identifier: MIT */
/* The names on the disk: how they are made, renewed and left. */
#include "tests/unit/fifo_rig.h"

START_TEST(the_names_are_made_again_when_somebody_removed_them)
{
	int fd = agent_opens("in", O_WRONLY);
	settle();
	ck_assert_int_eq(unlinkat(dir_fd, "in", 0), 0);
	close(fd);
	settle();
	fd = agent_opens("in", O_WRONLY);
	settle();
	ck_assert(chan_has_writer(chan));
	say(fd, "back\n");
	settle();
	ck_assert_str_eq(heard, ".back|");
	close(fd);
}
END_TEST

START_TEST(renewal_ends_the_conversation_for_both_and_the_next_begins_clean)
{
	int in = agent_opens("in", O_WRONLY), out = agent_opens("out", O_RDONLY);
	say(in, "one\nhalf");
	settle();
	send_text("answer");
	ck_assert_int_eq(chan_renew(chan), 0);
	settle();
	ck_assert_str_eq(agent_reads(out), "answer\n");
	char c;
	ck_assert_int_eq(read(out, &c, 1), 0);
	ck_assert_int_eq(write(in, "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	ck_assert_str_eq(heard, "one|");
	ck_assert(!chan_has_reader(chan));
	ck_assert(!chan_has_writer(chan));
	ck_assert_int_eq(run_ms(200), 0);
	close(in);
	close(out);
	settle();
	in = agent_opens("in", O_WRONLY);
	out = agent_opens("out", O_RDONLY);
	say(in, "two\n");
	settle();
	ck_assert_str_eq(heard, "one|two|");
	send_text("fresh");
	settle();
	ck_assert_str_eq(agent_reads(out), "fresh\n");
	close(in);
	close(out);
	settle();
	ck_assert_str_eq(heard, "one|two|.");
}
END_TEST

START_TEST(renewal_from_a_line_forgets_the_lines_read_with_it)
{
	renews = true;
	int fd = agent_opens("in", O_WRONLY);
	say(fd, "one\ntwo\nhalf");
	close(fd);
	settle();
	ck_assert_str_eq(heard, "one|");
}
END_TEST

static mode_t mode_of(const char *name)
{
	struct stat st;
	ck_assert_int_eq(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode;
}

START_TEST(owner_and_mode_are_set_whatever_the_umask_and_after_renewal)
{
	chan_free(chan);
	chan = NULL;
	umask(0077);
	struct fifo_params p = {
		.dir_fd = dir_fd,
		.path = dir,
		.uid = geteuid() == 0 ? 1234 : (uid_t)-1,
		.gid = geteuid() == 0 ? 4321 : (gid_t)-1,
		.mode = 0660,
	};
	struct stream *s = fifo_open(set, &p, NULL);
	ck_assert_ptr_nonnull(s);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(mode_of("in"), S_IFIFO | 0660);
		ck_assert_uint_eq(mode_of("out"), S_IFIFO | 0660);
		struct stat st;
		fstatat(dir_fd, "out", &st, 0);
		if (geteuid() == 0)
			ck_assert(st.st_uid == 1234 && st.st_gid == 4321);
		ck_assert_int_eq(stream_renew(s), 0);
	}
	stream_free(s);
}
END_TEST

START_TEST(anything_but_a_fifo_is_refused_and_left_alone)
{
	chan_free(chan);
	chan = NULL;
	static const char *const names[] = { "in", "out" };
	for (int i = 0; i < 6; i++) {
		const char *name = names[i % 2];
		if (i < 2)
			close(openat(dir_fd, name, O_CREAT | O_WRONLY, 0600));
		else if (i < 4)
			ck_assert_int_eq(symlinkat("/dev/null", dir_fd, name), 0);
		else
			ck_assert_int_eq(mkdirat(dir_fd, name, 0700), 0);
		struct err e = { 0 };
		ck_assert_ptr_null(open_fifo(&e));
		char path[80];
		snprintf(path, sizeof(path), "%s/%s", dir, name);
		ck_assert_ptr_nonnull(strstr(e.text, path));
		ck_assert_ptr_nonnull(strstr(e.text, "remove it"));
		ck_assert_int_eq(unlinkat(dir_fd, name, i < 4 ? 0 : AT_REMOVEDIR), 0);
		(void)unlinkat(dir_fd, names[(i + 1) % 2], 0);
	}
}
END_TEST

START_TEST(fifos_of_an_earlier_life_are_used_again_without_its_bytes)
{
	int in = agent_opens("in", O_WRONLY), out = agent_opens("out", O_RDONLY);
	settle();
	send_text("old answer");
	/* As after SIGKILL: the ends are closed, the names stay. */
	say(in, "old req");
	int keep_in = agent_opens("in", O_RDONLY); /* what keeps the bytes alive */
	struct stat before, after;
	fstatat(dir_fd, "in", &before, 0);
	ck_assert_int_eq(linkat(dir_fd, "in", dir_fd, "in2", 0), 0);
	ck_assert_int_eq(linkat(dir_fd, "out", dir_fd, "out2", 0), 0);
	chan_free(chan);
	ck_assert_int_eq(renameat(dir_fd, "in2", dir_fd, "in"), 0);
	ck_assert_int_eq(renameat(dir_fd, "out2", dir_fd, "out"), 0);
	open_chan();
	close(keep_in);
	fstatat(dir_fd, "in", &after, 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	settle();
	ck_assert_str_eq(heard, "");
	ck_assert_str_eq(agent_reads(out), "");
	ck_assert(chan_has_reader(chan));
	ck_assert(chan_has_writer(chan));
	say(in, "new\n");
	send_text("new answer");
	settle();
	ck_assert_str_eq(heard, "new|");
	ck_assert_str_eq(agent_reads(out), "new answer\n");
	close(in);
	close(out);
}
END_TEST

START_TEST(kept_names_stay)
{
	chan_free(chan);
	chan = NULL;
	struct stream *s = open_fifo(NULL);
	fifo_keep(s);
	stream_free(s);
	ck_assert_int_eq(unlinkat(dir_fd, "in", 0), 0);
	ck_assert_int_eq(unlinkat(dir_fd, "out", 0), 0);
}
END_TEST

Suite *suite_stdio_fifo_make(void);
Suite *suite_stdio_fifo_make(void)
{
	Suite *s = suite_create("stdio_fifo_make");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, fifo_setup, fifo_teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_names_are_made_again_when_somebody_removed_them);
	tcase_add_test(c, renewal_ends_the_conversation_for_both_and_the_next_begins_clean);
	tcase_add_test(c, renewal_from_a_line_forgets_the_lines_read_with_it);
	tcase_add_test(c, owner_and_mode_are_set_whatever_the_umask_and_after_renewal);
	tcase_add_test(c, anything_but_a_fifo_is_refused_and_left_alone);
	tcase_add_test(c, fifos_of_an_earlier_life_are_used_again_without_its_bytes);
	tcase_add_test(c, kept_names_stay);
	suite_add_tcase(s, c);
	return s;
}
