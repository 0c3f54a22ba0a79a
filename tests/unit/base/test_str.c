/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

static void to_double__takes_what_json_takes_and_nothing_else(void **state)
{
    static const char *const good[] = {"0", "-0", "1.5", "-12.25e3", "1E+2", "1e-2", "0.1", "10"};
    static const char *const bad[] = {"",    "-",   "+1",  "01",  "-01", ".5", "5.",    "1e",
                                      "1e+", "inf", "nan", "0x1", " 1",  "1 ", "1e999", "1.e1"};
    double v;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(good); i++) {
        assert_int_equal(hs_str_to_double(hs_str_c(good[i]), &v), HS_OK);
        assert_true(v == strtod(good[i], NULL));
    }
    for (i = 0; i < HS_ARRAY_LEN(bad); i++) {
        if (hs_str_to_double(hs_str_c(bad[i]), &v) != HS_EINVAL)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void to_integer__limits_fit_and_one_more_does_not(void **state)
{
    uint64_t u;
    int64_t v;

    (void)state;
    assert_int_equal(hs_str_to_u64(HS_STR("18446744073709551615"), &u), HS_OK);
    assert_true(u == UINT64_MAX);
    assert_int_equal(hs_str_to_u64(HS_STR("18446744073709551616"), &u), HS_EINVAL);
    assert_int_equal(hs_str_to_i64(HS_STR("9223372036854775807"), &v), HS_OK);
    assert_true(v == INT64_MAX);
    assert_int_equal(hs_str_to_i64(HS_STR("9223372036854775808"), &v), HS_EINVAL);
    assert_int_equal(hs_str_to_i64(HS_STR("-9223372036854775808"), &v), HS_OK);
    assert_true(v == INT64_MIN);
    assert_int_equal(hs_str_to_i64(HS_STR("-9223372036854775809"), &v), HS_EINVAL);
    assert_int_equal(hs_str_to_i64(HS_STR("-"), &v), HS_EINVAL);
    assert_int_equal(hs_str_to_u64(HS_STR(""), &u), HS_EINVAL);
    assert_int_equal(hs_str_to_u64(HS_STR("1 "), &u), HS_EINVAL);
}

/* Writes the code point as UTF-8 would, surrogates too. */
static size_t encode(uint32_t c, char *p)
{
    if (c < 0x80) {
        p[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        p[0] = (char)(0xC0 | c >> 6);
        p[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        p[0] = (char)(0xE0 | c >> 12);
        p[1] = (char)(0x80 | (c >> 6 & 0x3F));
        p[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    p[0] = (char)(0xF0 | c >> 18);
    p[1] = (char)(0x80 | (c >> 12 & 0x3F));
    p[2] = (char)(0x80 | (c >> 6 & 0x3F));
    p[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static void utf8_valid__every_code_point_but_surrogates(void **state)
{
    uint32_t c;
    char p[4];

    (void)state;
    for (c = 0; c <= 0x110010; c++) {
        bool expected = c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
        size_t n = encode(c, p);

        assert_int_equal(hs_str_utf8_valid(hs_str_n(p, n)), expected);
        if (n > 1)
            assert_false(hs_str_utf8_valid(hs_str_n(p, n - 1)));
    }
}

static void utf8_valid__refuses_overlong_and_stray_bytes(void **state)
{
    static const char *const bad[] = {"\xC0\x80",     "\xC1\xBF",
                                      "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
                                      "\x80",         "\xFF",
                                      "\xC3(",        "\xE2\x82(",
                                      "abcdefgh\x80", "\xF5\x80\x80\x80"};
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(bad); i++)
        assert_false(hs_str_utf8_valid(hs_str_c(bad[i])));
    assert_true(hs_str_utf8_valid(HS_STR_NULL));
}

static void utf8_cut__never_cuts_a_sequence(void **state)
{
    struct hs_str s = HS_STR("aé日😀b");
    size_t max;

    (void)state;
    for (max = 0; max <= s.n + 1; max++) {
        struct hs_str cut = hs_str_utf8_cut(s, max);

        assert_true(cut.n <= max);
        assert_true(hs_str_utf8_valid(cut));
        assert_true(cut.n + 4 > HS_MIN(max, s.n));
    }
}

static void split__gives_each_part_and_the_last_empty_one(void **state)
{
    struct hs_str rest = HS_STR("a,,b,");
    struct hs_str part;

    (void)state;
    assert_true(hs_str_split(&rest, ',', &part) && hs_str_eq_c(part, "a"));
    assert_true(hs_str_split(&rest, ',', &part) && part.n == 0);
    assert_true(hs_str_split(&rest, ',', &part) && hs_str_eq_c(part, "b"));
    assert_true(hs_str_split(&rest, ',', &part) && part.n == 0);
    assert_false(hs_str_split(&rest, ',', &part));
}

static void compare__orders_and_ignores_case_where_said(void **state)
{
    (void)state;
    assert_true(hs_str_cmp(HS_STR("a"), HS_STR("b")) < 0);
    assert_true(hs_str_cmp(HS_STR("ab"), HS_STR("a")) > 0);
    assert_int_equal(hs_str_cmp(HS_STR_NULL, HS_STR("")), 0);
    assert_true(hs_str_ieq(HS_STR("Content-Type"), HS_STR("content-TYPE")));
    assert_false(hs_str_ieq(HS_STR("[a"), HS_STR("{a")));
    assert_true(hs_str_starts_with(HS_STR("abc"), HS_STR("ab")));
    assert_false(hs_str_starts_with(HS_STR("a"), HS_STR("ab")));
    assert_true(hs_str_ends_with(HS_STR("abc"), HS_STR("bc")));
    assert_true(hs_str_contains(HS_STR("abc"), HS_STR("")));
    assert_false(hs_str_contains(HS_STR_NULL, HS_STR("a")));
    assert_true(hs_str_eq_c(hs_str_trim(HS_STR(" \t\n a b\r ")), "a b"));
    assert_int_equal(hs_str_trim(HS_STR("  ")).n, 0);
    assert_int_equal(hs_str_index(HS_STR("abc"), 'd'), 3);
}

static void hex__round_trips_and_refuses_other_lengths(void **state)
{
    unsigned char bytes[256];
    unsigned char back[256];
    char text[512];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)i;
    hs_hex_encode(bytes, sizeof(bytes), text);
    assert_int_equal(hs_hex_decode(hs_str_n(text, sizeof(text)), back, sizeof(back)), HS_OK);
    assert_memory_equal(bytes, back, sizeof(bytes));
    assert_int_equal(hs_hex_decode(HS_STR("ABcd"), back, 2), HS_OK);
    assert_int_equal(hs_hex_decode(HS_STR("abc"), back, 2), HS_EINVAL);
    assert_int_equal(hs_hex_decode(HS_STR("abcde"), back, 2), HS_EINVAL);
    assert_int_equal(hs_hex_decode(HS_STR("abcg"), back, 2), HS_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_double__takes_what_json_takes_and_nothing_else),
        cmocka_unit_test(to_integer__limits_fit_and_one_more_does_not),
        cmocka_unit_test(utf8_valid__every_code_point_but_surrogates),
        cmocka_unit_test(utf8_valid__refuses_overlong_and_stray_bytes),
        cmocka_unit_test(utf8_cut__never_cuts_a_sequence),
        cmocka_unit_test(split__gives_each_part_and_the_last_empty_one),
        cmocka_unit_test(compare__orders_and_ignores_case_where_said),
        cmocka_unit_test(hex__round_trips_and_refuses_other_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
