/* SPDX-License-Identifier: MIT */
/*
 * What an engine says while it pulls. However the bytes are cut, the same is known of it; the first input byte says where
 * to cut.
 */
#include "docker/progress.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct progress *a, const struct progress *b)
{
	char text[128], other[128];
	progress_text(a, text, sizeof(text));
	progress_text(b, other, sizeof(other));
	if (strcmp(text, other) != 0 || a->n_layers > PROGRESS_LAYERS ||
	    progress_layers_done(a) > a->n_layers || progress_bytes(a) < 0 ||
	    progress_bytes(a) != progress_bytes(b) || a->is_up_to_date != b->is_up_to_date ||
	    (a->error != NULL) != (b->error != NULL) ||
	    (a->error && strcmp(a->error, b->error) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t step = data[0] % 17 + 1U;
	const char *bytes = (const char *)data + 1;
	size--;
	struct progress whole, cut;
	progress_init(&whole);
	progress_init(&cut);
	int r = progress_feed(&whole, bytes, size);
	for (size_t at = 0; at < size && r == 0; at += step)
		r = progress_feed(&cut, bytes + at, size - at < step ? size - at : step);
	if (r == 0 && progress_end(&whole) == 0 && progress_end(&cut) == 0)
		check(&whole, &cut);
	progress_done(&whole);
	progress_done(&cut);
	return 0;
}
