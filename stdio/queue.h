/* SPDX-License-Identifier: MIT */
/*
 * queue: a growing ring of bytes that wait to be written; knows where its first line ends.
 * Owns:    its memory, which it gives back: all of it when empty, most of it when much more is held than used.
 * Units:   bytes. No limit of its own: bounds are policy and belong to the caller.
 * Rule:    what is held ends with a newline, as only whole lines (or the rest of one) are pushed.
 * Used by: chan.c. Loop: none, pure.
 */
#ifndef STDIO_QUEUE_H
#define STDIO_QUEUE_H

#include <stddef.h>

struct queue {
	char *data; /* owned; NULL when empty, unless room was reserved */
	size_t cap, head, len;
	size_t first; /* bytes of the first line with its newline; 0 while that has not been pushed */
};

/* Room for n more bytes, so that the next pushes of n bytes in all cannot fail. 0 or -ENOMEM. */
int queue_reserve(struct queue *q, size_t n);
/* At the end; room must have been reserved. The last piece of a line ends with its newline. */
void queue_push(struct queue *q, const char *bytes, size_t n);
/* In front; room must have been reserved. */
void queue_push_front(struct queue *q, const char *bytes, size_t n);
/* The longest run from the front that lies in one piece. Borrowed until the next change. */
size_t queue_peek(const struct queue *q, const char **ret);
/* n bytes from the front were written. */
void queue_pop(struct queue *q, size_t n);
/* Keeps only the first line. */
void queue_keep_first(struct queue *q);
void queue_clear(struct queue *q);

#endif
