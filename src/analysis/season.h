/*
 * What is normal for a series at an hour: its level, the mean of the hour of the day, or the mean
 * of the hour of the week, whichever erred least so far.
 *
 * All are exponentially weighted means, as long as they have few values plain means. "Strength" is
 * the share of the level's error that the better of the two seasons saves, 0…1. Errors are mean
 * absolute deviations. What is not to be learnt (an incident) is not pushed. No heap.
 */
#ifndef HS_ANALYSIS_SEASON_H
#define HS_ANALYSIS_SEASON_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_SEASON_DAY_HOURS = 24, HS_SEASON_WEEK_HOURS = 7 * 24 };

struct hs_season_slot {
    double mean, deviation;
    uint32_t n;
};

/* A mean and how far values were from it before they entered it. */
struct hs_season {
    struct hs_season_slot day[HS_SEASON_DAY_HOURS];
    struct hs_season_slot week[HS_SEASON_WEEK_HOURS];
    double level;
    double level_error, day_error, week_error;
    uint64_t values_n, errors_n;
};

struct hs_season_normal {
    bool seasonal; /* the hour of the day was seen twice: what follows but the first two is set */
    double expected, scale;  /* of the best of the three; scale is that of a normal distribution's
                               standard deviation, 0 when nothing ever deviated */
    double hour, hour_scale; /* of the better season */
    double strength;
};

void hs_season_init(struct hs_season *season);
/* What is normal at a local time (s since the epoch plus the zone's offset). Before the first value
 * everything is 0. */
void hs_season_at(const struct hs_season *season, int64_t local_s, struct hs_season_normal *out);
/* Learns a finite value. */
void hs_season_push(struct hs_season *season, int64_t local_s, double value);

#endif
