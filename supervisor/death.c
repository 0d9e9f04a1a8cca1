/* SPDX-License-Identifier: MIT */
#include "supervisor/death.h"

#include "base/err.h"
#include "conf/conf.h"
#include "supervisor/launch.h"

#include <stdio.h>
#include <string.h>

enum { MS_PER_S = 1000, MS_PER_MIN = 60000, MS_PER_H = 3600000, SIGNAL_BASE = 128 };

const char *death_span(int64_t ms, char *out, size_t size)
{
	if (ms < MS_PER_S)
		(void)snprintf(out, size, "%lld ms", (long long)ms);
	else if (ms < MS_PER_MIN)
		(void)snprintf(out, size, "%lld.%lld s", (long long)(ms / MS_PER_S),
			       (long long)(ms % MS_PER_S / 100));
	else if (ms < MS_PER_H)
		(void)snprintf(out, size, "%lldm%02llds", (long long)(ms / MS_PER_MIN),
			       (long long)(ms % MS_PER_MIN / MS_PER_S));
	else
		(void)snprintf(out, size, "%lldh%02lldm", (long long)(ms / MS_PER_H),
			       (long long)(ms % MS_PER_H / MS_PER_MIN));
	return out;
}

void death_sentence(const struct launch_exit *x, int64_t ran_ms, char *out, size_t size)
{
	char span[24];
	death_span(ran_ms, span, sizeof(span));
	if (x->e)
		(void)snprintf(out, size, "%s", x->e->text);
	else if (x->is_engine_gone)
		(void)snprintf(out, size, "the engine went away after %s", span);
	else if (x->cut_ms > 0)
		(void)snprintf(out, size,
			       "a proxy before the engine cut its connection after %s without a "
			       "byte, and so it ended: set `timeout tunnel` there, or "
			       "healthcheck_interval to a third of that (docs/socket-proxy.md)",
			       death_span(x->cut_ms, span, sizeof(span)));
	else if (x->is_oom)
		(void)snprintf(out, size, "killed for lack of memory after %s; raise mem_limit",
			       span);
	else if (x->signal)
		(void)snprintf(out, size, "killed by signal %d after %s", x->signal, span);
	else if (x->exit_code > SIGNAL_BASE)
		(void)snprintf(out, size, "exited with status %d (signal %d) after %s",
			       x->exit_code, x->exit_code - SIGNAL_BASE, span);
	else if (x->exit_code >= 0)
		(void)snprintf(out, size, "exited with status %d after %s", x->exit_code, span);
	else
		(void)snprintf(out, size, "ended after %s, its status is not known", span);
}

bool death_is_exec_failure(const struct launch_exit *x, const char *stderr_tail, char *out,
			   size_t size)
{
	/* Docker's init, and Podman's, which leaves with 1. */
	static const struct {
		int exit_code;
		const char *who, *what;
	} inits[] = {
		{ 127, "[FATAL tini (", "exec " },
		{ 126, "[FATAL tini (", "exec " },
		{ 1, "(catatonit:", "failed to exec pid1" },
	};
	for (size_t i = 0; i < sizeof(inits) / sizeof(inits[0]); i++) {
		if (x->e || x->exit_code != inits[i].exit_code)
			continue;
		const char *init = strstr(stderr_tail, inits[i].who);
		const char *said = init ? strstr(init, inits[i].what) : NULL;
		if (!said)
			continue;
		(void)snprintf(out, size, "%.*s", (int)strcspn(said, "\n"), said);
		return true;
	}
	return false;
}

const char *death_reason(const struct launch_exit *x)
{
	if (x->e)
		return "start failed";
	if (x->is_engine_gone)
		return "engine unreachable";
	if (x->cut_ms > 0)
		return "connection cut";
	if (x->is_oom)
		return "out of memory";
	return x->signal || x->exit_code > SIGNAL_BASE ? "killed" : "exited";
}

static bool is_expected(const struct conf_server *conf, int exit_code)
{
	for (const int *c = conf->exitcodes; c && *c >= 0; c++) {
		if (*c == exit_code)
			return true;
	}
	return false;
}

enum srv_event death_event(const struct death *d)
{
	if (!d->want_up)
		return EV_DOWN;
	if (d->is_asked || d->x->is_engine_gone || d->x->is_engine_ill || d->x->cut_ms > 0)
		return EV_DIED;
	if (!d->was_ready)
		return d->x->is_final ? EV_GAVE_UP : EV_DIED;
	switch (d->conf->autorestart) {
	case CONF_AUTORESTART_NO:
		return EV_ENDED;
	case CONF_AUTORESTART_UNEXPECTED:
		return is_expected(d->conf, d->x->exit_code) ? EV_ENDED : EV_DIED;
	case CONF_AUTORESTART_YES:
		break;
	}
	return EV_DIED;
}
