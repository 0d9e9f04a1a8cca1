/* SPDX-License-Identifier: MIT */
#include "tests/unit/judge_rig.h"

#include <errno.h>

static const struct {
	uint64_t type;
	const char *name;
} types[] = {
	{ 0x65735546, "fuse or virtiofs" },
	{ 0x01021997, "9p" },
	{ 0x6969, "nfs" },
	{ 0xff534d42, "cifs" },
	{ 0xfe534d42, "smb" },
	{ 0x786f4256, "vboxsf" },
	/* as a signed 32-bit f_type comes out of statfs */
	{ (uint64_t)(int64_t)(int32_t)0xff534d42, "cifs" },
	{ 0xef53, NULL /* ext4 */ },
	{ 0x01021994, NULL /* tmpfs */ },
	{ 0x794c7630, NULL /* overlay */ },
	{ 0x58465342, NULL /* xfs */ },
	{ 0x9123683e, NULL /* btrfs */ },
};

START_TEST(file_systems_that_cannot_carry_pipes)
{
	const char *name = judge_bad_fs(types[_i].type);
	if (types[_i].name)
		ck_assert_str_eq(name, types[_i].name);
	else
		ck_assert_ptr_null(name);
}
END_TEST

static const struct {
	struct rundir_facts r;
	enum verdict verdict;
	const char *text, *remedy;
} rundirs[] = {
	{ { .is_there = true }, DOCTOR_OK, "/r carries named pipes", NULL },
	{ { 0 }, DOCTOR_OK, "/r is not there yet, mcpinit can make it", NULL },
	{ { .is_there = true, .fs_type = 0x65735546 },
	  DOCTOR_FAIL,
	  "/r lies on fuse or virtiofs, which cannot carry named pipes",
	  "use a named volume: docker run -v mcp:/r" },
	/* Not ours to write to, and no good anyway. */
	{ { .is_there = true, .error = -EACCES, .fs_type = 0x01021997 },
	  DOCTOR_FAIL,
	  "/r lies on 9p",
	  "named volume" },
	{ { .is_there = true, .error = -EACCES },
	  DOCTOR_WARN,
	  "no pipe was tried",
	  "the user that" },
	{ { .is_there = true, .error = -ENOTDIR },
	  DOCTOR_FAIL,
	  "/r: Not a directory",
	  "runtime_dir" },
	{ { .error = -ENOENT }, DOCTOR_FAIL, "cannot be made: /: No such file", "-v mcp:/r" },
	{ { .is_there = true, .fifo_error = -EPERM },
	  DOCTOR_FAIL,
	  "no named pipe could be made in /r: Operation not permitted",
	  "named volume" },
};

START_TEST(a_runtime_dir)
{
	struct rundir_facts r = rundirs[_i].r;
	struct finding f = finding_of(CHECK_RUNTIME_DIR);
	r.path = "/r";
	r.parent = "/";
	judge_rundir(&r, &f);
	judge_is(&f, rundirs[_i].verdict, rundirs[_i].text, rundirs[_i].remedy);
}
END_TEST

START_TEST(who_can_open_the_default_agents_pipes)
{
	struct pipes_facts p = { .has_default = true, .uid = 7 };
	struct finding f = finding_of(CHECK_PIPES);
	judge_pipes(&p, &f);
	judge_is(&f, DOCTOR_OK, "by the user that mcpinit runs as, here uid 7, and by root",
		 "default_group = GID");
	p.default_group = "agents";
	p.default_gid = 1500;
	p.is_made = true;
	judge_pipes(&p, &f);
	judge_is(&f, DOCTOR_OK, "by uid 7, and by group agents (1500)", NULL);
	p.has_default = false;
	p.n_agents = 2;
	judge_pipes(&p, &f);
	judge_is(&f, DOCTOR_OK, "there is no default agent; 2 agents", NULL);
}
END_TEST

static const struct {
	struct mcpinit_facts m;
	enum verdict verdict;
	const char *text, *remedy;
} mcpinits[] = {
	{ { .error = -ENOENT }, DOCTOR_OK, "none runs here (/c:", NULL },
	{ { .error = -EACCES }, DOCTOR_WARN, "/c is not for this user", "control_group" },
	{ { .error = -ETIMEDOUT }, DOCTOR_WARN, "/c does not answer", "is it" },
	{ { 0 }, DOCTOR_WARN, "/c does not answer: no version", "is it" },
	{ { .version = "1",
	    .engine = "unix:///a",
	    .is_engine_up = true,
	    .our_engine = "unix:///a" },
	  DOCTOR_OK,
	  "version 1 runs, and reaches its engine at unix:///a",
	  NULL },
	{ { .version = "1" }, DOCTOR_OK, "version 1 runs", NULL }, /* an agent is not told more */
	{ { .version = "0" }, DOCTOR_WARN, "version 0 runs, this is 1", "same image" },
	{ { .version = "1",
	    .engine = "tcp://x:1",
	    .is_engine_up = true,
	    .our_engine = "unix:///a" },
	  DOCTOR_WARN,
	  "with the engine at tcp://x:1, here unix:///a is taken",
	  "set docker_host" },
	{ { .version = "1", .engine = "unix:///a", .our_engine = "unix:///a" },
	  DOCTOR_FAIL,
	  "does not reach its engine at unix:///a",
	  "another user" },
};

START_TEST(a_mcpinit_that_runs)
{
	struct mcpinit_facts m = mcpinits[_i].m;
	struct finding f = finding_of(CHECK_MCPINIT);
	m.path = "/c";
	m.our_version = "1";
	judge_mcpinit(&m, &f);
	judge_is(&f, mcpinits[_i].verdict, mcpinits[_i].text, mcpinits[_i].remedy);
}
END_TEST

START_TEST(a_sibling_that_wrote_or_did_not)
{
	struct fifo_facts w = { .path = "/r", .source = "mcp", .image = "i", .has_come = true };
	struct finding f = finding_of(CHECK_FIFO);
	judge_fifo(&w, &f);
	judge_is(&f, DOCTOR_OK, "a sibling container (i) wrote through a pipe in /r (mcp there)",
		 NULL);
	w.has_come = false;
	w.error = "no shell";
	judge_fifo(&w, &f);
	judge_is(&f, DOCTOR_WARN,
		 "no sibling container could be made to try a pipe in /r: no shell",
		 "an image with a shell");
	w.was_tried = true;
	judge_fifo(&w, &f);
	judge_is(&f, DOCTOR_FAIL, "could not write through a pipe in /r: no shell", "-v mcp:/r");
}
END_TEST

#define N(table) (int)(sizeof(table) / sizeof((table)[0]))

Suite *suite_mcpctl_doctor_judge_files(void);
Suite *suite_mcpctl_doctor_judge_files(void)
{
	Suite *s = suite_create("mcpctl_doctor_judge_files");
	TCase *c = tcase_create("all");
	tcase_add_loop_test(c, file_systems_that_cannot_carry_pipes, 0, N(types));
	tcase_add_loop_test(c, a_runtime_dir, 0, N(rundirs));
	tcase_add_test(c, who_can_open_the_default_agents_pipes);
	tcase_add_loop_test(c, a_mcpinit_that_runs, 0, N(mcpinits));
	tcase_add_test(c, a_sibling_that_wrote_or_did_not);
	suite_add_tcase(s, c);
	return s;
}
