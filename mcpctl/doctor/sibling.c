/* SPDX-License-Identifier: MIT */
/*
 * The workspace as a sibling sees it. A container with the mount is made and never started: the engine itself looks into
 * it (HEAD archive), so that any image will do, and nothing of it runs.
 */
#include "mcpctl/doctor/sibling.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conf/conf.h"
#include "docker/auth.h"
#include "docker/docker.h"
#include "docker/hostpath.h"
#include "docker/spec.h"
#include "mcpctl/doctor/ask.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct sibling_check {
	struct doctor *d;
	struct docker_mount mount; /* owned; of the workspace */
	struct sibling_facts facts;
	struct stat st;		 /* the workspace here; st_ino 0: it is not there */
	char *id;		 /* owned; of the container */
	char name[SIBLING_NAME]; /* of the one that may exist; "" */
};

bool sibling_time(const char *text, struct timespec *ret)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	long nsec = 0, offset = 0;
	if (!p)
		return false;
	if (*p == '.') {
		long unit = 100000000;
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			nsec += (*p - '0') * unit;
	}
	int hours, minutes;
	if ((*p == '+' || *p == '-') && sscanf(p + 1, "%2d:%2d", &hours, &minutes) == 2)
		offset = (*p == '-' ? -1L : 1L) * (hours * 3600L + minutes * 60L);
	else if (*p != 'Z')
		return false;
	*ret = (struct timespec){ .tv_sec = timegm(&tm) - offset, .tv_nsec = nsec };
	return true;
}

int sibling_spec(struct docker_spec *s, const char *image, const struct docker_mount *mount)
{
	if (docker_spec_init(s, image) < 0)
		return -ENOMEM;
	struct docker_mount *m = s->mounts = calloc(1, sizeof(*m));
	s->network_mode = strdup("none");
	if (m) {
		*m = *mount;
		m->source = strdup(mount->source);
		m->subpath = mount->subpath ? strdup(mount->subpath) : NULL;
		m->target = strdup(SIBLING_TARGET);
		s->n_mounts = 1;
	}
	if (m && m->source && m->target && s->network_mode &&
	    docker_list_add(&s->labels, DOCKER_LABEL_INSTANCE "=doctor") == 0)
		return 0;
	docker_spec_done(s);
	return -ENOMEM;
}

void sibling_name(char name[SIBLING_NAME], const char *what)
{
	(void)snprintf(name, SIBLING_NAME, "mcpinit-doctor-%s-%d-%llx", what, (int)getpid(),
		       (unsigned long long)time(NULL)); /* always fits */
}

/* By name: also where the engine made it and its answer did not come. */
void sibling_stop(struct doctor *d)
{
	struct sibling_check *s = d->sibling;
	if (s && s->name[0])
		docker_remove(d->docker, s->name);
	if (s)
		s->name[0] = '\0';
}

/* --- looking into it ------------------------------------------------------------------------------ */

static void tell(struct sibling_check *s)
{
	struct finding f = finding_of(CHECK_SIBLING);
	judge_sibling(&s->facts, &f);
	doctor_add(s->d, &f);
	sibling_stop(s->d);
	if (s->d->p->is_deep)
		deep_start(s->d);
}

/* What the engine says of the directory, against what we see: two directories are not changed in one nanosecond. */
static bool is_same(const struct sibling_check *s, const char *header)
{
	_cleanup_free_ char *json = header ? docker_base64_decode(header) : NULL;
	cJSON *o = json ? cJSON_Parse(json) : NULL;
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "mtime"));
	struct timespec there;
	bool is_read = text && sibling_time(text, &there);
	cJSON_Delete(o);
	if (!is_read || s->st.st_ino == 0)
		return true; /* nothing to hold it against */
	struct timespec here = s->st.st_mtim;
	/* A share between machines may round. */
	bool is_exact = here.tv_nsec != 0 && there.tv_nsec != 0;
	return here.tv_sec == there.tv_sec && (!is_exact || here.tv_nsec == there.tv_nsec);
}

static void on_looked(void *ctx, const struct docker_answer *a)
{
	struct sibling_check *s = ctx;
	bool is_absent = a->e && a->status == 404;
	s->facts.error = a->e && !is_absent ? a->e->text : NULL;
	s->facts.is_there = !a->e;
	s->facts.is_same =
		!a->e && is_same(s, docker_call_header(a->call, "X-Docker-Container-Path-Stat"));
	tell(s);
}

static void look_into(struct sibling_check *s)
{
	_cleanup_buf_ struct buf path = { 0 };
	(void)buf_addf(&path, "/containers/%s/archive?path=" SIBLING_TARGET,
		       s->id); /* short: 404 */
	const struct ask what = { .check = CHECK_SIBLING,
				  .method = "HEAD",
				  .path = buf_str(&path),
				  .deadline_ms = DOCTOR_ASK_MS,
				  .on_done = on_looked,
				  .ctx = s };
	ask(s->d, &what);
}

static void on_created(void *ctx, const struct docker_answer *a)
{
	struct sibling_check *s = ctx;
	cJSON *o = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "Id"));
	s->id = id ? strdup(id) : NULL;
	cJSON_Delete(o);
	if (s->id && s->d->is_ending) {
		docker_remove(s->d->docker, s->id); /* made when its name was looked for already */
		return;
	}
	if (s->id) {
		look_into(s);
		return;
	}
	s->facts.error = a->e ? a->e->text : "the engine's answer cannot be read";
	tell(s);
}

static void create(struct sibling_check *s)
{
	struct docker_spec spec;
	struct err e = { 0 };
	_cleanup_buf_ struct buf body = { 0 }, path = { 0 };
	if (sibling_spec(&spec, s->d->present[0], &s->mount) < 0)
		return;
	spec.mounts[0].is_read_only = true;
	int r = docker_list_add(&spec.command, "never-started"); /* some images have none */
	if (r == 0)
		r = docker_spec_json(&spec, &body, &e);
	docker_spec_done(&spec);
	if (r < 0)
		return;
	sibling_name(s->name, "look");
	(void)buf_addf(&path, "/containers/create?name=%s", s->name); /* short: refused */
	const struct ask what = { .check = CHECK_SIBLING,
				  .method = "POST",
				  .path = buf_str(&path),
				  .body = buf_str(&body),
				  .deadline_ms = DOCTOR_ASK_MS,
				  .on_done = on_created,
				  .ctx = s };
	ask(s->d, &what);
}

/* --- what is mounted where ---------------------------------------------------------------------------- */

static void tell_mount(struct doctor *d, struct mount_facts *m)
{
	struct finding f = finding_of(CHECK_WORKSPACE);
	judge_mount(m, &f);
	doctor_add(d, &f);
}

/* The workspace → s->mount. False: a sibling cannot be given it. */
static bool map_workspace(struct sibling_check *s)
{
	struct doctor *d = s->d;
	const struct conf *c = d->conf;
	struct err e = { 0 };
	struct mount_facts m = { .name = "workspace",
				 .path = c->workspace,
				 .is_by_key = c->workspace_host,
				 .server = here_mounts_workspace(d) };
	if (stat(c->workspace, &s->st) < 0) {
		m.stat_error = -errno;
		s->st.st_ino = 0;
	}
	if (c->workspace_host)
		s->mount = (struct docker_mount){ .type = DOCKER_MOUNT_BIND,
						  .source = strdup(c->workspace_host) };
	else if (docker_hostpath(d->self, c->workspace, docker_api_at_least(d->docker, 1, 45), true,
				 &s->mount, &e) < 0)
		m.error = e.text;
	m.source = s->mount.source;
	m.is_volume = s->mount.type == DOCKER_MOUNT_VOLUME;
	tell_mount(d, &m);
	s->facts = (struct sibling_facts){ .path = c->workspace, .source = m.source };
	return m.source && (m.is_by_key || !m.stat_error);
}

/* Paths of `volumes` that are not in the workspace. */
static void map_volumes(struct doctor *d)
{
	for (struct conf_server **c = d->conf->servers; *c; c++) {
		if ((*c)->of && c > d->conf->servers && c[-1]->of == (*c)->of)
			continue; /* another instance of the same section */
		for (const struct conf_volume *v = (*c)->volumes; v && v->source; v++) {
			struct docker_mount mount = { 0 };
			struct err e = { 0 };
			struct stat st;
			struct mount_facts m = { .name = v->source,
						 .path = v->source,
						 .server = conf_server_base(*c) };
			if (v->source[0] != '/' || docker_is_windows_path(v->source))
				continue;
			if (stat(v->source, &st) < 0)
				m.stat_error = -errno;
			if (docker_hostpath(d->self, v->source, true, true, &mount, &e) < 0)
				m.error = e.text;
			m.source = mount.source;
			m.is_volume = mount.type == DOCKER_MOUNT_VOLUME;
			tell_mount(d, &m);
			free(mount.source);
			free(mount.subpath);
		}
	}
}

static void begin(struct sibling_check *s)
{
	struct doctor *d = s->d;
	bool is_mapped = map_workspace(s);
	map_volumes(d);
	if (is_mapped && d->present) {
		create(s);
		return;
	}
	if (is_mapped) {
		struct finding f = finding_of(CHECK_SIBLING);
		finding_set(&f, DOCTOR_WARN,
			    "no image is here to make one of, so what it sees of the workspace is "
			    "not known");
		finding_remedy(&f, "try again when an image of the configuration has been pulled");
		doctor_add(d, &f);
	}
	if (d->p->is_deep)
		deep_start(d);
}

/* Our own image first: it is surely there. */
static void on_own(void *ctx, const struct docker_answer *a)
{
	struct sibling_check *s = ctx;
	cJSON *o = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	const char *image = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "Image"));
	char **all = NULL;
	if (image && docker_list_add(&all, image) == 0 &&
	    docker_list_extend(&all, s->d->present) == 0) {
		docker_list_free(s->d->present);
		s->d->present = take_ptr(&all);
	}
	docker_list_free(all);
	cJSON_Delete(o);
	begin(s);
}

void sibling_start(struct doctor *d)
{
	if (!d->self || d->n_images_asked < d->n_images || d->sibling || d->is_ending)
		return;
	struct sibling_check *s = d->sibling = calloc(1, sizeof(*s));
	if (!s)
		return;
	s->d = d;
	if (!d->self->id) {
		begin(s);
		return;
	}
	_cleanup_buf_ struct buf path = { 0 };
	(void)buf_addf(&path, "/containers/%s/json", d->self->id); /* short: 404 */
	const struct ask what = { .check = CHECK_SIBLING,
				  .method = "GET",
				  .path = buf_str(&path),
				  .deadline_ms = DOCTOR_ASK_MS,
				  .on_done = on_own,
				  .ctx = s };
	ask(d, &what);
}

void sibling_free(struct doctor *d)
{
	struct sibling_check *s = d->sibling;
	if (!s)
		return;
	free(s->mount.source);
	free(s->mount.subpath);
	free(s->id);
	free(s);
	d->sibling = NULL;
}
