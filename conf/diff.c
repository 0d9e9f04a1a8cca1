/* SPDX-License-Identifier: MIT */
#include "base/cleanup.h"
#include "conf/conf.h"
#include "conf/field.h"
#include "conf/value.h"

#include <errno.h>
#include <string.h>

/* Servers or agents of one configuration, alike to the code below. */
struct things {
	const char *table;
	const void *const *v; /* NULL-terminated */
	const char *(*name)(const void *thing);
	const char *(*blocked)(const void *thing);
};

static const char *server_name(const void *thing)
{
	return ((const struct conf_server *)thing)->name;
}

static const char *server_blocked(const void *thing)
{
	const char *why = ((const struct conf_server *)thing)->blocked;
	return why ? why : "";
}

static const char *agent_name(const void *thing)
{
	return ((const struct conf_agent *)thing)->name;
}

static const char *agent_blocked(const void *thing)
{
	(void)thing;
	return "";
}

static const void *find(const struct things *in, const char *name)
{
	for (const void *const *v = in->v; *v; v++)
		if (strcmp(in->name(*v), name) == 0)
			return *v;
	return NULL;
}

enum likeness { ALIKE, TUNED, CHANGED };

static enum likeness compare_one(const struct things *kind, const void *a, const void *b)
{
	if (strcmp(kind->blocked(a), kind->blocked(b)) != 0)
		return CHANGED;
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	enum likeness found = ALIKE;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i].section, kind->table) != 0 || field_equal(&keys[i], a, b))
			continue;
		if (!keys[i].is_live)
			return CHANGED;
		found = TUNED;
	}
	return found;
}

static int add(struct list *to, const char *name)
{
	return list_add(to, name, strlen(name));
}

static int compare(const struct things *from, const struct things *to, struct conf_changes *ret)
{
	_cleanup_list_ struct list added = { 0 }, removed = { 0 }, changed = { 0 }, tuned = { 0 };
	int r = 0;
	for (const void *const *v = to->v; *v && r == 0; v++) {
		const void *old = find(from, to->name(*v));
		enum likeness found = old ? compare_one(to, old, *v) : ALIKE;
		if (!old)
			r = add(&added, to->name(*v));
		else if (found != ALIKE)
			r = add(found == TUNED ? &tuned : &changed, to->name(*v));
	}
	for (const void *const *v = from->v; *v && r == 0; v++)
		if (!find(to, from->name(*v)))
			r = add(&removed, from->name(*v));
	if (r < 0)
		return r;
	*ret = (struct conf_changes){ list_take(&added), list_take(&removed), list_take(&changed),
				      list_take(&tuned) };
	return ret->added && ret->removed && ret->changed && ret->tuned ? 0 : -ENOMEM;
}

static int find_frozen(const struct conf *from, const struct conf *to, char ***ret)
{
	_cleanup_list_ struct list names = { 0 };
	size_t n;
	const struct conf_key *keys = conf_keys(&n);
	for (size_t i = 0; i < n; i++)
		if (keys[i].is_frozen && !field_equal(&keys[i], from, to) &&
		    add(&names, keys[i].name) < 0)
			return -ENOMEM;
	*ret = list_take(&names);
	return *ret ? 0 : -ENOMEM;
}

static struct things servers_of(const struct conf *c)
{
	return (struct things){ "server", (const void *const *)c->servers, server_name,
				server_blocked };
}

static struct things agents_of(const struct conf *c)
{
	return (struct things){ "agent", (const void *const *)c->agents, agent_name,
				agent_blocked };
}

int conf_diff(const struct conf *from, const struct conf *to, struct conf_diff *ret)
{
	struct things servers[] = { servers_of(from), servers_of(to) };
	struct things agents[] = { agents_of(from), agents_of(to) };
	struct conf_diff d = { 0 };
	int r = compare(&servers[0], &servers[1], &d.servers);
	if (r == 0)
		r = compare(&agents[0], &agents[1], &d.agents);
	if (r == 0)
		r = find_frozen(from, to, &d.frozen);
	if (r < 0)
		conf_diff_done(&d);
	else
		*ret = d;
	return r;
}

static void free_changes(struct conf_changes *c)
{
	strv_free(take_ptr(&c->added));
	strv_free(take_ptr(&c->removed));
	strv_free(take_ptr(&c->changed));
	strv_free(take_ptr(&c->tuned));
}

void conf_diff_done(struct conf_diff *d)
{
	free_changes(&d->servers);
	free_changes(&d->agents);
	strv_free(take_ptr(&d->frozen));
}
