/* SPDX-License-Identifier: MIT */
/* registries: what is known of a registry here: the login that is stored for it, and whether its name is found. */
#ifndef DOCTOR_REGISTRIES_H
#define DOCTOR_REGISTRIES_H

struct doctor;

/* Tells what is there for this registry, once for each. *ret_header: the login to send, the caller's (a secret), or NULL. */
int registries_look(struct doctor *d, const char *registry, char **ret_header);
void registries_free(struct doctor *d);

#endif
