/* SPDX-License-Identifier: MIT */
#include "supervisor/variables.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/log.h"
#include "conf/conf.h"
#include "docker/spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX_BYTES = 1 << 20 };

static int set(char ***env, const char *name, const char *value, struct err *e)
{
	return docker_env_set(env, name, value) < 0 ? err_oom(e) : 0;
}

static int set_secret(char ***env, const char *name, const char *value, struct err *e)
{
	log_redact_add(value);
	return set(env, name, value, e);
}

/* The content of a file, without the newline that editors put at its end. */
static int set_from_file(char ***env, const char *name, const char *path, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = fd_read_file(path, FILE_MAX_BYTES, &text, &len, e);
	if (r < 0)
		return r;
	if (strlen(text) != len)
		return err_set(e, -EINVAL, "%s holds a NUL byte: no variable can carry it", path);
	if (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	if (len > 0 && text[len - 1] == '\r')
		text[--len] = '\0';
	return set_secret(env, name, text, e);
}

/* K: our own variable, or the content of the file that K_FILE names. */
static int pass_through(const struct conf_env *v, const char *const *ours, char ***env,
			struct err *e)
{
	const char *value = docker_env_get(ours, v->name);
	if (value)
		return set_secret(env, v->name, value, e);
	_cleanup_free_ char *file_name = NULL;
	if (asprintf(&file_name, "%s_FILE", v->name) < 0)
		return err_oom(e);
	const char *path = docker_env_get(ours, file_name);
	if (path) {
		int r = set_from_file(env, v->name, path, e);
		return r == 0 || r == -ENOMEM ? r : err_prefix(e, "environment: %s", file_name);
	}
	if (v->is_optional)
		return 0;
	return err_set(
		e, -ENOENT,
		"environment: %s is not set where mcpinit runs; set it there (docker run -e %s, or "
		"environment: in Compose), or name a file in %s_FILE, or write %s? if it may be missing",
		v->name, v->name, v->name, v->name);
}

static int secret_file(const struct conf_env *v, char ***env, struct err *e)
{
	int r = set_from_file(env, v->name, v->file, e);
	if (r == -ENOENT && v->is_optional)
		return 0;
	if (r == 0 || r == -ENOMEM)
		return r;
	return err_prefix(e, "secret_environment: %s", v->name);
}

static int add_one(const struct conf_env *v, const char *const *ours, char ***env, struct err *e)
{
	if (v->file)
		return secret_file(v, env, e);
	if (v->value)
		return set(env, v->name, v->value, e);
	return pass_through(v, ours, env, e);
}

/* One line as `docker run --env-file` reads it: # comments, K=V with V as it stands, K alone from our environment. */
static int file_line(char *line, const char *const *ours, char ***env, struct err *e)
{
	size_t len = strlen(line);
	if (len > 0 && line[len - 1] == '\r')
		line[len - 1] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return 0;
	char *equals = strchr(line, '=');
	const char *value = equals ? equals + 1 : docker_env_get(ours, line);
	if (equals)
		*equals = '\0';
	if (*line == '\0' || strpbrk(line, " \t"))
		return err_set(e, -EINVAL, "\"%s\" is no name of a variable", line);
	return value ? set_secret(env, line, value, e) : 0;
}

static int add_file(const char *path, const char *const *ours, char ***env, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = fd_read_file(path, FILE_MAX_BYTES, &text, NULL, e);
	if (r < 0)
		return r == -ENOMEM ? r : err_prefix(e, "env_file");
	char *rest = text;
	if (strncmp(rest, "\xef\xbb\xbf", 3) == 0)
		rest += 3;
	int number = 0;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		number++;
		r = file_line(line, ours, env, e);
		if (r < 0)
			return r == -ENOMEM ? r : err_prefix(e, "env_file: %s:%d", path, number);
	}
	return 0;
}

int variables_add(const struct conf_server *c, const char *const *ours, char ***env, struct err *e)
{
	for (char **f = c->env_file; f && *f; f++) {
		int r = add_file(*f, ours, env, e);
		if (r < 0)
			return r;
	}
	for (const struct conf_env *v = c->environment; v && v->name; v++) {
		int r = add_one(v, ours, env, e);
		if (r < 0)
			return r;
	}
	return 0;
}
