/*
 * How rare a deviation is among those that were there before, of any unit and any distribution.
 *
 * rarity = log10((n + 1) ÷ (c + 0.5)), where c of the n earlier deviations were at least as large,
 * to the width of a bin (an eighth of a doubling): 0 is common, 3 is one in a thousand. 0 for a
 * deviation of 0 and while n < HS_RARITY_WARM_UP. No heap.
 */
#ifndef HS_ANALYSIS_RARITY_H
#define HS_ANALYSIS_RARITY_H

#include <stdint.h>

enum { HS_RARITY_BINS = 480, HS_RARITY_WARM_UP = 50 };

struct hs_rarity {
    uint32_t bins[HS_RARITY_BINS]; /* deviations from 2^-30 to 2^30; outside: the nearest bin */
    uint64_t n;
};

void hs_rarity_init(struct hs_rarity *rarity);
/* The rarity of one more deviation (finite, >= 0), which is then among the earlier ones. */
double hs_rarity_push(struct hs_rarity *rarity, double deviation);

#endif
