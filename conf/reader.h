/* SPDX-License-Identifier: MIT */
/*
 * reader: the bytes of one file → sections and keys, each with its line.
 * inih splits sections and keys, but cuts lines at 200 characters and names at 49 without a word, knows no # behind a
 * value and no quotes, and tells no line. So lines are prepared here: comments off, continuation lines joined by '\n',
 * names checked; inih is fed short lines that are whole, and values go past it.
 * A line that is indented deeper than the key above it continues that key's value. BOM and CRLF are tolerated.
 * Borrows: the text, for the call. Spec: mcpinit.ini(5).
 */
#ifndef CONF_READER_H
#define CONF_READER_H

#include <stddef.h>

/* inih's own limit, MAX_SECTION and MAX_NAME less the NUL. */
#define READER_MAX_NAME 49

/* Told in the order of the lines. section: as between the brackets, "" before the first. */
struct reader_cb {
	void (*on_section)(void *ctx, const char *section, int line);
	void (*on_key)(void *ctx, const char *section, const char *key, const char *value,
		       int line);
	/* section and key: NULL where there is none. */
	void (*on_error)(void *ctx, const char *section, const char *key, int line,
			 const char *sentence);
	void *ctx;
};

/* 0, or -ENOMEM. What is wrong with the text is told by on_error, and reading goes on behind it. */
int reader_run(const char *text, size_t len, const struct reader_cb *cb);

#endif
