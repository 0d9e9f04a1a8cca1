/* SPDX-License-Identifier: MIT */
/* The images that the servers run, each once: is it there, or does its registry have it for us? */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conf/conf.h"
#include "docker/auth.h"
#include "docker/imagemap.h"
#include "docker/spec.h"
#include "mcpctl/doctor/ask.h"
#include "mcpctl/doctor/registries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct image_check {
	struct doctor *d;
	struct image_facts facts;
	char *registry; /* owned */
	char *header;	/* owned; a secret; NULL: no login, or not any more */
};

/* --- which ------------------------------------------------------------------------------------ */

static enum image_policy policy_of(enum conf_pull pull)
{
	return pull == CONF_PULL_NEVER	  ? IMAGE_NEVER
	       : pull == CONF_PULL_ALWAYS ? IMAGE_ALWAYS
					  : IMAGE_MISSING;
}

/* The image of a server, or NULL: a process, or none that is known. */
static const char *image_of(const struct conf_server *s)
{
	struct imagemap map;
	if (s->launch == CONF_LAUNCH_PROCESS)
		return NULL;
	if (s->image)
		return s->image;
	bool is_mapped = !s->entrypoint && imagemap_find((const char *const *)s->command, &map);
	return is_mapped ? map.image : NULL;
}

static int add_image(struct doctor *d, const struct conf_server *s)
{
	const char *image = image_of(s);
	for (size_t i = 0; image && i < d->n_images; i++)
		if (strcmp(d->images[i].facts.image, image) == 0 &&
		    d->images[i].facts.policy == policy_of(s->pull_policy))
			return 0;
	if (!image)
		return 0;
	struct image_check *im = &d->images[d->n_images];
	*im = (struct image_check){ .d = d, .registry = docker_registry_of(image) };
	if (!im->registry)
		return -ENOMEM;
	im->facts = (struct image_facts){ .image = image,
					  .registry = im->registry,
					  .server = s->name,
					  .policy = policy_of(s->pull_policy) };
	d->n_images++;
	/* The logins first: each registry once, and what is asked later is asked with them. */
	return registries_look(d, im->registry, &im->header);
}

int images_gather(struct doctor *d)
{
	size_t n = 0;
	while (d->conf->servers[n])
		n++;
	d->images = calloc(n + 1, sizeof(*d->images));
	int r = d->images ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_image(d, d->conf->servers[i]);
	return r;
}

/* --- asking -------------------------------------------------------------------------------------- */

static void image_end(struct image_check *im)
{
	struct doctor *d = im->d;
	struct finding f = finding_of(CHECK_IMAGE);
	judge_image(&im->facts, &f);
	doctor_add(d, &f);
	d->n_images_asked++;
	sibling_start(d);
}

static void ask_image(struct image_check *im, bool is_registry);

static void on_distribution(void *ctx, const struct docker_answer *a)
{
	struct image_check *im = ctx;
	if (a->e && a->e->kind == DOCKER_DENIED && im->header) {
		/* As the pull does it: a stale login must not keep a public image away. */
		docker_wipe(take_ptr(&im->header));
		im->facts.has_login = true;
		ask_image(im, true);
		return;
	}
	im->facts.was_asked = true;
	im->facts.class = a->e ? a->e->kind : 0;
	im->facts.error = a->e ? a->e->text : NULL;
	image_end(im);
}

static void on_image(void *ctx, const struct docker_answer *a)
{
	struct image_check *im = ctx;
	im->facts.is_present = !a->e;
	if (!a->e)
		(void)docker_list_add(&im->d->present, im->facts.image); /* one fewer to try with */
	bool is_odd = a->e && a->status != 404;
	bool is_enough = im->facts.is_present ? im->facts.policy != IMAGE_ALWAYS
					      : im->facts.policy == IMAGE_NEVER;
	im->facts.error = is_odd ? a->e->text : NULL;
	if (is_odd || is_enough)
		image_end(im);
	else
		ask_image(im, true);
}

static void ask_image(struct image_check *im, bool is_registry)
{
	_cleanup_buf_ struct buf path = { 0 };
	(void)buf_adds(&path, is_registry ? "/distribution/" : "/images/"); /* short: 404 */
	(void)ask_reference(&path, im->facts.image);
	(void)buf_adds(&path, "/json");
	const struct ask what = { .check = CHECK_IMAGE,
				  .method = "GET",
				  .path = buf_str(&path),
				  .header = is_registry ? im->header : NULL,
				  .deadline_ms = is_registry ? DOCTOR_REGISTRY_MS : DOCTOR_ASK_MS,
				  .on_done = is_registry ? on_distribution : on_image,
				  .ctx = im };
	ask(im->d, &what);
}

void images_ask(struct doctor *d)
{
	for (size_t i = 0; i < d->n_images; i++)
		ask_image(&d->images[i], false);
}

void images_free(struct doctor *d)
{
	for (size_t i = 0; i < d->n_images; i++) {
		free(d->images[i].registry);
		docker_wipe(d->images[i].header);
	}
	free(d->images);
	registries_free(d);
	docker_list_free(d->present);
}
