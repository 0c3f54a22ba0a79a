#include "net/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"

static const enum hs_coding coded[] = {HS_CODING_GZIP, HS_CODING_DEFLATE, HS_CODING_ZSTD};

/* Half noise, half repeats, so that neither literals nor matches alone are tested. */
static void fill(struct hs_buf *buf, size_t n)
{
    struct hs_rand rand;

    hs_rand_init(&rand, 7);
    for (size_t i = 0; i < n; i++) {
        char c = (char)(i % 100 < 50 ? hs_rand_u64(&rand) : 'a' + i % 7);

        hs_buf_add_char(buf, c);
    }
}

static void compress__reads_back_in_pieces_of_any_size(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 63, 4096, 300000};
    static const size_t pieces[] = {1, 2, 7, 1000, 1 << 20};

    (void)state;
    for (size_t k = 0; k < HS_ARRAY_LEN(coded) * HS_ARRAY_LEN(sizes); k++) {
        enum hs_coding coding = coded[k % HS_ARRAY_LEN(coded)];
        struct hs_inflate *decoder = hs_inflate_new(coding);
        struct hs_buf text, packed, out;

        hs_buf_init(&text, 1 << 20);
        hs_buf_init(&packed, 1 << 20);
        fill(&text, sizes[k / HS_ARRAY_LEN(coded)]);
        assert_int_equal(hs_compress(coding, 0, hs_buf_str(&text), &packed, NULL), HS_OK);
        for (size_t p = 0; p < HS_ARRAY_LEN(pieces); p++) {
            hs_buf_init(&out, text.n); /* the cap is exactly what comes out */
            hs_inflate_reset(decoder);
            for (size_t at = 0; at < packed.n; at += pieces[p]) {
                size_t n = HS_MIN(pieces[p], packed.n - at);

                assert_int_equal(hs_inflate_feed(decoder, hs_str_n(packed.p + at, n), 0, &out,
                                                 NULL),
                                 HS_OK);
            }
            assert_int_equal(hs_inflate_end(decoder, NULL), HS_OK);
            assert_true(hs_str_eq(hs_buf_str(&out), hs_buf_str(&text)));
            hs_buf_fini(&out);
        }
        hs_inflate_free(decoder);
        hs_buf_fini(&packed);
        hs_buf_fini(&text);
    }
}

static void inflate__stops_one_byte_past_the_cap(void **state)
{
    (void)state;
    for (size_t k = 0; k < HS_ARRAY_LEN(coded); k++) {
        struct hs_buf text, packed, out;
        struct hs_err err;

        hs_buf_init(&text, 1 << 20);
        hs_buf_init(&packed, 1 << 20);
        fill(&text, 100000);
        assert_int_equal(hs_compress(coded[k], 0, hs_buf_str(&text), &packed, NULL), HS_OK);
        hs_buf_init(&out, 99999);
        assert_int_equal(hs_inflate_all(coded[k], hs_buf_str(&packed), &out, &err), HS_ELIMIT);
        assert_non_null(strstr(err.text, "99999"));
        hs_buf_fini(&out);
        hs_buf_fini(&packed);
        hs_buf_fini(&text);
    }
}

static void inflate__refuses_each_truncation(void **state)
{
    (void)state;
    for (size_t k = 0; k < HS_ARRAY_LEN(coded); k++) {
        struct hs_buf text, packed;

        hs_buf_init(&text, 1 << 20);
        hs_buf_init(&packed, 1 << 20);
        fill(&text, 300);
        assert_int_equal(hs_compress(coded[k], 0, hs_buf_str(&text), &packed, NULL), HS_OK);
        for (size_t n = 0; n < packed.n; n++) {
            struct hs_buf out;

            hs_buf_init(&out, 1000);
            assert_int_equal(hs_inflate_all(coded[k], hs_str_n(packed.p, n), &out, NULL),
                             HS_EINVAL);
            hs_buf_fini(&out);
        }
        hs_buf_fini(&packed);
        hs_buf_fini(&text);
    }
}

static void inflate__refuses_what_follows_the_end(void **state)
{
    (void)state;
    for (size_t k = 0; k < HS_ARRAY_LEN(coded); k++) {
        struct hs_buf packed, out;

        hs_buf_init(&packed, 4096);
        hs_buf_init(&out, 4096);
        assert_int_equal(hs_compress(coded[k], 0, HS_STR("abc"), &packed, NULL), HS_OK);
        HS_BUF_ADD_LIT(&packed, "garbage!");
        assert_int_equal(hs_inflate_all(coded[k], hs_buf_str(&packed), &out, NULL), HS_EINVAL);
        hs_buf_fini(&out);
        hs_buf_fini(&packed);
    }
}

static void inflate__joins_gzip_members_and_zstd_frames(void **state)
{
    static const enum hs_coding joining[] = {HS_CODING_GZIP, HS_CODING_ZSTD};

    (void)state;
    for (size_t k = 0; k < HS_ARRAY_LEN(joining); k++) {
        struct hs_buf packed, out;

        hs_buf_init(&packed, 4096);
        hs_buf_init(&out, 4096);
        assert_int_equal(hs_compress(joining[k], 0, HS_STR("one "), &packed, NULL), HS_OK);
        assert_int_equal(hs_compress(joining[k], 0, HS_STR("two"), &packed, NULL), HS_OK);
        assert_int_equal(hs_inflate_all(joining[k], hs_buf_str(&packed), &out, NULL), HS_OK);
        assert_true(hs_str_eq_c(hs_buf_str(&out), "one two"));
        hs_buf_fini(&out);
        hs_buf_fini(&packed);
    }
}

static void inflate__takes_raw_deflate_too(void **state)
{
    /* The zlib form less its two bytes in front and four behind. */
    struct hs_buf packed, out;

    (void)state;
    hs_buf_init(&packed, 4096);
    hs_buf_init(&out, 4096);
    assert_int_equal(hs_compress(HS_CODING_DEFLATE, 0, HS_STR("raw raw raw"), &packed, NULL),
                     HS_OK);
    assert_int_equal(hs_inflate_all(HS_CODING_DEFLATE, hs_str_n(packed.p + 2, packed.n - 6), &out,
                                    NULL),
                     HS_OK);
    assert_true(hs_str_eq_c(hs_buf_str(&out), "raw raw raw"));
    hs_buf_fini(&out);
    hs_buf_fini(&packed);
}

static void inflate__refuses_absurd_ratios_below_the_cap(void **state)
{
    enum { BIG = 64 << 20 };
    struct hs_buf packed, out;
    char *zeros = calloc(1, BIG);
    struct hs_err err;

    (void)state;
    assert_non_null(zeros);
    hs_buf_init(&packed, (size_t)BIG * 2);
    hs_buf_init(&out, (size_t)BIG * 2);
    assert_int_equal(hs_compress(HS_CODING_ZSTD, 0, hs_str_n(zeros, BIG), &packed, NULL), HS_OK);
    assert_int_equal(hs_inflate_all(HS_CODING_ZSTD, hs_buf_str(&packed), &out, &err), HS_ELIMIT);
    assert_non_null(strstr(err.text, "1000 times"));
    hs_buf_fini(&out);
    hs_buf_fini(&packed);
    free(zeros);
}

static void compress__that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < HS_ARRAY_LEN(coded); k++) {
        struct hs_buf out;

        hs_buf_init(&out, 10);
        HS_BUF_ADD_LIT(&out, "ab");
        assert_int_equal(hs_compress(coded[k], 0, HS_STR("some text"), &out, NULL), HS_ELIMIT);
        assert_true(hs_buf_ok(&out));
        assert_int_equal(out.n, 2);
        hs_buf_fini(&out);
    }
}

static void coding_words__are_parsed(void **state)
{
    enum hs_coding coding;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_coding_parse(HS_STR(" X-GZip "), &coding, &err), HS_OK);
    assert_int_equal(coding, HS_CODING_GZIP);
    assert_int_equal(hs_coding_parse(HS_STR(""), &coding, &err), HS_OK);
    assert_int_equal(coding, HS_CODING_IDENTITY);
    assert_int_equal(hs_coding_parse(HS_STR("gzip, gzip"), &coding, &err), HS_EUNSUP);
    assert_int_equal(hs_coding_parse(HS_STR("br"), &coding, &err), HS_EUNSUP);
    assert_non_null(strstr(err.text, "\"br\""));
}

static void accept__weighs_what_the_client_wants(void **state)
{
    static const struct {
        const char *value;
        enum hs_coding want;
    } cases[] = {
        {NULL, HS_CODING_IDENTITY},
        {"", HS_CODING_IDENTITY},
        {"gzip", HS_CODING_GZIP},
        {"zstd", HS_CODING_ZSTD},
        {"gzip, zstd", HS_CODING_ZSTD},
        {"gzip;q=1, zstd;q=0.9", HS_CODING_GZIP},
        {"gzip;q=0", HS_CODING_IDENTITY},
        {"*;q=0, gzip", HS_CODING_GZIP},
        {"*", HS_CODING_ZSTD},
        {"zstd;q=0, *", HS_CODING_GZIP},
        {"gzip;q=x", HS_CODING_IDENTITY},
        {",,;q=1,br", HS_CODING_IDENTITY},
        {"identity", HS_CODING_IDENTITY},
        {"GZIP ; Q=0.1", HS_CODING_GZIP},
    };

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(cases); i++) {
        if (hs_coding_accept(hs_str_c(cases[i].value)) != cases[i].want)
            fail_msg("%s", cases[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compress__reads_back_in_pieces_of_any_size),
        cmocka_unit_test(inflate__stops_one_byte_past_the_cap),
        cmocka_unit_test(inflate__refuses_each_truncation),
        cmocka_unit_test(inflate__refuses_what_follows_the_end),
        cmocka_unit_test(inflate__joins_gzip_members_and_zstd_frames),
        cmocka_unit_test(inflate__takes_raw_deflate_too),
        cmocka_unit_test(inflate__refuses_absurd_ratios_below_the_cap),
        cmocka_unit_test(compress__that_does_not_fit_changes_nothing),
        cmocka_unit_test(coding_words__are_parsed),
        cmocka_unit_test(accept__weighs_what_the_client_wants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
