/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_BYTES = 16 * 1024, /* what a line may be */
	FIELD_BYTES = 2 * 1024, /* … and one field of it */
	RAW_BYTES =
		4 *
		LINE_BYTES, /* a sentence before it is cut: no secret is cut in half before it is found */
	SECRET_BYTES = 8, /* shorter values are words of everyday text */
	MARK_BYTES = 3,
	LONG_BYTES =
		2048, /* of a longer secret parts are found, too: text is cut before it is looked at … */
	SEED_STEP = 1024, /* … by SEED_BYTES of it, every so far, and what surrounds them */
	SEED_BYTES = 64,
};

struct secret {
	char *text; /* owned */
	size_t len;
};

static struct {
	bool is_open;
	struct sink sink;
	enum log_level level;
	enum log_format format;
	struct buf rest;	  /* the unwritten end of a line that was begun */
	uint64_t dropped, unsaid; /* lines; those not yet told of */
	struct secret *secrets;	  /* owned, n_secrets, longest first */
	size_t n_secrets;
} self = { .level = LOG_INFO, .format = LOG_TEXT };

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

int log_level_of(const char *name)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++)
		if (strcmp(level_names[i], name) == 0)
			return i;
	return -1;
}

void log_set(enum log_level level, enum log_format format)
{
	self.level = level;
	self.format = format;
}

bool log_is_on(enum log_level level)
{
	return level <= self.level;
}

uint64_t log_dropped(void)
{
	return self.dropped;
}

/* --- secrets ------------------------------------------------------------------------------- */

static void add_secret(const char *text, size_t len)
{
	if (len < SECRET_BYTES)
		return;
	size_t at = 0;
	while (at < self.n_secrets && self.secrets[at].len >= len) {
		const struct secret *s = &self.secrets[at++];
		if (s->len == len && memcmp(s->text, text, len) == 0)
			return;
	}
	struct secret *bigger = realloc(self.secrets, (self.n_secrets + 1) * sizeof(*self.secrets));
	if (!bigger)
		return;
	self.secrets = bigger;
	char *copy = strndup(text, len);
	if (!copy)
		return;
	/* Longest first, so that a secret within another cannot leave the rest of that one in the open. */
	memmove(bigger + at + 1, bigger + at, (self.n_secrets - at) * sizeof(*bigger));
	bigger[at] = (struct secret){ .text = copy, .len = len };
	self.n_secrets++;
}

/* A server that logs JSON, or quotes what it says, writes it like this. */
static void add_quoted(const char *text, size_t len)
{
	_cleanup_buf_ struct buf quoted = { 0 };
	for (size_t i = 0; i < len; i++) {
		bool is_special = text[i] == '"' || text[i] == '\\' || text[i] == '\t';
		if (is_special && buf_adds(&quoted, "\\") < 0)
			return;
		if (buf_add(&quoted, text[i] == '\t' ? "t" : text + i, 1) < 0)
			return;
	}
	if (quoted.len > len)
		add_secret(quoted.data, quoted.len);
}

void log_redact_add(const char *value)
{
	add_secret(value, strlen(value));
	/* What reads line by line, a server's stderr, meets a key of many lines one line at a time. */
	while (*value) {
		size_t line = strcspn(value, "\r\n");
		add_secret(value, line);
		add_quoted(value, line);
		value += line + strspn(value + line, "\r\n");
	}
}

/* The mark in place of n bytes at hit, one mark for neighbours; returns where it ends. */
static char *put_mark(char *text, size_t *len, char *hit, size_t n)
{
	static const char mark[] = { '*', '*', '*' };
	char *behind = hit + n, *end = hit;
	if (hit - text < MARK_BYTES || memcmp(hit - MARK_BYTES, mark, MARK_BYTES) != 0) {
		memcpy(hit, mark, MARK_BYTES);
		end += MARK_BYTES;
	}
	memmove(end, behind, *len - (size_t)(behind - text));
	*len -= (size_t)(behind - end);
	return end;
}

/* Every part of a long secret around its bytes from `from` on, as far as the two agree. */
static size_t redact_part(char *text, size_t len, const struct secret *s, size_t from)
{
	char *at = text, *hit;
	while ((hit = memmem(at, len - (size_t)(at - text), s->text + from, SEED_BYTES))) {
		size_t before = 0, n = SEED_BYTES;
		while (before < from && hit - before > at &&
		       hit[-1 - (ptrdiff_t)before] == s->text[from - before - 1])
			before++;
		while (from + n < s->len && hit + n < text + len && hit[n] == s->text[from + n])
			n++;
		at = put_mark(text, &len, hit - before, before + n);
	}
	return len;
}

static size_t redact_long(char *text, size_t len, const struct secret *s)
{
	len = redact_part(text, len, s, s->len - SEED_BYTES);
	for (size_t from = s->len / SEED_STEP * SEED_STEP; from > 0; from -= SEED_STEP)
		if (from + SEED_BYTES <= s->len)
			len = redact_part(text, len, s, from);
	return redact_part(text, len, s, 0);
}

static size_t redact_whole(char *text, size_t len, const struct secret *s)
{
	char *at = text, *hit;
	while ((hit = memmem(at, len - (size_t)(at - text), s->text, s->len))) {
		at = put_mark(text, &len, hit, s->len);
	}
	return len;
}

size_t log_redact(char *text, size_t len)
{
	for (size_t i = 0; i < self.n_secrets; i++) {
		const struct secret *s = &self.secrets[i];
		len = s->len < LONG_BYTES ? redact_whole(text, len, s) : redact_long(text, len, s);
	}
	return len;
}

void log_redact_clear(void)
{
	for (size_t i = 0; i < self.n_secrets; i++)
		free(self.secrets[i].text);
	free(take_ptr(&self.secrets));
	self.n_secrets = 0;
}

/* --- escaping ------------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character at p, 0 when it is none; C1 controls do not count as characters: terminals obey them. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	size_t len = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	bool is_c1 = p[0] == 0xc2 && p[1] < 0xa0;
	bool is_overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
	bool is_no_character = (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90);
	return is_c1 || is_overlong || is_no_character ? 0 : len;
}

/* One character or byte of text as it stands in a line; returns how many bytes of text it took. */
static size_t escape_one(const unsigned char *p, size_t n, bool is_json, char piece[8])
{
	unsigned c = p[0];
	size_t len = c < 0x80 ? 1 : utf8_len(p, n);
	if (c == '\n')
		(void)snprintf(piece, 8, "\\n");
	else if (len == 0 && is_json)
		(void)snprintf(piece, 8, "\\\\x%02x", c);
	else if (len == 0 || ((c < 0x20 || c == 0x7f) && !is_json))
		(void)snprintf(piece, 8, "\\x%02x", c);
	else if (c < 0x20 || c == 0x7f)
		(void)snprintf(piece, 8, "\\u%04x", c);
	else if (is_json && (c == '"' || c == '\\'))
		(void)snprintf(piece, 8, "\\%c", (char)c);
	else
		(void)snprintf(piece, 8, "%.*s", (int)len, (const char *)p);
	return len ? len : 1;
}

/* Text on one line, at most max bytes of it; what is cut ends in "…". */
static int add_escaped(struct buf *out, const char *text, size_t len, size_t max, bool is_json)
{
	static const char cut[] = "…";
	const unsigned char *p = (const unsigned char *)text;
	size_t end = out->len + max - (sizeof(cut) - 1);
	while (len > 0) {
		char piece[8];
		size_t used = escape_one(p, len, is_json, piece);
		if (out->len + strlen(piece) > end)
			return buf_adds(out, cut);
		int r = buf_adds(out, piece);
		if (r < 0)
			return r;
		p += used;
		len -= used;
	}
	return 0;
}

/* As add_escaped, without secrets; text is not touched. */
static int add_field(struct buf *out, const char *text, bool is_json)
{
	_cleanup_buf_ struct buf copy = { 0 };
	int r = buf_adds(&copy, text);
	if (r < 0)
		return r;
	copy.len = log_redact(copy.data, copy.len);
	return add_escaped(out, copy.data, copy.len, FIELD_BYTES, is_json);
}

/* --- lines --------------------------------------------------------------------------------- */

static int add_time(struct buf *out)
{
	struct timespec now;
	struct tm tm;
	char text[32];
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return buf_addf(out, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

struct line {
	enum log_level level;
	const char *who;
	const struct log_field *fields;
	const char *text;
	size_t len;
};

static int add_text_line(struct buf *out, const struct line *l)
{
	size_t end = out->len + LINE_BYTES;
	int r = add_time(out);
	if (r == 0)
		r = buf_addf(out, " %-5s ", level_names[l->level]);
	if (r == 0)
		r = add_field(out, l->who, false);
	if (r == 0)
		r = buf_adds(out, "  ");
	if (r == 0)
		r = add_escaped(out, l->text, l->len, end - out->len - 1, false);
	return r < 0 ? r : buf_adds(out, "\n");
}

static int add_json_fields(struct buf *out, const struct log_field *f)
{
	size_t end = out->len + LINE_BYTES / 2;
	bool has_event = f && f->key && strcmp(f->key, "event") == 0;
	int r = has_event ? 0 : buf_adds(out, ",\"event\":\"note\"");
	for (; r == 0 && f && f->key && out->len < end; f++) {
		if (!f->str) {
			r = buf_addf(out, ",\"%s\":%lld", f->key, (long long)f->num);
			continue;
		}
		r = buf_addf(out, ",\"%s\":\"", f->key);
		if (r == 0)
			r = add_field(out, f->str, true);
		if (r == 0)
			r = buf_adds(out, "\"");
	}
	return r;
}

static int add_json_line(struct buf *out, const struct line *l)
{
	size_t end = out->len + LINE_BYTES;
	int r = buf_adds(out, "{\"ts\":\"");
	if (r == 0)
		r = add_time(out);
	if (r == 0)
		r = buf_addf(out, "\",\"level\":\"%s\",\"server\":\"", level_names[l->level]);
	if (r == 0)
		r = add_field(out, l->who, true);
	if (r == 0)
		r = buf_adds(out, "\"");
	if (r == 0)
		r = add_json_fields(out, l->fields);
	if (r == 0)
		r = buf_adds(out, ",\"msg\":\"");
	if (r == 0)
		r = add_escaped(out, l->text, l->len, end - out->len - 3, true);
	return r < 0 ? r : buf_adds(out, "\"}\n");
}

/* --- writing ------------------------------------------------------------------------------- */

void log_open(int fd)
{
	log_close();
	sink_open(&self.sink, fd);
	self.is_open = true;
}

void log_close(void)
{
	if (!self.is_open)
		return;
	if (self.rest.len > 0)
		self.dropped++;
	buf_done(&self.rest);
	sink_close(&self.sink);
	self.is_open = false;
}

static void drop(void)
{
	self.dropped++;
	self.unsaid++;
}

/* As much as the sink takes now; what is left of out is then in out. */
static int write_some(struct buf *out)
{
	while (out->len > 0) {
		ssize_t n = sink_write(&self.sink, out->data, out->len);
		if (n < 0)
			return (int)n;
		buf_drop(out, (size_t)n);
	}
	return 0;
}

/* A line that was begun is finished before another begins; one that could not begin is lost. */
static bool put(struct buf *line)
{
	size_t whole = line->len;
	(void)write_some(line); /* why it does not take more is no matter: nobody could be told */
	if (line->len == whole)
		return false;
	if (line->len > 0) {
		self.rest = *line;
		*line = (struct buf){ 0 };
	}
	return true;
}

static int add_line(struct buf *out, const struct line *l)
{
	return self.format == LOG_JSON ? add_json_line(out, l) : add_text_line(out, l);
}

/* The next line that gets through after a loss tells of it: in one write, so that it does not take the line's room. */
static int add_loss(struct buf *out)
{
	if (self.unsaid == 0)
		return 0;
	char text[96];
	int n = snprintf(text, sizeof(text), "%llu line%s dropped: stderr was not read",
			 (unsigned long long)self.unsaid, self.unsaid == 1 ? "" : "s");
	struct log_field fields[] = { { .key = "event", .str = "log_dropped" },
				      { .key = "lines", .num = (int64_t)self.unsaid },
				      { 0 } };
	struct line l = { LOG_WARN, "mcpinit", fields, text, (size_t)n };
	return add_line(out, &l);
}

static bool emit(const struct line *l)
{
	if (!self.is_open)
		log_open(STDERR_FILENO);
	_cleanup_buf_ struct buf out = { 0 };
	bool is_put = write_some(&self.rest) == 0 && add_loss(&out) == 0 &&
		      add_line(&out, l) == 0 && put(&out);
	if (is_put)
		self.unsaid = 0;
	else
		drop();
	if (self.rest.len == 0)
		buf_done(&self.rest);
	return is_put;
}

bool log_event(enum log_level level, const char *who, const struct log_field *fields,
	       const char *fmt, ...)
{
	if (!log_is_on(level))
		return true;
	int saved = errno;
	bool is_put = false;
	_cleanup_buf_ struct buf raw = { 0 };
	char small[512];
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	char *text = small;
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n >= (int)sizeof(small)) {
		size_t room = n < RAW_BYTES ? (size_t)n : RAW_BYTES;
		text = buf_room(&raw, room);
		if (text)
			n = vsnprintf(text, room + 1, fmt, again);
		if (n > (int)room)
			n = (int)room;
	}
	va_end(again);
	va_end(ap);
	if (text && n >= 0) {
		size_t len = log_redact(text, (size_t)n);
		if (n == RAW_BYTES && len > LONG_BYTES)
			len -= LONG_BYTES; /* cut there, it may end in a part that was not found */
		struct line l = { level, who, fields, text, len };
		is_put = emit(&l);
	} else {
		drop();
	}
	errno = saved;
	return is_put;
}
