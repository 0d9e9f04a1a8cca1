/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *path_find(const char *program)
{
	const char *path = getenv("PATH");
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path;) {
		size_t n = strcspn(path, ":");
		char *file = NULL;
		struct stat st;
		if (asprintf(&file, "%.*s/%s", n ? (int)n : 1, n ? path : ".", program) < 0)
			return NULL;
		if (access(file, X_OK) == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
			return file;
		free(file);
		path += n + (path[n] == ':');
	}
	return NULL;
}
