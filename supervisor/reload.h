/* SPDX-License-Identifier: MIT */
/*
 * reload: the configuration files once more, while everything runs. They are checked whole first: one that is not valid,
 * or that changes what only a restart can change, changes nothing. Then server by server: the new ones come, those that
 * are gone stop for good, those whose process would be another one get a new process, the rest and their pipes see
 * nothing. FATAL servers are tried again.
 * Owns: in struct supervisor, the configurations before this one for as long as a server still borrows from them.
 */
#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

#include "base/buf.h"
#include "conf/conf.h"

struct supervisor;

enum reload_outcome {
	RELOAD_DONE,
	RELOAD_INVALID, /* errors names what is wrong with the files */
	RELOAD_REFUSED, /* text says why */
};

struct reload {
	enum reload_outcome outcome;
	struct buf text;	   /* one sentence: what was changed, or why nothing was */
	struct conf_errors errors; /* RELOAD_INVALID */
	char **begun; /* names of servers that begin anew; NULL-terminated, owned; NULL: out of memory, or not done */
};

/* Reloads, and logs it. From the loop. */
void reload_run(struct supervisor *sv, struct reload *ret);
void reload_done(struct reload *r);

/* Frees what has left: call it when a server has changed. In reverse order of depends_on they leave. */
void reload_look(struct supervisor *sv);
/* At the end of all. */
void reload_close(struct supervisor *sv);

#endif
