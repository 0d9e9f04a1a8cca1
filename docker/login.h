/* SPDX-License-Identifier: MIT */
/*
 * login: the X-Registry-Auth header for one image: what config.json says, or the credential helper it names. As with the
 * docker client, a helper that is not there or fails leaves `auths` standing; one that knows no such login means none.
 * Secrets: the header is the callee's to docker_wipe(); `trouble` never holds what a helper printed as its answer.
 * Used by: image.c. Loop: the answer comes from it, never from login_find().
 */
#ifndef DOCKER_LOGIN_H
#define DOCKER_LOGIN_H

struct docker;
struct login;

/*
 * Once: header is the callee's, NULL: no login. trouble: why the login that config.json means could not be had; borrowed;
 * NULL: none.
 */
typedef void login_fn(void *ctx, char *takes_header, const char *trouble);

/* NULL: out of memory. */
struct login *login_find(struct docker *d, const char *image, login_fn *on_done, void *ctx);
/* No callback will come. NULL is fine. */
void login_cancel(struct login *l);

#endif
