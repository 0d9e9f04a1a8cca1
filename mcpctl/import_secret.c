/* SPDX-License-Identifier: MIT */
/* What looks like a secret stays behind: a variable by its name, a part of a word by a variable in its place. */
#include "base/cleanup.h"
#include "mcpctl/import_section.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { SECRET_BYTES = 8 }; /* shorter values are words of everyday text */

static bool ends_in(const char *text, const char *const *ends)
{
	size_t len = strlen(text);
	for (; *ends; ends++)
		if (len >= strlen(*ends) && strcasecmp(text + len - strlen(*ends), *ends) == 0)
			return true;
	return false;
}

bool import_is_secret_name(const char *name)
{
	static const char *const parts[] = {
		"TOKEN",      "KEY",	    "SECRET", "PASSW",
		"PASSPHRASE", "CREDENTIAL", "COOKIE", "AUTHORIZATION"
	};
	static const char *const ends[] = { "_PAT", "_AUTH", NULL };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcasestr(name, parts[i]))
			return true;
	return ends_in(name, ends);
}

/* --api-key, but neither --max-tokens nor --keywords. */
static bool is_secret_option(const char *option)
{
	static const char *const ends[] = { "token",	"key",	       "secret",
					    "password", "passwd",      "passphrase",
					    "-pat",	"credentials", NULL };
	return *option == '-' && ends_in(option, ends);
}

/* The password of scheme://user:password@host, and how long it is; NULL: there is none. */
static const char *find_password(const char *text, size_t *ret_len)
{
	const char *at = strstr(text, "://");
	if (!at)
		return NULL;
	at += 3;
	size_t user = strcspn(at, ":@/?#");
	if (at[user] != ':')
		return NULL;
	at += user + 1;
	*ret_len = strcspn(at, "@/?#");
	return *ret_len > 0 && at[*ret_len] == '@' ? at : NULL;
}

/* What follows "Bearer " or "Basic ". */
static const char *find_credentials(const char *text, size_t *ret_len)
{
	static const char *const schemes[] = { "Bearer ", "Basic " };
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const char *at = strcasestr(text, schemes[i]);
		if (!at)
			continue;
		at += strlen(schemes[i]);
		*ret_len = strlen(at);
		return *at ? at : NULL;
	}
	return NULL;
}

/* The value of an option that sounds like a secret: --api-key=VALUE, or the word behind --api-key. No path, nothing short. */
static const char *find_value(const char *text, const char *before, size_t *ret_len)
{
	const char *value = text;
	if (*text == '-') {
		_cleanup_free_ char *option = strndup(text, strcspn(text, "="));
		if (!option || !text[strlen(option)] || !is_secret_option(option))
			return NULL;
		value = text + strlen(option) + 1;
	} else if (!before || !is_secret_option(before)) {
		return NULL;
	}
	*ret_len = strlen(value);
	return *ret_len >= SECRET_BYTES && !strchr("/.~", *value) ? value : NULL;
}

bool import_find_secret(const char *text, const char *before, size_t *ret_at, size_t *ret_len)
{
	const char *at = find_password(text, ret_len);
	if (!at)
		at = find_credentials(text, ret_len);
	if (!at)
		at = find_value(text, before, ret_len);
	if (!at)
		return false;
	*ret_at = (size_t)(at - text);
	_cleanup_free_ char *secret = strndup(at, *ret_len);
	return secret && !import_has_variable(secret);
}

/* A variable that no other value has taken: NAME, NAME_2 …; the caller's. */
static char *variable_for(struct import_section *s, const char *base, const char *value)
{
	for (int i = 1;; i++) {
		char *name = NULL;
		int r = i > 1 ? asprintf(&name, "%s_%d", base, i) : asprintf(&name, "%s", base);
		if (r < 0)
			return NULL;
		const char *other =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(s->secrets, name));
		if (!other && !cJSON_AddStringToObject(s->secrets, name, value))
			s->is_oom = true;
		if (!other || strcmp(other, value) == 0)
			return name;
		free(name);
	}
}

char *import_hide(struct import_section *s, const char *text, const char *before)
{
	size_t at, len;
	if (!import_find_secret(text, before, &at, &len))
		return strdup(text);
	_cleanup_free_ char *secret = strndup(text + at, len);
	_cleanup_free_ char *base = NULL;
	if (!secret || asprintf(&base, "%s_SECRET", s->name) < 0)
		return NULL;
	for (char *p = base; *p; p++)
		*p = (char)(isalnum((unsigned char)*p) ? toupper((unsigned char)*p) : '_');
	if (isdigit((unsigned char)*base))
		*base = '_';
	_cleanup_free_ char *variable = variable_for(s, base, secret);
	char *hidden = NULL;
	if (!variable ||
	    asprintf(&hidden, "%.*s${%s:?}%s", (int)at, text, variable, text + at + len) < 0)
		return NULL;
	import_note(s,
		    "an argument that looks like a secret is left out; set %s in mcpinit's "
		    "environment, and note that arguments can be seen by others: prefer a variable",
		    variable);
	return hidden;
}
