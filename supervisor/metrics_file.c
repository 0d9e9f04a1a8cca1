/* SPDX-License-Identifier: MIT */
/* metrics_file: written beside its name and renamed, so that nobody reads half of it. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "supervisor/metrics.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVERY_MS = 15 * 1000 };

struct metrics_file {
	struct supervisor *sv;
	struct loop_timer *timer; /* owned */
	char *path, *tmp;	  /* owned; tmp is in the same directory */
	bool is_said;		  /* that it cannot be written; until it can */
};

static int write_tmp(const struct metrics_file *f, struct err *e)
{
	_cleanup_buf_ struct buf text = { 0 };
	if (metrics_text(f->sv, &text) < 0)
		return err_oom(e);
	/* A file of our own making: nobody's link is followed, nobody's pipe waited for. */
	(void)unlink(f->tmp);
	_cleanup_close_ int fd =
		open(f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, -errno, "cannot make %s: %s", f->tmp, strerror(errno));
	if (fchmod(fd, 0644) < 0) /* whatever the umask */
		return err_set(e, -errno, "cannot set the mode of %s: %s", f->tmp, strerror(errno));
	for (size_t at = 0; at < text.len;) {
		ssize_t n = write(fd, text.data + at, text.len - at);
		if (n < 0 && errno != EINTR)
			return err_set(e, -errno, "cannot write %s: %s", f->tmp, strerror(errno));
		at += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void write_now(void *ctx)
{
	struct metrics_file *f = ctx;
	struct err e;
	int r = write_tmp(f, &e);
	if (r == 0 && rename(f->tmp, f->path) < 0)
		r = err_set(&e, -errno, "cannot rename %s to %s: %s", f->tmp, f->path,
			    strerror(errno));
	if (r < 0) {
		(void)unlink(f->tmp); /* mostly it was never there */
		if (!f->is_said)
			log_warn(
				"mcpinit",
				"metrics_file: %s; tried again every %d s. Its directory must exist, and uid %u "
				"be able to write there",
				e.text, EVERY_MS / 1000, (unsigned)geteuid());
	}
	f->is_said = r < 0;
	loop_timer_in(f->timer, EVERY_MS);
}

struct metrics_file *metrics_file_new(struct supervisor *sv)
{
	if (!sv->conf->metrics_file)
		return NULL;
	struct metrics_file *f = calloc(1, sizeof(*f));
	if (f) {
		f->sv = sv;
		f->path = strdup(sv->conf->metrics_file);
		f->timer = loop_timer_new(sv->loop, write_now, f);
		if (asprintf(&f->tmp, "%s.tmp", sv->conf->metrics_file) < 0)
			f->tmp = NULL;
	}
	if (!f || !f->path || !f->tmp || !f->timer) {
		log_error("mcpinit", "metrics_file: out of memory, not written");
		metrics_file_free(f);
		return NULL;
	}
	loop_timer_at(f->timer, 0);
	return f;
}

void metrics_file_free(struct metrics_file *f)
{
	if (!f)
		return;
	loop_timer_free(f->timer);
	if (f->path)
		(void)unlink(f->path); /* a file of the last minute would claim that we live */
	free(f->path);
	free(f->tmp);
	free(f);
}
