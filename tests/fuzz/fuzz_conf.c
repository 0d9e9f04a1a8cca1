/* SPDX-License-Identifier: MIT */
/*
 * A config file, whoever wrote it: it is loaded or refused, each error names the file and is one line, and what was
 * loaded is alike to itself loaded again.
 */
#include "conf/load.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const env[] = { "A=a,B=\"c\" $D", "EMPTY=", "TOKEN=ghp_0123456789", "N=5",
				   NULL };

static struct conf *load(const struct load *in)
{
	struct conf *c = NULL;
	struct conf_errors errs;
	int r = load_conf(in, &c, &errs);
	if ((r == 0) != (c != NULL) || (r < 0) != (errs.n > 0))
		abort();
	for (size_t i = 0; i < errs.n; i++) {
		const char *line = errs.lines[i];
		if (strchr(line, '\n') ||
		    (strncmp(line, "f.ini:", 6) != 0 && strncmp(line, "and ", 4) != 0))
			abort();
	}
	conf_errors_done(&errs);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_source src = { .path = "f.ini", .environ = env };
	struct load in = { .src = &src, .text = (const char *)data, .len = size };
	if (size == 0)
		in.text = "";
	struct conf *a = load(&in), *b = load(&in);
	struct conf_diff d;
	if ((a != NULL) != (b != NULL))
		abort();
	if (a) {
		if (conf_diff(a, b, &d) < 0 || d.servers.added[0] || d.servers.removed[0] ||
		    d.servers.changed[0] || d.agents.changed[0] || d.frozen[0])
			abort();
		conf_diff_done(&d);
	}
	conf_free(a);
	conf_free(b);
	return 0;
}
