/* SPDX-License-Identifier: MIT */
/* Which engine, can it be reached, what is it, what can it do, and are we one of its containers? */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "docker/auth.h"
#include "docker/docker.h"
#include "docker/endpoint.h"
#include "mcpctl/doctor/ask.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL "unix:///var/run/docker.sock"

static const char *env(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

/* --- endpoint ---------------------------------------------------------------------------------- */

/* config.json's current context; the caller's, or NULL for none and for "default". */
static char *current_context(void)
{
	char *config = NULL;
	if (env("DOCKER_CONTEXT"))
		return strdup(env("DOCKER_CONTEXT"));
	(void)docker_config_read(&config, NULL); /* NULL is as good as none */
	cJSON *root = cJSON_Parse(config ? config : "");
	const char *name =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "currentContext"));
	char *copy = name && *name && strcmp(name, "default") != 0 ? strdup(name) : NULL;
	cJSON_Delete(root);
	docker_wipe(config);
	return copy;
}

/* What the docker program does with a tcp endpoint, and libcurl, as it is used here, does not. */
static const char *cli_proxy(const struct docker_endpoint *ep)
{
	if (!ep || ep->unix_path || env("NO_PROXY") || env("no_proxy"))
		return NULL;
	bool is_tls = strncmp(ep->base_url, "https", 5) == 0;
	const char *upper = env(is_tls ? "HTTPS_PROXY" : "HTTP_PROXY");
	const char *value = upper ? upper : env(is_tls ? "https_proxy" : "http_proxy");
	return value ? is_tls ? "of HTTPS_PROXY" : "of HTTP_PROXY" : NULL;
}

static void look_endpoint(struct doctor *d)
{
	struct err e = { 0 };
	struct docker_endpoint *cli = NULL;
	_cleanup_free_ char *context = env("DOCKER_HOST") ? NULL : current_context();
	char by[128] = "its default";
	bool is_usual = !env("DOCKER_HOST") && !context;
	if (!is_usual && docker_endpoint_find(NULL, &cli, NULL) < 0)
		cli = NULL;
	if (env("DOCKER_HOST"))
		(void)snprintf(by, sizeof(by), "DOCKER_HOST");
	else if (context)
		(void)snprintf(by, sizeof(by), "the docker context %s", context); /* cut is fine */
	if (docker_endpoint_find(d->conf->docker_host, &d->endpoint, &e) < 0)
		d->endpoint = NULL;
	const struct endpoint_facts facts = {
		.api = d->endpoint ? d->endpoint->text : NULL,
		.error = e.text,
		.key = d->conf->docker_host,
		.cli = is_usual ? USUAL
		       : cli	? cli->text
				: NULL,
		.cli_by = by,
		.proxy = cli_proxy(cli),
	};
	struct finding f = finding_of(CHECK_ENDPOINT);
	judge_endpoint(&facts, &f);
	doctor_add(d, &f);
	docker_endpoint_free(cli);
}

/* --- socket -------------------------------------------------------------------------------------- */

/* Does not wait: a listener whose queue is full is an answer, too. */
static int try_connect(const char *path)
{
	struct sockaddr_un address;
	int r = wire_address(path, &address, NULL);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

/* False: it cannot be used. */
static bool look_socket(struct doctor *d)
{
	struct socket_facts s = { .path = d->endpoint->unix_path };
	struct stat st = { 0 };
	if (stat(s.path, &st) < 0)
		s.stat_error = -errno;
	s.mode = st.st_mode;
	s.uid = st.st_uid;
	s.gid = st.st_gid;
	struct group *group = s.stat_error ? NULL : getgrgid(s.gid);
	s.group = group ? group->gr_name : NULL;
	if (!s.stat_error && S_ISSOCK(st.st_mode))
		s.connect_error = try_connect(s.path);
	struct finding f = finding_of(CHECK_SOCKET);
	judge_socket(&s, &d->user, &f);
	doctor_add(d, &f);
	return f.verdict == DOCTOR_OK;
}

/* --- our container, and what is mounted here -------------------------------------------------------- */

static void on_self(void *ctx, const struct docker_self *self)
{
	struct doctor *d = ctx;
	const struct container_facts facts = { .is_in_container = d->user.is_in_container,
					       .id = self->id,
					       .endpoint = docker_endpoint(d->docker) };
	struct finding f = finding_of(CHECK_CONTAINER);
	judge_container(&facts, &f);
	doctor_add(d, &f);
	d->self = docker_self_copy(self);
	sibling_start(d);
	doctor_end(d, CHECK_CONTAINER);
}

/* --- what it can do ---------------------------------------------------------------------------------- */

static bool is_true(const cJSON *root, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, key));
}

static const char *text_of(const cJSON *root, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, key));
	return text ? text : "";
}

static void tell_limits(struct doctor *d, const cJSON *info)
{
	char cgroup[128];
	(void)snprintf(cgroup, sizeof(cgroup), "cgroup v%s, driver %s",
		       text_of(info, "CgroupVersion"),
		       text_of(info, "CgroupDriver")); /* cut is fine */
	struct limit_facts l = { .has_memory = is_true(info, "MemoryLimit"),
				 .has_swap = is_true(info, "SwapLimit"),
				 .has_pids = is_true(info, "PidsLimit"),
				 .has_cpu = is_true(info, "CpuCfsQuota"),
				 .cgroup = text_of(info, "CgroupVersion")[0] ? cgroup : "" };
	for (struct conf_server **s = d->conf->servers; *s; s++) {
		if ((*s)->launch == CONF_LAUNCH_PROCESS)
			continue;
		l.wants_memory = l.wants_memory || (*s)->mem_limit > 0;
		l.wants_pids = l.wants_pids || (*s)->pids_limit > 0;
		l.wants_cpu = l.wants_cpu || (*s)->nano_cpus > 0;
	}
	struct finding f = finding_of(CHECK_LIMITS);
	judge_limits(&l, &f);
	doctor_add(d, &f);
}

static void on_info(void *ctx, const struct docker_answer *a)
{
	struct doctor *d = ctx;
	cJSON *info = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	if (cJSON_IsObject(info)) {
		tell_limits(d, info);
	} else {
		struct finding f = finding_of(CHECK_LIMITS);
		finding_set(&f, DOCTOR_WARN,
			    "the engine does not tell what limits it can apply: %s",
			    a->e ? a->e->text : "no JSON");
		finding_remedy(&f, "behind a socket proxy: INFO=1 lets it answer");
		doctor_add(d, &f);
	}
	cli_tell(d, true, text_of(info, "ID"));
	cJSON_Delete(info);
}

/* --- is it there? -------------------------------------------------------------------------------------- */

/* True: it can be used. */
static bool tell_engine(struct doctor *d, const struct err *e)
{
	struct finding f = finding_of(CHECK_ENGINE);
	const struct engine_facts facts = {
		.endpoint = d->endpoint->text,
		.error = e ? e->text : NULL,
		.is_version = e && e->kind == DOCKER_VERSION,
		.version = docker_engine_version(d->docker),
		.api = docker_api_version(d->docker),
		.is_old = !e && !docker_api_at_least(d->docker, 1, 41),
	};
	judge_engine(&facts, &f);
	doctor_add(d, &f);
	return f.verdict == DOCTOR_OK;
}

static void not_usable(struct doctor *d, const struct err *e)
{
	loop_timer_stop(d->engine_timer);
	(void)tell_engine(d, e);
	cli_tell(d, false, "");
	doctor_end(d, CHECK_ENGINE);
}

static void ask_engine(struct doctor *d)
{
	const struct ask info = { .check = CHECK_LIMITS,
				  .method = "GET",
				  .path = "/info",
				  .deadline_ms = DOCTOR_ASK_MS,
				  .on_done = on_info,
				  .ctx = d };
	ask(d, &info);
	doctor_begin(d, CHECK_CONTAINER);
	if (docker_self_find(d->docker, on_self, d) < 0)
		doctor_end(d, CHECK_CONTAINER);
	images_ask(d);
}

static void on_up(void *ctx)
{
	struct doctor *d = ctx;
	if (!loop_timer_is_armed(d->engine_timer) || d->is_ending)
		return;
	loop_timer_stop(d->engine_timer);
	if (tell_engine(d, NULL))
		ask_engine(d);
	else
		cli_tell(d, true, "");
	doctor_end(d, CHECK_ENGINE);
}

static void on_down(void *ctx, const struct err *e)
{
	struct doctor *d = ctx;
	if (loop_timer_is_armed(d->engine_timer))
		not_usable(d, e);
}

static void on_silence(void *ctx)
{
	struct doctor *d = ctx;
	struct err e;
	err_kind(&e, -ETIMEDOUT, DOCKER_TIMEOUT,
		 "%s takes connections, but does not answer within %d s", d->endpoint->text,
		 DOCTOR_ENGINE_MS / 1000);
	not_usable(d, &e);
}

static int connect_engine(struct doctor *d, struct err *e)
{
	const struct docker_params p = { .loop = d->loop,
					 .http = d->http,
					 .host = d->conf->docker_host,
					 .on_up = on_up,
					 .on_down = on_down,
					 .ctx = d };
	d->engine_timer = loop_timer_new(d->loop, on_silence, d);
	if (!d->engine_timer)
		return err_oom(e);
	d->docker = docker_new(&p, e);
	return d->docker ? 0 : e->code;
}

void engine_start(struct doctor *d)
{
	struct finding f = finding_of(CHECK_ENGINE);
	struct err e;
	look_endpoint(d);
	if (!d->endpoint || (d->endpoint->unix_path && !look_socket(d))) {
		finding_set(&f, DOCTOR_WARN,
			    "it could not be asked, so container, workspace, sibling, "
			    "limits and images were not looked at");
	} else if (connect_engine(d, &e) < 0) {
		finding_set(&f, DOCTOR_FAIL, "%s", e.text);
	} else {
		doctor_begin(d, CHECK_ENGINE);
		loop_timer_in(d->engine_timer, DOCTOR_ENGINE_MS);
		return;
	}
	doctor_add(d, &f);
	cli_tell(d, false, "");
}

void engine_free(struct doctor *d)
{
	docker_free(take_ptr(&d->docker));
	loop_timer_free(take_ptr(&d->engine_timer));
	docker_self_free(take_ptr(&d->self));
	docker_endpoint_free(take_ptr(&d->endpoint));
}
