/* Which spans are searches, what their events say, and which of them count as executions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/enrich.h"
#include "support/otlp_kit.h"

#define EDGE "00000000000000e1"
#define MIDDLE "00000000000000e2"
#define ENGINE "00000000000000e3"
#define OUTSIDE "00000000000000ff"

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

static void edge_span(struct otlp_kit *kit, const char *span_id, const char *parent_id,
                      const char *query_id)
{
    otlp_span(kit, &(struct otlp_span){.span_id = span_id,
                                       .parent_id = parent_id,
                                       .kind = HS_OTLP_KIND_SERVER,
                                       .duration_ms = 42});
    otlp_attr(kit, "search.query.text", "red shoes");
    if (query_id)
        otlp_attr(kit, "search.query.id", query_id);
}

static void engine_span(struct otlp_kit *kit, const char *span_id, const char *parent_id)
{
    otlp_span(kit, &(struct otlp_span){.span_id = span_id,
                                       .parent_id = parent_id,
                                       .name = "search products",
                                       .kind = HS_OTLP_KIND_CLIENT,
                                       .duration_ms = 20});
    otlp_attr(kit, "db.system.name", "elasticsearch");
    otlp_attr(kit, "db.operation.name", "search");
}

static void plain_span(struct otlp_kit *kit, const char *span_id, const char *parent_id)
{
    otlp_span(kit, &(struct otlp_span){.span_id = span_id, .parent_id = parent_id});
}

static void expect_str(const struct otlp_kit *kit, size_t index, const char *key, const char *value)
{
    yyjson_doc *event = otlp_event(kit, index);

    assert_string_equal(otlp_event_str(event, key), value);
    yyjson_doc_free(event);
}

static void expect_num(const struct otlp_kit *kit, size_t index, const char *key, double value)
{
    yyjson_doc *event = otlp_event(kit, index);
    yyjson_val *number = yyjson_obj_get(yyjson_doc_get_root(event), key);

    if (!yyjson_is_num(number) || yyjson_get_num(number) != value)
        fail_msg("%s is %g, wanted %g", key, yyjson_get_num(number), value);
    yyjson_doc_free(event);
}

/* The member as JSON text. */
static void expect_json(const struct otlp_kit *kit, size_t index, const char *key, const char *text)
{
    yyjson_doc *event = otlp_event(kit, index);
    char *json = yyjson_val_write(yyjson_obj_get(yyjson_doc_get_root(event), key), 0, NULL);

    if (!json || strcmp(json, text) != 0)
        fail_msg("%s is %s, wanted %s", key, json ? json : "absent", text);
    free(json);
    yyjson_doc_free(event);
}

static void search__is_told_by_the_attributes(void **state)
{
    static const struct {
        const char *keys[2], *values[2];
        int events;
    } cases[] = {
        {{"db.system.name", "db.operation.name"}, {"elasticsearch", "search"}, 1},
        {{"db.system", "db.operation"}, {"opensearch", "msearch"}, 1},
        {{"db.system.name", "db.operation.name"}, {"OpenSearch", "_search"}, 1},
        {{"db.system.name", "db.operation.name"}, {"elasticsearch", "knn_search"}, 1},
        {{"db.system.name", "db.operation.name"}, {"solr", "select"}, 1},
        {{"db.system.name", "db.operation.name"}, {"elasticsearch", "bulk"}, 0},
        {{"db.system.name", "db.operation.name"}, {"elasticsearch", "index"}, 0},
        {{"db.system.name", "db.operation.name"}, {"elasticsearch", "get"}, 0},
        {{"db.system.name", "db.operation.name"}, {"elasticsearch", "count"}, 0},
        {{"db.system.name", "db.operation.name"}, {"postgresql", "search"}, 0},
        {{"db.system.name", NULL}, {"elasticsearch", NULL}, 0},
        {{"search.query.text", NULL}, {"shoes", NULL}, 1},
        {{"search.query.id", NULL}, {"q1", NULL}, 1},
        {{"ubi.user_query", NULL}, {"shoes", NULL}, 1},
        {{"ubi.query_id", NULL}, {"q1", NULL}, 1},
        {{"search.phase", "search.query.id"}, {"rank", "q1"}, 0},
        {{"search.application", "search.user.id"}, {"shop", "u"}, 0},
        {{"ubi.session_id", NULL}, {"s", NULL}, 0},
        {{"gen_ai.operation.name", NULL}, {"retrieval", NULL}, 1},
        {{"gen_ai.operation.name", NULL}, {"chat", NULL}, 0},
        {{"searching", "dbx"}, {"x", "y"}, 0},
    };
    struct otlp_kit *kit = *state;
    size_t i, j;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        otlp_again(kit);
        plain_span(kit, EDGE, NULL);
        for (j = 0; j < 2 && cases[i].keys[j]; j++)
            otlp_attr(kit, cases[i].keys[j], cases[i].values[j]);
        otlp_read_traces(kit);
        if ((int)otlp_messages_n(kit, HS_TOPIC_EVENTS) != cases[i].events)
            fail_msg("case %zu (%s=%s): %zu events", i, cases[i].keys[0], cases[i].values[0],
                     otlp_messages_n(kit, HS_TOPIC_EVENTS));
        assert_int_equal(kit->out.searches, cases[i].events);
        assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 1);
    }
}

static void event__has_what_the_resource_and_the_span_say(void **state)
{
    static const char *const ids[] = {"p1", "p2", NULL};
    struct otlp_kit *kit = *state;

    otlp_resource(kit, "search-api");
    otlp_attr(kit, "service.version", "1.4.2");
    otlp_attr(kit, "deployment.environment.name", "prod");
    otlp_attr(kit, "deployment.environment", "old");
    otlp_attr(kit, "host.name", "web-1");
    otlp_attr(kit, "cloud.region", "eu-west-1");
    edge_span(kit, EDGE, NULL, "q-1");
    otlp_attr(kit, "search.application", "shop");
    otlp_attr_int(kit, "search.hits.total", 120);
    otlp_attr_double(kit, "search.took_ms", 12.5);
    otlp_attr_array(kit, "search.result.ids", ids);
    otlp_attr_int(kit, "search.page.offset", 20);
    otlp_attr_bool(kit, "search.cache.hit", true);
    otlp_attr_int(kit, "search.shards.total", 5);
    otlp_attr_int(kit, "search.shards.failed", 0);
    otlp_attr(kit, "search.experiment.id", "e1");
    otlp_attr(kit, "search.experiment.variant", "b");
    otlp_attr(kit, "search.index.name", "products");
    otlp_attr(kit, "search.index.version", "7");
    otlp_attr(kit, "search.ranker.version", "ltr-3");
    otlp_attr(kit, "search.kind", "autosuggest");
    otlp_attr(kit, "search.query.class", "head");
    otlp_read_traces(kit);

    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_EVENTS), 1);
    expect_str(kit, 0, "event_type", "search");
    expect_str(kit, 0, "source", "span");
    expect_str(kit, 0, "service", "search-api");
    expect_str(kit, 0, "application", "shop");
    expect_str(kit, 0, "version", "1.4.2");
    expect_str(kit, 0, "environment", "prod");
    expect_str(kit, 0, "host", "web-1");
    expect_str(kit, 0, "region", "eu-west-1");
    expect_str(kit, 0, "query_id", "q-1");
    expect_str(kit, 0, "parent_query_id", "");
    expect_str(kit, 0, "trace_id", OTLP_TRACE);
    expect_str(kit, 0, "span_id", EDGE);
    expect_str(kit, 0, "tier", "edge");
    expect_str(kit, 0, "kind", "autosuggest");
    expect_str(kit, 0, "query", "red shoes");
    expect_str(kit, 0, "status", "ok");
    expect_str(kit, 0, "index", "products");
    expect_str(kit, 0, "index_version", "7");
    expect_str(kit, 0, "ranker", "ltr-3");
    expect_num(kit, 0, "latency_ms", 42);
    expect_num(kit, 0, "took_ms", 12.5);
    expect_num(kit, 0, "total_hits", 120);
    expect_num(kit, 0, "returned", 2);
    expect_num(kit, 0, "timestamp", (double)(OTLP_START_NS / 1000));
    expect_json(kit, 0, "cache_hit", "true");
    expect_json(kit, 0, "results",
                "[{\"id\":\"p1\",\"position\":21},{\"id\":\"p2\",\"position\":22}]");
    expect_json(kit, 0, "shards", "{\"total\":5,\"failed\":0}");
    expect_json(kit, 0, "experiments", "[{\"id\":\"e1\",\"variant\":\"b\"}]");
    expect_json(kit, 0, "attributes", "{\"search.query.class\":\"head\"}");
}

static void event__reads_ubi_and_older_names(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_resource(kit, NULL);
    otlp_attr(kit, "deployment.environment", "dev");
    plain_span(kit, EDGE, NULL);
    otlp_attr(kit, "ubi.query_id", "u-1");
    otlp_attr(kit, "ubi.user_query", "hat");
    otlp_attr(kit, "ubi.application", "portal");
    otlp_attr(kit, "ubi.client_id", "c-1");
    otlp_attr_int(kit, "http.status_code", 200);
    otlp_read_traces(kit);
    expect_str(kit, 0, "service", "unknown_service");
    expect_str(kit, 0, "environment", "dev");
    expect_str(kit, 0, "query_id", "u-1");
    expect_str(kit, 0, "query", "hat");
    expect_str(kit, 0, "application", "portal");
    assert_false(otlp_holds(kit, "c-1"));
}

static void event__of_a_retrieval_has_kind_and_documents(void **state)
{
    struct otlp_kit *kit = *state;

    plain_span(kit, EDGE, NULL);
    otlp_attr(kit, "gen_ai.operation.name", "retrieval");
    otlp_attr(kit, "gen_ai.data_source.id", "kb");
    otlp_attr_int(kit, "gen_ai.request.top_k", 5);
    otlp_attr(kit, "gen_ai.retrieval.query.text", "how to");
    otlp_attr(kit, "gen_ai.retrieval.documents", "[{\"id\":\"d1\",\"score\":0.5},{\"id\":7},{}]");
    otlp_read_traces(kit);
    expect_str(kit, 0, "kind", "retrieval");
    expect_str(kit, 0, "index", "kb");
    expect_str(kit, 0, "query", "how to");
    expect_num(kit, 0, "page_size", 5);
    expect_json(kit, 0, "results",
                "[{\"id\":\"d1\",\"position\":1,\"score\":0.5},{\"id\":\"7\",\"position\":2}]");
}

static void event__status_follows_the_span(void **state)
{
    static const struct {
        int kind, status;
        const char *key, *value;
        int number;
        const char *expected;
    } cases[] = {
        {HS_OTLP_KIND_SERVER, 0, NULL, NULL, 0, "ok"},
        {HS_OTLP_KIND_SERVER, HS_OTLP_STATUS_ERROR, NULL, NULL, 0, "error"},
        {HS_OTLP_KIND_SERVER, 0, "http.response.status_code", NULL, 404, "ok"},
        {HS_OTLP_KIND_CLIENT, 0, "http.response.status_code", NULL, 404, "error"},
        {HS_OTLP_KIND_SERVER, 0, "http.response.status_code", NULL, 503, "error"},
        {HS_OTLP_KIND_SERVER, 0, "http.response.status_code", NULL, 504, "timeout"},
        {HS_OTLP_KIND_CLIENT, 0, "db.response.status_code", "200", 0, "ok"},
        {HS_OTLP_KIND_CLIENT, 0, "db.response.status_code", "429", 0, "error"},
        {HS_OTLP_KIND_CLIENT, 0, "error.type", "ConnectionTimeout", 0, "timeout"},
        {HS_OTLP_KIND_CLIENT, 0, "error.type", "context canceled", 0, "cancelled"},
        {HS_OTLP_KIND_CLIENT, HS_OTLP_STATUS_OK, "error.type", "x", 0, "ok"},
        {HS_OTLP_KIND_SERVER, 0, "search.timed_out", "true", 0, "timeout"},
        {HS_OTLP_KIND_SERVER, 0, "search.shards.failed", NULL, 2, "partial"},
        {HS_OTLP_KIND_SERVER, 0, "search.status", "cancelled", 0, "cancelled"},
        {HS_OTLP_KIND_SERVER, 0, "search.status", "no such word", 0, "ok"},
    };
    struct otlp_kit *kit = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        yyjson_doc *event;

        otlp_again(kit);
        otlp_span(kit, &(struct otlp_span){.kind = cases[i].kind, .status = cases[i].status});
        otlp_attr(kit, "search.query.text", "shoes");
        if (cases[i].value)
            otlp_attr(kit, cases[i].key, cases[i].value);
        else if (cases[i].key)
            otlp_attr_int(kit, cases[i].key, cases[i].number);
        otlp_read_traces(kit);
        event = otlp_event(kit, 0);
        if (strcmp(otlp_event_str(event, "status"), cases[i].expected) != 0)
            fail_msg("case %zu: %s", i, otlp_event_str(event, "status"));
        yyjson_doc_free(event);
    }
}

static void event__of_a_failure_has_the_error_redacted(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_span(kit,
              &(struct otlp_span){.kind = HS_OTLP_KIND_SERVER, .status = HS_OTLP_STATUS_ERROR});
    otlp_attr(kit, "search.query.text", "mail to jane.roe@example.com");
    otlp_attr_int(kit, "http.response.status_code", 500);
    otlp_exception(kit, "IllegalState", "no user jane.roe@example.com", "at Main.java:1");
    otlp_read_traces(kit);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_ERRORS), 1);
    expect_json(kit, 0, "error",
                "{\"code\":\"500\",\"type\":\"IllegalState\",\"message\":\"no user [email]\","
                "\"stack\":\"at Main.java:1\"}");
    expect_str(kit, 0, "query", "mail to [email]");
    assert_false(otlp_holds(kit, "jane.roe"));
}

static void event__id_is_the_spans_own(void **state)
{
    struct otlp_kit *kit = *state;
    yyjson_doc *first, *again;

    edge_span(kit, EDGE, NULL, NULL);
    edge_span(kit, MIDDLE, NULL, NULL);
    edge_span(kit, EDGE, NULL, NULL);
    otlp_read_traces(kit);
    first = otlp_event(kit, 0);
    again = otlp_event(kit, 2);
    assert_int_equal(strlen(otlp_event_str(first, "event_id")), 32);
    assert_string_equal(otlp_event_str(first, "event_id"), otlp_event_str(again, "event_id"));
    assert_string_equal(otlp_event_str(first, "query_id"), OTLP_TRACE "-" EDGE);
    yyjson_doc_free(again);
    again = otlp_event(kit, 1);
    assert_string_not_equal(otlp_event_str(first, "event_id"), otlp_event_str(again, "event_id"));
    yyjson_doc_free(first);
    yyjson_doc_free(again);
}

static void engine_span__below_an_edge_search_is_no_execution(void **state)
{
    struct otlp_kit *kit = *state;

    engine_span(kit, ENGINE, MIDDLE); /* children end first */
    plain_span(kit, MIDDLE, EDGE);
    edge_span(kit, EDGE, OUTSIDE, "q-1");
    otlp_read_traces(kit);
    assert_int_equal(kit->out.searches, 2);
    assert_int_equal(kit->out.searches_nested, 1);
    expect_str(kit, 0, "tier", "engine");
    expect_str(kit, 0, "parent_query_id", "q-1");
    expect_str(kit, 1, "tier", "edge");
    expect_str(kit, 1, "parent_query_id", "");
}

static void engine_span__takes_the_nearest_search_above(void **state)
{
    struct otlp_kit *kit = *state;

    edge_span(kit, EDGE, NULL, "outer");
    edge_span(kit, MIDDLE, EDGE, NULL);
    engine_span(kit, ENGINE, MIDDLE);
    otlp_read_traces(kit);
    expect_str(kit, 0, "parent_query_id", "");
    expect_str(kit, 1, "parent_query_id", "outer");
    expect_str(kit, 2, "parent_query_id", OTLP_TRACE "-" MIDDLE);
}

static void engine_span__with_its_parent_elsewhere_belongs_to_the_trace(void **state)
{
    struct otlp_kit *kit = *state;

    engine_span(kit, ENGINE, OUTSIDE);
    otlp_read_traces(kit);
    expect_str(kit, 0, "parent_query_id", OTLP_TRACE);
    assert_int_equal(kit->out.searches_nested, 1);
}

static void engine_span__counts_when_nothing_is_above_it(void **state)
{
    struct otlp_kit *kit = *state;

    engine_span(kit, ENGINE, NULL); /* the root itself */
    otlp_read_traces(kit);
    expect_str(kit, 0, "parent_query_id", "");
    otlp_again(kit);
    plain_span(kit, EDGE, NULL); /* the way to the root is in the request */
    engine_span(kit, ENGINE, EDGE);
    otlp_read_traces(kit);
    expect_str(kit, 0, "parent_query_id", "");
    expect_str(kit, 0, "tier", "engine");
}

static void tier__said_by_the_resource_or_the_span_is_taken(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_resource(kit, "api");
    otlp_attr(kit, "search.tier", "edge");
    engine_span(kit, ENGINE, OUTSIDE);
    otlp_read_traces(kit);
    expect_str(kit, 0, "tier", "edge");
    expect_str(kit, 0, "parent_query_id", "");
    otlp_again(kit);
    edge_span(kit, EDGE, OUTSIDE, "q-1");
    otlp_attr(kit, "search.tier", "engine");
    otlp_read_traces(kit);
    expect_str(kit, 0, "tier", "engine");
    expect_str(kit, 0, "parent_query_id", OTLP_TRACE);
}

static void parent_query_id__given_is_taken(void **state)
{
    struct otlp_kit *kit = *state;

    edge_span(kit, EDGE, OUTSIDE, "q-2");
    otlp_attr(kit, "search.parent_query.id", "q-1");
    otlp_read_traces(kit);
    expect_str(kit, 0, "parent_query_id", "q-1");
}

static void ancestors__that_go_round_in_a_circle_end(void **state)
{
    struct otlp_kit *kit = *state;

    engine_span(kit, ENGINE, EDGE);
    plain_span(kit, EDGE, MIDDLE);
    plain_span(kit, MIDDLE, EDGE);
    otlp_read_traces(kit);
    expect_str(kit, 0, "parent_query_id", OTLP_TRACE);
    otlp_again(kit);
    engine_span(kit, ENGINE, ENGINE);
    otlp_read_traces(kit);
    expect_str(kit, 0, "parent_query_id", OTLP_TRACE);
}

static void event__ids_of_persons_are_those_of_native_events(void **state)
{
    struct otlp_kit *kit = *state;
    char pseudonym[HS_PSEUDONYM_TEXT + 1] = "";

    edge_span(kit, EDGE, NULL, "q");
    otlp_attr(kit, "user.id", "customer-4711");
    otlp_read_traces(kit);
    hs_pseudonym(kit->rules.pseudonym_key, HS_STR("customer-4711"), pseudonym);
    expect_str(kit, 0, "user_id", pseudonym);
    assert_false(otlp_holds(kit, "customer-4711"));
}

static void event__that_is_refused_leaves_the_span(void **state)
{
    struct otlp_kit *kit = *state;

    otlp_span(kit, &(struct otlp_span){.duration_ms = 86400001});
    otlp_attr(kit, "search.query.text", "shoes");
    otlp_read_traces(kit);
    assert_int_equal(kit->out.accepted, 1);
    assert_int_equal(kit->out.rejected, 0);
    assert_int_equal(kit->out.searches_refused, 1);
    assert_non_null(strstr(kit->out.message, "latency_ms is 86400001"));
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_SPANS), 1);
    assert_int_equal(otlp_messages_n(kit, HS_TOPIC_EVENTS), 0);
}

static void event__leaves_out_values_that_do_not_fit(void **state)
{
    struct otlp_kit *kit = *state;
    yyjson_doc *event;
    yyjson_val *root;

    edge_span(kit, EDGE, NULL, "q");
    otlp_attr_int(kit, "search.hits.total", -1);
    otlp_attr(kit, "search.took_ms", "soon");
    otlp_attr(kit, "search.cache.hit", "perhaps");
    otlp_attr(kit, "search.result.ids", "not a list");
    otlp_attr(kit, "search.kind", "guess");
    otlp_read_traces(kit);
    event = otlp_event(kit, 0);
    root = yyjson_doc_get_root(event);
    assert_null(yyjson_obj_get(root, "total_hits"));
    assert_null(yyjson_obj_get(root, "took_ms"));
    assert_null(yyjson_obj_get(root, "cache_hit"));
    assert_null(yyjson_obj_get(root, "results"));
    assert_string_equal(otlp_event_str(event, "kind"), "search");
    yyjson_doc_free(event);
}

/* Each such byte takes three as U+FFFD: a text that was cut before it was repaired grew beyond its
 * field's limit, and the loader could not load it. */
static void event__texts_that_are_not_utf8_are_repaired_within_their_limits(void **state)
{
    struct otlp_kit *kit = *state;
    char bytes[257] = {0};
    yyjson_doc *event;
    const char *text;

    memset(bytes, 0xff, sizeof(bytes) - 1);
    edge_span(kit, EDGE, NULL,
              "a\xff"
              "b");
    otlp_attr(kit, "search.application", bytes);
    otlp_read_traces(kit);
    event = otlp_event(kit, 0);
    assert_string_equal(otlp_event_str(event, "query_id"), "a\xEF\xBF\xBD"
                                                           "b");
    text = otlp_event_str(event, "application");
    assert_int_equal(strlen(text), 255);
    assert_memory_equal(text, "\xEF\xBF\xBD\xEF\xBF\xBD", 6);
    yyjson_doc_free(event);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(search__is_told_by_the_attributes),
        TEST(event__has_what_the_resource_and_the_span_say),
        TEST(event__reads_ubi_and_older_names),
        TEST(event__of_a_retrieval_has_kind_and_documents),
        TEST(event__status_follows_the_span),
        TEST(event__of_a_failure_has_the_error_redacted),
        TEST(event__id_is_the_spans_own),
        TEST(engine_span__below_an_edge_search_is_no_execution),
        TEST(engine_span__takes_the_nearest_search_above),
        TEST(engine_span__with_its_parent_elsewhere_belongs_to_the_trace),
        TEST(engine_span__counts_when_nothing_is_above_it),
        TEST(tier__said_by_the_resource_or_the_span_is_taken),
        TEST(parent_query_id__given_is_taken),
        TEST(ancestors__that_go_round_in_a_circle_end),
        TEST(event__ids_of_persons_are_those_of_native_events),
        TEST(event__that_is_refused_leaves_the_span),
        TEST(event__leaves_out_values_that_do_not_fit),
        TEST(event__texts_that_are_not_utf8_are_repaired_within_their_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
