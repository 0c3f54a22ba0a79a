/* Intents: what is written comes back, and bytes that are not an intent are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "engine/intent.h"

static struct hs_intent sample(void)
{
    struct hs_intent intent;

    hs_intent_init(&intent);
    intent.lo = 1000;
    intent.hi = 5000;
    intent.epoch = 7;
    intent.poison = 2;
    memcpy(intent.start_id, "start-1", 8);
    intent.rows[HS_TABLE_SEARCHES] = 3990;
    intent.rows[HS_TABLE_SEARCH_BY_QUERY] = 1ULL << 40;
    hs_intent_skip(&intent, 1000, 0, HS_SKIP_REPEAT);
    hs_intent_skip(&intent, 1200, 3, HS_SKIP_REPEAT);
    hs_intent_skip(&intent, 4999, HS_SKIP_ALL_SUBS, HS_SKIP_MALFORMED);
    hs_intent_skip(&intent, 1200, 1, HS_SKIP_POISON); /* put in its place */
    return intent;
}

static void intent__comes_back_as_it_was(void **state)
{
    struct hs_intent intent = sample();
    struct hs_intent back;
    struct hs_buf buf;
    struct hs_err err;
    size_t i;

    (void)state;
    hs_buf_init(&buf, 1 << 20);
    hs_intent_init(&back);
    hs_intent_encode(&intent, &buf);
    assert_int_equal(hs_intent_decode(hs_buf_str(&buf), &back, &err), HS_OK);
    assert_int_equal(back.lo, intent.lo);
    assert_int_equal(back.hi, intent.hi);
    assert_int_equal(back.epoch, intent.epoch);
    assert_int_equal(back.poison, intent.poison);
    assert_string_equal(back.start_id, intent.start_id);
    assert_memory_equal(back.rows, intent.rows, sizeof(back.rows));
    assert_int_equal(back.skips_n, 4);
    for (i = 0; i < back.skips_n; i++) {
        assert_int_equal(back.skips[i].offset, intent.skips[i].offset);
        assert_int_equal(back.skips[i].sub, intent.skips[i].sub);
        assert_int_equal(back.skips[i].reason, intent.skips[i].reason);
    }
    hs_intent_fini(&back);
    hs_intent_fini(&intent);
    hs_buf_fini(&buf);
}

static void intent__skips_single_rows_and_whole_messages(void **state)
{
    struct hs_intent intent = sample();

    (void)state;
    assert_true(hs_intent_skips(&intent, 1000, 0));
    assert_false(hs_intent_skips(&intent, 1000, 1));
    assert_true(hs_intent_skips(&intent, 1200, 1));
    assert_false(hs_intent_skips(&intent, 1200, 2));
    assert_true(hs_intent_skips(&intent, 1200, 3));
    assert_true(hs_intent_skips(&intent, 4999, 0));
    assert_true(hs_intent_skips(&intent, 4999, 77));
    assert_false(hs_intent_skips(&intent, 4998, 0));
    hs_intent_fini(&intent);
}

static void intent__refuses_every_cut(void **state)
{
    struct hs_intent intent = sample();
    struct hs_intent back;
    struct hs_buf buf;
    struct hs_err err;
    size_t n;

    (void)state;
    hs_buf_init(&buf, 1 << 20);
    hs_intent_init(&back);
    hs_intent_encode(&intent, &buf);
    for (n = 0; n < buf.n; n++)
        assert_int_equal(hs_intent_decode(hs_str_n(buf.p, n), &back, &err), HS_ECORRUPT);
    hs_buf_add_char(&buf, 'x');
    assert_int_equal(hs_intent_decode(hs_buf_str(&buf), &back, &err), HS_ECORRUPT);
    hs_intent_fini(&back);
    hs_intent_fini(&intent);
    hs_buf_fini(&buf);
}

/* A changed byte is refused, or gives an intent that keeps its own rules. */
static void intent__survives_any_changed_byte(void **state)
{
    struct hs_intent intent = sample();
    struct hs_intent back;
    struct hs_buf buf;
    struct hs_err err;
    size_t at;
    int bit;
    size_t i;

    (void)state;
    hs_buf_init(&buf, 1 << 20);
    hs_intent_init(&back);
    hs_intent_encode(&intent, &buf);
    for (at = 0; at < buf.n; at++) {
        for (bit = 0; bit < 8; bit++) {
            buf.p[at] = (char)(buf.p[at] ^ 1 << bit);
            if (hs_intent_decode(hs_buf_str(&buf), &back, &err) == HS_OK) {
                assert_true(back.lo <= back.hi);
                for (i = 0; i < back.skips_n; i++)
                    assert_in_range(back.skips[i].offset, back.lo, back.hi - 1);
            }
            buf.p[at] = (char)(buf.p[at] ^ 1 << bit);
        }
    }
    hs_intent_fini(&back);
    hs_intent_fini(&intent);
    hs_buf_fini(&buf);
}

static void range_key__orders_ranges_by_offset(void **state)
{
    char low[HS_PART_KEY_MAX + 24];
    char high[HS_PART_KEY_MAX + 24];

    (void)state;
    hs_range_key("s/search.events/0", 999, low);
    hs_range_key("s/search.events/0", 1000, high);
    assert_true(strcmp(low, high) < 0);
    assert_string_equal(low, "s/search.events/0/00000000000000000999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intent__comes_back_as_it_was),
        cmocka_unit_test(intent__skips_single_rows_and_whole_messages),
        cmocka_unit_test(intent__refuses_every_cut),
        cmocka_unit_test(intent__survives_any_changed_byte),
        cmocka_unit_test(range_key__orders_ranges_by_offset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
