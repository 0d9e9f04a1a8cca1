/* SPDX-License-Identifier: MIT */
/*
 * container_step: the two halves of container.h: how it comes to run (container_start.c), and how it ends (container.c).
 * A user's callback is always the last thing that a step does: it may free the container.
 * Private to container*.c.
 */
#ifndef DOCKER_CONTAINER_STEP_H
#define DOCKER_CONTAINER_STEP_H

#include "base/buf.h"
#include "docker/client.h"

enum container_state {
	CONTAINER_CREATING,
	CONTAINER_CLEARING,  /* the name was taken: what has it is being removed */
	CONTAINER_ATTACHING, /* upgrade under way */
	CONTAINER_WAITING,   /* for the headers of wait */
	CONTAINER_STARTING,  /* start under way; output and even the exit may come */
	CONTAINER_RUNNING,
	CONTAINER_RESTING, /* it runs, but wait broke (a proxy's idle limit): until that is asked again */
	CONTAINER_ASKING,     /* something broke: is the engine there? */
	CONTAINER_INSPECTING, /* … and the container? Or, after an exit: was it out of memory? */
	CONTAINER_ENDED,      /* on_exit was said */
};

struct docker_container {
	struct docker *d; /* NULL once ended, or when the engine object went */
	struct docker_container *prev, *next;
	struct docker_container_cb cb;
	void *ctx;
	enum container_state state;
	char *name, *platform;	      /* owned */
	struct buf body;	      /* of create */
	char id[72];		      /* "" before it is created */
	struct docker_call *call;     /* the step's own */
	struct docker_call *wait;     /* from WAITING to the end, but for a rest where it broke */
	int64_t wait_ms, rest_ms;     /* when that began; how long the last rest was */
	struct docker_attach *attach; /* our half; NULL before ATTACHING */
	struct loop_timer *timer;     /* owned; the state says what for */
	char pending_signal[16];      /* asked for before it ran */
	struct err *e; /* owned; a spec that cannot be rendered: told from the loop */
	int exit_code;
	bool has_retried; /* after a conflict */
	bool is_orphan;	  /* freed while create was under way */
	bool has_exit, is_oom;
	bool is_output_over, is_said_dead;
	bool is_wait_cut; /* once at least, while the engine was there */
	int64_t idle_ms;  /* of the attach when its output was over */
};

/* The first step. False: out of memory, or no engine. */
bool container_create(struct docker_container *c);
/* One call of a step, its what behind "/containers/ID"; into c->call. */
bool container_call(struct docker_container *c, const char *method, const char *what,
		    enum docker_patience patience,
		    void (*on_done)(void *ctx, const struct docker_answer *a));
/* After a rest. */
void container_wait_again(struct docker_container *c);
void container_signal(struct docker_container *c, const char *signal);
/* Some sign of the end came while it runs: has_exit, is_output_over, is_said_dead, or wait broke. */
void container_advance(struct docker_container *c);
/* The end, told by on_exit. */
void container_finish(struct docker_container *c, bool is_engine_gone, const struct err *e);
/* The end of what never ran: "cannot <step> container <name>: <e>". */
void container_fail(struct docker_container *c, const struct err *e, const char *step);
void container_fail_with(struct docker_container *c, int code, int kind, const char *step,
			 const char *text);
/* … because a call could not even go out. */
void container_fail_call(struct docker_container *c, const char *step);
/* Memory and calls, whatever the state; tells nobody. */
void container_destroy(struct docker_container *c);

#endif
