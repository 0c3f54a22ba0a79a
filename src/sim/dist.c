#include "sim/dist.h"

#include <math.h>

#include "base/mem.h"

void hs_sim_alias_init(struct hs_sim_alias *alias, const double *weights, size_t n)
{
    uint32_t *small = hs_xcalloc(n, sizeof(*small));
    uint32_t *large = hs_xcalloc(n, sizeof(*large));
    size_t small_n = 0, large_n = 0, i;
    double sum = 0;

    HS_ASSERT(n > 0 && n < UINT32_MAX);
    alias->keep = hs_xcalloc(n, sizeof(*alias->keep));
    alias->instead = hs_xcalloc(n, sizeof(*alias->instead));
    alias->n = n;
    for (i = 0; i < n; i++)
        sum += weights[i];
    HS_ASSERT(sum > 0);
    for (i = 0; i < n; i++) {
        alias->keep[i] = weights[i] * (double)n / sum;
        if (alias->keep[i] < 1)
            small[small_n++] = (uint32_t)i;
        else
            large[large_n++] = (uint32_t)i;
    }
    while (small_n > 0 && large_n > 0) {
        uint32_t low = small[--small_n];
        uint32_t high = large[large_n - 1];

        alias->instead[low] = high;
        alias->keep[high] -= 1 - alias->keep[low];
        if (alias->keep[high] < 1)
            small[small_n++] = large[--large_n];
    }
    while (large_n > 0)
        alias->keep[large[--large_n]] = 1;
    while (small_n > 0)
        alias->keep[small[--small_n]] = 1; /* left over by rounding */
    hs_free(small);
    hs_free(large);
}

void hs_sim_alias_fini(struct hs_sim_alias *alias)
{
    if (!alias)
        return;
    hs_free(alias->keep);
    hs_free(alias->instead);
    *alias = (struct hs_sim_alias){0};
}

size_t hs_sim_alias_pick(const struct hs_sim_alias *alias, struct hs_rand *rand)
{
    double at = hs_rand_double(rand) * (double)alias->n;
    size_t i = (size_t)at;

    if (i >= alias->n)
        i = alias->n - 1;
    return at - (double)i < alias->keep[i] ? i : alias->instead[i];
}

void hs_sim_zipf_init(struct hs_sim_alias *alias, size_t n, double exponent)
{
    double *weights = hs_xcalloc(n, sizeof(*weights));
    size_t i;

    for (i = 0; i < n; i++)
        weights[i] = pow((double)(i + 1), -exponent);
    hs_sim_alias_init(alias, weights, n);
    hs_free(weights);
}

double hs_sim_exponential(struct hs_rand *rand, double mean)
{
    return -mean * log1p(-hs_rand_double(rand));
}

double hs_sim_latency_draw(const struct hs_sim_latency *latency, struct hs_rand *rand)
{
    if (hs_rand_double(rand) < latency->tail_share) {
        double u = 1 - hs_rand_double(rand); /* (0, 1] */

        return latency->median * latency->tail_from * pow(u, -1 / latency->tail_alpha);
    }
    return latency->median * exp(latency->sigma * hs_rand_normal(rand));
}

double hs_sim_latency_mean(const struct hs_sim_latency *latency)
{
    double body = exp(latency->sigma * latency->sigma / 2);
    double tail = latency->tail_from * latency->tail_alpha / (latency->tail_alpha - 1);

    return latency->median * ((1 - latency->tail_share) * body + latency->tail_share * tail);
}

uint64_t hs_sim_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

double hs_sim_mix_unit(uint64_t x)
{
    return (double)(hs_sim_mix(x) >> 11) * 0x1p-53;
}
