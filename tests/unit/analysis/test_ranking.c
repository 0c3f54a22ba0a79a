/* Measures of lists that are small enough to do by hand; test_eval.py has the many. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analysis/ranking.h"
#include "base/mem.h"

static const struct hs_gains linear = {.kind = HS_GAIN_LINEAR};

/* Grades 2, not judged, 0, 1 by rank; of five judged documents one is relevant and not found. */
static const int32_t rels[] = {2, HS_REL_NONPOOL, 0, 1};
static const struct hs_grade_count grades[] = {{0, 2}, {1, 2}, {2, 1}};

static struct hs_ranking sample(void)
{
    struct hs_ranking ranking = {.rels = rels,
                                 .ret = HS_ARRAY_LEN(rels),
                                 .grades = grades,
                                 .grades_n = HS_ARRAY_LEN(grades),
                                 .level = 1};

    hs_ranking_count(&ranking);
    return ranking;
}

#define ASSERT_NEAR(a, b) assert_true(fabs((a) - (b)) < 1e-12)

static void measures__of_a_small_list_are_those_done_by_hand(void **state)
{
    struct hs_ranking r = sample();

    (void)state;
    assert_int_equal(r.rel, 3);
    assert_int_equal(r.rel_ret, 2);
    ASSERT_NEAR(hs_rank_average_precision(&r, 0), (1.0 + 2.0 / 4) / 3);
    ASSERT_NEAR(hs_rank_average_precision(&r, 3), 1.0 / 3);
    ASSERT_NEAR(hs_rank_precision(&r, 10), 0.2);
    ASSERT_NEAR(hs_rank_recall(&r, 3), 1.0 / 3);
    ASSERT_NEAR(hs_rank_reciprocal(&r, 0), 1);
    ASSERT_NEAR(hs_rank_bpref(&r), (1 + 0.5) / 3);
    ASSERT_NEAR(hs_rank_dcg(&r, &linear, 0), 2 + 1 / log2(5));
    ASSERT_NEAR(hs_rank_ideal_dcg(&r, &linear, 2), 2 + 1 / log2(3));
    ASSERT_NEAR(hs_rank_err(&r, 10, 2), 0.75 + 0.25 * 0.25 / 4);
    ASSERT_NEAR(hs_rank_rbp(&r, 0.5, 0), 0.5 + 0.0625);
    ASSERT_NEAR(hs_rank_judged(&r, 2), 0.5);
    assert_int_equal(hs_rank_nonrel_judged(&r), 1);
}

static void gains__are_of_three_kinds(void **state)
{
    const struct hs_gains exponential = {.kind = HS_GAIN_EXPONENTIAL};
    const struct hs_gains jarvelin = {.kind = HS_GAIN_JARVELIN};
    struct hs_ranking r = sample();

    (void)state;
    ASSERT_NEAR(hs_rank_dcg(&r, &exponential, 0), 3 + 1 / log2(5));
    ASSERT_NEAR(hs_rank_dcg(&r, &jarvelin, 0), 2 + 1 / log2(4));
}

static void level__makes_lower_grades_not_relevant(void **state)
{
    struct hs_ranking r = sample();

    (void)state;
    r.level = 2;
    hs_ranking_count(&r);
    assert_int_equal(r.rel, 1);
    ASSERT_NEAR(hs_rank_average_precision(&r, 0), 1);
}

/* Nothing found, nothing relevant, nothing judged: every measure is 0. */
static void measures__of_nothing_are_zero(void **state)
{
    struct hs_ranking r = {.level = 1};

    (void)state;
    hs_ranking_count(&r);
    ASSERT_NEAR(hs_rank_average_precision(&r, 0), 0);
    ASSERT_NEAR(hs_rank_ndcg(&r, &linear, 0), 0);
    ASSERT_NEAR(hs_rank_ndcg_rel(&r, &linear), 0);
    ASSERT_NEAR(hs_rank_rndcg(&r, &linear), 0);
    ASSERT_NEAR(hs_rank_g(&r, &linear), 0);
    ASSERT_NEAR(hs_rank_bpref(&r), 0);
    ASSERT_NEAR(hs_rank_interpolated(&r, 0), 0);
    ASSERT_NEAR(hs_rank_set_f(&r, 1), 0);
    ASSERT_NEAR(hs_rank_relative_precision(&r, 5), 0);
    ASSERT_NEAR(hs_rank_judged(&r, 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures__of_a_small_list_are_those_done_by_hand),
        cmocka_unit_test(gains__are_of_three_kinds),
        cmocka_unit_test(level__makes_lower_grades_not_relevant),
        cmocka_unit_test(measures__of_nothing_are_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
