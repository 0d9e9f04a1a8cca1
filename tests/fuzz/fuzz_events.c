/* SPDX-License-Identifier: MIT */
/* The event stream. However the bytes are cut, the same events come out; the first input byte says where to cut. */
#include "docker/docker.h"
#include "docker/event_lines.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t h, const char *text)
{
	for (; text && *text; text++)
		h = h * 1099511628211U + (unsigned char)*text + 1;
	return h * 31 + (text ? 1 : 2);
}

static bool on_event(void *ctx, const struct docker_event *ev)
{
	uint64_t *sum = ctx;
	if (!ev->id || !*ev->id || !ev->action || !*ev->action || !ev->name)
		abort();
	*sum = mix(mix(mix(mix(*sum, ev->id), ev->name), ev->action), ev->health);
	*sum += (uint64_t)ev->exit_code;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	size_t step = data[0] % 17 + 1U;
	const char *bytes = (const char *)data + 1;
	size--;
	struct event_lines whole, cut;
	uint64_t a = 0, b = 0;
	event_lines_init(&whole);
	event_lines_init(&cut);
	event_lines_feed(&whole, bytes, size, on_event, &a);
	for (size_t at = 0; at < size; at += step)
		event_lines_feed(&cut, bytes + at, size - at < step ? size - at : step, on_event,
				 &b);
	if (a != b || whole.line.len != cut.line.len)
		abort();
	event_lines_done(&whole);
	event_lines_done(&cut);
	return 0;
}
