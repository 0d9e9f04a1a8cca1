/* SPDX-License-Identifier: MIT */
/*
 * What an engine sends over an attach. However the bytes are cut, the same spans come out; the first input byte says
 * where to cut.
 */
#include "docker/frames.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	uint64_t hash[3];
	size_t bytes;
};

static void on_span(void *ctx, int stream, const char *bytes, size_t n)
{
	struct sum *s = ctx;
	if (n == 0 || (stream != FRAMES_STDOUT && stream != FRAMES_STDERR))
		abort();
	for (size_t i = 0; i < n; i++)
		s->hash[stream] = s->hash[stream] * 1099511628211U + (unsigned char)bytes[i] + 1;
	s->bytes += n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t step = data[0] % 17 + 1U;
	const char *bytes = (const char *)data + 1;
	size--;
	struct frames whole, cut;
	struct sum a = { 0 }, b = { 0 };
	frames_init(&whole);
	frames_init(&cut);
	int r = frames_feed(&whole, bytes, size, on_span, &a);
	int q = 0;
	for (size_t at = 0; at < size && q == 0; at += step)
		q = frames_feed(&cut, bytes + at, size - at < step ? size - at : step, on_span, &b);
	if (r != q || a.bytes != b.bytes || a.hash[1] != b.hash[1] || a.hash[2] != b.hash[2])
		abort();
	return 0;
}
