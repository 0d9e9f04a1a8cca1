/* SPDX-License-Identifier: MIT */
/*
 * scan against cJSON. What scan accepts, cJSON must accept, with the same members at the same places. cJSON is laxer (control
 * characters as space, 01, bad \u digits, …), so the other way round goes by what cJSON prints: that, scan must accept.
 */
#include "stdio/scan.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what, const char *line, size_t len)
{
	fprintf(stderr, "%s: %.*s\n", what, (int)len, line);
	abort();
}

/* What cJSON 1.7 refuses though RFC 8259 allows it: lone surrogates, numbers over 63 characters. */
static bool is_beyond_cjson(const char *p, size_t n)
{
	size_t digits = 0;
	for (size_t i = 0; i < n; i++) {
		digits = strchr("0123456789+-.eE", p[i]) && p[i] ? digits + 1 : 0;
		if (digits > 60)
			return true;
		if (p[i] == 'u' && i + 1 < n && (p[i + 1] == 'd' || p[i + 1] == 'D'))
			return true;
	}
	return false;
}

/* The value under the keys (each unescaped, exact), or NULL. */
static const cJSON *dig(const cJSON *tree, const char *a, const char *b, const char *c)
{
	const cJSON *at = cJSON_GetObjectItemCaseSensitive(tree, a);
	if (at && b)
		at = cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, b) : NULL;
	if (at && c)
		at = cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, c) : NULL;
	return at;
}

static const struct {
	enum scan_field field;
	const char *a, *b, *c;
} fields[] = {
	{ SCAN_JSONRPC, "jsonrpc", NULL, NULL },
	{ SCAN_ID, "id", NULL, NULL },
	{ SCAN_METHOD, "method", NULL, NULL },
	{ SCAN_PARAMS, "params", NULL, NULL },
	{ SCAN_RESULT, "result", NULL, NULL },
	{ SCAN_ERROR, "error", NULL, NULL },
	{ SCAN_REQUEST_ID, "params", "requestId", NULL },
	{ SCAN_TOKEN, "params", "progressToken", NULL },
	{ SCAN_META_TOKEN, "params", "_meta", "progressToken" },
	{ SCAN_PROTOCOL, "params", "protocolVersion", NULL },
	{ SCAN_URI, "params", "uri", NULL },
	{ SCAN_LEVEL, "params", "level", NULL },
};

/* cJSON_Compare() finds an object with a key twice different from itself. */
static bool is_same(const cJSON *a, const cJSON *b)
{
	char *x = cJSON_PrintUnformatted(a), *y = cJSON_PrintUnformatted(b);
	bool is_same = x && y && strcmp(x, y) == 0;
	cJSON_free(x);
	cJSON_free(y);
	return is_same;
}

static void compare(const struct scan *s, const cJSON *tree, const char *line, size_t len)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct span v = s->at[fields[i].field];
		const cJSON *want = dig(tree, fields[i].a, fields[i].b, fields[i].c);
		if ((v.p != NULL) != (want != NULL))
			die("found by one of the two", line, len);
		if (!want)
			continue;
		cJSON *got = cJSON_ParseWithLength(v.p, v.n);
		if (!got || !is_same(got, want))
			die("different values", line, len);
		cJSON_Delete(got);
		char text[256];
		long n = scan_text(v, text, sizeof(text));
		if (n >= 0 && !memchr(text, '\0', (size_t)n) &&
		    (strlen(want->valuestring) != (size_t)n ||
		     memcmp(text, want->valuestring, (size_t)n) != 0))
			die("different text", line, len);
	}
}

static bool has_nul_escape(const char *p, size_t n)
{
	return memmem(p, n, "\\u0000", 6) != NULL;
}

static void check(const char *line, size_t len)
{
	struct scan s;
	enum scan_verdict v = scan_line(line, len, &s);
	cJSON *tree = cJSON_ParseWithLength(line, len);
	bool is_taken = v == SCAN_OBJECT || v == SCAN_ARRAY || v == SCAN_SCALAR;
	if ((is_taken || v == SCAN_AMBIGUOUS) && !tree && !is_beyond_cjson(line, len))
		die("refused by cJSON", line, len);
	/* A key with a NUL inside ends there for cJSON. */
	if (v == SCAN_OBJECT && tree && !has_nul_escape(line, len))
		compare(&s, tree, line, len);
	char *printed = tree ? cJSON_PrintUnformatted(tree) : NULL;
	cJSON *again = printed ? cJSON_Parse(printed) : NULL;
	if (again) {
		v = scan_line(printed, strlen(printed), &s);
		if (v == SCAN_NOT_JSON || v == SCAN_TOO_DEEP)
			die("refused by scan", printed, strlen(printed));
		if (v == SCAN_OBJECT)
			compare(&s, again, printed, strlen(printed));
	}
	cJSON_Delete(again);
	cJSON_free(printed);
	cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Memory of its own: a read past the end is seen. */
	char *line = malloc(size ? size : 1);
	if (!line)
		return 0;
	memcpy(line, data, size);
	check(line, size);
	free(line);
	return 0;
}
