/*
 * Distributions for simulated traffic, on top of base/rand.h: equal seeds give equal values.
 * Pure; a generator of random numbers belongs to one thread.
 */
#ifndef HS_SIM_DIST_H
#define HS_SIM_DIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"

/* Picks 0…n-1 with given weights in constant time (Vose's alias method). */
struct hs_sim_alias {
    double *keep;      /* owned */
    uint32_t *instead; /* owned */
    size_t n;
};

/* weights: n > 0 numbers >= 0 with a positive sum; borrowed for the call. */
void hs_sim_alias_init(struct hs_sim_alias *alias, const double *weights, size_t n);
void hs_sim_alias_fini(struct hs_sim_alias *alias);
size_t hs_sim_alias_pick(const struct hs_sim_alias *alias, struct hs_rand *rand);

/* Weights 1 / (rank + 1)^exponent of Zipf's law for ranks 0…n-1. */
void hs_sim_zipf_init(struct hs_sim_alias *alias, size_t n, double exponent);

/* Mean `mean`. */
double hs_sim_exponential(struct hs_rand *rand, double mean);

/*
 * Latency as services have it: a log-normal body and, for a share of the requests, a Pareto tail
 * that begins at a multiple of the median.
 */
struct hs_sim_latency {
    double median;
    double sigma;      /* of the logarithm */
    double tail_share; /* 0…1 */
    double tail_from;  /* the tail's least value, in medians */
    double tail_alpha; /* > 1; smaller is heavier */
};

double hs_sim_latency_draw(const struct hs_sim_latency *latency, struct hs_rand *rand);
double hs_sim_latency_mean(const struct hs_sim_latency *latency);

/* A well mixed 64-bit function of x (splitmix64's finaliser): properties of a query or a document
 * that must be the same each time. */
uint64_t hs_sim_mix(uint64_t x);
/* The same as a number in [0, 1). */
double hs_sim_mix_unit(uint64_t x);

#endif
