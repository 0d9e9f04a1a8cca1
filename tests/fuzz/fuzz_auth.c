/* SPDX-License-Identifier: MIT */
/*
 * A config.json, whoever wrote it, and the same bytes as what a credential helper printed: a login is whole or not
 * there, and its header is one line.
 */
#include "base/err.h"
#include "docker/auth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct docker_auth *auth)
{
	if (!auth->server || (auth->helper && !*auth->helper))
		abort();
	if (docker_auth_is_empty(auth))
		return;
	char *header = docker_auth_header(auth);
	if (!header || strncmp(header, "X-Registry-Auth: ", 17) != 0 || strpbrk(header, "\r\n+/"))
		abort();
	docker_wipe(header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const registries[] = { "docker.io", "ghcr.io", "localhost:5000" };
	char *text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < sizeof(registries) / sizeof(registries[0]); i++) {
		struct docker_auth auth = { 0 };
		struct err e = { 0 };
		int r = docker_auth_find(text, registries[i], &auth, &e);
		if ((r < 0) != (*e.text != '\0'))
			abort();
		if (r == 0)
			check(&auth);
		docker_auth_done(&auth);
	}
	struct docker_auth helped = { 0 };
	if (docker_auth_find(NULL, "ghcr.io", &helped, NULL) == 0 &&
	    docker_auth_from_helper(text, &helped, NULL) == 0 && docker_auth_is_empty(&helped))
		abort();
	check(&helped);
	docker_auth_done(&helped);
	free(text);
	return 0;
}
