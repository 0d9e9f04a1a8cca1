/* SPDX-License-Identifier: MIT */
/*
 * import_value: would mcpinit's configuration take this value of an option of `docker run`? What it would refuse is left
 * out and said, so that whatever is printed loads. Pure; tests/fuzz/fuzz_import.c holds it against conf/.
 * Private to import*.c.
 */
#ifndef MCPCTL_IMPORT_VALUE_H
#define MCPCTL_IMPORT_VALUE_H

#include <stdbool.h>
#include <stdint.h>

bool import_is_word(const char *text); /* no white space, no leading - */
bool import_is_path(const char *text);
bool import_is_size(const char *text);
bool import_is_memory(const char *text); /* a size that the engine allows as a limit, or 0 */
bool import_is_cpus(const char *text);
bool import_is_pids(const char *text);
bool import_is_ip(const char *text);
bool import_is_host_entry(const char *text); /* HOST:IP, HOST=IP, HOST:host-gateway */
bool import_is_ulimit(const char *text);
bool import_is_network(const char *text); /* not name=…,alias=… */
bool import_is_platform(const char *text);
bool import_is_pull_policy(const char *text);
bool import_is_signal(const char *text);
bool import_is_boolean(const char *text);

/* Bytes; -1: it is no size. */
int64_t import_size(const char *text);

#endif
