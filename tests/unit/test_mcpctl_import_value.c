/* SPDX-License-Identifier: MIT */
/* What docker run takes and the configuration refuses is left out and said; what is printed always loads. */
#include "tests/unit/import_rig.h"

#include <cjson/cJSON.h>

/* The servers that `docker run OPTION VALUE img` becomes; loads it, too. */
static struct import run(const char *option, const char *value)
{
	cJSON *root = cJSON_CreateObject(), *servers = cJSON_AddObjectToObject(root, "mcpServers");
	cJSON *s = cJSON_AddObjectToObject(servers, "s"), *args = cJSON_AddArrayToObject(s, "args");
	cJSON_AddStringToObject(s, "command", "docker");
	const char *const all[] = { "run", option, value, "img" };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cJSON_AddItemToArray(args, cJSON_CreateString(all[i]));
	char *json = cJSON_PrintUnformatted(root);
	struct import im = import_rig(json);
	conf_free(conf_text(im.ini.data));
	cJSON_free(json);
	cJSON_Delete(root);
	return im;
}

static const char *const good[][3] = {
	{ "--memory", "512m", "mem_limit = 512m\n" },
	{ "-m", "1.5g", "mem_limit = 1.5g\n" },
	{ "-m", "0", "mem_limit = 0\n" },
	{ "-m", "512mb", "mem_limit = 512mb\n" },
	{ "--memory-reservation", "1g", "mem_reservation = 1g\n" },
	{ "--cpus", ".5", "cpus = 0.5\n" },
	{ "--cpus", "${CPUS}", "cpus = \"${CPUS}\"\n" },
	{ "--pids-limit", "-1", "pids_limit = -1\n" },
	{ "--dns", "2001:db8::1", "dns = 2001:db8::1\n" },
	{ "--add-host", "a:[::1]", "extra_hosts = \"a:[::1]\"\n" },
	{ "--add-host", "a=host-gateway", "extra_hosts = a=host-gateway\n" },
	{ "--ulimit", "nofile=1024:-1", "ulimits = nofile=1024:-1\n" },
	{ "--pull", "always", "pull_policy = always\n" },
	{ "--stop-signal", "SIGINT", "stop_signal = SIGINT\n" },
	{ "--platform", "linux/arm/v7", "platform = linux/arm/v7\n" },
	{ "--network", "none", "network_mode = \"none\"\n" },
	{ "--mount", "type=bind,src=C:/Users/x,dst=/x,ro", "volumes = C:/Users/x:/x:ro\n" },
	{ "-v", "${DIR:-/srv}:/x", "volumes = \"${DIR:-/srv}:/x\"\n" },
};

START_TEST(values_that_both_know_are_carried_over)
{
	struct import im = run(good[_i][0], good[_i][1]);
	ck_assert_ptr_nonnull(strstr(im.ini.data, good[_i][2]));
	ck_assert_ptr_null(strstr(buf_str(&im.notes), "left out"));
	import_done(&im);
}
END_TEST

static const char *const bad[][2] = {
	{ "--memory", "5m" },
	{ "--memory", "lots" },
	{ "--memory", "1t" },
	{ "--memory", "${MEM:-lots}" },
	{ "--memory-reservation", "3g" },
	{ "--memory-reservation", "-1" },
	{ "--cpus", "two" },
	{ "--pids-limit", "many" },
	{ "--dns", "resolver.local" },
	{ "--add-host", "a:b" },
	{ "--ulimit", "nofile" },
	{ "--ulimit", "nofile=" },
	{ "--ulimit", "nofile=1:2:3" },
	{ "--pull", "sometimes" },
	{ "--stop-signal", "15" },
	{ "--stop-signal", "RTMIN+1" },
	{ "--platform", "linux" },
	{ "--workdir", "rel" },
	{ "--shm-size", "64x" },
	{ "--user", "a b" },
	{ "--network", "name=a,alias=b" },
	{ "-v", "./rel:/x" },
	{ "-v", "${DIR:-rel/ative}:/x" },
	{ "--mount", "type=bind,src=/a:b,dst=/x" },
	{ "--label", "9=x" },
	{ "--gpus", "all" },
};

START_TEST(values_that_the_configuration_refuses_are_left_out)
{
	struct import im = run(bad[_i][0], bad[_i][1]);
	ck_assert_str_eq(im.ini.data, "[server:s]\nimage = img\n");
	ck_assert_ptr_nonnull(strstr(im.notes.data, "s: docker run --"));
	ck_assert_ptr_nonnull(strstr(im.notes.data, " is left out: "));
	import_done(&im);
}
END_TEST

START_TEST(of_two_volumes_at_one_place_the_first_stays)
{
	struct import im = import_rig(
		"{\"mcpServers\":{\"s\":{\"command\":\"podman\",\"args\":[\"run\",\"-v\",\"a:/x\","
		"\"-v\",\"b:/x\",\"-v\",\"b:/y\",\"img\"]}}}");
	ck_assert_str_eq(im.ini.data, "[server:s]\nimage = img\nvolumes =\n\ta:/x\n\tb:/y\n");
	ck_assert_str_eq(im.notes.data, "s: docker run --volume b:/x is left out: another volume "
					"is mounted there\n");
	import_done(&im);
}
END_TEST

START_TEST(a_reservation_within_its_limit_stays)
{
	struct import im =
		import_rig("{\"mcpServers\":{\"s\":{\"command\":\"docker\",\"args\":[\"run\","
			   "\"--memory-reservation=3g\",\"--memory=4g\",\"img\"]}}}");
	ck_assert_str_eq(im.ini.data,
			 "[server:s]\nimage = img\nmem_limit = 4g\nmem_reservation = 3g\n");
	import_done(&im);
}
END_TEST

START_TEST(variables_of_an_editor_are_what_they_are_here)
{
	struct import im = import_rig(
		"{\"mcp\":{\"inputs\":[],\"servers\":{\"s\":{\"command\":\"npx\",\"args\":["
		"\"${workspaceFolder}${/}a\",\"${workspaceFolderBasename}\",\"${userHome}/b\"]}}}}");
	ck_assert_str_eq(im.ini.data, "[server:s]\ncommand = npx /workspace/a workspace "
				      "\"${HOME}/b\"\nvolumes = workspace:/workspace\n");
	import_done(&im);
}
END_TEST

#define N(table) (sizeof(table) / sizeof((table)[0]))

Suite *suite_mcpctl_import_value(void);
Suite *suite_mcpctl_import_value(void)
{
	Suite *s = suite_create("mcpctl_import_value");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, values_that_both_know_are_carried_over, 0, N(good));
	tcase_add_loop_test(c, values_that_the_configuration_refuses_are_left_out, 0, N(bad));
	tcase_add_test(c, of_two_volumes_at_one_place_the_first_stays);
	tcase_add_test(c, a_reservation_within_its_limit_stays);
	tcase_add_test(c, variables_of_an_editor_are_what_they_are_here);
	suite_add_tcase(s, c);
	return s;
}
