/*
 * haystat eval --compare: how two runs differ over the same queries (docs/evaluation.md).
 */
#include <math.h>
#include <stdio.h>

#include "analysis/stats.h"
#include "base/mem.h"
#include "cmd/eval_int.h"

static const uint64_t seed = 1;
/* Of the larger value: what two ways to compute one value may differ by. */
static const double rounding = 1e-12;

struct comparison {
    struct hs_eval *eval;
    double *values[2]; /* of each side: measure * queries + query; NaN: the run has no results */
    double *differences;
    size_t queries_n; /* judged ones */
};

/* What is said of one measure. */
struct line {
    const struct hs_measure *measure;
    size_t n;
    double means[2];
    struct hs_paired t;
    struct hs_interval bootstrap;
    double wilcoxon_p, permutation_p, q;
};

/* ---- values */

/* arg: the values of the side. */
static void take_values(struct hs_eval *eval, const struct hs_trec_query *judged,
                        const struct hs_eval_rankings *rankings, void *arg)
{
    double *values = arg;
    size_t q = (size_t)(judged - eval->qrels.queries);
    size_t i;

    for (i = 0; i < eval->measures.n; i++) {
        const struct hs_measure *measure = &eval->measures.at[i];
        struct hs_ranking ranking;

        if (hs_measure_sum(measure) != HS_MEASURE_MEAN)
            continue;
        ranking = hs_eval_ranking(rankings, measure);
        values[i * eval->qrels.queries_n + q] = hs_measure_value(measure, &ranking);
    }
}

static int measure_side(struct comparison *comparison, size_t side)
{
    struct hs_eval *eval = comparison->eval;

    if (hs_eval_read_run(eval, eval->run_paths[side]) != HS_OK)
        return eval->err.rc;
    return hs_eval_each_query(eval, take_values, comparison->values[side]);
}

static int open_values(struct comparison *comparison)
{
    struct hs_eval *eval = comparison->eval;
    size_t n = eval->measures.n * eval->qrels.queries_n;
    size_t side;
    size_t i;

    comparison->queries_n = eval->qrels.queries_n;
    comparison->differences = hs_try_calloc(comparison->queries_n, sizeof(double));
    for (side = 0; side < 2; side++) {
        comparison->values[side] = hs_try_calloc(n, sizeof(double));
        if (!comparison->values[side] || !comparison->differences)
            return hs_err_set(&eval->err, HS_ELIMIT, 0,
                              "%zu measures of %zu queries do not fit into memory",
                              eval->measures.n, comparison->queries_n);
        for (i = 0; i < n; i++)
            comparison->values[side][i] = NAN;
    }
    return HS_OK;
}

/* ---- lines */

/* Fills the differences of the queries that a measure is compared over. */
static void take_pairs(const struct comparison *comparison, size_t i, struct line *line)
{
    const double *a = comparison->values[0] + i * comparison->queries_n;
    const double *b = comparison->values[1] + i * comparison->queries_n;
    bool all = hs_eval_of_all(comparison->eval, &comparison->eval->measures.at[i]);
    size_t q;

    *line = (struct line){.measure = &comparison->eval->measures.at[i]};
    for (q = 0; q < comparison->queries_n; q++) {
        double x = isnan(a[q]) && all ? 0 : a[q];
        double y = isnan(b[q]) && all ? 0 : b[q];
        double unit = rounding * fmax(fabs(x), fabs(y));

        if (isnan(x) || isnan(y))
            continue;
        line->means[0] += x;
        line->means[1] += y;
        comparison->differences[line->n++] = fabs(y - x) <= unit ? 0 : y - x;
    }
    line->means[0] /= (double)line->n;
    line->means[1] /= (double)line->n;
}

static void test(const struct comparison *comparison, struct line *line)
{
    double *d = comparison->differences;
    size_t i;

    line->t = hs_paired_t(d, line->n);
    line->bootstrap = hs_bootstrap(d, line->n, seed);
    line->permutation_p = hs_permutation_p(d, line->n, seed);
    for (i = 0; i < line->n; i++) /* so that differences of equal size are ties */
        d[i] = rint(d[i] / rounding) * rounding;
    line->wilcoxon_p = hs_wilcoxon_p(d, line->n);
}

static void print_lines(const struct line *lines, size_t n)
{
    size_t i;

    printf("measure\tn\tmean_a\tmean_b\tdifference\tlow\thigh\tbootstrap_low\tbootstrap_high\t"
           "p_t\tp_wilcoxon\tp_permutation\tq\n");
    for (i = 0; i < n; i++) {
        const struct line *line = &lines[i];

        printf("%s\t%zu\t%.6f\t%.6f\t%.6f\t%.6f\t%.6f\t%.6f\t%.6f\t%.6g\t%.6g\t%.6g\t%.6g\n",
               line->measure->name, line->n, line->means[0], line->means[1], line->t.mean.value,
               line->t.mean.low, line->t.mean.high, line->bootstrap.low, line->bootstrap.high,
               line->t.p, line->wilcoxon_p, line->permutation_p, line->q);
    }
}

static int compare(struct comparison *comparison, struct line *lines, double *p, double *q)
{
    struct hs_eval *eval = comparison->eval;
    size_t n = 0;
    size_t i;

    for (i = 0; i < eval->measures.n; i++) {
        if (hs_measure_sum(&eval->measures.at[i]) != HS_MEASURE_MEAN)
            continue;
        take_pairs(comparison, i, &lines[n]);
        if (lines[n].n < 2)
            return hs_err_set(&eval->err, HS_EINVAL, 0,
                              "%s: %zu queries have judgments and results in both runs, a "
                              "comparison wants 2",
                              lines[n].measure->name, lines[n].n);
        test(comparison, &lines[n]);
        p[n] = lines[n].t.p;
        n++;
    }
    if (n == 0)
        return hs_err_set(&eval->err, HS_EINVAL, 0, "none of the measures is a mean over queries");
    hs_false_discovery(p, n, q);
    for (i = 0; i < n; i++)
        lines[i].q = q[i];
    print_lines(lines, n);
    return HS_OK;
}

int hs_eval_compare(struct hs_eval *eval)
{
    struct comparison comparison = {.eval = eval};
    struct line *lines = hs_xcalloc(eval->measures.n, sizeof(*lines));
    double *p = hs_xcalloc(eval->measures.n, 2 * sizeof(*p));
    int rc = open_values(&comparison);

    if (rc == HS_OK)
        rc = measure_side(&comparison, 0);
    if (rc == HS_OK)
        rc = measure_side(&comparison, 1);
    if (rc == HS_OK)
        rc = compare(&comparison, lines, p, p + eval->measures.n);
    hs_free(comparison.values[0]);
    hs_free(comparison.values[1]);
    hs_free(comparison.differences);
    hs_free(p);
    hs_free(lines);
    return rc;
}
