/* SPDX-License-Identifier: MIT */
/*
 * A client's JSON, whoever wrote it: it is refused as JSON, or the INI that comes of it loads without an error, has as many
 * servers as were carried over, and a server's command and environment are word for word what the JSON has.
 * Input: JSON; or, when it begins with !, one word of `docker run` a line (JSON would hide them from the fuzzer).
 */
#include "base/cleanup.h"
#include "base/err.h"
#include "conf/load.h"
#include "mcpctl/import.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS_MAX = 4000 }; /* a list of the configuration has no more */

static void fail(const char *what, const char *json, const char *ini)
{
	(void)fprintf(stderr, "%s\n--- json\n%s\n--- ini\n%s\n", what, json, ini);
	abort();
}

/* {"mcpServers": {"d": {"command": "docker", "args": ["run", LINE…]}}} */
static char *docker_json(char *text)
{
	cJSON *root = cJSON_CreateObject(), *servers = cJSON_AddObjectToObject(root, "mcpServers");
	cJSON *server = cJSON_AddObjectToObject(servers, "d");
	cJSON *args = cJSON_AddArrayToObject(server, "args");
	cJSON_AddStringToObject(server, "command", "docker");
	cJSON_AddItemToArray(args, cJSON_CreateString("run"));
	for (char *word; (word = strsep(&text, "\n"));)
		cJSON_AddItemToArray(args, cJSON_CreateString(word));
	char *json = cJSON_PrintUnformatted(root);
	cJSON_Delete(root);
	return json;
}

static bool is_small(const cJSON *item)
{
	int n = 0;
	for (const cJSON *child = item ? item->child : NULL; child; child = child->next, n++)
		if (!is_small(child))
			return false;
	return n < ITEMS_MAX;
}

/* Words without variables stand in the configuration as they are. */
static bool is_same_command(const cJSON *server, const struct conf_server *s)
{
	const cJSON *command = cJSON_GetObjectItemCaseSensitive(server, "command");
	const cJSON *arg = cJSON_GetObjectItemCaseSensitive(server, "args");
	if (strcmp(command->valuestring, "uvx") != 0)
		return true;
	arg = arg ? arg->child : NULL;
	for (char **word = s->command + 1; *word; word++, arg = arg->next) {
		if (!arg)
			return false;
		if (cJSON_IsString(arg) && !strchr(arg->valuestring, '$') && !strchr(*word, '$') &&
		    strcmp(*word, arg->valuestring) != 0 && strncmp(*word, "VAR", 3) != 0)
			return false;
	}
	return !arg;
}

static void check(const struct import *im, const char *json)
{
	static const char *const env[] = { "A=a", NULL };
	struct conf_source src = { .path = "f.ini", .environ = env };
	const char *ini = im->ini.data ? im->ini.data : "";
	struct load in = { .src = &src, .text = ini, .len = im->ini.len };
	struct conf *c = NULL;
	struct conf_errors errs = { 0 };
	if (load_conf(&in, &c, &errs) < 0)
		fail(errs.n ? errs.lines[0] : "it does not load", json, ini);
	size_t n = 0;
	while (c->servers[n])
		n++;
	if (n != im->n_servers)
		fail("servers are missing", json, ini);
	cJSON *root = cJSON_Parse(json);
	const cJSON *servers = cJSON_GetObjectItemCaseSensitive(root, "mcpServers");
	const struct conf_server *only = n == 1 ? c->servers[0] : NULL;
	if (only && !only->blocked && cJSON_GetArraySize(servers) == 1 &&
	    !is_same_command(servers->child, only))
		fail("the command is another", json, ini);
	cJSON_Delete(root);
	conf_errors_done(&errs);
	conf_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_free_ char *json = text && *text == '!' ? docker_json(text + 1) : strdup(text);
	_cleanup_free_ char *worn = strdup(json); /* import_text() writes into it */
	cJSON *root = cJSON_Parse(json);
	bool is_fit = !root || is_small(root);
	cJSON_Delete(root);
	struct import im = { 0 };
	struct err e;
	if (is_fit && import_text(worn, &im, &e) == 0)
		check(&im, json);
	import_done(&im);
	return 0;
}
