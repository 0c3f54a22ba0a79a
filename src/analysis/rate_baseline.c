#include "analysis/rate_baseline.h"

#include <math.h>

#include "base/mem.h"

enum {
    HOUR_S = 3600,
    HALF_S = HOUR_S / 2,
    STALE_DAYS = 3,
    EPOCH_WEEKDAY = 4 /* 1970-01-01 was a Thursday */
};

static const double week_keeps = 0.7;
static const double day_keeps = 0.8;
/* Per minute: half in two days. */
static const double minute_keeps = 0.99975937;

void hs_rate_baseline_init(struct hs_rate_baseline *baseline, double lean)
{
    *baseline = (struct hs_rate_baseline){.lean = lean};
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct place {
    int hour_of_day, hour_of_week;
    int64_t day, week;
};

static struct place place_of(int64_t local_s)
{
    int64_t hour = floor_div(local_s, HOUR_S);
    int64_t week_hour = hour + EPOCH_WEEKDAY * HS_BASELINE_DAY;

    return (struct place){
        .day = floor_div(hour, HS_BASELINE_DAY),
        .week = floor_div(week_hour, HS_BASELINE_WEEK),
        .hour_of_day = (int)(hour - floor_div(hour, HS_BASELINE_DAY) * HS_BASELINE_DAY),
        .hour_of_week =
            (int)(week_hour - floor_div(week_hour, HS_BASELINE_WEEK) * HS_BASELINE_WEEK),
    };
}

static void add(struct hs_baseline_slot *slot, double minutes, double numerator, double denominator)
{
    slot->minutes += minutes;
    slot->numerator += numerator;
    slot->denominator += denominator;
}

static void scale(struct hs_baseline_slot *slot, double keeps)
{
    slot->minutes *= keeps;
    slot->numerator *= keeps;
    slot->denominator *= keeps;
}

static void turn_to(struct hs_baseline_slot *slot, int64_t turn, double keeps)
{
    if (turn > slot->turn)
        scale(slot, pow(keeps, (double)(turn - slot->turn)));
    slot->turn = turn;
}

void hs_rate_baseline_push(struct hs_rate_baseline *baseline, int64_t local_s, double minutes,
                           double numerator, double denominator)
{
    struct place place = place_of(local_s);
    struct hs_baseline_slot *week = &baseline->week[place.hour_of_week];
    struct hs_baseline_slot *day = &baseline->day[place.hour_of_day];

    HS_ASSERT(minutes > 0);
    HS_ASSERT(isfinite(numerator));
    HS_ASSERT(isfinite(denominator));
    turn_to(week, place.week, week_keeps);
    turn_to(day, place.day, day_keeps);
    scale(&baseline->all, pow(minute_keeps, minutes));
    add(week, minutes, numerator, denominator);
    add(day, minutes, numerator, denominator);
    add(&baseline->all, minutes, numerator, denominator);
    baseline->minutes += minutes;
}

/* The slot's own figure, leaning on a wider one. */
static double leaning(const struct hs_baseline_slot *slot, double lean, double wider)
{
    return (slot->numerator + lean * wider) / (slot->denominator + lean);
}

static double at_hour(const struct hs_rate_baseline *baseline, int64_t local_s)
{
    struct place place = place_of(local_s);
    const struct hs_baseline_slot *all = &baseline->all;
    double a_minute = all->denominator / all->minutes; /* of the denominator */
    double figure = all->numerator / all->denominator;

    figure = leaning(&baseline->day[place.hour_of_day], baseline->lean * a_minute, figure);
    return leaning(&baseline->week[place.hour_of_week], baseline->lean * a_minute, figure);
}

double hs_rate_baseline_at(const struct hs_rate_baseline *baseline, int64_t local_s)
{
    int64_t before = floor_div(local_s - HALF_S, HOUR_S) * HOUR_S;
    double share = (double)(local_s - HALF_S - before) / HOUR_S; /* of the hour after */

    if (baseline->all.denominator <= 0)
        return 0;
    return (1 - share) * at_hour(baseline, before) + share * at_hour(baseline, before + HOUR_S);
}

bool hs_rate_baseline_stale(const struct hs_rate_baseline *baseline, int64_t local_s)
{
    struct place place = place_of(local_s);
    const struct hs_baseline_slot *day = &baseline->day[place.hour_of_day];

    return day->minutes > 0 && place.day - day->turn >= STALE_DAYS;
}

void hs_rate_baseline_shift(struct hs_rate_baseline *baseline, double factor)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(baseline->week); i++)
        baseline->week[i].numerator *= factor;
    for (i = 0; i < HS_ARRAY_LEN(baseline->day); i++)
        baseline->day[i].numerator *= factor;
    baseline->all.numerator *= factor;
}
