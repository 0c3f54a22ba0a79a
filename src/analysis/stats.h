/*
 * Intervals and tests for comparisons. Pure; two-sided, 95 %.
 */
#ifndef HS_ANALYSIS_STATS_H
#define HS_ANALYSIS_STATS_H

#include <stddef.h>
#include <stdint.h>

enum {
    HS_RESAMPLES = 10000,    /* of the permutation test and of the bootstrap */
    HS_WILCOXON_EXACT = 25,  /* differences, none equal in size: the exact distribution */
    HS_P_VALUES_MAX = 65536, /* that are adjusted together */
};

/* The value of a normal distribution that 2.5 % lie above. */
#define HS_NORMAL_97_5 1.959963984540054

/* P(|Z| >= |z|) of a standard normal Z. Absolute error below 1e-14. */
double hs_normal_p(double z);
/* P(|T| >= |t|) of Student's T with df > 0 degrees of freedom: the incomplete beta function
 * I_x(df/2, 1/2) at x = df / (df + t²), by its continued fraction (DLMF 8.17.22). Relative error
 * below 1e-9. */
double hs_t_p(double t, double df);
/* The t >= 0 at which hs_t_p is p, 0 < p < 1. */
double hs_t_critical(double p, double df);

struct hs_interval {
    double value, low, high; /* low <= value <= high */
};

/* A share x / n, n > 0, 0 <= x <= n: the score interval (Wilson, JASA 22 (1927)). Counts need not
 * be whole: those of a clustered sample are divided by its design effect. */
struct hs_interval hs_stats_wilson(double x, double n);
/* The difference b_x / b_n - a_x / a_n of independent shares: from two score intervals (Newcombe,
 * Statistics in Medicine 17 (1998) 873, method 10). */
struct hs_interval hs_stats_newcombe(double a_x, double a_n, double b_x, double b_n);
/* p of equal shares: the z test with the pooled share; 1 when that is 0 or 1. */
double hs_stats_shares_p(double a_x, double a_n, double b_x, double b_n);
/* p of a split of x and n - x when x is expected to be a share 0 < share < 1 of n: Pearson's
 * chi-square of one degree of freedom. */
double hs_stats_split_p(double x, double n, double share);

/* ---- differences d[0…n) of pairs */

struct hs_paired {
    struct hs_interval mean;
    double p;
};

/* Student's t of the mean, n >= 2. Equal differences that are not 0 have p 0; all 0 have p 1. */
struct hs_paired hs_paired_t(const double *d, size_t n);
/* Wilcoxon's signed ranks (Biometrics Bulletin 1 (1945)), without differences of 0; orders d by
 * size. Up to HS_WILCOXON_EXACT differences of which no two are equal in size: the exact p; else
 * normal, with the variance for ties and a continuity correction of 1/2. 1 when none is left. */
double hs_wilcoxon_p(double *d, size_t n);
/* Fisher's randomization test (The Design of Experiments, 1935, §21): how often the mean is as far
 * from 0 under random signs. All signs when these are at most HS_RESAMPLES, else that many and
 * (1 + hits) / (1 + samples) (Phipson and Smyth, 2010). */
double hs_permutation_p(const double *d, size_t n, uint64_t seed);
/* Percentile bootstrap of the mean (Efron and Tibshirani 1993, chapter 13), n >= 1. */
struct hs_interval hs_bootstrap(const double *d, size_t n, uint64_t seed);

/* ---- many tests */

/* q[i]: the least rate of false discoveries at which test i is one (Benjamini and Hochberg, JRSS B
 * 57 (1995)). It holds for independent tests and for positively dependent ones (Benjamini and
 * Yekutieli, Annals of Statistics 29 (2001)), as are measures of one comparison that rise and fall
 * together; under any other dependence each q must be multiplied by 1 + 1/2 + … + 1/n (the same
 * paper). A p that is NaN is no test, its q is NaN. n <= HS_P_VALUES_MAX. */
void hs_false_discovery(const double *p, size_t n, double *q);

#endif
