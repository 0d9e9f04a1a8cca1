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
	char *id;	     /* owned; of a volume, its name */
	char *name, *server; /* owned */
	char *owner;	     /* owned; to be asked for, or NULL: it goes */
	bool is_kept;
};

struct sweep {
	struct docker *d;
	struct docker_sweep_params p; /* its strings owned */
	struct left_over *found;      /* owned, n_found; containers, then volumes in their place */
	size_t n_found, at, n_removed;
	bool is_at_volumes;
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

static void forget_found(struct sweep *s)
{
	for (size_t i = 0; i < s->n_found; i++) {
		free(s->found[i].id);
		free(s->found[i].name);
		free(s->found[i].server);
		free(s->found[i].owner);
	}
	free(take_ptr(&s->found));
	s->n_found = s->at = 0;
}

static void sweep_free(void *ctx)
{
	struct sweep *s = ctx;
	forget_found(s);
	free((char *)s->p.instance);
	free((char *)s->p.boot);
	free((char *)s->p.own_id);
	free(s);
}

static void finish(struct sweep *s, const struct err *e)
{
	s->p.on_done(s->p.ctx, s->n_removed, e);
	sweep_free(s);
}

/* What became of one; why: of the engine, or NULL. */
static void tell(struct sweep *s, const struct left_over *l, bool is_removed, const char *why)
{
	const struct docker_left_over told = {
		.name = l->name,
		.server = l->server,
		.is_volume = s->is_at_volumes,
		.is_removed = is_removed,
		.why = why ? why : "",
	};
	s->n_removed += is_removed && !s->is_at_volumes;
	if (s->p.on_left_over)
		s->p.on_left_over(s->p.ctx, &told);
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

/* "/containers/ID" + rest, or "/volumes/NAME"; NULL where the call could not be made. */
static struct docker_call *call_about(struct sweep *s, const char *method, const char *id,
				      const char *rest,
				      void (*on_done)(void *ctx, const struct docker_answer *a))
{
	_cleanup_buf_ struct buf path = { 0 };
	if (buf_adds(&path, s->is_at_volumes ? "/volumes/" : "/containers/") < 0 ||
	    docker_escape(&path, id) < 0 || buf_adds(&path, rest) < 0)
		return NULL;
	return call(s, method, buf_str(&path), on_done);
}

/* --- the list, of containers and of volumes ------------------------------------------------------ */

static int copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static const char *label(const cJSON *object, const char *key)
{
	return text_of(cJSON_GetObjectItemCaseSensitive(object, "Labels"), key);
}

/* One more in found, which has room; owner may be NULL. */
static int add_found(struct sweep *s, const char *id, const char *name, const char *server,
		     const char *owner)
{
	struct left_over *l = &s->found[s->n_found++];
	return copy(&l->id, id) < 0 || copy(&l->name, name) < 0 ||
			       copy(&l->server, server ? server : "") < 0 ||
			       copy(&l->owner, owner) < 0
		       ? -ENOMEM
		       : 0;
}

/* Each item of a list, by take. */
static int take_list(struct sweep *s, const cJSON *list,
		     int (*take)(struct sweep *s, const cJSON *item), struct err *e)
{
	if (!cJSON_IsArray(list))
		return err_set(e, -EPROTO, "the engine's list is not a list");
	s->found = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof(*s->found));
	int r = s->found ? 0 : -ENOMEM;
	const cJSON *item;
	cJSON_ArrayForEach(item, list)
	{
		if (r == 0)
			r = take(s, item);
	}
	return r < 0 ? err_oom(e) : 0;
}

/* --- 4: volumes ------------------------------------------------------------------------------ */

static void remove_next_volume(struct sweep *s);

static void on_volume_removed(void *ctx, const struct docker_answer *a)
{
	struct sweep *s = ctx;
	bool is_gone = !a->e || a->status == 404;
	tell(s, &s->found[s->at++], is_gone, is_gone ? NULL : a->e->text);
	remove_next_volume(s);
}

static void remove_next_volume(struct sweep *s)
{
	for (; s->at < s->n_found; s->at++) {
		const struct left_over *l = &s->found[s->at];
		if (s->p.is_dry_run)
			tell(s, l, false, NULL);
		else if (call_about(s, "DELETE", l->id, "", on_volume_removed))
			return;
		else
			tell(s, l, false, "the engine does not answer");
	}
	finish(s, NULL);
}

static int take_volume(struct sweep *s, const cJSON *volume)
{
	const char *name = text_of(volume, "Name");
	if (!name || !is_same(label(volume, DOCKER_LABEL_INSTANCE), s->p.instance))
		return 0; /* an engine that does not know the filter lists them all */
	return add_found(s, name, name, label(volume, DOCKER_LABEL_SERVER), NULL);
}

static void on_volumes(void *ctx, const struct docker_answer *a)
{
	struct sweep *s = ctx;
	struct err e;
	cJSON *root = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, "Volumes");
	int r = 0;
	if (a->e) {
		e = *a->e;
		r = e.code;
	} else if (!cJSON_IsNull(list)) { /* null: there is none */
		r = take_list(s, list, take_volume, &e);
	}
	cJSON_Delete(root);
	if (r < 0) {
		(void)err_prefix(&e, "cannot list cache volumes");
		finish(s, &e);
	} else {
		remove_next_volume(s);
	}
}

static void containers_are_done(struct sweep *s)
{
	if (!s->p.volumes) {
		finish(s, NULL);
		return;
	}
	forget_found(s);
	s->is_at_volumes = true;
	/* Those that no container uses: {"dangling":["true"],"label":["io.mcpinit.instance"]} */
	static const char path[] = "/volumes?filters=%7B%22dangling%22%3A%5B%22true%22%5D%2C"
				   "%22label%22%3A%5B%22" DOCKER_LABEL_INSTANCE "%22%5D%7D";
	if (call(s, "GET", path, on_volumes))
		return;
	struct err e;
	err_kind(&e, -ENOTCONN, DOCKER_NETWORK,
		 "cannot list cache volumes: the engine does not answer");
	finish(s, &e);
}

/* --- 3: wait until they are gone --------------------------------------------------------------- */

static const char still_there[] = "not gone within 30 s; it is tried again until it is";

static void wait_next(struct sweep *s);

static void on_gone(void *ctx, const struct docker_answer *a)
{
	struct sweep *s = ctx;
	bool is_gone = !a->e || a->status == 404;
	tell(s, &s->found[s->at++], is_gone, is_gone ? NULL : a->e->text);
	wait_next(s);
}

/* What is not gone in time docker_remove() goes on with. */
static void wait_next(struct sweep *s)
{
	for (; s->at < s->n_found; s->at++) {
		const struct left_over *l = &s->found[s->at];
		if (l->is_kept)
			continue;
		if (!s->p.is_dry_run && clock_ms() < s->until_ms &&
		    call_about(s, "POST", l->id, "/wait?condition=removed", on_gone))
			return;
		tell(s, l, false, s->p.is_dry_run ? NULL : still_there);
	}
	containers_are_done(s);
}

static void remove_all(struct sweep *s)
{
	for (size_t i = 0; i < s->n_found && !s->p.is_dry_run; i++)
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

static int take_container(struct sweep *s, const cJSON *container)
{
	const char *id = text_of(container, "Id");
	const char *owner = label(container, DOCKER_LABEL_OWNER);
	enum sweep_verdict verdict = sweep_judge(&s->p, label(container, DOCKER_LABEL_INSTANCE),
						 label(container, DOCKER_LABEL_BOOT), owner);
	if (!id || verdict == SWEEP_KEEP || is_same(id, s->p.own_id) ||
	    (verdict == SWEEP_ASK_OWNER && s->p.is_ours_only))
		return 0;
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(container, "Names");
	const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(names, 0));
	return add_found(s, id, name ? name + (*name == '/') : id,
			 label(container, DOCKER_LABEL_SERVER),
			 verdict == SWEEP_ASK_OWNER ? owner : NULL);
}

static void on_listed(void *ctx, const struct docker_answer *a)
{
	struct sweep *s = ctx;
	struct err e;
	cJSON *list = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	if (a->e)
		e = *a->e;
	int r = a->e ? e.code : take_list(s, list, take_container, &e);
	cJSON_Delete(list);
	if (r < 0) {
		(void)err_prefix(&e, "cannot list left-over containers");
		finish(s, &e);
	} else {
		ask_next(s);
	}
}

int docker_sweep(struct docker *d, const struct docker_sweep_params *p, struct err *e)
{
	struct sweep *s = calloc(1, sizeof(*s));
	if (!s)
		return err_oom(e);
	s->d = d;
	s->p = *p;
	char *instance = NULL, *boot = NULL, *own_id = NULL;
	int r = copy(&instance, p->instance);
	if (r == 0)
		r = copy(&boot, p->boot);
	if (r == 0)
		r = copy(&own_id, p->own_id);
	s->p.instance = instance;
	s->p.boot = boot;
	s->p.own_id = own_id;
	if (r < 0) {
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
