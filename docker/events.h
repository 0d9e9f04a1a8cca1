/* SPDX-License-Identifier: MIT */
/*
 * events: the engine's event stream, filtered by our label; event_lines.c reads it.
 * Owns:    the call and half a line. Its end is told once; docker.c asks the engine why, and opens the next one.
 * Limit:   what happens while no stream is open is not replayed.
 * Source:  Engine API v1.41, SystemEvents.
 * Used by: docker.c.
 */
#ifndef DOCKER_EVENTS_H
#define DOCKER_EVENTS_H

struct docker;
struct docker_event;
struct docker_events;
struct err;

struct docker_events_cb {
	void (*on_open)(struct docker *d); /* from now on nothing is missed */
	void (*on_event)(struct docker *d, const struct docker_event *ev);
	/* It ended, or was refused (then on_open never came). docker_events_free() is still the owner's. */
	void (*on_end)(struct docker *d, const struct err *e);
};

/* Needs docker_instance(). NULL: out of memory. */
struct docker_events *docker_events_new(struct docker *d, const struct docker_events_cb *cb);
void docker_events_free(struct docker_events *ev);

#endif
