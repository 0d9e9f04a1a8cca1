/* SPDX-License-Identifier: MIT */
#include "supervisor/report.h"

#include "conf/conf.h"
#include "docker/imagemap.h"

#include <stdio.h>

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

void report_print(const struct conf *conf)
{
	for (struct conf_server **s = conf->servers; *s; s++)
		print_server(*s);
	for (char **w = conf->warnings; *w; w++)
		(void)fprintf(stderr, "warning: %s\n", *w);
	(void)printf("the configuration is valid\n");
}
