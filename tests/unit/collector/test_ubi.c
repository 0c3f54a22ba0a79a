/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "base/fs.h"
#include "collector/ubi.h"
#include "support/intake_kit.h"

static int read_queries(struct intake_kit *kit, const char *text)
{
    char *body = intake_kit_body(kit, text);

    kit->rules.source = HS_SOURCE_UBI;
    return hs_ubi_read_queries(&kit->intake, body, kit->body_n, &kit->outcome, &kit->err);
}

static int read_events(struct intake_kit *kit, const char *text)
{
    char *body = intake_kit_body(kit, text);

    kit->rules.source = HS_SOURCE_UBI;
    return hs_ubi_read_events(&kit->intake, body, kit->body_n, &kit->outcome, &kit->err);
}

static void accept_query(struct intake_kit *kit, const char *text)
{
    assert_int_equal(read_queries(kit, text), HS_OK);
    if (kit->outcome.rejected)
        print_error("%s\n", kit->outcome.errors[0].detail);
    assert_int_equal(kit->outcome.rejected, 0);
    assert_int_equal(kit->outcome.accepted, 1);
}

static void accept_event(struct intake_kit *kit, const char *text)
{
    assert_int_equal(read_events(kit, text), HS_OK);
    if (kit->outcome.rejected)
        print_error("%s\n", kit->outcome.errors[0].detail);
    assert_int_equal(kit->outcome.rejected, 0);
    assert_int_equal(kit->outcome.accepted, 1);
}

static struct hs_buf fixture(const char *name)
{
    struct hs_buf buf;
    char path[HS_PATH_MAX];

    hs_buf_init(&buf, 1 << 20);
    snprintf(path, sizeof(path), "%s/data/ubi/%s", HS_TESTS_DIR, name);
    assert_int_equal(hs_fs_read(path, &buf, NULL), HS_OK);
    return buf;
}

static void query__becomes_a_search(void **state)
{
    struct intake_kit *kit = *state;
    struct hs_buf sample = fixture("query.json");

    accept_query(kit, hs_buf_cstr(&sample));
    hs_buf_fini(&sample);
    assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 1);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "source", "\"ubi\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "kind", "\"search\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "application", "\"primary-search\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "service", "\"primary-search\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "query", "\"Laser Toner\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "client_id", "\"browser-77\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "timestamp", "1700000000000000");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "total_hits", "2301");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "returned", "3");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "results",
                      "[{\"id\":\"B07XLFYN6S\",\"position\":1},{\"id\":\"B013UFPODY\","
                      "\"position\":2},{\"id\":\"B07SHS91DQ\",\"position\":3}]");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "attributes",
                      "{\"query_attributes\":{\"experiment_id\":\"12345\",\"total_hits\":2301,"
                      "\"page\":1},\"object_id_field\":\"sku\",\"query_response_id\":\"r-1\"}");
    assert_int_equal(kit->intake.counts.schema_violations, 0);
}

static void samples__are_accepted_in_every_shape(void **state)
{
    static const char *const queries[] = {"query.json", "query-in-search-body.json",
                                          "query-in-solr-params.json"};
    static const char *const events[] = {"event-page-exit.json", "event-plugin-click.json"};
    struct intake_kit *kit = *state;

    for (size_t i = 0; i < 3; i++) {
        struct hs_buf sample = fixture(queries[i]);

        accept_query(kit, hs_buf_cstr(&sample));
        hs_buf_fini(&sample);
    }
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "query", "\"RAM memory\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "query_id", "\"solr-1\"");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "service", "\"ubi\"");
    for (size_t i = 0; i < 2; i++) {
        struct hs_buf sample = fixture(events[i]);

        accept_event(kit, hs_buf_cstr(&sample));
        hs_buf_fini(&sample);
    }
    assert_int_equal(kit->intake.topics[HS_TOPIC_RESULTS].n, 2);
}

static void plugin_click__keeps_object_position_and_all_attributes(void **state)
{
    struct intake_kit *kit = *state;
    struct hs_buf sample = fixture("event-plugin-click.json");

    accept_event(kit, hs_buf_cstr(&sample));
    hs_buf_fini(&sample);
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "action", "\"click\"");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "objects", "[{\"id\":\"4711\",\"position\":3}]");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "timestamp", "1700000002000000");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "message", "\"Laser Toner\"");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "query", "\"Laser Toner\"");
    intake_kit_expect(
        kit, HS_TOPIC_RESULTS, "attributes",
        "{\"message_type\":\"CLICK_THROUGH\",\"event_attributes\":{\"position\":{\"ordinal\":3,"
        "\"x\":220,\"y\":540,\"page_depth\":1,\"scroll_depth\":300,\"trail\":\"a>b\"},\"object\":{"
        "\"object_id\":4711,\"object_id_field\":\"sku\",\"internal_id\":\"9\",\"name\":\"Toner\"}"
        "}}");
    assert_int_equal(kit->intake.counts.schema_violations, 1); /* no zone */
}

static void hit_ids__empty_and_missing_differ(void **state)
{
    struct intake_kit *kit = *state;

    accept_query(kit, "{\"user_query\":\"q\",\"query_response_hit_ids\":[]}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "results", "[]");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "returned", "0");
    accept_query(kit, "{\"user_query\":\"q\"}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "results", NULL);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "returned", NULL);
}

static void body__may_be_an_object_an_array_or_lines(void **state)
{
    static const char *const bodies[] = {
        "[{\"user_query\":\"a\"},{\"user_query\":\"b\"}]",
        "{\"user_query\":\"a\"}\n{\"user_query\":\"b\"}\n",
        "\n {\"user_query\":\"a\"}\r\n\r\n{\"user_query\":\"b\"}",
    };
    struct intake_kit *kit = *state;

    for (size_t i = 0; i < 3; i++) {
        intake_kit_reset(kit);
        assert_int_equal(read_queries(kit, bodies[i]), HS_OK);
        assert_int_equal(kit->outcome.accepted, 2);
        assert_int_equal(kit->outcome.rejected, 0);
        intake_kit_expect(kit, HS_TOPIC_EVENTS, "query", "\"b\"");
    }
}

static void retried_query__has_the_same_id(void **state)
{
    static const char *const query =
        "{\"application\":\"shop\",\"query_id\":\"q1\",\"user_query\":\"a\"}";
    struct intake_kit *kit = *state;
    char first[37];

    accept_query(kit, query);
    accept_query(kit, query);
    assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 2);
    snprintf(first, sizeof(first), "%.36s",
             strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "event_id\":\"") + 11);
    assert_non_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 1), first));
    accept_query(kit, "{\"application\":\"other\",\"query_id\":\"q1\",\"user_query\":\"a\"}");
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 2), first));
    kit->rules.tenant = HS_STR("second");
    accept_query(kit, query);
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 3), first));
}

struct refusal_case {
    const char *in;
    const char *text;
};

static void missing_required_fields__are_refused(void **state)
{
    static const struct refusal_case events[] = {
        {"{}", "action_name is missing: an event needs it"},
        {"{\"action_name\":\"click\"}", "timestamp is missing: an event needs it"},
        {"{\"action_name\":\"\",\"timestamp\":\"2023-11-14T22:13:22Z\"}",
         "action_name is missing: an event needs it"},
        {"{\"action_name\":\"click\",\"timestamp\":null}",
         "timestamp is missing: an event needs it"},
        {"{\"action_name\":[],\"timestamp\":\"2023-11-14T22:13:22Z\"}",
         "action_name is an array, must be a string"},
        {"[[]]", "the document is an array, must be an object"},
    };
    struct intake_kit *kit = *state;

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        assert_int_equal(read_events(kit, events[i].in), HS_OK);
        assert_int_equal(kit->outcome.rejected, 1);
        assert_string_equal(kit->outcome.errors[0].detail, events[i].text);
    }
    assert_int_equal(read_queries(kit, "{\"query_id\":\"x\"}"), HS_OK);
    assert_string_equal(kit->outcome.errors[0].detail, "user_query is missing: a query needs it");
    assert_string_equal(kit->outcome.errors[0].code, "missing_field");
    assert_int_equal(read_events(kit, "{\n  // TBD\n}\n"), HS_EINVAL);
    assert_int_equal(kit->err.sys, HS_REFUSED_JSON);
    assert_int_equal(kit->intake.counts.accepted, 0);
    assert_int_equal(kit->intake.counts.schema_violations, 0);
}

#define CLICK(rest) "{\"action_name\":\"click\",\"timestamp\":\"2023-11-14T22:13:22Z\"," rest "}"

static void other_violations__are_accepted_and_counted(void **state)
{
    static const char *const events[] = {
        CLICK("\"client_id\":7"),
        CLICK("\"client_id\":{\"a\":1}"),
        CLICK("\"event_attributes\":{\"position\":{}}"),
        CLICK("\"event_attributes\":{\"position\":{\"ordinal\":\"x\"}}"),
        CLICK("\"event_attributes\":{\"position\":{\"ordinal\":1},\"object\":{}}"),
        CLICK("\"event_attributes\":7"),
        "{\"action_name\":\"click\",\"timestamp\":\"2023-11-14T22:13:22\"}",
        "{\"action_name\":\"click\",\"timestamp\":1700000000}",
        "{\"action_name\":\"click\",\"timestamp\":\"yesterday\"}",
        "{\"action_name\":5,\"timestamp\":\"2023-11-14T22:13:22Z\"}",
    };
    static const char *const good[] = {
        CLICK("\"user_id\":null"),
        CLICK("\"event_attributes\":{\"position\":{\"ordinal\":0}}"),
        CLICK("\"event_attributes\":{\"position\":{\"xy\":{\"x\":1.5,\"y\":2}}}"),
        CLICK("\"page_id\":\"x\",\"extra_info\":[1]"),
    };
    struct intake_kit *kit = *state;
    size_t n = sizeof(events) / sizeof(events[0]);

    for (size_t i = 0; i < n; i++) {
        accept_event(kit, events[i]);
        assert_int_equal(kit->intake.counts.schema_violations, i + 1);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        accept_event(kit, good[i]);
    assert_int_equal(kit->intake.counts.schema_violations, n);
}

static void unreadable_timestamp__is_kept_beside_the_receive_time(void **state)
{
    struct intake_kit *kit = *state;

    accept_event(kit, "{\"action_name\":\"click\",\"timestamp\":\"yesterday\"}");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "timestamp", "1700000000000000");
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "attributes", "{\"timestamp\":\"yesterday\"}");
}

static void wrong_types__are_kept_as_attributes(void **state)
{
    struct intake_kit *kit = *state;

    accept_query(kit, "{\"user_query\":\"q\",\"client_id\":[1],\"query_response_hit_ids\":\"x\"}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "client_id", NULL);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "results", NULL);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "attributes",
                      "{\"client_id\":[1],\"query_response_hit_ids\":\"x\"}");
    accept_query(kit, "{\"user_query\":\"q\",\"query_response_hit_ids\":[1,\"b\\\"\"]}");
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "results",
                      "[{\"id\":\"1\",\"position\":1},{\"id\":\"b\\\"\",\"position\":2}]");
}

static void texts__are_redacted(void **state)
{
    struct intake_kit *kit = *state;

    accept_query(kit, "{\"user_query\":\"to ann@example.com\",\"query_attributes\":{\"f\":"
                      "\"ann@example.com\"}}");
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_EVENTS, 0), "example.com"));
    accept_event(kit, CLICK("\"message\":\"ann@example.com\",\"event_attributes\":{\"position\":{"
                            "\"ordinal\":1},\"object\":{\"object_id\":\"1\",\"description\":"
                            "\"by ann@example.com\"}}"));
    assert_null(strstr(intake_kit_value(kit, HS_TOPIC_RESULTS, 0), "example.com"));
}

static void orphan_click__is_accepted(void **state)
{
    struct intake_kit *kit = *state;

    accept_event(kit, CLICK("\"event_attributes\":{\"position\":{\"ordinal\":2},\"object\":{"
                            "\"object_id\":\"p1\"}}"));
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "query_id", NULL);
    intake_kit_expect(kit, HS_TOPIC_RESULTS, "objects", "[{\"id\":\"p1\",\"position\":2}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTAKE_TEST(query__becomes_a_search),
        INTAKE_TEST(samples__are_accepted_in_every_shape),
        INTAKE_TEST(plugin_click__keeps_object_position_and_all_attributes),
        INTAKE_TEST(hit_ids__empty_and_missing_differ),
        INTAKE_TEST(body__may_be_an_object_an_array_or_lines),
        INTAKE_TEST(retried_query__has_the_same_id),
        INTAKE_TEST(missing_required_fields__are_refused),
        INTAKE_TEST(other_violations__are_accepted_and_counted),
        INTAKE_TEST(unreadable_timestamp__is_kept_beside_the_receive_time),
        INTAKE_TEST(wrong_types__are_kept_as_attributes),
        INTAKE_TEST(texts__are_redacted),
        INTAKE_TEST(orphan_click__is_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
