/* SPDX-License-Identifier: MIT */
/* Who we are, and the engine: socket, version, the docker program, limits. */
#include "mcpctl/doctor/judge.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool has_group(const struct user_facts *u, gid_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return u->gid == gid;
}

void judge_user(const struct user_facts *u, struct finding *f)
{
	finding_set(f, DOCTOR_OK, "these are the findings of uid %u, gid %u", u->uid, u->gid);
	for (size_t i = 0; i < u->n_groups; i++)
		finding_add(f, "%s%u", i ? " " : ", groups ", u->groups[i]);
	finding_add(f, "%s", u->is_in_container ? ", in a container" : ", not in a container");
}

void judge_environment(const struct environment_facts *v, struct finding *f)
{
	const struct {
		const char *name, *value;
	} all[] = { { "DOCKER_HOST", v->docker_host },
		    { "DOCKER_CONTEXT", v->docker_context },
		    { "DOCKER_CONFIG", v->docker_config },
		    { "HOME", v->home } };
	finding_set(f, DOCTOR_OK, "%s", "");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		finding_add(f, "%s %s, ", all[i].name, all[i].value ? all[i].value : "not set");
	finding_add(f, "%s", v->proxies[0] ? v->proxies : "no proxy variables");
	if (v->docker_config || v->home)
		return;
	f->verdict = DOCTOR_WARN;
	finding_remedy(f,
		       "without HOME and DOCKER_CONFIG no docker context and no registry login is "
		       "found: set one of them");
}

/* --- socket ----------------------------------------------------------------------------------- */

/* Somebody must be let in, and never everybody: the socket is root on its host. */
static void add_group_remedy(const struct socket_facts *s, const struct user_facts *u,
			     struct finding *f)
{
	if (s->gid == u->overflow_gid && s->uid == (uid_t)u->overflow_gid) {
		finding_remedy(
			f, "its owner is not known in this user namespace, so no group helps: run "
			   "the container with --userns host (Compose: userns_mode: host)");
	} else if (!(s->mode & S_IWGRP)) {
		finding_remedy(f,
			       "its mode lets only uid %u in: run as that user (docker run --user "
			       "%u)",
			       s->uid, s->uid);
	} else if (u->uid == 0 || has_group(u, s->gid)) {
		finding_remedy(f,
			       "its mode and our groups allow it, so a security module (SELinux, "
			       "AppArmor) refuses: docker run --security-opt label=disable, or a "
			       "policy of your own");
	} else {
		finding_remedy(f, "Compose: group_add: [\"%u\"]; docker run: --group-add %u",
			       s->gid, s->gid);
		if (!u->is_in_container)
			finding_remedy(f, "; without a container: run it as a member of group %s",
				       s->group ? s->group : "that owns the socket");
	}
}

static void add_absent_remedy(const struct user_facts *u, struct finding *f)
{
	if (u->is_in_container)
		finding_remedy(
			f, "mount it: docker run -v /var/run/docker.sock:/var/run/docker.sock "
			   "(Compose: volumes: [/var/run/docker.sock:/var/run/docker.sock]), or "
			   "set docker_host");
	else
		finding_remedy(f, "start Docker, or set docker_host or DOCKER_HOST to where it "
				  "listens");
}

void judge_socket(const struct socket_facts *s, const struct user_facts *u, struct finding *f)
{
	if (s->stat_error == -ENOENT || s->stat_error == -ENOTDIR) {
		finding_set(f, DOCTOR_FAIL, "there is no %s", s->path);
		add_absent_remedy(u, f);
	} else if (s->stat_error) {
		finding_set(f, DOCTOR_FAIL, "cannot look at %s: %s", s->path,
			    strerror(-s->stat_error));
		finding_remedy(f, "let uid %u enter its directory, or run as the user whose it is",
			       u->uid);
	} else if (S_ISDIR(s->mode)) {
		finding_set(f, DOCTOR_FAIL, "%s is a directory, no socket", s->path);
		finding_remedy(f, "the engine makes one where a mounted socket is not there yet: "
				  "remove it on the host, start Docker, make this container again");
	} else if (!S_ISSOCK(s->mode)) {
		finding_set(f, DOCTOR_FAIL, "%s is no socket", s->path);
		finding_remedy(f, "set docker_host or DOCKER_HOST to the engine's socket");
	} else {
		const char *group = s->group ? s->group : "";
		finding_set(f, s->connect_error ? DOCTOR_FAIL : DOCTOR_OK,
			    "%s at %s (owner %u, group %u%s%s%s, mode %04o; we are uid %u)",
			    s->connect_error ? strerror(-s->connect_error) : "connected", s->path,
			    s->uid, s->gid, *group ? " (" : "", group, *group ? ")" : "",
			    s->mode & 07777U, u->uid);
		if (s->connect_error == -EACCES || s->connect_error == -EPERM)
			add_group_remedy(s, u, f);
		else if (s->connect_error == -ECONNREFUSED)
			finding_remedy(
				f, "nobody listens there: start Docker; a container made before "
				   "Docker was started again holds a dead socket: make it again");
		else if (s->connect_error)
			finding_remedy(f, "is Docker well? See its log (journalctl -u docker)");
	}
}

/* --- which engine, and its version ------------------------------------------------------------- */

void judge_endpoint(const struct endpoint_facts *ep, struct finding *f)
{
	if (!ep->api) {
		finding_set(f, DOCTOR_FAIL, "%s", ep->error);
		finding_remedy(f,
			       "set docker_host or DOCKER_HOST to unix:///PATH or tcp://HOST:PORT");
		return;
	}
	finding_set(f, DOCTOR_OK, "mcpinit takes %s%s", ep->api,
		    ep->key ? " (docker_host of the configuration)" : "");
	if (ep->cli && strcmp(ep->cli, ep->api) != 0) {
		f->verdict = DOCTOR_WARN;
		finding_add(f, ", the docker program takes %s (%s)", ep->cli, ep->cli_by);
		finding_remedy(f,
			       "what `docker ps` shows is not what mcpinit sees: use docker -H %s, "
			       "or set docker_host = %s",
			       ep->api, ep->cli);
	} else if (ep->proxy) {
		f->verdict = DOCTOR_WARN;
		finding_add(f, " directly, the docker program through the proxy %s", ep->proxy);
		finding_remedy(f, "add the engine's host to NO_PROXY");
	} else if (ep->cli) {
		finding_add(f, ", and so does the docker program (%s)", ep->cli_by);
	}
}

void judge_engine(const struct engine_facts *en, struct finding *f)
{
	if (en->error && en->is_version) {
		finding_set(f, DOCTOR_FAIL, "%s", en->error);
		finding_remedy(f, "the engine must be Docker 20.10 (API 1.41) or newer");
	} else if (en->error) {
		finding_set(f, DOCTOR_FAIL, "%s", en->error);
		finding_remedy(f,
			       "check docker_host and DOCKER_HOST; what is there must be a Docker "
			       "engine, started and well");
	} else if (en->is_old) {
		finding_set(f, DOCTOR_FAIL, "engine %s speaks API %s, at least 1.41 is needed",
			    en->version, en->api);
		finding_remedy(f, "update it to Docker 20.10 or newer");
	} else {
		finding_set(f, DOCTOR_OK, "engine %s, API %s, at %s",
			    en->version[0] ? en->version : "of unknown version", en->api,
			    en->endpoint);
	}
}

/* --- the docker program -------------------------------------------------------------------------- */

static void judge_no_cli(const struct cli_facts *c, struct finding *f)
{
	finding_set(f,
		    c->is_launcher   ? DOCTOR_FAIL
		    : c->is_fallback ? DOCTOR_WARN
				     : DOCTOR_OK,
		    "there is no docker program in PATH, which %s",
		    c->is_launcher   ? "launch = cli needs"
		    : c->is_fallback ? "launch = auto falls back to where the API fails"
				     : "no server needs");
	if (f->verdict != DOCTOR_OK)
		finding_remedy(f,
			       "install it (Debian: docker-cli or docker.io), or set launch = api");
}

void judge_cli(const struct cli_facts *c, struct finding *f)
{
	if (!c->path) {
		judge_no_cli(c, f);
	} else if (!c->id && c->is_api_up) {
		finding_set(f, c->is_launcher ? DOCTOR_FAIL : DOCTOR_WARN,
			    "mcpinit reaches the engine, %s does not: %s", c->path, c->error);
		finding_remedy(f, "try docker -H %s info", c->endpoint);
	} else if (!c->id) {
		finding_set(f, DOCTOR_WARN, "%s reaches no engine either: %s", c->path, c->error);
		finding_remedy(f, "see the engine's finding");
	} else if (!c->is_api_up) {
		finding_set(f, DOCTOR_WARN, "%s reaches an engine (%s), mcpinit does not", c->path,
			    c->version);
		finding_remedy(f,
			       "docker context inspect shows its endpoint: set docker_host to it");
	} else if (c->api_id && strcmp(c->id, c->api_id) != 0) {
		finding_set(f, DOCTOR_WARN, "%s by itself reaches another engine (%s) than mcpinit",
			    c->path, c->version);
		finding_remedy(f,
			       "what `docker ps` shows is not what mcpinit sees: use docker -H %s",
			       c->endpoint);
	} else {
		finding_set(f, DOCTOR_OK, "%s reaches %s engine", c->path,
			    c->api_id ? "the same" : "an");
	}
}

/* --- limits ---------------------------------------------------------------------------------------- */

static void add_missing(struct finding *f, bool *is_first, const char *what)
{
	finding_add(f, "%s%s", *is_first ? "" : "; ", what);
	*is_first = false;
}

void judge_limits(const struct limit_facts *l, struct finding *f)
{
	bool is_first = true;
	finding_set(f, DOCTOR_WARN, "%s", "the engine cannot apply ");
	if (l->wants_memory && !l->has_memory)
		add_missing(f, &is_first, "mem_limit");
	if (l->wants_memory && l->has_memory && !l->has_swap)
		add_missing(f, &is_first, "mem_limit to swap, only to memory");
	if (l->wants_pids && !l->has_pids)
		add_missing(f, &is_first, "pids_limit");
	if (l->wants_cpu && !l->has_cpu)
		add_missing(f, &is_first, "cpus");
	if (is_first) {
		finding_set(f, DOCTOR_OK, "what the servers ask for can be applied%s%s",
			    l->cgroup[0] ? ": " : "", l->cgroup);
		return;
	}
	finding_add(f, "%s%s", l->cgroup[0] ? "; it has " : "", l->cgroup);
	finding_remedy(f,
		       "turn the controllers on (boot with cgroup_enable=memory swapaccount=1; "
		       "rootless Docker: cgroup v2 with systemd's Delegate=yes), or set these keys "
		       "to 0");
}
