/* SPDX-License-Identifier: MIT */
#include "stdio/listen.h"

#include "base/cleanup.h"
#include "stdio/mux_priv.h"

#include <cjson/cJSON.h>
#include <string.h>

bool listen_has_room(const struct mux_agent *a, size_t len)
{
	const struct mux *m = a->mux;
	size_t held = len;
	for (const struct idmap_entry *call = m->ids.first; call; call = call->next)
		if (call->owner == a && call->method == RPC_LISTEN && call->item)
			held += idmap_bytes(call) + call->item->len;
	return held <= m->p.max_queue / 2;
}

/* params: what stands before _meta, with its comma, or "". */
static void tell(const struct idmap_entry *call, const char *what, const char *params)
{
	_cleanup_buf_ struct buf b = { 0 };
	if (buf_addf(
		    &b,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/%s\",\"params\":{%s\"_meta\":{"
		    "\"io.modelcontextprotocol/subscriptionId\":",
		    what, params) == 0 &&
	    buf_add(&b, call->id.p, call->id.n) == 0 && buf_adds(&b, "}}}") == 0)
		down_write_buf(call->owner, &b, DOWN_MAY_DROP);
}

static void tell_updated(const struct idmap_entry *call, const char *uri)
{
	_cleanup_buf_ struct buf params = { 0 };
	if (buf_adds(&params, "\"uri\":") == 0 && rpc_string(&params, uri, strlen(uri)) == 0 &&
	    buf_adds(&params, ",") == 0)
		tell(call, "resources/updated", buf_str(&params));
}

static void tell_all(const struct idmap_entry *call, const struct rpc_msg *q)
{
	static const struct {
		const char *key, *what;
	} lists[] = {
		{ "toolsListChanged", "tools/list_changed" },
		{ "promptsListChanged", "prompts/list_changed" },
		{ "resourcesListChanged", "resources/list_changed" },
	};
	cJSON *tree = cJSON_ParseWithLength(q->line, q->len);
	const cJSON *params = cJSON_GetObjectItemCaseSensitive(tree, "params");
	const cJSON *wants = cJSON_GetObjectItemCaseSensitive(params, "notifications"), *uri;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(wants, lists[i].key)))
			tell(call, lists[i].what, "");
	cJSON_ArrayForEach(uri, cJSON_GetObjectItemCaseSensitive(wants, "resourceSubscriptions"))
	{
		if (cJSON_IsString(uri))
			tell_updated(call, uri->valuestring);
	}
	cJSON_Delete(tree);
}

bool listen_acknowledged(struct idmap_entry *call, const struct rpc_msg *q)
{
	bool is_known = call->is_acked && call->is_second;
	call->is_acked = true;
	call->is_second = false;
	if (is_known)
		tell_all(call, q);
	return is_known;
}
