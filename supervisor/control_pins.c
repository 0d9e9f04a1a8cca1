/* SPDX-License-Identifier: MIT */
/* pins: which tools of a server are not as they were first seen, and the operator's word that they may be. */
#include "base/err.h"
#include "conf/conf.h"
#include "stdio/mux.h"
#include "supervisor/control_priv.h"
#include "supervisor/server.h"
#include "supervisor/status.h"

#include <cjson/cJSON.h>
#include <string.h>

struct pins_list {
	cJSON *tools;	   /* borrowed */
	const cJSON *only; /* names; NULL: all */
	bool is_short;	   /* no memory */
};

static const cJSON *find_text(const cJSON *list, const char *text)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		const char *has = cJSON_IsObject(item)
					  ? cJSON_GetStringValue(
						    cJSON_GetObjectItemCaseSensitive(item, "name"))
					  : cJSON_GetStringValue(item);
		if (has && strcmp(has, text) == 0)
			return item;
	}
	return NULL;
}

static void add_tool(void *ctx, const char *name, unsigned parts)
{
	struct pins_list *l = ctx;
	if (l->only && !find_text(l->only, name))
		return;
	cJSON *tool = cJSON_CreateObject();
	cJSON *changed = tool ? cJSON_AddArrayToObject(tool, "changed") : NULL;
	bool is_whole = changed && status_add_text(tool, "name", name);
	for (unsigned i = 0; i < PIN_PARTS && is_whole; i++) {
		if (!(parts & 1U << i))
			continue;
		cJSON *part = cJSON_CreateString(pin_part_name(i));
		is_whole = part && cJSON_AddItemToArray(changed, part);
	}
	if (!is_whole || !cJSON_AddItemToArray(l->tools, tool)) {
		cJSON_Delete(tool);
		l->is_short = true;
	}
}

/* The name, if one is given that no changed tool has. */
static const char *unknown_name(const cJSON *names, const cJSON *tools)
{
	const cJSON *name;
	cJSON_ArrayForEach(name, names)
	{
		const char *text = cJSON_GetStringValue(name);
		if (!text || !find_text(tools, text))
			return text ? text : "";
	}
	return NULL;
}

/* Those of the list, which are all unless some were named. What could not be written is said beside. */
static bool accept_all(struct server *s, const struct pins_list *l, cJSON *result, struct err *e)
{
	const cJSON *tool;
	int r = l->only ? 0 : mux_pins_accept(server_mux(s), NULL, e);
	for (tool = l->only ? l->tools->child : NULL; tool && r >= 0; tool = tool->next)
		r = mux_pins_accept(
			server_mux(s),
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tool, "name")), e);
	if (r >= 0 && e->code < 0)
		(void)status_add_text(result, "warning", e->text); /* only said */
	return r >= 0;
}

void ctl_pins(struct ctl_client *c, const struct wire_request *rq, struct server *s)
{
	bool is_accept = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(rq->params, "accept"));
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(rq->params, "tools");
	cJSON *result = cJSON_CreateObject();
	struct pins_list l = { .tools = result ? cJSON_AddArrayToObject(result, "tools") : NULL,
			       .only = cJSON_GetArraySize(names) > 0 ? names : NULL };
	struct err e = { 0 };
	if (l.tools && mux_pins_each(server_mux(s), add_tool, &l, &e) < 0) {
		ctl_error(c, rq->id, WIRE_REFUSED, "%s", e.text);
		cJSON_Delete(result);
		return;
	}
	const char *unknown = l.only ? unknown_name(l.only, l.tools) : NULL;
	if (unknown) {
		ctl_error(c, rq->id, WIRE_UNKNOWN, "no tool '%.64s' of server %s has changed",
			  unknown, server_name(s));
		cJSON_Delete(result);
		return;
	}
	if (!l.tools || l.is_short ||
	    !cJSON_AddBoolToObject(result, "is_withheld",
				   server_conf(s)->pin_tools == CONF_PIN_BLOCK)) {
		cJSON_Delete(result);
		result = NULL; /* out of memory: that is what is answered */
	} else if (is_accept && !accept_all(s, &l, result, &e)) {
		ctl_error(c, rq->id, WIRE_REFUSED, "%s", e.text);
		cJSON_Delete(result);
		return;
	}
	ctl_result(c, rq->id, result);
}
