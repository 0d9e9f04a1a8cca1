/* SPDX-License-Identifier: MIT */
/*
 * What the engine's own health check of a container says.
 * Source: Engine API v1.41, ContainerInspect, State.Health: {Status, FailingStreak, Log: [{ExitCode, Output}, …]}.
 */
#include "base/buf.h"
#include "base/err.h"
#include "docker/client.h"
#include "docker/docker.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 256 };

struct docker_health {
	struct docker_call *call;
	void (*on_done)(void *ctx, enum docker_health_status status, const char *words);
	void *ctx;
};

void docker_health_cancel(struct docker_health *h)
{
	if (!h)
		return;
	docker_call_cancel(h->call);
	free(h);
}

static enum docker_health_status status_of(const cJSON *tree, const cJSON *health)
{
	static const char *const names[] = {
		[DOCKER_HEALTH_NONE] = "none",
		[DOCKER_HEALTH_STARTING] = "starting",
		[DOCKER_HEALTH_HEALTHY] = "healthy",
		[DOCKER_HEALTH_UNHEALTHY] = "unhealthy",
	};
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(health, "Status"));
	if (!text || !*text) /* podman has an empty one */
		return tree ? DOCKER_HEALTH_NONE : DOCKER_HEALTH_UNKNOWN;
	for (size_t i = DOCKER_HEALTH_NONE; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum docker_health_status)i;
	return DOCKER_HEALTH_UNKNOWN;
}

/* The end of its last output, or at least its exit code. */
static void words_of(const cJSON *health, char *out, size_t size)
{
	const cJSON *log = cJSON_GetObjectItemCaseSensitive(health, "Log");
	const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(last, "ExitCode");
	const char *output = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(last, "Output"));
	size_t n = output ? strlen(output) : 0;
	while (n > 0 && (unsigned char)output[n - 1] <= ' ')
		n--;
	size_t from = n;
	while (from > 0 && output[from - 1] != '\n' && n - from < size - 1)
		from--;
	*out = '\0';
	if (n > 0)
		(void)snprintf(out, size, "%.*s", (int)(n - from), output + from);
	else if (cJSON_IsNumber(code))
		(void)snprintf(out, size, "exited with status %d", code->valueint);
}

static void on_inspected(void *ctx, const struct docker_answer *a)
{
	struct docker_health *h = ctx;
	void (*on_done)(void *, enum docker_health_status, const char *) = h->on_done;
	void *their_ctx = h->ctx;
	char words[WORDS_MAX];
	free(h);
	cJSON *tree = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(tree, "State");
	const cJSON *health = cJSON_GetObjectItemCaseSensitive(state, "Health");
	words_of(health, words, sizeof(words));
	enum docker_health_status status = status_of(tree, health);
	cJSON_Delete(tree);
	on_done(their_ctx, status, words);
}

struct docker_health *docker_health_ask(struct docker *d, const char *container,
					void (*on_done)(void *ctx, enum docker_health_status status,
							const char *words),
					void *ctx, struct err *e)
{
	_cleanup_buf_ struct buf path = { 0 };
	struct docker_health *h = calloc(1, sizeof(*h));
	if (!h || buf_adds(&path, "/containers/") < 0 || docker_escape(&path, container) < 0 ||
	    buf_adds(&path, "/json") < 0) {
		free(h);
		err_kind(e, -ENOMEM, DOCKER_OTHER, "out of memory");
		return NULL;
	}
	h->on_done = on_done;
	h->ctx = ctx;
	const struct docker_request rq = { .method = "GET",
					   .path = path.data,
					   .patience = DOCKER_QUICK,
					   .on_done = on_inspected,
					   .ctx = h };
	h->call = docker_call(d, &rq, e);
	if (!h->call) {
		free(h);
		return NULL;
	}
	return h;
}
