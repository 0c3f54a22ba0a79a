/*
 * A weighted histogram of 16-bit floats, and ClickHouse's state of quantilesBFloat16Weighted as it
 * comes out of a table, so that the gateway merges states itself (docs/adr/0006).
 *
 *     state = varint n, then n times: u16 the upper half of a Float32, u64 its weight
 *             (little-endian, in no order)
 *
 * Weights stand in an array that a value's place in the order of numbers indexes, and bits say
 * which places are taken, so that few values cost little. Quantiles are those of ClickHouse: the
 * least value whose weight and that of all below reach level times the whole, rounded up. Pure.
 */
#ifndef HS_GATEWAY_HIST_H
#define HS_GATEWAY_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { HS_HIST_PLACES = 1 << 16, HS_HIST_WORDS = HS_HIST_PLACES / 64 };

struct hs_hist {
    uint64_t *weight;              /* HS_HIST_PLACES; owned */
    uint64_t taken[HS_HIST_WORDS]; /* places with a weight */
    uint64_t total;
    size_t from, to; /* words outside of [from, to) are 0 */
};

void hs_hist_init(struct hs_hist *hist);
void hs_hist_fini(struct hs_hist *hist);
void hs_hist_reset(struct hs_hist *hist);

/* Adds a state. HS_ECORRUPT: it is none; then part of it may have been added. */
int hs_hist_add_state(struct hs_hist *hist, struct hs_str state, struct hs_err *err);
void hs_hist_add(struct hs_hist *hist, const struct hs_hist *other);
/* levels: ascending. Writes one value for each; false, and nothing written, when there is no
 * weight. */
bool hs_hist_quantiles(const struct hs_hist *hist, const double *levels, size_t n, double *out);

#endif
