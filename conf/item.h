/* SPDX-License-Identifier: MIT */
/*
 * item: the form of one string or list item: paths, addresses, patterns, NAME=VALUE, SRC:DST. Pure.
 * item_is_…: the checks that the table of keys names; 0, or -EINVAL with the sentence.
 */
#ifndef CONF_ITEM_H
#define CONF_ITEM_H

#include <stdbool.h>

struct conf_env;
struct conf_volume;
struct err;

/* Names of servers, agents, instances. */
#define ITEM_NAME_MAX 40

int item_is_name(const char *text, struct err *e);
int item_is_path(const char *text, struct err *e);	/* absolute */
int item_is_host_path(const char *text, struct err *e); /* absolute, or Windows' */
int item_is_endpoint(const char *text, struct err *e);	/* scheme://… */
int item_is_word(const char *text, struct err *e);	/* no white space, no leading - */
int item_is_ip(const char *text, struct err *e);
int item_is_host_entry(const char *text, struct err *e); /* HOST:IP, HOST=IP */
int item_is_ulimit(const char *text, struct err *e);
int item_is_device(const char *text, struct err *e);
int item_is_tmpfs(const char *text, struct err *e);
int item_is_platform(const char *text, struct err *e);
int item_is_capability(const char *text, struct err *e); /* of an MCP client */
int item_is_protocol(const char *text, struct err *e);
int item_is_tool(const char *text, struct err *e);	  /* TOOL */
int item_is_server_tool(const char *text, struct err *e); /* SERVER:TOOL */
int item_is_signal(const char *text, struct err *e);	  /* TERM, SIGTERM */

bool item_is_windows_path(const char *text);

/* NAME=VALUE, NAME, NAME?; the value's quotes are taken off. *ret owns what it points to. */
int item_env(const char *text, struct conf_env *ret, struct err *e);
/* Makes NAME=/file of NAME=VALUE: the value is in the file. */
int item_secret(struct conf_env *env, struct err *e);
int item_volume(const char *text, struct conf_volume *ret, struct err *e);

#endif
