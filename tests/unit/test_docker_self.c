/* SPDX-License-Identifier: MIT */
#include "docker/self.h"

#include "base/err.h"
#include "tests/unit/tiny_engine.h"

#define ID    "04d267aa96dcd0666db43e228d55a70bbbe2556aa7faa28c4911329214571646"
#define OTHER "7f2c03fe2443ad9eb4742d49130c035845d144ed9484afcca3f56b069ffab4e6"

/* As seen in containers; the last column is the answer, NULL: none. */
static const struct {
	const char *text, *id;
} mountinfos[] = {
	/* docker, overlay2 (whose own line has IDs of layers) */
	{ "101 75 0:40 / / rw,relatime master:3 - overlay overlay rw,lowerdir=/x,upperdir=/d/overlay2/" OTHER
	  "/diff\n"
	  "118 101 254:0 /var/lib/docker/containers/" ID
	  "/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda rw\n"
	  "119 101 254:0 /var/lib/docker/containers/" ID
	  "/hostname /etc/hostname rw - ext4 /dev/vda rw\n",
	  ID },
	/* docker in docker: the outer volume has an ID too */
	{ "119 101 254:0 /docker/volumes/" OTHER "/_data/containers/" ID
	  "/hosts /etc/hosts rw - ext4 /dev/vda rw\n",
	  ID },
	/* podman */
	{ "700 650 0:25 /containers/storage/overlay-containers/" ID
	  "/userdata/hostname /etc/hostname rw,nosuid - tmpfs tmpfs rw\n",
	  ID },
	/* somebody mounted a file out of an anonymous volume over /etc/hosts */
	{ "119 101 254:0 /var/lib/docker/volumes/" OTHER
	  "/_data/hosts /etc/hosts rw - ext4 /dev/vda rw\n"
	  "120 101 254:0 /var/lib/docker/containers/" ID
	  "/hostname /etc/hostname rw - ext4 /dev/vda rw",
	  ID },
	/* a host */
	{ "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n23 22 0:5 / /proc rw - proc proc rw\n",
	  NULL },
	/* a mount of a container's directory elsewhere says nothing about us */
	{ "30 1 254:0 /var/lib/docker/containers/" ID
	  "/hostname /mnt/hostname rw - ext4 /dev/vda rw\n",
	  NULL },
	{ "119 101 254:0 /var/lib/docker/containers/" ID
	  "0/hostname /etc/hostname rw - ext4 x rw\n",
	  NULL },
	{ "", NULL },
	{ "\n\n119\n119 101\n119 101 1:1\n119 101 1:1 /etc/hostname\n", NULL },
};

START_TEST(mountinfo_names_the_container)
{
	char id[SELF_ID] = "";
	bool is_found = self_of_mountinfo(mountinfos[_i].text, id);
	ck_assert_int_eq(is_found, mountinfos[_i].id != NULL);
	if (is_found)
		ck_assert_str_eq(id, mountinfos[_i].id);
}
END_TEST

static const struct {
	const char *text, *id;
} cgroups[] = {
	{ "9:name=systemd:/docker/" ID "\n0::/docker/" ID "\n", ID },
	{ "0::/system.slice/docker-" ID ".scope\n", ID },
	{ "1:cpu:/libpod_parent/libpod-" ID "\n", ID },
	{ "0::/kubepods/pod1/" OTHER "/" ID, ID },
	{ "9:name=systemd:/\n0::/\n", NULL },
	{ "4:memory:/process_api/c49a03168a0088e9c5d548e094cc2c30\n", NULL },
	{ "", NULL },
};

START_TEST(cgroup_names_the_container)
{
	char id[SELF_ID] = "";
	bool is_found = self_of_cgroup(cgroups[_i].text, id);
	ck_assert_int_eq(is_found, cgroups[_i].id != NULL);
	if (is_found)
		ck_assert_str_eq(id, cgroups[_i].id);
}
END_TEST

START_TEST(only_a_hostname_made_by_docker_is_an_id)
{
	char id[SELF_ID];
	ck_assert(self_of_hostname("04d267aa96dc", id));
	ck_assert_str_eq(id, "04d267aa96dc");
	ck_assert(self_of_hostname(ID, id));
	ck_assert(!self_of_hostname("web", id));
	ck_assert(!self_of_hostname("cafe", id)); /* hex, but a name */
	ck_assert(!self_of_hostname("04d267aa96dc.local", id));
	ck_assert(!self_of_hostname("", id));
}
END_TEST

static const char inspected[] =
	"{\"Id\":\"" ID "\",\"HostConfig\":{\"Mounts\":[{\"Source\":\"/wrong\"}],"
	"\"Tmpfs\":{\"/ram\":\"size=1m\"}},"
	"\"Config\":{\"Labels\":{\"com.docker.compose.project\":\"proj\",\"com.docker.compose.service\":\"svc\","
	"\"com.docker.compose.container-number\":\"2\"}},"
	"\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/opt/repos\",\"Destination\":\"/workspace\",\"RW\":false},"
	"{\"Type\":\"volume\",\"Name\":\"v\",\"Source\":\"/d/v/_data\",\"Destination\":\"/v\",\"RW\":true}]}";

START_TEST(inspect_tells_mounts_and_compose_labels)
{
	struct docker_self *self = NULL;
	ck_assert_int_eq(self_of_inspect(inspected, strlen(inspected), "04d267aa96dc", &self, NULL),
			 0);
	struct docker_self *copy = docker_self_copy(self);
	docker_self_free(self);
	ck_assert_str_eq(copy->id, ID);
	ck_assert_str_eq(copy->compose_project, "proj");
	ck_assert_str_eq(copy->compose_service, "svc");
	ck_assert_str_eq(copy->compose_number, "2");
	ck_assert_uint_eq(copy->n_mounts, 3);
	ck_assert_str_eq(copy->mounts[0].source, "/opt/repos");
	ck_assert(copy->mounts[0].is_read_only);
	ck_assert_str_eq(copy->mounts[1].name, "v");
	ck_assert(!copy->mounts[1].is_read_only);
	ck_assert_str_eq(copy->mounts[2].type, "tmpfs");
	ck_assert_str_eq(copy->mounts[2].destination, "/ram");
	docker_self_free(copy);
}
END_TEST

START_TEST(a_container_found_by_its_name_is_not_us)
{
	struct docker_self *self = NULL;
	struct err e;
	ck_assert_int_eq(self_of_inspect(inspected, strlen(inspected), "cafecafecafe", &self, &e),
			 -EPROTO);
	ck_assert_int_eq(self_of_inspect("[]", 2, "cafecafecafe", &self, &e), -EPROTO);
	ck_assert_int_eq(self_of_inspect("{", 1, "cafecafecafe", &self, &e), -EPROTO);
	ck_assert_ptr_null(self);
}
END_TEST

struct seen {
	bool is_done, has_id, is_unknown;
};

static void on_done(void *ctx, const struct docker_self *self)
{
	struct seen *s = ctx;
	ck_assert(!s->is_done);
	s->is_done = true;
	s->is_unknown = self == NULL;
	s->has_id = self && self->id;
}

START_TEST(an_engine_that_does_not_know_us_leaves_the_id_empty)
{
	struct tiny_engine t;
	struct seen s = { 0 };
	tiny_open(&t);
	ck_assert_int_eq(docker_self_find(t.docker, on_done, &s), 0);
	ck_assert(!s.is_done);
	tiny_until(&t, &s.is_done, 0);
	ck_assert(!s.has_id);
	ck_assert(!s.is_unknown);
	tiny_shut(&t);
}
END_TEST

START_TEST(an_engine_that_goes_away_while_asked_has_not_said_that_it_does_not_know_us)
{
	struct tiny_engine t;
	struct seen s = { 0 };
	tiny_open(&t);
	ck_assert_int_eq(docker_self_find(t.docker, on_done, &s), 0);
	scripted_stop(&t.server);
	tiny_until(&t, &s.is_done, 0);
	ck_assert(s.is_unknown);
	tiny_shut(&t);
}
END_TEST

/* What leaks is found by MODE=asan. */
START_TEST(freed_while_it_asks_it_tells_nobody_and_leaves_nothing)
{
	struct tiny_engine t;
	struct seen s = { 0 };
	tiny_open(&t);
	ck_assert_int_eq(docker_self_find(t.docker, on_done, &s), 0);
	tiny_shut(&t);
	ck_assert(!s.is_done);
}
END_TEST

Suite *suite_docker_self(void);
Suite *suite_docker_self(void)
{
	Suite *s = suite_create("docker_self");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, mountinfo_names_the_container, 0,
			    (int)(sizeof(mountinfos) / sizeof(mountinfos[0])));
	tcase_add_loop_test(c, cgroup_names_the_container, 0,
			    (int)(sizeof(cgroups) / sizeof(cgroups[0])));
	tcase_add_test(c, only_a_hostname_made_by_docker_is_an_id);
	tcase_add_test(c, inspect_tells_mounts_and_compose_labels);
	tcase_add_test(c, a_container_found_by_its_name_is_not_us);
	tcase_add_test(c, an_engine_that_does_not_know_us_leaves_the_id_empty);
	tcase_add_test(c,
		       an_engine_that_goes_away_while_asked_has_not_said_that_it_does_not_know_us);
	tcase_add_test(c, freed_while_it_asks_it_tells_nobody_and_leaves_nothing);
	suite_add_tcase(s, c);
	return s;
}
