/* SPDX-License-Identifier: MIT */
/* judge_rig: what a finding must say. */
#ifndef TESTS_UNIT_JUDGE_RIG_H
#define TESTS_UNIT_JUDGE_RIG_H

#include "mcpctl/doctor/judge.h"

#include <check.h>
#include <string.h>

/* The verdict; words of the sentence and of the remedy. NULL: the remedy is empty. */
static inline void judge_is(const struct finding *f, enum verdict verdict, const char *text,
			    const char *remedy)
{
	ck_assert_msg(f->verdict == verdict, "verdict %d: %s; %s", (int)f->verdict, f->text,
		      f->remedy);
	ck_assert_msg(strstr(f->text, text) != NULL, "\"%s\" is not in: %s", text, f->text);
	if (remedy)
		ck_assert_msg(strstr(f->remedy, remedy) != NULL, "\"%s\" is not in: %s", remedy,
			      f->remedy);
	else
		ck_assert_str_eq(f->remedy, "");
}

#endif
