/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/registries.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "docker/auth.h"
#include "mcpctl/doctor/doctor.h"
#include "mcpctl/doctor/path.h"
#include "mcpctl/doctor/program.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RESOLV_MAX = 1 << 16 };

struct dns_check {
	struct dns_check *next;
	struct doctor *d;
	char *registry, *host; /* owned; host NULL: nothing to look up */
};

/* --- logins ------------------------------------------------------------------------------------- */

/* Where docker_config_read() looks; the caller's. */
static char *config_path(void)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
	char *path = NULL;
	int n = dir && *dir	? asprintf(&path, "%s/config.json", dir)
		: home && *home ? asprintf(&path, "%s/.docker/config.json", home)
				: -1;
	return n < 0 ? NULL : path;
}

static int find_login(struct doctor *d, const char *registry, bool is_told, char **ret_header)
{
	struct err e = { 0 };
	struct docker_auth auth = { 0 };
	char *config = NULL;
	_cleanup_free_ char *path = config_path(), *program = NULL, *helper = NULL;
	int r = docker_config_read(&config, &e);
	/* The default file of another user is as good as none for a pull, but somebody may wonder. */
	bool is_hidden = r == 0 && !config && path && access(path, F_OK) == 0;
	if (is_hidden)
		r = err_set(&e, -EACCES, "cannot read %s: permission denied", path);
	else if (r == 0)
		r = docker_auth_find(config, registry, &auth, &e);
	struct login_facts l = { .registry = registry, .file = config ? path : NULL };
	l.error = r < 0 ? e.text : NULL;
	l.has_login = r == 0 && !docker_auth_is_empty(&auth);
	if (auth.helper && asprintf(&program, "docker-credential-%s", auth.helper) < 0)
		program = NULL;
	l.helper = auth.helper;
	helper = program ? path_find(program) : NULL;
	l.is_helper_there = helper != NULL;
	struct finding f = finding_of(CHECK_CREDENTIALS);
	judge_login(&l, &f);
	if (!is_told)
		doctor_add(d, &f);
	if (l.has_login)
		*ret_header = docker_auth_header(&auth);
	docker_auth_done(&auth);
	docker_wipe(config);
	return l.has_login && !*ret_header ? -ENOMEM : 0;
}

/* --- names -------------------------------------------------------------------------------------- */

/* "ghcr.io", "registry.example:5000"; NULL for what needs no lookup. */
static char *host_of(const char *registry)
{
	struct in_addr address;
	const char *name = strcmp(registry, "docker.io") == 0 ? "registry-1.docker.io" : registry;
	char *host = strndup(name, strcspn(name, ":"));
	bool is_local = host && (name[0] == '[' || strcmp(host, "localhost") == 0 ||
				 inet_pton(AF_INET, host, &address) == 1);
	if (is_local)
		free(take_ptr(&host));
	return host;
}

static void add_nameservers(struct buf *b)
{
	_cleanup_free_ char *text = NULL;
	if (fd_read_file("/etc/resolv.conf", RESOLV_MAX, &text, NULL, NULL) < 0)
		return;
	char *rest = text;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		char name[64];
		if (sscanf(line, " nameserver %63s", name) == 1)
			(void)buf_addf(b, "%s%s", b->len ? ", " : "", name);
	}
}

static void on_resolved(void *ctx, const struct program_result *r)
{
	struct dns_check *n = ctx;
	struct doctor *d = n->d;
	_cleanup_buf_ struct buf servers = { 0 };
	add_nameservers(&servers);
	const struct dns_facts facts = { .name = n->host,
					 .address = r->status == 0 ? r->out : NULL,
					 .error = r->status < 0 ? "no answer in time" : r->err,
					 .servers = buf_str(&servers) };
	struct finding f = finding_of(CHECK_DNS);
	judge_dns(&facts, &f);
	doctor_add(d, &f);
	doctor_end(d, CHECK_DNS);
}

static void look_up(struct dns_check *n)
{
	const char *const argv[] = { "/proc/self/exe", "--resolve", n->host, NULL };
	const struct program_params p = {
		.argv = argv, .deadline_ms = DOCTOR_PROGRAM_MS, .on_done = on_resolved, .ctx = n
	};
	doctor_begin(n->d, CHECK_DNS);
	if (programs_run(n->d->programs, &p) < 0)
		doctor_end(n->d, CHECK_DNS); /* as unlucky as the rest will be */
}

int registries_look(struct doctor *d, const char *registry, char **ret_header)
{
	bool is_known = false;
	for (const struct dns_check *n = d->names; n; n = n->next)
		is_known = is_known || strcmp(n->registry, registry) == 0;
	int r = find_login(d, registry, is_known, ret_header);
	if (is_known || r < 0)
		return r;
	struct dns_check *n = calloc(1, sizeof(*n));
	if (!n || !(n->registry = strdup(registry))) {
		free(n);
		return -ENOMEM;
	}
	n->d = d;
	n->host = host_of(registry);
	n->next = d->names;
	d->names = n;
	if (n->host)
		look_up(n);
	return 0;
}

void registries_free(struct doctor *d)
{
	while (d->names) {
		struct dns_check *n = d->names;
		d->names = n->next;
		free(n->registry);
		free(n->host);
		free(n);
	}
}
