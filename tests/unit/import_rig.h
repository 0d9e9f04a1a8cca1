/* SPDX-License-Identifier: MIT */
/* import_rig: JSON → INI → configuration, for the tests of `mcpctl import`. */
#ifndef TESTS_UNIT_IMPORT_RIG_H
#define TESTS_UNIT_IMPORT_RIG_H

#include "base/err.h"
#include "base/fd.h"
#include "mcpctl/import.h"
#include "tests/unit/conf_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline struct import import_rig(const char *json)
{
	struct import im = { 0 };
	struct err e = { 0 };
	char *text = strdup(json);
	int r = import_text(text, &im, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	free(text);
	return im;
}

static inline char *import_rig_file(const char *name, const char *extension)
{
	char path[128];
	struct err e = { 0 };
	char *text = NULL;
	snprintf(path, sizeof(path), "tests/fixtures/import/%s.%s", name, extension);
	ck_assert_msg(fd_read_file(path, 1 << 20, &text, NULL, &e) == 0, "%s", e.text);
	return text;
}

/* The configuration that a fixture becomes; its variables are all set to "v". */
static inline struct conf *import_rig_conf(const char *name)
{
	static const char *const env[] = { "DATA=/v", "GITHUB_TOKEN=v", "FETCH_KEY=v", NULL };
	char *json = import_rig_file(name, "json");
	struct import im = import_rig(json);
	struct conf *c = conf_text_env(im.ini.data, env);
	import_done(&im);
	free(json);
	return c;
}

static inline const struct conf_server *server(const struct conf *c, const char *name)
{
	const struct conf_server *s = conf_find_server(c, name);
	ck_assert_msg(s != NULL, "there is no server %s", name);
	return s;
}

static inline const char *env_value(const struct conf_server *s, const char *name)
{
	for (const struct conf_env *e = s->environment; e->name; e++)
		if (strcmp(e->name, name) == 0)
			return e->value ? e->value : "(passed through)";
	return "(not there)";
}

static inline void assert_volume(const struct conf_volume *v, const char *source,
				 const char *target, bool is_read_only)
{
	ck_assert_str_eq(v->source, source);
	ck_assert_str_eq(v->target, target);
	ck_assert_int_eq(v->is_read_only, is_read_only);
}

#endif
