/* SPDX-License-Identifier: MIT */
#include "conf/load.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/check.h"
#include "conf/divide.h"
#include "conf/expand.h"
#include "conf/field.h"
#include "conf/files.h"
#include "conf/section.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct loader {
	const struct load *in;
	struct sections sections;
	struct report report;
	struct conf *conf;
	bool is_trial; /* only what is wrong is said, not what is missing: perhaps nobody needs it */
};

/* --- one key --------------------------------------------------------------------------------- */

static void block(struct conf_server *s, const char *key, const char *why, struct report *r)
{
	if (!s->blocked && asprintf(&s->blocked, "%s: %s", key, why) < 0) {
		s->blocked = NULL;
		r->is_out_of_memory = true;
	}
}

/* What expanding met. server: NULL where what is missing fails the whole file. */
static void tell_expansion(const struct expansion *x, const struct place *at,
			   struct conf_server *server, struct report *r)
{
	for (size_t i = 0; i < x->unset.n; i++)
		report_warning(r, at,
			       "%s is not set; it counts as empty (write ${%s:-} if it may be)",
			       x->unset.v[i], x->unset.v[i]);
	if (x->missing && server) {
		block(server, at->key, x->missing, r);
		report_missing(r, at, "%s", x->missing);
	} else if (x->missing) {
		report_error(r, at, "%s", x->missing);
	}
}

/* Sets the key's field from what stands in the section. True when that settles it: stored, missing or wrong. */
static bool apply(struct loader *l, struct section *from, const struct conf_key *k, void *object,
		  struct conf_server *server)
{
	const struct entry *entry = section_entry(from, k);
	if (!entry)
		return false;
	struct place at = {
		.file = entry->file, .line = entry->line, .section = from->title, .key = k->name
	};
	struct expansion x = { .environ = l->in->src->environ };
	struct err e;
	int r = field_set(k, object, entry->text, &x, &e);
	for (size_t i = 0; i < x.values.n; i++) /* before anything is said */
		report_secret(&l->report, x.values.v[i]);
	for (size_t i = 0; i < x.wrong.n; i++)
		report_error(&l->report, &at, "%s", x.wrong.v[i]);
	if (r < 0 && x.wrong.n == 0)
		report_error(&l->report, &at, "%s", e.text);
	if (r < 0)
		from->entries[schema_index(k)].is_bad = true;
	if (!l->is_trial)
		tell_expansion(&x, &at, server, &l->report);
	bool is_settled = r != 0 || x.missing;
	expand_done(&x);
	return is_settled;
}

/* All keys of a table section, from their defaults and from what is written. */
static void apply_all(struct loader *l, struct section *own, const char *table, void *object)
{
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i].section, table) != 0)
			continue;
		if (field_default(&keys[i], object) < 0)
			l->report.is_out_of_memory = true;
		(void)apply(l, own, &keys[i], object, NULL);
	}
}

/* --- servers --------------------------------------------------------------------------------- */

static bool is_dropped(const struct section *own, const struct conf_key *k)
{
	const struct entry *entry = section_entry(own, k);
	return entry && value_is_none(entry->text);
}

/*
 * A server's own key replaces [defaults]', but for what is merged by name: there [defaults]' come first, all of them,
 * as environment and secret_environment share a field.
 */
static void apply_server(struct loader *l, struct section *own, struct conf_server *s)
{
	struct section *defaults = section_find(&l->sections, "defaults");
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++) {
		const struct conf_key *k = &keys[i];
		if (strcmp(k->section, "server") != 0)
			continue;
		if (field_default(k, s) < 0)
			l->report.is_out_of_memory = true;
		if (schema_is_merged(k) ? !is_dropped(own, k) : !apply(l, own, k, s, s))
			(void)apply(l, defaults, k, s, s);
	}
	for (size_t i = 0; i < n; i++)
		if (schema_is_merged(&keys[i]))
			(void)apply(l, own, &keys[i], s, s);
}

static void free_fields(const char *table, void *object)
{
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].section, table) == 0)
			field_done(&keys[i], object);
}

static void free_server(struct conf_server *s)
{
	if (!s)
		return;
	if (s->of) {
		divide_free(s);
		return;
	}
	free_fields("server", s);
	free(s->name);
	free(s->file);
	free(s->blocked);
	free(s);
}

static void free_agent(struct conf_agent *a)
{
	if (!a)
		return;
	free_fields("agent", a);
	free(a->name);
	free(a->file);
	free(a);
}

/* [defaults] is right or wrong by itself, also where no server inherits it. */
static void try_defaults(struct loader *l)
{
	struct section *defaults = section_find(&l->sections, "defaults");
	struct conf_server *scratch = calloc(1, sizeof(*scratch));
	if (!scratch) {
		l->report.is_out_of_memory = true;
		return;
	}
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	l->is_trial = true;
	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].section, "server") == 0)
			(void)apply(l, defaults, &keys[i], scratch, scratch);
	l->is_trial = false;
	free_server(scratch);
}

static struct conf_server *make_server(struct loader *l, struct section *from)
{
	struct conf_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->name = strdup(from->name);
	s->file = strdup(from->file);
	s->line = from->line;
	if (!s->name || !s->file) {
		free_server(s);
		return NULL;
	}
	s->launch = l->conf->launch;
	apply_server(l, from, s);
	return s;
}

/* from: NULL for the default agent that no section names. */
static struct conf_agent *make_agent(struct loader *l, struct section *from)
{
	const char *path = l->in->src->path;
	struct conf_agent *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->name = strdup(from ? from->name : "default");
	a->file = strdup(from ? from->file : path ? path : "");
	a->line = from ? from->line : 0;
	a->uid = a->gid = -1;
	if (!a->name || !a->file) {
		free_agent(a);
		return NULL;
	}
	apply_all(l, from, "agent", a);
	return a;
}

/* --- the whole ------------------------------------------------------------------------------- */

static void make_servers_and_agents(struct loader *l)
{
	struct conf *c = l->conf;
	size_t n_servers = 0, n_agents = 0;
	bool wants_default = c->default_agent && !section_find(&l->sections, "agent:default");
	c->servers = calloc(l->sections.n + 1, sizeof(struct conf_server *));
	c->agents = calloc(l->sections.n + 2, sizeof(struct conf_agent *));
	if (!c->servers || !c->agents) {
		l->report.is_out_of_memory = true;
		return;
	}
	if (wants_default && !(c->agents[n_agents++] = make_agent(l, NULL)))
		l->report.is_out_of_memory = true;
	for (size_t i = 0; i < l->sections.n && !l->report.is_out_of_memory; i++) {
		struct section *from = l->sections.v[i];
		bool is_made = true;
		if (from->kind == SECTION_SERVER)
			is_made = (c->servers[n_servers++] = make_server(l, from)) != NULL;
		else if (from->kind == SECTION_AGENT)
			is_made = (c->agents[n_agents++] = make_agent(l, from)) != NULL;
		if (!is_made)
			l->report.is_out_of_memory = true;
	}
}

static void read_sections(struct loader *l)
{
	const struct conf_source *src = l->in->src;
	if (l->in->text)
		files_read_text(src->path, l->in->text, l->in->len, &l->sections, &l->report);
	else if (src->path)
		files_read(src, &l->sections, &l->report);
}

static void build(struct loader *l)
{
	read_sections(l);
	apply_all(l, section_find(&l->sections, "mcpinit"), "mcpinit", l->conf);
	l->conf->default_gid = -1;
	try_defaults(l);
	make_servers_and_agents(l);
	if (l->report.is_out_of_memory)
		return;
	const struct check with = { .sections = &l->sections,
				    .environ = l->in->src->environ,
				    .euid = l->in->euid,
				    .report = &l->report };
	check_conf(l->conf, &with);
	check_order(l->conf, &with);
	if (divide_servers(l->conf) < 0)
		l->report.is_out_of_memory = true;
}

static void give_errors(struct loader *l, struct conf_errors *errs)
{
	struct report *r = &l->report;
	char last[80];
	if (r->unsaid > 0) {
		(void)snprintf(last, sizeof(last), "and %zu more errors", r->unsaid);
		(void)list_add(&r->errors, last, strlen(last)); /* without it there are enough */
	}
	errs->n = r->errors.n;
	errs->lines = list_take(&r->errors);
}

int load_conf(const struct load *in, struct conf **ret, struct conf_errors *errs)
{
	struct loader l = { .in = in, .report.is_strict = in->src->is_strict };
	*errs = (struct conf_errors){ 0 };
	l.conf = calloc(1, sizeof(*l.conf));
	if (l.conf)
		build(&l);
	int r = 0;
	if (!l.conf || l.report.is_out_of_memory)
		r = -ENOMEM;
	else if (l.report.errors.n > 0)
		r = -EINVAL;
	if (r == -ENOMEM)
		(void)list_add(&l.report.errors, "out of memory", 13);
	if (r < 0) {
		give_errors(&l, errs);
		conf_free(l.conf);
	} else {
		l.conf->secrets = list_take(&l.report.secrets);
		l.conf->warnings = list_take(&l.report.warnings);
		*ret = l.conf;
	}
	report_done(&l.report);
	sections_done(&l.sections);
	return r;
}

int conf_load(const struct conf_source *src, struct conf **ret, struct conf_errors *errs)
{
	return load_conf(&(struct load){ .src = src, .euid = geteuid() }, ret, errs);
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->servers && c->servers[i]; i++)
		free_server(c->servers[i]);
	for (size_t i = 0; c->divided && c->divided[i]; i++)
		free_server(c->divided[i]);
	for (size_t i = 0; c->agents && c->agents[i]; i++)
		free_agent(c->agents[i]);
	free(c->servers);
	free(c->divided);
	free(c->agents);
	strv_free(c->secrets);
	strv_free(c->warnings);
	free_fields("mcpinit", c);
	free(c);
}
