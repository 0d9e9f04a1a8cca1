/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/err.h"
#include "docker/spec.h"

#include <check.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct docker_spec spec;

static void setup(void)
{
	ck_assert_int_eq(docker_spec_init(&spec, "img:1"), 0);
}

static void teardown(void)
{
	docker_spec_done(&spec);
}

static cJSON *render(void)
{
	struct buf b = { 0 };
	struct err e = { 0 };
	int r = docker_spec_json(&spec, &b, &e);
	ck_assert_msg(r == 0, "%s", e.text);
	cJSON *o = cJSON_Parse(buf_str(&b));
	ck_assert_ptr_nonnull(o);
	buf_done(&b);
	return o;
}

/* The part at key (of HostConfig with "host:" in front), as compact JSON, equals want; NULL: it is not there. */
static void check(const char *key, const char *want)
{
	cJSON *root = render();
	cJSON *from = root;
	if (strncmp(key, "host:", 5) == 0) {
		from = cJSON_GetObjectItemCaseSensitive(root, "HostConfig");
		key += 5;
	}
	cJSON *part = cJSON_GetObjectItemCaseSensitive(from, key);
	if (!want) {
		ck_assert_ptr_null(part);
	} else {
		ck_assert_msg(part != NULL, "%s is missing", key);
		char *text = cJSON_PrintUnformatted(part);
		ck_assert_str_eq(text, want);
		free(text);
	}
	cJSON_Delete(root);
}

static void refused(const char *word)
{
	struct buf b = { 0 };
	struct err e = { 0 };
	ck_assert_int_eq(docker_spec_json(&spec, &b, &e), -EINVAL);
	ck_assert_msg(strstr(e.text, word) != NULL, "%s", e.text);
	ck_assert_uint_eq(b.len, 0);
	buf_done(&b);
}

START_TEST(stdin_is_open_once_and_all_streams_attached)
{
	check("OpenStdin", "true");
	check("StdinOnce", "true");
	check("AttachStdin", "true");
	check("AttachStdout", "true");
	check("AttachStderr", "true");
	check("Tty", "false");
}
END_TEST

START_TEST(the_hardened_defaults_reach_the_body)
{
	check("Image", "\"img:1\"");
	check("host:CapDrop", "[\"ALL\"]");
	check("host:SecurityOpt", "[\"no-new-privileges\"]");
	check("host:Init", "true");
	check("host:PidsLimit", "1024");
	check("host:LogConfig", "{\"Type\":\"none\"}");
	check("host:RestartPolicy", "{\"Name\":\"no\"}");
	check("host:AutoRemove", "true");
	check("host:NetworkMode", "\"default\"");
	check("Entrypoint", NULL);
	check("Cmd", NULL);
}
END_TEST

START_TEST(swap_equals_memory_so_that_none_comes_on_top)
{
	spec.mem_limit = INT64_C(68719476736000000); /* no exponent, no rounding by a double */
	cJSON *root = render();
	cJSON_Delete(root);
	struct buf b = { 0 };
	ck_assert_int_eq(docker_spec_json(&spec, &b, NULL), 0);
	ck_assert_ptr_nonnull(strstr(buf_str(&b), "\"Memory\":68719476736000000,"));
	ck_assert_ptr_nonnull(strstr(buf_str(&b), "\"MemorySwap\":68719476736000000,"));
	buf_done(&b);
}
END_TEST

START_TEST(mounts_are_mounts_and_never_binds)
{
	char *labels[] = { (char *)"k=v", NULL };
	struct docker_mount m[] = {
		{ DOCKER_MOUNT_BIND, (char *)"/h", (char *)"/c", NULL, NULL, true },
		{ DOCKER_MOUNT_VOLUME, (char *)"v", (char *)"/d", (char *)"sub/dir", labels,
		  false },
	};
	spec.mounts = m;
	spec.n_mounts = 2;
	check("host:Mounts",
	      "[{\"Type\":\"bind\",\"Source\":\"/h\",\"Target\":\"/c\",\"ReadOnly\":true},"
	      "{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":\"/d\",\"VolumeOptions\":{\"Subpath\":\"sub/dir\",\"Labels\":{\"k\":\"v\"}}}]");
	check("host:Binds", NULL);
	m[0].target = (char *)"c";
	refused("absolute");
	spec.mounts = NULL;
	spec.n_mounts = 0;
}
END_TEST

START_TEST(further_entrypoint_words_go_in_front_of_the_command)
{
	docker_list_add(&spec.entrypoint, "sh");
	docker_list_add(&spec.entrypoint, "-c");
	docker_list_add(&spec.command, "exec x");
	check("Entrypoint", "[\"sh\"]");
	check("Cmd", "[\"-c\",\"exec x\"]");
}
END_TEST

START_TEST(ulimits_are_taken_apart)
{
	docker_list_add(&spec.ulimits, "memlock=1");
	docker_list_add(&spec.ulimits, "nofile=100:200");
	docker_list_add(&spec.ulimits, "core=0");
	docker_list_add(&spec.ulimits, "memlock=5:-1");
	check("host:Ulimits", "[{\"Name\":\"nofile\",\"Hard\":200,\"Soft\":100},"
			      "{\"Name\":\"core\",\"Hard\":0,\"Soft\":0},"
			      "{\"Name\":\"memlock\",\"Hard\":-1,\"Soft\":5}]");
}
END_TEST

static const char *const bad_ulimits[] = { "nofile", "nofile=",	  "nofile=2:1", "nofile=1:2:3",
					   "=1",     "nofile=1x", "nofile=1:" };
START_TEST(a_bad_ulimit_is_refused)
{
	docker_list_add(&spec.ulimits, bad_ulimits[_i]);
	refused("ulimit");
}
END_TEST

START_TEST(devices_are_taken_apart)
{
	docker_list_add(&spec.devices, "/dev/a");
	docker_list_add(&spec.devices, "/dev/a:/dev/b");
	docker_list_add(&spec.devices, "/dev/a:rw");
	docker_list_add(&spec.devices, "/dev/a:/dev/b:r");
	check("host:Devices",
	      "[{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/a\",\"CgroupPermissions\":\"rwm\"},"
	      "{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/b\",\"CgroupPermissions\":\"rwm\"},"
	      "{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/a\",\"CgroupPermissions\":\"rw\"},"
	      "{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/b\",\"CgroupPermissions\":\"r\"}]");
	docker_list_add(&spec.devices, "/dev/a:/dev/b:x");
	refused("device");
}
END_TEST

START_TEST(tmpfs_and_labels_become_maps)
{
	docker_list_add(&spec.tmpfs, "/a:size=1m,mode=1777");
	docker_list_add(&spec.tmpfs, "/b");
	docker_list_add(&spec.labels, "k=v=w");
	docker_list_add(&spec.labels, "twice=1");
	docker_list_add(&spec.labels, "twice=2");
	docker_list_add(&spec.labels, "bare");
	check("host:Tmpfs", "{\"/a\":\"size=1m,mode=1777\",\"/b\":\"\"}");
	check("Labels", "{\"k\":\"v=w\",\"twice\":\"2\",\"bare\":\"\"}");
}
END_TEST

START_TEST(a_seccomp_file_is_sent_as_its_content)
{
	char path[] = "/tmp/seccomp-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	static const char profile[] = "{ \"defaultAction\":\n\t\"SCMP_ACT_ALLOW\" }\n";
	ck_assert_int_eq(write(fd, profile, strlen(profile)), (ssize_t)strlen(profile));
	close(fd);
	docker_list_addf(&spec.security_opt, "seccomp%c%s", _i ? ':' : '=', path);
	docker_list_add(&spec.security_opt, "apparmor=unconfined");
	check("host:SecurityOpt",
	      "[\"no-new-privileges\",\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\"}\",\"apparmor=unconfined\"]");
	unlink(path);
	struct buf b = { 0 };
	struct err e;
	ck_assert_int_eq(docker_spec_json(&spec, &b, &e), -ENOENT);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	buf_done(&b);
}
END_TEST

START_TEST(seccomp_unconfined_is_a_word_and_systempaths_are_lists)
{
	docker_list_add(&spec.security_opt, "seccomp=unconfined");
	docker_list_add(&spec.security_opt, "systempaths=unconfined");
	check("host:SecurityOpt", "[\"no-new-privileges\",\"seccomp=unconfined\"]");
	check("host:MaskedPaths", "[]");
	check("host:ReadonlyPaths", "[]");
}
END_TEST

START_TEST(secret_bytes_survive_quoting)
{
	docker_list_add(&spec.env, "T=a\"b\\c\nd\te");
	check("Env", "[\"T=a\\\"b\\\\c\\nd\\te\"]");
}
END_TEST

START_TEST(init_off_is_said_and_removal_can_be_ours_alone)
{
	spec.init = false;
	spec.auto_remove = false;
	check("host:Init", "false");
	check("host:AutoRemove", "false");
}
END_TEST

Suite *suite_docker_spec_json(void);
Suite *suite_docker_spec_json(void)
{
	Suite *s = suite_create("docker_spec_json");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, stdin_is_open_once_and_all_streams_attached);
	tcase_add_test(c, the_hardened_defaults_reach_the_body);
	tcase_add_test(c, swap_equals_memory_so_that_none_comes_on_top);
	tcase_add_test(c, mounts_are_mounts_and_never_binds);
	tcase_add_test(c, further_entrypoint_words_go_in_front_of_the_command);
	tcase_add_test(c, ulimits_are_taken_apart);
	tcase_add_loop_test(c, a_bad_ulimit_is_refused, 0,
			    (int)(sizeof(bad_ulimits) / sizeof(bad_ulimits[0])));
	tcase_add_test(c, devices_are_taken_apart);
	tcase_add_test(c, tmpfs_and_labels_become_maps);
	tcase_add_loop_test(c, a_seccomp_file_is_sent_as_its_content, 0, 2);
	tcase_add_test(c, seccomp_unconfined_is_a_word_and_systempaths_are_lists);
	tcase_add_test(c, secret_bytes_survive_quoting);
	tcase_add_test(c, init_off_is_said_and_removal_can_be_ours_alone);
	suite_add_tcase(s, c);
	return s;
}
