/*
 * What the watch is fed with, read from the store: minutes and hours of all services of all
 * tenants.
 */
#ifndef HS_ENGINE_ANOMALY_ROWS_H
#define HS_ENGINE_ANOMALY_ROWS_H

#include "analysis/watch.h"
#include "engine/loader.h"

/* In the order of start, tenant, service and environment. Everything lies in the arena. */
struct hs_anomaly_row {
    int64_t start_s;
    struct hs_str tenant;
    struct hs_watch_row row;
};

struct hs_anomaly_rows {
    struct hs_anomaly_row *at;
    size_t n;
};

struct hs_anomaly_settled {
    int64_t start_s;
    struct hs_str tenant;
    struct hs_watch_settled row;
};

struct hs_anomaly_settled_rows {
    struct hs_anomaly_settled *at;
    size_t n;
};

/* Minutes or hours that begin in [from_s, to_s). */
struct hs_anomaly_range {
    int64_t from_s, to_s;
    bool detail; /* of minutes: with hosts and actions, from raw rows */
};

/* Minutes of the fast rollup. Errors as of hs_analytics_query. @blocks */
int hs_anomaly_minutes(const struct hs_loader_deps *deps, const struct hs_anomaly_range *range,
                       struct hs_arena *arena, struct hs_anomaly_rows *out, struct hs_err *err);
/* Hours of the fast rollup, with the clicks of the behaviour rollup as actions. */
int hs_anomaly_hours(const struct hs_loader_deps *deps, const struct hs_anomaly_range *range,
                     struct hs_arena *arena, struct hs_anomaly_rows *out, struct hs_err *err);
/* Shown and clicked intents, by minute or by hour. */
int hs_anomaly_settled_minutes(const struct hs_loader_deps *deps,
                               const struct hs_anomaly_range *range, struct hs_arena *arena,
                               struct hs_anomaly_settled_rows *out, struct hs_err *err);
int hs_anomaly_settled_hours(const struct hs_loader_deps *deps,
                             const struct hs_anomaly_range *range, struct hs_arena *arena,
                             struct hs_anomaly_settled_rows *out, struct hs_err *err);

#endif
