/* SPDX-License-Identifier: MIT */
/* The words of `docker run` → keys. Texts are resolved (import_section.h). */
#include "base/cleanup.h"
#include "mcpctl/import_section.h"
#include "mcpctl/import_value.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct run {
	struct import_section *s;
	const cJSON *arg;	 /* the next one */
	const cJSON *client_env; /* what -e NAME takes its value from */
	cJSON *env;		 /* owned; name → value, or null: passed through */
	int64_t memory;		 /* what mem_limit will be */
	const char *reservation; /* --memory-reservation; NULL: none */
};

struct option {
	const char *name; /* without --; NULL: not in the table */
	char letter;	  /* 0: none */
	bool is_flag;	  /* takes no value but by = */
	const char *key;  /* for carry */
	void (*carry)(struct run *r, const struct option *o, const char *value);
	bool (*is_ok)(const char *value); /* NULL: any value is */
	const char *why;		  /* it is left out; NULL: there is no key for it */
};

static void leave_out_as(struct run *r, const struct option *o, const char *value, const char *why)
{
	bool has_value = !o->is_flag || strcmp(value, "true") != 0;
	import_note(r->s, "docker run --%s%s%s is left out: %s", o->name, has_value ? " " : "",
		    has_value ? value : "", why);
}

static void leave_out(struct run *r, const struct option *o, const char *value)
{
	leave_out_as(r, o, value, o->why ? o->why : "there is no key for it");
}

/* --- how an option is carried over --------------------------------------------------------- */

static void set(struct run *r, const struct option *o, const char *value)
{
	import_set(r->s, o->key, value);
}

static void add(struct run *r, const struct option *o, const char *value)
{
	import_add(r->s, o->key, value);
}

static void set_memory(struct run *r, const struct option *o, const char *value)
{
	r->memory = import_size(value);
	set(r, o, value);
}

/* Looked at when the limit is known. */
static void keep_reservation(struct run *r, const struct option *o, const char *value)
{
	(void)o;
	r->reservation = value;
}

static void set_reservation(struct run *r)
{
	if (!r->reservation)
		return;
	if (r->memory > 0 && import_size(r->reservation) > r->memory)
		import_note(r->s,
			    "docker run --memory-reservation %s is left out: it is more than "
			    "mem_limit, which is 2g unless --memory is given",
			    r->reservation);
	else
		import_set(r->s, "mem_reservation", r->reservation);
}

/* .5 is 0.5 */
static void set_cpus(struct run *r, const struct option *o, const char *value)
{
	_cleanup_free_ char *whole = NULL;
	if (asprintf(&whole, "%s%s", *value == '.' ? "0" : "", value) < 0) {
		whole = NULL;
		r->s->is_oom = true;
	} else if (*whole != '$' && !import_is_cpus(whole)) {
		leave_out_as(r, o, value, "mcpinit does not take such a value");
	} else {
		set(r, o, whole);
	}
}

/* What holds for every server here. */
static void take_for_granted(struct run *r, const struct option *o, const char *value)
{
	if (o->is_flag && strcmp(value, "true") != 0)
		leave_out(r, o, value);
}

/* "" takes the image's away. */
static void set_entrypoint(struct run *r, const struct option *o, const char *value)
{
	if (*value)
		set(r, o, value);
	else
		import_set_words(r->s, o->key, NULL);
}

static void add_env_file(struct run *r, const struct option *o, const char *value)
{
	add(r, o, value);
	import_note(r->s, "env_file %s is read by mcpinit: it must be there in its container",
		    value);
}

static void add_label(struct run *r, const struct option *o, const char *value)
{
	size_t n = strcspn(value, "=");
	_cleanup_free_ char *name = strndup(value, n);
	bool is_good = isalpha((unsigned char)*value) || *value == '_';
	for (size_t i = 0; i < n && is_good; i++)
		is_good = isalnum((unsigned char)value[i]) || strchr("_.-/", value[i]);
	if (!name)
		r->s->is_oom = true;
	else if (is_good)
		import_add_pair(r->s, o->key, name, value[n] ? value + n + 1 : "");
	else
		leave_out(r, o, value);
}

/* A later -e of one name wins, as it does for docker. */
static void add_env(struct run *r, const struct option *o, const char *value)
{
	(void)o;
	size_t n = strcspn(value, "=");
	_cleanup_free_ char *name = strndup(value, n);
	const cJSON *client = name ? cJSON_GetObjectItemCaseSensitive(r->client_env, name) : NULL;
	cJSON *item = value[n] ? cJSON_CreateString(value + n + 1)
		      : client ? cJSON_Duplicate(client, true)
			       : cJSON_CreateNull();
	if (name)
		cJSON_DeleteItemFromObjectCaseSensitive(r->env, name);
	if (!name || !item || !cJSON_AddItemToObject(r->env, name, item)) {
		cJSON_Delete(item);
		r->s->is_oom = true;
	}
}

static void note_volume(struct run *r, const struct option *o, const char *value, const char *why)
{
	if (why)
		leave_out_as(r, o, value, why);
}

static void add_volume(struct run *r, const struct option *o, const char *value)
{
	note_volume(r, o, value, import_add_volume(r->s, value));
}

static void add_mount(struct run *r, const struct option *o, const char *value)
{
	note_volume(r, o, value, import_add_mount(r->s, value));
}

/* --- the options --------------------------------------------------------------------------- */

#define FLAG .is_flag = true

/* What is carried over; what has a reason of its own not to be; and all flags, as any other option takes a value. */
static const struct option options[] = {
	{ "interactive", 'i', FLAG, .carry = take_for_granted },
	{ "rm", FLAG, .carry = take_for_granted },
	{ "init", FLAG, .key = "init", .carry = take_for_granted },
	{ "attach", 'a', .carry = take_for_granted },
	{ "quiet", 'q', FLAG, .carry = take_for_granted },
	{ "sig-proxy", FLAG, .carry = take_for_granted },
	{ "env", 'e', .carry = add_env },
	{ "env-file", .key = "env_file", .carry = add_env_file },
	{ "volume", 'v', .carry = add_volume },
	{ "mount", .carry = add_mount },
	{ "network", .key = "network_mode", .carry = set, .is_ok = import_is_network },
	{ "net", .key = "network_mode", .carry = set, .is_ok = import_is_network },
	{ "dns", .key = "dns", .carry = add, .is_ok = import_is_ip },
	{ "dns-search", .key = "dns_search", .carry = add, .is_ok = import_is_word },
	{ "dns-option", .key = "dns_opt", .carry = add, .is_ok = import_is_word },
	{ "dns-opt", .key = "dns_opt", .carry = add, .is_ok = import_is_word },
	{ "add-host", .key = "extra_hosts", .carry = add, .is_ok = import_is_host_entry },
	{ "user", 'u', .key = "user", .carry = set, .is_ok = import_is_word },
	{ "workdir", 'w', .key = "working_dir", .carry = set, .is_ok = import_is_path },
	{ "memory", 'm', .key = "mem_limit", .carry = set_memory, .is_ok = import_is_memory },
	{ "memory-reservation", .carry = keep_reservation, .is_ok = import_is_size },
	{ "cpus", .key = "cpus", .carry = set_cpus },
	{ "pids-limit", .key = "pids_limit", .carry = set, .is_ok = import_is_pids },
	{ "cap-add", .key = "cap_add", .carry = add, .is_ok = import_is_word },
	{ "cap-drop", .key = "cap_drop", .carry = add, .is_ok = import_is_word },
	{ "security-opt", .key = "security_opt", .carry = add, .is_ok = import_is_word },
	{ "tmpfs", .key = "tmpfs", .carry = add, .is_ok = import_is_path },
	{ "read-only", FLAG, .key = "read_only", .carry = set, .is_ok = import_is_boolean },
	{ "platform", .key = "platform", .carry = set, .is_ok = import_is_platform },
	{ "pull", .key = "pull_policy", .carry = set, .is_ok = import_is_pull_policy },
	{ "entrypoint", .key = "entrypoint", .carry = set_entrypoint },
	{ "label", 'l', .key = "labels", .carry = add_label },
	{ "hostname", 'h', .key = "hostname", .carry = set, .is_ok = import_is_word },
	{ "shm-size", .key = "shm_size", .carry = set, .is_ok = import_is_size },
	{ "ulimit", .key = "ulimits", .carry = add, .is_ok = import_is_ulimit },
	{ "device", .key = "devices", .carry = add, .is_ok = import_is_path },
	{ "ipc", .key = "ipc", .carry = set, .is_ok = import_is_word },
	{ "stop-signal", .key = "stop_signal", .carry = set, .is_ok = import_is_signal },
	{ "log-driver", .key = "logging", .carry = set, .is_ok = import_is_word },

	{ "tty", 't', FLAG, .why = "a terminal would change what servers say" },
	{ "detach", 'd', FLAG, .why = "mcpinit stays attached" },
	{ "name", .why = "mcpinit names its containers" },
	{ "restart", .why = "mcpinit restarts servers, see autorestart" },
	{ "publish", 'p', .why = "servers speak over stdio, no port is needed" },
	{ "publish-all", 'P', FLAG, .why = "servers speak over stdio, no port is needed" },
	{ "privileged", FLAG,
	  .why = "write the one capability it needs in cap_add, or the device in devices" },
	{ "cpu-shares", 'c', .why = NULL },
	{ "disable-content-trust", FLAG },
	{ "help", FLAG },
	{ "no-healthcheck", FLAG },
	{ "oom-kill-disable", FLAG },
	{ "use-api-socket", FLAG },
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

static void apply(struct run *r, const struct option *o, const char *value)
{
	bool is_known_later = strncmp(value, "${", 2) == 0 && !strstr(value, ":-");
	if (!o->carry)
		leave_out(r, o, value);
	else if (o->is_ok && !is_known_later && !o->is_ok(value))
		leave_out_as(r, o, value, "mcpinit does not take such a value");
	else
		o->carry(r, o, value);
}

/* The value of an option that has none in its own word. False: there is no further word. */
static bool take_next(struct run *r, const struct option *o)
{
	const cJSON *value = r->arg;
	if (!value) {
		import_note(r->s, "left out: docker run ends behind --%s", o->name);
		return false;
	}
	r->arg = value->next;
	apply(r, o, value->valuestring);
	return true;
}

/* --name=value, --name value, --flag */
static bool take_long(struct run *r, const char *word)
{
	size_t n = strcspn(word, "=");
	_cleanup_free_ char *name = strndup(word, n);
	if (!name) {
		r->s->is_oom = true;
		return false;
	}
	struct option unknown = { .name = name };
	const struct option *o = &unknown;
	for (size_t i = 0; i < OPTIONS; i++)
		if (strcmp(options[i].name, name) == 0)
			o = &options[i];
	if (!word[n] && !o->is_flag)
		return take_next(r, o);
	apply(r, o, word[n] ? word + n + 1 : "true");
	return true;
}

/* -i, -it, -eNAME, -e=NAME, -ite NAME */
static bool take_short(struct run *r, const char *letters)
{
	for (const char *p = letters; *p; p++) {
		const struct option *o = NULL;
		for (size_t i = 0; i < OPTIONS; i++)
			if (options[i].letter == *p)
				o = &options[i];
		if (!o) {
			import_note(r->s, "docker run -%c is left out: it is not known", *p);
		} else if (!o->is_flag) {
			const char *value = p[1] == '=' ? p + 2 : p + 1;
			if (!p[1])
				return take_next(r, o);
			apply(r, o, value);
			return true;
		} else if (p[1] == '=') {
			apply(r, o, p + 2);
			return true;
		} else {
			apply(r, o, "true");
		}
	}
	return true;
}

static bool take_options(struct run *r)
{
	while (r->arg && r->arg->valuestring[0] == '-' && r->arg->valuestring[1]) {
		const char *word = r->arg->valuestring;
		r->arg = r->arg->next;
		if (strcmp(word, "--") == 0)
			return true;
		if (word[1] == '-' ? !take_long(r, word + 2) : !take_short(r, word + 1))
			return false;
	}
	return true;
}

static void note_client_env(const struct run *r)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, r->client_env)
	{
		if (!cJSON_GetObjectItemCaseSensitive(r->env, item->string))
			import_note(r->s,
				    "env %.60s is left out: docker run has no -e %.60s, so the "
				    "container never saw it",
				    item->string, item->string);
	}
}

bool import_docker(struct import_section *s, const cJSON *arg, const cJSON *client_env)
{
	struct run r = { .s = s, .arg = arg, .client_env = client_env, .memory = 2LL << 30 };
	r.env = cJSON_CreateObject();
	s->is_oom = s->is_oom || !r.env;
	bool is_good = r.env && take_options(&r);
	if (is_good && (!r.arg || !import_is_word(r.arg->valuestring))) {
		import_note(s, "left out: docker run names no image");
		is_good = false;
	}
	if (is_good) {
		import_set(s, "image", r.arg->valuestring);
		set_reservation(&r);
		if (r.arg->next)
			import_set_words(s, "command", r.arg->next);
		import_set_environment(s, r.env);
		note_client_env(&r);
	}
	cJSON_Delete(r.env);
	return is_good;
}
