#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/fold.h"

enum { ROWS = 6 };

/* One value of 1, of 2 (twice) and of 4; upper halves of floats, and weights. */
#define ONE "\x80\x3F\1\0\0\0\0\0\0\0"
#define TWO "\x00\x40\2\0\0\0\0\0\0\0"
#define FOUR "\x80\x40\1\0\0\0\0\0\0\0"

/* Group a has a point at 0 in two rows and one at 60, b one at 60, and c no executions. */
static const uint64_t t[ROWS] = {60, 0, 0, 60, 0, 60};
static const struct hs_str key[ROWS] = {{"b", 1}, {"a", 1}, {"c", 1}, {"a", 1}, {"a", 1}, {"c", 1}};
static const uint64_t count[ROWS] = {1, 2, 0, 1, 1, 0};
static const uint64_t latency_n[ROWS] = {0, 2, 0, 1, 1, 0};
static const double latency_max[ROWS] = {0, 2, 0, 4, 1, 0};
static const struct hs_str states[ROWS] = {{"\0", 1},       {"\1" TWO, 11}, {"\0", 1},
                                           {"\1" FOUR, 11}, {"\1" ONE, 11}, {"\0", 1}};
static const uint64_t code_ends[ROWS] = {1, 3, 3, 4, 4, 4};
static const struct hs_str codes[4] = {{"late", 4}, {"late", 4}, {"bad", 3}, {"late", 4}};
static const uint64_t code_counts[4] = {1, 1, 1, 5};
static const struct hs_column code_columns[2] = {{.kind = HS_COL_STR, .rows = 4, .str = codes},
                                                 {.kind = HS_COL_U64,
                                                  .rows = 4,
                                                  .u64 = code_counts}};

static const struct hs_column all_columns[] = {
    {.name = {"t", 1}, .kind = HS_COL_U64, .rows = ROWS, .u64 = t},
    {.name = {"k0", 2}, .kind = HS_COL_STR, .rows = ROWS, .str = key},
    {.name = {"count_", 6}, .kind = HS_COL_U64, .rows = ROWS, .u64 = count},
    {.name = {"latency_count_", 14}, .kind = HS_COL_U64, .rows = ROWS, .u64 = latency_n},
    {.name = {"latency_max_ms_", 15}, .kind = HS_COL_F64, .rows = ROWS, .f64 = latency_max},
    {.name = {"latency_state_", 14}, .kind = HS_COL_STR, .rows = ROWS, .str = states},
    {.name = {"error_codes_", 12},
     .kind = HS_COL_MAP,
     .rows = ROWS,
     .offsets = code_ends,
     .children = code_columns,
     .children_n = 2},
};

struct fixture {
    struct hs_column columns[HS_ARRAY_LEN(all_columns)];
    struct hs_table table;
    struct hs_fold_in in;
    struct hs_arena arena;
    struct hs_fold fold;
    struct hs_err err;
};

static int setup(void **state)
{
    struct fixture *fixture = hs_xalloc(sizeof(*fixture));

    memcpy(fixture->columns, all_columns, sizeof(all_columns));
    fixture->table = (struct hs_table){fixture->columns, HS_ARRAY_LEN(all_columns), ROWS, 0, 0};
    fixture->in =
        (struct hs_fold_in){.table = &fixture->table, .keys_n = 1, .series = true, .rows_max = 100};
    hs_arena_init(&fixture->arena, 1 << 20);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    hs_arena_fini(&fixture->arena);
    hs_free(fixture);
    return 0;
}

static int fold(struct fixture *fixture)
{
    return hs_fold(&fixture->in, &fixture->arena, &fixture->fold, &fixture->err);
}

static void fold__has_groups_and_points_in_order(void **state)
{
    struct fixture *fixture = *state;
    const struct hs_fold_group *groups;

    assert_int_equal(fold(fixture), HS_OK);
    groups = fixture->fold.groups;
    assert_int_equal(fixture->fold.groups_n, 2); /* c has no executions */
    assert_true(hs_str_eq_c(key[groups[0].row], "a"));
    assert_int_equal(groups[0].cell.count, 4);
    assert_int_equal(groups[0].points_n, 2);
    assert_int_equal(groups[0].points[0].t_s, 0);
    assert_int_equal(groups[0].points[0].cell.count, 3);
    assert_int_equal(groups[0].points[1].t_s, 60);
    assert_true(hs_str_eq_c(key[groups[1].row], "b"));
    assert_int_equal(groups[1].points_n, 1);
    assert_int_equal(fixture->fold.total.count, 5);
}

static void fold__merges_states_at_each_level(void **state)
{
    struct fixture *fixture = *state;
    const struct hs_fold_group *a;

    assert_int_equal(fold(fixture), HS_OK);
    a = &fixture->fold.groups[0];
    assert_true(a->points[0].cell.latency[0] == 2);
    assert_true(a->points[1].cell.latency[0] == 4);
    assert_true(a->cell.latency[0] == 2);
    assert_true(a->cell.latency[3] == 4);
    assert_true(a->cell.latency_max_ms == 4);
    assert_null(fixture->fold.groups[1].cell.latency);
    assert_true(fixture->fold.total.latency[3] == 4);
    assert_null(fixture->fold.total.score);
}

static void fold__adds_up_codes(void **state)
{
    struct fixture *fixture = *state;
    const struct hs_cell *a;
    const struct hs_cell *total = &fixture->fold.total;

    assert_int_equal(fold(fixture), HS_OK);
    a = &fixture->fold.groups[0].cell;
    assert_int_equal(a->codes_n, 2);
    assert_true(hs_str_eq_c(a->codes[0].code, "bad"));
    assert_int_equal(a->codes[1].count, 6);
    assert_int_equal(total->codes_n, 2);
    assert_int_equal(total->codes[1].count, 7);
}

static void fold__without_keys_is_one_group(void **state)
{
    struct fixture *fixture = *state;

    fixture->in.keys_n = 0;
    fixture->in.series = false;
    memset(fixture->columns, 0, sizeof(fixture->columns[0]));
    fixture->columns[0] =
        (struct hs_column){.name = {"t", 1}, .kind = HS_COL_U64, .rows = ROWS, .u64 = code_ends};
    assert_int_equal(fold(fixture), HS_OK);
    assert_int_equal(fixture->fold.groups_n, 1);
    assert_int_equal(fixture->fold.groups[0].cell.count, 5);
    assert_int_equal(fixture->fold.groups[0].points_n, 0);
    assert_int_equal(fixture->fold.total.count, 5);
}

static void fold__of_no_rows_is_empty(void **state)
{
    struct fixture *fixture = *state;

    fixture->table = (struct hs_table){NULL, 0, 0, 0, 0};
    assert_int_equal(fold(fixture), HS_OK);
    assert_int_equal(fixture->fold.groups_n, 0);
    assert_int_equal(fixture->fold.total.count, 0);
}

static void fold__refuses_columns_of_another_kind(void **state)
{
    struct fixture *fixture = *state;

    fixture->columns[2].kind = HS_COL_I64;
    assert_int_equal(fold(fixture), HS_ECORRUPT);
    assert_non_null(strstr(fixture->err.text, "count_"));
    fixture->columns[2] = all_columns[2];
    fixture->columns[1].name = hs_str_c("k1");
    assert_int_equal(fold(fixture), HS_ECORRUPT);
    assert_non_null(strstr(fixture->err.text, "k0"));
    fixture->columns[1] = all_columns[1];
    fixture->columns[5].str = key; /* no states */
    assert_int_equal(fold(fixture), HS_ECORRUPT);
}

/* Two groups and three points. */
static void fold__refuses_more_groups_and_points_than_the_limit(void **state)
{
    struct fixture *fixture = *state;

    fixture->in.rows_max = 5;
    assert_int_equal(fold(fixture), HS_OK);
    for (fixture->in.rows_max = 1; fixture->in.rows_max < 5; fixture->in.rows_max++) {
        assert_int_equal(fold(fixture), HS_ELIMIT);
        assert_non_null(strstr(fixture->err.text, "groups and points"));
    }
}

static void fold__that_does_not_fit_is_a_limit(void **state)
{
    struct fixture *fixture = *state;

    hs_arena_fini(&fixture->arena);
    hs_arena_init(&fixture->arena, 64);
    assert_int_equal(fold(fixture), HS_ELIMIT);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fold__has_groups_and_points_in_order),
        TEST(fold__merges_states_at_each_level),
        TEST(fold__adds_up_codes),
        TEST(fold__without_keys_is_one_group),
        TEST(fold__of_no_rows_is_empty),
        TEST(fold__refuses_columns_of_another_kind),
        TEST(fold__refuses_more_groups_and_points_than_the_limit),
        TEST(fold__that_does_not_fit_is_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
