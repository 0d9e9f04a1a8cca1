/* SPDX-License-Identifier: MIT */
#include "supervisor/plan.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "docker/hostpath.h"
#include "docker/imagemap.h"
#include "docker/spec.h"
#include "supervisor/variables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --- user ------------------------------------------------------------------------------------ */

static bool is_workspace(const struct plan_params *p, const char *source)
{
	if (strcmp(source, "workspace") == 0)
		return true;
	size_t n = strlen(p->conf->workspace);
	return strncmp(source, p->conf->workspace, n) == 0 &&
	       (source[n] == '/' || source[n] == '\0');
}

static bool mounts_workspace(const struct plan_params *p)
{
	for (const struct conf_volume *v = p->server->volumes; v && v->source; v++)
		if (is_workspace(p, v->source))
			return true;
	return false;
}

/* "uid:gid" of the workspace; the caller's. */
static int workspace_owner(const struct plan_params *p, char **ret, struct err *e)
{
	struct stat st;
	if (stat(p->conf->workspace, &st) < 0)
		return err_set(
			e, -errno,
			"user = auto: cannot look at the workspace %s (%s); mount it here, or set user",
			p->conf->workspace, strerror(errno));
	if (asprintf(ret, "%u:%u", st.st_uid, st.st_gid) < 0)
		return err_oom(e);
	return 0;
}

static bool is_root(const char *user)
{
	return !*user || strcmp(user, "root") == 0 || strcmp(user, "0") == 0 ||
	       strncmp(user, "root:", 5) == 0 || strncmp(user, "0:", 2) == 0;
}

int plan_user(const struct plan_params *p, const char *image_user, struct docker_spec *spec,
	      struct err *e)
{
	struct stat st;
	if (spec->user || !image_user || !is_root(image_user) || !mounts_workspace(p))
		return 0;
	/* Only a default: where it cannot be had (workspace_host alone), the image's user stays. */
	if (stat(p->conf->workspace, &st) < 0)
		return 0;
	return workspace_owner(p, &spec->user, e);
}

/* --- volumes --------------------------------------------------------------------------------- */

/* A path in the workspace, by workspace_host. */
static int by_workspace_host(const struct plan_params *p, const char *path, bool is_read_only,
			     struct docker_mount *ret, struct err *e)
{
	char *source = NULL;
	struct docker_mount ours = { 0 };
	/* Where it lies is the operator's word; that we may only read it is not. */
	if (p->self &&
	    docker_hostpath(p->self, path, p->has_subpath, is_read_only, &ours, NULL) == 0) {
		is_read_only = ours.is_read_only;
		free(ours.source);
		free(ours.subpath);
	}
	if (asprintf(&source, "%s%s", p->conf->workspace_host, path + strlen(p->conf->workspace)) <
	    0)
		return err_oom(e);
	*ret = (struct docker_mount){
		.type = DOCKER_MOUNT_BIND,
		.source = source,
		.is_read_only = is_read_only,
	};
	return 0;
}

static const char *path_of(const struct plan_params *p, const struct conf_volume *v)
{
	return strcmp(v->source, "workspace") == 0 ? p->conf->workspace : v->source;
}

static int find_source(const struct plan_params *p, const struct conf_volume *v,
		       struct docker_mount *ret, struct err *e)
{
	const char *path = path_of(p, v);
	if (p->conf->workspace_host && is_workspace(p, v->source))
		return by_workspace_host(p, path, v->is_read_only, ret, e);
	if (path[0] == '/' || docker_is_windows_path(path))
		return docker_hostpath(p->self, path, p->has_subpath, v->is_read_only, ret, e);
	*ret = (struct docker_mount){
		.type = DOCKER_MOUNT_VOLUME,
		.source = strdup(path),
		.is_read_only = v->is_read_only,
	};
	return ret->source ? 0 : err_oom(e);
}

/* Takes m's strings. */
static int add_mount(struct docker_spec *s, struct docker_mount *m, const char *target,
		     struct err *e)
{
	struct docker_mount *more = realloc(s->mounts, (s->n_mounts + 1) * sizeof(*more));
	if (more) {
		s->mounts = more;
		m->target = strdup(target);
	}
	if (!m->target) {
		free(m->source);
		free(m->subpath);
		docker_list_free(m->labels);
		return err_oom(e);
	}
	s->mounts[s->n_mounts++] = *m;
	return 0;
}

/* Does the configuration itself say what lies there? */
static bool is_target(const struct conf_server *c, const char *path)
{
	size_t n = strlen(path);
	for (const struct conf_volume *v = c->volumes; v && v->source; v++)
		if (strcmp(v->target, path) == 0)
			return true;
	for (char **t = c->tmpfs; t && *t; t++)
		if (strncmp(*t, path, n) == 0 && ((*t)[n] == '\0' || (*t)[n] == ':'))
			return true;
	return false;
}

/* One of our own mounts, on target: from the host again, or memory again, so that what it hides stays hidden. */
static int add_nested(const struct plan_params *p, struct docker_spec *s,
		      const struct docker_own_mount *own, const struct conf_volume *v,
		      const char *target)
{
	struct docker_mount m = { 0 };
	bool is_read_only = v->is_read_only || own->is_read_only;
	bool is_hosts = strcmp(own->type, "bind") == 0 || strcmp(own->type, "volume") == 0;
	if (!is_hosts)
		return docker_list_addf(&s->tmpfs, "%s%s", target, is_read_only ? ":ro" : "");
	int r = docker_hostpath(p->self, own->destination, p->has_subpath, is_read_only, &m, NULL);
	return r < 0 ? r : add_mount(s, &m, target, NULL);
}

/* The server shall see what we see: our own mounts below v's source, on the same places below its target. */
static int plan_nested(const struct plan_params *p, struct docker_spec *s,
		       const struct conf_volume *v, struct err *e)
{
	const char *path = path_of(p, v);
	size_t n = strlen(v->target);
	while (n > 1 && v->target[n - 1] == '/')
		n--;
	for (size_t i = 0; i < p->self->n_mounts; i++) {
		_cleanup_free_ char *rest = NULL, *target = NULL;
		int r = docker_hostpath_below(p->self, path, i, &rest, e);
		if (r < 0)
			return r;
		if (!rest)
			continue;
		if (asprintf(&target, "%.*s%s", (int)n, v->target, rest) < 0)
			return err_oom(e);
		if (!is_target(p->server, target) &&
		    add_nested(p, s, &p->self->mounts[i], v, target) < 0)
			return err_oom(e);
	}
	return 0;
}

static int plan_volumes(const struct plan_params *p, struct docker_spec *s, struct err *e)
{
	for (const struct conf_volume *v = p->server->volumes; v && v->source; v++) {
		struct docker_mount m = { 0 };
		bool is_by_host = p->conf->workspace_host && is_workspace(p, v->source);
		int r = find_source(p, v, &m, e);
		if (r == 0)
			r = add_mount(s, &m, v->target, e);
		if (r == 0 && p->self && p->self->id && path_of(p, v)[0] == '/' && !is_by_host &&
		    !docker_is_windows_path(v->source))
			r = plan_nested(p, s, v, e);
		if (r < 0)
			return r == -ENOMEM ? r : err_prefix(e, "volumes: %s", v->source);
	}
	return 0;
}

/*
 * A checkout may belong to another user than the server's (the workspace's owner is not that of all in it), and git then
 * refuses to look at it. Which user that is was decided here, so it is no news to the server.
 */
static int plan_git(struct docker_spec *s, struct err *e)
{
	if (docker_env_set(&s->env, "GIT_CONFIG_COUNT", "1") < 0 ||
	    docker_env_set(&s->env, "GIT_CONFIG_KEY_0", "safe.directory") < 0 ||
	    docker_env_set(&s->env, "GIT_CONFIG_VALUE_0", "*") < 0)
		return err_oom(e);
	return 0;
}

/* --- npx and uvx ----------------------------------------------------------------------------- */

/* What package runners write lives in one volume per server, so that the second start need not fetch again. */
static int plan_cache(const struct plan_params *p, struct docker_spec *s, struct err *e)
{
	static const char *const vars[][2] = {
		{ "HOME", "/tmp" },
		{ "npm_config_cache", "/tmp/.npm" },
		{ "npm_config_loglevel", "http" }, /* makes installing visible */
		{ "npm_config_yes", "true" },
		{ "npm_config_update_notifier", "false" },
		{ "UV_CACHE_DIR", "/tmp/.cache/uv" },
	};
	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		if (docker_env_set(&s->env, vars[i][0], vars[i][1]) < 0)
			return err_oom(e);
	if (is_target(p->server, "/tmp"))
		return 0;
	/* By its labels `mcpctl sweep --volumes` finds it. */
	struct docker_mount m = { .type = DOCKER_MOUNT_VOLUME };
	int r = 0;
	if (asprintf(&m.source, "mcpinit-%s-%s-cache", p->instance, conf_server_slug(p->server)) <
	    0)
		return err_oom(e);
	if (docker_list_addf(&m.labels, DOCKER_LABEL_INSTANCE "=%s", p->instance) < 0 ||
	    docker_list_addf(&m.labels, DOCKER_LABEL_SERVER "=%s", p->server->name) < 0)
		r = err_oom(e);
	if (r == 0)
		return add_mount(s, &m, "/tmp", e);
	free(m.source);
	docker_list_free(m.labels);
	return r;
}

/* --- the rest is copied ---------------------------------------------------------------------- */

static int plan_labels(const struct plan_params *p, struct docker_spec *s, struct err *e)
{
	const char *owner = p->self ? p->self->id : NULL;
	if (docker_list_extend(&s->labels, p->server->labels) < 0 ||
	    docker_list_addf(&s->labels, DOCKER_LABEL_INSTANCE "=%s", p->instance) < 0 ||
	    docker_list_addf(&s->labels, DOCKER_LABEL_SERVER "=%s", p->server->name) < 0 ||
	    docker_list_addf(&s->labels, DOCKER_LABEL_BOOT "=%s", p->boot) < 0 ||
	    (owner && docker_list_addf(&s->labels, DOCKER_LABEL_OWNER "=%s", owner) < 0))
		return err_oom(e);
	return 0;
}

/* `no-new-privileges:false` takes our own default back. */
static int plan_security(const struct conf_server *c, struct docker_spec *s, struct err *e)
{
	static const char name[] = "no-new-privileges";
	for (char **o = c->security_opt; o && *o; o++) {
		if (strncmp(*o, name, sizeof(name) - 1) != 0)
			continue;
		docker_list_free(take_ptr(&s->security_opt));
		break;
	}
	for (char **o = c->security_opt; o && *o; o++) {
		bool is_off = strncmp(*o, name, sizeof(name) - 1) == 0 && strstr(*o, "false");
		if (!is_off && docker_list_add(&s->security_opt, *o) < 0)
			return err_oom(e);
	}
	return 0;
}

static int copy_lists(const struct conf_server *c, struct docker_spec *s, struct err *e)
{
	docker_list_free(take_ptr(&s->cap_drop)); /* conf's default is ALL as well */
	const struct {
		char ***to;
		char *const *from;
	} lists[] = {
		{ &s->dns, c->dns },	       { &s->dns_search, c->dns_search },
		{ &s->dns_opt, c->dns_opt },   { &s->extra_hosts, c->extra_hosts },
		{ &s->tmpfs, c->tmpfs },       { &s->ulimits, c->ulimits },
		{ &s->devices, c->devices },   { &s->cap_add, c->cap_add },
		{ &s->cap_drop, c->cap_drop }, { &s->entrypoint, c->entrypoint },
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (docker_list_extend(lists[i].to, lists[i].from) < 0)
			return err_oom(e);
	/* NULL is the image's own; an empty list takes it away. */
	if (c->entrypoint && !s->entrypoint && docker_list_add(&s->entrypoint, "") < 0)
		return err_oom(e);
	return 0;
}

/* The docker command has this default of its own. */
static const char *platform_of(const struct plan_params *p)
{
	const char *value = docker_env_get(p->environ, "DOCKER_DEFAULT_PLATFORM");
	if (p->server->platform)
		return p->server->platform;
	return value && *value ? value : NULL;
}

static int copy_texts(const struct plan_params *p, struct docker_spec *s, struct err *e)
{
	const struct conf_server *c = p->server;
	const struct {
		char **to;
		const char *from;
	} texts[] = {
		{ &s->network_mode, c->network_mode }, { &s->hostname, c->hostname },
		{ &s->working_dir, c->working_dir },   { &s->ipc, c->ipc },
		{ &s->platform, platform_of(p) },      { &s->stop_signal, c->stop_signal },
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].from && !(*texts[i].to = strdup(texts[i].from)))
			return err_oom(e);
	if (c->logging) {
		free(s->log_driver);
		s->log_driver = strdup(c->logging);
		if (!s->log_driver)
			return err_oom(e);
	}
	return 0;
}

static void copy_numbers(const struct conf_server *c, struct docker_spec *s)
{
	s->read_only = c->read_only == CONF_YES;
	s->init = c->init != CONF_NO;
	s->shm_size = c->shm_size;
	s->mem_limit = c->mem_limit;
	s->mem_reservation = c->mem_reservation;
	s->nano_cpus = c->nano_cpus;
	s->pids_limit = c->pids_limit;
}

static int copy_user(const struct plan_params *p, struct docker_spec *s, struct err *e)
{
	const char *user = p->server->user;
	if (!user)
		return 0;
	if (strcmp(user, "auto") == 0)
		return workspace_owner(p, &s->user, e);
	s->user = strdup(user);
	return s->user ? 0 : err_oom(e);
}

/* The words of `command`, or the arguments of the image that is the package's program. */
static int plan_command(const struct conf_server *c, const struct imagemap *map,
			struct docker_spec *s, struct err *e)
{
	char *const *words =
		map->args ? c->command + (map->args - (const char *const *)c->command) : c->command;
	if ((map->prefix && docker_list_add(&s->command, map->prefix) < 0) ||
	    docker_list_extend(&s->command, words) < 0)
		return err_oom(e);
	return 0;
}

static int fill(const struct plan_params *p, const struct imagemap *map, struct docker_spec *s,
		struct err *e)
{
	const struct conf_server *c = p->server;
	copy_numbers(c, s);
	int r = copy_lists(c, s, e);
	if (r == 0)
		r = copy_texts(p, s, e);
	if (r == 0)
		r = plan_security(c, s, e);
	if (r == 0)
		r = copy_user(p, s, e);
	if (r == 0)
		r = plan_labels(p, s, e);
	if (r == 0 && docker_list_extend(&s->env, p->proxies) < 0)
		r = err_oom(e);
	if (r == 0)
		r = plan_volumes(p, s, e);
	if (r == 0)
		r = plan_command(c, map, s, e);
	if (r == 0 && mounts_workspace(p))
		r = plan_git(s, e);
	if (r == 0 && map->is_installing)
		r = plan_cache(p, s, e);
	if (r == 0)
		r = variables_add(c, p->environ, &s->env, e);
	return r;
}

/* map: what npx or uvx need, else nothing. With an entrypoint of its own `command` is no program. */
static const char *find_image(const struct conf_server *c, struct imagemap *map)
{
	*map = (struct imagemap){ 0 };
	bool is_mapped = !c->entrypoint && imagemap_find((const char *const *)c->command, map);
	if (c->image) /* which has the runner, then */
		*map = (struct imagemap){ .image = c->image, .is_installing = is_mapped };
	return map->image;
}

const char *plan_image(const struct conf_server *c)
{
	struct imagemap map;
	return find_image(c, &map);
}

int plan_spec(const struct plan_params *p, struct docker_spec *ret, struct plan_result *ret_result,
	      struct err *e)
{
	struct imagemap map;
	const char *image = find_image(p->server, &map);
	if (!image)
		return err_set(
			e, -EINVAL,
			"command: only npx and uvx have an image of their own; set image, or launch = process");
	struct docker_spec s;
	if (docker_spec_init(&s, image) < 0)
		return err_oom(e);
	int r = fill(p, &map, &s, e);
	if (r < 0) {
		docker_spec_done(&s);
		return r;
	}
	*ret = s;
	if (ret_result)
		*ret_result = (struct plan_result){ .is_installing = map.is_installing };
	return 0;
}

/* --- a child of ours ------------------------------------------------------------------------- */

static bool is_inherited(const char *item)
{
	static const char *const names[] = {
		"HOME",
		"LOGNAME",
		"PATH",
		"SHELL",
		"TERM",
		"USER",
		"LANG",
		"TZ",
		"TMPDIR",
		"HTTP_PROXY",
		"HTTPS_PROXY",
		"NO_PROXY",
		"ALL_PROXY",
		"http_proxy",
		"https_proxy",
		"no_proxy",
		"all_proxy",
		"SSL_CERT_FILE",
		"SSL_CERT_DIR",
		"NODE_EXTRA_CA_CERTS",
		"REQUESTS_CA_BUNDLE",
		"CURL_CA_BUNDLE",
	};
	size_t n = strcspn(item, "=");
	if (strncmp(item, "LC_", 3) == 0)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && strncmp(item, names[i], n) == 0)
			return true;
	return false;
}

int plan_env(const struct plan_params *p, char ***ret, struct err *e)
{
	char **env = calloc(1, sizeof(*env)); /* never NULL: execve wants a vector */
	if (!env)
		return err_oom(e);
	int r = 0;
	for (const char *const *v = p->environ; v && *v && r == 0; v++)
		if (p->server->inherit_environment || is_inherited(*v))
			r = docker_list_add(&env, *v);
	if (r < 0)
		err_oom(e);
	else
		r = variables_add(p->server, p->environ, &env, e);
	if (r < 0) {
		docker_list_free(env);
		return r;
	}
	*ret = env;
	return 0;
}
