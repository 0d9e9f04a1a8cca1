/* SPDX-License-Identifier: MIT */
#include "tests/unit/chan_rig.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_MALLINFO 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_MALLINFO 0
#endif
#endif
#ifndef HAS_MALLINFO
#define HAS_MALLINFO 1
#endif

static struct end *open_end(size_t max)
{
	struct end *n = calloc(1, sizeof(*n));
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	(void)fd_set_nonblock(fds[1], true);
	n->fd = fds[1];
	open_chan(n, stream_of_fds(loop, fds[0], fds[0], NULL), max);
	return n;
}

static void close_end(struct end *n)
{
	chan_free(n->c);
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}

static void rounds(int n)
{
	while (n-- > 0)
		loop_round(loop, false);
}

static void say(const struct end *n, const char *text)
{
	ck_assert_int_eq(write(n->fd, text, strlen(text)), (ssize_t)strlen(text));
}

static int send_big(struct end *n, size_t size, char fill)
{
	char *big = malloc(size);
	memset(big, fill, size);
	struct iovec part = { .iov_base = big, .iov_len = size };
	int r = chan_send(n->c, &part, 1);
	free(big);
	return r;
}

/* Reads what is there, at most max bytes; counts newlines. */
static size_t drain(const struct end *n, size_t max, size_t *lines)
{
	char bytes[65536];
	size_t got = 0;
	while (got < max) {
		size_t want = max - got < sizeof(bytes) ? max - got : sizeof(bytes);
		ssize_t r = read(n->fd, bytes, want);
		if (r <= 0)
			break;
		for (ssize_t i = 0; i < r; i++)
			*lines += bytes[i] == '\n';
		got += (size_t)r;
	}
	return got;
}

START_TEST(lines_go_both_ways)
{
	struct end *n = open_end(100);
	ck_assert_str_eq(n->heard, "");
	say(n, "one\r\n\ntwo\nthr");
	rounds(2);
	ck_assert_str_eq(n->heard, "one|two|");
	char text[] = "{\"id\":17}";
	struct iovec parts[] = { { text, 6 }, { text, 0 }, { text + 6, 2 }, { text + 8, 1 } };
	ck_assert_int_eq(chan_send(n->c, parts, 4), 0);
	char got[64] = "";
	ck_assert_int_eq(read(n->fd, got, sizeof(got)), 10);
	ck_assert_str_eq(got, "{\"id\":17}\n");
	ck_assert_uint_eq(chan_queued(n->c), 0);
	close_end(n);
}
END_TEST

START_TEST(a_half_line_at_the_end_is_torn_and_the_end_comes_once)
{
	struct end *n = open_end(100);
	say(n, "one\nhalf");
	close(n->fd);
	n->fd = -1;
	rounds(5);
	ck_assert_str_eq(n->heard, "one|~.");
	ck_assert(!chan_has_writer(n->c));
	close_end(n);
}
END_TEST

START_TEST(an_oversized_line_is_told_once_and_framing_goes_on)
{
	struct end *n = open_end(8);
	say(n, "123456789");
	rounds(1);
	ck_assert_str_eq(n->heard, "!");
	say(n, "0123456789\nok\n");
	rounds(1);
	ck_assert_str_eq(n->heard, "!ok|");
	close_end(n);
}
END_TEST

static const char free_in[] = "|!~.pd";

START_TEST(may_be_freed_in_each_callback)
{
	struct end *n = open_end(8);
	size_t lines = 0;
	n->free_on = free_in[_i];
	switch (n->free_on) {
	case '|':
		say(n, "a\nb\nc\nhalf");
		break;
	case '!':
		say(n, "1234567890\nb\n");
		break;
	case '~':
		say(n, "half");
		shutdown(n->fd, SHUT_WR);
		break;
	case '.':
		shutdown(n->fd, SHUT_WR);
		break;
	default: /* p, d */
		ck_assert_int_eq(send_big(n, 1 << 22, 'x'), 0);
		ck_assert_uint_gt(chan_queued(n->c), 0);
		if (n->free_on == 'd')
			drain(n, 1 << 18, &lines);
		else
			close_fd(&n->fd);
	}
	rounds(5);
	ck_assert_ptr_null(n->c);
	ck_assert_int_eq(n->heard[strlen(n->heard) - 1], n->free_on);
	close_end(n);
}
END_TEST

START_TEST(what_does_not_fit_waits_and_only_the_lines_behind_count)
{
	struct end *n = open_end(100);
	ck_assert_int_eq(send_big(n, 1 << 20, 'x'), 0);
	size_t queued = chan_queued(n->c);
	ck_assert(queued > 0 && queued < (1 << 20));
	ck_assert_uint_eq(chan_queued_behind(n->c), 0);
	ck_assert_int_eq(send_text(n, "abc"), 0);
	ck_assert_int_eq(send_text(n, "defg"), 0);
	ck_assert_uint_eq(chan_queued(n->c), queued + 9);
	ck_assert_uint_eq(chan_queued_behind(n->c), 9);
	size_t lines = 0, got = 0;
	while (got < (1 << 20) + 10) {
		got += drain(n, 10000, &lines);
		rounds(1);
	}
	ck_assert_uint_eq(lines, 3);
	ck_assert_uint_eq(chan_queued(n->c), 0);
	ck_assert_ptr_nonnull(strchr(n->heard, 'd'));
	close_end(n);
}
END_TEST

START_TEST(a_line_of_64_mib_goes_through_and_its_memory_comes_back)
{
	struct end *a = open_end(100), *b = open_end(64U << 20);
#if HAS_MALLINFO
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
#endif
	size_t size = 64U << 20;
	ck_assert_int_eq(send_big(a, size, 'y'), 0);
	/* What comes out of a goes into b. */
	char *bytes = malloc(65536);
	for (size_t moved = 0; moved <= size;) {
		ssize_t n = read(a->fd, bytes, 65536);
		for (ssize_t at = 0; at < n;) {
			ssize_t w = write(b->fd, bytes + at, (size_t)(n - at));
			at += w > 0 ? w : 0;
			rounds(1);
		}
		moved += n > 0 ? (size_t)n : 0;
		rounds(1);
	}
	free(bytes);
	rounds(2);
	ck_assert_uint_eq(b->bytes, size);
	ck_assert_uint_eq(chan_queued(a->c), 0);
#if HAS_MALLINFO
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
	ck_assert_uint_le(after, before + 4096);
#endif
	close_end(a);
	close_end(b);
}
END_TEST

START_TEST(a_stuck_chan_and_a_flooding_one_do_not_delay_another)
{
	struct end *stuck = open_end(100), *flood = open_end(100), *n = open_end(100);
	ck_assert_int_eq(send_big(stuck, 8 << 20, 'x'), 0);
	int size = 4 << 20;
	(void)setsockopt(flood->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	char lines[60000];
	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = i % 60 == 59 ? '\n' : 'f';
	while (write(flood->fd, lines, sizeof(lines)) == (ssize_t)sizeof(lines))
		;
	say(n, "hello\n");
	rounds(1);
	ck_assert_str_eq(n->heard, "hello|");
	ck_assert_uint_le(flood->bytes, 320 * 1024);
	int waking = 0;
	while (flood->bytes > 0 &&
	       waking < 100) { /* and then the loop is quiet: no spin on the stuck one */
		flood->bytes = 0;
		rounds(1);
		waking++;
	}
	ck_assert_int_lt(waking, 100);
	close_end(stuck);
	close_end(flood);
	close_end(n);
}
END_TEST

START_TEST(a_paused_chan_reads_nothing_until_it_goes_on)
{
	struct end *n = open_end(100);
	chan_pause(n->c, true);
	say(n, "one\n");
	rounds(3);
	ck_assert_str_eq(n->heard, "");
	chan_pause(n->c, false);
	rounds(1);
	ck_assert_str_eq(n->heard, "one|");
	close_end(n);
}
END_TEST

START_TEST(half_close_waits_for_the_queue)
{
	struct end *n = open_end(100);
	ck_assert_int_eq(send_big(n, 1 << 20, 'x'), 0);
	chan_shut(n->c);
	ck_assert_int_eq(send_text(n, "late"), -EPIPE);
	size_t lines = 0, got = 0;
	for (int i = 0; i < 1000 && got <= 1 << 20; i++) {
		got += drain(n, 1 << 20, &lines);
		rounds(1);
	}
	ck_assert_uint_eq(got, (1 << 20) + 1);
	char c;
	ck_assert_int_eq(read(n->fd, &c, 1), 0);
	say(n, "still heard\n"); /* only our half is closed */
	rounds(1);
	ck_assert_ptr_nonnull(strstr(n->heard, "still heard|"));
	close_end(n);
}
END_TEST

START_TEST(a_vanished_reader_makes_it_broken_and_is_told)
{
	struct end *n = open_end(100);
	ck_assert_int_eq(send_big(n, 1 << 20, 'x'), 0);
	chan_pause(n->c, true);
	close(n->fd);
	n->fd = -1;
	rounds(3);
	ck_assert_str_eq(n->heard, "p");
	ck_assert(chan_is_broken(n->c));
	ck_assert(!chan_has_reader(n->c));
	ck_assert_uint_eq(chan_queued(n->c), 0);
	ck_assert_int_eq(send_text(n, "x"), -EPIPE);
	close_end(n);
}
END_TEST

START_TEST(discard_leaves_the_rest_of_the_line_that_is_half_out)
{
	struct end *n = open_end(100);
	ck_assert_int_eq(send_big(n, 1 << 20, 'x'), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(send_text(n, "behind"), 0);
	chan_discard(n->c);
	ck_assert_uint_gt(chan_queued(n->c), 0);
	ck_assert_uint_eq(chan_queued_behind(n->c), 0);
	ck_assert_int_eq(send_text(n, "new"), 0);
	size_t lines = 0, got = 0;
	for (int i = 0; i < 1000 && chan_queued(n->c) > 0; i++) {
		got += drain(n, 1 << 20, &lines);
		rounds(1);
	}
	got += drain(n, 1 << 21, &lines);
	ck_assert_uint_eq(got, (1 << 20) + 1 + 4);
	ck_assert_uint_eq(lines, 2);
	close_end(n);
}
END_TEST

static int64_t now_ms;
static int64_t fake_now(void)
{
	return now_ms;
}

START_TEST(remembers_when_the_other_side_last_took_or_sent)
{
	clock_fake(fake_now);
	now_ms = 1000;
	struct end *n = open_end(100);
	ck_assert_int_eq(chan_last_read_ms(n->c), 1000);
	now_ms = 2000;
	say(n, "x\n");
	rounds(1);
	ck_assert_int_eq(chan_last_read_ms(n->c), 2000);
	ck_assert_int_eq(chan_last_write_ms(n->c), 1000);
	now_ms = 3000;
	ck_assert_int_eq(send_big(n, 1 << 20, 'x'), 0);
	now_ms = 4000;
	ck_assert_int_eq(send_text(n, "waits"), 0);
	rounds(2);
	ck_assert_int_eq(chan_last_write_ms(n->c), 3000);
	close_end(n);
	clock_fake(NULL);
}
END_TEST

START_TEST(a_pair_of_pipes_serves_as_well)
{
	int in[2], out[2];
	ck_assert_int_eq(fd_pipe(in, -1), 0);
	ck_assert_int_eq(fd_pipe(out, 0), 0);
	struct end *n = calloc(1, sizeof(*n));
	n->fd = in[1];
	open_chan(n, stream_of_fds(loop, in[0], out[1], NULL), 100);
	say(n, "hi\n");
	ck_assert_int_eq(send_text(n, "ho"), 0);
	rounds(1);
	ck_assert_str_eq(n->heard, "hi|");
	char got[8] = "";
	ck_assert_int_eq(read(out[0], got, sizeof(got)), 3);
	ck_assert_str_eq(got, "ho\n");
	chan_shut(n->c);
	ck_assert_int_eq(read(out[0], got, sizeof(got)), 0);
	close(out[0]);
	close_end(n);
}
END_TEST

Suite *suite_stdio_chan(void);
Suite *suite_stdio_chan(void)
{
	Suite *s = suite_create("stdio_chan");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, chan_setup, chan_teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, lines_go_both_ways);
	tcase_add_test(c, a_half_line_at_the_end_is_torn_and_the_end_comes_once);
	tcase_add_test(c, an_oversized_line_is_told_once_and_framing_goes_on);
	tcase_add_loop_test(c, may_be_freed_in_each_callback, 0, (int)sizeof(free_in) - 1);
	tcase_add_test(c, what_does_not_fit_waits_and_only_the_lines_behind_count);
	tcase_add_test(c, a_line_of_64_mib_goes_through_and_its_memory_comes_back);
	tcase_add_test(c, a_stuck_chan_and_a_flooding_one_do_not_delay_another);
	tcase_add_test(c, a_paused_chan_reads_nothing_until_it_goes_on);
	tcase_add_test(c, half_close_waits_for_the_queue);
	tcase_add_test(c, a_vanished_reader_makes_it_broken_and_is_told);
	tcase_add_test(c, discard_leaves_the_rest_of_the_line_that_is_half_out);
	tcase_add_test(c, remembers_when_the_other_side_last_took_or_sent);
	tcase_add_test(c, a_pair_of_pipes_serves_as_well);
	suite_add_tcase(s, c);
	return s;
}
