/* SPDX-License-Identifier: MIT */
/*
 * remedy: an engine that cannot be reached → the same sentence with what a person must do behind it. Pure but for stat().
 * Source:  the words of OpenSSL, libcurl and Go's TLS, which have no codes of their own for these.
 * Used by: docker.c. Loop: none.
 */
#ifndef DOCKER_REMEDY_H
#define DOCKER_REMEDY_H

struct docker_endpoint;
struct err;

/* why and *ret may not be the same. */
void docker_remedy(const struct docker_endpoint *ep, const struct err *why, struct err *ret);

#endif
