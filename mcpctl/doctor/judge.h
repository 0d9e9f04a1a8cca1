/* SPDX-License-Identifier: MIT */
/*
 * judge: plain facts → the finding: the verdict, the sentence and the remedy of each check. Pure: no call leaves here.
 * Owns:    nothing; all strings are borrowed. Errors of the facts are negative errno, 0: it went well.
 * Used by: the checks (here.c, engine.c, images.c, sibling.c), which gather the facts.
 */
#ifndef DOCTOR_JUDGE_H
#define DOCTOR_JUDGE_H

#include "mcpctl/doctor/finding.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* --- the engine: judge_engine.c -------------------------------------------------------------- */

struct user_facts {
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* n_groups of them, supplementary */
	size_t n_groups;
	gid_t overflow_gid; /* what stands for a group that our user namespace does not have */
	bool is_in_container;
};
void judge_user(const struct user_facts *u, struct finding *f);

struct socket_facts {
	const char *path;
	int stat_error;	   /* of stat() */
	int connect_error; /* of connect() */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	const char *group; /* the name of gid, or NULL */
};
void judge_socket(const struct socket_facts *s, const struct user_facts *u, struct finding *f);

struct environment_facts {
	const char *docker_host, *docker_context, *docker_config, *home; /* NULL: not set */
	const char *proxies; /* "HTTP_PROXY=http://…, NO_PROXY=…", without passwords; "" */
};
void judge_environment(const struct environment_facts *v, struct finding *f);

/* Which engine: the one that mcpinit takes, and the one that the docker program takes. */
struct endpoint_facts {
	const char *api;    /* NULL: error says why */
	const char *error;  /* with its remedy */
	const char *key;    /* docker_host of the configuration, or NULL */
	const char *cli;    /* NULL: not known */
	const char *cli_by; /* "DOCKER_HOST", "the context rootless", "its default" */
	const char *proxy;  /* what the docker program goes through to a tcp endpoint, or NULL */
};
void judge_endpoint(const struct endpoint_facts *ep, struct finding *f);

struct engine_facts {
	const char *endpoint;
	const char *error;	   /* NULL: it answered */
	const char *version, *api; /* "20.10.24", "1.41" */
	bool is_old;		   /* less than 1.41 */
	bool is_version;	   /* the error is about API versions */
};
void judge_engine(const struct engine_facts *en, struct finding *f);

struct cli_facts {
	const char *path;	       /* NULL: not in PATH */
	bool is_launcher, is_fallback; /* a server has launch = cli; launch = auto */
	const char *id, *version;      /* of the engine that it reaches; NULL: error says why not */
	const char *error;
	bool is_api_up;
	const char *api_id; /* of the engine that mcpinit reaches; NULL: not told */
	const char *endpoint;
};
void judge_cli(const struct cli_facts *c, struct finding *f);

struct limit_facts {
	bool has_memory, has_swap, has_pids, has_cpu; /* the engine can */
	bool wants_memory, wants_pids, wants_cpu; /* a server of the configuration asks for it */
	const char *cgroup;			  /* "cgroup v2, systemd", or "" */
};
void judge_limits(const struct limit_facts *l, struct finding *f);

/* --- containers, images, registries: judge_image.c -------------------------------------------- */

struct container_facts {
	bool is_in_container; /* by what lies in our file system */
	const char *id;	      /* the engine knows it as ours; NULL: it does not */
	const char *endpoint;
};
void judge_container(const struct container_facts *c, struct finding *f);

struct mount_facts {
	const char *name;   /* "workspace", or a path of `volumes` */
	const char *path;   /* here */
	int stat_error;	    /* of the path here */
	const char *source; /* on the host, or a volume; NULL: error says why */
	const char *error;
	bool is_volume, is_by_key; /* is_by_key: workspace_host says it */
	const char *server;	   /* the first one that mounts it; NULL: none */
};
void judge_mount(const struct mount_facts *m, struct finding *f);

struct sibling_facts {
	const char *path, *source;
	const char *error; /* the container could not be made, or not looked into; NULL: it was */
	bool is_there;	   /* the path in it */
	bool is_same;	   /* and it is the directory that we see */
};
void judge_sibling(const struct sibling_facts *s, struct finding *f);

enum image_policy { IMAGE_MISSING, IMAGE_ALWAYS, IMAGE_NEVER };
struct image_facts {
	const char *image, *registry, *server;
	enum image_policy policy;
	bool is_present;
	bool was_asked; /* the registry was; class and error are its answer */
	int class;	/* enum docker_class; 0: it has the image */
	const char *error;
	bool has_login; /* credentials were sent */
};
void judge_image(const struct image_facts *im, struct finding *f);

struct login_facts {
	const char *registry;
	const char *file;   /* config.json that was read; NULL: there is none */
	const char *error;  /* it cannot be read */
	bool has_login;	    /* auths */
	const char *helper; /* credHelpers or credsStore, or NULL */
	bool is_helper_there;
};
void judge_login(const struct login_facts *l, struct finding *f);

struct dns_facts {
	const char *name;
	const char *address; /* NULL: error says why */
	const char *error;
	const char *servers; /* of /etc/resolv.conf: "8.8.8.8, 1.1.1.1"; "" */
};
void judge_dns(const struct dns_facts *n, struct finding *f);

/* --- files: judge_files.c ---------------------------------------------------------------------- */

/* statfs(2)'s f_type; NULL: nothing is wrong with it. Else a name: "fuse or virtiofs", "9p", "nfs", … */
const char *judge_bad_fs(uint64_t type);

struct rundir_facts {
	const char *path;
	bool is_there;	    /* else mcpinit makes it, in `parent` */
	const char *parent; /* the directory that would hold it */
	int error; /* of looking at it; of a parent that is not there or not ours to write to */
	uint64_t fs_type;
	int fifo_error; /* making a pipe there and sending a byte through */
};
void judge_rundir(const struct rundir_facts *r, struct finding *f);

struct pipes_facts {
	bool has_default;
	const char *default_group; /* the key, or NULL */
	int64_t default_gid;
	bool is_made; /* a pipe of the default agent is there; uid is its owner's. Else uid is ours */
	uid_t uid;
	size_t n_agents; /* others */
};
void judge_pipes(const struct pipes_facts *p, struct finding *f);

/* A mcpinit that runs, and what it takes for the engine. */
struct mcpinit_facts {
	const char *path;    /* its socket */
	int error;	     /* of asking it */
	const char *version; /* NULL: it did not say */
	const char *our_version;
	const char *engine; /* its endpoint; NULL: it has none, or we are not told */
	bool is_engine_up;
	const char *our_engine; /* NULL: none */
};
void judge_mcpinit(const struct mcpinit_facts *m, struct finding *f);

struct fifo_facts {
	const char *path, *source, *image;
	bool has_come;	   /* the byte */
	const char *error; /* why it could not be tried, or what went wrong */
	bool was_tried;
};
void judge_fifo(const struct fifo_facts *w, struct finding *f);

#endif
