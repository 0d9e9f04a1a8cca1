/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/cleanup.h"
#include "conf/check.h"
#include "conf/conf.h"
#include "conf/section.h"

#include <string.h>

enum { UNSEEN = 0, ON_PATH = -1 }; /* else the wave: 1 for what depends on nothing */

struct walk {
	const struct conf *c;
	const struct check *with;
	size_t n;
	int *wave;    /* n of them, as above */
	size_t *path; /* the servers between the first and this one */
	size_t path_n;
	bool has_loop;
};

static struct place place_of(const struct walk *w, size_t i, const char *key)
{
	const struct sections *all = w->with->sections;
	size_t k = 0;
	for (size_t seen = 0; all->v[k]->kind != SECTION_SERVER || seen++ != i;) /* one each */
		k++;
	return section_place(all, all->v[k], key);
}

/* n: there is none. */
static size_t index_of(const struct walk *w, const char *name)
{
	size_t i = 0;
	while (i < w->n && strcmp(w->c->servers[i]->name, name) != 0)
		i++;
	return i;
}

/* The path from `first` back to it. */
static void tell_loop(struct walk *w, size_t first)
{
	_cleanup_buf_ struct buf loop = { 0 };
	size_t from = 0;
	while (w->path[from] != first)
		from++;
	for (size_t k = from; k < w->path_n; k++)
		if (buf_addf(&loop, "%s -> ", w->c->servers[w->path[k]]->name) < 0)
			w->with->report->is_out_of_memory = true;
	w->has_loop = true;
	struct place at = place_of(w, first, "depends_on");
	if (w->path_n - from == 1)
		report_error(w->with->report, &at, "a server cannot depend on itself; take it out");
	else
		report_error(w->with->report, &at, "depends on itself: %s%s; take one of them out",
			     buf_str(&loop), w->c->servers[first]->name);
}

/* Depth first; as deep as there are servers, which SECTION_MAX bounds. */
static void visit(struct walk *w, size_t i)
{
	int wave = 1;
	w->wave[i] = ON_PATH;
	w->path[w->path_n++] = i;
	for (char **name = w->c->servers[i]->depends_on; *name; name++) {
		size_t on = index_of(w, *name);
		if (on == w->n) {
			struct place at = place_of(w, i, "depends_on");
			check_tell_no_server(w->c, w->with, &at, *name);
			continue;
		}
		if (w->c->servers[on]->sharing == CONF_PER_AGENT) {
			struct place at = place_of(w, i, "depends_on");
			report_error(w->with->report, &at,
				     "%s is one per agent and starts with its first message: there "
				     "is none to wait for; take it out",
				     *name);
		}
		if (w->wave[on] == UNSEEN)
			visit(w, on);
		if (w->wave[on] == ON_PATH)
			tell_loop(w, on);
		else if (w->wave[on] >= wave)
			wave = w->wave[on] + 1;
	}
	w->path_n--;
	w->wave[i] = wave;
}

/* Each wave of the shutdown may take two graces of its slowest server: after closing stdin, after the signal. */
static void check_budget(const struct walk *w)
{
	int64_t sum = 0;
	size_t slowest = 0;
	for (int wave = 1, is_there = 1; is_there; wave++) {
		int64_t longest = 0;
		is_there = 0;
		for (size_t i = 0; i < w->n; i++) {
			if (w->wave[i] != wave)
				continue;
			is_there = 1;
			int64_t grace = w->c->servers[i]->stop_grace_period_ms;
			if (grace > longest)
				longest = grace;
			if (grace > w->c->servers[slowest]->stop_grace_period_ms)
				slowest = i;
		}
		sum += 2 * longest;
	}
	if (sum <= w->c->shutdown_timeout_ms)
		return;
	struct place at = place_of(w, slowest, "stop_grace_period");
	report_warning(w->with->report, &at,
		       "a shutdown may take %lld ms of graces, and shutdown_timeout is %lld ms: "
		       "servers are then killed earlier; lower the one or raise the other",
		       (long long)sum, (long long)w->c->shutdown_timeout_ms);
}

void check_order(const struct conf *c, const struct check *with)
{
	struct walk w = { .c = c, .with = with };
	while (c->servers[w.n])
		w.n++;
	_cleanup_free_ int *wave = calloc(w.n + 1, sizeof(*wave));
	_cleanup_free_ size_t *path = calloc(w.n + 1, sizeof(*path));
	if (!wave || !path) {
		with->report->is_out_of_memory = true;
		return;
	}
	w.wave = wave;
	w.path = path;
	for (size_t i = 0; i < w.n; i++)
		if (wave[i] == UNSEEN)
			visit(&w, i);
	if (!w.has_loop && w.n > 0)
		check_budget(&w);
}
