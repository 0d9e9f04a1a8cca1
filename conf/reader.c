/* SPDX-License-Identifier: MIT */
#include "conf/reader.h"

#include "base/buf.h"
#include "conf/value.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A key no file can have: fed behind each header, as inih does not tell of a section without keys. */
#define HEADER_MARK "@"

struct reader {
	const struct reader_cb *cb;
	const char *next, *end; /* what is left of the text */
	int line;		/* of the line last taken */
	char section[READER_MAX_NAME + 1];
	char key[READER_MAX_NAME + 1];
	int item_line;	    /* of the key or header inih is being fed */
	struct buf value;   /* of that key */
	bool is_header_due; /* the header's mark comes next */
	bool is_skipping;   /* below a header that is wrong: nothing is told but errors */
	bool is_out_of_memory;
};

/* One line without indentation, comment and white space at the end. */
struct line {
	const char *text;
	size_t len;
	size_t indent;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

__attribute__((format(printf, 3, 4))) static void complain(struct reader *r, int line,
							   const char *fmt, ...)
{
	char sentence[512];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap); /* a cut sentence is still one */
	va_end(ap);
	r->cb->on_error(r->cb->ctx, r->section[0] && !r->is_skipping ? r->section : NULL, NULL,
			line, sentence);
}

/* # and ; begin a comment at the start of a line or behind white space, but not in quotes. */
static size_t without_comment(const char *text, size_t len)
{
	const char *end = text + len;
	for (const char *p = text; p < end;) {
		if ((*p == '#' || *p == ';') && (p == text || is_blank(p[-1])))
			return (size_t)(p - text);
		if (*p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\'')) {
			p += 2;
			continue;
		}
		const char *q = value_skip_quoted(p, end);
		p = q == p ? p + 1 : q;
	}
	return len;
}

static bool peek_line(const struct reader *r, struct line *ret, const char **ret_next)
{
	if (r->next >= r->end)
		return false;
	const char *newline = memchr(r->next, '\n', (size_t)(r->end - r->next));
	const char *stop = newline ? newline : r->end;
	const char *p = r->next;
	while (p < stop && is_blank(*p))
		p++;
	size_t len = without_comment(p, (size_t)(stop - p));
	while (len > 0 && is_blank(p[len - 1]))
		len--;
	*ret = (struct line){ .text = p, .len = len, .indent = (size_t)(p - r->next) };
	*ret_next = newline ? newline + 1 : r->end;
	return true;
}

static bool begins_section(const struct line *l)
{
	static const char *const headers[] = { "[mcpinit]", "[defaults]", "[server:", "[agent:" };
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		size_t n = strlen(headers[i]);
		if (l->len >= n && memcmp(l->text, headers[i], n) == 0)
			return true;
	}
	return false;
}

static void add_value(struct reader *r, const char *text, size_t len)
{
	if (r->value.len > 0 && buf_add(&r->value, "\n", 1) < 0)
		r->is_out_of_memory = true;
	if (buf_add(&r->value, text, len) < 0)
		r->is_out_of_memory = true;
}

/* The lines below that are indented deeper belong to the value; empty ones and comments between them do not end it. */
static void take_continuation(struct reader *r, size_t indent)
{
	struct line l;
	const char *next;
	while (peek_line(r, &l, &next) && (l.len == 0 || l.indent > indent)) {
		r->next = next;
		r->line++;
		if (l.len == 0)
			continue;
		if (begins_section(&l))
			complain(r, r->line,
				 "a section begins at the start of its line; indented, it would "
				 "continue the value of %s",
				 r->key);
		else
			add_value(r, l.text, l.len);
	}
}

static bool is_key_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* True when inih may be fed the line: r->key and r->value are set. */
static bool take_key(struct reader *r, const struct line *l)
{
	const char *equals = memchr(l->text, '=', l->len);
	if (!equals) {
		complain(r, r->line,
			 "\"%.*s\" is no section, key = value, or indented to continue a value",
			 l->len < 40 ? (int)l->len : 40, l->text);
		return false;
	}
	size_t n = (size_t)(equals - l->text);
	while (n > 0 && is_blank(l->text[n - 1]))
		n--;
	bool is_good = n > 0 && n <= READER_MAX_NAME;
	for (size_t i = 0; i < n && is_good; i++)
		is_good = is_key_char(l->text[i]);
	r->item_line = r->line;
	buf_drop(&r->value, r->value.len);
	(void)snprintf(r->key, sizeof(r->key), "%.*s", (int)(is_good ? n : 0), l->text);
	if (!is_good && n > READER_MAX_NAME)
		complain(r, r->line, "the key \"%.20s…\" is longer than %d characters", l->text,
			 READER_MAX_NAME);
	else if (!is_good)
		complain(r, r->line, "\"%.*s\" is not a key; write key = value", (int)n, l->text);
	const char *value = equals + 1, *end = l->text + l->len;
	while (value < end && is_blank(*value))
		value++;
	if (value < end)
		add_value(r, value, (size_t)(end - value));
	take_continuation(r, l->indent);
	return is_good;
}

/* True when inih may be fed the header: r->section is set. */
static bool take_section(struct reader *r, const struct line *l)
{
	const char *close = memchr(l->text, ']', l->len);
	size_t n = close ? (size_t)(close - l->text) - 1 : 0;
	r->is_skipping = true;
	r->item_line = r->line;
	if (!close)
		complain(r, r->line, "the section's name is not closed; write ] behind it");
	else if (close + 1 < l->text + l->len)
		complain(r, r->line, "text behind the section's ]; begin a new line there");
	else if (n > READER_MAX_NAME)
		complain(r, r->line, "the section's name is longer than %d characters",
			 READER_MAX_NAME);
	else if (memchr(l->text, ';', n))
		complain(r, r->line, "a ; in the section's name; names hold none");
	else
		r->is_skipping = false;
	if (r->is_skipping)
		return false;
	(void)snprintf(r->section, sizeof(r->section), "%.*s", (int)n, l->text + 1);
	return true;
}

/* inih's fgets: the next header or key as a line it cannot cut. */
static char *feed(char *str, int size, void *stream)
{
	struct reader *r = stream;
	if (r->is_header_due) {
		r->is_header_due = false;
		(void)snprintf(str, (size_t)size, HEADER_MARK "=\n");
		return str;
	}
	struct line l;
	const char *next;
	while (!r->is_out_of_memory && peek_line(r, &l, &next)) {
		r->next = next;
		r->line++;
		if (l.len == 0)
			continue;
		if (l.text[0] == '[') {
			if (!take_section(r, &l))
				continue;
			r->is_header_due = true;
			(void)snprintf(str, (size_t)size, "[%s]\n", r->section);
			return str;
		}
		if (take_key(r, &l) && !r->is_skipping) {
			(void)snprintf(str, (size_t)size, "%s=\n", r->key);
			return str;
		}
	}
	return NULL;
}

static int on_parsed(void *user, const char *section, const char *name, const char *value)
{
	struct reader *r = user;
	(void)value; /* went past inih: r->value */
	if (strcmp(name, HEADER_MARK) == 0)
		r->cb->on_section(r->cb->ctx, section, r->item_line);
	else
		r->cb->on_key(r->cb->ctx, section, name, buf_str(&r->value), r->item_line);
	return 1;
}

static int line_of(const char *text, const char *at)
{
	int line = 1;
	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

int reader_run(const char *text, size_t len, const struct reader_cb *cb)
{
	static const char bom[] = "\xEF\xBB\xBF";
	struct reader r = { .cb = cb, .next = text, .end = text + len };
	const char *nul = memchr(text, '\0', len);
	if (nul) {
		cb->on_error(cb->ctx, NULL, NULL, line_of(text, nul),
			     "a NUL byte; the file is not text (UTF-8)");
		return 0;
	}
	if (len >= 3 && memcmp(text, bom, 3) == 0)
		r.next += 3;
	int status = ini_parse_stream(feed, &r, on_parsed, &r);
	if (status != 0 && !r.is_out_of_memory)
		complain(&r, r.line, "cannot be parsed");
	buf_done(&r.value);
	return r.is_out_of_memory ? -ENOMEM : 0;
}
