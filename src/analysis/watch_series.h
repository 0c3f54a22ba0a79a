/*
 * One series that is watched: a metric of a service, minute by minute, against what is normal at
 * that hour. Decides when it is anomalous and when it is normal again; what that means for people
 * is watch.h's.
 *
 * Judged is a numerator over a denominator: errors of executions, executions of minutes. A minute
 * that is part of an anomaly, or may be, is not learnt, unless that hour was not for three days.
 */
#ifndef HS_ANALYSIS_WATCH_SERIES_H
#define HS_ANALYSIS_WATCH_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/evidence.h"
#include "analysis/rate_baseline.h"

enum hs_watch_metric {
    HS_WATCH_VOLUME,       /* executions a minute: fewer */
    HS_WATCH_ERROR_RATE,   /* errors ÷ executions */
    HS_WATCH_LATENCY,      /* executions slower than 1.25 times the usual p99 of the hour */
    HS_WATCH_ZERO_RESULTS, /* zero results ÷ answered searches */
    HS_WATCH_CTR,          /* clicked ÷ shown intents, settled: fewer */
    HS_WATCH_METRICS,
};

/* "volume", "error_rate", "latency_p99", "zero_result_rate", "ctr" */
const char *hs_watch_metric_name(enum hs_watch_metric metric);

struct hs_watch_series {
    enum hs_watch_metric metric;
    struct hs_rate_baseline baseline;
    struct hs_evidence evidence;
    double recent_observed, recent_expected; /* numerators of the last hour or two */
    bool open;
    int64_t muted_until_s;               /* it does not open before */
    int64_t start_s, opened_s;           /* while open */
    double open_observed, open_expected; /* of the last two hours of an anomaly, as numerators */
    /* Of the last minute that was judged, as a rate: for people. */
    int64_t minute_s;
    double value, expected, low, high, z;
};

enum hs_watch_change { HS_WATCH_SAME, HS_WATCH_OPENS, HS_WATCH_CLOSES };

struct hs_watch_minute {
    int64_t minute_s, local_s; /* UTC and local, s since the epoch */
    double numerator, denominator;
    double explained; /* volume: the share of what is expected that is known not to come, 0…1 */
    bool hold;        /* judged, but may not open */
};

void hs_watch_series_init(struct hs_watch_series *series, enum hs_watch_metric metric);
/* Learns a stretch of `minutes` without judging it. */
void hs_watch_series_train(struct hs_watch_series *series, int64_t local_s, double minutes,
                           double numerator, double denominator);
/* The rate that is normal at that time, with its recent level; 0: nothing is known. */
double hs_watch_series_normal(const struct hs_watch_series *series, int64_t local_s);
/* Judges a minute, then learns it unless it may be part of an anomaly. threshold: in nats. */
enum hs_watch_change hs_watch_series_push(struct hs_watch_series *series,
                                          const struct hs_watch_minute *minute, double threshold);
/* Closes, and forgets the evidence. */
void hs_watch_series_reset(struct hs_watch_series *series);
/* What it is now is the new normal: closes. */
void hs_watch_series_accept(struct hs_watch_series *series);
/* 0…1, 0.5 at the threshold: evidence ÷ (evidence + threshold). */
double hs_watch_series_score(const struct hs_watch_series *series, double threshold);

#endif
