/* SPDX-License-Identifier: MIT */
/* sharing = per-agent: a process is its agent's, and goes when the agent is another client or has gone. */
#include "tests/unit/server_rig.h"

#define OWN                                                                                        \
	"[server:fs]\ncommand = %s/mcp\nsharing = per-agent\nbackoff = 1h\nbackoff_max = 1h\n"     \
	"park_timeout = 20ms\n"
#define HELLO(caps)                                                                                \
	"{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"initialize\",\"params\":{\"protocolVersion\":" \
	"\"2025-11-25\",\"capabilities\":" caps                                                    \
	",\"clientInfo\":{\"name\":\"c\",\"version\":\"1\"}}}\n"

static int greet(struct server *s, const char *hello)
{
	int fd = rig_agent(s);
	rig_say(fd, hello);
	ck_assert_ptr_nonnull(strstr(rig_hear(fd), "\"id\":5,\"result\""));
	ck_assert_int_eq(server_state(s), SRV_RUNNING);
	return fd;
}

START_TEST(each_agent_has_a_process_from_its_first_message_on)
{
	rig_open(OWN "[agent:p]\n");
	struct server *p = rig_server("fs@p"), *standard = rig_server("fs@default");
	ck_assert(server_is_asleep(p) && server_counts_as_up(p));
	ck_assert(server_is_called(p, "fs") && server_is_called(p, "fs@p"));
	ck_assert(!server_is_called(p, "fs@default") && !server_is_called(p, "f"));
	int fd = greet(p, HELLO("{}"));
	ck_assert_int_eq(server_state(standard), SRV_STOPPED);
	int other = greet(standard, HELLO("{}"));
	ck_assert_int_ne(rig_pid(p), rig_pid(standard));
	(void)close(fd);
	(void)close(other);
	rig_close();
}
END_TEST

START_TEST(another_client_gets_another_process_at_once)
{
	rig_open(OWN);
	struct server *fs = rig_server("fs@default");
	(void)close(greet(fs, HELLO("{}")));
	rig_rounds(5);
	int fd = greet(
		fs, HELLO("{\"roots\":{}}")); /* neither backoff nor park_timeout are in its way */
	ck_assert_uint_eq(fs->generation, 2);
	ck_assert_uint_eq(fs->restarts, 0);
	ck_assert_str_eq(fs->why, "");
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(what_it_offers_another_client_is_no_loss)
{
	rig_open(OWN);
	struct server *fs = rig_server("fs@default");
	(void)close(greet(fs, HELLO("{}")));
	rig_rounds(5);
	degraded_counted(&fs->degraded, 16);
	int fd = greet(fs, HELLO("{\"roots\":{}}"));
	ck_assert_uint_eq(degraded_is(&fs->degraded, 0), 0);
	(void)close(fd);
	rig_close();
}
END_TEST

START_TEST(its_agent_has_gone_and_so_has_it)
{
	rig_open(OWN "linger = 50ms\n");
	struct server *fs = rig_server("fs@default");
	int fd = greet(fs, HELLO("{}"));
	rig_rounds(150);
	ck_assert_int_eq(server_state(fs), SRV_RUNNING);
	(void)close(fd);
	rig_until(fs, SRV_STOPPED);
	ck_assert_str_eq(fs->why, "asleep: its agent has gone, the next message starts it");
	ck_assert(server_is_asleep(fs));
	rig_close();
}
END_TEST

START_TEST(stopped_by_hand_no_client_starts_it)
{
	rig_open(OWN);
	struct server *fs = rig_server("fs@default");
	(void)close(greet(fs, HELLO("{}")));
	rig_rounds(5);
	server_stop(fs, "test");
	int fd = rig_agent(fs);
	rig_say(fd, HELLO("{\"roots\":{}}"));
	const char *text = rig_hear(fd);
	ck_assert_msg(strstr(text, "-32603") != NULL, "'%s'", text);
	rig_until(fs, SRV_STOPPED);
	rig_rounds(20);
	ck_assert_int_eq(server_state(fs), SRV_STOPPED);
	(void)close(fd);
	rig_close();
}
END_TEST

Suite *suite_supervisor_server_private(void);
Suite *suite_supervisor_server_private(void)
{
	Suite *s = suite_create("supervisor_server_private");
	TCase *c = tcase_create("all");
	tcase_set_timeout(c, 30);
	tcase_add_test(c, each_agent_has_a_process_from_its_first_message_on);
	tcase_add_test(c, another_client_gets_another_process_at_once);
	tcase_add_test(c, what_it_offers_another_client_is_no_loss);
	tcase_add_test(c, its_agent_has_gone_and_so_has_it);
	tcase_add_test(c, stopped_by_hand_no_client_starts_it);
	suite_add_tcase(s, c);
	return s;
}
