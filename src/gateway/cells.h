/* One row of a metrics statement, and what is said of a cell. */
#ifndef HS_GATEWAY_CELLS_H
#define HS_GATEWAY_CELLS_H

#include "base/json_out.h"
#include "model/behaviour.h"
#include "model/table.h"

enum { HS_LATENCY_QUANTILES = 4, HS_SCORE_QUANTILES = 5 };

struct hs_code_count {
    struct hs_str code;
    uint64_t count;
};

/* Columns that a statement lacks are 0 or NULL. */
struct hs_cell {
    uint64_t count;
    double weighted_count;
    uint64_t errors, timeouts, partials, cancelled;
    uint64_t latency_count;
    double latency_sum_ms, latency_max_ms;
    const double *latency; /* p50, p90, p95, p99; NULL: no latency */
    uint64_t searches, zero_results, scored;
    double score_sum;
    const double *score; /* p5, p25, p50, p75, p95; NULL: no score */
    const struct hs_code_count *codes;
    size_t codes_n;
    uint64_t behaviour[HS_BEHAVIOUR_COUNTS];
    double behaviour_sums[HS_BEHAVIOUR_SUMS];
    const double *time_to_click; /* p50, p90, p95, p99; NULL: no click */
};

/* Columns of a table by name, looked up once. */
struct hs_cell_reader {
    const struct hs_column *count, *weighted_count, *errors, *timeouts, *partials, *cancelled,
        *error_codes, *latency_count, *latency_sum_ms, *latency_max_ms, *latency_state, *searches,
        *zero_results, *scored, *score_sum, *score_state;
    const struct hs_column *behaviour[HS_BEHAVIOUR_COUNTS]; /* NULL: without behaviour */
    const struct hs_column *behaviour_sums[HS_BEHAVIOUR_SUMS];
    const struct hs_column *time_to_click_state;
};

/* HS_ECORRUPT: no count, or a column of another kind than it should be. */
int hs_cell_reader_init(struct hs_cell_reader *reader, const struct hs_table *table,
                        struct hs_err *err);
/* What of a row can be added up as it is: the states and codes are read by fold.c. */
void hs_cell_read(const struct hs_cell_reader *reader, size_t row, struct hs_cell *out);

/* Members of the open object: the totals of each endpoint. */
void hs_cell_latency(struct hs_json *json, const struct hs_cell *cell);
void hs_cell_errors(struct hs_json *json, const struct hs_cell *cell);
void hs_cell_relevance(struct hs_json *json, const struct hs_cell *cell);
void hs_cell_summary(struct hs_json *json, const struct hs_cell *cell);

/* A column of a series: writes one value. */
typedef void hs_cell_value_fn(struct hs_json *json, const struct hs_cell *cell);
struct hs_series_column {
    const char *name;
    hs_cell_value_fn *fn;
};
/* Ended by a row without a name. */
extern const struct hs_series_column hs_series_latency[];
extern const struct hs_series_column hs_series_errors[];
extern const struct hs_series_column hs_series_relevance[];
extern const struct hs_series_column hs_series_summary[];

#endif
