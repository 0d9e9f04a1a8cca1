/* SPDX-License-Identifier: MIT */
/* script_one: script_rig.h with a server `fs` and an agent of it that has a call waiting or in flight. */
#ifndef TESTS_UNIT_SCRIPT_ONE_H
#define TESTS_UNIT_SCRIPT_ONE_H

#include "tests/unit/script_rig.h"

static struct server *fs;
static struct script_mood *mood;
static int agent;

static inline void open_one(const char *more)
{
	char ini[1024];
	(void)snprintf(ini, sizeof(ini), ONE "%s", more);
	script_open(ini, 1);
	fs = rig_server("fs");
	mood = script_mood("fs");
	agent = rig_agent(fs);
	script_settle();
}

static inline void shut_one(void)
{
	(void)close(agent);
	script_close();
}

/* In this state, and an agent's call waits or is in flight. */
static inline void begin(enum srv_state state)
{
	server_start(fs, "test");
	script_settle();
	script_is(fs, state);
	rig_say(agent, script_call);
	script_settle();
	ck_assert_str_eq(script_heard(agent), "");
	script_from(fs);
}

/* It is at rest, by this way, for this reason, after so many launches; what it held is given back. */
static inline void ends(enum srv_state state, const char *path, const char *why, unsigned launches)
{
	script_look();
	script_is(fs, state);
	ck_assert_str_eq(script_path(fs), path);
	ck_assert_str_eq(fs->why, why);
	ck_assert_uint_eq(script_launches("fs"), launches);
	ck_assert_uint_eq(rig.starting, 0);
	if (state != SRV_RUNNING)
		ck_assert_uint_eq(script_alive(), 0);
}

static inline void is_refused(const char *reason)
{
	const char *answer = script_heard(agent);
	ck_assert_msg(strstr(answer, "-32603") && strstr(answer, reason), "%s", answer);
	ck_assert_ptr_null(strstr(strstr(answer, "-32603") + 1, "-32603")); /* once */
}

#endif
