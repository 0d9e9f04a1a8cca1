/* SPDX-License-Identifier: MIT */
/*
 * pin: the definitions of tools as they were first seen, of all servers, in one file. A tool that is seen for the first time is
 * pinned; one that is not as it was pinned has changed, until it is as before or is accepted.
 * File:    a line a tool: SERVER "NAME" and for each part of pin_print.h 64 hex digits, or - for none; # begins a comment. Written
 *          beside itself, synced and renamed, mode 0600. One that is not understood is not used, and never written over.
 * Limits:  PIN_TOOLS_MAX tools of a server, PIN_FILE_MAX bytes of the file.
 * Owns:    all of it; one for all servers, made before and freed after their muxes.
 */
#ifndef STDIO_PIN_H
#define STDIO_PIN_H

#include "stdio/pin_print.h"

#include <stdbool.h>
#include <stddef.h>

struct err;
struct pins;

enum { PIN_TOOLS_MAX = 4096, PIN_FILE_MAX = 64 << 20 };

/* What a server wants done with a changed tool; in the order of the configuration's words. */
enum pin_mode { PIN_OFF, PIN_WARN, PIN_BLOCK };

/* Nothing is read yet. NULL: out of memory. */
struct pins *pins_new(const char *path);
void pins_free(struct pins *p);
/* Reads the file, unless it has been read; one that is not there is empty. The sentence names file and line. */
int pins_load(struct pins *p, struct err *e);
/* Writes it, if there is something new; what could not be written is tried again with the next call. */
int pins_store(struct pins *p, struct err *e);

enum pin_verdict {
	PIN_SAME,
	PIN_NEW,     /* and now pinned */
	PIN_CHANGED, /* … in this way for the first time */
	PIN_STILL,   /* … as it was seen before */
	PIN_NOT,     /* it cannot be pinned: no memory, or too many */
};
/* The tool as the server shows it now. ret_parts: with PIN_CHANGED a bit for each that differs. pins_load() first. */
enum pin_verdict pins_see(struct pins *p, const char *server, struct span name, struct span tool,
			  unsigned *ret_parts);
/* It is pinned, and was not seen otherwise since. */
bool pins_holds(const struct pins *p, const char *server, struct span name);
/* parts: as of pins_see(); 0: it is as it was pinned, or not pinned. */
unsigned pins_changed(const struct pins *p, const char *server, struct span name);
/* Every changed tool of the server. */
typedef void pins_fn(void *ctx, const char *name, unsigned parts);
void pins_each(const struct pins *p, const char *server, pins_fn *fn, void *ctx);
/* What was seen last becomes what is pinned; name.p NULL: of all that changed. How many did. */
size_t pins_accept(struct pins *p, const char *server, struct span name);

#endif
