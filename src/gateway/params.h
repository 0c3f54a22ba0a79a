/*
 * Query parameters of the metrics and of top queries. Pure: no request, no clock, no store.
 *
 * An error's text begins with the parameter and its value and says the rule:
 *     step=45s: is not a multiple of 60 s
 */
#ifndef HS_GATEWAY_PARAMS_H
#define HS_GATEWAY_PARAMS_H

#include <stdbool.h>

#include "gateway/facets.h"
#include "net/http_route.h"

enum {
    HS_GROUPS_MAX = 4,
    HS_FILTERS_MAX = 16,
    HS_FILTER_VALUES_MAX = 64, /* of one filter */
    HS_FILTER_VALUE_BYTES_MAX = 512,
    HS_SERVICES_MAX = 64,
    HS_STEP_MIN_S = 60,
    HS_POINTS_AUTO_MAX = 200,
    HS_POINTS_MAX = 11000,
    HS_RANGE_MAX_DAYS = 400,
    HS_TOP_LIMIT = 20,
    HS_TOP_LIMIT_MAX = 500,
    HS_CURSOR_BYTES_MAX = 512,
};

enum hs_filter_op { HS_FILTER_EQ, HS_FILTER_NE, HS_FILTER_IN };

struct hs_filter {
    struct hs_facet_ref field;
    enum hs_filter_op op;
    struct hs_str values[HS_FILTER_VALUES_MAX]; /* of IN; EQ and NE have one */
    size_t values_n;
};

enum hs_top_by { HS_TOP_COUNT, HS_TOP_ZERO_RESULTS, HS_TOP_ERRORS, HS_TOP_P95, HS_TOP_N };

/* Views into the values that were parsed. */
struct hs_params {
    int64_t from_ns, to_ns;
    int64_t step_s; /* 0: auto */
    struct hs_facet_ref groups[HS_GROUPS_MAX];
    size_t groups_n;
    struct hs_filter filters[HS_FILTERS_MAX + 2]; /* those of service= and environment= come last */
    size_t filters_n;
    bool series;
    enum hs_top_by by;
    size_t limit;
    struct hs_str cursor;
};

enum hs_params_kind { HS_PARAMS_METRICS, HS_PARAMS_TOP, HS_PARAMS_DEGRADED };

/* HS_EINVAL: a bad, repeated or unknown parameter. `key` is known and ignored: it authenticates. */
int hs_params_parse(enum hs_params_kind kind, const struct hs_http_param *pairs, size_t pairs_n,
                    int64_t now_ns, struct hs_params *out, struct hs_err *err);

const char *hs_top_by_name(enum hs_top_by by);

/* The range that is really answered: [from, to) snapped outward to whole steps. */
struct hs_range {
    int64_t from_s, to_s;
    int64_t step_s;
};

/* With series the step is whole buckets, without it 60 s; grain_s is the coarsest step that the
 * range's age leaves (plan.h). HS_EINVAL: more than HS_POINTS_MAX points, a step that is no
 * multiple of the grain, or an end past HS_TIME_END_S. */
int hs_params_range(const struct hs_params *params, int64_t grain_s, struct hs_range *out,
                    struct hs_err *err);

#endif
