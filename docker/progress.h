/* SPDX-License-Identifier: MIT */
/*
 * progress: the stream of a pull → how far it is, and the error that may come late in a 200.
 * Format:  JSON objects separated by "\r\n", cut anywhere: {"status","id","progressDetail":{"current","total"}}, and
 *	    {"errorDetail":{"message"},"error"}.
 * Limits:  1 MiB a line (skipped above that), 256 layers (more are not counted).
 * Source:  Engine API v1.41, ImageCreate; moby pkg/jsonmessage.
 * Used by: image.c. Loop: none, pure.
 */
#ifndef DOCKER_PROGRESS_H
#define DOCKER_PROGRESS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_LAYERS = 256, PROGRESS_ID = 72 };

struct progress_layer {
	char id[PROGRESS_ID];
	bool is_done;
	int64_t current, total; /* bytes downloaded; 0: not known */
};

struct progress {
	struct buf line; /* owned; the unfinished one */
	bool is_skipping;
	struct progress_layer *layers; /* owned, n_layers */
	size_t n_layers;
	bool is_up_to_date; /* nothing was fetched */
	char *error;	    /* owned; the engine's words, or NULL */
};

void progress_init(struct progress *p);
void progress_done(struct progress *p);
/* 0, or -ENOMEM. */
int progress_feed(struct progress *p, const char *bytes, size_t n);
/* A last object without an end of line counts too. */
int progress_end(struct progress *p);
size_t progress_layers_done(const struct progress *p);
/* Downloaded so far. */
int64_t progress_bytes(const struct progress *p);
/* ": 3 of 5 layers, 12.4 of 40.1 MB", or "" while nothing is known. */
void progress_text(const struct progress *p, char *buf, size_t size);

#endif
