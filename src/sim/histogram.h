/*
 * Durations counted in buckets of at most 0.8 % width: quantiles of any number of measurements in
 * fixed memory. Not thread-safe.
 */
#ifndef HS_SIM_HISTOGRAM_H
#define HS_SIM_HISTOGRAM_H

#include <stdint.h>

enum { HS_SIM_HISTOGRAM_BUCKETS = 58 * 128 };

struct hs_sim_histogram {
    uint64_t buckets[HS_SIM_HISTOGRAM_BUCKETS];
    uint64_t n;
    int64_t max;
};

/* Negative values count as 0. */
void hs_sim_histogram_add(struct hs_sim_histogram *histogram, int64_t v, uint64_t times);
/* The upper end of the bucket of rank ceil(q * n), never beyond the largest value; 0 when empty. */
int64_t hs_sim_histogram_quantile(const struct hs_sim_histogram *histogram, double q);

#endif
