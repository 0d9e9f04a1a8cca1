/* SPDX-License-Identifier: MIT */
/* mcpctl-doctor: what `mcpctl doctor` runs: argv → doctor_run → exit status. */
#include "base/wire.h"
#include "mcpctl/doctor/doctor.h"
#include "mcpctl/doctor/identity.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A name lookup blocks: the doctor has it done by a process of its own. */
static int resolve(const char *name)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	char text[INET6_ADDRSTRLEN] = "";
	int r = getaddrinfo(name, NULL, &hints, &all);
	if (r == 0)
		r = getnameinfo(all->ai_addr, all->ai_addrlen, text, sizeof(text), NULL, 0,
				NI_NUMERICHOST);
	(void)fputs(r == 0 ? text : gai_strerror(r), r == 0 ? stdout : stderr);
	freeaddrinfo(all);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	identity_take_on(); /* before anything is looked at */
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L,
		    0L); /* no core: variables and logins are read here */
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
					       { "deep", no_argument, NULL, 'd' },
					       { "resolve", required_argument, NULL, 'r' },
					       { 0 } };
	struct doctor_params p = { .environ = (const char *const *)environ };
	int o;
	while ((o = getopt_long(argc, argv, "c:s:", longs, NULL)) != -1) {
		switch (o) {
		case 'c':
			p.config = optarg;
			break;
		case 's':
			p.socket = optarg;
			break;
		case 'j':
			p.is_json = true;
			break;
		case 'd':
			p.is_deep = true;
			break;
		case 'r':
			return resolve(optarg);
		default:
			return WIRE_EXIT_USAGE;
		}
	}
	return doctor_run(&p);
}
