/* SPDX-License-Identifier: MIT */
/*
 * The stream of a pull. However the bytes are cut, it says the same of layers and errors; the first input byte says where
 * to cut.
 */
#include "docker/progress.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct progress *p, const char *bytes, size_t size, size_t step)
{
	progress_init(p);
	for (size_t at = 0; at < size; at += step)
		if (progress_feed(p, bytes + at, size - at < step ? size - at : step) < 0)
			abort();
	if (progress_end(p) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct progress whole, cut;
	char text[2][128];
	feed(&whole, (const char *)data + 1, size - 1, size - 1);
	feed(&cut, (const char *)data + 1, size - 1, data[0] % 17 + 1U);
	progress_text(&whole, text[0], sizeof(text[0]));
	progress_text(&cut, text[1], sizeof(text[1]));
	if (strcmp(text[0], text[1]) != 0 || (whole.error == NULL) != (cut.error == NULL) ||
	    (whole.error && strcmp(whole.error, cut.error) != 0))
		abort();
	if (progress_layers_done(&whole) != progress_layers_done(&cut) ||
	    whole.n_layers != cut.n_layers)
		abort();
	progress_done(&whole);
	progress_done(&cut);
	return 0;
}
