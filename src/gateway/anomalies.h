/*
 * Query parameters of the list of anomalies. Pure.
 */
#ifndef HS_GATEWAY_ANOMALIES_H
#define HS_GATEWAY_ANOMALIES_H

#include "analysis/watch_json.h"
#include "net/http_route.h"

/* Views into the values that were parsed; empty: any. */
struct hs_incidents_params {
    int64_t from_ns, to_ns; /* incidents that overlap this */
    struct hs_str service, metric, type, state;
    size_t limit;
    struct hs_str cursor;
};

/* HS_EINVAL: a bad or unknown parameter; the text begins with it. */
int hs_incidents_params_parse(const struct hs_http_param *pairs, size_t n, int64_t now_ns,
                              struct hs_incidents_params *out, struct hs_err *err);

#endif
