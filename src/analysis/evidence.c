#include "analysis/evidence.h"

#include <math.h>

#include "base/mem.h"

static const double minute_share_max = 0.55;
static const double back_share = 0.5;
/* Dispersion and correlation remember some twelve hours; a new series is taken to vary twice as
 * much as a binomial count, as if an hour had shown that. */
static const double keeps = 1 - 1.0 / 720;
static const double first_dispersion = 2;
static const double first_weight = 60;
static const double residual_square_max = 50;
static const double correlation_max = 0.6;

void hs_evidence_init(struct hs_evidence *evidence)
{
    *evidence = (struct hs_evidence){
        .dispersion = first_dispersion * first_weight,
        .weight = first_weight,
    };
}

static double dispersion_of(const struct hs_evidence *evidence)
{
    return fmax(1, evidence->dispersion / evidence->weight);
}

/* By how much the minutes' evidence counts less. */
static double inflation(const struct hs_evidence *evidence)
{
    double r = evidence->correlation / fmax(evidence->dispersion, 1e-9);

    r = fmin(fmax(r, 0), correlation_max);
    return dispersion_of(evidence) * (1 + r) / (1 - r);
}

static double weighed(const struct hs_evidence *evidence, double nats, double threshold)
{
    return fmin(nats / inflation(evidence), minute_share_max * threshold);
}

double hs_evidence_deviation(const struct hs_evidence *evidence,
                             const struct hs_evidence_minute *minute)
{
    return minute->deviation * sqrt(dispersion_of(evidence));
}

static void run_add(struct hs_evidence_run *run, int64_t minute_s, double nats,
                    const struct hs_evidence_minute *minute)
{
    if (run->nats + nats <= 0) {
        *run = (struct hs_evidence_run){.nats = 0};
        return;
    }
    if (run->nats <= 0)
        *run = (struct hs_evidence_run){.start_s = minute_s};
    run->nats += nats;
    run->minutes++;
    run->observed += minute->observed;
    run->expected += minute->expected;
    run->n += minute->n;
}

const struct hs_evidence_run *hs_evidence_push(struct hs_evidence *evidence, int64_t minute_s,
                                               const struct hs_evidence_minute *minute,
                                               double threshold)
{
    const struct hs_evidence_run *largest;
    int i;

    for (i = 0; i < HS_EVIDENCE_ALTERNATIVES; i++)
        run_add(&evidence->runs[i], minute_s, weighed(evidence, minute->nats[i], threshold),
                minute);
    largest = hs_evidence_largest(evidence);
    return largest->nats >= threshold ? largest : NULL;
}

const struct hs_evidence_run *hs_evidence_largest(const struct hs_evidence *evidence)
{
    const struct hs_evidence_run *runs = evidence->runs;

    return runs[1].nats > runs[0].nats ? &runs[1] : &runs[0];
}

void hs_evidence_learn(struct hs_evidence *evidence, const struct hs_evidence_minute *minute)
{
    double residual = (minute->observed - minute->expected) / minute->deviation;
    double square = fmin(residual * residual, residual_square_max);

    residual = copysign(sqrt(square), residual);
    evidence->dispersion = keeps * evidence->dispersion + square;
    evidence->correlation = keeps * evidence->correlation + residual * evidence->last_residual;
    evidence->weight = keeps * evidence->weight + 1;
    evidence->last_residual = residual;
}

bool hs_evidence_back(struct hs_evidence *evidence, const struct hs_evidence_minute *minute,
                      double threshold)
{
    double nats = weighed(evidence, -minute->nats[0], threshold * back_share);

    evidence->back = fmax(0, evidence->back + nats);
    return evidence->back >= threshold * back_share;
}

void hs_evidence_clear(struct hs_evidence *evidence)
{
    int i;

    for (i = 0; i < HS_EVIDENCE_ALTERNATIVES; i++)
        evidence->runs[i] = (struct hs_evidence_run){.nats = 0};
    evidence->back = 0;
    evidence->last_residual = 0;
}

void hs_evidence_share(double events, double n, double p, const double q[2],
                       struct hs_evidence_minute *out)
{
    int i;

    HS_ASSERT(p > 0);
    HS_ASSERT(p < 1);
    *out = (struct hs_evidence_minute){.observed = events,
                                       .expected = n * p,
                                       .deviation = sqrt(n * p * (1 - p)),
                                       .n = n};
    for (i = 0; i < HS_EVIDENCE_ALTERNATIVES; i++)
        out->nats[i] = events * log(q[i] / p) + (n - events) * log((1 - q[i]) / (1 - p));
}

void hs_evidence_count(double count, double expected, const double ratio[2],
                       struct hs_evidence_minute *out)
{
    int i;

    HS_ASSERT(expected > 0);
    *out = (struct hs_evidence_minute){.observed = count,
                                       .expected = expected,
                                       .deviation = sqrt(expected),
                                       .n = expected};
    for (i = 0; i < HS_EVIDENCE_ALTERNATIVES; i++)
        out->nats[i] = count * log(ratio[i]) - expected * (ratio[i] - 1);
}
