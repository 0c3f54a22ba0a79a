/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <math.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rand.h"

static void time__format_and_parse_round_trip(void **state)
{
    static const int64_t edges[] = {0,
                                    1,
                                    999999999,
                                    951782400000000000,
                                    951868799999999999,
                                    1709164800000000000,
                                    9214646399999999999};
    struct hs_rand rand;
    char text[HS_TIME_TEXT_MAX];
    int64_t back;
    size_t i;

    (void)state;
    hs_rand_init(&rand, 7);
    for (i = 0; i < 20000; i++) {
        int64_t ns = i < HS_ARRAY_LEN(edges)
                         ? edges[i]
                         : (int64_t)hs_rand_below(&rand, 9214646400000000000ULL);

        ns = i % 2 ? ns : ns / HS_NS_PER_MS * HS_NS_PER_MS;
        assert_int_equal(hs_time_parse_rfc3339(hs_str_n(text, hs_time_format(ns, text)), &back),
                         HS_OK);
        assert_true(back == ns);
    }
}

static void time__forms_of_rfc3339_mean_the_same(void **state)
{
    static const char *const same[] = {"2026-11-23T10:00:00.5Z", "2026-11-23t10:00:00.500z",
                                       "2026-11-23 11:00:00.5+01:00",
                                       "2026-11-23T00:00:00.5000000000-10:00",
                                       "2026-11-23T15:30:00.5+05:30"};
    int64_t ns;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(same); i++) {
        assert_int_equal(hs_time_parse_rfc3339(hs_str_c(same[i]), &ns), HS_OK);
        assert_true(ns == 1795428000500000000LL);
    }
    assert_int_equal(hs_time_parse_rfc3339(HS_STR("2016-12-31T23:59:60Z"), &ns), HS_OK);
    assert_true(ns == 1483228799999999999LL);
}

static void time__what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2026-11-23",
                                      "2026-11-23T10:00:00",
                                      "2026-02-29T10:00:00Z",
                                      "2026-13-01T10:00:00Z",
                                      "2026-00-01T10:00:00Z",
                                      "2026-11-31T10:00:00Z",
                                      "2026-11-23T24:00:00Z",
                                      "2026-11-23T10:60:00Z",
                                      "2026-11-23T10:00:61Z",
                                      "2026-11-23T10:00:00.Z",
                                      "2026-11-23T10:00:00+24:00",
                                      "2026-11-23T10:00:00Zx",
                                      "1969-12-31T23:59:59Z",
                                      "1970-01-01T00:30:00+01:00",
                                      "2262-01-01T00:00:00Z",
                                      "2261-12-31T23:30:00-01:00",
                                      "26-11-23T10:00:00Z"};
    int64_t ns;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(bad); i++) {
        if (hs_time_parse_rfc3339(hs_str_c(bad[i]), &ns) != HS_EINVAL)
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

static void epoch__the_magnitude_says_the_unit(void **state)
{
    static const struct {
        int64_t v, ns;
    } cases[] = {{0, 0},
                 {1, HS_NS_PER_S},
                 {9214646399, 9214646399LL * HS_NS_PER_S},
                 {100000000000, 100000000000 * HS_NS_PER_MS},
                 {99999999999999, 0},
                 {100000000000000, 100000000000000 * HS_NS_PER_US},
                 {100000000000000000, 100000000000000000},
                 {9214646399999999999, 9214646399999999999}};
    int64_t ns;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        if (i == 4) { /* year 5138 */
            assert_int_equal(hs_time_from_epoch_i64(cases[i].v, &ns), HS_EINVAL);
            continue;
        }
        assert_int_equal(hs_time_from_epoch_i64(cases[i].v, &ns), HS_OK);
        assert_true(ns == cases[i].ns);
    }
    assert_int_equal(hs_time_from_epoch_i64(-1, &ns), HS_EINVAL);
    assert_int_equal(hs_time_from_epoch_i64(9214646400, &ns), HS_EINVAL);
    assert_int_equal(hs_time_from_epoch_i64(9214646400000000000, &ns), HS_EINVAL);
    assert_int_equal(hs_time_from_epoch(1.5, &ns), HS_OK);
    assert_true(ns == 1500000000);
    assert_int_equal(hs_time_from_epoch(-0.5, &ns), HS_EINVAL);
    assert_int_equal(hs_time_from_epoch(9214646400.0, &ns), HS_EINVAL);
    assert_int_equal(hs_time_from_epoch((double)INFINITY, &ns), HS_EINVAL);
    assert_int_equal(hs_time_from_epoch((double)NAN, &ns), HS_EINVAL);
}

static void fake_clock__moves_only_when_told(void **state)
{
    struct hs_clock_fake fake;
    int64_t mono;

    (void)state;
    hs_clock_fake_init(&fake, 1000);
    mono = hs_mono_ns(&fake.base);
    hs_clock_fake_advance(&fake, 5);
    assert_true(hs_wall_ns(&fake.base) == 1005);
    assert_true(hs_mono_ns(&fake.base) == mono + 5);
    assert_true(hs_mono_ns(hs_clock_system()) <= hs_mono_ns(hs_clock_system()));
}

static void crc32c__agrees_with_rfc3720_and_in_pieces(void **state)
{
    unsigned char bytes[32] = {0};
    size_t i;

    (void)state;
    assert_int_equal(hs_crc32c(0, "123456789", 9), 0xE3069283U);
    assert_int_equal(hs_crc32c(0, bytes, 32), 0x8A9136AAU);
    memset(bytes, 0xFF, 32);
    assert_int_equal(hs_crc32c(0, bytes, 32), 0x62A8AB43U);
    for (i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(hs_crc32c(0, bytes, 32), 0x46DD794EU);
    for (i = 0; i <= 32; i++)
        assert_int_equal(hs_crc32c(hs_crc32c(0, bytes, i), bytes + i, 32 - i), 0x46DD794EU);
}

static void check_hex(const unsigned char *bytes, size_t n, const char *expected)
{
    char text[128];

    hs_hex_encode(bytes, n, text);
    assert_true(hs_str_eq_c(hs_str_n(text, 2 * n), expected));
}

static void sha256_and_hmac__agree_with_fips180_and_rfc4231(void **state)
{
    unsigned char out[HS_SHA256_BYTES];

    (void)state;
    hs_sha256(HS_STR("abc"), out);
    check_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hs_hmac_sha256(HS_STR("Jefe"), HS_STR("what do ya want for nothing?"), out);
    check_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_true(hs_equal_secret("abc", "abc", 3));
    assert_false(hs_equal_secret("abc", "abd", 3));
}

static void siphash128__agrees_with_its_authors_vectors(void **state)
{
    static const char *const expected[] = {"a3817f04ba25a8e66df67214c7550293",
                                           "da87c1d86b99af44347659119b22fc45",
                                           "8177228da4a45dc7fca38bdef60affe4"};
    unsigned char key[16], text[16], out[16];
    size_t i;

    (void)state;
    for (i = 0; i < 16; i++)
        key[i] = text[i] = (unsigned char)i;
    for (i = 0; i < HS_ARRAY_LEN(expected); i++) {
        hs_siphash128(key, hs_str_n(text, i), out);
        check_hex(out, 16, expected[i]);
    }
    hs_siphash128(key, hs_str_n(text, 15), out);
    check_hex(out, 16, "5493e99933b0a8117e08ec0f97cfc3d9");
}

static void rand__equal_seeds_agree_and_bounds_hold(void **state)
{
    struct hs_rand a, b;
    double sum = 0;
    int i;

    (void)state;
    hs_rand_init(&a, 42);
    hs_rand_init(&b, 42);
    for (i = 0; i < 10000; i++) {
        double v;

        assert_true(hs_rand_u64(&a) == hs_rand_u64(&b));
        assert_true(hs_rand_below(&a, 1) == 0 && hs_rand_below(&b, 1) == 0);
        assert_true(hs_rand_below(&a, 7) < 7 && hs_rand_below(&b, 7) < 7);
        v = hs_rand_double(&a);
        assert_true(v >= 0 && v < 1);
        hs_rand_double(&b);
        sum += v;
    }
    assert_true(sum > 4800 && sum < 5200);
}

static void uuid7__has_time_version_and_variant_and_does_not_repeat(void **state)
{
    char a[HS_UUID_TEXT], b[HS_UUID_TEXT];

    (void)state;
    hs_uuid7(0x0123456789ABLL * HS_NS_PER_MS, a);
    hs_uuid7(0x0123456789ABLL * HS_NS_PER_MS, b);
    assert_memory_equal(a, "01234567-89ab-7", 15);
    assert_non_null(strchr("89ab", a[19]));
    assert_memory_not_equal(a, b, HS_UUID_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time__format_and_parse_round_trip),
        cmocka_unit_test(time__forms_of_rfc3339_mean_the_same),
        cmocka_unit_test(time__what_is_no_time_is_refused),
        cmocka_unit_test(epoch__the_magnitude_says_the_unit),
        cmocka_unit_test(fake_clock__moves_only_when_told),
        cmocka_unit_test(crc32c__agrees_with_rfc3720_and_in_pieces),
        cmocka_unit_test(sha256_and_hmac__agree_with_fips180_and_rfc4231),
        cmocka_unit_test(siphash128__agrees_with_its_authors_vectors),
        cmocka_unit_test(rand__equal_seeds_agree_and_bounds_hold),
        cmocka_unit_test(uuid7__has_time_version_and_variant_and_does_not_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
