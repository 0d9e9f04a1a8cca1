/* SPDX-License-Identifier: MIT */
#include "docker/sweep.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "docker/client.h"
#include "docker/docker.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <string.h>

enum { PATIENCE_MS = 30000 };

struct left_over {
	char *id;    /* owned */
	char *owner; /* owned; to be asked for, or NULL: it goes */
	bool is_kept;
};

struct sweep {
	struct docker *d;
	char *instance, *boot, *own_id; /* owned */
	void (*on_done)(void *ctx, size_t n_removed, const struct err *e);
	void *ctx;
	struct left_over *found; /* owned, n_found */
	size_t n_found, at, n_removed;
	int64_t until_ms;
};

/* --- pure ------------------------------------------------------------------------------------ */

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

enum sweep_verdict sweep_judge(const struct docker_sweep_params *p, const char *instance,
			       const char *boot, const char *owner)
{
	if (is_same(instance, p->instance))
		return is_same(boot, p->boot) ? SWEEP_KEEP : SWEEP_REMOVE;
	if (!owner || !*owner || is_same(owner, p->own_id))
		return SWEEP_KEEP;
	return SWEEP_ASK_OWNER;
}

/* --- the end --------------------------------------------------------------------------------- */

static void sweep_free(void *ctx)
{
	struct sweep *s = ctx;
	for (size_t i = 0; i < s->n_found; i++) {
		free(s->found[i].id);
		free(s->found[i].owner);
	}
	free(s->found);
	free(s->instance);
	free(s->boot);
	free(s->own_id);
	free(s);
}

static void finish(struct sweep *s, const struct err *e)
{
	s->on_done(s->ctx, s->n_removed, e);
	sweep_free(s);
}

static struct docker_call *call(struct sweep *s, const char *method, const char *path,
				void (*on_done)(void *ctx, const struct docker_answer *a))
{
	const struct docker_request rq = {
		.method = method,
		.path = path,
		.patience = DOCKER_CONTROL,
		.on_done = on_done,
		.on_drop = sweep_free,
		.ctx = s,
	};
	return docker_call(s->d, &rq, NULL);
}

/* "/containers/ID" + rest; 0 where the call could not be made. */
static struct docker_call *call_about(struct sweep *s, const char *method, const char *id,
				      const char *rest,
				      void (*on_done)(void *ctx, const struct docker_answer *a))
{
	_cleanup_buf_ struct buf path = { 0 };
	if (buf_adds(&path, "/containers/") < 0 || docker_escape(&path, id) < 0 ||
	    buf_adds(&path, rest) < 0)
		return NULL;
	return call(s, method, buf_str(&path), on_done);
}

/* --- 3: wait until they are gone --------------------------------------------------------------- */

static void wait_next(struct sweep *s);

static void on_gone(void *ctx, const struct docker_answer *a)
{
	struct sweep *s = ctx;
	if (!a->e || a->status == 404)
		s->n_removed++;
	wait_next(s);
}

static void wait_next(struct sweep *s)
{
	while (s->at < s->n_found && clock_ms() < s->until_ms) {
		const struct left_over *l = &s->found[s->at++];
		if (!l->is_kept && call_about(s, "POST", l->id, "/wait?condition=removed", on_gone))
			return;
	}
	finish(s, NULL); /* what is not gone by now docker_remove() goes on with */
}

static void remove_all(struct sweep *s)
{
	for (size_t i = 0; i < s->n_found; i++)
		if (!s->found[i].is_kept)
			docker_remove(s->d, s->found[i].id);
	s->at = 0;
	s->until_ms = clock_ms() + PATIENCE_MS;
	wait_next(s);
}

/* --- 2: whose owner is gone? ------------------------------------------------------------------- */

static void ask_next(struct sweep *s);

/* Only a plain "no such container" is a death: whatever else happened, the owner may live. */
static void on_owner(void *ctx, const struct docker_answer *a)
{
	struct sweep *s = ctx;
	bool is_kept = a->status != 404;
	_cleanup_free_ char *owner = take_ptr(&s->found[s->at].owner);
	s->found[s->at].is_kept = is_kept;
	for (size_t i = s->at + 1; i < s->n_found; i++) {
		if (!is_same(s->found[i].owner, owner))
			continue;
		s->found[i].is_kept = is_kept;
		free(take_ptr(&s->found[i].owner));
	}
	ask_next(s);
}

static void ask_next(struct sweep *s)
{
	for (; s->at < s->n_found; s->at++) {
		struct left_over *l = &s->found[s->at];
		if (!l->owner)
			continue;
		if (call_about(s, "GET", l->owner, "/json", on_owner))
			return;
		l->is_kept = true;
	}
	remove_all(s);
}

/* --- 1: the list ------------------------------------------------------------------------------- */

static const char *label(const cJSON *container, const char *key)
{
	const cJSON *labels = cJSON_GetObjectItemCaseSensitive(container, "Labels");
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(labels, key));
}

static int take_one(struct sweep *s, const cJSON *container)
{
	const struct docker_sweep_params p = {
		.instance = s->instance,
		.boot = s->boot,
		.own_id = s->own_id,
	};
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(container, "Id"));
	const char *owner = label(container, DOCKER_LABEL_OWNER);
	enum sweep_verdict verdict = sweep_judge(&p, label(container, DOCKER_LABEL_INSTANCE),
						 label(container, DOCKER_LABEL_BOOT), owner);
	if (!id || verdict == SWEEP_KEEP || is_same(id, s->own_id))
		return 0;
	struct left_over *l = &s->found[s->n_found++];
	l->id = strdup(id);
	l->owner = verdict == SWEEP_ASK_OWNER ? strdup(owner) : NULL;
	return l->id && (l->owner || verdict == SWEEP_REMOVE) ? 0 : -ENOMEM;
}

static int take_list(struct sweep *s, const struct docker_answer *a, struct err *e)
{
	cJSON *list = cJSON_ParseWithLength(a->body, a->body_len);
	int r = 0;
	if (!cJSON_IsArray(list)) {
		r = err_set(e, -EPROTO, "the engine's list of containers is not a list");
	} else {
		s->found = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*s->found));
		r = s->found ? 0 : err_oom(e);
		const cJSON *item;
		cJSON_ArrayForEach(item, list) if (r == 0 && take_one(s, item) < 0) r = err_oom(e);
	}
	cJSON_Delete(list);
	return r;
}

static void on_listed(void *ctx, const struct docker_answer *a)
{
	struct sweep *s = ctx;
	struct err e;
	if (a->e) {
		e = *a->e;
		(void)err_prefix(&e, "cannot list left-over containers");
		finish(s, &e);
	} else if (take_list(s, a, &e) < 0) {
		finish(s, &e);
	} else {
		ask_next(s);
	}
}

static int copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

int docker_sweep(struct docker *d, const struct docker_sweep_params *p, struct err *e)
{
	struct sweep *s = calloc(1, sizeof(*s));
	if (!s)
		return err_oom(e);
	s->d = d;
	s->on_done = p->on_done;
	s->ctx = p->ctx;
	if (copy(&s->instance, p->instance) < 0 || copy(&s->boot, p->boot) < 0 ||
	    copy(&s->own_id, p->own_id) < 0) {
		sweep_free(s);
		return err_oom(e);
	}
	/* All of any mcpinit: {"label":["io.mcpinit.instance"]} */
	static const char path[] = "/containers/json?all=1&filters="
				   "%7B%22label%22%3A%5B%22" DOCKER_LABEL_INSTANCE "%22%5D%7D";
	if (call(s, "GET", path, on_listed))
		return 0;
	sweep_free(s);
	return err_kind(e, -ENOTCONN, DOCKER_NETWORK,
			"cannot list left-over containers: the engine does not answer");
}
