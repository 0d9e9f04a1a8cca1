/* SPDX-License-Identifier: MIT */
#include "conf/schema.h"

#include "base/err.h"
#include "conf/item.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define TOP(name, kind, field)	 "mcpinit", name, CONF_TYPE_##kind, offsetof(struct conf, field)
#define SRV(name, kind, field)	 "server", name, CONF_TYPE_##kind, offsetof(struct conf_server, field)
/* Of the supervising, not of the process. */
#define LIVE(name, kind, field)	 SRV(name, kind, field), .is_live = true
#define AGENT(name, kind, field) "agent", name, CONF_TYPE_##kind, offsetof(struct conf_agent, field)

#define MAX_TIME		 .max = "720h"
#define CHOICES(...)                                                                               \
	.choices = (const char *const[])                                                           \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define LAUNCHES CHOICES("auto", "api", "cli", "process")

/* One key, one row. */
static const struct conf_key keys[] = {
	{ TOP("runtime_dir", STRING, runtime_dir), .def = "/run/mcp", .check = item_is_path,
	  .is_frozen = true,
	  .help = "the agents' pipes: <runtime_dir>/<agent>/<server>/in and out" },
	{ TOP("control_dir", STRING, control_dir), .def = "/run/mcpinit", .check = item_is_path,
	  .is_frozen = true, .help = "the operator's socket; not in the shared volume" },
	{ TOP("control_group", STRING, control_group), .is_frozen = true,
	  .help = "group NAME or GID that may use the operator's socket too" },
	{ TOP("docker_host", STRING, docker_host), .check = item_is_endpoint, .is_frozen = true,
	  .help = "engine; empty: $DOCKER_HOST, the docker context, the first socket that answers" },
	{ TOP("launch", ENUM, launch), .def = "auto", LAUNCHES,
	  .help = "how servers are launched; auto: api, then cli when the api fails in a way the cli can differ in" },
	{ TOP("instance", STRING, instance), .check = item_is_name, .is_frozen = true,
	  .help = "part of every container's name; empty: derived" },
	{ TOP("workspace", STRING, workspace), .def = "/workspace", .check = item_is_path,
	  .is_frozen = true, .help = "what volumes call workspace: a path in this container" },
	{ TOP("workspace_host", STRING, workspace_host), .check = item_is_host_path,
	  .is_frozen = true,
	  .help = "the workspace's path on the host; empty: found by inspecting ourselves" },
	{ TOP("user", STRING, user), .is_frozen = true,
	  .help = "COMMAND and process servers run as this user; empty: ours" },
	{ TOP("default_agent", BOOL, default_agent), .def = "yes",
	  .help = "whether the agent called default exists" },
	{ TOP("default_group", STRING, default_group), .is_frozen = true,
	  .help = "group NAME or GID that may use the default agent's pipes" },
	{ TOP("shutdown_timeout", DURATION, shutdown_timeout_ms), .def = "8s", .min = "1s",
	  MAX_TIME, .help = "the whole teardown; docker stop gives 10 s" },
	{ TOP("command_grace", DURATION, command_grace_ms), .def = "3s", .min = "0", MAX_TIME,
	  .help = "how long COMMAND may take to end after SIGTERM" },
	{ TOP("required_timeout", DURATION, required_timeout_ms), .def = "5m", .min = "1s",
	  MAX_TIME, .help = "how long after boot a required server may take to run" },
	{ TOP("start_concurrency", INT, start_concurrency), .def = "0", .min = "0", .max = "1000",
	  .help = "servers started at once; 0: 2 x cpus" },
	{ TOP("log_level", CHOICE, log_level), .def = "info",
	  CHOICES("error", "warn", "info", "debug"), .help = "the least that is logged" },
	{ TOP("log_format", CHOICE, log_format), .def = "text", CHOICES("text", "json"),
	  .help = "json: one object a line" },
	{ TOP("metrics_file", STRING, metrics_file), .check = item_is_path, .is_frozen = true,
	  .help = "Prometheus text, rewritten atomically every 15 s" },
	{ TOP("pin_file", STRING, pin_file), .def = "/var/lib/mcpinit/pins", .check = item_is_path,
	  .is_frozen = true,
	  .help = "where pin_tools keeps what it has seen; it has to outlive us" },
	{ "mcpinit", "include", CONF_TYPE_INCLUDE, 0, .def = "conf.d/*.ini",
	  .help = "more files, relative to this one" },

	{ SRV("image", STRING, image), .check = item_is_word, .is_container = true,
	  .help = "the image; image or command is required" },
	{ SRV("command", WORDS, command), .def = "none",
	  .help = "words of the container's command; npx and uvx become an image" },
	{ SRV("entrypoint", WORDS, entrypoint), .is_container = true,
	  .help = "words that override the image's entrypoint" },
	{ "server", "build", CONF_TYPE_LATER, 0, CHOICES("none"),
	  .help = "build the image first and name it in image" },
	{ "server", "transport", CONF_TYPE_LATER, 0, .def = "stdio", CHOICES("stdio"),
	  .help = "write stdio, the only one so far" },
	{ SRV("launch", ENUM, launch), LAUNCHES,
	  .help = "as in [mcpinit], its default; process: command is our child, no container" },
	{ SRV("environment", ENV, environment), .def = "none",
	  .help = "K=V, or K to pass through (or from the file named by K_FILE), K? if it is there" },
	{ SRV("env_file", LIST, env_file), .def = "none", .help = "files of K=V" },
	{ SRV("secret_environment", SECRET_ENV, environment), .def = "none",
	  .help = "K=/run/secrets/k: the value is read from the file at each start" },
	{ SRV("inherit_environment", BOOL, inherit_environment), .def = "no",
	  .help = "process servers get all of our environment" },
	{ SRV("volumes", VOLUMES, volumes), .def = "none", .is_container = true,
	  .help = "SRC:DST[:ro]; SRC is workspace, a path in our container, or a named volume" },
	{ SRV("dns", LIST, dns), .def = "none", .check = item_is_ip, .is_container = true,
	  .help = "name servers" },
	{ SRV("dns_search", LIST, dns_search), .def = "none", .check = item_is_word,
	  .is_container = true, .help = "search domains" },
	{ SRV("dns_opt", LIST, dns_opt), .def = "none", .check = item_is_word, .is_container = true,
	  .help = "resolver options" },
	{ SRV("extra_hosts", LIST, extra_hosts), .def = "none", .check = item_is_host_entry,
	  .is_container = true, .help = "HOST:IP entries of /etc/hosts" },
	{ SRV("network_mode", STRING, network_mode), .check = item_is_word, .is_container = true,
	  .help = "bridge, none, host, container:NAME or a network" },
	{ SRV("hostname", STRING, hostname), .check = item_is_word, .is_container = true,
	  .help = "the container's host name" },
	{ SRV("user", STRING, user), .check = item_is_word,
	  .help = "UID[:GID] or name; auto, of a container: owner of the workspace" },
	{ SRV("working_dir", STRING, working_dir), .check = item_is_path,
	  .help = "where the command starts" },
	{ SRV("read_only", TRISTATE, read_only), .is_container = true,
	  .help = "the root file system is read-only" },
	{ SRV("tmpfs", TMPFS, tmpfs), .def = "none", .check = item_is_tmpfs, .is_container = true,
	  .help = "/path[:options]" },
	{ SRV("shm_size", SIZE, shm_size), .def = "0", .is_container = true,
	  .help = "/dev/shm; 0: the engine's" },
	{ SRV("ipc", STRING, ipc), .check = item_is_word, .is_container = true,
	  .help = "IPC mode" },
	{ SRV("ulimits", LIST, ulimits), .def = "none", .check = item_is_ulimit,
	  .is_container = true, .help = "NAME=SOFT[:HARD]" },
	{ SRV("devices", LIST, devices), .def = "none", .check = item_is_device,
	  .is_container = true, .help = "/dev/x[:/dev/y[:rwm]]" },
	{ SRV("cap_add", LIST, cap_add), .def = "none", .check = item_is_word, .is_container = true,
	  .help = "capabilities given" },
	{ SRV("cap_drop", LIST, cap_drop), .def = "ALL", .check = item_is_word,
	  .is_container = true, .help = "capabilities taken" },
	{ SRV("security_opt", LIST, security_opt), .def = "none", .check = item_is_word,
	  .is_container = true, .help = "beside no-new-privileges" },
	{ SRV("init", TRISTATE, init), .is_container = true,
	  .help = "the engine's init is PID 1; unless set, yes" },
	{ SRV("mem_limit", SIZE, mem_limit), .def = "2g", .is_container = true,
	  .help = "memory, no swap on top; 0: none" },
	{ SRV("mem_reservation", SIZE, mem_reservation), .def = "0", .is_container = true,
	  .help = "soft memory limit; 0: none" },
	{ SRV("cpus", CPUS, nano_cpus), .def = "0", .is_container = true,
	  .help = "like 0.5; 0: all" },
	{ SRV("pids_limit", INT64, pids_limit), .def = "1024", .min = "-1", .max = "4194304",
	  .is_container = true, .help = "processes and threads; 0 or -1: no limit" },
	{ SRV("labels", LABELS, labels), .def = "none", .is_container = true, .help = "K=V" },
	{ SRV("platform", STRING, platform), .check = item_is_platform, .is_container = true,
	  .help = "like linux/amd64" },
	{ LIVE("pull_policy", ENUM, pull_policy), .def = "missing",
	  CHOICES("missing", "always", "never"), .is_container = true,
	  .help = "when the image is pulled" },
	{ SRV("stop_signal", SIGNAL, stop_signal), .check = item_is_signal,
	  .help = "like SIGTERM; empty: the image's, else SIGTERM" },
	{ SRV("logging", STRING, logging), .def = "none", .check = item_is_word,
	  .is_container = true,
	  .help = "log driver; others than none write every message to the engine's disk" },

	{ LIVE("autostart", ENUM, autostart), .def = "true",
	  CHOICES("true|yes|on", "false|no|off", "lazy"),
	  .help = "lazy: the first message starts it" },
	{ LIVE("idle_timeout", DURATION, idle_timeout_ms), .def = "0", MAX_TIME,
	  .help = "stops a lazy server that nobody used for so long; 0: never" },
	{ LIVE("autorestart", ENUM, autorestart), .def = "true",
	  CHOICES("true|yes|on", "false|no|off", "unexpected"),
	  .help = "unexpected: when the exit code is not in exitcodes" },
	{ LIVE("exitcodes", INTS, exitcodes), .def = "0", .min = "0", .max = "255",
	  .help = "expected exit codes" },
	{ LIVE("startsecs", DURATION, startsecs_ms), .def = "1s", MAX_TIME,
	  .help = "an end before this is a failed start" },
	{ LIVE("startretries", INT, startretries), .def = "0", .min = "0", .max = "1000000",
	  .help = "failed starts in a row before FATAL; 0: for ever" },
	{ LIVE("backoff", DURATION, backoff_ms), .def = "1s", .min = "1ms", MAX_TIME,
	  .help = "delay before the first restart; doubles" },
	{ LIVE("backoff_max", DURATION, backoff_max_ms), .def = "60s", .min = "1ms", MAX_TIME,
	  .help = "the longest delay" },
	{ LIVE("start_timeout", DURATION, start_timeout_ms), .def = "60s", .min = "100ms", MAX_TIME,
	  .help = "from launch to ready, pulls not counted; 5m for npx and uvx" },
	{ LIVE("stop_grace_period", DURATION, stop_grace_period_ms), .def = "2s", MAX_TIME,
	  .help = "after closing stdin, before the signal; then again before the kill" },
	{ LIVE("depends_on", LIST, depends_on), .def = "none",
	  .help = "servers that start before and stop after" },
	{ LIVE("required", BOOL, required), .def = "no",
	  .help = "COMMAND waits for it, and ends with it" },

	{ LIVE("healthcheck", HEALTHCHECK, healthcheck), .def = "mcp",
	  .help = "mcp, exec CMD, docker, http URL or none" },
	{ LIVE("healthcheck_interval", DURATION, healthcheck_interval_ms), .def = "30s",
	  .min = "100ms", MAX_TIME, .help = "between the starts of two probes" },
	{ LIVE("healthcheck_timeout", DURATION, healthcheck_timeout_ms), .def = "10s",
	  .min = "10ms", MAX_TIME, .help = "after which a probe has failed" },
	{ LIVE("healthcheck_retries", INT, healthcheck_retries), .def = "3", .min = "1",
	  .max = "1000", .help = "failures in a row that mean unhealthy" },
	{ LIVE("healthcheck_start_period", DURATION, healthcheck_start_period_ms), .def = "0s",
	  MAX_TIME, .help = "in which failures do not count, until the first success" },
	{ LIVE("busy_timeout", DURATION, busy_timeout_ms), .def = "5m", .min = "1s", MAX_TIME,
	  .help = "patience with a call in flight and no byte from the server; request_timeout where that is set" },
	{ LIVE("on_unhealthy", ENUM, on_unhealthy), .def = "restart",
	  CHOICES("restart", "ignore", "stop"), .help = "what is done about it" },

	{ SRV("sharing", ENUM, sharing), .def = "shared", CHOICES("shared", "per-agent"),
	  .help = "shared: one container for all agents; per-agent: one each" },
	{ SRV("protocol", STRING, protocol), .def = "auto", .check = item_is_protocol,
	  .help = "auto or a dated MCP version" },
	{ SRV("client_capabilities", LIST, client_capabilities), .def = "none",
	  .check = item_is_capability,
	  .help = "roots, sampling, elicitation: declared to the server on the agents' behalf" },
	{ LIVE("ask_policy", ENUM, ask_policy), .def = "serialize",
	  CHOICES("serialize", "newest", "reject"),
	  .help = "which agent the server asks, when calls of several run" },
	{ LIVE("request_timeout", DURATION, request_timeout_ms), .def = "0", MAX_TIME,
	  .help = "for one call; 0: none" },
	{ LIVE("park_timeout", DURATION, park_timeout_ms), .def = "10s", MAX_TIME,
	  .help = "how long a request waits for a server that restarts" },
	{ LIVE("linger", DURATION, linger_ms), .def = "60s", MAX_TIME,
	  .help = "how long answers wait for a reader of out" },
	{ SRV("max_message", SIZE, max_message), .def = "64m", .min = "1k", .max = "1g",
	  .help = "one line" },
	{ LIVE("max_queue", SIZE, max_queue), .def = "8m", .min = "1k", .max = "1g",
	  .help = "what may wait behind the line being written" },
	{ LIVE("tools", LIST, tools), .def = "*", .check = item_is_tool,
	  .help = "patterns of tools that are shown" },
	{ LIVE("tools_deny", LIST, tools_deny), .def = "none", .check = item_is_tool,
	  .help = "patterns of tools that are not; wins over tools" },
	{ SRV("pin_tools", ENUM, pin_tools), .def = "off", CHOICES("off|no|false", "warn", "block"),
	  .help = "a tool whose definition changed is logged or withheld" },
	{ LIVE("watch", LIST, watch), .def = "none", .check = item_is_path,
	  .help = "paths in this container; a change restarts the server behind open pipes" },

	{ AGENT("user", STRING, user),
	  .help = "UID[:GID] or name that owns the agent's pipes; empty: ours" },
	{ AGENT("servers", LIST, servers), .def = "*", .help = "servers it may use" },
	{ AGENT("tools", LIST, tools), .def = "*", .check = item_is_server_tool,
	  .help = "SERVER:TOOL patterns; narrows the server's" },
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

const struct conf_key *conf_keys(size_t *ret_n)
{
	*ret_n = N_KEYS;
	return keys;
}

const struct conf_key *schema_find(const char *section, const char *name)
{
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

size_t schema_index(const struct conf_key *k)
{
	return (size_t)(k - keys);
}

bool schema_is_merged(const struct conf_key *k)
{
	return k->type == CONF_TYPE_ENV || k->type == CONF_TYPE_SECRET_ENV ||
	       k->type == CONF_TYPE_LABELS;
}

/* --- names that are not there ---------------------------------------------------------------- */

/* Keys that users of supervisord, Compose or docker run will try, and what to do instead. */
static const struct {
	const char *name, *advice;
} foreign[] = {
	{ "redirect_stderr", "stdout carries JSON-RPC; stderr is kept apart, see mcpctl logs" },
	{ "args", "write the arguments behind the program in command" },
	{ "restart", "write autorestart = true, unexpected or false" },
	{ "stopwaitsecs", "write stop_grace_period" },
	{ "stopsignal", "write stop_signal" },
	{ "directory", "write working_dir" },
	{ "ports", "servers speak over stdio, no port is needed" },
	{ "privileged", "write the one capability it needs in cap_add, or the device in devices" },
	{ "priority", "write depends_on" },
	{ "stdout_logfile", "stdout carries JSON-RPC; stderr is kept, see mcpctl logs" },
	{ "stderr_logfile", "stderr is kept by mcpinit, see mcpctl logs" },
	{ "network", "write network_mode" },
	{ "secrets", "write secret_environment = NAME=/run/secrets/name" },
};

/* Longer words are not looked at: no name is as long. */
#define NEAREST_MAX 64

static size_t edit_distance(const char *a, const char *b)
{
	size_t row[NEAREST_MAX + 1];
	size_t n = strlen(b);
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			bool is_same = tolower((unsigned char)a[i - 1]) ==
				       tolower((unsigned char)b[j - 1]);
			size_t best = diagonal + (is_same ? 0 : 1);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->word);
	if (len > NEAREST_MAX || strlen(candidate) > NEAREST_MAX)
		return;
	size_t d = edit_distance(n->word, candidate);
	if (d > 1 + len / 4 || d >= len || (n->best && d >= n->distance))
		return;
	n->best = candidate;
	n->distance = d;
}

int schema_unknown(const char *section, const char *name, struct err *e)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strcmp(foreign[i].name, name) == 0 && strcmp(section, "server") == 0)
			return err_set(e, -EINVAL, "unknown key; %s", foreign[i].advice);
	struct nearest n = { .word = name };
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].section, section) == 0)
			nearest_offer(&n, keys[i].name);
	if (n.best)
		return err_set(e, -EINVAL, "unknown key; did you mean %s?", n.best);
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return err_set(e, -EINVAL, "unknown key; it belongs in [%s%s]",
				       keys[i].section,
				       strcmp(keys[i].section, "mcpinit") == 0 ? "" : ":NAME");
	return err_set(e, -EINVAL, "unknown key; the keys are listed in mcpinit.ini(5)");
}
