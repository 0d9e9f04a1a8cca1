/* SPDX-License-Identifier: MIT */
/* On top of mux_rig.h: a server that may ask, agents that can be asked, and the lines of both. */
#ifndef TESTS_ASK_RIG_H
#define TESTS_ASK_RIG_H

#include "tests/unit/mux_rig.h"

#define SAMPLING    "{\"sampling\":{}}"
#define ELICITATION "{\"elicitation\":{}}"
#define ASKS	    "\"method\":\"sampling/createMessage\",\"params\":{\"maxTokens\":5}}"
#define REFUSED	    "\"error\":{\"code\":-32603,"
#define NOT_THERE   "\"error\":{\"code\":-32601,"
#define BOTH	    (MUX_SAMPLING | MUX_ELICITATION)
#define ELICITS	    "\"method\":\"elicitation/create\",\"params\":{\"message\":\"?\"}}"

static UNUSED void ask_start(struct rig *r, unsigned capabilities, enum mux_ask_policy policy)
{
	rig_init(r);
	r->p.capabilities = capabilities;
	r->p.ask_policy = policy;
	rig_start(r);
	rig_up(r);
}

/* Greets as a client that declares these. */
static UNUSED void ask_greet(struct rig *r, struct end *e, const char *capabilities)
{
	sayf(r, e,
	     J "\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
	       "\"capabilities\":%s,\"clientInfo\":{\"name\":\"c\",\"version\":\"0\"}}}",
	     capabilities);
	ck_has(hear(r, e), "\"id\":0,\"result\":{\"protocolVersion\":");
	say(r, e, J "\"method\":\"notifications/initialized\"}");
	spin(r);
}

static UNUSED struct end *ask_client(struct rig *r, const char *capabilities)
{
	struct end *e = rig_agent(r, MUX_SOCKET);
	ask_greet(r, e, capabilities);
	return e;
}

/* A call of the agent; true when the server has it: its wire id is in ret. */
static UNUSED bool ask_call(struct rig *r, struct end *e, int id, const char *method, char ret[64])
{
	sayf(r, e, J "\"id\":%d,\"method\":\"%s\",\"params\":{\"name\":\"a\"}}", id, method);
	const char *line = hear(r, &r->server);
	if (!line)
		return false;
	ck_has(line, method);
	id_of(line, ret);
	return true;
}

/* The server ends a call. */
static UNUSED void ask_end(struct rig *r, const char *wire_id)
{
	sayf(r, &r->server, J "\"id\":%s,\"result\":{}}", wire_id);
	spin(r);
}

/* The agent is asked, under an id of ours: that is in ret. */
static UNUSED void ask_heard(struct rig *r, struct end *e, const char *method, char ret[64])
{
	const char *line = hear(r, e);
	ck_has(line, method);
	ck_assert_msg(strncmp(id_of(line, ret), "\"m", 2) == 0, "%s", line);
}

#endif
