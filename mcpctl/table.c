/* SPDX-License-Identifier: MIT */
#include "mcpctl/table.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

enum { GAP = 3 };

struct table {
	size_t columns, n_cells;
	size_t *widths; /* owned, one a column */
	char **cells;	/* owned, row by row */
};

struct table *table_new(size_t columns, const size_t *min_widths)
{
	struct table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->columns = columns;
	t->widths = calloc(columns, sizeof(*t->widths));
	if (!t->widths) {
		free(t);
		return NULL;
	}
	for (size_t i = 0; min_widths && i + 1 < columns; i++)
		t->widths[i] = min_widths[i];
	return t;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->widths);
	free(t);
}

void table_tame(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if ((*p < 0x20 && *p != '\n' && *p != '\t') || *p == 0x7f)
			*p = '?';
		else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* C1 controls in UTF-8 */
			p[0] = p[1] = '?';
	}
}

/* Characters, not bytes: what a terminal of UTF-8 shows, wide ones apart. */
static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

int table_row(struct table *t, const char *const *cells)
{
	char **bigger = realloc(t->cells, (t->n_cells + t->columns) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	t->cells = bigger;
	for (size_t i = 0; i < t->columns; i++) {
		char *cell = strdup(cells[i] ? cells[i] : "");
		if (!cell) {
			while (i-- > 0)
				free(bigger[t->n_cells + i]);
			return -ENOMEM;
		}
		for (char *p = cell; *p; p++)
			if (*p == '\n' || *p == '\t')
				*p = ' ';
		table_tame(cell);
		bigger[t->n_cells + i] = cell;
	}
	for (size_t i = 0; i + 1 < t->columns; i++) {
		size_t width = width_of(bigger[t->n_cells + i]);
		if (width > t->widths[i])
			t->widths[i] = width;
	}
	t->n_cells += t->columns;
	return 0;
}

static void print_row(const struct table *t, size_t at, FILE *to)
{
	size_t last = t->columns;
	while (last > 0 && !*t->cells[at + last - 1])
		last--; /* no blanks at the end of a line */
	for (size_t i = 0; i < last; i++) {
		const char *cell = t->cells[at + i];
		size_t pad = i + 1 < last ? t->widths[i] + GAP - width_of(cell) : 0;
		(void)fprintf(to, "%s%*s", cell, (int)pad, "");
	}
	(void)fputc('\n', to);
}

void table_print(const struct table *t, FILE *to)
{
	for (size_t at = 0; at < t->n_cells; at += t->columns)
		print_row(t, at, to);
}
