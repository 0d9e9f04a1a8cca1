/* SPDX-License-Identifier: MIT */
/*
 * ask: one call to the engine with a deadline of ours, counted as something that the doctor waits for.
 * An answer always comes, from the loop: also when the call could not be made.
 */
#ifndef DOCTOR_ASK_H
#define DOCTOR_ASK_H

#include "docker/client.h"
#include "mcpctl/doctor/doctor.h"

struct ask {
	enum check check;
	const char *method;
	const char *path;
	const char *header; /* "Name: value", or NULL */
	const char *body;   /* JSON, or NULL */
	int64_t deadline_ms;
	void (*on_done)(void *ctx,
			const struct docker_answer *a); /* a->call: NULL without an answer */
	void *ctx;
};

void ask(struct doctor *d, const struct ask *what);
/* "/images/NAME" in a path as the docker client writes it: "/", ":" and "@" as they are. As buf_add(). */
int ask_reference(struct buf *path, const char *image);

#endif
