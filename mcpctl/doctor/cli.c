/* SPDX-License-Identifier: MIT */
/* The docker program: is it there, and does it reach, by itself, the engine that mcpinit reaches? */
#include "mcpctl/doctor/doctor.h"

#include "base/cleanup.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "docker/endpoint.h"
#include "mcpctl/doctor/path.h"
#include "mcpctl/doctor/program.h"

#include <stdlib.h>
#include <string.h>

struct cli_check {
	struct doctor *d;
	char *path;	       /* owned */
	char *id, *error;      /* owned; what the program said */
	const char *version;   /* in id */
	char *api_id;	       /* owned; NULL: not told */
	bool is_said, is_told; /* by the program; by the API */
	bool is_api_up;
};

static bool has_launch(const struct doctor *d, enum conf_launch launch)
{
	for (struct conf_server **s = d->conf->servers; *s; s++)
		if ((*s)->launch == launch)
			return true;
	return false;
}

static void judge(struct cli_check *c)
{
	struct doctor *d = c->d;
	if (!c->is_said || !c->is_told)
		return;
	const struct cli_facts facts = {
		.path = c->path,
		.is_launcher = has_launch(d, CONF_LAUNCH_CLI),
		.is_fallback = has_launch(d, CONF_LAUNCH_AUTO),
		.id = c->id,
		.version = c->version,
		.error = c->error,
		.is_api_up = c->is_api_up,
		.api_id = c->api_id,
		.endpoint = d->endpoint ? d->endpoint->text : "ENDPOINT",
	};
	struct finding f = finding_of(CHECK_CLI);
	judge_cli(&facts, &f);
	doctor_add(d, &f);
	doctor_end(d, CHECK_CLI);
}

void cli_tell(struct doctor *d, bool is_up, const char *id)
{
	struct cli_check *c = d->cli;
	if (!c || c->is_told)
		return;
	c->is_told = true;
	c->is_api_up = is_up;
	c->api_id = *id ? strdup(id) : NULL;
	judge(c);
}

static void on_info(void *ctx, const struct program_result *r)
{
	struct cli_check *c = ctx;
	char *space = strchr(r->out, ' ');
	if (r->status == 0 && space && (c->id = strdup(r->out))) {
		space = strchr(c->id, ' ');
		*space = '\0';
		c->version = space + 1;
	} else {
		const char *why = r->status < 0 ? "no answer in time" : r->err[0] ? r->err : r->out;
		c->error = strdup(why);
	}
	c->is_said = true;
	judge(c);
}

void cli_start(struct doctor *d)
{
	struct cli_check *c = d->cli = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->d = d;
	c->path = path_find("docker");
	doctor_begin(d, CHECK_CLI);
	const char *const argv[] = { c->path, "info", "--format", "{{.ID}} {{.ServerVersion}}",
				     NULL };
	const struct program_params p = {
		.argv = argv, .deadline_ms = DOCTOR_PROGRAM_MS, .on_done = on_info, .ctx = c
	};
	int r = c->path ? programs_run(d->programs, &p) : 0;
	if (r < 0)
		c->error = strdup(strerror(-r));
	c->is_said = !c->path || r < 0;
}

void cli_free(struct doctor *d)
{
	struct cli_check *c = d->cli;
	if (!c)
		return;
	free(c->path);
	free(c->id);
	free(c->error);
	free(c->api_id);
	free(c);
	d->cli = NULL;
}
