/* SPDX-License-Identifier: MIT */
/*
 * table: columns on a terminal, each as wide as its longest cell, three spaces between, as supervisorctl has them.
 * Cells are copied; what a terminal would obey in them (they may come from a server) is shown as "?".
 */
#ifndef MCPCTL_TABLE_H
#define MCPCTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct table;

/* min_widths: one a column but the last, NULL: none. */
struct table *table_new(size_t columns, const size_t *min_widths);
void table_free(struct table *t);
/* One cell a column; NULL counts as "". -ENOMEM leaves the table as it was. */
int table_row(struct table *t, const char *const *cells);
void table_print(const struct table *t, FILE *to);

/* Replaces what a terminal would obey, newlines and tabs apart, in place. */
void table_tame(char *text);

#endif
