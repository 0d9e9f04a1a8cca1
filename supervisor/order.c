/* SPDX-License-Identifier: MIT */
#include "supervisor/order.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/conf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { NOT_PLACED = 0 }; /* waves are counted from 1 while they are computed */

static size_t find(struct conf_server *const *servers, const char *name)
{
	size_t i = 0;
	while (servers[i] && strcmp(servers[i]->name, name) != 0)
		i++;
	return i;
}

/* All it depends on stands in a wave before this one. */
static bool is_due(struct conf_server *const *servers, const size_t *wave_of, size_t i, size_t wave)
{
	for (char **dep = servers[i]->depends_on; dep && *dep; dep++) {
		size_t d = find(servers, *dep);
		if (servers[d] && (wave_of[d] == NOT_PLACED || wave_of[d] >= wave))
			return false;
	}
	return true;
}

/* Fills one wave; returns how many went into it. */
static size_t place(struct conf_server *const *servers, size_t *wave_of, size_t wave, size_t *ret)
{
	size_t n = 0;
	for (size_t i = 0; servers[i]; i++) {
		if (wave_of[i] != NOT_PLACED || !is_due(servers, wave_of, i, wave))
			continue;
		wave_of[i] = wave;
		ret[n++] = i;
	}
	return n;
}

static int say_loop(struct conf_server *const *servers, const size_t *wave_of, struct err *e)
{
	size_t i = 0;
	while (wave_of[i] != NOT_PLACED)
		i++;
	return err_set(
		e, -ELOOP,
		"server %s cannot be ordered: its depends_on leads in a circle; remove one name from it",
		servers[i]->name);
}

int order_make(struct conf_server *const *servers, struct order *ret, struct err *e)
{
	size_t n = 0;
	while (servers[n])
		n++;
	/* One more than needed, so that no server at all is not a special case. */
	_cleanup_free_ size_t *wave_of = calloc(n + 1, sizeof(size_t));
	_cleanup_free_ size_t *indices = calloc(n + 1, sizeof(size_t));
	_cleanup_free_ struct order_wave *waves = calloc(n + 1, sizeof(struct order_wave));
	if (!wave_of || !indices || !waves)
		return err_oom(e);
	size_t n_waves = 0;
	for (size_t placed = 0; placed < n;) {
		struct order_wave *w = &waves[n_waves++];
		w->servers = indices + placed;
		w->n = place(servers, wave_of, n_waves, w->servers);
		if (w->n == 0)
			return say_loop(servers, wave_of, e);
		placed += w->n;
	}
	*ret = (struct order){ .waves = take_ptr(&waves),
			       .n_waves = n_waves,
			       .indices = take_ptr(&indices) };
	return 0;
}

void order_done(struct order *o)
{
	free(o->waves);
	free(o->indices);
	*o = (struct order){ 0 };
}
