/* SPDX-License-Identifier: MIT */
#include "health/probe_http.h"

#include "base/http.h"
#include "tests/unit/scripted.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>

static struct loop *loop;
static struct http *http;
static struct scripted srv;
static char host[64], asked[256], words[1024];
static const char *status;
static int done;
static bool is_well;

static void on_request(struct scripted_conn *c, const char *line, const char *all)
{
	(void)all;
	(void)snprintf(asked, sizeof(asked), "%s", line);
	if (status)
		scripted_say(c, status);
}

static void told(void *ctx, bool well, const char *text)
{
	(void)ctx;
	done++;
	is_well = well;
	(void)snprintf(words, sizeof(words), "%s", text);
}

/* scripted.h listens at a path, a URL names a port. */
static void listen_on_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	scripted_stop_listening(&srv);
	srv.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(srv.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(srv.fd, 8), 0);
	ck_assert_int_eq(getsockname(srv.fd, (struct sockaddr *)&a, &n), 0);
	srv.io = loop_io_new(loop, srv.fd, LOOP_IN, scripted_accept, &srv, NULL);
	(void)snprintf(host, sizeof(host), "http://127.0.0.1:%d", ntohs(a.sin_port));
}

static void set_up(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	loop = loop_new(NULL);
	http = http_new(loop, "mcpinit/test", NULL);
	scripted_start(&srv, loop, on_request, NULL);
	listen_on_port();
}

static void tear_down(void)
{
	http_free(http);
	scripted_done(&srv);
	loop_free(loop);
}

static struct probe_http *ask(const char *path)
{
	char url[128];
	struct err *none = NULL;
	(void)snprintf(url, sizeof(url), "%s%s", host, path);
	done = 0;
	struct probe_http *p = probe_http_new(http, url, told, NULL, none);
	ck_assert_ptr_nonnull(p);
	return p;
}

START_TEST(the_status_decides_and_the_body_is_not_waited_for)
{
	static const struct {
		const char *status, *words;
	} rows[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", "" },
		{ "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "" },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", "HTTP status 404" },
		{ "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "HTTP status 503" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		status = rows[i].status;
		(void)ask("/health?deep=1#part");
		scripted_until(loop, &done, 1);
		ck_assert_str_eq(words, rows[i].words);
		ck_assert(is_well == !*rows[i].words);
		ck_assert_str_eq(asked, "GET /health?deep=1");
	}
}
END_TEST

START_TEST(a_url_without_a_path_asks_for_the_root)
{
	status = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	(void)ask("");
	scripted_until(loop, &done, 1);
	ck_assert_str_eq(asked, "GET /");
	(void)ask("?a=b");
	scripted_until(loop, &done, 1);
	ck_assert_str_eq(asked, "GET /?a=b");
}
END_TEST

START_TEST(who_is_not_there_is_not_well)
{
	scripted_stop_listening(&srv);
	(void)ask("/");
	scripted_until(loop, &done, 1);
	ck_assert(!is_well);
	ck_assert_ptr_nonnull(strstr(words, "Connection refused"));
}
END_TEST

START_TEST(no_proxy_is_asked)
{
	status = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	(void)setenv("http_proxy", "http://127.0.0.1:1", 1);
	(void)ask("/");
	scripted_until(loop, &done, 1);
	ck_assert_str_eq(words, "");
	ck_assert(is_well);
	(void)unsetenv("http_proxy");
}
END_TEST

START_TEST(given_up_it_says_no_more)
{
	status = NULL; /* it hangs */
	struct probe_http *p = ask("/");
	scripted_for(loop, 20);
	probe_http_free(p);
	scripted_for(loop, 20);
	ck_assert_int_eq(done, 0);
}
END_TEST

Suite *suite_health_probe_http(void);
Suite *suite_health_probe_http(void)
{
	Suite *s = suite_create("health_probe_http");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 15);
	tcase_add_test(c, the_status_decides_and_the_body_is_not_waited_for);
	tcase_add_test(c, a_url_without_a_path_asks_for_the_root);
	tcase_add_test(c, who_is_not_there_is_not_well);
	tcase_add_test(c, no_proxy_is_asked);
	tcase_add_test(c, given_up_it_says_no_more);
	suite_add_tcase(s, c);
	return s;
}
