/* SPDX-License-Identifier: MIT */
#include "conf/report.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Appends the sentence as one line, "***" for each secret. */
static int add_sentence(struct buf *line, const char *sentence, const struct list *secrets)
{
	for (const char *p = sentence; *p;) {
		size_t hidden = 0;
		for (size_t i = 0; i < secrets->n; i++) {
			size_t n = strlen(secrets->v[i]);
			if (n > hidden && strncmp(p, secrets->v[i], n) == 0)
				hidden = n;
		}
		bool is_control = (unsigned char)*p < ' ' || *p == 0x7f;
		int r = hidden ? buf_adds(line, "***") : buf_add(line, is_control ? " " : p, 1);
		if (r < 0)
			return r;
		p += hidden ? hidden : 1;
	}
	return 0;
}

/* Where the line belongs: the lines of a file stand together, by number. */
static size_t find_place(const struct list *in, const struct place *at)
{
	size_t n = strlen(at->file), place = in->n;
	for (size_t i = in->n; i-- > 0;) {
		const char *other = in->v[i];
		if (strncmp(other, at->file, n) != 0 || other[n] != ':')
			continue;
		if (atoi(other + n + 1) <= at->line)
			return place == in->n ? i + 1 : place;
		place = i;
	}
	return place;
}

static int insert(struct list *to, size_t place, const char *line, size_t len)
{
	if (list_add(to, line, len) < 0)
		return -ENOMEM;
	char *added = to->v[to->n - 1];
	memmove(&to->v[place + 1], &to->v[place], (to->n - 1 - place) * sizeof(*to->v));
	to->v[place] = added;
	return 0;
}

static void add_line(struct report *r, struct list *to, const struct place *at,
		     const char *sentence)
{
	_cleanup_buf_ struct buf line = { 0 };
	if (buf_addf(&line, "%s:%d: ", at->file, at->line) < 0 ||
	    (at->section && buf_addf(&line, "%s: ", at->section) < 0) ||
	    (at->key && buf_addf(&line, "%s: ", at->key) < 0) ||
	    add_sentence(&line, sentence, &r->secrets) < 0) {
		r->is_out_of_memory = true;
		return;
	}
	if (list_has(to,
		     buf_str(&line))) /* what stands in [defaults] fails for each server alike */
		return;
	if (insert(to, find_place(to, at), buf_str(&line), line.len) < 0)
		r->is_out_of_memory = true;
}

__attribute__((format(printf, 4, 0))) static void add(struct report *r, struct list *to,
						      const struct place *at, const char *fmt,
						      va_list ap)
{
	_cleanup_free_ char *sentence = NULL;
	if (to->n >= REPORT_MAX_LINES) { /* first, so that a flood costs nothing */
		r->unsaid += to == &r->errors ? 1 : 0;
		return;
	}
	if (vasprintf(&sentence, fmt, ap) < 0) {
		sentence = NULL;
		r->is_out_of_memory = true;
		return;
	}
	add_line(r, to, at, sentence);
}

void report_error(struct report *r, const struct place *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(r, &r->errors, at, fmt, ap);
	va_end(ap);
}

void report_warning(struct report *r, const struct place *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(r, &r->warnings, at, fmt, ap);
	va_end(ap);
}

void report_missing(struct report *r, const struct place *at, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	add(r, r->is_strict ? &r->errors : &r->warnings, at, fmt, ap);
	va_end(ap);
}

void report_secret(struct report *r, const char *value)
{
	size_t n = strlen(value);
	if (n >= REPORT_MIN_SECRET && !list_has(&r->secrets, value) &&
	    list_add(&r->secrets, value, n) < 0)
		r->is_out_of_memory = true;
}

void report_done(struct report *r)
{
	list_done(&r->errors);
	list_done(&r->warnings);
	list_done(&r->secrets);
}
