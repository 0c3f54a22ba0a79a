#include "gateway/params.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/suggest.h"
#include "gateway/when.h"

struct parse {
    struct hs_params *out;
    int64_t now_ns;
    struct hs_filter services; /* service= */
    struct hs_filter environments;
    struct hs_err *err;
};

typedef int param_fn(struct parse *parse, struct hs_str value);

struct param_row {
    const char *name;
    unsigned kinds; /* set of 1 << enum hs_params_kind */
    bool repeats;
    param_fn *fn;
};

enum {
    METRICS = 1 << HS_PARAMS_METRICS,
    TOP = 1 << HS_PARAMS_TOP,
    ALL = METRICS | TOP | 1 << HS_PARAMS_DEGRADED,
};

static const char *const by_names[HS_TOP_N] = {
    [HS_TOP_COUNT] = "count",
    [HS_TOP_ZERO_RESULTS] = "zero_results",
    [HS_TOP_ERRORS] = "errors",
    [HS_TOP_P95] = "p95",
};

const char *hs_top_by_name(enum hs_top_by by)
{
    HS_ASSERT(by < HS_TOP_N);
    return by_names[by];
}

static int parse_from(struct parse *parse, struct hs_str value)
{
    return hs_when_parse(value, parse->now_ns, &parse->out->from_ns, parse->err);
}

static int parse_to(struct parse *parse, struct hs_str value)
{
    return hs_when_parse(value, parse->now_ns, &parse->out->to_ns, parse->err);
}

static int parse_step(struct parse *parse, struct hs_str value)
{
    if (hs_str_eq_c(value, "auto"))
        return HS_OK;
    if (hs_when_span(value, &parse->out->step_s, parse->err) != HS_OK)
        return HS_EINVAL;
    if (parse->out->step_s % HS_STEP_MIN_S != 0)
        return hs_err_set(parse->err, HS_EINVAL, 0, "is not a multiple of %d s", HS_STEP_MIN_S);
    return HS_OK;
}

static int parse_series(struct parse *parse, struct hs_str value)
{
    if (!hs_str_eq_c(value, "0") && !hs_str_eq_c(value, "1"))
        return hs_err_set(parse->err, HS_EINVAL, 0, "must be 0 or 1");
    parse->out->series = value.p[0] == '1';
    return HS_OK;
}

static int add_value(struct parse *parse, struct hs_filter *filter, struct hs_str value, size_t max)
{
    if (value.n > HS_FILTER_VALUE_BYTES_MAX)
        return hs_err_set(parse->err, HS_EINVAL, 0, "is %zu bytes, limit %d", value.n,
                          HS_FILTER_VALUE_BYTES_MAX);
    if (filter->values_n == max)
        return hs_err_set(parse->err, HS_EINVAL, 0, "is one value more than the limit %zu", max);
    filter->values[filter->values_n++] = value;
    return HS_OK;
}

static int parse_service(struct parse *parse, struct hs_str value)
{
    return add_value(parse, &parse->services, value, HS_SERVICES_MAX);
}

static int parse_environment(struct parse *parse, struct hs_str value)
{
    return add_value(parse, &parse->environments, value, HS_SERVICES_MAX);
}

static int add_group(struct parse *parse, struct hs_str word)
{
    struct hs_params *out = parse->out;
    struct hs_facet_ref field;
    size_t i;

    if (hs_facet_find(word, &field, parse->err) != HS_OK)
        return HS_EINVAL;
    for (i = 0; i < out->groups_n; i++) {
        if (hs_facet_same(&out->groups[i], &field))
            return hs_err_set(parse->err, HS_EINVAL, 0, "names %.*s twice", HS_STR_ARG(word));
    }
    if (out->groups_n == HS_GROUPS_MAX)
        return hs_err_set(parse->err, HS_EINVAL, 0, "names more than %d keys", HS_GROUPS_MAX);
    out->groups[out->groups_n++] = field;
    return HS_OK;
}

static int parse_group_by(struct parse *parse, struct hs_str value)
{
    struct hs_str rest = value;
    struct hs_str word;
    int rc = HS_OK;

    parse->out->groups_n = 0;
    if (value.n == 0)
        return HS_OK; /* everything is one group */
    while (rc == HS_OK && hs_str_split(&rest, ',', &word))
        rc = add_group(parse, hs_str_trim(word));
    return rc;
}

static int parse_op(struct parse *parse, struct hs_str word, enum hs_filter_op *out)
{
    static const char *const names[] = {
        [HS_FILTER_EQ] = "eq", [HS_FILTER_NE] = "ne", [HS_FILTER_IN] = "in"};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(names); i++) {
        if (hs_str_eq_c(word, names[i])) {
            *out = (enum hs_filter_op)i;
            return HS_OK;
        }
    }
    return hs_err_set(parse->err, HS_EINVAL, 0,
                      "has operator \"%.*s\", must be key:op:value with op eq, ne or in",
                      HS_STR_ARG(hs_str_utf8_cut(word, 32)));
}

static int parse_filter_values(struct parse *parse, struct hs_filter *filter, struct hs_str value)
{
    struct hs_str rest = value;
    struct hs_str word;
    int rc = HS_OK;

    if (filter->op != HS_FILTER_IN || value.n == 0)
        return add_value(parse, filter, value, 1);
    while (rc == HS_OK && hs_str_split(&rest, ',', &word))
        rc = add_value(parse, filter, word, HS_FILTER_VALUES_MAX);
    return rc;
}

static int parse_filter(struct parse *parse, struct hs_str value)
{
    struct hs_params *out = parse->out;
    struct hs_filter *filter = &out->filters[out->filters_n];
    struct hs_str rest = value;
    struct hs_str key;
    struct hs_str op;

    if (out->filters_n == HS_FILTERS_MAX)
        return hs_err_set(parse->err, HS_EINVAL, 0, "is one filter more than the limit %d",
                          HS_FILTERS_MAX);
    if (!hs_str_split(&rest, ':', &key) || !rest.p || !hs_str_split(&rest, ':', &op) || !rest.p)
        return hs_err_set(parse->err, HS_EINVAL, 0, "must be key:op:value with op eq, ne or in");
    *filter = (struct hs_filter){.values_n = 0};
    if (hs_facet_find(key, &filter->field, parse->err) != HS_OK ||
        parse_op(parse, op, &filter->op) != HS_OK ||
        parse_filter_values(parse, filter, rest) != HS_OK)
        return HS_EINVAL;
    out->filters_n++;
    return HS_OK;
}

static int parse_by(struct parse *parse, struct hs_str value)
{
    size_t i;

    for (i = 0; i < HS_TOP_N; i++) {
        if (hs_str_eq_c(value, by_names[i])) {
            parse->out->by = (enum hs_top_by)i;
            return HS_OK;
        }
    }
    return hs_err_set(parse->err, HS_EINVAL, 0, "must be count, zero_results, errors or p95");
}

static int parse_limit(struct parse *parse, struct hs_str value)
{
    uint64_t n;

    if (hs_str_to_u64(value, &n) != HS_OK || n < 1 || n > HS_TOP_LIMIT_MAX)
        return hs_err_set(parse->err, HS_EINVAL, 0, "must be an integer from 1 to %d",
                          HS_TOP_LIMIT_MAX);
    parse->out->limit = (size_t)n;
    return HS_OK;
}

static int parse_cursor(struct parse *parse, struct hs_str value)
{
    if (value.n == 0 || value.n > HS_CURSOR_BYTES_MAX)
        return hs_err_set(parse->err, HS_EINVAL, 0, "must be the next_cursor of an answer");
    parse->out->cursor = value;
    return HS_OK;
}

static int parse_key(struct parse *parse, struct hs_str value)
{
    (void)parse;
    (void)value;
    return HS_OK;
}

static const struct param_row rows[] = {
    {"from", ALL, false, parse_from},
    {"to", ALL, false, parse_to},
    {"step", METRICS, false, parse_step},
    {"series", METRICS, false, parse_series},
    {"service", ALL, true, parse_service},
    {"environment", ALL, true, parse_environment},
    {"group_by", METRICS, false, parse_group_by},
    {"filter", ALL, true, parse_filter},
    {"by", TOP, false, parse_by},
    {"limit", TOP, false, parse_limit},
    {"cursor", TOP, false, parse_cursor},
    {"key", ALL, false, parse_key},
};

static const struct param_row *find_row(unsigned kinds, struct hs_str name)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(rows); i++) {
        if ((rows[i].kinds & kinds) && hs_str_eq_c(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

static int unknown(unsigned kinds, struct hs_str name, struct hs_err *err)
{
    struct hs_suggest suggest;
    size_t i;

    hs_suggest_init(&suggest, name);
    for (i = 0; i < HS_ARRAY_LEN(rows); i++) {
        if (rows[i].kinds & kinds)
            hs_suggest_offer(&suggest, rows[i].name);
    }
    return hs_err_set(err, HS_EINVAL, 0, "%.*s: is no parameter of this endpoint%s%s%s",
                      HS_STR_ARG(hs_str_utf8_cut(name, 64)),
                      suggest.best ? ", did you mean \"" : "", suggest.best ? suggest.best : "",
                      suggest.best ? "\"?" : "");
}

static int parse_pair(struct parse *parse, unsigned kinds, const struct hs_http_param *pair,
                      unsigned *seen)
{
    const struct param_row *row = find_row(kinds, pair->name);
    int rc;

    if (!row)
        return unknown(kinds, pair->name, parse->err);
    if (!row->repeats && (*seen & 1U << (row - rows)))
        return hs_err_set(parse->err, HS_EINVAL, 0, "%s: is given twice", row->name);
    *seen |= 1U << (row - rows);
    rc = row->fn(parse, pair->value);
    if (rc != HS_OK)
        hs_err_prefix(parse->err, "%s=%.*s", row->name,
                      HS_STR_ARG(hs_str_utf8_cut(pair->value, 100)));
    return rc;
}

/* service= and environment= are filters "in". */
static void add_base_filter(struct hs_params *out, const char *name, struct hs_filter *filter)
{
    if (filter->values_n == 0)
        return;
    filter->op = HS_FILTER_IN;
    hs_facet_find(hs_str_c(name), &filter->field, NULL);
    out->filters[out->filters_n++] = *filter;
}

static int check_order(const struct hs_params *out, struct hs_err *err)
{
    char from[HS_TIME_TEXT_MAX];
    char to[HS_TIME_TEXT_MAX];

    hs_time_format(out->from_ns, from);
    hs_time_format(out->to_ns, to);
    if (out->from_ns >= out->to_ns)
        return hs_err_set(err, HS_EINVAL, 0, "from=%s: is not before to=%s", from, to);
    if (out->to_ns - out->from_ns > HS_RANGE_MAX_DAYS * HS_NS_PER_DAY)
        return hs_err_set(err, HS_EINVAL, 0, "from=%s: is more than %d days before to=%s", from,
                          HS_RANGE_MAX_DAYS, to);
    return HS_OK;
}

int hs_params_parse(enum hs_params_kind kind, const struct hs_http_param *pairs, size_t pairs_n,
                    int64_t now_ns, struct hs_params *out, struct hs_err *err)
{
    struct parse parse = {.out = out, .now_ns = now_ns, .err = err};
    unsigned seen = 0;
    size_t i;

    *out =
        (struct hs_params){.from_ns = -1, .to_ns = now_ns, .series = true, .limit = HS_TOP_LIMIT};
    hs_facet_find(HS_STR("service"), &out->groups[0], NULL);
    out->groups_n = 1;
    for (i = 0; i < pairs_n; i++) {
        if (parse_pair(&parse, 1U << kind, &pairs[i], &seen) != HS_OK)
            return HS_EINVAL;
    }
    add_base_filter(out, "service", &parse.services);
    add_base_filter(out, "environment", &parse.environments);
    if (out->from_ns < 0)
        out->from_ns = HS_MAX(0, out->to_ns - 60 * HS_NS_PER_MIN);
    return check_order(out, err);
}

static int64_t floor_to(int64_t v, int64_t unit)
{
    return v / unit * unit;
}

static int64_t ceil_to(int64_t v, int64_t unit)
{
    return floor_to(v + unit - 1, unit);
}

/* The smallest of a few round steps that gives at most HS_POINTS_AUTO_MAX points. Beyond a minute
 * all are multiples of ten minutes, an hour or six, which the coarser rollups answer. */
static int64_t auto_step(int64_t span_s, int64_t grain_s)
{
    static const int64_t steps[] = {60, 600, 1200, 3600, 10800, 21600, 43200, 86400, 2 * 86400};
    size_t i;

    for (i = 0; i + 1 < HS_ARRAY_LEN(steps); i++) {
        if (steps[i] >= grain_s && ceil_to(span_s, steps[i]) / steps[i] <= HS_POINTS_AUTO_MAX)
            break;
    }
    return steps[i];
}

int hs_params_range(const struct hs_params *params, int64_t grain_s, struct hs_range *out,
                    struct hs_err *err)
{
    int64_t from_s = params->from_ns / HS_NS_PER_S;
    int64_t to_s = ceil_to(params->to_ns, HS_NS_PER_S) / HS_NS_PER_S;
    int64_t step_s = params->step_s;
    int64_t unit_s;

    if (step_s == 0)
        step_s = auto_step(to_s - from_s, grain_s);
    if (params->series && step_s % grain_s != 0)
        return hs_err_set(err, HS_EINVAL, 0,
                          "step=%llds: is not a multiple of %lld s, the finest that is kept of a "
                          "range of this age",
                          (long long)step_s, (long long)grain_s);
    unit_s = params->series ? step_s : grain_s;
    from_s = floor_to(from_s, unit_s);
    to_s = ceil_to(to_s, unit_s);
    if (params->series && (to_s - from_s) / step_s > HS_POINTS_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "step=%llds: gives %lld points, limit %d",
                          (long long)step_s, (long long)((to_s - from_s) / step_s), HS_POINTS_MAX);
    if (to_s > HS_TIME_END_S)
        return hs_err_set(err, HS_EINVAL, 0, "step=%llds: its last step ends past the year 2261",
                          (long long)step_s);
    *out = (struct hs_range){from_s, to_s, step_s};
    return HS_OK;
}
