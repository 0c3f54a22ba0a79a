/*
 * What the behaviour rollup keeps for a key and a window: one table for its SQL, its cells in the
 * gateway and the checks of both. docs/metrics.md says what the numbers are.
 */
#ifndef HS_MODEL_BEHAVIOUR_H
#define HS_MODEL_BEHAVIOUR_H

#include <stdint.h>

/* The rules of what an intent is, and how long after its first search actions count. */
enum {
    HS_INTENT_GAP_S = 300,        /* a later search joins at most so long after the one before */
    HS_INTENT_TYPING_S = 30,      /* and one for the first page at most so long */
    HS_INTENT_LENGTH_S = 1800,    /* nothing joins later than that; clicks count as long */
    HS_PURCHASE_WINDOW_S = 86400, /* add_to_cart and purchase count so long */
};

/* Counts; all but clicks are counts of intents. */
enum hs_behaviour_count {
    HS_B_INTENTS,
    HS_B_WITHOUT_FIRST_PAGE,
    HS_B_SEARCHES,
    HS_B_PAGES,
    HS_B_ANSWERED,
    HS_B_ZERO,
    HS_B_FILTERED_ANSWERED,
    HS_B_FILTERED_ZERO,
    HS_B_FALLBACK_ANSWERED,
    HS_B_FALLBACK_ZERO,
    HS_B_SHOWN,
    HS_B_UNTRACKED,
    HS_B_CLICKED,
    HS_B_CLICKED_AT_1,
    HS_B_CLICKED_AT_3,
    HS_B_CLICKED_AT_5,
    HS_B_CLICKED_AT_10,
    HS_B_CLICKS,
    HS_B_CLICKS_BY_SESSION,
    HS_B_CLICKS_WITHOUT_POSITION,
    HS_B_SPONSORED_CLICKED,
    HS_B_FIRST_POSITIONS,
    HS_B_FIRST_POSITION_SUM,
    HS_B_WITHOUT_CLICK_CARTED,
    HS_B_WITHOUT_CLICK_REFINED,
    HS_B_WITHOUT_CLICK_SUGGESTION,
    HS_B_WITHOUT_CLICK_REFORMULATED,
    HS_B_NO_ACTION,
    HS_B_IN_SESSION,
    HS_B_REFORMULATED,
    HS_B_TIME_TO_CLICK_COUNT,
    HS_B_DWELLS,
    HS_B_CARTED,
    HS_B_PURCHASED,
    HS_BEHAVIOUR_COUNTS,
};

enum hs_behaviour_sum {
    HS_B_RECIPROCAL_SUM,
    HS_B_RECIPROCAL_SQUARES,
    HS_B_FIRST_POSITION_SQUARES,
    HS_B_TIME_TO_CLICK_SUM_MS,
    HS_B_DWELL_SUM_MS,
    HS_B_DWELL_SQUARES,
    HS_BEHAVIOUR_SUMS,
};

/* A column of behaviour_*, and its value over rows i of haystat.intents. */
struct hs_behaviour_column {
    const char *name;
    const char *from_intents;
};

extern const struct hs_behaviour_column hs_behaviour_counts[HS_BEHAVIOUR_COUNTS];
extern const struct hs_behaviour_column hs_behaviour_sums[HS_BEHAVIOUR_SUMS];
/* Bytes of a state of quantilesBFloat16Weighted over the milliseconds to the first click. */
extern const struct hs_behaviour_column hs_behaviour_state;

#endif
