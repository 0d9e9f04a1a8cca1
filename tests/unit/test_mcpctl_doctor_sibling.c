/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "docker/docker.h"
#include "docker/spec.h"
#include "mcpctl/doctor/sibling.h"

#include <check.h>
#include <string.h>

static const struct {
	const char *text;
	bool is_time;
	int64_t sec;
	long nsec;
} times[] = {
	{ "1970-01-01T00:00:01Z", true, 1, 0 },
	{ "2026-11-21T10:00:00.123456789Z", true, 1795255200, 123456789 },
	{ "2026-11-21T10:00:00.5Z", true, 1795255200, 500000000 },
	{ "2026-11-21T11:30:00.5+01:30", true, 1795255200, 500000000 },
	{ "2026-11-21T05:00:00-05:00", true, 1795255200, 0 },
	{ "2026-11-21T10:00:00", false, 0, 0 },
	{ "2026-11-21", false, 0, 0 },
	{ "", false, 0, 0 },
};

START_TEST(the_engines_times)
{
	struct timespec ts = { 0 };
	ck_assert_int_eq(sibling_time(times[_i].text, &ts), times[_i].is_time);
	ck_assert_int_eq(ts.tv_sec, times[_i].sec);
	ck_assert_int_eq(ts.tv_nsec, times[_i].nsec);
}
END_TEST

START_TEST(a_sibling_has_the_mount_no_network_and_a_label)
{
	struct docker_mount m = { .type = DOCKER_MOUNT_VOLUME, .source = (char *)"code" };
	struct docker_spec s;
	struct buf b = { 0 };
	ck_assert_int_eq(sibling_spec(&s, "img", &m), 0);
	ck_assert_int_eq(docker_spec_json(&s, &b, NULL), 0);
	ck_assert_ptr_nonnull(strstr(b.data, "\"Target\":\"/mcpinit-doctor\""));
	ck_assert_ptr_nonnull(strstr(b.data, "\"Source\":\"code\""));
	ck_assert_ptr_nonnull(strstr(b.data, "\"NetworkMode\":\"none\""));
	ck_assert_ptr_nonnull(strstr(b.data, "\"" DOCKER_LABEL_INSTANCE "\":\"doctor\""));
	ck_assert_ptr_nonnull(strstr(b.data, "\"ALL\""));
	buf_done(&b);
	docker_spec_done(&s);
}
END_TEST

Suite *suite_mcpctl_doctor_sibling(void);
Suite *suite_mcpctl_doctor_sibling(void)
{
	Suite *s = suite_create("mcpctl_doctor_sibling");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, the_engines_times, 0, (int)(sizeof(times) / sizeof(times[0])));
	tcase_add_test(c, a_sibling_has_the_mount_no_network_and_a_label);
	suite_add_tcase(s, c);
	return s;
}
