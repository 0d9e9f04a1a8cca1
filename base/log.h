/* SPDX-License-Identifier: MIT */
/*
 * log: lines to stderr, text or JSON. Never blocks: a full pipe or a stopped reader costs lines, which are counted
 * and said in the next line that gets through. Secret values given to log_redact_add() never appear.
 * stderr's own flags are never changed (other processes share that description): see log.c for the ways used.
 * The level, the sink and the secrets are the one mutable state of the program outside struct supervisor.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

/*
 * A typed field of a JSON line; text lines show only the sentence. Array ends with key == NULL; str wins over num. Every
 * JSON line has ts, level, server, event and msg: the field "event" comes first, where there is one, else it is "note".
 */
struct log_field {
	const char *key;
	const char *str;
	int64_t num;
};

/* Before the first call lines go to fd 2 as text at info. fd is borrowed. */
void log_open(int fd);
void log_set(enum log_level level, enum log_format format);
bool log_is_on(enum log_level level);
/* Lets go of what log_open() made, flushing nothing. */
void log_close(void);

/*
 * One line about who (a server's or an agent's name, or "mcpinit"). The sentence is escaped: always one line. False: the
 * level wants it, and it was dropped.
 */
bool log_event(enum log_level level, const char *who, const struct log_field *fields,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
#define log_error(who, ...) log_event(LOG_ERROR, who, NULL, __VA_ARGS__)
#define log_warn(who, ...)  log_event(LOG_WARN, who, NULL, __VA_ARGS__)
#define log_info(who, ...)  log_event(LOG_INFO, who, NULL, __VA_ARGS__)
#define log_debug(who, ...) log_event(LOG_DEBUG, who, NULL, __VA_ARGS__)

/* The level's name in a config file, or -1: "error" "warn" "info" "debug". */
int log_level_of(const char *name);

/* Remembers a secret value of 8 bytes or more; shorter ones are ignored (they would redact half the log). */
void log_redact_add(const char *value);
/* Replaces every remembered secret in text by "***", in place (never longer). Returns the new length. */
size_t log_redact(char *text, size_t len);
/* Forgets all secrets; for tests and at exit. */
void log_redact_clear(void);

/* How many lines were dropped so far. */
uint64_t log_dropped(void);

#endif
