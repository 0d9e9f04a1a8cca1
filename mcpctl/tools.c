/* SPDX-License-Identifier: MIT */
/* tools, call: what servers offer, and one use of it. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "mcpctl/changed.h"
#include "mcpctl/session.h"
#include "mcpctl/table.h"
#include "mcpctl/verbs.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLEAR_LINE "\r\033[K"

enum {
	ARGUMENT_BYTES = 64 << 20, /* of a call's JSON on stdin: the default of max_message */
	MESSAGE_BYTES = 100,	   /* of a progress, so that it stays one line */
	PAGES = 1000, /* of a list: a server whose cursor never ends is not followed for ever */
};

/* --- tools --------------------------------------------------------------------------------- */

static int ask_page(struct session *s, const char *cursor, cJSON **ret, struct err *e)
{
	cJSON *params = cJSON_CreateObject();
	if (params && cursor && !cJSON_AddStringToObject(params, "cursor", cursor)) {
		cJSON_Delete(params);
		params = NULL;
	}
	return session_ask(s, "tools/list", params, ret, e);
}

/* The tools of one server, each with a member "server", added to all. */
static int list_tools(struct session *s, const char *server, cJSON *all, struct err *e)
{
	_cleanup_free_ char *cursor = NULL;
	for (int page = 0; page < PAGES; page++) {
		cJSON *result = NULL;
		int r = ask_page(s, cursor, &result, e);
		if (r < 0)
			return r;
		cJSON *tools = cJSON_GetObjectItemCaseSensitive(result, "tools");
		while (tools && tools->child) {
			cJSON *tool = cJSON_DetachItemViaPointer(tools, tools->child);
			(void)cJSON_AddStringToObject(tool, "server", server); /* only for show */
			cJSON_AddItemToArray(all, tool);
		}
		free(cursor);
		const char *next = client_text(result, "nextCursor");
		cursor = *next ? strdup(next) : NULL;
		cJSON_Delete(result);
		if (!cursor)
			return 0;
	}
	return err_kind(e, -ELOOP, WIRE_EXIT_FAILED, "its list of tools has no end");
}

static int add_server(const struct cli *c, const char *server, cJSON *all, struct err *e)
{
	struct session *s = NULL;
	int r = session_open(&c->where, server, c->agent, &s, e);
	if (r == 0)
		r = list_tools(s, server, all, e);
	session_free(s);
	if (r == 0)
		changed_mark(c, server, all);
	return r < 0 ? err_prefix(e, "%s", server) : 0;
}

/* Why the tools of one server are not there: on stderr, or for --json one more of errors. The exit status. */
static int leave_out(cJSON *errors, const char *server, const struct err *e)
{
	if (!errors)
		return client_fail(e);
	cJSON *error = client_error(e->code == -EREMOTEIO ? e->kind : client_exit(e), e->text);
	if (!error || !cJSON_AddStringToObject(error, "server", server) ||
	    !cJSON_AddItemToArray(errors, error))
		cJSON_Delete(error); /* out of memory: the exit status still says it */
	return client_exit(e);
}

/* Servers that are not up are said and left out: to ask them would wait for them, or wake them. */
static int add_every_server(const struct cli *c, const cJSON *status, cJSON *all, cJSON *errors)
{
	int worst = WIRE_EXIT_OK;
	const cJSON *server;
	cJSON_ArrayForEach(server, cJSON_GetObjectItemCaseSensitive(status, "servers"))
	{
		struct err e = { 0 };
		const char *name = client_text(server, "name");
		if (strcmp(client_text(server, "state"), "RUNNING") != 0) {
			err_kind(&e, -EREMOTEIO, WIRE_REFUSED, "%s: %s, left out", name,
				 client_text(server, "state"));
			(void)leave_out(errors, name,
					&e); /* no failure: nobody asked for it by name */
		} else if (add_server(c, name, all, &e) < 0) {
			int exit_status = leave_out(errors, name, &e);
			worst = worst ? worst : exit_status;
		}
	}
	return worst;
}

/* The first line of what it says it is; before it, that this was not always so. */
static char *describe(const cJSON *tool)
{
	_cleanup_buf_ struct buf line = { 0 };
	_cleanup_free_ char *changed = changed_parts(tool);
	const char *text = client_text(tool, "description");
	bool is_withheld = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tool, "is_withheld"));
	if (changed)
		(void)buf_addf(&line, "[%schanged: %s] ", is_withheld ? "withheld, " : "", changed);
	(void)buf_add(&line, text, strcspn(text, "\r\n"));
	return buf_take(&line);
}

static void print_tools(const cJSON *all)
{
	struct table *t = table_new(3, NULL);
	const cJSON *tool;
	cJSON_ArrayForEach(tool, all)
	{
		_cleanup_free_ char *line = describe(tool);
		const char *cells[] = { client_text(tool, "server"), client_text(tool, "name"),
					line };
		if (!t || table_row(t, cells) < 0)
			break;
	}
	if (t)
		table_print(t, stdout);
	table_free(t);
}

static int accept_tools(const struct cli *c)
{
	struct err e = { 0 };
	if (c->given & CLI_ACCEPT)
		return changed_accept(c);
	err_kind(&e, -EINVAL, WIRE_EXIT_USAGE, "tools are named only to --accept them");
	return client_fail_as(c->is_json, &e);
}

int verb_tools(const struct cli *c)
{
	if (c->given & CLI_ACCEPT || c->n_args > 1)
		return accept_tools(c);
	struct err e = { 0 };
	cJSON *root = cJSON_CreateObject(), *status = NULL;
	cJSON *all = root ? cJSON_AddArrayToObject(root, "tools") : NULL;
	cJSON *errors = root && c->is_json ? cJSON_AddArrayToObject(root, "errors") : NULL;
	int r, exit_status = WIRE_EXIT_OK;
	if (c->n_args > 0) {
		r = all ? add_server(c, c->args[0], all, &e) : err_oom(&e);
		exit_status = r < 0 ? client_fail_as(c->is_json, &e) : WIRE_EXIT_OK;
	} else {
		r = exit_status = client_once(&c->where, WIRE_STATUS, cJSON_CreateObject(),
					      WIRE_ANSWER_MS, &status);
		if (r == 0)
			exit_status = add_every_server(c, status, all, errors);
	}
	if (r == 0 && c->is_json)
		client_print(root, stdout);
	else if (r == 0)
		print_tools(all);
	cJSON_Delete(status);
	cJSON_Delete(root);
	return exit_status;
}

/* --- call ---------------------------------------------------------------------------------- */

static int read_stdin(char **ret, struct err *e)
{
	_cleanup_buf_ struct buf b = { .max = ARGUMENT_BYTES };
	for (;;) {
		char *room = buf_room(&b, 64 * 1024);
		if (!room)
			return err_kind(e, -EFBIG, WIRE_EXIT_USAGE,
					"the JSON on stdin is larger than %d bytes",
					ARGUMENT_BYTES);
		ssize_t n = fd_read(STDIN_FILENO, room, 64 * 1024);
		if (n < 0)
			return err_kind(e, (int)n, WIRE_EXIT_USAGE, "cannot read stdin: %s",
					strerror((int)-n));
		if (n == 0)
			break;
		b.len += (size_t)n;
		b.data[b.len] = '\0';
	}
	*ret = buf_take(&b);
	return *ret ? 0 : err_oom(e);
}

/*
 * The arguments as one line of the text that was given, not as a tree: a tree's numbers are doubles, and would change
 * those beyond 2^53.
 */
static int read_arguments(const char *given, cJSON **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = 0;
	if (given && strcmp(given, "-") == 0)
		r = read_stdin(&text, e);
	else if (!(text = strdup(given ? given : "{}")))
		r = err_oom(e);
	if (r < 0)
		return r;
	cJSON *tree = cJSON_ParseWithOpts(text, NULL, true);
	bool is_object = cJSON_IsObject(tree);
	cJSON_Delete(tree);
	cJSON_Minify(text);
	if (!is_object || strpbrk(text, "\r\n"))
		return err_kind(
			e, -EINVAL, WIRE_EXIT_USAGE,
			"the arguments of a tool are one JSON object, like '{\"path\":\"/workspace\"}'");
	*ret = cJSON_CreateRaw(text);
	return *ret ? 0 : err_oom(e);
}

static cJSON *call_params(const char *tool, cJSON *takes_arguments)
{
	cJSON *params = cJSON_CreateObject();
	if (!params || !cJSON_AddItemToObject(params, "arguments", takes_arguments)) {
		cJSON_Delete(takes_arguments);
		cJSON_Delete(params);
		return NULL;
	}
	if (!cJSON_AddStringToObject(params, "name", tool)) {
		cJSON_Delete(params);
		return NULL;
	}
	return params;
}

/* Text as text, the rest as JSON. Structured content is a repetition where there is text. */
static void print_content(const cJSON *result, FILE *to)
{
	const cJSON *item,
		*structured = cJSON_GetObjectItemCaseSensitive(result, "structuredContent");
	bool has_text = false;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(result, "content"))
	{
		if (strcmp(client_text(item, "type"), "text") != 0) {
			client_print(item, to);
			continue;
		}
		const char *text = client_text(item, "text");
		size_t len = strlen(text);
		(void)fputs(text, to);
		if (len == 0 || text[len - 1] != '\n')
			(void)fputc('\n', to);
		has_text = true;
	}
	if (structured && !has_text)
		client_print(structured, to);
}

/* One line on the terminal, over the last one; what the server says must not rule the terminal. */
static void show_progress(void *ctx, const cJSON *params)
{
	const char *tool = ctx;
	const cJSON *now = cJSON_GetObjectItemCaseSensitive(params, "progress"),
		    *total = cJSON_GetObjectItemCaseSensitive(params, "total");
	if (!cJSON_IsNumber(now))
		return;
	(void)fprintf(stderr, CLEAR_LINE "%s: %g", tool, now->valuedouble);
	if (cJSON_IsNumber(total))
		(void)fprintf(stderr, " of %g", total->valuedouble);
	const char *message = client_text(params, "message");
	if (*message)
		(void)fprintf(stderr, ", ");
	for (size_t n = 0; *message && n < MESSAGE_BYTES; n++, message++)
		(void)fputc((unsigned char)*message < ' ' || *message == 0x7F ? ' ' : *message,
			    stderr);
	(void)fflush(stderr);
}

static int call(const struct cli *c, cJSON *takes_arguments, cJSON **ret, struct err *e)
{
	struct session *s = NULL;
	cJSON *params = call_params(c->args[1], takes_arguments);
	int r = params ? session_open(&c->where, c->args[0], c->agent, &s, e) : err_oom(e);
	bool is_shown = r == 0 && isatty(STDERR_FILENO);
	if (is_shown)
		session_on_progress(s, show_progress, c->args[1]);
	if (r == 0)
		r = session_ask(s, "tools/call", take_ptr(&params), ret, e);
	if (is_shown)
		(void)fputs(CLEAR_LINE, stderr);
	cJSON_Delete(params);
	session_free(s);
	return r;
}

int verb_call(const struct cli *c)
{
	struct err e = { 0 };
	cJSON *arguments = NULL, *result = NULL;
	int r = read_arguments(c->n_args > 2 ? c->args[2] : NULL, &arguments, &e);
	if (r == 0)
		r = call(c, arguments, &result, &e);
	if (r == -EREMOTEIO) {
		if (c->is_json)
			(void)client_fail_as(true, &e);
		else
			(void)fprintf(stderr, "mcpctl: %s (error %d)\n", e.text, e.kind);
		return WIRE_EXIT_PROTOCOL;
	}
	if (r < 0)
		return client_fail_as(c->is_json, &e);
	bool is_error = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(result, "isError"));
	bool needs_input = strcmp(client_text(result, "resultType"), "input_required") == 0;
	if (c->is_json)
		client_print(result, stdout);
	else if (needs_input)
		(void)fprintf(stderr,
			      "mcpctl: the tool asks for more input, which `call` cannot give\n");
	else
		print_content(result, is_error ? stderr : stdout);
	cJSON_Delete(result);
	return needs_input ? WIRE_EXIT_PROTOCOL : is_error ? WIRE_EXIT_FAILED : WIRE_EXIT_OK;
}
