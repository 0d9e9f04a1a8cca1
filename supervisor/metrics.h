/* SPDX-License-Identifier: MIT */
/*
 * metrics: what `status` shows, as Prometheus text: for `mcpctl metrics`, and for metrics_file.
 * Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4; UTF-8, no secret (names and numbers only).
 */
#ifndef SUPERVISOR_METRICS_H
#define SUPERVISOR_METRICS_H

struct buf;
struct metrics_file;
struct supervisor;

/* Appends all of it. 0 or -ENOMEM. */
int metrics_text(struct supervisor *sv, struct buf *out);

/* Writes conf's metrics_file now and every 15 s, whole or not at all; NULL: not set, or out of memory (logged). */
struct metrics_file *metrics_file_new(struct supervisor *sv);
/* Removes the file: what it says is no longer so. */
void metrics_file_free(struct metrics_file *f);

#endif
