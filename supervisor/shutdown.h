/* SPDX-License-Identifier: MIT */
/*
 * shutdown: the ordered teardown, within one budget (shutdown_timeout): COMMAND gets command_grace; then the servers go
 * wave by wave in reverse order of depends_on, each wave in parallel, each grace the smaller of its share and its key;
 * a quarter of the budget, at least 2 s, is kept for what follows: kill, remove, sweep, orphans. Early exits give
 * their time back. What could not be removed is named and left to the next boot.
 */
#ifndef SUPERVISOR_SHUTDOWN_H
#define SUPERVISOR_SHUTDOWN_H

#include <stdint.h>

struct err;
struct shutdown;
struct supervisor;

/* on_done: everything is gone, or the budget is. */
struct shutdown *shutdown_new(struct supervisor *sv, void (*on_done)(struct supervisor *sv),
			      struct err *e);
void shutdown_free(struct shutdown *sh);
/* A server went down, COMMAND ended, a removal was confirmed: look what is next. */
void shutdown_look(struct shutdown *sh);
/* A second request: no more graces. */
void shutdown_hurry(struct shutdown *sh);

/* What each grace of a wave may take: of left_ms, waves that are left, the server's own key. Pure. */
int64_t shutdown_grace(int64_t left_ms, unsigned waves_left, int64_t key_ms);

#endif
