/* SPDX-License-Identifier: MIT */
#include "base/http.h"

#include "base/err.h"
#include "tests/unit/scripted.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <time.h>

enum { SILENT_MS = 3000 };

/* Before libc's: a name server that says nothing. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	union {
		void *found;
		int (*call)(const char *, const char *, const struct addrinfo *,
			    struct addrinfo **);
	} libc = { dlsym(RTLD_NEXT, "getaddrinfo") };
	if (!node || strcmp(node, "silent.invalid") != 0)
		return libc.call(node, service, hints, ret);
	const struct timespec pause = { .tv_sec = SILENT_MS / 1000 };
	(void)nanosleep(&pause, NULL);
	return EAI_AGAIN;
}

static struct loop *l;
static struct http *h;
static struct scripted srv;
static struct http_endpoint ep;

struct got {
	int heads, datas, dones;
	int status, code;
	struct buf body, data;
	char text[1024], header[64], seen[64];
	struct http_call *call, *other;
};
static struct got got;

static void on_head(void *ctx, int status)
{
	(void)ctx;
	got.heads++;
	got.status = status;
	(void)strcat(got.seen, "h");
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	(void)ctx;
	got.datas++;
	(void)buf_add(&got.data, bytes, n);
	(void)strcat(got.seen, "d");
}

static void on_done(void *ctx, const struct http_done *done)
{
	(void)ctx;
	got.dones++;
	got.status = done->status;
	got.code = done->e ? done->e->code : 0;
	(void)snprintf(got.text, sizeof(got.text), "%s", done->e ? done->e->text : "");
	(void)buf_add(&got.body, done->body, done->body_len);
	ck_assert_int_eq(done->body[done->body_len], '\0');
	(void)strcat(got.seen, "e");
}

static struct http_call *get(void (*data)(void *, const char *, size_t), int64_t deadline_ms,
			     int64_t idle_ms)
{
	const struct http_request rq = { .endpoint = &ep,
					 .method = "GET",
					 .path = "/x",
					 .deadline_ms = deadline_ms,
					 .idle_ms = idle_ms,
					 .max_body = 64,
					 .on_head = on_head,
					 .on_data = data,
					 .on_done = on_done };
	struct http_call *c = http_start(h, &rq, NULL);
	ck_assert_ptr_nonnull(c);
	return c;
}

static void serve(void (*on_request)(struct scripted_conn *c, const char *line, const char *all))
{
	srv.on_request = on_request;
}

static void say_hello(struct scripted_conn *c, const char *line, const char *all)
{
	(void)line;
	(void)all;
	scripted_answer(c, "200 OK", "hello");
}

static void setup(void)
{
	l = loop_new(NULL);
	h = http_new(l, "mcpinit/1", NULL);
	ck_assert_ptr_nonnull(h);
	scripted_start(&srv, l, say_hello, NULL);
	ep = (struct http_endpoint){ .unix_path = srv.path, .base_url = "http://localhost" };
	got = (struct got){ 0 };
}

static void teardown(void)
{
	http_free(h);
	scripted_done(&srv);
	loop_free(l);
	buf_done(&got.body);
	buf_done(&got.data);
}

START_TEST(an_answer_comes_whole_and_never_from_within_start)
{
	(void)get(NULL, 1000, 0);
	ck_assert_int_eq(got.heads + got.dones, 0);
	scripted_until(l, &got.dones, 1);
	ck_assert_str_eq(got.seen, "he");
	ck_assert_int_eq(got.status, 200);
	ck_assert_int_eq(got.code, 0);
	ck_assert_str_eq(buf_str(&got.body), "hello");
}
END_TEST

static char request[4096];

static void keep_request(struct scripted_conn *c, const char *line, const char *all)
{
	(void)line;
	(void)snprintf(request, sizeof(request), "%s", all);
	scripted_answer(c, "204 No Content", "");
}

START_TEST(a_request_says_what_was_asked_and_nothing_else)
{
	serve(keep_request);
	static const char *const headers[] = { "Content-Type: application/json", "X-A: b", NULL };
	const struct http_request rq = { .endpoint = &ep,
					 .method = "POST",
					 .path = "/a/../b?x=1",
					 .headers = headers,
					 .body = "{}",
					 .body_len = 2,
					 .deadline_ms = 1000,
					 .on_done = on_done };
	ck_assert_ptr_nonnull(http_start(h, &rq, NULL));
	scripted_until(l, &got.dones, 1);
	ck_assert_ptr_nonnull(strstr(request, "POST /a/../b?x=1 HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "User-Agent: mcpinit/1\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "Content-Type: application/json\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "X-A: b\r\n"));
	ck_assert_ptr_nonnull(strstr(request, "\r\n\r\n{}"));
	ck_assert_ptr_null(strstr(request, "Expect"));
}
END_TEST

START_TEST(a_post_without_body_has_length_zero_and_no_type)
{
	serve(keep_request);
	const struct http_request rq = { .endpoint = &ep,
					 .method = "POST",
					 .path = "/x",
					 .deadline_ms = 1000,
					 .on_done = on_done };
	ck_assert_ptr_nonnull(http_start(h, &rq, NULL));
	scripted_until(l, &got.dones, 1);
	ck_assert_ptr_nonnull(strstr(request, "Content-Length: 0\r\n"));
	ck_assert_ptr_null(strstr(request, "Content-Type"));
}
END_TEST

static void hold_body(struct scripted_conn *c, const char *line, const char *all)
{
	(void)line;
	(void)all;
	scripted_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

START_TEST(head_comes_before_the_body_and_pieces_as_they_come)
{
	serve(hold_body);
	(void)get(on_data, 0, 0);
	scripted_until(l, &got.heads, 1);
	ck_assert_int_eq(got.datas, 0);
	scripted_chunk(&srv.conns[0], "one ");
	scripted_until(l, &got.datas, 1);
	scripted_chunk(&srv.conns[0], "two");
	scripted_until(l, &got.datas, 2);
	scripted_say(&srv.conns[0], "0\r\n\r\n");
	scripted_until(l, &got.dones, 1);
	ck_assert_str_eq(got.data.data, "one two");
	ck_assert_str_eq(got.seen, "hdde");
	ck_assert_uint_eq(got.body.len, 0);
}
END_TEST

static void say_error(struct scripted_conn *c, const char *line, const char *all)
{
	(void)line;
	(void)all;
	scripted_answer(c, "404 Not Found", "no such thing");
}

START_TEST(the_body_of_an_error_is_collected_even_with_on_data)
{
	serve(say_error);
	(void)get(on_data, 1000, 0);
	scripted_until(l, &got.dones, 1);
	ck_assert_int_eq(got.datas, 0);
	ck_assert_int_eq(got.status, 404);
	ck_assert_str_eq(buf_str(&got.body), "no such thing");
}
END_TEST

START_TEST(a_cut_body_is_an_error)
{
	serve(hold_body);
	(void)get(NULL, 0, 0);
	scripted_until(l, &got.heads, 1);
	scripted_chunk(&srv.conns[0], "half");
	scripted_close(&srv.conns[0]);
	scripted_until(l, &got.dones, 1);
	ck_assert_int_eq(got.status, 200);
	ck_assert_int_eq(got.code, -ECONNRESET);
}
END_TEST

static void hang_up(struct scripted_conn *c, const char *line, const char *all)
{
	(void)line;
	(void)all;
	scripted_close(c);
}

START_TEST(no_answer_is_status_zero_and_an_error)
{
	serve(hang_up);
	(void)get(NULL, 1000, 0);
	scripted_until(l, &got.dones, 1);
	ck_assert_int_eq(got.status, 0);
	ck_assert_int_eq(got.code, -ECONNRESET);
}
END_TEST

START_TEST(a_missing_socket_and_a_dead_one_are_told_apart)
{
	scripted_stop(&srv);
	(void)get(NULL, 1000, 0);
	scripted_until(l, &got.dones, 1);
	ck_assert_int_eq(got.code, -ENOENT);
	ck_assert_ptr_nonnull(strstr(got.text, srv.path));
	scripted_listen(&srv);
	loop_io_free(srv.io);
	srv.io = NULL;
	(void)close(srv.fd);
	(void)get(NULL, 1000, 0);
	scripted_until(l, &got.dones, 2);
	ck_assert_int_eq(got.code, -ECONNREFUSED);
	(void)unlink(srv.path);
}
END_TEST

static void say_nothing(struct scripted_conn *c, const char *line, const char *all)
{
	(void)c;
	(void)line;
	(void)all;
}

START_TEST(a_deadline_ends_a_call_without_an_answer)
{
	serve(say_nothing);
	(void)get(NULL, 80, 0);
	scripted_until(l, &got.dones, 1);
	ck_assert_int_eq(got.code, -ETIMEDOUT);
	ck_assert_int_eq(got.status, 0);
}
END_TEST

START_TEST(idle_time_counts_from_the_last_byte)
{
	serve(hold_body);
	(void)get(on_data, 0, 150);
	scripted_until(l, &got.heads, 1);
	for (int i = 0; i < 4; i++) {
		scripted_for(l, 80);
		scripted_chunk(&srv.conns[0], "x");
	}
	ck_assert_int_eq(got.dones, 0);
	scripted_until(l, &got.dones, 1);
	ck_assert_int_eq(got.code, -ETIMEDOUT);
	ck_assert_str_eq(got.data.data, "xxxx");
}
END_TEST

static void say_much(struct scripted_conn *c, const char *line, const char *all)
{
	(void)line;
	(void)all;
	char body[100];
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	scripted_answer(c, "200 OK", body);
}

START_TEST(a_body_over_its_limit_is_an_error)
{
	serve(say_much);
	(void)get(NULL, 1000, 0);
	scripted_until(l, &got.dones, 1);
	ck_assert_int_eq(got.code, -EMSGSIZE);
}
END_TEST

START_TEST(a_cancelled_call_says_nothing_more)
{
	serve(hold_body);
	struct http_call *c = get(on_data, 0, 0);
	scripted_until(l, &got.heads, 1);
	http_cancel(c);
	scripted_for(l, 30);
	ck_assert_int_eq(got.dones, 0);
	ck_assert(!srv.conns[0].is_open);
}
END_TEST

static void cancel_all(void *ctx, int status)
{
	(void)ctx;
	(void)status;
	got.heads++;
	http_cancel(got.call);
	http_cancel(got.other);
}

START_TEST(a_call_that_looks_for_its_host_is_cancelled_at_once)
{
	ep = (struct http_endpoint){ .base_url = "http://silent.invalid" };
	struct http_call *c = get(NULL, 0, 0);
	scripted_for(l, 30); /* its look-up begins */
	int64_t began = clock_ms();
	http_cancel(c);
	ck_assert_int_lt(clock_ms() - began, SILENT_MS / 2);
	ck_assert_int_eq(got.dones, 0);
}
END_TEST

START_TEST(a_callback_may_cancel_its_own_call_and_others)
{
	const struct http_request rq = { .endpoint = &ep,
					 .method = "GET",
					 .path = "/x",
					 .deadline_ms = 1000,
					 .on_head = cancel_all,
					 .on_done = on_done };
	got.call = http_start(h, &rq, NULL);
	got.other = http_start(h, &rq, NULL);
	scripted_until(l, &got.heads, 1);
	scripted_for(l, 30);
	ck_assert_int_eq(got.heads, 1);
	ck_assert_int_eq(got.dones, 0);
}
END_TEST

static void start_again(void *ctx, const struct http_done *done)
{
	on_done(ctx, done);
	http_cancel(got.call); /* the one that ends: harmless */
	if (got.dones == 1)
		(void)get(NULL, 1000, 0);
}

START_TEST(a_callback_may_start_another_call_on_the_same_connection)
{
	const struct http_request rq = { .endpoint = &ep,
					 .method = "GET",
					 .path = "/x",
					 .deadline_ms = 1000,
					 .on_done = start_again };
	got.call = http_start(h, &rq, NULL);
	scripted_until(l, &got.dones, 2);
	ck_assert_uint_eq(srv.n_requests, 2);
	ck_assert_uint_eq(srv.n_conns, 1);
}
END_TEST

static void keep_header(void *ctx, const struct http_done *done)
{
	const char *value = http_header(got.call, "api-version");
	(void)snprintf(got.header, sizeof(got.header), "%s", value ? value : "");
	ck_assert_ptr_null(http_header(got.call, "X-Nothing"));
	on_done(ctx, done);
}

START_TEST(headers_are_found_whatever_their_case)
{
	const struct http_request rq = { .endpoint = &ep,
					 .method = "HEAD",
					 .path = "/x",
					 .deadline_ms = 1000,
					 .on_done = keep_header };
	got.call = http_start(h, &rq, NULL);
	scripted_until(l, &got.dones, 1);
	ck_assert_str_eq(got.header, "1.41");
}
END_TEST

START_TEST(sockets_are_close_on_exec)
{
	serve(hold_body);
	(void)get(on_data, 0, 0);
	scripted_until(l, &got.heads, 1);
	int found = 0;
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_un a;
		socklen_t n = sizeof(a);
		if (getpeername(fd, (struct sockaddr *)&a, &n) == 0 && n > sizeof(sa_family_t) &&
		    strcmp(a.sun_path, srv.path) == 0) {
			found++;
			ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		}
	}
	ck_assert_int_eq(found, 1);
}
END_TEST

START_TEST(freeing_everything_calls_nobody)
{
	serve(say_nothing);
	(void)get(NULL, 1000, 0);
	http_free(h);
	h = NULL;
	scripted_for(l, 20);
	ck_assert_int_eq(got.dones, 0);
}
END_TEST

Suite *suite_base_http(void);
Suite *suite_base_http(void)
{
	Suite *s = suite_create("base_http");
	TCase *tc = tcase_create("calls");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_answer_comes_whole_and_never_from_within_start);
	tcase_add_test(tc, a_request_says_what_was_asked_and_nothing_else);
	tcase_add_test(tc, a_post_without_body_has_length_zero_and_no_type);
	tcase_add_test(tc, head_comes_before_the_body_and_pieces_as_they_come);
	tcase_add_test(tc, the_body_of_an_error_is_collected_even_with_on_data);
	tcase_add_test(tc, a_cut_body_is_an_error);
	tcase_add_test(tc, no_answer_is_status_zero_and_an_error);
	tcase_add_test(tc, a_missing_socket_and_a_dead_one_are_told_apart);
	tcase_add_test(tc, a_deadline_ends_a_call_without_an_answer);
	tcase_add_test(tc, idle_time_counts_from_the_last_byte);
	tcase_add_test(tc, a_body_over_its_limit_is_an_error);
	tcase_add_test(tc, a_cancelled_call_says_nothing_more);
	tcase_add_test(tc, a_call_that_looks_for_its_host_is_cancelled_at_once);
	tcase_add_test(tc, a_callback_may_cancel_its_own_call_and_others);
	tcase_add_test(tc, a_callback_may_start_another_call_on_the_same_connection);
	tcase_add_test(tc, headers_are_found_whatever_their_case);
	tcase_add_test(tc, sockets_are_close_on_exec);
	tcase_add_test(tc, freeing_everything_calls_nobody);
	suite_add_tcase(s, tc);
	return s;
}
