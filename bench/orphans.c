/* SPDX-License-Identifier: MIT */
/*
 * orphans: N processes that wait for ever, in a process group of their own, whose parent ends at once: they belong to
 * whoever adopts orphans here. Ends with 0 when all are there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	setpgid(0, 0);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0) {
			perror("orphans: fork");
			return 1;
		}
	}
	return 0;
}
