/* SPDX-License-Identifier: MIT */
/*
 * docker: the container engine as supervisor/ sees it: one struct docker per engine, its calls and callbacks.
 * Every call has a deadline, nothing blocks. An engine that cannot be reached is tried again for ever (1 s … 30 s),
 * and said once: on_down when it goes, on_up when it answers (again).
 * Callbacks are never called from within the function that starts the work, and may free or cancel what they are
 * about. Errors carry an enum docker_class in err.kind.
 * Source: Engine API v1.41 (docs.docker.com/engine/api); API version negotiated from 1.41 (20.10) up.
 */
#ifndef DOCKER_DOCKER_H
#define DOCKER_DOCKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docker;
struct docker_container;
struct docker_exec;
struct docker_health;
struct docker_pull;
struct docker_spec;
struct err;
struct http;
struct loop;
struct stream;

/* What an engine's error is; retry and fall-back are decided by this alone. */
enum docker_class {
	DOCKER_OTHER = 1,
	DOCKER_DENIED,	   /* registry: no, or no credentials */
	DOCKER_NOT_FOUND,  /* no such image, container, network, manifest */
	DOCKER_CONFLICT,   /* name taken, removal in progress */
	DOCKER_NETWORK,	   /* engine or registry unreachable, cut, DNS */
	DOCKER_RATE_LIMIT, /* registry: too many requests */
	DOCKER_VERSION,	   /* API version refused */
	DOCKER_PERMISSION, /* EACCES on the socket, a proxy's 403 */
	DOCKER_BAD_REQUEST, /* the engine says the spec is wrong: bad reference, bad limit, no such bind source */
	DOCKER_EXEC,	/* the container's command cannot be executed: not found, not executable */
	DOCKER_TIMEOUT, /* the engine did not answer in time */
};
const char *docker_class_name(int class);
/* enum docker_class of an error by status and words; status 0 or 200: by words alone (errors inside a pull stream). */
int docker_classify(int status, const char *message);

/* One container event of our instance. */
struct docker_event {
	const char *id, *name,
		*action;    /* action: create start die oom kill destroy health_status */
	const char *health; /* health_status: "healthy" or "unhealthy" */
	int exit_code;	    /* die; -1 otherwise */
};

/* A credential helper, docker-credential-NAME of config.json, asked for the login of one registry. */
struct docker_helper; /* whoever runs it defines it */
struct docker_helper_params {
	const char *name; /* borrowed for the call, as is key */
	const char *key;  /* the registry, as config.json names it: what `get` reads on its stdin */
	/* Once, from the loop: what it printed when it ended with 0 (borrowed, a secret), or why there is nothing. */
	void (*on_done)(void *ctx, const char *answer, const struct err *e);
	void *ctx;
};

struct docker_params {
	struct loop *loop;
	struct http *http;
	const char *host;     /* docker_host of the config or NULL; see docker_new() */
	const char *instance; /* for labels and filters; may be NULL until docker_set_instance() */
	void (*on_up)(void *ctx); /* reachable: version negotiated, events connected */
	void (*on_down)(
		void *ctx,
		const struct err *e); /* not reachable (any more); e says why and what to do */
	void (*on_event)(void *ctx, const struct docker_event *ev);
	/* Programs are not run here. NULL with e: it cannot be run. Both NULL: no helper is asked. */
	struct docker_helper *(*run_helper)(void *ctx, const struct docker_helper_params *p,
					    struct err *e);
	void (*cancel_helper)(struct docker_helper *h); /* no callback any more */
	void *ctx;
};

/*
 * host: as given, else $DOCKER_HOST, else the current docker context of $DOCKER_CONFIG or ~/.docker, else the first of
 * /var/run/docker.sock, $XDG_RUNTIME_DIR/docker.sock, /run/podman/podman.sock that is there. DOCKER_TLS_VERIFY and
 * DOCKER_CERT_PATH are honoured for tcp. NULL only for a host that cannot be read (e names it). Starts to connect.
 */
struct docker *docker_new(const struct docker_params *p, struct err *e);
/* Cancels everything without a callback. Containers stay. */
void docker_free(struct docker *d);
void docker_set_instance(struct docker *d, const char *instance);
bool docker_is_up(const struct docker *d);
/* "unix:///var/run/docker.sock", "tcp://host:2376": for -H and for people. */
const char *docker_endpoint(const struct docker *d);
/*
 * The environment from, for a docker command that is given -H docker_endpoint(): with TLS as this endpoint has it, which a context or
 * an https:// may have said, and -H cannot. *ret, for docker_argv_free(), is the caller's.
 */
int docker_cli_env(const struct docker *d, const char *const *from, char ***ret, struct err *e);
/* "1.41", "20.10.24"; "" before the first on_up. */
const char *docker_api_version(const struct docker *d);
const char *docker_engine_version(const struct docker *d);
/* Is the version that we speak at least this one? False before the first on_up. */
bool docker_api_at_least(const struct docker *d, int major, int minor);
/* The proxy variables that config.json gives every container of this engine, "K=V": docker_argv_free() them. NULL: none. */
int docker_proxies(const struct docker *d, char ***ret, struct err *e);

/* --- containers ------------------------------------------------------------------------------ */

struct docker_exit {
	int exit_code; /* 0–255, or -1: not known */
	bool is_oom;
	bool is_engine_gone; /* the engine went away; whether the container lives is not known */
	int64_t cut_ms;	     /* not 0: a proxy cut its stdio, which had been idle for so long */
	const struct err *e; /* not NULL: it never ran, and why (class in kind) */
};

struct docker_container_cb {
	/* Created; its 64-digit ID. May be NULL. */
	void (*on_created)(void *ctx, const char *id);
	/* Attached, before start: the duplex stream of stdin and stdout, which the callee takes. stderr: see below. */
	void (*on_attached)(void *ctx, struct stream *stdio);
	void (*on_stderr)(void *ctx, const char *bytes, size_t n);
	/* The engine says it runs. */
	void (*on_started)(void *ctx);
	/* Exactly once, and the last callback: it ended or could not be started. The container may still be in removal. */
	void (*on_exit)(void *ctx, const struct docker_exit *x);
};

/*
 * create → attach → wait (headers read) → start. Removal follows every end by itself, apart from this object, and is
 * tried until the engine says it is gone (whether or not the engine removes it by itself, too). NULL only for out of memory or an engine that is down.
 * The stream stays the taker's; docker_container_free() cuts it (reads give the end).
 */
struct docker_container *docker_container_run(struct docker *d, const struct docker_spec *spec,
					      const char *name,
					      const struct docker_container_cb *cb, void *ctx,
					      struct err *e);
const char *docker_container_id(const struct docker_container *c); /* "" before it is created */
/* "SIGTERM", "SIGKILL", …; an end follows by on_exit. Harmless after the end. */
void docker_container_signal(struct docker_container *c, const char *signal);
/* No more callbacks; whatever state it is in, the container is killed and removed in the background. */
void docker_container_free(struct docker_container *c);

/* Kills and removes by ID or name in the background; gone or "already in progress" is success. */
void docker_remove(struct docker *d, const char *id_or_name);
/* Removals not yet confirmed. on_idle (may be NULL) is called when it falls to 0. */
size_t docker_removals(const struct docker *d);
/* docker_remove() of this ID or name is not confirmed yet. */
bool docker_is_removing(const struct docker *d, const char *id_or_name);
void docker_on_idle(struct docker *d, void (*on_idle)(void *ctx), void *ctx);
/* Names of what is not confirmed removed, at most n of them into names (borrowed); returns how many. */
size_t docker_removal_names(const struct docker *d, const char **names, size_t n);

/* --- is it well? ------------------------------------------------------------------------------- */

struct docker_exec_params {
	const char *container; /* ID or name; it must run. Borrowed for the call, as is argv */
	char *const *argv;
	void (*on_output)(void *ctx, const char *bytes, size_t n); /* stdout and stderr */
	/* Once, from the loop: its exit code, or e: it could not be run, or nobody knows (class in kind). */
	void (*on_done)(void *ctx, int exit_code, const struct err *e);
	void *ctx;
};
/* A command inside the container, with its environment and user. Without a deadline: see docker_exec_cancel(). */
struct docker_exec *docker_exec_start(struct docker *d, const struct docker_exec_params *p,
				      struct err *e);
/* The engine has begun it: from here on it is the command that is slow. */
bool docker_exec_is_running(const struct docker_exec *x);
/* No more callbacks. The command runs on: the API has no way to end it (moby#9098). NULL is fine. */
void docker_exec_cancel(struct docker_exec *x);

enum docker_health_status {
	DOCKER_HEALTH_UNKNOWN, /* the engine did not tell, or the container is gone */
	DOCKER_HEALTH_NONE,    /* its image has no HEALTHCHECK */
	DOCKER_HEALTH_STARTING,
	DOCKER_HEALTH_HEALTHY,
	DOCKER_HEALTH_UNHEALTHY
};
/*
 * What the engine's own health check of a container says; its event health_status tells when to ask again. words: the end of the
 * check's last output, one line, borrowed for the callback; "" for none.
 */
struct docker_health *docker_health_ask(struct docker *d, const char *container,
					void (*on_done)(void *ctx, enum docker_health_status status,
							const char *words),
					void *ctx, struct err *e);
/* No callback any more. NULL is fine. */
void docker_health_cancel(struct docker_health *h);

/* --- images ---------------------------------------------------------------------------------- */

enum docker_pull_policy { DOCKER_PULL_MISSING, DOCKER_PULL_ALWAYS, DOCKER_PULL_NEVER };

struct docker_pull_params {
	const char *image;
	const char *platform; /* or NULL */
	enum docker_pull_policy policy;
	/*
	 * At a human rate: "pulling alpine:3.20: 3 of 5 layers, 12.4 of 40.1 MB", and what happens on the way; last
	 * "pulled alpine:3.20 in 4.2 s: 40.1 MB, 96.0 MB on disk". Only when a registry is contacted.
	 */
	void (*on_progress)(void *ctx, const char *text);
	/* Once: NULL: the image is there. Network and rate limit were retried (3 times) before this. */
	void (*on_done)(void *ctx, const struct err *e);
	void *ctx;
};
/* Makes sure that the image is there. With policy missing a present image never causes contact with a registry. */
struct docker_pull *docker_pull_start(struct docker *d, const struct docker_pull_params *p,
				      struct err *e);
/* In on_done without an error: the image's own user ("" is root); borrowed for the callback. */
const char *docker_pull_user(const struct docker_pull *p);
/* No more callbacks. NULL is fine; so is the pull whose on_done is running. */
void docker_pull_cancel(struct docker_pull *p);

/* --- who we are, and what we left behind --------------------------------------------------------- */

struct docker_own_mount {
	char *type, *name, *source, *destination;
	bool is_read_only;
};
struct docker_self {
	char *id; /* our own container, verified by inspect; NULL: we run on the host, or on another engine */
	char *compose_project, *compose_service, *compose_number; /* our own labels, or NULL */
	struct docker_own_mount *mounts;			  /* n_mounts, from .Mounts */
	size_t n_mounts;
};
/* Asks once; the result is borrowed for the callback: docker_self_copy() what shall stay. NULL: the engine did not answer,
 * so nobody knows. */
int docker_self_find(struct docker *d, void (*on_done)(void *ctx, const struct docker_self *self),
		     void *ctx);
struct docker_self *docker_self_copy(const struct docker_self *self);
void docker_self_free(struct docker_self *self);

/* One that was found: a container, or with `volumes` a cache. Strings borrowed for the call. */
struct docker_left_over {
	const char *name, *server; /* server: of its label, or "" */
	bool is_volume;
	bool is_removed; /* gone for sure; never in a dry run */
	const char *why; /* not removed: the engine's words, or ""; "" too in a dry run */
};

struct docker_sweep_params {
	const char *instance;
	const char *boot;   /* containers of this boot are kept; NULL: none is kept */
	const char *own_id; /* our own container, or NULL */
	bool is_ours_only;  /* not those of others whose owner is gone */
	bool is_dry_run;    /* nothing is removed */
	bool volumes;	    /* then our instance's caches that no container uses */
	/* Each that was found, when it is known what became of it. May be NULL. */
	void (*on_left_over)(void *ctx, const struct docker_left_over *l);
	/* Once, when all are gone or given up; e: a list could not be had. n_removed: containers. */
	void (*on_done)(void *ctx, size_t n_removed, const struct err *e);
	void *ctx;
};
/*
 * Removes containers of our instance from another boot, and any whose .owner label names a container this engine no longer
 * has. Dropped without a callback by docker_free().
 */
int docker_sweep(struct docker *d, const struct docker_sweep_params *p, struct err *e);

#define DOCKER_LABEL_INSTANCE "io.mcpinit.instance"
#define DOCKER_LABEL_SERVER   "io.mcpinit.server"
#define DOCKER_LABEL_BOOT     "io.mcpinit.boot"
#define DOCKER_LABEL_OWNER    "io.mcpinit.owner"

#endif
