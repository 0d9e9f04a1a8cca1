/* SPDX-License-Identifier: MIT */
/*
 * variables: env_file, environment, secret_environment of one server → "K=V" items, read anew at each start.
 * Later wins over earlier: what the list already holds, env_file in its order, environment.
 * Secrets: values from our environment and from files are given to log_redact_add().
 * Used by: plan.c.
 */
#ifndef SUPERVISOR_VARIABLES_H
#define SUPERVISOR_VARIABLES_H

struct conf_server;
struct err;

/* ours: our own environment. -ENOENT and others with the sentence: what is missing, and the remedy. */
int variables_add(const struct conf_server *c, const char *const *ours, char ***env, struct err *e);

#endif
