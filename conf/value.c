/* SPDX-License-Identifier: MIT */
#include "conf/value.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* --- lists ----------------------------------------------------------------------------------- */

int list_add(struct list *l, const char *text, size_t len)
{
	/* Room for 2^k - 1 and the NULL: grows when n + 1 is a power of two. */
	if (!l->v || ((l->n + 1) & l->n) == 0) {
		char **bigger = realloc(l->v, (l->n + 1) * 2 * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		l->v = bigger;
		l->v[l->n] = NULL;
	}
	char *copy = strndup(text, len);
	if (!copy)
		return -ENOMEM;
	l->v[l->n++] = copy;
	l->v[l->n] = NULL;
	return 0;
}

bool list_has(const struct list *l, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], text) == 0)
			return true;
	return false;
}

char **list_take(struct list *l)
{
	if (!l->v)
		l->v = calloc(1, sizeof(*l->v));
	l->n = 0;
	return take_ptr(&l->v);
}

void list_done(struct list *l)
{
	strv_free(take_ptr(&l->v));
	l->n = 0;
}

void strv_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

/* --- scalars --------------------------------------------------------------------------------- */

static const char *const bool_names[] = { "true|yes|on", "false|no|off", NULL };

int value_bool(const char *text, bool *ret, struct err *e)
{
	int i;
	int r = value_choice(text, bool_names, &i, e);
	if (r == 0)
		*ret = i == 0;
	return r;
}

int value_int(const char *text, int64_t *ret, struct err *e)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (end == text || *end || isspace((unsigned char)*text) || errno)
		return err_set(e, -EINVAL, "\"%.60s\" is not a whole number", text);
	*ret = n;
	return 0;
}

/* A decimal number: whole and billionths. */
struct decimal {
	int64_t whole, nano;
};

static bool parse_decimal(const char **p, struct decimal *ret)
{
	struct decimal d = { 0, 0 };
	const char *s = *p;
	if (!isdigit((unsigned char)*s))
		return false;
	for (; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(d.whole, 10, &d.whole) ||
		    __builtin_add_overflow(d.whole, *s - '0', &d.whole))
			return false;
	if (*s == '.') {
		s++;
		if (!isdigit((unsigned char)*s))
			return false;
		int64_t place = 100000000;
		for (; isdigit((unsigned char)*s); s++, place /= 10)
			d.nano += (*s - '0') * place;
	}
	*p = s;
	*ret = d;
	return true;
}

/* *sum += d × unit; unit is at most 2^30, so the fraction cannot overflow. */
static bool add_scaled(int64_t *sum, const struct decimal *d, int64_t unit)
{
	int64_t whole;
	return !__builtin_mul_overflow(d->whole, unit, &whole) &&
	       !__builtin_add_overflow(*sum, whole, sum) &&
	       !__builtin_add_overflow(*sum, d->nano * unit / 1000000000, sum);
}

/* The unit at *p, which is moved behind it, or 0. */
static int64_t duration_unit(const char **p)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);
		if (strncmp(*p, units[i].name, n) == 0) {
			*p += n;
			return units[i].ms;
		}
	}
	return 0;
}

int value_duration(const char *text, int64_t *ret_ms, struct err *e)
{
	int64_t sum = 0;
	const char *p = text;
	do {
		struct decimal d;
		bool is_first = p == text;
		bool is_ok = parse_decimal(&p, &d);
		int64_t unit = !is_ok ? 0 : is_first && !*p ? 1000 : duration_unit(&p);
		if (unit == 0 || !add_scaled(&sum, &d, unit))
			return err_set(
				e, -EINVAL,
				"\"%.60s\" is not a duration; write it like 500ms, 10s, 5m or 1h",
				text);
	} while (*p);
	*ret_ms = sum;
	return 0;
}

int value_size(const char *text, int64_t *ret, struct err *e)
{
	static const char *const units[] = { "|b", "k|kb|kib", "m|mb|mib", "g|gb|gib", NULL };
	const char *p = text;
	struct decimal d;
	int64_t sum = 0;
	int unit;
	if (!parse_decimal(&p, &d) || value_choice(p, units, &unit, NULL) < 0 ||
	    !add_scaled(&sum, &d, (int64_t)1 << (10 * unit)))
		return err_set(e, -EINVAL, "\"%.60s\" is not a size; write it like 64k, 8m or 2g",
			       text);
	*ret = sum;
	return 0;
}

int value_cpus(const char *text, int64_t *ret_nano, struct err *e)
{
	const char *p = text;
	struct decimal d;
	int64_t sum = 0;
	if (!parse_decimal(&p, &d) || *p || !add_scaled(&sum, &d, 1000000000))
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not a number of CPUs; write it like 0.5 or 2", text);
	*ret_nano = sum;
	return 0;
}

static bool is_one_of(const char *text, const char *names)
{
	size_t len = strlen(text);
	for (;;) {
		size_t n = strcspn(names, "|");
		if (n == len && strncasecmp(text, names, n) == 0)
			return true;
		if (!names[n])
			return false;
		names += n + 1;
	}
}

int value_choice(const char *text, const char *const *choices, int *ret, struct err *e)
{
	for (int i = 0; choices[i]; i++) {
		if (is_one_of(text, choices[i])) {
			*ret = i;
			return 0;
		}
	}
	_cleanup_buf_ struct buf all = { 0 };
	for (int i = 0; choices[i]; i++) {
		const char *before = i == 0 ? "" : choices[i + 1] ? ", " : " or ";
		int n = (int)strcspn(choices[i], "|"); /* the first name stands for all */
		if (buf_addf(&all, "%s%.*s", before, n, choices[i]) < 0)
			return err_oom(e);
	}
	return err_set(e, -EINVAL, "\"%.60s\" is not possible; write %s", text, buf_str(&all));
}

bool value_is_none(const char *text)
{
	return strcmp(text, "none") == 0;
}

/* --- quotes and words ------------------------------------------------------------------------ */

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

const char *value_skip_quoted(const char *p, const char *end)
{
	if (p >= end || !is_quote(*p))
		return p;
	for (const char *q = p + 1; q < end && *q != '\n'; q++) {
		if (*q == *p)
			return q + 1;
		if (*q == '\\' && *p == '"' && q + 1 < end)
			q++;
	}
	return p;
}

char *value_unquote(const char *text, size_t len)
{
	const char *end = text + len;
	if (len < 2 || value_skip_quoted(text, end) != end)
		return strndup(text, len);
	char *out = malloc(len);
	if (!out)
		return NULL;
	size_t n = 0;
	for (const char *p = text + 1; p < end - 1; p++) {
		if (*text == '"' && *p == '\\' && (p[1] == '"' || p[1] == '\\') && p + 1 < end - 1)
			p++;
		out[n++] = *p;
	}
	out[n] = '\0';
	return out;
}

/* One quoted run of a word, *p at its opening quote; moved behind the closing one. */
static int quoted_run(const char **p, struct buf *word, struct err *e)
{
	char quote = **p;
	const char *s = *p + 1;
	for (; *s != quote; s++) {
		if (!*s)
			return err_set(
				e, -EINVAL,
				"a %s quote is not closed; close it, or write \\%c for a plain one",
				quote == '"' ? "double" : "single", quote);
		if (quote == '"' && *s == '\\' && s[1] && strchr("\"\\$`", s[1]))
			s++;
		if (buf_add(word, s, 1) < 0)
			return err_oom(e);
	}
	*p = s + 1;
	return 0;
}

/* One word, *p at its first character; moved behind it. */
static int one_word(const char **p, struct buf *word, struct err *e)
{
	while (**p && !isspace((unsigned char)**p)) {
		if (is_quote(**p)) {
			int r = quoted_run(p, word, e);
			if (r < 0)
				return r;
			continue;
		}
		if (**p == '\\' && !*++*p)
			return err_set(e, -EINVAL,
				       "ends with a backslash; write \\\\ for a plain one");
		if (buf_add(word, *p, 1) < 0)
			return err_oom(e);
		(*p)++;
	}
	return 0;
}

int value_words(const char *text, struct list *ret, struct err *e)
{
	for (const char *p = text;;) {
		while (isspace((unsigned char)*p))
			p++;
		if (!*p)
			return 0;
		if (ret->n >= VALUE_MAX_ITEMS)
			return err_set(e, -EINVAL, "has more than %d words", VALUE_MAX_ITEMS);
		_cleanup_buf_ struct buf word = { 0 };
		int r = one_word(&p, &word, e);
		if (r < 0)
			return r;
		if (list_add(ret, buf_str(&word), word.len) < 0)
			return err_oom(e);
	}
}

int value_keep_wrong(int r, struct list *wrong, struct err *e)
{
	if (r != -EINVAL || !e)
		return r;
	return list_add(wrong, e->text, strlen(e->text)) < 0 ? err_oom(e) : 0;
}

/* --- lists of items -------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_end(char c)
{
	return c == '\0' || c == '\n';
}

/* Does NAME= follow, or for environments NAME or NAME? alone? */
static bool is_pair_next(const char *p, enum value_items kind)
{
	const char *extra = kind == VALUE_LABELS ? "_.-/" : "_.-";
	if (!isalpha((unsigned char)*p) && *p != '_')
		return false;
	bool is_identifier = true;
	for (; isalnum((unsigned char)*p) || (*p && strchr(extra, *p)); p++)
		is_identifier = is_identifier && (*p == '_' || isalnum((unsigned char)*p));
	if (*p == '=')
		return true;
	if (kind != VALUE_ENV || !is_identifier)
		return false;
	if (*p == '?')
		p++;
	while (is_blank(*p))
		p++;
	return *p == ',' || is_end(*p);
}

/* p at a comma: does the item end here? */
static bool ends_item(const char *p, enum value_items kind, bool has_equals)
{
	for (p++; is_blank(*p);)
		p++;
	switch (kind) {
	case VALUE_PLAIN:
		return true;
	case VALUE_TMPFS:
		return *p == '/' || is_end(*p);
	case VALUE_ENV:
	case VALUE_LABELS:
		break;
	}
	return !has_equals || is_end(*p) || is_pair_next(p, kind);
}

/* Deeper than expand() goes; a bound here keeps a line of unclosed ${ from being scanned anew for each. */
#define MAX_BRACES 40

/* Behind the ${…} at p, or p itself. */
static const char *skip_braced(const char *p)
{
	int depth = 0;
	for (const char *q = p; !is_end(*q) && depth <= MAX_BRACES; q++) {
		if (q[0] == '$' && q[1] == '{') {
			depth++;
			q++;
		} else if (depth == 0) {
			return p;
		} else if (*q == '}' && --depth == 0) {
			return q + 1;
		}
	}
	return p;
}

static const char *item_end(const char *start, const char *end, enum value_items kind)
{
	bool is_pairs = kind == VALUE_ENV || kind == VALUE_LABELS;
	bool has_equals = false, may_quote = true;
	for (const char *p = start; p < end;) {
		if (is_end(*p) || (*p == ',' && ends_item(p, kind, has_equals)))
			return p;
		const char *q = may_quote ? value_skip_quoted(p, end) : p;
		if (q == p && is_pairs)
			q = skip_braced(p);
		may_quote = *p == '=' && !has_equals;
		has_equals = has_equals || *p == '=';
		p = q == p ? p + 1 : q;
	}
	return end;
}

int value_items(const char *text, enum value_items kind, struct list *ret, struct err *e)
{
	if (value_is_none(text))
		return 0;
	const char *end = text + strlen(text);
	for (const char *p = text;;) {
		while (*p == ',' || isspace((unsigned char)*p))
			p++;
		if (!*p)
			return 0;
		if (ret->n >= VALUE_MAX_ITEMS)
			return err_set(e, -EINVAL, "has more than %d items", VALUE_MAX_ITEMS);
		const char *stop = item_end(p, end, kind);
		size_t len = (size_t)(stop - p);
		while (len > 0 && isspace((unsigned char)p[len - 1]))
			len--;
		_cleanup_free_ char *item = value_unquote(p, len);
		if (!item || list_add(ret, item, strlen(item)) < 0)
			return err_oom(e);
		p = stop;
	}
}
