/* SPDX-License-Identifier: MIT */
/* One server of a client's JSON → its section: the command and its environment first, the other fields then. */
#include "base/cleanup.h"
#include "mcpctl/import_section.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const cJSON *member(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* A text, a number or a boolean, resolved; the caller's. NULL: it is something else. */
static char *text_of(struct import_section *s, const cJSON *item)
{
	if (!cJSON_IsString(item) && !cJSON_IsNumber(item) && !cJSON_IsBool(item))
		return NULL;
	_cleanup_free_ char *plain =
		cJSON_IsString(item) ? strdup(item->valuestring) : cJSON_PrintUnformatted(item);
	char *text = plain ? import_resolve(s, plain) : NULL;
	s->is_oom = s->is_oom || !text;
	return text;
}

/* One word more. False: it cannot be one, which was noted. */
static bool add_word(struct import_section *s, const cJSON *item, cJSON *words)
{
	_cleanup_free_ char *text = text_of(s, item);
	if (!text) {
		import_note(s, "left out: an argument is neither text nor number");
		return false;
	}
	if (strchr(text, '\n')) {
		import_note(s, "left out: an argument has more than one line, which INI cannot "
			       "hold; put it into a file");
		return false;
	}
	cJSON *word = cJSON_CreateString(text);
	if (!word || !cJSON_AddItemToArray(words, word)) {
		cJSON_Delete(word);
		s->is_oom = true;
	}
	return true;
}

/* command and args. False: there is none, which was noted. */
static bool read_words(struct import_section *s, const cJSON *json, cJSON *words)
{
	const cJSON *command = member(json, "command"), *args = member(json, "args"), *arg;
	if (!cJSON_IsString(command) || !command->valuestring[0]) {
		import_note(s, "left out: it has no command");
		return false;
	}
	if (args && !cJSON_IsArray(args) && !cJSON_IsNull(args)) {
		import_note(s, "left out: its args are no list");
		return false;
	}
	if (!add_word(s, command, words))
		return false;
	cJSON_ArrayForEach(arg, args)
	{
		if (!add_word(s, arg, words))
			return false;
	}
	return true;
}

static void read_env(struct import_section *s, const cJSON *json, cJSON *env)
{
	const cJSON *given = member(json, "env"), *item;
	if (given && !cJSON_IsObject(given) && !cJSON_IsNull(given))
		import_note(s, "env is left out: it is no object");
	if (!cJSON_IsObject(given))
		return;
	cJSON_ArrayForEach(item, given)
	{
		_cleanup_free_ char *text = text_of(s, item);
		cJSON_DeleteItemFromObjectCaseSensitive(env,
							item->string); /* the last one counts */
		if (!text)
			import_note(s, "env %.60s is left out: it has no value", item->string);
		else if (!cJSON_AddStringToObject(env, item->string, text))
			s->is_oom = true;
	}
}

/* Servers that are reached over the network have no command. */
static bool is_stdio(struct import_section *s, const cJSON *json)
{
	static const char *const urls[] = { "url", "serverUrl", "httpUrl" };
	const char *type = cJSON_GetStringValue(member(json, "type"));
	if (!type)
		type = cJSON_GetStringValue(member(json, "transport"));
	for (size_t i = 0; !type && i < sizeof(urls) / sizeof(urls[0]); i++)
		if (member(json, urls[i]) && !member(json, "command"))
			type = "http";
	if (!type || strcasecmp(type, "stdio") == 0 || strcasecmp(type, "local") == 0)
		return true;
	import_note(s, "left out: transport %.40s is not supported", type);
	return false;
}

/* "C:\Program Files\nodejs\npx.cmd" → npx */
static void program_of(const char *command, char *ret, size_t size)
{
	const char *name = command;
	for (const char *p = command; *p; p++)
		if (*p == '/' || *p == '\\')
			name = p + 1;
	(void)snprintf(ret, size, "%s", name);
	char *dot = strrchr(ret, '.');
	if (dot && (strcasecmp(dot, ".exe") == 0 || strcasecmp(dot, ".cmd") == 0))
		*dot = '\0';
}

static bool is_text(const cJSON *word, const char *text)
{
	return word && strcasecmp(word->valuestring, text) == 0;
}

/* What follows `docker run`, or NULL. */
static const cJSON *docker_run(const cJSON *first)
{
	char program[16];
	program_of(first->valuestring, program, sizeof(program));
	const cJSON *verb = first->next;
	if (verb && is_text(verb, "container"))
		verb = verb->next;
	bool is_docker = strcmp(program, "docker") == 0 || strcmp(program, "podman") == 0;
	return is_docker && is_text(verb, "run") ? verb : NULL;
}

/* Arguments that are paths name files of the machine where the client ran. */
static void note_paths(struct import_section *s, const cJSON *first)
{
	for (const cJSON *word = first->next; word; word = word->next) {
		const char *text = word->valuestring;
		bool is_path = (*text == '/' && text[1] && strncmp(text, "/workspace", 10) != 0) ||
			       strncmp(text, "~/", 2) == 0 ||
			       (isalpha((unsigned char)*text) && strncmp(text + 1, ":\\", 2) == 0);
		if (is_path)
			import_note(s,
				    "%s must be there in the server's container; mount it with "
				    "volumes, or change the path",
				    text);
	}
}

/* npx and uvx get an image of their own; anything else runs beside mcpinit. */
static void carry_command(struct import_section *s, const cJSON *words, const cJSON *env)
{
	char program[16];
	cJSON *first = words->child;
	program_of(first->valuestring, program, sizeof(program));
	if (strcmp(program, "npx") == 0 || strcmp(program, "uvx") == 0) {
		(void)strcpy(first->valuestring, program); /* never longer */
		if (s->has_workspace)
			import_add(s, "volumes", "workspace:/workspace");
		note_paths(s, first);
	} else {
		import_set(s, "launch", "process");
		import_note(s,
			    "%s runs as a process in mcpinit's container and must be there; "
			    "else replace launch by an image",
			    first->valuestring);
	}
	import_set_words(s, "command", first);
	import_set_environment(s, env);
}

static void carry_paths(struct import_section *s, const cJSON *json, bool is_docker)
{
	_cleanup_free_ char *cwd = text_of(s, member(json, "cwd"));
	_cleanup_free_ char *file = text_of(s, member(json, "envFile"));
	bool is_path = cwd && !strchr(cwd, '\n') &&
		       (*cwd == '/' || (strncmp(cwd, "${", 2) == 0 && !strstr(cwd, ":-")));
	if (cwd && is_docker)
		import_note(s, "cwd is left out: it was docker's own, not the container's");
	else if (cwd && !is_path)
		import_note(s, "cwd is left out: it is not an absolute path");
	else if (cwd)
		import_set(s, "working_dir", cwd);
	if (file && (!*file || strchr(file, '\n'))) {
		import_note(s, "envFile is left out: it is no path");
	} else if (file) {
		import_add(s, "env_file", file);
		import_note(s, "env_file %s is read by mcpinit: it must be there in its container",
			    file);
	}
}

static void carry_rest(struct import_section *s, const cJSON *json)
{
	static const char *const known[] = { "type", "transport", "command",  "args",	"env",
					     "cwd",  "envFile",	  "disabled", "enabled" };
	if (cJSON_IsTrue(member(json, "disabled")) || cJSON_IsFalse(member(json, "enabled")))
		import_set(s, "autostart", "false");
	const cJSON *item;
	cJSON_ArrayForEach(item, json)
	{
		size_t i = 0, n = sizeof(known) / sizeof(known[0]);
		while (i < n && strcmp(known[i], item->string) != 0)
			i++;
		if (i == n)
			import_note(s, "%.60s is left out: there is no key for it", item->string);
	}
}

bool import_server(struct import_section *s, const cJSON *json, cJSON *words, cJSON *env)
{
	if (!is_stdio(s, json) || !read_words(s, json, words))
		return false;
	read_env(s, json, env);
	char program[16];
	program_of(words->child->valuestring, program, sizeof(program));
	const cJSON *c = words->child->next;
	if (strcasecmp(program, "cmd") == 0 && is_text(c, "/c") && c->next) {
		cJSON_DeleteItemFromArray(words, 0);
		cJSON_DeleteItemFromArray(words, 0);
	}
	const cJSON *run = docker_run(words->child);
	if (run && !import_docker(s, run->next, env))
		return false;
	if (!run)
		carry_command(s, words, env);
	carry_paths(s, json, run != NULL);
	carry_rest(s, json);
	return true;
}
