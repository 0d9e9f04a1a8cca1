/* SPDX-License-Identifier: MIT */
/* What has become of a server's tools since they were first seen: each list that it gives is held against the pins. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "stdio/mux_priv.h"
#include "stdio/walk.h"

#include <errno.h>
#include <string.h>

bool pinning_is_on(const struct mux *m)
{
	return m->p.pins && m->p.pin_mode != PIN_OFF;
}

bool pinning_blocks(const struct mux *m)
{
	return m->p.pins && m->p.pin_mode == PIN_BLOCK;
}

bool pinning_withholds(const struct mux *m, struct span name)
{
	return pinning_blocks(m) && !pins_holds(m->p.pins, m->p.server, name);
}

void pinning_parts(unsigned parts, struct buf *out)
{
	for (unsigned i = 0; i < PIN_PARTS; i++)
		if (parts & 1U << i)
			(void)buf_addf(out, "%s%s", out->len ? ", " : "", pin_part_name(i));
}

static void say_changed(const struct mux *m, struct span name, unsigned parts)
{
	_cleanup_buf_ struct buf names = { 0 };
	pinning_parts(parts, &names);
	log_warn(m->p.server,
		 "tool %.*s is not as it was first seen (changed: %s)%s; mcpctl tools %s shows it, "
		 "mcpctl tools %s --accept takes it",
		 (int)name.n, name.p, buf_str(&names), pinning_blocks(m) ? " and withheld" : "",
		 m->p.server, m->p.server);
}

/* Can they be looked at? If not, that is said once in a while. */
static bool have_pins(struct mux *m)
{
	struct err e;
	unsigned more;
	if (pins_load(m->p.pins, &e) == 0)
		return true;
	if (mux_may_say(&m->unpinned, &more))
		log_error(m->p.server, "pin_file: %s; mend it or take it away. Until then %s",
			  e.text,
			  pinning_blocks(m) ? "its tools are withheld"
					    : "no change of a tool is noticed");
	return false;
}

static void store(struct mux *m)
{
	struct err e;
	unsigned more;
	if (pins_store(m->p.pins, &e) < 0 && mux_may_say(&m->unpinned, &more))
		log_warn(m->p.server,
			 "pin_file: %s; what was pinned holds, but not beyond the end of mcpinit",
			 e.text);
}

void pinning_see(struct mux *m, struct span list)
{
	char text[FILTER_NAME_MAX];
	struct span none, tool, name;
	unsigned n_new = 0, n_not = 0, parts, more;
	if (!pinning_is_on(m) || !have_pins(m))
		return;
	for (struct walk w = walk_into(list); walk_next(&w, &none, &tool);) {
		enum pin_verdict v = PIN_NOT;
		if (filter_name_of(tool, text, &name))
			v = pins_see(m->p.pins, m->p.server, name, tool, &parts);
		n_new += v == PIN_NEW;
		n_not += v == PIN_NOT;
		if (v == PIN_CHANGED)
			say_changed(m, name, parts);
	}
	if (n_new > 0)
		log_info(m->p.server, "%u tool%s seen for the first time, and pinned", n_new,
			 n_new == 1 ? "" : "s");
	if (n_not > 0 && mux_may_say(&m->unpinned, &more))
		log_warn(m->p.server,
			 "%u tool%s cannot be pinned: no certain name, or more than %d", n_not,
			 n_not == 1 ? "" : "s", PIN_TOOLS_MAX);
	store(m);
}

/* --- for the operator ------------------------------------------------------------------------- */

static int open_pins(struct mux *m, struct err *e)
{
	if (!pinning_is_on(m))
		return err_set(e, -EINVAL, "pin_tools of server %s is off: nothing is pinned",
			       m->p.server);
	int r = pins_load(m->p.pins, e);
	return r < 0 ? err_prefix(e, "pin_file") : 0;
}

int mux_pins_each(struct mux *m, pins_fn *fn, void *ctx, struct err *e)
{
	int r = open_pins(m, e);
	if (r == 0)
		pins_each(m->p.pins, m->p.server, fn, ctx);
	return r;
}

int mux_pins_accept(struct mux *m, const char *tool, struct err *e)
{
	struct span name = { tool, tool ? strlen(tool) : 0 };
	int r = open_pins(m, e);
	if (r < 0)
		return r;
	size_t n = pins_accept(m->p.pins, m->p.server, name);
	if (n == 0 && tool)
		return err_set(e, -ENOENT, "no tool %.64s of server %s has changed", tool,
			       m->p.server);
	*e = (struct err){ 0 };
	(void)pins_store(m->p.pins, e); /* e says it */
	if (n > 0 && pinning_blocks(m))
		tools_changed(m);
	return (int)n;
}
