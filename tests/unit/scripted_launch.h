/* SPDX-License-Identifier: MIT */
/*
 * scripted_launch: what the servers of supervisor/ take for launches, without an image, a process or an engine: each ends,
 * hangs or answers as the test says, on the test's own clock. The linker puts it in front of supervisor/launch.c for
 * the whole unit runner (Makefile); until script_begin() the real one is used.
 */
#ifndef TESTS_UNIT_SCRIPTED_LAUNCH_H
#define TESTS_UNIT_SCRIPTED_LAUNCH_H

#include "supervisor/launch.h"

#include <stdbool.h>
#include <stddef.h>

struct loop;

enum script_phase { SCRIPT_FETCHING, SCRIPT_PREPARED, SCRIPT_GOING, SCRIPT_RUNS };

/* How a server's launches behave, each from the moment it is set. All zero: all goes well. */
struct script_mood {
	bool is_pulling;   /* its image takes as long as the test likes: script_pulled() */
	bool is_slow;	   /* the engine takes as long as … to start it: script_started() */
	bool is_mute;	   /* runs and answers nothing */
	bool keeps_on_eof; /* the end of its stdin does not end it */
	bool keeps_on_stop, keeps_on_kill;
	bool exits_early;      /* with exit_code, before its handshake */
	int exit_code;	       /* of every end that is its own */
	const char *refusal;   /* not NULL: its start fails with this sentence */
	bool is_final_refusal; /* … and no retry can help */
};

/* From now on every launch is scripted. Time stands still but for script_pass(). */
void script_begin(struct loop *l);
void script_end(void);

/* Of the server of this name; made on first use, the test may write to it. */
struct script_mood *script_mood(const char *server);
/* Its launch, or NULL; how often one was made for it; how often a process was. */
struct launch *script_launch(const char *server);
unsigned script_launches(const char *server);
unsigned script_processes(const char *server);
size_t script_alive(void);
enum script_phase script_phase(const struct launch *l);
bool script_was_stopped(const struct launch *l);
bool script_was_killed(const struct launch *l);

void script_pulled(struct launch *l);
void script_started(struct launch *l);
/* It ends; l is gone. */
void script_exits(struct launch *l, int exit_code);
void script_fails(struct launch *l, const char *sentence, bool is_final);
void script_loses_engine(struct launch *l);
/* The engine answers, but not this call. */
void script_times_out(struct launch *l);
/* A proxy cut it off. */
void script_is_cut(struct launch *l);

/* What launches do by themselves, once; to be called between rounds of the loop. */
void script_turn(void);
/* The clock goes on. */
void script_pass(long long ms);
/* The same numbers again, for the same seed; also behind getrandom(2), while scripted. */
void script_seed(unsigned seed);
unsigned script_random(unsigned below);

#endif
