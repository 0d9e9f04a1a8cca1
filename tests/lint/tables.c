/* SPDX-License-Identifier: MIT */
/* The tables that the man pages are held against, as lines of words: see man.sh. */
#include "base/wire.h"
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

/* key SECTION NAME DEFAULT…; container NAME for what describes a container; then a line for each choice. */
static void print_key(const struct conf_key *k)
{
	(void)printf("key %s %s%s%s\n", k->section, k->name, k->def ? " " : "",
		     k->def ? k->def : "");
	if (k->is_container)
		(void)printf("container %s\n", k->name);
	for (const char *const *c = k->choices; c && *c; c++)
		(void)printf("choice %s %s %.*s\n", k->section, k->name, (int)strcspn(*c, "|"), *c);
}

int main(void)
{
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++)
		print_key(&keys[i]);
	const struct wire_exit_row *row;
	for (size_t i = 0; (row = wire_exit(i)); i++) {
		if (row->is_mcpinit)
			(void)printf("exit mcpinit %d\n", row->code);
		if (row->is_mcpctl)
			(void)printf("exit mcpctl %d\n", row->code);
	}
	return 0;
}
