#include "sim/histogram.h"

#include <math.h>
#include <stddef.h>

#include "base/mem.h"

/* Values below 128 have a bucket each; above, the seven bits behind the highest tell the bucket. */
static size_t bucket_of(uint64_t v)
{
    unsigned exponent;

    if (v < 128)
        return (size_t)v;
    exponent = 63 - (unsigned)__builtin_clzll(v) - 7;
    return (size_t)(exponent + 1) * 128 + (size_t)(v >> exponent) - 128;
}

static uint64_t upper_end(size_t bucket)
{
    size_t exponent = bucket / 128;

    if (exponent < 2)
        return bucket;
    return ((bucket % 128 + 129) << (exponent - 1)) - 1;
}

void hs_sim_histogram_add(struct hs_sim_histogram *histogram, int64_t v, uint64_t times)
{
    v = HS_MAX(v, 0);
    histogram->buckets[bucket_of((uint64_t)v)] += times;
    histogram->n += times;
    histogram->max = HS_MAX(histogram->max, v);
}

int64_t hs_sim_histogram_quantile(const struct hs_sim_histogram *histogram, double q)
{
    uint64_t rank = (uint64_t)fmax(1, ceil(q * (double)histogram->n));
    uint64_t seen = 0;
    size_t i;

    if (histogram->n == 0)
        return 0;
    for (i = 0; i < HS_SIM_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank)
            return HS_MIN((int64_t)upper_end(i), histogram->max);
    }
    return histogram->max;
}
