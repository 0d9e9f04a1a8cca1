/* SPDX-License-Identifier: MIT */
/*
 * value: the text law of the config: scalars, words, lists. Pure.
 * Errors: -EINVAL with a sentence that shows the text and what to write instead; -ENOMEM.
 * Lists:  struct list while they grow, char ** (NULL-terminated, never NULL) once taken.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* Items of one list; what passes it is an error, not cut. */
#define VALUE_MAX_ITEMS 4096

/* A growing list of strings; zeroed: empty. */
struct list {
	char **v; /* owned, NULL-terminated; NULL while empty */
	size_t n;
};

#define _cleanup_list_ __attribute__((cleanup(list_done)))

/* Appends a copy of len bytes. 0 or -ENOMEM. */
int list_add(struct list *l, const char *text, size_t len);
bool list_has(const struct list *l, const char *text);
/* Hands the strings over, NULL-terminated; NULL only when out of memory. l is empty afterwards. */
char **list_take(struct list *l);
void list_done(struct list *l);
void strv_free(char **v);

int value_bool(const char *text, bool *ret, struct err *e);
int value_int(const char *text, int64_t *ret, struct err *e);
/* 500ms 10s 5m 1h, 1m30s, 2.5s; a plain number is seconds. */
int value_duration(const char *text, int64_t *ret_ms, struct err *e);
/* Bytes, or with k, m, g (kb, kib, … too). */
int value_size(const char *text, int64_t *ret, struct err *e);
/* 0.5 → 500000000 */
int value_cpus(const char *text, int64_t *ret_nano, struct err *e);
/* The index of text among choices, of which "a|b" is one with two names. */
int value_choice(const char *text, const char *const *choices, int *ret, struct err *e);
/* Words as a POSIX shell splits them: quotes and backslash; nothing is expanded. */
int value_words(const char *text, struct list *ret, struct err *e);

enum value_items {
	VALUE_PLAIN,  /* an item ends at a comma or a line's end */
	VALUE_ENV,    /* K=V: at a comma only if NAME=, NAME, NAME? or the end follows */
	VALUE_LABELS, /* K=V: at a comma only if NAME= or the end follows; names have dots */
	VALUE_TMPFS,  /* /path:opt,opt: at a comma only if / or the end follows */
};
/*
 * Splits a list. Quotes round an item, or after its =, protect commas; so does ${…} where K=V are split before they
 * are expanded. Plain items come without their quotes, K=V as written. Empty items are skipped; "none" is empty.
 */
int value_items(const char *text, enum value_items kind, struct list *ret, struct err *e);

/* len bytes without the quotes round them, if one pair encloses all; the caller's. NULL: out of memory. */
char *value_unquote(const char *text, size_t len);
/* Behind the quoted run that begins at p on this line, or p itself where none begins or it does not end. */
const char *value_skip_quoted(const char *p, const char *end);
bool value_is_none(const char *text);

/*
 * The result of one item of many: what is wrong with it is kept in `wrong`, so that the others are looked at too.
 * e is what the item's parser wrote. 0, or -ENOMEM.
 */
int value_keep_wrong(int r, struct list *wrong, struct err *e);

#endif
