/* SPDX-License-Identifier: MIT */
#include "tests/unit/fifo_rig.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* Stands in front of libc's, so that a system without inotify can be had. */
int inotify_init1(int flags)
{
	if (!has_no_inotify)
		return (int)syscall(SYS_inotify_init1, flags);
	errno = EMFILE;
	return -1;
}

static void setup_without_inotify(void)
{
	has_no_inotify = true;
	fifo_setup();
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

START_TEST(the_shell_idiom_works_again_and_again)
{
	static const char script[] =
		"cd \"$0\" || exit 9\n"
		"i=0; while [ $i -lt \"$1\" ]; do i=$((i+1))\n"
		"  printf 'request %s\\n' $i > in; read -r line < out\n"
		"  [ \"$line\" = \"request $i\" ] || { echo \"$i: $line\" >&2; exit 1; }\n"
		"done";
	echoes = true;
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", script, dir, has_no_inotify ? "5" : "200",
		      (char *)NULL);
		_exit(127);
	}
	int status = -1;
	for (int i = 0; i < 2000 && waitpid(pid, &status, WNOHANG) == 0; i++)
		run_ms(10);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(an_answer_waits_for_a_reader)
{
	ck_assert_int_eq(send_text("one"), 0);
	ck_assert_int_eq(send_text("two"), 0);
	settle();
	ck_assert_uint_eq(chan_queued(chan), 8);
	ck_assert(!chan_has_reader(chan));
	int fd = agent_opens("out", O_RDONLY);
	settle();
	ck_assert(chan_has_reader(chan));
	ck_assert_uint_eq(chan_unread(chan), 8);
	ck_assert_str_eq(agent_reads(fd), "one\ntwo\n");
	close(fd);
	settle();
	ck_assert(!chan_has_reader(chan));
}
END_TEST

START_TEST(what_a_reader_left_unread_goes_to_the_next_in_whole_lines)
{
	int fd = agent_opens("out", O_RDONLY);
	settle();
	send_text("first");
	send_text("second");
	send_text("third");
	char got[16] = "";
	ck_assert_int_eq(read(fd, got, 8), 8); /* "first\nse" */
	close(fd);
	settle();
	ck_assert_uint_eq(chan_queued(chan), 6);
	send_text("fourth");
	fd = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_str_eq(agent_reads(fd), "third\nfourth\n");
	close(fd);
	settle();
	ck_assert_uint_eq(chan_queued(chan), 0);
	/* The cut line's end must not make the next one look cut. */
	fd = agent_opens("out", O_RDONLY);
	settle();
	send_text("fifth");
	close(fd);
	settle();
	fd = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_str_eq(agent_reads(fd), "fifth\n");
	close(fd);
}
END_TEST

START_TEST(a_long_line_cut_by_its_reader_is_dropped_with_what_still_waits_of_it)
{
	size_t size = 1 << 20;
	char *big = malloc(size + 1);
	memset(big, 'x', size);
	big[size] = '\0';
	int fd = agent_opens("out", O_RDONLY);
	settle();
	send_text(big);
	send_text("after");
	ck_assert_uint_gt(chan_queued(chan), 0);
	char c;
	ck_assert_int_eq(read(fd, &c, 1), 1);
	close(fd);
	settle();
	ck_assert_uint_eq(chan_queued(chan), 6);
	/* Not read at all, it waits as a whole. */
	send_text(big);
	fd = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_int_eq(read(fd, &c, 1), 1);
	ck_assert_int_eq(c, 'a');
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(read(fd, &c, 1), 1);
	close(fd);
	settle();
	ck_assert_uint_eq(chan_queued(chan), size + 1);
	free(big);
}
END_TEST

/* --- the take-back against a model ------------------------------------------------------------- */

struct model {
	int sent;     /* lines */
	int expected; /* the line a fresh reader must get first */
	char part[70000];
	size_t part_len; /* of the line the reader is in */
	int fd;
};

static size_t line_text(char *to, int i)
{
	/* Lengths from a few bytes to more than a pipe holds. */
	size_t pad = i % 97 == 0 ? 66000 : i % 11 == 0 ? 5000 : (size_t)(i * 7) % 60;
	size_t n = (size_t)sprintf(to, "%d:", i);
	memset(to + n, 'a' + i % 26, pad);
	to[n + pad] = '\0';
	return n + pad;
}

static void model_send(struct model *m)
{
	static char text[70000];
	line_text(text, m->sent++);
	ck_assert_int_eq(send_text(text), 0);
}

static void model_read(struct model *m, size_t max)
{
	static char bytes[200000], want[70000];
	ssize_t n = read(m->fd, bytes, max < sizeof(bytes) ? max : sizeof(bytes));
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] != '\n') {
			m->part[m->part_len++] = bytes[i];
			continue;
		}
		size_t len = line_text(want, m->expected);
		ck_assert_msg(len == m->part_len && memcmp(want, m->part, len) == 0,
			      "expected line %d, got %.*s", m->expected,
			      (int)(m->part_len < 40 ? m->part_len : 40), m->part);
		m->expected++;
		m->part_len = 0;
	}
}

static void model_leave(struct model *m)
{
	close_fd(&m->fd);
	if (m->part_len > 0) /* it has read the beginning of this one: dropped */
		m->expected++;
	m->part_len = 0;
}

START_TEST(no_line_is_lost_doubled_or_cut_whatever_readers_do)
{
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid() << 8 ^ (unsigned)_i;
	printf("stdio_fifo: seed %u\n", seed);
	srand(seed);
	static struct model m;
	m = (struct model){ .fd = -1 };
	for (int i = 0; i < 6000; i++) {
		int dice = rand() % 20;
		if (dice < 7)
			model_send(&m);
		else if (m.fd < 0 && dice < 10)
			m.fd = agent_opens("out", O_RDONLY);
		else if (m.fd >= 0 && dice < 15)
			model_read(&m, (size_t)rand() % (rand() % 2 ? 100 : 20000));
		else if (m.fd >= 0 && dice < 17)
			model_leave(&m);
		/* A reader that came while the last one's leaving is not noticed yet inherits the rest of its line. */
		if (m.fd < 0 || rand() % 3)
			settle();
	}
	if (m.fd >= 0)
		model_leave(&m);
	settle();
	m.fd = agent_opens("out", O_RDONLY);
	for (int i = 0; i < 100000 && m.expected < m.sent; i++) {
		settle();
		model_read(&m, 100000);
	}
	ck_assert_int_eq(m.expected, m.sent);
	ck_assert_uint_eq(m.part_len, 0);
	close(m.fd);
}
END_TEST

/* --- writers ----------------------------------------------------------------------------------- */

START_TEST(a_writer_that_leaves_ends_it_and_the_next_begins_clean)
{
	int fd = agent_opens("in", O_WRONLY);
	say(fd, "one\nhalf");
	settle();
	ck_assert_str_eq(heard, "one|");
	ck_assert(chan_has_writer(chan));
	close(fd);
	settle();
	ck_assert_str_eq(heard, "one|~.");
	ck_assert(!chan_has_writer(chan));
	fd = agent_opens("in", O_WRONLY);
	say(fd, "two\n");
	close(fd);
	settle();
	ck_assert_str_eq(heard, "one|~.two|.");
}
END_TEST

START_TEST(what_is_written_while_the_last_writers_end_is_handled_is_not_lost)
{
	for (int i = 0; i < 50; i++) {
		int fd = agent_opens("in", O_WRONLY);
		say(fd, "a\n");
		close(fd);
		if (i % 3 == 0)
			loop_round(loop, false);
	}
	settle();
	int lines = 0;
	for (const char *p = heard; *p; p++)
		lines += *p == 'a';
	ck_assert_int_eq(lines, 50);
	ck_assert_ptr_null(strchr(heard, '~'));
}
END_TEST

START_TEST(a_writer_that_says_nothing_is_seen_to_come_and_go)
{
	settle();
	ck_assert(!chan_has_writer(chan));
	int fd = agent_opens("in", O_WRONLY);
	settle();
	ck_assert(chan_has_writer(chan));
	close(fd);
	settle();
	ck_assert(!chan_has_writer(chan));
	ck_assert_str_eq(heard, ".");
}
END_TEST

START_TEST(a_paused_chan_does_not_spin_on_a_writer_that_left)
{
	settle();
	chan_pause(chan, true);
	int fd = agent_opens("in", O_WRONLY);
	say(fd, "one\n");
	close(fd);
	settle();
	ck_assert_int_eq(run_ms(200), 0);
	ck_assert_str_eq(heard, "");
	chan_pause(chan, false);
	settle();
	ck_assert_str_eq(heard, "one|.");
}
END_TEST

START_TEST(nobody_there_or_everybody_gone_costs_no_wakeup)
{
	settle();
	ck_assert_int_eq(run_ms(200), 0);
	int in = agent_opens("in", O_WRONLY), out = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_int_eq(run_ms(200), 0);
	say(in, "x\n");
	send_text("y");
	settle();
	close(in);
	close(out);
	settle();
	ck_assert_int_eq(run_ms(200), 0); /* "y" waits for a reader */
	chan_discard(chan);
	ck_assert_int_eq(run_ms(200), 0);
}
END_TEST

START_TEST(a_thousand_programs_leave_no_descriptor_behind)
{
	settle();
	int before = count_fds();
	for (int i = 0; i < 1000; i++) {
		int in = agent_opens("in", O_WRONLY), out = agent_opens("out", O_RDONLY);
		say(in, "x\n");
		send_text("answer");
		loop_round(loop, false);
		close(i % 2 ? in : out);
		loop_round(loop, false);
		close(i % 2 ? out : in);
		loop_round(loop, false);
	}
	settle();
	ck_assert_int_eq(count_fds(), before);
	ck_assert_int_eq(run_ms(200), 0);
}
END_TEST

START_TEST(without_descriptors_to_spare_it_waits_and_goes_on)
{
	int fd = agent_opens("in", O_WRONLY);
	say(fd, "one\n");
	settle();
	int hoard[256], n = 0;
	struct rlimit few = { 128, 128 };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	close(fd);
	while ((hoard[n] = dup(dir_fd)) >= 0)
		n++;
	ck_assert_int_le(run_ms(350), 12);
	ck_assert_str_eq(heard, "one|");
	while (n > 0)
		close(hoard[--n]);
	for (int i = 0; i < 20 && strcmp(heard, "one|.") != 0; i++)
		run_ms(150);
	ck_assert_str_eq(heard, "one|.");
	settle();
	ck_assert_int_eq(run_ms(200), 0);
}
END_TEST

/* --- discard ----------------------------------------------------------------------------------- */

START_TEST(discard_takes_unread_lines_from_under_a_reader_but_leaves_it_whole_lines)
{
	int fd = agent_opens("out", O_RDONLY);
	settle();
	send_text("first");
	send_text("second");
	send_text("third");
	char got[16] = "";
	ck_assert_int_eq(read(fd, got, 8), 8); /* "first\nse" */
	chan_discard(chan);
	send_text("new");
	settle();
	ck_assert_str_eq(agent_reads(fd), "cond\nnew\n");
	send_text("a");
	send_text("b");
	chan_discard(chan);
	send_text("c");
	settle();
	ck_assert_str_eq(agent_reads(fd), "c\n");
	ck_assert_int_eq(crowds[0], 0); /* our own hand in the pipe is no second reader */
	close(fd);
}
END_TEST

START_TEST(discard_forgets_what_waits_for_a_reader)
{
	send_text("first");
	chan_discard(chan);
	ck_assert_uint_eq(chan_queued(chan), 0);
	send_text("second");
	int fd = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_str_eq(agent_reads(fd), "second\n");
	close(fd);
}
END_TEST

static const char free_in[] = "|~.p";

START_TEST(a_chan_on_pipes_may_be_freed_in_each_callback)
{
	free_on = free_in[_i];
	int fd = agent_opens("in", O_WRONLY);
	say(fd, free_on == '~' ? "half" : "one\ntwo\n");
	if (free_on != '|')
		close_fd(&fd);
	settle();
	ck_assert_ptr_null(chan);
	close_fd(&fd);
}
END_TEST

START_TEST(a_second_program_is_noticed_and_told_of_once)
{
	for (int i = 0; i < 5; i++) { /* one after the other is fine */
		int in = agent_opens("in", O_WRONLY), out = agent_opens("out", O_RDONLY);
		settle();
		close(in);
		close(out);
		settle();
	}
	ck_assert_int_eq(crowds[0] + crowds[1], 0);
	int a = agent_opens("in", O_WRONLY);
	settle();
	int b = agent_opens("in", O_WRONLY);
	settle();
	ck_assert_int_eq(crowds[1], 1);
	close(b);
	b = agent_opens("in", O_WRONLY);
	settle();
	ck_assert_int_eq(crowds[1], 1);
	close(a);
	close(b);
	a = agent_opens("out", O_RDONLY);
	settle();
	b = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_int_eq(crowds[0], 1);
	close(a);
	close(b);
	settle();
	a = agent_opens("out", O_RDONLY); /* alone again: the count begins anew */
	settle();
	ck_assert_int_eq(crowds[0], 1);
	b = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_int_eq(crowds[0], 2);
	close(a);
	close(b);
}
END_TEST

Suite *suite_stdio_fifo(void);
Suite *suite_stdio_fifo(void)
{
	Suite *s = suite_create("stdio_fifo");
	TCase *c = tcase_create("inotify");
	tcase_add_checked_fixture(c, fifo_setup, fifo_teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, the_shell_idiom_works_again_and_again);
	tcase_add_test(c, an_answer_waits_for_a_reader);
	tcase_add_test(c, what_a_reader_left_unread_goes_to_the_next_in_whole_lines);
	tcase_add_test(c, a_long_line_cut_by_its_reader_is_dropped_with_what_still_waits_of_it);
	tcase_add_loop_test(c, no_line_is_lost_doubled_or_cut_whatever_readers_do, 0, 4);
	tcase_add_test(c, a_writer_that_leaves_ends_it_and_the_next_begins_clean);
	tcase_add_test(c, what_is_written_while_the_last_writers_end_is_handled_is_not_lost);
	tcase_add_test(c, a_writer_that_says_nothing_is_seen_to_come_and_go);
	tcase_add_test(c, a_paused_chan_does_not_spin_on_a_writer_that_left);
	tcase_add_test(c, nobody_there_or_everybody_gone_costs_no_wakeup);
	tcase_add_test(c, a_thousand_programs_leave_no_descriptor_behind);
	tcase_add_test(c, without_descriptors_to_spare_it_waits_and_goes_on);
	tcase_add_test(c, discard_takes_unread_lines_from_under_a_reader_but_leaves_it_whole_lines);
	tcase_add_test(c, discard_forgets_what_waits_for_a_reader);
	tcase_add_loop_test(c, a_chan_on_pipes_may_be_freed_in_each_callback, 0,
			    (int)sizeof(free_in) - 1);
	tcase_add_test(c, a_second_program_is_noticed_and_told_of_once);
	suite_add_tcase(s, c);
	TCase *n = tcase_create("no_inotify");
	tcase_add_checked_fixture(n, setup_without_inotify, fifo_teardown);
	tcase_set_timeout(n, 60);
	tcase_add_test(n, the_shell_idiom_works_again_and_again);
	tcase_add_test(n, an_answer_waits_for_a_reader);
	tcase_add_test(n, what_a_reader_left_unread_goes_to_the_next_in_whole_lines);
	tcase_add_test(n, a_writer_that_leaves_ends_it_and_the_next_begins_clean);
	tcase_add_test(n, a_paused_chan_does_not_spin_on_a_writer_that_left);
	suite_add_tcase(s, n);
	return s;
}
