/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/doctor.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/http.h"
#include "base/loop.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "docker/endpoint.h"
#include "mcpctl/doctor/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

void doctor_add(struct doctor *d, const struct finding *f)
{
	if (!d->is_ending) /* what was not finished is told already */
		findings_add(d->findings, f);
}

/* --- the end ------------------------------------------------------------------------------------ */

static void stop(void *ctx)
{
	struct doctor *d = ctx;
	loop_stop(d->loop);
}

/* Containers that were made are still to be removed; that has a deadline of its own. */
static void finish(struct doctor *d)
{
	if (d->is_ending)
		return;
	d->is_ending = true;
	sibling_stop(d);
	deep_free(d); /* a container that still runs is killed and removed */
	if (!d->docker || docker_removals(d->docker) == 0) {
		loop_stop(d->loop);
		return;
	}
	docker_on_idle(d->docker, stop, d);
	loop_timer_in(d->timer, DOCTOR_TIDY_MS);
}

static void name_pending(struct doctor *d, const char *why)
{
	for (int i = 0; i < CHECKS; i++) {
		if (d->pending[i] == 0)
			continue;
		struct finding f = finding_of((enum check)i);
		finding_set(&f, DOCTOR_FAIL, "not finished: %s", why);
		finding_remedy(&f, "the engine or a registry is slow to answer: try again");
		doctor_add(d, &f);
	}
}

static void on_timer(void *ctx)
{
	struct doctor *d = ctx;
	if (d->is_ending) {
		loop_stop(d->loop);
		return;
	}
	char why[64];
	(void)snprintf(why, sizeof(why), "no answer within %d s", DOCTOR_TOTAL_MS / 1000);
	name_pending(d, why);
	finish(d);
}

static void on_signal(void *ctx, const struct signalfd_siginfo *si)
{
	struct doctor *d = ctx;
	if (si->ssi_signo == SIGCHLD) {
		programs_reap(d->programs);
	} else if (d->is_ending) {
		loop_stop(d->loop);
	} else {
		name_pending(d, "interrupted");
		finish(d);
	}
}

void doctor_begin(struct doctor *d, enum check check)
{
	d->pending[check]++;
	d->n_pending++;
}

void doctor_end(struct doctor *d, enum check check)
{
	d->pending[check]--;
	if (--d->n_pending == 0)
		finish(d);
}

/* --- the run ------------------------------------------------------------------------------------- */

static int prepare(struct doctor *d, struct err *e)
{
	sigset_t set;
	(void)signal(SIGPIPE, SIG_IGN); /* TLS writes by plain write(2) */
	(void)sigemptyset(&set);	/* these never fail */
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	d->findings = findings_new(stdout, d->p->is_json);
	d->loop = loop_new(e);
	if (!d->findings || !d->loop)
		return err_oom(e);
	d->http = http_new(d->loop, "mcpinit/" MCPINIT_VERSION, e);
	d->timer = loop_timer_new(d->loop, on_timer, d);
	d->programs = programs_new(d->loop);
	if (!d->http || !d->timer || !d->programs)
		return err_oom(e);
	return loop_signals(d->loop, &set, on_signal, d, e);
}

/* Held together, so that nothing ends before all has begun. */
static int look(struct doctor *d, struct err *e)
{
	doctor_begin(d, CHECK_USER);
	loop_timer_in(d->timer, DOCTOR_TOTAL_MS);
	if (here_look(d) < 0 || images_gather(d) < 0)
		return err_oom(e);
	mcpinit_start(d);
	cli_start(d);
	engine_start(d);
	doctor_end(d, CHECK_USER);
	return d->is_ending ? 0 : loop_run(d->loop);
}

static void doctor_free(struct doctor *d)
{
	deep_free(d);
	mcpinit_free(d);
	engine_free(d); /* first: drops the calls that the rest waits for */
	sibling_free(d);
	images_free(d);
	cli_free(d);
	programs_free(d->programs);
	loop_timer_free(d->timer);
	http_free(d->http);
	loop_free(d->loop);
	findings_free(d->findings);
	conf_free(d->conf);
}

int doctor_run(const struct doctor_params *p)
{
	struct err e = { 0 };
	struct doctor d = { .p = p };
	int status = WIRE_EXIT_FAILED;
	int r = prepare(&d, &e);
	if (r == 0)
		r = look(&d, &e);
	if (r == 0 && findings_end(d.findings) < 0)
		r = err_set(&e, -EIO, "the findings could not be written");
	if (r < 0)
		(void)fprintf(stderr, "mcpctl doctor: %s\n", e.text[0] ? e.text : strerror(-r));
	else if (!findings_have_failed(d.findings))
		status = WIRE_EXIT_OK;
	doctor_free(&d);
	return status;
}
