/* SPDX-License-Identifier: MIT */
/*
 * endpoint: which engine: the host of the config, $DOCKER_HOST, the docker context, or a socket that is there.
 * Owns:    every string of the struct; docker_endpoint_free() gives it back.
 * Source:  docker(1), "Environment variables"; docker-context(1): contexts/meta/<id>/meta.json, contexts/tls/<id>/docker.
 * Used by: docker.c. Loop: none; reads small files once.
 */
#ifndef DOCKER_ENDPOINT_H
#define DOCKER_ENDPOINT_H

#include "base/http.h"

struct err;

struct docker_endpoint {
	struct http_endpoint http; /* its strings are the ones below */
	char *text;		   /* "unix:///var/run/docker.sock", "tcp://host:2376" */
	char *unix_path, *base_url, *ca_file, *cert_file, *key_file;
	char *cert_dir; /* where the three lie; NULL: nowhere */
};

/* host: as docker_new(); "" is as NULL. -EINVAL: a host or context that cannot be used; e names it and what to write instead. */
int docker_endpoint_find(const char *host, struct docker_endpoint **ret, struct err *e);
/* As docker_cli_env(). */
int docker_endpoint_env(const struct docker_endpoint *ep, const char *const *from, char ***ret,
			struct err *e);
void docker_endpoint_free(struct docker_endpoint *ep);

#endif
