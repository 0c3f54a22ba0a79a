#include "analysis/watch_series.h"

#include <math.h>

#include "base/mem.h"

/* What matters, by metric. Shares are of what is bad: of CTR those who did not click. */
struct metric_rule {
    const char *name;
    bool inverse;        /* the numerator is what is good */
    double share_min;    /* normal shares below are taken as this */
    double times[2];     /* worse is this many times the normal share … */
    double more[2];      /* … or this much more, whichever is larger; of volume, `times` alone */
    double effect_times; /* over an anomaly the share is at least this many times the normal, */
    double effect_more;  /* and this much more; of volume at most effect_times */
    double n_min;        /* trials in an anomaly */
    double lean;         /* of its baseline, minutes */
    double recent_minutes;            /* that its recent level is of */
    double recent_lean;               /* and how many of its numerator it takes to tell */
    double recent_least, recent_most; /* times the usual */
};

static const struct metric_rule rules[HS_WATCH_METRICS] = {
    [HS_WATCH_VOLUME] = {"volume", .times = {0.6, 0.2}, .effect_times = 0.7, .n_min = 30, .lean = 3,
                         .recent_minutes = 40, .recent_least = 0.2, .recent_most = 1.1},
    [HS_WATCH_ERROR_RATE] = {"error_rate", .share_min = 0.0002, .times = {2.5, 6},
                             .more = {0.015, 0.04}, .effect_times = 2, .effect_more = 0.01,
                             .n_min = 30, .lean = 30, .recent_minutes = 40, .recent_lean = 30,
                             .recent_least = 0.5, .recent_most = 2},
    [HS_WATCH_LATENCY] = {"latency_p99", .share_min = 0.0005, .times = {2, 4},
                          .more = {0.005, 0.015}, .effect_times = 1.8, .effect_more = 0.004,
                          .n_min = 100, .lean = 30, .recent_minutes = 40, .recent_lean = 30,
                          .recent_least = 0.5, .recent_most = 2},
    [HS_WATCH_ZERO_RESULTS] = {"zero_result_rate", .share_min = 0.001, .times = {1.5, 2},
                               .more = {0.06, 0.12}, .effect_times = 1.35, .effect_more = 0.04,
                               .n_min = 30, .lean = 20, .recent_minutes = 40, .recent_lean = 100,
                               .recent_least = 0.75, .recent_most = 1.3},
    /* Of CTR times are those of the clicked share. */
    [HS_WATCH_CTR] = {"ctr", .inverse = true, .share_min = 0.001, .times = {0.82, 0.5},
                      .effect_times = 0.88, .n_min = 100, .lean = 20, .recent_minutes = 40,
                      .recent_lean = 100, .recent_least = 0.85, .recent_most = 1.1},
};

/* Minutes before anything is told, of which a series knows nothing yet. */
static const double warm_up_minutes = 60;
/* More than usual is learnt as no more than so many times the usual, so that one good day does not
 * make the next ones bad: of volume, of CTR. */
static const double surge_times = 1.3;
static const double better_times = 1.05;
/* Below this share of the threshold a minute counts as normal and is learnt. */
static const double learn_share = 0.3;
/* Until two days are known volume follows the last minutes instead of the hours. */
static const double recent_minutes_first = 20;
static const double recent_most_first = 5;
static const double known_minutes = 2 * 1440;
/* An anomaly's own recent level. */
static const double open_minutes = 120;
static const double shift_times_max = 20;
/* After so long an anomaly is the new normal; and evidence of too little to matter. */
enum { PERSISTS_S = 24 * 3600, LINGERS_MINUTES = 360 };

const char *hs_watch_metric_name(enum hs_watch_metric metric)
{
    return rules[metric].name;
}

void hs_watch_series_init(struct hs_watch_series *series, enum hs_watch_metric metric)
{
    *series = (struct hs_watch_series){.metric = metric};
    hs_rate_baseline_init(&series->baseline, rules[metric].lean);
    hs_evidence_init(&series->evidence);
}

void hs_watch_series_train(struct hs_watch_series *series, int64_t local_s, double minutes,
                           double numerator, double denominator)
{
    if (denominator > 0)
        hs_rate_baseline_push(&series->baseline, local_s, minutes, numerator, denominator);
}

/* ---- what is normal, and what would be worse */

static bool is_first(const struct hs_watch_series *series)
{
    return series->metric == HS_WATCH_VOLUME && series->baseline.minutes < known_minutes;
}

/* How the last hour or two were beside what is usual. A surge of volume that ends is no loss: above
 * the usual it hardly counts. */
static double recent_ratio(const struct hs_watch_series *series)
{
    const struct metric_rule *rule = &rules[series->metric];
    double ratio = (series->recent_observed + rule->recent_lean) /
                   (series->recent_expected + rule->recent_lean);

    if (series->recent_expected <= 0)
        return 1;
    return fmin(fmax(ratio, rule->recent_least),
                is_first(series) ? recent_most_first : rule->recent_most);
}

static void learn_recent(struct hs_watch_series *series, double observed, double expected)
{
    double minutes = is_first(series) ? recent_minutes_first : rules[series->metric].recent_minutes;
    double keeps = 1 - 1 / minutes;

    series->recent_observed = keeps * series->recent_observed + observed;
    series->recent_expected = keeps * series->recent_expected + expected;
}

static double clamped(double share, double share_min)
{
    return fmin(fmax(share, share_min), 1 - share_min);
}

double hs_watch_series_normal(const struct hs_watch_series *series, int64_t local_s)
{
    return hs_rate_baseline_at(&series->baseline, local_s) * recent_ratio(series);
}

static void weigh_volume(struct hs_watch_series *series, const struct hs_watch_minute *minute,
                         struct hs_evidence_minute *out)
{
    double normal = hs_watch_series_normal(series, minute->local_s) * (1 - minute->explained);

    hs_evidence_count(minute->numerator, fmax(normal, 1e-3) * minute->denominator,
                      rules[HS_WATCH_VOLUME].times, out);
}

/* A share of what is bad. */
static void weigh_share(struct hs_watch_series *series, const struct hs_watch_minute *minute,
                        struct hs_evidence_minute *out)
{
    const struct metric_rule *rule = &rules[series->metric];
    double share = clamped(hs_watch_series_normal(series, minute->local_s), rule->share_min);
    double bad = rule->inverse ? 1 - share : share;
    double worse[2];
    int i;

    for (i = 0; i < HS_EVIDENCE_ALTERNATIVES; i++) {
        if (rule->inverse)
            worse[i] = 1 - share * rule->times[i];
        else
            worse[i] = fmin(fmax(bad * rule->times[i], bad + rule->more[i]), (1 + bad) / 2);
    }
    hs_evidence_share(rule->inverse ? minute->denominator - minute->numerator : minute->numerator,
                      minute->denominator, bad, worse, out);
}

/* Whether what was seen since the evidence began is large enough to matter. */
static bool matters(const struct hs_watch_series *series, const struct hs_evidence_run *run)
{
    const struct metric_rule *rule = &rules[series->metric];
    double observed = run->observed;
    double expected = run->expected;

    if (run->n < rule->n_min)
        return false;
    if (rule->inverse) {
        observed = run->n - observed;
        expected = run->n - expected;
    }
    if (rule->effect_times < 1)
        return observed <= expected * rule->effect_times;
    return observed >= expected * rule->effect_times &&
           observed - expected >= run->n * rule->effect_more;
}

/* ---- a minute */

/* For people: rates of what the metric is named after. */
static void show(struct hs_watch_series *series, const struct hs_watch_minute *minute,
                 const struct hs_evidence_minute *weighed)
{
    bool inverse = rules[series->metric].inverse;
    double n = minute->denominator;
    double deviation = hs_evidence_deviation(&series->evidence, weighed);

    series->minute_s = minute->minute_s;
    series->value = minute->numerator / n;
    series->expected = inverse ? 1 - weighed->expected / n : weighed->expected / n;
    series->low = fmax(0, series->expected - 3 * deviation / n);
    series->high = series->expected + 3 * deviation / n;
    series->z = (series->value - series->expected) * n / deviation;
}

static void learn(struct hs_watch_series *series, const struct hs_watch_minute *minute,
                  const struct hs_evidence_minute *weighed)
{
    double usual = hs_rate_baseline_at(&series->baseline, minute->local_s) * minute->denominator;
    double learnt = minute->numerator;

    if (series->metric == HS_WATCH_VOLUME && minute->explained > 0)
        return;
    learn_recent(series, minute->numerator, usual);
    if (series->baseline.minutes >= known_minutes && series->metric == HS_WATCH_VOLUME)
        learnt = fmin(learnt, surge_times * usual);
    if (series->baseline.minutes >= known_minutes && series->metric == HS_WATCH_CTR)
        learnt = fmin(learnt, better_times * usual);
    hs_evidence_learn(&series->evidence, weighed);
    hs_rate_baseline_push(&series->baseline, minute->local_s, 1, learnt, minute->denominator);
}

/* Makes what was seen lately normal: the numerators' share of what was expected. */
static void shift(struct hs_watch_series *series, double observed, double expected)
{
    double factor = expected > 0 ? observed / expected : 1;

    hs_rate_baseline_shift(&series->baseline,
                           fmin(fmax(factor, 1 / shift_times_max), shift_times_max));
    hs_watch_series_reset(series);
}

static enum hs_watch_change push_open(struct hs_watch_series *series,
                                      const struct hs_watch_minute *minute,
                                      const struct hs_evidence_minute *weighed, double threshold)
{
    const double keeps = 1 - 1 / open_minutes;

    series->open_observed = keeps * series->open_observed + minute->numerator;
    series->open_expected = keeps * series->open_expected + series->expected * minute->denominator;
    if (hs_evidence_back(&series->evidence, weighed, threshold)) {
        hs_watch_series_reset(series);
        return HS_WATCH_CLOSES;
    }
    if (minute->minute_s - series->start_s < PERSISTS_S)
        return HS_WATCH_SAME;
    hs_watch_series_accept(series);
    return HS_WATCH_CLOSES;
}

/* Evidence that lasts and never mattered: a new normal. */
static void accept_run(struct hs_watch_series *series, const struct hs_evidence_run *run)
{
    if (rules[series->metric].inverse)
        shift(series, run->n - run->observed, run->n - run->expected);
    else
        shift(series, run->observed, run->expected);
}

enum hs_watch_change hs_watch_series_push(struct hs_watch_series *series,
                                          const struct hs_watch_minute *minute, double threshold)
{
    const struct hs_evidence_run *run;
    struct hs_evidence_minute weighed;

    if (minute->denominator <= 0)
        return HS_WATCH_SAME;
    if (series->baseline.minutes < warm_up_minutes) {
        hs_watch_series_train(series, minute->local_s, 1, minute->numerator, minute->denominator);
        return HS_WATCH_SAME;
    }
    if (series->metric == HS_WATCH_VOLUME)
        weigh_volume(series, minute, &weighed);
    else
        weigh_share(series, minute, &weighed);
    show(series, minute, &weighed);
    if (hs_rate_baseline_stale(&series->baseline, minute->local_s))
        hs_watch_series_train(series, minute->local_s, 1, minute->numerator, minute->denominator);
    if (series->open)
        return push_open(series, minute, &weighed, threshold);
    run = hs_evidence_push(&series->evidence, minute->minute_s, &weighed, threshold);
    if (run && !minute->hold && minute->minute_s >= series->muted_until_s && matters(series, run)) {
        series->open = true;
        series->start_s = run->start_s;
        series->opened_s = minute->minute_s;
        series->open_observed = 0;
        series->open_expected = 0;
        return HS_WATCH_OPENS;
    }
    if (hs_evidence_largest(&series->evidence)->minutes > LINGERS_MINUTES)
        accept_run(series, hs_evidence_largest(&series->evidence));
    else if (hs_evidence_largest(&series->evidence)->nats < learn_share * threshold)
        learn(series, minute, &weighed);
    return HS_WATCH_SAME;
}

void hs_watch_series_reset(struct hs_watch_series *series)
{
    series->open = false;
    hs_evidence_clear(&series->evidence);
}

void hs_watch_series_accept(struct hs_watch_series *series)
{
    shift(series, series->open_observed, series->open_expected);
}

double hs_watch_series_score(const struct hs_watch_series *series, double threshold)
{
    double nats = hs_evidence_largest(&series->evidence)->nats;

    if (series->open)
        nats = fmax(nats, threshold);
    return nats / (nats + threshold);
}
