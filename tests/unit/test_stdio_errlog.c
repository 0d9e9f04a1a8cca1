/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "stdio/errlog.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t now_ms;
static int64_t fake_now(void)
{
	return now_ms;
}

static struct loop *loop;
static struct errlog *g;
static FILE *sink;

static void setup(void)
{
	clock_fake(fake_now);
	now_ms = 100000;
	sink = tmpfile();
	log_open(fileno(sink));
	log_set(LOG_INFO, LOG_TEXT);
	loop = loop_new(NULL);
	g = errlog_new(loop, "github");
}

static void teardown(void)
{
	errlog_free(g);
	loop_free(loop);
	log_redact_clear();
	log_close();
	fclose(sink);
	clock_fake(NULL);
}

static void feed(const char *text)
{
	errlog_feed(g, text, strlen(text));
}

/* How often the log says this. */
static int logged(const char *what)
{
	static char text[1 << 20];
	ssize_t n = pread(fileno(sink), text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	int count = 0;
	for (const char *p = text; (p = strstr(p, what)); p++)
		count++;
	return count;
}

struct seen {
	char text[512];
	uint64_t first, last;
	size_t n, longest;
};

static void see(struct seen *s, uint64_t seq, const char *line)
{
	if (s->n++ == 0)
		s->first = seq;
	else
		ck_assert_uint_eq(seq, s->last + 1);
	s->last = seq;
	if (strlen(line) > s->longest)
		s->longest = strlen(line);
	size_t used = strlen(s->text);
	(void)snprintf(s->text + used, sizeof(s->text) - used, "%s|", line);
}

/* All that is to be had at c; returns how many lines were lost. */
static uint64_t read_on(struct errlog_cursor *c, struct seen *s)
{
	uint64_t lost, all = 0;
	const char *line;
	while ((line = errlog_next(g, c, &lost)) || lost) {
		all += lost;
		if (lost && s->n)
			s->last += lost;
		if (line)
			see(s, c->seq - 1, line);
	}
	ck_assert(!errlog_has_next(g, c));
	return all;
}

/* The last n lines, 0: all. */
static struct seen ring(size_t n)
{
	struct seen s = { 0 };
	struct errlog_cursor c = errlog_last(g, n ? n : SIZE_MAX);
	ck_assert_uint_eq(read_on(&c, &s), 0);
	return s;
}

START_TEST(half_lines_wait_for_their_end)
{
	feed("one\ntw");
	ck_assert_str_eq(ring(0).text, "one|");
	feed("o\r\n\nthree");
	ck_assert_str_eq(ring(0).text, "one|two|");
	errlog_flush(g);
	struct seen s = ring(0);
	ck_assert_str_eq(s.text, "one|two|three|");
	ck_assert_uint_eq(s.first, 1);
	ck_assert_str_eq(ring(2).text, "two|three|");
	ck_assert_int_eq(logged("github"), 3);
	ck_assert_int_eq(logged("stderr: two\n"), 1);
}
END_TEST

START_TEST(our_own_lines_are_in_the_ring_only_and_not_in_the_tail)
{
	feed("Error: no token\n");
	errlog_note(g, "exited with status 1");
	ck_assert_str_eq(ring(0).text, "Error: no token|exited with status 1|");
	ck_assert_int_eq(logged("exited"), 0);
	ck_assert_str_eq(errlog_tail(g, 100), "Error: no token");
}
END_TEST

START_TEST(the_tail_is_of_this_process_and_begins_with_a_whole_character)
{
	feed("old\n");
	errlog_begin(g);
	ck_assert_str_eq(errlog_tail(g, 100), "");
	feed("a\xc3\xa4\xc3\xa4\nxyz");
	ck_assert_str_eq(errlog_tail(g, 100), "a\xc3\xa4\xc3\xa4\nxyz");
	ck_assert_str_eq(errlog_tail(g, 4), "\nxyz");
	ck_assert_str_eq(errlog_tail(g, 5), "\nxyz");
	ck_assert_str_eq(errlog_tail(g, 6), "\xc3\xa4\nxyz");
}
END_TEST

START_TEST(secrets_are_in_neither_the_ring_nor_the_log_nor_the_tail)
{
	log_redact_add("hunter2hunter2");
	feed("token hunter2hun");
	feed("ter2 refused\nagain hunter2hunter2");
	ck_assert_str_eq(errlog_tail(g, 100), "token *** refused\nagain ***");
	errlog_note(g, "started with hunter2hunter2");
	errlog_flush(g);
	ck_assert_str_eq(ring(0).text, "token *** refused|started with ***|again ***|");
	ck_assert_int_eq(logged("hunter2"), 0);
}
END_TEST

START_TEST(a_secret_is_found_where_a_long_line_is_cut)
{
	log_redact_add("hunter2hunter2");
	char text[20000];
	for (size_t at = 8180; at < 8200; at += 3) {
		memset(text, 'x', sizeof(text));
		memcpy(text + at, "hunter2hunter2", 14);
		text[sizeof(text) - 1] = '\n';
		errlog_begin(g);
		errlog_feed(g, text, sizeof(text));
		const char *tail = errlog_tail(g, 100000);
		ck_assert_ptr_null(strstr(tail, "unter2hunter"));
		ck_assert_ptr_null(strstr(tail, "hunter"));
		ck_assert_ptr_null(strstr(tail, "ter2"));
	}
}
END_TEST

START_TEST(a_secret_longer_than_a_piece_of_a_line_leaves_nothing)
{
	struct buf b = { 0 };
	for (int i = 0; b.len < 100000; i++)
		ck_assert_int_eq(buf_addf(&b, "<%06d>", i), 0);
	log_redact_add(b.data);
	static char filler[9000];
	memset(filler, 'x', sizeof(filler));
	for (size_t before = 0; before < sizeof(filler); before += 299) {
		errlog_begin(g);
		errlog_feed(g, filler, before);
		for (size_t at = 0; at < b.len; at += 4096)
			errlog_feed(g, b.data + at, b.len - at < 4096 ? b.len - at : 4096);
		errlog_feed(g, "\n", 1);
		ck_assert_ptr_null(strpbrk(errlog_tail(g, 1000000), "<>0123456789"));
	}
	buf_done(&b);
}
END_TEST

START_TEST(long_lines_become_several_and_lose_nothing)
{
	size_t size = 100000;
	char *text = malloc(size);
	memset(text, 'x', size);
	errlog_feed(g, text, size);
	errlog_flush(g);
	struct seen s = ring(0);
	ck_assert_uint_le(s.longest, 12 * 1024);
	ck_assert_uint_ge(s.n, 8);
	const char *tail = errlog_tail(g, 2 * size);
	size_t count = 0;
	for (const char *p = tail; *p; p++)
		count += *p == 'x';
	ck_assert_uint_eq(count, size);
	free(text);
}
END_TEST

START_TEST(the_ring_keeps_the_newest_256_kib)
{
	char line[201];
	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "%0199d\n", i);
		feed(line);
	}
	struct seen s = ring(0);
	ck_assert_uint_eq(s.last, 5000);
	ck_assert_uint_le(s.n, 256 * 1024 / 200);
	ck_assert_uint_ge(s.n, 256 * 1024 / 200 * 3 / 4);
	ck_assert_uint_eq(s.first, 5000 - s.n + 1);
	s = ring(1);
	ck_assert_uint_eq(s.first, 5000);
}
END_TEST

START_TEST(a_flood_reaches_the_ring_but_not_the_log_and_is_told_of_once)
{
	for (int i = 0; i < 1000; i++)
		feed("flood\n");
	ck_assert_uint_eq(ring(0).n, 1000);
	ck_assert_int_eq(logged("stderr: flood"), 200);
	ck_assert_int_eq(logged("not shown"), 0);
	now_ms += 5000;
	loop_round(loop, false);
	ck_assert_int_eq(
		logged("… 800 more lines of stderr in 5.0 s not shown; mcpctl logs github\n"), 1);
	now_ms += 5000;
	loop_round(loop, false);
	ck_assert_int_eq(logged("not shown"), 1);
	for (int i = 0; i < 1000; i++)
		feed("again\n");
	ck_assert_int_eq(logged("stderr: again"), 200);
	now_ms += 1000;
	for (int i = 0; i < 1000; i++)
		feed("later\n");
	ck_assert_int_eq(logged("stderr: later"), 50);
}
END_TEST

START_TEST(a_count_that_did_not_get_through_is_not_lost)
{
	int end[2];
	ck_assert_int_eq(pipe(end), 0);
	log_open(end[1]);
	for (int i = 0; i < 1000; i++)
		feed("flood\n");
	char full[65536] = { 0 }; /* the rest of the pipe: all later lines are dropped */
	ck_assert_int_eq(fcntl(end[1], F_SETFL, O_NONBLOCK), 0);
	while (write(end[1], full, sizeof(full)) > 0 || write(end[1], full, 1) > 0)
		;
	now_ms += 5000;
	loop_round(loop, false);
	feed("one more\n"); /* 200 at once again, so it is dropped as a line of the log */
	log_open(fileno(sink));
	ck_assert_int_eq(logged("not shown"), 0);
	now_ms += 5000;
	loop_round(loop, false);
	ck_assert_int_eq(logged("… 800 more lines of stderr in 10.0 s not shown"), 1);
	close(end[0]);
	close(end[1]);
}
END_TEST

static void hear(void *ctx)
{
	++*(int *)ctx;
}

START_TEST(who_follows_hears_of_every_line_and_reads_it_once)
{
	struct seen s = { 0 };
	int heard = 0;
	feed("before\n");
	struct errlog_cursor c = errlog_last(g, 0);
	errlog_on_line(g, hear, &heard);
	ck_assert(!errlog_has_next(g, &c));
	feed("a\nb\nc");
	ck_assert(errlog_has_next(g, &c));
	ck_assert_uint_eq(read_on(&c, &s), 0);
	errlog_note(g, "note");
	ck_assert_uint_eq(read_on(&c, &s), 0);
	ck_assert_str_eq(s.text, "a|b|note|");
	ck_assert_uint_eq(s.first, 2);
	ck_assert_int_eq(heard, 3);
	errlog_on_line(g, NULL, NULL);
	feed("d\n");
	ck_assert_int_eq(heard, 3);
}
END_TEST

START_TEST(a_reader_that_is_too_slow_is_told_how_much_it_lost)
{
	struct seen s = { 0 };
	feed("first\n");
	struct errlog_cursor slow = errlog_last(g, SIZE_MAX);
	uint64_t lost = 0;
	for (unsigned i = 0; i < 100000; i++) {
		feed("one of very many lines\n");
		if (i % 30000 == 0) /* more than the ring holds */
			lost += read_on(&slow, &s);
	}
	lost += read_on(&slow, &s);
	ck_assert_uint_gt(lost, 100000 / 2);
	ck_assert_uint_eq(s.n + lost, 100001);
	ck_assert_uint_eq(s.last, 100001);
}
END_TEST

START_TEST(foreign_bytes_cannot_end_a_line_early)
{
	errlog_feed(g, "a\0b\nc\x1b[31m\n", 11);
	ck_assert_str_eq(ring(0).text, "a?b|c\x1b[31m|");
	ck_assert_int_eq(logged("\x1b"), 0);
}
END_TEST

Suite *suite_stdio_errlog(void);
Suite *suite_stdio_errlog(void)
{
	Suite *s = suite_create("stdio_errlog");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, half_lines_wait_for_their_end);
	tcase_add_test(c, our_own_lines_are_in_the_ring_only_and_not_in_the_tail);
	tcase_add_test(c, the_tail_is_of_this_process_and_begins_with_a_whole_character);
	tcase_add_test(c, secrets_are_in_neither_the_ring_nor_the_log_nor_the_tail);
	tcase_add_test(c, a_secret_is_found_where_a_long_line_is_cut);
	tcase_add_test(c, a_secret_longer_than_a_piece_of_a_line_leaves_nothing);
	tcase_add_test(c, long_lines_become_several_and_lose_nothing);
	tcase_add_test(c, the_ring_keeps_the_newest_256_kib);
	tcase_add_test(c, a_flood_reaches_the_ring_but_not_the_log_and_is_told_of_once);
	tcase_add_test(c, who_follows_hears_of_every_line_and_reads_it_once);
	tcase_add_test(c, a_reader_that_is_too_slow_is_told_how_much_it_lost);
	tcase_add_test(c, a_count_that_did_not_get_through_is_not_lost);
	tcase_add_test(c, foreign_bytes_cannot_end_a_line_early);
	suite_add_tcase(s, c);
	return s;
}
