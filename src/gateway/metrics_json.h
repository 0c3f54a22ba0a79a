/*
 * The answer of a metrics request (design §7), written from what fold.h made of the rows:
 *
 *     {"from": …, "to": …, "step_s": 60, "group_by": ["service"], "table": "fast",
 *      "groups": [{"key": {"service": "web"}, "count": …, …, "series": {"t": […], "count": […],
 * …}}],      "total": {"count": …, …}}
 *
 * A series has a value for each step of the range, but not for steps that begin after now: counts
 * are 0 where nothing happened, measures null.
 */
#ifndef HS_GATEWAY_METRICS_JSON_H
#define HS_GATEWAY_METRICS_JSON_H

#include "base/json_out.h"
#include "gateway/fold.h"
#include "gateway/metrics_sql.h"
#include "model/table.h"

enum hs_metrics_kind {
    HS_METRICS_LATENCY,
    HS_METRICS_RELEVANCE,
    HS_METRICS_ERRORS,
    HS_METRICS_SUMMARY,
    HS_METRICS_KIND_N
};

const char *hs_metrics_kind_name(enum hs_metrics_kind kind);
/* The measures that a statement must have. */
unsigned hs_metrics_kind_measures(enum hs_metrics_kind kind);

struct hs_metrics_answer {
    enum hs_metrics_kind kind;
    const struct hs_params *params;
    const struct hs_range *range;
    enum hs_metrics_table table;
    int64_t now_s;
    const struct hs_table *rows; /* has the keys of the groups */
    const struct hs_fold *fold;
};

/* HS_ELIMIT: out is full. */
int hs_metrics_json(const struct hs_metrics_answer *answer, struct hs_buf *out, struct hs_err *err);

#endif
