/* SPDX-License-Identifier: MIT */
#include "docker/login.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "docker/auth.h"
#include "docker/client.h"
#include "docker/docker.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* docker-credential-helpers, credentials/error.go: the helper works, and has no such login. */
#define NO_SUCH_LOGIN "credentials not found in native keychain"

struct login {
	struct docker *d;
	struct docker_auth auth;
	struct docker_helper *helper; /* asked, or NULL */
	struct loop_timer *soon;      /* owned; tells from the loop */
	struct err trouble;
	bool has_trouble;
	login_fn *on_done;
	void *ctx;
};

void login_cancel(struct login *l)
{
	if (!l)
		return;
	if (l->helper)
		l->d->p.cancel_helper(l->helper);
	loop_timer_free(l->soon);
	docker_auth_done(&l->auth);
	free(l);
}

static void tell(void *ctx)
{
	struct login *l = ctx;
	char *header = docker_auth_is_empty(&l->auth) ? NULL : docker_auth_header(&l->auth);
	l->on_done(l->ctx, header, l->has_trouble ? l->trouble.text : NULL);
	login_cancel(l);
}

static void forget(struct docker_auth *auth)
{
	docker_wipe(take_ptr(&auth->username));
	docker_wipe(take_ptr(&auth->password));
	docker_wipe(take_ptr(&auth->identity_token));
}

static void helped(void *ctx, const char *answer, const struct err *e)
{
	struct login *l = ctx;
	l->helper = NULL;
	if (e && strstr(e->text, NO_SUCH_LOGIN)) {
		forget(&l->auth);
	} else if (e) {
		l->trouble = *e;
		l->has_trouble = true;
	} else {
		l->has_trouble = docker_auth_from_helper(answer, &l->auth, &l->trouble) < 0;
	}
	loop_timer_at(l->soon, 0);
}

/* 0, or -errno: then there is trouble, and what auths holds stands. */
static int find(struct login *l, const char *image)
{
	char *config = NULL;
	_cleanup_free_ char *registry = docker_registry_of(image);
	if (!registry)
		return err_oom(&l->trouble);
	int r = docker_config_read(&config, &l->trouble);
	if (r == 0)
		r = docker_auth_find(config, registry, &l->auth, &l->trouble);
	docker_wipe(config);
	if (r < 0 || !l->auth.helper || !l->d->p.run_helper)
		return r;
	const struct docker_helper_params p = {
		.name = l->auth.helper,
		.key = l->auth.server,
		.on_done = helped,
		.ctx = l,
	};
	l->helper = l->d->p.run_helper(l->d->p.ctx, &p, &l->trouble);
	return l->helper ? 0 : l->trouble.code;
}

struct login *login_find(struct docker *d, const char *image, login_fn *on_done, void *ctx)
{
	struct login *l = calloc(1, sizeof(*l));
	if (!l || !(l->soon = loop_timer_new(docker_loop(d), tell, l))) {
		free(l);
		return NULL;
	}
	l->d = d;
	l->on_done = on_done;
	l->ctx = ctx;
	l->has_trouble = find(l, image) < 0;
	if (!l->helper)
		loop_timer_at(l->soon, 0);
	return l;
}
