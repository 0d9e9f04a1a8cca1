/* SPDX-License-Identifier: MIT */
/* Our container and what siblings see of it; images and their registries. */
#include "mcpctl/doctor/judge.h"

#include "docker/docker.h"

#include <errno.h>
#include <string.h>

void judge_container(const struct container_facts *c, struct finding *f)
{
	if (c->id) {
		finding_set(f, DOCTOR_OK, "we are container %.12s of this engine", c->id);
	} else if (!c->is_in_container) {
		finding_set(f, DOCTOR_OK, "we run on the host: paths are its own");
	} else {
		finding_set(f, DOCTOR_WARN,
			    "we run in a container that the engine at %s does not know, so paths "
			    "here are taken for the host's",
			    c->endpoint);
		finding_remedy(
			f, "is it the socket of another engine than ours? If siblings do not see "
			   "the workspace, set workspace_host, or give us our own engine's "
			   "socket");
	}
}

void judge_mount(const struct mount_facts *m, struct finding *f)
{
	enum verdict bad = m->server ? DOCTOR_FAIL : DOCTOR_WARN;
	if (m->is_by_key) {
		finding_set(f, DOCTOR_OK, "%s is %s on the host, by workspace_host", m->path,
			    m->source);
	} else if (m->stat_error) {
		finding_set(f, bad, "%s: %s", m->path, strerror(-m->stat_error));
		if (strcmp(m->name, "workspace") == 0)
			finding_remedy(f, "mount it (docker run -v /srv/repo:%s), or set workspace",
				       m->path);
		else
			finding_remedy(f, "mount it here, or change volumes");
	} else if (!m->source) {
		finding_set(f, bad, "%s", m->error);
	} else {
		finding_set(f, DOCTOR_OK, "%s is %s%s for siblings", m->path,
			    m->is_volume ? "the volume " : "", m->source);
	}
	finding_add(f, "%s%s%s", m->server ? " (server " : " (no server mounts it",
		    m->server ? m->server : "", ")");
}

void judge_sibling(const struct sibling_facts *s, struct finding *f)
{
	if (s->error) {
		finding_set(f, DOCTOR_FAIL, "a sibling cannot mount %s (%s here): %s", s->source,
			    s->path, s->error);
		finding_remedy(
			f, "is the engine on another machine, or workspace_host wrong? It must be "
			   "the path on the engine's host");
	} else if (!s->is_there) {
		finding_set(f, DOCTOR_FAIL, "a sibling that mounts %s sees nothing there",
			    s->source);
		finding_remedy(f, "set workspace_host to the path of %s on the engine's host",
			       s->path);
	} else if (!s->is_same) {
		finding_set(f, DOCTOR_WARN,
			    "a sibling that mounts %s sees another directory than %s here",
			    s->source, s->path);
		finding_remedy(
			f,
			"set workspace_host to the path of %s on the engine's host; if something "
			"has just been written there, try again",
			s->path);
	} else {
		finding_set(f, DOCTOR_OK, "a sibling that mounts %s sees what is in %s here",
			    s->source, s->path);
	}
}

/* --- images ------------------------------------------------------------------------------------ */

static void judge_registry(const struct image_facts *im, struct finding *f)
{
	const char *how =
		im->is_present ? "is asked for anew (pull_policy = always)" : "is not here";
	switch (im->class) {
	case DOCKER_DENIED:
		finding_set(f, DOCTOR_FAIL, "%s %s, and %s denies it%s (%.300s)", im->image, how,
			    im->registry, im->has_login ? " with the stored login and without" : "",
			    im->error);
		finding_remedy(
			f,
			"docker login %s, and let $DOCKER_CONFIG/config.json be readable here; "
			"or check the name in image",
			im->registry);
		break;
	case DOCKER_NOT_FOUND:
		finding_set(f, DOCTOR_FAIL, "%s %s, and not at %s (%.300s)", im->image, how,
			    im->registry, im->error);
		finding_remedy(f, "check the name and tag in image, or build it");
		break;
	case DOCKER_RATE_LIMIT:
		finding_set(f, DOCTOR_WARN, "%s %s, and %s limits pulls (%.300s)", im->image, how,
			    im->registry, im->error);
		finding_remedy(f, "docker login %s, or wait", im->registry);
		break;
	case DOCKER_NETWORK:
	case DOCKER_TIMEOUT:
		finding_set(f, DOCTOR_FAIL, "%s %s, and the engine cannot reach %s (%.300s)",
			    im->image, how, im->registry, im->error);
		finding_remedy(
			f, "check the engine's own DNS, proxy and network (its proxy is set in its "
			   "service or daemon.json); or load the image: docker load");
		break;
	default:
		finding_set(f, DOCTOR_WARN,
			    "%s %s, and whether it can be pulled was not told "
			    "(%.300s)",
			    im->image, how, im->error);
		finding_remedy(f, "docker pull %s", im->image);
	}
}

void judge_image(const struct image_facts *im, struct finding *f)
{
	if (im->is_present && (im->policy != IMAGE_ALWAYS || !im->was_asked)) {
		finding_set(f, DOCTOR_OK, "%s is here", im->image);
	} else if (!im->is_present && im->policy == IMAGE_NEVER) {
		finding_set(f, DOCTOR_FAIL, "%s is not here, and pull_policy is never", im->image);
		finding_remedy(f, "docker pull %s, or build it, or set pull_policy = missing",
			       im->image);
	} else if (!im->was_asked) {
		finding_set(f, DOCTOR_WARN, "%s could not be looked for: %s", im->image, im->error);
		finding_remedy(f, "docker image inspect %s", im->image);
	} else if (im->class) {
		judge_registry(im, f);
	} else if (im->is_present) {
		finding_set(f, DOCTOR_OK, "%s is here, and %s has it, too", im->image,
			    im->registry);
	} else {
		finding_set(f, DOCTOR_OK, "%s is not here yet, %s has it: the first start pulls it",
			    im->image, im->registry);
	}
	finding_add(f, " (server %s)", im->server);
}

void judge_login(const struct login_facts *l, struct finding *f)
{
	if (l->error) {
		finding_set(f, DOCTOR_WARN, "%s: %s", l->registry, l->error);
		finding_remedy(
			f, "let this user read it, or set DOCKER_CONFIG to a directory with one");
	} else if (l->helper && l->is_helper_there) {
		finding_set(
			f, DOCTOR_OK,
			"%s: each pull asks docker-credential-%s, which %s names and is in PATH",
			l->registry, l->helper, l->file);
	} else if (l->helper) {
		finding_set(f, DOCTOR_WARN,
			    "%s: %s names the helper docker-credential-%s, which is not in PATH",
			    l->registry, l->file, l->helper);
		finding_add(f, "%s", l->has_login ? "; the login in auths is taken" : "");
		finding_remedy(f, "install it here, or docker login with a config.json that has no "
				  "credsStore");
	} else if (l->has_login) {
		finding_set(f, DOCTOR_OK, "%s: a login is in %s", l->registry, l->file);
	} else {
		finding_set(f, DOCTOR_OK, "%s: no login%s%s; public images need none", l->registry,
			    l->file ? " in " : ", and no config.json", l->file ? l->file : "");
		finding_remedy(f, "for private ones: docker login %s", l->registry);
	}
}

void judge_dns(const struct dns_facts *n, struct finding *f)
{
	if (n->address) {
		finding_set(f, DOCTOR_OK, "%s is %s%s%s", n->name, n->address,
			    n->servers[0] ? ", by " : "", n->servers);
		return;
	}
	finding_set(f, DOCTOR_WARN, "%s is not found here: %s%s%s%s", n->name, n->error,
		    n->servers[0] ? " (asked: " : " (no nameserver in /etc/resolv.conf", n->servers,
		    ")");
	finding_remedy(
		f, "give this container working nameservers (docker run --dns 1.1.1.1), and the "
		   "servers, too ([defaults] dns = 1.1.1.1); images are pulled by the engine, with "
		   "its own");
}
