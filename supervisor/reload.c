/* SPDX-License-Identifier: MIT */
#include "supervisor/reload.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "supervisor/control.h"
#include "supervisor/doors.h"
#include "supervisor/engine.h"
#include "supervisor/launch.h"
#include "supervisor/pulls.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct conf_old {
	struct conf_old *next;
	const struct conf *conf; /* owned */
};

/* All that a reload needs memory for, made before anything is changed. */
struct change {
	struct supervisor *sv;
	struct conf *conf; /* the new one; owned until it is sv's */
	struct conf_diff diff;
	struct conf_old *old;	 /* owned until it is sv's */
	struct server **servers; /* the new sv->servers; owned until it is sv's */
	size_t n_servers;
	char **begun; /* room for every name */
	size_t n_begun;
};

static bool is_in(char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static bool is_old(const struct supervisor *sv, const struct server *s)
{
	for (size_t i = 0; i < sv->n_servers; i++)
		if (sv->servers[i] == s)
			return true;
	return false;
}

/* --- making ready --------------------------------------------------------------------------- */

static int find_engine(struct change *ch, struct err *e)
{
	struct supervisor *sv = ch->sv;
	for (struct conf_server **c = ch->conf->servers; *c && !sv->docker; c++) {
		if (!launch_needs_engine(sv, *c))
			continue;
		int r = engine_open(sv, e);
		if (r < 0)
			engine_close(sv);
		return r;
	}
	return 0;
}

static int make_servers(struct change *ch, struct err *e)
{
	struct supervisor *sv = ch->sv;
	size_t n = 0;
	while (ch->conf->servers[n])
		n++;
	ch->servers = calloc(n + sv->n_servers + 1, sizeof(struct server *));
	ch->begun = calloc(n + 1, sizeof(char *));
	if (!ch->servers || !ch->begun)
		return err_oom(e);
	for (size_t i = 0; i < n; i++) {
		struct server *s = supervisor_find(sv, ch->conf->servers[i]->name);
		if (!s && !(s = server_new(sv, ch->conf->servers[i], e)))
			return -ENOMEM;
		ch->servers[ch->n_servers++] = s;
	}
	/* Those that leave stand behind, where no place in the configuration is theirs. */
	for (size_t i = 0; i < sv->n_servers; i++)
		if (!conf_find_server(ch->conf, server_name(sv->servers[i])))
			ch->servers[ch->n_servers++] = sv->servers[i];
	return 0;
}

static int make_ready(struct change *ch, struct err *e)
{
	ch->old = calloc(1, sizeof(*ch->old));
	if (!ch->old || conf_diff(ch->sv->conf, ch->conf, &ch->diff) < 0)
		return err_oom(e);
	if (*ch->diff.frozen) {
		_cleanup_buf_ struct buf keys = { 0 };
		for (char **k = ch->diff.frozen; *k; k++)
			(void)buf_addf(&keys, "%s%s", keys.len ? ", " : "", *k);
		return err_set(e, -EBUSY,
			       "%s of [mcpinit] changed, which needs a restart of mcpinit",
			       buf_str(&keys));
	}
	int r = make_servers(ch, e);
	return r < 0 ? r : find_engine(ch, e);
}

static void change_done(struct change *ch)
{
	for (size_t i = 0; ch->servers && i < ch->n_servers; i++)
		if (!is_old(ch->sv, ch->servers[i]))
			server_free(ch->servers[i]);
	free(ch->servers);
	for (size_t i = 0; i < ch->n_begun; i++)
		free(ch->begun[i]);
	free(ch->begun);
	free(ch->old);
	conf_diff_done(&ch->diff);
	conf_free(ch->conf);
}

/* --- the change itself: nothing of it can fail, but that a pipe cannot be made -------------- */

static const struct conf_agent *find_agent(const struct conf *conf, const char *name)
{
	for (struct conf_agent **a = conf->agents; *a; a++)
		if (strcmp((*a)->name, name) == 0)
			return *a;
	return NULL;
}

/* Pipes cannot change hands while somebody has them open: the agent begins anew. */
static bool has_other_owner(const struct conf_agent *from, const struct conf_agent *to)
{
	return from->uid != to->uid || from->gid != to->gid;
}

static void change_agents(struct change *ch, const struct conf *was)
{
	struct supervisor *sv = ch->sv;
	for (struct conf_agent **a = was->agents; *a; a++) {
		const struct conf_agent *now = find_agent(sv->conf, (*a)->name);
		if (!now || has_other_owner(*a, now))
			doors_close(sv, (*a)->name);
	}
	for (struct conf_agent **a = sv->conf->agents; *a; a++) {
		struct err e;
		if (doors_open(sv, *a, &e) < 0)
			log_error("mcpinit", "reload: agent %s is not whole: %s", (*a)->name,
				  e.text);
	}
}

static void change_server(struct change *ch, size_t i)
{
	struct server *s = ch->servers[i];
	const struct conf_server *conf = ch->conf->servers[i];
	const char *name = conf->name;
	bool is_fatal = server_state(s) == SRV_FATAL, is_new = is_in(ch->diff.servers.added, name);
	bool is_changed = is_in(ch->diff.servers.changed, name);
	if (server_borrows(s, conf)) { /* just made */
		if (conf->autostart == CONF_AUTOSTART_YES)
			server_start(s, "reload");
	} else if (is_changed || is_new) { /* … or it was about to leave, and stays */
		server_reconfigure(s, conf);
	} else {
		server_adopt(s, conf, is_in(ch->diff.servers.tuned, name));
	}
	struct server_info info;
	server_info(s, &info);
	if (info.want_up && (is_new || is_changed || is_fatal) &&
	    (ch->begun[ch->n_begun] = strdup(name)))
		ch->n_begun++;
}

static void change_all(struct change *ch)
{
	struct supervisor *sv = ch->sv;
	const struct conf *was = sv->conf;
	size_t n_conf = 0;
	supervisor_set_log(ch->conf);
	*ch->old = (struct conf_old){ .next = sv->old_confs, .conf = was };
	sv->old_confs = take_ptr(&ch->old);
	sv->conf = ch->conf;
	free(sv->servers);
	sv->servers = ch->servers;
	sv->n_servers = ch->n_servers;
	while (sv->conf->servers[n_conf])
		n_conf++;
	/* Pipes first: who starts with the first message shall have one. */
	change_agents(ch, was);
	for (size_t i = 0; i < n_conf; i++)
		change_server(ch, i);
	supervisor_watch_required(sv);
	supervisor_changed(sv, NULL);
	ch->conf = NULL;
	ch->servers = NULL;
}

/* --- what is said about it ------------------------------------------------------------------ */

static void add_list(struct buf *text, const char *what, size_t n, const struct buf *names)
{
	if (n > 0)
		(void)buf_addf(text, "%s %zu %s (%s)", text->len ? "," : "", n, what,
			       buf_str(names));
}

static void add_names(struct buf *text, const char *what, char *const *names)
{
	_cleanup_buf_ struct buf list = { 0 };
	size_t n = 0;
	for (; names[n]; n++)
		(void)buf_addf(&list, "%s%s", n ? ", " : "", names[n]);
	add_list(text, what, n, &list);
}

/* Those that begin anew though nothing of theirs has changed: they were FATAL. */
static void add_retried(struct buf *text, const struct change *ch)
{
	_cleanup_buf_ struct buf list = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < ch->n_begun; i++)
		if (!is_in(ch->diff.servers.added, ch->begun[i]) &&
		    !is_in(ch->diff.servers.changed, ch->begun[i]))
			(void)buf_addf(&list, "%s%s", n++ ? ", " : "", ch->begun[i]);
	add_list(text, "FATAL tried again", n, &list);
}

static void describe(const struct change *ch, struct buf *text)
{
	const struct conf_diff *d = &ch->diff;
	_cleanup_buf_ struct buf list = { 0 };
	add_names(&list, "added", d->servers.added);
	add_names(&list, "removed", d->servers.removed);
	add_names(&list, "to run anew", d->servers.changed);
	add_names(&list, "changed without a restart", d->servers.tuned);
	add_retried(&list, ch);
	add_names(&list, "agents added", d->agents.added);
	add_names(&list, "agents removed", d->agents.removed);
	add_names(&list, "agents changed", d->agents.changed);
	(void)buf_addf(text, "reloaded:%s", list.len ? buf_str(&list) : " no server has changed");
}

static void refuse(struct reload *ret, const char *why)
{
	ret->outcome = RELOAD_REFUSED;
	(void)buf_addf(&ret->text, "reload refused: %s; everything goes on as before", why);
	log_error("mcpinit", "%s", buf_str(&ret->text));
}

static void refuse_invalid(struct reload *ret)
{
	ret->outcome = RELOAD_INVALID;
	for (size_t i = 0; i < ret->errors.n; i++)
		log_error("mcpinit", "%s", ret->errors.lines[i]);
	(void)buf_addf(
		&ret->text,
		"reload refused: %zu error%s in the configuration; everything goes on as before",
		ret->errors.n, ret->errors.n == 1 ? "" : "s");
	log_error("mcpinit", "%s", buf_str(&ret->text));
}

void reload_run(struct supervisor *sv, struct reload *ret)
{
	*ret = (struct reload){ .outcome = RELOAD_DONE };
	if (sv->shutdown) {
		refuse(ret, "mcpinit is shutting down");
		return;
	}
	if (!sv->source.path) {
		refuse(ret, "mcpinit was started without a configuration file");
		return;
	}
	struct change ch = { .sv = sv };
	struct conf_source source = sv->source;
	struct err e;
	source.is_again = true;
	if (conf_load(&source, &ch.conf, &ret->errors) < 0) {
		refuse_invalid(ret);
	} else if (make_ready(&ch, &e) < 0) {
		refuse(ret, e.text);
	} else {
		change_all(&ch);
		describe(&ch, &ret->text);
		log_info("mcpinit", "%s", buf_str(&ret->text));
		for (char **w = sv->conf->warnings; *w; w++)
			log_warn("mcpinit", "%s", *w);
		ret->begun = take_ptr(&ch.begun);
		ch.n_begun = 0;
	}
	change_done(&ch);
}

void reload_done(struct reload *r)
{
	buf_done(&r->text);
	conf_errors_done(&r->errors);
	for (char **name = r->begun; name && *name; name++)
		free(*name);
	free(take_ptr(&r->begun));
}

/* --- those that leave ----------------------------------------------------------------------- */

static void let_go(struct supervisor *sv, size_t at)
{
	struct server *s = sv->servers[at];
	log_info(server_name(s), "removed");
	control_server_gone(sv->control, s);
	pulls_forget(sv, s);
	doors_close_server(sv, s);
	memmove(&sv->servers[at], &sv->servers[at + 1],
		(sv->n_servers - at) * sizeof(*sv->servers)); /* the NULL behind them, too */
	sv->n_servers--;
	server_free(s);
}

static bool is_borrowed(const struct supervisor *sv, const struct conf *conf)
{
	for (struct conf_server **c = conf->servers; *c; c++)
		for (size_t i = 0; i < sv->n_servers; i++)
			if (server_borrows(sv->servers[i], *c))
				return true;
	return false;
}

static void free_old(struct supervisor *sv, bool is_all)
{
	for (struct conf_old **at = &sv->old_confs; *at;) {
		struct conf_old *old = *at;
		if (!is_all && is_borrowed(sv, old->conf)) {
			at = &old->next;
			continue;
		}
		*at = old->next;
		conf_free((struct conf *)old->conf);
		free(old);
	}
}

/* Those behind the servers of the configuration leave, and nobody who needs one of them may be left in the lurch. */
static bool may_leave(const struct supervisor *sv, size_t first, const struct server *s)
{
	for (size_t i = first; i < sv->n_servers; i++)
		if (server_depends_on(sv->servers[i], s) && !server_is_down(sv->servers[i]))
			return false;
	return true;
}

void reload_look(struct supervisor *sv)
{
	size_t first = 0;
	while (sv->conf->servers[first])
		first++;
	for (size_t i = first; i < sv->n_servers; i++)
		if (!server_is_leaving(sv->servers[i]) && may_leave(sv, first, sv->servers[i]))
			server_leave(sv->servers[i]);
	for (size_t i = sv->n_servers; i-- > first;)
		if (server_is_leaving(sv->servers[i]) && server_is_down(sv->servers[i]))
			let_go(sv, i);
	if (sv->old_confs)
		free_old(sv, false);
}

void reload_close(struct supervisor *sv)
{
	free_old(sv, true);
}
