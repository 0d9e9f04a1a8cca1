/* SPDX-License-Identifier: MIT */
#include "docker/spec.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The two vectors in the making. A missing flag must never go unnoticed (think of --cap-drop): failure sticks. */
struct cli {
	const struct docker_spec *s;
	const struct docker_argv_params *p;
	char **argv, **env;
	bool is_oom;
};

static void word(struct cli *c, const char *text)
{
	if (docker_list_add(&c->argv, text) < 0)
		c->is_oom = true;
}

static void flag(struct cli *c, const char *name, const char *value)
{
	if (!value)
		return;
	word(c, name);
	word(c, value);
}

static void flags(struct cli *c, const char *name, char *const *values)
{
	for (; values && *values; values++)
		flag(c, name, *values);
}

static void flag_int(struct cli *c, const char *name, int64_t value)
{
	char digits[24];
	(void)snprintf(digits, sizeof(digits), "%" PRId64, value); /* always fits */
	if (value != 0)
		flag(c, name, digits);
}

/* A CSV field of --mount: quoted where it holds a comma, a quote or a line's end. */
static bool add_field(char **line, const char *key, const char *value)
{
	bool is_quoted = strpbrk(value, ",\"\r\n") || value[0] == ' ';
	size_t n = strlen(*line) + strlen(key) + 2 * strlen(value) + 5;
	char *longer = realloc(*line, n);
	if (!longer)
		return false;
	*line = longer;
	char *p = longer + strlen(longer);
	p += sprintf(p, ",%s%s=", is_quoted ? "\"" : "", key);
	for (; *value; value++) {
		if (*value == '"')
			*p++ = '"';
		*p++ = *value;
	}
	if (is_quoted)
		*p++ = '"';
	*p = '\0';
	return true;
}

static void mount(struct cli *c, const struct docker_mount *m)
{
	_cleanup_free_ char *line =
		strdup(m->type == DOCKER_MOUNT_BIND ? "type=bind" : "type=volume");
	bool is_volume = m->type == DOCKER_MOUNT_VOLUME;
	bool is_whole =
		line && add_field(&line, "source", m->source) &&
		add_field(&line, "target", m->target) &&
		(!is_volume || !m->subpath || add_field(&line, "volume-subpath", m->subpath));
	for (char **l = m->labels; is_whole && is_volume && l && *l; l++)
		is_whole = add_field(&line, "volume-label", *l);
	if (is_whole && m->is_read_only)
		is_whole = add_field(&line, "readonly", "true");
	if (is_whole)
		flag(c, "--mount", line);
	else
		c->is_oom = true;
}

static void caps(struct cli *c, const char *name, bool is_add)
{
	char **list = NULL;
	if (docker_caps(c->s, is_add, &list) < 0)
		c->is_oom = true;
	flags(c, name, list);
	docker_list_free(list);
}

static int hosts(struct cli *c, struct err *e)
{
	for (char **p = c->s->extra_hosts; p && *p; p++) {
		_cleanup_free_ char *host = NULL;
		int r = docker_extra_host(*p, &host, e);
		if (r < 0)
			return r;
		flag(c, "--add-host", host);
	}
	return 0;
}

/* --- the container's variables --------------------------------------------------------------- */

/* What the docker program, Go's runtime and the C library in it obey. */
static const char *const cli_names[] = {
	"HOME",
	"PATH",
	"USER",
	"TMPDIR",
	"NO_COLOR",
	"XDG_RUNTIME_DIR",
	"XDG_CONFIG_HOME",
	"SSH_AUTH_SOCK",
	"SSL_CERT_FILE",
	"SSL_CERT_DIR",
	"GODEBUG",
	"GOGC",
	"GOMAXPROCS",
	"GOMEMLIMIT",
	"GOTRACEBACK",
	"GOCOVERDIR",
	"GLIBC_TUNABLES",
	"RES_OPTIONS",
	"LOCALDOMAIN",
	"HOSTALIASES",
	"DOCKER_HOST",
	"DOCKER_CONTEXT",
	"DOCKER_CONFIG",
	"DOCKER_API_VERSION",
	"DOCKER_TLS",
	"DOCKER_TLS_VERIFY",
	"DOCKER_CERT_PATH",
	"DOCKER_CONTENT_TRUST",
	"DOCKER_CONTENT_TRUST_SERVER",
	"DOCKER_DEFAULT_PLATFORM",
	"DOCKER_CUSTOM_HEADERS",
	"DOCKER_HIDE_LEGACY_COMMANDS",
	"DOCKER_CLI_OTEL_EXPORTER_OTLP_ENDPOINT",
};

static const char *const proxy_names[] = { "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY" };

static bool is_proxy_name(const char *name)
{
	for (size_t i = 0; i < sizeof(proxy_names) / sizeof(proxy_names[0]); i++)
		if (strcasecmp(name, proxy_names[i]) == 0)
			return true;
	return false;
}

/* Would the CLI itself behave otherwise with this variable in its environment? */
static bool is_cli_name(const struct cli *c, const char *name)
{
	for (size_t i = 0; i < sizeof(cli_names) / sizeof(cli_names[0]); i++)
		if (strcmp(name, cli_names[i]) == 0)
			return true;
	if (strncmp(name, "LD_", 3) == 0 || strncmp(name, "MALLOC_", 7) == 0)
		return true;
	bool is_local = c->p->endpoint && strncmp(c->p->endpoint, "unix:", 5) == 0;
	return !is_local && is_proxy_name(name); /* Go takes no proxy to a unix socket */
}

/* Does it hold what the log may not show? Out of memory counts as yes. */
static bool is_secret(const char *value)
{
	_cleanup_free_ char *copy = strdup(value);
	return !copy || log_redact(copy, strlen(copy)) != strlen(value) || strcmp(copy, value) != 0;
}

static int variable(struct cli *c, const char *item, struct err *e)
{
	const char *value = strchr(item, '=');
	if (!value || value == item)
		return err_set(e, -EINVAL, "environment: %.40s is not NAME=VALUE", item);
	_cleanup_free_ char *name = strndup(item, (size_t)(value - item));
	if (!name)
		return err_oom(e);
	value++;
	const char *own = docker_env_get(c->p->base_env, name);
	if (!is_cli_name(c, name) || (own && strcmp(own, value) == 0)) {
		flag(c, "-e", name);
		if (docker_env_set(&c->env, name, value) < 0)
			c->is_oom = true;
		return 0;
	}
	if (is_secret(value) || (is_proxy_name(name) && strchr(value, '@')))
		return err_set(
			e, -EINVAL,
			"environment: the docker CLI would take %s for itself, and as an argument its value "
			"is shown to everybody who can list processes; set launch = api",
			name);
	flag(c, "-e", item);
	return 0;
}

static int variables(struct cli *c, struct err *e)
{
	for (char **p = c->s->env; p && *p; p++) {
		int r = variable(c, *p, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- the argv -------------------------------------------------------------------------------- */

static void identity(struct cli *c)
{
	const struct docker_spec *s = c->s;
	flag(c, "--name", c->p->name);
	flags(c, "--label", s->labels);
	flag(c, "--hostname", s->hostname);
	flag(c, "--user", s->user);
	flag(c, "--workdir", s->working_dir);
	flag(c, "--platform", s->platform);
	flag(c, "--stop-signal", s->stop_signal);
	flag(c, "--log-driver", s->log_driver);
	if (s->entrypoint)
		flag(c, "--entrypoint", s->entrypoint[0] ? s->entrypoint[0] : "");
}

static void network(struct cli *c)
{
	const struct docker_spec *s = c->s;
	flag(c, "--network", s->network_mode);
	flags(c, "--dns", s->dns);
	flags(c, "--dns-search", s->dns_search);
	flags(c, "--dns-option", s->dns_opt);
}

static void limits(struct cli *c)
{
	const struct docker_spec *s = c->s;
	flag_int(c, "--memory", s->mem_limit);
	flag_int(c, "--memory-swap", s->mem_limit);
	flag_int(c, "--memory-reservation", s->mem_reservation);
	flag_int(c, "--shm-size", s->shm_size);
	flag_int(c, "--pids-limit", s->pids_limit);
	char cpus[32];
	(void)snprintf(cpus, sizeof(cpus), "%" PRId64 ".%09" PRId64, s->nano_cpus / 1000000000,
		       s->nano_cpus % 1000000000); /* always fits */
	if (s->nano_cpus != 0)
		flag(c, "--cpus", cpus);
	flags(c, "--ulimit", s->ulimits);
}

static void confinement(struct cli *c)
{
	const struct docker_spec *s = c->s;
	word(c, s->init ? "--init=true" : "--init=false");
	if (s->read_only)
		word(c, "--read-only");
	flag(c, "--ipc", s->ipc);
	flags(c, "--tmpfs", s->tmpfs);
	flags(c, "--device", s->devices);
	caps(c, "--cap-add", true);
	caps(c, "--cap-drop", false);
	flags(c, "--security-opt", s->security_opt);
	for (size_t i = 0; i < s->n_mounts; i++)
		mount(c, &s->mounts[i]);
}

static bool mounts_a_part(const struct docker_spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].subpath)
			return true;
	return false;
}

/* The CLI's own. An API below 1.45 mounts all of a volume and says nothing: its version is not to be had then. */
static int base_env(struct cli *c)
{
	static const char version[] = "DOCKER_API_VERSION=";
	bool is_kept = !mounts_a_part(c->s);
	for (const char *const *p = c->p->base_env; p && *p; p++)
		if ((is_kept || strncmp(*p, version, sizeof(version) - 1) != 0) &&
		    docker_list_add(&c->env, *p) < 0)
			return -ENOMEM;
	return 0;
}

static int fill(struct cli *c, struct err *e)
{
	const struct docker_spec *s = c->s;
	if (!s->image || !*s->image || s->image[0] == '-')
		return err_set(e, -EINVAL, "\"%s\" is no image reference",
			       s->image ? s->image : "");
	word(c, c->p->docker_path);
	flag(c, "-H", c->p->endpoint);
	word(c, "run");
	word(c, "-i");
	if (s->auto_remove)
		word(c, "--rm");
	flag(c, "--pull", "never");
	identity(c);
	network(c);
	limits(c);
	confinement(c);
	if (base_env(c) < 0)
		return err_oom(e);
	int r = hosts(c, e);
	if (r == 0)
		r = variables(c, e);
	if (r < 0)
		return r;
	word(c, s->image);
	for (char **p = s->entrypoint && s->entrypoint[0] ? s->entrypoint + 1 : NULL; p && *p; p++)
		word(c, *p);
	for (char **p = s->command; p && *p; p++)
		word(c, *p);
	return c->is_oom ? err_oom(e) : 0;
}

int docker_spec_argv(const struct docker_spec *s, const struct docker_argv_params *p,
		     char ***ret_argv, char ***ret_env, struct err *e)
{
	struct cli c = { .s = s, .p = p };
	int r = fill(&c, e);
	if (r == 0 && !c.env) { /* execve wants a vector, even an empty one */
		c.env = calloc(1, sizeof(*c.env));
		r = c.env ? 0 : err_oom(e);
	}
	if (r < 0) {
		docker_list_free(c.argv);
		docker_list_free(c.env);
		return r;
	}
	*ret_argv = c.argv;
	*ret_env = c.env;
	return 0;
}
