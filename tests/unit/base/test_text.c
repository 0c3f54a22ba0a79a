/* Decimal numbers and the comparison of short strings. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

static void assert_written(uint64_t v)
{
    struct hs_buf buf;
    char want[24];

    hs_buf_init(&buf, 64);
    snprintf(want, sizeof(want), "%" PRIu64, v);
    hs_buf_add_u64(&buf, v);
    assert_string_equal(hs_buf_cstr(&buf), want);
    hs_buf_fini(&buf);
}

static void add_u64__writes_what_printf_writes(void **state)
{
    uint64_t power = 1;
    uint64_t v;
    int i;

    (void)state;
    for (v = 0; v < 12000; v++)
        assert_written(v);
    for (i = 0; i < 19; i++, power *= 10) {
        assert_written(power - 1);
        assert_written(power);
        assert_written(power * 9 + 7);
    }
    assert_written(UINT64_MAX);
    assert_written(UINT64_MAX - 1);
}

static void add_i64__writes_the_least_and_the_greatest(void **state)
{
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 64);
    hs_buf_add_i64(&buf, INT64_MIN);
    hs_buf_add_char(&buf, ' ');
    hs_buf_add_i64(&buf, INT64_MAX);
    assert_string_equal(hs_buf_cstr(&buf), "-9223372036854775808 9223372036854775807");
    hs_buf_fini(&buf);
}

/* Each length up to 40, each place of a difference, at the very end of what may be read. */
static void str_eq__sees_a_difference_at_each_place(void **state)
{
    size_t n;
    size_t i;

    (void)state;
    for (n = 0; n <= 40; n++) {
        char *a = hs_xalloc(n + 1);
        char *b = hs_xalloc(n + 1);
        char *a_end = a + 1; /* so that a sanitizer sees a read past the n bytes */
        char *b_end = b + 1;

        memset(a_end, 'x', n);
        memset(b_end, 'x', n);
        assert_true(hs_str_eq(hs_str_n(a_end, n), hs_str_n(b_end, n)));
        for (i = 0; i < n; i++) {
            b_end[i] ^= 0x40;
            assert_false(hs_str_eq(hs_str_n(a_end, n), hs_str_n(b_end, n)));
            b_end[i] ^= 0x40;
        }
        hs_free(a);
        hs_free(b);
    }
}

static void str_eq__compares_lengths_first(void **state)
{
    (void)state;
    assert_false(hs_str_eq(HS_STR("ab"), HS_STR("abc")));
    assert_true(hs_str_eq(HS_STR_NULL, HS_STR("")));
    assert_false(hs_str_eq(HS_STR_NULL, HS_STR("a")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_u64__writes_what_printf_writes),
        cmocka_unit_test(add_i64__writes_the_least_and_the_greatest),
        cmocka_unit_test(str_eq__sees_a_difference_at_each_place),
        cmocka_unit_test(str_eq__compares_lengths_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
