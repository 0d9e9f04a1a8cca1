/* SPDX-License-Identifier: MIT */
/* -v and --mount of `docker run` → volumes. Texts are resolved (import_section.h). */
#include "base/cleanup.h"
#include "mcpctl/import_section.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct mount {
	const char *source, *target;
	bool is_read_only;
};

static bool is_windows_path(const char *path)
{
	return isalpha((unsigned char)path[0]) && path[1] == ':' &&
	       (path[2] == '\\' || path[2] == '/');
}

static bool is_volume_name(const char *name)
{
	for (size_t i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && (i == 0 || !strchr("_.-", name[i])))
			return false;
	return *name;
}

/* Of SRC in SRC:DST: the colon is that of no drive and of no ${…:-…}. */
static size_t source_length(const char *text)
{
	const char *p = text;
	if (is_windows_path(text) && (text[2] == '\\' || strstr(text + 2, ":/")))
		p += 2;
	while (*p && *p != ':') {
		const char *close = strncmp(p, "${", 2) == 0 ? strchr(p, '}') : NULL;
		p = close ? close + 1 : p + 1;
	}
	return (size_t)(p - text);
}

/* ${NAME}, or with a default that is an absolute path or a volume's name. */
static bool is_variable(const char *text)
{
	size_t n = strcspn(text, "}");
	const char *other = strstr(text, ":-");
	if (strncmp(text, "${", 2) != 0 || !other || other > text + n)
		return strncmp(text, "${", 2) == 0;
	other += 2;
	_cleanup_free_ char *plain = strndup(other, (size_t)(text + n - other));
	return plain &&
	       (*plain == '/' || is_windows_path(plain) || (is_volume_name(plain) && !text[n + 1]));
}

/* Does an earlier volume lie there? What is given twice docker refuses, too. */
static bool is_target_taken(struct import_section *s, const char *target)
{
	size_t n = strlen(target);
	for (const char *p = buf_str(&s->targets); *p; p += strlen(p) + 1)
		if (strcmp(p, target) == 0)
			return true;
	if (buf_add(&s->targets, target, n + 1) < 0)
		s->is_oom = true;
	return false;
}

/* NULL, or why not. */
static const char *add(struct import_section *s, const struct mount *m)
{
	const char *from = m->source;
	bool is_ours = strcmp(from, "/workspace") == 0;
	bool is_host = !is_ours && (*from == '/' || is_windows_path(from));
	_cleanup_buf_ struct buf item = { 0 };
	if (!m->target || *m->target != '/' || !m->target[1] || strchr(m->target, ':'))
		return "it needs an absolute path in the container";
	if (!is_host && !is_ours && !is_volume_name(from) && !is_variable(from))
		return "its source is relative; write an absolute path, or workspace";
	if (is_target_taken(s, m->target))
		return "another volume is mounted there";
	if (buf_addf(&item, "%s:%s%s", is_ours ? "workspace" : from, m->target,
		     m->is_read_only ? ":ro" : "") < 0)
		s->is_oom = true;
	else
		import_add(s, "volumes", item.data);
	if (is_host && strncmp(from, "/workspace/", 11) != 0)
		import_note(s,
			    "volumes: mcpinit looks for %s in its own container; mount it there "
			    "too, or write workspace",
			    from);
	return NULL;
}

static void note_part(struct import_section *s, const char *value, const char *part)
{
	import_note(s, "volumes: %s of %s is left out", part, value);
}

/* SRC:DST[:ro,z] */
const char *import_add_volume(struct import_section *s, const char *value)
{
	_cleanup_free_ char *copy = strdup(value);
	if (!copy) {
		s->is_oom = true;
		return NULL;
	}
	char *p = copy + source_length(copy);
	if (!*p)
		return "a volume without a name would not outlive a restart";
	*p++ = '\0';
	struct mount m = { .source = copy, .target = strsep(&p, ":") };
	for (char *part; (part = strsep(&p, ",")) != NULL;) {
		if (strcmp(part, "ro") == 0)
			m.is_read_only = true;
		else if (strcmp(part, "rw") != 0)
			note_part(s, value, part);
	}
	return add(s, &m);
}

static bool is_yes(const char *text)
{
	return !text || strcmp(text, "1") == 0 || strcasecmp(text, "true") == 0;
}

static bool is_one_of(const char *text, const char *const *names)
{
	while (*names && strcmp(text, *names) != 0)
		names++;
	return *names != NULL;
}

/* type=bind,source=SRC,target=DST,readonly */
const char *import_add_mount(struct import_section *s, const char *value)
{
	static const char *const sources[] = { "source", "src", NULL };
	static const char *const targets[] = { "target", "dst", "destination", NULL };
	static const char *const types[] = { "bind", "volume", NULL };
	_cleanup_free_ char *copy = strdup(value);
	struct mount m = { .source = "" };
	char *next = copy;
	s->is_oom = s->is_oom || !copy;
	for (char *part; (part = strsep(&next, ",")) != NULL;) {
		char *v = part;
		const char *k = strsep(&v, "=");
		if (is_one_of(k, sources))
			m.source = v ? v : "";
		else if (is_one_of(k, targets))
			m.target = v;
		else if (strcmp(k, "readonly") == 0 || strcmp(k, "ro") == 0)
			m.is_read_only = is_yes(v);
		else if (strcmp(k, "type") != 0)
			note_part(s, value, k);
		else if (!v || !is_one_of(v, types))
			return "only bind and volume can be carried over";
	}
	if (!*m.source || strchr(m.source + (is_windows_path(m.source) ? 2 : 0), ':'))
		return "it needs a source without a colon";
	return add(s, &m);
}
