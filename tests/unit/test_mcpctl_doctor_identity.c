/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/identity.h"

#include <check.h>
#include <stdio.h>

START_TEST(the_effective_ids_and_all_groups_are_read)
{
	struct identity id;
	ck_assert(identity_parse("Name:\tmcpinit\nUid:\t1\t1001\t3\t4\nGid:\t5\t1002\t7\t8\n"
				 "FDSize:\t64\nGroups:\t998 1002 \nNStgid:\t1\n",
				 &id));
	ck_assert_uint_eq(id.uid, 1001);
	ck_assert_uint_eq(id.gid, 1002);
	ck_assert_uint_eq(id.n_groups, 2);
	ck_assert_uint_eq(id.groups[0], 998);
	ck_assert_uint_eq(id.groups[1], 1002);
}
END_TEST

START_TEST(no_groups_are_none_and_not_those_of_the_next_line)
{
	struct identity id;
	ck_assert(identity_parse("Name:\tx\nUid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nGroups:\t \n7\n",
				 &id));
	ck_assert_uint_eq(id.n_groups, 0);
}
END_TEST

START_TEST(what_is_no_status_is_refused)
{
	struct identity id;
	ck_assert(!identity_parse("", &id));
	ck_assert(!identity_parse("Name:\tx\nUid:\t1\nGid:\t1\t1\nGroups:\t\n", &id));
}
END_TEST

START_TEST(more_groups_than_there_is_room_for_are_cut)
{
	char text[2048];
	int n = snprintf(text, sizeof(text), "x\nUid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nGroups:\t");
	for (int i = 0; i < IDENTITY_GROUPS + 5; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%d ", i);
	struct identity id;
	ck_assert(identity_parse(text, &id));
	ck_assert_uint_eq(id.n_groups, IDENTITY_GROUPS);
}
END_TEST

Suite *suite_mcpctl_doctor_identity(void);
Suite *suite_mcpctl_doctor_identity(void)
{
	Suite *s = suite_create("mcpctl_doctor_identity");
	TCase *t = tcase_create("identity");
	tcase_add_test(t, the_effective_ids_and_all_groups_are_read);
	tcase_add_test(t, no_groups_are_none_and_not_those_of_the_next_line);
	tcase_add_test(t, what_is_no_status_is_refused);
	tcase_add_test(t, more_groups_than_there_is_room_for_are_cut);
	suite_add_tcase(s, t);
	return s;
}
