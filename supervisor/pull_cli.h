/* SPDX-License-Identifier: MIT */
/*
 * pull_cli: `docker pull`, for images that the engine's API would not give us: the command has logins and ways of its
 * own. Without a total deadline, but ended when it has not read a byte for PULL_CLI_IDLE_MS. While it downloads a layer
 * it prints nothing, so the kernel is asked what it has read (proc(5), /proc/PID/io); where that is not told, nothing ends it.
 * Callbacks come from the loop, but for a first word of progress; on_done is the last, and may free.
 */
#ifndef SUPERVISOR_PULL_CLI_H
#define SUPERVISOR_PULL_CLI_H

struct err;
struct pull_cli;
struct supervisor;

enum { PULL_CLI_IDLE_MS = 120000 };

struct pull_cli_params {
	struct supervisor *sv;
	const char *image, *platform; /* platform may be NULL; both borrowed for its life */
	void (*on_progress)(void *ctx, const char *text);
	void (*on_done)(void *ctx,
			const struct err *e); /* NULL: it is there; kind: enum docker_class */
	void *ctx;
};

/* NULL: it cannot be run; e's kind is an enum spawn_fault. */
struct pull_cli *pull_cli_start(const struct pull_cli_params *p, struct err *e);
/* An end follows by on_done. */
void pull_cli_signal(struct pull_cli *p, int signo);
/* No callback any more; kills it. NULL is fine. */
void pull_cli_free(struct pull_cli *p);

/* What the docker command said on its stderr → an error, classified. what: "docker pull". */
void pull_cli_reason(const char *words, const char *what, struct err *e);

#endif
