/* SPDX-License-Identifier: MIT */
#include "supervisor/rundir.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "stdio/fifo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* One pair of pipes. It outlives its stream, which tells it when a second program comes. */
struct pair {
	struct pair *next;
	char *server; /* owned */
	const struct agent *agent;
};

struct agent {
	struct agent *next;
	struct pair *pairs;
	char *name; /* owned */
	int fd;	    /* owned */
	uid_t uid;  /* -1: ours */
	gid_t gid;
	mode_t mode;
};

struct rundir {
	char *path, *control_path; /* owned */
	int fd, control_fd;	   /* owned; fd holds the lock */
	bool is_made, is_control_made;
	struct agent *agents;
};

static struct agent *find_agent(const struct rundir *rd, const char *name)
{
	struct agent *a = rd->agents;
	while (a && strcmp(a->name, name) != 0)
		a = a->next;
	return a;
}

static struct pair *find_pair(const struct agent *a, const char *server)
{
	struct pair *p = a->pairs;
	while (p && strcmp(p->server, server) != 0)
		p = p->next;
	return p;
}

/* --- directories ------------------------------------------------------------------------------ */

static int open_dir(int at_fd, const char *name)
{
	int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* runtime_dir or control_dir: what is there is used as it is, parents and symbolic links too. */
static int make_base(const char *path, bool *ret_is_made, struct err *e)
{
	bool is_made = mkdir(path, 0755) == 0;
	if (!is_made && errno != EEXIST)
		return err_set(e, -errno, "cannot make %s: %s", path, strerror(errno));
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "cannot open the directory %s: %s", path,
			       strerror(errno));
	if (is_made && fchmod(fd, 0755) < 0) /* whatever the umask says */
		return err_set(e, -errno, "cannot set the mode of %s: %s", path, strerror(errno));
	*ret_is_made = is_made;
	return take_fd(&fd);
}

/* An agent's or a server's directory: ours, with the agent's group, 0750. */
static int make_dir(int at_fd, const char *name, const char *path, gid_t gid, struct err *e)
{
	if (mkdirat(at_fd, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "cannot make %s: %s", path, strerror(errno));
	_cleanup_close_ int fd = open_dir(at_fd, name);
	if (fd == -ENOTDIR || fd == -ELOOP)
		return err_set(e, fd, "%s is no directory; remove it, mcpinit makes it itself",
			       path);
	if (fd < 0)
		return err_set(e, fd, "cannot open the directory %s: %s", path, strerror(-fd));
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "cannot inspect %s: %s", path, strerror(errno));
	uid_t us = geteuid();
	gid_t group = gid == (gid_t)-1 ? getegid() : gid;
	if ((st.st_uid != us || st.st_gid != group) && fchown(fd, us, group) < 0)
		return err_set(e, -errno, "cannot give %s to user %u, group %u: %s", path,
			       (unsigned)us, (unsigned)group, strerror(errno));
	if ((st.st_mode & 07777) != 0750 && fchmod(fd, 0750) < 0)
		return err_set(e, -errno, "cannot set the mode of %s: %s", path, strerror(errno));
	return take_fd(&fd);
}

static bool remove_if(int at_fd, const char *name, mode_t type)
{
	struct stat st;
	return fstatat(at_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == type && unlinkat(at_fd, name, 0) == 0;
}

/* True if there was a pipe in it. Without one a directory is ours only if it stands in an agent's (is_sure). */
static bool remove_pair(int at_fd, const char *name, bool is_sure)
{
	static const char *const pipes[] = { "in", "out", ".in.fresh", ".out.fresh" };
	_cleanup_close_ int fd = open_dir(at_fd, name);
	if (fd < 0)
		return false;
	bool was_there = false;
	for (size_t i = 0; i < sizeof(pipes) / sizeof(*pipes); i++)
		was_there = remove_if(fd, pipes[i], S_IFIFO) || was_there;
	if (was_there || is_sure)
		(void)unlinkat(at_fd, name, AT_REMOVEDIR); /* refused unless empty: not all ours */
	return was_there;
}

typedef void entry_fn(void *ctx, int dir_fd, const char *name);

static void each_subdir(int dir_fd, entry_fn *fn, void *ctx)
{
	int fd = open_dir(dir_fd, ".");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		close_fd(&fd);
		return;
	}
	for (struct dirent *d; (d = readdir(dir));) {
		struct stat st;
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
		    fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			fn(ctx, dir_fd, d->d_name);
	}
	(void)closedir(dir);
}

struct search {
	const struct rundir *rd;
	const struct agent *agent; /* NULL: not one of ours */
	bool was_there;
};

static void remove_unknown_pair(void *ctx, int dir_fd, const char *name)
{
	struct search *s = ctx;
	if (!s->agent || !find_pair(s->agent, name))
		s->was_there = remove_pair(dir_fd, name, s->agent != NULL) || s->was_there;
}

/* An agent's directory: known by its socket or by a pipe, as runtime_dir may be a directory of many. */
static void remove_agent_dir(int at_fd, const char *name)
{
	_cleanup_close_ int fd = open_dir(at_fd, name);
	if (fd < 0)
		return;
	struct search s = { .was_there = remove_if(fd, "agent.sock", S_IFSOCK) };
	each_subdir(fd, remove_unknown_pair, &s);
	if (s.was_there)
		(void)unlinkat(at_fd, name, AT_REMOVEDIR); /* refused unless empty: not all ours */
}

static void remove_unknown_agent(void *ctx, int dir_fd, const char *name)
{
	const struct search *s = ctx;
	if (!find_agent(s->rd, name))
		remove_agent_dir(dir_fd, name);
}

/* --- the lock --------------------------------------------------------------------------------- */

/* Who holds the lock, as far as /proc shows processes of other containers: a pid, or 0. */
static int find_holder(int fd)
{
	struct stat st;
	FILE *f = fstat(fd, &st) == 0 ? fopen("/proc/locks", "re") : NULL;
	if (!f)
		return 0;
	int found = 0;
	char line[256];
	while (!found && fgets(line, sizeof(line), f)) {
		int pid;
		unsigned major_no, minor_no;
		unsigned long long inode;
		if (sscanf(line, "%*u: FLOCK %*s %*s %d %x:%x:%llu", &pid, &major_no, &minor_no,
			   &inode) == 4 &&
		    inode == st.st_ino && major_no == major(st.st_dev) &&
		    minor_no == minor(st.st_dev) && pid > 0)
			found = pid;
	}
	(void)fclose(f);
	return found;
}

static int take_lock(const struct rundir *rd, struct err *e)
{
	if (flock(rd->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return err_set(e, -errno, "cannot lock runtime_dir %s: %s", rd->path,
			       strerror(errno));
	int pid = find_holder(rd->fd);
	if (pid > 0)
		return err_set(e, -EBUSY,
			       "runtime_dir %s is in use by another mcpinit, process %d; "
			       "stop it, or give this one a runtime_dir of its own",
			       rd->path, pid);
	return err_set(e, -EBUSY,
		       "runtime_dir %s is in use by another mcpinit, in another container with the "
		       "same volume; stop it, or give this one a runtime_dir of its own",
		       rd->path);
}

/* --- agents ----------------------------------------------------------------------------------- */

static void free_pair(struct pair *p)
{
	free(p->server);
	free(p);
}

static void free_agent(struct agent *a)
{
	while (a->pairs) {
		struct pair *p = a->pairs;
		a->pairs = p->next;
		free_pair(p);
	}
	close_fd(&a->fd);
	free(a->name);
	free(a);
}

int rundir_agent(struct rundir *rd, const struct rundir_agent *from, struct err *e)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", rd->path, from->name);
	gid_t gid = from->gid < 0 ? (gid_t)-1 : (gid_t)from->gid;
	_cleanup_close_ int fd = make_dir(rd->fd, from->name, path, gid, e);
	if (fd < 0)
		return fd;
	struct agent *a = find_agent(rd, from->name);
	if (!a) {
		a = calloc(1, sizeof(*a));
		char *name = a ? strdup(from->name) : NULL;
		if (!name) {
			free(a);
			return err_oom(e);
		}
		a->name = name;
		a->fd = -1;
		a->next = rd->agents;
		rd->agents = a;
	}
	close_fd(&a->fd);
	a->fd = take_fd(&fd);
	a->uid = from->uid < 0 ? (uid_t)-1 : (uid_t)from->uid;
	a->gid = gid;
	a->mode = from->is_group ? 0660 : 0600;
	return 0;
}

int rundir_agent_fd(const struct rundir *rd, const char *agent)
{
	const struct agent *a = find_agent(rd, agent);
	return a ? a->fd : -1;
}

int rundir_control_fd(const struct rundir *rd)
{
	return rd->control_fd;
}

int rundir_own_socket(struct rundir *rd, const char *agent, struct err *e)
{
	const struct agent *a = find_agent(rd, agent);
	if (!a)
		return err_set(e, -ENOENT, "agent %s has no directory", agent);
	/* By name: nobody but us can put another file in its place, the directory is ours. */
	if (fchownat(a->fd, "agent.sock", a->uid, a->gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(a->fd, "agent.sock", a->mode, 0) < 0)
		return err_set(e, -errno, "cannot give %s/%s/agent.sock to its agent: %s", rd->path,
			       a->name, strerror(errno));
	return 0;
}

/* --- pipes ------------------------------------------------------------------------------------ */

static void tell_crowd(void *ctx, bool is_writer)
{
	const struct pair *p = ctx;
	log_warn(p->server,
		 "agent %s: a second program opened `%s`, and a pair of pipes is for one; "
		 "programs that come and go use: mcpctl connect %s",
		 p->agent->name, is_writer ? "in" : "out", p->server);
}

struct stream *rundir_pipes(struct rundir *rd, struct fifo_set *set, const char *agent,
			    const char *server, struct err *e)
{
	struct agent *a = find_agent(rd, agent);
	if (!a) {
		err_set(e, -ENOENT, "agent %s has no directory", agent);
		return NULL;
	}
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s/%s", rd->path, agent, server);
	struct pair *p = find_pair(a, server);
	if (!p) {
		p = calloc(1, sizeof(*p));
		char *name = p ? strdup(server) : NULL;
		if (!name) {
			free(p);
			err_oom(e);
			return NULL;
		}
		*p = (struct pair){ .next = a->pairs, .server = name, .agent = a };
		a->pairs = p;
	}
	_cleanup_close_ int fd = make_dir(a->fd, server, path, a->gid, e);
	if (fd < 0)
		return NULL;
	struct fifo_params params = {
		.dir_fd = fd,
		.path = path,
		.uid = a->uid,
		.gid = a->gid,
		.mode = a->mode,
		.on_crowd = tell_crowd,
		.ctx = p,
	};
	return fifo_open(set, &params, e);
}

/* --- removal ---------------------------------------------------------------------------------- */

void rundir_remove_server(struct rundir *rd, const char *agent, const char *server)
{
	struct agent *a = find_agent(rd, agent);
	struct pair *p = a ? find_pair(a, server) : NULL;
	if (!p)
		return;
	(void)remove_pair(a->fd, server, true);
	struct pair **at = &a->pairs;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	free_pair(p);
}

void rundir_remove_agent(struct rundir *rd, const char *agent)
{
	struct agent *a = find_agent(rd, agent);
	if (!a)
		return;
	while (a->pairs)
		rundir_remove_server(rd, agent, a->pairs->server);
	(void)remove_if(a->fd, "agent.sock", S_IFSOCK);
	(void)unlinkat(rd->fd, agent, AT_REMOVEDIR); /* refused unless empty: not all ours */
	struct agent **at = &rd->agents;
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free_agent(a);
}

void rundir_tidy(struct rundir *rd)
{
	struct search s = { .rd = rd };
	each_subdir(rd->fd, remove_unknown_agent, &s);
	for (s.agent = rd->agents; s.agent; s.agent = s.agent->next)
		each_subdir(s.agent->fd, remove_unknown_pair, &s);
}

/* --- birth and death -------------------------------------------------------------------------- */

static void free_rundir(struct rundir *rd)
{
	while (rd->agents) {
		struct agent *a = rd->agents;
		rd->agents = a->next;
		free_agent(a);
	}
	close_fd(&rd->control_fd);
	close_fd(&rd->fd);
	free(rd->path);
	free(rd->control_path);
	free(rd);
}

int rundir_open(const char *runtime_dir, const char *control_dir, struct rundir **ret,
		struct err *e)
{
	struct rundir *rd = calloc(1, sizeof(*rd));
	if (!rd)
		return err_oom(e);
	rd->fd = rd->control_fd = -1;
	rd->path = strdup(runtime_dir);
	rd->control_path = strdup(control_dir);
	int r = rd->path && rd->control_path ? 0 : err_oom(e);
	if (r == 0)
		r = rd->fd = make_base(runtime_dir, &rd->is_made, e);
	if (r >= 0)
		r = take_lock(rd, e);
	if (r >= 0)
		r = rd->control_fd = make_base(control_dir, &rd->is_control_made, e);
	if (r < 0) {
		free_rundir(rd);
		return r;
	}
	*ret = rd;
	return 0;
}

void rundir_close(struct rundir *rd)
{
	if (!rd)
		return;
	while (rd->agents)
		rundir_remove_agent(rd, rd->agents->name);
	if (rd->is_control_made)
		(void)rmdir(rd->control_path); /* refused unless empty */
	if (rd->is_made)
		(void)rmdir(rd->path);
	free_rundir(rd);
}
