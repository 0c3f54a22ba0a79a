/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "model/event.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

struct fixture {
    struct hs_event event;
    struct hs_err err;
    yyjson_doc *doc;
    struct hs_buf out;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    hs_buf_init(&f->out, 1 << 24);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    yyjson_doc_free(f->doc);
    hs_buf_fini(&f->out);
    free(f);
    return 0;
}

static int read_json(struct fixture *f, const char *json)
{
    yyjson_doc_free(f->doc);
    f->doc = yyjson_read(json, strlen(json), YYJSON_READ_NUMBER_AS_RAW);
    assert_non_null(f->doc);
    f->err = (struct hs_err){0};
    return hs_event_read(yyjson_doc_get_root(f->doc), &f->event, &f->err);
}

/* The message of an accepted event. */
static const char *written(struct fixture *f, const char *json)
{
    int rc = read_json(f, json);

    if (rc != HS_OK)
        print_error("%s: %s\n", json, f->err.text);
    assert_int_equal(rc, HS_OK);
    hs_buf_reset(&f->out);
    hs_event_write(&f->event, &f->out);
    return hs_buf_cstr(&f->out);
}

struct write_case {
    const char *in;
    const char *out;
};

static void read__keeps_what_was_sent(void **state)
{
    static const struct write_case cases[] = {
        {"{\"service\":\"web\",\"query\":\"red shoes\"}",
         "{\"event_type\":\"search\",\"service\":\"web\",\"query\":\"red shoes\"}"},
        {"{\"query\":\"\",\"service\":\"web\"}",
         "{\"event_type\":\"search\",\"service\":\"web\",\"query\":\"\"}"},
        {"{\"service\":\"w\",\"query_id\":\"q\",\"latency_ms\":12.50,\"total_hits\":3.0}",
         "{\"event_type\":\"search\",\"query_id\":\"q\",\"service\":\"w\",\"latency_ms\":12.50,"
         "\"total_hits\":3}"},
        {"{\"service\":\"w\",\"query\":\"a\\\"b\\u00e9\",\"timestamp\":1700000000}",
         "{\"event_type\":\"search\",\"timestamp\":1700000000000000,\"service\":\"w\","
         "\"query\":\"a\\\"b\xc3\xa9\"}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"timestamp\":\"2023-11-14T22:13:20.5Z\"}",
         "{\"event_type\":\"search\",\"timestamp\":1700000000500000,\"service\":\"w\","
         "\"query\":\"q\"}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"results\":[{\"id\":7,\"position\":1,\"score\":1.10},"
         "{\"id\":\"b\",\"position\":2,\"score\":-3e-2,\"sponsored\":true}]}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"returned\":2,\"results\":["
         "{\"id\":\"7\",\"position\":1,\"score\":1.10},{\"id\":\"b\",\"position\":2,\"score\":"
         "-3e-2,\"sponsored\":true}]}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"results\":[]}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"returned\":0,"
         "\"results\":[]}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"color\":\"red\",\"n\":[1,{\"a\":null}],"
         "\"attributes\":{\"x\":1e3}}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"attributes\":{\"color\":"
         "\"red\",\"n\":[1,{\"a\":null}],\"x\":1e3}}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"source\":\"mine\",\"bot\":false}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"attributes\":{\"source\":"
         "\"mine\",\"bot\":false}}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"user_id\":\"\",\"region\":null,\"x\":null}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\"}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"consent\":false,\"fallback\":true}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"consent\":\"denied\",\"query\":\"q\","
         "\"fallback\":\"true\"}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"fallback\":false,\"cache_hit\":false}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"cache_hit\":false}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"trace_id\":\"00000000000000000000000000000000\"}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\"}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"request\":{\"engine\":\"es\",\"body\":{\"a\":[1]}}}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"request\":{\"engine\":"
         "\"es\",\"body\":{\"a\":[1]}}}"},
    };

    for (size_t i = 0; i < LEN(cases); i++)
        assert_string_equal(written(*state, cases[i].in), cases[i].out);
}

static void read__decides_the_type_of_an_event(void **state)
{
    static const struct write_case cases[] = {
        {"{\"application\":\"shop\",\"action\":\"click\",\"query_id\":\"q\","
         "\"objects\":[{\"id\":\"p\",\"position\":3}],\"value\":9.99}",
         "{\"event_type\":\"result\",\"query_id\":\"q\",\"application\":\"shop\",\"action\":"
         "\"click\",\"objects\":[{\"id\":\"p\",\"position\":3}],\"value\":9.99}"},
        {"{\"service\":\"w\",\"error\":{\"code\":503,\"message\":\"down\"}}",
         "{\"event_type\":\"error\",\"service\":\"w\",\"error\":{\"code\":\"503\",\"message\":"
         "\"down\"}}"},
        {"{\"service\":\"w\",\"query\":\"q\",\"error\":{\"code\":\"x\"}}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"error\":{\"code\":"
         "\"x\"}}"},
        {"{\"service\":\"w\",\"action\":\"click\",\"event_type\":\"search\",\"query\":\"q\"}",
         "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"attributes\":{"
         "\"action\":\"click\"}}"},
        {"{\"event_type\":\"error\",\"service\":\"w\",\"query\":\"q\",\"error\":{\"code\":"
         "\"x\"}}",
         "{\"event_type\":\"error\",\"service\":\"w\",\"error\":{\"code\":\"x\"},"
         "\"attributes\":{\"query\":\"q\"}}"},
        {"{\"service\":\"w\",\"action\":\"facet\",\"session_id\":\"s\",\"latency_ms\":\"x\"}",
         "{\"event_type\":\"result\",\"session_id\":\"s\",\"service\":\"w\",\"action\":\"facet\","
         "\"attributes\":{\"latency_ms\":\"x\"}}"},
    };

    for (size_t i = 0; i < LEN(cases); i++)
        assert_string_equal(written(*state, cases[i].in), cases[i].out);
}

static void read__keeps_values_with_unknown_keys_as_they_were_sent(void **state)
{
    assert_string_equal(
        written(*state, "{\"service\":\"w\",\"query\":\"q\",\"results\":[{\"id\":\"a\","
                        "\"position\":1,\"title\":\"T\"}]}"),
        "{\"event_type\":\"search\",\"service\":\"w\",\"query\":\"q\",\"returned\":1,\"results\":"
        "[{\"id\":\"a\",\"position\":1,\"title\":\"T\"}],\"attributes\":{\"results\":[{\"id\":"
        "\"a\",\"position\":1,\"title\":\"T\"}]}}");
}

struct refusal_case {
    const char *in;
    enum hs_refusal refusal;
    const char *text;
};

#define SEARCH(rest) "{\"service\":\"w\",\"query\":\"q\"," rest "}"

static const struct refusal_case refusals[] = {
    {"[]", HS_REFUSED_TYPE, "the event is an array, must be an object"},
    {"7", HS_REFUSED_TYPE, "the event is a number, must be an object"},
    {"{}", HS_REFUSED_MISSING, "service is missing: a search event needs it"},
    {"{\"service\":\"\",\"query\":\"q\"}", HS_REFUSED_MISSING,
     "service is missing: a search event needs it"},
    {"{\"service\":\"w\"}", HS_REFUSED_MISSING,
     "query is missing: a search event needs query or query_id"},
    {"{\"service\":\"w\",\"query\":null}", HS_REFUSED_MISSING,
     "query is missing: a search event needs query or query_id"},
    {"{\"service\":3,\"query\":\"q\"}", HS_REFUSED_TYPE, "service is a number, must be a string"},
    {"{\"service\":\"w\",\"query\":\"q\",\"query\":\"r\"}", HS_REFUSED_DUPLICATE,
     "query is given twice"},
    {SEARCH("\"x\":1,\"x\":2"), HS_REFUSED_DUPLICATE, "x is given twice"},
    {SEARCH("\"x\":1,\"attributes\":{\"x\":2}"), HS_REFUSED_DUPLICATE, "x is given twice"},
    {SEARCH("\"attributes\":[1]"), HS_REFUSED_TYPE, "attributes is an array, must be an object"},
    {SEARCH("\"latency_ms\":\"12\""), HS_REFUSED_TYPE, "latency_ms is a string, must be a number"},
    {SEARCH("\"latency_ms\":-0.5"), HS_REFUSED_LATENCY,
     "latency_ms is -0.5, must be a number from 0 to 86400000"},
    {SEARCH("\"latency_ms\":86400000.001"), HS_REFUSED_LATENCY,
     "latency_ms is 86400000.001000002, must be a number from 0 to 86400000"},
    {SEARCH("\"latency_ms\":1e400"), HS_REFUSED_LATENCY,
     "latency_ms is not a number that a double can hold"},
    {SEARCH("\"sample_weight\":0"), HS_REFUSED_RANGE,
     "sample_weight is 0, must be an integer from 1 to 10000"},
    {SEARCH("\"sample_weight\":10001"), HS_REFUSED_RANGE,
     "sample_weight is 10001, must be an integer from 1 to 10000"},
    {SEARCH("\"page\":1.5"), HS_REFUSED_RANGE,
     "page is 1.5, must be an integer from 1 to 1000000000"},
    {SEARCH("\"kind\":\"find\""), HS_REFUSED_VALUE,
     "kind is \"find\", must be one of: search, autosuggest, browse, facet, recommendation, "
     "retrieval"},
    {SEARCH("\"status\":true"), HS_REFUSED_TYPE,
     "status is a boolean, must be one of: ok, error, timeout, partial, cancelled"},
    {SEARCH("\"event_type\":\"view\""), HS_REFUSED_VALUE,
     "event_type is \"view\", must be one of: search, result, error"},
    {SEARCH("\"event_type\":\"search\\u0000and more\""), HS_REFUSED_VALUE,
     "event_type is \"search\", must be one of: search, result, error"},
    {SEARCH("\"status\":\"ok\\u0000\""), HS_REFUSED_VALUE,
     "status is \"ok\", must be one of: ok, error, timeout, partial, cancelled"},
    {SEARCH("\"timestamp\":\"yesterday\""), HS_REFUSED_VALUE,
     "timestamp is \"yesterday\", must be RFC 3339 with a zone, or seconds, ms, us or ns since "
     "1970"},
    {SEARCH("\"timestamp\":1e40"), HS_REFUSED_VALUE,
     "timestamp is \"1e40\", must be RFC 3339 with a zone, or seconds, ms, us or ns since 1970"},
    {SEARCH("\"timestamp\":\"2023-11-14T22:13:20\""), HS_REFUSED_VALUE,
     "timestamp is \"2023-11-14T22:13:20\", must be RFC 3339 with a zone, or seconds, ms, us or ns "
     "since 1970"},
    {SEARCH("\"timestamp\":true"), HS_REFUSED_TYPE,
     "timestamp is a boolean, must be RFC 3339 text or a number since 1970"},
    {SEARCH("\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e473\""), HS_REFUSED_VALUE,
     "trace_id is \"4bf92f3577b34da6a3ce929d0e0e473\" of 31 bytes, must be 32 hexadecimal digits"},
    {SEARCH("\"span_id\":\"00f067aa0ba902bg\""), HS_REFUSED_VALUE,
     "span_id is \"00f067aa0ba902bg\" of 16 bytes, must be 16 hexadecimal digits"},
    {SEARCH("\"results\":{}"), HS_REFUSED_TYPE, "results is an object, must be an array"},
    {SEARCH("\"results\":[{\"id\":\"a\"},\"b\"]"), HS_REFUSED_TYPE,
     "results[1] is a string, must be an object"},
    {SEARCH("\"results\":[{\"id\":\"a\"},{\"id\":\"b\",\"position\":\"2\"}]"), HS_REFUSED_TYPE,
     "results[1].position is a string, must be an integer from 1 to 4294967295"},
    {SEARCH("\"results\":[{\"id\":\"a\",\"position\":0}]"), HS_REFUSED_RANGE,
     "results[0].position is 0, must be an integer from 1 to 4294967295"},
    {SEARCH("\"results\":[{\"position\":1}]"), HS_REFUSED_MISSING, "results[0].id is missing"},
    {SEARCH("\"results\":[{\"id\":\"\"}]"), HS_REFUSED_VALUE, "results[0].id is empty"},
    {SEARCH("\"results\":[{\"id\":1.5}]"), HS_REFUSED_TYPE,
     "results[0].id is a number, must be a string or an integer"},
    {SEARCH("\"results\":[{\"id\":\"a\",\"id\":\"b\"}]"), HS_REFUSED_DUPLICATE,
     "results[0].id is given twice"},
    {SEARCH("\"results\":[{\"id\":\"a\",\"score\":1e999}]"), HS_REFUSED_RANGE,
     "results[0].score is not a number that a double can hold"},
    {SEARCH("\"shards\":{\"detail\":[{\"shard\":0,\"ms\":\"x\"}]}"), HS_REFUSED_TYPE,
     "shards.detail[0].ms is a string, must be a number"},
    {SEARCH("\"error\":\"boom\""), HS_REFUSED_TYPE, "error is a string, must be an object"},
    {SEARCH("\"facets\":[1]"), HS_REFUSED_TYPE, "facets[0] is a number, must be a string"},
    {SEARCH("\"retrievers\":[{\"kind\":\"magic\"}]"), HS_REFUSED_VALUE,
     "retrievers[0].kind is \"magic\", must be one of: lexical, dense, sparse"},
    {SEARCH("\"host\":\"a\\u0000b\""), HS_REFUSED_VALUE, "host holds the character U+0000"},
    {SEARCH("\"x\":{\"y\":[\"a\\u0000\"]}"), HS_REFUSED_VALUE, "x holds the character U+0000"},
    {SEARCH("\"x\\u0000\":1"), HS_REFUSED_VALUE, "a key holds the character U+0000"},
    {SEARCH("\"x\":[1e400]"), HS_REFUSED_RANGE, "x is not a number that a double can hold"},
    {"{\"service\":\"w\",\"event_type\":\"error\"}", HS_REFUSED_MISSING,
     "error is missing: an error event needs it"},
    {"{\"event_type\":\"error\",\"error\":{\"code\":1}}", HS_REFUSED_MISSING,
     "service is missing: an error event needs it"},
    {"{\"service\":\"w\",\"event_type\":\"result\",\"query_id\":\"q\"}", HS_REFUSED_MISSING,
     "action is missing: a result event needs it"},
    {"{\"action\":\"click\",\"query_id\":\"q\"}", HS_REFUSED_MISSING,
     "service is missing: a result event needs service or application"},
    {"{\"action\":\"click\",\"service\":\"w\"}", HS_REFUSED_MISSING,
     "query_id is missing: a result event needs one of query_id, query, session_id, "
     "client_id, user_id"},
};
static void read__refuses_with_the_field_its_type_and_the_rule(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; i < LEN(refusals); i++) {
        int rc = read_json(f, refusals[i].in);

        if (rc != HS_EINVAL)
            print_error("accepted: %s\n", refusals[i].in);
        assert_int_equal(rc, HS_EINVAL);
        assert_string_equal(f->err.text, refusals[i].text);
        assert_int_equal(f->err.sys, refusals[i].refusal);
        assert_int_equal(hs_event_read(yyjson_doc_get_root(f->doc), &f->event, NULL), HS_EINVAL);
    }
}

/* Reads before + n times unit + after, where unit may not be the last of a list. */
static int read_repeated(struct fixture *f, const char *before, const char *unit, size_t n,
                         const char *after)
{
    struct hs_buf buf;
    int rc;

    hs_buf_init(&buf, 1 << 24);
    hs_buf_add_c(&buf, before);
    for (size_t i = 0; i < n; i++)
        hs_buf_add_c(&buf, unit);
    hs_buf_add_c(&buf, after);
    rc = read_json(f, hs_buf_cstr(&buf));
    hs_buf_fini(&buf);
    return rc;
}

static void read__holds_its_limits_exactly(void **state)
{
    struct fixture *f = *state;
    const char *query = "{\"service\":\"w\",\"query\":\"";
    const char *results = "{\"service\":\"w\",\"query\":\"q\",\"results\":[{\"id\":\"z\"}";
    const char *number_id = "{\"service\":\"w\",\"query\":\"q\",\"results\":[{\"id\":7.";

    assert_int_equal(read_repeated(f, query, "a", 32768, "\"}"), HS_OK);
    assert_int_equal(read_repeated(f, query, "a", 32769, "\"}"), HS_EINVAL);
    assert_string_equal(f->err.text, "query has 32769 bytes, limit 32768");
    assert_int_equal(f->err.sys, HS_REFUSED_LENGTH);
    assert_int_equal(read_repeated(f, results, ",{\"id\":\"a\"}", 9999, "]}"), HS_OK);
    assert_int_equal(read_repeated(f, results, ",{\"id\":\"a\"}", 10000, "]}"), HS_EINVAL);
    assert_string_equal(f->err.text, "results has 10001 items, limit 10000");
    assert_int_equal(read_repeated(f, number_id, "0", 510, "}]}"), HS_OK);
    assert_int_equal(read_repeated(f, number_id, "0", 511, "}]}"), HS_EINVAL);
    assert_string_equal(f->err.text, "results[0].id has 513 bytes, limit 512");
}

static void read__refuses_too_deep_values(void **state)
{
    struct fixture *f = *state;
    char text[300];

    for (int depth = 31; depth <= 33; depth++) {
        int n = snprintf(text, sizeof(text), "{\"service\":\"w\",\"query\":\"q\",\"x\":");

        memset(text + n, '[', (size_t)depth);
        memset(text + n + depth, ']', (size_t)depth);
        snprintf(text + n + 2 * depth, sizeof(text) - (size_t)(n + 2 * depth), "}");
        assert_int_equal(read_json(f, text), depth <= 32 ? HS_OK : HS_EINVAL);
    }
    assert_string_equal(f->err.text, "x is nested deeper than 32 levels");
    assert_int_equal(f->err.sys, HS_REFUSED_DEPTH);
}

static int read_with_attributes(struct fixture *f, unsigned outside, unsigned inside)
{
    struct hs_buf buf;
    int rc;

    hs_buf_init(&buf, 1 << 20);
    hs_buf_add_c(&buf, "{\"service\":\"w\",\"query\":\"q\"");
    for (unsigned i = 0; i < outside; i++)
        hs_buf_addf(&buf, ",\"o%u\":%u", i, i);
    hs_buf_add_c(&buf, ",\"attributes\":{");
    for (unsigned i = 0; i < inside; i++)
        hs_buf_addf(&buf, "%s\"i%u\":%u", i > 0 ? "," : "", i, i);
    hs_buf_add_c(&buf, "}}");
    rc = read_json(f, hs_buf_cstr(&buf));
    hs_buf_fini(&buf);
    return rc;
}

static void read__counts_attributes_inside_and_outside_together(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_with_attributes(f, 100, 28), HS_OK);
    assert_int_equal(f->event.attributes_n, 128);
    assert_int_equal(read_with_attributes(f, 100, 29), HS_EINVAL);
    assert_string_equal(f->err.text, "the event has more than 128 keys that are no fields");
    assert_int_equal(read_with_attributes(f, 129, 0), HS_EINVAL);
}

static void read__notices_missing_positions(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_json(f, SEARCH("\"results\":[{\"id\":\"a\",\"position\":1}]")), HS_OK);
    assert_false(f->event.positions_missing);
    assert_int_equal(
        read_json(f, SEARCH("\"results\":[{\"id\":\"a\",\"position\":1},{\"id\":\"b\"}]")), HS_OK);
    assert_true(f->event.positions_missing);
    assert_int_equal(read_json(f, SEARCH("\"results\":[{\"id\":\"a\",\"position\":null}]")), HS_OK);
    assert_true(f->event.positions_missing);
}

static void parse_double__equals_strtod(void **state)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "1",
                                        "0.1",
                                        "12.5",
                                        "-3.25",
                                        "999999999999999",
                                        "1e3",
                                        "1E-3",
                                        "1e308",
                                        "0.30",
                                        "123456.7890123",
                                        "1234567890123456789",
                                        "2.2250738585072014e-308",
                                        "1e-400",
                                        "0.000001",
                                        "100000.000001",
                                        "-0.1e1",
                                        "0.1234567890123",
                                        "72057594037927933"};

    (void)state;
    for (size_t i = 0; i < LEN(texts); i++) {
        yyjson_doc *doc = yyjson_read(texts[i], strlen(texts[i]), YYJSON_READ_NUMBER_AS_RAW);
        double v;

        assert_int_equal(hs_event_parse_double(yyjson_doc_get_root(doc), &v), HS_OK);
        assert_true(v == strtod(texts[i], NULL));
        yyjson_doc_free(doc);
    }
}

static void write_failure__carries_the_failure_only(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_json(f, SEARCH("\"error\":{\"code\":\"x\"},\"results\":[],\"y\":1,"
                                         "\"version\":\"3\"")),
                     HS_OK);
    hs_buf_reset(&f->out);
    hs_event_write_failure(&f->event, &f->out);
    assert_string_equal(hs_buf_cstr(&f->out),
                        "{\"event_type\":\"search\",\"service\":\"w\",\"version\":\"3\","
                        "\"error\":{\"code\":\"x\"}}");
}

static void write__escapes_what_is_not_plain(void **state)
{
    struct fixture *f = *state;
    struct hs_value value = {.kind = HS_VALUE_BOOL, .boolean = true};

    hs_event_reset(&f->event);
    hs_event_str(&f->event, HS_F_QUERY, HS_STR("a\"\n"));
    hs_event_f64(&f->event, HS_F_LATENCY_MS, 0.25);
    hs_event_raw(&f->event, HS_F_ATTRIBUTES, HS_STR("{\"a\":1}"));
    assert_int_equal(hs_event_attribute(&f->event, HS_STR("k\""), value), HS_OK);
    hs_buf_reset(&f->out);
    hs_event_write(&f->event, &f->out);
    assert_string_equal(hs_buf_cstr(&f->out), "{\"query\":\"a\\\"\\n\",\"latency_ms\":0.25,"
                                              "\"attributes\":{\"a\":1,\"k\\\"\":true}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read__keeps_what_was_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(read__decides_the_type_of_an_event, setup, teardown),
        cmocka_unit_test_setup_teardown(read__keeps_values_with_unknown_keys_as_they_were_sent,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(read__refuses_with_the_field_its_type_and_the_rule, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(read__holds_its_limits_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(read__refuses_too_deep_values, setup, teardown),
        cmocka_unit_test_setup_teardown(read__counts_attributes_inside_and_outside_together, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(read__notices_missing_positions, setup, teardown),
        cmocka_unit_test_setup_teardown(parse_double__equals_strtod, setup, teardown),
        cmocka_unit_test_setup_teardown(write_failure__carries_the_failure_only, setup, teardown),
        cmocka_unit_test_setup_teardown(write__escapes_what_is_not_plain, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
