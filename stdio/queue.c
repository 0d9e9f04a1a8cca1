/* SPDX-License-Identifier: MIT */
#include "stdio/queue.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	MIN_CAP = 4096,
	SHRINK_FROM = 64 * 1024, /* smaller rings are not worth a copy */
	SHRINK_AT = 8,		 /* held / used that is too much */
};

/* The ring as two runs: from head to the end of the memory, and what wrapped to its start. */
static size_t front_run(const struct queue *q)
{
	size_t to_end = q->cap - q->head;
	return q->len < to_end ? q->len : to_end;
}

static int resize(struct queue *q, size_t cap)
{
	char *data = malloc(cap);
	if (!data)
		return -ENOMEM;
	size_t run = front_run(q);
	if (run > 0)
		memcpy(data, q->data + q->head, run);
	if (q->len > run)
		memcpy(data + run, q->data, q->len - run);
	free(q->data);
	q->data = data;
	q->cap = cap;
	q->head = 0;
	return 0;
}

int queue_reserve(struct queue *q, size_t n)
{
	if (n > SIZE_MAX / 4 - q->len)
		return -ENOMEM;
	size_t need = q->len + n;
	if (need <= q->cap)
		return 0;
	size_t cap = q->cap * 2 > MIN_CAP ? q->cap * 2 : MIN_CAP;
	return resize(q, need > cap ? need : cap);
}

/* Copies to the ring, at the offset from its head. */
static void put(struct queue *q, size_t at, const char *bytes, size_t n)
{
	size_t from = q->head + at;
	if (from >= q->cap)
		from -= q->cap;
	size_t run = q->cap - from < n ? q->cap - from : n;
	memcpy(q->data + from, bytes, run);
	if (n > run)
		memcpy(q->data, bytes + run, n - run);
}

static void find_first(struct queue *q)
{
	size_t run = front_run(q);
	const char *end = run ? memchr(q->data + q->head, '\n', run) : NULL;
	if (end) {
		q->first = (size_t)(end - (q->data + q->head)) + 1;
		return;
	}
	end = q->len > run ? memchr(q->data, '\n', q->len - run) : NULL;
	q->first = end ? run + (size_t)(end - q->data) + 1 : 0;
}

void queue_push(struct queue *q, const char *bytes, size_t n)
{
	if (n == 0)
		return;
	put(q, q->len, bytes, n);
	const char *end = q->first == 0 ? memchr(bytes, '\n', n) : NULL;
	if (end)
		q->first = q->len + (size_t)(end - bytes) + 1;
	q->len += n;
}

void queue_push_front(struct queue *q, const char *bytes, size_t n)
{
	if (n == 0)
		return;
	q->head = q->head >= n ? q->head - n : q->head + q->cap - n;
	q->len += n;
	put(q, 0, bytes, n);
	find_first(q);
}

size_t queue_peek(const struct queue *q, const char **ret)
{
	*ret = q->data ? q->data + q->head : "";
	return front_run(q);
}

void queue_pop(struct queue *q, size_t n)
{
	if (n >= q->len) {
		queue_clear(q);
		return;
	}
	q->head += n;
	if (q->head >= q->cap)
		q->head -= q->cap;
	q->len -= n;
	if (n < q->first)
		q->first -= n;
	else
		find_first(q);
	if (q->cap >= SHRINK_FROM && q->len < q->cap / SHRINK_AT)
		(void)resize(q, q->len * 2 > MIN_CAP ? q->len * 2
						     : MIN_CAP); /* kept as it is when that fails */
}

void queue_keep_first(struct queue *q)
{
	if (q->first > 0)
		q->len = q->first;
}

void queue_clear(struct queue *q)
{
	free(q->data);
	*q = (struct queue){ 0 };
}
