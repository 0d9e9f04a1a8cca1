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
	size_t n = strcspn(server, "@");
	if (server[n] && strcmp(server + n + 1, a->name) != 0)
		return false;
	for (size_t i = 0; a->servers[i]; i++)
		if (strcmp(a->servers[i], "*") == 0 ||
		    (strncmp(a->servers[i], server, n) == 0 && !a->servers[i][n]))
			return true;
	return false;
}

const char *conf_server_base(const struct conf_server *s)
{
	return s->of ? s->of->name : s->name;
}

const char *conf_server_slug(const struct conf_server *s)
{
	return s->slug ? s->slug : s->name;
}
