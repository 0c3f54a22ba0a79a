/*
 * The option table: one row for each option, and everything else (file, environment, --set, the
 * print-out, the manual) is made from it. Internal to conf/ and its tests; others use conf/conf.h.
 */
#ifndef HS_CONF_OPTION_H
#define HS_CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"

enum hs_option_type {
    HS_OPTION_STRING,   /* char *; one of `words` when the row has them */
    HS_OPTION_ADDRESS,  /* char *; "host:port", "[::1]:port", or "" for off */
    HS_OPTION_U64,      /* uint64_t */
    HS_OPTION_F64,      /* double */
    HS_OPTION_BOOL,     /* bool: true, false, yes, no, on, off, 1, 0 */
    HS_OPTION_DURATION, /* uint64_t milliseconds: "400ms", "5m", "1h30m"; only 0 without a unit */
    HS_OPTION_DAYS,     /* uint64_t days: "30d", "30", "720h" when it makes whole days */
    HS_OPTION_BYTES,    /* uint64_t: "64MiB", "2GiB", "500MB", "4096" */
    HS_OPTION_ROLES,    /* uint64_t set of enum hs_role: "collector,engine", "all" */
};

enum hs_option_flags {
    HS_OPTION_SECRET = 1 << 0, /* prints as *** */
    HS_OPTION_LINES = 1 << 1,  /* a list in the file becomes one line each, not comma-separated */
};

struct hs_option {
    const char *name;
    enum hs_option_type type;
    size_t offset;     /* of the field in struct hs_conf */
    const char *def;   /* as it would be written in the file */
    double min, max;   /* of numbers, both inclusive; in the field's unit */
    unsigned flags;    /* enum hs_option_flags */
    const char *words; /* "a|b|c": the allowed values of a string; NULL: any */
    const char *help;  /* one sentence or two, for the manual */
};

extern const struct hs_option hs_options[];
extern const size_t hs_options_n;

/* The row of that name, NULL when there is none. */
const struct hs_option *hs_option_find(struct hs_str name);

/* Parses `value` into the row's field; the former value stays on failure. HS_EINVAL: the message
 * names option, value and range (the value of a secret is left out). */
int hs_option_parse(const struct hs_option *option, struct hs_str value, struct hs_conf *conf,
                    struct hs_err *err);
/* Appends the field's value as it would be written in the file; *** for a secret that is set. */
void hs_option_format(const struct hs_option *option, const struct hs_conf *conf,
                      struct hs_buf *out);
/* Appends the range or the words ("1 … 64", "loopback, keys"); nothing when anything goes. */
void hs_option_format_range(const struct hs_option *option, struct hs_buf *out);
/* The word for the type in the manual. */
const char *hs_option_type_name(enum hs_option_type type);

/* Puts the values of a YAML text into conf. `each` is called for every name and value in order;
 * what it returns other than HS_OK ends the walk. */
typedef int hs_yaml_each_fn(void *arg, struct hs_str name, struct hs_str value, unsigned line,
                            struct hs_err *err);
int hs_yaml_walk(struct hs_str text, hs_yaml_each_fn *each, void *arg, struct hs_err *err);

#endif
