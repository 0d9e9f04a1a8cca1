/* SPDX-License-Identifier: MIT */
#include "supervisor/access.h"

#include "conf/conf.h"
#include "stdio/filter.h"
#include "supervisor/agents.h"
#include "supervisor/server.h"

#include <stdlib.h>
#include <string.h>

/* The half of a pattern that is about tools, if its other half names this server. */
static char *tool_half(char *pattern, const char *server)
{
	char *colon = strchr(pattern, ':');
	if (!colon)
		return pattern; /* "*": conf has seen to it */
	char *half = strndup(pattern, (size_t)(colon - pattern));
	bool is_meant = half && filter_matches(half, (struct span){ server, strlen(server) });
	free(half);
	return is_meant ? colon + 1 : NULL;
}

char **access_list(const struct conf_agent *a, const char *server)
{
	size_t n = 0, n_tools = 0;
	while (a->tools[n])
		n++;
	char **tools = calloc(n + 1, sizeof(*tools));
	for (size_t i = 0; tools && i < n; i++) {
		char *half = tool_half(a->tools[i], server);
		if (half)
			tools[n_tools++] = half;
	}
	return tools;
}

void access_apply(struct server *s, const struct conf_agent *a)
{
	static char *const nothing[] = { NULL };
	char **tools = access_list(a, conf_server_base(server_conf(s)));
	agents_set_tools(server_agents(s), a->name, tools ? tools : nothing);
	free(tools);
}
