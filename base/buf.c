/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int reserve(struct buf *b, size_t n)
{
	if (n > SIZE_MAX / 2 - b->len - 1)
		return -ENOMEM;
	size_t need = b->len + n;
	if (b->max && need > b->max)
		return -EMSGSIZE;
	if (need < b->cap) /* strictly: the NUL */
		return 0;
	size_t cap = b->cap ? b->cap : 64;
	while (cap <= need)
		cap *= 2;
	char *bigger = realloc(b->data, cap);
	if (!bigger)
		return -ENOMEM;
	b->data = bigger;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *bytes, size_t n)
{
	int r = reserve(b, n);
	if (r < 0)
		return r;
	if (n)
		memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int buf_adds(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n < sizeof(small))
		return buf_add(b, small, (size_t)n);
	int r = reserve(b, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
	} else {
		memmove(b->data, b->data + n, b->len - n);
		b->len -= n;
	}
	if (b->data)
		b->data[b->len] = '\0';
}

char *buf_room(struct buf *b, size_t n)
{
	if (reserve(b, n) < 0)
		return NULL;
	return b->data + b->len;
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	if (!b->data && buf_add(b, "", 0) < 0)
		return NULL;
	char *taken = take_ptr(&b->data);
	b->len = b->cap = 0;
	return taken;
}

void buf_done(struct buf *b)
{
	free(take_ptr(&b->data));
	b->len = b->cap = 0;
}
