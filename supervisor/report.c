/* SPDX-License-Identifier: MIT */
#include "supervisor/report.h"

#include "base/log.h"
#include "conf/conf.h"
#include "docker/imagemap.h"
#include "supervisor/death.h"

#include <stdio.h>
#include <string.h>

static const char *const launches[] = {
	[CONF_LAUNCH_AUTO] = "auto (api, then cli)",
	[CONF_LAUNCH_API] = "api",
	[CONF_LAUNCH_CLI] = "cli",
	[CONF_LAUNCH_PROCESS] = "process",
};
static const char *const starts[] = {
	[CONF_AUTOSTART_YES] = "at boot",
	[CONF_AUTOSTART_NO] = "by hand",
	[CONF_AUTOSTART_LAZY] = "with the first message",
};

static void print_server(const struct conf_server *s)
{
	struct imagemap map;
	(void)printf("%s: ", s->name);
	if (s->blocked) {
		(void)printf("cannot start: %s\n", s->blocked);
		return;
	}
	if (s->launch == CONF_LAUNCH_PROCESS)
		(void)printf("process %s", s->command[0]);
	else if (s->image)
		(void)printf("image %s", s->image);
	else if (imagemap_find((const char *const *)s->command, &map))
		(void)printf("image %s (for %s)", map.image, s->command[0]);
	else
		(void)printf("no image for %s", s->command[0]);
	(void)printf(", launched by %s, started %s%s\n", launches[s->launch], starts[s->autostart],
		     s->required ? ", required" : "");
}

/* A secret that `${…}` brought in is not shown. */
static void print_words(const char *prefix, char *const *words)
{
	(void)printf("    command  %s", prefix ? prefix : "");
	for (size_t i = 0; words[i]; i++) {
		char word[1024];
		(void)snprintf(word, sizeof(word), "%s", words[i]);
		word[log_redact(word, strlen(word))] = '\0';
		bool is_plain = *word && !strpbrk(word, " \t\n\"'\\");
		(void)printf("%s%s%s%s", i || prefix ? " " : "", is_plain ? "" : "\"", word,
			     is_plain ? "" : "\"");
	}
	(void)putchar('\n');
}

static bool is_workspace(const struct conf *conf, const char *source)
{
	return strcmp(source, "workspace") == 0 || strcmp(source, conf->workspace) == 0;
}

static bool print_mounts(const struct conf *conf, const struct conf_server *s)
{
	bool has_workspace = false;
	for (const struct conf_volume *v = s->volumes; v && v->source; v++) {
		const char *source = v->source, *kind = strpbrk(source, "/\\") ? "" : "volume ";
		if (is_workspace(conf, source)) {
			has_workspace = true;
			kind = conf->workspace_host ? "the host's " : "";
			source = conf->workspace_host ? conf->workspace_host : conf->workspace;
		}
		(void)printf("    mount    %s%s on %s%s\n", kind, source, v->target,
			     v->is_read_only ? ", read-only" : "");
	}
	return has_workspace;
}

static void print_user(const struct conf *conf, const struct conf_server *s, bool has_workspace)
{
	if (s->user && strcmp(s->user, "auto") == 0)
		(void)printf("    user     the owner of %s\n", conf->workspace);
	else if (s->user)
		(void)printf("    user     %s\n", s->user);
	else if (has_workspace)
		(void)printf("    user     the owner of %s, if the image's is root\n",
			     conf->workspace);
	else
		(void)printf("    user     the image's\n");
}

/* What plan.c will make of it, as far as it can be known without the engine. */
static void print_details(const struct conf *conf, const struct conf_server *s)
{
	struct imagemap map = { 0 };
	char span[24];
	const char *const *command = (const char *const *)s->command;
	bool is_mapped = !s->entrypoint && imagemap_find(command, &map);
	bool has_program = map.args && !s->image;
	if (s->blocked)
		return;
	if (s->command[0])
		print_words(has_program ? map.prefix : NULL,
			    has_program ? s->command + (map.args - command) : s->command);
	if (s->launch == CONF_LAUNCH_PROCESS)
		return;
	bool has_workspace = print_mounts(conf, s);
	bool is_installing = is_mapped && !has_program;
	if (is_installing)
		(void)printf(
			"    mount    volume mcpinit-%s-%s-cache on /tmp, HOME and the cache of %s\n",
			conf->instance ? conf->instance : "INSTANCE", conf_server_slug(s),
			s->command[0]);
	print_user(conf, s, has_workspace);
	(void)printf("    start    within %s%s\n",
		     death_span(s->start_timeout_ms, span, sizeof(span)),
		     is_installing ? " of the last word of the installer" : "");
}

void report_print(const struct conf *conf, bool is_verbose)
{
	for (char **secret = conf->secrets; *secret; secret++)
		log_redact_add(*secret);
	for (struct conf_server **s = conf->servers; *s; s++) {
		print_server(*s);
		if (is_verbose)
			print_details(conf, *s);
	}
	for (char **w = conf->warnings; *w; w++)
		(void)fprintf(stderr, "warning: %s\n", *w);
	(void)printf("the configuration is valid\n");
}
