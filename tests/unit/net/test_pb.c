#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "net/base64.h"
#include "net/pb.h"

static void next__reads_each_wire_type(void **state)
{
    static const char bytes[] = "\x08\x96\x01"                         /* 1: 150 */
                                "\x11\x01\x02\x03\x04\x05\x06\x07\x08" /* 2: 8 bytes */
                                "\x1a\x03"
                                "abc"                   /* 3: "abc" */
                                "\x25\x01\x00\x00\x80"; /* 4: 4 bytes */
    struct hs_pb pb = hs_pb_of(hs_str_n(bytes, sizeof(bytes) - 1));
    struct hs_pb_field field;

    (void)state;
    assert_int_equal(hs_pb_next(&pb, &field), 1);
    assert_int_equal(field.tag, HS_PB_TAG(1, HS_PB_VARINT));
    assert_int_equal(field.value, 150);
    assert_int_equal(field.whole.n, 3);
    assert_int_equal(hs_pb_next(&pb, &field), 1);
    assert_int_equal(field.tag, HS_PB_TAG(2, HS_PB_I64));
    assert_true(field.value == 0x0807060504030201ULL);
    assert_int_equal(hs_pb_next(&pb, &field), 1);
    assert_int_equal(field.tag, HS_PB_TAG(3, HS_PB_LEN));
    assert_true(hs_str_eq_c(field.bytes, "abc"));
    assert_int_equal(hs_pb_next(&pb, &field), 1);
    assert_int_equal(field.tag, HS_PB_TAG(4, HS_PB_I32));
    assert_true(field.value == 0x80000001ULL);
    assert_int_equal(hs_pb_next(&pb, &field), 0);
}

#define CASE(bytes)                                                                                \
    {                                                                                              \
        bytes, sizeof(bytes) - 1                                                                   \
    }

static void next__refuses_what_is_malformed(void **state)
{
    static const struct hs_str cases[] = {
        CASE("\x08"),                                             /* no value */
        CASE("\x08\x80"),                                         /* a varint cut off */
        CASE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* of eleven bytes */
        CASE("\x09\x01\x02\x03\x04\x05\x06\x07"),                 /* 7 of 8 bytes */
        CASE("\x0d\x01\x02\x03"),                                 /* 3 of 4 bytes */
        CASE("\x0a\x02\x61"),                                     /* length past the end */
        CASE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),     /* length of 2^64 - 1 */
        CASE("\x0b\x0c"),                                         /* a group */
        CASE("\x0e\x00"),                                         /* wire type 6 */
        CASE("\x02\x00"),                                         /* field number 0 */
        CASE("\x80\x80\x80\x80\x80\x01\x00"),                     /* a field number too large */
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_pb pb = hs_pb_of(cases[i]);
        struct hs_pb_field field;

        if (hs_pb_next(&pb, &field) != HS_EINVAL)
            fail_msg("case %zu was read", i);
    }
}

static void next__takes_long_forms_of_a_varint(void **state)
{
    static const char bytes[] = "\x88\x80\x00\x85\x80\x80\x00";
    struct hs_pb pb = hs_pb_of(hs_str_n(bytes, sizeof(bytes) - 1));
    struct hs_pb_field field;

    (void)state;
    assert_int_equal(hs_pb_next(&pb, &field), 1);
    assert_int_equal(field.tag, HS_PB_TAG(1, HS_PB_VARINT));
    assert_int_equal(field.value, 5);
}

static void writer__gives_back_what_it_was_given(void **state)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    struct hs_buf buf;
    struct hs_pb_field field;
    struct hs_pb pb;
    size_t i;

    (void)state;
    hs_buf_init(&buf, 4096);
    for (i = 0; i < HS_ARRAY_LEN(values); i++) {
        hs_buf_reset(&buf);
        hs_pb_add_uint(&buf, 1, values[i]);
        assert_int_equal(buf.n, 1 + hs_pb_varint_size(values[i]));
        hs_pb_add_fixed64(&buf, 2, values[i]);
        hs_pb_add_fixed32(&buf, 3, (uint32_t)values[i]);
        hs_pb_add_double(&buf, 16, 0.5);
        pb = hs_pb_of(hs_buf_str(&buf));
        assert_int_equal(hs_pb_next(&pb, &field), 1);
        assert_true(field.value == values[i]);
        assert_int_equal(hs_pb_next(&pb, &field), 1);
        assert_true(field.value == values[i]);
        assert_int_equal(hs_pb_next(&pb, &field), 1);
        assert_true(field.value == (uint32_t)values[i]);
        assert_int_equal(hs_pb_next(&pb, &field), 1);
        assert_true(hs_pb_double(field.value) == 0.5);
        assert_int_equal(hs_pb_next(&pb, &field), 0);
    }
    hs_buf_fini(&buf);
}

static void close__puts_lengths_of_every_size(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 70000};
    static char zeros[70000];
    struct hs_buf buf;
    size_t i;

    (void)state;
    hs_buf_init(&buf, 1 << 20);
    for (i = 0; i < HS_ARRAY_LEN(sizes); i++) {
        struct hs_pb_field outer, inner;
        struct hs_pb pb;
        size_t mark;

        hs_buf_reset(&buf);
        mark = hs_pb_open(&buf, 7);
        hs_pb_add_bytes(&buf, 1, hs_str_n(zeros, sizes[i]));
        hs_pb_close(&buf, mark);
        pb = hs_pb_of(hs_buf_str(&buf));
        assert_int_equal(hs_pb_next(&pb, &outer), 1);
        assert_int_equal(hs_pb_next(&pb, &inner), 0);
        pb = hs_pb_of(outer.bytes);
        assert_int_equal(hs_pb_next(&pb, &inner), 1);
        assert_int_equal(inner.bytes.n, sizes[i]);
    }
    hs_buf_fini(&buf);
}

static void close__leaves_a_full_buffer_failed(void **state)
{
    struct hs_buf buf;
    size_t mark;

    (void)state;
    hs_buf_init(&buf, 64);
    mark = hs_pb_open(&buf, 1);
    hs_buf_add(&buf, "0123456789012345678901234567890123456789012345678901234567890123", 63);
    hs_pb_close(&buf, mark);
    assert_false(hs_buf_ok(&buf));
    hs_buf_fini(&buf);
}

static void back__writes_the_same_bytes(void **state)
{
    struct hs_buf buf;
    struct hs_pb_back back;
    char space[600];
    char text[300];
    size_t mark;

    (void)state;
    memset(text, 'x', sizeof(text));
    hs_buf_init(&buf, 4096);
    mark = hs_pb_open(&buf, 2);
    hs_pb_add_bytes(&buf, 1, hs_str_n(text, sizeof(text)));
    hs_pb_add_bytes(&buf, 3, HS_STR("tail"));
    hs_pb_close(&buf, mark);

    back = (struct hs_pb_back){.base = space, .p = space + sizeof(space)};
    hs_pb_back_bytes(&back, 3, HS_STR("tail"));
    hs_pb_back_raw(&back, hs_str_n(text, sizeof(text)));
    hs_pb_back_head(&back, 1, sizeof(text));
    hs_pb_back_bytes(&back, 9, HS_STR_NULL); /* nothing */
    hs_pb_back_head(&back, 2, (size_t)(space + sizeof(space) - back.p));
    assert_int_equal(space + sizeof(space) - back.p, buf.n);
    assert_memory_equal(back.p, buf.p, buf.n);
    hs_buf_fini(&buf);
}

static void base64__round_trips_every_length(void **state)
{
    struct hs_buf text, bytes;
    struct hs_rand rand;
    char random[64];
    size_t n, i;

    (void)state;
    hs_rand_init(&rand, 7);
    hs_buf_init(&text, 1024);
    hs_buf_init(&bytes, 1024);
    for (n = 0; n <= sizeof(random); n++) {
        for (i = 0; i < n; i++)
            random[i] = (char)hs_rand_u64(&rand);
        hs_buf_reset(&text);
        hs_buf_reset(&bytes);
        hs_base64_encode(hs_str_n(random, n), &text);
        assert_int_equal(hs_base64_decode(hs_buf_str(&text), &bytes), HS_OK);
        assert_true(hs_str_eq(hs_buf_str(&bytes), hs_str_n(random, n)));
    }
    hs_buf_fini(&text);
    hs_buf_fini(&bytes);
}

static void base64__takes_both_alphabets_and_refuses_the_rest(void **state)
{
    static const struct {
        const char *text, *bytes;
    } cases[] = {{"aGk=", "hi"}, {"aGk", "hi"}, {"_-8=", "\xff\xef"}, {"/+8", "\xff\xef"},
                 {"", ""},       {"a", NULL},   {"aG*=", NULL},       {"a===", NULL},
                 {"=aGk", NULL}, {"aG k", NULL}};
    struct hs_buf out;
    size_t i;

    (void)state;
    hs_buf_init(&out, 64);
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        int rc;

        hs_buf_reset(&out);
        rc = hs_base64_decode(hs_str_c(cases[i].text), &out);
        if (!cases[i].bytes)
            assert_int_equal(rc, HS_EINVAL);
        else
            assert_true(rc == HS_OK && hs_str_eq_c(hs_buf_str(&out), cases[i].bytes));
    }
    hs_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next__reads_each_wire_type),
        cmocka_unit_test(next__refuses_what_is_malformed),
        cmocka_unit_test(next__takes_long_forms_of_a_varint),
        cmocka_unit_test(writer__gives_back_what_it_was_given),
        cmocka_unit_test(close__puts_lengths_of_every_size),
        cmocka_unit_test(close__leaves_a_full_buffer_failed),
        cmocka_unit_test(back__writes_the_same_bytes),
        cmocka_unit_test(base64__round_trips_every_length),
        cmocka_unit_test(base64__takes_both_alphabets_and_refuses_the_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
