/* SPDX-License-Identifier: MIT */
#include "docker/progress.h"

#include "base/cleanup.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 20 };

#define UP_TO_DATE "Status: Image is up to date"

void progress_init(struct progress *p)
{
	memset(p, 0, sizeof(*p));
	p->line.max = LINE_MAX_BYTES;
}

void progress_done(struct progress *p)
{
	buf_done(&p->line);
	free(p->layers);
	free(p->error);
	memset(p, 0, sizeof(*p));
}

static int64_t number(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	if (!cJSON_IsNumber(item) || !(item->valuedouble > 0) || item->valuedouble > 1e15)
		return 0;
	return (int64_t)item->valuedouble;
}

static const char *text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* NULL: no room, or out of memory: it is only not counted. */
static struct progress_layer *find_layer(struct progress *p, const char *id)
{
	for (size_t i = 0; i < p->n_layers; i++)
		if (strcmp(p->layers[i].id, id) == 0)
			return &p->layers[i];
	if (p->n_layers == PROGRESS_LAYERS || strlen(id) >= PROGRESS_ID)
		return NULL;
	if (!p->layers)
		p->layers = calloc(PROGRESS_LAYERS, sizeof(*p->layers));
	if (!p->layers)
		return NULL;
	struct progress_layer *fresh = &p->layers[p->n_layers++];
	strcpy(fresh->id, id);
	return fresh;
}

/* The words that mean a layer; "Pulling from …" carries the tag in its id. */
static bool is_about_layer(const char *status)
{
	static const char *const words[] = {
		"Already exists", "Pulling fs layer",  "Waiting",
		"Downloading",	  "Download complete", "Verifying Checksum",
		"Extracting",	  "Pull complete",     "Retrying in",
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(status, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

static void take_status(struct progress *p, const cJSON *o)
{
	const char *status = text(o, "status");
	const char *id = text(o, "id");
	if (status && strncmp(status, UP_TO_DATE, sizeof(UP_TO_DATE) - 1) == 0)
		p->is_up_to_date = true;
	if (!status || !id || !is_about_layer(status))
		return;
	struct progress_layer *layer = find_layer(p, id);
	if (!layer)
		return;
	if (strcmp(status, "Already exists") == 0 || strcmp(status, "Pull complete") == 0)
		layer->is_done = true;
	const cJSON *detail = cJSON_GetObjectItemCaseSensitive(o, "progressDetail");
	if (strcmp(status, "Downloading") == 0 && number(detail, "total") > 0) {
		layer->current = number(detail, "current");
		layer->total = number(detail, "total");
	} else if (strcmp(status, "Downloading") != 0) {
		layer->current = layer->total; /* downloaded; what follows counts other bytes */
	}
}

static int take_line(struct progress *p)
{
	cJSON *o = cJSON_ParseWithLength(buf_str(&p->line), p->line.len);
	buf_drop(&p->line, p->line.len);
	if (!o)
		return 0; /* an engine's quirk: the verdict comes from inspect */
	const char *late = text(cJSON_GetObjectItemCaseSensitive(o, "errorDetail"), "message");
	if (!late)
		late = text(o, "error");
	int r = 0;
	if (late) {
		free(p->error);
		p->error = strdup(late);
		r = p->error ? 0 : -ENOMEM;
	} else {
		take_status(p, o);
	}
	cJSON_Delete(o);
	return r;
}

int progress_feed(struct progress *p, const char *bytes, size_t n)
{
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t take = end ? (size_t)(end - bytes) : n;
		int r = p->is_skipping ? 0 : buf_add(&p->line, bytes, take);
		if (r == -EMSGSIZE) {
			p->is_skipping = true;
			buf_done(&p->line);
		} else if (r < 0) {
			return r;
		}
		if (!end)
			return 0;
		if (!p->is_skipping && p->line.len > 0)
			r = take_line(p);
		if (r == -ENOMEM)
			return r;
		p->is_skipping = false;
		bytes = end + 1;
		n -= take + 1;
	}
	return 0;
}

int progress_end(struct progress *p)
{
	return p->line.len > 0 && !p->is_skipping ? take_line(p) : 0;
}

size_t progress_layers_done(const struct progress *p)
{
	size_t done = 0;
	for (size_t i = 0; i < p->n_layers; i++)
		done += p->layers[i].is_done;
	return done;
}

int64_t progress_bytes(const struct progress *p)
{
	int64_t bytes = 0;
	for (size_t i = 0; i < p->n_layers; i++)
		bytes += p->layers[i].current;
	return bytes;
}

void progress_text(const struct progress *p, char *buf, size_t size)
{
	int64_t current = progress_bytes(p), total = 0;
	for (size_t i = 0; i < p->n_layers; i++)
		total += p->layers[i].total;
	buf[0] = '\0';
	if (p->n_layers == 0)
		return;
	int n = snprintf(buf, size, ": %zu of %zu layers", progress_layers_done(p), p->n_layers);
	if (total > 0 && n >= 0 && (size_t)n < size)
		(void)snprintf(buf + n, size - (size_t)n, ", %.1f of %.1f MB",
			       (double)current / 1e6, (double)total / 1e6); /* cut is good enough */
}
