/* SPDX-License-Identifier: MIT */
/*
 * event_lines: bytes of the event stream, cut anywhere → struct docker_event, for containers only.
 * Format:  a JSON object a line; API >= 1.52 puts RS (0x1e) in front. What is not that is skipped.
 * Limit:   EVENT_LINE_MAX; a longer line is skipped.
 * Used by: events.c. Loop: none, pure.
 */
#ifndef DOCKER_EVENT_LINES_H
#define DOCKER_EVENT_LINES_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct docker_event;

enum { EVENT_LINE_MAX = 256 * 1024 };

struct event_lines {
	struct buf line; /* what came after the last newline */
	bool is_skipping;
};

/* ev and its strings are borrowed for the call. False: no more, the owner of ctx (and maybe of the lines) has gone. */
typedef bool event_fn(void *ctx, const struct docker_event *ev);

void event_lines_init(struct event_lines *l);
void event_lines_done(struct event_lines *l);
void event_lines_feed(struct event_lines *l, const char *bytes, size_t n, event_fn *fn, void *ctx);

#endif
