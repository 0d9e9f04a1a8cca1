/* SPDX-License-Identifier: MIT */
/*
 * section: what stands in the files, section by section and key by key, not yet values: text with its place.
 */
#ifndef CONF_SECTION_H
#define CONF_SECTION_H

#include "conf/conf.h"
#include "conf/report.h"

#include <stddef.h>

/* [server:*] and [agent:*] together. */
#define SECTION_MAX 2000

enum section_kind { SECTION_MCPINIT, SECTION_DEFAULTS, SECTION_SERVER, SECTION_AGENT };

struct entry {
	const char *file; /* borrowed from struct sections */
	int line;
	char *text;  /* owned; NULL: not written */
	bool is_bad; /* could not be made a value, which was told */
};

struct section {
	enum section_kind kind;
	char *title;	  /* "server:git"; owned */
	const char *name; /* "git", in title */
	const char *file; /* borrowed from struct sections */
	int line;
	struct entry *entries; /* owned; one per key of the table */
};

struct sections {
	struct section **v; /* owned, n of them, in the order of the files */
	size_t n;
	struct list files; /* their names, in the order they were read; addresses stay */
};

/*
 * The section of this title, new or (mcpinit and defaults, in another file) going on. NULL: it was an error, which was
 * told; what stands in it is skipped. file: borrowed for the life of all.
 */
struct section *section_open(struct sections *all, const char *title, const char *file, int line,
			     struct report *r);
struct section *section_find(const struct sections *all, const char *title);
/* Keeps a copy of the text of at->key. Unknown and doubled keys are told. at->file: as above. */
void section_put(struct section *s, const struct place *at, const char *text, struct report *r);
/* NULL: not written, or empty. */
const struct entry *section_entry(const struct section *s, const struct conf_key *k);
/* Where a server's key stands: there, in [defaults], or else the header. key: a name of the table. */
struct place section_place(const struct sections *all, const struct section *s, const char *key);
void sections_done(struct sections *all);

#endif
