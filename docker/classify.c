/* SPDX-License-Identifier: MIT */
/*
 * An engine's error → class. Engines agree neither on statuses nor on words: podman says 500 where docker says 409, a
 * registry's refusal comes as 403, 404 or 500, and inside a pull's 200 there are only words. So words come first.
 */
#include "docker/client.h"

#include <string.h>

static const char *const rate_words[] = { "toomanyrequests", "too many requests", "rate limit",
					  NULL };
static const char *const runtime_words[] = { "oci runtime",
					     "starting container process",
					     "unable to start container process",
					     "runc",
					     "crun",
					     NULL };
static const char *const exec_words[] = { "exec: ", "executable file", "exec format error", NULL };
static const char *const denied_words[] = { "unauthorized", "no basic auth",
					    "authentication required",
					    "incorrect username or password", NULL };
static const char *const network_words[] = { "dial tcp",
					     "no such host",
					     "connection refused",
					     "connection reset",
					     "i/o timeout",
					     "tls handshake",
					     "deadline exceeded",
					     "client.timeout exceeded",
					     "unexpected eof",
					     "network is unreachable",
					     "no route to host",
					     "server misbehaving",
					     "temporary failure in name resolution",
					     NULL };
static const char *const missing_words[] = {
	"no such image", "no such container", "no such volume",	      "manifest unknown",
	"not found",	 "does not exist",    "no matching manifest", NULL
};
static const char *const conflict_words[] = { "already in use", "already in progress", NULL };
static const char *const wrong_words[] = {
	"invalid reference format", "cannot unmarshal",	    "invalid mode",
	"unable to find user",	    "invalid mount config", NULL
};

static bool has_any(const char *message, const char *const *words)
{
	for (; *words; words++)
		if (strcasestr(message, *words))
			return true;
	return false;
}

/* "denied", but not "permission denied": that is the kernel's word, not a registry's. */
static bool is_denied(const char *message)
{
	static const char kernel[] = "permission ";
	const size_t n = sizeof(kernel) - 1;
	for (const char *p = message; (p = strcasestr(p, "denied")); p++) {
		size_t before = (size_t)(p - message);
		if (before < n || strncasecmp(p - n, kernel, n) != 0)
			return true;
	}
	return false;
}

static int by_status(int status)
{
	switch (status) {
	case 400:
		return DOCKER_BAD_REQUEST;
	case 401:
		return DOCKER_DENIED;
	case 403:
		return DOCKER_PERMISSION;
	case 404:
		return DOCKER_NOT_FOUND;
	case 408:
	case 504:
		return DOCKER_TIMEOUT;
	case 409:
		return DOCKER_CONFLICT;
	case 429:
		return DOCKER_RATE_LIMIT;
	case 502:
	case 503:
		return DOCKER_NETWORK;
	default:
		return DOCKER_OTHER;
	}
}

int docker_classify(int status, const char *message)
{
	if (status == 429 || has_any(message, rate_words))
		return DOCKER_RATE_LIMIT;
	if (strcasestr(message, "client version") && strcasestr(message, "supported api version"))
		return DOCKER_VERSION;
	if (has_any(message, runtime_words) && has_any(message, exec_words))
		return DOCKER_EXEC;
	/* These statuses say it exactly; the rest is as vague as 500, or none. */
	if (status == 400 || status == 409)
		return by_status(status);
	if (has_any(message, denied_words) || is_denied(message))
		return DOCKER_DENIED;
	if (has_any(message, wrong_words))
		return DOCKER_BAD_REQUEST;
	if (status == 404)
		return DOCKER_NOT_FOUND;
	if (has_any(message, network_words))
		return DOCKER_NETWORK;
	if (has_any(message, conflict_words))
		return DOCKER_CONFLICT;
	if (has_any(message, missing_words))
		return DOCKER_NOT_FOUND;
	return by_status(status);
}

const char *docker_class_name(int class)
{
	static const char *const names[] = {
		[DOCKER_OTHER] = "other",
		[DOCKER_DENIED] = "denied",
		[DOCKER_NOT_FOUND] = "not found",
		[DOCKER_CONFLICT] = "conflict",
		[DOCKER_NETWORK] = "network",
		[DOCKER_RATE_LIMIT] = "rate limit",
		[DOCKER_VERSION] = "version",
		[DOCKER_PERMISSION] = "permission",
		[DOCKER_BAD_REQUEST] = "bad request",
		[DOCKER_EXEC] = "exec",
		[DOCKER_TIMEOUT] = "timeout",
	};
	size_t n = sizeof(names) / sizeof(names[0]);
	return class > 0 && (size_t) class < n ? names[class] : "none";
}
