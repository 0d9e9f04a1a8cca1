/* SPDX-License-Identifier: MIT */
/*
 * hop: a bare relay. A program behind one more process each way, which does nothing but read and write, looks at no
 * byte, and blocks where it cannot write: what merely being in between costs on this machine.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static void move_all(int from, int to)
{
	static char buf[1 << 16];
	for (ssize_t n; (n = read(from, buf, sizeof(buf))) > 0;) {
		for (ssize_t done = 0, written; done < n; done += written) {
			written = write(to, buf + done, (size_t)(n - done));
			if (written < 0)
				_exit(1);
		}
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int to[2], from[2];
	if (argc < 2 || pipe(to) < 0 || pipe(from) < 0)
		return 1;
	if (fork() == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		close(to[1]);
		close(from[0]);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		move_all(from[0], 1);
	}
	close(from[0]);
	move_all(0, to[1]);
}
