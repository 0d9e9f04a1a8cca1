/* SPDX-License-Identifier: MIT */
#include "mcpctl/import.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "mcpctl/import_section.h"
#include "mcpctl/table.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FILE_BYTES = 64 << 20 }; /* clients keep more than servers in these files */

/* --- JSON as people write it --------------------------------------------------------------- */

/* Behind the string, or whatever one character, at p. */
static char *skip_string(char *p)
{
	if (*p++ != '"')
		return p;
	while (*p && *p != '"')
		p += *p == '\\' && p[1] ? 2 : 1;
	return *p ? p + 1 : p;
}

static char *blank(char *from, const char *to)
{
	for (; *from && from < to; from++)
		if (*from != '\n')
			*from = ' ';
	return from;
}

/* Comments, and commas before a closing bracket, become blanks, so that line numbers stay right. */
static void blank_extras(char *text)
{
	for (char *p = text; *p;) {
		const char *end = NULL;
		if (strncmp(p, "//", 2) == 0)
			end = p + strcspn(p, "\n");
		else if (strncmp(p, "/*", 2) == 0 && (end = strstr(p + 2, "*/")))
			end += 2;
		p = end ? blank(p, end) : skip_string(p);
	}
	for (char *p = text; *p; p = skip_string(p))
		if (*p == ',' && strchr("}]", p[1 + strspn(p + 1, " \t\r\n")]) &&
		    p[1 + strspn(p + 1, " \t\r\n")])
			*p = ' ';
}

static int parse(char *text, cJSON **ret, struct err *e)
{
	const char *at = text;
	blank_extras(text);
	cJSON *root = cJSON_ParseWithOpts(text, &at, true);
	if (root) {
		*ret = root;
		return 0;
	}
	int line = 1;
	for (const char *p = text; p < at; p++)
		line += *p == '\n';
	return err_set(e, -EINVAL, "line %d is not JSON", line);
}

/* --- names --------------------------------------------------------------------------------- */

/* Also what mcpinit keeps for itself. */
static bool is_taken(const struct import *im, const char *name)
{
	char header[IMPORT_NAME_MAX + 16];
	(void)snprintf(header, sizeof(header), "[server:%s]\n", name); /* always fits */
	return strcmp(name, "all") == 0 || strcmp(name, "agent.sock") == 0 ||
	       strstr(buf_str(&im->ini), header) != NULL;
}

/* a-z 0-9 _ . -, beginning with a letter or digit; what else there is becomes one "-". */
static void set_name(const struct import *im, const char *client_name, char *ret)
{
	char plain[IMPORT_NAME_MAX + 1];
	size_t n = 0;
	for (const char *p = client_name; *p && n < IMPORT_NAME_MAX; p++) {
		unsigned char c = (unsigned char)*p;
		bool is_letter = c < 0x80 && isalnum(c);
		if (is_letter || (n > 0 && strchr("_.-", c)))
			plain[n++] = (char)tolower(c);
		else if (n > 0 && plain[n - 1] != '-')
			plain[n++] = '-';
	}
	while (n > 0 && plain[n - 1] == '-')
		n--;
	plain[n] = '\0';
	(void)strcpy(ret, n > 0 ? plain : "server");
	for (int i = 2; is_taken(im, ret); i++)
		(void)snprintf(ret, IMPORT_NAME_MAX + 1, "%.*s-%d", IMPORT_NAME_MAX - 11,
			       n > 0 ? plain : "server", i);
}

/* --- servers ------------------------------------------------------------------------------- */

/* A comment with the name as the client has it; JSON's escapes keep it on its line. */
static void print_name(struct import_section *s, const cJSON *json, struct buf *to)
{
	if (strcmp(s->name, json->string) == 0)
		return;
	cJSON *name = cJSON_CreateStringReference(json->string);
	_cleanup_free_ char *quoted = cJSON_PrintUnformatted(name);
	cJSON_Delete(name);
	if (!quoted || buf_addf(to, "; %s\n", quoted) < 0)
		s->is_oom = true;
}

static int add_server(struct import *im, const cJSON *json, const cJSON *inputs, cJSON *secrets)
{
	struct import_section s = { .notes = &im->notes, .inputs = inputs, .secrets = secrets };
	cJSON *words = cJSON_CreateArray(), *env = cJSON_CreateObject();
	s.is_oom = !words || !env;
	set_name(im, json->string, s.name);
	if (!cJSON_IsObject(json))
		import_note(&s, "left out: it is no object");
	else if (!s.is_oom && import_server(&s, json, words, env)) {
		if (im->n_servers++ > 0 && buf_adds(&im->ini, "\n") < 0)
			s.is_oom = true;
		print_name(&s, json, &im->ini);
		import_print(&s, &im->ini);
	}
	bool is_oom = s.is_oom;
	import_section_done(&s);
	cJSON_Delete(words);
	cJSON_Delete(env);
	return is_oom ? -ENOMEM : 0;
}

/* --- the file ------------------------------------------------------------------------------ */

int import_text(char *text, struct import *ret, struct err *e)
{
	cJSON *root = NULL;
	int r = parse(text, &root, e);
	if (r < 0)
		return r;
	const cJSON *in = root, *servers = cJSON_GetObjectItemCaseSensitive(root, "mcpServers"),
		    *json;
	if (!cJSON_IsObject(servers) && cJSON_HasObjectItem(root, "mcp"))
		in = cJSON_GetObjectItemCaseSensitive(root, "mcp"); /* VS Code's settings.json */
	if (!cJSON_IsObject(servers))
		servers = cJSON_GetObjectItemCaseSensitive(in, "servers");
	const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(in, "inputs");
	cJSON *secrets = cJSON_CreateObject();
	if (!secrets)
		r = err_oom(e);
	else if (!cJSON_IsObject(servers))
		r = err_set(e, -EINVAL, "there is no object mcpServers or servers");
	else
		cJSON_ArrayForEach(json, servers)
		{
			if (r == 0)
				r = add_server(ret, json, inputs, secrets);
		}
	cJSON_Delete(secrets);
	cJSON_Delete(root);
	return r == -ENOMEM ? err_oom(e) : r;
}

void import_done(struct import *im)
{
	buf_done(&im->ini);
	buf_done(&im->notes);
	im->n_servers = 0;
}

/* --- the verb ------------------------------------------------------------------------------ */

static int read_stdin(char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_buf_ struct buf b = { .max = FILE_BYTES };
	char piece[16 * 1024];
	ssize_t n;
	while ((n = fd_read(STDIN_FILENO, piece, sizeof(piece))) > 0)
		if (buf_add(&b, piece, (size_t)n) < 0)
			return err_set(e, -EFBIG, "stdin is larger than %d bytes", FILE_BYTES);
	if (n < 0)
		return err_set(e, (int)n, "cannot read stdin: %s", strerror((int)-n));
	*ret_len = b.len;
	*ret = buf_take(&b);
	return *ret ? 0 : err_oom(e);
}

static void say_notes(struct buf *notes)
{
	if (notes->len > 0)
		table_tame(notes->data);
	char *next = notes->data;
	for (char *line; (line = strsep(&next, "\n")) && *line;)
		(void)fprintf(stderr, "mcpctl: %s\n", line); /* nowhere else to say it */
}

/* {ini,servers,notes:[…]} */
static void print_json(struct import *im)
{
	cJSON *root = cJSON_CreateObject();
	cJSON *notes = root ? cJSON_AddArrayToObject(root, "notes") : NULL;
	bool is_whole = notes && cJSON_AddStringToObject(root, "ini", buf_str(&im->ini)) &&
			cJSON_AddNumberToObject(root, "servers", (double)im->n_servers);
	char *next = im->notes.data;
	for (char *line; is_whole && (line = strsep(&next, "\n")) && *line;) {
		cJSON *note = cJSON_CreateString(line);
		is_whole = note && cJSON_AddItemToArray(notes, note);
		if (!is_whole)
			cJSON_Delete(note);
	}
	if (is_whole)
		client_print(root, stdout);
	cJSON_Delete(root);
}

int verb_import(const struct cli *c)
{
	const char *path = c->args[0];
	bool is_stdin = strcmp(path, "-") == 0;
	struct import im = { 0 };
	struct err e = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = is_stdin ? read_stdin(&text, &len, &e)
			 : fd_read_pipe(path, FILE_BYTES, &text, &len, &e);
	if (r == 0 && strlen(text) != len)
		r = err_set(&e, -EINVAL, "it is not text: it holds a NUL byte");
	if (r == 0)
		r = import_text(text, &im, &e);
	if (r == -EINVAL)
		(void)err_prefix(&e, "%s", is_stdin ? "stdin" : path);
	if (r < 0) {
		e.kind = WIRE_EXIT_CONFIG;
		import_done(&im);
		return client_fail_as(c->is_json, &e);
	}
	if (c->is_json) {
		print_json(&im);
	} else {
		say_notes(&im.notes);
		if (im.n_servers == 0)
			(void)fprintf(stderr, "mcpctl: no server could be carried over\n");
		(void)fputs(buf_str(&im.ini), stdout);
	}
	r = im.n_servers > 0 ? WIRE_EXIT_OK : WIRE_EXIT_FAILED;
	import_done(&im);
	return r;
}
