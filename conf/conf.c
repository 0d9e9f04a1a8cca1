/* SPDX-License-Identifier: MIT */
/* What users of a finished struct conf ask it; load.c makes and frees it. */
#include "conf/conf.h"

#include "base/cleanup.h"
#include "conf/value.h"

#include <string.h>

void conf_errors_done(struct conf_errors *errs)
{
	strv_free(take_ptr(&errs->lines));
	errs->n = 0;
}

const struct conf_server *conf_find_server(const struct conf *c, const char *name)
{
	for (size_t i = 0; c->servers[i]; i++)
		if (strcmp(c->servers[i]->name, name) == 0)
			return c->servers[i];
	return NULL;
}

bool conf_agent_may(const struct conf_agent *a, const char *server)
{
	for (size_t i = 0; a->servers[i]; i++)
		if (strcmp(a->servers[i], "*") == 0 || strcmp(a->servers[i], server) == 0)
			return true;
	return false;
}
