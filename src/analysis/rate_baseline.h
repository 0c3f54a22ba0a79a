/*
 * What share, or what count a minute, is normal at a local time: learnt by the hour of the week,
 * of the day, and over all, each leaning on the next as far as it has little to say.
 *
 * An hour's figure is (its numerators + `lean` minutes of the wider figure) ÷ (its denominators
 * + the same). Between the middles of two hours it goes in a straight line. When an hour comes
 * again, what it knew counts less: weeks by 0.7, days by 0.8, minutes over all by half in two days.
 * No heap.
 */
#ifndef HS_ANALYSIS_RATE_BASELINE_H
#define HS_ANALYSIS_RATE_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_BASELINE_DAY = 24, HS_BASELINE_WEEK = 168 };

struct hs_baseline_slot {
    double numerator, denominator, minutes;
    int64_t turn; /* of the slot's day or week, counted from the epoch */
};

struct hs_rate_baseline {
    struct hs_baseline_slot week[HS_BASELINE_WEEK];
    struct hs_baseline_slot day[HS_BASELINE_DAY];
    struct hs_baseline_slot all;
    double minutes; /* ever learnt */
    double lean;    /* how many minutes of the wider figure an hour leans on */
};

/* lean: more for what is seldom and about the same all day, less for what has a rhythm. */
void hs_rate_baseline_init(struct hs_rate_baseline *baseline, double lean);
/* Learns `minutes` (> 0) minutes around local_s (s since the epoch plus the zone's offset). For a
 * count a minute the denominator is the minutes. */
void hs_rate_baseline_push(struct hs_rate_baseline *baseline, int64_t local_s, double minutes,
                           double numerator, double denominator);
/* numerator ÷ denominator that is normal; 0 before anything was learnt. */
double hs_rate_baseline_at(const struct hs_rate_baseline *baseline, int64_t local_s);
/* Whether that hour of the day was last learnt three days ago or more. */
bool hs_rate_baseline_stale(const struct hs_rate_baseline *baseline, int64_t local_s);
/* All that is normal becomes `factor` times that: a new normal. */
void hs_rate_baseline_shift(struct hs_rate_baseline *baseline, double factor);

#endif
