/*
 * What follows what: values become one of 16 symbols over the range seen so far, and a symbol is
 * unexpected where it never followed the symbols before it.
 *
 * The range grows by doubling the width of a symbol; what was learnt is kept, two old symbols to
 * one new. No heap.
 */
#ifndef HS_ANALYSIS_TRANSITIONS_H
#define HS_ANALYSIS_TRANSITIONS_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_TRANSITIONS_SYMBOLS = 16, HS_TRANSITIONS_ORDERS = 3 };

struct hs_transitions {
    double low, width; /* of the first symbol; width 0: all values so far are `low` */
    bool any;
    int last, before_last; /* symbols; -1: none yet */
    /* Bit s: symbol s was seen; after the last symbol; after the last two. */
    uint16_t seen;
    uint16_t after_one[HS_TRANSITIONS_SYMBOLS];
    uint16_t after_two[HS_TRANSITIONS_SYMBOLS][HS_TRANSITIONS_SYMBOLS];
};

void hs_transitions_init(struct hs_transitions *transitions);
/* In how many of the contexts of the last 0, 1 and 2 symbols the value (finite) is unexpected,
 * 0…HS_TRANSITIONS_ORDERS; a context that was never there expects anything. Then learns it. */
int hs_transitions_push(struct hs_transitions *transitions, double value);

#endif
