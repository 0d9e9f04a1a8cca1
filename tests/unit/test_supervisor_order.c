/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "conf/conf.h"
#include "supervisor/order.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX = 8 };

struct world {
	struct conf_server servers[MAX];
	struct conf_server *list[MAX + 1];
	char *deps[MAX][MAX];
	size_t n;
};

static void add(struct world *w, const char *name, const char *dep1, const char *dep2)
{
	char **deps = w->deps[w->n];
	if (dep1)
		*deps++ = (char *)dep1;
	if (dep2)
		*deps++ = (char *)dep2;
	w->servers[w->n].name = (char *)name;
	w->servers[w->n].depends_on = w->deps[w->n];
	w->list[w->n] = &w->servers[w->n];
	w->n++;
}

/* "a b | c": the waves as text. */
static const char *waves(struct world *w, char *out, size_t size)
{
	struct order o;
	struct err e = { 0 };
	ck_assert_int_eq(order_make(w->list, &o, &e), 0);
	out[0] = '\0';
	for (size_t i = 0; i < o.n_waves; i++) {
		for (size_t k = 0; k < o.waves[i].n; k++) {
			size_t len = strlen(out);
			const char *gap = k > 0 ? " " : i > 0 ? " | " : "";
			(void)snprintf(out + len, size - len, "%s%s", gap,
				       w->list[o.waves[i].servers[k]]->name);
		}
	}
	order_done(&o);
	return out;
}

START_TEST(servers_without_dependencies_are_one_wave_in_their_order)
{
	struct world w = { 0 };
	char text[64];
	add(&w, "b", NULL, NULL);
	add(&w, "a", NULL, NULL);
	ck_assert_str_eq(waves(&w, text, sizeof(text)), "b a");
}
END_TEST

START_TEST(a_server_stands_behind_all_it_depends_on)
{
	struct world w = { 0 };
	char text[64];
	add(&w, "top", "left", "right");
	add(&w, "left", "base", NULL);
	add(&w, "right", NULL, NULL);
	add(&w, "base", NULL, NULL);
	ck_assert_str_eq(waves(&w, text, sizeof(text)), "right base | left | top");
}
END_TEST

START_TEST(names_that_are_not_there_are_passed_over)
{
	struct world w = { 0 };
	char text[64];
	add(&w, "a", "gone", "b");
	add(&w, "b", NULL, NULL);
	ck_assert_str_eq(waves(&w, text, sizeof(text)), "b | a");
}
END_TEST

START_TEST(a_circle_is_an_error_that_names_one_of_it)
{
	struct world w = { 0 };
	add(&w, "fine", NULL, NULL);
	add(&w, "a", "b", NULL);
	add(&w, "b", "a", NULL);
	struct order o = { 0 };
	struct err e = { 0 };
	ck_assert_int_eq(order_make(w.list, &o, &e), -ELOOP);
	ck_assert_ptr_nonnull(strstr(e.text, "server a "));
	ck_assert_ptr_null(o.waves);
}
END_TEST

START_TEST(a_server_that_depends_on_itself_is_an_error)
{
	struct world w = { 0 };
	add(&w, "a", "a", NULL);
	struct order o;
	ck_assert_int_eq(order_make(w.list, &o, NULL), -ELOOP);
}
END_TEST

START_TEST(no_server_is_no_wave)
{
	struct world w = { 0 };
	char text[8];
	ck_assert_str_eq(waves(&w, text, sizeof(text)), "");
}
END_TEST

Suite *suite_supervisor_order(void);
Suite *suite_supervisor_order(void)
{
	Suite *s = suite_create("supervisor_order");
	TCase *c = tcase_create("all");
	tcase_add_test(c, servers_without_dependencies_are_one_wave_in_their_order);
	tcase_add_test(c, a_server_stands_behind_all_it_depends_on);
	tcase_add_test(c, names_that_are_not_there_are_passed_over);
	tcase_add_test(c, a_circle_is_an_error_that_names_one_of_it);
	tcase_add_test(c, a_server_that_depends_on_itself_is_an_error);
	tcase_add_test(c, no_server_is_no_wave);
	suite_add_tcase(s, c);
	return s;
}
