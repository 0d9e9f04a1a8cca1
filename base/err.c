/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static int set(struct err *e, int code, int kind,
						     const char *fmt, va_list ap)
{
	if (!e)
		return code;
	e->code = code;
	e->kind = kind;
	(void)vsnprintf(e->text, sizeof(e->text), fmt, ap); /* a cut sentence is still one */
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set(e, code, 0, fmt, ap);
	va_end(ap);
	return code;
}

int err_kind(struct err *e, int code, int kind, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set(e, code, kind, fmt, ap);
	va_end(ap);
	return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	if (!e)
		return -EIO;
	char old[sizeof(e->text)];
	memcpy(old, e->text, sizeof(old));
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n + 2 < sizeof(e->text))
		(void)snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %.*s",
			       (int)(sizeof(e->text) - (size_t)n - 3), old);
	return e->code;
}

int err_oom(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory");
}
