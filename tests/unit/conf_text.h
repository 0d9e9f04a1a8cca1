/* SPDX-License-Identifier: MIT */
/*
 * conf_text: a configuration from a text, for the tests of conf/. Its file is called "t.ini", and we are root.
 */
#ifndef TESTS_UNIT_CONF_TEXT_H
#define TESTS_UNIT_CONF_TEXT_H

#include "base/buf.h"
#include "conf/load.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The configuration, which the caller frees, or NULL and every error on a line of its own. */
static inline struct conf *conf_text_load(const struct load *in, struct buf *errors)
{
	struct conf *c = NULL;
	struct conf_errors errs;
	int r = load_conf(in, &c, &errs);
	for (size_t i = 0; i < errs.n; i++)
		buf_addf(errors, "%s\n", errs.lines[i]);
	conf_errors_done(&errs);
	ck_assert_int_eq(r, c ? 0 : -EINVAL);
	return c;
}

static inline struct conf *conf_text_env(const char *text, const char *const *env)
{
	struct conf_source src = { .path = "t.ini", .environ = env };
	struct load in = { .src = &src, .text = text, .len = strlen(text) };
	struct buf errors = { 0 };
	struct conf *c = conf_text_load(&in, &errors);
	ck_assert_str_eq(buf_str(&errors), "");
	buf_done(&errors);
	return c;
}

static inline struct conf *conf_text(const char *text)
{
	return conf_text_env(text, NULL);
}

/* Is not valid, and these are its errors. */
static inline void conf_text_fails(const char *text, const char *errors)
{
	struct conf_source src = { .path = "t.ini" };
	struct load in = { .src = &src, .text = text, .len = strlen(text) };
	struct buf got = { 0 };
	ck_assert_ptr_null(conf_text_load(&in, &got));
	ck_assert_str_eq(buf_str(&got), errors);
	buf_done(&got);
}

/* A NULL-terminated list, joined by '|'; the caller's. */
static inline char *conf_text_join(char *const *v)
{
	struct buf b = { 0 };
	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; v[i]; i++)
		buf_addf(&b, "%s%s", i ? "|" : "", v[i]);
	return buf_take(&b);
}

#define ck_assert_list(list, joined)                                                               \
	do {                                                                                       \
		char *got_ = conf_text_join(list);                                                 \
		ck_assert_str_eq(got_, (joined));                                                  \
		free(got_);                                                                        \
	} while (0)

#endif
