/* SPDX-License-Identifier: MIT */
#include "docker/endpoint.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "docker/spec.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 1024 * 1024 };

/* What stands beside the host: where certificates are, and whether they are to be used at all. */
struct tls {
	const char *dir; /* borrowed, or NULL */
	bool is_on, is_insecure;
};

static void cleanup_json(cJSON **j)
{
	cJSON_Delete(*j);
}
#define _cleanup_json_ __attribute__((cleanup(cleanup_json)))

static const char *env(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static char *joined(const char *a, const char *b)
{
	struct buf path = { 0 };
	if (buf_addf(&path, "%s/%s", a, b) < 0)
		return NULL;
	return buf_take(&path);
}

/* $DOCKER_CONFIG or ~/.docker; NULL without a home. */
static char *config_dir(void)
{
	const char *dir = env("DOCKER_CONFIG");
	if (dir)
		return strdup(dir);
	const char *home = env("HOME");
	return home ? joined(home, ".docker") : NULL;
}

/* --- a host → an endpoint ------------------------------------------------------------------- */

static char *file_there(const char *dir, const char *name)
{
	char *path = joined(dir, name);
	if (path && access(path, R_OK) == 0)
		return path;
	free(path);
	return NULL;
}

static int set_unix(struct docker_endpoint *ep, const char *path, struct err *e)
{
	struct buf text = { 0 };
	ep->unix_path = strdup(path);
	ep->base_url = strdup("http://localhost");
	if (!ep->unix_path || !ep->base_url || buf_addf(&text, "unix://%s", path) < 0)
		return err_oom(e);
	ep->text = buf_take(&text);
	return 0;
}

static int set_tcp(struct docker_endpoint *ep, const char *host, const struct tls *tls,
		   struct err *e)
{
	size_t n = strlen(host);
	while (n > 0 && host[n - 1] == '/')
		n--;
	size_t n_name = strcspn(host, "/");
	const char *colon = memrchr(host, ':', n_name < n ? n_name : n);
	const char *bracket = memrchr(host, ']', n_name < n ? n_name : n);
	bool has_port = colon && (!bracket || colon > bracket);
	const char *port = has_port ? "" : tls->is_on ? ":2376" : ":2375";
	if (n == 0 || colon == host)
		return err_set(e, -EINVAL, "docker_host tcp://%s names no host", host);
	if (!has_port && n_name < n)
		return err_set(e, -EINVAL,
			       "docker_host tcp://%s needs a port: tcp://HOST:PORT/PATH", host);
	struct buf url = { 0 }, text = { 0 };
	if (buf_addf(&url, "http%s://%.*s%s", tls->is_on ? "s" : "", (int)n, host, port) < 0 ||
	    buf_addf(&text, "tcp://%.*s%s", (int)n, host, port) < 0) {
		buf_done(&url);
		return err_oom(e);
	}
	ep->base_url = buf_take(&url);
	ep->text = buf_take(&text);
	if (tls->is_on && tls->dir) {
		ep->cert_dir = strdup(tls->dir);
		if (!ep->cert_dir)
			return err_oom(e);
		ep->ca_file = file_there(tls->dir, "ca.pem");
		ep->cert_file = file_there(tls->dir, "cert.pem");
		ep->key_file = file_there(tls->dir, "key.pem");
	}
	ep->http.is_insecure = tls->is_on && tls->is_insecure;
	return 0;
}

static const char *after(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

static int set_host(struct docker_endpoint *ep, const char *host, struct tls tls, struct err *e)
{
	const char *rest;
	if (host[0] == '/')
		return set_unix(ep, host, e);
	if ((rest = after(host, "unix://")) && *rest == '/')
		return set_unix(ep, rest, e);
	if ((rest = after(host, "tcp://")))
		return set_tcp(ep, rest, &tls, e);
	if ((rest = after(host, "https://"))) {
		tls.is_on = true;
		return set_tcp(ep, rest, &tls, e);
	}
	if ((rest = after(host, "http://"))) {
		tls.is_on = false;
		return set_tcp(ep, rest, &tls, e);
	}
	if (after(host, "ssh://"))
		return err_set(e, -EINVAL,
			       "docker_host %s: ssh is not spoken here; forward the socket "
			       "(ssh -L /tmp/docker.sock:/var/run/docker.sock HOST) and use "
			       "unix:///tmp/docker.sock",
			       host);
	return err_set(e, -EINVAL,
		       "docker_host %s cannot be used: write unix:///PATH or tcp://HOST:PORT",
		       host);
}

static int set_host_by_env(struct docker_endpoint *ep, const char *host, struct err *e)
{
	_cleanup_free_ char *home = config_dir();
	const char *dir = env("DOCKER_CERT_PATH");
	struct tls tls = { .dir = dir ? dir : home,
			   .is_on = env("DOCKER_TLS_VERIFY") || env("DOCKER_TLS"),
			   .is_insecure = !env("DOCKER_TLS_VERIFY") };
	return set_host(ep, host, tls, e);
}

/* --- docker contexts ------------------------------------------------------------------------ */

static cJSON *read_json(const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	if (fd_read_file(path, MAX_FILE, &text, &len, NULL) < 0)
		return NULL;
	return cJSON_ParseWithLength(text, len);
}

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* $DOCKER_CONTEXT, else config.json's; NULL for none and for "default", which means the usual socket. */
static char *context_name(const char *dir)
{
	_cleanup_json_ cJSON *config = NULL;
	const char *name = env("DOCKER_CONTEXT");
	if (!name) {
		_cleanup_free_ char *path = joined(dir, "config.json");
		config = path ? read_json(path) : NULL;
		name = text_of(config, "currentContext");
	}
	return name && *name && strcmp(name, "default") != 0 ? strdup(name) : NULL;
}

/* One contexts/meta/<id>: 1 when it is the wanted one (ep is set), 0 when not, -errno. */
static int try_context(struct docker_endpoint *ep, const char *dir, const char *id,
		       const char *name, struct err *e)
{
	struct buf path = { 0 };
	if (buf_addf(&path, "%s/contexts/meta/%s/meta.json", dir, id) < 0)
		return err_oom(e);
	_cleanup_json_ cJSON *meta = read_json(path.data);
	buf_done(&path);
	const char *is_name = text_of(meta, "Name");
	if (!is_name || strcmp(is_name, name) != 0)
		return 0;
	const cJSON *ends = cJSON_GetObjectItemCaseSensitive(meta, "Endpoints");
	const cJSON *docker = cJSON_GetObjectItemCaseSensitive(ends, "docker");
	const char *host = text_of(docker, "Host");
	if (!host)
		return err_set(e, -EINVAL, "docker context %s has no endpoint; set docker_host",
			       name);
	if (buf_addf(&path, "%s/contexts/tls/%s/docker", dir, id) < 0)
		return err_oom(e);
	_cleanup_free_ char *certs = buf_take(&path);
	const cJSON *skip = cJSON_GetObjectItemCaseSensitive(docker, "SkipTLSVerify");
	struct tls tls = { .dir = certs,
			   .is_on = access(certs, R_OK) == 0,
			   .is_insecure = cJSON_IsTrue(skip) };
	int r = set_host(ep, host, tls, e);
	return r < 0 ? err_prefix(e, "docker context %s", name) : 1;
}

/* The directory's name is a hash of the context's: looking at all of them needs none. */
static int find_context(struct docker_endpoint *ep, const char *dir, const char *name,
			struct err *e)
{
	_cleanup_free_ char *meta = joined(dir, "contexts/meta");
	DIR *all = meta ? opendir(meta) : NULL;
	int r = 0;
	for (struct dirent *d; all && r == 0 && (d = readdir(all));)
		if (d->d_name[0] != '.')
			r = try_context(ep, dir, d->d_name, name, e);
	if (all)
		(void)closedir(all); /* only read */
	if (r != 0)
		return r < 0 ? r : 0;
	return err_set(e, -EINVAL, "docker context %s is not in %s/contexts; set docker_host", name,
		       dir);
}

/* --- where it usually is -------------------------------------------------------------------- */

static int set_usual(struct docker_endpoint *ep, struct err *e)
{
	static const char usual[] = "/var/run/docker.sock";
	static const char podman[] = "/run/podman/podman.sock";
	const char *dir = env("XDG_RUNTIME_DIR");
	_cleanup_free_ char *own = dir ? joined(dir, "docker.sock") : NULL;
	if (access(usual, F_OK) < 0 && own && access(own, F_OK) == 0)
		return set_unix(ep, own, e);
	if (access(usual, F_OK) < 0 && access(podman, F_OK) == 0)
		return set_unix(ep, podman, e);
	return set_unix(ep, usual, e);
}

static int find(struct docker_endpoint *ep, const char *host, struct err *e)
{
	if (!host || !*host)
		host = env("DOCKER_HOST");
	if (host)
		return set_host_by_env(ep, host, e);
	_cleanup_free_ char *dir = config_dir();
	_cleanup_free_ char *context = dir ? context_name(dir) : NULL;
	return context ? find_context(ep, dir, context, e) : set_usual(ep, e);
}

int docker_endpoint_find(const char *host, struct docker_endpoint **ret, struct err *e)
{
	struct docker_endpoint *ep = calloc(1, sizeof(*ep));
	if (!ep)
		return err_oom(e);
	int r = find(ep, host, e);
	if (r < 0) {
		docker_endpoint_free(ep);
		return r;
	}
	ep->http.unix_path = ep->unix_path;
	ep->http.base_url = ep->base_url;
	ep->http.ca_file = ep->ca_file;
	ep->http.cert_file = ep->cert_file;
	ep->http.key_file = ep->key_file;
	*ret = ep;
	return 0;
}

static int add_tls(const struct docker_endpoint *ep, char ***env)
{
	if (strncmp(ep->base_url, "https:", 6) != 0)
		return 0;
	int r = docker_list_add(env, ep->http.is_insecure ? "DOCKER_TLS=1" : "DOCKER_TLS_VERIFY=1");
	if (r == 0 && ep->cert_dir)
		r = docker_list_addf(env, "DOCKER_CERT_PATH=%s", ep->cert_dir);
	return r;
}

int docker_endpoint_env(const struct docker_endpoint *ep, const char *const *from, char ***ret,
			struct err *e)
{
	char **env = calloc(1, sizeof(*env)); /* never NULL: execve wants a vector */
	int r = env ? 0 : -ENOMEM;
	for (; from && *from && r == 0; from++)
		if (!after(*from, "DOCKER_TLS=") && !after(*from, "DOCKER_TLS_VERIFY=") &&
		    !after(*from, "DOCKER_CERT_PATH="))
			r = docker_list_add(&env, *from);
	if (r == 0)
		r = add_tls(ep, &env);
	if (r < 0) {
		docker_list_free(env);
		return err_oom(e);
	}
	*ret = env;
	return 0;
}

void docker_endpoint_free(struct docker_endpoint *ep)
{
	if (!ep)
		return;
	free(ep->text);
	free(ep->unix_path);
	free(ep->base_url);
	free(ep->ca_file);
	free(ep->cert_file);
	free(ep->key_file);
	free(ep->cert_dir);
	free(ep);
}
