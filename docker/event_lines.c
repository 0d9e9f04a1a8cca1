/* SPDX-License-Identifier: MIT */
#include "docker/event_lines.h"

#include "base/cleanup.h"
#include "docker/docker.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

void event_lines_init(struct event_lines *l)
{
	*l = (struct event_lines){ .line.max = EVENT_LINE_MAX };
}

void event_lines_done(struct event_lines *l)
{
	buf_done(&l->line);
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
	return text ? text : "";
}

/* The value of a health event stands behind a colon: "health_status: unhealthy". */
static bool tell(const cJSON *tree, event_fn *fn, void *ctx)
{
	const cJSON *actor = cJSON_GetObjectItemCaseSensitive(tree, "Actor");
	const cJSON *attributes = cJSON_GetObjectItemCaseSensitive(actor, "Attributes");
	const char *action = text_of(tree, "Action");
	const char *code = text_of(attributes, "exitCode");
	struct docker_event event = { .id = text_of(actor, "ID"),
				      .name = text_of(attributes, "name"),
				      .action = action,
				      .exit_code = -1 };
	if (!event.id[0] || !action[0] || strcmp(text_of(tree, "Type"), "container") != 0)
		return true;
	if (strncmp(action, "health_status", strlen("health_status")) == 0) {
		const char *colon = strchr(action, ':');
		event.action = "health_status";
		event.health = colon ? colon + 1 + strspn(colon + 1, " ") : "";
	}
	if (strcmp(action, "die") == 0 && code[0])
		event.exit_code = atoi(code);
	return fn(ctx, &event);
}

static bool tell_line(const char *line, size_t n, event_fn *fn, void *ctx)
{
	if (n > 0 && line[0] == '\x1e') {
		line++;
		n--;
	}
	cJSON *tree = cJSON_ParseWithLength(line, n);
	bool goes_on = !tree || tell(tree, fn, ctx);
	cJSON_Delete(tree);
	return goes_on;
}

void event_lines_feed(struct event_lines *l, const char *bytes, size_t n, event_fn *fn, void *ctx)
{
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t piece = end ? (size_t)(end - bytes) : n;
		if (!l->is_skipping && buf_add(&l->line, bytes, piece) < 0)
			l->is_skipping = true;
		if (!end)
			return;
		n -= piece + 1;
		bytes = end + 1;
		_cleanup_buf_ struct buf line = l->line;
		bool is_whole = !l->is_skipping && line.len > 0;
		event_lines_init(l);
		if (is_whole && !tell_line(line.data, line.len, fn, ctx))
			return;
	}
}
