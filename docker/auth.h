/* SPDX-License-Identifier: MIT */
/*
 * auth: what `docker login` left in config.json → credentials of one registry → the X-Registry-Auth header. The engine's
 * API never looks there by itself. Also the proxy variables that the CLI would give a container.
 * Secrets: nothing here is ever logged; docker_auth_done() wipes.
 * Seam:    credHelpers and credsStore name a program that must be run, and this floor does not fork. docker_auth_find()
 *	    says which one in ret->helper; login.c has it run (`docker-credential-HELPER get`, registry key on its stdin)
 *	    and gives its answer to docker_auth_from_helper().
 * Source:  docker/cli, cli/config/configfile/file.go and cli/config/types/authconfig.go; Engine API v1.41,
 *	    "Authentication".
 * Used by: login.c. Loop: none; pure but for docker_config_read().
 */
#ifndef DOCKER_AUTH_H
#define DOCKER_AUTH_H

#include <stdbool.h>

struct err;

struct docker_auth {
	char *username, *password; /* both, or neither */
	char *identity_token;	   /* instead of them */
	char *server; /* the registry's key: "ghcr.io", "https://index.docker.io/v1/" */
	char *helper; /* a program to ask first, or NULL */
};

/* The registry of an image reference: "alpine" → "docker.io", "ghcr.io/x/y" → "ghcr.io". The caller's; NULL: out of memory. */
char *docker_registry_of(const char *image);
/*
 * Looks up the registry in the text of a config.json (NULL: there is none). Found nothing: all NULL but server. -EINVAL:
 * the file is not what it should be. Free with docker_auth_done().
 */
int docker_auth_find(const char *config, const char *registry, struct docker_auth *ret,
		     struct err *e);
/* What `docker-credential-… get` printed: fills username and password, or identity_token. */
int docker_auth_from_helper(const char *answer, struct docker_auth *auth, struct err *e);
bool docker_auth_is_empty(const struct docker_auth *auth);
/* "X-Registry-Auth: …" (base64url with padding); the caller's; NULL: out of memory. auth must not be empty. */
char *docker_auth_header(const struct docker_auth *auth);
void docker_auth_done(struct docker_auth *auth);
/* A text in base64, of either alphabet → the text; the caller's; NULL: not base64, or out of memory. */
char *docker_base64_decode(const char *text);
/* Frees a text that held secrets. NULL is fine. */
void docker_wipe(char *text);

/* The text of $DOCKER_CONFIG/config.json, else ~/.docker/config.json; *ret NULL: there is none. docker_wipe() it. */
int docker_config_read(char **ret, struct err *e);
/* Adds to env ("K=V" list) what "proxies" of config.json says for this endpoint, unless env has the name already. */
int docker_config_proxies(const char *config, const char *endpoint, char ***env);

#endif
