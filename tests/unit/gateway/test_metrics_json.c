#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <yyjson.h>

#include "base/mem.h"
#include "gateway/metrics_json.h"

enum { ROWS = 5, FROM_S = 1200, STEP_S = 60 };

/* The statement's answer for two groups: the total, a with two points, b with none. */
static const uint64_t kind[ROWS] = {0, 1, 2, 2, 1};
static const uint64_t t[ROWS] = {0, 0, FROM_S, FROM_S + 2 * STEP_S, 0};
static const struct hs_str key[ROWS] = {{"", 0}, {"a", 1}, {"a", 1}, {"a", 1}, {"b\"", 2}};
static const uint64_t count[ROWS] = {1020, 1000, 600, 400, 20};
static const double weighted[ROWS] = {1020.5, 1000.5, 600.5, 400, 20};
static const uint64_t errors[ROWS] = {51, 50, 30, 20, 1};
static const uint64_t latency_n[ROWS] = {1019, 1000, 600, 400, 19};
static const double latency_sum[ROWS] = {10190, 10000, 6000, 4000, 190};
static const double latency_max[ROWS] = {99, 99, 90, 99, 12};
static const double quantiles[ROWS * 4] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                           11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
static const uint64_t ends[ROWS] = {4, 8, 12, 16, 20};
static const struct hs_str codes[2] = {{"500", 3}, {"timeout", 7}};
static const uint64_t code_counts[2] = {49, 1};
static const uint64_t code_ends[ROWS] = {0, 2, 2, 2, 2};

static const struct hs_column array_child = {.kind = HS_COL_F64,
                                             .rows = ROWS * 4,
                                             .f64 = quantiles};
static const struct hs_column map_children[2] = {{.kind = HS_COL_STR, .rows = 2, .str = codes},
                                                 {.kind = HS_COL_U64,
                                                  .rows = 2,
                                                  .u64 = code_counts}};

#define NAME(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct hs_column all_columns[] = {
    {.name = NAME("kind"), .kind = HS_COL_U64, .rows = ROWS, .u64 = kind},
    {.name = NAME("t"), .kind = HS_COL_U64, .rows = ROWS, .u64 = t},
    {.name = NAME("k0"), .kind = HS_COL_STR, .rows = ROWS, .str = key},
    {.name = NAME("count_"), .kind = HS_COL_U64, .rows = ROWS, .u64 = count},
    {.name = NAME("weighted_count_"), .kind = HS_COL_F64, .rows = ROWS, .f64 = weighted},
    {.name = NAME("errors_"), .kind = HS_COL_U64, .rows = ROWS, .u64 = errors},
    {.name = NAME("error_codes_"),
     .kind = HS_COL_MAP,
     .rows = ROWS,
     .offsets = code_ends,
     .children = map_children,
     .children_n = 2},
    {.name = NAME("latency_count_"), .kind = HS_COL_U64, .rows = ROWS, .u64 = latency_n},
    {.name = NAME("latency_sum_ms_"), .kind = HS_COL_F64, .rows = ROWS, .f64 = latency_sum},
    {.name = NAME("latency_max_ms_"), .kind = HS_COL_F64, .rows = ROWS, .f64 = latency_max},
    {.name = NAME("latency_"),
     .kind = HS_COL_ARRAY,
     .rows = ROWS,
     .offsets = ends,
     .children = &array_child,
     .children_n = 1},
};

struct fixture {
    struct hs_column columns[HS_ARRAY_LEN(all_columns)];
    struct hs_table table;
    struct hs_params params;
    struct hs_range range;
    struct hs_metrics_answer answer;
    struct hs_buf text;
    yyjson_doc *doc;
};

static int setup(void **state)
{
    struct fixture *fixture = hs_xalloc(sizeof(*fixture));

    memcpy(fixture->columns, all_columns, sizeof(all_columns));
    fixture->table = (struct hs_table){fixture->columns, HS_ARRAY_LEN(all_columns), ROWS, 0, 0};
    assert_int_equal(hs_facet_find(HS_STR("service"), &fixture->params.groups[0], NULL), HS_OK);
    fixture->params.groups_n = 1;
    fixture->params.series = true;
    fixture->range = (struct hs_range){FROM_S, FROM_S + 10 * STEP_S, STEP_S};
    fixture->answer = (struct hs_metrics_answer){.kind = HS_METRICS_SUMMARY,
                                                 .params = &fixture->params,
                                                 .range = &fixture->range,
                                                 .table = HS_METRICS_FAST,
                                                 .now_s = FROM_S + 3 * STEP_S - 1,
                                                 .rows = &fixture->table};
    hs_buf_init(&fixture->text, 1 << 20);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    yyjson_doc_free(fixture->doc);
    hs_buf_fini(&fixture->text);
    hs_free(fixture);
    return 0;
}

static yyjson_val *answer(struct fixture *fixture, enum hs_metrics_kind kind_of)
{
    struct hs_err err = {0};

    fixture->answer.kind = kind_of;
    if (hs_metrics_json(&fixture->answer, &fixture->text, &err) != HS_OK)
        fail_msg("%s", err.text);
    fixture->doc = yyjson_read(fixture->text.p, fixture->text.n, 0);
    assert_non_null(fixture->doc);
    return yyjson_doc_get_root(fixture->doc);
}

/* The member at the path, as text; a path begins with '/' (RFC 6901). */
static void check(yyjson_val *root, const char *path, const char *expected)
{
    yyjson_val *val = yyjson_ptr_get(root, path);
    char *text = yyjson_val_write(val, 0, NULL);

    if (!text || strcmp(text, expected) != 0)
        fail_msg("%s is %s, not %s", path, text ? text : "absent", expected);
    free(text);
}

static void json__has_the_effective_range_and_the_groups(void **state)
{
    yyjson_val *root = answer(*state, HS_METRICS_SUMMARY);

    check(root, "/from", "\"1970-01-01T00:20:00.000Z\"");
    check(root, "/to", "\"1970-01-01T00:30:00.000Z\"");
    check(root, "/step_s", "60");
    check(root, "/group_by", "[\"service\"]");
    check(root, "/table", "\"fast\"");
    check(root, "/groups/0/key", "{\"service\":\"a\"}");
    check(root, "/groups/1/key", "{\"service\":\"b\\\"\"}");
    assert_int_equal(yyjson_arr_size(yyjson_obj_get(root, "groups")), 2);
    check(root, "/total/count", "1020");
    check(root, "/total/weighted_count", "1020.5");
}

static void json__of_latency_has_percentiles_and_says_which_rest_on_few(void **state)
{
    yyjson_val *root = answer(*state, HS_METRICS_LATENCY);

    check(root, "/groups/0/latency_count", "1000");
    check(root, "/groups/0/p50_ms", "5");
    check(root, "/groups/0/p99_ms", "8");
    check(root, "/groups/0/max_ms", "99");
    check(root, "/groups/0/mean_ms", "10");
    check(root, "/groups/0/low_n", "[]");
    check(root, "/groups/1/low_n", "[\"p50_ms\",\"p90_ms\",\"p95_ms\",\"p99_ms\"]");
}

static void json__of_errors_has_codes_and_a_rate_with_its_interval(void **state)
{
    yyjson_val *root = answer(*state, HS_METRICS_ERRORS);

    check(root, "/groups/0/errors", "50");
    check(root, "/groups/0/by_code", "{\"500\":49,\"timeout\":1}");
    check(root, "/groups/1/by_code", "{}");
    check(root, "/groups/0/error_rate/value", "0.05");
    check(root, "/groups/0/error_rate/numerator", "50");
    check(root, "/groups/0/error_rate/denominator", "1000");
    assert_non_null(yyjson_ptr_get(root, "/groups/0/error_rate/low"));
    assert_non_null(yyjson_ptr_get(root, "/groups/0/error_rate/definition"));
}

/* Counts are 0 and measures null where nothing happened; steps after now are left out. */
static void series__has_a_point_for_each_step_that_has_begun(void **state)
{
    yyjson_val *root = answer(*state, HS_METRICS_SUMMARY);

    check(root, "/groups/0/series/t", "[1200,1260,1320]");
    check(root, "/groups/0/series/count", "[600,0,400]");
    check(root, "/groups/0/series/error_rate", "[0.05,null,0.05]");
    check(root, "/groups/0/series/p50_ms", "[9,null,13]");
    check(root, "/groups/1/series/count", "[0,0,0]");
}

static void series__begins_with_the_step_of_now(void **state)
{
    static const struct {
        int64_t now_s;
        const char *t;
    } cases[] = {
        {FROM_S - 1, "[]"},
        {FROM_S, "[1200]"},
        {FROM_S + STEP_S - 1, "[1200]"},
        {FROM_S + STEP_S, "[1200,1260]"},
    };
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        fixture->answer.now_s = cases[i].now_s;
        hs_buf_reset(&fixture->text);
        yyjson_doc_free(fixture->doc);
        check(answer(fixture, HS_METRICS_SUMMARY), "/groups/0/series/t", cases[i].t);
    }
}

static void series__can_be_left_out(void **state)
{
    struct fixture *fixture = *state;

    fixture->params.series = false;
    assert_null(yyjson_ptr_get(answer(fixture, HS_METRICS_SUMMARY), "/groups/0/series"));
}

static void total__can_come_from_a_statement_of_its_own(void **state)
{
    static const uint64_t own_count[1] = {7};
    static struct hs_column columns[] = {
        {.name = NAME("count_"), .kind = HS_COL_U64, .rows = 1, .u64 = own_count},
    };
    static const struct hs_table total = {columns, 1, 1, 0, 0};
    struct fixture *fixture = *state;

    fixture->answer.total = &total;
    check(answer(fixture, HS_METRICS_SUMMARY), "/total/count", "7");
}

static void json__of_no_rows_says_why_there_is_no_rate(void **state)
{
    struct fixture *fixture = *state;
    yyjson_val *root;

    fixture->table.rows = 0;
    root = answer(fixture, HS_METRICS_SUMMARY);
    check(root, "/groups", "[]");
    check(root, "/total/count", "0");
    check(root, "/total/p95_ms", "null");
    check(root, "/total/error_rate/value", "null");
    check(root, "/total/error_rate/reason", "\"no executions in the range\"");
}

static void json__refuses_columns_of_another_kind(void **state)
{
    struct fixture *fixture = *state;
    struct hs_err err;

    fixture->columns[3].kind = HS_COL_I64;
    assert_int_equal(hs_metrics_json(&fixture->answer, &fixture->text, &err), HS_ECORRUPT);
    assert_non_null(strstr(err.text, "count_"));
    fixture->columns[3] = all_columns[3];
    fixture->columns[2].name = hs_str_c("k1");
    assert_int_equal(hs_metrics_json(&fixture->answer, &fixture->text, &err), HS_ECORRUPT);
    assert_non_null(strstr(err.text, "k0"));
}

static void json__larger_than_its_buffer_is_a_limit(void **state)
{
    struct fixture *fixture = *state;
    struct hs_err err;

    hs_buf_fini(&fixture->text);
    hs_buf_init(&fixture->text, 100);
    assert_int_equal(hs_metrics_json(&fixture->answer, &fixture->text, &err), HS_ELIMIT);
    assert_string_equal(err.text, "the answer is larger than 100 bytes");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json__has_the_effective_range_and_the_groups),
        TEST(json__of_latency_has_percentiles_and_says_which_rest_on_few),
        TEST(json__of_errors_has_codes_and_a_rate_with_its_interval),
        TEST(series__has_a_point_for_each_step_that_has_begun),
        TEST(series__begins_with_the_step_of_now),
        TEST(series__can_be_left_out),
        TEST(total__can_come_from_a_statement_of_its_own),
        TEST(json__of_no_rows_says_why_there_is_no_rate),
        TEST(json__refuses_columns_of_another_kind),
        TEST(json__larger_than_its_buffer_is_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
