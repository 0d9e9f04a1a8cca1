/* SPDX-License-Identifier: MIT */
/*
 * files: the main file and what it includes → struct sections. Included files are read behind the file that names
 * them, in the order of the patterns and of their names.
 */
#ifndef CONF_FILES_H
#define CONF_FILES_H

#include "conf/conf.h"
#include "conf/section.h"

#include <stddef.h>

#define FILES_MAX_BYTES (16 * 1024 * 1024)
#define FILES_MAX	1000
#define FILES_MAX_DEPTH 8

/* Everything that is wrong is told. */
void files_read(const struct conf_source *src, struct sections *all, struct report *r);
/* As one file called name, which includes nothing. */
void files_read_text(const char *name, const char *text, size_t len, struct sections *all,
		     struct report *r);

#endif
