/* SPDX-License-Identifier: MIT */
/* The runtime_dir and the pipes in it, and the mcpinit whose they are. */
#include "mcpctl/doctor/judge.h"

#include <errno.h>
#include <string.h>

const char *judge_bad_fs(uint64_t type)
{
	/* statfs(2), linux/magic.h: what another kernel may have a part in. A FIFO there is a name without a pipe behind. */
	static const struct {
		uint32_t type;
		const char *name;
	} all[] = {
		{ 0x65735546, "fuse or virtiofs" },
		{ 0x01021997, "9p" },
		{ 0x6969, "nfs" },
		{ 0xff534d42, "cifs" },
		{ 0xfe534d42, "smb" },
		{ 0x517b, "smb" },
		{ 0x786f4256, "vboxsf" },
		{ 0x00c36400, "ceph" },
		{ 0x5346414f, "afs" },
		{ 0x73757245, "coda" },
		{ 0x0bd00bd0, "lustre" },
		{ 0x47504653, "gpfs" },
		{ 0x4d44, "vfat" },
		{ 0x2011bab0, "exfat" },
		{ 0xbacbacbc, "vmhgfs" },
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].type == (uint32_t)type)
			return all[i].name;
	return NULL;
}

void judge_rundir(const struct rundir_facts *r, struct finding *f)
{
	const char *bad = r->error && r->error != -EACCES ? NULL : judge_bad_fs(r->fs_type);
	if (bad) {
		finding_set(f, DOCTOR_FAIL, "%s lies on %s, which cannot carry named pipes",
			    r->path, bad);
		finding_remedy(
			f, "use a named volume: docker run -v mcp:%s (Compose: volumes: [mcp:%s])",
			r->path, r->path);
	} else if (r->is_there && r->error == -EACCES) {
		finding_set(f, DOCTOR_WARN,
			    "%s may not be written by this user, so no pipe was tried", r->path);
		finding_remedy(
			f, "run this as the user that mcpinit runs as, or let that user own it");
	} else if (r->is_there && r->error) {
		finding_set(f, DOCTOR_FAIL, "%s: %s", r->path, strerror(-r->error));
		finding_remedy(f, "set runtime_dir to a directory");
	} else if (!r->is_there && r->error) {
		finding_set(f, DOCTOR_FAIL, "%s is not there and cannot be made: %s: %s", r->path,
			    r->parent, strerror(-r->error));
		finding_remedy(
			f,
			"make it, for the user that mcpinit runs as, or mount a named volume "
			"there (docker run -v mcp:%s)",
			r->path);
	} else if (r->fifo_error) {
		finding_set(f, DOCTOR_FAIL, "no named pipe could be made in %s: %s",
			    r->is_there ? r->path : r->parent, strerror(-r->fifo_error));
		finding_remedy(
			f, "use a named volume: docker run -v mcp:%s (Compose: volumes: [mcp:%s])",
			r->path, r->path);
	} else if (r->is_there) {
		finding_set(f, DOCTOR_OK, "%s carries named pipes", r->path);
	} else {
		finding_set(f, DOCTOR_OK,
			    "%s is not there yet, mcpinit can make it, and it will carry "
			    "named pipes",
			    r->path);
	}
}

void judge_pipes(const struct pipes_facts *p, struct finding *f)
{
	const char *who = p->is_made ? "uid" : "the user that mcpinit runs as, here uid";
	if (!p->has_default) {
		finding_set(f, DOCTOR_OK,
			    "there is no default agent; %zu agent%s with a user of %s own",
			    p->n_agents, p->n_agents == 1 ? "" : "s",
			    p->n_agents == 1 ? "its" : "their");
	} else if (p->default_group) {
		finding_set(f, DOCTOR_OK,
			    "the default agent's can be opened by %s %u, and by group %s (%lld)",
			    who, p->uid, p->default_group, (long long)p->default_gid);
	} else {
		finding_set(f, DOCTOR_OK, "the default agent's can be opened by %s %u, and by root",
			    who, p->uid);
		finding_remedy(f,
			       "for agents under other users: default_group = GID, or [agent:NAME] "
			       "with user = UID");
	}
}

void judge_mcpinit(const struct mcpinit_facts *m, struct finding *f)
{
	if (m->error == -ENOENT || m->error == -ECONNREFUSED) {
		finding_set(f, DOCTOR_OK, "none runs here (%s: %s)", m->path, strerror(-m->error));
	} else if (m->error == -EACCES || m->error == -EPERM) {
		finding_set(f, DOCTOR_WARN, "%s is not for this user", m->path);
		finding_remedy(f,
			       "run this as the user that mcpinit runs as, or see control_group");
	} else if (m->error || !m->version) {
		finding_set(f, DOCTOR_WARN, "%s does not answer: %s", m->path,
			    m->error ? strerror(-m->error) : "no version");
		finding_remedy(f, "is it mcpinit's socket?");
	} else if (strcmp(m->version, m->our_version) != 0) {
		finding_set(f, DOCTOR_WARN, "version %s runs, this is %s", m->version,
			    m->our_version);
		finding_remedy(f, "take mcpctl and mcpctl-doctor from the same image as mcpinit");
	} else if (m->engine && m->our_engine && strcmp(m->engine, m->our_engine) != 0) {
		finding_set(f, DOCTOR_WARN,
			    "version %s runs with the engine at %s, here %s is taken", m->version,
			    m->engine, m->our_engine);
		finding_remedy(
			f, "its environment is another than this one: set docker_host, which holds "
			   "for both");
	} else if (m->engine && !m->is_engine_up) {
		finding_set(f, DOCTOR_FAIL, "version %s runs, and does not reach its engine at %s",
			    m->version, m->engine);
		finding_remedy(f,
			       "see the findings below; if they are ok, it runs as another user");
	} else {
		finding_set(f, DOCTOR_OK, "version %s runs%s%s", m->version,
			    m->engine ? ", and reaches its engine at " : "",
			    m->engine ? m->engine : "");
	}
}

void judge_fifo(const struct fifo_facts *w, struct finding *f)
{
	if (w->has_come) {
		finding_set(f, DOCTOR_OK,
			    "a sibling container (%s) wrote through a pipe in %s (%s there)",
			    w->image, w->path, w->source);
		return;
	}
	finding_set(f, w->was_tried ? DOCTOR_FAIL : DOCTOR_WARN, "%s a pipe in %s: %s",
		    w->was_tried ? "a sibling container could not write through"
				 : "no sibling container could be made to try",
		    w->path, w->error);
	finding_remedy(
		f, "agents in other containers need a named volume here: docker run -v mcp:%s%s",
		w->path, w->was_tried ? "" : "; an image with a shell must be present");
}
