#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/metrics_sql.h"
#include "net/http_route.h"

#define NOW_S 1795428000LL

struct fixture {
    struct hs_arena arena;
    struct hs_http_target target;
    struct hs_params params;
    struct hs_range range;
    struct hs_plan plan;
    struct hs_sql sql;
    char text[HS_TARGET_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *fixture = hs_xalloc(sizeof(*fixture));

    hs_arena_init(&fixture->arena, 1 << 20);
    hs_sql_init(&fixture->sql);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    hs_sql_fini(&fixture->sql);
    hs_arena_fini(&fixture->arena);
    hs_free(fixture);
    return 0;
}

static void parse(struct fixture *fixture, const char *query)
{
    snprintf(fixture->text, sizeof(fixture->text), "/?%s", query);
    assert_int_equal(hs_http_target_parse(hs_str_c(fixture->text), &fixture->arena,
                                          &fixture->target, NULL),
                     HS_OK);
    assert_int_equal(hs_params_parse(HS_PARAMS_METRICS, fixture->target.params,
                                     fixture->target.params_n, NOW_S * HS_NS_PER_S,
                                     &fixture->params, NULL),
                     HS_OK);
}

static const char *statement(struct fixture *fixture, const char *query)
{
    struct hs_metrics_ask ask = {
        .params = &fixture->params,
        .range = &fixture->range,
        .plan = &fixture->plan,
        .counted = HS_STR("counted_condition"),
        .tenant = HS_STR("acme"),
        .measures = HS_MEASURE_ERRORS | HS_MEASURE_LATENCY,
    };
    struct hs_plan_in in = {.now_s = NOW_S, .coarsest = HS_LEVEL_1M};
    int level;

    parse(fixture, query);
    assert_int_equal(hs_params_range(&fixture->params, 60, &fixture->range, NULL), HS_OK);
    in.from_s = fixture->range.from_s;
    in.to_s = fixture->range.to_s;
    for (level = 0; level < HS_LEVEL_N; level++)
        in.marks[level].unknown_from_s = INT64_MAX;
    hs_plan_make(&in, &fixture->plan);
    hs_metrics_sql(&ask, &fixture->sql);
    assert_true(hs_buf_ok(&fixture->sql.text));
    return hs_buf_cstr(&fixture->sql.text);
}

static bool has_value(const struct hs_sql *sql, const char *value)
{
    size_t i;

    for (i = 0; i < sql->params_n; i++) {
        if (hs_str_eq_c(sql->params[i].value, value))
            return true;
    }
    return false;
}

static void table__is_the_smallest_that_has_the_answer(void **state)
{
    static const struct {
        const char *query;
        enum hs_metrics_table table;
        const char *dim;
    } cases[] = {
        {"", HS_METRICS_FAST, NULL},
        {"group_by=", HS_METRICS_FAST, NULL},
        {"group_by=environment,service&service=a&environment=b", HS_METRICS_FAST, NULL},
        {"filter=service:ne:a", HS_METRICS_FAST, NULL},
        {"group_by=version", HS_METRICS_DIM, "version"},
        {"group_by=service,version&filter=version:eq:2", HS_METRICS_DIM, "version"},
        {"filter=index:in:a,b", HS_METRICS_DIM, "index"},
        {"filter=ranker:ne:a", HS_METRICS_DIM, "ranker"},
        {"group_by=experiment", HS_METRICS_DIM, "experiment"},
        {"filter=experiment:eq:a:b", HS_METRICS_DIM, "experiment"},
        /* two dimensions at once are kept nowhere */
        {"group_by=version,index", HS_METRICS_RAW, NULL},
        {"group_by=version&filter=index:eq:a", HS_METRICS_RAW, NULL},
        {"filter=region:eq:a&filter=locale:eq:b", HS_METRICS_RAW, NULL},
        /* a search has several experiments: these are no sums over cells */
        {"filter=experiment:ne:a:b", HS_METRICS_RAW, NULL},
        {"filter=experiment:in:a:b,a:c", HS_METRICS_RAW, NULL},
        {"group_by=status", HS_METRICS_RAW, NULL},
        {"filter=attributes.tier:eq:gold", HS_METRICS_RAW, NULL},
        {"group_by=service,attributes.tier", HS_METRICS_RAW, NULL},
    };
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_facet_ref dim = {.field = NULL};

        parse(fixture, cases[i].query);
        if (hs_metrics_table(&fixture->params, &dim) != cases[i].table)
            fail_msg("%s", cases[i].query);
        if (cases[i].dim)
            assert_string_equal(dim.field->name, cases[i].dim);
    }
}

/* Whatever a client sends stays out of the text, in each kind of table. */
static void values__are_parameters_never_text(void **state)
{
    static const char *const queries[] = {
        "service=x%27quote",
        "group_by=version&filter=version:eq:x%27quote",
        "filter=attributes.a%27name:ne:x%27quote&group_by=attributes.a%27name",
        "filter=query:in:a,x%27quote",
        "filter=experiment:ne:x%27quote",
    };
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(queries); i++) {
        struct fixture *fixture = *state;
        const char *text;

        hs_sql_fini(&fixture->sql);
        hs_sql_init(&fixture->sql);
        text = statement(fixture, queries[i]);
        assert_null(strstr(text, "quote"));
        assert_null(strstr(text, "a'name"));
        assert_null(strstr(text, "acme"));
        assert_true(has_value(&fixture->sql, "x'quote"));
        assert_true(has_value(&fixture->sql, "acme"));
    }
}

static void raw__counts_top_level_searches_of_the_counted_source(void **state)
{
    const char *text = statement(*state, "group_by=status&from=1795424400&to=1795428000");

    assert_non_null(strstr(text, "FROM haystat.searches"));
    assert_non_null(strstr(text, "parent_query_id = ''"));
    assert_non_null(strstr(text, "(counted_condition)"));
    assert_non_null(strstr(text, "toDateTime64(1795424400, 6, 'UTC')"));
}

static void rollups__are_read_for_the_tenant_alone(void **state)
{
    struct fixture *fixture = *state;
    const char *text = statement(fixture, "");

    assert_non_null(strstr(text, "haystat.fast_1m"));
    assert_null(strstr(text, "haystat.searches"));
    assert_non_null(strstr(text, "tenant = {p0:String}"));
    assert_true(hs_str_eq_c(fixture->sql.params[0].value, "acme"));
}

/* A point of a window or two is sent as it lies; one of many windows is merged in the store. */
static void rollups__are_merged_by_the_store_where_points_are_many_windows(void **state)
{
    static const struct {
        const char *query;
        bool merged;
    } cases[] = {
        {"from=1795341600&to=1795428000&step=60s", false},
        {"from=1795341600&to=1795428000&step=3m", false},
        {"from=1795341600&to=1795428000&step=4m", true},
        {"from=1795341600&to=1795428000&series=0", true},
        {"from=1795422000&to=1795428000&series=0", false}, /* a hundred windows in all */
        {"from=1795421940&to=1795428000&series=0", true},
    };
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        bool merged;

        hs_sql_fini(&fixture->sql);
        hs_sql_init(&fixture->sql);
        merged = strstr(statement(fixture, cases[i].query), ") AS c GROUP BY b, k0") != NULL;
        if (merged != cases[i].merged)
            fail_msg("%s", cases[i].query);
    }
}

static void value__past_the_limit_fails_the_statement(void **state)
{
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < HS_SQL_PARAMS_MAX; i++)
        hs_sql_value(&fixture->sql, HS_STR("v"));
    assert_true(hs_buf_ok(&fixture->sql.text));
    assert_string_equal(fixture->sql.params[HS_SQL_PARAMS_MAX - 1].name, "p511");
    hs_sql_value(&fixture->sql, HS_STR("v"));
    assert_false(hs_buf_ok(&fixture->sql.text));
    assert_int_equal(fixture->sql.params_n, HS_SQL_PARAMS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(table__is_the_smallest_that_has_the_answer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(values__are_parameters_never_text, setup, teardown),
        cmocka_unit_test_setup_teardown(raw__counts_top_level_searches_of_the_counted_source, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(rollups__are_read_for_the_tenant_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(
            rollups__are_merged_by_the_store_where_points_are_many_windows, setup, teardown),
        cmocka_unit_test_setup_teardown(value__past_the_limit_fails_the_statement, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
