#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <yyjson.h>

#include "base/mem.h"
#include "gateway/metrics_json.h"

enum { FROM_S = 1200, STEP_S = 60 };

static const double of_a[] = {5, 6, 7, 8};
static const double of_first[] = {9, 10, 11, 12};
static const double of_third[] = {13, 14, 15, 16};
static const struct hs_code_count codes[] = {{{"500", 3}, 49}, {{"timeout", 7}, 1}};

/* Two groups: a with two points, b with none. */
static const struct hs_fold_point points[] = {
    {FROM_S, {.count = 600, .errors = 30, .latency_count = 600, .latency = of_first}},
    {FROM_S + 2 * STEP_S, {.count = 400, .errors = 20, .latency_count = 400, .latency = of_third}},
};
static const struct hs_fold_group groups[] = {
    {.row = 1,
     .cell = {.count = 1000,
              .weighted_count = 1000.5,
              .errors = 50,
              .latency_count = 1000,
              .latency_sum_ms = 10000,
              .latency_max_ms = 99,
              .latency = of_a,
              .codes = codes,
              .codes_n = HS_ARRAY_LEN(codes)},
     .points = points,
     .points_n = HS_ARRAY_LEN(points)},
    {.row = 0, .cell = {.count = 20, .weighted_count = 20, .errors = 1, .latency_count = 19}},
};
static const struct hs_str key[] = {{"b\"", 2}, {"a", 1}};
static struct hs_column columns[] = {
    {.name = {"k0", 2}, .kind = HS_COL_STR, .rows = HS_ARRAY_LEN(key), .str = key},
};
static const struct hs_table table = {columns, 1, HS_ARRAY_LEN(key), 0, 0};

struct fixture {
    struct hs_fold fold;
    struct hs_params params;
    struct hs_range range;
    struct hs_metrics_answer answer;
    struct hs_buf text;
    yyjson_doc *doc;
};

static int setup(void **state)
{
    struct fixture *fixture = hs_xalloc(sizeof(*fixture));

    fixture->fold =
        (struct hs_fold){.total = {.count = 1020, .weighted_count = 1020.5, .errors = 51},
                         .groups = groups,
                         .groups_n = HS_ARRAY_LEN(groups)};
    assert_int_equal(hs_facet_find(HS_STR("service"), &fixture->params.groups[0], NULL), HS_OK);
    fixture->params.groups_n = 1;
    fixture->params.series = true;
    fixture->range = (struct hs_range){FROM_S, FROM_S + 10 * STEP_S, STEP_S};
    fixture->answer = (struct hs_metrics_answer){.kind = HS_METRICS_SUMMARY,
                                                 .params = &fixture->params,
                                                 .range = &fixture->range,
                                                 .table = HS_METRICS_FAST,
                                                 .now_s = FROM_S + 3 * STEP_S - 1,
                                                 .rows = &table,
                                                 .fold = &fixture->fold};
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

static void json__of_no_rows_says_why_there_is_no_rate(void **state)
{
    struct fixture *fixture = *state;
    yyjson_val *root;

    fixture->fold = (struct hs_fold){.groups_n = 0};
    root = answer(fixture, HS_METRICS_SUMMARY);
    check(root, "/groups", "[]");
    check(root, "/total/count", "0");
    check(root, "/total/p95_ms", "null");
    check(root, "/total/error_rate/value", "null");
    check(root, "/total/error_rate/reason", "\"no executions in the range\"");
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
        TEST(json__of_no_rows_says_why_there_is_no_rate),
        TEST(json__larger_than_its_buffer_is_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
