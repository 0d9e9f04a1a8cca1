/* SPDX-License-Identifier: MIT */
#include "docker/frames.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct seen {
	char text[3][256];
	size_t len[3];
	const char *first; /* where the first span lay */
	int spans;
};

static void on_span(void *ctx, int stream, const char *bytes, size_t n)
{
	struct seen *s = ctx;
	ck_assert(n > 0);
	if (s->spans++ == 0)
		s->first = bytes;
	memcpy(s->text[stream] + s->len[stream], bytes, n);
	s->len[stream] += n;
}

static size_t put(char *at, int stream, const char *text)
{
	size_t n = strlen(text);
	const char header[FRAMES_HEADER] = { (char)stream, 0, 0, 0, 0, 0, 0, (char)n };
	memcpy(at, header, sizeof(header));
	memcpy(at + sizeof(header), text, n);
	return sizeof(header) + n;
}

/* Three frames, one of them empty. */
static size_t sample(char *at)
{
	size_t n = put(at, FRAMES_STDOUT, "hello");
	n += put(at + n, FRAMES_STDERR, "");
	n += put(at + n, FRAMES_STDERR, "oops");
	return n + put(at + n, FRAMES_STDOUT, " world");
}

START_TEST(streams_are_told_apart_and_headers_taken_off)
{
	char in[256];
	size_t n = sample(in);
	struct frames f;
	struct seen s = { 0 };
	frames_init(&f);
	ck_assert_int_eq(frames_feed(&f, in, n, on_span, &s), 0);
	ck_assert_str_eq(s.text[FRAMES_STDOUT], "hello world");
	ck_assert_str_eq(s.text[FRAMES_STDERR], "oops");
	ck_assert_ptr_eq(s.first, in + FRAMES_HEADER); /* not copied */
	ck_assert_int_eq(s.spans, 3);
}
END_TEST

START_TEST(a_header_may_be_split_anywhere)
{
	char in[256];
	size_t n = sample(in);
	for (size_t cut = 0; cut <= n; cut++) {
		struct frames f;
		struct seen s = { 0 };
		frames_init(&f);
		ck_assert_int_eq(frames_feed(&f, in, cut, on_span, &s), 0);
		ck_assert_int_eq(frames_feed(&f, in + cut, n - cut, on_span, &s), 0);
		ck_assert_str_eq(s.text[FRAMES_STDOUT], "hello world");
		ck_assert_str_eq(s.text[FRAMES_STDERR], "oops");
	}
}
END_TEST

START_TEST(bytes_one_by_one_give_the_same)
{
	char in[256];
	size_t n = sample(in);
	struct frames f;
	struct seen s = { 0 };
	frames_init(&f);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(frames_feed(&f, in + i, 1, on_span, &s), 0);
	ck_assert_str_eq(s.text[FRAMES_STDOUT], "hello world");
	ck_assert_str_eq(s.text[FRAMES_STDERR], "oops");
}
END_TEST

START_TEST(a_length_above_2_gib_is_read_unsigned)
{
	const char header[FRAMES_HEADER] = { 1,		 0,	     0,		 0,
					     (char)0xff, (char)0xff, (char)0xff, (char)0xff };
	struct frames f;
	struct seen s = { 0 };
	frames_init(&f);
	ck_assert_int_eq(frames_feed(&f, header, sizeof(header), on_span, &s), 0);
	ck_assert_uint_eq(f.left, UINT32_MAX);
	ck_assert_int_eq(frames_feed(&f, "abc", 3, on_span, &s), 0);
	ck_assert_uint_eq(f.left, UINT32_MAX - 3);
}
END_TEST

static const char bad_headers[][FRAMES_HEADER + 1] = {
	{ 0, 0, 0, 0, 0, 0, 0, 1, 'x' }, /* stdin */
	{ 3, 0, 0, 0, 0, 0, 0, 1, 'x' },
	{ 1, 1, 0, 0, 0, 0, 0, 1, 'x' },
	{ 1, 0, 1, 0, 0, 0, 0, 1, 'x' },
	{ 1, 0, 0, 1, 0, 0, 0, 1, 'x' },
	{ '{', '"', 'j', 's', 'o', 'n', '"', ':', '1' }, /* a Tty container: no frames at all */
};

START_TEST(what_is_no_header_is_refused_for_good)
{
	struct frames f;
	struct seen s = { 0 };
	frames_init(&f);
	char good[32];
	size_t n = put(good, FRAMES_STDOUT, "ok");
	ck_assert_int_eq(frames_feed(&f, good, n, on_span, &s), 0);
	ck_assert_int_eq(frames_feed(&f, bad_headers[_i], 9, on_span, &s), -EPROTO);
	ck_assert_int_eq(frames_feed(&f, good, n, on_span, &s), -EPROTO);
	ck_assert_int_eq(s.spans, 1);
}
END_TEST

Suite *suite_docker_frames(void);
Suite *suite_docker_frames(void)
{
	Suite *s = suite_create("docker_frames");
	TCase *c = tcase_create("all");
	tcase_add_test(c, streams_are_told_apart_and_headers_taken_off);
	tcase_add_test(c, a_header_may_be_split_anywhere);
	tcase_add_test(c, bytes_one_by_one_give_the_same);
	tcase_add_test(c, a_length_above_2_gib_is_read_unsigned);
	tcase_add_loop_test(c, what_is_no_header_is_refused_for_good, 0,
			    (int)(sizeof(bad_headers) / sizeof(bad_headers[0])));
	suite_add_tcase(s, c);
	return s;
}
