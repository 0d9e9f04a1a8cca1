/* SPDX-License-Identifier: MIT */
/*
 * import_section: one [server:NAME] in the making: its keys, the quotes around their values, its variables, what is
 * said about it.
 * Texts:  "resolved" are those in which $ is doubled but for ${NAME} and ${NAME:-default}; all but
 *         import_resolve() take such. Names of keys are static.
 * Errors: out of memory sticks in is_oom, which is looked at once, at the end.
 * Private to import*.c.
 */
#ifndef MCPCTL_IMPORT_SECTION_H
#define MCPCTL_IMPORT_SECTION_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct cJSON;

enum { IMPORT_KEYS = 48, IMPORT_NAME_MAX = 40 };

struct import_key {
	const char *name;
	struct buf text; /* as it is printed */
	size_t n_items;
};

struct import_section {
	char name[IMPORT_NAME_MAX + 1];
	struct buf *notes;	    /* of the whole file; borrowed, like the two below */
	const struct cJSON *inputs; /* the file's; NULL: none */
	struct cJSON
		*secrets; /* name → value, of all servers so far: to tell two of one name apart */
	struct import_key keys[IMPORT_KEYS];
	size_t n_keys;
	struct buf targets; /* of volumes so far, each with its NUL */
	bool has_workspace; /* ${workspaceFolder} was met */
	bool is_oom;
};

/* One more note, unless it was said already. */
void import_note(struct import_section *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A text as a client has it → resolved, the caller's; NULL: out of memory. */
char *import_resolve(struct import_section *s, const char *text);
/* Does it hold a ${…} that will be expanded? */
bool import_has_variable(const char *text);

/* The one value of a key; the last one counts. */
void import_set(struct import_section *s, const char *key, const char *value);
/* The same of words: this string and its next ones; NULL: none at all. */
void import_set_words(struct import_section *s, const char *key, const struct cJSON *first);
/* One more item of a list. */
void import_add(struct import_section *s, const char *key, const char *item);
/* One more NAME=VALUE. */
void import_add_pair(struct import_section *s, const char *key, const char *name,
		     const char *value);
/* `environment` of an object of strings; null: passed through. Secrets are passed through, too. */
void import_set_environment(struct import_section *s, const struct cJSON *env);

/* Does the name of a variable sound like that of a secret? */
bool import_is_secret_name(const char *name);
/*
 * Is there a secret in the clear in a word: in a URL, behind Bearer, in or behind an option that sounds like one? before:
 * the word before it, or NULL.
 */
bool import_find_secret(const char *text, const char *before, size_t *ret_at, size_t *ret_len);
/* The word with a variable in the place of such a secret, which is noted; the caller's. NULL: out of memory. */
char *import_hide(struct import_section *s, const char *text, const char *before);

void import_print(struct import_section *s, struct buf *to);
void import_section_done(struct import_section *s);

/* False: left out, which was noted. words and env: empty, and filled on the way. */
bool import_server(struct import_section *s, const struct cJSON *json, struct cJSON *words,
		   struct cJSON *env);
/*
 * `docker run` by its keys. arg: what follows "run" (a list of strings); client_env: what the docker program would have
 * found in its environment. False: it cannot be done, which was noted.
 */
bool import_docker(struct import_section *s, const struct cJSON *arg,
		   const struct cJSON *client_env);
/* Its -v and its --mount. NULL, or why it is left out. */
const char *import_add_volume(struct import_section *s, const char *value);
const char *import_add_mount(struct import_section *s, const char *value);

#endif
