/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/finding.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const checks[] = {
	[CHECK_USER] = "user",
	[CHECK_ENVIRONMENT] = "environment",
	[CHECK_CONFIG] = "config",
	[CHECK_VARIABLES] = "variables",
	[CHECK_RUNTIME_DIR] = "runtime_dir",
	[CHECK_PIPES] = "pipes",
	[CHECK_MCPINIT] = "mcpinit",
	[CHECK_CREDENTIALS] = "credentials",
	[CHECK_ENDPOINT] = "endpoint",
	[CHECK_SOCKET] = "socket",
	[CHECK_ENGINE] = "engine",
	[CHECK_CLI] = "cli",
	[CHECK_CONTAINER] = "container",
	[CHECK_WORKSPACE] = "workspace",
	[CHECK_SIBLING] = "sibling",
	[CHECK_LIMITS] = "limits",
	[CHECK_IMAGE] = "image",
	[CHECK_DNS] = "dns",
	[CHECK_FIFO] = "fifo",
};
_Static_assert(sizeof(checks) / sizeof(checks[0]) == CHECKS, "every check has a name");

static const char *const verdicts[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_WARN] = "warn",
	[DOCTOR_FAIL] = "fail",
};

struct findings {
	FILE *to;		   /* borrowed */
	cJSON *array;		   /* owned; NULL: text */
	bool has_failed, is_short; /* is_short: out of memory for one of them */
};

const char *check_name(enum check check)
{
	return checks[check];
}

/* --- one ------------------------------------------------------------------------------------ */

struct finding finding_of(enum check check)
{
	return (struct finding){ .check = check };
}

__attribute__((format(printf, 3, 0))) static void append(char *to, size_t size, const char *fmt,
							 va_list ap)
{
	size_t n = strlen(to);
	(void)vsnprintf(to + n, size - n, fmt, ap); /* a cut sentence is still one */
}

void finding_set(struct finding *f, enum verdict verdict, const char *fmt, ...)
{
	va_list ap;
	f->verdict = verdict;
	f->text[0] = f->remedy[0] = '\0';
	va_start(ap, fmt);
	append(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void finding_add(struct finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	append(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void finding_remedy(struct finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	append(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

/* --- all ------------------------------------------------------------------------------------ */

struct findings *findings_new(FILE *to, bool is_json)
{
	struct findings *all = calloc(1, sizeof(*all));
	if (!all)
		return NULL;
	all->to = to;
	if (!is_json || (all->array = cJSON_CreateArray()))
		return all;
	free(all);
	return NULL;
}

/* One line, whatever an engine or a registry said. */
static void tame(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			*p = *p == '\n' || *p == '\t' ? ' ' : '?';
}

static bool add_json(cJSON *array, const struct finding *f)
{
	cJSON *o = cJSON_CreateObject();
	bool is_whole = o && cJSON_AddStringToObject(o, "check", checks[f->check]) &&
			cJSON_AddStringToObject(o, "verdict", verdicts[f->verdict]) &&
			cJSON_AddStringToObject(o, "text", f->text) &&
			cJSON_AddStringToObject(o, "remedy", f->remedy) &&
			cJSON_AddItemToArray(array, o);
	if (!is_whole)
		cJSON_Delete(o);
	return is_whole;
}

void findings_add(struct findings *all, const struct finding *f)
{
	struct finding one = *f;
	tame(one.text);
	tame(one.remedy);
	all->has_failed = all->has_failed || one.verdict == DOCTOR_FAIL;
	if (all->array) {
		all->is_short = !add_json(all->array, &one) || all->is_short;
		return;
	}
	(void)fprintf(all->to, "%-4s   %s: %s%s%s\n", verdicts[one.verdict], checks[one.check],
		      one.text, one.remedy[0] ? "; " : "", one.remedy);
	(void)fflush(all->to); /* findings_end() tells */
}

bool findings_have_failed(const struct findings *all)
{
	return all->has_failed;
}

int findings_end(struct findings *all)
{
	char *text = all->array ? cJSON_Print(all->array) : NULL;
	if (text)
		(void)fprintf(all->to, "%s\n", text);
	bool is_lost = all->array && (!text || all->is_short);
	free(text);
	return fflush(all->to) != 0 || ferror(all->to) || is_lost ? -EIO : 0;
}

void findings_free(struct findings *all)
{
	if (!all)
		return;
	cJSON_Delete(all->array);
	free(all);
}
