/* The collector over real HTTP requests: what is acknowledged is in the stream. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "base/mem.h"
#include "collector/collector_int.h"
#include "support/ingest_fixture.h"

#define JSON "Content-Type: application/json\r\n"
#define NDJSON "Content-Type: application/x-ndjson\r\n"
#define PROTOBUF "Content-Type: application/x-protobuf\r\n"
#define SEARCH(id) "{\"event_id\":\"" id "\",\"service\":\"web\",\"query\":\"toner\"}"
#define PAGE "Origin: https://shop.example\r\n"

static int setup(void **state)
{
    *state = ingest_fixture_new();
    return 0;
}

static int teardown(void **state)
{
    ingest_fixture_free(*state);
    return 0;
}

static void expect(struct raw_reply reply, int status, const char *word)
{
    if (reply.status != status || (word && !strstr(reply.body, word)))
        fail_msg("status %d, expected %d with \"%s\": %s", reply.status, status, word ? word : "",
                 reply.body);
    raw_reply_free(&reply);
}

static void expect_header(struct raw_reply reply, int status, const char *name, const char *value)
{
    char got[200] = "";

    assert_int_equal(reply.status, status);
    raw_header(&reply, name, got, sizeof(got));
    assert_string_equal(got, value);
    raw_reply_free(&reply);
}

static void expect_in_stream(struct ingest_fixture *f, enum hs_topic topic, const char *text)
{
    size_t n;
    char *messages = ingest_fixture_messages(f, topic, &n);

    if (!strstr(messages, text))
        fail_msg("\"%s\" is not among %zu messages: %s", text, n, messages);
    hs_free(messages);
}

/* Headers of a request with a key. The result is of the call before the next. */
static const char *with_key(const char *key, const char *headers)
{
    static char text[600];

    snprintf(text, sizeof(text), "Authorization: Bearer %s\r\n%s", key, headers);
    return text;
}

static const char *with_url_key(const char *target, const char *key)
{
    static char text[300];

    snprintf(text, sizeof(text), "%s?key=%s", target, key);
    return text;
}

static void event__acknowledged_is_in_the_stream(void **state)
{
    struct ingest_fixture *f = *state;

    ingest_fixture_start(f);
    expect(ingest_post(f->address, "/api/v1/telemetry/event", JSON, SEARCH("e-1")), 202,
           "{\"event_id\":\"e-1\"}");
    expect_in_stream(f, HS_TOPIC_EVENTS, "\"e-1\"");
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_EVENTS), 1);
}

static void ways_in__each_reaches_its_topic(void **state)
{
    static const struct {
        const char *target, *headers, *body;
        int status;
        const char *answer;
        enum hs_topic topic;
        const char *message;
    } cases[] = {
        {"/api/v1/telemetry/batch", JSON, "[" SEARCH("b-1") ",{\"service\":5}]", 202,
         "\"accepted\":1,\"rejected\":1", HS_TOPIC_EVENTS, "b-1"},
        {"/api/v1/telemetry/batch", JSON, "{\"events\":[" SEARCH("b-2") "]}", 202, "\"accepted\":1",
         HS_TOPIC_EVENTS, "b-2"},
        {"/api/v1/telemetry/batch", NDJSON, SEARCH("b-3") "\n" SEARCH("b-4") "\n", 202,
         "\"accepted\":2", HS_TOPIC_EVENTS, "b-4"},
        {"/api/v1/telemetry/ndjson", NDJSON, SEARCH("n-1") "\n", 202, "\"accepted\":1",
         HS_TOPIC_EVENTS, "n-1"},
        {"/api/v1/telemetry/event", JSON,
         "{\"event_type\":\"error\",\"event_id\":\"x-1\",\"service\":\"web\",\"query\":\"a\","
         "\"error\":{\"code\":\"E1\"}}",
         202, "x-1", HS_TOPIC_ERRORS, "x-1"},
        {"/ubi_queries", JSON,
         "{\"application\":\"shop\",\"query_id\":\"u-1\",\"user_query\":\"q\"}", 202,
         "\"accepted\":1", HS_TOPIC_EVENTS, "u-1"},
        {"/ubi_events", JSON,
         "{\"application\":\"shop\",\"action_name\":\"click\",\"timestamp\":1700000000,\"query_"
         "id\":\"u-2\"}",
         202, "\"accepted\":1", HS_TOPIC_RESULTS, "u-2"},
        {"/_bulk", NDJSON,
         "{\"index\":{\"_index\":\"ubi_queries\"}}\n"
         "{\"application\":\"shop\",\"query_id\":\"u-3\",\"user_query\":\"q\"}\n",
         200, "\"errors\":false", HS_TOPIC_EVENTS, "u-3"},
        {"/ubi_events/_bulk", NDJSON,
         "{\"create\":{}}\n{\"application\":\"shop\",\"action_name\":\"click\",\"timestamp\":"
         "1700000000,\"query_id\":\"u-"
         "4\"}\n",
         200, "\"errors\":false", HS_TOPIC_RESULTS, "u-4"},
    };
    struct ingest_fixture *f = *state;
    size_t i;

    ingest_fixture_start(f);
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        expect(ingest_post(f->address, cases[i].target, cases[i].headers, cases[i].body),
               cases[i].status, cases[i].answer);
        expect_in_stream(f, cases[i].topic, cases[i].message);
    }
}

static void post_file(struct ingest_fixture *f, const char *address, const char *target,
                      const char *headers, const char *path)
{
    struct raw_reply reply;
    struct raw_conn conn;
    struct hs_buf body;
    struct hs_err err;

    (void)f;
    hs_buf_init(&body, 8 << 20);
    assert_int_equal(hs_fs_read(path, &body, &err), HS_OK);
    raw_open(&conn, address);
    ingest_send(&conn, target, headers, body.p, body.n);
    reply = raw_read(&conn, false);
    raw_close(&conn);
    hs_buf_fini(&body);
    expect(reply, 200, NULL);
}

static void otlp__both_encodings_on_both_listeners(void **state)
{
    struct ingest_fixture *f = *state;
    size_t spans, logs;

    ingest_fixture_start(f);
    post_file(f, f->otlp, "/v1/traces", PROTOBUF, HS_TESTS_DIR "/data/otlp/sdk_js_traces.pb");
    spans = ingest_fixture_count(f, HS_TOPIC_SPANS);
    assert_true(spans > 0);
    post_file(f, f->address, "/v1/traces", JSON, HS_TESTS_DIR "/data/otlp/sdk_js_traces.json");
    assert_true(ingest_fixture_count(f, HS_TOPIC_SPANS) > spans);
    post_file(f, f->otlp, "/v1/logs", PROTOBUF, HS_TESTS_DIR "/data/otlp/sdk_js_logs.pb");
    logs = ingest_fixture_count(f, HS_TOPIC_LOGS);
    assert_true(logs > 0);
    post_file(f, f->address, "/v1/logs", JSON, HS_TESTS_DIR "/data/otlp/sdk_js_logs.json");
    assert_true(ingest_fixture_count(f, HS_TOPIC_LOGS) > logs);
    expect(ingest_post(f->otlp, "/api/v1/telemetry/event", JSON, SEARCH("e-1")), 404, NULL);
}

static void malformed__is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *target, *headers, *body;
        int status;
        const char *answer;
    } cases[] = {
        {"/api/v1/telemetry/event", JSON, "{", 400, "invalid_json"},
        {"/api/v1/telemetry/event", JSON, "{\"query\":\"a\"}", 422, "service"},
        {"/api/v1/telemetry/batch", JSON, "[{\"query\":\"a\"}]", 422, "\"accepted\":0"},
        {"/api/v1/telemetry/batch", JSON, "7", 400, "array"},
        {"/ubi_queries", JSON, "nothing", 400, "invalid_json"},
        {"/_bulk", NDJSON, "{\"index\":{\"_index\":\"ubi_queries\"}}\n", 400, "missing"},
        {"/v1/traces", PROTOBUF, "\xff\xff\xff", 400, NULL},
        {"/v1/traces", "Content-Type: application/xml\r\n", "<a/>", 415, NULL},
        {"/api/v1/telemetry/event", "Content-Type: text/plain\r\n", SEARCH("t"), 415, "text/plain"},
        {"/ubi_events", "", "{}", 415, "Content-Type is missing"},
        {"/ubi_events", "Content-Type: text/plain\r\n", "{}", 415, "browser keys"},
    };
    struct ingest_fixture *f = *state;
    size_t i;

    ingest_fixture_start(f);
    for (i = 0; i < HS_ARRAY_LEN(cases); i++)
        expect(ingest_post(f->address, cases[i].target, cases[i].headers, cases[i].body),
               cases[i].status, cases[i].answer);
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_EVENTS), 0);
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_SPANS), 0);
}

/* What the server refuses itself has the form that the route's clients read, too. */
static void errors__have_the_form_of_their_route(void **state)
{
    static const struct {
        const char *target, *headers, *body;
        int status;
        const char *type, *answer;
    } cases[] = {
        {"/api/v1/telemetry/event", JSON, "{", 400, "application/problem+json",
         "\"detail\":\"not J"},
        {"/api/v1/telemetry/event", "Content-Type: application/xml\r\n", "<a/>", 415,
         "application/problem+json", "which is no JSON"},
        {"/_bulk", NDJSON, "{", 400, "application/json", "\"root_cause\":[{\"type\":\"illegal_"},
        {"/_bulk", NDJSON "Content-Encoding: gzip\r\n", "no gzip", 400, "application/json",
         "\"root_cause\":[{\"type\":\"invalid_content_encoding\""},
        {"/_bulk", "Content-Type: text/plain\r\n", "{}", 415, "application/json", "\"root_cause\""},
        {"/_bulk", NDJSON "Accept: application/vnd.elasticsearch+json; compatible-with=9\r\n", "{",
         400, "application/vnd.elasticsearch+json;compatible-with=9", "\"root_cause\""},
        {"/v1/traces", JSON, "{", 400, "application/json", "{\"code\":3,\"message\":"},
        {"/v1/traces", JSON "Content-Encoding: gzip\r\n", "no gzip", 400, "application/json",
         "{\"code\":3,\"message\":"},
        {"/v1/traces", PROTOBUF "Content-Encoding: gzip\r\n", "no gzip", 400,
         "application/x-protobuf", "body is not valid gzip"},
        {"/v1/logs", "Content-Type: text/plain\r\n", "{}", 415, "application/json",
         "{\"code\":3,\"message\":"},
        {"/v1/logs", "", "{}", 415, "application/json", "Content-Type is missing"},
    };
    struct ingest_fixture *f = *state;
    struct raw_reply reply;
    char type[128];
    size_t i;

    ingest_fixture_start(f);
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        reply = ingest_post(f->address, cases[i].target, cases[i].headers, cases[i].body);
        assert_int_equal(reply.status, cases[i].status);
        assert_true(raw_header(&reply, "Content-Type", type, sizeof(type)));
        assert_string_equal(type, cases[i].type);
        if (!memmem(reply.body, reply.body_n, cases[i].answer, strlen(cases[i].answer)))
            fail_msg("case %zu: %s", i, reply.body);
        raw_reply_free(&reply);
    }
}

static void batch__limit_is_exact(void **state)
{
    struct ingest_fixture *f = *state;

    ingest_fixture_set(f, "ingest.batch_max", "2");
    ingest_fixture_start(f);
    expect(ingest_post(f->address, "/api/v1/telemetry/batch", JSON,
                       "[" SEARCH("1") "," SEARCH("2") "]"),
           202, "\"accepted\":2");
    expect(ingest_post(f->address, "/api/v1/telemetry/batch", JSON,
                       "[" SEARCH("3") "," SEARCH("4") "," SEARCH("5") "]"),
           413, "limit 2");
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_EVENTS), 2);
}

static void append_refused__is_503_with_retry_after(void **state)
{
    struct ingest_fixture *f = *state;

    ingest_fixture_start(f);
    stream_fault_arm(f->fault, STREAM_FAULT_APPEND, 1, 1);
    expect_header(ingest_post(f->address, "/api/v1/telemetry/event", JSON, SEARCH("e-1")), 503,
                  "Retry-After", "1");
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_EVENTS), 0);
    expect(ingest_post(f->address, "/api/v1/telemetry/event", JSON, SEARCH("e-1")), 202, NULL);
}

static void append_lost__is_503_in_each_way_in(void **state)
{
    static const struct {
        const char *target, *headers, *body;
    } cases[] = {
        {"/api/v1/telemetry/event", JSON, SEARCH("e-1")},
        {"/api/v1/telemetry/batch", JSON, "[" SEARCH("e-1") "]"},
        {"/_bulk", NDJSON,
         "{\"index\":{\"_index\":\"ubi_queries\"}}\n"
         "{\"application\":\"shop\",\"query_id\":\"u\",\"user_query\":\"q\"}\n"},
        {"/v1/traces", JSON,
         "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"a\",\"traceId\":"
         "\"0123456789abcdef0123456789abcdef\",\"spanId\":\"0123456789abcdef\"}]}]}]}"},
    };
    struct ingest_fixture *f = *state;
    size_t i;

    ingest_fixture_start(f);
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        stream_fault_arm(f->fault, STREAM_FAULT_DONE_LOST, 1, 1);
        expect_header(ingest_post(f->address, cases[i].target, cases[i].headers, cases[i].body),
                      503, "Retry-After", "1");
        stream_fault_arm(f->fault, STREAM_FAULT_NONE, 0, 0);
    }
}

/* A failed search goes into two topics: the answer is for both. */
static void append__one_topic_of_two_fails(void **state)
{
    static const char body[] =
        "{\"event_id\":\"f-1\",\"service\":\"web\",\"query\":\"a\",\"status\":\"error\"}";
    static const enum stream_fault faults[] = {STREAM_FAULT_APPEND, STREAM_FAULT_DONE_LOST,
                                               STREAM_FAULT_DONE_KEPT};
    struct ingest_fixture *f = *state;
    size_t i;
    unsigned which;

    ingest_fixture_start(f);
    for (i = 0; i < HS_ARRAY_LEN(faults); i++) {
        for (which = 1; which <= 2; which++) {
            stream_fault_arm(f->fault, faults[i], which, which);
            expect(ingest_post(f->address, "/api/v1/telemetry/event", JSON, body), 503,
                   "unavailable");
        }
    }
    stream_fault_arm(f->fault, STREAM_FAULT_NONE, 0, 0);
    expect(ingest_post(f->address, "/api/v1/telemetry/event", JSON, body), 202, NULL);
    expect_in_stream(f, HS_TOPIC_ERRORS, "f-1");
    expect_in_stream(f, HS_TOPIC_EVENTS, "f-1");
}

static void key__scope_decides(void **state)
{
    struct ingest_fixture *f = *state;
    char read[HS_KEY_TEXT_LEN + 1], ingest[HS_KEY_TEXT_LEN + 1], import[HS_KEY_TEXT_LEN + 1];

    ingest_fixture_set(f, "auth.mode", "keys");
    ingest_fixture_key(f, HS_SCOPE_READ, "", 0, read);
    ingest_fixture_key(f, HS_SCOPE_INGEST, "", 0, ingest);
    ingest_fixture_key(f, HS_SCOPE_IMPORT, "", 0, import);
    ingest_fixture_start(f);
    expect(ingest_post(f->address, "/api/v1/telemetry/event", JSON, SEARCH("1")), 401,
           "key_required");
    expect(ingest_post(f->address, "/api/v1/telemetry/event", with_key(read, JSON), SEARCH("2")),
           403, "scope_missing");
    expect(ingest_post(f->address, "/api/v1/telemetry/event", with_key(ingest, JSON), SEARCH("3")),
           202, NULL);
    expect(ingest_post(f->address, "/api/v1/telemetry/event?import=1", with_key(ingest, JSON),
                       SEARCH("4")),
           403, "scope_missing");
    expect(ingest_post(f->address, "/api/v1/telemetry/event?import=1", with_key(import, JSON),
                       SEARCH("5")),
           202, NULL);
    expect(ingest_post(f->address, with_url_key("/api/v1/telemetry/event", ingest), JSON,
                       SEARCH("6")),
           403, "key_in_url");
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_EVENTS), 2);
}

static void import__keeps_old_times(void **state)
{
    static const char old[] = "{\"event_id\":\"o-1\",\"service\":\"web\",\"query\":\"a\","
                              "\"timestamp\":%lld}";
    struct ingest_fixture *f = *state;
    long long then = hs_wall_ns(hs_clock_system()) / HS_NS_PER_S - 10 * 86400;
    char body[200], stamp[32];

    snprintf(body, sizeof(body), old, then);
    snprintf(stamp, sizeof(stamp), "%lld", then);
    ingest_fixture_start(f);
    expect(ingest_post(f->address, "/api/v1/telemetry/event?import=1", JSON, body), 202, NULL);
    expect_in_stream(f, HS_TOPIC_EVENTS, stamp);
}

static void rate__of_a_key_is_429_with_retry_after(void **state)
{
    struct ingest_fixture *f = *state;
    char key[HS_KEY_TEXT_LEN + 1];
    struct raw_reply reply;
    char wait[32];

    ingest_fixture_key(f, HS_SCOPE_INGEST, "", 2, key);
    ingest_fixture_start(f);
    expect(ingest_post(f->address, "/api/v1/telemetry/batch", with_key(key, JSON),
                       "[" SEARCH("1") "," SEARCH("2") "]"),
           202, NULL);
    reply = ingest_post(f->address, "/api/v1/telemetry/batch", with_key(key, JSON),
                        "[" SEARCH("3") "," SEARCH("4") "]");
    assert_int_equal(reply.status, 429);
    assert_true(raw_header(&reply, "Retry-After", wait, sizeof(wait)));
    assert_string_equal(wait, "1");
    assert_non_null(strstr(reply.body, "2 events a second"));
    raw_reply_free(&reply);
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_EVENTS), 2);
}

static void browser__key_writes_from_its_own_pages_only(void **state)
{
    struct ingest_fixture *f = *state;
    char key[HS_KEY_TEXT_LEN + 1];
    const char *const ways[] = {"/api/v1/telemetry/ndjson", "/_bulk", "/v1/traces"};
    struct raw_reply reply;
    size_t i;

    ingest_fixture_key(f, HS_SCOPE_BROWSER, "https://shop.example", 0, key);
    ingest_fixture_start(f);
    expect_header(
        ingest_post(
            f->address, with_url_key("/ubi_events", key), PAGE "Content-Type: text/plain\r\n",
            "{\"application\":\"shop\",\"action_name\":\"click\",\"timestamp\":1700000000}"),
        202, "Access-Control-Allow-Origin", "https://shop.example");
    expect(ingest_post(f->address, with_url_key("/ubi_events", key),
                       "Origin: https://evil.example\r\nContent-Type: text/plain\r\n", "{}"),
           403, "origin_not_allowed");
    expect(ingest_post(f->address, "/ubi_events", PAGE "Content-Type: text/plain\r\n", "{}"), 403,
           "cross_origin");
    for (i = 0; i < HS_ARRAY_LEN(ways); i++)
        expect(ingest_post(f->address, with_url_key(ways[i], key), JSON, "{}"), 403,
               "lacks the scope");
    reply = raw_ask(f->address, "OPTIONS /ubi_events HTTP/1.1\r\nHost: localhost\r\n" PAGE "\r\n");
    expect_header(reply, 204, "Access-Control-Allow-Methods", "POST");
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_RESULTS), 1);
}

/* What is malformed counts too, or the limit would be none. */
static void browser__address_has_its_own_rate(void **state)
{
    static const char click[] =
        "{\"application\":\"shop\",\"action_name\":\"click\",\"timestamp\":1700000000}";
    struct ingest_fixture *f = *state;
    char key[HS_KEY_TEXT_LEN + 1], server[HS_KEY_TEXT_LEN + 1];
    int i;

    ingest_fixture_set(f, "ingest.browser_rate", "0.01");
    ingest_fixture_key(f, HS_SCOPE_BROWSER, "https://shop.example", 0, key);
    ingest_fixture_key(f, HS_SCOPE_INGEST, "", 0, server);
    ingest_fixture_start(f);
    expect(ingest_post(f->address, with_url_key("/ubi_events", key), PAGE JSON, "{"), 400, NULL);
    expect_header(ingest_post(f->address, with_url_key("/ubi_events", key), PAGE JSON, click), 429,
                  "Retry-After", "100");
    for (i = 0; i < 3; i++)
        expect(ingest_post(f->address, "/ubi_events", with_key(server, JSON), click), 202, NULL);
}

static void batches__a_thousand_wait_at_once(void **state)
{
    enum { N = 1000 };
    struct ingest_fixture *f = *state;
    struct raw_conn *conns = hs_xcalloc(N, sizeof(*conns));
    struct rlimit limit;
    char body[200];
    size_t n;
    char *messages;
    int i;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = HS_MIN(limit.rlim_max, (rlim_t)4096);
    setrlimit(RLIMIT_NOFILE, &limit);
    ingest_fixture_start(f);
    ingest_fixture_hold(f);
    for (i = 0; i < N; i++) {
        snprintf(body, sizeof(body), "[" SEARCH("c-%d") "," SEARCH("d-%d") "]", i, i);
        raw_open(&conns[i], f->address);
        ingest_send(&conns[i], "/api/v1/telemetry/batch", JSON, body, strlen(body));
    }
    ingest_fixture_wait_held(f, N);
    ingest_fixture_release(f);
    for (i = 0; i < N; i++) {
        expect(raw_read(&conns[i], false), 202, "\"accepted\":2");
        raw_close(&conns[i]);
    }
    messages = ingest_fixture_messages(f, HS_TOPIC_EVENTS, &n);
    assert_int_equal(n, 2 * N);
    assert_non_null(strstr(messages, "\"c-999\""));
    assert_non_null(strstr(messages, "\"d-0\""));
    hs_free(messages);
    hs_free(conns);
}

/* A parsed body takes a dozen times its size. */
static void workplace__keeps_no_memory_of_a_large_body(void **state)
{
    enum { N = 2 << 20 };
    struct ingest_fixture *f = *state;
    char *body = hs_xalloc(N);
    struct raw_conn conn;

    ingest_fixture_start(f);
    ingest_fixture_hold(f);
    memset(body, ' ', N);
    memcpy(body, SEARCH("large"), strlen(SEARCH("large")));
    raw_open(&conn, f->address);
    ingest_send(&conn, "/api/v1/telemetry/event", JSON, body, N);
    ingest_fixture_wait_held(f, 1);
    ingest_fixture_release(f); /* answers and gives the workplace back in this thread */
    expect(raw_read(&conn, false), 202, "large");
    raw_close(&conn);
    assert_int_equal(f->collector->idle_n, 1);
    assert_true(f->collector->idle->intake.parser.cap <= HS_PARSER_KEEP_MAX);
    hs_free(body);
}

/* Nothing is acknowledged that was not: what waits at the end of a stop gets 503. */
static void stop__answers_what_waits(void **state)
{
    struct ingest_fixture *f = *state;
    struct raw_conn conns[20];
    struct raw_reply reply;
    size_t i;

    ingest_fixture_start(f);
    ingest_fixture_hold(f);
    for (i = 0; i < HS_ARRAY_LEN(conns); i++) {
        raw_open(&conns[i], f->address);
        ingest_send(&conns[i], "/api/v1/telemetry/event", JSON, SEARCH("s"), strlen(SEARCH("s")));
    }
    ingest_fixture_wait_held(f, HS_ARRAY_LEN(conns));
    hs_http_server_stop(f->server, 100);
    for (i = 0; i < HS_ARRAY_LEN(conns); i++) {
        reply = raw_read(&conns[i], false);
        assert_int_equal(reply.status, 503);
        raw_reply_free(&reply);
        raw_close(&conns[i]);
    }
    /* teardown closes the stream, whose acknowledgements come late, as in `haystat serve` */
}

static void client_gone__acknowledgement_comes_late(void **state)
{
    struct ingest_fixture *f = *state;
    struct raw_conn conn;
    int i;

    ingest_fixture_start(f);
    ingest_fixture_hold(f);
    for (i = 0; i < 10; i++) {
        raw_open(&conn, f->address);
        ingest_send(&conn, "/api/v1/telemetry/event", JSON, SEARCH("g"), strlen(SEARCH("g")));
        ingest_fixture_wait_held(f, (size_t)i + 1);
        raw_close(&conn);
    }
    ingest_fixture_release(f);
    expect(ingest_post(f->address, "/api/v1/telemetry/event", JSON, SEARCH("h")), 202, NULL);
    assert_int_equal(ingest_fixture_count(f, HS_TOPIC_EVENTS), 11);
}

static void status__counts_by_reason(void **state)
{
    struct ingest_fixture *f = *state;
    struct hs_json json;
    struct hs_buf out;

    ingest_fixture_start(f);
    expect(ingest_post(f->address, "/_bulk", NDJSON,
                       "{\"index\":{\"_index\":\"other\"}}\n{}\n"
                       "{\"index\":{\"_index\":\"ubi_queries\"}}\n{}\n"),
           200, "\"errors\":true");
    hs_buf_init(&out, 1 << 20);
    hs_json_init(&json, &out);
    hs_collector_status(f->collector, &json);
    assert_non_null(strstr(hs_buf_cstr(&out), "\"bulk.index_not_found_exception\":1"));
    assert_non_null(strstr(hs_buf_cstr(&out), "\"bulk.document_parsing_exception\":1"));
    hs_buf_fini(&out);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(event__acknowledged_is_in_the_stream),
        CASE(ways_in__each_reaches_its_topic),
        CASE(otlp__both_encodings_on_both_listeners),
        CASE(malformed__is_refused_with_the_reason),
        CASE(errors__have_the_form_of_their_route),
        CASE(batch__limit_is_exact),
        CASE(append_refused__is_503_with_retry_after),
        CASE(append_lost__is_503_in_each_way_in),
        CASE(append__one_topic_of_two_fails),
        CASE(key__scope_decides),
        CASE(import__keeps_old_times),
        CASE(rate__of_a_key_is_429_with_retry_after),
        CASE(browser__key_writes_from_its_own_pages_only),
        CASE(browser__address_has_its_own_rate),
        CASE(batches__a_thousand_wait_at_once),
        CASE(workplace__keeps_no_memory_of_a_large_body),
        CASE(stop__answers_what_waits),
        CASE(client_gone__acknowledgement_comes_late),
        CASE(status__counts_by_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
