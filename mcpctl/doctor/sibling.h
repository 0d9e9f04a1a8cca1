/* SPDX-License-Identifier: MIT */
/* sibling: the containers that the doctor makes: what they have in common, and the engine's times. */
#ifndef DOCTOR_SIBLING_H
#define DOCTOR_SIBLING_H

#include <stdbool.h>
#include <time.h>

struct docker_mount;
struct docker_spec;

#define SIBLING_TARGET "/mcpinit-doctor"
enum { SIBLING_NAME = 64 };

/* "2026-11-21T10:00:00.5+01:00"; false: it is none. */
bool sibling_time(const char *text, struct timespec *ret);
/* A container with the mount (copied) at SIBLING_TARGET, without network, labelled as the doctor's. -ENOMEM. */
int sibling_spec(struct docker_spec *s, const char *image, const struct docker_mount *mount);
void sibling_name(char name[SIBLING_NAME], const char *what);

#endif
