/*
 * What the metrics must be for what was generated: exact counts and exact latencies by service and
 * version, and counts a minute, by the definitions of model/cell_sql.h. Pure.
 *
 * Latencies are whole microseconds, counted by value, so quantiles are exact.
 */
#ifndef HS_SIM_TRUTH_H
#define HS_SIM_TRUTH_H

#include "base/json_out.h"
#include "sim/gen.h"

struct hs_sim_counts {
    uint64_t executions, errors /* timeouts too */, timeouts, partials, cancelled;
    uint64_t answered, zero_results; /* of kind search, with a known number of hits */
    uint64_t latency_count;          /* cancelled ones have none */
};

struct hs_sim_truth;

/* from_us: no search begins before it; minutes are kept up to minutes_max after it. */
struct hs_sim_truth *hs_sim_truth_new(int64_t from_us, size_t minutes_max);
void hs_sim_truth_free(struct hs_sim_truth *truth); /* NULL is a no-op */
void hs_sim_truth_add(struct hs_sim_truth *truth, const struct hs_sim_item *item);

/* Of one service, of all versions with version = -1; all services with service = -1. */
void hs_sim_truth_counts(const struct hs_sim_truth *truth, int service, int version,
                         struct hs_sim_counts *out);
/* The latency in ms at rank ceil(q * n), 0 <= q <= 1, of a service's version or of all (-1); -1
 * when there are none. */
double hs_sim_truth_quantile(struct hs_sim_truth *truth, int service, int version, double q);

/* Searches that began outside the minutes kept; their counts are in the totals. */
uint64_t hs_sim_truth_outside(const struct hs_sim_truth *truth);

/* Adds the keys "totals", "services" and "minutes" to an open object:
 *   totals, services[]  {service, executions, errors, …, latency_ms: {p50: {low, exact, high}, …},
 *                        versions: [{version, …}]}
 *   low and high: the exact quantiles at ranks 0.1 % below and above
 *   minutes[]  {service, version, and columns of equal length: t (start, seconds since 1970),
 *               executions, errors, timeouts, answered, zero_results} */
void hs_sim_truth_write(struct hs_sim_truth *truth, struct hs_json *json);

#endif
