/*
 * How far a value is from everything seen before: a memory of distinct values and the distance to
 * the nearest one.
 *
 * The memory is bounded: when it is full, values closer to their neighbour than the median gap are
 * left out, so that what is told of a new value errs by at most that gap, and least where values
 * are rare.
 */
#ifndef HS_ANALYSIS_NOVELTY_H
#define HS_ANALYSIS_NOVELTY_H

#include <stddef.h>

enum {
    HS_NOVELTY_BLOCK = 128,
    HS_NOVELTY_VALUES_MAX = 16384, /* a benchmark series of 16,000 rows loses nothing */
};

struct hs_novelty_block {
    double values[HS_NOVELTY_BLOCK]; /* ascending */
    size_t n;                        /* > 0 */
};

struct hs_novelty {
    struct hs_novelty_block **blocks; /* owned; ascending, disjoint */
    size_t blocks_n, blocks_max;
    size_t values_n;
};

void hs_novelty_init(struct hs_novelty *novelty);
void hs_novelty_fini(struct hs_novelty *novelty);
/* The distance of a finite value to the nearest earlier one, >= 0, or a negative number for the
 * first; the value is then an earlier one. */
double hs_novelty_push(struct hs_novelty *novelty, double value);

#endif
