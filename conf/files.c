/* SPDX-License-Identifier: MIT */
#include "conf/files.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "conf/expand.h"
#include "conf/reader.h"
#include "conf/schema.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_SECTION "mcpinit"
#define INCLUDE		"include"

/* One file being read, and the one that includes it. */
struct file {
	const struct file *by; /* NULL: the main file */
	int depth;
	dev_t dev;
	ino_t ino;
	const char *name;
	const char *const *environ;
	bool may_wait; /* it may be a pipe */
	struct sections *all;
	struct report *report;
	struct section *section; /* NULL: none yet, or one that is skipped */
	bool is_skipping;
	struct entry include; /* its text owned; NULL: not written */
};

/* --- one file -------------------------------------------------------------------------------- */

static void on_section(void *ctx, const char *section, int line)
{
	struct file *f = ctx;
	f->section = section_open(f->all, section, f->name, line, f->report);
	f->is_skipping = !f->section;
}

static void put_include(struct file *f, const char *value, int line)
{
	struct place at = {
		.file = f->name, .line = line, .section = DEFAULT_SECTION, .key = INCLUDE
	};
	if (f->include.text) {
		report_error(f->report, &at, "the key is given twice; the first is %s:%d", f->name,
			     f->include.line);
		return;
	}
	f->include = (struct entry){ .file = f->name, .line = line, .text = strdup(value) };
	if (!f->include.text)
		f->report->is_out_of_memory = true;
}

static void on_key(void *ctx, const char *section, const char *key, const char *value, int line)
{
	struct file *f = ctx;
	struct place at = { .file = f->name, .line = line, .key = key };
	(void)section; /* f->section */
	if (f->is_skipping)
		return;
	if (!f->section) {
		report_error(
			f->report, &at,
			"stands before any section; write [mcpinit] or [server:NAME] above it");
		return;
	}
	at.section = f->section->title;
	if (f->section->kind == SECTION_MCPINIT && strcmp(key, INCLUDE) == 0)
		put_include(f, value, line);
	else
		section_put(f->section, &at, value, f->report);
}

static void on_error(void *ctx, const char *section, const char *key, int line,
		     const char *sentence)
{
	struct file *f = ctx;
	struct place at = { .file = f->name, .line = line, .section = section, .key = key };
	report_error(f->report, &at, "%s", sentence);
}

static void parse(struct file *f, const char *text, size_t len)
{
	struct reader_cb cb = { on_section, on_key, on_error, f };
	if (reader_run(text, len, &cb) < 0)
		f->report->is_out_of_memory = true;
}

/* The name as it is kept with the sections, or NULL. */
static const char *keep_name(struct sections *all, const char *name, struct report *r)
{
	if (list_add(&all->files, name, strlen(name)) < 0) {
		r->is_out_of_memory = true;
		return NULL;
	}
	return all->files.v[all->files.n - 1];
}

/* --- include --------------------------------------------------------------------------------- */

static void read_one(struct file *f, const char *path, const struct place *at);

/* True where path is one of the files that are being read: from f upwards. */
static bool is_loop(const struct file *f, const struct stat *st)
{
	for (; f; f = f->by)
		if (f->dev == st->st_dev && f->ino == st->st_ino)
			return true;
	return false;
}

static int on_glob_error(const char *path, int error)
{
	(void)path;
	return error != ENOENT &&
	       error != ENOTDIR; /* a directory that is not there matches nothing */
}

/* A relative pattern is relative to the file that names it, whose own path is no pattern. */
static int absolute_pattern(const char *file, const char *pattern, struct buf *out)
{
	const char *slash = strrchr(file, '/');
	for (const char *p = file; pattern[0] != '/' && slash && p <= slash; p++)
		if ((strchr("*?[\\", *p) && buf_adds(out, "\\") < 0) || buf_add(out, p, 1) < 0)
			return -ENOMEM;
	return buf_adds(out, pattern);
}

static void include_pattern(struct file *f, const char *pattern, const struct place *at)
{
	_cleanup_buf_ struct buf full = { 0 };
	glob_t found = { 0 };
	if (absolute_pattern(f->name, pattern, &full) < 0) {
		f->report->is_out_of_memory = true;
		return;
	}
	int r = glob(buf_str(&full), 0, on_glob_error, &found);
	if (r == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
		report_error(f->report, at, "%s is not there", pattern);
	else if (r != 0 && r != GLOB_NOMATCH)
		report_error(f->report, at, "cannot look up %s; is its directory readable?",
			     pattern);
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) {
		struct file child = { .by = f,
				      .depth = f->depth + 1,
				      .environ = f->environ,
				      .all = f->all,
				      .report = f->report };
		read_one(&child, found.gl_pathv[i], at);
	}
	globfree(&found);
}

static void include_all(struct file *f)
{
	struct place at = {
		.file = f->name, .line = f->include.line, .section = DEFAULT_SECTION, .key = INCLUDE
	};
	bool is_written = f->include.text && f->include.text[0];
	if (!is_written && f->by) /* the default is the main file's alone */
		return;
	const char *text =
		is_written ? f->include.text : schema_find(DEFAULT_SECTION, INCLUDE)->def;
	struct expansion x = { .environ = f->environ };
	_cleanup_free_ char *value = NULL;
	_cleanup_list_ struct list patterns = { 0 };
	struct err e;
	int r = expand(text, &x, &value, &e);
	if (r == 0)
		r = value_items(value, VALUE_PLAIN, &patterns, &e);
	if (r < 0)
		report_error(f->report, &at, "%s", e.text);
	else if (x.missing)
		report_error(f->report, &at, "%s", x.missing);
	for (size_t i = 0; i < x.unset.n; i++)
		report_warning(f->report, &at, "%s is not set; it counts as empty", x.unset.v[i]);
	for (size_t i = 0; r == 0 && !x.missing && i < patterns.n; i++)
		include_pattern(f, patterns.v[i], &at);
	expand_done(&x);
}

/* --- all ------------------------------------------------------------------------------------- */

/* NULL, or why the file that path names is not read. */
static const char *refusal(const struct file *f, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "it is a directory";
	if (is_loop(f->by, st))
		return "it includes itself";
	if (f->depth >= FILES_MAX_DEPTH)
		return "files include each other too deeply";
	return f->all->files.n >= FILES_MAX ? "there are too many files" : NULL;
}

/* at: where the path stands. */
static void read_one(struct file *f, const char *path, const struct place *at)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	struct stat st;
	struct err e;
	const char *why = stat(path, &st) < 0 ? strerror(errno) : refusal(f, &st);
	if (why) {
		report_error(f->report, at, "cannot read %s: %s", path, why);
		return;
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	int r = f->may_wait ? fd_read_pipe(path, FILES_MAX_BYTES, &text, &len, &e)
			    : fd_read_file(path, FILES_MAX_BYTES, &text, &len, &e);
	if (r < 0) {
		report_error(f->report, at, "%s", e.text);
		return;
	}
	f->name = keep_name(f->all, path, f->report);
	if (!f->name)
		return;
	parse(f, text, len);
	include_all(f);
	free(take_ptr(&f->include.text));
}

void files_read(const struct conf_source *src, struct sections *all, struct report *r)
{
	struct file f = {
		.environ = src->environ, .may_wait = !src->is_again, .all = all, .report = r
	};
	struct place at = { .file = src->path, .line = 1 };
	read_one(&f, src->path, &at);
}

void files_read_text(const char *name, const char *text, size_t len, struct sections *all,
		     struct report *r)
{
	struct file f = { .all = all, .report = r };
	f.name = keep_name(all, name, r);
	if (f.name)
		parse(&f, text, len);
	free(f.include.text);
}
