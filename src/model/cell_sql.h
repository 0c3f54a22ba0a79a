/*
 * What the metrics are, as SQL: the definitions of docs/metrics.md in one place, used by the
 * rollups and by the gateway where it has to read raw rows.
 *
 * A cell is what the fast rollups keep for a key and a window. Percentiles come from states of
 * quantilesBFloat16Weighted, which keeps the upper 16 bits of each value as Float32: a percentile
 * is at most 0.8 % below the exact value at its rank. States are kept and passed on as their bytes
 * (gateway/hist.h says how these look).
 */
#ifndef HS_MODEL_CELL_SQL_H
#define HS_MODEL_CELL_SQL_H

#define HS_SQL_LATENCY_LEVELS "0.5, 0.9, 0.95, 0.99"
#define HS_SQL_SCORE_LEVELS "0.05, 0.25, 0.5, 0.75, 0.95"

/* The bytes of the state that merges those of many rows. */
#define HS_SQL_MERGED_STATE(levels, column)                                                        \
    "CAST(quantilesBFloat16WeightedMergeState(" levels ")(CAST(" column                            \
    " AS AggregateFunction(quantilesBFloat16Weighted(" levels "), Float64, UInt64))) AS String)"
/* The bytes of a state of the rows for which a condition holds. */
#define HS_SQL_STATE(levels, value, condition)                                                     \
    "CAST(quantilesBFloat16WeightedStateIf(" levels ")(" value ", " condition ") AS String)"

#define HS_SQL_CELL_COLUMNS                                                                        \
    "count, weighted_count, errors, timeouts, partials, cancelled, error_codes, latency_count, "   \
    "latency_sum_ms, latency_max_ms, latency_state, searches, zero_results, scored, score_sum, "   \
    "score_state"

/* Latency includes timeouts and excludes cancelled; a search counts for zero results when it was
 * answered and says how many results it had (docs/metrics.md). */
#define HS_SQL_CELLS_FROM_ROWS                                                                     \
    "count() AS count, sum(sample_weight) AS weighted_count, countIf(failed) AS errors, "          \
    "countIf(status = 'timeout') AS timeouts, countIf(status = 'partial') AS partials, "           \
    "countIf(status = 'cancelled') AS cancelled, "                                                 \
    "sumMapIf(map(error_key, toUInt64(1)), failed) AS error_codes, "                               \
    "countIf(timed) AS latency_count, sumIf(ms, timed) AS latency_sum_ms, "                        \
    "maxIf(ms, timed) AS latency_max_ms, " HS_SQL_STATE(                                           \
        HS_SQL_LATENCY_LEVELS, "ms, weight",                                                       \
        "timed") " AS latency_state, "                                                             \
                 "countIf(answered) AS searches, countIf(answered AND hits = 0) AS zero_results, " \
                 "countIf(has_score) AS scored, sumIf(top_score, has_score) AS "                   \
                 "score_sum, " HS_SQL_STATE(HS_SQL_SCORE_LEVELS, "top_score, weight",              \
                                            "has_score") " AS score_state"

#define HS_SQL_CELLS_FROM_CELLS                                                                    \
    "sum(c.count) AS count, sum(c.weighted_count) AS weighted_count, sum(c.errors) AS errors, "    \
    "sum(c.timeouts) AS timeouts, sum(c.partials) AS partials, sum(c.cancelled) AS cancelled, "    \
    "sumMap(c.error_codes) AS error_codes, sum(c.latency_count) AS latency_count, "                \
    "sum(c.latency_sum_ms) AS latency_sum_ms, max(c.latency_max_ms) AS "                           \
    "latency_max_ms, " HS_SQL_MERGED_STATE(                                                        \
        HS_SQL_LATENCY_LEVELS,                                                                     \
        "c.latency_state") " AS latency_state, "                                                   \
                           "sum(c.searches) AS searches, sum(c.zero_results) AS zero_results, "    \
                           "sum(c.scored) AS scored, "                                             \
                           "sum(c.score_sum) AS score_sum, " HS_SQL_MERGED_STATE(                  \
                               HS_SQL_SCORE_LEVELS, "c.score_state") " AS score_state"

/* A state of nothing is one byte, its number of values. */
#define HS_SQL_ZERO_CELLS "0, 0, 0, 0, 0, 0, map(), 0, 0, 0, char(0), 0, 0, 0, 0, char(0)"

/* What the cells are computed from, for one raw row. */
#define HS_SQL_ROW_COLUMNS                                                                         \
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

/* The columns that are dimensions, and (dimension, value) of each. */
#define HS_SQL_DIMENSIONS "version, index, ranker, region, locale, application"
#define HS_SQL_DIMENSION_PAIRS                                                                     \
    "[('version', version), ('index', index), ('ranker', ranker), ('region', region), "            \
    "('locale', locale), ('application', application)]"
/* The same of the experiments, of which a row has any number. */
#define HS_SQL_EXPERIMENT_PAIRS                                                                    \
    "arrayMap((k, v) -> ('experiment', concat(k, ':', v)), mapKeys(experiments), "                 \
    "mapValues(experiments))"

#endif
