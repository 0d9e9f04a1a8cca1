/* SPDX-License-Identifier: MIT */
#include "conf/expand.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct state {
	struct expansion *x;
	struct err *e;
	const char *p; /* what is left */
	int depth;
	bool is_mute; /* inside a word that is not used: its syntax counts, its variables do not */
};

static int expand_until(struct state *s, char stop, struct buf *out);

const char *expand_getenv(const char *const *env, const char *name, size_t len)
{
	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return *env + len + 1;
	return NULL;
}

void expand_done(struct expansion *x)
{
	list_done(&x->unset);
	list_done(&x->values);
	list_done(&x->wrong);
	free(take_ptr(&x->missing));
}

static int put(struct state *s, struct buf *out, const char *text, size_t len)
{
	int r = buf_add(out, text, len);
	if (r == -EMSGSIZE)
		return err_set(s->e, -EINVAL, "expands to more than %d MiB",
			       EXPAND_MAX_BYTES / 1024 / 1024);
	return r < 0 ? err_oom(s->e) : 0;
}

static size_t name_length(const char *p)
{
	size_t n = 0;
	while (p[n] == '_' || isalpha((unsigned char)p[n]) ||
	       (n > 0 && isdigit((unsigned char)p[n])))
		n++;
	return n;
}

static int put_value(struct state *s, struct buf *out, const char *value)
{
	if (!s->is_mute && list_add(&s->x->values, value, strlen(value)) < 0)
		return err_oom(s->e);
	return put(s, out, value, strlen(value));
}

/* $NAME or ${NAME}: nothing where it is not set, and that is noted. */
static int put_plain(struct state *s, struct buf *out, const char *name, size_t len)
{
	const char *value = expand_getenv(s->x->environ, name, len);
	if (value)
		return put_value(s, out, value);
	if (!s->is_mute && list_add(&s->x->unset, name, len) < 0)
		return err_oom(s->e);
	return 0;
}

static int note_missing(struct state *s, const char *name, int len, const char *message)
{
	if (s->is_mute || s->x->missing)
		return 0;
	int r = message[0] ? asprintf(&s->x->missing, "%.*s is not set: %s", len, name, message)
			   : asprintf(&s->x->missing,
				      "%.*s is not set; set it in the environment of mcpinit", len,
				      name);
	if (r < 0) {
		s->x->missing = NULL;
		return err_oom(s->e);
	}
	return 0;
}

/* ${NAME:-word}: s->p behind the operator. */
static int operate(struct state *s, struct buf *out, const char *name, size_t len)
{
	bool is_colon = name[len] == ':';
	char op = name[len + (is_colon ? 1 : 0)];
	const char *value = expand_getenv(s->x->environ, name, len);
	bool is_there = value && (value[0] || !is_colon);
	bool is_word_used = (op == '+') == is_there;

	_cleanup_buf_ struct buf word = { .max = EXPAND_MAX_BYTES };
	bool was_mute = s->is_mute;
	s->is_mute = was_mute || !is_word_used;
	int r = expand_until(s, '}', &word);
	s->is_mute = was_mute;
	if (r < 0)
		return r;
	if (op == '?' && !is_there)
		return note_missing(s, name, (int)len, buf_str(&word));
	if (is_word_used)
		return put(s, out, buf_str(&word), word.len);
	return op == '+' ? 0 : put_value(s, out, value);
}

/* s->p behind "${". */
static int braced(struct state *s, struct buf *out)
{
	const char *name = s->p;
	size_t len = name_length(name);
	const char *op = name + len;
	if (len > 0 && *op == '}') {
		s->p = op + 1;
		return put_plain(s, out, name, len);
	}
	if (*op == ':')
		op++;
	if (len == 0 || !*op || !strchr("-?+", *op)) /* what follows may be a secret */
		return err_set(s->e, -EINVAL,
			       "\"${%.*s\" is not understood; write ${NAME}, ${NAME:-default}, "
			       "${NAME:?message}, or $$ for a dollar sign",
			       len < 40 ? (int)(op - name) + 1 : 40, name);
	if (s->depth >= EXPAND_MAX_DEPTH)
		return err_set(s->e, -EINVAL, "${…} are nested deeper than %d", EXPAND_MAX_DEPTH);
	s->p = op + 1;
	s->depth++;
	int r = operate(s, out, name, len);
	s->depth--;
	return r;
}

/* s->p behind "$". */
static int dollar(struct state *s, struct buf *out)
{
	if (*s->p == '$') {
		s->p++;
		return put(s, out, "$", 1);
	}
	if (*s->p == '{') {
		s->p++;
		return braced(s, out);
	}
	const char *name = s->p;
	size_t len = name_length(name);
	if (len == 0)
		return err_set(s->e, -EINVAL, "a $ stands alone%s%.1s; write $$ for a dollar sign",
			       *name ? " before " : "", name);
	s->p += len;
	return put_plain(s, out, name, len);
}

/* Up to stop, which is eaten. */
static int expand_until(struct state *s, char stop, struct buf *out)
{
	for (;;) {
		size_t n = strcspn(s->p, stop ? "$}" : "$");
		int r = put(s, out, s->p, n);
		if (r < 0)
			return r;
		s->p += n;
		char c = *s->p;
		if (c == '\0' && stop)
			return err_set(s->e, -EINVAL, "a ${ is not closed; write a } behind it");
		if (c == '\0')
			return 0;
		s->p++;
		if (c == stop)
			return 0;
		r = dollar(s, out);
		if (r < 0)
			return r;
	}
}

int expand(const char *text, struct expansion *x, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf out = { .max = EXPAND_MAX_BYTES };
	struct state s = { .x = x, .e = e, .p = text };
	int r = expand_until(&s, '\0', &out);
	if (r < 0)
		return r;
	char *taken = buf_take(&out);
	if (!taken)
		return err_oom(e);
	*ret = taken;
	return 0;
}
