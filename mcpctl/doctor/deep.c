/* SPDX-License-Identifier: MIT */
/* --deep: a sibling container writes through a pipe in runtime_dir: the images that are there are tried until one has a shell. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "docker/hostpath.h"
#include "docker/spec.h"
#include "mcpctl/doctor/doctor.h"
#include "mcpctl/doctor/sibling.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fifo_check {
	struct doctor *d;
	struct docker_mount mount; /* owned; of the runtime_dir */
	struct fifo_facts facts;
	char name[32], path[PATH_MAX]; /* of the pipe; "": none was made */
	int fd;			       /* owned; its read end */
	struct loop_io *io;
	struct loop_timer *timer;
	struct docker_container *container;
	size_t n_tried;
	struct err e;
	bool is_ended;
};

static void end(struct fifo_check *w)
{
	struct finding f = finding_of(CHECK_FIFO);
	if (w->is_ended)
		return;
	w->is_ended = true;
	docker_container_free(take_ptr(&w->container));
	loop_io_free(take_ptr(&w->io));
	loop_timer_stop(w->timer);
	w->facts.error = w->e.text;
	judge_fifo(&w->facts, &f);
	doctor_add(w->d, &f);
	doctor_end(w->d, CHECK_FIFO);
}

static bool take_byte(struct fifo_check *w)
{
	char byte;
	if (!w->facts.has_come && fd_read(w->fd, &byte, 1) == 1)
		w->facts.has_come = true;
	return w->facts.has_come;
}

static void on_fifo(void *ctx, unsigned ready)
{
	struct fifo_check *w = ctx;
	(void)ready;
	if (take_byte(w))
		end(w);
	else
		loop_io_want(w->io, 0); /* its writer went without a word: the exit tells */
}

static void on_time(void *ctx)
{
	struct fifo_check *w = ctx;
	err_set(&w->e, -ETIMEDOUT, "nothing came within %d s", DOCTOR_FIFO_MS / 1000);
	end(w);
}

/* --- the sibling ------------------------------------------------------------------------------ */

static void try_next(struct fifo_check *w);

static void on_attached(void *ctx, struct stream *stdio)
{
	(void)ctx;
	stream_free(stdio);
}

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	struct fifo_check *w = ctx;
	err_set(&w->e, -EIO, "%.*s", (int)n, bytes);
}

static void on_end(void *ctx, const struct docker_exit *x)
{
	struct fifo_check *w = ctx;
	docker_container_free(take_ptr(&w->container));
	if (take_byte(w)) {
		end(w);
		return;
	}
	/* It could not be executed: an image without a shell. */
	bool has_run = !x->e && x->exit_code != 126 && x->exit_code != 127;
	w->facts.was_tried = w->facts.was_tried || has_run;
	if (x->e)
		w->e = *x->e;
	else if (w->e.code == 0)
		err_set(&w->e, -EIO, "it ended with status %d", x->exit_code);
	if (has_run)
		end(w);
	else
		try_next(w);
}

static int run(struct fifo_check *w, const char *image)
{
	static const struct docker_container_cb cb = { .on_attached = on_attached,
						       .on_stderr = on_stderr,
						       .on_exit = on_end };
	struct doctor *d = w->d;
	struct docker_spec spec;
	char name[SIBLING_NAME], what[16], script[128], user[32];
	if (sibling_spec(&spec, image, &w->mount) < 0)
		return err_oom(&w->e);
	(void)snprintf(what, sizeof(what), "fifo%zu", w->n_tried); /* these always fit */
	(void)snprintf(script, sizeof(script), "printf x > " SIBLING_TARGET "/%s", w->name);
	(void)snprintf(user, sizeof(user), "%u:%u", d->user.uid, d->user.gid);
	sibling_name(name, what);
	spec.user = strdup(user);
	bool is_whole = spec.user && docker_list_add(&spec.entrypoint, "sh") == 0 &&
			docker_list_add(&spec.command, "-c") == 0 &&
			docker_list_add(&spec.command, script) == 0;
	w->facts.image = image;
	w->container =
		is_whole ? docker_container_run(d->docker, &spec, name, &cb, w, &w->e) : NULL;
	docker_spec_done(&spec);
	return w->container ? 0 : -EIO;
}

static void try_next(struct fifo_check *w)
{
	char **all = w->d->present;
	for (size_t i = 0; all && all[i]; i++)
		if (i == w->n_tried) {
			w->n_tried++;
			w->e.code = 0;
			if (run(w, all[i]) == 0)
				return;
		}
	if (!w->e.text[0])
		err_set(&w->e, -ENOENT, "no image is here");
	end(w);
}

/* --- the pipe ----------------------------------------------------------------------------------- */

static int make_pipe(struct fifo_check *w, struct err *e)
{
	const char *dir = w->d->conf->runtime_dir;
	int r = docker_hostpath(w->d->self, dir, docker_api_at_least(w->d->docker, 1, 45), false,
				&w->mount, e);
	if (r < 0)
		return r;
	w->facts.source = w->mount.source;
	(void)snprintf(w->name, sizeof(w->name), ".doctor-deep-%d", (int)getpid());
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, w->name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, -ENAMETOOLONG, "the name is too long");
	if (mkfifo(path, 0600) < 0)
		return err_set(e, -errno, "cannot make it: %s", strerror(errno));
	(void)memcpy(w->path, path, sizeof(path));
	w->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (w->fd < 0)
		return err_set(e, -errno, "cannot open it: %s", strerror(errno));
	w->io = loop_io_new(w->d->loop, w->fd, LOOP_IN, on_fifo, w, e);
	w->timer = loop_timer_new(w->d->loop, on_time, w);
	return w->io && w->timer ? 0 : err_oom(e);
}

void deep_start(struct doctor *d)
{
	if (d->fifo || d->is_ending)
		return;
	struct fifo_check *w = d->fifo = calloc(1, sizeof(*w));
	if (!w)
		return;
	w->d = d;
	w->fd = -1;
	w->facts.path = d->conf->runtime_dir;
	doctor_begin(d, CHECK_FIFO);
	if (make_pipe(w, &w->e) < 0) {
		w->facts.error = w->e.text;
		struct finding f = finding_of(CHECK_FIFO);
		judge_fifo(&w->facts, &f);
		doctor_add(d, &f);
		w->is_ended = true;
		doctor_end(d, CHECK_FIFO);
		return;
	}
	loop_timer_in(w->timer, DOCTOR_FIFO_MS);
	try_next(w);
}

void deep_free(struct doctor *d)
{
	struct fifo_check *w = d->fifo;
	if (!w)
		return;
	d->fifo = NULL;
	docker_container_free(w->container);
	loop_io_free(w->io);
	loop_timer_free(w->timer);
	close_fd(&w->fd);
	if (w->path[0])
		(void)unlink(w->path); /* it was made */
	free(w->mount.source);
	free(w->mount.subpath);
	free(w);
}
