/* SPDX-License-Identifier: MIT */
#include "base/sink.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fills the sink until it takes no more; a sink that blocks is ended by Check's timeout. */
static size_t fill(struct sink *s)
{
	char piece[3000];
	memset(piece, 'x', sizeof(piece));
	size_t sum = 0;
	for (;;) {
		ssize_t n = sink_write(s, piece, sizeof(piece));
		if (n < 0) {
			ck_assert_int_eq(n, -EAGAIN);
			return sum;
		}
		sum += (size_t)n;
	}
}

START_TEST(a_full_pipe_is_not_waited_for_and_keeps_its_flags)
{
	int p[2];
	ck_assert_int_eq(fd_pipe(p, -1), 0);
	int before = fcntl(p[1], F_GETFL);
	struct sink s;
	sink_open(&s, p[1]);
	ck_assert_int_eq(s.way, SINK_OWN);
	ck_assert_uint_gt(fill(&s), 4096);
	ck_assert_int_eq(fcntl(p[1], F_GETFL), before);
	sink_close(&s);
	ck_assert_int_ge(fcntl(p[1], F_GETFD), 0);
	close(p[0]);
	close(p[1]);
}
END_TEST

START_TEST(a_full_pipe_is_not_waited_for_where_it_cannot_be_opened_again)
{
	enum sink_way way = _i ? SINK_POLL : SINK_NOWAIT;
	int p[2];
	ck_assert_int_eq(fd_pipe(p, -1), 0);
	struct sink s = { .fd = p[1], .own_fd = -1, .way = way };
	ck_assert_uint_gt(fill(&s), 4096);
	ck_assert_int_eq(sink_fd(&s), p[1]);
	sink_close(&s);
	close(p[0]);
	close(p[1]);
}
END_TEST

START_TEST(a_full_socket_is_not_waited_for_and_keeps_its_flags)
{
	int p[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p), 0);
	int before = fcntl(p[1], F_GETFL);
	struct sink s;
	sink_open(&s, p[1]);
	ck_assert_int_eq(s.way, SINK_SOCKET);
	ck_assert_uint_gt(fill(&s), 4096);
	ck_assert_int_eq(fcntl(p[1], F_GETFL), before);
	sink_close(&s);
	close(p[0]);
	close(p[1]);
}
END_TEST

START_TEST(a_reader_that_went_away_is_an_error_not_a_wait)
{
	signal(SIGPIPE, SIG_IGN);
	int p[2];
	ck_assert_int_eq(fd_pipe(p, -1), 0);
	close(p[0]);
	struct sink own, polled = { .fd = p[1], .own_fd = -1, .way = SINK_POLL };
	sink_open(&own, p[1]);
	ck_assert_int_eq(sink_write(&own, "x", 1), -EPIPE);
	ck_assert_int_eq(sink_write(&polled, "x", 1), -EPIPE);
	sink_close(&own);
	close(p[1]);
}
END_TEST

START_TEST(a_regular_file_takes_everything)
{
	char path[] = "/tmp/sink.XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	struct sink s;
	sink_open(&s, fd);
	ck_assert_int_eq(s.way, SINK_PLAIN);
	ck_assert_int_eq(sink_write(&s, "hello", 5), 5);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 5);
	sink_close(&s);
	close(fd);
	unlink(path);
}
END_TEST

Suite *suite_base_sink(void);
Suite *suite_base_sink(void)
{
	Suite *s = suite_create("base_sink");
	TCase *c = tcase_create("all");
	tcase_add_test(c, a_full_pipe_is_not_waited_for_and_keeps_its_flags);
	tcase_add_loop_test(c, a_full_pipe_is_not_waited_for_where_it_cannot_be_opened_again, 0, 2);
	tcase_add_test(c, a_full_socket_is_not_waited_for_and_keeps_its_flags);
	tcase_add_test(c, a_reader_that_went_away_is_an_error_not_a_wait);
	tcase_add_test(c, a_regular_file_takes_everything);
	suite_add_tcase(s, c);
	return s;
}
