#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/range.h"

enum { HOUR_S = 3600, DAY_S = 86400 };

#define NOW_S (1795428000LL + 17)
#define FLOOR_1M_S ((NOW_S / HOUR_S + 1) * HOUR_S - 30LL * DAY_S)
#define FLOOR_10M_S ((NOW_S / HOUR_S + 1) * HOUR_S - 90LL * DAY_S)

static const struct hs_plan_in kept = {
    .now_s = NOW_S,
    .floor_s = {[HS_LEVEL_1M] = FLOOR_1M_S, [HS_LEVEL_10M] = FLOOR_10M_S, [HS_LEVEL_1H] = 0},
};

static int range_of(int64_t from_s, int64_t step_s, bool series, struct hs_range *out,
                    struct hs_err *err)
{
    const struct hs_params params = {.from_ns = from_s * HS_NS_PER_S,
                                     .to_ns = (from_s + 2 * HOUR_S) * HS_NS_PER_S,
                                     .step_s = step_s,
                                     .series = series};

    return hs_range_of_cells(&kept, &params, out, err);
}

static void range__is_as_fine_as_what_is_kept(void **state)
{
    static const struct {
        int64_t from_s;
        struct hs_range range; /* without series, of two hours */
    } cases[] = {
        {FLOOR_1M_S + 1, {FLOOR_1M_S, FLOOR_1M_S + 2 * HOUR_S + 60, 60}},
        {FLOOR_1M_S, {FLOOR_1M_S, FLOOR_1M_S + 2 * HOUR_S, 60}},
        {FLOOR_1M_S - 1, {FLOOR_1M_S - 600, FLOOR_1M_S + 2 * HOUR_S, 600}},
        {FLOOR_10M_S, {FLOOR_10M_S, FLOOR_10M_S + 2 * HOUR_S, 600}},
        {FLOOR_10M_S - 1, {FLOOR_10M_S - HOUR_S, FLOOR_10M_S + 2 * HOUR_S, HOUR_S}},
    };
    struct hs_range range;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        assert_int_equal(range_of(cases[i].from_s, 0, false, &range, NULL), HS_OK);
        if (memcmp(&range, &cases[i].range, sizeof(range)) != 0)
            fail_msg("case %zu: [%lld, %lld) by %lld", i, (long long)(range.from_s - FLOOR_1M_S),
                     (long long)(range.to_s - FLOOR_1M_S), (long long)range.step_s);
    }
}

/* Steps that do not divide the floor's hour: snapped outward, the range begins before the floor. */
static void range__that_snaps_to_before_a_floor_must_fit_what_is_kept_there(void **state)
{
    static const int64_t floors[] = {FLOOR_1M_S, FLOOR_10M_S};
    static const int64_t steps[] = {7 * 60, 7 * 600};
    struct hs_range range;
    struct hs_err err;
    size_t refused = 0;
    size_t i;
    int64_t at;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(floors); i++) {
        for (at = floors[i]; at < floors[i] + steps[i]; at += 60) {
            if (range_of(at, steps[i], true, &range, &err) == HS_OK) {
                int64_t grain_s = hs_level_s(hs_plan_finest(&kept, range.from_s));

                assert_int_equal(range.from_s % grain_s, 0);
                assert_int_equal(range.to_s % grain_s, 0);
                continue;
            }
            assert_non_null(strstr(err.text, "the finest that is kept"));
            refused++;
        }
    }
    assert_true(refused > 0);
}

static void range__of_each_step_around_the_floors_can_be_planned(void **state)
{
    static struct hs_plan plan;
    int64_t step_s;
    int64_t at;
    size_t planned = 0;

    (void)state;
    for (step_s = 60; step_s <= 2 * HOUR_S; step_s += 60) {
        for (at = FLOOR_1M_S - 2 * HOUR_S; at < FLOOR_1M_S + 2 * HOUR_S; at += 60) {
            struct hs_plan_in in = kept;
            struct hs_range range;
            int level;

            if (range_of(at, step_s, true, &range, NULL) != HS_OK)
                continue;
            in.from_s = range.from_s;
            in.to_s = range.to_s;
            in.coarsest = HS_LEVEL_1M;
            for (level = 0; level < HS_LEVEL_N; level++)
                in.marks[level].unknown_from_s = INT64_MAX;
            hs_plan_make(&in, &plan); /* asserts */
            assert_int_equal(plan.segments[0].from_s, range.from_s);
            assert_int_equal(plan.segments[plan.n - 1].to_s, range.to_s);
            planned++;
        }
    }
    assert_true(planned > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range__is_as_fine_as_what_is_kept),
        cmocka_unit_test(range__that_snaps_to_before_a_floor_must_fit_what_is_kept_there),
        cmocka_unit_test(range__of_each_step_around_the_floors_can_be_planned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
