/* SPDX-License-Identifier: MIT */
#include "supervisor/metrics.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/unit/control_rig.h"

#include <ctype.h>
#include <sys/stat.h>

/* --- the format, as promtool checks it ----------------------------------------------------------- */

static size_t name_len(const char *p)
{
	size_t n = 0;
	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == ':')
		n++;
	return isdigit((unsigned char)*p) ? 0 : n;
}

/* {name="value",…}: the end of it, or NULL. */
static const char *skip_labels(const char *p)
{
	if (*p != '{')
		return p;
	do {
		size_t n = name_len(++p);
		p += n;
		if (n == 0 || p[0] != '=' || p[1] != '"')
			return NULL;
		for (p += 2; *p != '"'; p++) {
			if (*p == '\0' || *p == '\n')
				return NULL;
			if (*p == '\\' && !strchr("\\\"n", *++p))
				return NULL;
		}
		p++;
	} while (*p == ',');
	return *p == '}' ? p + 1 : NULL;
}

/* The family's own name, or those that a histogram has. */
static bool is_of(const char *name, size_t n, const char *family, const char *type)
{
	static const char *const suffixes[] = { "_bucket", "_sum", "_count" };
	size_t len = strlen(family);
	if (n < len || len == 0 || strncmp(name, family, len) != 0)
		return false;
	if (strcmp(type, "histogram") != 0)
		return n == len;
	for (size_t i = 0; i < 3; i++)
		if (n == len + strlen(suffixes[i]) &&
		    strncmp(name + len, suffixes[i], strlen(suffixes[i])) == 0)
			return true;
	return false;
}

/* NULL, or what is wrong with this text. */
static const char *lint(const char *text)
{
	static char type[64], family[128], seen[8192];
	seen[0] = family[0] = '\0';
	for (const char *line = text, *end; *line; line = end + 1) {
		char key[160], help[256];
		if (!(end = strchr(line, '\n')))
			return "the last line has no end";
		if (sscanf(line, "# HELP %127s %255[^\n]", family, help) == 2) {
			snprintf(key, sizeof(key), "|%s|", family);
			if (strstr(seen, key))
				return "a family stands there twice";
			strcat(seen, key);
			char next[128];
			if (sscanf(end + 1, "# TYPE %127s %63s", next, type) != 2 ||
			    strcmp(next, family) != 0)
				return "HELP without TYPE";
			bool is_total = strlen(family) > 6 &&
					strcmp(family + strlen(family) - 6, "_total") == 0;
			if (is_total != (strcmp(type, "counter") == 0))
				return "counters, and only they, end in _total";
			continue;
		}
		if (*line == '#')
			continue;
		size_t n = name_len(line);
		const char *p = skip_labels(line + n);
		char *stop;
		if (!is_of(line, n, family, type))
			return "a sample outside its family";
		if (!p || *p != ' ' || (strtod(p + 1, &stop), *stop != '\n'))
			return "not NAME{LABELS} VALUE";
	}
	return NULL;
}

START_TEST(the_linter_of_this_test_sees_what_is_wrong)
{
	ck_assert_ptr_null(
		lint("# HELP a_total x\n# TYPE a_total counter\na_total{b=\"\\\"\"} 1\n"));
	ck_assert_ptr_nonnull(lint("a 1\n"));
	ck_assert_ptr_nonnull(lint("# HELP a x\n# TYPE a gauge\na{b=\"x\"y\"} 1\n"));
	ck_assert_ptr_nonnull(lint("# HELP a x\n# TYPE a counter\na 1\n"));
	ck_assert_ptr_nonnull(lint("# HELP a x\n# TYPE a gauge\na one\n"));
	ck_assert_ptr_nonnull(lint("# HELP a x\n# TYPE a gauge\na 1"));
}
END_TEST

static const char *text_now(struct buf *b)
{
	buf_done(b);
	ck_assert_int_eq(metrics_text(&sv, b), 0);
	return buf_str(b);
}

START_TEST(every_server_has_its_samples_in_a_form_that_prometheus_reads)
{
	struct buf b = { 0 };
	const char *text = text_now(&b);
	ck_assert_msg(lint(text) == NULL, "%s in:\n%s", lint(text), text);
	assert_has(text, "\nmcpinit_build_info{version=\"" MCPINIT_VERSION "\"} 1\n");
	assert_has(text, "\nmcpinit_server_state{server=\"fs\",state=\"STOPPED\"} 1\n");
	assert_has(text, "\nmcpinit_server_state{server=\"git\",state=\"RUNNING\"} 0\n");
	assert_has(text, "\nmcpinit_server_up{server=\"fs\"} 0\n");
	ck_assert_ptr_null(strstr(text, "mcpinit_server_tools{")); /* not known */
	ck_assert_ptr_null(strstr(text, "\nmcpinit_engine_up "));  /* none is needed */
	fs()->state = SRV_RUNNING;
	fs()->tools = 7;
	fs()->restarts_for[RESTART_OOM] = 3;
	fs()->tallies.fallbacks = 2;
	hist_add(&fs()->tallies.probes.answered, 7);
	hist_add(&fs()->tallies.probes.answered, 70000);
	fs()->tallies.probes.failed = 5;
	server_pulled(fs(), 1500, true);
	server_pulled(fs(), 1000, false);
	fs()->ready_ms = clock_ms() - 90500;
	text = text_now(&b);
	ck_assert_msg(lint(text) == NULL, "%s in:\n%s", lint(text), text);
	assert_has(text, "\nmcpinit_server_state{server=\"fs\",state=\"RUNNING\"} 1\n");
	assert_has(text, "\nmcpinit_server_state{server=\"fs\",state=\"STOPPED\"} 0\n");
	assert_has(text, "\nmcpinit_server_health{server=\"fs\",health=\"none\"} 1\n");
	assert_has(text, "\nmcpinit_server_up{server=\"fs\"} 1\n");
	assert_has(text, "\nmcpinit_server_tools{server=\"fs\"} 7\n");
	assert_has(text, "\nmcpinit_server_restarts_total{server=\"fs\",reason=\"oom\"} 3\n");
	assert_has(text, "\nmcpinit_server_restarts_total{server=\"fs\",reason=\"exit\"} 0\n");
	assert_has(text, "\nmcpinit_server_fallbacks_total{server=\"fs\"} 2\n");
	assert_has(text, "\nmcpinit_server_pulls_total{server=\"fs\"} 2\n");
	assert_has(text, "\nmcpinit_server_pull_failures_total{server=\"fs\"} 1\n");
	assert_has(text, "\nmcpinit_server_pull_seconds_total{server=\"fs\"} 2.5\n");
	assert_has(text, "\nmcpinit_server_probe_failures_total{server=\"fs\"} 5\n");
	assert_has(text,
		   "probe_duration_seconds_bucket{server=\"fs\",le=\"0.005\"} 0\n"
		   "mcpinit_server_probe_duration_seconds_bucket{server=\"fs\",le=\"0.01\"} 1\n");
	assert_has(text,
		   "probe_duration_seconds_bucket{server=\"fs\",le=\"60\"} 1\n"
		   "mcpinit_server_probe_duration_seconds_bucket{server=\"fs\",le=\"+Inf\"} 2\n"
		   "mcpinit_server_probe_duration_seconds_sum{server=\"fs\"} 70.007\n"
		   "mcpinit_server_probe_duration_seconds_count{server=\"fs\"} 2\n");
	assert_has(text, "\nmcpinit_server_uptime_seconds{server=\"fs\"} 90.5");
	fs()->state = SRV_STOPPED;
	buf_done(&b);
}
END_TEST

START_TEST(requests_and_errors_are_counted)
{
	struct buf b = { 0 };
	int fd = dial(planner_path);
	say(fd, ASK("connect", "{\"server\":\"fs\"}"));
	(void)hear(fd);
	/* The server is STOPPED: the mux answers by an error. */
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n");
	assert_has(hear(fd), "-32603");
	const char *text = text_now(&b);
	assert_has(text, "\nmcpinit_server_requests_total{server=\"fs\"} 1\n");
	assert_has(text, "\nmcpinit_server_request_errors_total{server=\"fs\"} 1\n");
	assert_has(text, "\nmcpinit_server_requests_total{server=\"git\"} 0\n");
	assert_has(text, "\nmcpinit_server_request_duration_seconds_count{server=\"fs\"} 0\n");
	assert_has(text, "\nmcpinit_agent_sessions{server=\"fs\",agent=\"planner\"} 1\n");
	assert_has(text, "\nmcpinit_agent_sessions_total{server=\"fs\",agent=\"planner\"} 1\n");
	close(fd);
	buf_done(&b);
}
END_TEST

/* Every name stands in the table of docs/metrics.md with its type, and no other does. */
START_TEST(the_table_of_the_documentation_is_what_is_said)
{
	struct buf b = { 0 }, doc = { 0 };
	const char *text = text_now(&b);
	char piece[4096], row[256], name[128], type[32];
	FILE *f = fopen("docs/metrics.md", "r");
	ck_assert_ptr_nonnull(f);
	for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;)
		ck_assert_int_eq(buf_add(&doc, piece, n), 0);
	fclose(f);
	int said = 0, written = 0;
	for (const char *p = text; (p = strstr(p, "# TYPE ")); p++, said++) {
		ck_assert_int_eq(sscanf(p, "# TYPE %127s %31s", name, type), 2);
		snprintf(row, sizeof(row), "\n| `%s` | %s |", name, type);
		ck_assert_msg(strstr(buf_str(&doc), row) != NULL, "%s %s is not in docs/metrics.md",
			      name, type);
	}
	for (const char *p = buf_str(&doc); (p = strstr(p, "\n| `mcpinit_")); p++)
		written++;
	ck_assert_int_eq(said, written);
	buf_done(&b);
	buf_done(&doc);
}
END_TEST

START_TEST(the_verb_gives_the_same_text_to_the_operator_only)
{
	expect(operator_path, ASK("metrics", "{}"), "# TYPE mcpinit_server_up gauge\\n");
	expect(planner_path, ASK("metrics", "{}"), "\"code\":3,");
}
END_TEST

/* --- the file ------------------------------------------------------------------------------------ */

static int64_t now_ms;
static int64_t fake_now(void)
{
	return now_ms;
}

static bool is_there(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0;
}

START_TEST(the_file_is_written_whole_every_15_s_and_goes_at_the_end)
{
	char path[64], tmp[80];
	static char text[65536];
	snprintf(path, sizeof(path), "%s/m.prom", dir);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	((struct conf *)sv.conf)->metrics_file = strdup(path);
	now_ms = clock_ms();
	clock_fake(fake_now);
	/* What lies in the place of the file in the making is not followed. */
	ck_assert_int_eq(symlink("/dev/null", tmp), 0);
	mode_t old = umask(077);
	struct metrics_file *f = metrics_file_new(&sv);
	ck_assert_ptr_nonnull(f);
	rounds();
	umask(old);
	struct stat st;
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	ck_assert(!is_there(tmp));
	FILE *in = fopen(path, "r");
	text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
	fclose(in);
	ck_assert_msg(lint(text) == NULL, "%s", lint(text));
	assert_has(text, "mcpinit_server_received_bytes_total{server=\"git\"} 0\n");
	ck_assert_int_eq(unlink(path), 0);
	now_ms += 14999;
	rounds();
	ck_assert(!is_there(path));
	now_ms += 1;
	rounds();
	ck_assert(is_there(path));
	metrics_file_free(f);
	ck_assert(!is_there(path));
	clock_fake(NULL);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_said_once_and_tried_again)
{
	char path[80], sub[64], said[4096];
	FILE *log = tmpfile();
	ck_assert_ptr_nonnull(log);
	log_open(fileno(log));
	snprintf(sub, sizeof(sub), "%s/later", dir);
	snprintf(path, sizeof(path), "%s/m.prom", sub);
	((struct conf *)sv.conf)->metrics_file = strdup(path);
	now_ms = clock_ms();
	clock_fake(fake_now);
	struct metrics_file *f = metrics_file_new(&sv);
	rounds();
	now_ms += 15000;
	rounds();
	log_open(STDERR_FILENO);
	rewind(log);
	said[fread(said, 1, sizeof(said) - 1, log)] = '\0';
	(void)fclose(log);
	assert_has(
		said,
		"later/m.prom.tmp: No such file or directory; tried again every 15 s. Its directory");
	ck_assert_ptr_null(strstr(strstr(said, "metrics_file") + 1, "metrics_file"));
	ck_assert_int_eq(mkdir(sub, 0755), 0);
	now_ms += 15000;
	rounds();
	ck_assert(is_there(path));
	metrics_file_free(f);
	clock_fake(NULL);
}
END_TEST

Suite *suite_supervisor_metrics(void);
Suite *suite_supervisor_metrics(void)
{
	Suite *s = suite_create("supervisor_metrics");
	TCase *c = tcase_create("all");
	tcase_add_checked_fixture(c, open_all, close_all);
	tcase_set_timeout(c, 20);
	tcase_add_test(c, the_linter_of_this_test_sees_what_is_wrong);
	tcase_add_test(c, every_server_has_its_samples_in_a_form_that_prometheus_reads);
	tcase_add_test(c, requests_and_errors_are_counted);
	tcase_add_test(c, the_table_of_the_documentation_is_what_is_said);
	tcase_add_test(c, the_verb_gives_the_same_text_to_the_operator_only);
	tcase_add_test(c, the_file_is_written_whole_every_15_s_and_goes_at_the_end);
	tcase_add_test(c, a_file_that_cannot_be_written_is_said_once_and_tried_again);
	suite_add_tcase(s, c);
	return s;
}
