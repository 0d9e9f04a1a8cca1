/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/ask.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct asking {
	struct doctor *d;
	struct docker_call *call;
	struct loop_timer *timer; /* owned */
	enum check check;
	struct err e; /* why the call could not be made, or that its time is up */
	void (*on_done)(void *ctx, const struct docker_answer *a);
	void *ctx;
};

static void finish(struct asking *a, const struct docker_answer *answer)
{
	struct doctor *d = a->d;
	enum check check = a->check;
	loop_timer_free(a->timer);
	a->on_done(a->ctx, answer);
	free(a);
	doctor_end(d, check);
}

static void on_answer(void *ctx, const struct docker_answer *answer)
{
	finish(ctx, answer);
}

static void on_drop(void *ctx)
{
	struct asking *a = ctx;
	loop_timer_free(a->timer);
	free(a);
}

static void on_timer(void *ctx)
{
	struct asking *a = ctx;
	if (a->call)
		err_kind(&a->e, -ETIMEDOUT, DOCKER_TIMEOUT, "no answer in time");
	docker_call_cancel(a->call);
	const struct docker_answer none = { .body = "", .message = "", .e = &a->e };
	finish(a, &none);
}

void ask(struct doctor *d, const struct ask *what)
{
	struct asking *a = calloc(1, sizeof(*a));
	struct loop_timer *timer = a ? loop_timer_new(d->loop, on_timer, a) : NULL;
	if (!timer) { /* without memory for it nothing is waited for */
		struct err e;
		err_oom(&e);
		free(a);
		what->on_done(what->ctx,
			      &(struct docker_answer){ .body = "", .message = "", .e = &e });
		return;
	}
	*a = (struct asking){ .d = d,
			      .timer = timer,
			      .check = what->check,
			      .on_done = what->on_done,
			      .ctx = what->ctx };
	const char *const headers[] = { what->header, NULL };
	const struct docker_request rq = {
		.method = what->method,
		.path = what->path,
		.headers = headers,
		.body = what->body,
		.body_len = what->body ? strlen(what->body) : 0,
		.patience = DOCKER_CONTROL,
		.on_done = on_answer,
		.on_drop = on_drop,
		.ctx = a,
	};
	doctor_begin(d, a->check);
	a->call = docker_call(d->docker, &rq, &a->e);
	loop_timer_in(a->timer, a->call ? what->deadline_ms : 0);
}

int ask_reference(struct buf *path, const char *image)
{
	int r = 0;
	for (; *image && r == 0; image++) {
		const char one[2] = { *image, '\0' };
		r = strchr("/:@", *image) ? buf_add(path, one, 1) : docker_escape(path, one);
	}
	return r;
}
