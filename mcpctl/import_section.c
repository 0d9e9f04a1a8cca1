/* SPDX-License-Identifier: MIT */
#include "mcpctl/import_section.h"

#include "base/cleanup.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put_bytes(struct import_section *s, struct buf *b, const char *bytes, size_t n)
{
	if (buf_add(b, bytes, n) < 0)
		s->is_oom = true;
}

static void put(struct import_section *s, struct buf *b, const char *text)
{
	put_bytes(s, b, text, strlen(text));
}

/* --- notes --------------------------------------------------------------------------------- */

static bool has_line(const struct buf *lines, const char *line)
{
	size_t n = strlen(line);
	for (const char *p = buf_str(lines); (p = strstr(p, line)); p += n)
		if ((p == lines->data || p[-1] == '\n') && p[n] == '\n')
			return true;
	return false;
}

void import_note(struct import_section *s, const char *fmt, ...)
{
	_cleanup_free_ char *sentence = NULL;
	_cleanup_free_ char *line = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&sentence, fmt, ap) < 0)
		sentence = NULL;
	va_end(ap);
	if (!sentence || asprintf(&line, "%s: %s", s->name, sentence) < 0) {
		line = NULL;
		s->is_oom = true;
		return;
	}
	char *to = line;
	for (const char *p = line; *p; p++) { /* one line, and each $ as it was */
		*to++ = *p == '\n' ? ' ' : *p;
		p += strncmp(p, "$$", 2) == 0;
	}
	*to = '\0';
	if (!has_line(s->notes, line) && buf_addf(s->notes, "%s\n", line) < 0)
		s->is_oom = true;
}

/* --- variables ----------------------------------------------------------------------------- */

static size_t variable_length(const char *p)
{
	size_t n = 0;
	while (p[n] == '_' || isalpha((unsigned char)p[n]) ||
	       (n > 0 && isdigit((unsigned char)p[n])))
		n++;
	return n;
}

bool import_has_variable(const char *text)
{
	for (const char *p = strchr(text, '$'); p; p = strchr(p, '$')) {
		if (p[1] != '$')
			return true;
		p += 2;
	}
	return false;
}

/* "github-token" → GITHUB_TOKEN */
static void put_variable(struct import_section *s, struct buf *b, const char *id)
{
	if (!*id || isdigit((unsigned char)*id))
		put(s, b, "_");
	for (; *id; id++) {
		unsigned char c = (unsigned char)*id;
		put_bytes(s, b, &(char){ (char)(c < 0x80 && isalnum(c) ? toupper(c) : '_') }, 1);
	}
}

static const char *describe_input(const struct import_section *s, const char *id)
{
	const cJSON *input;
	cJSON_ArrayForEach(input, s->inputs)
	{
		const char *text =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(input, "id"));
		if (!text || strcmp(text, id) != 0)
			continue;
		text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(input, "description"));
		return text ? text : "";
	}
	return "";
}

static void put_input(struct import_section *s, struct buf *b, const char *id)
{
	const char *about = describe_input(s, id);
	_cleanup_buf_ struct buf name = { 0 };
	put_variable(s, &name, id);
	put(s, b, "${");
	put(s, b, buf_str(&name));
	put(s, b, "}");
	import_note(s, "the input %.60s%s%.100s%s is ${%s} here; set %s in mcpinit's environment",
		    id, *about ? " (" : "", about, *about ? ")" : "", buf_str(&name),
		    buf_str(&name));
}

/* What stands between ${ and }, as VS Code, Cursor and Claude Code have it. False: nothing that there is here. */
static bool put_reference(struct import_section *s, struct buf *b, const char *inner)
{
	static const struct {
		const char *name, *text;
	} known[] = { { "workspaceFolder", "/workspace" },
		      { "workspaceRoot", "/workspace" },
		      { "workspaceFolderBasename", "workspace" },
		      { "userHome", "${HOME}" },
		      { "pathSeparator", "/" },
		      { "/", "/" } };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(inner, known[i].name) == 0) {
			put(s, b, known[i].text);
			s->has_workspace = s->has_workspace || i < 2;
			if (*known[i].text == '$')
				import_note(s, "${%s} is %s of mcpinit's environment here", inner,
					    known[i].text);
			return true;
		}
	if (strncmp(inner, "input:", 6) == 0 && inner[6]) {
		put_input(s, b, inner + 6);
		return true;
	}
	const char *name = strncmp(inner, "env:", 4) == 0 ? inner + 4 : inner;
	size_t n = variable_length(name);
	bool has_default = name == inner && strncmp(name + n, ":-", 2) == 0;
	if (n == 0 || (name[n] && !has_default) || strpbrk(name, "${"))
		return false;
	put(s, b, "${");
	put(s, b, name);
	put(s, b, "}");
	if (!has_default)
		import_note(s, "${%s} is taken from mcpinit's environment; set it there", name);
	return true;
}

char *import_resolve(struct import_section *s, const char *text)
{
	_cleanup_buf_ struct buf out = { 0 };
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "$");
		put_bytes(s, &out, p, n);
		p += n;
		if (!*p)
			break;
		const char *close = p[1] == '{' ? strchr(p, '}') : NULL;
		_cleanup_free_ char *inner = close ? strndup(p + 2, (size_t)(close - p - 2)) : NULL;
		if (inner && put_reference(s, &out, inner)) {
			p = close + 1;
			continue;
		}
		if (inner)
			import_note(s, "${%.60s} is no variable here and stays as it is", inner);
		put(s, &out, "$$");
		p++;
	}
	char *taken = buf_take(&out);
	s->is_oom = s->is_oom || !taken;
	return taken;
}

/* --- values -------------------------------------------------------------------------------- */

/*
 * The text law of mcpinit.ini(5), as far as a writer needs it. Anything out of the ordinary stands in double quotes, in
 * which \" and \\ are " and \: they protect the signs of comments, commas, white space, and what variables will hold.
 * "none" would be the empty list. Nothing protects a line's end: callers keep it out.
 */
static void put_quoted(struct import_section *s, struct buf *b, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-./:@%+=";
	if (*text && !text[strspn(text, plain)] && strcmp(text, "none") != 0) {
		put(s, b, text);
		return;
	}
	put(s, b, "\"");
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			put(s, b, "\\");
		put_bytes(s, b, p, 1);
	}
	put(s, b, "\"");
}

/* Where the next item of a key goes; is_only: instead of those before. */
static struct buf *room_for(struct import_section *s, const char *name, bool is_only)
{
	size_t i = 0;
	while (i < s->n_keys && strcmp(s->keys[i].name, name) != 0)
		i++;
	assert(i < IMPORT_KEYS); /* there are fewer that we write */
	struct import_key *k = &s->keys[i];
	if (i == s->n_keys)
		s->keys[s->n_keys++].name = name;
	if (is_only) {
		buf_drop(&k->text, k->text.len);
		k->n_items = 0;
	}
	if (k->n_items++ > 0)
		put(s, &k->text, "\n\t");
	return &k->text;
}

void import_set(struct import_section *s, const char *key, const char *value)
{
	put_quoted(s, room_for(s, key, true), value);
}

void import_set_words(struct import_section *s, const char *key, const cJSON *first)
{
	struct buf *b = room_for(s, key, true);
	if (!first)
		put(s, b, "none");
	const char *before = NULL;
	for (const cJSON *word = first; word; word = word->next) {
		_cleanup_free_ char *shown = import_hide(s, word->valuestring, before);
		s->is_oom = s->is_oom || !shown;
		if (before)
			put(s, b, " ");
		put_quoted(s, b, shown ? shown : "");
		before = word->valuestring;
	}
}

void import_add(struct import_section *s, const char *key, const char *item)
{
	put_quoted(s, room_for(s, key, false), item);
}

void import_add_pair(struct import_section *s, const char *key, const char *name, const char *value)
{
	struct buf *b = room_for(s, key, false);
	put(s, b, name);
	put(s, b, "=");
	if (*value)
		put_quoted(s, b, value);
}

/* --- environment --------------------------------------------------------------------------- */

/* What can be a name in environment. */
static bool is_env_name(const char *text)
{
	for (size_t i = 0; text[i]; i++)
		if (!isalpha((unsigned char)text[i]) && text[i] != '_' &&
		    (i == 0 || (!isdigit((unsigned char)text[i]) && !strchr(".-", text[i]))))
			return false;
	return *text;
}

/* By name alone, or, where another server has another value of that name, from a variable of its own. */
static void pass_secret(struct import_section *s, const char *name, const char *value,
			const char *why)
{
	const char *other =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(s->secrets, name));
	_cleanup_buf_ struct buf variable = { 0 }, reference = { 0 };
	if (!other && !cJSON_AddStringToObject(s->secrets, name, value))
		s->is_oom = true;
	if (!other || strcmp(other, value) == 0) {
		put(s, &variable, name);
		import_add(s, "environment", name);
	} else {
		put_variable(s, &variable, s->name);
		put(s, &variable, "_");
		put_variable(s, &variable, name);
		put(s, &reference, "${");
		put(s, &reference, buf_str(&variable));
		put(s, &reference, ":?}");
		import_add_pair(s, "environment", name, buf_str(&reference));
	}
	import_note(s, "the value of %s is left out, as it %s; set %s in mcpinit's environment",
		    name, why, buf_str(&variable));
}

/* Is the value of NAME what a variable of that name holds, and nothing else? */
static bool is_itself(const char *name, const char *value)
{
	size_t n = strlen(name);
	return strncmp(value, "${", 2) == 0 && strncmp(value + 2, name, n) == 0 &&
	       strcmp(value + 2 + n, "}") == 0;
}

static bool looks_secret(const char *name, const char *value)
{
	size_t at, len;
	return import_find_secret(value, NULL, &at, &len) ||
	       (*value && import_is_secret_name(name) && !import_has_variable(value));
}

void import_set_environment(struct import_section *s, const cJSON *env)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, env)
	{
		const char *name = item->string, *value = cJSON_GetStringValue(item);
		if (!is_env_name(name))
			import_note(s, "env \"%.60s\" is left out: it is no name of a variable",
				    name);
		else if (!value || is_itself(name, value))
			import_add(s, "environment", name);
		else if (looks_secret(name, value))
			pass_secret(s, name, value, "looks like a secret");
		else if (strchr(value, '\n'))
			pass_secret(s, name, value, "has more than one line");
		else
			import_add_pair(s, "environment", name, value);
	}
}

/* --- printing ------------------------------------------------------------------------------ */

static void print_key(struct import_section *s, const struct import_key *k, struct buf *to)
{
	put(s, to, k->name);
	put(s, to, k->n_items > 1 ? " =\n\t" : " = ");
	put(s, to, buf_str(&k->text));
	put(s, to, "\n");
}

/* What it is first, then the rest in the order in which it came. */
void import_print(struct import_section *s, struct buf *to)
{
	static const char *const heads[] = { "launch", "image", "entrypoint", "command" };
	enum { HEADS = sizeof(heads) / sizeof(heads[0]) };
	put(s, to, "[server:");
	put(s, to, s->name);
	put(s, to, "]\n");
	for (size_t head = 0; head < HEADS; head++)
		for (size_t i = 0; i < s->n_keys; i++)
			if (strcmp(s->keys[i].name, heads[head]) == 0)
				print_key(s, &s->keys[i], to);
	for (size_t i = 0; i < s->n_keys; i++) {
		size_t head = 0;
		while (head < HEADS && strcmp(heads[head], s->keys[i].name) != 0)
			head++;
		if (head == HEADS)
			print_key(s, &s->keys[i], to);
	}
}

void import_section_done(struct import_section *s)
{
	for (size_t i = 0; i < s->n_keys; i++)
		buf_done(&s->keys[i].text);
	s->n_keys = 0;
	buf_done(&s->targets);
}
