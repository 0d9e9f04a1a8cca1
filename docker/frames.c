/* SPDX-License-Identifier: MIT */
#include "docker/frames.h"

#include <errno.h>
#include <string.h>

void frames_init(struct frames *f)
{
	memset(f, 0, sizeof(*f));
}

/* The header is whole: is it one? */
static int open_payload(struct frames *f)
{
	const unsigned char *h = f->header;
	if (h[0] != FRAMES_STDOUT && h[0] != FRAMES_STDERR)
		return -EPROTO;
	if (h[1] | h[2] | h[3])
		return -EPROTO;
	f->left = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
	if (f->left == 0)
		f->have = 0;
	return 0;
}

int frames_feed(struct frames *f, const char *bytes, size_t n, frames_fn *fn, void *ctx)
{
	if (f->have == FRAMES_HEADER && f->left == 0)
		return -EPROTO; /* an earlier header was refused */
	while (n > 0) {
		if (f->have < FRAMES_HEADER) {
			size_t want = FRAMES_HEADER - f->have;
			size_t take = n < want ? n : want;
			memcpy(f->header + f->have, bytes, take);
			f->have += take;
			bytes += take;
			n -= take;
			if (f->have < FRAMES_HEADER)
				return 0;
			int r = open_payload(f);
			if (r < 0)
				return r;
			continue;
		}
		size_t take = n < f->left ? n : f->left;
		fn(ctx, f->header[0], bytes, take);
		bytes += take;
		n -= take;
		f->left -= (uint32_t)take;
		if (f->left == 0)
			f->have = 0;
	}
	return 0;
}
