/* SPDX-License-Identifier: MIT */
/* status, start, stop, restart, wait, pull, healthy; reload, shutdown, metrics, sweep. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "mcpctl/table.h"
#include "mcpctl/verbs.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLACK_MS = 5000, RETRY_MS = 200 };

static int64_t number_of(const cJSON *object, const char *key)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, key);
	return cJSON_IsNumber(n) ? (int64_t)n->valuedouble : 0;
}

static bool is_true(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* {names?}: none, or "all", means every server. NULL: out of memory. */
static cJSON *names_of(const struct cli *c)
{
	cJSON *params = cJSON_CreateObject();
	if (!params || c->n_args == 0 || (c->n_args == 1 && strcmp(c->args[0], "all") == 0))
		return params;
	cJSON *names = cJSON_AddArrayToObject(params, "names");
	for (int i = 0; names && i < c->n_args; i++) {
		cJSON *name = cJSON_CreateString(c->args[i]);
		if (!name || !cJSON_AddItemToArray(names, name)) {
			cJSON_Delete(name);
			names = NULL;
		}
	}
	if (names)
		return params;
	cJSON_Delete(params);
	return NULL;
}

/* --- status -------------------------------------------------------------------------------- */

/* As Python's timedelta prints, because that is what supervisorctl shows: "0:10:05", "2 days, 0:10:05". */
static void add_uptime(struct buf *b, int64_t ms)
{
	int64_t s = ms / 1000, days = s / 86400;
	if (days > 0)
		(void)buf_addf(b, "%lld day%s, ", (long long)days, days == 1 ? "" : "s");
	(void)buf_addf(b, "%lld:%02lld:%02lld", (long long)(s / 3600 % 24),
		       (long long)(s / 60 % 60), (long long)(s % 60));
}

/* Of one that is not RUNNING: when it is tried again, how often it fell, who waits for it. */
static void add_trouble(const cJSON *server, struct buf *b)
{
	int64_t retry_ms = number_of(server, "retry_ms"), waiting = number_of(server, "waiting");
	int64_t restarts = number_of(server, "restarts");
	if (retry_ms > 0) {
		(void)buf_adds(b, "; next try in ");
		add_uptime(b, retry_ms + 999);
		(void)buf_addf(b, ", attempt %lld", (long long)number_of(server, "attempt"));
	}
	if (restarts > 0)
		(void)buf_addf(b, "; restarts %lld", (long long)restarts);
	if (waiting > 0)
		(void)buf_addf(b, "; %lld request%s wait%s", (long long)waiting,
			       waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
}

/* "healthy, api 3f2a91c07b11, uptime 0:10:05, restarts 0, tools 14, agents 2", or why it is not RUNNING. */
static void describe(const cJSON *server, struct buf *b)
{
	const char *health = client_text(server, "health"), *why = client_text(server, "why");
	if (strcmp(client_text(server, "state"), "RUNNING") != 0) {
		bool is_asleep = is_true(server, "is_lazy") && is_true(server, "is_up");
		(void)buf_adds(b, *why || !is_asleep ? why : "asleep, the first message starts it");
		add_trouble(server, b);
		return;
	}
	(void)buf_addf(b, "%s, %s %.12s, uptime ",
		       strcmp(health, "none") == 0 ? "no health check" : health,
		       client_text(server, "via"), client_text(server, "id"));
	add_uptime(b, number_of(server, "uptime_ms"));
	(void)buf_addf(b, ", restarts %lld", (long long)number_of(server, "restarts"));
	if (number_of(server, "tools") >= 0)
		(void)buf_addf(b, ", tools %lld", (long long)number_of(server, "tools"));
	(void)buf_addf(b, ", agents %lld", (long long)number_of(server, "agents"));
	if (number_of(server, "in_flight") > 0)
		(void)buf_addf(b, ", in flight %lld", (long long)number_of(server, "in_flight"));
	if (*client_text(server, "runner"))
		(void)buf_addf(b, ", image %s for %s", client_text(server, "image"),
			       client_text(server, "runner"));
	const char *first_error = client_text(server, "first_error");
	if (*first_error)
		(void)buf_addf(b, "; the api failed: %s", first_error);
	if (*why)
		(void)buf_addf(b, "; %s", why);
	if (number_of(server, "restarts") > 0) {
		(void)buf_adds(b, "; last restart ");
		add_uptime(b, number_of(server, "last_restart_ms"));
		(void)buf_addf(b, " ago: %s", client_text(server, "last_exit"));
	}
}

static void print_status(const cJSON *status)
{
	static const size_t widths[] = { 0, sizeof("RUNNING") - 1 };
	struct table *t = table_new(3, widths);
	const cJSON *server, *name;
	cJSON_ArrayForEach(server, cJSON_GetObjectItemCaseSensitive(status, "servers"))
	{
		_cleanup_buf_ struct buf b = { 0 };
		describe(server, &b);
		const char *cells[] = { client_text(server, "name"), client_text(server, "state"),
					buf_str(&b) };
		if (t)
			(void)table_row(t, cells); /* out of memory: one row less */
	}
	if (t)
		table_print(t, stdout);
	table_free(t);
	cJSON_ArrayForEach(name, cJSON_GetObjectItemCaseSensitive(status, "unknown"))(void) printf(
		"%s: ERROR (no such server)\n", cJSON_IsString(name) ? name->valuestring : "");
}

/* LSB: 0 all up, 3 some not, 4 unknown name. */
static int status_exit(const cJSON *status)
{
	if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(status, "unknown")) > 0)
		return WIRE_EXIT_UNKNOWN;
	const cJSON *server;
	cJSON_ArrayForEach(
		server,
		cJSON_GetObjectItemCaseSensitive(
			status, "servers")) if (!is_true(server, "is_up")) return WIRE_EXIT_NOT_UP;
	return WIRE_EXIT_OK;
}

int verb_status(const struct cli *c)
{
	cJSON *status = NULL;
	int r = client_once(&c->where, WIRE_STATUS, names_of(c), WIRE_ANSWER_MS, &status);
	if (r)
		return r;
	if (c->is_json)
		client_print(status, stdout);
	else
		print_status(status);
	r = status_exit(status);
	cJSON_Delete(status);
	return r;
}

/* --- healthy ------------------------------------------------------------------------------- */

static bool is_well(const cJSON *server)
{
	const char *health = client_text(server, "health");
	return is_true(server, "is_up") && strcmp(health, "unhealthy") != 0 &&
	       strcmp(health, "degraded") != 0;
}

/* A required server that cannot serve makes the container unhealthy; any other only degrades it. */
static bool is_fatal(const cJSON *server)
{
	return is_true(server, "is_required") &&
	       (!is_true(server, "is_up") ||
		strcmp(client_text(server, "health"), "unhealthy") == 0);
}

/* One that is not well, as text, or as a row of rows. */
static void say_unwell(const cJSON *server, cJSON *rows)
{
	static const char *const keys[] = { "name", "state", "health", "why" };
	const char *health = client_text(server, "health"), *why = client_text(server, "why");
	bool is_in_why = strncmp(why, health, strlen(health)) == 0; /* "degraded: 3 tools, …" */
	if (!rows) {
		(void)printf("%s: %s, %s%s%s\n", client_text(server, "name"),
			     client_text(server, "state"), is_in_why ? "" : health,
			     *why && !is_in_why ? ": " : "", why);
		return;
	}
	cJSON *row = cJSON_CreateObject();
	if (!row || !cJSON_AddItemToArray(rows, row)) {
		cJSON_Delete(row);
		return; /* out of memory: one row less, as in a table */
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		(void)cJSON_AddStringToObject(row, keys[i], client_text(server, keys[i]));
}

/* healthy, degraded, unhealthy; what is not well is said on the way. */
static const char *look_at_health(const cJSON *status, cJSON *rows)
{
	const char *verdict = "healthy";
	const cJSON *server;
	cJSON_ArrayForEach(server, cJSON_GetObjectItemCaseSensitive(status, "servers"))
	{
		if (is_well(server))
			continue;
		say_unwell(server, rows);
		if (is_fatal(server))
			verdict = "unhealthy";
		else if (strcmp(verdict, "healthy") == 0)
			verdict = "degraded";
	}
	return verdict;
}

int verb_healthy(const struct cli *c)
{
	cJSON *status = NULL;
	if (client_once(&c->where, WIRE_STATUS, cJSON_CreateObject(), WIRE_ANSWER_MS, &status))
		return WIRE_EXIT_FAILED; /* a HEALTHCHECK knows 0 and 1 */
	cJSON *all = c->is_json ? cJSON_CreateObject() : NULL;
	const char *verdict =
		look_at_health(status, all ? cJSON_AddArrayToObject(all, "servers") : NULL);
	if (all) {
		(void)cJSON_AddStringToObject(all, "health", verdict);
		client_print(all, stdout);
	}
	cJSON_Delete(all);
	cJSON_Delete(status);
	if (strcmp(verdict, "unhealthy") == 0)
		return WIRE_EXIT_FAILED;
	return *verdict == 'd' && (c->given & CLI_STRICT) ? WIRE_EXIT_NOT_UP : WIRE_EXIT_OK;
}

/* --- start, stop, restart, wait ------------------------------------------------------------- */

/* One line a server, as supervisorctl: "git: started", "git: ERROR (…)". */
static int print_outcome(const struct cli *c, const cJSON *outcome)
{
	int r = WIRE_EXIT_OK;
	const cJSON *server;
	cJSON_ArrayForEach(server, cJSON_GetObjectItemCaseSensitive(outcome, "servers"))
	{
		bool is_done = is_true(server, "is_done");
		if (!is_done)
			r = WIRE_EXIT_FAILED;
		if (!c->is_json)
			(void)printf(is_done ? "%s: %s\n" : "%s: ERROR (%s)\n",
				     client_text(server, "name"), client_text(server, "text"));
	}
	if (c->is_json)
		client_print(outcome, stdout);
	return r;
}

static int change(const struct cli *c, enum wire_verb verb)
{
	cJSON *params = names_of(c), *outcome = NULL;
	if (params) {
		(void)cJSON_AddBoolToObject(params, "wait", !(c->given & CLI_NO_WAIT));
		(void)cJSON_AddBoolToObject(params, "force", (c->given & CLI_FORCE) != 0);
	}
	/* How long a start may take is the configuration's to say. */
	int r = client_once(&c->where, verb, params, -1, &outcome);
	if (r)
		return r;
	r = print_outcome(c, outcome);
	cJSON_Delete(outcome);
	return r;
}

int verb_start(const struct cli *c)
{
	return change(c, WIRE_START);
}

int verb_stop(const struct cli *c)
{
	return change(c, WIRE_STOP);
}

int verb_restart(const struct cli *c)
{
	return change(c, WIRE_RESTART);
}

/* `wait` also waits for mcpinit itself, and says so: scripts start at the same time. */
static int open_patiently(const struct cli *c, int64_t deadline, struct client **ret, struct err *e)
{
	for (bool is_said = false;; is_said = true) {
		int r = client_open(&c->where, ret, e);
		bool may_come = r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
		if (!may_come || (deadline >= 0 && clock_ms() + RETRY_MS > deadline))
			return r;
		if (!is_said)
			(void)fprintf(stderr, "mcpctl: waiting for mcpinit: %s\n", e->text);
		const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000L };
		(void)nanosleep(&pause, NULL); /* cut short, it asks a bit early */
	}
}

int verb_wait(const struct cli *c)
{
	int64_t deadline = c->timeout_ms < 0 ? -1 : clock_ms() + c->timeout_ms;
	struct err e = { 0 };
	struct client *client = NULL;
	int r = open_patiently(c, deadline, &client, &e);
	if (r < 0)
		return client_fail_as(c->is_json, &e);
	cJSON *params = names_of(c), *outcome = NULL;
	int64_t left = deadline < 0 ? -1 : deadline - clock_ms();
	if (params && deadline >= 0)
		(void)cJSON_AddNumberToObject(params, "timeout_ms", left > 0 ? (double)left : 0);
	r = client_ask(client, WIRE_WAIT, params, deadline < 0 ? -1 : left + SLACK_MS, &outcome,
		       &e);
	client_free(client);
	if (r < 0)
		return client_fail_as(c->is_json, &e);
	r = print_outcome(c, outcome);
	cJSON_Delete(outcome);
	return r;
}

/* --- pull ---------------------------------------------------------------------------------- */

/* How it goes, for a person who waits. True: the line was a note. */
static bool show_progress(const struct cli *c, const char *line, size_t len)
{
	cJSON *note = wire_read_note(line, len, "progress");
	bool is_note = note != NULL;
	char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(note, "text"));
	if (text && !c->is_json && isatty(STDERR_FILENO)) {
		table_tame(text);
		(void)fprintf(stderr, "%s: %s\n", client_text(note, "name"), text);
	}
	cJSON_Delete(note);
	return is_note;
}

static int await_pull(const struct cli *c, struct client *client, cJSON **ret, struct err *e)
{
	char *line;
	size_t len;
	int r;
	do /* how long a pull may take is nobody's to say */
		r = client_line(client, -1, &line, &len, e);
	while (r == 0 && show_progress(c, line, len));
	return r < 0 ? r : wire_read_answer(line, len, ret, e);
}

int verb_pull(const struct cli *c)
{
	struct err e = { 0 };
	struct client *client = NULL;
	cJSON *params = names_of(c), *outcome = NULL;
	if (params)
		(void)cJSON_AddBoolToObject(params, "wait", !(c->given & CLI_NO_WAIT));
	_cleanup_free_ char *request = wire_request_line(WIRE_PULL, params);
	int r = request ? client_open(&c->where, &client, &e) : err_oom(&e);
	if (r == 0)
		r = client_send(client, request, strlen(request), &e);
	if (r == 0)
		r = await_pull(c, client, &outcome, &e);
	client_free(client);
	if (r < 0)
		return client_fail(&e);
	r = print_outcome(c, outcome);
	cJSON_Delete(outcome);
	return r;
}

/* --- what concerns all of it ----------------------------------------------------------------- */

static int order(const struct cli *c, enum wire_verb verb, cJSON *takes_params, int64_t timeout_ms)
{
	cJSON *result = NULL;
	int r = client_once(&c->where, verb, takes_params, timeout_ms, &result);
	if (r)
		return r;
	if (c->is_json)
		client_print(result, stdout);
	else if (*client_text(result, "text"))
		(void)puts(client_text(result, "text"));
	cJSON_Delete(result);
	return WIRE_EXIT_OK;
}

/* The files are not valid, and nothing was changed. */
static void print_invalid(const cJSON *result, const cJSON *errors)
{
	const cJSON *line;
	cJSON_ArrayForEach(line, errors)
	{
		(void)fprintf(stderr, "%s\n", cJSON_IsString(line) ? line->valuestring : "");
	}
	(void)fprintf(stderr, "mcpctl: %s\n", client_text(result, "text"));
}

int verb_reload(const struct cli *c)
{
	cJSON *params = cJSON_CreateObject(), *result = NULL;
	if (params)
		(void)cJSON_AddBoolToObject(params, "wait", !(c->given & CLI_NO_WAIT));
	int r = client_once(&c->where, WIRE_RELOAD, params, -1, &result);
	if (r)
		return r;
	const cJSON *errors = cJSON_GetObjectItemCaseSensitive(result, "errors");
	if (!c->is_json && errors)
		print_invalid(result, errors);
	else if (!c->is_json)
		(void)puts(client_text(result, "text"));
	r = print_outcome(c, result);
	if (errors)
		r = WIRE_EXIT_CONFIG;
	cJSON_Delete(result);
	return r;
}

int verb_shutdown(const struct cli *c)
{
	return order(c, WIRE_SHUTDOWN, cJSON_CreateObject(), WIRE_ANSWER_MS);
}

int verb_metrics(const struct cli *c)
{
	cJSON *result = NULL;
	int r = client_once(&c->where, WIRE_METRICS, cJSON_CreateObject(), WIRE_ANSWER_MS, &result);
	if (r)
		return r;
	if (c->is_json)
		client_print(result, stdout);
	else
		(void)fputs(client_text(result, "text"), stdout);
	cJSON_Delete(result);
	return WIRE_EXIT_OK;
}

/* A line each; 1 when one that should go is still there. */
static int print_swept(const struct cli *c, const cJSON *result)
{
	bool is_dry = c->given & CLI_DRY_RUN;
	int r = WIRE_EXIT_OK;
	const cJSON *found = cJSON_GetObjectItemCaseSensitive(result, "found"), *l;
	cJSON_ArrayForEach(l, found)
	{
		bool is_removed = is_true(l, "is_removed");
		const char *why = client_text(l, "why");
		if (!is_dry && !is_removed)
			r = WIRE_EXIT_FAILED;
		if (!c->is_json)
			(void)printf("%s %s%s%s: %s%s%s\n", client_text(l, "kind"),
				     client_text(l, "name"),
				     *client_text(l, "server") ? " of " : "",
				     client_text(l, "server"),
				     is_dry	  ? "would be removed"
				     : is_removed ? "removed"
						  : "NOT removed",
				     *why ? ": " : "", why);
	}
	if (c->is_json)
		client_print(result, stdout);
	else if (cJSON_GetArraySize(found) == 0)
		(void)puts("nothing is left over");
	return r;
}

int verb_sweep(const struct cli *c)
{
	cJSON *params = cJSON_CreateObject(), *result = NULL;
	if (params) {
		(void)cJSON_AddBoolToObject(params, "dry_run", (c->given & CLI_DRY_RUN) != 0);
		(void)cJSON_AddBoolToObject(params, "volumes", (c->given & CLI_VOLUMES) != 0);
	}
	int r = client_once(&c->where, WIRE_SWEEP, params, -1, &result);
	if (r)
		return r;
	r = print_swept(c, result);
	cJSON_Delete(result);
	return r;
}
