/* SPDX-License-Identifier: MIT */
#include "docker/spec.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { DEFAULT_PIDS = 1024 };
#define DEFAULT_MEMORY (INT64_C(2) << 30)

static size_t list_len(char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* Takes item on success. */
static int list_take(char ***list, char *item)
{
	size_t n = list_len(*list);
	char **bigger = realloc(*list, (n + 2) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	bigger[n] = item;
	bigger[n + 1] = NULL;
	*list = bigger;
	return 0;
}

int docker_list_add(char ***list, const char *item)
{
	_cleanup_free_ char *copy = strdup(item);
	if (!copy)
		return -ENOMEM;
	int r = list_take(list, copy);
	if (r == 0)
		take_ptr(&copy);
	return r;
}

int docker_list_addf(char ***list, const char *fmt, ...)
{
	_cleanup_free_ char *item = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&item, fmt, ap);
	va_end(ap);
	if (n < 0) {
		item = NULL;
		return -ENOMEM;
	}
	int r = list_take(list, item);
	if (r == 0)
		take_ptr(&item);
	return r;
}

int docker_list_extend(char ***list, char *const *from)
{
	for (; from && *from; from++) {
		int r = docker_list_add(list, *from);
		if (r < 0)
			return r;
	}
	return 0;
}

void docker_list_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free(list);
}

void docker_argv_free(char **argv)
{
	docker_list_free(argv);
}

static bool is_named(const char *item, const char *name, size_t len)
{
	return strncmp(item, name, len) == 0 && item[len] == '=';
}

int docker_env_set(char ***env, const char *name, const char *value)
{
	size_t len = strlen(name);
	for (char **p = *env; p && *p; p++) {
		if (!is_named(*p, name, len))
			continue;
		char *item = NULL;
		if (asprintf(&item, "%s=%s", name, value) < 0)
			return -ENOMEM;
		free(*p);
		*p = item;
		return 0;
	}
	return docker_list_addf(env, "%s=%s", name, value);
}

const char *docker_env_get(const char *const *env, const char *name)
{
	size_t len = strlen(name);
	for (; env && *env; env++)
		if (is_named(*env, name, len))
			return *env + len + 1;
	return NULL;
}

/* "chown", "CAP_CHOWN" → "CAP_CHOWN"; "all" → "ALL". The caller's; NULL: out of memory. */
static char *cap_name(const char *cap)
{
	char *name = NULL;
	bool is_whole = strcasecmp(cap, "ALL") == 0 || strncasecmp(cap, "CAP_", 4) == 0;
	if (asprintf(&name, "%s%s", is_whole ? "" : "CAP_", cap) < 0)
		return NULL;
	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return name;
}

static int add_cap(char ***list, const char *cap)
{
	_cleanup_free_ char *name = cap_name(cap);
	if (!name)
		return -ENOMEM;
	for (char **p = *list; p && *p; p++)
		if (strcmp(*p, name) == 0)
			return 0;
	return docker_list_add(list, name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void drop_item(char **list, size_t i)
{
	free(list[i]);
	for (; list[i]; i++)
		list[i] = list[i + 1];
}

/* "ALL" alone says as much as with others. */
static void tidy_caps(char **list)
{
	bool has_all = false;
	for (char **p = list; p && *p; p++)
		has_all |= strcmp(*p, "ALL") == 0;
	for (size_t i = 0; has_all && list[i];)
		if (strcmp(list[i], "ALL") != 0)
			drop_item(list, i);
		else
			i++;
	if (list)
		qsort(list, list_len(list), sizeof(*list), by_name);
}

static int caps_of(char *const *from, char ***ret)
{
	int r = 0;
	for (; from && *from && r == 0; from++)
		r = add_cap(ret, *from);
	tidy_caps(*ret);
	return r;
}

int docker_caps(const struct docker_spec *s, bool is_add, char ***ret)
{
	char **added = NULL, **dropped = NULL;
	int r = caps_of(s->cap_add, &added);
	if (r == 0)
		r = caps_of(s->cap_drop, &dropped);
	for (char **p = added; p && *p; p++)
		for (size_t i = 0; dropped && dropped[i];)
			if (strcmp(dropped[i], *p) == 0)
				drop_item(dropped, i);
			else
				i++;
	*ret = r == 0 ? take_ptr(is_add ? &added : &dropped) : NULL;
	docker_list_free(added);
	docker_list_free(dropped);
	return r;
}

int docker_extra_host(const char *item, char **ret, struct err *e)
{
	const char *cut = strchr(item, '=');
	if (!cut)
		cut = strchr(item, ':');
	if (!cut || cut == item || !cut[1])
		return err_set(e, -EINVAL, "extra_hosts: %s is not NAME:ADDRESS", item);
	const char *ip = cut + 1;
	size_t n = strlen(ip);
	if (n > 2 && ip[0] == '[' && ip[n - 1] == ']') {
		ip++;
		n -= 2;
	}
	if (asprintf(ret, "%.*s:%.*s", (int)(cut - item), item, (int)n, ip) < 0)
		return err_oom(e);
	return 0;
}

int docker_spec_init(struct docker_spec *s, const char *image)
{
	memset(s, 0, sizeof(*s));
	s->init = true;
	s->auto_remove = true;
	s->pids_limit = DEFAULT_PIDS;
	s->mem_limit = DEFAULT_MEMORY;
	s->image = strdup(image);
	s->log_driver = strdup("none");
	if (s->image && s->log_driver && docker_list_add(&s->cap_drop, "ALL") == 0 &&
	    docker_list_add(&s->security_opt, "no-new-privileges") == 0)
		return 0;
	docker_spec_done(s);
	return -ENOMEM;
}

void docker_spec_done(struct docker_spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		free(s->mounts[i].source);
		free(s->mounts[i].target);
		free(s->mounts[i].subpath);
		docker_list_free(s->mounts[i].labels);
	}
	free(s->mounts);
	char **lists[] = {
		s->command,    s->entrypoint, s->env,	      s->labels,       s->dns,
		s->dns_search, s->dns_opt,    s->extra_hosts, s->tmpfs,	       s->ulimits,
		s->devices,    s->cap_add,    s->cap_drop,    s->security_opt,
	};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		docker_list_free(lists[i]);
	char *texts[] = {
		s->image, s->network_mode, s->hostname,	   s->user,	  s->working_dir,
		s->ipc,	  s->platform,	   s->stop_signal, s->log_driver,
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free(texts[i]);
	memset(s, 0, sizeof(*s));
}
