/* SPDX-License-Identifier: MIT */
#include "docker/docker.h"
#include "tests/unit/judge_rig.h"

#include <errno.h>

START_TEST(our_own_container)
{
	struct container_facts c = { .endpoint = "unix:///e" };
	struct finding f = finding_of(CHECK_CONTAINER);
	judge_container(&c, &f);
	judge_is(&f, DOCTOR_OK, "we run on the host", NULL);
	c.is_in_container = true;
	judge_container(&c, &f);
	judge_is(&f, DOCTOR_WARN, "the engine at unix:///e does not know", "workspace_host");
	c.id = "0123456789abcdef";
	judge_container(&c, &f);
	judge_is(&f, DOCTOR_OK, "we are container 0123456789ab of", NULL);
}
END_TEST

static const struct {
	struct mount_facts m;
	enum verdict verdict;
	const char *text, *remedy;
} mounts[] = {
	{ { .source = "/srv", .server = "git" },
	  DOCTOR_OK,
	  "/w is /srv for siblings (server git)",
	  NULL },
	{ { .source = "code", .is_volume = true },
	  DOCTOR_OK,
	  "/w is the volume code for siblings",
	  NULL },
	{ { .source = "C:\\x", .is_by_key = true, .stat_error = -ENOENT },
	  DOCTOR_OK,
	  "/w is C:\\x on the host, by workspace_host",
	  NULL },
	{ { .source = "/w", .stat_error = -ENOENT, .server = "git" },
	  DOCTOR_FAIL,
	  "/w: No such file or directory (server git)",
	  "docker run -v /srv/repo:/w" },
	/* Nobody wants it. */
	{ { .source = "/w", .stat_error = -ENOENT },
	  DOCTOR_WARN,
	  "(no server mounts it)",
	  "-v /srv/repo:/w" },
	{ { .error = "/w lies in memory", .server = "git" },
	  DOCTOR_FAIL,
	  "/w lies in memory",
	  NULL },
};

START_TEST(the_workspace_is_translated)
{
	struct mount_facts m = mounts[_i].m;
	struct finding f = finding_of(CHECK_WORKSPACE);
	m.name = "workspace";
	m.path = "/w";
	judge_mount(&m, &f);
	judge_is(&f, mounts[_i].verdict, mounts[_i].text, mounts[_i].remedy);
}
END_TEST

START_TEST(what_a_sibling_sees)
{
	struct sibling_facts s = {
		.path = "/w", .source = "/srv", .is_there = true, .is_same = true
	};
	struct finding f = finding_of(CHECK_SIBLING);
	judge_sibling(&s, &f);
	judge_is(&f, DOCTOR_OK, "a sibling that mounts /srv sees what is in /w here", NULL);
	s.is_same = false;
	judge_sibling(&s, &f);
	judge_is(&f, DOCTOR_WARN, "sees another directory than /w", "workspace_host");
	s.is_there = false;
	judge_sibling(&s, &f);
	judge_is(&f, DOCTOR_FAIL, "sees nothing there", "workspace_host");
	s.error = "bind source path does not exist";
	judge_sibling(&s, &f);
	judge_is(&f, DOCTOR_FAIL, "cannot mount /srv (/w here): bind source", "engine's host");
}
END_TEST

static const struct {
	struct image_facts im;
	enum verdict verdict;
	const char *text, *remedy;
} images[] = {
	{ { .is_present = true }, DOCTOR_OK, "i is here (server s)", NULL },
	{ { .policy = IMAGE_NEVER }, DOCTOR_FAIL, "pull_policy is never", "docker pull i" },
	{ { .was_asked = true }, DOCTOR_OK, "i is not here yet, reg has it", NULL },
	{ { .was_asked = true, .policy = IMAGE_ALWAYS, .is_present = true },
	  DOCTOR_OK,
	  "i is here, and reg has it, too",
	  NULL },
	{ { .was_asked = true, .class = DOCKER_DENIED, .error = "no" },
	  DOCTOR_FAIL,
	  "i is not here, and reg denies it (no)",
	  "docker login reg" },
	{ { .was_asked = true, .class = DOCKER_DENIED, .error = "no", .has_login = true },
	  DOCTOR_FAIL,
	  "denies it with the stored login and without (no)",
	  "docker login reg" },
	{ { .was_asked = true, .class = DOCKER_NOT_FOUND, .error = "no" },
	  DOCTOR_FAIL,
	  "i is not here, and not at reg (no)",
	  "name and tag" },
	{ { .was_asked = true, .class = DOCKER_RATE_LIMIT, .error = "no" },
	  DOCTOR_WARN,
	  "reg limits pulls",
	  "docker login reg" },
	{ { .was_asked = true, .class = DOCKER_NETWORK, .error = "no" },
	  DOCTOR_FAIL,
	  "i is not here, and the engine cannot reach reg (no)",
	  "docker load" },
	{ { .was_asked = true, .class = DOCKER_TIMEOUT, .error = "no" },
	  DOCTOR_FAIL,
	  "cannot reach reg",
	  "docker load" },
	{ { .was_asked = true,
	    .class = DOCKER_NETWORK,
	    .error = "no",
	    .policy = IMAGE_ALWAYS,
	    .is_present = true },
	  DOCTOR_FAIL,
	  "i is asked for anew (pull_policy = always), and the engine cannot reach reg",
	  "docker load" },
	/* A socket proxy that does not let it pass. */
	{ { .was_asked = true, .class = DOCKER_PERMISSION, .error = "HTTP 403" },
	  DOCTOR_WARN,
	  "whether it can be pulled was not told (HTTP 403)",
	  "docker pull i" },
	{ { .error = "HTTP 403" }, DOCTOR_WARN, "could not be looked for: HTTP 403", "inspect" },
};

START_TEST(an_image_is_here_or_can_be_pulled)
{
	struct image_facts im = images[_i].im;
	struct finding f = finding_of(CHECK_IMAGE);
	im.image = "i";
	im.registry = "reg";
	im.server = "s";
	judge_image(&im, &f);
	judge_is(&f, images[_i].verdict, images[_i].text, images[_i].remedy);
}
END_TEST

static const struct {
	struct login_facts l;
	enum verdict verdict;
	const char *text, *remedy;
} logins[] = {
	{ { .file = "/c", .has_login = true }, DOCTOR_OK, "reg: a login is in /c", NULL },
	{ { .file = "/c" }, DOCTOR_OK, "reg: no login in /c", "docker login reg" },
	{ { 0 }, DOCTOR_OK, "reg: no login, and no config.json", "docker login reg" },
	{ { .error = "cannot read /c" }, DOCTOR_WARN, "cannot read /c", "DOCKER_CONFIG" },
	{ { .file = "/c", .helper = "pass", .is_helper_there = true },
	  DOCTOR_OK,
	  "each pull asks docker-credential-pass, which /c names and is in PATH",
	  NULL },
	{ { .file = "/c", .helper = "pass", .has_login = true },
	  DOCTOR_WARN,
	  "docker-credential-pass, which is not in PATH; the login in auths is taken",
	  "credsStore" },
};

START_TEST(a_login_for_a_registry)
{
	struct login_facts l = logins[_i].l;
	struct finding f = finding_of(CHECK_CREDENTIALS);
	l.registry = "reg";
	judge_login(&l, &f);
	judge_is(&f, logins[_i].verdict, logins[_i].text, logins[_i].remedy);
}
END_TEST

START_TEST(a_name_that_is_found_or_not)
{
	struct dns_facts n = { .name = "h", .address = "10.0.0.1", .servers = "9.9.9.9" };
	struct finding f = finding_of(CHECK_DNS);
	judge_dns(&n, &f);
	judge_is(&f, DOCTOR_OK, "h is 10.0.0.1, by 9.9.9.9", NULL);
	n.address = NULL;
	n.error = "no";
	judge_dns(&n, &f);
	judge_is(&f, DOCTOR_WARN, "h is not found here: no (asked: 9.9.9.9)", "--dns 1.1.1.1");
	n.servers = "";
	judge_dns(&n, &f);
	judge_is(&f, DOCTOR_WARN, "no (no nameserver in /etc/resolv.conf)", "--dns 1.1.1.1");
}
END_TEST

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *suite_mcpctl_doctor_judge_image(void);
Suite *suite_mcpctl_doctor_judge_image(void)
{
	Suite *s = suite_create("mcpctl_doctor_judge_image");
	TCase *c = tcase_create("all");
	tcase_add_test(c, our_own_container);
	tcase_add_loop_test(c, the_workspace_is_translated, 0, N(mounts));
	tcase_add_test(c, what_a_sibling_sees);
	tcase_add_loop_test(c, an_image_is_here_or_can_be_pulled, 0, N(images));
	tcase_add_loop_test(c, a_login_for_a_registry, 0, N(logins));
	tcase_add_test(c, a_name_that_is_found_or_not);
	suite_add_tcase(s, c);
	return s;
}
