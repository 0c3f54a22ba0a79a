#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/params.h"
#include "net/http_route.h"

#define NOW_S 1795428030LL /* 2026-11-23T10:00:30Z */
#define NOW_NS (NOW_S * HS_NS_PER_S)
#define MINUTE_S 60

/* What a request holds, and what was made of it. */
struct fixture {
    struct hs_arena arena;
    struct hs_http_target target;
    struct hs_params params;
    struct hs_err err;
    char text[HS_TARGET_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *fixture = hs_xalloc(sizeof(*fixture));

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

static int parse(struct fixture *fixture, enum hs_params_kind kind, const char *query)
{
    snprintf(fixture->text, sizeof(fixture->text), "/?%s", query);
    assert_int_equal(hs_http_target_parse(hs_str_c(fixture->text), &fixture->arena,
                                          &fixture->target, NULL),
                     HS_OK);
    return hs_params_parse(kind, fixture->target.params, fixture->target.params_n, NOW_NS,
                           &fixture->params, &fixture->err);
}

static void defaults__are_the_last_hour_by_service(void **state)
{
    struct fixture *fixture = *state;
    const struct hs_params *params = &fixture->params;

    assert_int_equal(parse(fixture, HS_PARAMS_METRICS, ""), HS_OK);
    assert_int_equal(params->to_ns, NOW_NS);
    assert_int_equal(params->from_ns, NOW_NS - 60 * HS_NS_PER_MIN);
    assert_int_equal(params->step_s, 0);
    assert_true(params->series);
    assert_int_equal(params->groups_n, 1);
    assert_string_equal(params->groups[0].field->name, "service");
    assert_int_equal(params->filters_n, 0);
    assert_int_equal(params->limit, HS_TOP_LIMIT);
    assert_int_equal(params->by, HS_TOP_COUNT);
    assert_int_equal(params->cursor.n, 0);
}

static void from__defaults_to_an_hour_before_to(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(parse(fixture, HS_PARAMS_METRICS, "to=now-1d"), HS_OK);
    assert_int_equal(fixture->params.from_ns, NOW_NS - HS_NS_PER_DAY - 60 * HS_NS_PER_MIN);
}

static void metrics__take_every_parameter_at_once(void **state)
{
    struct fixture *fixture = *state;
    const struct hs_params *params = &fixture->params;

    assert_int_equal(
        parse(fixture, HS_PARAMS_METRICS,
              "from=now-2h&to=now-1h&step=10m&series=0&service=a&service=b&environment=prod"
              "&group_by=version,%20attributes.tier&filter=version:ne:1:2"
              "&filter=attributes.a.b:in:x,,y&key=hs_r_secret"),
        HS_OK);
    assert_int_equal(params->from_ns, NOW_NS - 120 * HS_NS_PER_MIN);
    assert_int_equal(params->to_ns, NOW_NS - 60 * HS_NS_PER_MIN);
    assert_int_equal(params->step_s, 600);
    assert_false(params->series);
    assert_int_equal(params->groups_n, 2);
    assert_string_equal(params->groups[0].field->name, "version");
    assert_true(hs_str_eq_c(params->groups[1].attribute, "tier"));
    assert_int_equal(params->filters_n, 4);
    assert_int_equal(params->filters[0].op, HS_FILTER_NE);
    assert_true(hs_str_eq_c(params->filters[0].values[0], "1:2")); /* values may hold colons */
    assert_true(hs_str_eq_c(params->filters[1].field.attribute, "a.b"));
    assert_int_equal(params->filters[1].values_n, 3);
    assert_int_equal(params->filters[1].values[1].n, 0);
    assert_string_equal(params->filters[2].field.field->name, "service");
    assert_int_equal(params->filters[2].op, HS_FILTER_IN);
    assert_int_equal(params->filters[2].values_n, 2);
    assert_string_equal(params->filters[3].field.field->name, "environment");
}

static void top__takes_by_limit_and_cursor(void **state)
{
    struct fixture *fixture = *state;
    int by;

    for (by = 0; by < HS_TOP_N; by++) {
        char query[64];

        snprintf(query, sizeof(query), "by=%s&limit=%d&cursor=abc",
                 hs_top_by_name((enum hs_top_by)by), HS_TOP_LIMIT_MAX);
        assert_int_equal(parse(fixture, HS_PARAMS_TOP, query), HS_OK);
        assert_int_equal(fixture->params.by, by);
        assert_int_equal(fixture->params.limit, HS_TOP_LIMIT_MAX);
        assert_true(hs_str_eq_c(fixture->params.cursor, "abc"));
    }
}

static void group_by__empty_is_one_group(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(parse(fixture, HS_PARAMS_METRICS, "group_by="), HS_OK);
    assert_int_equal(fixture->params.groups_n, 0);
}

static void filter__empty_value_finds_what_has_none(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(parse(fixture, HS_PARAMS_METRICS, "filter=version:eq:&filter=region:in:"),
                     HS_OK);
    assert_int_equal(fixture->params.filters[0].values_n, 1);
    assert_int_equal(fixture->params.filters[0].values[0].n, 0);
    assert_int_equal(fixture->params.filters[1].values_n, 1);
}

/* Each error begins with the parameter, then its value where it has one, then says the rule. */
static void bad_values__are_named_with_their_rule(void **state)
{
    static const struct {
        enum hs_params_kind kind;
        const char *query;
        const char *begins;
        const char *rule;
    } cases[] = {
        {HS_PARAMS_METRICS, "from=soon", "from=soon: ", "RFC 3339 with a zone"},
        {HS_PARAMS_METRICS, "to=now-3y", "to=now-3y: ", "with s, m, h, d or w, at most 1830 days"},
        {HS_PARAMS_METRICS, "from=now&to=now-1h",
         "from=2026-11-23T10:00:30.000Z: ", "is not before to=2026-11-23T09:00:30.000Z"},
        {HS_PARAMS_METRICS, "from=now&to=now", "from=2026-11-23T10:00:30.000Z: ", "is not before"},
        {HS_PARAMS_METRICS, "from=now-401d", "from=2025-", "more than 400 days before to="},
        {HS_PARAMS_METRICS, "step=45s", "step=45s: ", "is not a multiple of 60 s"},
        {HS_PARAMS_METRICS, "step=0", "step=0: ", "a number from 1"},
        {HS_PARAMS_METRICS, "step=often", "step=often: ", "is no span of time"},
        {HS_PARAMS_METRICS, "series=yes", "series=yes: ", "must be 0 or 1"},
        {HS_PARAMS_METRICS, "series=", "series=: ", "must be 0 or 1"},
        {HS_PARAMS_METRICS, "from=now-1h&from=now-2h", "from: ", "is given twice"},
        {HS_PARAMS_METRICS, "group_by=service&group_by=version", "group_by: ", "is given twice"},
        {HS_PARAMS_METRICS, "group_by=servise", "group_by=servise: ", "did you mean \"service\""},
        {HS_PARAMS_METRICS, "group_by=service,service",
         "group_by=service,service: ", "names service twice"},
        {HS_PARAMS_METRICS, "group_by=attributes.a,attributes.a", "group_by=", "twice"},
        {HS_PARAMS_METRICS, "group_by=a,", "group_by=a,: ", "\"a\" is no known key"},
        {HS_PARAMS_METRICS, "group_by=service,version,index,ranker,region",
         "group_by=", "names more than 4 keys"},
        {HS_PARAMS_METRICS, "group_by=attributes.",
         "group_by=attributes.: ", "an attribute of 0 bytes, must be 1 to 128"},
        {HS_PARAMS_METRICS, "filter=version", "filter=version: ", "must be key:op:value"},
        {HS_PARAMS_METRICS, "filter=version:eq", "filter=version:eq: ", "must be key:op:value"},
        {HS_PARAMS_METRICS, "filter=version:lt:2",
         "filter=version:lt:2: ", "has operator \"lt\", must be key:op:value with op eq, ne or in"},
        {HS_PARAMS_METRICS, "filter=colour:eq:red",
         "filter=colour:eq:red: ", "\"colour\" is no known key"},
        {HS_PARAMS_METRICS, "limit=10", "limit: ", "is no parameter of this endpoint"},
        {HS_PARAMS_METRICS, "servce=a", "servce: ", "did you mean \"service\"?"},
        {HS_PARAMS_TOP, "by=clicks", "by=clicks: ", "count, zero_results, errors or p95"},
        {HS_PARAMS_TOP, "limit=0", "limit=0: ", "must be an integer from 1 to 500"},
        {HS_PARAMS_TOP, "limit=501", "limit=501: ", "must be an integer from 1 to 500"},
        {HS_PARAMS_TOP, "limit=ten", "limit=ten: ", "must be an integer from 1 to 500"},
        {HS_PARAMS_TOP, "limit=-1", "limit=-1: ", "must be an integer from 1 to 500"},
        {HS_PARAMS_TOP, "cursor=", "cursor=: ", "must be the next_cursor of an answer"},
        {HS_PARAMS_TOP, "step=1m", "step: ", "is no parameter of this endpoint"},
    };
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        if (parse(fixture, cases[i].kind, cases[i].query) != HS_EINVAL)
            fail_msg("%s: is taken", cases[i].query);
        if (strncmp(fixture->err.text, cases[i].begins, strlen(cases[i].begins)) != 0 ||
            !strstr(fixture->err.text, cases[i].rule))
            fail_msg("%s: \"%s\"", cases[i].query, fixture->err.text);
    }
}

static void repeat(char *out, size_t size, const char *head, const char *part, size_t n)
{
    size_t at = (size_t)snprintf(out, size, "%s", head);

    while (n-- > 0)
        at += (size_t)snprintf(out + at, size - at, "%s", part);
}

static void limits__hold_to_the_last_value(void **state)
{
    static const struct {
        const char *head;
        const char *part;
        size_t max;
        const char *rule;
    } cases[] = {
        {"", "&filter=version:eq:1", HS_FILTERS_MAX, "is one filter more than the limit 16"},
        {"", "&service=a", HS_SERVICES_MAX, "is one value more than the limit 64"},
        {"", "&environment=a", HS_SERVICES_MAX, "is one value more than the limit 64"},
        {"filter=version:in:a", ",a", HS_FILTER_VALUES_MAX - 1,
         "is one value more than the limit 64"},
        {"service=", "a", HS_FILTER_VALUE_BYTES_MAX, "is 513 bytes, limit 512"},
        {"filter=query:eq:", "a", HS_FILTER_VALUE_BYTES_MAX, "is 513 bytes, limit 512"},
        {"group_by=attributes.", "a", HS_ATTRIBUTE_NAME_MAX, "an attribute of 129 bytes"},
    };
    struct fixture *fixture = *state;
    char query[HS_TARGET_BYTES_MAX / 2];
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        repeat(query, sizeof(query), cases[i].head, cases[i].part, cases[i].max);
        if (parse(fixture, HS_PARAMS_METRICS, query) != HS_OK)
            fail_msg("%zu of %s: %s", cases[i].max, cases[i].part, fixture->err.text);
        repeat(query, sizeof(query), cases[i].head, cases[i].part, cases[i].max + 1);
        if (parse(fixture, HS_PARAMS_METRICS, query) != HS_EINVAL ||
            !strstr(fixture->err.text, cases[i].rule))
            fail_msg("one more than %zu of %s", cases[i].max, cases[i].part);
    }
}

static void cursor__longer_than_any_of_ours_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char query[HS_CURSOR_BYTES_MAX + 64];

    repeat(query, sizeof(query), "cursor=", "A", HS_CURSOR_BYTES_MAX);
    assert_int_equal(parse(fixture, HS_PARAMS_TOP, query), HS_OK);
    repeat(query, sizeof(query), "cursor=", "A", HS_CURSOR_BYTES_MAX + 1);
    assert_int_equal(parse(fixture, HS_PARAMS_TOP, query), HS_EINVAL);
}

static void error__of_a_long_value_shows_its_beginning_whole_characters(void **state)
{
    struct fixture *fixture = *state;
    char query[2048];

    repeat(query, sizeof(query), "from=a", "%C3%A4", 200);
    assert_int_equal(parse(fixture, HS_PARAMS_METRICS, query), HS_EINVAL);
    assert_true(hs_str_utf8_valid(hs_str_c(fixture->err.text)));
    assert_non_null(strstr(fixture->err.text, "is no time"));
}

static void range__snaps_outward(void **state)
{
    static const struct {
        int64_t from_s, to_s;
        int64_t step_s; /* 0: auto */
        bool series;
        int64_t grain_s;
        struct hs_range range;
    } cases[] = {
        /* whole minutes stay */
        {1200, 1260, 60, true, 60, {1200, 1260, 60}},
        {1201, 1259, 60, true, 60, {1200, 1260, 60}},
        {1201, 1261, 60, true, 60, {1200, 1320, 60}},
        {1201, 1261, 600, true, 60, {1200, 1800, 600}},
        {3599, 3601, 3600, true, 60, {0, 7200, 3600}},
        /* without series the step does not widen the range */
        {1201, 1261, 3600, false, 60, {1200, 1320, 3600}},
        {1201, 1261, 0, false, 600, {1200, 1800, 600}},
        /* auto: at most 200 points, of 60 s, 10 min, 20 min, 1 h, 3 h, 6 h, … */
        {0, 200 * 60, 0, true, 60, {0, 200 * 60, 60}},
        {0, 201 * 60, 0, true, 60, {0, 21 * 600, 600}},
        {0, 86400, 0, true, 60, {0, 86400, 600}},
        {0, 86400, 0, true, 3600, {0, 86400, 3600}},
        {0, 30 * 86400, 0, true, 60, {0, 30 * 86400, 21600}},
        {0, 400 * 86400, 0, true, 60, {0, 400 * 86400, 2 * 86400}},
        /* the API's own limit of points */
        {0, 11000 * 60, 60, true, 60, {0, 11000 * 60, 60}},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_params params = {.from_ns = cases[i].from_s * HS_NS_PER_S,
                                   .to_ns = cases[i].to_s * HS_NS_PER_S,
                                   .step_s = cases[i].step_s,
                                   .series = cases[i].series};
        struct hs_range range = {0};
        struct hs_err err = {0};

        if (hs_params_range(&params, cases[i].grain_s, &range, &err) != HS_OK ||
            memcmp(&range, &cases[i].range, sizeof(range)) != 0)
            fail_msg("case %zu: [%lld, %lld) by %lld %s", i, (long long)range.from_s,
                     (long long)range.to_s, (long long)range.step_s, err.text);
    }
}

static void range__takes_in_the_last_part_of_a_second(void **state)
{
    struct hs_params params = {.from_ns = 0, .to_ns = 60 * HS_NS_PER_S + 1, .step_s = MINUTE_S};
    struct hs_range range;

    (void)state;
    assert_int_equal(hs_params_range(&params, MINUTE_S, &range, NULL), HS_OK);
    assert_int_equal(range.to_s, 120);
}

static void range__refuses_too_many_points_and_too_fine_steps(void **state)
{
    struct hs_params params = {.to_ns = 11001 * HS_NS_PER_MIN, .step_s = MINUTE_S, .series = true};
    struct hs_range range;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_params_range(&params, MINUTE_S, &range, &err), HS_EINVAL);
    assert_string_equal(err.text, "step=60s: gives 11001 points, limit 11000");
    params.to_ns = HS_NS_PER_DAY;
    assert_int_equal(hs_params_range(&params, 3600, &range, &err), HS_EINVAL);
    assert_non_null(strstr(err.text, "step=60s: is not a multiple of 3600 s"));
}

/* Beyond it nanoseconds overflow. */
static void range__refuses_a_last_step_past_the_end_of_time(void **state)
{
    struct hs_params params = {.from_ns = (HS_TIME_END_S - 86400) * HS_NS_PER_S,
                               .to_ns = HS_TIME_END_S * HS_NS_PER_S - 1,
                               .step_s = 86400};
    struct hs_range range;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_params_range(&params, MINUTE_S, &range, NULL), HS_OK);
    assert_int_equal(range.to_s, HS_TIME_END_S);
    params.series = true;
    params.step_s = 1000LL * 86400;
    assert_int_equal(hs_params_range(&params, MINUTE_S, &range, &err), HS_EINVAL);
    assert_string_equal(err.text, "step=86400000s: its last step ends past the year 2261");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults__are_the_last_hour_by_service, setup, teardown),
        cmocka_unit_test_setup_teardown(from__defaults_to_an_hour_before_to, setup, teardown),
        cmocka_unit_test_setup_teardown(metrics__take_every_parameter_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(top__takes_by_limit_and_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(group_by__empty_is_one_group, setup, teardown),
        cmocka_unit_test_setup_teardown(filter__empty_value_finds_what_has_none, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_values__are_named_with_their_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(limits__hold_to_the_last_value, setup, teardown),
        cmocka_unit_test_setup_teardown(cursor__longer_than_any_of_ours_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(error__of_a_long_value_shows_its_beginning_whole_characters,
                                        setup, teardown),
        cmocka_unit_test(range__snaps_outward),
        cmocka_unit_test(range__takes_in_the_last_part_of_a_second),
        cmocka_unit_test(range__refuses_too_many_points_and_too_fine_steps),
        cmocka_unit_test(range__refuses_a_last_step_past_the_end_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
