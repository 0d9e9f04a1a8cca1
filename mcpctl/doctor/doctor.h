/* SPDX-License-Identifier: MIT */
/*
 * doctor: what usually goes wrong, looked at one by one: first what needs no engine (here.c), then the engine and what
 * only it can tell (engine.c, images.c, sibling.c, deep.c), each for itself and at once. The whole ends within 60 s.
 * Owns:    everything in struct doctor; each file writes its own part of it.
 * Rules:   what is waited for is counted: doctor_begin() … doctor_end() with the check's name, which is told when time
 *          is up. Every call to the engine goes through ask.h and has a deadline there.
 */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include "mcpctl/doctor/finding.h"
#include "mcpctl/doctor/judge.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct conf;
struct cli_check;
struct docker;
struct docker_endpoint;
struct docker_self;
struct dns_check;
struct fifo_check;
struct http;
struct image_check;
struct loop;
struct loop_timer;
struct mcpinit_check;
struct programs;
struct sibling_check;

enum {
	DOCTOR_TOTAL_MS = 45000,  /* for everything; then what is missing is named */
	DOCTOR_TIDY_MS = 8000,	  /* and for removing the containers made */
	DOCTOR_ENGINE_MS = 10000, /* to answer at all */
	DOCTOR_ASK_MS = 15000,	  /* a call that the engine answers by itself */
	DOCTOR_REGISTRY_MS = 20000,
	DOCTOR_PROGRAM_MS = 10000,
	DOCTOR_FIFO_MS = 20000,
	DOCTOR_MCPINIT_MS = 3000,
	DOCTOR_GROUPS = 256,
};

struct doctor_params {
	const char *config; /* a file; NULL: none was named */
	const char *socket; /* mcpinit's; NULL: in control_dir */
	bool is_json, is_deep;
	const char *const *environ;
};

struct doctor {
	const struct doctor_params *p;
	struct findings *findings;
	struct loop *loop;
	struct loop_timer *timer; /* the whole; then for tidying up */
	struct programs *programs;
	int pending[CHECKS], n_pending;
	bool is_ending;

	struct user_facts user; /* here.c */
	gid_t groups[DOCTOR_GROUPS];
	struct conf *conf;  /* never NULL after here_look(): defaults, where the files are wrong */
	bool is_conf_whole; /* it is the files' */

	struct docker_endpoint *endpoint; /* engine.c; NULL: none can be used */
	struct http *http;
	struct docker *docker;
	struct loop_timer *engine_timer; /* armed while it is waited for */
	struct docker_self *self;	 /* NULL until it is found */
	struct cli_check *cli;

	struct image_check *images; /* images.c */
	size_t n_images, n_images_asked;
	char **present; /* images that are there: ours first, then the configured ones */
	struct dns_check *names;
	struct sibling_check *sibling; /* sibling.c */
	struct fifo_check *fifo;       /* deep.c */
	struct mcpinit_check *mcpinit; /* mcpinit.c */
};

/* The exit status: 0, or 1 where a finding is fail. */
int doctor_run(const struct doctor_params *p);

void doctor_add(struct doctor *d, const struct finding *f);
void doctor_begin(struct doctor *d, enum check check);
/* Everything begun has ended: the doctor is done. */
void doctor_end(struct doctor *d, enum check check);

/* here.c: looks at everything that needs no waiting. -ENOMEM. */
int here_look(struct doctor *d);
/* The first server that mounts `workspace`, or a path in it; NULL: none. */
const char *here_mounts_workspace(const struct doctor *d);

/* engine.c: endpoint, socket; then the engine is on its way. */
void engine_start(struct doctor *d);
void engine_free(struct doctor *d);

/* cli.c */
void cli_start(struct doctor *d);
/* What the API said of the engine: is it up, and its ID ("": not told). Once. */
void cli_tell(struct doctor *d, bool is_up, const char *id);
void cli_free(struct doctor *d);

/* images.c: the registries of the configured images: logins, name lookups; then, with an engine, the images. */
int images_gather(struct doctor *d);
void images_ask(struct doctor *d);
void images_free(struct doctor *d);

/* sibling.c: when the images and our container are known. */
void sibling_start(struct doctor *d);
/* What it made is removed, in the background. */
void sibling_stop(struct doctor *d);
void sibling_free(struct doctor *d);

/* deep.c */
void deep_start(struct doctor *d);
void deep_free(struct doctor *d);

/* mcpinit.c */
void mcpinit_start(struct doctor *d);
void mcpinit_free(struct doctor *d);

#endif
