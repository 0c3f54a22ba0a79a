#include "analysis/latency_bins.h"

#include <math.h>

#include "base/reader.h"

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

int hs_latency_bins_add_state(struct hs_latency_bins *bins, struct hs_str state, struct hs_err *err)
{
    struct hs_reader reader = hs_reader_of(state);
    uint64_t n = hs_reader_varint(&reader);
    uint64_t i;

    for (i = 0; i < n && hs_reader_ok(&reader); i++) {
        struct hs_str upper = hs_reader_bytes(&reader, sizeof(uint16_t));
        struct hs_str weight_bytes = hs_reader_bytes(&reader, sizeof(uint64_t));
        uint32_t bits = 0;
        uint64_t weight;
        float ms;

        if (!hs_reader_ok(&reader))
            break;
        memcpy((char *)&bits + 2, upper.p, sizeof(uint16_t));
        memcpy(&ms, &bits, sizeof(ms));
        memcpy(&weight, weight_bytes.p, sizeof(weight));
        if (!(ms >= 0))
            continue;
        bins->counts[hs_latency_bin((double)ms)] += (double)weight;
        bins->n += (double)weight;
    }
    if (!hs_reader_ok(&reader) || !hs_reader_at_end(&reader))
        return hs_err_set(err, HS_ECORRUPT, 0, "a latency state of %zu bytes does not parse",
                          state.n);
    return HS_OK;
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
