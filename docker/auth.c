/* SPDX-License-Identifier: MIT */
#include "docker/auth.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "docker/docker.h"
#include "docker/spec.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_MAX = 1 << 20 };

#define HUB	"docker.io"
#define HUB_KEY "https://index.docker.io/v1/"

void docker_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* A tree that held secrets. */
static void wipe_tree(cJSON *item)
{
	for (cJSON *i = item; i; i = i->next) {
		if (i->valuestring)
			explicit_bzero(i->valuestring, strlen(i->valuestring));
		wipe_tree(i->child);
	}
}

static void delete_tree(cJSON *root)
{
	wipe_tree(root);
	cJSON_Delete(root);
}

void docker_auth_done(struct docker_auth *auth)
{
	docker_wipe(auth->username);
	docker_wipe(auth->password);
	docker_wipe(auth->identity_token);
	free(auth->server);
	free(auth->helper);
	memset(auth, 0, sizeof(*auth));
}

bool docker_auth_is_empty(const struct docker_auth *auth)
{
	return !auth->identity_token && !(auth->username && auth->password);
}

/* --- base64 ---------------------------------------------------------------------------------- */

/* The alphabet for URLs, with padding: the engine's decoder is strict. */
static char *encode(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *in = (const unsigned char *)text;
	size_t n = strlen(text);
	char *out = malloc((n + 2) / 3 * 4 + 1);
	if (!out)
		return NULL;
	char *p = out;
	for (size_t i = 0; i < n; i += 3) {
		uint32_t bits = (uint32_t)in[i] << 16 | (i + 1 < n ? (uint32_t)in[i + 1] << 8 : 0) |
				(i + 2 < n ? in[i + 2] : 0);
		*p++ = digits[bits >> 18];
		*p++ = digits[bits >> 12 & 63];
		*p++ = i + 1 < n ? digits[bits >> 6 & 63] : '=';
		*p++ = i + 2 < n ? digits[bits & 63] : '=';
	}
	*p = '\0';
	return out;
}

static int digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

char *docker_base64_decode(const char *text)
{
	char *out = malloc(strlen(text) / 4 * 3 + 4);
	if (!out)
		return NULL;
	char *p = out;
	uint32_t bits = 0;
	int have = 0;
	for (; *text && *text != '='; text++) {
		int digit = digit_of(*text);
		if (digit < 0) {
			free(out);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*p++ = (char)(bits >> have);
		}
	}
	*p = '\0';
	return out;
}

/* --- registries ------------------------------------------------------------------------------ */

char *docker_registry_of(const char *image)
{
	size_t n = strcspn(image, "/");
	bool is_host = image[n] == '/' && (memchr(image, '.', n) || memchr(image, ':', n) ||
					   (n == 9 && strncmp(image, "localhost", 9) == 0));
	if (!is_host || (n == 15 && strncmp(image, "index.docker.io", 15) == 0))
		return strdup(HUB);
	return strndup(image, n);
}

/* "https://ghcr.io/v1/" and "ghcr.io" are the same registry; Docker Hub has three names. */
static bool is_key_of(const char *key, const char *registry)
{
	const char *scheme = strstr(key, "://");
	const char *host = scheme ? scheme + 3 : key;
	size_t n = strcspn(host, "/");
	if (strcmp(registry, HUB) == 0 &&
	    ((n == 15 && strncmp(host, "index.docker.io", n) == 0) ||
	     (n == 20 && strncmp(host, "registry-1.docker.io", n) == 0)))
		return true;
	return strlen(registry) == n && strncasecmp(host, registry, n) == 0;
}

/* The member of a map whose key is this registry; an exact one before a similar one. */
static const cJSON *find_registry(const cJSON *map, const struct docker_auth *auth,
				  const char *registry)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(map, auth->server);
	if (item)
		return item;
	cJSON_ArrayForEach(item,
			   map) if (item->string && is_key_of(item->string, registry)) return item;
	return NULL;
}

/* A copy of a non-empty text member; *ret stays NULL where there is none. */
static int copy_text(const cJSON *object, const char *key, char **ret)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	if (!text || !*text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

/* base64("user:password") */
static int split_login(const char *encoded, struct docker_auth *auth, struct err *e)
{
	char *login = docker_base64_decode(encoded);
	char *colon = login ? strchr(login, ':') : NULL;
	if (!colon) {
		docker_wipe(login);
		return err_set(e, -EINVAL,
			       "config.json: auths: the entry of %s cannot be read; log in again",
			       auth->server);
	}
	*colon = '\0';
	auth->username = strdup(login);
	auth->password = strdup(colon + 1);
	*colon = ':';
	docker_wipe(login);
	return auth->username && auth->password ? 0 : err_oom(e);
}

static int read_entry(const cJSON *entry, struct docker_auth *auth, struct err *e)
{
	if (copy_text(entry, "identitytoken", &auth->identity_token) < 0)
		return err_oom(e);
	if (auth->identity_token)
		return 0;
	const char *login = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "auth"));
	if (login && *login)
		return split_login(login, auth, e);
	if (copy_text(entry, "username", &auth->username) < 0 ||
	    copy_text(entry, "password", &auth->password) < 0)
		return err_oom(e);
	return 0;
}

static int find_in(const cJSON *root, const char *registry, struct docker_auth *auth, struct err *e)
{
	const cJSON *own = find_registry(cJSON_GetObjectItemCaseSensitive(root, "credHelpers"),
					 auth, registry);
	const cJSON *store = cJSON_GetObjectItemCaseSensitive(root, "credsStore");
	const char *helper = cJSON_GetStringValue(own ? own : store);
	if (helper && *helper && !(auth->helper = strdup(helper)))
		return err_oom(e);
	const cJSON *auths = cJSON_GetObjectItemCaseSensitive(root, "auths");
	return read_entry(find_registry(auths, auth, registry), auth, e);
}

int docker_auth_find(const char *config, const char *registry, struct docker_auth *ret,
		     struct err *e)
{
	struct docker_auth auth = { 0 };
	auth.server = strdup(strcmp(registry, HUB) == 0 ? HUB_KEY : registry);
	if (!auth.server)
		return err_oom(e);
	int r = 0;
	if (config) {
		cJSON *root = cJSON_Parse(config);
		r = cJSON_IsObject(root) ? find_in(root, registry, &auth, e)
					 : err_set(e, -EINVAL, "config.json is not a JSON object");
		delete_tree(root);
	}
	if (r < 0) {
		docker_auth_done(&auth);
		return r;
	}
	*ret = auth;
	return 0;
}

int docker_auth_from_helper(const char *answer, struct docker_auth *auth, struct err *e)
{
	cJSON *root = cJSON_Parse(answer);
	char *username = NULL, *secret = NULL;
	int r = copy_text(root, "Username", &username) < 0 || copy_text(root, "Secret", &secret) < 0
			? err_oom(e)
			: 0;
	delete_tree(root);
	if (r == 0 && (!username || !secret))
		r = err_set(e, -EINVAL, "docker-credential-%s gave no credentials for %s",
			    auth->helper ? auth->helper : "helper", auth->server);
	if (r < 0) {
		docker_wipe(username);
		docker_wipe(secret);
		return r;
	}
	docker_wipe(take_ptr(&auth->username));
	docker_wipe(take_ptr(&auth->password));
	docker_wipe(take_ptr(&auth->identity_token));
	if (strcmp(username, "<token>") == 0) {
		free(username);
		auth->identity_token = secret;
	} else {
		auth->username = username;
		auth->password = secret;
	}
	return 0;
}

char *docker_auth_header(const struct docker_auth *auth)
{
	cJSON *root = cJSON_CreateObject();
	bool ok = root != NULL;
	if (auth->identity_token) {
		ok = ok && cJSON_AddStringToObject(root, "identitytoken", auth->identity_token);
	} else {
		ok = ok && cJSON_AddStringToObject(root, "username", auth->username) &&
		     cJSON_AddStringToObject(root, "password", auth->password);
	}
	ok = ok && cJSON_AddStringToObject(root, "serveraddress", auth->server);
	char *json = ok ? cJSON_PrintUnformatted(root) : NULL;
	delete_tree(root);
	char *encoded = json ? encode(json) : NULL;
	char *header = NULL;
	if (encoded && asprintf(&header, "X-Registry-Auth: %s", encoded) < 0)
		header = NULL;
	docker_wipe(json);
	docker_wipe(encoded);
	return header;
}

/* --- config.json ----------------------------------------------------------------------------- */

int docker_config_read(char **ret, struct err *e)
{
	const char *dir = getenv("DOCKER_CONFIG");
	const char *home = getenv("HOME");
	_cleanup_free_ char *path = NULL;
	*ret = NULL;
	if (!(dir && *dir) && !(home && *home))
		return 0;
	int n = dir && *dir ? asprintf(&path, "%s/config.json", dir)
			    : asprintf(&path, "%s/.docker/config.json", home);
	if (n < 0) {
		path = NULL;
		return err_oom(e);
	}
	int r = fd_read_file(path, CONFIG_MAX, ret, NULL, e);
	/* The default file may be another user's, where only the user id was changed: that is no login of ours. */
	bool is_none = r == -ENOENT || r == -ENOTDIR || (r == -EACCES && !(dir && *dir));
	return is_none ? 0 : r;
}

static int add_proxy(char ***env, const char *name, const char *value)
{
	char lower[16];
	size_t n = 0;
	for (; name[n] && n < sizeof(lower) - 1; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = '\0';
	const char *const *have = (const char *const *)*env;
	if (!docker_env_get(have, name) && docker_env_set(env, name, value) < 0)
		return -ENOMEM;
	have = (const char *const *)*env;
	if (!docker_env_get(have, lower) && docker_env_set(env, lower, value) < 0)
		return -ENOMEM;
	return 0;
}

int docker_config_proxies(const char *config, const char *endpoint, char ***env)
{
	static const char *const names[][2] = {
		{ "httpProxy", "HTTP_PROXY" }, { "httpsProxy", "HTTPS_PROXY" },
		{ "noProxy", "NO_PROXY" },     { "ftpProxy", "FTP_PROXY" },
		{ "allProxy", "ALL_PROXY" },
	};
	cJSON *root = config ? cJSON_Parse(config) : NULL;
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(root, "proxies");
	const cJSON *own = endpoint ? cJSON_GetObjectItemCaseSensitive(all, endpoint) : NULL;
	if (!own)
		own = cJSON_GetObjectItemCaseSensitive(all, "default");
	int r = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && r == 0; i++) {
		const char *value =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(own, names[i][0]));
		if (value && *value)
			r = add_proxy(env, names[i][1], value);
	}
	delete_tree(root);
	return r;
}

int docker_proxies(const struct docker *d, char ***ret, struct err *e)
{
	char *config = NULL;
	char **env = NULL;
	int r = docker_config_read(&config, e);
	if (r == 0 && config && docker_config_proxies(config, docker_endpoint(d), &env) < 0) {
		docker_argv_free(env);
		r = err_oom(e);
	}
	docker_wipe(config);
	if (r == 0)
		*ret = env;
	return r;
}
