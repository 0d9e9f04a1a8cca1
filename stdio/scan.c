/* SPDX-License-Identifier: MIT */
#include "stdio/scan.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Objects in which some keys mean something to us. */
enum node {
	N_NONE,
	N_TOP,
	N_PARAMS,
	N_RESULT,
	N_PARAMS_META,
	N_RESULT_META,
	N_RESULT_TASK,
	N_RELATED
};
enum { NODE_DEPTH = 4, MAX_KEY = 64, NO_FIELD = -1 };

struct row {
	const char *key;
	enum node in, opens;
	enum scan_field field;
};

static const struct row rows[] = {
	{ "jsonrpc", N_TOP, N_NONE, SCAN_JSONRPC },
	{ "id", N_TOP, N_NONE, SCAN_ID },
	{ "method", N_TOP, N_NONE, SCAN_METHOD },
	{ "params", N_TOP, N_PARAMS, SCAN_PARAMS },
	{ "result", N_TOP, N_RESULT, SCAN_RESULT },
	{ "error", N_TOP, N_NONE, SCAN_ERROR },
	{ "_meta", N_PARAMS, N_PARAMS_META, SCAN_META },
	{ "_meta", N_RESULT, N_RESULT_META, SCAN_META },
	{ "requestId", N_PARAMS, N_NONE, SCAN_REQUEST_ID },
	{ "progressToken", N_PARAMS, N_NONE, SCAN_TOKEN },
	{ "protocolVersion", N_PARAMS, N_NONE, SCAN_PROTOCOL },
	{ "uri", N_PARAMS, N_NONE, SCAN_URI },
	{ "level", N_PARAMS, N_NONE, SCAN_LEVEL },
	{ "name", N_PARAMS, N_NONE, SCAN_NAME },
	{ "progressToken", N_PARAMS_META, N_NONE, SCAN_META_TOKEN },
	{ "io.modelcontextprotocol/subscriptionId", N_PARAMS_META, N_NONE, SCAN_SUBSCRIPTION },
	{ "io.modelcontextprotocol/subscriptionId", N_RESULT_META, N_NONE, SCAN_SUBSCRIPTION },
	{ "io.modelcontextprotocol/protocolVersion", N_PARAMS_META, N_NONE, SCAN_META_VERSION },
	{ "taskId", N_PARAMS, N_NONE, SCAN_TASK_ID },
	{ "taskId", N_RESULT, N_NONE, SCAN_TASK_ID },
	{ "status", N_PARAMS, N_NONE, SCAN_STATUS },
	{ "status", N_RESULT, N_NONE, SCAN_STATUS },
	{ "task", N_RESULT, N_RESULT_TASK, SCAN_TASK },
	{ "taskId", N_RESULT_TASK, N_NONE, SCAN_NEW_TASK_ID },
	{ "io.modelcontextprotocol/related-task", N_PARAMS_META, N_RELATED, SCAN_RELATED },
	{ "io.modelcontextprotocol/related-task", N_RESULT_META, N_RELATED, SCAN_RELATED },
	{ "taskId", N_RELATED, N_NONE, SCAN_RELATED_ID },
};

/* One container at the few levels where nodes can be. */
struct level {
	enum node node;
	enum node opens;   /* what an object given to the current key is */
	int field;	   /* of the current key, or NO_FIELD */
	const char *start; /* of the current value */
};

struct state {
	const char *p, *end;
	struct scan *ret;
	size_t depth;
	bool is_ambiguous, is_too_deep;
	struct level level[NODE_DEPTH + 1]; /* by depth; [0] is the line itself */
	uint64_t is_object[(SCAN_DEPTH + 64) / 64];
};

/* --- words ------------------------------------------------------------------------------------ */

static void skip_space(struct state *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

/* The first byte that a string may not simply hold: a quote, a backslash, a control character; or the end. */
static const char *skip_plain(const char *p, const char *end)
{
	const uint64_t ones = UINT64_MAX / 255, highs = ones * 0x80;
	for (; end - p >= 8; p += 8) {
		uint64_t w;
		memcpy(&w, p, sizeof(w));
		w = le64toh(w);
		uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
		/* A byte's high bit is set where it is zero (quote, slash) or below a space (w); the lowest hit is exact. */
		uint64_t hit = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) |
			       ((w - ones * ' ') & ~w);
		hit &= highs;
		if (hit)
			return p + __builtin_ctzll(hit) / 8;
	}
	while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= ' ')
		p++;
	return p;
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four hex digits behind \u, or -1. */
static long hex4(const char *p, const char *end)
{
	if (end - p < 4)
		return -1;
	long v = 0;
	for (int i = 0; i < 4; i++) {
		int h = hex_of(p[i]);
		if (h < 0)
			return -1;
		v = v * 16 + h;
	}
	return v;
}

/* p stands on the opening quote; afterwards behind the closing one. */
static bool skip_string(struct state *s)
{
	s->p++;
	for (;;) {
		s->p = skip_plain(s->p, s->end);
		if (s->end - s->p < 1 || (unsigned char)*s->p < ' ')
			return false;
		if (*s->p == '"') {
			s->p++;
			return true;
		}
		if (s->end - s->p < 2)
			return false;
		char c = s->p[1];
		if (c == 'u' && hex4(s->p + 2, s->end) < 0)
			return false;
		if (c == '\0' || !strchr("\"\\/bfnrtu", c))
			return false;
		s->p += c == 'u' ? 6 : 2;
	}
}

static bool skip_digits(struct state *s)
{
	const char *from = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static bool skip_number(struct state *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!skip_digits(s))
		return false;
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!skip_digits(s))
			return false;
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		return skip_digits(s);
	}
	return true;
}

static bool skip_literal(struct state *s)
{
	const char *word = *s->p == 't' ? "true" : *s->p == 'f' ? "false" : "null";
	size_t n = strlen(word);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

/* --- unescaping -------------------------------------------------------------------------------- */

static size_t utf8_put(char out[4], unsigned long cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
	for (size_t i = n - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (cp & 0x3F));
		cp >>= 6;
	}
	out[0] = (char)(lead[n] | cp);
	return n;
}

/* One escape at p (valid: the scan has seen it) → its bytes; *p moves behind it. */
static size_t unescape(const char **p, const char *end, char out[4])
{
	char c = (*p)[1];
	*p += 2;
	if (c != 'u') {
		static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
		const char *k = strchr(from, c);
		out[0] = k ? to[k - from] : c;
		return 1;
	}
	unsigned long cp = (unsigned long)hex4(*p, end);
	*p += 4;
	if (cp >= 0xD800 && cp < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
		long low = hex4(*p + 2, end);
		if (low >= 0xDC00 && low < 0xE000) {
			cp = 0x10000 + ((cp - 0xD800) << 10) + (unsigned long)(low - 0xDC00);
			*p += 6;
		}
	}
	return utf8_put(out, cp);
}

long scan_text(struct span value, char *out, size_t size)
{
	if (value.n < 2 || value.p[0] != '"')
		return -1;
	const char *p = value.p + 1, *end = value.p + value.n - 1;
	size_t n = 0;
	while (p < end) {
		char piece[4] = { *p };
		size_t k = 1;
		if (*p == '\\')
			k = unescape(&p, end, piece);
		else
			p++;
		if (k > size - n)
			return -1;
		memcpy(out + n, piece, k);
		n += k;
	}
	return (long)n;
}

bool scan_is(struct span value, const char *text)
{
	size_t n = strlen(text);
	if (value.n == n + 2 && value.p[0] == '"')
		return memcmp(value.p + 1, text, n) == 0; /* an escape would be shorter undone */
	char plain[MAX_KEY];
	if (value.n < n + 2 || n > sizeof(plain) || !memchr(value.p, '\\', value.n))
		return false;
	return scan_text(value, plain, n) == (long)n && memcmp(plain, text, n) == 0;
}

/* --- structure --------------------------------------------------------------------------------- */

static struct level *level_now(struct state *s)
{
	return s->depth <= NODE_DEPTH ? &s->level[s->depth] : NULL;
}

static bool in_object(const struct state *s)
{
	return s->is_object[s->depth / 64] >> (s->depth % 64) & 1;
}

/*
 * Some decoders take a key in any case for theirs, and Go's (encoding/json) also the two characters beyond ASCII that fold
 * to a letter: the long s and the Kelvin sign. Undoes these, in place; returns the length.
 */
static size_t fold(char *text, size_t n)
{
	size_t to = 0;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		if (n - i >= 2 && memcmp(text + i, "\xC5\xBF", 2) == 0) {
			c = 's';
			i += 1;
		} else if (n - i >= 3 && memcmp(text + i, "\xE2\x84\xAA", 3) == 0) {
			c = 'k';
			i += 2;
		}
		text[to++] = c;
	}
	return to;
}

static void note_key(struct state *s, struct level *l, struct span key)
{
	char plain[MAX_KEY];
	l->field = NO_FIELD;
	l->opens = N_NONE;
	long n = l->node == N_NONE ? -1 : scan_text(key, plain, sizeof(plain));
	if (n < 0) /* or longer than any of ours */
		return;
	size_t len = fold(plain, (size_t)n);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		if (r->in != l->node || strlen(r->key) != len ||
		    strncasecmp(plain, r->key, len) != 0)
			continue;
		if (!scan_is(key, r->key) || s->ret->at[r->field].p) {
			s->is_ambiguous = true;
			return;
		}
		l->field = (int)r->field;
		l->opens = r->opens;
		return;
	}
}

/* A key and its colon. */
static bool read_key(struct state *s)
{
	skip_space(s);
	const char *from = s->p;
	if (s->p == s->end || *s->p != '"' || !skip_string(s))
		return false;
	struct level *l = level_now(s);
	if (l)
		note_key(s, l, (struct span){ from, (size_t)(s->p - from) });
	skip_space(s);
	if (s->p == s->end || *s->p != ':')
		return false;
	s->p++;
	return true;
}

/* Steps into a container. */
static bool enter(struct state *s)
{
	if (s->depth == SCAN_DEPTH) {
		s->is_too_deep = true;
		return false;
	}
	bool is_object = *s->p++ == '{';
	struct level *outer = level_now(s);
	enum node node = outer && is_object ? outer->opens : N_NONE;
	s->depth++;
	uint64_t bit = UINT64_C(1) << (s->depth % 64);
	if (is_object)
		s->is_object[s->depth / 64] |= bit;
	else
		s->is_object[s->depth / 64] &= ~bit;
	struct level *l = level_now(s);
	if (l)
		*l = (struct level){ .node = node, .field = NO_FIELD };
	return true;
}

/* The value of the current key is complete. */
static void note_end(struct state *s)
{
	struct level *l = level_now(s);
	if (l && l->field != NO_FIELD) {
		s->ret->at[l->field] = (struct span){ l->start, (size_t)(s->p - l->start) };
		l->field = NO_FIELD;
	}
}

/* Behind a value: closes what ends here; false when nothing may follow (the end, or a fault: *ret_ok tells). */
static bool next_value(struct state *s, bool *ret_ok)
{
	for (;;) {
		note_end(s);
		skip_space(s);
		if (s->depth == 0) {
			*ret_ok = s->p == s->end;
			return false;
		}
		*ret_ok = false;
		if (s->p == s->end)
			return false;
		char c = *s->p;
		if (c == ',') {
			s->p++;
			return !in_object(s) || read_key(s);
		}
		if (c != (in_object(s) ? '}' : ']'))
			return false;
		s->p++;
		s->depth--;
	}
}

/* p stands on a container's bracket. *ret_is_empty: it closed again at once. */
static bool open_container(struct state *s, bool *ret_is_empty)
{
	*ret_is_empty = false;
	if (!enter(s))
		return false;
	skip_space(s);
	if (s->p < s->end && *s->p == (in_object(s) ? '}' : ']')) {
		s->p++;
		s->depth--;
		*ret_is_empty = true;
		return true;
	}
	return !in_object(s) || read_key(s);
}

static bool skip_scalar(struct state *s)
{
	switch (*s->p) {
	case '"':
		return skip_string(s);
	case 't':
	case 'f':
	case 'n':
		return skip_literal(s);
	default:
		return (*s->p == '-' || (*s->p >= '0' && *s->p <= '9')) && skip_number(s);
	}
}

static bool walk(struct state *s)
{
	for (;;) {
		skip_space(s);
		if (s->p == s->end)
			return false;
		struct level *l = level_now(s);
		if (l)
			l->start = s->p;
		bool is_done = true;
		if (*s->p == '{' || *s->p == '[') {
			if (!open_container(s, &is_done))
				return false;
		} else if (!skip_scalar(s)) {
			return false;
		}
		bool ok;
		if (is_done && !next_value(s, &ok))
			return ok;
	}
}

enum scan_verdict scan_line(const char *line, size_t len, struct scan *ret)
{
	memset(ret, 0, sizeof(*ret));
	struct state s;
	s.p = line;
	s.end = line + len;
	s.ret = ret;
	s.depth = 0;
	s.is_ambiguous = s.is_too_deep = false;
	s.level[0] = (struct level){ .opens = N_TOP, .field = NO_FIELD };
	s.is_object[0] = 0;
	skip_space(&s);
	char first = '\0';
	if (s.p < s.end)
		first = *s.p;
	if (!walk(&s))
		return s.is_too_deep ? SCAN_TOO_DEEP : SCAN_NOT_JSON;
	if (s.is_ambiguous)
		return SCAN_AMBIGUOUS;
	return first == '{' ? SCAN_OBJECT : first == '[' ? SCAN_ARRAY : SCAN_SCALAR;
}
