/* SPDX-License-Identifier: MIT */
#include "tests/unit/chan_rig.h"

/* A pipe whose readers do as told. */
struct fake {
	struct stream base;
	char taken[256]; /* written, and not read yet */
	size_t len;
	size_t stolen; /* what a new reader takes while we take back */
};

static ssize_t fake_read(struct stream *s, void *buf, size_t n)
{
	(void)s;
	(void)buf;
	(void)n;
	return -EAGAIN;
}

static ssize_t fake_write(struct stream *s, const void *buf, size_t n)
{
	struct fake *f = (struct fake *)s;
	memcpy(f->taken + f->len, buf, n);
	f->len += n;
	return (ssize_t)n;
}

static int fake_want(struct stream *s, unsigned events)
{
	(void)s;
	(void)events;
	return 0;
}

static size_t fake_unread(struct stream *s)
{
	return ((struct fake *)s)->len;
}

static ssize_t fake_takeback(struct stream *s, void *buf, size_t n)
{
	struct fake *f = (struct fake *)s;
	size_t left = n - f->stolen;
	memcpy(buf, f->taken + f->stolen, left);
	f->len = f->stolen = 0;
	return (ssize_t)left;
}

static void fake_free(struct stream *s)
{
	(void)s;
}

static const struct stream_ops fake_ops = {
	.read = fake_read,
	.write = fake_write,
	.want = fake_want,
	.takeback = fake_takeback,
	.unread = fake_unread,
	.free = fake_free,
};

START_TEST(a_reader_who_comes_during_the_take_back_gets_the_rest_of_what_it_began)
{
	struct fake f = { .base = { .ops = &fake_ops, .reopens = true } };
	struct end n = { .fd = -1 };
	open_chan(&n, &f.base, 100);
	f.base.fn(f.base.ctx, STREAM_READER_CAME);
	send_text(&n, "first");
	send_text(&n, "second");
	f.stolen = 3; /* "fir" */
	f.base.fn(f.base.ctx, STREAM_READER_GONE);
	ck_assert_uint_eq(chan_queued(n.c), 10);
	f.base.fn(f.base.ctx, STREAM_READER_CAME);
	ck_assert_uint_eq(f.len, 10);
	ck_assert(memcmp(f.taken, "st\nsecond\n", 10) == 0);
	/* And when that one has gone too, its half line is dropped like any other. */
	memmove(f.taken, f.taken + 1, --f.len);
	f.base.fn(f.base.ctx, STREAM_READER_GONE);
	ck_assert_uint_eq(chan_queued(n.c), 7);
	chan_free(n.c);
}
END_TEST

Suite *suite_stdio_chan_takeback(void);
Suite *suite_stdio_chan_takeback(void)
{
	Suite *s = suite_create("stdio_chan_takeback");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, chan_setup, chan_teardown);
	tcase_add_test(c, a_reader_who_comes_during_the_take_back_gets_the_rest_of_what_it_began);
	suite_add_tcase(s, c);
	return s;
}
