/* SPDX-License-Identifier: MIT */
/*
 * credential: runs docker-credential-NAME for docker/login: `get`, the registry's key on its stdin, what it prints to
 * whoever asked. No shell, our own environment (HOME, DOCKER_CONFIG, …), CREDENTIAL_MS and no longer.
 * Secrets: what it prints is never logged, and wiped; its stderr is not read for words.
 * Source:  docker-credential-helpers, README "Development": the protocol.
 */
#ifndef SUPERVISOR_CREDENTIAL_H
#define SUPERVISOR_CREDENTIAL_H

struct docker_helper;
struct docker_helper_params;
struct err;

enum {
	CREDENTIAL_MS = 5000,
	CREDENTIAL_BYTES =
		64 * 1024, /* of an answer; a token of a cloud's registry takes some 4 KiB */
};

/* For struct docker_params, whose ctx is the supervisor. */
struct docker_helper *credential_ask(void *ctx, const struct docker_helper_params *p,
				     struct err *e);
void credential_cancel(struct docker_helper *h);

#endif
