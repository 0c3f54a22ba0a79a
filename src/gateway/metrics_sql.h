/*
 * The statement that answers a metrics request.
 *
 * A row is what is known of a group in one point of the series, or in a part of it: fold.c adds
 * them up. Columns: t (start of the point, seconds; 0 without series), k0…, then those of the
 * wanted measures, their names with "_" at the end. The rows are in no order.
 *
 * Every value from outside is a query parameter; names of columns come from facets.c.
 */
#ifndef HS_GATEWAY_METRICS_SQL_H
#define HS_GATEWAY_METRICS_SQL_H

#include "base/arena.h"
#include "base/buf.h"
#include "gateway/params.h"
#include "gateway/plan.h"
#include "port/analytics.h"

enum { HS_SQL_PARAMS_MAX = 512, HS_SQL_PARAM_NAME_MAX = 16, HS_METRIC_ROWS_MAX = 200000 };

/* What a statement computes beside count and weighted_count. */
enum hs_measure {
    HS_MEASURE_ERRORS = 1 << 0,  /* errors, timeouts, partials, cancelled */
    HS_MEASURE_CODES = 1 << 1,   /* by_code */
    HS_MEASURE_LATENCY = 1 << 2, /* latency_count, latency_sum_ms, latency_max_ms, latency_state */
    HS_MEASURE_ZERO = 1 << 3,    /* searches, zero_results */
    HS_MEASURE_SCORE = 1 << 4,   /* scored, score_sum, score_state */
    HS_MEASURE_BEHAVIOUR = 1 << 5, /* the columns of model/behaviour.h */
};

/* A statement under construction. Names of parameters live in it, so it must not move. */
struct hs_sql {
    struct hs_buf text;
    struct hs_param params[HS_SQL_PARAMS_MAX];
    char names[HS_SQL_PARAMS_MAX][HS_SQL_PARAM_NAME_MAX];
    size_t params_n;
};

void hs_sql_init(struct hs_sql *sql);
void hs_sql_fini(struct hs_sql *sql);
/* Appends {pN:String} and keeps the value, which is borrowed. Past HS_SQL_PARAMS_MAX the text is
 * marked as failed. */
void hs_sql_value(struct hs_sql *sql, struct hs_str value);
/* Appends " AND …" for each filter, on columns of haystat.searches. */
void hs_sql_raw_filters(struct hs_sql *sql, const struct hs_params *params);

enum hs_metrics_table { HS_METRICS_FAST, HS_METRICS_DIM, HS_METRICS_RAW };

/* Where a request is answered from. For DIM, *out_dim is the dimension. */
enum hs_metrics_table hs_metrics_table(const struct hs_params *params,
                                       struct hs_facet_ref *out_dim);

/* Whether the fields of a request are known of intents. */
bool hs_metrics_of_intents(const struct hs_params *params);

struct hs_metrics_ask {
    const struct hs_params *params;
    const struct hs_range *range;
    const struct hs_plan *plan;      /* FAST and DIM */
    const struct hs_plan *behaviour; /* the same of the behaviour rollup */
    struct hs_str counted;           /* RAW: condition of port/source.h */
    struct hs_str tenant;
    unsigned measures; /* set of enum hs_measure */
};

void hs_metrics_sql(const struct hs_metrics_ask *ask, struct hs_sql *sql);

#endif
