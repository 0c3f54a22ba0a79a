/* The parts of the series detector, each by what it promises. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "analysis/detect.h"
#include "analysis/novelty.h"
#include "analysis/rarity.h"
#include "analysis/season.h"
#include "analysis/transitions.h"
#include "base/mem.h"
#include "base/rand.h"

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S, WEEK_S = 7 * DAY_S };

static void novelty__is_the_distance_to_the_nearest_earlier_value(void **state)
{
    struct hs_rand rand;
    struct hs_novelty novelty;
    static double seen[5000];
    size_t i, j;

    (void)state;
    hs_rand_init(&rand, 7);
    hs_novelty_init(&novelty);
    for (i = 0; i < HS_ARRAY_LEN(seen); i++) {
        double nearest = i == 0 ? -1 : INFINITY;

        seen[i] = floor(hs_rand_double(&rand) * 20000) / 7;
        for (j = 0; j < i; j++)
            nearest = fmin(nearest, fabs(seen[j] - seen[i]));
        assert_true(hs_novelty_push(&novelty, seen[i]) == nearest);
    }
    hs_novelty_fini(&novelty);
}

static void novelty__stays_bounded_and_keeps_what_is_far_out(void **state)
{
    struct hs_rand rand;
    struct hs_novelty novelty;
    size_t i;

    (void)state;
    hs_rand_init(&rand, 7);
    hs_novelty_init(&novelty);
    hs_novelty_push(&novelty, 1000);
    hs_novelty_push(&novelty, -1000);
    for (i = 0; i < 100000; i++) {
        hs_novelty_push(&novelty, hs_rand_double(&rand));
        assert_true(novelty.values_n < HS_NOVELTY_VALUES_MAX);
    }
    assert_true(hs_novelty_push(&novelty, 1000) == 0);
    assert_true(hs_novelty_push(&novelty, -1000) == 0);
    assert_true(hs_novelty_push(&novelty, 500) > 498);
    assert_true(hs_novelty_push(&novelty, 0.5) < 0.01);
    hs_novelty_fini(&novelty);
}

static void rarity__is_the_logarithm_of_how_seldom_it_was_as_large(void **state)
{
    struct hs_rarity rarity;
    int i;

    (void)state;
    hs_rarity_init(&rarity);
    assert_true(hs_rarity_push(&rarity, 1e6) == 0); /* warming up */
    for (i = 0; i < 998; i++)
        hs_rarity_push(&rarity, i % 10 == 0 ? 4 : 1);
    assert_true(fabs(hs_rarity_push(&rarity, 100) - log10(1000 / 1.5)) < 1e-9);
    assert_true(fabs(hs_rarity_push(&rarity, 4) - log10(1001 / 102.5)) < 1e-9);
    assert_true(hs_rarity_push(&rarity, 0) == 0);
    assert_true(isfinite(hs_rarity_push(&rarity, 1e300)));
}

static void transitions__are_unexpected_where_they_never_followed(void **state)
{
    struct hs_transitions transitions;
    int i;

    (void)state;
    hs_transitions_init(&transitions);
    for (i = 0; i < 100; i++)
        hs_transitions_push(&transitions, (double)(i % 4)); /* 0 1 2 3 0 1 2 3 … */
    assert_int_equal(hs_transitions_push(&transitions, 0), 0);
    /* 2 was there, but never after 0, nor after 3 0. */
    assert_int_equal(hs_transitions_push(&transitions, 2), 2);
    /* Never there: unexpected after anything and after 2; the context 0 2 expects anything. */
    assert_int_equal(hs_transitions_push(&transitions, 2.5), 2);
}

static void transitions__keep_what_they_learnt_when_the_range_grows(void **state)
{
    struct hs_transitions transitions;
    int i;

    (void)state;
    hs_transitions_init(&transitions);
    for (i = 0; i < 100; i++)
        hs_transitions_push(&transitions, i % 2 ? 10 : 0);
    assert_int_equal(hs_transitions_push(&transitions, -1000), 3);
    hs_transitions_push(&transitions, 0);
    hs_transitions_push(&transitions, 0);
    assert_int_equal(hs_transitions_push(&transitions, 0), 0);
    assert_true(hs_transitions_push(&transitions, 1e300) > 0);
    assert_true(hs_transitions_push(&transitions, -1e300) > 0);
}

/* Three weeks of hours: 100 by day, 10 by night, half of it on Sundays. */
static double usual(int64_t at_s)
{
    int hour = (int)(at_s / HOUR_S % 24);
    bool sunday = (at_s / DAY_S + 4) % 7 == 0;

    return (hour >= 8 && hour < 20 ? 100 : 10) * (sunday ? 0.5 : 1);
}

static void season__expects_the_hour_of_the_week(void **state)
{
    struct hs_season season;
    struct hs_season_normal normal;
    int64_t at_s;

    (void)state;
    hs_season_init(&season);
    hs_season_at(&season, 0, &normal);
    assert_false(normal.seasonal);
    for (at_s = 0; at_s < 3 * WEEK_S; at_s += 900)
        hs_season_push(&season, at_s, usual(at_s) + (double)(at_s / 900 % 3));
    for (; at_s < 4 * WEEK_S; at_s += HOUR_S) {
        hs_season_at(&season, at_s, &normal);
        assert_true(normal.seasonal);
        assert_true(fabs(normal.expected - usual(at_s) - 1) < 5);
        assert_true(normal.strength > 0.8);
        assert_true(normal.scale > 0);
    }
}

static void season__without_one_is_the_level(void **state)
{
    struct hs_season season;
    struct hs_season_normal normal;
    struct hs_rand rand;
    int i;

    (void)state;
    hs_rand_init(&rand, 3);
    hs_season_init(&season);
    for (i = 0; i < 5000; i++)
        hs_season_push(&season, (int64_t)i * 300, 50 + hs_rand_double(&rand));
    hs_season_at(&season, (int64_t)i * 300, &normal);
    assert_true(fabs(normal.expected - 50.5) < 0.2);
    assert_true(normal.strength < 0.1);
    assert_true(normal.scale > 0.2 && normal.scale < 0.5);
}

static void detector__tells_of_a_peak_once_and_scores_within_0_and_1(void **state)
{
    struct hs_detector *detector = hs_detector_new(HS_DETECT_ALL);
    struct hs_detection detection;
    struct hs_rand rand;
    int told = 0;
    int i;

    (void)state;
    hs_rand_init(&rand, 5);
    for (i = 0; i < 6000; i++) {
        bool odd = i >= 5000 && i < 5010;

        hs_detector_push(detector, (int64_t)i * 60, odd ? 30 + i % 3 : hs_rand_double(&rand),
                         &detection);
        assert_true(detection.score >= 0 && detection.score < 1);
        if (i == 5000) {
            assert_true(detection.score >= HS_DETECT_SCORE_DEFAULT);
            assert_true(detection.z > 10);
            assert_true(detection.low < detection.expected && detection.expected < detection.high);
        }
        told += i > 1000 && detection.score >= HS_DETECT_SCORE_DEFAULT;
    }
    assert_true(told >= 1 && told <= 3);
    hs_detector_free(detector);
}

static void detector__takes_the_largest_numbers(void **state)
{
    struct hs_detector *detector = hs_detector_new(HS_DETECT_ALL);
    struct hs_detection detection;
    int i;

    (void)state;
    for (i = 0; i < 500; i++) {
        hs_detector_push(detector, (int64_t)i * HOUR_S,
                         (i % 3 - 1) * (i % 2 ? HS_DETECT_VALUE_MAX : 1e-300), &detection);
        assert_true(detection.score >= 0 && detection.score < 1);
    }
    hs_detector_free(detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(novelty__is_the_distance_to_the_nearest_earlier_value),
        cmocka_unit_test(novelty__stays_bounded_and_keeps_what_is_far_out),
        cmocka_unit_test(rarity__is_the_logarithm_of_how_seldom_it_was_as_large),
        cmocka_unit_test(transitions__are_unexpected_where_they_never_followed),
        cmocka_unit_test(transitions__keep_what_they_learnt_when_the_range_grows),
        cmocka_unit_test(season__expects_the_hour_of_the_week),
        cmocka_unit_test(season__without_one_is_the_level),
        cmocka_unit_test(detector__tells_of_a_peak_once_and_scores_within_0_and_1),
        cmocka_unit_test(detector__takes_the_largest_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
