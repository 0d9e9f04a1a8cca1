/* SPDX-License-Identifier: MIT */
/* The sockets: made, guarded, removed. */
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "supervisor/control_priv.h"
#include "supervisor/rundir.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	RETRY_MS = 1000, /* accept again when there were no descriptors */
	GROUPS = 256,	 /* of a peer that are looked at */
};

/* --- who may come in ----------------------------------------------------------------------- */

static bool is_in_group(int fd, const struct ucred *peer, int64_t gid)
{
	if (gid < 0)
		return false;
	if (peer->gid == (gid_t)gid)
		return true;
	gid_t groups[GROUPS];
	socklen_t len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == (gid_t)gid)
			return true;
	return false;
}

/* The mode of the socket says the same; but a mode can be changed by accident, and a directory mounted elsewhere. */
bool ctl_may_enter(const struct ctl_socket *s, int fd)
{
	if (s->agent)
		return true;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || is_in_group(fd, &peer, s->ctl->gid);
}

static void socket_ready(void *ctx, unsigned ready)
{
	(void)ready;
	struct ctl_socket *s = ctx;
	while (s->n_clients < WIRE_CLIENTS) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			ctl_client_new(s, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			/* The knock at the door does not go away by itself: without a pause it would spin. */
			log_warn("mcpinit", "no client accepted at %s: %s; again in 1 s", s->name,
				 strerror(errno));
			(void)loop_io_want(s->io, 0); /* taking it out of epoll cannot fail */
			loop_timer_in(s->retry, RETRY_MS);
		}
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static void socket_retry(void *ctx)
{
	struct ctl_socket *s = ctx;
	if (s->n_clients < WIRE_CLIENTS)
		(void)loop_io_want(s->io, LOOP_IN); /* it was in epoll before */
}

/* --- sockets ------------------------------------------------------------------------------- */

static void socket_free(struct ctl_socket *s)
{
	if (!s)
		return;
	while (s->clients)
		ctl_client_free(s->clients);
	loop_io_free(s->io);
	loop_timer_free(s->retry);
	if (s->fd >= 0)
		(void)unlinkat(s->dir_fd, s->name, 0); /* gone already is as good */
	close_fd(&s->fd);
	close_fd(&s->dir_fd);
	free(s->agent);
	free(s);
}

/* What lies there is left over, unless somebody answers. */
static int clear_place(int fd, const struct ctl_socket *s, const struct sockaddr_un *un,
		       const char *path, struct err *e)
{
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno == EAGAIN)
		return err_set(e, -EBUSY,
			       "another mcpinit answers at %s: give this one a %s of its own", path,
			       s->agent ? "runtime_dir" : "control_dir");
	struct stat st;
	if (fstatat(s->dir_fd, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(e, -EEXIST, "%s is there and is no socket: remove it", path);
	if (unlinkat(s->dir_fd, s->name, 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "cannot remove the old %s: %s", path, strerror(errno));
	return 0;
}

/* By the directory's descriptor: no name on the way can be exchanged, and none is too long for an address. */
static int socket_bind(struct ctl_socket *s, const char *path, struct err *e)
{
	char by_fd[64];
	(void)snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d/%s", s->dir_fd, s->name);
	struct sockaddr_un un;
	int r = wire_address(access("/proc/self/fd", X_OK) == 0 ? by_fd : path, &un, e);
	_cleanup_close_ int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r == 0 && (fd < 0 || probe < 0))
		r = err_set(e, -errno, "cannot make a socket: %s", strerror(errno));
	if (r == 0)
		r = clear_place(probe, s, &un, path, e);
	if (r < 0)
		return r;
	mode_t old = umask(0177); /* nobody else's from birth; the owner is set before it listens */
	r = bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0 ? -errno : 0;
	(void)umask(old); /* always succeeds */
	if (r < 0)
		return err_set(e, r, "cannot make the socket %s: %s", path, strerror(-r));
	s->fd = take_fd(&fd);
	return 0;
}

static int socket_own(struct ctl_socket *s, const char *path, struct err *e)
{
	const struct control *ctl = s->ctl;
	if (s->agent)
		return rundir_own_socket(ctl->sv->rundir, s->agent, e);
	if (ctl->gid >= 0 &&
	    (fchownat(s->dir_fd, s->name, (uid_t)-1, (gid_t)ctl->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	     fchmodat(s->dir_fd, s->name, 0660, 0) < 0))
		return err_set(e, -errno, "cannot give %s to control_group: %s", path,
			       strerror(errno));
	return 0;
}

static int socket_open(struct ctl_socket *s, int dir_fd, const char *path, struct err *e)
{
	struct loop *loop = s->ctl->sv->loop;
	s->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
	if (s->dir_fd < 0)
		return err_set(e, -errno, "cannot open the directory of %s: %s", path,
			       strerror(errno));
	int r = socket_bind(s, path, e);
	if (r == 0)
		r = socket_own(s, path, e);
	if (r < 0)
		return r;
	if (listen(s->fd, WIRE_CLIENTS) < 0)
		return err_set(e, -errno, "cannot listen at %s: %s", path, strerror(errno));
	if (!(s->retry = loop_timer_new(loop, socket_retry, s)))
		return err_oom(e);
	s->io = loop_io_new(loop, s->fd, LOOP_IN, socket_ready, s, e);
	return s->io ? 0 : -EIO;
}

static int add_socket(struct control *ctl, const char *agent, struct err *e)
{
	struct ctl_socket *s = calloc(1, sizeof(*s));
	if (!s || (agent && !(s->agent = strdup(agent)))) {
		free(s);
		return err_oom(e);
	}
	const struct conf *conf = ctl->sv->conf;
	struct rundir *rd = ctl->sv->rundir;
	_cleanup_buf_ struct buf path = { 0 };
	s->ctl = ctl;
	s->fd = s->dir_fd = -1;
	s->name = agent ? WIRE_AGENT : WIRE_CONTROL;
	int r = agent ? buf_addf(&path, "%s/%s/%s", conf->runtime_dir, agent, s->name)
		      : buf_addf(&path, "%s/%s", conf->control_dir, s->name);
	if (r < 0)
		(void)err_oom(e);
	else
		r = socket_open(s, agent ? rundir_agent_fd(rd, agent) : rundir_control_fd(rd),
				buf_str(&path), e);
	if (r < 0) {
		socket_free(s);
		return r;
	}
	s->next = ctl->sockets;
	ctl->sockets = s;
	return 0;
}

static int find_group(const char *name, int64_t *ret, struct err *e)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(name, &end, 10);
	if (*name >= '0' && *name <= '9' && !*end && !errno && n < UINT32_MAX) {
		*ret = (int64_t)n;
		return 0;
	}
	const struct group *g = getgrnam(name);
	if (!g)
		return err_set(e, -EINVAL,
			       "control_group: there is no group %s here; use its number", name);
	*ret = g->gr_gid;
	return 0;
}

struct control *control_new(struct supervisor *sv, struct err *e)
{
	struct control *ctl = calloc(1, sizeof(*ctl));
	if (!ctl) {
		err_oom(e);
		return NULL;
	}
	ctl->sv = sv;
	ctl->gid = -1;
	const char *group = sv->conf->control_group;
	int r = group ? find_group(group, &ctl->gid, e) : 0;
	if (r == 0)
		r = add_socket(ctl, NULL, e);
	if (r < 0) {
		control_free(ctl);
		return NULL;
	}
	return ctl;
}

int control_add_agent(struct control *ctl, const struct conf_agent *agent, struct err *e)
{
	for (const struct ctl_socket *s = ctl->sockets; s; s = s->next)
		if (s->agent && strcmp(s->agent, agent->name) == 0)
			return 0;
	return add_socket(ctl, agent->name, e);
}

void control_remove_agent(struct control *ctl, const char *agent)
{
	for (struct ctl_socket **at = &ctl->sockets; *at; at = &(*at)->next)
		if ((*at)->agent && strcmp((*at)->agent, agent) == 0) {
			struct ctl_socket *s = *at;
			*at = s->next;
			socket_free(s);
			return;
		}
}

void control_free(struct control *ctl)
{
	if (!ctl)
		return;
	while (ctl->sockets) {
		struct ctl_socket *s = ctl->sockets;
		ctl->sockets = s->next;
		socket_free(s);
	}
	ctl_tails_free(ctl, NULL);
	ctl_sweep_free(ctl->sweep);
	free(ctl);
}

void control_server_gone(struct control *ctl, struct server *server)
{
	for (struct ctl_socket *s = ctl->sockets; s; s = s->next)
		for (struct ctl_client *c = s->clients; c; c = c->next) {
			ctl_logs_gone(c, server);
			ctl_wait_gone(c, server);
		}
	ctl_tails_free(ctl, server);
}

void control_changed(struct control *ctl)
{
	for (struct ctl_socket *s = ctl->sockets; s; s = s->next)
		for (struct ctl_client *c = s->clients; c; c = c->next)
			if (c->wait)
				ctl_wait_look(c);
}

void control_progress(struct control *ctl, const struct server *server, const char *text)
{
	for (struct ctl_socket *s = ctl->sockets; s; s = s->next)
		for (struct ctl_client *c = s->clients; c; c = c->next)
			if (!c->is_dead)
				ctl_wait_progress(c, server, text);
}
