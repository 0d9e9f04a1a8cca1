/* SPDX-License-Identifier: MIT */
#include "mcpctl/changed.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "mcpctl/verbs.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The tools behind NAME, as a list of texts. */
static bool add_names(cJSON *params, const struct cli *c)
{
	cJSON *names = c->n_args > 1 ? cJSON_AddArrayToObject(params, "tools") : NULL;
	for (int i = 1; i < c->n_args; i++) {
		cJSON *name = names ? cJSON_CreateString(c->args[i]) : NULL;
		if (!name || !cJSON_AddItemToArray(names, name))
			return false;
	}
	return true;
}

static cJSON *params_of(const struct cli *c, const char *server, bool is_accept)
{
	cJSON *params = cJSON_CreateObject();
	if (params && cJSON_AddStringToObject(params, "server", server) &&
	    (!is_accept || (cJSON_AddTrueToObject(params, "accept") && add_names(params, c))))
		return params;
	cJSON_Delete(params);
	return NULL;
}

/* --- shown ---------------------------------------------------------------------------------- */

static cJSON *find_tool(cJSON *all, const char *server, const char *name)
{
	cJSON *tool;
	cJSON_ArrayForEach(tool, all)
	{
		if (strcmp(client_text(tool, "server"), server) == 0 &&
		    strcmp(client_text(tool, "name"), name) == 0)
			return tool;
	}
	return NULL;
}

static cJSON *add_withheld(cJSON *all, const char *server, const char *name)
{
	cJSON *tool = cJSON_CreateObject();
	if (tool && cJSON_AddStringToObject(tool, "server", server) &&
	    cJSON_AddStringToObject(tool, "name", name) &&
	    cJSON_AddTrueToObject(tool, "is_withheld") && cJSON_AddItemToArray(all, tool))
		return tool;
	cJSON_Delete(tool);
	return NULL;
}

static void mark(cJSON *all, const char *server, const cJSON *result)
{
	bool is_withheld = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "is_withheld"));
	cJSON *changed;
	cJSON_ArrayForEach(changed, cJSON_GetObjectItemCaseSensitive(result, "tools"))
	{
		const char *name = client_text(changed, "name");
		cJSON *tool = find_tool(all, server, name);
		if (!tool && is_withheld)
			tool = add_withheld(all, server, name);
		cJSON *parts = cJSON_DetachItemFromObjectCaseSensitive(changed, "changed");
		if (!tool || !parts || !cJSON_AddItemToObject(tool, "changed", parts))
			cJSON_Delete(parts);
	}
}

void changed_mark(const struct cli *c, const char *server, struct cJSON *all)
{
	struct client *client = NULL;
	struct err e;
	cJSON *params = params_of(c, server, false), *result = NULL;
	if (!params || client_open(&c->where, &client, &e) < 0)
		cJSON_Delete(params);
	else if (client_ask(client, WIRE_PINS, params, WIRE_ANSWER_MS, &result, &e) == 0)
		mark(all, server, result);
	cJSON_Delete(result);
	client_free(client);
}

char *changed_parts(const struct cJSON *tool)
{
	_cleanup_buf_ struct buf text = { 0 };
	const cJSON *part;
	cJSON_ArrayForEach(part, cJSON_GetObjectItemCaseSensitive(tool, "changed"))
	{
		const char *name = cJSON_GetStringValue(part);
		(void)buf_addf(&text, "%s%s", text.len ? ", " : "", name ? name : "?");
	}
	return text.len ? buf_take(&text) : NULL;
}

/* --- accepted ------------------------------------------------------------------------------- */

static void print_accepted(const char *server, const cJSON *result)
{
	const cJSON *tools = cJSON_GetObjectItemCaseSensitive(result, "tools"), *tool;
	cJSON_ArrayForEach(tool, tools)
	{
		_cleanup_free_ char *changed = changed_parts(tool);
		(void)printf("%s: %s accepted (changed: %s)\n", server, client_text(tool, "name"),
			     changed ? changed : "?");
	}
	if (cJSON_GetArraySize(tools) == 0)
		(void)printf("%s: no tool has changed\n", server);
	if (*client_text(result, "warning"))
		(void)fprintf(stderr, "mcpctl: it counts until mcpinit ends: %s\n",
			      client_text(result, "warning"));
}

int changed_accept(const struct cli *c)
{
	struct err e = { 0 };
	cJSON *result = NULL;
	if (c->n_args == 0) {
		err_kind(&e, -EINVAL, WIRE_EXIT_USAGE,
			 "--accept needs the server whose tools are meant");
		return client_fail_as(c->is_json, &e);
	}
	cJSON *params = params_of(c, c->args[0], true);
	if (!params) {
		(void)err_oom(&e);
		return client_fail_as(c->is_json, &e);
	}
	int r = client_once(&c->where, WIRE_PINS, params, WIRE_ANSWER_MS, &result);
	if (r == 0 && c->is_json)
		client_print(result, stdout);
	else if (r == 0)
		print_accepted(c->args[0], result);
	cJSON_Delete(result);
	return r;
}
