/* SPDX-License-Identifier: MIT */
/*
 * pin_print: what a tool's definition is, as SHA-256, a hash a part: what people and models read of it and decide by. Its name
 * is not in it: pins are kept by name.
 * Canonical: the order of an object's members, white space and the escapes of strings do not count, as they may differ from
 *            one start of an unchanged server to the next; all else does. Numbers count as they are written.
 * Used by: pin.c, mux_tools.c. Loop: none, pure; one pass. The tool is JSON, as scan_line() has said.
 */
#ifndef STDIO_PIN_PRINT_H
#define STDIO_PIN_PRINT_H

#include "stdio/scan.h"

enum { PIN_PARTS = 5, PIN_HASH_BYTES = 32 };

/* All zeros: the tool has no such part. */
struct pin_print {
	unsigned char hash[PIN_PARTS][PIN_HASH_BYTES];
};

/* title description inputSchema outputSchema annotations */
const char *pin_part_name(unsigned part);
/* 0 or -ENOMEM. */
int pin_print(struct span tool, struct pin_print *ret);
/* A bit for each part that differs; 0: the same. */
unsigned pin_differ(const struct pin_print *a, const struct pin_print *b);

#endif
