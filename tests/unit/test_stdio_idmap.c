/* SPDX-License-Identifier: MIT */
#include "stdio/idmap.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct span text(const char *t)
{
	return (struct span){ t, strlen(t) };
}

static const struct span none = { 0 };

START_TEST(same_ids_of_several_owners_stay_apart)
{
	struct idmap m;
	idmap_init(&m);
	int owners[8];
	struct idmap_entry *e[8];
	for (int i = 0; i < 8; i++)
		e[i] = idmap_add(&m, &owners[i], text("0"), none);
	for (int i = 0; i < 8; i++) {
		ck_assert_ptr_eq(idmap_by_owner(&m, &owners[i], text("0")), e[i]);
		ck_assert_ptr_eq(idmap_by_wire(&m, e[i]->wire_id), e[i]);
	}
	ck_assert_ptr_null(idmap_by_owner(&m, &owners[0], text("\"0\"")));
	ck_assert_ptr_null(idmap_by_owner(&m, &owners[0], text("")));
	idmap_done(&m);
}
END_TEST

START_TEST(ids_and_tokens_are_kept_as_bytes)
{
	struct idmap m;
	idmap_init(&m);
	char id[] = "\"a\\u0041\xFF\"", token[] = "1e400";
	struct idmap_entry *e = idmap_add(&m, &m, text(id), text(token));
	memset(id, 'x', sizeof(id) - 1);
	memset(token, 'x', sizeof(token) - 1);
	ck_assert_int_eq(memcmp(e->id.p, "\"a\\u0041\xFF\"", e->id.n), 0);
	ck_assert_int_eq(memcmp(e->token.p, "1e400", 5), 0);
	struct idmap_entry *bare = idmap_add(&m, &m, text("1"), none);
	ck_assert_ptr_null(bare->token.p);
	idmap_done(&m);
}
END_TEST

START_TEST(wire_ids_rise_and_late_answers_are_known)
{
	struct idmap m;
	idmap_init(&m);
	struct idmap_entry *a = idmap_add(&m, &m, text("1"), none);
	uint64_t first = a->wire_id;
	ck_assert(!idmap_was_ours(&m, first));
	idmap_remove(&m, a);
	ck_assert(idmap_was_ours(&m, first));
	ck_assert(!idmap_was_ours(&m, first + 1));
	ck_assert(!idmap_was_ours(&m, 0));
	ck_assert_uint_eq(idmap_add(&m, &m, text("1"), none)->wire_id, first + 1);
	idmap_done(&m);
}
END_TEST

START_TEST(order_is_that_of_the_stamps)
{
	struct idmap m;
	idmap_init(&m);
	struct idmap_entry *a = idmap_add(&m, &m, text("1"), none);
	struct idmap_entry *b = idmap_add(&m, &m, text("2"), none);
	struct idmap_entry *c = idmap_add(&m, &m, text("3"), none);
	idmap_stamp(&m, a, 5);
	ck_assert_ptr_eq(m.first, b);
	ck_assert_ptr_eq(m.last, a);
	idmap_stamp(&m, a, 6);
	idmap_remove(&m, c);
	ck_assert_ptr_eq(m.first->next, a);
	ck_assert_ptr_null(a->next);
	ck_assert_int_eq(a->stamp_ms, 6);
	idmap_done(&m);
}
END_TEST

START_TEST(thousands_come_and_go)
{
	struct idmap m;
	idmap_init(&m);
	enum { N = 5000 };
	static struct idmap_entry *e[N];
	for (int i = 0; i < N; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "%d", i);
		e[i] = idmap_add(&m, i % 2 ? (void *)&m : (void *)e, text(id), none);
	}
	for (int i = 0; i < N; i += 3)
		idmap_remove(&m, e[i]);
	for (int i = 0; i < N; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "%d", i);
		struct idmap_entry *want = i % 3 ? e[i] : NULL;
		ck_assert_ptr_eq(idmap_by_owner(&m, i % 2 ? (void *)&m : (void *)e, text(id)),
				 want);
	}
	ck_assert_uint_eq(m.n, N - (N + 2) / 3);
	ck_assert_uint_ge(m.n_slots, 4096);
	for (int i = 0; i < N - 2; i++)
		if (i % 3)
			idmap_remove(&m, e[i]);
	ck_assert_uint_le(m.n_slots, 256); /* what a burst took is given back */
	ck_assert_ptr_eq(idmap_by_wire(&m, e[N - 1]->wire_id), e[N - 1]);
	idmap_done(&m);
	ck_assert_uint_eq(m.n, 0);
}
END_TEST

Suite *suite_stdio_idmap(void);
Suite *suite_stdio_idmap(void)
{
	Suite *s = suite_create("stdio_idmap");
	TCase *t = tcase_create("all");
	tcase_add_test(t, same_ids_of_several_owners_stay_apart);
	tcase_add_test(t, ids_and_tokens_are_kept_as_bytes);
	tcase_add_test(t, wire_ids_rise_and_late_answers_are_known);
	tcase_add_test(t, order_is_that_of_the_stamps);
	tcase_add_test(t, thousands_come_and_go);
	suite_add_tcase(s, t);
	return s;
}
