/* SPDX-License-Identifier: MIT */
#include "conf/section.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/item.h"
#include "conf/schema.h"

#include <string.h>

/* The table has no rows of its own for [defaults]. */
static const char *table_of(enum section_kind kind)
{
	static const char *const names[] = { [SECTION_MCPINIT] = "mcpinit",
					     [SECTION_DEFAULTS] = "server",
					     [SECTION_SERVER] = "server",
					     [SECTION_AGENT] = "agent" };
	return names[kind];
}

struct section *section_find(const struct sections *all, const char *title)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->v[i]->title, title) == 0)
			return all->v[i];
	return NULL;
}

static void tell_unknown(const char *title, const struct place *at, struct report *r)
{
	size_t n = strcspn(title, ":");
	_cleanup_free_ char *word = strndup(title, n);
	struct nearest near = { .word = word ? word : "" };
	nearest_offer(&near, "mcpinit");
	nearest_offer(&near, "defaults");
	nearest_offer(&near, "server");
	nearest_offer(&near, "agent");
	bool has_name = near.best && strchr("sa", near.best[0]);
	if (near.best && has_name)
		report_error(r, at, "unknown section [%s]; did you mean [%s:%s]?", title, near.best,
			     title[n] && title[n + 1] ? title + n + 1 : "NAME");
	else if (near.best)
		report_error(r, at, "unknown section [%s]; did you mean [%s]?", title, near.best);
	else
		report_error(r, at,
			     "unknown section [%s]; the sections are [mcpinit], [defaults], "
			     "[server:NAME] and [agent:NAME]",
			     title);
}

/* `mcpctl start all`; and each agent's directory holds agent.sock beside the servers'. */
static bool is_reserved(const char *server)
{
	return strcmp(server, "all") == 0 || strcmp(server, "agent.sock") == 0;
}

/* The kind of a title, or -1: told. */
static int kind_of(const char *title, const struct place *at, struct report *r)
{
	if (strcmp(title, "mcpinit") == 0)
		return SECTION_MCPINIT;
	if (strcmp(title, "defaults") == 0)
		return SECTION_DEFAULTS;
	bool is_server = strncmp(title, "server:", 7) == 0;
	if (!is_server && strncmp(title, "agent:", 6) != 0) {
		tell_unknown(title, at, r);
		return -1;
	}
	struct err e;
	if (item_is_name(strchr(title, ':') + 1, &e) < 0) {
		report_error(r, at, "%s", e.text);
		return -1;
	}
	if (is_server && is_reserved(title + 7)) {
		report_error(r, at,
			     "the name %s means something else to mcpctl or in the agents' "
			     "directories; give the server another",
			     title + 7);
		return -1;
	}
	return is_server ? SECTION_SERVER : SECTION_AGENT;
}

static struct section *add_section(struct sections *all, const char *title, int kind)
{
	size_t n_keys;
	(void)conf_keys(&n_keys);
	struct section **bigger = realloc(all->v, (all->n + 1) * sizeof(struct section *));
	if (!bigger)
		return NULL;
	all->v = bigger;
	struct section *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->kind = (enum section_kind)kind;
	s->title = strdup(title);
	s->entries = calloc(n_keys, sizeof(*s->entries));
	if (!s->title || !s->entries) {
		free(s->title);
		free(s->entries);
		free(s);
		return NULL;
	}
	const char *colon = strchr(s->title, ':');
	s->name = colon ? colon + 1 : s->title;
	all->v[all->n++] = s;
	return s;
}

struct section *section_open(struct sections *all, const char *title, const char *file, int line,
			     struct report *r)
{
	struct place at = { .file = file, .line = line };
	int kind = kind_of(title, &at, r);
	if (kind < 0)
		return NULL;
	struct section *s = section_find(all, title);
	bool may_go_on = kind == SECTION_MCPINIT || kind == SECTION_DEFAULTS;
	at.section = title;
	if (s && (!may_go_on || s->file == file)) {
		report_error(r, &at, "the section is given twice; the first is %s:%d", s->file,
			     s->line);
		return NULL;
	}
	if (!s && all->n >= SECTION_MAX) {
		report_error(r, &at, "more than %d sections; split this instance", SECTION_MAX);
		return NULL;
	}
	if (!s)
		s = add_section(all, title, kind);
	if (!s) {
		r->is_out_of_memory = true;
		return NULL;
	}
	s->file = file;
	s->line = line;
	return s;
}

void section_put(struct section *s, const struct place *at, const char *text, struct report *r)
{
	const struct conf_key *k = schema_find(table_of(s->kind), at->key);
	if (!k) {
		struct err e;
		(void)schema_unknown(table_of(s->kind), at->key, &e); /* only for its sentence */
		report_error(r, at, "%s", e.text);
		return;
	}
	struct entry *entry = &s->entries[schema_index(k)];
	if (entry->text) {
		report_error(r, at, "the key is given twice; the first is %s:%d", entry->file,
			     entry->line);
		return;
	}
	*entry = (struct entry){ .file = at->file, .line = at->line, .text = strdup(text) };
	if (!entry->text)
		r->is_out_of_memory = true;
}

const struct entry *section_entry(const struct section *s, const struct conf_key *k)
{
	if (!s)
		return NULL;
	const struct entry *entry = &s->entries[schema_index(k)];
	return entry->text && entry->text[0] ? entry : NULL;
}

struct place section_place(const struct sections *all, const struct section *s, const char *key)
{
	const struct conf_key *k = schema_find(table_of(s->kind), key);
	const struct section *defaults =
		s->kind == SECTION_SERVER ? section_find(all, "defaults") : NULL;
	const struct section *in[] = { s, defaults };
	for (size_t i = 0; k && i < 2; i++) {
		const struct entry *entry = section_entry(in[i], k);
		if (entry)
			return (struct place){ .file = entry->file,
					       .line = entry->line,
					       .section = in[i]->title,
					       .key = key };
	}
	return (struct place){ .file = s->file, .line = s->line, .section = s->title, .key = key };
}

void sections_done(struct sections *all)
{
	size_t n_keys;
	(void)conf_keys(&n_keys);
	for (size_t i = 0; i < all->n; i++) {
		struct section *s = all->v[i];
		for (size_t k = 0; k < n_keys; k++)
			free(s->entries[k].text);
		free(s->entries);
		free(s->title);
		free(s);
	}
	free(take_ptr(&all->v));
	all->n = 0;
	list_done(&all->files);
}
