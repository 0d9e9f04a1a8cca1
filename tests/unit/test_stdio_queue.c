/* SPDX-License-Identifier: MIT */
#include "stdio/queue.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void push(struct queue *q, const char *text)
{
	ck_assert_int_eq(queue_reserve(q, strlen(text)), 0);
	queue_push(q, text, strlen(text));
}

static void assert_holds(const struct queue *q, const char *model, size_t len)
{
	ck_assert_uint_eq(q->len, len);
	const char *run;
	size_t n = queue_peek(q, &run);
	ck_assert(n <= len && (n > 0) == (len > 0));
	ck_assert(memcmp(run, model, n) == 0);
	if (len > n) /* the rest has wrapped */
		ck_assert(memcmp(q->data, model + n, len - n) == 0);
	const char *end = memchr(model, '\n', len);
	ck_assert_uint_eq(q->first, end ? (size_t)(end - model) + 1 : 0);
}

START_TEST(knows_what_waits_behind_the_line_being_written)
{
	struct queue q = { 0 };
	push(&q, "12345\n");
	ck_assert_uint_eq(q.len - q.first, 0);
	push(&q, "abc\n");
	push(&q, "x\n");
	ck_assert_uint_eq(q.len - q.first, 6);
	queue_pop(&q, 2);
	ck_assert_uint_eq(q.first, 4);
	ck_assert_uint_eq(q.len - q.first, 6);
	queue_pop(&q, 5); /* the rest, and one byte of the next */
	ck_assert_uint_eq(q.first, 3);
	ck_assert_uint_eq(q.len - q.first, 2);
	queue_keep_first(&q);
	assert_holds(&q, "bc\n", 3);
	queue_clear(&q);
}
END_TEST

START_TEST(gives_its_memory_back)
{
	struct queue q = { 0 };
	size_t size = 1U << 20;
	char *big = malloc(size);
	memset(big, 'x', size);
	big[size - 1] = '\n';
	ck_assert_int_eq(queue_reserve(&q, size), 0);
	queue_push(&q, big, size);
	queue_pop(&q, size - 100); /* mostly */
	ck_assert_uint_le(q.cap, 64 * 1024);
	assert_holds(&q, big + size - 100, 100);
	queue_pop(&q, 100); /* wholly */
	ck_assert_ptr_null(q.data);
	ck_assert_uint_eq(q.cap, 0);
	free(big);
}
END_TEST

/* A flat buffer that does the same, slowly. */
struct model {
	char *data;
	size_t len;
};

static void model_insert(struct model *m, size_t at, const char *bytes, size_t n)
{
	m->data = realloc(m->data, m->len + n + 1);
	memmove(m->data + at + n, m->data + at, m->len - at);
	memcpy(m->data + at, bytes, n);
	m->len += n;
}

static size_t up_to(size_t max)
{
	return (size_t)rand() % (max + 1);
}

static void random_step(struct queue *q, struct model *m, size_t scale)
{
	char bytes[4096];
	size_t n = up_to(scale);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(rand() % 12 == 0 ? '\n' : 'a' + rand() % 26);
	switch (rand() % 8) {
	case 0:
	case 1:
	case 2: /* a line in two pieces */
		bytes[n] = '\n';
		ck_assert_int_eq(queue_reserve(q, n + 1), 0);
		queue_push(q, bytes, n / 2);
		queue_push(q, bytes + n / 2, n + 1 - n / 2);
		model_insert(m, m->len, bytes, n + 1);
		break;
	case 3: /* what was taken back */
		bytes[n] = '\n';
		ck_assert_int_eq(queue_reserve(q, n + 1), 0);
		queue_push_front(q, bytes, n + 1);
		model_insert(m, 0, bytes, n + 1);
		break;
	default: { /* a partial write: some of the first run */
		const char *run;
		size_t took = up_to(queue_peek(q, &run));
		queue_pop(q, took);
		memmove(m->data, m->data + took, m->len - took);
		m->len -= took;
	}
	}
}

START_TEST(holds_what_a_flat_buffer_holds_under_partial_reads_and_writes)
{
	static const size_t scales[] = { 5, 40, 600, 4000 };
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid() << 8 ^ (unsigned)_i;
	printf("stdio_queue: seed %u\n", seed);
	srand(seed);
	struct queue q = { 0 };
	struct model m = { .data = malloc(1) };
	for (int i = 0; i < 20000; i++) {
		random_step(&q, &m, scales[_i]);
		assert_holds(&q, m.data, m.len);
		if (m.len == 0)
			ck_assert_ptr_null(q.data);
	}
	queue_clear(&q);
	free(m.data);
}
END_TEST

Suite *suite_stdio_queue(void);
Suite *suite_stdio_queue(void)
{
	Suite *s = suite_create("stdio_queue");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, knows_what_waits_behind_the_line_being_written);
	tcase_add_test(c, gives_its_memory_back);
	tcase_add_loop_test(c, holds_what_a_flat_buffer_holds_under_partial_reads_and_writes, 0, 4);
	suite_add_tcase(s, c);
	return s;
}
