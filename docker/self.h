/* SPDX-License-Identifier: MIT */
/*
 * self: which container are we? Candidates from /proc/self/mountinfo, /proc/self/cgroup and the hostname, in this order;
 * each is only believed when this engine's inspect knows it. The parsers are pure.
 * Source:  proc(5); seen with Docker (default, --hostname, --network host, --cgroupns private) and Podman.
 * The calls themselves are in docker/docker.h (docker_self_*).
 */
#ifndef DOCKER_SELF_H
#define DOCKER_SELF_H

#include <stdbool.h>
#include <stddef.h>

struct docker_self;
struct err;

enum { SELF_ID = 65 }; /* 64 digits and NUL */

/* The text of /proc/self/mountinfo → the container whose files lie over /etc/hostname, /etc/hosts, /etc/resolv.conf. */
bool self_of_mountinfo(const char *text, char ret_id[SELF_ID]);
/* The text of /proc/self/cgroup → the last 64 hex digits of a path. False with a private cgroup namespace. */
bool self_of_cgroup(const char *text, char ret_id[SELF_ID]);
/* A hostname that Docker made: 12 (or 64) hex digits, nothing else. */
bool self_of_hostname(const char *name, char ret_id[SELF_ID]);
/* The body of an inspect → who we are. -EPROTO: it is not what it should be, or not the container of that ID. */
int self_of_inspect(const char *body, size_t len, const char *id, struct docker_self **ret,
		    struct err *e);

#endif
