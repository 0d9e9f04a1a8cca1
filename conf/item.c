/* SPDX-License-Identifier: MIT */
#include "conf/item.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "conf/conf.h"
#include "conf/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_name_char(char c, bool is_first)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (!is_first && c && strchr("_.-", c));
}

int item_is_name(const char *text, struct err *e)
{
	size_t n = 0;
	while (is_name_char(text[n], n == 0))
		n++;
	if (n == 0 || text[n] || n > ITEM_NAME_MAX)
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not a name; write 1 to %d of a-z 0-9 _ . - "
			       "beginning with a letter or digit",
			       text, ITEM_NAME_MAX);
	return 0;
}

int item_is_path(const char *text, struct err *e)
{
	if (text[0] != '/' || strchr(text, '\n'))
		return err_set(e, -EINVAL, "\"%.60s\" is not an absolute path; begin it with /",
			       text);
	return 0;
}

bool item_is_windows_path(const char *text)
{
	if (isalpha((unsigned char)text[0]) && text[1] == ':')
		return text[2] == '\\' || text[2] == '/';
	return strncmp(text, "\\\\", 2) == 0 || strncmp(text, "//", 2) == 0;
}

int item_is_host_path(const char *text, struct err *e)
{
	if (item_is_windows_path(text))
		return 0;
	if (text[0] != '/')
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not an absolute path of the host; write it like "
			       "/opt/repos or C:\\repos",
			       text);
	return 0;
}

int item_is_endpoint(const char *text, struct err *e)
{
	if (!strstr(text, "://") || text[0] == ':')
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not an endpoint; write unix:///var/run/docker.sock "
			       "or tcp://host:2375",
			       text);
	return 0;
}

/* What reaches argv of the docker CLI as a word of its own must not look like an option. */
int item_is_word(const char *text, struct err *e)
{
	if (text[0] == '-')
		return err_set(e, -EINVAL, "\"%.60s\" must not begin with -", text);
	if (text[strcspn(text, " \t\n")])
		return err_set(e, -EINVAL, "\"%.60s\" must not hold white space", text);
	return 0;
}

static bool is_ip(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];
	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

int item_is_ip(const char *text, struct err *e)
{
	if (!is_ip(text))
		return err_set(e, -EINVAL, "\"%.60s\" is not an IP address; write it like 1.1.1.1",
			       text);
	return 0;
}

int item_is_host_entry(const char *text, struct err *e)
{
	size_t n = strcspn(text, ":=");
	_cleanup_free_ char *address = NULL;
	if (n > 0 && text[n]) {
		const char *from = text + n + 1;
		size_t len = strlen(from);
		bool is_bracketed = len > 2 && from[0] == '[' && from[len - 1] == ']';
		address = is_bracketed ? strndup(from + 1, len - 2) : strndup(from, len);
		if (!address)
			return err_oom(e);
		if (strcmp(address, "host-gateway") == 0 || is_ip(address))
			return 0;
	}
	return err_set(e, -EINVAL,
		       "\"%.60s\" is not understood; write HOST:IP or HOST:host-gateway", text);
}

int item_is_ulimit(const char *text, struct err *e)
{
	const char *p = text;
	while (islower((unsigned char)*p))
		p++;
	bool is_ok = p > text && *p == '=';
	for (int i = 0; is_ok && *p && i < 2; i++) { /* =SOFT, then :HARD */
		p++;
		size_t digits = strspn(p, "0123456789");
		if (digits == 0 && strncmp(p, "-1", 2) == 0)
			digits = 2;
		p += digits;
		is_ok = digits > 0 && (!*p || (*p == ':' && i == 0));
	}
	if (!is_ok)
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not a limit; write it like nofile=1024 or "
			       "nofile=1024:2048",
			       text);
	return 0;
}

int item_is_device(const char *text, struct err *e)
{
	if (text[0] != '/')
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not a device; write it like /dev/fuse or "
			       "/dev/a:/dev/b:rw",
			       text);
	return 0;
}

int item_is_tmpfs(const char *text, struct err *e)
{
	if (text[0] != '/')
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not understood; write it like /tmp or "
			       "/tmp:size=64m,mode=1777",
			       text);
	return 0;
}

int item_is_platform(const char *text, struct err *e)
{
	const char *slash = strchr(text, '/');
	if (!slash || slash == text || !slash[1])
		return err_set(e, -EINVAL, "\"%.60s\" is not a platform; write it like linux/amd64",
			       text);
	return item_is_word(text, e);
}

int item_is_capability(const char *text, struct err *e)
{
	static const char *const all[] = { "roots", "sampling", "elicitation", NULL };
	int i;
	return value_choice(text, all, &i, e);
}

int item_is_protocol(const char *text, struct err *e)
{
	static const char *const all[] = { "auto",	 "2024-11-05", "2025-03-26", "2025-06-18",
					   "2025-11-25", "2026-07-28", NULL };
	int i;
	return value_choice(text, all, &i, e);
}

int item_is_tool(const char *text, struct err *e)
{
	const char *colon = strchr(text, ':');
	if (colon)
		return err_set(e, -EINVAL,
			       "\"%.60s\" names a server, and here tools stand alone; write %.60s",
			       text, colon[1] ? colon + 1 : "*");
	return item_is_word(text, e);
}

int item_is_server_tool(const char *text, struct err *e)
{
	const char *colon = strchr(text, ':');
	if (strcmp(text, "*") == 0)
		return 0;
	if (!colon || colon == text || !colon[1])
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not SERVER:TOOL; name the server too, like "
			       "filesystem:%.60s",
			       text, colon || !text[0] ? "*" : text);
	return item_is_word(text, e);
}

int item_is_signal(const char *text, struct err *e)
{
	static const char *const all[] = { "HUP",  "INT",  "QUIT",   "ABRT", "KILL",  "USR1",
					   "USR2", "PIPE", "ALRM",   "TERM", "WINCH", "CONT",
					   "STOP", "TSTP", "TTIN",   "TTOU", "IO",    "PWR",
					   "SYS",  "URG",  "VTALRM", NULL };
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	int i;
	if (value_choice(name, all, &i, NULL) < 0)
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not a signal; write its name, like SIGTERM or SIGINT",
			       text);
	return 0;
}

/* --- NAME=VALUE ------------------------------------------------------------------------------ */

static size_t env_name_length(const char *p)
{
	size_t n = 0;
	while (p[n] == '_' || isalpha((unsigned char)p[n]) ||
	       (n > 0 && p[n] && (isdigit((unsigned char)p[n]) || strchr(".-", p[n]))))
		n++;
	return n;
}

int item_env(const char *text, struct conf_env *ret, struct err *e)
{
	size_t n = env_name_length(text);
	const char *rest = text + n;
	bool is_optional = strcmp(rest, "?") == 0;
	if (n == 0 || (*rest && *rest != '=' && !is_optional))
		return err_set(
			e, -EINVAL,
			"\"%.*s\" is not a variable's name; write NAME=VALUE, NAME or NAME?, "
			"and quote a value that holds commas",
			(int)strcspn(text, "="), text); /* the value may be a secret */
	_cleanup_free_ char *name = strndup(text, n);
	_cleanup_free_ char *value = NULL;
	if (*rest == '=')
		value = value_unquote(rest + 1, strlen(rest + 1));
	if (!name || (*rest == '=' && !value))
		return err_oom(e);
	*ret = (struct conf_env){ .name = take_ptr(&name),
				  .value = take_ptr(&value),
				  .is_optional = is_optional };
	return 0;
}

int item_secret(struct conf_env *env, struct err *e)
{
	if (!env->value || env->value[0] != '/')
		return err_set(e, -EINVAL,
			       "\"%.30s\" names no file; write NAME=/run/secrets/name, "
			       "or a plain value in environment",
			       env->name);
	env->file = take_ptr(&env->value);
	return 0;
}

/* --- volumes --------------------------------------------------------------------------------- */

static bool is_volume_name(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)p[i]) && (i == 0 || !strchr("_.-", p[i])))
			return false;
	return n > 0;
}

/* Where the source ends. A drive's colon is none, so "C:\x:/dst" splits at the second; "c:/dst" is a volume called c. */
static size_t source_length(const char *text)
{
	size_t from = 0;
	if (item_is_windows_path(text) && text[1] == ':' &&
	    (text[2] == '\\' || strstr(text + 2, ":/")))
		from = 2;
	return from + strcspn(text + from, ":");
}

int item_volume(const char *text, struct conf_volume *ret, struct err *e)
{
	size_t n = source_length(text);
	const char *target = text[n] == ':' ? text + n + 1 : "";
	size_t target_len = strcspn(target, ":");
	const char *option = target + target_len;
	if (n == 0 || target[0] != '/' || target_len < 2)
		return err_set(e, -EINVAL,
			       "\"%.60s\" is not a volume; write SRC:DST or SRC:DST:ro, DST an "
			       "absolute path in the container",
			       text);
	if (*option && strcmp(option, ":ro") != 0 && strcmp(option, ":rw") != 0)
		return err_set(e, -EINVAL,
			       "\"%.60s\" ends in \"%.20s\"; only :ro and :rw are possible", text,
			       option);
	if (text[0] != '/' && !item_is_windows_path(text) && !is_volume_name(text, n))
		return err_set(e, -EINVAL,
			       "\"%.60s\": the source is neither workspace, an absolute path nor a "
			       "volume's name",
			       text);
	_cleanup_free_ char *source = strndup(text, n);
	_cleanup_free_ char *copy = strndup(target, target_len);
	if (!source || !copy)
		return err_oom(e);
	*ret = (struct conf_volume){ .source = take_ptr(&source),
				     .target = take_ptr(&copy),
				     .is_read_only = strcmp(option, ":ro") == 0 };
	return 0;
}
