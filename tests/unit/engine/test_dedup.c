/* Dedup: repeats within the window are seen, whatever the clock does and however many come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/dedup.h"

enum { WINDOW_S = 600, T0 = 1000000 };

static bool add(struct hs_dedup *dedup, uint64_t n, int32_t received_s)
{
    struct hs_dedup_id id = {.h1 = n * 0x9E3779B97F4A7C15u,
                             .h2 = (uint32_t)n,
                             .received_s = received_s};

    return hs_dedup_add(dedup, &id);
}

static void dedup__knows_an_id_until_the_window_is_over(void **state)
{
    struct hs_dedup dedup;

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    assert_true(add(&dedup, 1, T0));
    assert_false(add(&dedup, 1, T0));
    assert_true(add(&dedup, 2, T0 + WINDOW_S));
    assert_false(add(&dedup, 1, T0 + WINDOW_S));
    assert_true(add(&dedup, 3, T0 + WINDOW_S + 1));
    assert_true(add(&dedup, 1, T0 + WINDOW_S + 1));
    assert_int_equal(hs_dedup_window_s(&dedup), WINDOW_S);
    hs_dedup_fini(&dedup);
}

static void dedup__tells_ids_apart_by_both_hashes(void **state)
{
    struct hs_dedup dedup;
    struct hs_dedup_id one = {.h1 = 5, .h2 = 1, .received_s = T0};
    struct hs_dedup_id other = {.h1 = 5, .h2 = 2, .received_s = T0};

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    assert_true(hs_dedup_add(&dedup, &one));
    assert_true(hs_dedup_add(&dedup, &other));
    assert_false(hs_dedup_add(&dedup, &one));
    hs_dedup_fini(&dedup);
}

/* An hour back: what comes then is remembered as well as before. */
static void dedup__holds_when_the_clock_is_set_back(void **state)
{
    struct hs_dedup dedup;

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    assert_true(add(&dedup, 1, T0));
    assert_true(add(&dedup, 2, T0 - 3600));
    assert_false(add(&dedup, 2, T0 - 3600 + 5));
    assert_false(add(&dedup, 1, T0 - 3600 + 5));
    hs_dedup_fini(&dedup);
}

static void dedup__holds_when_the_clock_jumps_ahead(void **state)
{
    struct hs_dedup dedup;

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    assert_true(add(&dedup, 1, T0 + 86400));
    assert_true(add(&dedup, 2, T0)); /* and back again */
    assert_false(add(&dedup, 2, T0 + 1));
    hs_dedup_fini(&dedup);
}

/* The wall clock goes an hour ahead within a second. */
static void dedup__holds_over_a_jump_ahead_that_took_no_time(void **state)
{
    struct hs_dedup dedup;

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    hs_dedup_tick(&dedup, HS_NS_PER_S);
    assert_true(add(&dedup, 1, T0));
    hs_dedup_tick(&dedup, 2 * HS_NS_PER_S);
    assert_false(add(&dedup, 1, T0 + 3600));
    assert_true(add(&dedup, 2, T0 + 3600));
    assert_false(add(&dedup, 1, T0 + 3600));
    hs_dedup_fini(&dedup);
}

/* Once the window has really passed, an id is new, also after such a jump. */
static void dedup__forgets_when_the_time_has_passed(void **state)
{
    struct hs_dedup dedup;
    int second;

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    hs_dedup_tick(&dedup, HS_NS_PER_S);
    assert_true(add(&dedup, 1, T0));
    for (second = 1; second <= WINDOW_S + 1; second++) {
        hs_dedup_tick(&dedup, (1 + second) * HS_NS_PER_S);
        assert_true(add(&dedup, 100 + (uint64_t)second, T0 + 3600 + second));
    }
    assert_true(add(&dedup, 1, T0 + 3600 + second));
    assert_int_equal(hs_dedup_window_s(&dedup), WINDOW_S);
    hs_dedup_fini(&dedup);
}

/* Time that passed while the clock was behind is not saved up for a later jump. */
static void dedup__saves_no_time_while_the_clock_is_behind(void **state)
{
    struct hs_dedup dedup;
    int second;

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    hs_dedup_tick(&dedup, HS_NS_PER_S);
    assert_true(add(&dedup, 1, T0));
    for (second = 1; second <= 2 * WINDOW_S; second++) {
        hs_dedup_tick(&dedup, (1 + second) * HS_NS_PER_S);
        add(&dedup, 100 + (uint64_t)second, T0 - 3600 + second);
    }
    assert_true(add(&dedup, 2, T0 - 3600 + second));
    assert_false(add(&dedup, 2, T0 + 7200));
    hs_dedup_fini(&dedup);
}

static void dedup__grows_and_finds_all(void **state)
{
    struct hs_dedup dedup;
    uint64_t i;

    (void)state;
    hs_dedup_init(&dedup, 1000000, WINDOW_S);
    for (i = 1; i <= 200000; i++)
        assert_true(add(&dedup, i, T0 + (int32_t)(i / 1000)));
    for (i = 1; i <= 200000; i++)
        assert_false(add(&dedup, i, T0 + 200));
    hs_dedup_fini(&dedup);
}

/* Beyond entries_max the oldest go first, and the window that is really covered says so. */
static void dedup__shrinks_its_window_at_entries_max(void **state)
{
    struct hs_dedup dedup;
    int32_t covered;
    uint64_t i;

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    for (i = 1; i <= 60000; i++)
        assert_true(add(&dedup, i, T0 + (int32_t)(i / 100)));
    covered = hs_dedup_window_s(&dedup);
    assert_in_range(covered, 1, WINDOW_S - 1);
    assert_true(dedup.cap <= 65536);
    for (i = 60000; i > 60000 - (uint64_t)covered * 100 + 200; i--)
        assert_false(add(&dedup, i, T0 + 600));
    hs_dedup_fini(&dedup);
}

static void dedup__forgets_what_was_not_loaded(void **state)
{
    struct hs_dedup dedup;
    struct hs_dedup_id id = {.h1 = 9, .h2 = 9, .received_s = T0};

    (void)state;
    hs_dedup_init(&dedup, 10000, WINDOW_S);
    assert_true(hs_dedup_add(&dedup, &id));
    hs_dedup_forget(&dedup, &id);
    assert_true(hs_dedup_add(&dedup, &id));
    assert_false(hs_dedup_add(&dedup, &id));
    hs_dedup_fini(&dedup);
}

static void dedup_id__differs_by_tenant_and_topic(void **state)
{
    struct hs_dedup_id a = hs_dedup_id_of(HS_STR("t1"), "search.events", HS_STR("e1"), 5000000);
    struct hs_dedup_id b = hs_dedup_id_of(HS_STR("t2"), "search.events", HS_STR("e1"), 5000000);
    struct hs_dedup_id c = hs_dedup_id_of(HS_STR("t1"), "search.errors", HS_STR("e1"), 5000000);

    (void)state;
    assert_int_equal(a.received_s, 5);
    assert_true(a.h1 != b.h1);
    assert_true(a.h1 != c.h1);
    assert_true(a.h2 != b.h2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dedup__knows_an_id_until_the_window_is_over),
        cmocka_unit_test(dedup__tells_ids_apart_by_both_hashes),
        cmocka_unit_test(dedup__holds_when_the_clock_is_set_back),
        cmocka_unit_test(dedup__holds_when_the_clock_jumps_ahead),
        cmocka_unit_test(dedup__holds_over_a_jump_ahead_that_took_no_time),
        cmocka_unit_test(dedup__forgets_when_the_time_has_passed),
        cmocka_unit_test(dedup__saves_no_time_while_the_clock_is_behind),
        cmocka_unit_test(dedup__grows_and_finds_all),
        cmocka_unit_test(dedup__shrinks_its_window_at_entries_max),
        cmocka_unit_test(dedup__forgets_what_was_not_loaded),
        cmocka_unit_test(dedup_id__differs_by_tenant_and_topic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
