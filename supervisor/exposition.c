/* SPDX-License-Identifier: MIT */
#include "supervisor/exposition.h"

#include "base/buf.h"
#include "base/hist.h"

#include <inttypes.h>
#include <stdio.h>

int expo_head(struct buf *out, const char *name, const char *type, const char *help)
{
	return buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int add_value(struct buf *out, const char *value)
{
	int r = 0;
	for (const char *p = value; *p && r == 0; p++) {
		if (*p == '\n')
			r = buf_adds(out, "\\n");
		else if (*p == '\\' || *p == '"')
			r = buf_addf(out, "\\%c", *p);
		else
			r = buf_add(out, p, 1);
	}
	return r;
}

/* NAME SUFFIX {a="…",le="…"} ; le: NULL, or the bound of a bucket. */
static int add_name(struct buf *out, const char *name, const char *suffix,
		    const struct expo_label *labels, const char *le)
{
	char mark = '{';
	int r = buf_addf(out, "%s%s", name, suffix);
	for (const struct expo_label *l = labels; l->name && r == 0; l++) {
		r = buf_addf(out, "%c%s=\"", mark, l->name);
		if (r == 0)
			r = add_value(out, l->value);
		if (r == 0)
			r = buf_adds(out, "\"");
		mark = ',';
	}
	if (r == 0 && le)
		r = buf_addf(out, "%cle=\"%s\"", mark, le);
	if (r == 0 && (le || labels->name))
		r = buf_adds(out, "}");
	return r;
}

int expo_sample(struct buf *out, const char *name, const struct expo_label *labels, double value)
{
	int r = add_name(out, name, "", labels, NULL);
	return r < 0 ? r : buf_addf(out, " %.15g\n", value);
}

int expo_hist(struct buf *out, const char *name, const struct expo_label *labels,
	      const struct hist *h)
{
	uint64_t below = 0;
	int r = 0;
	for (int i = 0; i <= HIST_BOUNDS && r == 0; i++) {
		char le[24] = "+Inf";
		if (i < HIST_BOUNDS)
			(void)snprintf(le, sizeof(le), "%g", (double)hist_bounds_ms[i] / 1000);
		below += h->n[i];
		r = add_name(out, name, "_bucket", labels, le);
		if (r == 0)
			r = buf_addf(out, " %" PRIu64 "\n", below);
	}
	if (r == 0)
		r = add_name(out, name, "_sum", labels, NULL);
	if (r == 0)
		r = buf_addf(out, " %.15g\n", (double)h->sum_ms / 1000);
	if (r == 0)
		r = add_name(out, name, "_count", labels, NULL);
	return r < 0 ? r : buf_addf(out, " %" PRIu64 "\n", below);
}
