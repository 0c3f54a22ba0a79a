#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/rand.h"
#include "model/block.h"
#include "model/native.h"

enum { C_U8, C_U16, C_U64, C_I64, C_F32, C_F64, C_STR, C_FIXED, C_ARR, C_ARR_STR, C_MAP, C_N };
enum { BYTES_MAX = 1 << 20, TEXT_MAX = 300 };

static const struct hs_column_def columns[] = {
    [C_U8] = {"u8", "UInt8", HS_BLOCK_U8, HS_SHAPE_SCALAR, 0},
    [C_U16] = {"u16", "UInt16", HS_BLOCK_U16, HS_SHAPE_SCALAR, 0},
    [C_U64] = {"u64", "UInt64", HS_BLOCK_U64, HS_SHAPE_SCALAR, 0},
    [C_I64] = {"i64", "Int64", HS_BLOCK_I64, HS_SHAPE_SCALAR, 0},
    [C_F32] = {"f32", "Float32", HS_BLOCK_F32, HS_SHAPE_SCALAR, 0},
    [C_F64] = {"f64", "Float64", HS_BLOCK_F64, HS_SHAPE_SCALAR, 0},
    [C_STR] = {"s", "String", HS_BLOCK_STRING, HS_SHAPE_SCALAR, 0},
    [C_FIXED] = {"f", "FixedString(5)", HS_BLOCK_FIXED, HS_SHAPE_SCALAR, 5},
    [C_ARR] = {"a", "Array(UInt16)", HS_BLOCK_U16, HS_SHAPE_ARRAY, 0},
    [C_ARR_STR] = {"as", "Array(String)", HS_BLOCK_STRING, HS_SHAPE_ARRAY, 0},
    [C_MAP] = {"m", "Map(String, String)", HS_BLOCK_STRING, HS_SHAPE_MAP, 0},
};
static const struct hs_table_def def = {"haystat.test", columns, C_N};

static struct hs_str random_text(struct hs_rand *rand, char *out)
{
    size_t n = (size_t)hs_rand_below(rand, hs_rand_below(rand, 8) ? 20 : TEXT_MAX);

    for (size_t i = 0; i < n; i++)
        out[i] = (char)hs_rand_u64(rand);
    return hs_str_n(out, n);
}

/* Row i is the same whenever it is made. */
static void fill(struct hs_block *block, uint64_t i)
{
    struct hs_rand rand;
    char text[TEXT_MAX];

    hs_rand_init(&rand, i);
    hs_block_u64(block, C_U8, i);
    hs_block_u64(block, C_U16, i * 3);
    hs_block_u64(block, C_U64, i);
    hs_block_u64(block, C_I64, (uint64_t) - (int64_t)i);
    hs_block_f64(block, C_F32, (double)i / 2);
    hs_block_f64(block, C_F64, (double)i / 3);
    hs_block_str(block, C_STR, random_text(&rand, text));
    hs_block_str(block, C_FIXED, HS_STR("abcde"));
    for (uint64_t k = 0; k < i % 4; k++) {
        hs_block_array_u64(block, C_ARR, i + k);
        hs_block_array_str(block, C_ARR_STR, random_text(&rand, text));
        hs_block_map_str(block, C_MAP, HS_STR("key"), random_text(&rand, text));
    }
    hs_block_array_end(block, C_ARR);
    hs_block_array_end(block, C_ARR_STR);
    hs_block_array_end(block, C_MAP);
}

static void make(struct hs_block *block, uint64_t first, uint64_t n)
{
    assert_int_equal(hs_block_init(block, &def, BYTES_MAX, NULL), HS_OK);
    for (uint64_t i = first; i < first + n; i++) {
        fill(block, i);
        assert_int_equal(hs_block_row_end(block, NULL), HS_OK);
    }
}

static void assert_equal(const struct hs_block *a, const struct hs_block *b)
{
    struct hs_buf wire_a;
    struct hs_buf wire_b;

    hs_buf_init(&wire_a, 64 << 20);
    hs_buf_init(&wire_b, 64 << 20);
    assert_int_equal(hs_block_encode(a, &wire_a, NULL), HS_OK);
    assert_int_equal(hs_block_encode(b, &wire_b, NULL), HS_OK);
    assert_int_equal(wire_a.n, wire_b.n);
    assert_memory_equal(wire_a.p, wire_b.p, wire_a.n);
    hs_buf_fini(&wire_a);
    hs_buf_fini(&wire_b);
}

/* Compares a decoded list column with what fill() puts into row i. */
static void assert_texts(const struct hs_column *list, unsigned child, size_t i, uint64_t which)
{
    uint64_t at = i > 0 ? list->offsets[i - 1] : 0;
    struct hs_rand rand;
    char text[TEXT_MAX];

    hs_rand_init(&rand, i);
    random_text(&rand, text);
    assert_int_equal(list->offsets[i] - at, i % 4);
    for (uint64_t k = 0; k < 2 * (i % 4); k++) {
        struct hs_str want = random_text(&rand, text);

        if (k % 2 == which)
            assert_true(hs_str_eq(list->children[child].str[at + k / 2], want));
    }
}

static void encode__decodes_to_the_same_values(void **state)
{
    enum { ROWS = 1000 };
    struct hs_block block;
    struct hs_buf wire;
    struct hs_arena arena;
    struct hs_table table;

    (void)state;
    make(&block, 0, ROWS);
    hs_buf_init(&wire, 16 << 20);
    hs_arena_init(&arena, 64 << 20);
    assert_int_equal(hs_block_encode(&block, &wire, NULL), HS_OK);
    assert_int_equal(hs_native_decode(hs_buf_str(&wire), &hs_native_limits_default, &arena, &table,
                                      NULL),
                     HS_OK);
    assert_int_equal(table.rows, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        struct hs_rand rand;
        char text[TEXT_MAX];

        hs_rand_init(&rand, i);
        assert_int_equal(table.columns[C_U8].u64[i], i & 0xff);
        assert_int_equal(table.columns[C_U16].u64[i], i * 3);
        assert_int_equal(table.columns[C_I64].i64[i], -(int64_t)i);
        assert_true(table.columns[C_F32].f64[i] == (double)i / 2);
        assert_true(table.columns[C_F64].f64[i] == (double)i / 3);
        assert_true(hs_str_eq(table.columns[C_STR].str[i], random_text(&rand, text)));
        assert_true(hs_str_eq_c(table.columns[C_FIXED].str[i], "abcde"));
        assert_texts(&table.columns[C_ARR_STR], 0, i, 0);
        assert_texts(&table.columns[C_MAP], 1, i, 1);
    }
    hs_arena_fini(&arena);
    hs_buf_fini(&wire);
    hs_block_fini(&block);
}

static void append__copies_any_range(void **state)
{
    struct hs_block whole;
    struct hs_block parts;

    (void)state;
    make(&whole, 0, 100);
    assert_int_equal(hs_block_init(&parts, &def, BYTES_MAX, NULL), HS_OK);
    for (size_t i = 0, n = 0; i < 100; i += n, n = (n + 1) % 7)
        assert_int_equal(hs_block_append(&parts, &whole, i, n < 100 - i ? n : 100 - i, NULL),
                         HS_OK);
    assert_equal(&whole, &parts);
    hs_block_fini(&whole);
    hs_block_fini(&parts);
}

static void append__single_rows_equal_fresh_ones(void **state)
{
    struct hs_block whole;
    struct hs_block picked;
    struct hs_block fresh;

    (void)state;
    make(&whole, 0, 50);
    make(&fresh, 37, 2);
    assert_int_equal(hs_block_init(&picked, &def, BYTES_MAX, NULL), HS_OK);
    assert_int_equal(hs_block_append(&picked, &whole, 37, 1, NULL), HS_OK);
    assert_int_equal(hs_block_append(&picked, &whole, 38, 1, NULL), HS_OK);
    assert_equal(&fresh, &picked);
    hs_block_fini(&whole);
    hs_block_fini(&picked);
    hs_block_fini(&fresh);
}

static void row_abort__leaves_complete_rows_as_they_were(void **state)
{
    struct hs_block block;
    struct hs_block want;

    (void)state;
    make(&want, 0, 3);
    make(&block, 0, 2);
    fill(&block, 99);
    hs_block_row_abort(&block);
    hs_block_str(&block, C_STR, HS_STR("half a row"));
    hs_block_map_str(&block, C_MAP, HS_STR("k"), HS_STR("v"));
    hs_block_row_abort(&block);
    fill(&block, 2);
    assert_int_equal(hs_block_row_end(&block, NULL), HS_OK);
    assert_equal(&want, &block);
    hs_block_fini(&block);
    hs_block_fini(&want);
}

static const struct hs_column_def narrow_columns[] = {
    {"s", "String", HS_BLOCK_STRING, HS_SHAPE_SCALAR, 0},
    {"n", "UInt32", HS_BLOCK_U32, HS_SHAPE_SCALAR, 0},
};
static const struct hs_table_def narrow = {"haystat.narrow", narrow_columns, 2};

static int add_narrow(struct hs_block *block, size_t n, struct hs_err *err)
{
    static const char text[200];

    hs_block_str(block, 0, hs_str_n(text, n));
    hs_block_u64(block, 1, 7);
    return hs_block_row_end(block, err);
}

static void row_end__holds_bytes_max_to_the_byte(void **state)
{
    struct hs_block block;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_block_init(&block, &narrow, 100, NULL), HS_OK);
    assert_int_equal(add_narrow(&block, 100, &err), HS_ELIMIT); /* with its length: 101 */
    assert_non_null(strstr(err.text, "haystat.narrow.s"));
    assert_int_equal(add_narrow(&block, 99, NULL), HS_OK);
    assert_int_equal(add_narrow(&block, 0, NULL), HS_ELIMIT);
    assert_int_equal(block.rows, 1);
    assert_int_equal(hs_block_bytes(&block), 104);
    hs_block_reset(&block);
    assert_int_equal(block.rows, 0);
    for (int i = 0; i < 25; i++) /* 4 bytes each in the other column */
        assert_int_equal(add_narrow(&block, 0, NULL), HS_OK);
    assert_int_equal(add_narrow(&block, 0, NULL), HS_ELIMIT);
    assert_int_equal(block.rows, 25);
    hs_block_fini(&block);
}

static void append__past_the_limit_takes_everything_back(void **state)
{
    struct hs_block from;
    struct hs_block to;

    (void)state;
    assert_int_equal(hs_block_init(&from, &narrow, 1000, NULL), HS_OK);
    assert_int_equal(hs_block_init(&to, &narrow, 100, NULL), HS_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(add_narrow(&from, 49, NULL), HS_OK);
    assert_int_equal(hs_block_append(&to, &from, 0, 3, NULL), HS_ELIMIT);
    assert_int_equal(to.rows, 0);
    assert_int_equal(hs_block_bytes(&to), 0);
    assert_int_equal(hs_block_append(&to, &from, 1, 2, NULL), HS_OK);
    assert_int_equal(to.rows, 2);
    hs_block_fini(&from);
    hs_block_fini(&to);
}

static void encode__too_small_a_buffer_is_elimit_and_untouched(void **state)
{
    struct hs_block block;
    struct hs_buf out;

    (void)state;
    make(&block, 0, 10);
    hs_buf_init(&out, 200);
    HS_BUF_ADD_LIT(&out, "before");
    assert_int_equal(hs_block_encode(&block, &out, NULL), HS_ELIMIT);
    assert_int_equal(out.n, 6);
    hs_buf_fini(&out);
    hs_block_fini(&block);
}

static void init__refuses_more_than_positions_can_hold(void **state)
{
    struct hs_block block;

    (void)state;
    assert_int_equal(hs_block_init(&block, &narrow, (size_t)UINT32_MAX, NULL), HS_ELIMIT);
}

typedef void misuse_fn(struct hs_block *block);

static void leave_column_out(struct hs_block *block)
{
    hs_block_u64(block, 1, 7);
    hs_block_row_end(block, NULL);
}

static void set_twice(struct hs_block *block)
{
    hs_block_str(block, 0, HS_STR("a"));
    hs_block_str(block, 0, HS_STR("b"));
    hs_block_u64(block, 1, 7);
    hs_block_row_end(block, NULL);
}

static void set_wrong_type(struct hs_block *block)
{
    hs_block_u64(block, 0, 7);
}

static void misuse__is_an_assertion(void **state)
{
    static misuse_fn *const cases[] = {leave_column_out, set_twice, set_wrong_type};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status = 0;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            struct hs_block block;

            signal(SIGABRT, SIG_DFL);
            if (!freopen("/dev/null", "w", stderr) ||
                hs_block_init(&block, &narrow, 100, NULL) != HS_OK)
                _exit(1);
            cases[i](&block);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode__decodes_to_the_same_values),
        cmocka_unit_test(append__copies_any_range),
        cmocka_unit_test(append__single_rows_equal_fresh_ones),
        cmocka_unit_test(row_abort__leaves_complete_rows_as_they_were),
        cmocka_unit_test(row_end__holds_bytes_max_to_the_byte),
        cmocka_unit_test(append__past_the_limit_takes_everything_back),
        cmocka_unit_test(encode__too_small_a_buffer_is_elimit_and_untouched),
        cmocka_unit_test(init__refuses_more_than_positions_can_hold),
        cmocka_unit_test(misuse__is_an_assertion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
