/* SPDX-License-Identifier: MIT */
/* changed: tools that are not as they were first seen: shown with the others, and accepted. The operator's socket only. */
#ifndef MCPCTL_CHANGED_H
#define MCPCTL_CHANGED_H

struct cJSON;
struct cli;

/*
 * Of the server's tools in all, those that have changed get "changed":[…]; those that are withheld are added, with
 * "is_withheld":true. On an agent's socket, where that is not for us to know, nothing happens.
 */
void changed_mark(const struct cli *c, const char *server, struct cJSON *all);
/* `tools --accept NAME [TOOL...]`. The exit status. */
int changed_accept(const struct cli *c);
/* "description, inputSchema", for the caller to free; NULL: it has not changed, or no memory. */
char *changed_parts(const struct cJSON *tool);

#endif
