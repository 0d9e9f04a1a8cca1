/* SPDX-License-Identifier: MIT */
/*
 * Framing against a plain model: however the bytes are cut into pieces, the same lines come out. The first input byte
 * says where to cut, the second the limit.
 */
#include "stdio/lines.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct model {
	const char *at, *end;
	size_t max;
};

/* What the next line must be: 1, 0 at the end, -EMSGSIZE; a half line at the end is not one. */
static int model_next(struct model *m, struct line *ret, size_t *ret_half)
{
	while (m->at < m->end) {
		const char *nl = memchr(m->at, '\n', (size_t)(m->end - m->at));
		const char *text = m->at;
		const char *stop = nl ? nl : m->end;
		size_t len = (size_t)(stop - text);
		size_t allowed = len > 0 && stop[-1] == '\r' ? m->max + 1 : m->max;
		m->at = nl ? nl + 1 : m->end;
		if (len > allowed)
			return -EMSGSIZE;
		size_t blank = 0;
		while (blank < len && strchr(" \t\r", text[blank]) && text[blank])
			blank++;
		if (!nl)
			*ret_half = blank < len ? len : 0;
		if (!nl || blank == len)
			continue;
		ret->text = text;
		ret->len = text[len - 1] == '\r' ? len - 1 : len;
		return 1;
	}
	return 0;
}

static void check(struct model *m, int r, const struct line *got)
{
	struct line want = { 0 };
	size_t half = 0;
	if (model_next(m, &want, &half) != r)
		abort();
	if (r == 1 && (want.len != got->len || memcmp(want.text, got->text, want.len) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t step = data[0] % 17 + 1U;
	struct lines l;
	lines_init(&l, data[1] % 40 + 1U);
	const char *bytes = (const char *)data + 2, *end = (const char *)data + size;
	struct model m = { .at = bytes, .end = end, .max = l.max_bytes };
	while (bytes < end) {
		size_t n = (size_t)(end - bytes) < step ? (size_t)(end - bytes) : step;
		const char *piece = bytes;
		bytes += n;
		struct line line;
		int r;
		while ((r = lines_next(&l, &piece, &n, &line)) != 0)
			check(&m, r, &line);
	}
	struct line want = { 0 };
	size_t half = 0;
	if (model_next(&m, &want, &half) != 0 || lines_reset(&l) != half)
		abort();
	lines_done(&l);
	return 0;
}
