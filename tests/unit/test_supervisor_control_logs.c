/* SPDX-License-Identifier: MIT */
#include "tests/unit/control_rig.h"

#include "base/buf.h"
#include "stdio/errlog.h"

#include <cjson/cJSON.h>

#define FOLLOW ASK("logs", "{\"server\":\"fs\",\"lines\":0,\"follow\":true}")

/* What a follower has read so far. */
struct follower {
	int fd;
	struct buf half;
	uint64_t n_lines, n_lost, last; /* last: number in the text of a line */
	unsigned n_marks;
};

static void take_note(struct follower *f, const char *line, size_t len)
{
	cJSON *note = wire_read_note(line, len, "line");
	if (!note) {
		note = wire_read_note(line, len, "lost");
		ck_assert_msg(note != NULL, "%.*s", (int)len, line);
		uint64_t lost = (uint64_t)cJSON_GetNumberValue(cJSON_GetObjectItem(note, "lines"));
		f->n_lost += lost;
		f->last += lost;
		f->n_marks++;
	} else {
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(note, "text"));
		ck_assert_uint_eq(strtoull(text, NULL, 10),
				  ++f->last); /* in order, no gap unmarked */
		f->n_lines++;
	}
	cJSON_Delete(note);
}

/* Reads what is there. */
static void read_on(struct follower *f)
{
	char bytes[65536];
	ssize_t n;
	while ((n = recv(f->fd, bytes, sizeof(bytes), 0)) > 0)
		ck_assert_int_eq(buf_add(&f->half, bytes, (size_t)n), 0);
	ck_assert_int_eq(n, -1); /* not ended */
	char *end;
	while (f->half.len && (end = memchr(f->half.data, '\n', f->half.len))) {
		size_t len = (size_t)(end - f->half.data);
		take_note(f, f->half.data, len);
		buf_drop(&f->half, len + 1);
	}
}

static void log_lines(unsigned from, unsigned to)
{
	char line[64];
	for (; from <= to; from++) {
		int n = snprintf(line, sizeof(line), "%u \"quoted\" \xff\n", from);
		errlog_feed(server_errlog(fs()), line, (size_t)n);
	}
}

START_TEST(who_reads_in_time_gets_every_line_of_a_flood)
{
	struct follower f = { .fd = dial(operator_path) };
	say(f.fd, FOLLOW);
	for (unsigned i = 0; i < 100000; i += 1000) {
		log_lines(i + 1, i + 1000);
		rounds();
		read_on(&f);
	}
	rounds();
	read_on(&f);
	ck_assert_uint_eq(f.n_lines, 100000);
	ck_assert_uint_eq(f.n_marks, 0);
	close(f.fd);
	buf_done(&f.half);
}
END_TEST

static size_t unsent(void)
{
	size_t n = 0;
	for (struct ctl_client *c = operator_clients(); c; c = c->next)
		n += c->out.cap;
	return n;
}

START_TEST(who_does_not_read_is_kept_costs_nothing_and_is_told_what_it_lost)
{
	struct follower slow = { .fd = dial(operator_path) }, quick = { .fd = dial(operator_path) };
	say(slow.fd, FOLLOW);
	say(quick.fd, FOLLOW);
	for (unsigned i = 0; i < 200000; i += 1000) {
		log_lines(i + 1, i + 1000);
		rounds();
		read_on(&quick);
		ck_assert_uint_lt(unsent(), 128 * 1024);
	}
	ck_assert_uint_eq(quick.n_lines, 200000);
	/* Reading at last: what the socket held, one gap, what the ring holds. */
	for (int i = 0; i < 100; i++) {
		rounds();
		read_on(&slow);
	}
	ck_assert_uint_eq(slow.last, 200000);
	ck_assert_uint_eq(slow.n_lines + slow.n_lost, 200000);
	ck_assert_uint_gt(slow.n_lines, 2000);
	ck_assert_uint_eq(slow.n_marks, 1);
	log_lines(200001, 200001);
	rounds();
	read_on(&slow);
	ck_assert_uint_eq(slow.last, 200001);
	ck_assert_uint_eq(slow.n_marks, 1);
	close(slow.fd);
	close(quick.fd);
	buf_done(&slow.half);
	buf_done(&quick.half);
}
END_TEST

START_TEST(a_full_ring_is_shown_whole_and_the_next_request_is_served)
{
	int fd = dial(operator_path);
	for (int i = 0; i < 100000; i++)
		errlog_feed(server_errlog(fs()), "x\n", 2); /* as many lines as it can hold */
	say(fd, ASK("logs", "{\"server\":\"fs\"}") ASK("endpoint", "{\"server\":\"fs\"}"));
	size_t n = 0;
	const char *text = "";
	for (int i = 0; i < 1000 && !strstr(text, "fs/in"); i++) {
		text = hear(fd);
		for (const char *p = text; (p = strchr(p, '\n')); p++)
			n++;
		rounds();
	}
	assert_has(text, "\"result\":{}");
	assert_has(text, "fs/in");
	ck_assert_uint_gt(n, 256 * 1024 / 3 * 7 / 8);
	close(fd);
}
END_TEST

START_TEST(what_came_after_the_question_is_neither_shown_nor_counted)
{
	struct follower f = { .fd = dial(operator_path) };
	log_lines(1, 15000);
	/* More than a socket takes at once: the rest waits in the ring, and is overwritten there. */
	say(f.fd, ASK("logs", "{\"server\":\"fs\"}"));
	uint64_t held = errlog_last(server_errlog(fs()), SIZE_MAX).seq;
	log_lines(15001, 60000);
	struct buf all = { 0 };
	for (int i = 0; i < 100; i++) {
		char bytes[65536];
		ssize_t n = recv(f.fd, bytes, sizeof(bytes), 0);
		ck_assert(n < 0 || buf_add(&all, bytes, (size_t)n) == 0);
		rounds();
	}
	char *line = all.data, *end;
	f.last = held - 1;
	for (; (end = strchr(line, '\n')) && end[1]; line = end + 1)
		take_note(&f, line, (size_t)(end - line));
	assert_has(line, "\"result\":{}");
	ck_assert_uint_gt(f.n_lost, 0);
	ck_assert_uint_eq(f.last, 15000);
	close(f.fd);
	buf_done(&all);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_still_json)
{
	errlog_feed(server_errlog(fs()), "\xff\x01\"\\\n", 5);
	expect(operator_path, ASK("logs", "{\"server\":\"fs\"}"),
	       "\"text\":\"\xef\xbf\xbd\\u0001\\\"\\\\\"");
}
END_TEST

START_TEST(a_follower_that_leaves_is_forgotten)
{
	int fd = dial(operator_path);
	say(fd, FOLLOW "more bytes that nobody reads");
	close(fd);
	log_lines(1, 100);
	rounds();
	ck_assert_ptr_null(operator_clients());
	log_lines(1, 100);
	rounds();
}
END_TEST

START_TEST(who_follows_or_waits_for_a_server_that_goes_is_told)
{
	int follower = dial(operator_path), waiter = dial(planner_path),
	    other = dial(operator_path);
	say(follower, FOLLOW);
	say(waiter, ASK("wait", "{\"names\":[\"fs\"]}"));
	say(other, ASK("logs", "{\"server\":\"git\",\"follow\":true}"));
	control_server_gone(sv.control, fs());
	rounds();
	const char *text = hear(follower);
	assert_has(text, "\"id\":1");
	assert_has(text, "server fs is no longer in the configuration");
	assert_has(hear(waiter), "server fs is no longer in the configuration");
	/* Both may go on; nobody else has noticed. */
	say(follower, ASK("endpoint", "{\"server\":\"git\"}"));
	assert_has(hear(follower), "git/in");
	errlog_note(server_errlog(supervisor_find(&sv, "git")), "of git");
	errlog_note(server_errlog(fs()), "of fs");
	rounds();
	assert_has(hear(other), "of git");
	ck_assert_str_eq(hear(follower), "");
	close(follower);
	close(waiter);
	close(other);
}
END_TEST

/* In one round, and then the time of the wait may be over, too. */
START_TEST(a_client_that_hangs_up_does_not_look_at_a_server_that_goes)
{
	int fd = dial(operator_path);
	say(fd, ASK("wait", "{\"names\":[\"git\"],\"timeout_ms\":60000}"));
	close(fd);
	struct ctl_client *c = operator_clients();
	ck_assert_ptr_nonnull(c);
	ctl_drop(c);
	ck_assert_ptr_null(c->wait);
	ck_assert_str_eq(server_name(sv.servers[1]), "git");
	control_server_gone(sv.control, sv.servers[1]);
	server_free(sv.servers[--sv.n_servers]);
	rounds();
	ck_assert_ptr_null(operator_clients());
}
END_TEST

START_TEST(a_wait_for_all_goes_on_without_a_server_that_goes)
{
	int fd = dial(operator_path);
	supervisor_find(&sv, "git")->state = SRV_RUNNING;
	fs()->state = SRV_STARTING;
	say(fd, ASK("wait", "{}"));
	ck_assert_str_eq(hear(fd), "");
	control_server_gone(sv.control, fs());
	rounds();
	const char *text = hear(fd);
	assert_has(text, "\"name\":\"git\",\"is_done\":true");
	ck_assert_ptr_null(strstr(text, "\"fs\""));
	close(fd);
	supervisor_find(&sv, "git")->state = fs()->state = SRV_STOPPED;
}
END_TEST

Suite *suite_supervisor_control_logs(void);
Suite *suite_supervisor_control_logs(void)
{
	Suite *s = suite_create("supervisor_control_logs");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, open_all, close_all);
	tcase_set_timeout(c, 30);
	tcase_add_test(c, who_reads_in_time_gets_every_line_of_a_flood);
	tcase_add_test(c, who_does_not_read_is_kept_costs_nothing_and_is_told_what_it_lost);
	tcase_add_test(c, a_full_ring_is_shown_whole_and_the_next_request_is_served);
	tcase_add_test(c, what_came_after_the_question_is_neither_shown_nor_counted);
	tcase_add_test(c, bytes_that_are_no_text_are_still_json);
	tcase_add_test(c, a_follower_that_leaves_is_forgotten);
	tcase_add_test(c, who_follows_or_waits_for_a_server_that_goes_is_told);
	tcase_add_test(c, a_client_that_hangs_up_does_not_look_at_a_server_that_goes);
	tcase_add_test(c, a_wait_for_all_goes_on_without_a_server_that_goes);
	suite_add_tcase(s, c);
	return s;
}
