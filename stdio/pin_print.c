/* SPDX-License-Identifier: MIT */
#include "stdio/pin_print.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "stdio/walk.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* A longer object goes up as its hash: what is inside of many others is not copied as many times. */
enum { LONG_BYTES = 256 };

static const char *const parts[PIN_PARTS] = { "title", "description", "inputSchema", "outputSchema",
					      "annotations" };

const char *pin_part_name(unsigned part)
{
	return parts[part];
}

static int put_hash(struct buf *out, const struct buf *of)
{
	unsigned char hash[PIN_HASH_BYTES];
	if (EVP_Digest(buf_str(of), of->len, hash, NULL, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	return buf_add(out, hash, sizeof(hash));
}

/* --- canonical ---------------------------------------------------------------------------------- */

/* Each value is put down with its kind and, where it has no end of its own, its length: no two of them are the same bytes. */
static int put_text(struct buf *out, char kind, const char *bytes, size_t n)
{
	int r = buf_addf(out, "%c%zu:", kind, n);
	return r < 0 ? r : buf_add(out, bytes, n);
}

static int put_string(struct buf *out, struct span value)
{
	if (!memchr(value.p, '\\', value.n))
		return put_text(out, 's', value.p + 1, value.n - 2);
	_cleanup_free_ char *plain = malloc(value.n);
	if (!plain)
		return -ENOMEM;
	return put_text(out, 's', plain, (size_t)scan_text(value, plain, value.n));
}

static int put_value(struct buf *out, struct walk *w);

struct member {
	size_t at, n; /* in the object's own buffer: key and value */
};

static int by_bytes(const void *a, const void *b, void *ctx)
{
	const struct member *x = a, *y = b;
	const char *base = ctx;
	int r = memcmp(base + x->at, base + y->at, x->n < y->n ? x->n : y->n);
	return r ? r : x->n < y->n ? -1 : x->n > y->n;
}

static int put_sorted(struct buf *out, const struct buf *own, struct buf *index)
{
	size_t n = index->len / sizeof(struct member);
	struct member *members = (struct member *)index->data;
	_cleanup_buf_ struct buf sorted = { 0 };
	int r = buf_adds(out, "{");
	if (n > 0)
		qsort_r(members, n, sizeof(*members), by_bytes, own->data);
	for (size_t i = 0; i < n && r == 0; i++)
		r = buf_add(&sorted, own->data + members[i].at, members[i].n);
	if (r == 0 && sorted.len > LONG_BYTES)
		r = put_hash(out, &sorted);
	else if (r == 0)
		r = buf_add(out, buf_str(&sorted), sorted.len);
	return r < 0 ? r : buf_adds(out, sorted.len > LONG_BYTES ? "#" : "}");
}

/* w stands on the first byte behind the bracket. */
static int put_object(struct buf *out, struct walk *w)
{
	_cleanup_buf_ struct buf own = { 0 }, index = { 0 };
	int r = 0;
	while (r == 0 && walk_more(w)) {
		struct member m = { .at = own.len };
		r = put_value(&own, w); /* the key */
		walk_colon(w);
		if (r == 0)
			r = put_value(&own, w);
		m.n = own.len - m.at;
		if (r == 0)
			r = buf_add(&index, &m, sizeof(m));
	}
	return r < 0 ? r : put_sorted(out, &own, &index);
}

static int put_array(struct buf *out, struct walk *w)
{
	int r = buf_adds(out, "[");
	while (r == 0 && walk_more(w))
		r = put_value(out, w);
	return r < 0 ? r : buf_adds(out, "]");
}

static int put_value(struct buf *out, struct walk *w)
{
	char c = *w->p;
	if (c == '{' || c == '[') {
		w->p++;
		int r = c == '{' ? put_object(out, w) : put_array(out, w);
		w->p++;
		return r;
	}
	struct span value = walk_scalar(w);
	return c == '"' ? put_string(out, value) : put_text(out, 'v', value.p, value.n);
}

/* --- a tool ----------------------------------------------------------------------------------- */

static int part_of(struct span key)
{
	for (int i = 0; i < PIN_PARTS; i++)
		if (walk_is_like(key, parts[i]))
			return i;
	return -1;
}

/* A part that stands there twice, or in another case, counts with all that is there of it. */
int pin_print(struct span tool, struct pin_print *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!walk_is_object(tool))
		return 0;
	struct buf text[PIN_PARTS] = { 0 };
	struct walk w = walk_into(tool);
	struct span key, value;
	int r = 0;
	while (r == 0 && walk_next(&w, &key, &value)) {
		int part = part_of(key);
		if (part < 0)
			continue;
		struct walk in = { value.p, value.p + value.n };
		r = put_string(&text[part], key);
		if (r == 0)
			r = put_value(&text[part], &in);
	}
	for (int i = 0; i < PIN_PARTS; i++) {
		struct buf hash = { 0 };
		if (r == 0 && text[i].len && (r = put_hash(&hash, &text[i])) == 0)
			memcpy(ret->hash[i], hash.data, PIN_HASH_BYTES);
		buf_done(&hash);
		buf_done(&text[i]);
	}
	return r;
}

unsigned pin_differ(const struct pin_print *a, const struct pin_print *b)
{
	unsigned differ = 0;
	for (unsigned i = 0; i < PIN_PARTS; i++)
		if (memcmp(a->hash[i], b->hash[i], PIN_HASH_BYTES) != 0)
			differ |= 1U << i;
	return differ;
}
