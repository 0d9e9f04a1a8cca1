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

/* "1,234": for people. */
static void print_lost(const cJSON *note)
{
	char digits[32];
	double lines = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(note, "lines"));
	int n = snprintf(digits, sizeof(digits), "%.0f", lines);
	(void)putchar('[');
	for (int i = 0; i < n; i++)
		(void)printf(i > 0 && (n - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
	(void)printf(" line%s lost: this reader was slower than the server's stderr]\n",
		     lines == 1 ? "" : "s");
}

static void print_line(const struct cli *c, cJSON *note)
{
	char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "text"));
	if (!text)
		return;
	if (c->is_json) {
		client_print(note, stdout);
		return;
	}
	if (isatty(STDOUT_FILENO)) /* foreign text must not drive the terminal */
		table_tame(text);
	(void)puts(text);
}

/* Prints a note. False: it is none. */
static bool print_note(const struct cli *c, const char *line, size_t len)
{
	cJSON *note = wire_read_note(line, len, "line");
	bool is_note = note || (note = wire_read_note(line, len, "lost"));
	if (cJSON_GetObjectItemCaseSensitive(note, "text")) {
		print_line(c, note);
	} else if (is_note) {
		if (c->is_json)
			(void)printf("{\"lost\":%.0f}\n",
				     cJSON_GetNumberValue(
					     cJSON_GetObjectItemCaseSensitive(note, "lines")));
		else
			print_lost(note);
	}
	cJSON_Delete(note);
	return is_note;
}

/* Another whole line is here already. */
static bool has_more(const struct client *client)
{
	size_t n;
	const char *bytes = client_surplus(client, &n);
	return n > 0 && memchr(bytes, '\n', n);
}

static int read_all(const struct cli *c, struct client *client, cJSON **ret, struct err *e)
{
	bool follows = c->given & CLI_FOLLOW;
	while (!*ret) {
		char *line;
		size_t len;
		int r = client_line(client, follows ? -1 : WIRE_ANSWER_MS, &line, &len, e);
		if (r == -ECONNRESET && follows)
			return err_kind(e, r, WIRE_EXIT_UNAVAILABLE, "mcpinit has ended");
		if (r < 0)
			return r;
		if (!print_note(c, line, len) && (r = wire_read_answer(line, len, ret, e)) < 0)
			return r;
		if ((follows && !has_more(client) && fflush(stdout) != 0) || ferror(stdout))
			return err_kind(e, -EIO, WIRE_EXIT_FAILED, "cannot write to stdout");
	}
	return 0;
}

int verb_logs(const struct cli *c)
{
	client_end_by_signal();
	struct err e = { 0 };
	struct client *client = NULL;
	char *request = wire_request_line(WIRE_LOGS, logs_params(c));
	int r = request ? client_open(&c->where, &client, &e) : err_oom(&e);
	if (r == 0)
		r = client_send(client, request, strlen(request), &e);
	free(request);
	cJSON *result = NULL;
	if (r == 0)
		r = read_all(c, client, &result, &e);
	client_free(client);
	cJSON_Delete(result);
	return r < 0 ? client_fail_as(c->is_json, &e) : WIRE_EXIT_OK;
}
