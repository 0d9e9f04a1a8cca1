/* SPDX-License-Identifier: MIT */
#include "stdio/tally.h"

#include <stdlib.h>
#include <string.h>

struct tally *tally_of(struct tally **all, const char *agent)
{
	for (struct tally *t = *all; t; t = t->next)
		if (strcmp(t->agent, agent) == 0)
			return t;
	size_t size = strlen(agent) + 1;
	struct tally *t = calloc(1, sizeof(*t) + size);
	if (!t)
		return NULL;
	memcpy(t->agent, agent, size);
	t->next = *all;
	*all = t;
	return t;
}

void tally_done(struct tally **all)
{
	while (*all) {
		struct tally *t = *all;
		*all = t->next;
		free(t);
	}
}
