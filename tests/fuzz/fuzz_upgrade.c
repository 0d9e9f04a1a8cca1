/* SPDX-License-Identifier: MIT */
/*
 * What an engine, or a proxy, answers to an attach. A verdict once given stays whatever comes behind it, and the head is
 * where the bytes are; the same bytes are judged alike however they came.
 */
#include "docker/upgrade.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t n, enum upgrade_verdict v, const struct upgrade *u)
{
	if (v != UPGRADE_DONE && v != UPGRADE_REFUSED)
		return;
	if (u->head < 4 || u->head > n || memcmp(text + u->head - 4, "\r\n\r\n", 4) != 0)
		abort();
	if ((v == UPGRADE_DONE) != (u->status == 101 || u->status == 200) || u->status < 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	enum upgrade_verdict before = UPGRADE_MORE;
	struct upgrade first = { 0 };
	for (size_t n = 0; n <= size; n++) {
		char *text = malloc(n + 1); /* not one byte more, for the sanitizer */
		if (!text)
			return 0;
		memcpy(text, data, n);
		text[n] = '\0';
		struct upgrade u = { 0 };
		enum upgrade_verdict v = upgrade_read(text, n, false, &u);
		check(text, n, v, &u);
		if (before != UPGRADE_MORE && (v != before || u.head != first.head))
			abort();
		before = v;
		first = u;
		if (upgrade_read(text, n, true, &u) == UPGRADE_MORE)
			abort();
		free(text);
	}
	return 0;
}
