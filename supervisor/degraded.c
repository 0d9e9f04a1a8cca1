/* SPDX-License-Identifier: MIT */
#include "supervisor/degraded.h"

#include <stdio.h>
#include <string.h>

void degraded_greeted(struct degraded *d, const char *changed)
{
	if (changed && !d->is_expected)
		(void)snprintf(d->changed, sizeof(d->changed), "%s",
			       changed); /* cut is good enough */
	d->is_expected = false;
}

void degraded_counted(struct degraded *d, int tools)
{
	d->tools = tools < 0 ? 0 : tools;
	if (d->tools > d->tools_before)
		d->tools_before = d->tools;
}

void degraded_restarted(struct degraded *d, int64_t now_ms)
{
	d->restarts_ms[d->n_restarts++ % DEGRADED_RESTARTS] = now_ms;
}

void degraded_accept(struct degraded *d)
{
	d->tools_before = d->tools;
	d->changed[0] = '\0';
	d->n_restarts = 0;
	d->is_expected = true;
}

void degraded_forget(struct degraded *d)
{
	degraded_accept(d);
	d->tools = d->tools_before = 0;
}

int64_t degraded_until_ms(const struct degraded *d, int64_t now_ms)
{
	if (d->n_restarts < DEGRADED_RESTARTS)
		return 0;
	/* The oldest of the ring is the next to be overwritten. */
	int64_t until = d->restarts_ms[d->n_restarts % DEGRADED_RESTARTS] + DEGRADED_WINDOW_MS;
	return until > now_ms ? until : 0;
}

unsigned degraded_is(const struct degraded *d, int64_t now_ms)
{
	return (d->tools < d->tools_before ? DEGRADED_TOOLS : 0) |
	       (d->changed[0] ? DEGRADED_HANDSHAKE : 0) |
	       (degraded_until_ms(d, now_ms) ? DEGRADED_OFTEN : 0);
}

unsigned degraded_say(const struct degraded *d, int64_t now_ms, char *out, size_t size)
{
	unsigned is = degraded_is(d, now_ms);
	char tools[64] = "", often[64] = "";
	if (is & DEGRADED_TOOLS)
		(void)snprintf(tools, sizeof(tools), "%d tool%s, %d before its restart", d->tools,
			       d->tools == 1 ? "" : "s", d->tools_before);
	if (is & DEGRADED_OFTEN)
		(void)snprintf(often, sizeof(often), "restarted %d times or more in %d minutes",
			       DEGRADED_RESTARTS, DEGRADED_WINDOW_MS / 60000);
	const char *parts[] = { tools, d->changed, often };
	size_t n = 0;
	*out = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!*parts[i] || n >= size)
			continue;
		int r = snprintf(out + n, size - n, "%s%s", n ? "; " : "degraded: ", parts[i]);
		n += r > 0 ? (size_t)r : 0;
	}
	return is;
}
