/* SPDX-License-Identifier: MIT */
#include "docker/self.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "docker/client.h"
#include "docker/docker.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FULL = 64, SHORT = 12, PROC_MAX = 4 << 20, CANDIDATES = 3 };

/* --- parsers --------------------------------------------------------------------------------- */

static size_t hex_len(const char *text)
{
	return strspn(text, "0123456789abcdef");
}

/* The last run of exactly 64 hex digits in text[0..n); what stands behind it, or NULL: there is none. */
static const char *last_id(const char *text, size_t n, char ret_id[SELF_ID])
{
	const char *behind = NULL;
	for (size_t i = 0; i < n;) {
		size_t len = hex_len(text + i);
		if (len > n - i)
			len = n - i;
		if (len == FULL) {
			memcpy(ret_id, text + i, FULL);
			ret_id[FULL] = '\0';
			behind = text + i + FULL;
		}
		i += len + 1;
	}
	return behind;
}

/* The n-th field (from 1) of a line of fields divided by single spaces; NULL: not so many. */
static const char *field(const char *line, const char *end, int n, size_t *ret_len)
{
	while (--n > 0) {
		line = memchr(line, ' ', (size_t)(end - line));
		if (!line)
			return NULL;
		line++;
	}
	const char *space = memchr(line, ' ', (size_t)(end - line));
	*ret_len = (size_t)((space ? space : end) - line);
	return line;
}

static bool is_engines_file(const char *path, size_t len)
{
	static const char *const files[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf" };
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strlen(files[i]) == len && strncmp(path, files[i], len) == 0)
			return true;
	return false;
}

/* ".../containers/ID/hostname", podman ".../ID/userdata/hostname"; not a file out of somebody's volume ID. */
static bool id_of_root(const char *root, size_t len, const char *point, char ret_id[SELF_ID])
{
	char id[SELF_ID];
	const char *behind = last_id(root, len, id);
	if (!behind)
		return false;
	static const char userdata[] = "/userdata";
	if (strncmp(behind, userdata, sizeof(userdata) - 1) == 0)
		behind += sizeof(userdata) - 1;
	const char *name = point + strlen("/etc");
	size_t name_len = strcspn(name, " ");
	if ((size_t)(root + len - behind) != name_len || strncmp(behind, name, name_len) != 0)
		return false;
	memcpy(ret_id, id, SELF_ID);
	return true;
}

bool self_of_mountinfo(const char *text, char ret_id[SELF_ID])
{
	enum { ROOT = 4, MOUNT_POINT = 5 };
	while (*text) {
		const char *end = strchrnul(text, '\n');
		size_t root_len = 0, point_len = 0;
		const char *root = field(text, end, ROOT, &root_len);
		const char *point = field(text, end, MOUNT_POINT, &point_len);
		if (root && point && is_engines_file(point, point_len) &&
		    id_of_root(root, root_len, point, ret_id))
			return true;
		text = *end ? end + 1 : end;
	}
	return false;
}

bool self_of_cgroup(const char *text, char ret_id[SELF_ID])
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		const char *path = memchr(text, '/', (size_t)(end - text));
		if (path && last_id(path, (size_t)(end - path), ret_id))
			return true;
		text = *end ? end + 1 : end;
	}
	return false;
}

bool self_of_hostname(const char *name, char ret_id[SELF_ID])
{
	size_t len = hex_len(name);
	if (name[len] != '\0' || (len != SHORT && len != FULL))
		return false;
	memcpy(ret_id, name, len + 1);
	return true;
}

/* --- inspect --------------------------------------------------------------------------------- */

static char *copy_of(const cJSON *o, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
	return strdup(text ? text : "");
}

static int copy_label(const cJSON *labels, const char *key, char **ret)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(labels, key));
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int take_mount(struct docker_self *self, const cJSON *mount)
{
	const cJSON *writable = cJSON_GetObjectItemCaseSensitive(mount, "RW");
	struct docker_own_mount *m = &self->mounts[self->n_mounts++];
	*m = (struct docker_own_mount){
		.type = copy_of(mount, "Type"),
		.name = copy_of(mount, "Name"),
		.source = copy_of(mount, "Source"),
		.destination = copy_of(mount, "Destination"),
		.is_read_only = cJSON_IsFalse(writable),
	};
	return m->type && m->name && m->source && m->destination ? 0 : -ENOMEM;
}

/* `--tmpfs` is not listed in Mounts, yet hides what a bind above it would show. */
static int take_tmpfs(struct docker_self *self, const char *path)
{
	struct docker_own_mount *m = &self->mounts[self->n_mounts++];
	*m = (struct docker_own_mount){
		.type = strdup("tmpfs"),
		.name = strdup(""),
		.source = strdup(""),
		.destination = strdup(path),
	};
	return m->type && m->name && m->source && m->destination ? 0 : -ENOMEM;
}

static int take_mounts(struct docker_self *self, const cJSON *root)
{
	/* The top level's, not HostConfig's: only these name the host's paths. */
	const cJSON *mounts = cJSON_GetObjectItemCaseSensitive(root, "Mounts");
	const cJSON *host = cJSON_GetObjectItemCaseSensitive(root, "HostConfig");
	const cJSON *tmpfs = cJSON_GetObjectItemCaseSensitive(host, "Tmpfs");
	size_t n = (size_t)cJSON_GetArraySize(mounts) + (size_t)cJSON_GetArraySize(tmpfs);
	self->mounts = calloc(n + 1, sizeof(*self->mounts));
	if (!self->mounts)
		return -ENOMEM;
	const cJSON *item;
	cJSON_ArrayForEach(item, mounts) if (take_mount(self, item) < 0) return -ENOMEM;
	cJSON_ArrayForEach(item, tmpfs) if (item->string &&
					    take_tmpfs(self, item->string) < 0) return -ENOMEM;
	return 0;
}

static int take_self(struct docker_self *self, const cJSON *root, const char *id, struct err *e)
{
	const char *full = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "Id"));
	/* The engine also finds containers by name: ours must be found by its ID. */
	if (!full || strncmp(full, id, strlen(id)) != 0)
		return err_set(e, -EPROTO, "inspect of %.12s: not the container of that ID", id);
	const cJSON *config = cJSON_GetObjectItemCaseSensitive(root, "Config");
	const cJSON *labels = cJSON_GetObjectItemCaseSensitive(config, "Labels");
	self->id = strdup(full);
	if (!self->id || take_mounts(self, root) < 0 ||
	    copy_label(labels, "com.docker.compose.project", &self->compose_project) < 0 ||
	    copy_label(labels, "com.docker.compose.service", &self->compose_service) < 0 ||
	    copy_label(labels, "com.docker.compose.container-number", &self->compose_number) < 0)
		return err_oom(e);
	return 0;
}

int self_of_inspect(const char *body, size_t len, const char *id, struct docker_self **ret,
		    struct err *e)
{
	struct docker_self *self = calloc(1, sizeof(*self));
	if (!self)
		return err_oom(e);
	cJSON *root = cJSON_ParseWithLength(body, len);
	int r = take_self(self, root, id, e);
	cJSON_Delete(root);
	if (r < 0)
		docker_self_free(self);
	else
		*ret = self;
	return r;
}

/* --- struct docker_self ---------------------------------------------------------------------- */

void docker_self_free(struct docker_self *self)
{
	if (!self)
		return;
	for (size_t i = 0; i < self->n_mounts; i++) {
		free(self->mounts[i].type);
		free(self->mounts[i].name);
		free(self->mounts[i].source);
		free(self->mounts[i].destination);
	}
	free(self->mounts);
	free(self->id);
	free(self->compose_project);
	free(self->compose_service);
	free(self->compose_number);
	free(self);
}

static int copy_text(char **to, const char *from)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int copy_mount(struct docker_own_mount *to, const struct docker_own_mount *from)
{
	to->is_read_only = from->is_read_only;
	return copy_text(&to->type, from->type) < 0 || copy_text(&to->name, from->name) < 0 ||
			       copy_text(&to->source, from->source) < 0 ||
			       copy_text(&to->destination, from->destination) < 0
		       ? -ENOMEM
		       : 0;
}

struct docker_self *docker_self_copy(const struct docker_self *self)
{
	struct docker_self *copy = calloc(1, sizeof(*copy));
	if (!copy)
		return NULL;
	int r = copy_text(&copy->id, self->id);
	r |= copy_text(&copy->compose_project, self->compose_project);
	r |= copy_text(&copy->compose_service, self->compose_service);
	r |= copy_text(&copy->compose_number, self->compose_number);
	copy->mounts = calloc(self->n_mounts + 1, sizeof(*copy->mounts));
	if (!copy->mounts)
		r = -ENOMEM;
	for (size_t i = 0; i < self->n_mounts && r == 0; i++)
		r = copy_mount(&copy->mounts[copy->n_mounts++], &self->mounts[i]);
	if (r == 0)
		return copy;
	docker_self_free(copy);
	return NULL;
}

/* --- asking ---------------------------------------------------------------------------------- */

struct finding {
	struct docker *d;
	void (*on_done)(void *ctx, const struct docker_self *self);
	void *ctx;
	char ids[CANDIDATES][SELF_ID];
	size_t n_ids, next;
};

static void add_candidate(struct finding *f, bool is_found, const char id[SELF_ID])
{
	for (size_t i = 0; i < f->n_ids; i++)
		if (strncmp(f->ids[i], id, strlen(id)) == 0)
			return;
	if (is_found)
		memcpy(f->ids[f->n_ids++], id, SELF_ID);
}

static void add_candidates(struct finding *f)
{
	char id[SELF_ID] = "", host[256] = "";
	_cleanup_free_ char *mountinfo = NULL, *cgroup = NULL;
	if (fd_read_file("/proc/self/mountinfo", PROC_MAX, &mountinfo, NULL, NULL) == 0)
		add_candidate(f, self_of_mountinfo(mountinfo, id), id);
	if (fd_read_file("/proc/self/cgroup", PROC_MAX, &cgroup, NULL, NULL) == 0)
		add_candidate(f, self_of_cgroup(cgroup, id), id);
	if (gethostname(host, sizeof(host) - 1) == 0)
		add_candidate(f, self_of_hostname(host, id), id);
}

static void found(struct finding *f, const struct docker_self *self)
{
	f->on_done(f->ctx, self);
	free(f);
}

static void found_nobody(struct finding *f)
{
	static const struct docker_self nobody = { 0 };
	found(f, &nobody);
}

static void ask_next(struct finding *f);

static void on_inspected(void *ctx, const struct docker_answer *a)
{
	struct finding *f = ctx;
	struct docker_self *self = NULL;
	if (a->e && a->status == 0) { /* no answer is no answer */
		found(f, NULL);
		return;
	}
	if (!a->e)
		(void)self_of_inspect(a->body, a->body_len, f->ids[f->next - 1], &self, NULL);
	if (self)
		found(f, self);
	else
		ask_next(f);
	docker_self_free(self);
}

static void on_nobody(void *ctx, const struct docker_answer *a)
{
	if (a->e && a->status == 0)
		found(ctx, NULL);
	else
		found_nobody(ctx);
}

static struct docker_call *ask(struct finding *f, struct err *e)
{
	char path[SELF_ID + 32] = "/_ping"; /* no candidate: only to answer from the loop */
	bool is_someone = f->next < f->n_ids;
	if (is_someone)
		(void)snprintf(path, sizeof(path), "/containers/%s/json", f->ids[f->next++]);
	const struct docker_request rq = {
		.method = "GET",
		.path = path,
		.is_unversioned = !is_someone,
		.patience = is_someone ? DOCKER_CONTROL : DOCKER_QUICK,
		.on_done = is_someone ? on_inspected : on_nobody,
		.on_drop = free,
		.ctx = f,
	};
	return docker_call(f->d, &rq, e);
}

static void ask_next(struct finding *f)
{
	if (f->next == f->n_ids)
		found_nobody(f);
	else if (!ask(f, NULL))
		found(f, NULL);
}

int docker_self_find(struct docker *d, void (*on_done)(void *ctx, const struct docker_self *self),
		     void *ctx)
{
	struct finding *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->d = d;
	f->on_done = on_done;
	f->ctx = ctx;
	add_candidates(f);
	struct err e = { .code = -EIO };
	if (ask(f, &e))
		return 0;
	free(f);
	return e.code;
}
