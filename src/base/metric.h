/*
 * Our own metrics: counters, gauges and histograms, exposed in the Prometheus text format.
 *
 * A module declares a static `struct hs_metric` row (name with unit, type, help, at most three
 * label names from closed sets) and registers nothing by hand: the first use registers it.
 * Values of one label combination are created on first use and never removed;
 * HS_METRIC_SERIES_MAX bounds them, what is beyond goes to the combination "other". All calls:
 * @thread any; cheap, but not for the inside of a per-event loop: count in a local and add once
 * a batch.
 */
#ifndef HS_BASE_METRIC_H
#define HS_BASE_METRIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json_out.h"

enum { HS_METRIC_LABELS_MAX = 3, HS_METRIC_SERIES_MAX = 1000, HS_METRIC_BUCKETS_MAX = 24 };

enum hs_metric_type { HS_METRIC_COUNTER, HS_METRIC_GAUGE, HS_METRIC_HISTOGRAM };

struct hs_metric_series;

struct hs_metric {
    const char *name; /* hs_ingest_events_total */
    enum hs_metric_type type;
    const char *help;
    const char *labels[HS_METRIC_LABELS_MAX]; /* NULL-ended when fewer */
    const double *buckets;                    /* histogram: ascending upper bounds */
    unsigned buckets_n;
    /* private */
    struct hs_metric *next;
    struct hs_metric_series *series;
    unsigned series_n;
    atomic_bool registered;
};

/* Label values in the order of the row's labels; pass "" for labels the row lacks. */
#define HS_LABELS(...) ((const char *const[HS_METRIC_LABELS_MAX]){__VA_ARGS__})
#define HS_LABELS_NONE ((const char *const[HS_METRIC_LABELS_MAX]){NULL})

void hs_metric_add(struct hs_metric *metric, const char *const *labels, double v);
void hs_metric_set(struct hs_metric *metric, const char *const *labels, double v);
void hs_metric_observe(struct hs_metric *metric, const char *const *labels, double v);
/* The value of one combination (count of a histogram), 0 when never used. For tests and status. */
double hs_metric_get(struct hs_metric *metric, const char *const *labels);
/* Calls fn for each combination of a counter or gauge. `labels` are borrowed until fn returns. */
typedef void hs_metric_each_fn(void *arg, const char *const *labels, double v);
void hs_metric_each(struct hs_metric *metric, hs_metric_each_fn *fn, void *arg);
/* Writes a counter or gauge as one object: {"label.label": value}. */
void hs_metric_json(struct hs_metric *metric, struct hs_json *json);

/* Appends everything in the Prometheus text format 0.0.4, ordered by name. */
void hs_metric_expose(struct hs_buf *out);

/* Bucket bounds in seconds from 1 ms to 60 s, for durations. */
extern const double hs_metric_seconds[];
extern const unsigned hs_metric_seconds_n;

#endif
