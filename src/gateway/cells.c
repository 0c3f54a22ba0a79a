#include "gateway/cells.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "gateway/rate.h"

enum { COLUMN_NAME_MAX = 64 };

struct column_row {
    const char *name;
    enum hs_column_kind kind;
    size_t at; /* in struct hs_cell_reader */
};

#define COLUMN(field, kind)                                                                        \
    {                                                                                              \
#field "_", kind, offsetof(struct hs_cell_reader, field)                                   \
    }

static const struct column_row columns[] = {
    COLUMN(count, HS_COL_U64),          COLUMN(weighted_count, HS_COL_F64),
    COLUMN(errors, HS_COL_U64),         COLUMN(timeouts, HS_COL_U64),
    COLUMN(partials, HS_COL_U64),       COLUMN(cancelled, HS_COL_U64),
    COLUMN(error_codes, HS_COL_MAP),    COLUMN(latency_count, HS_COL_U64),
    COLUMN(latency_sum_ms, HS_COL_F64), COLUMN(latency_max_ms, HS_COL_F64),
    COLUMN(latency_state, HS_COL_STR),  COLUMN(searches, HS_COL_U64),
    COLUMN(zero_results, HS_COL_U64),   COLUMN(scored, HS_COL_U64),
    COLUMN(score_sum, HS_COL_F64),      COLUMN(score_state, HS_COL_STR),
};

#define ERROR_RATE_DEFINITION                                                                      \
    "executions with status error or timeout / executions; top-level searches of the counted "     \
    "source"
#define ZERO_DEFINITION                                                                            \
    "executions of kind search without results / executions of kind search that were answered "    \
    "and "                                                                                         \
    "say how many results they had"
#define NO_EXECUTIONS "no executions in the range"
#define NO_SEARCHES "no executions of kind search with a known number of results in the range"
#define NO_SCORES "no execution in the range has a score on its first result"

static int find(const struct hs_table *table, const char *name, enum hs_column_kind kind,
                const struct hs_column **out, struct hs_err *err)
{
    *out = hs_table_column(table, name);
    if (*out && (*out)->kind != kind)
        return hs_err_set(err, HS_ECORRUPT, 0, "the store's column %s is %.*s", name,
                          HS_STR_ARG((*out)->type));
    return HS_OK;
}

static int find_behaviour(struct hs_cell_reader *reader, const struct hs_table *table,
                          struct hs_err *err)
{
    char name[COLUMN_NAME_MAX];
    size_t i;
    int rc = find(table, "time_to_click_state_", HS_COL_STR, &reader->time_to_click_state, err);

    if (!reader->time_to_click_state)
        return rc;
    for (i = 0; i < HS_BEHAVIOUR_COUNTS && rc == HS_OK; i++) {
        snprintf(name, sizeof(name), "%s_", hs_behaviour_counts[i].name);
        rc = find(table, name, HS_COL_U64, &reader->behaviour[i], err);
    }
    for (i = 0; i < HS_BEHAVIOUR_SUMS && rc == HS_OK; i++) {
        snprintf(name, sizeof(name), "%s_", hs_behaviour_sums[i].name);
        rc = find(table, name, HS_COL_F64, &reader->behaviour_sums[i], err);
    }
    return rc;
}

int hs_cell_reader_init(struct hs_cell_reader *reader, const struct hs_table *table,
                        struct hs_err *err)
{
    const struct hs_column *column = NULL;
    size_t i;
    int rc = HS_OK;

    *reader = (struct hs_cell_reader){.count = NULL};
    for (i = 0; i < HS_ARRAY_LEN(columns) && rc == HS_OK; i++) {
        rc = find(table, columns[i].name, columns[i].kind, &column, err);
        memcpy((char *)reader + columns[i].at, &column, sizeof(const void *));
    }
    if (rc == HS_OK && !reader->count)
        rc = hs_err_set(err, HS_ECORRUPT, 0, "the store's answer has no column count_");
    return rc == HS_OK ? find_behaviour(reader, table, err) : rc;
}

static uint64_t u64_at(const struct hs_column *column, size_t row)
{
    return column ? column->u64[row] : 0;
}

static double f64_at(const struct hs_column *column, size_t row)
{
    return column ? column->f64[row] : 0;
}

void hs_cell_read(const struct hs_cell_reader *reader, size_t row, struct hs_cell *out)
{
    size_t i;

    *out = (struct hs_cell){
        .count = u64_at(reader->count, row),
        .weighted_count = f64_at(reader->weighted_count, row),
        .errors = u64_at(reader->errors, row),
        .timeouts = u64_at(reader->timeouts, row),
        .partials = u64_at(reader->partials, row),
        .cancelled = u64_at(reader->cancelled, row),
        .latency_count = u64_at(reader->latency_count, row),
        .latency_sum_ms = f64_at(reader->latency_sum_ms, row),
        .latency_max_ms = f64_at(reader->latency_max_ms, row),
        .searches = u64_at(reader->searches, row),
        .zero_results = u64_at(reader->zero_results, row),
        .scored = u64_at(reader->scored, row),
        .score_sum = f64_at(reader->score_sum, row),
    };
    if (!reader->time_to_click_state)
        return;
    for (i = 0; i < HS_BEHAVIOUR_COUNTS; i++)
        out->behaviour[i] = u64_at(reader->behaviour[i], row);
    for (i = 0; i < HS_BEHAVIOUR_SUMS; i++)
        out->behaviour_sums[i] = f64_at(reader->behaviour_sums[i], row);
}

static void add_maybe(struct hs_json *json, bool known, double v)
{
    if (known)
        hs_json_add_double(json, v);
    else
        hs_json_add_null(json);
}

/* Rounded to nine digits: what a series shows is printed often, and short numbers print fast. */
static void add_quotient(struct hs_json *json, double sum, uint64_t of)
{
    add_maybe(json, of > 0, of > 0 ? round(sum / (double)of * 1e9) / 1e9 : 0);
}

#define U64_FN(field)                                                                              \
    static void add_##field(struct hs_json *json, const struct hs_cell *cell)                      \
    {                                                                                              \
        hs_json_add_u64(json, cell->field);                                                        \
    }
#define QUANTILE_FN(fn, array, i)                                                                  \
    static void fn(struct hs_json *json, const struct hs_cell *cell)                               \
    {                                                                                              \
        add_maybe(json, cell->array, cell->array ? cell->array[i] : 0);                            \
    }

U64_FN(count)
U64_FN(errors)
U64_FN(timeouts)
U64_FN(partials)
U64_FN(cancelled)
U64_FN(searches)
U64_FN(zero_results)
U64_FN(scored)
QUANTILE_FN(add_p50, latency, 0)
QUANTILE_FN(add_p90, latency, 1)
QUANTILE_FN(add_p95, latency, 2)
QUANTILE_FN(add_p99, latency, 3)
QUANTILE_FN(add_score_p50, score, 2)

static void add_max(struct hs_json *json, const struct hs_cell *cell)
{
    add_maybe(json, cell->latency_count > 0, cell->latency_max_ms);
}

static void add_mean(struct hs_json *json, const struct hs_cell *cell)
{
    add_quotient(json, cell->latency_sum_ms, cell->latency_count);
}

static void add_error_rate(struct hs_json *json, const struct hs_cell *cell)
{
    add_quotient(json, (double)cell->errors, cell->count);
}

static void add_zero_rate(struct hs_json *json, const struct hs_cell *cell)
{
    add_quotient(json, (double)cell->zero_results, cell->searches);
}

static void add_score_mean(struct hs_json *json, const struct hs_cell *cell)
{
    add_quotient(json, cell->score_sum, cell->scored);
}

const struct hs_series_column hs_series_latency[] = {
    {"count", add_count}, {"p50_ms", add_p50}, {"p90_ms", add_p90},   {"p95_ms", add_p95},
    {"p99_ms", add_p99},  {"max_ms", add_max}, {"mean_ms", add_mean}, {NULL, NULL},
};
const struct hs_series_column hs_series_errors[] = {
    {"count", add_count},
    {"errors", add_errors},
    {"error_rate", add_error_rate},
    {"timeouts", add_timeouts},
    {"partials", add_partials},
    {"cancelled", add_cancelled},
    {NULL, NULL},
};
const struct hs_series_column hs_series_relevance[] = {
    {"count", add_count},
    {"searches", add_searches},
    {"zero_results", add_zero_results},
    {"zero_results_rate", add_zero_rate},
    {"scored", add_scored},
    {"score_p50", add_score_p50},
    {"score_mean", add_score_mean},
    {NULL, NULL},
};
const struct hs_series_column hs_series_summary[] = {
    {"count", add_count},
    {"errors", add_errors},
    {"error_rate", add_error_rate},
    {"p50_ms", add_p50},
    {"p90_ms", add_p90},
    {"p95_ms", add_p95},
    {"p99_ms", add_p99},
    {"searches", add_searches},
    {"zero_results", add_zero_results},
    {"zero_results_rate", add_zero_rate},
    {NULL, NULL},
};

static void add_member(struct hs_json *json, const char *key, hs_cell_value_fn *fn,
                       const struct hs_cell *cell)
{
    hs_json_key(json, key);
    fn(json, cell);
}

static void add_weighted(struct hs_json *json, const struct hs_cell *cell)
{
    hs_json_key(json, "weighted_count");
    hs_json_add_double(json, cell->weighted_count);
}

static void add_error_rate_object(struct hs_json *json, const struct hs_cell *cell)
{
    hs_json_key(json, "error_rate");
    hs_rate_json(json, cell->errors, cell->count, ERROR_RATE_DEFINITION, NO_EXECUTIONS);
}

static void add_zero_object(struct hs_json *json, const struct hs_cell *cell)
{
    hs_json_key(json, "zero_results");
    hs_rate_json(json, cell->zero_results, cell->searches, ZERO_DEFINITION, NO_SEARCHES);
}

/* A percentile p of n values with n < 10 / (1 - p) rests on fewer than ten values beyond it. */
static void add_low_n(struct hs_json *json, const struct hs_cell *cell)
{
    static const struct {
        const char *name;
        uint64_t n_min;
    } limits[] = {{"p50_ms", 20}, {"p90_ms", 100}, {"p95_ms", 200}, {"p99_ms", 1000}};
    size_t i;

    hs_json_key(json, "low_n");
    hs_json_arr_open(json);
    for (i = 0; i < HS_ARRAY_LEN(limits); i++) {
        if (cell->latency_count < limits[i].n_min)
            hs_json_add_c(json, limits[i].name);
    }
    hs_json_arr_close(json);
}

static void add_percentiles(struct hs_json *json, const struct hs_cell *cell)
{
    hs_json_key(json, "latency_count");
    hs_json_add_u64(json, cell->latency_count);
    add_member(json, "p50_ms", add_p50, cell);
    add_member(json, "p90_ms", add_p90, cell);
    add_member(json, "p95_ms", add_p95, cell);
    add_member(json, "p99_ms", add_p99, cell);
    add_member(json, "max_ms", add_max, cell);
    add_member(json, "mean_ms", add_mean, cell);
    add_low_n(json, cell);
}

void hs_cell_latency(struct hs_json *json, const struct hs_cell *cell)
{
    add_member(json, "count", add_count, cell);
    add_weighted(json, cell);
    add_percentiles(json, cell);
}

static void add_codes(struct hs_json *json, const struct hs_cell *cell)
{
    size_t i;

    hs_json_key(json, "by_code");
    hs_json_obj_open(json);
    for (i = 0; i < cell->codes_n; i++) {
        hs_json_key_str(json, cell->codes[i].code);
        hs_json_add_u64(json, cell->codes[i].count);
    }
    hs_json_obj_close(json);
}

void hs_cell_errors(struct hs_json *json, const struct hs_cell *cell)
{
    add_member(json, "count", add_count, cell);
    add_weighted(json, cell);
    add_member(json, "errors", add_errors, cell);
    add_error_rate_object(json, cell);
    add_member(json, "timeouts", add_timeouts, cell);
    add_member(json, "partials", add_partials, cell);
    add_member(json, "cancelled", add_cancelled, cell);
    add_codes(json, cell);
}

static void add_score(struct hs_json *json, const struct hs_cell *cell)
{
    static const char *const names[HS_SCORE_QUANTILES] = {"p5", "p25", "p50", "p75", "p95"};
    size_t i;

    hs_json_key(json, "score");
    hs_json_obj_open(json);
    hs_json_key(json, "n");
    hs_json_add_u64(json, cell->scored);
    add_member(json, "mean", add_score_mean, cell);
    for (i = 0; i < HS_SCORE_QUANTILES; i++) {
        hs_json_key(json, names[i]);
        add_maybe(json, cell->score, cell->score ? cell->score[i] : 0);
    }
    if (!cell->score) {
        hs_json_key(json, "reason");
        hs_json_add_c(json, NO_SCORES);
    }
    hs_json_key(json, "definition");
    hs_json_add_c(json, "score of the first result of each execution that has one");
    hs_json_obj_close(json);
}

void hs_cell_relevance(struct hs_json *json, const struct hs_cell *cell)
{
    add_member(json, "count", add_count, cell);
    add_weighted(json, cell);
    add_zero_object(json, cell);
    add_score(json, cell);
}

void hs_cell_summary(struct hs_json *json, const struct hs_cell *cell)
{
    add_member(json, "count", add_count, cell);
    add_weighted(json, cell);
    add_member(json, "executions", add_count, cell);
    add_member(json, "errors", add_errors, cell);
    add_error_rate_object(json, cell);
    add_percentiles(json, cell);
    add_zero_object(json, cell);
}
