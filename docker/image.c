/* SPDX-License-Identifier: MIT */
#include "docker/image.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "docker/auth.h"
#include "docker/client.h"
#include "docker/docker.h"
#include "docker/login.h"
#include "docker/progress.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	MAX_RETRIES = 3,
	FIRST_RETRY_MS = 2000,
	TELL_MS = 3000, /* progress at a human rate */
};

struct docker_pull {
	struct docker *d;
	struct docker_pull_params p; /* image and platform owned */
	struct docker_call *call;
	struct loop_timer *retry;
	struct login *login; /* being looked for, or NULL */
	struct progress progress;
	char *header;  /* owned; X-Registry-Auth, or NULL: none (any more) */
	char *trouble; /* owned; why the login that is meant could not be had, or NULL */
	char *user;    /* owned; the image's own */
	char *refusal; /* owned; what the registry said to the stored login, or NULL */
	bool is_ending, has_login, has_pulled;
	int retries;
	int64_t began_ms, told_ms;
	int64_t disk_bytes; /* of the image */
};

/* --- pure ------------------------------------------------------------------------------------ */

int image_pull_query(struct buf *out, const char *image, const char *platform)
{
	const char *tag = "latest";
	size_t n = strlen(image);
	const char *at = strchr(image, '@');
	const char *slash = strrchr(image, '/');
	const char *colon = strchr(slash ? slash : image, ':');
	if (at && (!colon || colon > at))
		colon = NULL;
	if (colon) {
		n = (size_t)(colon - image);
		tag = colon + 1;
	}
	if (at) { /* a digest says more than a tag beside it */
		n = colon ? n : (size_t)(at - image);
		tag = at + 1;
	}
	_cleanup_free_ char *name = strndup(image, n);
	if (!name || buf_adds(out, "fromImage=") < 0 || docker_escape(out, name) < 0 ||
	    buf_adds(out, "&tag=") < 0 || docker_escape(out, tag) < 0)
		return -ENOMEM;
	if (platform && (buf_adds(out, "&platform=") < 0 || docker_escape(out, platform) < 0))
		return -ENOMEM;
	return 0;
}

/* "a/b/c": the first part equals word, or is not there. */
static bool part_is(const char **rest, const char *word)
{
	size_t n = strcspn(*rest, "/");
	bool is_it = n == 0 || (strlen(word) == n && strncmp(*rest, word, n) == 0);
	*rest += n + ((*rest)[n] == '/');
	return is_it;
}

bool image_is_platform(const char *asked, const char *os, const char *arch, const char *variant)
{
	if (!strchr(asked, '/'))
		return true; /* "linux" or "arm64" alone: the engine decides */
	return part_is(&asked, os) && part_is(&asked, arch) &&
	       (*variant == '\0' || part_is(&asked, variant));
}

/* --- the end --------------------------------------------------------------------------------- */

static void pull_free(struct docker_pull *p)
{
	docker_call_cancel(p->call);
	login_cancel(p->login);
	loop_timer_free(p->retry);
	progress_done(&p->progress);
	docker_wipe(p->header);
	free(p->trouble);
	free(p->user);
	free(p->refusal);
	free((char *)p->p.image);
	free((char *)p->p.platform);
	free(p);
}

static void finish(struct docker_pull *p, const struct err *e)
{
	p->is_ending = true;
	p->p.on_done(p->p.ctx, e);
	pull_free(p);
}

/* What a person reads, by class; text: the engine's words. */
static void explain(const struct docker_pull *p, const struct err *why, struct err *e)
{
	const char *image = p->p.image;
	_cleanup_free_ char *registry = docker_registry_of(image);
	const char *where = registry ? registry : "its registry";
	switch (why->kind) {
	case DOCKER_DENIED:
		err_kind(
			e, why->code, why->kind,
			"cannot pull %.200s: access denied%s (%.250s)%s%.200s; log in (docker login %.100s) "
			"and let $DOCKER_CONFIG/config.json be readable here, or set image to one you may read",
			image, p->refusal ? " with the stored login and without" : "",
			p->refusal ? p->refusal : why->text, p->trouble ? "; " : "",
			p->trouble ? p->trouble : "", where);
		break;
	case DOCKER_NOT_FOUND:
		err_kind(
			e, why->code, why->kind,
			"cannot pull %s: not found at %s (%.400s); check the name and tag in image",
			image, where, why->text);
		break;
	case DOCKER_RATE_LIMIT:
		err_kind(
			e, why->code, why->kind,
			"cannot pull %s: %s limits pulls (%.400s); log in (docker login %s), or wait",
			image, where, why->text, where);
		break;
	case DOCKER_NETWORK:
	case DOCKER_TIMEOUT:
		err_kind(e, why->code, why->kind,
			 "cannot pull %s: %s cannot be reached by the engine (%.400s)", image,
			 where, why->text);
		break;
	default:
		err_kind(e, why->code, why->kind, "cannot pull %s: %.400s", image, why->text);
	}
}

static void fail(struct docker_pull *p, const struct err *why)
{
	struct err e;
	explain(p, why, &e);
	finish(p, &e);
}

static void fail_inspect(struct docker_pull *p, const struct err *why)
{
	struct err e;
	err_kind(&e, why->code, why->kind, "cannot look for image %s: %.600s", p->p.image,
		 why->text);
	finish(p, &e);
}

/* --- pull ------------------------------------------------------------------------------------ */

static void inspect(struct docker_pull *p);

static void say(struct docker_pull *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct docker_pull *p, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	if (!p->p.on_progress)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap); /* cut is good enough */
	va_end(ap);
	p->told_ms = clock_ms();
	p->p.on_progress(p->p.ctx, line);
}

static void tell(struct docker_pull *p)
{
	char text[128];
	progress_text(&p->progress, text, sizeof(text));
	say(p, "pulling %.300s%s", p->p.image, text);
}

static void tell_pulled(struct docker_pull *p)
{
	double seconds = (double)(clock_ms() - p->began_ms) / 1e3;
	double megabytes = (double)progress_bytes(&p->progress) / 1e6;
	/* A pull that waited for another of the same image is told, too, that it is up to date. */
	if (p->progress.is_up_to_date && megabytes <= 0)
		say(p, "%.300s is up to date: its registry said so in %.1f s", p->p.image, seconds);
	else
		say(p, "pulled %.300s in %.1f s: %.1f MB, %.1f MB on disk", p->p.image, seconds,
		    megabytes, (double)p->disk_bytes / 1e6);
}

static void on_pull_data(void *ctx, const char *bytes, size_t n)
{
	struct docker_pull *p = ctx;
	(void)progress_feed(&p->progress, bytes, n); /* out of memory: inspect has the last word */
	if (clock_ms() - p->told_ms >= TELL_MS)
		tell(p);
}

static bool is_worth_retrying(int kind)
{
	return kind == DOCKER_NETWORK || kind == DOCKER_RATE_LIMIT || kind == DOCKER_TIMEOUT;
}

static void pull(struct docker_pull *p);

static void pull_again(void *ctx)
{
	pull(ctx);
}

static void retry_or_fail(struct docker_pull *p, const struct err *why)
{
	if (why->kind == DOCKER_DENIED && p->header) {
		/* A stale login must not keep a public image away. */
		docker_wipe(take_ptr(&p->header));
		free(p->refusal);
		p->refusal = strdup(why->text);
		loop_timer_in(p->retry, 0);
		return;
	}
	if (!is_worth_retrying(why->kind) || p->retries == MAX_RETRIES) {
		fail(p, why);
		return;
	}
	int64_t delay_ms = (int64_t)FIRST_RETRY_MS << p->retries++;
	loop_timer_in(p->retry, delay_ms);
	say(p, "pulling %.300s: %.300s; trying again in %d s", p->p.image, why->text,
	    (int)(delay_ms / 1000));
}

static void on_pulled(void *ctx, const struct docker_answer *a)
{
	struct docker_pull *p = ctx;
	p->call = NULL;
	(void)progress_end(&p->progress);
	if (p->progress.error) {
		struct err late;
		err_kind(&late, -EREMOTEIO, docker_classify(200, p->progress.error), "%s",
			 p->progress.error);
		retry_or_fail(p, &late);
	} else if (a->e) {
		struct err early = *a->e;
		retry_or_fail(p, &early);
	} else {
		p->has_pulled = true;
		inspect(p);
	}
}

static void logged_in(void *ctx, char *takes_header, const char *trouble)
{
	struct docker_pull *p = ctx;
	p->login = NULL;
	p->has_login = true;
	p->header = takes_header;
	p->trouble = trouble ? strdup(trouble) : NULL; /* out of memory: it is said at least once */
	if (trouble)
		say(p, "pulling %.300s %s: %.500s", p->p.image,
		    takes_header ? "with the login in auths" : "without a login", trouble);
	pull(p);
}

/* Each pull asks anew: what a helper gives may be short-lived. Its retries do not. */
static void log_in(struct docker_pull *p)
{
	p->began_ms = clock_ms();
	tell(p);
	p->login = login_find(p->d, p->p.image, logged_in, p);
	if (p->login)
		return;
	struct err e;
	err_oom(&e);
	fail(p, &e);
}

static void pull(struct docker_pull *p)
{
	_cleanup_buf_ struct buf path = { 0 };
	struct err e;
	if (!p->has_login) {
		log_in(p);
		return;
	}
	progress_done(&p->progress);
	progress_init(&p->progress);
	if (buf_adds(&path, "/images/create?") < 0 ||
	    image_pull_query(&path, p->p.image, p->p.platform) < 0) {
		err_oom(&e);
		fail(p, &e);
		return;
	}
	const char *const headers[] = { p->header, NULL };
	const struct docker_request rq = {
		.method = "POST",
		.path = buf_str(&path),
		.headers = headers,
		.patience = DOCKER_PROGRESS,
		.on_data = on_pull_data,
		.on_done = on_pulled,
		.ctx = p,
	};
	p->call = docker_call(p->d, &rq, &e);
	if (!p->call)
		retry_or_fail(p, &e);
}

/* --- inspect --------------------------------------------------------------------------------- */

static const char *text_of(const cJSON *o, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
	return text ? text : "";
}

/* Remembers the image's user; is it for the platform that was asked for? */
static bool take_image(struct docker_pull *p, const struct docker_answer *a)
{
	cJSON *o = cJSON_ParseWithLength(a->body, a->body_len);
	const cJSON *config = cJSON_GetObjectItemCaseSensitive(o, "Config");
	free(p->user);
	p->user = strdup(text_of(config, "User"));
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(o, "Size");
	p->disk_bytes = cJSON_IsNumber(size) && size->valuedouble > 0 && size->valuedouble < 1e15
				? (int64_t)size->valuedouble
				: 0;
	bool is_it = !p->p.platform ||
		     image_is_platform(p->p.platform, text_of(o, "Os"), text_of(o, "Architecture"),
				       text_of(o, "Variant"));
	cJSON_Delete(o);
	return is_it;
}

static void fail_absent(struct docker_pull *p)
{
	struct err e;
	err_kind(
		&e, -ENOENT, DOCKER_NOT_FOUND,
		"image %s is not on this engine%s%s, and pull_policy is never; pull or build it, or set "
		"pull_policy = missing",
		p->p.image, p->p.platform ? " for " : "", p->p.platform ? p->p.platform : "");
	finish(p, &e);
}

static void on_inspected(void *ctx, const struct docker_answer *a)
{
	struct docker_pull *p = ctx;
	p->call = NULL;
	if (a->e && a->status != 404) {
		fail_inspect(p, a->e);
		return;
	}
	if (!a->e && take_image(p, a)) {
		if (p->has_pulled)
			tell_pulled(p);
		finish(p, NULL);
	} else if (p->has_pulled) {
		struct err e;
		err_kind(&e, -ENOENT, DOCKER_NETWORK,
			 "the pull ended, yet the image is not there: the engine's answer was cut");
		p->has_pulled = false;
		retry_or_fail(p, &e);
	} else if (p->p.policy == DOCKER_PULL_NEVER) {
		fail_absent(p);
	} else {
		pull(p);
	}
}

/* As the docker client writes it: "/", ":" and "@" as they are, which every proxy and podman understand. */
static int add_reference(struct buf *path, const char *image)
{
	int r = 0;
	for (; *image && r == 0; image++) {
		const char one[2] = { *image, '\0' };
		r = strchr("/:@", *image) ? buf_add(path, one, 1) : docker_escape(path, one);
	}
	return r;
}

/* Starts the call; NULL with e. */
static struct docker_call *ask(struct docker_pull *p, struct err *e)
{
	_cleanup_buf_ struct buf path = { 0 };
	if (buf_adds(&path, "/images/") < 0 || add_reference(&path, p->p.image) < 0 ||
	    buf_adds(&path, "/json") < 0) {
		err_oom(e);
		return NULL;
	}
	const struct docker_request rq = {
		.method = "GET",
		.path = buf_str(&path),
		.patience = DOCKER_CONTROL,
		.on_done = on_inspected,
		.ctx = p,
	};
	return docker_call(p->d, &rq, e);
}

static void inspect(struct docker_pull *p)
{
	struct err e;
	p->call = ask(p, &e);
	if (!p->call)
		fail_inspect(p, &e);
}

/* --- birth ----------------------------------------------------------------------------------- */

struct docker_pull *docker_pull_start(struct docker *d, const struct docker_pull_params *params,
				      struct err *e)
{
	struct docker_pull *p = calloc(1, sizeof(*p));
	if (!p) {
		err_oom(e);
		return NULL;
	}
	p->d = d;
	p->p = *params;
	p->p.image = strdup(params->image);
	p->p.platform = params->platform ? strdup(params->platform) : NULL;
	p->retry = loop_timer_new(docker_loop(d), pull_again, p);
	progress_init(&p->progress);
	if (!p->p.image || (params->platform && !p->p.platform) || !p->retry) {
		err_oom(e);
		pull_free(p);
		return NULL;
	}
	if (params->policy == DOCKER_PULL_ALWAYS) {
		loop_timer_in(p->retry, 0);
		return p;
	}
	p->call = ask(p, e);
	if (!p->call) {
		pull_free(p);
		return NULL;
	}
	return p;
}

const char *docker_pull_user(const struct docker_pull *p)
{
	return p->user;
}

void docker_pull_cancel(struct docker_pull *p)
{
	if (p && !p->is_ending)
		pull_free(p);
}
