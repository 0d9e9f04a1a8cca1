/* SPDX-License-Identifier: MIT */
/*
 * conf: the INI files → one checked, immutable struct conf: plain read-only data. After conf_load() nobody parses text.
 * Owns:    everything it points to; conf_free() gives it back.
 * Units:   durations in milliseconds (_ms), sizes in bytes. Lists are NULL-terminated and never NULL.
 * Strings: NULL means "not set, the default applies" unless the comment says otherwise.
 * Defaults and limits of every key: conf/schema.c, from which the man page mcpinit.ini(5) is checked.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_launch { CONF_LAUNCH_AUTO, CONF_LAUNCH_API, CONF_LAUNCH_CLI, CONF_LAUNCH_PROCESS };
enum conf_autostart { CONF_AUTOSTART_YES, CONF_AUTOSTART_NO, CONF_AUTOSTART_LAZY };
enum conf_autorestart { CONF_AUTORESTART_YES, CONF_AUTORESTART_NO, CONF_AUTORESTART_UNEXPECTED };
enum conf_pull { CONF_PULL_MISSING, CONF_PULL_ALWAYS, CONF_PULL_NEVER };
enum conf_health {
	CONF_HEALTH_MCP,
	CONF_HEALTH_EXEC,
	CONF_HEALTH_DOCKER,
	CONF_HEALTH_HTTP,
	CONF_HEALTH_NONE
};
enum conf_on_unhealthy { CONF_UNHEALTHY_RESTART, CONF_UNHEALTHY_IGNORE, CONF_UNHEALTHY_STOP };
enum conf_sharing { CONF_SHARED, CONF_PER_AGENT };
enum conf_ask { CONF_ASK_SERIALIZE, CONF_ASK_NEWEST, CONF_ASK_REJECT };
enum conf_pin { CONF_PIN_OFF, CONF_PIN_WARN, CONF_PIN_BLOCK };
enum conf_tristate { CONF_DEFAULT = -1, CONF_NO = 0, CONF_YES = 1 };

/* One item of `environment` or `secret_environment`. */
struct conf_env {
	char *name;
	char *value; /* NULL: pass through from our environment (or from the file named by NAME_FILE) at each start */
	char *file; /* secret_environment: the value is the content of this file, read at each start */
	bool is_optional; /* `NAME?`: left out when it is not there */
};

/* One item of `volumes`: SRC:DST[:ro]. */
struct conf_volume {
	char *source; /* "workspace", an absolute path in our container, a host path of Windows, or a volume's name */
	char *target;
	bool is_read_only;
};

struct conf_server {
	char *name;
	char *file; /* where its section stands */
	int line;
	char *blocked; /* not NULL: it cannot start before a person acts (a ${VAR:?} that is not set); the sentence says why */

	char *image;
	char **command;	   /* argv words; empty list: the image's own */
	char **entrypoint; /* argv words; NULL: the image's own */
	enum conf_launch launch;

	struct conf_env
		*environment; /* ends with name == NULL; secret_environment's items included */
	char **env_file;
	bool inherit_environment;

	struct conf_volume *volumes; /* ends with source == NULL */
	char **dns, **dns_search, **dns_opt, **extra_hosts;
	char *network_mode, *hostname;
	char *user; /* "auto", "UID[:GID]", "name" */
	char *working_dir;
	enum conf_tristate read_only, init;
	char **tmpfs;	  /* "/path[:options]" */
	int64_t shm_size; /* 0: engine's */
	char *ipc;
	char **ulimits;				    /* "nofile=1024[:2048]" */
	char **devices;				    /* "/dev/x[:/dev/y[:rwm]]" */
	char **cap_add, **cap_drop, **security_opt; /* cap_drop: {"ALL"} unless set */
	int64_t mem_limit;			    /* 2 GiB unless set; 0: none */
	int64_t mem_reservation;		    /* 0: none */
	int64_t nano_cpus;			    /* cpus × 10^9; 0: all */
	int64_t pids_limit;			    /* 1024 unless set; 0: none */
	char **labels;				    /* "K=V" */
	char *platform;
	enum conf_pull pull_policy;
	char *stop_signal; /* "SIGTERM", …; NULL: the image's, else SIGTERM */
	char *logging;	   /* "none" unless set; "local", "json-file", … */

	enum conf_autostart autostart;
	int64_t idle_timeout_ms; /* 0: never */
	enum conf_autorestart autorestart;
	int *exitcodes; /* ends with -1 */
	int64_t startsecs_ms;
	int startretries; /* 0: for ever */
	int64_t backoff_ms, backoff_max_ms;
	int64_t start_timeout_ms;
	int64_t stop_grace_period_ms;
	char **depends_on;
	bool required;

	enum conf_health healthcheck;
	char **healthcheck_exec; /* exec: argv words */
	char *healthcheck_url;	 /* http */
	int64_t healthcheck_interval_ms, healthcheck_timeout_ms, healthcheck_start_period_ms;
	int healthcheck_retries;
	int64_t busy_timeout_ms;
	enum conf_on_unhealthy on_unhealthy;

	enum conf_sharing sharing;
	char *protocol;		    /* "auto" or a dated version */
	char **client_capabilities; /* of roots, sampling, elicitation */
	enum conf_ask ask_policy;
	int64_t request_timeout_ms; /* 0: none */
	int64_t park_timeout_ms, linger_ms;
	int64_t max_message, max_queue;
	char **tools, **tools_deny; /* patterns; tools: {"*"} unless set */
	enum conf_pin pin_tools;
	char **watch;

	/* sharing = per-agent: one of these for each agent that may use it, named NAME@AGENT, all else being `of`'s. */
	const struct conf_server
		*of;	   /* what it is an instance of: borrowed from `divided`; NULL: none */
	const char *agent; /* the one whose it is: borrowed; NULL: everybody's */
	char *slug;	   /* its name where there may be no @; NULL: as its name */
};

struct conf_agent {
	char *name; /* "default" is there unless default_agent = no */
	char *file;
	int line;
	char *user;	  /* "UID[:GID]" or a name; NULL: ours */
	int64_t uid, gid; /* resolved; -1: ours */
	char **servers;	  /* names; {"*"} unless set */
	char **tools;	  /* SERVER:TOOL patterns; {"*"} unless set */
};

struct conf {
	char *runtime_dir, *control_dir;
	char *control_group;
	char *docker_host; /* NULL: $DOCKER_HOST, the docker context, the first socket that answers */
	enum conf_launch launch;
	char *instance;	 /* NULL: derived, see mcpinit.ini(5) */
	char *workspace; /* "/workspace" unless set */
	char *workspace_host;
	char *user; /* COMMAND and process servers; NULL: ours */
	bool default_agent;
	char *default_group;
	int64_t default_gid; /* resolved; -1: none */
	int64_t shutdown_timeout_ms, command_grace_ms, required_timeout_ms;
	int start_concurrency; /* 0: 2 × cpus */
	char *log_level, *log_format;
	char *metrics_file;
	char *pin_file; /* "/var/lib/mcpinit/pins" unless set */

	struct conf_server **servers; /* in the order of the files; NULL-terminated */
	struct conf_server **divided; /* those of which there are only instances; NULL-terminated */
	struct conf_agent **agents;   /* NULL-terminated */
	char **secrets;	 /* values to redact: whatever came by ${…}, pass-through or a file */
	char **warnings; /* "file:line: section: key: sentence": not errors, to be said once */
};

/* What went wrong, all of it: each "file:line: section: key: sentence". */
struct conf_errors {
	char **lines; /* owned, n of them */
	size_t n;
};

struct conf_source {
	const char *path;	    /* the main file; NULL: no file, a conf of defaults only */
	const char *const *environ; /* what ${VAR} and pass-through look in */
	bool is_strict; /* -t --strict: what is missing only at run time is an error too */
	bool is_again; /* a reload: not from a pipe, which has been read, and could keep us waiting */
};

/* 0 and *ret (the caller's), or -EINVAL with every error of every file in errs (the caller calls conf_errors_done()). */
int conf_load(const struct conf_source *src, struct conf **ret, struct conf_errors *errs);
void conf_free(struct conf *c);
void conf_errors_done(struct conf_errors *errs);
/* By name, or NULL. */
const struct conf_server *conf_find_server(const struct conf *c, const char *name);
/* May this agent use this server? NAME@AGENT is only that agent's. */
bool conf_agent_may(const struct conf_agent *a, const char *server);
/* As its section, its pipes and its agents name it: NAME, also of NAME@AGENT. */
const char *conf_server_base(const struct conf_server *s);
/* As a part of the names of containers and volumes. */
const char *conf_server_slug(const struct conf_server *s);

/*
 * Names that are only in the new, only in the old, or in both but not alike. tuned: alike but for keys that the running
 * process need not know of (is_live). NULL-terminated, owned.
 */
struct conf_changes {
	char **added, **removed, **changed, **tuned;
};

struct conf_diff {
	struct conf_changes servers, agents;
	char **frozen; /* keys of [mcpinit] that changed and need a restart; NULL-terminated */
};

/* What a reload has to do; where a section stands does not count. 0 or -ENOMEM. */
int conf_diff(const struct conf *from, const struct conf *to, struct conf_diff *ret);
void conf_diff_done(struct conf_diff *d);

/* --- the table of all keys: for the man page's check, and for `mcpinit -t` ------------------- */

enum conf_type {
	CONF_TYPE_STRING,
	CONF_TYPE_CHOICE, /* one of `choices`, kept as text */
	CONF_TYPE_ENUM,	  /* one of `choices`, kept as its index */
	CONF_TYPE_BOOL,
	CONF_TYPE_TRISTATE,
	CONF_TYPE_INT,
	CONF_TYPE_INT64,
	CONF_TYPE_DURATION,
	CONF_TYPE_SIZE,
	CONF_TYPE_CPUS,
	CONF_TYPE_SIGNAL,
	CONF_TYPE_WORDS,
	CONF_TYPE_LIST,
	CONF_TYPE_TMPFS,
	CONF_TYPE_INTS,
	CONF_TYPE_LABELS,
	CONF_TYPE_ENV,
	CONF_TYPE_SECRET_ENV,
	CONF_TYPE_VOLUMES,
	CONF_TYPE_HEALTHCHECK,
	CONF_TYPE_INCLUDE, /* read while the files are read; no field */
	CONF_TYPE_LATER,   /* known, and only `choices` (or nothing) is possible yet; no field */
};

struct err;

struct conf_key {
	const char *section; /* "mcpinit", "server" (and so [defaults]), "agent" */
	const char *name;
	enum conf_type type;
	size_t offset;		    /* in struct conf, conf_server, conf_agent */
	const char *def;	    /* as one would write it; NULL: not set */
	const char *min, *max;	    /* likewise; NULL: no limit */
	const char *const *choices; /* NULL-terminated; "a|b" are two names of one choice */
	int (*check)(const char *text,
		     struct err *e); /* of a string, or of each item of a list; may be NULL */
	bool is_container;	     /* has no effect with launch = process */
	bool is_frozen;		     /* a change needs a restart of mcpinit */
	bool is_live;		     /* a change needs no new process of the server */
	const char *help;
};

const struct conf_key *conf_keys(size_t *ret_n);

#endif
