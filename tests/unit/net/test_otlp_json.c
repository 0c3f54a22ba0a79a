/* OTLP/JSON: what it becomes in protobuf, read back with the walk; and what is refused, with which
 * words. */
#include <float.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "net/otlp.h"
#include "net/otlp_json.h"

#define SPAN(members) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" members "}]}]}]}"
#define VALUE(value) SPAN("\"attributes\":[{\"key\":\"k\",\"value\":" value "}]")

static struct hs_buf bytes;

/* The only span of the JSON text. */
static struct hs_str span_of(const char *json)
{
    struct hs_otlp_iter iter;
    struct hs_str item;
    struct hs_err err;

    hs_buf_reset(&bytes);
    if (hs_otlp_json_read(HS_OTLP_TRACES, hs_str_c(json), &bytes, &err) != HS_OK)
        fail_msg("%s", err.text);
    hs_otlp_iter_init(&iter, hs_buf_str(&bytes));
    assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
    return item;
}

static struct hs_otlp_value value_of(const char *json)
{
    return hs_otlp_attr_find(span_of(json), HS_OTLP_SPAN_ATTRIBUTES, HS_STR("k"));
}

static void read__takes_every_field_of_a_span(void **state)
{
    struct hs_otlp_span span;
    struct hs_str message = span_of(
        SPAN("\"traceId\":\"0AF7651916cd43dd8448eb211c80319C\",\"spanId\":\"b7ad6b7169203331\","
             "\"parentSpanId\":\"00f067aa0ba902b7\",\"traceState\":\"a=b\",\"name\":\"n\","
             "\"kind\":3,\"startTimeUnixNano\":\"1795000000123456789\","
             "\"endTimeUnixNano\":1795000000123456790,\"flags\":257,"
             "\"droppedAttributesCount\":1,\"droppedEventsCount\":2,\"droppedLinksCount\":3,"
             "\"status\":{\"code\":2,\"message\":\"m\"},\"unknown\":{\"x\":[1]},"
             "\"events\":[{\"timeUnixNano\":\"5\",\"name\":\"e\",\"attributes\":[]}],"
             "\"links\":[{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\"}],"
             "\"attributes\":null"));

    (void)state;
    assert_int_equal(hs_otlp_span_read(message, &span, NULL), HS_OK);
    assert_int_equal(span.trace_id.n, 16);
    assert_memory_equal(span.trace_id.p,
                        "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c", 16);
    assert_int_equal(span.span_id.n, 8);
    assert_int_equal(span.parent_span_id.n, 8);
    assert_true(hs_str_eq_c(span.trace_state, "a=b"));
    assert_true(hs_str_eq_c(span.name, "n"));
    assert_int_equal(span.kind, HS_OTLP_KIND_CLIENT);
    assert_true(span.start_ns == 1795000000123456789ULL);
    assert_true(span.end_ns == 1795000000123456790ULL);
    assert_int_equal(span.flags, 257);
    assert_int_equal(span.attributes_dropped, 1);
    assert_int_equal(span.events_dropped, 2);
    assert_int_equal(span.links_dropped, 3);
    assert_int_equal(span.status_code, HS_OTLP_STATUS_ERROR);
    assert_true(hs_str_eq_c(span.status_message, "m"));
    assert_int_equal(span.events_n, 1);
    assert_int_equal(span.links_n, 1);
    assert_int_equal(span.attributes_n, 0);
}

static void read__takes_both_forms_of_integers(void **state)
{
    (void)state;
    assert_true(value_of(VALUE("{\"intValue\":42}")).i64 == 42);
    assert_true(value_of(VALUE("{\"intValue\":\"42\"}")).i64 == 42);
    assert_true(value_of(VALUE("{\"intValue\":-7}")).i64 == -7);
    assert_true(value_of(VALUE("{\"intValue\":\"-9223372036854775808\"}")).i64 == INT64_MIN);
    assert_true(value_of(VALUE("{\"intValue\":9223372036854775807}")).i64 == INT64_MAX);
    assert_true(value_of(VALUE("{\"intValue\":1e3}")).i64 == 1000);
}

static void read__takes_every_kind_of_value(void **state)
{
    struct hs_otlp_value value;

    (void)state;
    value = value_of(VALUE("{\"stringValue\":\"\\u00e9\"}"));
    assert_true(value.kind == HS_OTLP_STR && hs_str_eq_c(value.str, "\xc3\xa9"));
    value = value_of(VALUE("{\"boolValue\":true}"));
    assert_true(value.kind == HS_OTLP_BOOL && value.boolean);
    value = value_of(VALUE("{\"doubleValue\":0.5}"));
    assert_true(value.kind == HS_OTLP_DOUBLE && value.f64 == 0.5);
    value = value_of(VALUE("{\"doubleValue\":\"-Infinity\"}"));
    assert_true(value.f64 < -1e308);
    value = value_of(VALUE("{\"doubleValue\":\"NaN\"}"));
    assert_true(value.f64 != value.f64);
    value = value_of(VALUE("{\"doubleValue\":7}"));
    assert_true(value.kind == HS_OTLP_DOUBLE && value.f64 == 7);
    value = value_of(VALUE("{\"bytesValue\":\"aGk=\"}"));
    assert_true(value.kind == HS_OTLP_BYTES && hs_str_eq_c(value.str, "hi"));
    assert_int_equal(value_of(VALUE("{}")).kind, HS_OTLP_NONE);
    assert_int_equal(value_of(VALUE("null")).kind, HS_OTLP_NONE);
}

static void text__of_nested_values_is_json(void **state)
{
    struct hs_otlp_value value = value_of(
        VALUE("{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"arrayValue\":{\"values\":["
              "{\"intValue\":1},{\"stringValue\":\"x\\\"\"},{},{\"bytesValue\":\"aGk=\"},"
              "{\"doubleValue\":0.5},{\"boolValue\":false}]}}}]}}"));
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 1024);
    assert_int_equal(hs_otlp_value_text(&value, &out), HS_OK);
    assert_string_equal(hs_buf_cstr(&out), "{\"a\":[1,\"x\\\"\",null,\"aGk=\",0.5,false]}");
    value = value_of(VALUE("{\"stringValue\":\"plain\"}"));
    hs_buf_reset(&out);
    assert_int_equal(hs_otlp_value_text(&value, &out), HS_OK);
    assert_string_equal(hs_buf_cstr(&out), "plain");
    hs_buf_fini(&out);
}

static void read__takes_logs(void **state)
{
    static const char json[] =
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"timeUnixNano\":\"7\","
        "\"observedTimeUnixNano\":8,\"severityNumber\":17,\"severityText\":\"ERROR\","
        "\"body\":{\"stringValue\":\"b\"},\"traceId\":\"0af7651916cd43dd8448eb211c80319c\","
        "\"spanId\":\"b7ad6b7169203331\",\"flags\":1,\"eventName\":\"e\","
        "\"attributes\":[{\"key\":\"k\",\"value\":{\"intValue\":\"1\"}}]}]}]}]}";
    struct hs_otlp_iter iter;
    struct hs_otlp_log log;
    struct hs_str item;

    (void)state;
    hs_buf_reset(&bytes);
    assert_int_equal(hs_otlp_json_read(HS_OTLP_LOGS, hs_str_c(json), &bytes, NULL), HS_OK);
    hs_otlp_iter_init(&iter, hs_buf_str(&bytes));
    assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
    assert_int_equal(hs_otlp_log_read(item, &log, NULL), HS_OK);
    assert_true(log.time_ns == 7 && log.observed_time_ns == 8);
    assert_int_equal(log.severity, 17);
    assert_true(hs_str_eq_c(log.severity_text, "ERROR"));
    assert_true(hs_str_eq_c(log.body.str, "b"));
    assert_int_equal(log.trace_id.n, 16);
    assert_int_equal(log.span_id.n, 8);
    assert_int_equal(log.flags, 1);
    assert_true(hs_str_eq_c(log.event_name, "e"));
    assert_int_equal(log.attributes_n, 1);
}

static void read__names_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"", "OTLP/JSON: the body is empty, must be an object"},
        {"{\"resourceSpans\":[}", "OTLP/JSON: not JSON at byte 18 of 19: "},
        {"[]", "OTLP/JSON: the body is an array, must be an object"},
        {"{\"resourceSpans\":{}}", "OTLP/JSON: resourceSpans is an object, must be an array"},
        {"{\"resourceSpans\":[7]}",
         "OTLP/JSON: resourceSpans[0] is the number 7, must be an object"},
        {SPAN("\"kind\":\"SPAN_KIND_SERVER\""),
         "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].kind is the string "
         "\"SPAN_KIND_SERVER\", must be an integer "
         "(enums have no names in OTLP/JSON)"},
        {SPAN("\"traceId\":\"xyz\""), "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].traceId "
                                      "is the string \"xyz\", must be a string of "
                                      "hex digits, two a byte"},
        {SPAN("\"traceId\":\"zz\""), "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].traceId "
                                     "is the string \"zz\", must be a string of "
                                     "hex digits, two a byte"},
        {SPAN("\"name\":7"), "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].name is the "
                             "number 7, must be a string"},
        {SPAN("\"startTimeUnixNano\":\"-1\""),
         "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano is the string "
         "\"-1\", must be "
         "an unsigned 64-bit integer, as a number or a decimal string"},
        {SPAN("\"flags\":4294967296"), "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].flags "
                                       "is the number 4294967296, must be an integer from "
                                       "0 to 4294967295"},
        {VALUE("{\"intValue\":1.5}"),
         "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.intValue is the "
         "number 1.5, "
         "must be a 64-bit integer, as a number or a decimal string"},
        {VALUE("{\"intValue\":\"9223372036854775808\"}"),
         "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.intValue is the "
         "string \"9223372036854775808\", must be a 64-bit integer, as a number or a decimal "
         "string"},
        {VALUE("{\"bytesValue\":\"*\"}"),
         "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.bytesValue is "
         "the string \"*\", must be a string of base64"},
        {VALUE("{\"boolValue\":1}"),
         "OTLP/JSON: resourceSpans[0].scopeSpans[0].spans[0].attributes[0].value.boolValue is "
         "the number 1, "
         "must be true or false"},
    };
    struct hs_err err;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        hs_buf_reset(&bytes);
        assert_int_equal(hs_otlp_json_read(HS_OTLP_TRACES, hs_str_c(cases[i].json), &bytes, &err),
                         HS_EINVAL);
        if (strncmp(err.text, cases[i].text, strlen(cases[i].text)) != 0)
            fail_msg("case %zu: %s", i, err.text);
    }
}

/* The SDK for JavaScript sends any double without a fraction as intValue. */
static void read__keeps_whole_numbers_past_64_bits_as_doubles(void **state)
{
    static const struct {
        const char *json;
        double f64;
    } cases[] = {
        {VALUE("{\"intValue\":9223372036854775808}"), 0x1p63},
        {VALUE("{\"intValue\":18446744073709551615}"), 0x1p64},
        {VALUE("{\"intValue\":1.7976931348623157e+308}"), DBL_MAX},
        {VALUE("{\"intValue\":-1e300}"), -1e300},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        assert_int_equal(value_of(cases[i].json).kind, HS_OTLP_DOUBLE);
        assert_true(value_of(cases[i].json).f64 == cases[i].f64);
    }
    assert_int_equal(value_of(VALUE("{\"intValue\":-9223372036854775808}")).kind, HS_OTLP_INT);
}

static void read__bounds_the_depth(void **state)
{
    struct hs_buf json;
    struct hs_err err;
    int i;

    (void)state;
    hs_buf_init(&json, 1 << 20);
    HS_BUF_ADD_LIT(&json, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"attributes\":"
                          "[{\"value\":");
    for (i = 0; i < 10000; i++)
        HS_BUF_ADD_LIT(&json, "{\"arrayValue\":{\"values\":[");
    for (i = 0; i < 10000; i++)
        HS_BUF_ADD_LIT(&json, "]}}");
    HS_BUF_ADD_LIT(&json, "}]}]}]}]}");
    hs_buf_reset(&bytes);
    assert_int_equal(hs_otlp_json_read(HS_OTLP_TRACES, hs_buf_str(&json), &bytes, &err), HS_ELIMIT);
    assert_string_equal(err.text, "OTLP/JSON: nests deeper than 64 messages");
    hs_buf_fini(&json);
}

static void read__bounds_the_body(void **state)
{
    size_t n = HS_OTLP_JSON_BODY_MAX + 1;
    char *body = hs_xalloc(n);
    struct hs_err err;

    (void)state;
    memset(body, ' ', n);
    body[0] = '{';
    body[HS_OTLP_JSON_BODY_MAX - 1] = '}';
    hs_buf_reset(&bytes);
    assert_int_equal(hs_otlp_json_read(HS_OTLP_TRACES, hs_str_n(body, n - 1), &bytes, &err), HS_OK);
    assert_int_equal(hs_otlp_json_read(HS_OTLP_TRACES, hs_str_n(body, n), &bytes, &err), HS_ELIMIT);
    assert_string_equal(err.text, "OTLP/JSON: the body is 33554433 bytes, limit 33554432");
    hs_free(body);
}

static void read__says_when_the_buffer_is_full(void **state)
{
    struct hs_buf small;

    (void)state;
    hs_buf_init(&small, 8);
    assert_int_equal(hs_otlp_json_read(HS_OTLP_TRACES,
                                       HS_STR(SPAN("\"name\":\"a long name of a span\"")), &small,
                                       NULL),
                     HS_ELIMIT);
    hs_buf_fini(&small);
}

static int setup(void **state)
{
    (void)state;
    hs_buf_init(&bytes, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    hs_buf_fini(&bytes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__takes_every_field_of_a_span),
        cmocka_unit_test(read__takes_both_forms_of_integers),
        cmocka_unit_test(read__takes_every_kind_of_value),
        cmocka_unit_test(text__of_nested_values_is_json),
        cmocka_unit_test(read__takes_logs),
        cmocka_unit_test(read__names_what_is_wrong_and_where),
        cmocka_unit_test(read__keeps_whole_numbers_past_64_bits_as_doubles),
        cmocka_unit_test(read__bounds_the_depth),
        cmocka_unit_test(read__bounds_the_body),
        cmocka_unit_test(read__says_when_the_buffer_is_full),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
