/* SPDX-License-Identifier: MIT */
#include "stdio/lines.h"

#include <errno.h>
#include <string.h>

void lines_init(struct lines *l, size_t max_bytes)
{
	*l = (struct lines){ .max_bytes = max_bytes };
}

void lines_done(struct lines *l)
{
	buf_done(&l->half);
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
			return false;
	return true;
}

/* A CR at the limit is not too much yet: it may belong to the newline. */
static bool is_too_long(const struct lines *l, const char *last, size_t len)
{
	return len > l->max_bytes && !(len == l->max_bytes + 1 && *last == '\r');
}

static int drop_line(struct lines *l, int why, size_t len, struct line *ret)
{
	buf_done(&l->half);
	*ret = (struct line){ .text = "", .len = len };
	return why;
}

static int keep_half(struct lines *l, const char *piece, size_t n)
{
	if (n == 0)
		return 0;
	if (is_too_long(l, piece + n - 1, l->half.len + n))
		return -EMSGSIZE;
	return buf_add(&l->half, piece, n);
}

int lines_next(struct lines *l, const char **bytes, size_t *n, struct line *ret)
{
	if (l->is_half_handed)
		buf_done(&l->half);
	l->is_half_handed = false;
	while (*n > 0) {
		const char *piece = *bytes;
		const char *end = memchr(piece, '\n', *n);
		size_t len = end ? (size_t)(end - piece) : *n;
		*bytes += end ? len + 1 : len;
		*n -= end ? len + 1 : len;
		if (l->is_skipping) {
			l->is_skipping = !end;
			continue;
		}
		bool is_half = !end || l->half.len > 0;
		if (is_half) {
			size_t seen = l->half.len + len;
			int r = keep_half(l, piece, len);
			if (r < 0) {
				l->is_skipping = !end;
				return drop_line(l, r, seen, ret);
			}
			if (!end)
				break;
			piece = l->half.data;
			len = l->half.len;
		}
		if (len > 0 && piece[len - 1] == '\r')
			len--;
		if (len > l->max_bytes)
			return drop_line(l, -EMSGSIZE, len, ret);
		if (is_blank(piece, len)) {
			buf_done(&l->half);
			continue;
		}
		l->is_half_handed = is_half;
		*ret = (struct line){ .text = piece, .len = len };
		return 1;
	}
	return 0;
}

size_t lines_reset(struct lines *l)
{
	size_t len = l->is_half_handed ? 0 : l->half.len;
	if (len > 0 && is_blank(l->half.data, len))
		len = 0;
	buf_done(&l->half);
	l->is_skipping = l->is_half_handed = false;
	return len;
}
