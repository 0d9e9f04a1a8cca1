/* SPDX-License-Identifier: MIT */
/*
 * What the CLI would send, so that both launchers make the same container: strings such as devices and ulimits are
 * taken apart as docker/cli does (cli/command/container/opts.go).
 */
#include "docker/spec.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SECCOMP_MAX = 1 << 20 };

/* One body in the making. A missing field must never go unnoticed (think of CapDrop): failure sticks. */
struct body {
	const struct docker_spec *s;
	cJSON *root, *host; /* host belongs to root */
	bool is_oom;
};

static void put(struct body *b, cJSON *to, const char *key, cJSON *takes)
{
	cJSON_bool ok = takes && (key ? cJSON_AddItemToObject(to, key, takes)
				      : cJSON_AddItemToArray(to, takes));
	if (!ok) {
		cJSON_Delete(takes);
		b->is_oom = true;
	}
}

static void put_text(struct body *b, cJSON *to, const char *key, const char *text)
{
	if (text)
		put(b, to, key, cJSON_CreateString(text));
}

static void put_bool(struct body *b, cJSON *to, const char *key, bool value)
{
	put(b, to, key, cJSON_CreateBool(value));
}

/* Raw: cJSON would print a large number with an exponent, which the engine refuses for an integer. */
static void put_int(struct body *b, cJSON *to, const char *key, int64_t value)
{
	char digits[24];
	(void)snprintf(digits, sizeof(digits), "%" PRId64, value); /* always fits */
	put(b, to, key, cJSON_CreateRaw(digits));
}

/* An object or array, already in its place; usable (and thrown away with root) even when out of memory. */
static cJSON *put_new(struct body *b, cJSON *to, const char *key, cJSON *fresh)
{
	put(b, to, key, fresh);
	return b->is_oom ? NULL : fresh;
}

static void put_list(struct body *b, cJSON *to, const char *key, char *const *list)
{
	if (!list)
		return;
	cJSON *array = put_new(b, to, key, cJSON_CreateArray());
	for (; *list && !b->is_oom; list++)
		put(b, array, NULL, cJSON_CreateString(*list));
}

/* "K=V" items as an object; a later one replaces an earlier one. */
static void put_map(struct body *b, cJSON *to, const char *key, char *const *list, char separator)
{
	if (!list)
		return;
	cJSON *map = put_new(b, to, key, cJSON_CreateObject());
	for (; *list && !b->is_oom; list++) {
		const char *end = strchrnul(*list, separator);
		_cleanup_free_ char *name = strndup(*list, (size_t)(end - *list));
		if (!name) {
			b->is_oom = true;
			return;
		}
		cJSON_DeleteItemFromObjectCaseSensitive(map, name);
		put_text(b, map, name, *end ? end + 1 : "");
	}
}

/* The CLI's --entrypoint takes one word; further ones go in front of the command. */
static void put_command(struct body *b)
{
	const struct docker_spec *s = b->s;
	if (s->entrypoint) {
		cJSON *array = put_new(b, b->root, "Entrypoint", cJSON_CreateArray());
		if (array)
			put_text(b, array, NULL, s->entrypoint[0] ? s->entrypoint[0] : "");
	}
	char *const *more = s->entrypoint && s->entrypoint[0] ? s->entrypoint + 1 : NULL;
	if (!(more && more[0]) && !(s->command && s->command[0]))
		return;
	cJSON *array = put_new(b, b->root, "Cmd", cJSON_CreateArray());
	for (; more && *more && !b->is_oom; more++)
		put_text(b, array, NULL, *more);
	for (char *const *p = s->command; p && *p && !b->is_oom; p++)
		put_text(b, array, NULL, *p);
}

static void put_volume_options(struct body *b, cJSON *mount, const struct docker_mount *m)
{
	cJSON *o = put_new(b, mount, "VolumeOptions", cJSON_CreateObject());
	if (o && m->subpath)
		put_text(b, o, "Subpath", m->subpath);
	if (o && m->labels)
		put_map(b, o, "Labels", m->labels, '=');
}

static int put_mounts(struct body *b, struct err *e)
{
	if (b->s->n_mounts == 0)
		return 0;
	cJSON *array = put_new(b, b->host, "Mounts", cJSON_CreateArray());
	for (size_t i = 0; i < b->s->n_mounts && !b->is_oom; i++) {
		const struct docker_mount *m = &b->s->mounts[i];
		if (!m->source || !*m->source || !m->target || m->target[0] != '/')
			return err_set(e, -EINVAL,
				       "volume %s:%s: needs a source and an absolute target",
				       m->source ? m->source : "", m->target ? m->target : "");
		cJSON *mount = put_new(b, array, NULL, cJSON_CreateObject());
		if (!mount)
			break;
		put_text(b, mount, "Type", m->type == DOCKER_MOUNT_BIND ? "bind" : "volume");
		put_text(b, mount, "Source", m->source);
		put_text(b, mount, "Target", m->target);
		if (m->is_read_only)
			put_bool(b, mount, "ReadOnly", true);
		if ((m->subpath || m->labels) && m->type == DOCKER_MOUNT_VOLUME)
			put_volume_options(b, mount, m);
	}
	return 0;
}

/* Of two limits of one name the last one counts, as for the CLI; the engine's runtime would refuse both. */
static void drop_limit(cJSON *array, const char *name)
{
	int i = 0;
	const cJSON *limit;
	cJSON_ArrayForEach(limit, array)
	{
		const cJSON *is = cJSON_GetObjectItemCaseSensitive(limit, "Name");
		if (strcmp(cJSON_GetStringValue(is), name) == 0) {
			cJSON_DeleteItemFromArray(array, i);
			return;
		}
		i++;
	}
}

/* "name=soft[:hard]"; -1 is "unlimited". */
static int put_ulimits(struct body *b, struct err *e)
{
	if (!b->s->ulimits)
		return 0;
	cJSON *array = put_new(b, b->host, "Ulimits", cJSON_CreateArray());
	for (char **p = b->s->ulimits; *p && !b->is_oom; p++) {
		char name[32];
		int64_t soft, hard;
		int used = 0;
		int n = sscanf(*p, "%31[a-z]=%" SCNd64 "%n:%" SCNd64 "%n", name, &soft, &used,
			       &hard, &used);
		if (n == 2)
			hard = soft;
		if (n < 2 || (*p)[used] != '\0' || (hard != -1 && (soft > hard || soft == -1)))
			return err_set(e, -EINVAL,
				       "ulimit %s is not NAME=SOFT[:HARD] with SOFT at most HARD",
				       *p);
		drop_limit(array, name);
		cJSON *limit = put_new(b, array, NULL, cJSON_CreateObject());
		if (!limit)
			break;
		put_text(b, limit, "Name", name);
		put_int(b, limit, "Hard", hard);
		put_int(b, limit, "Soft", soft);
	}
	return 0;
}

static bool is_device_mode(const char *text)
{
	return *text && strspn(text, "rwm") == strlen(text);
}

/* "/dev/host[:/dev/container][:rwm]" */
static int put_devices(struct body *b, struct err *e)
{
	if (!b->s->devices)
		return 0;
	cJSON *array = put_new(b, b->host, "Devices", cJSON_CreateArray());
	for (char **p = b->s->devices; *p && !b->is_oom; p++) {
		_cleanup_free_ char *copy = strdup(*p);
		if (!copy) {
			b->is_oom = true;
			break;
		}
		char *rest = copy;
		const char *host = strsep(&rest, ":");
		const char *inside = strsep(&rest, ":");
		const char *mode = strsep(&rest, ":");
		if (inside && !mode && is_device_mode(inside)) {
			mode = inside;
			inside = NULL;
		}
		if (rest || host[0] == '\0' || (mode && !is_device_mode(mode)))
			return err_set(e, -EINVAL,
				       "device %s is not /dev/HOST[:/dev/CONTAINER][:rwm]", *p);
		cJSON *device = put_new(b, array, NULL, cJSON_CreateObject());
		if (!device)
			break;
		put_text(b, device, "PathOnHost", host);
		put_text(b, device, "PathInContainer", inside && *inside ? inside : host);
		put_text(b, device, "CgroupPermissions", mode ? mode : "rwm");
	}
	return 0;
}

static void put_caps(struct body *b, const char *key, bool is_add)
{
	char **caps = NULL;
	if (docker_caps(b->s, is_add, &caps) < 0)
		b->is_oom = true;
	put_list(b, b->host, key, caps);
	docker_list_free(caps);
}

/* "seccomp=FILE": the engine wants the profile itself, without white space. */
static int put_seccomp(struct body *b, cJSON *array, const char *path, struct err *e)
{
	_cleanup_free_ char *profile = NULL;
	int r = fd_read_file(path, SECCOMP_MAX, &profile, NULL, e);
	if (r < 0)
		return err_prefix(e, "security_opt seccomp");
	cJSON *check = cJSON_Parse(profile);
	if (!check)
		return err_set(e, -EINVAL, "security_opt seccomp: %s is not JSON", path);
	cJSON_Delete(check);
	cJSON_Minify(profile);
	_cleanup_free_ char *option = NULL;
	if (asprintf(&option, "seccomp=%s", profile) < 0)
		option = NULL;
	put(b, array, NULL, option ? cJSON_CreateString(option) : NULL);
	return 0;
}

static int put_security(struct body *b, struct err *e)
{
	if (!b->s->security_opt)
		return 0;
	cJSON *array = put_new(b, b->host, "SecurityOpt", cJSON_CreateArray());
	for (char **p = b->s->security_opt; *p && !b->is_oom; p++) {
		bool is_seccomp = strncmp(*p, "seccomp=", 8) == 0 ||
				  strncmp(*p, "seccomp:", 8) == 0; /* the old way */
		const char *profile = is_seccomp ? *p + 8 : NULL;
		if (profile && strcmp(profile, "unconfined") != 0 &&
		    strcmp(profile, "builtin") != 0) {
			int r = put_seccomp(b, array, profile, e);
			if (r < 0)
				return r;
		} else if (strcmp(*p, "systempaths=unconfined") == 0) {
			/* The CLI's own word: the engine knows it as two empty lists. */
			put(b, b->host, "MaskedPaths", cJSON_CreateArray());
			put(b, b->host, "ReadonlyPaths", cJSON_CreateArray());
		} else {
			put_text(b, array, NULL, *p);
		}
	}
	return 0;
}

static int put_hosts(struct body *b, struct err *e)
{
	if (!b->s->extra_hosts)
		return 0;
	cJSON *array = put_new(b, b->host, "ExtraHosts", cJSON_CreateArray());
	for (char **p = b->s->extra_hosts; *p && !b->is_oom; p++) {
		_cleanup_free_ char *host = NULL;
		int r = docker_extra_host(*p, &host, e);
		if (r < 0)
			return r;
		put_text(b, array, NULL, host);
	}
	return 0;
}

static void put_limits(struct body *b)
{
	const struct docker_spec *s = b->s;
	put_int(b, b->host, "ShmSize", s->shm_size);
	put_int(b, b->host, "Memory", s->mem_limit);
	put_int(b, b->host, "MemorySwap", s->mem_limit); /* 0 would be "as much swap on top" */
	put_int(b, b->host, "MemoryReservation", s->mem_reservation);
	put_int(b, b->host, "MemorySwappiness", -1);
	put_int(b, b->host, "NanoCpus", s->nano_cpus);
	put_int(b, b->host, "PidsLimit", s->pids_limit);
}

static void put_config(struct body *b)
{
	const struct docker_spec *s = b->s;
	put_text(b, b->root, "Image", s->image);
	put_command(b);
	put_list(b, b->root, "Env", s->env);
	put_map(b, b->root, "Labels", s->labels, '=');
	put_text(b, b->root, "Hostname", s->hostname);
	put_text(b, b->root, "User", s->user);
	put_text(b, b->root, "WorkingDir", s->working_dir);
	put_text(b, b->root, "StopSignal", s->stop_signal);
	put_bool(b, b->root, "Tty", false);
	put_bool(b, b->root, "OpenStdin", true);
	/* When we are gone, its stdin ends: most servers then end by themselves. */
	put_bool(b, b->root, "StdinOnce", true);
	put_bool(b, b->root, "AttachStdin", true);
	put_bool(b, b->root, "AttachStdout", true);
	put_bool(b, b->root, "AttachStderr", true);
}

static int put_host(struct body *b, struct err *e)
{
	const struct docker_spec *s = b->s;
	put_bool(b, b->host, "AutoRemove", s->auto_remove);
	put_text(b, b->host, "NetworkMode", s->network_mode ? s->network_mode : "default");
	put_list(b, b->host, "Dns", s->dns);
	put_list(b, b->host, "DnsSearch", s->dns_search);
	put_list(b, b->host, "DnsOptions", s->dns_opt);
	put_text(b, b->host, "IpcMode", s->ipc);
	put_map(b, b->host, "Tmpfs", s->tmpfs, ':');
	put_caps(b, "CapAdd", true);
	put_caps(b, "CapDrop", false);
	put_bool(b, b->host, "ReadonlyRootfs", s->read_only);
	put_bool(b, b->host, "Init",
		 s->init); /* said either way: the engine's own default may be on */
	put_limits(b);
	cJSON *log = put_new(b, b->host, "LogConfig", cJSON_CreateObject());
	if (log)
		put_text(b, log, "Type", s->log_driver ? s->log_driver : "");
	cJSON *restart = put_new(b, b->host, "RestartPolicy", cJSON_CreateObject());
	if (restart)
		put_text(b, restart, "Name", "no");
	int (*const parts[])(struct body *, struct err *) = {
		put_mounts, put_ulimits, put_devices, put_security, put_hosts,
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int r = parts[i](b, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int docker_spec_json(const struct docker_spec *s, struct buf *out, struct err *e)
{
	struct body b = { .s = s, .root = cJSON_CreateObject(), .host = cJSON_CreateObject() };
	if (!b.root || !b.host) {
		cJSON_Delete(b.root);
		cJSON_Delete(b.host);
		return err_oom(e);
	}
	put_config(&b);
	int r = put_host(&b, e);
	put(&b, b.root, "HostConfig", b.host);
	if (r == 0) {
		_cleanup_free_ char *text = b.is_oom ? NULL : cJSON_PrintUnformatted(b.root);
		if (!text || buf_adds(out, text) < 0)
			r = err_oom(e);
	}
	cJSON_Delete(b.root);
	return r;
}
