/* SPDX-License-Identifier: MIT */
/*
 * load: files → sections → values → checks. conf_load() is its public face; tests and the fuzzer come in here.
 */
#ifndef CONF_LOAD_H
#define CONF_LOAD_H

#include "conf/conf.h"

#include <stddef.h>
#include <stdint.h>

struct load {
	const struct conf_source *src;
	int64_t euid; /* who we are: others than root cannot give pipes away */
	const char *
		text; /* instead of the content of src->path, which then only names it; includes nothing */
	size_t len;
};

/* As conf_load(). */
int load_conf(const struct load *in, struct conf **ret, struct conf_errors *errs);

#endif
