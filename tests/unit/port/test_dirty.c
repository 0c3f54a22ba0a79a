/* Blocks that an event may change, and keys of marks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "port/dirty.h"

/* 600 s a block; an intent is at most 1800 s long, a clock at most 300 s behind. */
static void blocks__cover_what_an_event_may_belong_to(void **state)
{
    static const struct {
        int64_t from_s, to_s, first_s, last_s;
    } cases[] = {
        {6000, 6000, 4200, 6000}, /* on the edge of a block */
        {6299, 6299, 4200, 6000}, /* a second before the next block is near */
        {6300, 6300, 4200, 6600}, /* now it is */
        {6599, 6599, 4200, 6600}, /* last second of a block */
        {6000, 6359, 4200, 6600}, /* a range */
        {100, 100, 0, 0},         /* nothing before 1970 */
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t first_s = -1;
        int64_t last_s = -1;

        hs_dirty_blocks(cases[i].from_s, cases[i].to_s, &first_s, &last_s);
        assert_int_equal(first_s, cases[i].first_s);
        assert_int_equal(last_s, cases[i].last_s);
    }
}

static void key__is_taken_apart_again(void **state)
{
    char key[HS_DIRTY_KEY_MAX];
    size_t n = hs_dirty_key(HS_LEVEL_10M, HS_STR("a/b"), 1795618800, key);
    enum hs_level level;
    struct hs_str tenant;
    int64_t start_s;

    (void)state;
    assert_int_equal(hs_dirty_parse(hs_str_n(key, n), &level, &tenant, &start_s), HS_OK);
    assert_int_equal(level, HS_LEVEL_10M);
    assert_true(hs_str_eq_c(tenant, "a/b"));
    assert_int_equal(start_s, 1795618800);
    assert_int_equal(hs_dirty_parse(HS_STR("2m/t/000000000060"), &level, &tenant, &start_s),
                     HS_ECORRUPT);
    assert_int_equal(hs_dirty_parse(HS_STR("1m/t"), &level, &tenant, &start_s), HS_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks__cover_what_an_event_may_belong_to),
        cmocka_unit_test(key__is_taken_apart_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
