/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "support/intake_kit.h"

static int read_one(struct intake_kit *kit, const char *json, struct hs_str *out_id)
{
    char *body = intake_kit_body(kit, json);

    return hs_native_read_one(&kit->intake, body, kit->body_n, out_id, &kit->err);
}

static struct hs_str accept(struct intake_kit *kit, const char *json)
{
    struct hs_str id = HS_STR_NULL;
    int rc = read_one(kit, json, &id);

    if (rc != HS_OK)
        print_error("%s: %s\n", json, kit->err.text);
    assert_int_equal(rc, HS_OK);
    return id;
}

static void refuse(struct intake_kit *kit, const char *json, const char *text)
{
    assert_int_equal(read_one(kit, json, NULL), HS_EINVAL);
    assert_string_equal(kit->err.text, text);
}

static void search__becomes_one_complete_message(void **state)
{
    struct intake_kit *kit = *state;
    struct hs_str id;

    id = accept(kit, "{\"event_id\":\"e1\",\"service\":\"web\",\"query\":\"Red  SHOES\","
                     "\"query_id\":\"q1\",\"timestamp\":1699999999,\"latency_ms\":12.5,"
                     "\"trace_id\":\"4BF92F3577B34DA6A3CE929D0E0E4736\"}");
    assert_true(hs_str_eq_c(id, "e1"));
    assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 1);
    assert_int_equal(kit->intake.topics[HS_TOPIC_ERRORS].n, 0);
    assert_int_equal(kit->intake.topics[HS_TOPIC_RESULTS].n, 0);
    assert_string_equal(intake_kit_key(kit, HS_TOPIC_EVENTS, 0), "q1");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "event_id", "\"e1\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "timestamp", "1699999999000000");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "received_at", "1700000000000000");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "source", "\"native\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "application", "\"web\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "kind", "\"search\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "status", "\"ok\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "query", "\"Red  SHOES\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "query_norm", "\"red shoes\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "latency_ms", "12.5");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "trace_id", "\"4bf92f3577b34da6a3ce929d0e0e4736\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "time_adjusted", NULL);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "bot", NULL);
    assert_int_equal(kit->intake.counts.accepted, 1);
}

static void failed_search__appears_in_errors_under_the_same_id(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"event_id\":\"e1\",\"service\":\"web\",\"query\":\"q\",\"results\":[],"
                "\"error\":{\"code\":503,\"message\":\"upstream down\",\"stage\":\"rank\"}}");
    assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 1);
    assert_int_equal(kit->intake.topics[HS_TOPIC_ERRORS].n, 1);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "status", "\"error\"");
    intake_kit_expect(kit, HS_TOPIC_ERRORS, "event_id", "\"e1\"");
    intake_kit_expect(kit, HS_TOPIC_ERRORS, "error",
                      "{\"code\":\"503\",\"message\":\"upstream down\",\"stage\":\"rank\"}");
    intake_kit_expect(kit, HS_TOPIC_ERRORS, "results", NULL);
    intake_kit_expect(kit, HS_TOPIC_ERRORS, "query", NULL);
}

static void timeout__is_a_failure_and_cancelled_is_none(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"service\":\"web\",\"query\":\"q\",\"status\":\"timeout\"}");
    accept(kit, "{\"service\":\"web\",\"query\":\"q\",\"status\":\"cancelled\"}");
    assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 2);
    assert_int_equal(kit->intake.topics[HS_TOPIC_ERRORS].n, 1);
}

static void error_and_result_events__go_to_their_topics(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"service\":\"web\",\"error\":{\"message\":\"index is red\"}}");
    accept(kit, "{\"application\":\"shop\",\"action\":\"click\",\"query_id\":\"q1\","
                "\"objects\":[{\"id\":5,\"position\":2}]}");
    assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 0);
    assert_int_equal(kit->intake.topics[HS_TOPIC_ERRORS].n, 1);
    assert_int_equal(kit->intake.topics[HS_TOPIC_RESULTS].n, 1);
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "service", "\"shop\"");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "objects", "[{\"id\":\"5\",\"position\":2}]");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "status", NULL);
    assert_string_equal(intake_kit_key(kit, HS_TOPIC_RESULTS, 0), "q1");
}

static void key__is_the_trace_id_without_a_query_id(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"trace_id\":"
                "\"4bf92f3577b34da6a3ce929d0e0e4736\"}");
    accept(kit, "{\"service\":\"w\",\"query\":\"q\"}");
    assert_string_equal(intake_kit_key(kit, HS_TOPIC_EVENTS, 0),
                        "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_string_equal(intake_kit_key(kit, HS_TOPIC_EVENTS, 1), "");
}

static void timestamp__outside_the_window_becomes_receive_time(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"timestamp\":1700000301}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "timestamp", "1700000000000000");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "timestamp_sent", "1700000301000000");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "time_adjusted", "\"future\"");
    intake_kit_reset(kit);
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"timestamp\":1699913599}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "time_adjusted", "\"late\"");
    assert_int_equal(kit->intake.counts.time_late, 1);
    intake_kit_reset(kit);
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"timestamp\":1700000300}");
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"timestamp\":1699913600}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "time_adjusted", NULL);
    assert_int_equal(kit->intake.counts.time_late + kit->intake.counts.time_future, 0);
}

static void import__may_be_old_but_not_older_than_the_retention(void **state)
{
    struct intake_kit *kit = *state;

    kit->rules.import = true;
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"timestamp\":1697408000}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "timestamp", "1697408000000000");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "import", "true");
    refuse(kit, "{\"service\":\"w\",\"query\":\"q\",\"timestamp\":1697407999}",
           "timestamp is 2592001 s old, an import may go back 2592000 s");
    assert_int_equal(kit->err.sys, HS_REFUSED_TIME);
}

static void missing_id__is_derived_from_the_idempotency_key(void **state)
{
    struct intake_kit *kit = *state;
    const char *json = "{\"service\":\"w\",\"query\":\"q\"}";
    char first[37] = {0};
    struct hs_str id;

    id = accept(kit, json);
    memcpy(first, id.p, 36);
    assert_int_equal(id.n, 36);
    assert_int_equal(id.p[14], '7');
    assert_false(hs_str_eq_c(accept(kit, json), first));
    kit->rules.idempotency_key = HS_STR("batch-1");
    id = accept(kit, json);
    memcpy(first, id.p, 36);
    assert_int_equal(id.p[14], '8');
    assert_true(hs_str_eq_c(accept(kit, json), first));
    kit->rules.tenant = HS_STR("other");
    assert_false(hs_str_eq_c(accept(kit, json), first));
}

static void personal_ids__are_hashed_and_dropped_without_consent(void **state)
{
    struct intake_kit *kit = *state;
    const char *sent = "1821196507152684";

    kit->rules.pseudonyms = true;
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"user_id\":\"1821196507152684\"}");
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), sent));
    assert_non_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "\"user_id\":\""));
    intake_kit_reset(kit);
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"user_id\":\"1\",\"session_id\":\"2\","
                "\"client_id\":\"3\",\"consent\":\"Denied\"}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "user_id", NULL);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "session_id", NULL);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "client_id", NULL);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "consent", "\"Denied\"");
    assert_int_equal(kit->intake.counts.consent_dropped, 3);
    intake_kit_reset(kit);
    accept(kit, "{\"service\":\"w\",\"event_type\":\"error\",\"error\":{\"code\":\"x\"},"
                "\"user_id\":\"1821196507152684\"}");
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_ERRORS, 0), sent));
}

static void personal_ids_in_attributes__are_hidden_as_the_fields_are(void **state)
{
    struct intake_kit *kit = *state;

    kit->rules.pseudonyms = true;
    accept(kit,
           "{\"service\":\"w\",\"query\":\"q\",\"a\":{\"user_id\":\"ann-77\",\"b\":[{"
           "\"client_id\":7712345,\"user_idx\":\"kept\"}],\"session_id\":{\"x-9\":[\"y-9\"]}}}");
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "ann-77"));
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "7712345"));
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "x-9"));
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "y-9"));
    assert_non_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "\"user_idx\":\"kept\""));
    intake_kit_reset(kit);
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"consent\":false,\"a\":{\"user_id\":\"ann\","
                "\"b\":[\"user_id\",\"c\"]}}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "attributes",
                      "{\"a\":{\"user_id\":null,\"b\":[\"user_id\",\"c\"]}}");
    assert_int_equal(kit->intake.counts.consent_dropped, 1);
}

static void free_text__is_redacted_wherever_it_stands(void **state)
{
    static const char *const events[] = {
        "{\"service\":\"w\",\"query\":\"mail ann@example.com\"}",
        "{\"service\":\"w\",\"query\":\"q\",\"rewrites\":[{\"kind\":\"spell\",\"from\":"
        "\"ann@example.com\",\"to\":\"x\"}]}",
        "{\"service\":\"w\",\"query\":\"q\",\"filters\":[{\"field\":\"f\",\"value\":[[\"a "
        "ann@example.com\"]]}]}",
        "{\"service\":\"w\",\"query\":\"q\",\"request\":{\"body\":{\"q\":\"ann@example.com\"}}}",
        "{\"service\":\"w\",\"query\":\"q\",\"request\":{\"body\":\"ann\\u0040example.com\"}}",
        "{\"service\":\"w\",\"query\":\"q\",\"sort\":\"ann@example.com\"}",
        "{\"service\":\"w\",\"query\":\"q\",\"facets\":[\"ann@example.com\"]}",
        "{\"service\":\"w\",\"query\":\"q\",\"error\":{\"message\":\"no ann@example.com\","
        "\"stack\":\"at ann@example.com\"}}",
        "{\"service\":\"w\",\"query\":\"q\",\"who\":\"ann@example.com\"}",
        "{\"service\":\"w\",\"query\":\"q\",\"attributes\":{\"a\":{\"b\":[\"ann@example.com\"]}}}",
        "{\"service\":\"w\",\"query\":\"q\",\"attributes\":{\"ann@example.com\":1}}",
        "{\"service\":\"w\",\"query\":\"q\",\"results\":[{\"id\":\"a\",\"position\":1,"
        "\"owner\":\"ann@example.com\"}]}",
        "{\"service\":\"w\",\"action\":\"feedback\",\"query_id\":\"q\",\"message\":\"I am "
        "ann@example.com\"}",
        "{\"service\":\"w\",\"event_type\":\"error\",\"error\":{\"message\":\"x\"},\"query\":"
        "\"ann@example.com\"}",
    };
    struct intake_kit *kit = *state;

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        intake_kit_reset(kit);
        accept(kit, events[i]);
        assert_true(kit->intake.counts.redacted.email >= 1);
        for (int topic = 0; topic < HS_TOPIC_N; topic++) {
            for (size_t m = 0; m < kit->intake.topics[topic].n; m++)
                assert_null(strstr(intake_kit_value(kit, topic, m), "example.com"));
        }
    }
}

static void query_norm__is_made_of_the_redacted_query(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"service\":\"w\",\"query\":\"Find ANN@example.com\"}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "query", "\"Find [email]\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "query_norm", "\"find [email]\"");
}

static void positions__are_filled_in_by_page(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"page\":3,\"page_size\":10,\"results\":["
                "{\"id\":\"a\",\"score\":2.50},{\"position\":7,\"id\":\"b\"}]}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "results",
                      "[{\"position\":21,\"id\":\"a\",\"score\":2.50},{\"position\":7,\"id\":"
                      "\"b\"}]");
    intake_kit_reset(kit);
    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"page\":3,\"results\":[{\"id\":\"a\"}]}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "results", "[{\"position\":1,\"id\":\"a\"}]");
}

static void bot__is_told_by_the_user_agent(void **state)
{
    struct intake_kit *kit = *state;

    accept(kit, "{\"service\":\"w\",\"query\":\"q\",\"user_agent\":\"Googlebot/2.1\"}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "bot", "true");
}

static void refused_event__leaves_nothing_behind(void **state)
{
    struct intake_kit *kit = *state;

    refuse(kit, "{\"service\":\"w\",\"query\":\"q\",\"latency_ms\":-1}",
           "latency_ms is -1, must be a number from 0 to 86400000");
    assert_int_equal(kit->intake.counts.latency_refused, 1);
    assert_int_equal(kit->intake.counts.accepted, 0);
    for (int topic = 0; topic < HS_TOPIC_N; topic++) {
        assert_int_equal(kit->intake.topics[topic].n, 0);
        assert_int_equal(kit->intake.topics[topic].bytes.n, 0);
    }
}

static void computed_latency__is_checked_too(void **state)
{
    struct intake_kit *kit = *state;
    struct hs_event *event = &kit->intake.event;

    hs_event_reset(event);
    hs_event_str(event, HS_F_EVENT_TYPE, HS_STR("search"));
    hs_event_str(event, HS_F_SERVICE, HS_STR("w"));
    hs_event_f64(event, HS_F_LATENCY_MS, -0.001);
    assert_int_equal(hs_intake_event(&kit->intake, event, 0, NULL, &kit->err), HS_EINVAL);
    assert_int_equal(kit->err.sys, HS_REFUSED_LATENCY);
    assert_int_equal(kit->intake.counts.latency_refused, 1);
}

static void raw_free_text__is_redacted_as_json(void **state)
{
    struct intake_kit *kit = *state;
    struct hs_event *event = &kit->intake.event;

    hs_event_reset(event);
    hs_event_str(event, HS_F_EVENT_TYPE, HS_STR("search"));
    hs_event_str(event, HS_F_SERVICE, HS_STR("w"));
    hs_event_raw(event, HS_F_ATTRIBUTES, HS_STR("{\"a\":\"x ann\\u0040example.com\",\"n\":1.50}"));
    assert_int_equal(hs_intake_event(&kit->intake, event, 0, NULL, &kit->err), HS_OK);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "attributes", "{\"a\":\"x [email]\",\"n\":1.50}");
}

static void bytes_max__refuses_and_takes_back_both_messages(void **state)
{
    struct intake_kit *kit = *state;
    const char *json = "{\"event_id\":\"e\",\"service\":\"w\",\"query\":\"q\",\"status\":"
                       "\"timeout\"}";
    size_t events_n;
    size_t errors_n;

    accept(kit, json);
    events_n = kit->intake.topics[HS_TOPIC_EVENTS].bytes.n;
    errors_n = kit->intake.topics[HS_TOPIC_ERRORS].bytes.n;
    for (uint64_t max = 2 * events_n; max < 2 * (events_n + errors_n); max += 7) {
        intake_kit_reset(kit);
        kit->intake.bytes_max = max;
        accept(kit, json);
        assert_int_equal(read_one(kit, json, NULL), HS_ELIMIT);
        assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 1);
        assert_int_equal(kit->intake.topics[HS_TOPIC_ERRORS].n, 1);
        assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].bytes.n, events_n);
        assert_int_equal(kit->intake.topics[HS_TOPIC_ERRORS].bytes.n, errors_n);
    }
}

static void ready_messages__come_out_as_they_went_in(void **state)
{
    struct intake_kit *kit = *state;
    struct hs_message out[200];

    for (int i = 0; i < 200; i++)
        assert_int_equal(hs_intake_message(&kit->intake, HS_TOPIC_SPANS, HS_STR("key"),
                                           hs_str_n("abcdefghij", (size_t)i % 10), &kit->err),
                         HS_OK);
    assert_int_equal(hs_intake_messages(&kit->intake, HS_TOPIC_SPANS, out), 200);
    assert_true(hs_str_eq_c(out[199].key, "key"));
    assert_true(hs_str_eq_c(out[199].value, "abcdefghi"));
    assert_int_equal(out[0].value.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTAKE_TEST(search__becomes_one_complete_message),
        INTAKE_TEST(failed_search__appears_in_errors_under_the_same_id),
        INTAKE_TEST(timeout__is_a_failure_and_cancelled_is_none),
        INTAKE_TEST(error_and_result_events__go_to_their_topics),
        INTAKE_TEST(key__is_the_trace_id_without_a_query_id),
        INTAKE_TEST(timestamp__outside_the_window_becomes_receive_time),
        INTAKE_TEST(import__may_be_old_but_not_older_than_the_retention),
        INTAKE_TEST(missing_id__is_derived_from_the_idempotency_key),
        INTAKE_TEST(personal_ids__are_hashed_and_dropped_without_consent),
        INTAKE_TEST(personal_ids_in_attributes__are_hidden_as_the_fields_are),
        INTAKE_TEST(free_text__is_redacted_wherever_it_stands),
        INTAKE_TEST(query_norm__is_made_of_the_redacted_query),
        INTAKE_TEST(positions__are_filled_in_by_page),
        INTAKE_TEST(bot__is_told_by_the_user_agent),
        INTAKE_TEST(refused_event__leaves_nothing_behind),
        INTAKE_TEST(computed_latency__is_checked_too),
        INTAKE_TEST(raw_free_text__is_redacted_as_json),
        INTAKE_TEST(bytes_max__refuses_and_takes_back_both_messages),
        INTAKE_TEST(ready_messages__come_out_as_they_went_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
