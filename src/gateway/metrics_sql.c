#include "gateway/metrics_sql.h"

#include <stdio.h>

#include "base/mem.h"
#include "model/behaviour.h"
#include "model/cell_sql.h"

enum {
    SQL_BYTES_MAX = 9 << 20,
    COLUMN_SQL_MAX = 96,
    WINDOWS_OF_POINT_MAX = 3,   /* beyond, the store merges a point's windows */
    WINDOWS_UNMERGED_MIN = 100, /* but not for so few windows in all */
};

struct measure_row {
    unsigned measure; /* 0: always */
    const char *column;
    const char *merged;  /* over cells */
    const char *nothing; /* of rows that have none */
};

#define U64 "toUInt64(0)"
#define F64 "toFloat64(0)"
#define STATE "char(0)"

static const struct measure_row measures[] = {
    {0, "count", "sum(c.count)", U64},
    {0, "weighted_count", "sum(c.weighted_count)", F64},
    {HS_MEASURE_ERRORS, "errors", "sum(c.errors)", U64},
    {HS_MEASURE_ERRORS, "timeouts", "sum(c.timeouts)", U64},
    {HS_MEASURE_ERRORS, "partials", "sum(c.partials)", U64},
    {HS_MEASURE_ERRORS, "cancelled", "sum(c.cancelled)", U64},
    {HS_MEASURE_CODES, "error_codes", "sumMap(c.error_codes)",
     "map()::Map(LowCardinality(String), UInt64)"},
    {HS_MEASURE_LATENCY, "latency_count", "sum(c.latency_count)", U64},
    {HS_MEASURE_LATENCY, "latency_sum_ms", "sum(c.latency_sum_ms)", F64},
    {HS_MEASURE_LATENCY, "latency_max_ms", "max(c.latency_max_ms)", F64},
    {HS_MEASURE_LATENCY, "latency_state",
     HS_SQL_MERGED_STATE(HS_SQL_LATENCY_LEVELS, "c.latency_state"), STATE},
    {HS_MEASURE_ZERO, "searches", "sum(c.searches)", U64},
    {HS_MEASURE_ZERO, "zero_results", "sum(c.zero_results)", U64},
    {HS_MEASURE_SCORE, "scored", "sum(c.scored)", U64},
    {HS_MEASURE_SCORE, "score_sum", "sum(c.score_sum)", F64},
    {HS_MEASURE_SCORE, "score_state", HS_SQL_MERGED_STATE(HS_SQL_SCORE_LEVELS, "c.score_state"),
     STATE},
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

/* The start of the point that a row belongs to; without series there is one. `time` is a column. */
static void add_point(const struct hs_metrics_ask *ask, const char *time, struct hs_buf *text)
{
    long long step_s = (long long)ask->range->step_s;

    if (ask->params->series)
        hs_buf_addf(text, "toUInt32(intDiv(toUnixTimestamp(%s), %lld) * %lld) AS b", time, step_s,
                    step_s);
    else
        HS_BUF_ADD_LIT(text, "toUInt32(0) AS b");
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

/* ---- columns of one branch: those of searches, or those of intents, the others as nothing */

enum branch { OF_SEARCHES, OF_INTENTS };

static void add_own(const char *column, const char *expression, struct hs_buf *text)
{
    if (expression)
        hs_buf_addf(text, ", %s AS %s", expression, column);
    else
        hs_buf_addf(text, ", %s", column);
}

/* Columns of intents; expressions over haystat.intents when from_intents. */
static void add_behaviour_columns(enum branch branch, bool from_intents, struct hs_buf *text)
{
    bool own = branch == OF_INTENTS;
    size_t i;

    for (i = 0; i < HS_BEHAVIOUR_COUNTS; i++)
        add_own(hs_behaviour_counts[i].name,
                !own           ? "toUInt64(0)"
                : from_intents ? hs_behaviour_counts[i].from_intents
                               : NULL,
                text);
    for (i = 0; i < HS_BEHAVIOUR_SUMS; i++)
        add_own(hs_behaviour_sums[i].name,
                !own           ? "toFloat64(0)"
                : from_intents ? hs_behaviour_sums[i].from_intents
                               : NULL,
                text);
    add_own(hs_behaviour_state.name,
            !own           ? "char(0)"
            : from_intents ? hs_behaviour_state.from_intents
                           : NULL,
            text);
}

static void add_columns(const struct hs_metrics_ask *ask, enum branch branch, bool from_intents,
                        struct hs_buf *text)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(measures); i++) {
        if (wanted(ask, &measures[i]))
            add_own(measures[i].column, branch == OF_SEARCHES ? NULL : measures[i].nothing, text);
    }
    if (ask->measures & HS_MEASURE_BEHAVIOUR)
        add_behaviour_columns(branch, from_intents, text);
}

/* ---- cells */

/* PREWHERE names only columns of the sort key, which is right under FINAL and spares reading the
 * states of other rows. */
static void add_cells(const struct hs_metrics_ask *ask, enum branch branch,
                      const struct hs_facet_ref *dim, enum hs_level level, struct hs_sql *sql)
{
    const struct hs_params *params = ask->params;
    const char *table = branch == OF_INTENTS ? "behaviour" : dim ? "dim" : "fast";
    struct hs_buf *text = &sql->text;
    size_t i;

    HS_BUF_ADD_LIT(text, "SELECT ");
    for (i = 0; i < ask->params->groups_n; i++)
        hs_buf_addf(text, "%s::String AS k%zu, ", cell_column(&params->groups[i]), i);
    add_point(ask, "t", text);
    add_columns(ask, branch, false, text);
    hs_buf_addf(text, " FROM haystat.%s_%s FINAL PREWHERE tenant = ", table, hs_level_name(level));
    hs_sql_value(sql, ask->tenant);
    if (dim || branch == OF_INTENTS) {
        HS_BUF_ADD_LIT(text, " AND dim = ");
        hs_sql_value(sql, dim ? hs_str_c(dim->field->name) : HS_STR(""));
    }
    for (i = 0; i < params->filters_n; i++)
        add_filter(sql, &params->filters[i], cell_column(&params->filters[i].field));
    HS_BUF_ADD_LIT(text, " AND (");
    add_ranges(branch == OF_INTENTS ? ask->behaviour : ask->plan, level, sql);
    HS_BUF_ADD_LIT(text, ")");
}

/* Appends the levels of a plan to a union. */
static void add_levels(const struct hs_metrics_ask *ask, enum branch branch,
                       const struct hs_facet_ref *dim, bool *first, struct hs_sql *sql)
{
    const struct hs_plan *plan = branch == OF_INTENTS ? ask->behaviour : ask->plan;
    int level;

    for (level = 0; level < HS_LEVEL_N; level++) {
        if (!has_level(plan, (enum hs_level)level))
            continue;
        if (!*first)
            HS_BUF_ADD_LIT(&sql->text, " UNION ALL ");
        add_cells(ask, branch, dim, (enum hs_level)level, sql);
        *first = false;
    }
}

static void add_all_cells(const struct hs_metrics_ask *ask, const struct hs_facet_ref *dim,
                          struct hs_sql *sql)
{
    bool first = true;

    add_levels(ask, OF_SEARCHES, dim, &first, sql);
    if (ask->measures & HS_MEASURE_BEHAVIOUR)
        add_levels(ask, OF_INTENTS, dim, &first, sql);
}

/* ---- raw rows */

static void add_keys(const struct hs_metrics_ask *ask, struct hs_buf *text)
{
    size_t i;

    for (i = 0; i < ask->params->groups_n; i++)
        hs_buf_addf(text, "k%zu, ", i);
}

static void add_fields(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    size_t i;

    for (i = 0; i < ask->params->groups_n; i++) {
        add_field(sql, &ask->params->groups[i]);
        hs_buf_addf(&sql->text, " AS k%zu, ", i);
    }
}

static void add_group_by(const struct hs_metrics_ask *ask, struct hs_buf *text)
{
    size_t i;

    HS_BUF_ADD_LIT(text, " GROUP BY b");
    for (i = 0; i < ask->params->groups_n; i++)
        hs_buf_addf(text, ", k%zu", i);
}

/* Searches as cells by group and point. */
static void add_raw_searches(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    struct hs_buf *text = &sql->text;

    HS_BUF_ADD_LIT(text, "SELECT ");
    add_keys(ask, text);
    HS_BUF_ADD_LIT(text, "b");
    add_columns(ask, OF_SEARCHES, false, text);
    HS_BUF_ADD_LIT(text, " FROM (SELECT ");
    add_keys(ask, text);
    add_point(ask, "t", text);
    HS_BUF_ADD_LIT(text, ", " HS_SQL_CELLS_FROM_ROWS " FROM (SELECT ");
    add_fields(ask, sql);
    HS_BUF_ADD_LIT(text, HS_SQL_ROW_COLUMNS " FROM haystat.searches WHERE tenant = ");
    hs_sql_value(sql, ask->tenant);
    hs_buf_addf(text,
                " AND ts >= toDateTime64(%lld, 6, 'UTC') AND ts < toDateTime64(%lld, 6, 'UTC') "
                "AND parent_query_id = '' AND (%.*s)",
                (long long)ask->range->from_s, (long long)ask->range->to_s,
                HS_STR_ARG(ask->counted));
    hs_sql_raw_filters(sql, ask->params);
    HS_BUF_ADD_LIT(text, ")");
    add_group_by(ask, text);
    HS_BUF_ADD_LIT(text, ")");
}

/* Intents as cells by group and point. */
static void add_raw_intents(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    struct hs_buf *text = &sql->text;

    HS_BUF_ADD_LIT(text, "SELECT ");
    add_keys(ask, text);
    add_point(ask, "t", text);
    add_columns(ask, OF_INTENTS, true, text);
    HS_BUF_ADD_LIT(text, " FROM (SELECT ");
    add_fields(ask, sql);
    HS_BUF_ADD_LIT(text, "* FROM haystat.intents FINAL WHERE tenant = ");
    hs_sql_value(sql, ask->tenant);
    hs_buf_addf(text, " AND t >= toDateTime(%lld, 'UTC') AND t < toDateTime(%lld, 'UTC')",
                (long long)ask->range->from_s, (long long)ask->range->to_s);
    hs_sql_raw_filters(sql, ask->params);
    HS_BUF_ADD_LIT(text, ") AS i");
    add_group_by(ask, text);
}

static void add_raw(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    add_raw_searches(ask, sql);
    if ((ask->measures & HS_MEASURE_BEHAVIOUR) && hs_metrics_of_intents(ask->params)) {
        HS_BUF_ADD_LIT(&sql->text, " UNION ALL ");
        add_raw_intents(ask, sql);
    }
}

bool hs_metrics_of_intents(const struct hs_params *params)
{
    bool known = true;
    size_t i;

    for (i = 0; i < params->groups_n; i++)
        known &= params->groups[i].field->of_intents;
    for (i = 0; i < params->filters_n; i++)
        known &= params->filters[i].field.field->of_intents;
    return known;
}

/* Whether the store merges cells into points. It need not where a point is hardly more than a
 * window: reading states from their bytes costs it more than sending them. */
static bool merges(const struct hs_metrics_ask *ask)
{
    const struct hs_plan *plan = ask->plan;
    int64_t points =
        ask->params->series ? (ask->range->to_s - ask->range->from_s) / ask->range->step_s : 1;
    int64_t windows = 0;
    size_t i;

    for (i = 0; i < plan->n; i++) {
        const struct hs_plan_segment *segment = &plan->segments[i];

        windows += (segment->to_s - segment->from_s) / hs_level_s(segment->level);
    }
    return windows > WINDOWS_UNMERGED_MIN && windows > WINDOWS_OF_POINT_MAX * points;
}

static void add_picked(const char *name, const char *merged, struct hs_buf *text)
{
    if (merged)
        hs_buf_addf(text, ", %s AS %s_", merged, name);
    else
        hs_buf_addf(text, ", c.%s AS %s_", name, name);
}

static void add_picked_behaviour(bool merged, struct hs_buf *text)
{
    char sum[COLUMN_SQL_MAX];
    size_t i;

    for (i = 0; i < HS_BEHAVIOUR_COUNTS + HS_BEHAVIOUR_SUMS; i++) {
        const char *name = i < HS_BEHAVIOUR_COUNTS
                               ? hs_behaviour_counts[i].name
                               : hs_behaviour_sums[i - HS_BEHAVIOUR_COUNTS].name;

        snprintf(sum, sizeof(sum), "sum(c.%s)", name);
        add_picked(name, merged ? sum : NULL, text);
    }
    add_picked(hs_behaviour_state.name,
               merged ? HS_SQL_MERGED_STATE(HS_SQL_LATENCY_LEVELS, "c.time_to_click_state") : NULL,
               text);
}

void hs_metrics_sql(const struct hs_metrics_ask *ask, struct hs_sql *sql)
{
    struct hs_facet_ref dim = {.field = NULL};
    bool raw = hs_metrics_table(ask->params, &dim) == HS_METRICS_RAW;
    bool merged = !raw && merges(ask);
    struct hs_buf *text = &sql->text;
    size_t i;

    HS_BUF_ADD_LIT(text, "SELECT b AS t");
    for (i = 0; i < ask->params->groups_n; i++)
        hs_buf_addf(text, ", k%zu", i);
    for (i = 0; i < HS_ARRAY_LEN(measures); i++) {
        if (wanted(ask, &measures[i]))
            add_picked(measures[i].column, merged ? measures[i].merged : NULL, text);
    }
    if (ask->measures & HS_MEASURE_BEHAVIOUR)
        add_picked_behaviour(merged, text);
    HS_BUF_ADD_LIT(text, " FROM (");
    if (raw)
        add_raw(ask, sql);
    else
        add_all_cells(ask, dim.field ? &dim : NULL, sql);
    HS_BUF_ADD_LIT(text, ") AS c");
    if (merged)
        add_group_by(ask, text);
}
