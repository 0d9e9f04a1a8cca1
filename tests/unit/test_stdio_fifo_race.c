/* SPDX-License-Identifier: MIT */
/* Programs that come and go while the round of the loop that tells of it is under way. */
#include "tests/unit/fifo_rig.h"

static int trigger[2], next_out = -1;

/* In the round that tells of the last reader's end, before it is told: the next one comes. */
static void come(void *ctx, unsigned ready)
{
	(void)ctx, (void)ready;
	char c;
	if (read(trigger[0], &c, 1) == 1)
		next_out = agent_opens("out", O_RDONLY);
}

START_TEST(a_reader_who_comes_while_the_last_ones_end_is_told_is_seen)
{
	ck_assert_int_eq(pipe2(trigger, O_NONBLOCK | O_CLOEXEC), 0);
	struct loop_io *io = loop_io_new(loop, trigger[0], LOOP_IN, come, NULL, NULL);
	for (int i = 0; i < 5; i++) {
		int out = agent_opens("out", O_RDONLY);
		settle();
		ck_assert(chan_has_reader(chan));
		ck_assert_int_eq(write(trigger[1], "x", 1), 1); /* so that its turn is first */
		close(out);
		settle();
		ck_assert_int_ge(next_out, 0);
		ck_assert(chan_has_reader(chan));
		send_text("hello");
		settle();
		ck_assert_str_eq(agent_reads(next_out), "hello\n");
		close(next_out);
		next_out = -1;
		settle();
		ck_assert(!chan_has_reader(chan));
	}
	loop_io_free(io);
	close(trigger[0]);
	close(trigger[1]);
}
END_TEST

/* Our own opens, for the take-back and for a fresh read end, between those of one program after the other. */
START_TEST(programs_one_after_the_other_are_no_crowd_however_late_we_look)
{
	int in = agent_opens("in", O_WRONLY), out = agent_opens("out", O_RDONLY);
	settle();
	for (int i = 0; i < 20; i++) {
		send_text("what the last one leaves unread");
		close(out);
		close(in);
		if (i % 2)
			settle();
		out = agent_opens("out", O_RDONLY);
		in = agent_opens("in", O_WRONLY);
		chan_discard(chan); /* as for an initialize */
		send_text("again");
		chan_discard(chan);
		settle();
	}
	ck_assert_int_eq(crowds[0], 0);
	ck_assert_int_eq(crowds[1], 0);
	int second = agent_opens("out", O_RDONLY);
	settle();
	ck_assert_int_eq(crowds[0], 1);
	close(second);
	close(out);
	close(in);
}
END_TEST

Suite *suite_stdio_fifo_race(void);
Suite *suite_stdio_fifo_race(void)
{
	Suite *s = suite_create("stdio_fifo_race");
	TCase *t = tcase_create("all");
	tcase_add_checked_fixture(t, fifo_setup, fifo_teardown);
	tcase_add_test(t, a_reader_who_comes_while_the_last_ones_end_is_told_is_seen);
	tcase_add_test(t, programs_one_after_the_other_are_no_crowd_however_late_we_look);
	suite_add_tcase(s, t);
	return s;
}
