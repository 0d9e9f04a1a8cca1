/* SPDX-License-Identifier: MIT */
/*
 * spec: what a container is, in one plain struct, whatever launcher makes it: spec_json.c renders the body of
 * POST /containers/create, spec_argv.c the argv of `docker run`; the two are equal in `docker inspect`.
 * Owns:   everything it points to (docker_spec_done). Lists are NULL-terminated; NULL is the empty list.
 * Zero:   a zeroed struct is not the hardened default: docker_spec_init() is.
 * Source: Engine API v1.41, ContainerCreate; docker-run(1).
 */
#ifndef DOCKER_SPEC_H
#define DOCKER_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

enum docker_mount_type { DOCKER_MOUNT_BIND, DOCKER_MOUNT_VOLUME };

struct docker_mount {
	enum docker_mount_type type;
	char *source; /* host path, or volume name */
	char *target;
	char *subpath; /* volume only, API >= 1.45; NULL: the whole volume */
	char **labels; /* "K=V": of a volume that does not exist yet */
	bool is_read_only;
};

struct docker_spec {
	char *image;
	char **command;	   /* NULL: the image's */
	char **entrypoint; /* NULL: the image's */
	char **env; /* "K=V"; secret values are here and in the process's environment only, never in argv */
	char **labels;		     /* "K=V" */
	struct docker_mount *mounts; /* n_mounts of them */
	size_t n_mounts;
	char **dns, **dns_search, **dns_opt, **extra_hosts;
	char *network_mode, *hostname, *user, *working_dir, *ipc, *platform, *stop_signal;
	char **tmpfs, **ulimits, **devices, **cap_add, **cap_drop, **security_opt;
	bool read_only;
	bool init;
	bool auto_remove; /* the engine removes it at its end; else whoever started it does */
	int64_t shm_size, mem_limit, mem_reservation, nano_cpus,
		pids_limit; /* bytes, 10^-9 cpus; 0: not set */
	char *log_driver;   /* "none", "local", …; NULL: the engine's */
};

/* NULL-terminated lists of owned strings; NULL is the empty list. */
int docker_list_add(char ***list, const char *item);
int docker_list_addf(char ***list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies from, in front of which *list may already hold items. */
int docker_list_extend(char ***list, char *const *from);
void docker_list_free(char **list);
/* Sets NAME=value in a list of "K=V"; the last one wins. */
int docker_env_set(char ***env, const char *name, const char *value);
/* The value, borrowed, or NULL. env: "K=V" items, or NULL. */
const char *docker_env_get(const char *const *env, const char *name);

/* The hardened defaults: cap_drop ALL, no-new-privileges, init, pids 1024, 2 GiB without swap on top, log driver none. */
int docker_spec_init(struct docker_spec *s, const char *image);
void docker_spec_done(struct docker_spec *s);

/*
 * Appends the body of containers/create (platform is not part of it: a query parameter). -EINVAL with the sentence: a
 * value that cannot be rendered. Pure, but for `security_opt = seccomp=FILE`: like the CLI, it reads FILE here.
 */
int docker_spec_json(const struct docker_spec *s, struct buf *out, struct err *e);

/*
 * cap_add, or cap_drop, as the CLI would send it: "chown" → "CAP_CHOWN", sorted, each once, "ALL" alone, and nothing
 * dropped that is added. *ret is the caller's; NULL: none. Negative: out of memory.
 */
int docker_caps(const struct docker_spec *s, bool is_add, char ***ret);
/* "name:ip", "name=ip", "name=[ip6]" → "name:ip", which every CLI and engine takes. *ret is the caller's. */
int docker_extra_host(const char *item, char **ret, struct err *e);

/*
 * `docker -H endpoint run -i [--rm] --pull never --name NAME …`: *ret_argv for execvp, *ret_env for its environment
 * (base plus the container's variables, which the argv names only). Both NULL-terminated and the caller's.
 * DOCKER_API_VERSION is left out of it where a part of a volume is mounted: an older API would mount all of it.
 * A variable that the CLI itself obeys (HOME, PATH, DOCKER_HOST, …; a proxy's where the endpoint is tcp) would change
 * the CLI: it goes as NAME=VALUE in the argv and the CLI keeps its own. A proxy URL with a password is refused there.
 */
struct docker_argv_params {
	const char *docker_path; /* "docker" */
	const char *endpoint;	 /* "unix:///var/run/docker.sock"; NULL: leave out -H */
	const char *name;
	const char *const *base_env; /* for the CLI itself: HOME, PATH, DOCKER_* … */
};
int docker_spec_argv(const struct docker_spec *s, const struct docker_argv_params *p,
		     char ***ret_argv, char ***ret_env, struct err *e);
void docker_argv_free(char **argv);

#endif
