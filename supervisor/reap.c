/* SPDX-License-Identifier: MIT */
#include "supervisor/reap.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { BUCKETS = 256 }; /* far more than children that run at once */

struct watch {
	struct watch *next;
	pid_t pid;
	reap_fn *fn;	  /* NULL: forgotten, but ours */
	reap_fn *stop_fn; /* NULL: not interested */
	void *ctx;
};

struct reap {
	struct watch *buckets[BUCKETS]; /* owned chains */
	uint64_t orphans;
	void (*drained_fn)(void *ctx);
	void *drained_ctx;
};

struct reap *reap_new(struct err *e)
{
	struct reap *r = calloc(1, sizeof(*r));
	if (!r)
		err_oom(e);
	return r;
}

void reap_free(struct reap *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (r->buckets[i]) {
			struct watch *w = r->buckets[i];
			r->buckets[i] = w->next;
			free(w);
		}
	}
	free(r);
}

int reap_become_subreaper(struct err *e)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) < 0) {
		int code = -errno;
		return err_set(e, code, "cannot become the reaper of orphans: %s", strerror(-code));
	}
	return 0;
}

/* Where the pointer to its watch stands; what stands there is NULL when there is none. */
static struct watch **find(struct reap *r, pid_t pid)
{
	struct watch **at = &r->buckets[(unsigned)pid % BUCKETS];
	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

int reap_watch(struct reap *r, pid_t pid, reap_fn *fn, void *ctx)
{
	struct watch **at = find(r, pid);
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return -ENOMEM;
	}
	**at = (struct watch){ .next = (*at)->next, .pid = pid, .fn = fn, .ctx = ctx };
	return 0;
}

void reap_on_stop(struct reap *r, pid_t pid, reap_fn *fn)
{
	struct watch *w = *find(r, pid);
	if (w)
		w->stop_fn = fn;
}

void reap_forget(struct reap *r, pid_t pid)
{
	struct watch *w = *find(r, pid);
	if (w)
		w->fn = w->stop_fn = NULL;
}

static void tell(struct reap *r, pid_t pid, int status)
{
	struct watch **at = find(r, pid);
	struct watch *w = *at;
	if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
		if (w && w->stop_fn)
			w->stop_fn(w->ctx, pid, status);
		return;
	}
	if (!w) {
		r->orphans++;
		return;
	}
	/* Out of the table first: the callback may start a child, which may get the same pid. */
	*at = w->next;
	struct watch gone = *w;
	free(w);
	if (gone.fn)
		gone.fn(gone.ctx, pid, status);
}

void reap_drain(struct reap *r)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			break;
		tell(r, pid, status);
	}
	if (r->drained_fn)
		r->drained_fn(r->drained_ctx);
}

void reap_on_drained(struct reap *r, void (*fn)(void *ctx), void *ctx)
{
	r->drained_fn = fn;
	r->drained_ctx = ctx;
}

bool reap_has_children(void)
{
	siginfo_t si;
	return waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

uint64_t reap_orphans(const struct reap *r)
{
	return r->orphans;
}
