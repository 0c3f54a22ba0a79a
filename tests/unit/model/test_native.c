/* The decoder against answers recorded from a real server (tests/fuzz/corpus/native) and against
 * bytes made by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/fs.h"
#include "model/block.h"
#include "model/native.h"

enum { ARENA_BYTES = 8 << 20 };

struct decoded {
    struct hs_arena arena;
    struct hs_buf bytes;
    struct hs_table table;
    struct hs_err err;
    int rc;
};

static void decode(struct decoded *decoded, struct hs_str bytes)
{
    hs_arena_init(&decoded->arena, ARENA_BYTES);
    memset(&decoded->err, 0, sizeof(decoded->err));
    decoded->rc = hs_native_decode(bytes, &hs_native_limits_default, &decoded->arena,
                                   &decoded->table, &decoded->err);
}

static void load(struct decoded *decoded, const char *name)
{
    char path[512];

    memset(decoded, 0, sizeof(*decoded));
    snprintf(path, sizeof(path), "%s/fuzz/corpus/native/%s", HS_TESTS_DIR, name);
    hs_buf_init(&decoded->bytes, 1 << 20);
    assert_int_equal(hs_fs_read(path, &decoded->bytes, NULL), HS_OK);
    decode(decoded, hs_buf_str(&decoded->bytes));
}

static void unload(struct decoded *decoded)
{
    hs_arena_fini(&decoded->arena);
    hs_buf_fini(&decoded->bytes);
}

static const struct hs_column *column(const struct decoded *decoded, size_t i)
{
    if (decoded->rc != HS_OK)
        fail_msg("%s", decoded->err.text);
    assert_true(i < decoded->table.columns_n);
    return &decoded->table.columns[i];
}

static void assert_text(const struct hs_column *col, size_t row, const char *want)
{
    assert_int_equal(col->kind, HS_COL_STR);
    if (!hs_str_eq_c(col->str[row], want))
        fail_msg("'%.*s' is not '%s'", HS_STR_ARG(col->str[row]), want);
}

static void decode__numbers_keep_value_and_sign(void **state)
{
    static const int64_t second_row[] = {1, -1, 1, -3, -1, 1, 2, 3};
    struct decoded d;

    (void)state;
    load(&d, "numbers");
    for (size_t i = 0; i < 8; i++) {
        bool is_signed = i >= 1 && i <= 4;

        assert_int_equal(column(&d, i)->kind, is_signed ? HS_COL_I64 : HS_COL_U64);
        assert_int_equal(column(&d, i)->i64[1], second_row[i]);
    }
    assert_true(column(&d, 8)->f64[2] == 1.5);
    assert_true(fabs(column(&d, 9)->f64[1] - 1.0 / 3) < 1e-15);
    assert_true(column(&d, 10)->f64[0] == 1.5);
    assert_int_equal(column(&d, 11)->u64[0], 1);
    unload(&d);
}

static void decode__texts_and_ids_are_readable(void **state)
{
    struct decoded d;

    (void)state;
    load(&d, "text");
    assert_text(column(&d, 0), 1, "1");
    assert_text(column(&d, 1), 0, "abcd");
    assert_text(column(&d, 2), 0, "00112233-4455-6677-8899-aabbccddeeff");
    assert_text(column(&d, 3), 0, "1.2.3.4");
    assert_text(column(&d, 4), 1, "2001:db8::1");
    assert_text(column(&d, 5), 0, "b");
    assert_text(column(&d, 6), 0, "z");
    unload(&d);
}

static void decode__times_are_counts(void **state)
{
    struct decoded d;

    (void)state;
    load(&d, "time");
    assert_int_equal(column(&d, 0)->u64[0], 20780);
    assert_int_equal(column(&d, 1)->i64[0], -3653);
    assert_int_equal(column(&d, 2)->u64[0], 1795428000);
    assert_int_equal(column(&d, 3)->i64[0], 1795428000123);
    assert_int_equal(column(&d, 4)->i64[0], 5);
    unload(&d);
}

static void decode__decimals_are_exact_text(void **state)
{
    struct decoded d;

    (void)state;
    load(&d, "decimal");
    assert_text(column(&d, 0), 0, "-1.05");
    assert_text(column(&d, 1), 0, "123.456");
    assert_text(column(&d, 2), 0, "-0.000000000000000000000000000000000001");
    assert_text(column(&d, 3), 0, "-170141183460469231731687303715884105728");
    assert_text(column(&d, 4), 0, "340282366920938463463374607431768211455");
    assert_text(column(&d, 5), 0, "7");
    unload(&d);
}

static void decode__nulls_are_marked(void **state)
{
    struct decoded d;

    (void)state;
    load(&d, "nullable");
    assert_int_equal(column(&d, 0)->nulls[0], 0);
    assert_int_equal(column(&d, 0)->nulls[1], 1);
    assert_int_equal(column(&d, 0)->u64[2], 2);
    assert_int_equal(column(&d, 1)->nulls[0], 1);
    assert_text(column(&d, 1), 2, "2");
    assert_int_equal(column(&d, 2)->nulls[2], 1);
    unload(&d);
}

static void decode__low_cardinality_is_its_plain_type(void **state)
{
    struct decoded d;
    const struct hs_column *lists;

    (void)state;
    load(&d, "low_cardinality");
    assert_int_equal(d.table.rows, 6);
    assert_text(column(&d, 0), 0, "0");
    assert_text(column(&d, 0), 5, "1");
    assert_int_equal(column(&d, 1)->nulls[0], 0);
    assert_text(column(&d, 1), 0, "v");
    assert_int_equal(column(&d, 1)->nulls[5], 1);
    lists = column(&d, 2);
    assert_int_equal(lists->offsets[0], 0);
    assert_int_equal(lists->offsets[1], 2);
    assert_text(&lists->children[0], 1, "q");
    assert_text(&column(&d, 3)->children[1], 0, "v");
    unload(&d);
}

static void decode__nesting_keeps_its_shape(void **state)
{
    struct decoded d;
    const struct hs_column *col;

    (void)state;
    load(&d, "nested");
    col = column(&d, 0);
    assert_int_equal(col->offsets[0], 3);
    assert_int_equal(col->children[0].offsets[1], 2);
    assert_int_equal(col->children[0].children[0].u64[2], 3);
    col = column(&d, 1);
    assert_int_equal(col->kind, HS_COL_MAP);
    assert_int_equal(col->children_n, 2);
    assert_int_equal(col->children[1].children[0].u64[1], 2);
    col = column(&d, 2);
    assert_int_equal(col->kind, HS_COL_TUPLE);
    assert_true(hs_str_eq_c(col->children[1].name, "b c"));
    assert_text(&col->children[2].children[0], 0, "y");
    assert_int_equal(column(&d, 4)->children_n, 0);
    assert_int_equal(column(&d, 5)->offsets[0], 0);
    unload(&d);
}

static void decode__blocks_are_joined(void **state)
{
    struct decoded d;

    (void)state;
    load(&d, "blocks");
    assert_int_equal(d.table.rows, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(column(&d, 0)->u64[i], i);
        assert_int_equal(column(&d, 2)->offsets[i], i * (i + 1) / 2);
    }
    assert_text(column(&d, 1), 6, "6");
    assert_int_equal(column(&d, 2)->children[0].u64[20], 5);
    unload(&d);
}

static void decode__aggregate_states_are_unsupported(void **state)
{
    struct decoded d;

    (void)state;
    load(&d, "aggregate_unsupported");
    assert_int_equal(d.rc, HS_EUNSUP);
    assert_non_null(strstr(d.err.text, "AggregateFunction"));
    unload(&d);
}

static void decode__no_bytes_are_an_empty_table(void **state)
{
    struct decoded d = {0};

    (void)state;
    decode(&d, HS_STR_NULL);
    assert_int_equal(d.rc, HS_OK);
    assert_int_equal(d.table.columns_n, 0);
    unload(&d);
}

/* Any prefix but one that ends at a block's end is refused and reads nothing past its end. */
static void decode__every_truncation_is_corrupt(void **state)
{
    static const char *const names[] = {"numbers", "text", "nullable", "low_cardinality", "nested"};

    (void)state;
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
        struct decoded whole;

        load(&whole, names[k]);
        for (size_t n = 1; n < whole.bytes.n; n++) {
            char *copy = malloc(n); /* its own, so that ASan sees a read past its end */
            struct decoded part = {0};

            assert_non_null(copy);
            memcpy(copy, whole.bytes.p, n);
            decode(&part, hs_str_n(copy, n));
            if (part.rc != HS_ECORRUPT && part.rc != HS_EUNSUP)
                fail_msg("%s cut to %zu: %s", names[k], n, part.rc ? part.err.text : "accepted");
            unload(&part);
            free(copy);
        }
        unload(&whole);
    }
}

struct bad {
    const char *what;
    struct hs_str bytes;
    int rc;
};

#define BYTES(literal)                                                                             \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static void decode__refuses_what_lies(void **state)
{
    static const struct bad cases[] = {
        {"no columns", BYTES("\x00\x00"), HS_ECORRUPT},
        {"rows past the end", BYTES("\x01\xff\xff\xff\xff\x0f\x01x\x05UInt8\x01"), HS_ECORRUPT},
        {"varint of 11 bytes", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), HS_ECORRUPT},
        {"too many columns", BYTES("\xff\xff\xff\xff\x0f\x01"), HS_ECORRUPT},
        {"string past the end",
         BYTES("\x01\x01\x01x\x06String\x7f"
               "a"),
         HS_ECORRUPT},
        {"offsets run backwards",
         BYTES("\x01\x02\x01x\x0c"
               "Array(UInt8)\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0ab"),
         HS_ECORRUPT},
        {"offset past the end",
         BYTES("\x01\x01\x01x\x0c"
               "Array(UInt8)\xff\xff\xff\xff\xff\xff\xff\xff"
               "ab"),
         HS_ECORRUPT},
        {"index past the dictionary",
         BYTES("\x01\x01\x01x\x16LowCardinality(String)\x01\0\0\0\0\0\0\0\0\x06\0\0\0\0\0\0"
               "\x01\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01"),
         HS_ECORRUPT},
        {"another second block", BYTES("\x01\x01\x01x\x05UInt8\x01\x01\x01\x01y\x05UInt8\x01"),
         HS_ECORRUPT},
        {"unknown type", BYTES("\x01\x01\x01x\x07Variant\x01"), HS_EUNSUP},
        {"256 bits",
         BYTES("\x01\x01\x01x\x0e"
               "Decimal(76, 2)\x01"),
         HS_EUNSUP},
        {"open bracket",
         BYTES("\x01\x01\x01x\x0b"
               "Array(UInt8\x01"),
         HS_ECORRUPT},
        {"junk behind the type", BYTES("\x01\x01\x01x\x06UInt8)\x01"), HS_ECORRUPT},
        {"no type", BYTES("\x01\x01\x01x\x00\x01"), HS_ECORRUPT},
        {"open quote",
         BYTES("\x01\x01\x01x\x0a"
               "Enum8('a\\'\x01"),
         HS_ECORRUPT},
        {"width 0",
         BYTES("\x01\x01\x01x\x0e"
               "FixedString(0)\x01"),
         HS_ECORRUPT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct decoded d = {0};

        decode(&d, cases[i].bytes);
        if (d.rc != cases[i].rc)
            fail_msg("%s: %s", cases[i].what, d.rc ? d.err.text : "accepted");
        unload(&d);
    }
}

static void decode__holds_its_limits(void **state)
{
    static const char deep[] = "\x01\x00\x01x\x1b"
                               "Array(Array(Array(UInt8)))X";
    struct hs_native_limits limits = {1, 3, 4};
    struct decoded d;
    struct hs_arena arena;
    struct hs_table table;

    (void)state;
    load(&d, "nullable");
    hs_arena_init(&arena, ARENA_BYTES);
    assert_int_equal(hs_native_decode(hs_buf_str(&d.bytes), &limits, &arena, &table, NULL),
                     HS_ELIMIT); /* 3 columns */
    limits.columns_max = 3;
    assert_int_equal(hs_native_decode(hs_buf_str(&d.bytes), &limits, &arena, &table, NULL), HS_OK);
    limits.rows_max = 2;
    assert_int_equal(hs_native_decode(hs_buf_str(&d.bytes), &limits, &arena, &table, NULL),
                     HS_ELIMIT);
    assert_int_equal(hs_native_decode(hs_str_n(deep, sizeof(deep) - 2), &limits, &arena, &table,
                                      NULL),
                     HS_ECORRUPT); /* one byte short, but depth 4 is well */
    limits.depth_max = 3;
    assert_int_equal(hs_native_decode(hs_str_n(deep, sizeof(deep) - 1), &limits, &arena, &table,
                                      NULL),
                     HS_ELIMIT);
    hs_arena_fini(&arena);
    hs_arena_init(&arena, 64);
    limits = hs_native_limits_default;
    assert_int_equal(hs_native_decode(hs_buf_str(&d.bytes), &limits, &arena, &table, NULL),
                     HS_ELIMIT);
    hs_arena_fini(&arena);
    unload(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode__numbers_keep_value_and_sign),
        cmocka_unit_test(decode__texts_and_ids_are_readable),
        cmocka_unit_test(decode__times_are_counts),
        cmocka_unit_test(decode__decimals_are_exact_text),
        cmocka_unit_test(decode__nulls_are_marked),
        cmocka_unit_test(decode__low_cardinality_is_its_plain_type),
        cmocka_unit_test(decode__nesting_keeps_its_shape),
        cmocka_unit_test(decode__blocks_are_joined),
        cmocka_unit_test(decode__aggregate_states_are_unsupported),
        cmocka_unit_test(decode__no_bytes_are_an_empty_table),
        cmocka_unit_test(decode__every_truncation_is_corrupt),
        cmocka_unit_test(decode__refuses_what_lies),
        cmocka_unit_test(decode__holds_its_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
