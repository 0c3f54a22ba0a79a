#include "analysis/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"

/* Sums of the same differences in another order differ by less. */
static const double rounding = 1e-12;

/* ---- distributions */

double hs_normal_p(double z)
{
    return erfc(fabs(z) * M_SQRT1_2);
}

/* log of Γ(a + 1/2) / Γ(a). Large logs would leave few digits: then the asymptotic series. */
static double log_gamma_step(double a)
{
    int sign;

    if (a > 100)
        return 0.5 * log(a) - 1 / (8 * a) + 1 / (192 * a * a * a) - 1 / (640 * pow(a, 5));
    return lgamma_r(a + 0.5, &sign) - lgamma_r(a, &sign);
}

/* The continued fraction of I_x(a, b), by Lentz's method as Thompson and Barnett changed it. */
static double beta_fraction(double x, double a, double b)
{
    enum { STEPS_MAX = 100000 };
    const double tiny = 1e-300;
    double c = 1;
    double d = 1 - (a + b) * x / (a + 1);
    double value;
    double change = 0;
    int m;

    d = 1 / (fabs(d) < tiny ? tiny : d);
    value = d;
    for (m = 1; m < STEPS_MAX && fabs(change - 1) > 1e-16; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

        d = 1 + even * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + even / c;
        c = fabs(c) < tiny ? tiny : c;
        value *= d * c;
        d = 1 + odd * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + odd / c;
        c = fabs(c) < tiny ? tiny : c;
        change = d * c;
        value *= change;
    }
    return value;
}

double hs_t_p(double t, double df)
{
    const double like_normal = 1e9;
    double a = df / 2;
    double x = df / (df + t * t);
    double y = t * t / (df + t * t);
    double front;

    HS_ASSERT(df > 0);
    if (t == 0)
        return 1;
    if (!isfinite(t))
        return 0;
    if (df > like_normal)
        return hs_normal_p(t);
    /* x^a √y ÷ B(a, 1/2) */
    front = exp(log_gamma_step(a) - 0.5 * log(M_PI) - a * log1p(t * t / df) + 0.5 * log(y));
    if (x < (a + 1) / (a + 2.5))
        return front * beta_fraction(x, a, 0.5) / a;
    return 1 - front * beta_fraction(y, 0.5, a) / 0.5;
}

double hs_t_critical(double p, double df)
{
    enum { HALVINGS = 80 };
    double low = 0;
    double high = 2;
    int i;

    HS_ASSERT(p > 0);
    HS_ASSERT(p < 1);
    while (hs_t_p(high, df) > p && high < 1e300) {
        low = high;
        high *= 2;
    }
    for (i = 0; i < HALVINGS; i++) {
        double middle = low + (high - low) / 2;

        if (hs_t_p(middle, df) > p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* ---- shares */

struct hs_interval hs_stats_wilson(double x, double n)
{
    const double z = HS_NORMAL_97_5;
    double p = x / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);

    HS_ASSERT(n > 0);
    HS_ASSERT(x >= 0);
    HS_ASSERT(x <= n);
    return (struct hs_interval){.value = p,
                                .low = fmin(p, fmax(0, middle - half)),
                                .high = fmax(p, fmin(1, middle + half))};
}

struct hs_interval hs_stats_newcombe(double a_x, double a_n, double b_x, double b_n)
{
    struct hs_interval a = hs_stats_wilson(a_x, a_n);
    struct hs_interval b = hs_stats_wilson(b_x, b_n);
    double value = b.value - a.value;

    return (struct hs_interval){.value = value,
                                .low = value - hypot(b.value - b.low, a.high - a.value),
                                .high = value + hypot(b.high - b.value, a.value - a.low)};
}

double hs_stats_shares_p(double a_x, double a_n, double b_x, double b_n)
{
    double pooled = (a_x + b_x) / (a_n + b_n);

    HS_ASSERT(a_n > 0);
    HS_ASSERT(b_n > 0);
    if (pooled <= 0 || pooled >= 1)
        return 1;
    return hs_normal_p((b_x / b_n - a_x / a_n) / sqrt(pooled * (1 - pooled) * (1 / a_n + 1 / b_n)));
}

double hs_stats_split_p(double x, double n, double share)
{
    HS_ASSERT(n > 0);
    HS_ASSERT(share > 0);
    HS_ASSERT(share < 1);
    return hs_normal_p((x - n * share) / sqrt(n * share * (1 - share)));
}

/* ---- pairs */

static double mean_of(const double *d, size_t n)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += d[i];
    return sum / (double)n;
}

struct hs_paired hs_paired_t(const double *d, size_t n)
{
    double mean = mean_of(d, n);
    double squares = 0;
    double error;
    double half;
    size_t i;

    HS_ASSERT(n >= 2);
    for (i = 0; i < n; i++)
        squares += (d[i] - mean) * (d[i] - mean);
    error = sqrt(squares / (double)(n - 1) / (double)n);
    half = hs_t_critical(0.05, (double)(n - 1)) * error;
    return (struct hs_paired){
        .mean = {.value = mean, .low = mean - half, .high = mean + half},
        .p = mean == 0 ? 1 : hs_t_p(mean / error, (double)(n - 1)),
    };
}

static int by_size(const void *a, const void *b)
{
    double x = fabs(*(const double *)a);
    double y = fabs(*(const double *)b);

    return (x > y) - (x < y);
}

/* P(W <= w or W >= the other end) of the sum W of positive ranks, for w at most the middle. */
static double exact_p(size_t n, double w)
{
    enum { SUMS = HS_WILCOXON_EXACT * (HS_WILCOXON_EXACT + 1) / 2 + 1 };
    double ways[SUMS] = {1};
    double below = 0;
    size_t rank;
    size_t sum;

    for (rank = 1; rank <= n; rank++)
        for (sum = SUMS - 1; sum >= rank; sum--)
            ways[sum] += ways[sum - rank];
    for (sum = 0; (double)sum <= w; sum++)
        below += ways[sum];
    return fmin(1, 2 * below / pow(2, (double)n));
}

double hs_wilcoxon_p(double *d, size_t n)
{
    double positive = 0;
    double ties = 0; /* Σ t³ - t over groups of equal size */
    size_t first = 0;
    size_t end;
    size_t i;
    double m, all, w, variance;

    qsort(d, n, sizeof(*d), by_size);
    while (first < n && d[first] == 0)
        first++;
    d += first;
    n -= first;
    for (i = 0; i < n; i = end) {
        double size;

        for (end = i + 1; end < n && fabs(d[end]) == fabs(d[i]);)
            end++;
        size = (double)(end - i);
        ties += size * size * size - size;
        for (; i < end; i++)
            positive += d[i] > 0 ? (double)end - (size - 1) / 2 : 0;
    }
    if (n == 0)
        return 1;
    m = (double)n;
    all = m * (m + 1) / 2;
    w = fmin(positive, all - positive);
    if (n <= HS_WILCOXON_EXACT && ties == 0)
        return exact_p(n, w);
    variance = (m * (m + 1) * (2 * m + 1) - ties / 2) / 24;
    return hs_normal_p(fmax(0, all / 2 - w - 0.5) / sqrt(variance));
}

/* The sum of d under the signs that the lowest bits of a counter say. */
static double sum_signed(const double *d, size_t n, uint64_t signs)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += (signs >> i & 1) ? d[i] : -d[i];
    return sum;
}

static double sum_random(const double *d, size_t n, struct hs_rand *rand)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i += 64)
        sum += sum_signed(d + i, HS_MIN(n - i, (size_t)64), hs_rand_u64(rand));
    return sum;
}

double hs_permutation_p(const double *d, size_t n, uint64_t seed)
{
    enum { ALL_MAX = 13 }; /* 2^13 signs */
    bool all = n <= ALL_MAX;
    uint64_t samples = all ? (uint64_t)1 << n : HS_RESAMPLES;
    uint64_t hits = 0;
    struct hs_rand rand;
    double least = 0;
    double sum = 0;
    uint64_t i;

    for (i = 0; i < n; i++) {
        sum += d[i];
        least += fabs(d[i]);
    }
    least = fabs(sum) - rounding * least;
    hs_rand_init(&rand, seed);
    for (i = 0; i < samples; i++)
        hits += fabs(all ? sum_signed(d, n, i) : sum_random(d, n, &rand)) >= least;
    return all ? (double)hits / (double)samples : (double)(hits + 1) / (double)(samples + 1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

struct hs_interval hs_bootstrap(const double *d, size_t n, uint64_t seed)
{
    double *means = hs_xalloc(HS_RESAMPLES * sizeof(*means));
    struct hs_interval out = {.value = mean_of(d, n)};
    struct hs_rand rand;
    size_t i, k;

    HS_ASSERT(n >= 1);
    hs_rand_init(&rand, seed);
    for (k = 0; k < HS_RESAMPLES; k++) {
        for (i = 0; i < n; i++)
            means[k] += d[hs_rand_below(&rand, n)];
        means[k] /= (double)n;
    }
    qsort(means, HS_RESAMPLES, sizeof(*means), by_value);
    out.low = fmin(out.value, means[HS_RESAMPLES / 40]);
    out.high = fmax(out.value, means[HS_RESAMPLES - 1 - HS_RESAMPLES / 40]);
    hs_free(means);
    return out;
}

/* ---- many tests */

struct p_value {
    double p;
    size_t i;
};

static int by_p(const void *a, const void *b)
{
    const struct p_value *x = a;
    const struct p_value *y = b;

    return (x->p > y->p) - (x->p < y->p);
}

void hs_false_discovery(const double *p, size_t n, double *q)
{
    struct p_value *values = hs_xalloc((n + 1) * sizeof(*values));
    double least = 1;
    size_t tests = 0;
    size_t i;

    HS_ASSERT(n <= HS_P_VALUES_MAX);
    for (i = 0; i < n; i++) {
        q[i] = NAN;
        if (!isnan(p[i]))
            values[tests++] = (struct p_value){p[i], i};
    }
    qsort(values, tests, sizeof(*values), by_p);
    for (i = tests; i-- > 0;) {
        least = fmin(least, values[i].p * (double)tests / (double)(i + 1));
        q[values[i].i] = least;
    }
    hs_free(values);
}
