/* SPDX-License-Identifier: MIT */
/*
 * plan: one server's configuration + who we are + our environment → what a container is, or a child's environment.
 * Pure but for what is read anew at each start: env_file, secret files, the owner of the workspace.
 * Errors:  name the key, what is missing and the remedy; a person must act (out of memory apart).
 * Secrets: every value that came from our environment or from a file is given to log_redact_add() here.
 */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include <stdbool.h>

struct conf;
struct conf_server;
struct docker_self;
struct docker_spec;
struct err;

/* All borrowed for the call. */
struct plan_params {
	const struct conf *conf;
	const struct conf_server *server;
	const struct docker_self *self; /* NULL: we run on the host */
	const char *instance, *boot;
	const char *const *environ; /* ours: "K=V", NULL-terminated */
	bool has_subpath; /* the engine speaks API 1.45: part of a volume can be mounted */
	/* "K=V" that config.json gives every container (docker_config_proxies()), or NULL: none. */
	char *const *proxies;
};

struct plan_result {
	bool is_installing; /* its packages are fetched at start (npx, uvx) */
};

/* *ret is the caller's (docker_spec_done). ret_result may be NULL. */
int plan_spec(const struct plan_params *p, struct docker_spec *ret, struct plan_result *ret_result,
	      struct err *e);
/* The image that its container is made of; borrowed. NULL: it says none. */
const char *plan_image(const struct conf_server *c);
/*
 * Once the image is there (docker_pull_user()): a server that mounts the workspace, says no `user`, and whose image runs
 * as root gets `user = auto`, the owner of the workspace. Otherwise spec stays as it is.
 */
int plan_user(const struct plan_params *p, const char *image_user, struct docker_spec *spec,
	      struct err *e);
/* The environment of a `launch = process` child; the caller's (docker_argv_free). */
int plan_env(const struct plan_params *p, char ***ret, struct err *e);

#endif
