#include "analysis/transitions.h"

#include <math.h>

#include "base/mem.h"

enum { SYMBOLS = HS_TRANSITIONS_SYMBOLS };

void hs_transitions_init(struct hs_transitions *transitions)
{
    *transitions = (struct hs_transitions){.last = -1, .before_last = -1};
}

/* ---- the range */

/* Two old symbols become one; they take the lower or the upper half of the new range. */
static int merged(int symbol, int shift)
{
    return symbol < 0 ? symbol : (symbol + shift) / 2;
}

static uint16_t merged_set(uint16_t set, int shift)
{
    uint16_t out = 0;
    int s;

    for (s = 0; s < SYMBOLS; s++) {
        if (set & (1U << s))
            out = (uint16_t)(out | (1U << merged(s, shift)));
    }
    return out;
}

static void widen(struct hs_transitions *transitions, bool down)
{
    struct hs_transitions old = *transitions;
    int shift = down ? SYMBOLS : 0;
    int a, b;

    hs_transitions_init(transitions);
    transitions->any = true;
    transitions->width = 2 * old.width;
    transitions->low = down ? old.low - SYMBOLS * old.width : old.low;
    transitions->last = merged(old.last, shift);
    transitions->before_last = merged(old.before_last, shift);
    transitions->seen = merged_set(old.seen, shift);
    for (a = 0; a < SYMBOLS; a++) {
        transitions->after_one[merged(a, shift)] |= merged_set(old.after_one[a], shift);
        for (b = 0; b < SYMBOLS; b++)
            transitions->after_two[merged(a, shift)][merged(b, shift)] |=
                merged_set(old.after_two[a][b], shift);
    }
}

/* The second distinct value gives the width; from then on the range doubles until it holds the
 * value. Widths that a double cannot add to `low` end as one symbol. */
static void include(struct hs_transitions *transitions, double value)
{
    if (!transitions->any) {
        transitions->any = true;
        transitions->low = value;
    }
    if (transitions->width == 0 && value != transitions->low)
        transitions->width = fabs(value - transitions->low) * (1 + 1e-7) / SYMBOLS;
    while (transitions->width > 0 && isfinite(SYMBOLS * transitions->width) &&
           (value < transitions->low || value >= transitions->low + SYMBOLS * transitions->width))
        widen(transitions, value < transitions->low);
}

static int symbol_of(const struct hs_transitions *transitions, double value)
{
    double symbol;

    if (transitions->width == 0)
        return 0;
    symbol = floor((value - transitions->low) / transitions->width);
    return (int)fmin(fmax(symbol, 0), SYMBOLS - 1);
}

/* ---- contexts */

/* 1 when the context was there and this never followed. */
static int follow(uint16_t *context, int symbol)
{
    int unexpected = *context != 0 && !(*context & (1U << symbol));

    *context = (uint16_t)(*context | (1U << symbol));
    return unexpected;
}

int hs_transitions_push(struct hs_transitions *transitions, double value)
{
    int unexpected;
    int symbol;

    HS_ASSERT(isfinite(value));
    include(transitions, value);
    symbol = symbol_of(transitions, value);
    unexpected = follow(&transitions->seen, symbol);
    if (transitions->last >= 0)
        unexpected += follow(&transitions->after_one[transitions->last], symbol);
    if (transitions->before_last >= 0)
        unexpected +=
            follow(&transitions->after_two[transitions->before_last][transitions->last], symbol);
    transitions->before_last = transitions->last;
    transitions->last = symbol;
    return unexpected;
}
