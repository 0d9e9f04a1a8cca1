/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/buf.h"
#include "base/fd.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUT_BYTES = 1 << 20 };

static int out_fd[2];
static char *out;

static void open_log(void)
{
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(fd_pipe(out_fd, 0), 0);
	out = calloc(1, OUT_BYTES + 1);
	log_open(out_fd[1]);
}

static void close_log(void)
{
	log_close();
	log_redact_clear();
	log_set(LOG_INFO, LOG_TEXT);
	close(out_fd[0]);
	close(out_fd[1]);
	free(out);
}

/* All that the pipe holds now, added behind what was read before. */
static const char *drain(void)
{
	size_t len = strlen(out);
	ssize_t n;
	while ((n = fd_read(out_fd[0], out + len, OUT_BYTES - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	return out;
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t re;
	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
	ck_assert_msg(regexec(&re, text, 0, NULL, 0) == 0, "'%s' does not match '%s'", text,
		      pattern);
	regfree(&re);
}

START_TEST(a_text_line_is_time_level_who_and_sentence)
{
	log_info("filesystem", "ready in %d ms via api, 14 tools", 412);
	log_error("git", "gone");
	assert_matches(drain(),
		       "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
		       "info  filesystem  ready in 412 ms via api, 14 tools\n"
		       "[^ ]+Z error git  gone\n$");
}
END_TEST

START_TEST(lines_above_the_level_are_not_written)
{
	log_set(LOG_WARN, LOG_TEXT);
	log_info("a", "no");
	ck_assert_str_eq(drain(), "");
	log_warn("a", "yes");
	ck_assert_ptr_nonnull(strstr(drain(), "yes"));
}
END_TEST

START_TEST(errno_survives_a_line)
{
	errno = ENOENT;
	log_info("a", "a line");
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

START_TEST(foreign_bytes_cannot_break_the_line_or_reach_the_terminal)
{
	log_info("a", "%s", "one\ntwo\x1b[2J\r\x7f \xff \xc2\x9b \xc3\xa9 \xe0\x80\x80.");
	ck_assert_ptr_nonnull(
		strstr(drain(),
		       "one\\ntwo\\x1b[2J\\x0d\\x7f \\xff \\xc2\\x9b \xc3\xa9 \\xe0\\x80\\x80.\n"));
	log_info("na\nme", "x");
	ck_assert_ptr_nonnull(strstr(drain(), " na\\nme  x\n"));
}
END_TEST

START_TEST(a_line_is_bounded)
{
	char *big = malloc(100001);
	memset(big, _i ? '\1' : 'b', 100000);
	big[100000] = '\0';
	log_set(LOG_INFO, _i ? LOG_JSON : LOG_TEXT);
	log_info("a", "%s", big);
	free(big);
	drain();
	ck_assert_uint_le(strlen(out), 16384);
	ck_assert_uint_gt(strlen(out), 16000);
	ck_assert_str_eq(out + strlen(out) - (_i ? 6 : 4), _i ? "…\"}\n" : "…\n");
}
END_TEST

START_TEST(a_json_line_is_an_object_with_its_fields)
{
	log_set(LOG_INFO, LOG_JSON);
	struct log_field f[] = { { .key = "event", .str = "st\"a\\te\n" },
				 { .key = "retry_ms", .num = INT64_MAX },
				 { 0 } };
	log_event(LOG_WARN, "git", f, "say \"%s\"\n\x01\xff \xc3\xa9", "hi\\");
	ck_assert_ptr_nonnull(strstr(drain(), "\"retry_ms\":9223372036854775807,"));
	ck_assert_ptr_null(strchr(strchr(out, '\n') + 1, '\n'));
	cJSON *j = cJSON_Parse(out);
	ck_assert_ptr_nonnull(j);
	ck_assert_int_eq(cJSON_GetArraySize(j), 6);
	assert_matches(cJSON_GetStringValue(cJSON_GetObjectItem(j, "ts")), "^20.*Z$");
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(j, "level")), "warn");
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(j, "server")), "git");
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(j, "event")), "st\"a\\te\n");
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(j, "msg")),
			 "say \"hi\\\"\n\x01\\xff \xc3\xa9");
	cJSON_Delete(j);
	log_error("git", "plain");
	ck_assert_ptr_nonnull(
		strstr(drain(), ",\"server\":\"git\",\"event\":\"note\",\"msg\":\"plain\"}"));
}
END_TEST

START_TEST(a_reader_that_stops_costs_lines_which_are_said_later)
{
	int before = fcntl(out_fd[1], F_GETFL);
	for (int i = 0; i < 3000; i++)
		log_info("a", "line %d of a flood that nobody reads", i);
	uint64_t lost = log_dropped();
	ck_assert_uint_gt(lost, 0);
	ck_assert_int_eq(fcntl(out_fd[1], F_GETFL), before);
	drain();
	log_info("a", "back again");
	char want[128];
	snprintf(want, sizeof(want), "warn  mcpinit  %llu lines dropped: stderr was not read\n",
		 (unsigned long long)lost);
	const char *said = strstr(drain(), want);
	ck_assert_msg(said != NULL, "not said: %s", want);
	ck_assert_ptr_nonnull(strstr(said, "back again"));
	log_info("a", "once only");
	ck_assert_ptr_null(strstr(strstr(drain(), "back again"), "dropped"));
}
END_TEST

START_TEST(a_line_that_was_begun_is_finished_before_the_next)
{
	char big[12000];
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		log_info("a", "<%s>", big);
	drain();
	log_info("a", "end");
	drain();
	/* Every line is whole: between two newlines there is either a big one, the note, or the end. */
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		size_t len = strlen(line);
		bool is_big = strchr(line, '<') && line[len - 1] == '>' && len > sizeof(big);
		ck_assert_msg(is_big || strstr(line, "dropped:") || strstr(line, "  end"),
			      "torn line of %zu bytes: %.60s", len, line);
	}
}
END_TEST

START_TEST(secrets_do_not_appear_in_sentence_field_or_name)
{
	log_set(LOG_INFO, _i ? LOG_JSON : LOG_TEXT);
	log_redact_add("hunter2\"hunter2");
	log_redact_add("hunter2\"hunter2-longer");
	log_redact_add("short");
	struct log_field f[] = { { .key = "why", .str = "=hunter2\"hunter2=" }, { 0 } };
	log_event(LOG_INFO, "hunter2\"hunter2", f,
		  "short hunter2\"hunter2hunter2\"hunter2, hunter2\"hunter2-longer.");
	ck_assert_ptr_null(strstr(drain(), "hunter2"));
	ck_assert_ptr_nonnull(strstr(out, "short ***, ***."));
}
END_TEST

START_TEST(each_line_of_a_secret_of_many_lines_is_secret)
{
	log_redact_add("-----BEGIN KEY-----\nAAAABBBBCCCC\nxy\n");
	log_info("a", "said AAAABBBBCCCC and xy");
	ck_assert_ptr_nonnull(strstr(drain(), "said *** and xy"));
}
END_TEST

START_TEST(a_secret_is_known_in_the_form_that_quotes_give_it)
{
	log_redact_add("se\"cr\\et\tvalue");
	log_info("a", "{\"token\":\"se\\\"cr\\\\et\\tvalue\"}");
	ck_assert_ptr_nonnull(strstr(drain(), "{\"token\":\"***\"}"));
}
END_TEST

/* Numbers, so that each part of it is another one. */
static char *long_secret(void)
{
	struct buf b = { 0 };
	for (int i = 0; b.len < 100000; i++)
		ck_assert_int_eq(buf_addf(&b, "<%06d>", i), 0);
	return buf_take(&b);
}

START_TEST(no_part_of_a_long_secret_is_in_a_sentence_that_was_cut)
{
	char *secret = long_secret();
	log_redact_add(secret);
	log_info("a", "all: %s.", secret);
	log_info("a", "its begin: %.*s", 5000, secret);
	log_info("a", "within: %.*s", 1100, secret + 70001);
	ck_assert_ptr_null(strpbrk(drain(), "<>"));
	free(secret);
}
END_TEST

START_TEST(redaction_gives_the_new_length)
{
	log_redact_add("12345678");
	char text[] = "a12345678b12345678";
	ck_assert_uint_eq(log_redact(text, strlen(text)), 8);
	ck_assert_int_eq(memcmp(text, "a***b***", 8), 0);
}
END_TEST

START_TEST(levels_have_the_names_of_the_config)
{
	ck_assert_int_eq(log_level_of("error"), LOG_ERROR);
	ck_assert_int_eq(log_level_of("debug"), LOG_DEBUG);
	ck_assert_int_eq(log_level_of("loud"), -1);
}
END_TEST

Suite *suite_base_log(void);
Suite *suite_base_log(void)
{
	Suite *s = suite_create("base_log");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, open_log, close_log);
	tcase_add_test(c, a_text_line_is_time_level_who_and_sentence);
	tcase_add_test(c, lines_above_the_level_are_not_written);
	tcase_add_test(c, errno_survives_a_line);
	tcase_add_test(c, foreign_bytes_cannot_break_the_line_or_reach_the_terminal);
	tcase_add_loop_test(c, a_line_is_bounded, 0, 2);
	tcase_add_test(c, a_json_line_is_an_object_with_its_fields);
	tcase_add_test(c, a_reader_that_stops_costs_lines_which_are_said_later);
	tcase_add_test(c, a_line_that_was_begun_is_finished_before_the_next);
	tcase_add_loop_test(c, secrets_do_not_appear_in_sentence_field_or_name, 0, 2);
	tcase_add_test(c, each_line_of_a_secret_of_many_lines_is_secret);
	tcase_add_test(c, a_secret_is_known_in_the_form_that_quotes_give_it);
	tcase_add_test(c, no_part_of_a_long_secret_is_in_a_sentence_that_was_cut);
	tcase_add_test(c, redaction_gives_the_new_length);
	tcase_add_test(c, levels_have_the_names_of_the_config);
	suite_add_tcase(s, c);
	return s;
}
