/* SPDX-License-Identifier: MIT */
/* logs: a server's stderr and lifecycle lines. */
#include "base/err.h"
#include "mcpctl/table.h"
#include "mcpctl/verbs.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cJSON *logs_params(const struct cli *c)
{
	cJSON *params = cJSON_CreateObject();
	bool is_whole = params && cJSON_AddStringToObject(params, "server", c->args[0]);
	if (is_whole && (c->given & CLI_LINES))
		is_whole = cJSON_AddNumberToObject(params, "lines", c->lines) != NULL;
	if (is_whole && (c->given & CLI_FOLLOW))
		is_whole = cJSON_AddTrueToObject(params, "follow") != NULL;
	if (is_whole)
		return params;
	cJSON_Delete(params);
	return NULL;
}

static void print_line(const struct cli *c, cJSON *note)
{
	char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "text"));
	if (!text)
		return;
	if (c->is_json) {
		client_print(note, stdout);
	} else {
		if (isatty(STDOUT_FILENO)) /* foreign text must not drive the terminal */
			table_tame(text);
		(void)puts(text);
	}
	if (c->given & CLI_FOLLOW)
		(void)fflush(stdout);
}

int verb_logs(const struct cli *c)
{
	struct err e = { 0 };
	struct client *client = NULL;
	char *request = wire_request_line(WIRE_LOGS, logs_params(c));
	int r = request ? client_open(&c->where, &client, &e) : err_oom(&e);
	if (r == 0)
		r = client_send(client, request, strlen(request), &e);
	free(request);
	cJSON *result = NULL;
	while (r == 0 && !result) {
		char *line;
		size_t len;
		int64_t patience = (c->given & CLI_FOLLOW) ? -1 : WIRE_ANSWER_MS;
		r = client_line(client, patience, &line, &len, &e);
		if (r < 0)
			break;
		cJSON *note = wire_read_note(line, len, "line");
		if (note)
			print_line(c, note);
		else
			r = wire_read_answer(line, len, &result, &e);
		cJSON_Delete(note);
	}
	client_free(client);
	cJSON_Delete(result);
	return r < 0 ? client_fail(&e) : WIRE_EXIT_OK;
}
