/* SPDX-License-Identifier: MIT */
/*
 * probe_mcp: what to ask an MCP server to see that it lives, and what its answers teach about asking. Pure.
 * Any answer is life, an error too. A server that does not know ping, or never answers it while it does speak
 * otherwise, is asked for tools/list from then on.
 * Spec: MCP 2025-11-25, basic/utilities/ping; 2026-07-28 (stateless) has server/discover instead.
 */
#ifndef HEALTH_PROBE_MCP_H
#define HEALTH_PROBE_MCP_H

#include <stdbool.h>

struct probe_mcp {
	bool is_modern;
	bool is_ping_unsupported; /* latched */
	bool has_answered_ping;	  /* so silence means something else than ignorance */
};

/* The method to ask with now. A literal. */
const char *probe_mcp_method(const struct probe_mcp *p);
/*
 * What to ask along with it: NULL once it is known what a ping is worth here. An idle server that knows no ping shall not
 * be taken for a hung one, not even with retries = 1.
 */
const char *probe_mcp_second(const struct probe_mcp *p);
/* What such a question is called in a sentence: "ping", "tools/list request". A literal. */
const char *probe_mcp_noun(const char *method);
/* method: what was asked. */
void probe_mcp_answered(struct probe_mcp *p, const char *method, bool is_error, int error_code);
/* No answer in time, though the server was heard meanwhile: latched, for the life of the process. */
void probe_mcp_ignored(struct probe_mcp *p, const char *method);

#endif
