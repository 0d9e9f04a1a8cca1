/* SPDX-License-Identifier: MIT */
/*
 * divide: a server with sharing = per-agent → one instance for each agent that may use it. An instance is a server like
 * any other from here on, so that nothing else has to know of them but who picks a server by its name.
 */
#ifndef CONF_DIVIDE_H
#define CONF_DIVIDE_H

struct conf;
struct conf_server;

/* c: checked. 0 or -ENOMEM, with which c can only be freed. */
int divide_servers(struct conf *c);
/* Frees an instance; what it has of its section is not its own. */
void divide_free(struct conf_server *instance);

#endif
