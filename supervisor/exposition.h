/* SPDX-License-Identifier: MIT */
/*
 * exposition: Prometheus text: the heads of families, and their samples. Pure.
 * Source:  prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
 * Errors:  0 or -ENOMEM, as buf_add().
 */
#ifndef SUPERVISOR_EXPOSITION_H
#define SUPERVISOR_EXPOSITION_H

struct buf;
struct hist;

/* name, type, help: literals of ours, in which nothing needs escaping. */
int expo_head(struct buf *out, const char *name, const char *type, const char *help);

/* A list of them ends with name == NULL. Values are escaped. */
struct expo_label {
	const char *name, *value;
};
int expo_sample(struct buf *out, const char *name, const struct expo_label *labels, double value);
/* name_bucket, each with those below it, name_sum and name_count; in seconds. */
int expo_hist(struct buf *out, const char *name, const struct expo_label *labels,
	      const struct hist *h);

#endif
