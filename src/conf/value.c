/*
 * Values of options: text to field and back, one function a type.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "conf/option.h"

enum { VALUE_MAX = 64 << 10 }; /* bytes of any value */

struct unit {
    const char *name;
    double factor;
};

static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

static const struct unit bytes_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1024},
    {"MiB", 1048576},
    {"GiB", 1073741824},
    {"TiB", 1099511627776},
    {"kB", 1e3},
    {"KB", 1e3},
    {"MB", 1e6},
    {"GB", 1e9},
    {"TB", 1e12},
};

struct role_name {
    const char *name;
    uint64_t role;
};

static const struct role_name role_names[] = {
    {"collector", HS_ROLE_COLLECTOR},
    {"engine", HS_ROLE_ENGINE},
    {"debug", HS_ROLE_DEBUG},
    {"gateway", HS_ROLE_GATEWAY},
};

static const char *const type_names[] = {
    [HS_OPTION_STRING] = "text",        [HS_OPTION_ADDRESS] = "address",
    [HS_OPTION_U64] = "integer",        [HS_OPTION_F64] = "number",
    [HS_OPTION_BOOL] = "true or false", [HS_OPTION_DURATION] = "duration",
    [HS_OPTION_DAYS] = "days",          [HS_OPTION_BYTES] = "bytes",
    [HS_OPTION_ROLES] = "roles",
};

const char *hs_option_type_name(enum hs_option_type type)
{
    HS_ASSERT(type < HS_ARRAY_LEN(type_names));
    return type_names[type];
}

/* The longest prefix that is a decimal number with at most one point. */
static struct hs_str take_number(struct hs_str *rest)
{
    struct hs_str number = *rest;
    size_t n = 0;
    bool point = false;

    for (; n < rest->n; n++) {
        char c = rest->p[n];

        if (c == '.' && !point)
            point = true;
        else if (c < '0' || c > '9')
            break;
    }
    number.n = n;
    rest->p += n;
    rest->n -= n;
    return number;
}

/* Takes the unit that `rest` starts with: all letters up to the next digit. */
static int take_unit(struct hs_str *rest, const struct unit *units, size_t units_n, double *factor)
{
    size_t n = 0;
    size_t i;

    while (n < rest->n && (rest->p[n] < '0' || rest->p[n] > '9'))
        n++;
    for (i = 0; i < units_n; i++) {
        if (!hs_str_eq_c(hs_str_n(rest->p, n), units[i].name))
            continue;
        *factor = units[i].factor;
        rest->p += n;
        rest->n -= n;
        return HS_OK;
    }
    return HS_EINVAL;
}

/* "1h30m" as a sum of numbers with units, in multiples of the factors' unit. */
static int parse_duration(struct hs_str s, double *out)
{
    double sum = 0;

    if (hs_str_eq_c(s, "0")) {
        *out = 0;
        return HS_OK;
    }
    if (s.n == 0)
        return HS_EINVAL;
    while (s.n > 0) {
        struct hs_str number = take_number(&s);
        double v, factor;

        if (hs_str_to_double(number, &v) ||
            take_unit(&s, duration_units, HS_ARRAY_LEN(duration_units), &factor))
            return HS_EINVAL;
        sum += v * factor;
    }
    *out = sum;
    return HS_OK;
}

static int parse_days(struct hs_str s, double *out)
{
    uint64_t days;
    double ms;

    if (hs_str_to_u64(s, &days) == HS_OK) {
        *out = (double)days;
        return HS_OK;
    }
    if (parse_duration(s, &ms))
        return HS_EINVAL;
    *out = ms / 86400000;
    return HS_OK;
}

static int parse_bytes(struct hs_str s, double *out)
{
    struct hs_str rest = s;
    struct hs_str number = take_number(&rest);
    double v, factor;

    while (rest.n > 0 && rest.p[0] == ' ') {
        rest.p++;
        rest.n--;
    }
    if (hs_str_to_double(number, &v) ||
        take_unit(&rest, bytes_units, HS_ARRAY_LEN(bytes_units), &factor) || rest.n > 0)
        return HS_EINVAL;
    *out = v * factor;
    return HS_OK;
}

static int parse_u64(struct hs_str s, double *out)
{
    uint64_t v;

    if (hs_str_to_u64(s, &v))
        return HS_EINVAL;
    *out = (double)v;
    return HS_OK;
}

typedef int parse_number_fn(struct hs_str s, double *out);

static parse_number_fn *const number_parsers[] = {
    [HS_OPTION_U64] = parse_u64,           [HS_OPTION_F64] = hs_str_to_double,
    [HS_OPTION_DURATION] = parse_duration, [HS_OPTION_DAYS] = parse_days,
    [HS_OPTION_BYTES] = parse_bytes,
};

static const char *const number_forms[] = {
    [HS_OPTION_U64] = "a whole number",
    [HS_OPTION_F64] = "a number",
    [HS_OPTION_DURATION] = "a duration such as 400ms, 5m, 24h or 30d",
    [HS_OPTION_DAYS] = "whole days such as 30d",
    [HS_OPTION_BYTES] = "bytes such as 4096, 64MiB or 2GiB",
};

static int refuse(const struct hs_option *option, struct hs_str value, struct hs_err *err,
                  const char *wanted)
{
    if (option->flags & HS_OPTION_SECRET)
        value = HS_STR("***");
    return hs_err_set(err, HS_EINVAL, 0, "option %s is \"%.*s\", but takes %s", option->name,
                      (int)HS_MIN(value.n, (size_t)100), value.p ? value.p : "", wanted);
}

static int refuse_range(const struct hs_option *option, struct hs_str value, struct hs_err *err)
{
    struct hs_buf range;
    int rc;

    hs_buf_init(&range, 256);
    hs_option_format_range(option, &range);
    rc = hs_err_set(err, HS_EINVAL, 0, "option %s is %.*s, out of range %s", option->name,
                    (int)HS_MIN(value.n, (size_t)100), value.p ? value.p : "", hs_buf_cstr(&range));
    hs_buf_fini(&range);
    return rc;
}

static int parse_number(const struct hs_option *option, struct hs_str value, void *field,
                        struct hs_err *err)
{
    double v;

    if (number_parsers[option->type](value, &v) || !isfinite(v))
        return refuse(option, value, err, number_forms[option->type]);
    if (v < option->min || v > option->max)
        return refuse_range(option, value, err);
    if (option->type == HS_OPTION_F64) {
        *(double *)field = v;
        return HS_OK;
    }
    if (v != floor(v))
        return refuse(option, value, err, number_forms[option->type]);
    *(uint64_t *)field = (uint64_t)v;
    return HS_OK;
}

static int parse_bool(const struct hs_option *option, struct hs_str value, void *field,
                      struct hs_err *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(words); i++) {
        if (!hs_str_ieq(value, hs_str_c(words[i])))
            continue;
        *(bool *)field = i % 2 == 1;
        return HS_OK;
    }
    return refuse(option, value, err, "true or false");
}

static uint64_t role_find(struct hs_str name)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(role_names); i++)
        if (hs_str_eq_c(name, role_names[i].name))
            return role_names[i].role;
    return hs_str_eq_c(name, "all") ? HS_ROLE_ALL : 0;
}

static int parse_roles(const struct hs_option *option, struct hs_str value, void *field,
                       struct hs_err *err)
{
    struct hs_str rest = value;
    struct hs_str part;
    uint64_t roles = 0;

    while (hs_str_split(&rest, ',', &part)) {
        uint64_t role = role_find(hs_str_trim(part));

        if (!role)
            return refuse(option, value, err,
                          "a list out of collector, engine, debug, gateway, or all");
        roles |= role;
    }
    *(uint64_t *)field = roles;
    return HS_OK;
}

static void assign_string(void *field, struct hs_str value)
{
    char **text = field;

    hs_free(*text);
    *text = hs_xstrndup(value.p ? value.p : "", value.n);
}

static bool words_contain(const char *words, struct hs_str value)
{
    struct hs_str rest = hs_str_c(words);
    struct hs_str word;

    while (hs_str_split(&rest, '|', &word))
        if (hs_str_eq(word, value))
            return true;
    return false;
}

static int parse_string(const struct hs_option *option, struct hs_str value, void *field,
                        struct hs_err *err)
{
    if (option->words && !words_contain(option->words, value)) {
        struct hs_buf range;
        int rc;

        hs_buf_init(&range, 256);
        HS_BUF_ADD_LIT(&range, "one of: ");
        hs_option_format_range(option, &range);
        rc = refuse(option, value, err, hs_buf_cstr(&range));
        hs_buf_fini(&range);
        return rc;
    }
    assign_string(field, value);
    return HS_OK;
}

static bool address_valid(struct hs_str s)
{
    size_t colon = s.n;
    struct hs_str host;
    uint64_t port;

    while (colon > 0 && s.p[colon - 1] != ':')
        colon--;
    if (colon < 2)
        return false;
    host = hs_str_n(s.p, colon - 1);
    if (hs_str_to_u64(hs_str_n(s.p + colon, s.n - colon), &port) || port > 65535)
        return false;
    if (host.p[0] == '[')
        return host.n > 2 && host.p[host.n - 1] == ']';
    return hs_str_index(host, ':') == host.n && hs_str_index(host, ' ') == host.n;
}

static int parse_address(const struct hs_option *option, struct hs_str value, void *field,
                         struct hs_err *err)
{
    if (value.n > 0 && !address_valid(value))
        return refuse(option, value, err,
                      "host:port with a port of 0 to 65535 (0 picks a free one), "
                      "[address]:port for IPv6, or nothing for off");
    assign_string(field, value);
    return HS_OK;
}

int hs_option_parse(const struct hs_option *option, struct hs_str value, struct hs_conf *conf,
                    struct hs_err *err)
{
    void *field = (char *)conf + option->offset;

    if (value.n > VALUE_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "option %s has %zu bytes, limit %d", option->name,
                          value.n, VALUE_MAX);
    if (value.n > 0 && memchr(value.p, '\0', value.n))
        return hs_err_set(err, HS_EINVAL, 0, "option %s contains a NUL byte", option->name);
    switch (option->type) {
    case HS_OPTION_STRING: return parse_string(option, value, field, err);
    case HS_OPTION_ADDRESS: return parse_address(option, value, field, err);
    case HS_OPTION_BOOL: return parse_bool(option, value, field, err);
    case HS_OPTION_ROLES: return parse_roles(option, value, field, err);
    default: return parse_number(option, hs_str_trim(value), field, err);
    }
}

/* The largest unit of which v is a whole multiple. */
static void format_unit(double v, const struct unit *units, size_t units_n, struct hs_buf *out)
{
    const struct unit *best = NULL;
    size_t i;

    for (i = 0; i < units_n; i++)
        if (v != 0 && fmod(v, units[i].factor) == 0 && (!best || units[i].factor > best->factor))
            best = &units[i];
    if (best)
        hs_buf_addf(out, "%.0f%s", v / best->factor, best->name);
    else
        HS_BUF_ADD_LIT(out, "0");
}

static void format_number(enum hs_option_type type, double v, struct hs_buf *out)
{
    switch (type) {
    case HS_OPTION_DURATION:
        format_unit(v, duration_units, HS_ARRAY_LEN(duration_units), out);
        break;
    case HS_OPTION_DAYS: hs_buf_addf(out, "%.0fd", v); break;
    case HS_OPTION_BYTES: /* the binary units stand first; decimal ones are for reading only */
        format_unit(v, bytes_units, 6, out);
        break;
    case HS_OPTION_F64: hs_buf_addf(out, "%.12g", v); break;
    default: hs_buf_addf(out, "%.0f", v); break;
    }
}

static void format_roles(uint64_t roles, struct hs_buf *out)
{
    const char *comma = "";
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(role_names); i++) {
        if (!(roles & role_names[i].role))
            continue;
        hs_buf_addf(out, "%s%s", comma, role_names[i].name);
        comma = ",";
    }
}

void hs_option_format(const struct hs_option *option, const struct hs_conf *conf,
                      struct hs_buf *out)
{
    const void *field = (const char *)conf + option->offset;

    switch (option->type) {
    case HS_OPTION_STRING:
    case HS_OPTION_ADDRESS:
        if (option->flags & HS_OPTION_SECRET && **(char *const *)field)
            HS_BUF_ADD_LIT(out, "***");
        else
            hs_buf_add_c(out, *(char *const *)field);
        break;
    case HS_OPTION_BOOL: hs_buf_add_c(out, *(const bool *)field ? "true" : "false"); break;
    case HS_OPTION_ROLES: format_roles(*(const uint64_t *)field, out); break;
    case HS_OPTION_F64: format_number(option->type, *(const double *)field, out); break;
    default: format_number(option->type, (double)*(const uint64_t *)field, out); break;
    }
}

void hs_option_format_range(const struct hs_option *option, struct hs_buf *out)
{
    struct hs_str rest = hs_str_c(option->words);
    struct hs_str word;
    const char *comma = "";

    if (option->type < HS_ARRAY_LEN(number_parsers) && number_parsers[option->type]) {
        format_number(option->type, option->min, out);
        HS_BUF_ADD_LIT(out, " … ");
        format_number(option->type, option->max, out);
        return;
    }
    while (option->words && hs_str_split(&rest, '|', &word)) {
        hs_buf_addf(out, "%s%.*s", comma, HS_STR_ARG(word));
        comma = ", ";
    }
}
