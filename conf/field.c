/* SPDX-License-Identifier: MIT */
#include "conf/field.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conf/expand.h"
#include "conf/item.h"
#include "conf/pairs.h"
#include "conf/value.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static void *at(const struct conf_key *k, void *object)
{
	return (char *)object + k->offset;
}

static const void *at_const(const struct conf_key *k, const void *object)
{
	return (const char *)object + k->offset;
}

/* --- one value ------------------------------------------------------------------------------- */

static int parse_number(enum conf_type type, const char *text, int64_t *ret, struct err *e)
{
	switch (type) {
	case CONF_TYPE_DURATION:
		return value_duration(text, ret, e);
	case CONF_TYPE_SIZE:
		return value_size(text, ret, e);
	case CONF_TYPE_CPUS:
		return value_cpus(text, ret, e);
	default:
		return value_int(text, ret, e);
	}
}

static int parse_ranged(const struct conf_key *k, const char *text, int64_t *ret, struct err *e)
{
	int64_t value, limit;
	int r = parse_number(k->type, text, &value, e);
	if (r < 0)
		return r;
	if (k->min && parse_number(k->type, k->min, &limit, NULL) == 0 && value < limit)
		return err_set(e, -EINVAL, "%.40s is too little; write at least %s", text, k->min);
	if (k->max && parse_number(k->type, k->max, &limit, NULL) == 0 && value > limit)
		return err_set(e, -EINVAL, "%.40s is too much; write at most %s", text, k->max);
	*ret = value;
	return 0;
}

static int set_number(const struct conf_key *k, void *field, const char *text, struct err *e)
{
	int64_t value;
	int r = parse_ranged(k, text, &value, e);
	if (r < 0)
		return r;
	if (k->type == CONF_TYPE_INT)
		*(int *)field = (int)value; /* its limits are those of the table */
	else
		*(int64_t *)field = value;
	return 0;
}

static int set_string(const struct conf_key *k, char **field, const char *text, struct err *e)
{
	int r = k->check ? k->check(text, e) : 0;
	int i;
	if (r == 0 && k->choices)
		r = value_choice(text, k->choices, &i, e);
	if (r < 0)
		return r;
	char *copy = k->choices ? strdup(k->choices[i]) : strdup(text);
	if (!copy)
		return err_oom(e);
	free(*field);
	*field = copy;
	return 0;
}

static int set_signal(const struct conf_key *k, char **field, const char *text, struct err *e)
{
	_cleanup_buf_ struct buf name = { 0 };
	bool is_long = strncasecmp(text, "SIG", 3) == 0;
	int r = k->check(text, e);
	if (r < 0)
		return r;
	if (buf_addf(&name, "SIG%s", is_long ? text + 3 : text) < 0)
		return err_oom(e);
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] >= 'a' && name.data[i] <= 'z')
			name.data[i] = (char)(name.data[i] - 'a' + 'A');
	free(*field);
	*field = buf_take(&name);
	return *field ? 0 : err_oom(e);
}

static int set_scalar(const struct conf_key *k, void *field, const char *text, struct err *e)
{
	bool flag;
	int r;
	if (strchr(text, '\n'))
		return err_set(
			e, -EINVAL,
			"has more than one line; an indented line continues the value above it");
	switch (k->type) {
	case CONF_TYPE_STRING:
	case CONF_TYPE_CHOICE:
		return set_string(k, field, text, e);
	case CONF_TYPE_SIGNAL:
		return set_signal(k, field, text, e);
	case CONF_TYPE_ENUM:
		return value_choice(text, k->choices, field, e);
	case CONF_TYPE_BOOL:
		return value_bool(text, field, e);
	case CONF_TYPE_TRISTATE:
		r = value_bool(text, &flag, e);
		if (r == 0)
			*(enum conf_tristate *)field = flag ? CONF_YES : CONF_NO;
		return r;
	case CONF_TYPE_LATER:
		r = value_choice(text, k->choices, &(int){ 0 }, NULL);
		return r == 0 ? 0
			      : err_set(e, -EINVAL,
					"\"%.40s\" is not supported by this version; %s", text,
					k->help);
	default:
		return set_number(k, field, text, e);
	}
}

/* --- lists ----------------------------------------------------------------------------------- */

static int set_list(const struct conf_key *k, char ***field, const char *text, struct list *wrong,
		    struct err *e)
{
	_cleanup_list_ struct list items = { 0 };
	int r;
	if (k->type == CONF_TYPE_WORDS)
		r = value_is_none(text) ? 0 : value_words(text, &items, e);
	else
		r = value_items(text, k->type == CONF_TYPE_TMPFS ? VALUE_TMPFS : VALUE_PLAIN,
				&items, e);
	for (size_t i = 0; r == 0 && k->check && i < items.n; i++)
		r = value_keep_wrong(k->check(items.v[i], e), wrong, e);
	if (r < 0 || wrong->n > 0)
		return r < 0 ? r : -EINVAL;
	char **taken = list_take(&items);
	if (!taken)
		return err_oom(e);
	strv_free(*field);
	*field = taken;
	return 0;
}

static int set_ints(const struct conf_key *k, int **field, const char *text, struct list *wrong,
		    struct err *e)
{
	_cleanup_list_ struct list items = { 0 };
	int r = value_items(text, VALUE_PLAIN, &items, e);
	if (r < 0)
		return r;
	_cleanup_free_ int *ints = calloc(items.n + 1, sizeof(*ints));
	if (!ints)
		return err_oom(e);
	for (size_t i = 0; i < items.n && r == 0; i++) {
		int64_t value = 0;
		r = value_keep_wrong(parse_ranged(k, items.v[i], &value, e), wrong, e);
		ints[i] = (int)value;
	}
	if (r < 0 || wrong->n > 0)
		return r < 0 ? r : -EINVAL;
	ints[items.n] = -1;
	free(*field);
	*field = take_ptr(&ints);
	return 0;
}

static int set_volumes(struct conf_volume **field, const char *text, struct list *wrong,
		       struct err *e)
{
	_cleanup_list_ struct list items = { 0 };
	int r = value_items(text, VALUE_PLAIN, &items, e);
	if (r < 0)
		return r;
	struct conf_volume *volumes = calloc(items.n + 1, sizeof(*volumes));
	if (!volumes)
		return err_oom(e);
	size_t n = 0;
	for (size_t i = 0; r == 0 && i < items.n; i++) {
		r = item_volume(items.v[i], &volumes[n], e);
		n += r == 0;
		r = value_keep_wrong(r, wrong, e);
	}
	if (r < 0 || wrong->n > 0) {
		pairs_free_volumes(volumes);
		return r < 0 ? r : -EINVAL;
	}
	pairs_free_volumes(*field);
	*field = volumes;
	return 0;
}

/* mcp, docker, none, exec CMD…, http URL */
static int set_healthcheck(struct conf_server *s, const char *text, struct err *e)
{
	static const char *const kinds[] = {
		[CONF_HEALTH_MCP] = "mcp",
		[CONF_HEALTH_EXEC] = "exec",
		[CONF_HEALTH_DOCKER] = "docker",
		[CONF_HEALTH_HTTP] = "http",
		[CONF_HEALTH_NONE] = "none|no|off|false",
		[CONF_HEALTH_NONE + 1] = NULL,
	};
	_cleanup_list_ struct list words = { 0 }, argv = { 0 };
	int kind = -1;
	int r = value_words(text, &words, e);
	if (r < 0)
		return r;
	if (words.n > 0 && value_choice(words.v[0], kinds, &kind, NULL) < 0)
		kind = -1;
	bool is_url = words.n == 2 && (strncmp(words.v[1], "http://", 7) == 0 ||
				       strncmp(words.v[1], "https://", 8) == 0);
	bool is_good = kind == CONF_HEALTH_EXEC	  ? words.n >= 2
		       : kind == CONF_HEALTH_HTTP ? is_url
						  : kind >= 0 && words.n == 1;
	if (!is_good)
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not understood; write mcp, exec CMD, docker, "
			       "http http://HOST:PORT/PATH or none",
			       text);
	const char *host = kind == CONF_HEALTH_HTTP ? strstr(words.v[1], "://") + 3 : "";
	if (memchr(host, '@', strcspn(host, "/?#")))
		return err_set(
			e, -EINVAL,
			"a login in a URL would stand in logs; write exec CMD, with a command "
			"that reads it from a file");
	for (size_t i = 1; kind == CONF_HEALTH_EXEC && i < words.n; i++)
		if (list_add(&argv, words.v[i], strlen(words.v[i])) < 0)
			return err_oom(e);
	_cleanup_free_ char *url = kind == CONF_HEALTH_HTTP ? strdup(words.v[1]) : NULL;
	char **taken = list_take(&argv);
	if (!taken || (kind == CONF_HEALTH_HTTP && !url)) {
		strv_free(taken);
		return err_oom(e);
	}
	strv_free(s->healthcheck_exec);
	free(s->healthcheck_url);
	s->healthcheck = (enum conf_health)kind;
	s->healthcheck_exec = taken;
	s->healthcheck_url = take_ptr(&url);
	return 0;
}

/* --- any field ------------------------------------------------------------------------------- */

static bool is_one_value(enum conf_type type)
{
	return type <= CONF_TYPE_SIGNAL || type == CONF_TYPE_LATER;
}

static int set_expanded(const struct conf_key *k, void *object, const char *text,
			struct list *wrong, struct err *e)
{
	if (is_one_value(k->type))
		return set_scalar(k, at(k, object), text, e);
	switch (k->type) {
	case CONF_TYPE_INTS:
		return set_ints(k, at(k, object), text, wrong, e);
	case CONF_TYPE_VOLUMES:
		return set_volumes(at(k, object), text, wrong, e);
	case CONF_TYPE_HEALTHCHECK:
		return set_healthcheck(object, text, e);
	case CONF_TYPE_INCLUDE:
		return 0;
	default:
		return set_list(k, at(k, object), text, wrong, e);
	}
}

int field_set(const struct conf_key *k, void *object, const char *text, struct expansion *x,
	      struct err *e)
{
	if (k->type == CONF_TYPE_ENV || k->type == CONF_TYPE_SECRET_ENV)
		return pairs_set_env(at(k, object), text, k->type == CONF_TYPE_SECRET_ENV, x, e);
	if (k->type == CONF_TYPE_LABELS)
		return pairs_set_labels(at(k, object), text, x, e);
	_cleanup_free_ char *plain =
		is_one_value(k->type) ? value_unquote(text, strlen(text)) : strdup(text);
	_cleanup_free_ char *value = NULL;
	if (!plain)
		return err_oom(e);
	int r = expand(plain, x, &value, e);
	if (r < 0)
		return r;
	if (x->missing || value[strspn(value, " \t\n")] == '\0')
		return 0;
	r = set_expanded(k, object, value, &x->wrong, e);
	return r < 0 ? r : 1;
}

int field_default(const struct conf_key *k, void *object)
{
	struct expansion none = { 0 };
	if (k->def)
		return field_set(k, object, k->def, &none, NULL) < 0 ? -ENOMEM : 0;
	if (k->type == CONF_TYPE_TRISTATE)
		*(enum conf_tristate *)at(k, object) = CONF_DEFAULT;
	return 0;
}

void field_done(const struct conf_key *k, void *object)
{
	void *field = at(k, object);
	switch (k->type) {
	case CONF_TYPE_STRING:
	case CONF_TYPE_CHOICE:
	case CONF_TYPE_SIGNAL:
	case CONF_TYPE_INTS:
		free(take_ptr((char **)field));
		break;
	case CONF_TYPE_WORDS:
	case CONF_TYPE_LIST:
	case CONF_TYPE_TMPFS:
	case CONF_TYPE_LABELS:
		strv_free(take_ptr((char ***)field));
		break;
	case CONF_TYPE_ENV:
	case CONF_TYPE_SECRET_ENV: /* one field of both */
		pairs_free_env(take_ptr((struct conf_env **)field));
		break;
	case CONF_TYPE_VOLUMES:
		pairs_free_volumes(take_ptr((struct conf_volume **)field));
		break;
	case CONF_TYPE_HEALTHCHECK:
		strv_free(take_ptr(&((struct conf_server *)object)->healthcheck_exec));
		free(take_ptr(&((struct conf_server *)object)->healthcheck_url));
		break;
	default:
		break;
	}
}

/* --- alike? ---------------------------------------------------------------------------------- */

static bool is_same_list(char *const *a, char *const *b)
{
	if (!a || !b)
		return a == b;
	size_t i = 0;
	while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
		i++;
	return !a[i] && !b[i];
}

static bool is_same_ints(const int *a, const int *b)
{
	while (*a == *b && *a >= 0) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool is_same_health(const struct conf_server *a, const struct conf_server *b)
{
	return a->healthcheck == b->healthcheck &&
	       is_same_list(a->healthcheck_exec, b->healthcheck_exec) &&
	       pairs_is_same_text(a->healthcheck_url, b->healthcheck_url);
}

bool field_equal(const struct conf_key *k, const void *a, const void *b)
{
	const void *x = at_const(k, a), *y = at_const(k, b);
	switch (k->type) {
	case CONF_TYPE_STRING:
	case CONF_TYPE_CHOICE:
	case CONF_TYPE_SIGNAL:
		return pairs_is_same_text(*(char *const *)x, *(char *const *)y);
	case CONF_TYPE_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case CONF_TYPE_ENUM:
	case CONF_TYPE_TRISTATE:
	case CONF_TYPE_INT:
		return *(const int *)x == *(const int *)y;
	case CONF_TYPE_INT64:
	case CONF_TYPE_DURATION:
	case CONF_TYPE_SIZE:
	case CONF_TYPE_CPUS:
		return *(const int64_t *)x == *(const int64_t *)y;
	case CONF_TYPE_WORDS:
	case CONF_TYPE_LIST:
	case CONF_TYPE_TMPFS:
	case CONF_TYPE_LABELS:
		return is_same_list(*(char **const *)x, *(char **const *)y);
	case CONF_TYPE_INTS:
		return is_same_ints(*(int *const *)x, *(int *const *)y);
	case CONF_TYPE_ENV:
	case CONF_TYPE_SECRET_ENV:
		return pairs_is_same_env(*(struct conf_env *const *)x,
					 *(struct conf_env *const *)y);
	case CONF_TYPE_VOLUMES:
		return pairs_is_same_volumes(*(struct conf_volume *const *)x,
					     *(struct conf_volume *const *)y);
	case CONF_TYPE_HEALTHCHECK:
		return is_same_health(a, b);
	case CONF_TYPE_INCLUDE:
	case CONF_TYPE_LATER:
		break;
	}
	return true;
}
