#include "analysis/season.h"

#include <math.h>

#include "base/mem.h"

/* The least weight of a new value: hours remember some ten days or weeks, the level some 1,000
 * values, errors 500. */
static const double hour_weight_min = 0.1;
static const double level_weight_min = 0.001;
static const double error_weight_min = 0.002;
/* The standard deviation of a normal distribution over its mean absolute deviation: sqrt(pi / 2) */
static const double normal_ratio = 1.2533141373155;

enum { HOUR_S = 3600, EPOCH_WEEKDAY = 4 /* 1970-01-01 was a Thursday */ };

void hs_season_init(struct hs_season *season)
{
    *season = (struct hs_season){.values_n = 0};
}

static int hour_of_day(int64_t local_s)
{
    int64_t hour = local_s / HOUR_S - (local_s % HOUR_S < 0);

    return (int)(((hour % HS_SEASON_DAY_HOURS) + HS_SEASON_DAY_HOURS) % HS_SEASON_DAY_HOURS);
}

static int hour_of_week(int64_t local_s)
{
    int64_t hour = local_s / HOUR_S - (local_s % HOUR_S < 0) + EPOCH_WEEKDAY * HS_SEASON_DAY_HOURS;

    return (int)(((hour % HS_SEASON_WEEK_HOURS) + HS_SEASON_WEEK_HOURS) % HS_SEASON_WEEK_HOURS);
}

/* An hour of the week that was not there yet is taken as the hour of the day. */
static double week_mean(const struct hs_season_slot *week, const struct hs_season_slot *day)
{
    return week->n > 0 ? week->mean : day->mean;
}

void hs_season_at(const struct hs_season *season, int64_t local_s, struct hs_season_normal *out)
{
    const struct hs_season_slot *day = &season->day[hour_of_day(local_s)];
    const struct hs_season_slot *week = &season->week[hour_of_week(local_s)];
    bool by_week = week->n > 0 && season->week_error < season->day_error;
    double error = by_week ? season->week_error : season->day_error;

    *out = (struct hs_season_normal){.seasonal = day->n >= 2};
    out->expected = season->level;
    out->scale = season->level_error * normal_ratio;
    if (!out->seasonal)
        return;
    out->hour = by_week ? week->mean : day->mean;
    out->hour_scale = (day->deviation + season->day_error) / 2 * normal_ratio;
    if (season->level_error > 0)
        out->strength = fmax(0, 1 - error / season->level_error);
    if (error < season->level_error) {
        out->expected = out->hour;
        out->scale = out->hour_scale;
    }
}

/* ---- learning */

static double weight(uint64_t n, double weight_min)
{
    return fmax(1 / (double)n, weight_min);
}

static void learn_slot(struct hs_season_slot *slot, double value)
{
    double share;

    slot->n += slot->n < UINT32_MAX;
    share = weight(slot->n, hour_weight_min);
    if (slot->n == 1) {
        slot->mean = value;
        return;
    }
    slot->deviation += share * (fabs(value - slot->mean) - slot->deviation);
    slot->mean += share * (value - slot->mean);
}

void hs_season_push(struct hs_season *season, int64_t local_s, double value)
{
    struct hs_season_slot *day = &season->day[hour_of_day(local_s)];
    struct hs_season_slot *week = &season->week[hour_of_week(local_s)];
    double share;

    HS_ASSERT(isfinite(value));
    if (day->n >= 2) {
        share = weight(++season->errors_n, error_weight_min);
        season->week_error += share * (fabs(value - week_mean(week, day)) - season->week_error);
        season->day_error += share * (fabs(value - day->mean) - season->day_error);
        season->level_error += share * (fabs(value - season->level) - season->level_error);
    }
    season->level += weight(++season->values_n, level_weight_min) * (value - season->level);
    learn_slot(day, value);
    learn_slot(week, value);
}
