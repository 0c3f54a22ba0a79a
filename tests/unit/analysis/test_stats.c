/* Golden values are of scipy 1.17.1 and statsmodels 0.14 (the calls stand beside them), but
 * Wilson's, which were computed with 50 digits. test_eval.py compares with scipy itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/stats.h"
#include "base/mem.h"
#include "base/rand.h"

static void assert_close(double found, double wanted, double relative)
{
    if (!(fabs(found - wanted) <= relative * fabs(wanted)))
        fail_msg("%.17g, wanted %.17g", found, wanted);
}

/* 2 * scipy.stats.t.sf(abs(t), df) */
static void t_p__is_that_of_scipy(void **state)
{
    static const struct {
        double t, df, p;
    } cases[] = {
        {0, 3, 1},
        {0.1, 1, 0.936548965138893},
        {12.706, 1, 0.05000080235813319},
        {0.5, 2.5, 0.6576979198697148},
        {2, 3, 0.13932596855884305},
        {2.5, 10, 0.03144684423660882},
        {0.001, 30, 0.9992087357664851},
        {-3.3, 29, 0.0025669142292085896},
        {5, 100, 2.450173413503802e-06},
        {1.96, 1000, 0.050273184955748736},
        {0.7, 12345.5, 0.48394049450941873},
        {4, 1e6, 6.33470340100481e-05},
        {30, 4, 7.352856097661319e-06},
        {2, 1e8, 0.04550026659590669},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++)
        assert_close(hs_t_p(cases[i].t, cases[i].df), cases[i].p, 1e-9);
    assert_true(hs_t_p(INFINITY, 3) == 0);
}

/* scipy.stats.t.isf(p / 2, df) */
static void t_critical__is_that_of_scipy(void **state)
{
    static const struct {
        double p, df, t;
    } cases[] = {
        {0.05, 1, 12.706204736174705},   {0.05, 2, 4.302652729749464},
        {0.05, 9.5, 2.2441374614922966}, {0.01, 30, 2.749995653567226},
        {0.05, 1e6, 1.9599663568141072}, {0.9, 5, 0.1321751752316873},
        {1e-6, 3, 130.15458955835794},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++)
        assert_close(hs_t_critical(cases[i].p, cases[i].df), cases[i].t, 1e-9);
}

static void normal_p__is_the_two_sided_tail(void **state)
{
    (void)state;
    assert_close(hs_normal_p(HS_NORMAL_97_5), 0.05, 1e-13);
    assert_close(hs_normal_p(-2), 0.04550026389635841, 1e-13);
    assert_close(hs_normal_p(10), 1.5239706048321e-23, 1e-12);
}

static void wilson__is_the_score_interval(void **state)
{
    static const struct {
        double hits, of, low, high;
    } cases[] = {
        {0, 1, 0.0, 0.7934506856227626},
        {1, 1, 0.20654931437723742, 1.0},
        {0, 10, 0.0, 0.2775327998628892},
        {1, 10, 0.017876213095072906, 0.4041500267952385},
        {5, 10, 0.236593090512564, 0.763406909487436},
        {10, 10, 0.7224672001371107, 1.0},
        {500, 10000, 0.045898482690584774, 0.05444711584302416},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_interval rate = hs_stats_wilson(cases[i].hits, cases[i].of);

        if (fabs(rate.low - cases[i].low) > 1e-12 || fabs(rate.high - cases[i].high) > 1e-12)
            fail_msg("%g of %g: %.17g to %.17g", cases[i].hits, cases[i].of, rate.low, rate.high);
        assert_true(rate.value == cases[i].hits / cases[i].of);
    }
}

static void wilson__keeps_its_order_whatever_the_counts(void **state)
{
    uint64_t of;
    uint64_t hits;

    (void)state;
    for (of = 1; of < UINT64_MAX / 16; of *= 7) {
        for (hits = 0; hits <= of; hits += HS_MAX(of / 5, 1U)) {
            struct hs_interval rate = hs_stats_wilson((double)hits, (double)of);

            assert_true(rate.low >= 0 && rate.low <= rate.value && rate.value <= rate.high &&
                        rate.high <= 1);
        }
    }
}

/* confint_proportions_2indep(b_x, b_n, a_x, a_n, method="newcomb", compare="diff") and
 * proportions_ztest([b_x, a_x], [b_n, a_n]) of statsmodels.stats.proportion */
static void two_shares__are_those_of_statsmodels(void **state)
{
    static const struct {
        double a_x, a_n, b_x, b_n, low, high, p;
    } cases[] = {
        {10, 100, 20, 110, -0.014316086074387654, 0.17559189742085163, 0.09060246700291108},
        {0, 30, 3, 40, -0.04870281642511211, 0.1986423352431055, 0.1252230476334457},
        {5, 5, 0, 6, -1.0, -0.41593162342397505, 0.0009111188771537128},
        {56, 70, 48, 80, -0.33387265403690614, -0.05243147240236498, 0.00804508136819656},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_interval found =
            hs_stats_newcombe(cases[i].a_x, cases[i].a_n, cases[i].b_x, cases[i].b_n);

        assert_close(found.low, cases[i].low, 1e-9);
        assert_close(found.high, cases[i].high, 1e-9);
        assert_close(hs_stats_shares_p(cases[i].a_x, cases[i].a_n, cases[i].b_x, cases[i].b_n),
                     cases[i].p, 1e-9);
    }
    assert_true(hs_stats_shares_p(0, 5, 0, 7) == 1);
    assert_true(hs_stats_shares_p(5, 5, 7, 7) == 1);
}

/* scipy.stats.chisquare([5100, 4900], [5000, 5000]), ([30, 90], [24, 96]) */
static void split_p__is_pearsons(void **state)
{
    (void)state;
    assert_close(hs_stats_split_p(5100, 10000, 0.5), 0.04550026389635857, 1e-9);
    assert_close(hs_stats_split_p(30, 120, 0.2), 0.17090352023079358, 1e-9);
}

static const double few[] = {0.3, -0.1, 0.25, 0.7, -0.45, 0.05, 0.9, 0.6};
static const double third[] = {0.5, 0.5, -0.25, 0, 0, 0.25, 0.75, -0.5, 1, 0.125};

enum { MANY = 30 };

static void fill_many(double d[MANY])
{
    size_t i;

    for (i = 0; i < MANY; i++)
        d[i] = third[i % HS_ARRAY_LEN(third)];
}

/* scipy.stats.ttest_1samp(d, 0) */
static void paired_t__is_that_of_scipy(void **state)
{
    struct hs_paired found = hs_paired_t(few, HS_ARRAY_LEN(few));
    double d[MANY];

    (void)state;
    assert_close(found.mean.value, 0.28125, 1e-9);
    assert_close(found.mean.low, -0.09191987765530502, 1e-9);
    assert_close(found.mean.high, 0.654419877655305, 1e-9);
    assert_close(found.p, 0.11792099419900387, 1e-9);
    fill_many(d);
    found = hs_paired_t(d, MANY);
    assert_close(found.mean.low, 0.0724307253333846, 1e-9);
    assert_close(found.p, 0.00634180050484798, 1e-9);
}

static void paired_t__of_equal_differences_is_certain(void **state)
{
    static const double zero[] = {0, 0, 0};
    static const double one[] = {1, 1, 1};

    (void)state;
    assert_true(hs_paired_t(zero, 3).p == 1);
    assert_true(hs_paired_t(one, 3).p == 0);
    assert_true(hs_paired_t(one, 3).mean.low == 1);
}

/* scipy.stats.wilcoxon(few, method="exact"); without its zeros, method="approx", correction=True */
static void wilcoxon__is_exact_without_ties_else_normal(void **state)
{
    static const double zeros[] = {0, 0};
    double d[MANY];

    (void)state;
    memcpy(d, few, sizeof(few));
    assert_close(hs_wilcoxon_p(d, HS_ARRAY_LEN(few)), 0.1484375, 1e-12);
    fill_many(d);
    assert_close(hs_wilcoxon_p(d, MANY), 0.011213115353592549, 1e-9);
    memcpy(d, zeros, sizeof(zeros));
    assert_true(hs_wilcoxon_p(d, 2) == 1);
}

/* scipy.stats.permutation_test((d,), np.mean, permutation_type="samples") with all signs; of the
 * second with 1,000,000 */
static void permutation__is_exact_for_few_and_near_for_many(void **state)
{
    double d[MANY];
    double p;

    (void)state;
    assert_close(hs_permutation_p(few, HS_ARRAY_LEN(few), 1), 0.125, 1e-12);
    fill_many(d);
    p = hs_permutation_p(d, MANY, 1);
    assert_true(fabs(p - 0.00756) < 4 * sqrt(0.00756 / HS_RESAMPLES));
    assert_true(p == hs_permutation_p(d, MANY, 1));
    assert_true(p != hs_permutation_p(d, MANY, 2));
}

/* scipy.stats.bootstrap((d,), np.mean, method="percentile", n_resamples=200000) */
static void bootstrap__is_near_that_of_scipy(void **state)
{
    struct hs_interval found = hs_bootstrap(few, HS_ARRAY_LEN(few), 1);
    struct hs_interval again = hs_bootstrap(few, HS_ARRAY_LEN(few), 1);

    (void)state;
    assert_true(found.value == 0.28125);
    assert_true(fabs(found.low - -0.0125) < 0.015);
    assert_true(fabs(found.high - 0.5625) < 0.015);
    assert_true(found.low == again.low && found.high == again.high);
}

/* statsmodels.stats.multitest.multipletests(p, method="fdr_bh") */
static void false_discovery__is_benjamini_hochbergs(void **state)
{
    static const double p[] = {0.01, 0.04, NAN, 0.03, 0.005, 0.2, 0.9, 0.04, 1};
    static const double wanted[] = {0.04, 0.064, NAN, 0.064, 0.04, 0.8 / 3, 1, 0.064, 1};
    double q[HS_ARRAY_LEN(p)];
    size_t i;

    (void)state;
    hs_false_discovery(p, HS_ARRAY_LEN(p), q);
    for (i = 0; i < HS_ARRAY_LEN(p); i++) {
        if (isnan(wanted[i]))
            assert_true(isnan(q[i]));
        else
            assert_close(q[i], wanted[i], 1e-12);
    }
    hs_false_discovery(NULL, 0, NULL);
}

/* Of 20 tests 5 are of real effects; the share of false ones among those with q < 0.1, averaged
 * over comparisons, stays below 0.1 * 15 / 20 and a little. */
static void false_discovery__holds_its_rate(void **state)
{
    enum { COMPARISONS = 1000, TESTS = 20, REAL = 5, PAIRS = 20 };
    struct hs_rand rand;
    double share = 0;
    size_t real_found = 0;
    size_t i, k, pair;

    (void)state;
    hs_rand_init(&rand, 7);
    for (i = 0; i < COMPARISONS; i++) {
        double p[TESTS];
        double q[TESTS];
        size_t found = 0;
        size_t wrong = 0;

        for (k = 0; k < TESTS; k++) {
            double d[PAIRS];

            for (pair = 0; pair < PAIRS; pair++)
                d[pair] = hs_rand_normal(&rand) + (k < REAL ? 1 : 0);
            p[k] = hs_paired_t(d, PAIRS).p;
        }
        hs_false_discovery(p, TESTS, q);
        for (k = 0; k < TESTS; k++) {
            found += q[k] < 0.1;
            wrong += k >= REAL && q[k] < 0.1;
        }
        real_found += found - wrong;
        share += found > 0 ? (double)wrong / (double)found : 0;
    }
    assert_in_range(share / COMPARISONS * 1e4, 500, 900);
    assert_true(real_found > COMPARISONS * REAL * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_p__is_that_of_scipy),
        cmocka_unit_test(t_critical__is_that_of_scipy),
        cmocka_unit_test(normal_p__is_the_two_sided_tail),
        cmocka_unit_test(wilson__is_the_score_interval),
        cmocka_unit_test(wilson__keeps_its_order_whatever_the_counts),
        cmocka_unit_test(two_shares__are_those_of_statsmodels),
        cmocka_unit_test(split_p__is_pearsons),
        cmocka_unit_test(paired_t__is_that_of_scipy),
        cmocka_unit_test(paired_t__of_equal_differences_is_certain),
        cmocka_unit_test(wilcoxon__is_exact_without_ties_else_normal),
        cmocka_unit_test(permutation__is_exact_for_few_and_near_for_many),
        cmocka_unit_test(bootstrap__is_near_that_of_scipy),
        cmocka_unit_test(false_discovery__is_benjamini_hochbergs),
        cmocka_unit_test(false_discovery__holds_its_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
