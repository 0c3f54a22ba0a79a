#include "analysis/latency_bins.h"

#include <math.h>

static const double bins_per_doubling = 8;
static const double first_exponent = -3;

size_t hs_latency_bin(double ms)
{
    double bin = floor((log2(ms) - first_exponent) * bins_per_doubling);

    return ms > 0 ? (size_t)fmin(fmax(bin, 0), HS_LATENCY_BINS - 1) : 0;
}

double hs_latency_bin_ms(size_t bin)
{
    return exp2(first_exponent + (double)bin / bins_per_doubling);
}

void hs_latency_bins_add(struct hs_latency_bins *bins, const struct hs_latency_bins *other)
{
    size_t i;

    for (i = 0; i < HS_LATENCY_BINS; i++)
        bins->counts[i] += other->counts[i];
    bins->n += other->n;
}

void hs_latency_bins_scale(struct hs_latency_bins *bins, double factor)
{
    size_t i;

    for (i = 0; i < HS_LATENCY_BINS; i++)
        bins->counts[i] *= factor;
    bins->n *= factor;
}

double hs_latency_bins_quantile(const struct hs_latency_bins *bins, double level)
{
    double wanted = level * bins->n;
    double below = 0;
    size_t i;

    if (bins->n <= 0)
        return 0;
    for (i = 0; i + 1 < HS_LATENCY_BINS && below + bins->counts[i] < wanted; i++)
        below += bins->counts[i];
    if (bins->counts[i] <= 0)
        return hs_latency_bin_ms(i);
    return hs_latency_bin_ms(i) * exp2((wanted - below) / bins->counts[i] / bins_per_doubling);
}

double hs_latency_bins_from(const struct hs_latency_bins *bins, size_t bin)
{
    double n = 0;
    size_t i;

    for (i = bin; i < HS_LATENCY_BINS; i++)
        n += bins->counts[i];
    return n;
}
