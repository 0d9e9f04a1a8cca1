/* SPDX-License-Identifier: MIT */
#include "mcpctl/import_value.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MIN_MEMORY = 6 << 20, MAX_PIDS = 1 << 22 };

static bool is_one_of(const char *text, const char *const *names)
{
	while (*names && strcasecmp(text, *names) != 0)
		names++;
	return *names != NULL;
}

bool import_is_word(const char *text)
{
	return *text && *text != '-' && !text[strcspn(text, " \t\n")];
}

bool import_is_path(const char *text)
{
	return *text == '/' && !strchr(text, '\n');
}

/* Behind 12 or 0.5, or NULL; longer numbers than these mean nothing here. */
static const char *skip_number(const char *text)
{
	size_t n = strspn(text, "0123456789");
	if (n == 0 || n > 9 + 6)
		return NULL;
	text += n;
	if (*text != '.')
		return text;
	n = strspn(text + 1, "0123456789");
	return n > 0 ? text + 1 + n : NULL;
}

int64_t import_size(const char *text)
{
	static const char *const units[][4] = {
		{ "", "b" }, { "k", "kb", "kib" }, { "m", "mb", "mib" }, { "g", "gb", "gib" }
	};
	const char *unit = skip_number(text);
	for (int i = 0; unit && i < 4; i++)
		if (is_one_of(unit, units[i])) {
			double bytes = strtod(text, NULL) * (double)((int64_t)1 << (10 * i));
			return bytes < 1e18 ? (int64_t)bytes : -1;
		}
	return -1;
}

bool import_is_size(const char *text)
{
	return import_size(text) >= 0;
}

bool import_is_memory(const char *text)
{
	int64_t bytes = import_size(text);
	return bytes == 0 || bytes >= MIN_MEMORY;
}

bool import_is_cpus(const char *text)
{
	const char *end = skip_number(text);
	return end && !*end && strtod(text, NULL) < 1e9;
}

bool import_is_pids(const char *text)
{
	size_t n = strspn(text, "0123456789");
	return strcmp(text, "-1") == 0 || (n > 0 && n < 8 && !text[n] && atoi(text) <= MAX_PIDS);
}

bool import_is_ip(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

bool import_is_host_entry(const char *text)
{
	size_t n = strcspn(text, ":=");
	if (n == 0 || !text[n])
		return false;
	const char *address = text + n + 1;
	size_t len = strlen(address);
	bool is_bracketed = len > 2 && address[0] == '[' && address[len - 1] == ']';
	_cleanup_free_ char *plain = strndup(address + is_bracketed, len - 2 * is_bracketed);
	return plain && (strcmp(plain, "host-gateway") == 0 || import_is_ip(plain));
}

/* name=1024, name=1024:2048, -1 for no limit */
bool import_is_ulimit(const char *text)
{
	const char *p = text;
	while (islower((unsigned char)*p))
		p++;
	if (p == text || *p != '=')
		return false;
	for (int i = 0; i < 2; i++) {
		p++;
		size_t digits = strspn(p, "0123456789");
		p += digits > 0 ? digits : strncmp(p, "-1", 2) == 0 ? 2 : 0;
		if (p[-1] == '=' || p[-1] == ':')
			return false;
		if (*p != ':')
			break;
	}
	return !*p;
}

bool import_is_network(const char *text)
{
	return import_is_word(text) && !strpbrk(text, ",=");
}

bool import_is_platform(const char *text)
{
	const char *slash = strchr(text, '/');
	return import_is_word(text) && slash && slash != text && slash[1];
}

bool import_is_pull_policy(const char *text)
{
	static const char *const all[] = { "missing", "always", "never", NULL };
	return is_one_of(text, all);
}

bool import_is_signal(const char *text)
{
	static const char *const all[] = { "HUP",  "INT",  "QUIT",   "ABRT", "KILL",  "USR1",
					   "USR2", "PIPE", "ALRM",   "TERM", "WINCH", "CONT",
					   "STOP", "TSTP", "TTIN",   "TTOU", "IO",    "PWR",
					   "SYS",  "URG",  "VTALRM", NULL };
	return is_one_of(strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text, all);
}

bool import_is_boolean(const char *text)
{
	static const char *const all[] = { "true", "false", NULL };
	return is_one_of(text, all);
}
