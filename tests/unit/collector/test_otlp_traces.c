/* What becomes of a request's spans: which are kept, in which messages, with what taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rand.h"
#include "collector/enrich.h"
#include "collector/otlp_scrub.h"
#include "net/pb.h"
#include "support/otlp_kit.h"

#define TRACE_2 "4bf92f3577b34da6a3ce929d0e0e4736"

static int setup(void **state)
{
    struct otlp_kit *kit = hs_xalloc(sizeof(*kit));

    otlp_kit_init(kit);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    otlp_kit_fini(*state);
    hs_free(*state);
    return 0;
}

/* The names of the spans of a message with their services and scopes: "service/scope:name …". */
static void outline(struct hs_str message, char *out, size_t max)
{
    struct hs_otlp_iter iter;
    struct hs_otlp_scope scope;
    struct hs_otlp_span span;
    struct hs_otlp_value service;
    struct hs_str item;
    size_t n = 0;
    int rc;

    hs_otlp_iter_init(&iter, message);
    while ((rc = hs_otlp_iter_next(&iter, &item, NULL)) > 0) {
        assert_int_equal(hs_otlp_span_read(item, &span, NULL), HS_OK);
        assert_int_equal(hs_otlp_scope_read(iter.section.scope, &scope, NULL), HS_OK);
        service = hs_otlp_attr_find(iter.section.resource, HS_OTLP_RESOURCE_ATTRIBUTES,
                                    HS_STR("service.name"));
        n += (size_t)snprintf(out + n, max - n, "%s%.*s/%.*s:%.*s", n ? " " : "",
                              HS_STR_ARG(service.str), HS_STR_ARG(scope.name),
                              HS_STR_ARG(span.name));
    }
    assert_int_equal(rc, 0);
}

static void read__makes_one_message_of_each_trace_in_order(void **state)
{
    struct otlp_kit *kit = *state;
    struct hs_message message;
    char text[256];

    otlp_resource(kit, "a");
    otlp_scope(kit, "x");
    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000001", .name = "1"});
    otlp_span(kit, &(struct otlp_span){.trace_id = TRACE_2, .name = "2"});
    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000003", .name = "3"});
    otlp_scope(kit, "y");
    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000004", .name = "4"});
    otlp_resource(kit, "b");
    otlp_scope(kit, "x");
    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000005", .name = "5"});
    otlp_span(kit, &(struct otlp_span){.trace_id = TRACE_2, .name = "6"});
    otlp_read_traces(kit);

    assert_int_equal(kit->out.accepted, 6);
    assert_int_equal(kit->out.rejected, 0);
    assert_string_equal(kit->out.message, "");
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 2);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_EVENTS), 0);
    message = otlp_message(kit, HS_TOPIC_SPANS, 0);
    assert_true(hs_str_eq_c(message.key, OTLP_TRACE));
    outline(message.value, text, sizeof(text));
    assert_string_equal(text, "a/x:1 a/x:3 a/y:4 b/x:5");
    message = otlp_message(kit, HS_TOPIC_SPANS, 1);
    assert_true(hs_str_eq_c(message.key, TRACE_2));
    outline(message.value, text, sizeof(text));
    assert_string_equal(text, "a/x:2 b/x:6");
}

static void read__keeps_a_clean_request_byte_for_byte(void **state)
{
    struct otlp_kit *kit = *state;
    struct hs_message message;
    char key[32];
    int i;

    otlp_resource(kit, "a");
    otlp_attr(kit, "host.name", "web-1");
    otlp_scope(kit, "x");
    otlp_span(kit, &(struct otlp_span){.name = "1"});
    for (i = 0; i < 12; i++) {
        snprintf(key, sizeof(key), "some.key.%d", i);
        otlp_attr(kit, key, "a value");
    }
    otlp_attr_nested(kit, "nested", 3, "deep");
    otlp_exception(kit, "T", "m", "s");
    otlp_read_traces(kit);
    message = otlp_message(kit, HS_TOPIC_SPANS, 0);
    assert_true(hs_str_eq(message.value, hs_buf_str(&kit->body)));
}

static void read__takes_an_empty_request(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 0);
    otlp_resource(kit, "a");
    otlp_scope(kit, "x");
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 0);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 0);
}

static void read__rejects_spans_without_valid_ids_and_keeps_the_rest(void **state)
{
    static const struct otlp_span bad[] = {
        {.trace_id = "00000000000000000000000000000000"},
        {.trace_id = "0af7651916cd43dd"},
        {.trace_id = ""},
        {.span_id = "0000000000000000"},
        {.span_id = "b7ad6b71692033"},
        {.span_id = "b7ad6b7169203331b7ad6b7169203331"},
    };
    struct otlp_kit *kit = *state;
    size_t i;

    otlp_span(kit, &(struct otlp_span){.name = "good"});
    for (i = 0; i < HS_ARRAY_LEN(bad); i++)
        otlp_span(kit, &bad[i]);
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 1);
    assert_int_equal(kit->out.rejected, 6);
    assert_int_equal(kit->out.rejected_by[HS_OTLP_REJECT_TRACE_ID], 3);
    assert_int_equal(kit->out.rejected_by[HS_OTLP_REJECT_SPAN_ID], 3);
    assert_string_equal(kit->out.message,
                        "6 of 7 spans rejected, the first at index 1: trace id is not 16 bytes or "
                        "all zero (trace_id: 3, span_id: 3)");
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 1);
}

/* Each day is a partition of the table, and in 2262 its times end. */
static void read__rejects_spans_of_times_that_are_not_kept(void **state)
{
    const int64_t day_ns = 86400LL * 1000000000LL;
    const uint64_t times[] = {
        0,
        OTLP_RECEIVED_NS + day_ns,
        OTLP_RECEIVED_NS + day_ns + 1,
        OTLP_RECEIVED_NS - HS_OTLP_AGE_MAX_DAYS * day_ns,
        OTLP_RECEIVED_NS - HS_OTLP_AGE_MAX_DAYS * day_ns - 1,
        1,
        INT64_MAX,
        (uint64_t)INT64_MAX + 1,
        UINT64_MAX,
    };
    struct otlp_kit *kit = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(times); i++) {
        otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000001"});
        hs_pb_add_fixed64(&kit->body, 7, times[i]);
    }
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 3);
    assert_string_equal(kit->out.message,
                        "6 of 9 spans rejected, the first at index 2: its time is more than a day "
                        "ahead, or more than 3650 days ago (time: 6)");
}

/* Not just "malformed": which span, which byte, which field, which rule. */
static void read__names_the_place_of_a_fault(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_span(kit, &(struct otlp_span){.name = "whole"});
    otlp_span(kit, &(struct otlp_span){.name = "cut"});
    otlp_attr(kit, "k", "v");
    otlp_done(kit);
    kit->body.p[kit->body.n - 2] = 9; /* the length of "v" */
    assert_int_equal(hs_otlp_traces_read(kit->reader, &kit->intake, hs_buf_str(&kit->body),
                                         HS_OTLP_PROTOBUF, &kit->out, &kit->err),
                     HS_EINVAL);
    assert_non_null(strstr(kit->err.text,
                           "in resourceSpans[0].scopeSpans[0].spans[1].attributes[0].value: field "
                           "1 (stringValue) has 9 bytes, but only 1 are left"));
}

static void read__rejects_spans_past_the_limits(void **state)
{
    struct otlp_kit *kit = *state;
    int i;

    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000001"});
    otlp_attr_nested(kit, "k", HS_OTLP_DEPTH_MAX, "v");
    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000002"});
    otlp_attr_nested(kit, "k", HS_OTLP_DEPTH_MAX + 1, "v");
    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000003"});
    for (i = 0; i < HS_OTLP_ATTRIBUTES_MAX; i++)
        otlp_attr(kit, "k", "v");
    otlp_span(kit, &(struct otlp_span){.span_id = "0000000000000004"});
    for (i = 0; i < HS_OTLP_ATTRIBUTES_MAX + 1; i++)
        otlp_attr(kit, "k", "v");
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 2);
    assert_int_equal(kit->out.rejected_by[HS_OTLP_REJECT_LIMIT], 2);
    assert_string_equal(kit->out.message, "2 of 4 spans rejected, the first at index 1: a value "
                                          "nests deeper than 16 levels (limit: 2)");
}

static void read__splits_a_trace_that_is_larger_than_a_message(void **state)
{
    enum { SPANS = 10, BYTES = 1 << 20 };
    struct otlp_kit *kit = *state;
    char *text = hs_xalloc(BYTES + 1);
    char id[17];
    size_t i, n = 0;

    memset(text, 'x', BYTES);
    for (i = 0; i < SPANS; i++) {
        snprintf(id, sizeof(id), "%016zx", i + 1);
        otlp_span(kit, &(struct otlp_span){.span_id = id});
        otlp_attr(kit, "k", text);
    }
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, SPANS);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 2);
    for (i = 0; i < 2; i++) {
        struct hs_message message = otlp_message(kit, HS_TOPIC_SPANS, i);
        struct hs_otlp_iter iter;
        struct hs_str item;

        assert_true(message.value.n <= HS_STREAM_VALUE_MAX);
        assert_true(hs_str_eq_c(message.key, OTLP_TRACE));
        hs_otlp_iter_init(&iter, message.value);
        while (hs_otlp_iter_next(&iter, &item, NULL) > 0)
            n++;
    }
    assert_int_equal(n, SPANS);
    hs_free(text);
}

static void read__rejects_a_span_that_is_larger_than_a_message(void **state)
{
    struct otlp_kit *kit = *state;
    char *text = hs_xalloc(HS_STREAM_VALUE_MAX + 1);

    memset(text, 'x', HS_STREAM_VALUE_MAX);
    otlp_span(kit, &(struct otlp_span){.name = "large"});
    otlp_attr(kit, "k", text);
    otlp_span(kit, &(struct otlp_span){.name = "small"});
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 1);
    assert_int_equal(kit->out.rejected_by[HS_OTLP_REJECT_SIZE], 1);
    hs_free(text);
}

static void read__refuses_a_body_cut_at_any_byte_unless_it_is_whole(void **state)
{
    struct otlp_kit *kit = *state;
    size_t n;

    otlp_span(kit, &(struct otlp_span){.name = "1"});
    otlp_attr(kit, "search.query.text", "shoes");
    otlp_attr_nested(kit, "k", 2, "v");
    otlp_done(kit);
    for (n = 1; n < kit->body.n; n++) {
        hs_intake_reset(&kit->intake, &kit->rules);
        assert_int_equal(hs_otlp_traces_read(kit->reader, &kit->intake, hs_str_n(kit->body.p, n),
                                             HS_OTLP_PROTOBUF, &kit->out, &kit->err),
                         HS_EINVAL);
        assert_non_null(strstr(kit->err.text, "malformed protobuf"));
    }
}

/* One address in each place of a span that can hold text. */
static void add_planted_span(struct otlp_kit *kit, const char *planted)
{
    const char *const values[] = {"clean", planted, NULL};
    size_t event, link, status, kvlist;

    otlp_resource(kit, "shop");
    otlp_attr(kit, "deployment.note", planted);
    otlp_scope(kit, planted);
    otlp_span(kit, &(struct otlp_span){.name = planted});
    hs_pb_add_bytes(&kit->body, 3, hs_str_c(planted));
    otlp_attr(kit, "url.full", planted);
    otlp_attr(kit, "clean", "clean");
    otlp_attr_array(kit, "array", values);
    otlp_attr_nested(kit, "nested", 5, planted);
    kvlist = hs_pb_open(&kit->body, 9);
    hs_pb_add_bytes(&kit->body, 1, HS_STR("list"));
    status = hs_pb_open(&kit->body, 2);
    link = hs_pb_open(&kit->body, 6);
    otlp_add_attr(&kit->body, 1, planted, planted);
    hs_pb_close(&kit->body, link);
    hs_pb_close(&kit->body, status);
    hs_pb_close(&kit->body, kvlist);
    event = hs_pb_open(&kit->body, 11);
    hs_pb_add_bytes(&kit->body, 2, hs_str_c(planted));
    otlp_add_attr(&kit->body, 3, "exception.message", planted);
    hs_pb_close(&kit->body, event);
    link = hs_pb_open(&kit->body, 13);
    hs_pb_add_bytes(&kit->body, 3, hs_str_c(planted));
    otlp_add_attr(&kit->body, 4, "k", planted);
    hs_pb_close(&kit->body, link);
    status = hs_pb_open(&kit->body, 15);
    hs_pb_add_bytes(&kit->body, 2, hs_str_c(planted));
    hs_pb_close(&kit->body, status);
    hs_pb_add_bytes(&kit->body, 2048, hs_str_c(planted)); /* a field that is not in the schema */
    hs_pb_add_bytes(&kit->body, 2049, HS_STR("kept"));
}

static void read__redacts_every_text_of_a_span(void **state)
{
    struct otlp_kit *kit = *state;
    struct hs_message message;
    struct hs_otlp_iter iter;
    struct hs_otlp_span span;
    struct hs_otlp_value value;
    struct hs_str item;

    add_planted_span(kit, "mail jane.roe@example.com today");
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 1);
    assert_false(otlp_holds(kit, "jane"));
    assert_true(otlp_holds(kit, "kept"));
    assert_int_equal(kit->intake.counts.redacted.email, 15);
    message = otlp_message(kit, HS_TOPIC_SPANS, 0);
    hs_otlp_iter_init(&iter, message.value);
    assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
    assert_int_equal(hs_otlp_span_read(item, &span, NULL), HS_OK);
    assert_true(hs_str_eq_c(span.name, "mail [email] today"));
    assert_true(hs_str_eq_c(span.status_message, "mail [email] today"));
    value = hs_otlp_attr_find(item, HS_OTLP_SPAN_ATTRIBUTES, HS_STR("clean"));
    assert_true(hs_str_eq_c(value.str, "clean"));
    value = hs_otlp_attr_find(item, HS_OTLP_SPAN_ATTRIBUTES, HS_STR("list"));
    assert_int_equal(value.kind, HS_OTLP_KVLIST);
    assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 0);
}

static void read__makes_pseudonyms_of_ids_of_persons(void **state)
{
    struct otlp_kit *kit = *state;
    char pseudonym[HS_PSEUDONYM_TEXT];
    struct hs_message message;
    struct hs_otlp_iter iter;
    struct hs_otlp_value value;
    struct hs_str item;
    size_t list, value_mark, entries;

    otlp_span(kit, &(struct otlp_span){.name = "1"});
    otlp_attr(kit, "user.id", "customer-4711");
    otlp_attr_int(kit, "enduser.id", 998877);
    otlp_attr(kit, "session.id", "");
    otlp_attr(kit, "user.ids", "left alone");
    list = hs_pb_open(&kit->body, 9);
    hs_pb_add_bytes(&kit->body, 1, HS_STR("ubi.query_attributes"));
    value_mark = hs_pb_open(&kit->body, 2);
    entries = hs_pb_open(&kit->body, 6);
    otlp_add_attr(&kit->body, 1, "user_id", "customer-4712");
    hs_pb_close(&kit->body, entries);
    hs_pb_close(&kit->body, value_mark);
    hs_pb_close(&kit->body, list);
    otlp_read_traces(kit);
    assert_false(otlp_holds(kit, "customer-4711"));
    assert_false(otlp_holds(kit, "customer-4712")); /* nor in the search event */
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_EVENTS), 1);
    message = otlp_message(kit, HS_TOPIC_SPANS, 0);
    hs_otlp_iter_init(&iter, message.value);
    assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
    value = hs_otlp_attr_find(item, HS_OTLP_SPAN_ATTRIBUTES, HS_STR("user.id"));
    hs_pseudonym(kit->rules.pseudonym_key, HS_STR("customer-4711"), pseudonym);
    assert_true(hs_str_eq(value.str, hs_str_n(pseudonym, sizeof(pseudonym))));
    value = hs_otlp_attr_find(item, HS_OTLP_SPAN_ATTRIBUTES, HS_STR("enduser.id"));
    hs_pseudonym(kit->rules.pseudonym_key, HS_STR("998877"), pseudonym);
    assert_int_equal(value.kind, HS_OTLP_STR);
    assert_true(hs_str_eq(value.str, hs_str_n(pseudonym, sizeof(pseudonym))));
    value = hs_otlp_attr_find(item, HS_OTLP_SPAN_ATTRIBUTES, HS_STR("user.ids"));
    assert_true(hs_str_eq_c(value.str, "left alone"));
}

static void read__leaves_out_ids_of_persons_without_consent(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_span(kit, &(struct otlp_span){.name = "1"});
    otlp_attr(kit, "user.id", "customer-4711");
    otlp_attr(kit, "search.consent", "Denied");
    otlp_attr(kit, "search.query.text", "shoes");
    otlp_span(kit, &(struct otlp_span){.name = "2", .span_id = "0000000000000002"});
    otlp_attr(kit, "user.id", "customer-4711");
    otlp_attr(kit, "search.consent", "granted");
    otlp_read_traces(kit);
    assert_false(otlp_holds(kit, "customer-4711"));
    assert_int_equal(kit->intake.counts.consent_dropped, 2); /* of the span and of its event */
    {
        struct hs_message message = otlp_message(kit, HS_TOPIC_SPANS, 0);
        struct hs_otlp_iter iter;
        struct hs_str item;

        hs_otlp_iter_init(&iter, message.value);
        assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
        assert_int_equal(hs_otlp_attr_find(item, HS_OTLP_SPAN_ATTRIBUTES, HS_STR("user.id")).kind,
                         HS_OTLP_NONE);
        assert_int_equal(hs_otlp_iter_next(&iter, &item, NULL), 1);
        assert_int_equal(hs_otlp_attr_find(item, HS_OTLP_SPAN_ATTRIBUTES, HS_STR("user.id")).kind,
                         HS_OTLP_STR);
    }
}

static void read__says_when_the_intake_is_full(void **state)
{
    struct otlp_kit *kit = *state;

    hs_intake_fini(&kit->intake);
    hs_intake_init(&kit->intake, &kit->rules, 100);
    otlp_span(kit, &(struct otlp_span){.name = "1"});
    otlp_attr(kit, "key", "a value that makes the message longer than a hundred bytes");
    otlp_done(kit);
    assert_int_equal(hs_otlp_traces_read(kit->reader, &kit->intake, hs_buf_str(&kit->body),
                                         HS_OTLP_PROTOBUF, &kit->out, &kit->err),
                     HS_ELIMIT);
}

/* Every span of many interleaved traces comes out once, in its own trace's message. */
static void read__loses_and_doubles_no_span_of_many_traces(void **state)
{
    enum { SPANS = 20000, TRACES = 3000 };
    struct otlp_kit *kit = *state;
    struct hs_rand rand;
    uint8_t *seen = hs_xcalloc(SPANS, 1);
    char trace[33], id[17], name[16];
    size_t i, n = 0, messages;

    hs_rand_init(&rand, 3);
    for (i = 0; i < SPANS; i++) {
        snprintf(trace, sizeof(trace), "%032zx", (size_t)hs_rand_below(&rand, TRACES) + 1);
        snprintf(id, sizeof(id), "%016zx", i + 1);
        snprintf(name, sizeof(name), "%zu", i);
        if (i % 1000 == 0)
            otlp_resource(kit, "s");
        if (i % 100 == 0)
            otlp_scope(kit, "c");
        otlp_span(kit, &(struct otlp_span){.trace_id = trace, .span_id = id, .name = name});
    }
    otlp_read_traces(kit);
    messages = otlp_messages_n(kit, HS_TOPIC_SPANS);
    assert_int_equal(kit->out.accepted, SPANS);
    assert_true(messages <= TRACES);
    for (i = 0; i < messages; i++) {
        struct hs_message message = otlp_message(kit, HS_TOPIC_SPANS, i);
        struct hs_otlp_iter iter;
        struct hs_otlp_span span;
        struct hs_str item;

        hs_otlp_iter_init(&iter, message.value);
        while (hs_otlp_iter_next(&iter, &item, NULL) > 0) {
            uint64_t which;
            char hex[32];

            assert_int_equal(hs_otlp_span_read(item, &span, NULL), HS_OK);
            hs_hex_encode(span.trace_id.p, 16, hex);
            assert_true(hs_str_eq(message.key, hs_str_n(hex, 32)));
            assert_int_equal(hs_str_to_u64(span.name, &which), HS_OK);
            assert_int_equal(seen[which]++, 0);
            n++;
        }
    }
    assert_int_equal(n, SPANS);
    hs_free(seen);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read__makes_one_message_of_each_trace_in_order),
        TEST(read__keeps_a_clean_request_byte_for_byte),
        TEST(read__takes_an_empty_request),
        TEST(read__rejects_spans_without_valid_ids_and_keeps_the_rest),
        TEST(read__rejects_spans_of_times_that_are_not_kept),
        TEST(read__names_the_place_of_a_fault),
        TEST(read__rejects_spans_past_the_limits),
        TEST(read__splits_a_trace_that_is_larger_than_a_message),
        TEST(read__rejects_a_span_that_is_larger_than_a_message),
        TEST(read__refuses_a_body_cut_at_any_byte_unless_it_is_whole),
        TEST(read__redacts_every_text_of_a_span),
        TEST(read__makes_pseudonyms_of_ids_of_persons),
        TEST(read__leaves_out_ids_of_persons_without_consent),
        TEST(read__says_when_the_intake_is_full),
        TEST(read__loses_and_doubles_no_span_of_many_traces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
