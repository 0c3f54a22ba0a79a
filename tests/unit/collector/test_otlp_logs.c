/* What becomes of a request's log records; and of what real SDKs send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/otlp_group.h"
#include "net/pb.h"
#include "support/otlp_kit.h"

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

/* The text bodies of a message's records, with a space behind each. */
static void bodies(struct hs_str message, char *out, size_t max)
{
    struct hs_otlp_iter iter;
    struct hs_otlp_log log;
    struct hs_str item;
    size_t n = 0;

    out[0] = '\0';
    hs_otlp_iter_init(&iter, message);
    while (hs_otlp_iter_next(&iter, &item, NULL) > 0) {
        assert_int_equal(hs_otlp_log_read(item, &log, NULL), HS_OK);
        n += (size_t)snprintf(out + n, max - n, "%.*s ", HS_STR_ARG(log.body.str));
    }
}

static void read__makes_one_message_of_each_service(void **state)
{
    struct otlp_kit *kit = *state;
    struct hs_message message;
    char text[64];

    otlp_resource(kit, "a");
    otlp_record(kit, "1");
    otlp_record(kit, "2");
    otlp_resource(kit, "b");
    otlp_record(kit, "3");
    otlp_resource(kit, "a"); /* another instance */
    otlp_record(kit, "4");
    otlp_resource(kit, NULL);
    otlp_record(kit, "5");
    otlp_read_logs(kit);
    assert_int_equal(kit->out.accepted, 5);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_LOGS), 3);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 0);
    message = otlp_message(kit, HS_TOPIC_LOGS, 0);
    assert_true(hs_str_eq_c(message.key, "a"));
    bodies(message.value, text, sizeof(text));
    assert_string_equal(text, "1 2 4 ");
    message = otlp_message(kit, HS_TOPIC_LOGS, 1);
    assert_true(hs_str_eq_c(message.key, "b"));
    message = otlp_message(kit, HS_TOPIC_LOGS, 2);
    assert_true(hs_str_eq_c(message.key, "unknown_service"));
}

static void read__redacts_bodies_and_attributes(void **state)
{
    struct otlp_kit *kit = *state;
    struct hs_message message;
    char text[64];

    otlp_record(kit, "sent to jane.roe@example.com");
    otlp_attr(kit, "to", "jane.roe@example.com");
    otlp_attr_nested(kit, "deep", 4, "jane.roe@example.com");
    otlp_attr(kit, "user.id", "customer-4711");
    hs_pb_add_bytes(&kit->body, 3, HS_STR("jane.roe@example.com"));
    hs_pb_add_bytes(&kit->body, 12, HS_STR("jane.roe@example.com"));
    otlp_record(kit, "clean");
    otlp_read_logs(kit);
    assert_false(otlp_holds(kit, "jane"));
    assert_false(otlp_holds(kit, "customer-4711"));
    assert_int_equal(kit->intake.counts.redacted.email, 5);
    message = otlp_message(kit, HS_TOPIC_LOGS, 0);
    bodies(message.value, text, sizeof(text));
    assert_string_equal(text, "sent to [email] clean ");
}

static void read__rejects_records_past_the_limits(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_record(kit, "1");
    otlp_attr_nested(kit, "k", HS_OTLP_DEPTH_MAX + 1, "v");
    otlp_record(kit, "2");
    otlp_read_logs(kit);
    assert_int_equal(kit->out.accepted, 1);
    assert_int_equal(kit->out.rejected, 1);
    assert_string_equal(kit->out.message, "1 of 2 log records rejected, the first at index 0: a "
                                          "value nests deeper than 16 levels (limit: 1)");
}

static void read__rejects_records_of_times_that_are_not_kept(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_record(kit, "1");
    hs_pb_add_fixed64(&kit->body, 1, (uint64_t)INT64_MAX + 1);
    otlp_record(kit, "2");
    hs_pb_add_fixed64(&kit->body, 11, (uint64_t)INT64_MAX + 1);
    otlp_record(kit, "3");
    hs_pb_add_fixed64(&kit->body, 11, OTLP_RECEIVED_NS + 2 * 86400LL * 1000000000LL);
    otlp_record(kit, "4");
    otlp_read_logs(kit);
    assert_int_equal(kit->out.accepted, 1);
    assert_int_equal(kit->out.rejected_by[HS_OTLP_REJECT_TIME], 3);
}

static void read__rejects_the_records_of_a_resource_past_the_limits(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_resource(kit, "a");
    otlp_attr_nested(kit, "k", HS_OTLP_DEPTH_MAX + 1, "v");
    otlp_record(kit, "1");
    otlp_scope(kit, "other");
    otlp_record(kit, "2");
    otlp_resource(kit, "b");
    otlp_record(kit, "3");
    otlp_read_logs(kit);
    assert_int_equal(kit->out.accepted, 1);
    assert_int_equal(kit->out.rejected_by[HS_OTLP_REJECT_LIMIT], 2);
}

/* A request of n empty records. */
static int read_empty_records(struct otlp_kit *kit, size_t n)
{
    size_t resource, scope;

    otlp_again(kit);
    resource = hs_pb_open(&kit->body, 1);
    scope = hs_pb_open(&kit->body, 2);
    while (n-- > 0)
        hs_pb_add_bytes(&kit->body, 2, HS_STR_NULL);
    hs_pb_close(&kit->body, scope);
    hs_pb_close(&kit->body, resource);
    return hs_otlp_logs_read(kit->reader, &kit->intake, hs_buf_str(&kit->body), HS_OTLP_PROTOBUF,
                             &kit->out, &kit->err);
}

static void read__bounds_the_records_of_a_request(void **state)
{
    struct otlp_kit *kit = *state;

    assert_int_equal(read_empty_records(kit, HS_OTLP_ITEMS_MAX), HS_OK);
    assert_int_equal(kit->out.accepted, HS_OTLP_ITEMS_MAX);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_LOGS), 1);
    assert_int_equal(read_empty_records(kit, HS_OTLP_ITEMS_MAX + 1), HS_ELIMIT);
    assert_string_equal(kit->err.text, "OTLP: more than 500000 spans or records in a request");
    assert_int_equal(read_empty_records(kit, 1), HS_OK); /* the reader is of use again */
}

static void read__refuses_malformed_bodies(void **state)
{
    struct otlp_kit *kit = *state;
    size_t n;

    otlp_record(kit, "text");
    otlp_attr(kit, "k", "v");
    otlp_done(kit);
    for (n = 1; n < kit->body.n; n++)
        assert_int_equal(hs_otlp_logs_read(kit->reader, &kit->intake, hs_str_n(kit->body.p, n),
                                           HS_OTLP_PROTOBUF, &kit->out, &kit->err),
                         HS_EINVAL);
    assert_int_equal(hs_otlp_logs_read(kit->reader, &kit->intake, HS_STR("{"), HS_OTLP_JSON,
                                       &kit->out, &kit->err),
                     HS_EINVAL);
}

#define RECORDED_NS 1795477854672000000LL

/* A request recorded from an SDK: tests/data/otlp/record.mjs. */
static void load(struct otlp_kit *kit, const char *name)
{
    char path[512], bytes[65536];
    FILE *file;
    size_t n;

    snprintf(path, sizeof(path), "%s/data/otlp/%s", HS_TESTS_DIR, name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    n = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    assert_in_range(n, 1, sizeof(bytes) - 1);
    hs_buf_add(&kit->body, bytes, n);
    kit->rules.received_ns = RECORDED_NS + 1000000000LL;
}

static void expect_recorded_searches(struct otlp_kit *kit)
{
    yyjson_doc *engine, *edge;

    assert_int_equal(kit->out.accepted, 2);
    assert_int_equal(kit->out.rejected, 0);
    assert_int_equal(kit->out.searches, 2);
    assert_int_equal(kit->out.searches_nested, 1);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 1);
    engine = otlp_event(kit, 0);
    edge = otlp_event(kit, 1);
    assert_string_equal(otlp_event_str(engine, "parent_query_id"), "q-1");
    assert_string_equal(otlp_event_str(engine, "status"), "error");
    assert_string_equal(otlp_event_str(engine, "index"), "products");
    assert_string_equal(otlp_event_str(edge, "query"), "rote Schuhe gr\xc3\xb6\xc3\x9f"
                                                       "e 42");
    assert_string_equal(otlp_event_str(edge, "service"), "shop-search");
    assert_string_equal(otlp_event_str(edge, "trace_id"), otlp_event_str(engine, "trace_id"));
    assert_int_equal(yyjson_get_int(yyjson_ptr_get(yyjson_doc_get_root(edge), "/total_hits")), 12);
    assert_int_equal(yyjson_get_int(yyjson_ptr_get(yyjson_doc_get_root(edge), "/returned")), 3);
    assert_false(otlp_holds(kit, "customer-4711"));
    yyjson_doc_free(engine);
    yyjson_doc_free(edge);
}

static void read__takes_traces_of_a_real_sdk_in_both_encodings(void **state)
{
    struct otlp_kit *kit = *state;

    load(kit, "sdk_js_traces.pb");
    otlp_read_traces(kit);
    expect_recorded_searches(kit);
    otlp_again(kit);
    load(kit, "sdk_js_traces.json");
    assert_int_equal(hs_otlp_traces_read(kit->reader, &kit->intake, hs_buf_str(&kit->body),
                                         HS_OTLP_JSON, &kit->out, &kit->err),
                     HS_OK);
    expect_recorded_searches(kit);
}

static void read__takes_logs_of_a_real_sdk_in_both_encodings(void **state)
{
    static const enum hs_otlp_encoding encodings[] = {HS_OTLP_PROTOBUF, HS_OTLP_JSON};
    struct otlp_kit *kit = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(encodings); i++) {
        otlp_again(kit);
        load(kit, encodings[i] == HS_OTLP_JSON ? "sdk_js_logs.json" : "sdk_js_logs.pb");
        assert_int_equal(hs_otlp_logs_read(kit->reader, &kit->intake, hs_buf_str(&kit->body),
                                           encodings[i], &kit->out, &kit->err),
                         HS_OK);
        assert_int_equal(kit->out.accepted, 2);
        assert_int_equal(otlp_messages_n(kit, HS_TOPIC_LOGS), 1);
        assert_true(hs_str_eq_c(otlp_message(kit, HS_TOPIC_LOGS, 0).key, "shop-search"));
        assert_true(otlp_holds(kit, "order sent to [email]"));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(read__makes_one_message_of_each_service),
        TEST(read__redacts_bodies_and_attributes),
        TEST(read__rejects_records_past_the_limits),
        TEST(read__rejects_records_of_times_that_are_not_kept),
        TEST(read__rejects_the_records_of_a_resource_past_the_limits),
        TEST(read__bounds_the_records_of_a_request),
        TEST(read__refuses_malformed_bodies),
        TEST(read__takes_traces_of_a_real_sdk_in_both_encodings),
        TEST(read__takes_logs_of_a_real_sdk_in_both_encodings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
