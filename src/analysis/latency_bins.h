/*
 * Latencies as counts by size: eight bins a doubling, from 2^-3 ms on; the last one is open.
 */
#ifndef HS_ANALYSIS_LATENCY_BINS_H
#define HS_ANALYSIS_LATENCY_BINS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum { HS_LATENCY_BINS = 192 /* up to 2^21 ms, 35 min */ };

struct hs_latency_bins {
    double counts[HS_LATENCY_BINS];
    double n;
};

/* Where a latency (>= 0 ms) belongs. */
size_t hs_latency_bin(double ms);
/* The lower edge of a bin. */
double hs_latency_bin_ms(size_t bin);
/* Adds ClickHouse's state of quantilesBFloat16Weighted as its bytes (varint n, then n times the
 * upper half of a Float32 and a weight of 64 bits). HS_ECORRUPT: it is none. */
int hs_latency_bins_add_state(struct hs_latency_bins *bins, struct hs_str state,
                              struct hs_err *err);
void hs_latency_bins_add(struct hs_latency_bins *bins, const struct hs_latency_bins *other);
void hs_latency_bins_scale(struct hs_latency_bins *bins, double factor);
/* The value that a share `level` lies below, between the edges of its bin; 0: there are none. */
double hs_latency_bins_quantile(const struct hs_latency_bins *bins, double level);
/* How many lie in this bin or above. */
double hs_latency_bins_from(const struct hs_latency_bins *bins, size_t bin);

#endif
