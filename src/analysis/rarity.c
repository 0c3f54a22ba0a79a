#include "analysis/rarity.h"

#include <math.h>
#include <stddef.h>

#include "base/mem.h"

static const double bins_per_doubling = 8;

void hs_rarity_init(struct hs_rarity *rarity)
{
    *rarity = (struct hs_rarity){.n = 0};
}

static size_t bin_of(double deviation)
{
    double bin = floor(bins_per_doubling * log2(deviation)) + HS_RARITY_BINS / 2.0;

    return (size_t)fmin(fmax(bin, 0), HS_RARITY_BINS - 1);
}

double hs_rarity_push(struct hs_rarity *rarity, double deviation)
{
    size_t own;
    uint64_t at_least = 0;
    double value = 0;
    size_t i;

    HS_ASSERT(deviation >= 0);
    HS_ASSERT(isfinite(deviation));
    own = deviation > 0 ? bin_of(deviation) : 0;
    if (deviation > 0 && rarity->n >= HS_RARITY_WARM_UP) {
        for (i = own; i < HS_RARITY_BINS; i++)
            at_least += rarity->bins[i];
        value = log10((double)(rarity->n + 1) / ((double)at_least + 0.5));
    }
    rarity->bins[own]++;
    rarity->n++;
    return value;
}
