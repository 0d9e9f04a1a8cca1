/* SPDX-License-Identifier: MIT */
/* A watch on real files by a real inotify; the clock is the test's, so that nothing is waited for. */
#ifndef TESTS_UNIT_WATCH_RIG_H
#define TESTS_UNIT_WATCH_RIG_H

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "supervisor/watch.h"

#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int64_t now_ms = 1000;
static struct loop *loop;
static struct watch *watch;
static char dir[32], changed[512], log_path[64];
static int n_changes;

static int64_t fake_now(void)
{
	return now_ms;
}

static void on_change(void *ctx, const char *path)
{
	(void)ctx;
	n_changes++;
	(void)snprintf(changed, sizeof(changed), "%s", path);
}

static inline const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned i;
	char *path = paths[i++ % 4];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void begin(void)
{
	struct err e;
	(void)strcpy(dir, "/tmp/watch.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(log_path, sizeof(log_path), "%s.log", dir);
	log_open(open(log_path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600));
	clock_fake(fake_now);
	loop = loop_new(&e);
	ck_assert_ptr_nonnull(loop);
	n_changes = 0;
}

static void rounds(void)
{
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(loop_round(loop, false), 0);
}

/* NULL ends the names, which are below the directory of the test. */
static void look_at(size_t max_dirs, ...)
{
	char *paths[8] = { 0 };
	struct err e = { 0 };
	va_list ap;
	va_start(ap, max_dirs);
	for (size_t i = 0; i < 7; i++) {
		const char *name = va_arg(ap, const char *);
		if (!name)
			break;
		paths[i] = strdup(at(name));
	}
	va_end(ap);
	struct watch_params p = { .loop = loop,
				  .server = "srv",
				  .paths = paths,
				  .max_dirs = max_dirs,
				  .on_change = on_change };
	watch = watch_new(&p, &e);
	ck_assert_msg(watch != NULL, "%s", e.text);
	for (size_t i = 0; paths[i]; i++)
		free(paths[i]);
	rounds();
}

static void end(void)
{
	char command[128];
	watch_free(watch);
	watch = NULL;
	loop_free(loop);
	log_open(STDERR_FILENO);
	clock_fake(NULL);
	(void)snprintf(command, sizeof(command), "rm -rf %s %s.log", dir, dir);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void make_dir(const char *name)
{
	ck_assert_int_eq(mkdir(at(name), 0755), 0);
}

static void move(const char *from, const char *to)
{
	ck_assert_int_eq(rename(at(from), at(to)), 0);
}

static void pass(int64_t ms)
{
	rounds();
	now_ms += ms;
	rounds();
}

/* After the quiet time, one more change than before, and this was it. */
#define ck_changed(name)                                                                           \
	do {                                                                                       \
		int before_ = n_changes;                                                           \
		pass(WATCH_QUIET_MS);                                                              \
		ck_assert_int_eq(n_changes, before_ + 1);                                          \
		ck_assert_str_eq(changed, at(name));                                               \
	} while (0)
#define ck_unchanged()                                                                             \
	do {                                                                                       \
		int before_ = n_changes;                                                           \
		pass(10L * WATCH_AT_MOST_MS);                                                      \
		ck_assert_msg(n_changes == before_, "%s changed", changed);                        \
	} while (0)

static int count_in_log(const char *part)
{
	static char text[16384];
	int n = 0, fd = open(log_path, O_RDONLY | O_CLOEXEC);
	ssize_t k = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	text[k > 0 ? k : 0] = '\0';
	for (const char *p = text; (p = strstr(p, part)); p++)
		n++;
	return n;
}

#endif
