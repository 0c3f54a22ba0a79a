/*
 * Evidence that a share or a count has become worse, in nats, added up minute by minute: Page's
 * CUSUM (Biometrika 41, 1954) of the log-likelihood ratio between "at least as much worse as
 * matters" and "normal".
 *
 * Two alternatives are followed, the least effect that matters and a large one. What a minute adds
 * is divided by how much more the series varies than a binomial or Poisson count would
 * (dispersion), and by how much one minute says what the next will be (correlation), both learnt
 * from normal minutes; and it is at most 0.55 of the threshold, so that one minute never decides.
 * A ratio that reaches h by chance does so in at most exp(-h) of the minutes, whatever the series:
 * that makes one threshold hold for all of them. No heap.
 */
#ifndef HS_ANALYSIS_EVIDENCE_H
#define HS_ANALYSIS_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

enum { HS_EVIDENCE_ALTERNATIVES = 2 };

/* What a minute says, before it is weighed. */
struct hs_evidence_minute {
    double observed, expected;             /* counts */
    double deviation;                      /* standard deviation of observed when normal, > 0 */
    double nats[HS_EVIDENCE_ALTERNATIVES]; /* log-likelihood ratios; [0] the least effect */
    double n;                              /* trials; of a count: what was expected */
};

struct hs_evidence_run {
    double nats;
    int64_t start_s; /* first minute since nats was 0 */
    int minutes;
    double observed, expected, n; /* since then */
};

struct hs_evidence {
    struct hs_evidence_run runs[HS_EVIDENCE_ALTERNATIVES];
    double back;                    /* that it is normal again, while open */
    double dispersion, correlation; /* sums of squares and products of residuals, over `weight` */
    double weight, last_residual;
};

void hs_evidence_init(struct hs_evidence *evidence);

/* The standard deviation of what is observed, with dispersion. */
double hs_evidence_deviation(const struct hs_evidence *evidence,
                             const struct hs_evidence_minute *minute);

/* Adds a minute. Returns the run that has reached the threshold, NULL while none has. */
const struct hs_evidence_run *hs_evidence_push(struct hs_evidence *evidence, int64_t minute_s,
                                               const struct hs_evidence_minute *minute,
                                               double threshold);
/* The larger evidence of the two. */
const struct hs_evidence_run *hs_evidence_largest(const struct hs_evidence *evidence);
/* Learns how much a normal minute varies. */
void hs_evidence_learn(struct hs_evidence *evidence, const struct hs_evidence_minute *minute);
/* While open: adds a minute; whether it is normal again. */
bool hs_evidence_back(struct hs_evidence *evidence, const struct hs_evidence_minute *minute,
                      double threshold);
/* Forgets the evidence, keeps how much it varies. */
void hs_evidence_clear(struct hs_evidence *evidence);

/* n trials of which `events` happened where the share p does normally, and q[i] when worse. */
void hs_evidence_share(double events, double n, double p, const double q[2],
                       struct hs_evidence_minute *out);
/* A count where `expected` is normal, ratio[i] times that when worse. */
void hs_evidence_count(double count, double expected, const double ratio[2],
                       struct hs_evidence_minute *out);

#endif
