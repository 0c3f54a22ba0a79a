/*
 * Command lines: flags of one command, the flags that all commands with a configuration share
 * (--config, --data, --roles, --set), --help, and the usage errors.
 *
 * A flag is "--name value" or "--name=value"; "--" ends the flags; what is left are operands.
 */
#ifndef HS_CMD_ARGS_H
#define HS_CMD_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

enum { HS_ARGS_OPERANDS_MAX = 16, HS_ARGS_SETS_MAX = 256 };

struct hs_flag {
    const char *name;       /* "qps", without dashes; NULL ends a list */
    const char *value_name; /* "N" for a flag that takes a value; NULL for a switch */
    const char *help;       /* one line */
    const char **out;       /* gets the value as given, or the name of a switch; the last one wins;
                               stays as it was when the flag is absent */
};

struct hs_command {
    const char *name;            /* "keys" */
    const char *synopsis;        /* what follows the name: "create|list|revoke [ID]" */
    const char *about;           /* some lines for --help; no line break at the end */
    const struct hs_flag *flags; /* the command's own; NULL: none */
    size_t operands_min, operands_max;
};

struct hs_args {
    const char *operands[HS_ARGS_OPERANDS_MAX]; /* borrowed from argv */
    size_t operands_n;
    struct hs_conf conf; /* loaded by hs_args_parse_conf only */
};

/* Parses the command's own flags and --help. Returns -1 to go on, else the exit code: 0 after
 * --help, 2 after a usage error, which is told on stderr. */
int hs_args_parse(const struct hs_command *command, int argc, char **argv, struct hs_args *out);

/* As hs_args_parse, with the shared flags; then loads out->conf (--config or $HAYSTAT_CONFIG,
 * environment, --data, --roles and --set in their order). A configuration that does not load is a
 * usage error. After -1 the caller ends with hs_args_fini. @blocks */
int hs_args_parse_conf(const struct hs_command *command, int argc, char **argv,
                       struct hs_args *out);
void hs_args_fini(struct hs_args *args);

/* "haystat keys: <text>" and the way to the help on stderr; returns 2. */
int hs_args_usage_error(const struct hs_command *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "haystat keys: <text of err>" on stderr; returns 1. */
int hs_args_failed(const struct hs_command *command, const struct hs_err *err);
/* "90", "90s", "30m", "12h", "7d" in seconds, at most 365 days; 0: malformed, or 0. */
int64_t hs_args_seconds(const char *text);

#endif
