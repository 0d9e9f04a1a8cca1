/* SPDX-License-Identifier: MIT */
/*
 * clock: monotonic milliseconds. Tests install a fake; nothing else may.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC, or of the fake. */
int64_t clock_ms(void);
/* From now on clock_ms() returns what fn returns; NULL gives the real clock back. For tests. */
void clock_fake(int64_t (*fn)(void));

#endif
