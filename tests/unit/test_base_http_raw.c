/* SPDX-License-Identifier: MIT */
#include "base/http.h"

#include "base/err.h"
#include "tests/unit/scripted.h"

static struct loop *l;
static struct http *h;
static struct scripted srv;
static struct http_endpoint ep;
static struct http_raw *raw;
static int opened, open_code, raw_end, raw_bytes;
static struct buf raw_in;

static void ignore(struct scripted_conn *c, const char *line, const char *all)
{
	(void)c;
	(void)line;
	(void)all;
}

static void setup(void)
{
	l = loop_new(NULL);
	h = http_new(l, "mcpinit/1", NULL);
	ck_assert_ptr_nonnull(h);
	scripted_start(&srv, l, ignore, NULL);
	ep = (struct http_endpoint){ .unix_path = srv.path, .base_url = "http://localhost" };
}

static void teardown(void)
{
	http_free(h);
	scripted_done(&srv);
	loop_free(l);
	buf_done(&raw_in);
}

static void on_open(void *ctx, const struct err *e)
{
	(void)ctx;
	opened++;
	open_code = e ? e->code : 0;
	if (!e)
		ck_assert_int_eq(http_raw_want(raw, LOOP_IN), 0);
	else
		http_raw_close(raw); /* harmless: it goes by itself */
}

static void on_ready(void *ctx, unsigned ready)
{
	(void)ctx;
	(void)ready;
	char bytes[64];
	ssize_t n;
	while ((n = http_raw_read(raw, bytes, sizeof(bytes))) > 0) {
		ck_assert_int_eq(buf_add(&raw_in, bytes, (size_t)n), 0);
		raw_bytes = (int)raw_in.len;
	}
	if (n == -EAGAIN)
		return;
	raw_end++;
	http_raw_close(raw); /* from its own callback */
}

static const struct http_raw_params rp = {
	.endpoint = &ep,
	.deadline_ms = 1000,
	.on_open = on_open,
	.on_ready = on_ready,
};

START_TEST(a_raw_connection_carries_bytes_both_ways_and_half_closes)
{
	raw = http_raw_open(h, &rp, NULL);
	ck_assert_ptr_nonnull(raw);
	ck_assert_int_eq(opened, 0);
	scripted_until(l, &opened, 1);
	ck_assert_int_eq(open_code, 0);
	scripted_for(l, 10);
	srv.conns[0].is_raw = true;
	ck_assert_int_eq(http_raw_write(raw, "ping", 4), 4);
	ck_assert_int_eq(http_raw_shut(raw), 0);
	scripted_for(l, 20);
	ck_assert_str_eq(buf_str(&srv.conns[0].raw), "ping");
	ck_assert(srv.conns[0].is_raw_over);
	scripted_say(&srv.conns[0], "pong");
	scripted_until(l, &raw_bytes, 4);
	ck_assert_str_eq(raw_in.data, "pong");
	scripted_close(&srv.conns[0]);
	scripted_until(l, &raw_end, 1);
}
END_TEST

START_TEST(a_raw_connection_that_cannot_be_made_says_so_once)
{
	scripted_stop(&srv);
	raw = http_raw_open(h, &rp, NULL);
	scripted_until(l, &opened, 1);
	ck_assert_int_eq(open_code, -ENOENT);
	scripted_for(l, 20);
	ck_assert_int_eq(opened, 1);
}
END_TEST

START_TEST(an_open_connection_does_not_outlive_its_owner)
{
	raw = http_raw_open(h, &rp, NULL);
	scripted_until(l, &opened, 1);
	scripted_for(l, 10);
	srv.conns[0].is_raw = true;
	http_free(h);
	h = NULL;
	scripted_for(l, 10);
	ck_assert(srv.conns[0].is_raw_over);
	ck_assert_int_eq(raw_end, 0);
}
END_TEST

Suite *suite_base_http_raw(void);
Suite *suite_base_http_raw(void)
{
	Suite *s = suite_create("base_http_raw");
	TCase *tc = tcase_create("raw");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_raw_connection_carries_bytes_both_ways_and_half_closes);
	tcase_add_test(tc, a_raw_connection_that_cannot_be_made_says_so_once);
	tcase_add_test(tc, an_open_connection_does_not_outlive_its_owner);
	suite_add_tcase(s, tc);
	return s;
}
