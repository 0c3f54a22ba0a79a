#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/plan.h"

enum { MINUTE_S = 60, TEN_S = 600, HOUR_S = 3600, MARKS_MAX = 1000 };

#define DAY_S 86400LL
#define START_S (20000 * DAY_S) /* a midnight */

struct marks {
    int64_t start_s[MARKS_MAX];
    size_t n;
};

/* A plan's input without marks and floors, long after its range. */
static struct hs_plan_in calm(int64_t from_s, int64_t to_s)
{
    struct hs_plan_in in = {.from_s = from_s,
                            .to_s = to_s,
                            .now_s = to_s + DAY_S,
                            .coarsest = HS_LEVEL_1H};
    int level;

    for (level = 0; level < HS_LEVEL_N; level++)
        in.marks[level].unknown_from_s = INT64_MAX;
    return in;
}

static void use(struct hs_plan_in *in, enum hs_level level, const struct marks *marks)
{
    in->marks[level].start_s = marks->start_s;
    in->marks[level].n = marks->n;
}

/* "1h:0-3600 1m:3600-3660", in seconds from START_S. */
static void check(const struct hs_plan_in *in, const char *expected)
{
    static struct hs_plan plan;
    char text[1024] = "";
    size_t at = 0;
    size_t i;

    hs_plan_make(in, &plan);
    for (i = 0; i < plan.n && at < sizeof(text); i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s:%lld-%lld", i > 0 ? " " : "",
                               hs_level_name(plan.segments[i].level),
                               (long long)(plan.segments[i].from_s - START_S),
                               (long long)(plan.segments[i].to_s - START_S));
    assert_string_equal(text, expected);
}

static void plan__takes_the_coarsest_windows_that_fit(void **state)
{
    static const struct {
        int64_t from_s, to_s;
        const char *expected;
    } cases[] = {
        {0, MINUTE_S, "1m:0-60"},
        {0, TEN_S, "10m:0-600"},
        {0, HOUR_S, "1h:0-3600"},
        {0, DAY_S, "1h:0-86400"},
        {0, HOUR_S + MINUTE_S, "1h:0-3600 1m:3600-3660"},
        {-MINUTE_S, HOUR_S, "1m:-60-0 1h:0-3600"},
        {-TEN_S - MINUTE_S, HOUR_S + TEN_S + MINUTE_S,
         "1m:-660--600 10m:-600-0 1h:0-3600 10m:3600-4200 1m:4200-4260"},
        {0, HOUR_S - MINUTE_S, "10m:0-3000 1m:3000-3540"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_plan_in in = calm(START_S + cases[i].from_s, START_S + cases[i].to_s);

        check(&in, cases[i].expected);
    }
}

static void plan__is_no_coarser_than_the_series(void **state)
{
    struct hs_plan_in in = calm(START_S, START_S + HOUR_S);

    (void)state;
    in.coarsest = HS_LEVEL_10M;
    check(&in, "10m:0-3600");
    in.coarsest = HS_LEVEL_1M;
    check(&in, "1m:0-3600");
}

static void plan__reads_minutes_where_a_window_has_not_ended(void **state)
{
    struct hs_plan_in in = calm(START_S, START_S + HOUR_S);

    (void)state;
    in.now_s = START_S + HOUR_S;
    check(&in, "1h:0-3600");
    in.now_s = START_S + HOUR_S - 1;
    check(&in, "10m:0-3000 1m:3000-3600");
}

static void plan__reads_minutes_where_a_mark_begins(void **state)
{
    static const struct {
        enum hs_level level;
        int64_t at_s;
        const char *expected; /* of three hours */
    } cases[] = {
        {HS_LEVEL_1M, 0, "1m:0-600 10m:600-3600 1h:3600-10800"},
        {HS_LEVEL_1M, HOUR_S - MINUTE_S, "10m:0-3000 1m:3000-3600 1h:3600-10800"},
        {HS_LEVEL_1M, HOUR_S, "1h:0-3600 1m:3600-4200 10m:4200-7200 1h:7200-10800"},
        {HS_LEVEL_10M, 0, "1m:0-600 10m:600-3600 1h:3600-10800"},
        /* hours alone are dirty: ten minutes are well */
        {HS_LEVEL_1H, HOUR_S, "1h:0-3600 10m:3600-7200 1h:7200-10800"},
        /* a mark outside of the range does not matter */
        {HS_LEVEL_1M, -MINUTE_S, "1h:0-10800"},
        {HS_LEVEL_1M, 3 * HOUR_S, "1h:0-10800"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_plan_in in = calm(START_S, START_S + 3 * HOUR_S);
        struct marks marks = {{START_S + cases[i].at_s}, 1};

        use(&in, cases[i].level, &marks);
        check(&in, cases[i].expected);
    }
}

static void plan__takes_unknown_marks_for_dirty(void **state)
{
    struct hs_plan_in in = calm(START_S, START_S + 2 * HOUR_S);

    (void)state;
    in.marks[HS_LEVEL_1M].unknown_from_s = START_S + HOUR_S;
    check(&in, "1h:0-3600 1m:3600-7200");
}

static void plan__reads_coarser_windows_before_the_floors(void **state)
{
    struct hs_plan_in in = calm(START_S, START_S + 3 * HOUR_S);
    struct marks marks = {{START_S, START_S + HOUR_S}, 2};

    (void)state;
    in.coarsest = HS_LEVEL_1M;
    in.floor_s[HS_LEVEL_1M] = START_S + 2 * HOUR_S;
    in.floor_s[HS_LEVEL_10M] = START_S + HOUR_S;
    /* Whatever the marks and the series: nothing better is left. */
    use(&in, HS_LEVEL_1M, &marks);
    check(&in, "1h:0-3600 10m:3600-7200 1m:7200-10800");
    assert_int_equal(hs_plan_finest(&in, START_S + HOUR_S - 1), HS_LEVEL_1H);
    assert_int_equal(hs_plan_finest(&in, START_S + HOUR_S), HS_LEVEL_10M);
    assert_int_equal(hs_plan_finest(&in, START_S + 2 * HOUR_S), HS_LEVEL_1M);
}

/* Every second hour is dirty: more pieces than a plan holds. */
static void plan__has_a_bound_and_still_covers_the_range(void **state)
{
    static struct marks marks;
    static struct hs_plan plan;
    struct hs_plan_in in = calm(START_S + MINUTE_S, START_S + 400 * HOUR_S + MINUTE_S);
    int64_t at_s = in.from_s;
    size_t i;

    (void)state;
    marks.n = 0;
    for (i = 0; i < 400; i += 2)
        marks.start_s[marks.n++] = START_S + (int64_t)i * HOUR_S + 30 * MINUTE_S;
    use(&in, HS_LEVEL_1M, &marks);
    hs_plan_make(&in, &plan);
    assert_true(plan.n > HS_PLAN_SEGMENTS_MAX - HS_LEVEL_N - 1);
    assert_true(plan.n <= HS_PLAN_SEGMENTS_MAX);
    for (i = 0; i < plan.n; i++) {
        int64_t level_s = hs_level_s(plan.segments[i].level);

        assert_int_equal(plan.segments[i].from_s, at_s);
        assert_int_equal(plan.segments[i].from_s % level_s, 0);
        assert_int_equal(plan.segments[i].to_s % level_s, 0);
        assert_true(plan.segments[i].level == HS_LEVEL_1M ||
                    !hs_plan_dirty(&in, plan.segments[i].level, plan.segments[i].from_s,
                                   plan.segments[i].to_s));
        at_s = plan.segments[i].to_s;
    }
    assert_int_equal(at_s, in.to_s);
    assert_int_equal(plan.segments[plan.n - 1].level, HS_LEVEL_1M);
}

static void dirty__looks_at_finer_levels_too(void **state)
{
    struct hs_plan_in in = calm(START_S, START_S + HOUR_S);
    const struct marks minute = {{START_S + MINUTE_S}, 1};
    const struct marks hour = {{START_S + HOUR_S}, 1};

    (void)state;
    use(&in, HS_LEVEL_1M, &minute);
    use(&in, HS_LEVEL_1H, &hour);
    assert_true(hs_plan_dirty(&in, HS_LEVEL_1H, START_S, START_S + HOUR_S));
    assert_true(hs_plan_dirty(&in, HS_LEVEL_1M, START_S + MINUTE_S, START_S + 2 * MINUTE_S));
    assert_false(hs_plan_dirty(&in, HS_LEVEL_1M, START_S, START_S + MINUTE_S));
    assert_false(hs_plan_dirty(&in, HS_LEVEL_10M, START_S + HOUR_S, START_S + 2 * HOUR_S));
    assert_true(hs_plan_dirty(&in, HS_LEVEL_1H, START_S + HOUR_S, START_S + 2 * HOUR_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan__takes_the_coarsest_windows_that_fit),
        cmocka_unit_test(plan__is_no_coarser_than_the_series),
        cmocka_unit_test(plan__reads_minutes_where_a_window_has_not_ended),
        cmocka_unit_test(plan__reads_minutes_where_a_mark_begins),
        cmocka_unit_test(plan__takes_unknown_marks_for_dirty),
        cmocka_unit_test(plan__reads_coarser_windows_before_the_floors),
        cmocka_unit_test(plan__has_a_bound_and_still_covers_the_range),
        cmocka_unit_test(dirty__looks_at_finer_levels_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
