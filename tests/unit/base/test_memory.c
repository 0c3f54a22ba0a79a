/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/reader.h"

static void add__fills_to_the_maximum_and_not_past_it(void **state)
{
    struct hs_buf buf;
    size_t n;

    (void)state;
    for (n = 99; n <= 101; n++) {
        size_t i;

        hs_buf_init(&buf, 100);
        for (i = 0; i < n; i++)
            hs_buf_add_char(&buf, 'x');
        assert_int_equal(buf.n, HS_MIN(n, (size_t)100));
        assert_int_equal(hs_buf_ok(&buf), n <= 100);
        hs_buf_fini(&buf);
    }
}

static void add__after_a_failure_nothing_is_appended_until_reset(void **state)
{
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 4);
    HS_BUF_ADD_LIT(&buf, "ab");
    HS_BUF_ADD_LIT(&buf, "cde");
    HS_BUF_ADD_LIT(&buf, "f");
    assert_false(hs_buf_ok(&buf));
    assert_true(hs_str_eq_c(hs_buf_str(&buf), "ab"));
    hs_buf_reset(&buf);
    HS_BUF_ADD_LIT(&buf, "wxyz");
    assert_true(hs_buf_ok(&buf));
    hs_buf_fini(&buf);
    hs_buf_fini(&buf);
    hs_buf_fini(NULL);
}

static void addf__formats_up_to_the_maximum_and_leaves_it_a_maximum(void **state)
{
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 64);
    hs_buf_addf(&buf, "%063d", 1);
    hs_buf_addf(&buf, "%c", 'x'); /* exactly full: there is no room for a NUL */
    assert_true(hs_buf_ok(&buf));
    assert_int_equal(buf.n, 64);
    assert_int_equal(buf.p[63], 'x');
    hs_buf_add_char(&buf, 'y');
    assert_false(hs_buf_ok(&buf));
    assert_int_equal(buf.n, 64);
    assert_string_equal(hs_buf_cstr(&buf), "");
    hs_buf_fini(&buf);
}

static void numbers__are_written_whole(void **state)
{
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 200);
    hs_buf_add_u64(&buf, UINT64_MAX);
    hs_buf_add_char(&buf, ' ');
    hs_buf_add_i64(&buf, INT64_MIN);
    hs_buf_add_char(&buf, ' ');
    hs_buf_add_i64(&buf, 0);
    assert_string_equal(hs_buf_cstr(&buf), "18446744073709551615 -9223372036854775808 0");
    hs_buf_reset(&buf);
    hs_buf_add_le32(&buf, 0x04030201);
    hs_buf_add_le64(&buf, 0x0807060504030201ULL);
    assert_memory_equal(buf.p, "\1\2\3\4\1\2\3\4\5\6\7\10", 12);
    hs_buf_reset(&buf);
    hs_buf_add_hex(&buf, "\xAB\x01", 2);
    assert_string_equal(hs_buf_cstr(&buf), "ab01");
    hs_buf_consume(&buf, 2);
    assert_string_equal(hs_buf_cstr(&buf), "01");
    hs_buf_fini(&buf);
}

static void varint__fits_the_last_byte_of_a_buffer(void **state)
{
    struct hs_buf buf;

    (void)state;
    hs_buf_init(&buf, 1);
    hs_buf_add_varint(&buf, 0x7F);
    assert_true(hs_buf_ok(&buf));
    hs_buf_reset(&buf);
    hs_buf_add_varint(&buf, 0x80);
    assert_false(hs_buf_ok(&buf));
    hs_buf_fini(&buf);
}

static void reader__reads_back_what_was_written_and_no_more(void **state)
{
    struct hs_buf buf;
    struct hs_reader reader;
    unsigned bit;

    (void)state;
    hs_buf_init(&buf, 1000);
    for (bit = 0; bit < 64; bit++)
        hs_buf_add_varint(&buf, UINT64_MAX >> bit);
    hs_buf_add_varint(&buf, 3);
    HS_BUF_ADD_LIT(&buf, "abc");
    reader = hs_reader_of(hs_buf_str(&buf));
    for (bit = 0; bit < 64; bit++)
        assert_true(hs_reader_varint(&reader) == UINT64_MAX >> bit);
    assert_true(hs_str_eq_c(hs_reader_str(&reader), "abc"));
    assert_true(hs_reader_at_end(&reader) && hs_reader_ok(&reader));
    assert_int_equal(hs_reader_varint(&reader), 0);
    assert_false(hs_reader_ok(&reader));
    hs_buf_fini(&buf);
}

static void reader__refuses_lengths_and_varints_that_do_not_fit(void **state)
{
    static const struct hs_str bad[] = {
        {"\x04"
         "abc",
         4},
        {"\x80", 1},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 10},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 10},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11},
        {"", 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(bad); i++) {
        struct hs_reader reader = hs_reader_of(bad[i]);

        assert_null(hs_reader_str(&reader).p);
        assert_false(hs_reader_ok(&reader));
        assert_null(hs_reader_bytes(&reader, 0).p);
    }
}

static void arena__gives_zeroed_aligned_memory_to_its_limit(void **state)
{
    struct hs_arena arena;
    unsigned char *p;
    int round;
    size_t i;

    (void)state;
    hs_arena_init(&arena, 160);
    for (round = 0; round < 2; round++) {
        for (i = 0; i < 10; i++) {
            p = hs_arena_alloc(&arena, 1 + i);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 16, 0);
            assert_int_equal(p[0], 0);
            memset(p, 0xFF, 1 + i);
        }
        assert_null(hs_arena_alloc(&arena, 1));
        assert_null(hs_arena_copy(&arena, HS_STR("")).p);
        assert_int_equal(hs_arena_defer(&arena, hs_free, NULL), HS_ELIMIT);
        hs_arena_reset(&arena);
    }
    assert_null(hs_arena_alloc(&arena, SIZE_MAX));
    assert_null(hs_arena_calloc(&arena, SIZE_MAX / 2, 3));
    assert_null(hs_arena_alloc(&arena, 161));
    hs_arena_fini(&arena);
    hs_arena_fini(&arena);
    hs_arena_fini(NULL);
}

static char order[8];

static void note(void *arg)
{
    size_t n = strlen(order);

    order[n] = *(const char *)arg;
}

static void arena__runs_clean_ups_newest_first_and_once(void **state)
{
    struct hs_arena arena;
    char names[] = "abc";
    int i;

    (void)state;
    hs_arena_init(&arena, 1 << 20);
    for (i = 0; i < 3; i++)
        assert_int_equal(hs_arena_defer(&arena, note, names + i), HS_OK);
    assert_true(hs_str_eq_c(hs_arena_copy(&arena, HS_STR("x\0y")), "x") == false);
    assert_non_null(hs_arena_alloc(&arena, 100000)); /* larger than a block */
    hs_arena_reset(&arena);
    hs_arena_fini(&arena);
    assert_string_equal(order, "cba");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add__fills_to_the_maximum_and_not_past_it),
        cmocka_unit_test(add__after_a_failure_nothing_is_appended_until_reset),
        cmocka_unit_test(addf__formats_up_to_the_maximum_and_leaves_it_a_maximum),
        cmocka_unit_test(numbers__are_written_whole),
        cmocka_unit_test(varint__fits_the_last_byte_of_a_buffer),
        cmocka_unit_test(reader__reads_back_what_was_written_and_no_more),
        cmocka_unit_test(reader__refuses_lengths_and_varints_that_do_not_fit),
        cmocka_unit_test(arena__gives_zeroed_aligned_memory_to_its_limit),
        cmocka_unit_test(arena__runs_clean_ups_newest_first_and_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
