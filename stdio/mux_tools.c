/* SPDX-License-Identifier: MIT */
/*
 * Which tools an agent sees and may call: the server's own `tools` and `tools_deny`, narrowed by the agent's list, and, with
 * pin_tools = block, only those that are as they were pinned. Lists are cut on their way to the agent, calls are refused
 * before they reach the server. What cannot be read for certain is refused or left out, never passed; where nothing is
 * filtered nothing is looked at.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "stdio/mux_priv.h"
#include "stdio/walk.h"

#include <stdio.h>
#include <string.h>

static bool is_open_for_all(const struct mux *m)
{
	return filter_is_open(&m->filter) && !pinning_blocks(m);
}

bool tools_are_open(const struct mux_agent *a)
{
	return is_open_for_all(a->mux) && filter_is_open(&a->filter);
}

/* --- lists ------------------------------------------------------------------------------------ */

static bool is_for_all(const struct mux *m, struct span tool)
{
	char text[FILTER_NAME_MAX];
	struct span name;
	return filter_name_of(tool, text, &name) && filter_admits(&m->filter, name) &&
	       !pinning_withholds(m, name);
}

static bool is_for_agent(void *ctx, struct span tool)
{
	const struct mux_agent *a = ctx;
	char text[FILTER_NAME_MAX];
	struct span name;
	return is_for_all(a->mux, tool) && filter_name_of(tool, text, &name) &&
	       filter_admits(&a->filter, name);
}

static void no_list(struct mux_agent *a, struct span id)
{
	struct mux *m = a->mux;
	unsigned more;
	if (mux_may_say(&m->garbage, &more))
		log_warn(m->p.server,
			 "answered tools/list without one list of tools: an answer that cannot be "
			 "filtered is not passed on (%u more bad lines before)",
			 more);
	agent_error(a, id, RPC_E_INTERNAL,
		    "The server's list of tools cannot be read, and so not be filtered", NULL);
}

void tools_write_list(struct mux_agent *a, const struct rpc_msg *q, struct span id)
{
	_cleanup_buf_ struct buf list = { 0 };
	struct patch patches[] = { { rpc_at(q, SCAN_ID), id }, { { 0 }, { 0 } } };
	struct span result = rpc_at(q, SCAN_RESULT), all;
	bool is_looked_at = result.p && (!tools_are_open(a) || pinning_is_on(a->mux));
	bool has_list = is_looked_at && filter_find_list(result, &all);
	if (has_list)
		pinning_see(a->mux, all);
	if (result.p && !tools_are_open(a)) {
		if (!has_list || filter_splice(all, is_for_agent, a, &list) < 0) {
			no_list(a, id);
			return;
		}
		patches[1] = (struct patch){ all, { list.data, list.len } };
	}
	struct iovec parts[PATCHED_PARTS];
	down_write(a, parts, patch_line(q, patches, 2, parts), DOWN_MUST);
}

int tools_took_page(struct mux *m, const char *line, size_t len)
{
	struct rpc_msg q;
	struct span list, none, tool;
	int n = 0;
	rpc_read(line, len, &q);
	if (!filter_find_list(rpc_at(&q, SCAN_RESULT), &list))
		return 0;
	pinning_see(m, list);
	for (struct walk w = walk_into(list); walk_next(&w, &none, &tool);)
		n += is_open_for_all(m) || is_for_all(m, tool);
	return n;
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Why it is refused, for the agent and for the log; or NULL. The same whether there is such a tool or not. */
static const char *what_hides(const struct mux_agent *a, struct span name, char *out, size_t size)
{
	if (!filter_admits(&a->mux->filter, name))
		(void)snprintf(out, size,
			       "not among what tools and tools_deny of [server:%s] admit",
			       a->mux->p.server);
	else if (!filter_admits(&a->filter, name))
		(void)snprintf(out, size, "not among what tools of [agent:%s] admits for server %s",
			       a->name, a->mux->p.server);
	else if (mux_is_open(a->mux) && pinning_withholds(a->mux, name)) /* else it waits, first */
		(void)snprintf(
			out, size,
			"withheld by pin_tools of [server:%s]: in no list of its tools so far",
			a->mux->p.server);
	else
		return NULL;
	return out;
}

/* It is the pins that hide it: an agent that had this tool yesterday is told so. */
static bool is_changed(const struct mux_agent *a, struct span name, char *out, size_t size)
{
	const struct mux *m = a->mux;
	unsigned parts = pinning_blocks(m) ? pins_changed(m->p.pins, m->p.server, name) : 0;
	if (!parts || !filter_admits(&m->filter, name) || !filter_admits(&a->filter, name))
		return false;
	_cleanup_buf_ struct buf names = { 0 };
	pinning_parts(parts, &names);
	(void)snprintf(out, size, "changed: %s", buf_str(&names));
	return true;
}

static void refuse_call(struct mux_agent *a, struct span id, const char *message, const char *why)
{
	struct mux *m = a->mux;
	_cleanup_buf_ struct buf data = { 0 };
	unsigned more;
	if (mux_may_say(&a->refused, &more))
		log_info(m->p.server, "agent %s: call refused: %s: %s (%u more before)", a->name,
			 message, why, more);
	if (!id.p) /* a notification: dropped */
		return;
	m->counts.errors++;
	int r = buf_adds(&data, "{\"server\":");
	if (r == 0)
		r = rpc_string(&data, m->p.server, strlen(m->p.server));
	if (r == 0)
		r = buf_adds(&data, ",\"reason\":");
	if (r == 0)
		r = rpc_string(&data, why, strlen(why));
	if (r == 0)
		r = buf_adds(&data, "}");
	agent_error(a, id, RPC_E_PARAMS, message, r == 0 ? buf_str(&data) : NULL);
}

bool tools_refuse(struct mux_agent *a, const struct rpc_msg *q, struct span id)
{
	if (tools_are_open(a) || !scan_is(rpc_at(q, SCAN_METHOD), "tools/call"))
		return false;
	char text[FILTER_NAME_MAX], why[256], message[FILTER_NAME_MAX + 160];
	long n = filter_name(rpc_at(q, SCAN_NAME), text);
	if (n < 0) {
		refuse_call(a, id, "params.name must be the name of a tool",
			    "missing, no string, too long, or with control characters");
		return true;
	}
	struct span name = { text, (size_t)n };
	const char *hides = what_hides(a, name, why, sizeof(why));
	if (!hides)
		return false;
	if (is_changed(a, name, why, sizeof(why)))
		(void)snprintf(message, sizeof(message),
			       "Tool %.*s is withheld: it is not as it was pinned; the operator "
			       "takes it with mcpctl tools %s --accept",
			       (int)n, text, a->mux->p.server);
	else
		(void)snprintf(message, sizeof(message), "Unknown tool: %.*s", (int)n, text);
	refuse_call(a, id, message, hides);
	return true;
}

/* --- changes ---------------------------------------------------------------------------------- */

static void tell_changed(struct mux_agent *a)
{
	static const char said[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}";
	struct iovec part = { (void *)said, sizeof(said) - 1 };
	if (a->phase == AGENT_READY && a->mux->session.has_tools)
		down_write(a, &part, 1, DOWN_MAY_DROP);
}

void tools_changed(struct mux *m)
{
	for (struct mux_agent *a = m->first; a; a = a->next)
		tell_changed(a);
}

void mux_agent_set_tools(struct mux_agent *a, char *const *tools)
{
	if (filter_set(&a->filter, tools, NULL))
		tell_changed(a);
}
