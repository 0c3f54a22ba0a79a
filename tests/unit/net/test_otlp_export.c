/* Our own spans, sent to a receiver that is an HTTP server of ours. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/metric.h"
#include "base/thread.h"
#include "net/otlp.h"
#include "net/otlp_export.h"
#include "support/http_raw.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

enum { WAIT_MS = 20000, SPANS_MAX = 10000 };

struct seen_span {
    char name[120];
    char attributes[600];
    char trace[33], parent[17];
    uint32_t kind, status;
    uint64_t start_ns, end_ns;
};

struct fixture {
    struct hs_conf conf;
    struct hs_http_server *server;
    struct hs_otlp_export *exporter;
    char address[64];
    struct hs_mutex lock;
    struct hs_cond changed;
    int status; /* of the receiver's answers */
    unsigned fail_n;
    unsigned posts_n;
    char agent[100], authorization[100], resource[400];
    struct seen_span spans[SPANS_MAX];
    size_t spans_n;
};

static void hex(struct hs_str bytes, char *out)
{
    hs_hex_encode(bytes.p, bytes.n, out);
    out[2 * bytes.n] = '\0';
}

static void attributes_of(struct hs_str message, enum hs_otlp_repeated number, char *out, size_t n)
{
    struct hs_buf text;

    hs_buf_init(&text, n);
    HS_ASSERT(hs_otlp_attrs_json(message, number, &text) == HS_OK);
    snprintf(out, n, "%s", hs_buf_cstr(&text));
    hs_buf_fini(&text);
}

static void keep_spans(struct fixture *f, struct hs_str body)
{
    struct hs_otlp_iter iter;
    struct hs_otlp_span span;
    struct hs_str item;

    hs_otlp_iter_init(&iter, body);
    while (hs_otlp_iter_next(&iter, &item, NULL) > 0) {
        struct seen_span *seen = &f->spans[f->spans_n++];

        HS_ASSERT(f->spans_n < SPANS_MAX);
        HS_ASSERT(hs_otlp_span_read(item, &span, NULL) == HS_OK);
        snprintf(seen->name, sizeof(seen->name), "%.*s", HS_STR_ARG(span.name));
        attributes_of(item, HS_OTLP_SPAN_ATTRIBUTES, seen->attributes, sizeof(seen->attributes));
        hex(span.trace_id, seen->trace);
        hex(span.parent_span_id, seen->parent);
        seen->kind = span.kind;
        seen->status = span.status_code;
        seen->start_ns = span.start_ns;
        seen->end_ns = span.end_ns;
        attributes_of(iter.section.resource, HS_OTLP_RESOURCE_ATTRIBUTES, f->resource,
                      sizeof(f->resource));
    }
}

static void on_traces(struct hs_http_req *req, void *arg)
{
    struct fixture *f = arg;
    size_t n;
    char *body = hs_http_req_body(req, &n);
    int status;

    hs_mutex_lock(&f->lock);
    f->posts_n++;
    status = f->fail_n > 0 ? f->status : 200;
    if (f->fail_n > 0)
        f->fail_n--;
    if (status == 200)
        keep_spans(f, hs_str_n(body, n));
    snprintf(f->agent, sizeof(f->agent), "%.*s", HS_STR_ARG(hs_http_req_header(req, "User-Agent")));
    snprintf(f->authorization, sizeof(f->authorization), "%.*s",
             HS_STR_ARG(hs_http_req_header(req, "Authorization")));
    hs_cond_broadcast(&f->changed);
    hs_mutex_unlock(&f->lock);
    hs_http_reply(req, status, "application/x-protobuf", HS_STR(""));
}

static void on_item(struct hs_http_req *req, void *arg)
{
    (void)arg;
    hs_http_reply(req, hs_str_eq_c(hs_http_req_path_param(req, "id"), "bad") ? 500 : 200,
                  "text/plain", HS_STR("x"));
}

static void start_exporter(struct fixture *f, double spans_max)
{
    char url[100];
    const struct hs_otlp_export_params params = {.clock = hs_clock_system(),
                                                 .url = url,
                                                 .key = "k-1",
                                                 .version = "1.2.3",
                                                 .instance = "i-1",
                                                 .spans_max = spans_max};
    struct hs_err err;

    snprintf(url, sizeof(url), "http://%s/", f->address);
    assert_int_equal(hs_otlp_export_start(&params, &f->exporter, &err), HS_OK);
}

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));
    const struct hs_route traces = {1, HS_POST, "/v1/traces", 0, 0, on_traces, f, NULL};
    const struct hs_route item = {1, HS_GET, "/items/{id}", 0, 0, on_item, f, NULL};
    struct hs_buf address;
    struct hs_err err;

    hs_conf_init(&f->conf);
    hs_mutex_init(&f->lock, HS_RANK_SERVICE);
    hs_cond_init(&f->changed);
    assert_int_equal(hs_http_server_new(&f->conf, hs_clock_system(), &f->server, &err), HS_OK);
    assert_int_equal(hs_http_server_route(f->server, &traces, &err), HS_OK);
    assert_int_equal(hs_http_server_route(f->server, &item, &err), HS_OK);
    hs_buf_init(&address, 64);
    assert_int_equal(hs_http_server_listen(f->server, 0, "127.0.0.1:0", &address, &err), HS_OK);
    snprintf(f->address, sizeof(f->address), "%s", hs_buf_cstr(&address));
    hs_buf_fini(&address);
    *state = f;
    return 0;
}

static void start_server(struct fixture *f)
{
    struct hs_err err;

    assert_int_equal(hs_http_server_start(f->server, &err), HS_OK);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hs_http_server_stop(f->server, 1000);
    hs_otlp_export_stop(f->exporter);
    hs_http_server_free(f->server);
    hs_conf_fini(&f->conf);
    hs_cond_fini(&f->changed);
    hs_mutex_fini(&f->lock);
    hs_free(f);
    return 0;
}

/* Ends the exporter, which sends what waits. */
static void flush(struct fixture *f)
{
    hs_otlp_export_stop(f->exporter);
    f->exporter = NULL;
}

static void wait_spans(struct fixture *f, size_t n)
{
    hs_mutex_lock(&f->lock);
    while (f->spans_n < n) {
        if (!hs_cond_wait_ms(&f->changed, &f->lock, WAIT_MS))
            fail_msg("%zu of %zu spans came", f->spans_n, n);
    }
    hs_mutex_unlock(&f->lock);
}

static struct hs_http_done done_of(const char *route, int status)
{
    return (struct hs_http_done){.method = HS_GET,
                                 .route = route,
                                 .listener = "gateway",
                                 .status = status,
                                 .body_bytes = 7,
                                 .start_ns = hs_mono_ns(hs_clock_system()) - 5000000,
                                 .end_ns = hs_mono_ns(hs_clock_system())};
}

static double dropped(const char *reason)
{
    struct hs_buf text;
    char name[100];
    const char *at;
    double v = 0;

    hs_buf_init(&text, 1 << 20);
    hs_metric_expose(&text);
    snprintf(name, sizeof(name), "hs_telemetry_spans_dropped_total{reason=\"%s\"} ", reason);
    at = strstr(hs_buf_cstr(&text), name);
    if (at)
        sscanf(at + strlen(name), "%lf", &v);
    hs_buf_fini(&text);
    return v;
}

static void request__becomes_a_server_span(void **state)
{
    struct fixture *f = *state;
    struct hs_http_done done = done_of("/items/{id}", 503);

    start_server(f);
    start_exporter(f, 100);
    hs_otlp_export_request(f->exporter, &done);
    flush(f);
    assert_int_equal(f->spans_n, 1);
    assert_string_equal(f->spans[0].name, "GET /items/{id}");
    assert_int_equal(f->spans[0].kind, HS_OTLP_KIND_SERVER);
    assert_int_equal(f->spans[0].status, HS_OTLP_STATUS_ERROR);
    assert_string_equal(f->spans[0].parent, "");
    assert_true(f->spans[0].end_ns - f->spans[0].start_ns >= 5000000);
    assert_string_equal(
        f->spans[0].attributes,
        "{\"http.request.method\":\"GET\",\"http.route\":\"/items/{id}\","
        "\"http.response.status_code\":503,\"http.request.body.size\":7,\"url.scheme\":\"http\","
        "\"haystat.listener\":\"gateway\",\"error.type\":\"503\"}");
    assert_string_equal(f->resource, "{\"service.name\":\"haystat\",\"service.version\":\"1.2.3\","
                                     "\"service.instance.id\":\"i-1\"}");
    assert_string_equal(f->authorization, "Bearer k-1");
}

static void traceparent__goes_on_or_is_not_recorded(void **state)
{
    struct fixture *f = *state;
    struct hs_http_done done = done_of("/a", 200);

    start_server(f);
    start_exporter(f, 100);
    done.traceparent = HS_STR("00-" TRACE "-" SPAN "-01");
    hs_otlp_export_request(f->exporter, &done);
    done.traceparent = HS_STR("00-" TRACE "-" SPAN "-00");
    hs_otlp_export_request(f->exporter, &done);
    done.traceparent = HS_STR("nonsense");
    hs_otlp_export_request(f->exporter, &done);
    flush(f);
    assert_int_equal(f->spans_n, 2);
    assert_string_equal(f->spans[0].trace, TRACE);
    assert_string_equal(f->spans[0].parent, SPAN);
    assert_int_equal(f->spans[0].status, HS_OTLP_STATUS_UNSET);
    assert_string_not_equal(f->spans[1].trace, TRACE);
    assert_int_equal(strlen(f->spans[1].trace), 32);
    assert_string_equal(f->spans[1].parent, "");
}

static void rate__beyond_it_is_dropped_and_counted(void **state)
{
    struct fixture *f = *state;
    struct hs_http_done done = done_of("/a", 200);
    double before = dropped("rate");
    int i;

    start_server(f);
    start_exporter(f, 3);
    for (i = 0; i < 10; i++)
        hs_otlp_export_request(f->exporter, &done); /* all at one end_ns: no token is gained */
    flush(f);
    assert_int_equal(f->spans_n, 3);
    assert_int_equal(dropped("rate") - before, 7);
}

static void receiver__away_for_a_while_gets_the_batch(void **state)
{
    struct fixture *f = *state;
    struct hs_http_done done = done_of("/a", 200);

    f->status = 503;
    f->fail_n = 2;
    start_server(f);
    start_exporter(f, 100);
    hs_otlp_export_request(f->exporter, &done);
    wait_spans(f, 1);
    assert_int_equal(f->posts_n, 3);
}

static void receiver__refusal_is_final(void **state)
{
    struct fixture *f = *state;
    struct hs_http_done done = done_of("/a", 200);
    double before = dropped("rejected");

    f->status = 401;
    f->fail_n = 1000;
    start_server(f);
    start_exporter(f, 100);
    hs_otlp_export_request(f->exporter, &done);
    flush(f);
    assert_int_equal(f->posts_n, 1);
    assert_int_equal(dropped("rejected") - before, 1);
}

/* Nobody listens: the queue fills up and nothing waits for it; stop is bounded. */
static void receiver__missing_costs_no_request_anything(void **state)
{
    struct fixture *f = *state;
    struct hs_http_done done = done_of("/a", 200);
    double full = dropped("queue_full");
    double unsent = dropped("unsent");
    int64_t start_ns;
    int i;

    snprintf(f->address, sizeof(f->address), "127.0.0.1:1");
    start_exporter(f, 0);
    for (i = 0; i < 2 * HS_OTLP_EXPORT_QUEUE_MAX; i++)
        hs_otlp_export_request(f->exporter, &done);
    start_ns = hs_mono_ns(hs_clock_system());
    flush(f);
    assert_true(hs_mono_ns(hs_clock_system()) - start_ns < 5 * HS_NS_PER_S);
    assert_true(dropped("queue_full") - full > 0);
    assert_int_equal(dropped("queue_full") - full + dropped("unsent") - unsent,
                     2 * HS_OTLP_EXPORT_QUEUE_MAX);
}

/* The target is the traced server itself: the exporter's own posts must not become spans. */
static void itself__does_not_feed_back(void **state)
{
    static const char ask[] =
        "GET /items/7?key=hs_secret HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct fixture *f = *state;
    struct raw_reply reply;
    unsigned posts_n, own_n = 0, secrets_n = 0, others_n = 0;
    bool named;
    size_t i;

    start_exporter(f, 0);
    hs_http_server_on_done(f->server, hs_otlp_export_request, f->exporter);
    start_server(f);
    for (i = 0; i < 3; i++) {
        reply = raw_ask(f->address, ask);
        assert_int_equal(reply.status, 200);
        raw_reply_free(&reply);
    }
    wait_spans(f, 3);
    reply = raw_ask(f->address, "GET /items/bad HTTP/1.1\r\nHost: localhost\r\n\r\n");
    raw_reply_free(&reply);
    reply = raw_ask(f->address, "BREW /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
    raw_reply_free(&reply);
    wait_spans(f, 5);
    hs_mutex_lock(&f->lock); /* an assertion that fails must not leave it held */
    posts_n = f->posts_n;
    for (i = 0; i < f->spans_n; i++) {
        own_n += strstr(f->spans[i].name, "/v1/traces") != NULL;
        secrets_n += strstr(f->spans[i].attributes, "secret") != NULL;
        others_n += strcmp(f->spans[i].name, "_OTHER") == 0; /* two loops: in any order */
    }
    named = strstr(f->agent, "haystat-otlp-export/") != NULL;
    hs_mutex_unlock(&f->lock);
    assert_in_range(posts_n, 2, 5);
    assert_int_equal(own_n, 0);
    assert_int_equal(secrets_n, 0);
    assert_int_equal(others_n, 1);
    assert_true(named);
}

static void start__refuses_what_is_no_base_url(void **state)
{
    static const char *const urls[] = {"localhost:4318", "ftp://h", "http://a:b@h", "http://h?x=1"};
    struct hs_otlp_export_params params = {.clock = hs_clock_system(),
                                           .key = "",
                                           .version = "1",
                                           .instance = "i"};
    struct hs_otlp_export *exporter = NULL;
    struct hs_err err;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(urls); i++) {
        params.url = urls[i];
        assert_int_equal(hs_otlp_export_start(&params, &exporter, &err), HS_EINVAL);
        assert_non_null(strstr(err.text, "telemetry.otlp"));
        assert_null(exporter);
    }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(request__becomes_a_server_span),
        CASE(traceparent__goes_on_or_is_not_recorded),
        CASE(rate__beyond_it_is_dropped_and_counted),
        CASE(receiver__away_for_a_while_gets_the_batch),
        CASE(receiver__refusal_is_final),
        CASE(receiver__missing_costs_no_request_anything),
        CASE(itself__does_not_feed_back),
        CASE(start__refuses_what_is_no_base_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
