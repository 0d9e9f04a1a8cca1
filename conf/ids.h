/* SPDX-License-Identifier: MIT */
/*
 * ids: names of users and groups → numbers, by this container's passwd and group.
 */
#ifndef CONF_IDS_H
#define CONF_IDS_H

#include <stdint.h>

struct err;

/* UID, UID:GID, name, name:group. Without a group: the user's own, or 0 where passwd does not know the UID (as docker run). */
int ids_user(const char *text, int64_t *ret_uid, int64_t *ret_gid, struct err *e);
/* GID or name. */
int ids_group(const char *text, int64_t *ret_gid, struct err *e);

#endif
