/* SPDX-License-Identifier: MIT */
#include "docker/hostpath.h"

#include "base/err.h"
#include "docker/docker.h"
#include "docker/spec.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char root[64]; /* a directory of ours, in the place of a container's file system */
static char dest[8][96];
static struct docker_own_mount mounts[8];
static struct docker_self self;
static struct docker_mount got;

static void add(const char *type, const char *name, const char *source, const char *destination)
{
	size_t i = self.n_mounts++;
	(void)snprintf(dest[i], sizeof(dest[i]), "%s%s", root, destination);
	mounts[i] = (struct docker_own_mount){
		.type = (char *)type,
		.name = (char *)name,
		.source = (char *)source,
		.destination = dest[i],
	};
}

static void make_dir(const char *path)
{
	char full[128];
	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	ck_assert_int_eq(mkdir(full, 0755), 0);
}

static void setup(void)
{
	strcpy(root, "/tmp/hostpath-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	make_dir("/ws");
	make_dir("/ws/sub");
	make_dir("/ws2");
	make_dir("/vol");
	make_dir("/own");
	make_dir("/ram");
	self = (struct docker_self){ .id = (char *)"0123", .mounts = mounts };
	add("bind", "", "/opt/repos", "/ws");
	add("bind", "", "/srv/deep", "/ws/sub/deep");
	add("volume", "data", "/var/lib/docker/volumes/data/_data", "/vol");
	add("tmpfs", "", "", "/ram");
}

static void teardown(void)
{
	char command[96];
	(void)snprintf(command, sizeof(command), "rm -rf %s", root);
	ck_assert_int_eq(system(command), 0);
}

static int find(const char *path, bool has_subpath, struct err *e)
{
	char full[192];
	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	memset(&got, 0, sizeof(got));
	return docker_hostpath(&self, full, has_subpath, false, &got, e);
}

static void maps(const char *path, const char *source)
{
	struct err e = { 0 };
	int r = find(path, false, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	ck_assert_int_eq(got.type, DOCKER_MOUNT_BIND);
	ck_assert_str_eq(got.source, source);
	ck_assert_ptr_null(got.subpath);
	free(got.source);
}

START_TEST(a_bind_maps_with_what_lies_below_it)
{
	maps("/ws", "/opt/repos");
	maps("/ws/", "/opt/repos");
	maps("/ws/sub", "/opt/repos/sub");
	maps("/ws/sub/../sub/.", "/opt/repos/sub");
}
END_TEST

START_TEST(the_longest_destination_wins_whatever_the_order)
{
	maps("/ws/sub/deep/x", "/srv/deep/x");
	struct docker_own_mount first = mounts[0];
	mounts[0] = mounts[1];
	mounts[1] = first;
	maps("/ws/sub/deep/x", "/srv/deep/x");
	maps("/ws/sub/deeper", "/opt/repos/sub/deeper");
}
END_TEST

START_TEST(a_neighbour_with_the_same_beginning_is_no_prefix)
{
	struct err e = { 0 };
	ck_assert_int_eq(find("/ws2", false, &e), -EXDEV);
	ck_assert_ptr_nonnull(strstr(e.text, "/ws2"));
	ck_assert_ptr_nonnull(strstr(e.text, "own file system"));
	ck_assert_ptr_nonnull(strstr(e.text, "workspace_host"));
}
END_TEST

START_TEST(what_does_not_exist_maps_by_its_deepest_parent)
{
	maps("/ws/new/thing", "/opt/repos/new/thing");
	struct err e;
	ck_assert_int_eq(find("/nowhere/at/all", false, &e), -EXDEV);
	memset(&got, 0, sizeof(got));
	ck_assert_int_eq(docker_hostpath(&self, "/certainly-not-here/x", false, false, &got, &e),
			 -EXDEV);
}
END_TEST

START_TEST(links_are_followed_before_mapping)
{
	char link[96], to[96];
	(void)snprintf(link, sizeof(link), "%s/own/link", root);
	(void)snprintf(to, sizeof(to), "%s/ws/sub", root);
	ck_assert_int_eq(symlink(to, link), 0);
	maps("/own/link", "/opt/repos/sub");
	maps("/own/link/new", "/opt/repos/sub/new");
	/* … and a link out of the mount leads out of it */
	(void)snprintf(link, sizeof(link), "%s/ws/out", root);
	(void)snprintf(to, sizeof(to), "%s/own", root);
	ck_assert_int_eq(symlink(to, link), 0);
	ck_assert_int_eq(find("/ws/out", false, NULL), -EXDEV);
}
END_TEST

START_TEST(a_destination_over_a_link_is_found)
{
	char link[96], to[96];
	(void)snprintf(link, sizeof(link), "%s/run", root);
	(void)snprintf(to, sizeof(to), "%s/own", root);
	ck_assert_int_eq(symlink(to, link), 0);
	make_dir("/own/x");
	add("bind", "", "/h/x", "/run/x");
	maps("/own/x/y", "/h/x/y");
}
END_TEST

START_TEST(a_whole_volume_stays_a_volume)
{
	ck_assert_int_eq(find("/vol", false, NULL), 0);
	ck_assert_int_eq(got.type, DOCKER_MOUNT_VOLUME);
	ck_assert_str_eq(got.source, "data");
	ck_assert_ptr_null(got.subpath);
	free(got.source);
}
END_TEST

START_TEST(part_of_a_volume_needs_an_engine_that_knows_subpath)
{
	ck_assert_int_eq(find("/vol/a/b", true, NULL), 0);
	ck_assert_int_eq(got.type, DOCKER_MOUNT_VOLUME);
	ck_assert_str_eq(got.source, "data");
	ck_assert_str_eq(got.subpath, "a/b");
	free(got.source);
	free(got.subpath);
	/* an older engine would silently mount the whole volume */
	maps("/vol/a/b", "/var/lib/docker/volumes/data/_data/a/b");
}
END_TEST

START_TEST(our_own_read_only_mount_stays_read_only)
{
	mounts[0].is_read_only = true;
	ck_assert_int_eq(find("/ws/sub", false, NULL), 0);
	ck_assert(got.is_read_only);
	free(got.source);
	mounts[0].is_read_only = false;
	ck_assert_int_eq(docker_hostpath(&self, dest[0], false, true, &got, NULL), 0);
	ck_assert(got.is_read_only);
	free(got.source);
}
END_TEST

START_TEST(memory_is_refused)
{
	struct err e = { 0 };
	ck_assert_int_eq(find("/ram/x", true, &e), -EXDEV);
	ck_assert_ptr_nonnull(strstr(e.text, "tmpfs"));
}
END_TEST

START_TEST(on_the_host_a_path_is_the_hosts)
{
	struct docker_self host = { 0 };
	ck_assert_int_eq(docker_hostpath(&host, "/any/where", true, false, &got, NULL), 0);
	ck_assert_str_eq(got.source, "/any/where");
	free(got.source);
	ck_assert_int_eq(docker_hostpath(NULL, "/any/where", true, false, &got, NULL), 0);
	free(got.source);
	ck_assert_int_eq(docker_hostpath(&host, "any/where", true, false, &got, NULL), -EINVAL);
}
END_TEST

START_TEST(windows_paths_pass_through)
{
	static const char *const paths[] = { "C:\\repos\\x", "d:/x", "//c/Users", "\\\\srv\\x" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		ck_assert_int_eq(docker_hostpath(&self, paths[i], false, false, &got, NULL), 0);
		ck_assert_str_eq(got.source, paths[i]);
		free(got.source);
	}
	ck_assert(!docker_is_windows_path("/c/x"));
	ck_assert(!docker_is_windows_path("//cc/x"));
	ck_assert(!docker_is_windows_path("data"));
	ck_assert(!docker_is_windows_path("C:x"));
	ck_assert(!docker_is_windows_path(""));
}
END_TEST

/* Where our i-th mount lies below path; the caller's. */
static char *nested(const char *path, size_t i)
{
	char full[128], *rest = NULL;
	(void)snprintf(full, sizeof(full), "%s%s", root, path);
	ck_assert_int_eq(docker_hostpath_below(&self, full, i, &rest, NULL), 0);
	return rest;
}

START_TEST(what_lies_below_a_path_is_told)
{
	char *rest = nested("/ws/./", 1);
	ck_assert_str_eq(rest, "/sub/deep");
	free(rest);
	ck_assert_ptr_null(nested("/ws", 0)); /* the path itself */
	ck_assert_ptr_null(nested("/ws", 2));
	ck_assert_ptr_null(nested("/ws/sub/deep/x", 1)); /* above */
	ck_assert_ptr_null(nested("/ws/su", 1));
}
END_TEST

START_TEST(a_socket_below_is_for_nobody)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/ws/docker.sock", root);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	(void)close(fd);
	add("bind", "", "/run/docker.sock", "/ws/docker.sock");
	ck_assert_ptr_null(nested("/ws", self.n_mounts - 1));
}
END_TEST

START_TEST(a_mount_of_the_root_catches_the_rest)
{
	add("bind", "", "/host", "");
	mounts[self.n_mounts - 1].destination = (char *)"/";
	maps("/own", (snprintf(dest[7], sizeof(dest[7]), "/host%s/own", root), dest[7]));
	maps("/ws/sub", "/opt/repos/sub");
}
END_TEST

Suite *suite_docker_hostpath(void);
Suite *suite_docker_hostpath(void)
{
	Suite *s = suite_create("docker_hostpath");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_bind_maps_with_what_lies_below_it);
	tcase_add_test(c, the_longest_destination_wins_whatever_the_order);
	tcase_add_test(c, a_neighbour_with_the_same_beginning_is_no_prefix);
	tcase_add_test(c, what_does_not_exist_maps_by_its_deepest_parent);
	tcase_add_test(c, links_are_followed_before_mapping);
	tcase_add_test(c, a_destination_over_a_link_is_found);
	tcase_add_test(c, a_whole_volume_stays_a_volume);
	tcase_add_test(c, part_of_a_volume_needs_an_engine_that_knows_subpath);
	tcase_add_test(c, our_own_read_only_mount_stays_read_only);
	tcase_add_test(c, memory_is_refused);
	tcase_add_test(c, on_the_host_a_path_is_the_hosts);
	tcase_add_test(c, windows_paths_pass_through);
	tcase_add_test(c, what_lies_below_a_path_is_told);
	tcase_add_test(c, a_socket_below_is_for_nobody);
	tcase_add_test(c, a_mount_of_the_root_catches_the_rest);
	suite_add_tcase(s, c);
	return s;
}
