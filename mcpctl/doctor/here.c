/* SPDX-License-Identifier: MIT */
/* What needs no engine and no waiting: who we are, the environment, the configuration, the runtime_dir. */
#include "mcpctl/doctor/doctor.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "conf/conf.h"
#include "docker/self.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/mcpinit/mcpinit.ini"

enum { PROC_MAX = 1 << 20, OVERFLOW_GID = 65534 };

static const char *env(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

/* --- user and environment ----------------------------------------------------------------------- */

/* The engine need not answer for this. */
static bool is_in_container(void)
{
	char id[SELF_ID];
	_cleanup_free_ char *text = NULL;
	if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0)
		return true;
	return fd_read_file("/proc/self/mountinfo", PROC_MAX, &text, NULL, NULL) == 0 &&
	       self_of_mountinfo(text, id);
}

static void look_user(struct doctor *d)
{
	_cleanup_free_ char *overflow = NULL;
	int n = getgroups(DOCTOR_GROUPS, d->groups);
	d->user = (struct user_facts){ .uid = geteuid(),
				       .gid = getegid(),
				       .groups = d->groups,
				       .n_groups = n > 0 ? (size_t)n : 0,
				       .overflow_gid = OVERFLOW_GID,
				       .is_in_container = is_in_container() };
	if (fd_read_file("/proc/sys/kernel/overflowgid", PROC_MAX, &overflow, NULL, NULL) == 0)
		d->user.overflow_gid = (gid_t)strtoul(overflow, NULL, 10);
	struct finding f = finding_of(CHECK_USER);
	judge_user(&d->user, &f);
	doctor_add(d, &f);
}

/* "http://user:secret@proxy:3128" without the secret. */
static void add_proxy(struct buf *b, const char *name, const char *value)
{
	const char *scheme = strstr(value, "://");
	const char *host = scheme ? scheme + 3 : value;
	const char *at = strrchr(host, '@');
	(void)buf_addf(b, "%s%s=%.*s%s%s", b->len ? ", " : "", name, (int)(host - value), value,
		       at ? "***" : "", at ? at : host);
}

static void look_environment(struct doctor *d)
{
	static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
					     "http_proxy", "https_proxy", "all_proxy", "no_proxy" };
	_cleanup_buf_ struct buf proxies = { 0 };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (env(names[i]))
			add_proxy(&proxies, names[i], env(names[i]));
	const struct environment_facts facts = { .docker_host = env("DOCKER_HOST"),
						 .docker_context = env("DOCKER_CONTEXT"),
						 .docker_config = env("DOCKER_CONFIG"),
						 .home = env("HOME"),
						 .proxies = buf_str(&proxies) };
	struct finding f = finding_of(CHECK_ENVIRONMENT);
	judge_environment(&facts, &f);
	doctor_add(d, &f);
}

/* --- configuration --------------------------------------------------------------------------------- */

static void add_line(struct doctor *d, enum check check, enum verdict verdict, const char *line)
{
	struct finding f = finding_of(check);
	finding_set(&f, verdict, "%s", line);
	doctor_add(d, &f);
}

static const char *find_config(const struct doctor *d)
{
	if (d->p->config)
		return d->p->config;
	if (env("MCPINIT_CONFIG"))
		return env("MCPINIT_CONFIG");
	return access(DEFAULT_CONFIG, F_OK) == 0 ? DEFAULT_CONFIG : NULL;
}

static bool is_among(const struct conf_errors *errors, const char *line)
{
	for (size_t i = 0; i < errors->n; i++)
		if (strcmp(errors->lines[i], line) == 0)
			return true;
	return false;
}

/* What is an error only where strict is what a start will miss: the rest of the warnings are only that. */
static void look_variables(struct doctor *d, const struct conf_source *src)
{
	struct conf_source strict = *src;
	struct conf_errors missing = { 0 };
	struct conf *conf = NULL;
	strict.is_strict = true;
	if (conf_load(&strict, &conf, &missing) == 0) {
		conf_free(conf);
		add_line(d, CHECK_VARIABLES, DOCTOR_OK, "all that the servers need are set here");
	}
	for (size_t i = 0; i < missing.n; i++)
		add_line(d, CHECK_VARIABLES, DOCTOR_FAIL, missing.lines[i]);
	for (char **w = d->conf->warnings; *w; w++)
		if (!is_among(&missing, *w))
			add_line(d, CHECK_CONFIG, DOCTOR_WARN, *w);
	conf_errors_done(&missing);
}

static int look_config(struct doctor *d)
{
	const char *path = find_config(d);
	struct conf_source src = { .path = path, .environ = d->p->environ };
	struct conf_errors errors = { 0 };
	struct finding f = finding_of(CHECK_CONFIG);
	d->is_conf_whole = conf_load(&src, &d->conf, &errors) == 0;
	for (size_t i = 0; i < errors.n; i++)
		add_line(d, CHECK_CONFIG, DOCTOR_FAIL, errors.lines[i]);
	conf_errors_done(&errors);
	if (!path) {
		finding_set(&f, DOCTOR_WARN,
			    "there is no " DEFAULT_CONFIG
			    ": defaults are looked at, and no servers");
		finding_remedy(&f, "name the file: mcpctl doctor -c FILE, or $MCPINIT_CONFIG");
		doctor_add(d, &f);
	} else if (d->is_conf_whole) {
		size_t n = 0;
		while (d->conf->servers[n])
			n++;
		finding_set(&f, DOCTOR_OK, "%s is valid, %zu server%s", path, n, n == 1 ? "" : "s");
		doctor_add(d, &f);
		look_variables(d, &src);
	}
	if (d->conf)
		return 0;
	/* The rest is looked at with the defaults. */
	src.path = NULL;
	int r = conf_load(&src, &d->conf, &errors);
	conf_errors_done(&errors);
	return r < 0 ? -ENOMEM : 0;
}

const char *here_mounts_workspace(const struct doctor *d)
{
	size_t n = strlen(d->conf->workspace);
	for (struct conf_server **s = d->conf->servers; *s; s++)
		for (const struct conf_volume *v = (*s)->volumes; v && v->source; v++)
			if (strcmp(v->source, "workspace") == 0 ||
			    (strncmp(v->source, d->conf->workspace, n) == 0 &&
			     (v->source[n] == '/' || v->source[n] == '\0')))
				return (*s)->name;
	return NULL;
}

/* --- runtime_dir and pipes --------------------------------------------------------------------------- */

/* A pipe in dir that a byte goes through. */
static int try_fifo(const char *dir)
{
	char path[PATH_MAX], byte = 'x', got = 0;
	int n = snprintf(path, sizeof(path), "%s/.doctor-%d", dir, (int)getpid());
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkfifo(path, 0600) < 0)
		return -errno;
	_cleanup_close_ int in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_close_ int out = in < 0 ? -1 : open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	int r = out < 0 ? -errno : 0;
	if (r == 0 && (fd_write(out, &byte, 1) != 1 || fd_read(in, &got, 1) != 1 || got != byte))
		r = -EIO;
	(void)unlink(path); /* it was made */
	return r;
}

static void look_rundir(struct doctor *d)
{
	const char *path = d->conf->runtime_dir;
	_cleanup_free_ char *copy = strdup(path);
	struct rundir_facts r = { .path = path, .parent = copy ? dirname(copy) : "/" };
	struct stat st;
	struct statfs fs;
	r.is_there = stat(path, &st) == 0;
	const char *dir = r.is_there ? path : r.parent;
	if (!r.is_there && errno != ENOENT)
		r.error = -errno;
	else if (stat(dir, &st) < 0)
		r.error = -errno;
	else if (!S_ISDIR(st.st_mode))
		r.error = -ENOTDIR;
	else if (access(dir, W_OK | X_OK) < 0)
		r.error = -errno;
	if (statfs(dir, &fs) == 0)
		r.fs_type = (uint64_t)fs.f_type;
	if (r.error == 0 && !judge_bad_fs(r.fs_type))
		r.fifo_error = try_fifo(dir);
	struct finding f = finding_of(CHECK_RUNTIME_DIR);
	judge_rundir(&r, &f);
	doctor_add(d, &f);
}

static void look_pipes(struct doctor *d)
{
	struct pipes_facts p = { .has_default = d->conf->default_agent,
				 .default_group = d->conf->default_group,
				 .default_gid = d->conf->default_gid,
				 .uid = d->user.uid };
	for (struct conf_agent **a = d->conf->agents; *a; a++)
		p.n_agents += strcmp((*a)->name, "default") != 0;
	char path[PATH_MAX];
	struct stat st;
	(void)snprintf(path, sizeof(path), "%s/default", d->conf->runtime_dir); /* cut: not there */
	if (stat(path, &st) == 0) {
		p.is_made = true;
		p.uid = st.st_uid;
	}
	struct finding f = finding_of(CHECK_PIPES);
	judge_pipes(&p, &f);
	doctor_add(d, &f);
}

int here_look(struct doctor *d)
{
	look_user(d);
	look_environment(d);
	int r = look_config(d);
	if (r < 0)
		return r;
	look_rundir(d);
	look_pipes(d);
	return 0;
}
