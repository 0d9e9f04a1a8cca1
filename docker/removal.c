/* SPDX-License-Identifier: MIT */
#include "docker/removal.h"

#include "base/buf.h"
#include "base/loop.h"
#include "docker/client.h"

#include <stdlib.h>
#include <string.h>

enum {
	FIRST_MS = 50, /* a removal in progress takes 5 ms on a quiet machine */
	MAX_MS = 15000,
};

struct removal {
	struct docker_removals *all;
	struct removal *next;
	char *name;		  /* owned; ID or name */
	struct docker_call *call; /* in flight, or NULL */
	struct loop_timer *again; /* owned */
	int64_t delay_ms;
};

struct docker_removals {
	struct docker *d;
	struct removal *first;
	size_t n;
	void (*on_idle)(void *ctx);
	void *ctx;
};

static void removal_free(struct removal *r)
{
	docker_call_cancel(r->call);
	loop_timer_free(r->again);
	free(r->name);
	free(r);
}

static void forget(struct removal *r)
{
	struct docker_removals *all = r->all;
	for (struct removal **p = &all->first; *p; p = &(*p)->next) {
		if (*p != r)
			continue;
		*p = r->next;
		break;
	}
	removal_free(r);
	if (--all->n == 0 && all->on_idle)
		all->on_idle(all->ctx);
}

static void on_deleted(void *ctx, const struct docker_answer *a)
{
	struct removal *r = ctx;
	r->call = NULL;
	if (!a->e || a->status == 404) {
		forget(r);
		return;
	}
	loop_timer_in(r->again, r->delay_ms);
	r->delay_ms = r->delay_ms * 2 < MAX_MS ? r->delay_ms * 2 : MAX_MS;
}

static void try_now(void *ctx)
{
	struct removal *r = ctx;
	_cleanup_buf_ struct buf path = { 0 };
	if (buf_adds(&path, "/containers/") == 0 && docker_escape(&path, r->name) == 0 &&
	    buf_adds(&path, "?force=1&v=1") == 0) {
		const struct docker_request rq = { .method = "DELETE",
						   .path = path.data,
						   .patience = DOCKER_CONTROL,
						   .on_done = on_deleted,
						   .ctx = r };
		r->call = docker_call(r->all->d, &rq, NULL);
	}
	/* Without an engine docker_removals_resume() is the next try; else it was memory. */
	if (!r->call && r->all->d->can_call)
		loop_timer_in(r->again, MAX_MS);
}

void docker_removals_resume(struct docker_removals *all)
{
	for (struct removal *r = all->first; r; r = r->next) {
		r->delay_ms = FIRST_MS;
		if (!r->call)
			loop_timer_in(r->again, 0);
	}
}

void docker_remove(struct docker *d, const char *id_or_name)
{
	struct docker_removals *all = d->removals;
	for (struct removal *r = all->first; r; r = r->next)
		if (strcmp(r->name, id_or_name) == 0)
			return;
	struct removal *r = calloc(1, sizeof(*r));
	if (!r)
		return; /* the sweep at the next boot finds it */
	r->all = all;
	r->delay_ms = FIRST_MS;
	r->name = strdup(id_or_name);
	r->again = loop_timer_new(d->p.loop, try_now, r);
	if (!r->name || !r->again) {
		removal_free(r);
		return;
	}
	r->next = all->first;
	all->first = r;
	all->n++;
	try_now(r);
}

size_t docker_removals(const struct docker *d)
{
	return d->removals->n;
}

bool docker_is_removing(const struct docker *d, const char *id_or_name)
{
	const struct removal *r = d->removals->first;
	while (r && strcmp(r->name, id_or_name) != 0)
		r = r->next;
	return r != NULL;
}

void docker_on_idle(struct docker *d, void (*on_idle)(void *ctx), void *ctx)
{
	d->removals->on_idle = on_idle;
	d->removals->ctx = ctx;
}

size_t docker_removal_names(const struct docker *d, const char **names, size_t n)
{
	size_t i = 0;
	for (const struct removal *r = d->removals->first; r && i < n; r = r->next)
		names[i++] = r->name;
	return i;
}

struct docker_removals *docker_removals_new(struct docker *d)
{
	struct docker_removals *all = calloc(1, sizeof(*all));
	if (all)
		all->d = d;
	return all;
}

void docker_removals_free(struct docker_removals *all)
{
	if (!all)
		return;
	while (all->first) {
		struct removal *r = all->first;
		all->first = r->next;
		removal_free(r);
	}
	free(all);
}
