/* SPDX-License-Identifier: MIT */
/*
 * carrier: what the three launchers have in common, behind launch.h and private to launch*.c. launch.c plans the
 * container, has its image fetched and picks the carrier; a carrier brings one process to life and tells its end.
 */
#ifndef SUPERVISOR_CARRIER_H
#define SUPERVISOR_CARRIER_H

#include "base/err.h"
#include "docker/spec.h"
#include "supervisor/launch.h"

struct carrier;
struct docker_pull;
struct loop_timer;

struct carrier_ops {
	const char *via;
	void (*stop)(struct carrier *c); /* the stop signal */
	void (*kill)(struct carrier *c);
	void (*free)(struct carrier *c); /* no callbacks; kills and removes what still exists */
	void (*event)(struct carrier *c, const struct docker_event *ev); /* may be NULL */
	const char *(*id)(const struct carrier *c);
};

/* First member of every carrier. */
struct carrier {
	const struct carrier_ops *ops;
	struct launch *launch;
};

struct launch {
	struct launch_params p;
	struct docker_spec spec;  /* containers only */
	char *name;		  /* owned; of the container, else NULL */
	struct docker_pull *pull; /* under way, or NULL */
	struct carrier
		*carrier; /* NULL before its image is there, unless the docker command pulls it */
	struct loop_timer *soon; /* the next step, where it must not be taken at once */
	bool is_container, is_installing, may_fall_back, is_image_there, may_go, is_called_off;
	bool is_final;		/* set with an error by a carrier that knows that no retry helps */
	char first_error[1024]; /* "" or why the api was given up */
	char leaving
		[80]; /* ID of what the api made and could not start: it still has the name; "" */
	int64_t leaving_until_ms; /* no longer is waited for it */
	struct err api_error;	  /* with leaving */
};

struct carrier *carrier_api_new(struct launch *l, struct err *e);
struct carrier *carrier_cli_new(struct launch *l, struct err *e);
struct carrier *carrier_process_new(struct launch *l, struct err *e);

/* For container carriers: it began. */
void launch_started(struct launch *l);
/* For carriers: the end of it. May try another carrier instead of telling; the carrier must not be used afterwards. The
 * kind of x->e is an enum docker_class. */
void launch_over(struct launch *l, const struct launch_exit *x);
/* For the cli: its `docker pull` has brought the image. The carrier must not be used afterwards. */
void launch_pulled(struct launch *l);
/* Is this class of error one a person must mend? */
bool launch_is_final(int docker_class);
/* Was it the way to the engine that failed? The engine itself reports failures of the network, too (-EREMOTEIO): of its
 * registries, volumes, log drivers. */
bool launch_is_engine_gone(const struct err *e);
/* As launch_is_final(), for an error of spawning: its kind is an enum spawn_fault. */
bool carrier_is_final(const struct err *e);

#endif
