#include "gateway/metrics_sql.h"

#include <stdio.h>

#include "base/mem.h"
#include "model/cell_sql.h"

enum { SQL_BYTES_MAX = 9 << 20 };

struct measure_row {
    unsigned measure; /* 0: always */
    const char *column;
    const char *merged; /* over cells */
};

static const struct measure_row measures[] = {
    {0, "count", "sum(c.count)"},
    {0, "weighted_count", "sum(c.weighted_count)"},
    {HS_MEASURE_ERRORS, "errors", "sum(c.errors)"},
    {HS_MEASURE_ERRORS, "timeouts", "sum(c.timeouts)"},
    {HS_MEASURE_ERRORS, "partials", "sum(c.partials)"},
    {HS_MEASURE_ERRORS, "cancelled", "sum(c.cancelled)"},
    {HS_MEASURE_CODES, "error_codes", "sumMap(c.error_codes)"},
    {HS_MEASURE_LATENCY, "latency_count", "sum(c.latency_count)"},
    {HS_MEASURE_LATENCY, "latency_sum_ms", "sum(c.latency_sum_ms)"},
    {HS_MEASURE_LATENCY, "latency_max_ms", "max(c.latency_max_ms)"},
    {HS_MEASURE_LATENCY, "latency",
     "quantilesBFloat16WeightedMerge(0.5, 0.9, 0.95, 0.99)(c.latency)"},
    {HS_MEASURE_ZERO, "searches", "sum(c.searches)"},
    {HS_MEASURE_ZERO, "zero_results", "sum(c.zero_results)"},
    {HS_MEASURE_SCORE, "scored", "sum(c.scored)"},
    {HS_MEASURE_SCORE, "score_sum", "sum(c.score_sum)"},
    {HS_MEASURE_SCORE, "score",
     "quantilesBFloat16WeightedMerge(0.05, 0.25, 0.5, 0.75, 0.95)(c.score)"},
};

void hs_sql_init(struct hs_sql *sql)
{
    hs_buf_init(&sql->text, SQL_BYTES_MAX);
    sql->params_n = 0;
}

void hs_sql_fini(struct hs_sql *sql)
{
    hs_buf_fini(&sql->text);
}

void hs_sql_value(struct hs_sql *sql, struct hs_str value)
{
    size_t i = sql->params_n;

    if (i == HS_SQL_PARAMS_MAX) {
        sql->text.failed = true;
        return;
    }
    snprintf(sql->names[i], sizeof(sql->names[i]), "p%zu", i);
    sql->params[i] = (struct hs_param){.name = sql->names[i], .value = value};
    sql->params_n++;
    hs_buf_addf(&sql->text, "{%s:String}", sql->names[i]);
}

/* The field as a String expression; for experiments one of its pairs, which multiplies rows. */
static void add_field(struct hs_sql *sql, const struct hs_facet_ref *field)
{
    if (field->field->kind == HS_FACET_ATTRIBUTE) {
        HS_BUF_ADD_LIT(&sql->text, "attributes[");
        hs_sql_value(sql, field->attribute);
        HS_BUF_ADD_LIT(&sql->text, "]");
    } else if (field->field->kind == HS_FACET_EXPERIMENT) {
        hs_buf_addf(&sql->text, "arrayJoin(%s)", field->field->column);
    } else {
        hs_buf_add_c(&sql->text, field->field->column);
    }
}

static void add_values(struct hs_sql *sql, const struct hs_filter *filter)
{
    size_t i;

    for (i = 0; i < filter->values_n; i++) {
        if (i > 0)
            HS_BUF_ADD_LIT(&sql->text, ", ");
        hs_sql_value(sql, filter->values[i]);
    }
}

/* column is NULL: the field's own. */
static void add_filter(struct hs_sql *sql, const struct hs_filter *filter, const char *column)
{
    bool negative = filter->op == HS_FILTER_NE;

    HS_BUF_ADD_LIT(&sql->text, " AND ");
    if (!column && filter->field.field->kind == HS_FACET_EXPERIMENT) {
        hs_buf_addf(&sql->text, "%shasAny(%s, [", negative ? "NOT " : "",
                    filter->field.field->column);
        add_values(sql, filter);
        HS_BUF_ADD_LIT(&sql->text, "])");
        return;
    }
    if (column)
        hs_buf_add_c(&sql->text, column);
    else
        add_field(sql, &filter->field);
    hs_buf_add_c(&sql->text, negative ? " NOT IN (" : " IN (");
    add_values(sql, filter);
    HS_BUF_ADD_LIT(&sql->text, ")");
}

void hs_sql_raw_filters(struct hs_sql *sql, const struct hs_params *params)
{
    size_t i;

    for (i = 0; i < params->filters_n; i++)
        add_filter(sql, &params->filters[i], NULL);
}

/* Takes a field into account; false when only raw rows can answer. */
static bool take_dim(const struct hs_facet_ref *field, struct hs_facet_ref *dim)
{
    if (field->field->kind == HS_FACET_BASE)
        return true;
    if (field->field->kind != HS_FACET_DIM && field->field->kind != HS_FACET_EXPERIMENT)
        return false;
    if (dim->field && dim->field != field->field)
        return false;
    *dim = *field;
    return true;
}

enum hs_metrics_table hs_metrics_table(const struct hs_params *params, struct hs_facet_ref *out_dim)
{
    struct hs_facet_ref dim = {.field = NULL};
    size_t i;

    for (i = 0; i < params->groups_n; i++) {
        if (!take_dim(&params->groups[i], &dim))
            return HS_METRICS_RAW;
    }
    for (i = 0; i < params->filters_n; i++) {
        const struct hs_filter *filter = &params->filters[i];

        if (!take_dim(&filter->field, &dim))
            return HS_METRICS_RAW;
        /* A search has several experiments or none: "not this one" and "one of these" are not sums
         * over its cells. */
        if (filter->field.field->kind == HS_FACET_EXPERIMENT &&
            (filter->op == HS_FILTER_NE || filter->values_n > 1))
            return HS_METRICS_RAW;
    }
    if (!dim.field)
        return HS_METRICS_FAST;
    *out_dim = dim;
    return HS_METRICS_DIM;
}

/* The column of the rollups that holds a field. */
static const char *cell_column(const struct hs_facet_ref *field)
{
    return field->field->kind == HS_FACET_BASE ? field->field->name : "value";
}

static bool wanted(const struct hs_metrics_ask *ask, const struct measure_row *row)
{
    return row->measure == 0 || (row->measure & ask->measures);
}

static size_t groups_n(const struct hs_metrics_ask *ask)
{
    return ask->total_only ? 0 : ask->params->groups_n;
}

/* Ranges of one level as a condition on t. Returns false when there is none. */
static bool add_ranges(const struct hs_plan *plan, enum hs_level level, struct hs_sql *sql)
{
    bool any = false;
    size_t i;

    for (i = 0; i < plan->n; i++) {
        const struct hs_plan_segment *segment = &plan->segments[i];

        if (segment->level != level)
            continue;
        hs_buf_addf(&sql->text, "%st >= toDateTime(%lld, 'UTC') AND t < toDateTime(%lld, 'UTC')",
                    any ? " OR " : "", (long long)segment->from_s, (long long)segment->to_s);
        any = true;
    }
    return any;
}

static bool has_level(const struct hs_plan *plan, enum hs_level level)
{
    size_t i;

    for (i = 0; i < plan->n; i++) {
        if (plan->segments[i].level == level)
            return true;
    }
    return false;
}

/* PREWHERE names only columns of the sort key, which is right under FINAL and spares reading the
 * states of other rows. */
static void add_cells(const struct hs_metrics_ask *ask, const struct hs_facet_ref *dim,
                      enum hs_level level, struct hs_sql *sql)
{
    const struct hs_params *params = ask->params;
    struct hs_buf *text = &sql->text;
    size_t i;

    HS_BUF_ADD_LIT(text, "SELECT ");
    for (i = 0; i < groups_n(ask); i++)
        hs_buf_addf(text, "%s::String AS k%zu, ", cell_column(&params->groups[i]), i);
    HS_BUF_ADD_LIT(text, "t");
    for (i = 0; i < HS_ARRAY_LEN(measures); i++) {
        if (wanted(ask, &measures[i]))
            hs_buf_addf(text, ", %s", measures[i].column);
    }
    hs_buf_addf(text, " FROM haystat.%s_%s FINAL PREWHERE tenant = ", dim ? "dim" : "fast",
                hs_level_name(level));
    hs_sql_value(sql, ask->tenant);
    if (dim) {
        HS_BUF_ADD_LIT(text, " AND dim = ");
        hs_sql_value(sql, hs_str_c(dim->field->name));
    }
    for (i = 0; i < params->filters_n; i++)
        add_filter(sql, &params->filters[i], cell_column(&params->filters[i].field));
    HS_BUF_ADD_LIT(text, " AND (");
    add_ranges(ask->plan, level, sql);
    HS_BUF_ADD_LIT(text, ")");
}

static void add_all_cells(const struct hs_metrics_ask *ask, const struct hs_facet_ref *dim,
                          struct hs_sql *sql)
{
    bool first = true;
    int level;

    for (level = 0; level < HS_LEVEL_N; level++) {
        if (!has_level(ask->plan, (enum hs_level)level))
            continue;
        if (!first)
            HS_BUF_ADD_LIT(&sql->text, " UNION ALL ");
        add_cells(ask, dim, (enum hs_level)level, sql);
        first = false;
    }
}

/* Raw rows as cells by group and bucket. */
static void add_raw(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    const struct hs_params *params = ask->params;
    struct hs_buf *text = &sql->text;
    size_t i;

    HS_BUF_ADD_LIT(text, "SELECT ");
    for (i = 0; i < groups_n(ask); i++)
        hs_buf_addf(text, "k%zu, ", i);
    hs_buf_addf(text,
                "toStartOfInterval(t, INTERVAL %lld SECOND, 'UTC') AS w, " HS_SQL_CELLS_FROM_ROWS
                " FROM (SELECT ",
                (long long)ask->range->step_s);
    for (i = 0; i < groups_n(ask); i++) {
        add_field(sql, &params->groups[i]);
        hs_buf_addf(text, " AS k%zu, ", i);
    }
    HS_BUF_ADD_LIT(text, HS_SQL_ROW_COLUMNS " FROM haystat.searches WHERE tenant = ");
    hs_sql_value(sql, ask->tenant);
    hs_buf_addf(text,
                " AND ts >= toDateTime64(%lld, 6, 'UTC') AND ts < toDateTime64(%lld, 6, 'UTC') "
                "AND parent_query_id = '' AND (%.*s)",
                (long long)ask->range->from_s, (long long)ask->range->to_s,
                HS_STR_ARG(ask->counted));
    hs_sql_raw_filters(sql, params);
    HS_BUF_ADD_LIT(text, ") GROUP BY w");
    for (i = 0; i < groups_n(ask); i++)
        hs_buf_addf(text, ", k%zu", i);
}

static void add_keys(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    size_t i;

    for (i = 0; i < groups_n(ask); i++)
        hs_buf_addf(&sql->text, "%sk%zu", i > 0 ? ", " : "", i);
}

/* Grouping sets: the total, each group, each group's points. marker is 1 in the two finer sets, so
 * that they differ from the total also when there are no keys. */
static void add_sets(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    struct hs_buf *text = &sql->text;
    bool keys = groups_n(ask) > 0;

    HS_BUF_ADD_LIT(text, "GROUP BY GROUPING SETS (()");
    if (ask->total_only) {
        HS_BUF_ADD_LIT(text, ")");
        return;
    }
    HS_BUF_ADD_LIT(text, ", (m");
    if (keys)
        HS_BUF_ADD_LIT(text, ", ");
    add_keys(ask, sql);
    HS_BUF_ADD_LIT(text, ")");
    if (ask->params->series) {
        HS_BUF_ADD_LIT(text, ", (m, b");
        if (keys)
            HS_BUF_ADD_LIT(text, ", ");
        add_keys(ask, sql);
        HS_BUF_ADD_LIT(text, ")");
    }
    HS_BUF_ADD_LIT(text, ")");
}

void hs_metrics_sql(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    struct hs_facet_ref dim = {.field = NULL};
    enum hs_metrics_table table = hs_metrics_table(ask->params, &dim);
    struct hs_buf *text = &sql->text;
    bool series = ask->params->series && !ask->total_only;
    size_t i;

    hs_buf_addf(text, "SELECT %s", ask->total_only ? "0" : "if(grouping(m) = 0, 1, 0)");
    hs_buf_addf(text, "%s AS kind, %s AS t", series ? " + if(grouping(b) = 0, 1, 0)" : "",
                series ? "b" : "toUInt32(0)");
    for (i = 0; i < groups_n(ask); i++)
        hs_buf_addf(text, ", k%zu", i);
    for (i = 0; i < HS_ARRAY_LEN(measures); i++) {
        if (wanted(ask, &measures[i]))
            hs_buf_addf(text, ", %s AS %s_", measures[i].merged, measures[i].column);
    }
    HS_BUF_ADD_LIT(text, " FROM (SELECT *, toUInt8(1) AS m");
    if (series)
        hs_buf_addf(text, ", toUInt32(intDiv(toUnixTimestamp(%s), %lld) * %lld) AS b",
                    table == HS_METRICS_RAW ? "w" : "t", (long long)ask->range->step_s,
                    (long long)ask->range->step_s);
    HS_BUF_ADD_LIT(text, " FROM (");
    if (table == HS_METRICS_RAW)
        add_raw(ask, sql);
    else
        add_all_cells(ask, dim.field ? &dim : NULL, sql);
    HS_BUF_ADD_LIT(text, ")) AS c ");
    add_sets(ask, sql);
    /* The total of no rows is a row as well; a group of zeros is none. */
    HS_BUF_ADD_LIT(text, " HAVING kind = 0 OR count_ > 0 ORDER BY kind > 0");
    for (i = 0; i < groups_n(ask); i++)
        hs_buf_addf(text, ", k%zu", i);
    hs_buf_addf(text, ", kind, t LIMIT %d", HS_METRIC_ROWS_MAX + 1);
}
