/* SPDX-License-Identifier: MIT */
#include "conf/divide.h"

#include "conf/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void divide_free(struct conf_server *instance)
{
	free(instance->name);
	free(instance->slug);
	free(instance);
}

/* What the engine knows by name has no @. A NAME has no capitals, so no two slugs are alike. */
static struct conf_server *instance_new(const struct conf_server *of, const struct conf_agent *a)
{
	struct conf_server *s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	*s = *of;
	s->of = of;
	s->agent = a->name;
	if (asprintf(&s->name, "%s@%s", of->name, a->name) < 0)
		s->name = NULL;
	if (asprintf(&s->slug, "%s-AT-%s", of->name, a->name) < 0)
		s->slug = NULL;
	if (s->name && s->slug)
		return s;
	divide_free(s);
	return NULL;
}

static size_t count(void *const *list)
{
	size_t n = 0;
	while (list[n])
		n++;
	return n;
}

int divide_servers(struct conf *c)
{
	size_t n_servers = count((void *const *)c->servers),
	       n_agents = count((void *const *)c->agents);
	size_t n = 0, n_divided = 0;
	struct conf_server **from = c->servers;
	struct conf_server **all = calloc(n_servers * (n_agents + 1) + 1, sizeof(*all));
	c->divided = calloc(n_servers + 1, sizeof(*c->divided));
	if (!all || !c->divided) {
		free(all);
		return -ENOMEM;
	}
	c->servers = all;
	int r = 0;
	for (struct conf_server **s = from; *s; s++) {
		if ((*s)->sharing != CONF_PER_AGENT) {
			all[n++] = *s;
			continue;
		}
		c->divided[n_divided++] = *s;
		for (struct conf_agent **a = c->agents; *a && r == 0; a++) {
			if (!conf_agent_may(*a, (*s)->name))
				continue;
			if ((all[n] = instance_new(*s, *a)))
				n++;
			else
				r = -ENOMEM;
		}
	}
	free(from);
	return r;
}
