/* SPDX-License-Identifier: MIT */
#include "conf/pairs.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conf/conf.h"
#include "conf/expand.h"
#include "conf/item.h"
#include "conf/value.h"

#include <errno.h>
#include <string.h>

/* --- splitting ------------------------------------------------------------------------------- */

/* What is expanded already must survive being expanded once more. */
static int add_escaped(struct list *to, const char *item)
{
	_cleanup_buf_ struct buf out = { 0 };
	for (const char *p = item; *p; p++)
		if ((*p == '$' && buf_adds(&out, "$") < 0) || buf_add(&out, p, 1) < 0)
			return -ENOMEM;
	return list_add(to, buf_str(&out), out.len);
}

static int split_again(const char *item, enum value_items kind, struct list *to,
		       struct expansion *x, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_list_ struct list items = { 0 };
	int r = expand(item, x, &text, e);
	if (r == 0)
		r = value_items(text, kind, &items, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < items.n; i++)
		if (add_escaped(to, items.v[i]) < 0)
			return err_oom(e);
	return 0;
}

/* Items as written, their values not yet expanded. */
static int split(const char *text, enum value_items kind, struct list *ret, struct expansion *x,
		 struct err *e)
{
	_cleanup_list_ struct list items = { 0 };
	int r = value_items(text, kind, &items, e);
	for (size_t i = 0; r == 0 && i < items.n; i++) {
		const char *item = items.v[i];
		if (item[0] == '$' && item[1] != '$')
			r = split_again(item, kind, ret, x, e);
		else if (list_add(ret, item, strlen(item)) < 0)
			r = err_oom(e);
	}
	return r;
}

/* --- environment ----------------------------------------------------------------------------- */

static void free_one(struct conf_env *env)
{
	free(take_ptr(&env->name));
	free(take_ptr(&env->value));
	free(take_ptr(&env->file));
}

void pairs_free_env(struct conf_env *env)
{
	for (size_t i = 0; env && env[i].name; i++)
		free_one(&env[i]);
	free(env);
}

static struct conf_env *find_env(struct conf_env *env, const char *name)
{
	for (; env && env->name; env++)
		if (strcmp(env->name, name) == 0)
			return env;
	return NULL;
}

static size_t count_env(const struct conf_env *env)
{
	size_t n = 0;
	while (env && env[n].name)
		n++;
	return n;
}

static int parse_env(const char *item, bool is_secret, struct conf_env *ret, struct expansion *x,
		     struct err *e)
{
	struct conf_env got;
	char *value = NULL;
	int r = item_env(item, &got, e);
	if (r < 0)
		return r;
	if (got.value) {
		r = expand(got.value, x, &value, e);
		if (r == 0) {
			free(got.value);
			got.value = value;
		}
	}
	if (r == 0 && is_secret && !x->missing)
		r = item_secret(&got, e);
	if (r < 0) {
		free_one(&got);
		return r;
	}
	*ret = got;
	return 0;
}

/* All items of text as an array. */
static int parse_all(const char *text, bool is_secret, struct conf_env **ret, struct expansion *x,
		     struct err *e)
{
	_cleanup_list_ struct list items = { 0 };
	int r = split(text, VALUE_ENV, &items, x, e);
	if (r < 0)
		return r;
	struct conf_env *env = calloc(items.n + 1, sizeof(*env));
	if (!env)
		return err_oom(e);
	size_t n = 0;
	for (size_t i = 0; r == 0 && i < items.n; i++) {
		struct conf_env one;
		r = parse_env(items.v[i], is_secret, &one, x, e);
		if (r == 0 && find_env(env, one.name)) {
			r = err_set(e, -EINVAL, "%.60s is given twice", one.name);
			free_one(&one);
		} else if (r == 0) {
			env[n++] = one;
		}
		r = value_keep_wrong(r, &x->wrong, e);
	}
	if (r < 0 || x->wrong.n > 0) {
		pairs_free_env(env);
		return r < 0 ? r : -EINVAL;
	}
	*ret = env;
	return 0;
}

/* Moves all items of add to *field, by name, or none. */
static int merge_env(struct conf_env **field, struct conf_env *add, struct err *e)
{
	size_t n = count_env(*field);
	struct conf_env *all = realloc(*field, (n + count_env(add) + 1) * sizeof(*all));
	if (!all)
		return err_oom(e);
	*field = all;
	all[n] = (struct conf_env){ 0 };
	for (; add->name; add++) {
		struct conf_env *old = find_env(all, add->name);
		if (old) {
			free_one(old);
		} else {
			old = &all[n++];
			all[n] = (struct conf_env){ 0 };
		}
		*old = *add;
	}
	return 0;
}

static void drop_env(struct conf_env *env, bool is_secret)
{
	struct conf_env *to = env;
	for (; env && env->name; env++) {
		if ((env->file != NULL) == is_secret)
			free_one(env);
		else
			*to++ = *env;
	}
	if (to)
		*to = (struct conf_env){ 0 };
}

int pairs_set_env(struct conf_env **field, const char *text, bool is_secret, struct expansion *x,
		  struct err *e)
{
	struct conf_env *add = NULL;
	if (value_is_none(text))
		drop_env(*field, is_secret);
	int r = parse_all(text, is_secret, &add, x, e);
	if (r < 0)
		return r;
	if (!x->missing)
		r = merge_env(field, add, e);
	if (x->missing || r < 0) {
		pairs_free_env(add);
		return r;
	}
	free(add); /* its items have moved */
	return 1;
}

/* --- labels ---------------------------------------------------------------------------------- */

static size_t key_length(const char *label)
{
	return strcspn(label, "=");
}

/* K=V with V unquoted and expanded; K alone is K=. */
static int parse_label(const char *item, char **ret, struct expansion *x, struct err *e)
{
	size_t n = key_length(item);
	const char *raw = item[n] ? item + n + 1 : "";
	if (n == 0 || memchr(item, ' ', n) || memchr(item, '$', n))
		return err_set(e, -EINVAL, "\"%.60s\" is not a label; write NAME=VALUE", item);
	_cleanup_free_ char *plain = value_unquote(raw, strlen(raw));
	_cleanup_free_ char *value = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	if (!plain)
		return err_oom(e);
	int r = expand(plain, x, &value, e);
	if (r < 0)
		return r;
	if (buf_add(&out, item, n) < 0 || buf_adds(&out, "=") < 0 || buf_adds(&out, value) < 0)
		return err_oom(e);
	*ret = buf_take(&out);
	return *ret ? 0 : err_oom(e);
}

static char **find_label(const struct list *labels, const char *label)
{
	size_t n = key_length(label);
	for (size_t i = 0; i < labels->n; i++)
		if (key_length(labels->v[i]) == n && strncmp(labels->v[i], label, n) == 0)
			return &labels->v[i];
	return NULL;
}

static int add_label(struct list *labels, const char *item, struct expansion *x, struct err *e)
{
	_cleanup_free_ char *label = NULL;
	int r = parse_label(item, &label, x, e);
	if (r < 0)
		return r;
	char **old = find_label(labels, label);
	if (!old)
		return list_add(labels, label, strlen(label)) < 0 ? err_oom(e) : 0;
	free(*old);
	*old = take_ptr(&label);
	return 0;
}

int pairs_set_labels(char ***field, const char *text, struct expansion *x, struct err *e)
{
	_cleanup_list_ struct list items = { 0 }, all = { 0 };
	int r = split(text, VALUE_LABELS, &items, x, e);
	bool is_kept = *field && !value_is_none(text);
	for (char **old = *field; r == 0 && is_kept && *old; old++)
		if (list_add(&all, *old, strlen(*old)) < 0)
			r = err_oom(e);
	for (size_t i = 0; r == 0 && i < items.n; i++)
		r = value_keep_wrong(add_label(&all, items.v[i], x, e), &x->wrong, e);
	if (r == 0 && x->wrong.n > 0)
		return -EINVAL;
	if (r < 0 || x->missing)
		return r;
	char **taken = list_take(&all);
	if (!taken)
		return err_oom(e);
	strv_free(*field);
	*field = taken;
	return 1;
}

/* --- volumes; alike? ------------------------------------------------------------------------- */

void pairs_free_volumes(struct conf_volume *volumes)
{
	for (size_t i = 0; volumes && volumes[i].source; i++) {
		free(volumes[i].source);
		free(volumes[i].target);
	}
	free(volumes);
}

bool pairs_is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool pairs_is_same_env(const struct conf_env *a, const struct conf_env *b)
{
	for (; a->name && b->name; a++, b++)
		if (strcmp(a->name, b->name) != 0 || !pairs_is_same_text(a->value, b->value) ||
		    !pairs_is_same_text(a->file, b->file) || a->is_optional != b->is_optional)
			return false;
	return !a->name && !b->name;
}

bool pairs_is_same_volumes(const struct conf_volume *a, const struct conf_volume *b)
{
	for (; a->source && b->source; a++, b++)
		if (strcmp(a->source, b->source) != 0 || strcmp(a->target, b->target) != 0 ||
		    a->is_read_only != b->is_read_only)
			return false;
	return !a->source && !b->source;
}
