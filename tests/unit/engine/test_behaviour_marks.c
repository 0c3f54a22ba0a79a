/* Which marks of the behaviour rollup touched minutes make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/behaviour_marks.h"

static void marks__of_neighbouring_minutes_are_made_once(void **state)
{
    const struct hs_minute minutes[] = {
        {.tenant = "t", .minute_s = 6000, .touched = HS_TOUCH_SEARCH},
        {.tenant = "t", .minute_s = 6060, .touched = HS_TOUCH_ACTION},
        {.tenant = "t", .minute_s = 6120, .touched = HS_TOUCH_SEARCH | HS_TOUCH_ACTION},
    };
    struct hs_behaviour_mark *marks;
    size_t n = hs_behaviour_marks_of(minutes, HS_ARRAY_LEN(minutes), &marks);
    size_t i;

    (void)state;
    assert_int_equal(n, 4);
    for (i = 0; i < n; i++) {
        assert_int_equal(marks[i].block_s, 4200 + 600 * (int64_t)i);
        assert_false(marks[i].purchases);
    }
    hs_free(marks);
}

static void marks__of_tenants_stand_apart(void **state)
{
    const struct hs_minute minutes[] = {
        {.tenant = "a", .minute_s = 6000, .touched = HS_TOUCH_SEARCH},
        {.tenant = "b", .minute_s = 6000, .touched = HS_TOUCH_SEARCH},
    };
    struct hs_behaviour_mark *marks;

    (void)state;
    assert_int_equal(hs_behaviour_marks_of(minutes, HS_ARRAY_LEN(minutes), &marks), 8);
    hs_free(marks);
}

static void marks__of_purchases_name_their_own_block_too(void **state)
{
    const struct hs_minute minute = {.tenant = "t",
                                     .minute_s = 6060,
                                     .touched = HS_TOUCH_ACTION | HS_TOUCH_PURCHASE};
    struct hs_behaviour_mark *marks;
    size_t n = hs_behaviour_marks_of(&minute, 1, &marks);

    (void)state;
    assert_int_equal(n, 5);
    assert_true(marks[n - 1].purchases);
    assert_int_equal(marks[n - 1].block_s, 6000);
    hs_free(marks);
}

static void marks__of_nothing_are_none(void **state)
{
    struct hs_behaviour_mark *marks;

    (void)state;
    assert_int_equal(hs_behaviour_marks_of(NULL, 0, &marks), 0);
    hs_free(marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks__of_neighbouring_minutes_are_made_once),
        cmocka_unit_test(marks__of_tenants_stand_apart),
        cmocka_unit_test(marks__of_purchases_name_their_own_block_too),
        cmocka_unit_test(marks__of_nothing_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
