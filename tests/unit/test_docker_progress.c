/* SPDX-License-Identifier: MIT */
#include "docker/progress.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char stream[] =
	"{\"status\":\"Pulling from library/alpine\",\"id\":\"3.20\"}\r\n"
	"{\"status\":\"Already exists\",\"progressDetail\":{},\"id\":\"aaaaaaaaaaaa\"}\r\n"
	"{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"bbbbbbbbbbbb\"}\r\n"
	"{\"status\":\"Waiting\",\"progressDetail\":{},\"id\":\"cccccccccccc\"}\r\n"
	"{\"status\":\"Downloading\",\"progressDetail\":{\"current\":2400000,\"total\":40100000},"
	"\"progress\":\"[=> ]\",\"id\":\"bbbbbbbbbbbb\"}\r\n";

static void text_is(const struct progress *p, const char *want)
{
	char text[128];
	progress_text(p, text, sizeof(text));
	ck_assert_str_eq(text, want);
}

START_TEST(layers_and_bytes_are_counted)
{
	struct progress p;
	progress_init(&p);
	text_is(&p, "");
	ck_assert_int_eq(progress_feed(&p, stream, strlen(stream)), 0);
	text_is(&p, ": 1 of 3 layers, 2.4 of 40.1 MB");
	static const char more[] =
		"{\"status\":\"Download complete\",\"progressDetail\":{},\"id\":\"bbbbbbbbbbbb\"}\r\n"
		"{\"status\":\"Extracting\",\"progressDetail\":{\"current\":1,\"total\":40100000},\"id\":\"bbbbbbbbbbbb\"}\r\n";
	ck_assert_int_eq(progress_feed(&p, more, strlen(more)), 0);
	text_is(&p, ": 1 of 3 layers, 40.1 of 40.1 MB");
	static const char last[] =
		"{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"bbbbbbbbbbbb\"}\r\n";
	ck_assert_int_eq(progress_feed(&p, last, strlen(last)), 0);
	text_is(&p, ": 2 of 3 layers, 40.1 of 40.1 MB");
	ck_assert_uint_eq(progress_layers_done(&p), 2);
	ck_assert_ptr_null(p.error);
	progress_done(&p);
}
END_TEST

START_TEST(objects_may_be_cut_anywhere)
{
	for (size_t cut = 0; cut <= strlen(stream); cut++) {
		struct progress p;
		progress_init(&p);
		ck_assert_int_eq(progress_feed(&p, stream, cut), 0);
		ck_assert_int_eq(progress_feed(&p, stream + cut, strlen(stream) - cut), 0);
		text_is(&p, ": 1 of 3 layers, 2.4 of 40.1 MB");
		progress_done(&p);
	}
}
END_TEST

START_TEST(a_late_error_is_found_with_and_without_an_end_of_line)
{
	static const char *const errors[] = {
		"{\"errorDetail\":{\"message\":\"denied\"},\"error\":\"denied\"}\r\n",
		"{\"errorDetail\":{\"code\":1,\"message\":\"denied\"}}",
		"{\"error\":\"denied\"}\n",
	};
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct progress p;
		progress_init(&p);
		ck_assert_int_eq(progress_feed(&p, errors[i], strlen(errors[i])), 0);
		ck_assert_int_eq(progress_end(&p), 0);
		ck_assert_str_eq(p.error, "denied");
		progress_done(&p);
	}
}
END_TEST

START_TEST(garbage_is_passed_over)
{
	static const char garbage[] =
		"\r\n\n[1,2]\n\"x\"\n{\"status\":7,\"id\":{}}\n{broken\n"
		"{\"status\":\"Downloading\",\"id\":\"dddddddddddd\",\"progressDetail\":{\"current\":-5,\"total\":1e300}}\n";
	struct progress p;
	progress_init(&p);
	ck_assert_int_eq(progress_feed(&p, garbage, strlen(garbage)), 0);
	text_is(&p, ": 0 of 1 layers");
	progress_done(&p);
}
END_TEST

START_TEST(a_line_without_end_is_bounded_and_the_next_one_read)
{
	struct progress p;
	progress_init(&p);
	char block[4096];
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 1024; i++) { /* 4 MiB */
		ck_assert_int_eq(progress_feed(&p, block, sizeof(block)), 0);
		ck_assert_uint_le(p.line.cap, 2U << 20);
	}
	static const char rest[] = "\r\n{\"error\":\"late\"}\r\n";
	ck_assert_int_eq(progress_feed(&p, rest, strlen(rest)), 0);
	ck_assert_str_eq(p.error, "late");
	progress_done(&p);
}
END_TEST

START_TEST(layers_are_bounded)
{
	struct progress p;
	progress_init(&p);
	for (int i = 0; i < 1000; i++) {
		char line[128];
		int n = snprintf(line, sizeof(line), "{\"status\":\"Waiting\",\"id\":\"%d\"}\n", i);
		ck_assert_int_eq(progress_feed(&p, line, (size_t)n), 0);
	}
	ck_assert_uint_eq(p.n_layers, PROGRESS_LAYERS);
	progress_done(&p);
}
END_TEST

Suite *suite_docker_progress(void);
Suite *suite_docker_progress(void)
{
	Suite *s = suite_create("docker_progress");
	TCase *c = tcase_create("all");
	tcase_add_test(c, layers_and_bytes_are_counted);
	tcase_add_test(c, objects_may_be_cut_anywhere);
	tcase_add_test(c, a_late_error_is_found_with_and_without_an_end_of_line);
	tcase_add_test(c, garbage_is_passed_over);
	tcase_add_test(c, a_line_without_end_is_bounded_and_the_next_one_read);
	tcase_add_test(c, layers_are_bounded);
	suite_add_tcase(s, c);
	return s;
}
