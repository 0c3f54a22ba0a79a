#include "engine/rollup_sql.h"

#include "base/mem.h"

#define CELL_COLUMNS                                                                               \
    "count, weighted_count, errors, timeouts, partials, cancelled, error_codes, latency_count, "   \
    "latency_sum_ms, latency_max_ms, latency, searches, zero_results, scored, score_sum, score"

/* Latency includes timeouts and excludes cancelled; a search counts for zero results when it was
 * answered and says how many results it had (docs/metrics.md). */
#define CELLS_FROM_ROWS                                                                            \
    "count() AS count, sum(sample_weight) AS weighted_count, countIf(failed) AS errors, "          \
    "countIf(status = 'timeout') AS timeouts, countIf(status = 'partial') AS partials, "           \
    "countIf(status = 'cancelled') AS cancelled, "                                                 \
    "sumMapIf(map(error_key, toUInt64(1)), failed) AS error_codes, "                               \
    "countIf(timed) AS latency_count, sumIf(ms, timed) AS latency_sum_ms, "                        \
    "maxIf(ms, timed) AS latency_max_ms, "                                                         \
    "quantilesBFloat16WeightedStateIf(0.5, 0.9, 0.95, 0.99)(ms, weight, timed) AS latency, "       \
    "countIf(answered) AS searches, countIf(answered AND hits = 0) AS zero_results, "              \
    "countIf(has_score) AS scored, sumIf(top_score, has_score) AS score_sum, "                     \
    "quantilesBFloat16WeightedStateIf(0.05, 0.25, 0.5, 0.75, 0.95)"                                \
    "(top_score, weight, has_score) AS score"

#define CELLS_FROM_CELLS                                                                           \
    "sum(c.count), sum(c.weighted_count), sum(c.errors), sum(c.timeouts), sum(c.partials), "       \
    "sum(c.cancelled), sumMap(c.error_codes), sum(c.latency_count), sum(c.latency_sum_ms), "       \
    "max(c.latency_max_ms), "                                                                      \
    "quantilesBFloat16WeightedMergeState(0.5, 0.9, 0.95, 0.99)(c.latency), "                       \
    "sum(c.searches), sum(c.zero_results), sum(c.scored), sum(c.score_sum), "                      \
    "quantilesBFloat16WeightedMergeState(0.05, 0.25, 0.5, 0.75, 0.95)(c.score)"

#define ZERO_CELLS                                                                                 \
    "0, 0, 0, 0, 0, 0, map(), 0, 0, 0, "                                                           \
    "quantilesBFloat16WeightedStateIf(0.5, 0.9, 0.95, 0.99)(0., toUInt64(1), 0), 0, 0, 0, 0, "     \
    "quantilesBFloat16WeightedStateIf(0.05, 0.25, 0.5, 0.75, 0.95)(0., toUInt64(1), 0)"

/* What the cells are computed from, for one raw row. */
#define ROW_COLUMNS                                                                                \
    "tenant, service, environment, toStartOfMinute(ts) AS t, status, sample_weight, "              \
    "toUInt64(greatest(1, round(sample_weight))) AS weight, "                                      \
    "status IN ('error', 'timeout') AS failed, "                                                   \
    "if(error_code = '', status, error_code)::String AS error_key, "                               \
    "latency_ms IS NOT NULL AND status != 'cancelled' AS timed, ifNull(latency_ms, 0) AS ms, "     \
    "kind IN ('', 'search') AND status IN ('', 'ok', 'partial') "                                  \
    "AND (total_hits IS NOT NULL OR returned IS NOT NULL) AS answered, "                           \
    "coalesce(total_hits, toUInt64(returned), 0) AS hits, "                                        \
    "length(result_scores) > 0 AND isFinite(result_scores[1]) AS has_score, "                      \
    "result_scores[1] AS top_score"

#define DIMENSIONS                                                                                 \
    "arrayConcat([('version', version::String), ('index', index::String), "                        \
    "('ranker', ranker::String), ('region', region::String), ('locale', locale::String), "         \
    "('application', application::String)], "                                                      \
    "arrayMap((k, v) -> ('experiment', concat(k, ':', v)), mapKeys(experiments), "                 \
    "mapValues(experiments)))"

enum { DIM_VALUES_MAX = 100 };

struct family_row {
    const char *name;
    const char *key;   /* columns of a cell's key beside t */
    const char *c_key; /* the same of the alias c */
};

static const struct family_row families[HS_ROLLUP_FAMILY_N] = {
    [HS_ROLLUP_FAST] = {"fast", "tenant, service, environment", "c.tenant, c.service, c.environment"},
    [HS_ROLLUP_DIM] = {"dim", "tenant, service, environment, dim, value",
                       "c.tenant, c.service, c.environment, c.dim, c.value"},
};

static void add_raw_where(const struct hs_rollup_window *window, struct hs_str counted,
                          struct hs_buf *out)
{
    hs_buf_addf(out,
                "FROM haystat.searches WHERE tenant = {tenant:String} "
                "AND ts >= toDateTime64(%lld, 6, 'UTC') AND ts < toDateTime64(%lld, 6, 'UTC') "
                "AND parent_query_id = '' AND (%.*s)",
                (long long)window->from_s, (long long)window->to_s, HS_STR_ARG(counted));
}

static void add_cells_where(enum hs_rollup_family family, enum hs_level level,
                            const struct hs_rollup_window *window, struct hs_buf *out)
{
    hs_buf_addf(out,
                "FROM haystat.%s_%s AS c FINAL WHERE c.tenant = {tenant:String} "
                "AND c.t >= toDateTime(%lld, 'UTC') AND c.t < toDateTime(%lld, 'UTC')",
                families[family].name, hs_level_name(level), (long long)window->from_s,
                (long long)window->to_s);
}

static void add_insert(enum hs_rollup_family family, enum hs_level level, struct hs_buf *out)
{
    hs_buf_addf(out, "INSERT INTO haystat.%s_%s (%s, t, " CELL_COLUMNS ", version) ",
                families[family].name, hs_level_name(level), families[family].key);
}

static void add_fast_from_rows(const struct hs_rollup_window *window, struct hs_str counted,
                               struct hs_buf *out)
{
    hs_buf_addf(out,
                "SELECT tenant, service, environment, t, " CELLS_FROM_ROWS ", toUInt64(%llu) "
                "FROM (SELECT " ROW_COLUMNS " ",
                (unsigned long long)window->version);
    add_raw_where(window, counted, out);
    HS_BUF_ADD_LIT(out, ") GROUP BY tenant, service, environment, t");
}

/* Cells by every value first; then all but the most frequent values of a cell become 'other'. */
static void add_dim_from_rows(const struct hs_rollup_window *window, struct hs_str counted,
                              struct hs_buf *out)
{
    hs_buf_addf(out,
                "SELECT c.tenant, c.service, c.environment, c.dim, "
                "if(c.place > %d, 'other', c.value) AS shown, c.t, " CELLS_FROM_CELLS
                ", toUInt64(%llu) FROM (SELECT *, row_number() OVER (PARTITION BY service, "
                "environment, dim, t ORDER BY count DESC, value) AS place FROM (SELECT tenant, "
                "service, environment, pair.1 AS dim, pair.2 AS value, t, " CELLS_FROM_ROWS
                " FROM (SELECT " ROW_COLUMNS ", " DIMENSIONS " AS pairs ",
                DIM_VALUES_MAX, (unsigned long long)window->version);
    add_raw_where(window, counted, out);
    HS_BUF_ADD_LIT(out, ") ARRAY JOIN pairs AS pair "
                        "GROUP BY tenant, service, environment, dim, value, t)) AS c "
                        "GROUP BY c.tenant, c.service, c.environment, c.dim, shown, c.t");
}

static void add_from_cells(enum hs_rollup_family family, const struct hs_rollup_window *window,
                           struct hs_buf *out)
{
    hs_buf_addf(out,
                "SELECT %s, toStartOfInterval(c.t, INTERVAL %lld SECOND, 'UTC') AS w, "
                CELLS_FROM_CELLS ", toUInt64(%llu) ",
                families[family].c_key, (long long)hs_level_s(window->level),
                (unsigned long long)window->version);
    add_cells_where(family, (enum hs_level)(window->level - 1), window, out);
    hs_buf_addf(out, " GROUP BY %s, w", families[family].c_key);
}

void hs_rollup_cells_sql(enum hs_rollup_family family, const struct hs_rollup_window *window,
                         struct hs_str counted, struct hs_buf *out)
{
    add_insert(family, window->level, out);
    if (window->level != HS_LEVEL_1M)
        add_from_cells(family, window, out);
    else if (family == HS_ROLLUP_FAST)
        add_fast_from_rows(window, counted, out);
    else
        add_dim_from_rows(window, counted, out);
}

void hs_rollup_zeros_sql(enum hs_rollup_family family, const struct hs_rollup_window *window,
                         struct hs_buf *out)
{
    add_insert(family, window->level, out);
    hs_buf_addf(out, "SELECT %s, c.t, " ZERO_CELLS ", toUInt64(%llu) ", families[family].c_key,
                (unsigned long long)window->version);
    add_cells_where(family, window->level, window, out);
    hs_buf_addf(out, " AND c.version < %llu AND c.count > 0 GROUP BY %s, c.t",
                (unsigned long long)window->version, families[family].c_key);
}
