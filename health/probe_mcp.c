/* SPDX-License-Identifier: MIT */
#include "health/probe_mcp.h"

#include <string.h>

enum { METHOD_NOT_FOUND = -32601 }; /* JSON-RPC 2.0 */

static const char ping[] = "ping", tools[] = "tools/list", discover[] = "server/discover";

const char *probe_mcp_method(const struct probe_mcp *p)
{
	if (p->is_modern)
		return discover;
	return p->is_ping_unsupported ? tools : ping;
}

const char *probe_mcp_second(const struct probe_mcp *p)
{
	return p->is_modern || p->is_ping_unsupported || p->has_answered_ping ? NULL : tools;
}

const char *probe_mcp_noun(const char *method)
{
	if (strcmp(method, ping) == 0)
		return "ping";
	return strcmp(method, tools) == 0 ? "tools/list request" : "server/discover request";
}

void probe_mcp_answered(struct probe_mcp *p, const char *method, bool is_error, int error_code)
{
	if (strcmp(method, ping) != 0)
		return;
	if (is_error && error_code == METHOD_NOT_FOUND)
		p->is_ping_unsupported = true;
	else
		p->has_answered_ping = true;
}

void probe_mcp_ignored(struct probe_mcp *p, const char *method)
{
	if (strcmp(method, ping) == 0 && !p->has_answered_ping)
		p->is_ping_unsupported = true;
}
