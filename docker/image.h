/* SPDX-License-Identifier: MIT */
/*
 * image: makes sure that an image is there. Inspect first; a registry is contacted only where the policy says so.
 * A pull has no total deadline, but ends after 120 s without a byte. Errors come early (HTTP status) and late (the last
 * object of a 200); both are classified by words. A stream that ends well is believed only after another inspect.
 * Retried: network and rate limit, three times, after 2, 4, 8 s. Denied with stored credentials: once more without.
 * The login (login.h) is looked for when a registry is to be contacted, and not before.
 * Source:  Engine API v1.41, ImageInspect, ImageCreate.
 * The calls themselves are in docker/docker.h (docker_pull_*).
 */
#ifndef DOCKER_IMAGE_H
#define DOCKER_IMAGE_H

#include <stdbool.h>

struct buf;

/* Appends "fromImage=…&tag=…[&platform=…]": never without a tag or digest, which would pull every tag. 0 or -ENOMEM. */
int image_pull_query(struct buf *out, const char *image, const char *platform);
/* Is what inspect says of the image ("linux", "arm64", variant or "") what was asked for ("linux/arm64/v8")? */
bool image_is_platform(const char *asked, const char *os, const char *arch, const char *variant);

#endif
